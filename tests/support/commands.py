"""Commands of the program, run in this process or in another one."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from xlate.cli import app
from xlate.errors import XlateError

__all__ = ["PAIR", "check_output", "program", "run"]

PAIR = ["--anchor", "g3s.xlarge", "--target", "p3.2xlarge"]


def run(*args: object, code: int = 0) -> tuple[str, str]:
    """Run a command in this process; an XlateError counts as its exit code."""
    result = CliRunner().invoke(app, [str(a) for a in args])
    error = result.exception
    if isinstance(error, XlateError):
        assert error.exit_code == code, error
        return result.stdout, error.text("cli")
    if error is not None and not isinstance(error, SystemExit):
        raise error
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def program(*args: object, **kwargs: Any) -> subprocess.CompletedProcess[str]:
    """Run the installed program in another process."""
    return subprocess.run(
        [sys.executable, "-m", "xlate", *map(str, args)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **kwargs,
    )


def check_output(words: Sequence[str], out: str) -> None:
    """Check that what a command printed answers it: JSON, a table, or what it names.

    Parameters
    ----------
    words : sequence of str
        The command as typed.
    out : str
        What it printed on stdout.
    """
    if "--json" in words:
        assert json.loads(out) not in (None, [], {})
        return
    if "───" in out or re.search(r"(^|: )ok\b", out):
        return
    if "--" in words:
        assert shlex.join(words[words.index("--") + 1 :]) in out
        return
    assert Path(out.splitlines()[0]).exists(), out
