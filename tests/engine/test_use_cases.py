"""The use cases as a program would call them, and the public API over frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import polars as pl
import pytest

import xlate
from tests.support.documents import Json
from tests.support.narrowing import all_as, as_type, present
from xlate import engine, op_names
from xlate.data import corpus as corpora
from xlate.data.corpus import Corpus
from xlate.engine.fit_pair import FitResult
from xlate.engine.zero_shot import shipped
from xlate.errors import (
    AlignmentError,
    CatalogError,
    CorpusError,
    ProfileError,
    UnknownNameError,
    XlateError,
)
from xlate.hardware.catalogue import catalogue
from xlate.trust.domain import examine
from xlate.values.profile import Profile, WorkloadKey
from xlate.values.translation import Translation


@pytest.fixture
def profile(example: Path) -> Profile:
    return xlate.read_profile(example)


def test_one_profile(fitted: FitResult, profile: Profile, simulated: Corpus) -> None:
    (t,) = xlate.translate(profile, "g3s.xlarge", "p3.2xlarge")
    truth = simulated.runs_on("p3.2xlarge").filter(
        (pl.col("model") == "ResNet18")
        & (pl.col("dataset") == "128px")
        & (pl.col("batch_size") == 64)
    )
    assert t.step_time_s.value == pytest.approx(
        as_type(float, truth["step_time_us"].median()) / 1e6, rel=0.15
    )
    assert t.fitted_on == "simulated"
    assert t.simulated
    assert t.workload == WorkloadKey("ResNet18", "128px", 64, "SGD")
    # 3.06 $/h on p3.2xlarge
    assert present(t.usd_per_1000_steps).value == pytest.approx(
        3.06 * t.step_time_s.value * 1000 / 3600
    )
    assert all(v > 0 for v in present(t.ops).values())
    assert {"Device_Conv2D", "Device__Send"} <= set(present(t.ops))
    assert "Device_ArgMax" not in present(t.ops)


def test_a_known_step_time_is_used(fitted: FitResult, profile: Profile) -> None:
    twice = replace(profile, step_time_us=profile.window_us / 4)
    one, two = all_as(Translation, engine.translate([profile, twice], "g3s", "p3"))
    assert two.anchor_step_time_s == pytest.approx(profile.window_us / 4e6)
    assert one.anchor_step_time_s != two.anchor_step_time_s
    assert any("no step time" in r for r in one.verdict.reasons)
    assert any("--step-time MS" in w for w in one.facts.what_to_do)
    assert not any("no step time" in r for r in two.verdict.reasons)


def test_unknown_operations_keep_their_row(fitted: FitResult, profile: Profile) -> None:
    ops = dict(profile.ops) | {"Device_MyKernel": 0.05 * profile.busy_us}
    (t,) = all_as(Translation, engine.translate([Profile(ops)], "g3s", "p3"))
    assert 0 < present(t.ops)["Device_MyKernel"] < ops["Device_MyKernel"]


def test_many_unknown_operations_are_said(fitted: FitResult, profile: Profile) -> None:
    ops = dict(profile.ops) | {"Device_MyKernel": 0.3 * profile.busy_us}
    (t,) = all_as(Translation, engine.translate([Profile(ops)], "g3s", "p3"))
    assert t.verdict.level == "widen"
    assert any("Device_MyKernel" in r for r in t.verdict.reasons)


def test_what_the_translator_is_not_for_is_answered_by_the_catalogue(
    fitted: FitResult, profile: Profile
) -> None:
    ops = dict(profile.ops) | {"Device_MyKernel": 4 * profile.busy_us}
    (t,) = all_as(
        Translation, engine.translate([Profile(ops, source="a.csv")], "g3s", "p3")
    )
    assert t.verdict.level == "widen"
    assert t.layer == "zero-shot"
    assert "answered by data sheets (zero-shot)" in t.verdict.reasons[0]
    assert "80% of device time" in t.verdict.reasons[0]
    assert "Device_MyKernel (80%)" in t.verdict.reasons[0]
    # its interval comes from the errors on GPUs left out
    assert t.fitted_on == "neusight, profet"
    assert (
        present(t.step_time_s.low)
        < present(t.step_time_s.value)
        < present(t.step_time_s.high)
    )
    assert t.op_intervals == {}
    # arithmetic by its roof, memory by its own: M60 to V100
    ratios = shipped().log_ratios(*(catalogue().gpu(i) for i in ("g3s", "p3")))
    for op, nature in (("Device_Conv2D", "compute"), ("Device_Relu", "memory")):
        assert present(t.ops)[op] == pytest.approx(ops[op] * np.exp(ratios[nature]))


def test_one_far_from_training_is_answered_by_the_catalogue(
    fitted: FitResult, profile: Profile
) -> None:
    """Known operations in a mix that no network has."""
    odd = {c: v for c, v in profile.ops.items() if not c.startswith("Device_")}
    odd |= {"Device_Softmax": profile.busy_us, "Device_IDLE": 10.0}
    (t,) = all_as(Translation, engine.translate([Profile(odd)], "g3s", "p3"))
    assert t.verdict.level == "widen"
    assert t.layer == "zero-shot"
    assert any("unlike those of training" in r for r in t.verdict.reasons)
    # reasons that concern the fitted translator alone do not doubt data sheets
    assert not any("is missing here" in r for r in t.verdict.reasons)


def test_intervals_hold_the_value_and_grow_with_the_level(
    fitted: FitResult, profile: Profile
) -> None:
    wide, narrow = (
        all_as(Translation, engine.translate([profile], "g3s", "p3", level=level))[0]
        for level in (0.9, 0.5)
    )
    for t in (wide, narrow):
        assert t.layer == "fitted"
        for e in (t.step_time_s, t.op_sum_us, t.usd_per_1000_steps):
            assert e is not None
            assert present(e.low) < present(e.value) < present(e.high)
        assert all(
            lo < present(t.ops)[c] < hi for c, (lo, hi) in t.op_intervals.items()
        )
        assert "Device_Conv2D" in t.op_intervals
    assert present(wide.step_time_s.low) < present(narrow.step_time_s.low)
    assert wide.step_time_s.level == 0.9
    for level in (0, 1, 90):
        with pytest.raises(XlateError, match="between 0 and 1"):
            all_as(Translation, engine.translate([profile], "g3s", "p3", level=level))


def test_doubt_makes_intervals_wider(fitted: FitResult, profile: Profile) -> None:
    ops = dict(profile.ops) | {"Device_MyKernel": 0.3 * profile.busy_us}
    sure, doubtful = all_as(
        Translation, engine.translate([profile, Profile(ops)], "g3s", "p3")
    )
    assert present(present(doubtful.op_sum_us).high) / present(
        doubtful.op_sum_us
    ).value > (present(present(sure.op_sum_us).high) / present(sure.op_sum_us).value)


def test_it_says_which_path_binds(fitted: FitResult, simulated: Corpus) -> None:
    """In the simulator, small batches wait for the host on a V100, large ones do not."""
    answers = {}
    for batch in (1, 256):
        row = (
            simulated.wide.filter(
                (pl.col("instance") == "g3s.xlarge")
                & (pl.col("model") == "ResNet18")
                & (pl.col("repeat") == 1)
            )
            .sort("batch_size")
            .row(0 if batch == 1 else -1, named=True)
        )
        ops = {c: v for c, v in row.items() if op_names.is_op_column(c) and v}
        p = Profile(ops, step_time_us=row["step_time_us"])
        answers[batch] = all_as(Translation, engine.translate([p], "g3s", "p3"))[0]
    assert {a.binds for a in answers.values()} <= {"device", "host"}
    assert answers[256].binds == "device"


def test_other_doubts(fitted: FitResult, profile: Profile) -> None:
    b = fitted.bundle
    huge = Profile({k: 1e6 * v for k, v in profile.ops.items()})
    assert any("far outside training" in r for r in examine(huge, b).verdict.reasons)
    elsewhere = replace(profile, instance="p2.xlarge")
    assert any(
        "ran on p2.xlarge, not on g3s.xlarge" in r
        for r in examine(elsewhere, b).verdict.reasons
    )
    nowhere = replace(profile, instance="my-box")
    assert any("ran on my-box" in r for r in examine(nowhere, b).verdict.reasons)


def test_measured_and_inside_is_ok(fitted: FitResult, profile: Profile) -> None:
    measured = replace(
        fitted.bundle, manifest=replace(fitted.bundle.manifest, simulated=False)
    )
    timed = replace(profile, step_time_us=profile.window_us / 2)
    examination = examine(timed, measured)
    assert examination.verdict.level == "ok"
    assert examination.verdict.reasons == ()
    assert examination.interval_scale == 1
    assert present(examination.probability) > 0.05


def test_a_table_gives_what_single_profiles_give(
    fitted: FitResult, profile: Profile
) -> None:
    rows: list[Json] = [
        {**profile.ops, "name": "x"},
        {k: 2 * v for k, v in profile.ops.items()} | {"name": "y"},
    ]
    frame = pl.DataFrame(rows)
    out = xlate.translate(frame, "g3s", "p3")
    singles = all_as(
        Translation,
        engine.translate(
            [Profile({k: v for k, v in r.items() if k != "name"}) for r in rows],
            "g3s",
            "p3",
        ),
    )
    assert out["name"].to_list() == ["x", "y"]
    assert out["fitted_on"].to_list() == ["simulated"] * 2
    for i, single in enumerate(singles):
        assert out["step_time_us"][i] == pytest.approx(single.step_time_s.value * 1e6)
        for op, time in present(single.ops).items():
            assert out[op][i] == pytest.approx(time)


def test_pandas_in_pandas_out(fitted: FitResult, profile: Profile) -> None:
    frame = pd.DataFrame([dict(profile.ops)], index=["mine"])
    out = xlate.translate(frame, "g3s", "p3")
    assert isinstance(out, pd.DataFrame)
    assert list(out.index) == ["mine"]
    (single,) = xlate.translate(profile, "g3s", "p3")
    assert out["Device_Conv2D"]["mine"] == pytest.approx(
        present(single.ops)["Device_Conv2D"]
    )


def test_more_rows_than_a_chunk(fitted: FitResult, profile: Profile) -> None:
    n = 9000
    frame = pl.DataFrame({k: np.linspace(v, 2 * v, n) for k, v in profile.ops.items()})
    out = xlate.translate(frame, "g3s", "p3")
    assert out.height == n
    last = xlate.translate(frame[-1:], "g3s", "p3")
    assert out["step_time_us"][-1] == pytest.approx(last["step_time_us"][0])


def test_a_bad_row_of_a_table_is_named(fitted: FitResult, profile: Profile) -> None:
    frame = pl.DataFrame([dict(profile.ops), dict.fromkeys(profile.ops, 0.0)])
    with pytest.raises(ProfileError, match="row 1"):
        xlate.translate(frame, "g3s", "p3")


def test_translate_raises_for_a_broken_file(fitted: FitResult, tmp_path: Path) -> None:
    bad = tmp_path / "x.csv"
    bad.write_text("nonsense")
    with pytest.raises(ProfileError, match=r"x\.csv"):
        xlate.translate(bad, "g3s", "p3")
    with pytest.raises(ProfileError, match="int is no table"):
        xlate.fit("g3s", "p3", cast(Any, 3))


def own_runs(simulated: Corpus) -> pl.DataFrame:
    """A user's own table: two instances, no dataset or optimizer columns."""
    wide = simulated.wide.filter(
        pl.col("instance").is_in(["g3s.xlarge", "p3.2xlarge"])
        & (pl.col("dataset") == "64px")
        & (pl.col("repeat") == 1)
    )
    ops = [c for c in wide.columns if op_names.is_op_column(c)]
    return wide.select("instance", "model", "batch_size", "step_time_us", *ops)


