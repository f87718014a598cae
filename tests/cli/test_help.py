"""Help on a terminal of 80 columns: complete, with examples that run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from tests.cli.test_cli import COMMANDS
from tests.support.commands import check_output, run
from tests.support.narrowing import present
from xlate.cli import app, completion
from xlate.cli.examples import EXAMPLES, command_lines
from xlate.cli.program import PARTS

ROOT = Path(__file__).resolve().parents[2]


def commands() -> dict[str, Any]:
    """Path of every command and group -> the command."""

    def below(command: Any, path: str) -> Iterator[tuple[str, Any]]:
        yield path, command
        for name, inner in getattr(command, "commands", {}).items():
            yield from below(inner, f"{path} {name}".strip())

    return dict(below(typer.main.get_command(app), ""))


TREE = commands()


def shown(path: str, columns: str = "80") -> str:
    done = CliRunner().invoke(
        app,
        [*path.split(), "--help"],
        env={"COLUMNS": columns, "TERMINAL_WIDTH": columns},
    )
    assert done.exit_code == 0
    return done.output


@pytest.mark.parametrize("path", TREE)
def test_help_is_whole_and_fits(path: str) -> None:
    text = shown(path)
    assert max(map(len, text.splitlines())) <= 80
    for line in text.splitlines():
        if re.match(r"Usage:|  +\[[A-Z]+\]\.\.\.", line):
            continue  # its dots stand for more arguments
        assert not re.search(r"(…|\.\.\.)\s*$", line), line


@pytest.mark.parametrize("path", [p for p, c in TREE.items() if hasattr(c, "commands")])
def test_lists_of_commands_hold_whole_sentences(path: str) -> None:
    words = " ".join(shown(path).split())
    inside = TREE[path].commands
    assert inside
    for name, inner in inside.items():
        first = " ".join(inner.help.split("\n\n")[0].split())
        assert f"{name} {first}" in words


@pytest.mark.parametrize("path", TREE)
def test_every_command_ends_with_an_example(path: str) -> None:
    """Its lines are those of the table, as they stand there."""
    assert path in EXAMPLES, f"xlate {path} has no example in xlate/cli/examples.py"
    for example in EXAMPLES[path]:
        for line in example.splitlines():
            assert f"    {line}" in shown(path)
    assert shown(path).rstrip().endswith(EXAMPLES[path][-1].splitlines()[-1])
    assert 1 <= len(EXAMPLES[path]) <= 4


@pytest.mark.parametrize(
    "line", dict.fromkeys(line for p in EXAMPLES for line in command_lines(p))
)
def test_an_example_parses_and_its_files_are_there(line: str) -> None:
    words = shlex.split(line)
    assert words[0] == "xlate"
    command, args, ctx = TREE[""], words[1:], None
    while hasattr(command, "commands"):
        ctx = command.make_context(
            "xlate", args[:1], parent=ctx, resilient_parsing=True
        )
        command, args = command.commands[args[0]], args[1:]
    command.make_context("x", list(args), parent=ctx)
    for word in words:
        if "examples/" in word:
            assert (ROOT / word.partition("=")[2 if "=" in word else 0]).exists()


def test_the_tests_know_every_command() -> None:
    assert {
        tuple(p.split()) for p, c in TREE.items() if not hasattr(c, "commands")
    } >= {tuple(c) for c in COMMANDS}


@pytest.mark.parametrize(
    "line",
    [
        x
        for p in (
            "translate",
            "profile show",
            "profile check",
            "profile record",
            "sweep read",
            "clocks label",
        )
        for x in command_lines(p)
    ],
)
def test_examples_run(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line)[1:]
    out, _ = run(*words)
    check_output(words, out)


@pytest.mark.parametrize(
    ("complete", "typed", "wanted"),
    [
        (completion.instances, "p3.2", ["p3.2xlarge"]),
        (completion.instances, "h100-sx", ["H100-SXM5-80GB"]),
        (completion.corpora, "ze", ["zeus"]),
        (completion.translators, "ratio,ph", ["ratio,physics"]),
        (completion.clock_models, "max", ["max-clock"]),
        (completion.objectives, "ed2", ["ed2p"]),
    ],
)
def test_names_are_completed(
    complete: Callable[..., list[str]], typed: str, wanted: list[str]
) -> None:
    named = complete is completion.instances
    args = [SimpleNamespace(params={"anchors_dir": None})] if named else []
    assert complete(*args, typed) == wanted


@pytest.mark.parametrize("name", PARTS)
def test_the_list_of_commands_says_what_each_says(name: str) -> None:
    command = TREE[name]
    assert PARTS[name].help == " ".join(present(command.help).split("\n\n")[0].split())
    assert command.name == name


def test_a_line_loads_its_own_command_alone() -> None:
    code = (
        "import sys; from xlate.cli import app\n"
        "try: app(['sweep', '--help'], prog_name='xlate')\n"
        "except SystemExit: pass\n"
        "print(sorted(m for m in sys.modules if m.startswith('xlate.cli.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded = done.stdout.splitlines()[-1]
    assert "xlate.cli.sweep" in loaded
    assert not any(
        f"xlate.cli.{m}'" in loaded for m in ("fit_compare", "predict_freq", "models")
    )


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("xlate tr", "translate"),
        ("xlate translate x --target p3.2", "p3.2xlarge"),
        ("xlate datasets pull pro", "profet"),
    ],
)
def test_a_shell_gets_completions(words: str, wanted: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from xlate.cli import app; app(prog_name='xlate')"],
        env={**os.environ, "_XLATE_COMPLETE": "complete_bash", "COMP_WORDS": words,
             "COMP_CWORD": str(len(words.split()) - 1)},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == [wanted]
    assert not done.stderr
