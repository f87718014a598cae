"""The commands of the README are run, and the output it shows is compared."""

from __future__ import annotations

import csv
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from examples import readme
from tests.cli.test_cli import COMMANDS
from tests.support.commands import check_output, run
from tests.support.documents import Json
from tests.support.narrowing import present
from xlate.data.corpus import Corpus
from xlate.engine.fit_pair import FitResult
from xlate.engine.fit_sweeps import ClockFit
from xlate.models.response import CLOCK_MODELS
from xlate.models.translate import COMPARED

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


SHOWN = readme.commands(README)


def console() -> list[tuple[str, str]]:
    """(command, printed lines) of every console block."""
    return [(shlex.join(c.words), c.output) for c in SHOWN]


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder as a fresh clone is, where commands may leave files."""
    for name in ("examples", "datasets", "anchors"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)


RUN = [c for c in SHOWN if not c.mark.startswith("not run: ")]


@pytest.mark.parametrize("shown", RUN, ids=lambda c: shlex.join(c.words))
def test_commands_run_as_typed(
    shown: readme.Shown, fitted: FitResult, clocked: ClockFit, clone: None
) -> None:
    out, _ = run(*shown.words[1:])
    check_output(shown.words, out)


def test_what_is_not_run_says_why() -> None:
    marks = {c.mark for c in SHOWN if c.mark and c.mark != "shown"}
    assert all(re.fullmatch(r"not run: .{12,}", m) for m in marks), marks
    # most of them do run
    assert len(RUN) > 3 * (len(SHOWN) - len(RUN))


def test_every_file_named_is_in_the_repository() -> None:
    words = [w for shown in SHOWN for w in shown.words if "examples/" in w]
    assert words
    assert [w for w in words if not (ROOT / w.rpartition("=")[2]).exists()] == []


def test_what_is_shown_is_what_comes_out() -> None:
    """To the last digits, in which machines differ; renew: python -m examples.readme."""
    shown = [c for c in SHOWN if c.mark == "shown"]
    assert shown
    number = re.compile(r"-?\d+(?:\.\d+)?")
    for c in shown:
        ours, printed = c.output, readme.output_of(c.words)
        hint = "renew it: python -m examples.readme"
        assert number.sub("#", ours).split() == number.sub("#", printed).split(), hint
        assert [float(n) for n in number.findall(ours)] == pytest.approx(
            [float(n) for n in number.findall(printed)], rel=0.02, abs=0.02
        ), hint


def test_prose_and_commands_fit_a_terminal() -> None:
    """Tables of markdown apart, which have no line breaks."""
    wide = [x for x in README.splitlines() if len(x) > 80 and not x.startswith("|")]
    assert not wide


def test_renewing_changes_only_what_is_shown() -> None:
    text = "a\n<!-- shown -->\n```console\n$ xlate \\\n    --version\nold\n```\n```console\n$ xlate no\n```\n"
    (first, second) = readme.commands(text)
    assert first == readme.Shown(("xlate", "--version"), "old", "shown")
    assert second == readme.Shown(("xlate", "no"), "", "")
    assert readme.renewed(text) == text.replace("old", readme.output_of(first.words))


def figures(text: str) -> dict[str, list[float]]:
    """First word and numbers of each row of a printed table."""
    rows = {}
    for line in text.splitlines():
        words = line.split()
        if words and words[0] in (*COMPARED, "noise"):
            rows[words[0]] = [
                float(w) for w in words[1:] if re.fullmatch(r"-?[\d.]+(e[+-]?\d+)?", w)
            ]
    return rows


def test_the_table_is_what_the_command_prints(profet: Corpus, home: Path) -> None:
    """Run in full; networks may differ in the last digit from machine to machine."""
    ((command, shown),) = [
        (c, o) for c, o in console() if c.startswith("xlate compare") and o
    ]
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "80"},
    )
    ours, printed = figures(shown), figures(done.stdout)
    assert set(ours) == set(printed) == {*COMPARED, "noise"}
    for name, row in ours.items():
        # 500 epochs of a network add up what processors round differently
        rel = 0.3 if name == "profet" else 0.05
        assert row == pytest.approx(printed[name], rel=rel, abs=0.02), name
    # the layout is what a terminal of 80 columns shows
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_the_table_agrees_with_the_committed_experiment() -> None:
    shown = figures(
        next(o for c, o in console() if c.startswith("xlate compare") and o)
    )
    path = ROOT / "experiments" / "results" / "leave-one-model-out.csv"
    with path.open() as f:
        rows = [
            r for r in csv.DictReader(f)
            if (r["anchor"], r["target"], r["held_out"], r["metric"]) == ("g3s.xlarge", "p3.2xlarge", "", "step_mape")
        ]  # fmt: skip
    assert len(rows) == len(COMPARED) + 1
    for r in rows:
        assert shown[r["translator"].split()[0]][0] == pytest.approx(
            float(r["value"]), abs=0.06
        )


def test_the_clock_table_agrees_with_the_committed_experiment() -> None:
    """Row for row; the command itself takes minutes."""
    shown = next(o for c, o in console() if c.startswith("xlate clocks compare"))
    path = ROOT / "experiments" / "results" / "clocks-ttu.csv"
    with path.open() as f:
        rows = [r for r in csv.DictReader(f) if not r["held_out"]]
    gpu, rows_by_gpu = "", {}
    for line in shown.splitlines():
        words = line.split()
        if "workloads of ttu-dvfs" in line:
            gpu = words[0].rstrip(",")
        elif words and words[0] in CLOCK_MODELS:
            rows_by_gpu[gpu, words[0]] = float(words[1])
    assert {g for g, _ in rows_by_gpu} == {"A100-SXM4-80GB", "V100-PCIe-32GB"}
    expected = {
        (r["target"], r["model"]): 100 * float(r["value"])
        for r in rows
        if r["metric"] == "edp_gap"
    }
    assert rows_by_gpu == pytest.approx(expected, abs=0.006)
    assert {m for _, m in rows_by_gpu} == set(CLOCK_MODELS)
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_the_demo_is_the_recipe_of_the_makefile(tmp_path: Path) -> None:
    """The recipe of ``make demo``, with the program of this environment."""
    recipe = present(
        re.search(r"^demo: \$\(VENV\).*?\n((?:\t.*\n)+)", MAKEFILE, flags=re.M)
    ).group(1)
    commands = [line.strip() for line in recipe.splitlines()]
    assert len(commands) == 4
    for command in commands:
        words = shlex.split(command)
        assert words[0] == "$(VENV)/bin/xlate"
        done = subprocess.run(
            [sys.executable, "-m", "xlate", *words[1:]],
            cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "80", "XLATE_HOME": str(tmp_path)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "simulated" in done.stdout
        assert max(len(line) for line in done.stdout.splitlines()) <= 80


def test_the_python_block_runs(clone: None, home: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.S)
    code = code.replace("runs)", 'runs, translators=("ratio",), save=False)')
    scope: Json = {}
    exec(code, scope)
    assert scope["answer"].step_time_s.value > 0


def test_every_command_named_exists() -> None:
    commands = {" ".join(c) for c in COMMANDS}
    named = re.findall(
        r"xlate ((?:profile|datasets|anchors|models|clocks|sweep) \w+"
        r"|fit|compare|report|translate|predict-freq)\b",
        README,
    )
    assert set(named) <= commands
    assert {
        "fit",
        "compare",
        "translate",
        "profile check",
        "predict-freq",
        "clocks fit",
        "sweep read",
    } <= set(named)


def test_ci_runs_what_the_readme_says() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert re.findall(r"^\s*make (\w+)", script, flags=re.M) == ["test"]
    assert "make test" in README


def test_no_placeholder_is_left() -> None:
    for path in (ROOT / "README.md", ROOT / "experiments" / "README.md"):
        assert not re.search(r"^[A-Z_]{6,}$", path.read_text(), flags=re.M), path
