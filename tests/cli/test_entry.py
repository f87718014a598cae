"""Input and output: arguments that are misread, streams that fail, errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import IO, Any

import pytest
import typer
from typer.models import CommandInfo, ParameterInfo
from typer.testing import CliRunner, Result

from tests.support.narrowing import present
from xlate.cli import app, commands, failures
from xlate.cli import program as program_parts

PAIR = ["--anchor", "g3s.xlarge", "--target", "p3.2xlarge"]


def program(
    *args: str | Path, stdout: int | IO[str] = subprocess.PIPE, **env: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "xlate", *map(str, args)],
        stdout=stdout, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        errors="surrogateescape", timeout=120, check=False, env={**os.environ, **env},
    )  # fmt: skip


def every_command() -> Iterator[tuple[tuple[str, ...], CommandInfo]]:
    for name, part in program_parts.PARTS.items():
        group = part.load()
        path: tuple[str, ...] = (name,)
        if not isinstance(group, typer.Typer):
            group, path = typer.Typer(), ()
            group.command(name)(part.load())
        commands.apply_to(group)
        for c in group.registered_commands:
            own = c.name or present(c.callback).__name__.replace("_", "-").strip("-")
            yield (*path, own), c


COMMANDS = dict(every_command())


def parameters(
    command: CommandInfo,
) -> Iterator[tuple[str, UnionType | type[Any], ParameterInfo]]:
    """Parameter names of a command with their annotations and typer's facts."""
    hints = typing.get_type_hints(command.callback, include_extras=True)
    for name, hint in hints.items():
        for fact in getattr(hint, "__metadata__", ()):
            if not getattr(fact, "count", False):  # -v takes no value
                yield name, hint.__origin__, fact


def option_name(name: str, fact: ParameterInfo) -> str:
    # in an annotation, typer has the first name where a default would be
    for decl in (fact.default, *(fact.param_decls or ())):
        if isinstance(decl, str) and decl.startswith("--"):
            return decl
    return "--" + name.replace("_", "-")


def invoke(*args: str) -> Result:
    return CliRunner().invoke(app, [str(a) for a in args])


def test_every_command_is_checked() -> None:
    assert len(COMMANDS) >= 24
    assert all(issubclass(present(c.cls), commands.Command) for c in COMMANDS.values())


def single_values(path: tuple[str, ...]) -> list[str]:
    """Options of a command that take one value."""
    return [
        option_name(name, fact)
        for name, kind, fact in parameters(COMMANDS[path])
        if isinstance(fact, typer.models.OptionInfo)
        and "list" not in str(kind)
        and kind is not bool
    ]


@pytest.mark.parametrize(
    "path", [c for c in COMMANDS if single_values(c)], ids=" ".join
)
def test_a_single_value_is_given_once(path: tuple[str, ...]) -> None:
    options = single_values(path)
    assert options
    for option in options:
        for twice in ([option, "1", option, "2"], [f"{option}=1", f"{option}=1"]):
            done = invoke(*path, *twice)
            assert done.exit_code == 2, (option, done.output)
            assert "given 2 times" in done.stderr
            assert option in done.stderr


def with_values(path: tuple[str, ...]) -> list[tuple[str, Any]]:
    """Options and arguments of a command that take a value."""
    return [
        (name, fact)
        for name, kind, fact in parameters(COMMANDS[path])
        if kind is not bool and (path, name) != (("profile", "record"), "command")
    ]


@pytest.mark.slow
@pytest.mark.parametrize("path", [c for c in COMMANDS if with_values(c)], ids=" ".join)
@pytest.mark.parametrize("blank", ["", "  ", "\t"])
def test_no_value_is_blank(path: tuple[str, ...], blank: str) -> None:
    values = with_values(path)
    assert values
    for name, fact in values:
        given = [blank]
        if isinstance(fact, typer.models.OptionInfo):
            given = [option_name(name, fact), blank]
        done = invoke(*path, *given)
        assert done.exit_code == 2, (name, done.output)
        assert "empty" in done.stderr, done.stderr


def numbers(path: tuple[str, ...]) -> list[tuple[str, Any]]:
    """Options of a command that take a number."""
    return [
        (name, fact)
        for name, kind, fact in parameters(COMMANDS[path])
        if "float" in str(kind) or name == "max_slowdown"
    ]


@pytest.mark.parametrize("path", [c for c in COMMANDS if numbers(c)], ids=" ".join)
@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "1e999"])
def test_numbers_are_finite(path: tuple[str, ...], value: str) -> None:
    options = numbers(path)
    assert options
    for name, fact in options:
        required = PAIR if "anchor" in COMMANDS[path].callback.__annotations__ else []
        done = invoke(
            *path,
            *(["f"] if required else []),
            *required,
            f"{option_name(name, fact)}={value}",
        )
        assert done.exit_code == 2, (name, done.output)