@pytest.mark.slow
@pytest.mark.parametrize("library", ["polars", "pandas"])
@pytest.mark.usefixtures("given_weight_once")
def test_fit_on_a_users_own_frame(
    simulated: Corpus, empty_home: Path, library: str
) -> None:
    frame = own_runs(simulated)
    given = (
        frame if library == "polars" else pd.DataFrame(frame.to_dict(as_series=False))
    )
    done = xlate.fit("g3s", "p3", given, translators=("ratio",))
    assert done.bundle.manifest.corpus == "frame"
    assert not done.bundle.manifest.simulated
    assert done.bundle.manifest.n_pairs == 36
    table = xlate.compare("g3s", "p3", given, translators=("ratio",))
    assert type(table).__module__.split(".")[0] == library


def test_a_frame_must_hold_what_is_needed(simulated: Corpus) -> None:
    frame = own_runs(simulated)
    with pytest.raises(CorpusError, match="lacks model"):
        xlate.fit("g3s", "p3", frame.drop("model"))
    with pytest.raises(CorpusError, match="more than once"):
        xlate.fit("g3s", "p3", pl.concat([frame, frame]))


@pytest.mark.slow
@pytest.mark.usefixtures("given_weight_once")
def test_pairs_without_step_time_are_left_out_and_said(
    simulated: Corpus, empty_home: Path
) -> None:
    frame = own_runs(simulated).with_columns(
        pl.when(pl.int_range(pl.len()) < 4)
        .then(None)
        .otherwise("step_time_us")
        .cast(pl.Float64)
        .alias("step_time_us")
    )
    frame = frame.with_columns(
        pl.Series(
            "step_time_us",
            [None] * 4 + own_runs(simulated)["step_time_us"].to_list()[4:],
        )
    )
    done = xlate.fit("g3s", "p3", frame, translators=("ratio",))
    assert any("without step time were left out" in n for n in done.notes)
    assert done.bundle.manifest.n_pairs < 36


