"""The page docs/cli.md from the program's own help: ``python -m examples.cli_reference``.

A test holds that the page is what this writes, so that it cannot differ from the
program.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
_HEAD = """# Commands

Made from the program by `python -m examples.cli_reference`; every command shows the
same with `--help`. Standard output is data, standard error is talk. The exit code is 0
for an answer, 1 for an error, 2 for a wrong option, 3 where `--strict` refuses, 130
after Ctrl-C. With `--json`, each command prints one document; its keys are kept from
release to release.
"""


def page() -> str:
    """The page as the program is now, at 80 columns."""
    import typer.main

    from xlate.cli import app

    parts = [_HEAD]
    for path, text in _helps(typer.main.get_command(app), "xlate"):
        level = "##" if path.count(" ") < 2 else "###"
        parts.append(f"{level} {path}\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def _helps(command: Any, path: str) -> Iterator[tuple[str, str]]:
    """Path and help of a command and of those below it, in the order of the lists."""
    from typer.testing import CliRunner

    from xlate.cli import app

    done = CliRunner().invoke(
        app,
        [*path.split()[1:], "--help"],
        env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"},
        prog_name="xlate",
    )
    yield path, "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())
    for name, inner in getattr(command, "commands", {}).items():
        yield from _helps(inner, f"{path} {name}")


if __name__ == "__main__":
    os.environ["NO_COLOR"] = "1"
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