WRITERS = {"out", "csv", "plot"}


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="files of Unix")
@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_what_is_written_is_checked_before_any_work(
    path: tuple[str, ...], tmp_path: Path
) -> None:
    if path == ("anchors", "new"):
        pytest.skip("its --out may be a folder, see tests/test_catalog_checks.py")
    named = {n: f for n, _, f in parameters(COMMANDS[path]) if n in WRITERS}
    (tmp_path / "letter.txt").write_text("dear")
    os.mkfifo(tmp_path / "fifo")
    for name, fact in named.items():
        for place in (
            "/dev/full",
            tmp_path,
            tmp_path / "fifo",
            "x" * 300 + ".png",
            tmp_path / "letter.txt" / "x",
        ):
            done = program(
                *path,
                "--json",
                f"{option_name(name, fact)}={place}",
                *([] if path[-1] != "build" else ["simulated"]),
            )
            assert done.returncode == 1, (place, done.stderr)
            assert "cannot write" in json.loads(done.stdout)["error"]
    assert (tmp_path / "letter.txt").read_text() == "dear"


def test_a_flag_may_be_repeated_but_not_contradicted() -> None:
    assert invoke("anchors", "check", "--json", "--json").exit_code == 0
    done = invoke("clocks", "compare", "--pool", "--no-pool")
    assert done.exit_code == 2
    assert "more than once" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "code", "kind"),
    [
        (["anchors", "show", "bogus"], 1, "UnknownNameError"),
        (["anchors", "show"], 2, "MissingParameter"),
        (["anchors", "show", "T4", "--bogus"], 2, None),
        (["bogus"], 2, None),
        (["translate", ""], 2, "BadParameter"),
        (["translate", "x", "--target", "a", "--target", "b"], 2, "BadParameter"),
        (["predict-freq", "x", *PAIR, "--apply"], 3, "RefusedError"),
        (["report", *PAIR, "--out", "/dev/full"], 1, "StorageError"),
        (["compare", *PAIR, "--translators", "bogus"], 1, "UnknownNameError"),
        (
            ["compare", "--all-pairs", "--translators", "ratio,bogus"],
            1,
            "UnknownNameError",
        ),
        (["compare", *PAIR, "--columns", "²"], 1, "UnknownNameError"),
        (["compare", *PAIR, "--split", "bogus"], 1, "UnknownNameError"),
        (["compare", *PAIR, "--repeats", "bogus"], 1, "UnknownNameError"),
        (["clocks", "compare", "--models", "bogus"], 1, "UnknownNameError"),
    ],
)
def test_early_errors_are_json_too(
    args: list[str], code: int, kind: str | None
) -> None:
    done = program(*args, "--json")
    assert done.returncode == code, done.stderr
    document = json.loads(done.stdout)
    assert {"error", "hint", "code", "error_code", "type"} == set(document)
    assert document["code"] == code
    assert kind is None or document["type"] == kind
    assert "rror: " in done.stderr
    assert "Traceback" not in done.stderr
    plain = program(*args)
    assert (plain.returncode, plain.stdout) == (code, "")


def test_json_after_two_dashes_belongs_to_the_recorded_command() -> None:
    assert failures.wants_json(["a", "--json"])
    assert not failures.wants_json(["profile", "record", "--", "run", "--json"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    "args",
    [
        ["anchors", "list"],
        ["anchors", "list", "--json"],
        ["--help"],
        ["--version"],
        ["anchors", "show", "bogus", "--json"],
    ],
    ids=" ".join,
)
def test_a_full_standard_output_is_said(args: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = program(*args, stdout=full)
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_closed_standard_output_is_said_and_its_number_not_reused(
    tmp_path: Path,
) -> None:
    line = f"exec {sys.executable} -m xlate anchors list >&-"
    done = subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "standard output is closed" in done.stderr


def test_a_reader_that_has_enough_is_no_error() -> None:
    line = f"{sys.executable} -m xlate anchors list --json | head -c 1"
    done = subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("{", "")


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "ascii:strict", "cp1252"])
def test_any_encoding_is_printed(encoding: str, tmp_path: Path) -> None:
    name = tmp_path / "é→日.json"
    name.write_text('{"Device_Conv2D": 300000, "Device_IDLE": 5}', encoding="utf-8")
    for args in (["anchors", "list"], ["profile", "show", name], ["--help"]):
        done = program(*args, PYTHONIOENCODING=encoding)
        assert done.returncode == 0, done.stderr
    done = program("profile", "show", name, "--json", PYTHONIOENCODING=encoding)
    assert "é→日" in json.loads(done.stdout)[0]["source"]
    done = program(
        "anchors", "list", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="names of Unix")
def test_a_terminal_interprets_nothing_in_names_of_files(tmp_path: Path) -> None:
    bad = os.fsencode(tmp_path) + b"/a\x1b[31m\nerror: b\xff.json"
    Path(os.fsdecode(bad)).write_text(
        '{"Device_Co\\u001b[31mnv": 300000, "Device_IDLE": 5}'
    )
    for args in (["profile", "show"], ["profile", "check"], ["translate", *PAIR]):
        done = program(*args, os.fsdecode(bad))
        for text in (done.stdout, done.stderr):
            assert "\x1b" not in text
            assert "\nerror: b" not in text
        assert "Traceback" not in done.stderr
    done = program("profile", "show", os.fsdecode(bad), "--json")
    assert json.loads(done.stdout)[0]["source"] == os.fsdecode(bad)
    assert "\x1b" not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", ["x" * 300, "é" * 200, "a/" * 3000])
def test_a_name_too_long_is_said(name: str) -> None:
    for args in (
        ["profile", "show", name],
        ["translate", name, *PAIR],
        ["models", "show", name],
        ["sweep", "read", name],
    ):
        done = program(*args)
        assert done.returncode == 1, (args[0], done.stderr)
        assert "Traceback" not in done.stderr
