"""Units of whole tables, on both sides of a pair."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pytest

import xlate
from tests.support.narrowing import all_as, as_type, present
from tests.support.runs_made import OPS, frame
from xlate import engine
from xlate.data import corpus as corpora
from xlate.errors import ProfileError
from xlate.models.translate.base import STEP
from xlate.readers.tables.runs import check_runs
from xlate.trust.profile_window import with_given_step
from xlate.values.profile import Profile, WorkloadKey
from xlate.values.profile_document import to_json
from xlate.values.reason import Reason
from xlate.values.translation import Failure, Translation

GPUS = ("T4", "L4")


def scaled(
    factors: dict[str, float],
    on: Sequence[str] = GPUS,
    data: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Columns times factors, on some of the GPUs."""
    data = frame(gpus=GPUS, models=3) if data is None else data
    there = pl.col("instance").is_in(list(on))
    return data.with_columns(
        pl.when(there).then(pl.col(c) * f).otherwise(pl.col(c)).alias(c)
        for c, f in factors.items()
    )


def all_of(factor: float) -> dict[str, float]:
    return dict.fromkeys((*OPS, STEP), factor)


CASES = {
    "step in s": (scaled({STEP: 1e-6}), "step times look like seconds"),
    "step in ms": (scaled({STEP: 1e-3}), "step times look like milliseconds"),
    "step in s, target": (scaled({STEP: 1e-6}, on=["L4"]), "look like seconds"),
    "step in s, anchor": (scaled({STEP: 1e-6}, on=["T4"]), "look like seconds"),
    "ops in s": (scaled(dict.fromkeys(OPS, 1e-6)), "op times look like seconds"),
    "ops in ms": (scaled(dict.fromkeys(OPS, 1e-3)), "op times look like millisec"),
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
def test_times_in_another_unit_are_refused_with_the_unit(
    name: str, how: str, empty_home: Path
) -> None:
    data, says = CASES[name]
    asks: dict[str, Callable[[], object]] = {
        "shots": lambda: xlate.fit("T4", "L4", shots=data),
        "data": lambda: xlate.fit("T4", "L4", data, translators=()),
        "compare": lambda: xlate.compare("T4", "L4", data, translators=("ratio",)),
    }
    with pytest.raises(ProfileError, match=says):
        asks[how]()
    assert not (empty_home / "models").exists()


def test_one_row_in_another_unit_is_named(empty_home: Path) -> None:
    data = frame(gpus=GPUS, models=4)
    one = (pl.col("instance") == "L4") & (pl.col("model") == "m2")
    data = data.with_columns(
        pl.when(one).then(pl.col(STEP) / 1e6).otherwise(pl.col(STEP)).alias(STEP)
    )
    with pytest.raises(ProfileError, match=r"row \d+ \(L4 m2\).*1 of 8 runs"):
        xlate.fit("T4", "L4", shots=data)


def test_an_odd_pair_is_doubted_and_still_fitted(empty_home: Path) -> None:
    done = xlate.fit("T4", "L4", shots=scaled(all_of(12.0), on=["L4"]), save=False)
    assert any("what data sheets say" in n for n in done.notes)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("profet", marks=[pytest.mark.data, pytest.mark.slow]),
        "simulated",
    ],
)
def test_no_run_of_a_corpus_is_refused(
    name: str, request: pytest.FixtureRequest
) -> None:
    corpus = request.getfixturevalue(name)
    check_runs(corpus.wide, corpus.name)


def test_a_path_to_runs_is_checked_too(tmp_path: Path, empty_home: Path) -> None:
    path = tmp_path / "runs.parquet"
    scaled({STEP: 1e-6}).write_parquet(path)
    with pytest.raises(ProfileError, match="seconds"):
        engine.fit_shots("T4", "L4", path)


