"""Contradictions in the input, and values used unchecked, are reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import xlate
from tests.support.commands import run
from tests.support.documents import Json
from tests.support.narrowing import present
from xlate import engine
from xlate.cli.answers import _no_interval_row
from xlate.engine.clock_costs import times
from xlate.errors import BundleError, ProfileError
from xlate.values.profile import Estimate, Profile
from xlate.values.translation import Translation

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PAIR = ("g3s.xlarge", "p3.2xlarge")


@pytest.fixture
def stats(empty_home: Path) -> Profile:
    return xlate.read_profile(EXAMPLES / "my_stats.csv")


def test_profiles_whose_answers_do_not_overlap_are_doubted(stats: Profile) -> None:
    other = xlate.read_profile(EXAMPLES / "my_stats_g4dn.csv")
    slow = replace(other, ops={c: 3 * v for c, v in other.ops.items()})
    done = xlate.translate_together({"g3s": stats, "g4dn": slow}, "p3")
    assert done.combined.verdict.level != "ok"
    assert "contradict" in done.combined.verdict.reasons[0]
    step = done.combined.step_time_s
    for part in done.parts:
        assert present(step.low) <= present(part.step_time_s.low)
        assert present(part.step_time_s.high) <= present(step.high)


def test_one_file_for_two_machines_is_refused(stats: Profile) -> None:
    with pytest.raises(ProfileError, match="same run"):
        xlate.translate_together({"g3s": stats, "g4dn": stats}, "p3")


def test_a_profile_of_another_machine_is_refused_by_its_name_too(
    stats: Profile,
) -> None:
    elsewhere = replace(stats, instance="p5.48xlarge")
    (failed,) = engine.translate([elsewhere], *PAIR)
    assert isinstance(failed, engine.Failure)
    assert "which has an H100" in str(failed.error)
    (forced,) = engine.translate([elsewhere], *PAIR, force=True)
    assert isinstance(forced, Translation)
    assert forced.verdict.level != "ok"


@pytest.mark.parametrize(
    ("size", "level"),
    [
        ({"batch_size": 64}, "ok"),
        ({"batch_size": 100_000}, "widen"),
        ({"batch_size": 1}, "widen"),
        ({"dataset": "4px"}, "widen"),
    ],
)
def test_sizes_that_training_knows_nothing_of_are_doubted(
    stats: Profile, size: Json, level: str
) -> None:
    work = replace(stats.workload, **size)
    (answer,) = xlate.translate(
        replace(stats, workload=work, step_time_us=128e3), *PAIR
    )
    assert answer.verdict.level == level
    assert ("far outside training" in " ".join(answer.verdict.reasons)) == (
        level != "ok"
    )


def test_what_confirms_the_anchor_is_said(stats: Profile) -> None:
    (answer,) = xlate.translate(stats, *PAIR)
    assert any(r.part == "anchor" for r in answer.facts.rests_on)
    (named,) = xlate.translate(replace(stats, instance=PAIR[0]), *PAIR)
    assert not any(r.part == "anchor" for r in named.facts.rests_on)


def test_a_level_that_errors_cannot_reach_is_said(stats: Profile) -> None:
    (answer,) = xlate.translate(stats, *PAIR, level=0.99999)
    assert answer.step_time_s.low is None
    assert answer.verdict.level != "ok"
    assert any("no interval" in r for r in answer.verdict.reasons)
    ((label, said),) = _no_interval_row(answer.verdict.reasons)
    assert (label, str(said)[:12]) == ("  interval", "none: errors")
    # no interval is so wide that it is of no use
    widths = [high / low for low, high in answer.op_intervals.values()]
    assert all(w < 1e6 for w in widths)


def test_out_is_json_and_never_an_input(empty_home: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_bytes((EXAMPLES / "my_stats.csv").read_bytes())
    words: list[object] = ["translate", own, "--anchor", PAIR[0], "--target", PAIR[1]]
    _, err = run(*words, "--out", tmp_path / "x.parquet", code=2)
    assert "JSON" in err
    link = tmp_path / "link.json"
    link.symlink_to(own)
    before = own.read_bytes()
    _, err = run(*words, "--out", link, code=2)
    assert "files to be read" in err
    assert own.read_bytes() == before


def test_sizes_without_a_bundle_say_so(empty_home: Path) -> None:
    trace = xlate.read_profile(EXAMPLES / "trace.json.gz")
    trace = replace(trace, workload=replace(trace.workload, batch_size=64))
    with pytest.raises(BundleError, match="cannot be scaled"):
        xlate.scale(trace, "g4dn.xlarge", "p5.48xlarge", "batch-size=64,128")


@pytest.mark.slow
def test_what_answered_before_is_asked_and_not_looked_up_by_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The networks have names of a corpus of zero-shot; the runs are others."""
    runs = pl.read_parquet(EXAMPLES / "my_runs.parquet")
    timed = [c for c in runs.columns if c.startswith(("Device_", "step_time"))]
    there = pl.col("instance") == "p5.48xlarge"
    before = []
    for factor in (1.0, 3.0):
        monkeypatch.setenv("XLATE_HOME", str(tmp_path / str(factor)))
        frame = runs.with_columns(
            pl.when(there).then(pl.col(c) * factor).otherwise(pl.col(c)).alias(c)
            for c in timed
        )
        done = xlate.fit("g4dn.xlarge", "p5.48xlarge", shots=frame)
        before.append(present(done.succession).before_mape)
    assert before[0] != pytest.approx(before[1], rel=0.05)


def test_independent_errors_add_up_in_squares() -> None:
    product = times(Estimate(2.0, 1.0, 4.0, 0.9), Estimate(1.5, None, None, None))
    assert (product.value, product.low, product.high) == pytest.approx((3.0, 1.5, 6.0))
    both = times(Estimate(1.0, 0.5, 2.0, 0.9), Estimate(1.0, 0.5, 2.0, 0.9))
    assert both.high == pytest.approx(2 ** (2**0.5))
