"""What the benchmarks keep: the figures of those that ran, beside those of the others."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from experiments import benchmarks


def test_figures_of_other_benchmarks_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "results").mkdir()
    path = tmp_path / "results" / "benchmarks.json"
    path.write_text(json.dumps({"bulk": {"wall_s": 2.0}, "align": {"wall_s": 9.0}}))
    monkeypatch.setattr(benchmarks, "FOLDER", tmp_path)
    monkeypatch.setattr("xlate.data.corpus.installed", lambda name: tmp_path)
    monkeypatch.setattr(
        benchmarks, "BENCHMARKS", {"align": lambda: {"wall_s": 1.23456}}
    )
    monkeypatch.setattr(sys, "argv", ["benchmarks", "align"])
    benchmarks.main()
    assert json.loads(path.read_text()) == {
        "align": {"wall_s": 1.235},
        "bulk": {"wall_s": 2.0},
    }