@pytest.mark.parametrize("unit", [1e-6, 1e-7])
@pytest.mark.parametrize("stepless", [False, True])
def test_every_input_passes_the_same_check(
    unit: float, stepless: bool, example: Path
) -> None:
    """Operations and step in one other unit agree: no kernel is so short."""
    data = scaled({**dict.fromkeys(OPS, unit), STEP: unit})
    data = data.with_columns(pl.lit(None, pl.Float64).alias(STEP)) if stepless else data
    said = "row 0 (T4 m0): "
    for asked in (
        lambda: engine.translate_table(data, "g3s.xlarge", "p3.2xlarge"),
        lambda: corpora.from_frame(data),
    ):
        with pytest.raises(ProfileError, match=r"shorter than any (kernel|step)") as e:
            asked()
        assert said in e.value.what
        n = data.height
        assert f"{n} of {n} runs are like that" in e.value.what
        assert "microseconds" in present(e.value.hint)
    times = {c: data[c][0] for c in OPS}
    one = Profile(times, step_time_us=None if stepless else data[STEP][0])
    (answer,) = engine.translate([one], "g3s.xlarge", "p3.2xlarge")
    assert isinstance(answer, Failure)
    assert "shorter than any" in str(answer.error)


def test_sound_runs_pass() -> None:
    check_runs(corpora.from_frame(frame()).wide, "made")


@pytest.mark.parametrize("step_ms", [128_000, 0.128])
def test_a_step_time_that_was_given_is_blamed_before_the_file(step_ms: float) -> None:
    example = Path(__file__).resolve().parents[2] / "examples" / "my_stats.csv"
    (failure,) = engine.read_profiles([example], step_time_us=step_ms * 1e3)
    assert isinstance(failure, Failure)
    assert "check the step time that was given (--step-time is in ms)" in present(
        failure.error.hint
    )


def test_time_that_a_table_of_kernels_does_not_have_is_idle() -> None:
    """A step that waits for its host is not one whose kernels are so much longer."""
    work = WorkloadKey(framework="pytorch")
    table = Profile({"Device_mm": 3e4, "Device_relu": 1e4}, work, step_time_us=1e5)
    (translation,) = engine.translate([table], "T4", "L4")
    anchor_us = {
        row.operation: row.anchor_us
        for row in as_type(Translation, translation).ops_per_step
    }
    assert anchor_us["Device_mm"] == pytest.approx(3e4)
    assert any(
        "taken for idle" in r for r in as_type(Translation, translation).verdict.reasons
    )
    hardly = Profile({"Device_mm": 3e3}, work, step_time_us=1e5)
    (translation,) = engine.translate([hardly], "T4", "L4")
    assert any(
        "kernels take 3.0% of the step" in r
        for r in as_type(Translation, translation).verdict.reasons
    )
    (failed,) = engine.translate(
        [Profile({"Device_mm": 3e4}, work, step_time_us=3e7)], "T4", "L4"
    )
    assert isinstance(failed, Failure)
    assert "the op times look like milliseconds" in present(failed.error.hint)


@pytest.mark.parametrize(
    ("given_us", "doubted"), [(1.03e5, True), (1.9e5, False), (4.1e5, True)]
)
def test_a_step_that_is_not_the_files_own_is_doubted(
    tmp_path: Path, given_us: float, doubted: bool
) -> None:
    own = Profile(
        {"Device_mm": 1.5e5, "Device_IDLE": 5e4},
        WorkloadKey(framework="pytorch"),
        step_time_us=2e5,
        source="p.json",
    )
    path = tmp_path / "p.json"
    path.write_text(json.dumps(to_json(own)))
    (profile,) = all_as(Profile, engine.read_profiles([path], step_time_us=given_us))
    assert any("those in the file take 200 ms" in n for n in profile.notes) is doubted


def test_a_step_given_beside_a_recording_without_marks_contradicts_nothing() -> None:
    taken = Reason("the whole recording was taken for one step", step_taken=True)
    one_step = Profile({"Device_mm": 2e5}, step_time_us=2e5, notes=(taken,))
    assert with_given_step(one_step, 2e4).notes == (taken,)
