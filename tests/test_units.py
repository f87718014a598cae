"""Units of whole tables, on both sides of a pair."""

from __future__ import annotations

import polars as pl
import pytest

import xlate
from tests.test_unseen import OPS, frame
from xlate import corpus as corpora
from xlate import engine
from xlate.engine.units import check_runs
from xlate.errors import ProfileError
from xlate.translators.base import STEP

GPUS = ("T4", "L4")


def scaled(factors, on=GPUS, data=None):
    """Columns times factors, on some of the GPUs."""
    data = frame(gpus=GPUS, models=3) if data is None else data
    there = pl.col("instance").is_in(list(on))
    return data.with_columns(
        pl.when(there).then(pl.col(c) * f).otherwise(pl.col(c)).alias(c)
        for c, f in factors.items()
    )


def all_of(factor):
    return dict.fromkeys((*OPS, STEP), factor)


CASES = {
    "step in s": (scaled({STEP: 1e-6}), "step_time_us looks like seconds"),
    "step in ms": (scaled({STEP: 1e-3}), "step_time_us looks like milliseconds"),
    "step in s, target": (scaled({STEP: 1e-6}, on=["L4"]), "looks like seconds"),
    "step in s, anchor": (scaled({STEP: 1e-6}, on=["T4"]), "looks like seconds"),
    "ops in s": (scaled(dict.fromkeys(OPS, 1e-6)), "operations look like seconds"),
    "ops in ms": (scaled(dict.fromkeys(OPS, 1e-3)), "operations look like millisec"),
    "all in s": (scaled(all_of(1e-6)), "times look like seconds"),
    "target in ms": (
        scaled(all_of(1e-3), on=["L4"]),
        "times on L4 look like milliseconds",
    ),
    "anchor in ns": (scaled(all_of(1e3), on=["T4"]), "look like milliseconds"),
    "one epoch": (scaled(all_of(200.0), on=["L4"]), "same work"),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("how", ["shots", "data", "compare"])
def test_times_in_another_unit_are_refused_with_the_unit(name, how, empty_home):
    data, says = CASES[name]
    ask = {
        "shots": lambda: xlate.fit("T4", "L4", shots=data),
        "data": lambda: xlate.fit("T4", "L4", data, translators=()),
        "compare": lambda: xlate.compare("T4", "L4", data, translators=("ratio",)),
    }[how]
    with pytest.raises(ProfileError, match=says):
        ask()
    assert not (empty_home / "models").exists()


def test_one_row_in_another_unit_is_named(empty_home):
    data = frame(gpus=GPUS, models=4)
    one = (pl.col("instance") == "L4") & (pl.col("model") == "m2")
    data = data.with_columns(
        pl.when(one).then(pl.col(STEP) / 1e6).otherwise(pl.col(STEP)).alias(STEP)
    )
    with pytest.raises(ProfileError, match=r"L4 m2.*1 of 4 runs"):
        xlate.fit("T4", "L4", shots=data)


def test_an_odd_pair_is_doubted_and_still_fitted(empty_home):
    done = xlate.fit("T4", "L4", shots=scaled(all_of(12.0), on=["L4"]), save=False)
    assert any("what data sheets say" in n for n in done.notes)


@pytest.mark.parametrize("name", ["profet", "simulated"])
def test_no_run_of_a_corpus_is_refused(name, request):
    corpus = request.getfixturevalue(name)
    check_runs(corpus.wide, corpus.name)


def test_a_path_to_runs_is_checked_too(tmp_path, empty_home):
    path = tmp_path / "runs.parquet"
    scaled({STEP: 1e-6}).write_parquet(path)
    with pytest.raises(ProfileError, match="seconds"):
        engine.fit_shots("T4", "L4", path)


def test_sound_runs_pass():
    check_runs(corpora.from_frame(frame()).wide, "made")
