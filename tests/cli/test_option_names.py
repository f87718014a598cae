"""One thing has one name in every command, and the names before it still act."""

from __future__ import annotations

import csv
import inspect
import json
from pathlib import Path
from typing import Any

import pytest
import typer.main

from tests.cli.test_cli import COMMANDS
from tests.support.commands import PAIR, run
from tests.support.narrowing import present
from xlate.cli import app
from xlate.engine.fit_pair import FitResult
from xlate.engine.fit_sweeps import ClockFit

#: name today, name before, commands that take both
RENAMED = [
    ("--network", "--model", ["translate"]),
    ("--network", "--model", ["predict-freq"]),
    ("--network", "--model", ["clocks", "curve"]),
    ("--clock-model", "--model", ["clocks", "fit"]),
    ("--clock-models", "--models", ["clocks", "compare"]),
    ("--out", "--csv", ["compare"]),
    ("--out", "--csv", ["clocks", "compare"]),
    ("--out", "--csv", ["sweep", "read"]),
    ("--out", "--plot", ["clocks", "curve"]),
]


def options(words: list[str]) -> list[list[str]]:
    """Names of each option of a command."""
    command: Any = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]
    return [p.opts for p in command.params if p.opts[0].startswith("-")]


@pytest.mark.parametrize(("today", "before", "words"), RENAMED)
def test_the_old_name_is_the_same_option(
    today: str, before: str, words: list[str]
) -> None:
    assert [o for o in options(words) if today in o or before in o] == [[today, before]]


def test_no_name_means_two_things() -> None:
    first: dict[str, list[tuple[str, ...]]] = {}
    for words in COMMANDS:
        for names in options(words):
            first.setdefault(names[0], []).append(tuple(words))
    # what writes a file is --out, and nothing but a new name leads
    assert not {"--model", "--models", "--csv", "--plot"} & set(first)
    assert ("report",) in first["--out"]


def test_figures_go_out_by_the_ending(tmp_path: Path) -> None:
    from xlate.cli import output
    from xlate.evaluation.figures import Row

    rows = [Row("a", "b", "ratio", "c", "model", None, "step_mape", float("nan"), 3)]
    for name in ("x.csv", "x", "x.dat"):
        output.write_figures(rows, tmp_path / name)
        with (tmp_path / name).open() as f:
            assert next(csv.DictReader(f))["translator"] == "ratio"
    output.write_figures(rows, tmp_path / "x.JSON")
    assert json.loads((tmp_path / "x.JSON").read_text())[0]["value"] is None


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "json", "txt"])
def test_labels_as_csv_or_json(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"labels.{ending}"
    run("clocks", "label", "--sweeps", "simulated", "--gpu", "T4", "--out", path)
    if ending == "csv":
        with path.open() as f:
            row = next(csv.DictReader(f))
        assert float(row["band_mhz_low"]) <= float(row["band_mhz_high"])
    else:
        assert json.loads(path.read_text())[0]["gpu"]


@pytest.mark.parametrize("name", ["--out", "--plot"])
def test_a_curve_as_points(
    name: str, fitted: FitResult, clocked: ClockFit, example: Path, tmp_path: Path
) -> None:
    run("clocks", "curve", example, *PAIR, name, tmp_path / "curve.csv")
    with (tmp_path / "curve.csv").open() as f:
        points = list(csv.DictReader(f))
    assert {"sm_mhz", "time_ratio", "power_w"} <= set(points[0])
    run("clocks", "curve", example, *PAIR, name, tmp_path / "curve.json")
    assert len(json.loads((tmp_path / "curve.json").read_text())) == len(points)


def test_the_naming_scheme_of_options_is_documented() -> None:
    from xlate.cli import options as shared

    assert all(
        n in present(inspect.getdoc(shared)) for n in ("--network", "--clock-model")
    )