def test_measured_corpora_come_before_simulated_ones(
    home: Path, profet: Corpus
) -> None:
    assert corpora.find("g3s.xlarge", "p3.2xlarge").name == "profet"
    assert corpora.find("g3s.xlarge", "g5.xlarge").name == "simulated"


@pytest.mark.parametrize(
    ("anchor", "target", "data", "error", "says"),
    [
        ("g3s.xlarg", "p3.2xlarge", None, UnknownNameError, r"g3s\.xlarge"),
        ("p3", "p3.2xlarge", None, AlignmentError, r"both p3\.2xlarge"),
        ("c5.4xlarge", "p3", None, CatalogError, "has no GPU"),
        ("g3s", "GH200", None, CorpusError, "no corpus here has runs on both"),
        ("g3s", "GH200", "simulated", CorpusError, "has no run on GH200"),
        ("g3s", "p3", "profit", UnknownNameError, "profet"),
    ],
)
def test_pairs_that_cannot_be(
    anchor: str, target: str, data: str | None, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        engine.fit(anchor, target, data)


def test_a_corpus_that_is_not_here(empty_home: Path) -> None:
    with pytest.raises(CorpusError, match="xlate datasets pull profet"):
        corpora.load("profet")


def test_a_pair_without_bundle_is_answered_from_data_sheets(
    empty_home: Path, profile: Profile
) -> None:
    (t,) = xlate.translate(profile, "g3s", "p4d.24xlarge")
    assert t.layer == t.translator == "zero-shot"
    assert t.verdict.level == "widen"
    assert "no bundle from g3s.xlarge to p4d.24xlarge" in t.verdict.reasons[0]
    assert (
        present(t.step_time_s.low)
        < present(t.step_time_s.value)
        < present(t.step_time_s.high)
    )
    assert t.step_time_s.value < profile.window_us / 2 / 1e6
    assert present(t.usd_per_1000_steps).value > 0


def test_a_gpu_of_which_the_catalogue_knows_too_little_is_named(
    empty_home: Path, profile: Profile
) -> None:
    with pytest.raises(CatalogError, match=r"Max-1550.* lacks: .*schedulers_per_sm"):
        xlate.translate(profile, "g3s", "Max-1550")


@pytest.mark.slow
def test_what_ships_answers_without_a_fit(empty_home: Path, profile: Profile) -> None:
    """And the user's own fit takes precedence."""
    timed = replace(profile, step_time_us=1.05e5)
    (t,) = all_as(Translation, engine.translate([timed], "g3s", "p3"))
    assert t.fitted_on == "profet"
    assert not t.simulated
    assert 4 < present(t.held_out_mape) < 9
    assert (
        present(t.step_time_s.low)
        < present(t.step_time_s.value)
        < present(t.step_time_s.high)
    )
    engine.fit("g3s", "p3", "simulated", translators=(), replace=True)
    (own,) = all_as(Translation, engine.translate([timed], "g3s", "p3"))
    assert own.fitted_on == "simulated"


def test_unknown_translator() -> None:
    with pytest.raises(UnknownNameError, match="ratio-forest"):
        engine.fit("g3s", "p3", "simulated", translator="ratio-forrest")


@pytest.mark.slow
def test_a_step_time_only_translator_has_no_vector(
    empty_home: Path, profile: Profile, simulated: Corpus
) -> None:
    few = own_runs(simulated).filter(pl.col("model").str.starts_with("ResNet"))
    xlate.fit("g3s", "p3", few, translator="profet", translators=(), replace=True)
    (t,) = xlate.translate(profile, "g3s", "p3")
    assert t.ops is None
    assert t.step_time_s.value > 0
    out = xlate.translate(pl.DataFrame([dict(profile.ops)]), "g3s", "p3")
    assert out.columns == ["step_time_us", "fitted_on"]


@pytest.mark.slow
@pytest.mark.parametrize("columns", ["10", "clusters"])
@pytest.mark.usefixtures("given_weight_once")
def test_fewer_columns_still_answer_for_every_operation(
    empty_home: Path, profile: Profile, simulated: Corpus, columns: str
) -> None:
    data = own_runs(simulated)
    xlate.fit("g3s", "p3", data, translators=(), columns=columns, replace=True)
    (t,) = xlate.translate(profile, "g3s", "p3")
    kept = {c for c in profile.ops if c.startswith("Device_") and c in present(t.ops)}
    # all but what the target does not run has a separate row
    assert len(kept) > len(profile.ops) / 2
    assert present(t.ops)["Device_Conv2D"] == pytest.approx(
        profile.ops["Device_Conv2D"] / 3.1, rel=0.5
    )


@pytest.mark.slow
def test_compare_all_goes_over_every_pair(simulated: Corpus) -> None:
    small = replace(
        simulated,
        runs=simulated.runs.filter(
            pl.col("instance").is_in(["g3s.xlarge", "p2.xlarge"])
        ),
    )
    said: list[str] = []
    rows = engine.compare_all(small, say=said.append, translators=("ratio",))
    assert {(r.anchor, r.target) for r in rows} == {
        ("g3s.xlarge", "p2.xlarge"),
        ("p2.xlarge", "g3s.xlarge"),
    }
    assert sum("of 2:" in line for line in said) == 2
    with pytest.raises(UnknownNameError, match="translator"):
        engine.compare_all(translators=("nothing",))
    alone = replace(small, runs=small.runs.filter(pl.col("instance") == "p2.xlarge"))
    with pytest.raises(CorpusError, match="one instance only"):
        engine.compare_all(alone)


def test_the_public_names_are_there() -> None:
    for name in xlate.__all__:
        assert getattr(xlate, name) is not None
    assert set(dir(xlate)) == set(xlate.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = cast(Any, xlate).nothing
