"""Commands of the README, and their output anew: ``python -m examples.readme``.

A console block whose output is shown is preceded by ``<!-- shown -->``. One that is
not run by the tests is preceded by ``<!-- not run: REASON -->``. ``--check`` says
whether the shown output is still what comes out, and changes nothing.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Shown", "commands", "main", "output_of", "renewed"]

ROOT = Path(__file__).resolve().parent.parent
_BLOCK = re.compile(
    r"(?:<!-- (?P<mark>[^\n]*?) -->\n)?```console\n(?P<body>.*?)```", re.S
)
#: a command and the lines it goes on for
_COMMAND = re.compile(r"^\$ ((?:[^\n]*\\\n)*[^\n]*)\n?", re.M)


@dataclass(frozen=True)
class Shown:
    """A command of the README.

    Attributes
    ----------
    words : tuple of str
        As a shell would split it, the program first.
    output : str
        What the README shows of its standard output; "" where it shows nothing.
    mark : str
        The remark before its block: "", ``shown`` or ``not run: REASON``.
    """

    words: tuple[str, ...]
    output: str
    mark: str


def commands(text: str) -> list[Shown]:
    """Every command in the console blocks of a text, in order."""
    commands = []
    for block in _BLOCK.finditer(text):
        pieces = _COMMAND.split(block["body"])[1:]
        for typed, output in zip(pieces[::2], pieces[1::2], strict=True):
            words = tuple(shlex.split(typed.replace("\\\n", " ")))
            commands.append(Shown(words, output.rstrip("\n"), block["mark"] or ""))
    return commands


def output_of(words: tuple[str, ...], folder: Path = ROOT) -> str:
    """Standard output of a command in a separate home, at 80 columns."""
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=folder, capture_output=True, text=True, check=False,
            env={**os.environ, "COLUMNS": "80", "XLATE_HOME": home, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{shlex.join(words)}: {done.stderr}")
    return "\n".join(line.rstrip() for line in done.stdout.splitlines()).strip("\n")


def renewed(text: str) -> str:
    """The text with the output of every ``shown`` block as it comes out now."""

    def block(match: re.Match[str]) -> str:
        if match["mark"] != "shown":
            return match[0]
        pieces = _COMMAND.split(match["body"])[1:]
        body = ""
        for typed in pieces[::2]:
            words = tuple(shlex.split(typed.replace("\\\n", " ")))
            body += f"$ {typed}\n{output_of(words)}\n"
        return f"<!-- shown -->\n```console\n{body}```"

    return _BLOCK.sub(block, text)


def main(options: list[str]) -> None:
    """Renew the README, or with ``--check`` exit with 1 where it is not as it was."""
    path = ROOT / "README.md"
    before = path.read_text(encoding="utf-8")
    after = renewed(before)
    if "--check" not in options:
        path.write_text(after, encoding="utf-8")
    raise SystemExit(int(before != after and "--check" in options))


if __name__ == "__main__":
    main(sys.argv[1:])
