"""The log: silent unless asked, and then it says what an answer rests on."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from xlate.cli import app

PROFILE = str(Path(__file__).resolve().parent.parent / "examples/my_stats.csv")
PAIR = ["--anchor", "g3s.xlarge", "--target", "p3.2xlarge"]


def said(*words: str) -> tuple[str, str]:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


def test_a_command_is_silent_unless_asked(empty_home: Path) -> None:
    out, err = said("translate", PROFILE, *PAIR, "--json")
    assert err == ""
    louder, logged = said("translate", PROFILE, *PAIR, "--json", "-v")
    assert louder == out  # standard output is the same to the byte
    assert "my_stats.csv is read as" in logged
    assert "the bundle that answers:" in logged
    assert "answered by: fitted" in logged
    assert "settings: data_home=" in logged
    assert " s\n" not in logged  # no times yet
    # and silent again
    assert said("translate", PROFILE, *PAIR, "--json") == (out, "")


@pytest.mark.parametrize(
    "words",
    [
        ("-vv", "profile", "show", PROFILE),
        ("profile", "show", PROFILE, "-vv"),
        ("profile", "show", PROFILE, "-v", "-v"),
        ("-v", "profile", "show", PROFILE, "-vv"),
        ("-vv", "profile", "show", PROFILE, "-v"),
    ],
)
def test_times_come_with_more(words: tuple[str, ...]) -> None:
    _, logged = said(*words)
    assert "debug: reading " in logged
    assert "debug: the command: " in logged


def test_a_fallback_is_said(empty_home: Path) -> None:
    _, logged = said(
        "translate", PROFILE, "--anchor", "g3s.xlarge", "--target", "g6.xlarge", "-v"
    )
    assert "data sheets answer for g3s.xlarge → g6.xlarge" in logged


def test_python_hears_it_and_stderr_does_not(caplog: pytest.LogCaptureFixture) -> None:
    from xlate import read_profile

    with caplog.at_level(logging.INFO, logger="xlate"):
        read_profile(PROFILE)
    (record,) = [r for r in caplog.records if r.name == "xlate.readers"]
    assert record.levelname == "INFO"
    code = (
        "import logging, xlate.settings.logs\n"
        "logging.getLogger('xlate.readers').error('nobody asked')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""


def test_a_job_of_another_program_keeps_its_own_v(tmp_path: Path) -> None:
    out, _ = said("profile", "record", "--", "python", "-v", "train.py")
    assert "-v" in out
