"""Curves, labels, features, clock models and their evaluation, on made sweeps."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.narrowing import as_type, present
from xlate.data.schema import sweeps_frame
from xlate.errors import CorpusError, UnknownNameError, XlateError
from xlate.evaluation import sweep_study
from xlate.evaluation.sweep_figures import application_weights
from xlate.hardware.catalogue import catalogue
from xlate.models.response import CLOCK_MODELS, make_clock_model
from xlate.models.response.base import ResponseModel, Training
from xlate.models.response.calibrated import CalibratedResponse
from xlate.models.response.constant import ConstantShare
from xlate.models.response.donors import (
    choose_donor_weight,
    donor_rows,
    training,
    with_donors,
)
from xlate.objectives import OBJECTIVES, Cost, make_objective
from xlate.sweeps.curve import curves_of
from xlate.sweeps.features import matrix, names, probe_shares
from xlate.sweeps.gpu_sweeps import Sweeps
from xlate.sweeps.labels import allowed, check_slowdown, gaps, label
from xlate.sweeps.probe import Probe, view_of

GPU = "V100-PCIe-32GB"
CLOCKS = np.arange(540.0, 1381.0, 20.0)


def made(
    workload: str,
    compute: float,
    static: float,
    *,
    noise: float = 0.0,
    seed: int = 0,
    **metrics: float,
) -> pl.DataFrame:
    """A sweep from the physical model: serial + compute/x, static + x·V²."""
    rng = np.random.default_rng(seed)
    x = CLOCKS / CLOCKS[-1]
    time = 10 * (1 - compute + compute / x)
    voltage = np.maximum(0.7, 0.7 + 0.3 * (x - 0.6) / 0.4)
    power = 200 * (static + (1 - static) * x * voltage**2)
    wobble = np.exp(rng.normal(0, noise, (2, len(x))))
    return pl.DataFrame(
        {
            "gpu": GPU, "workload": workload, "application": workload,
            "sm_mhz": CLOCKS, "time_s": time * wobble[0], "power_w": power * wobble[1],
            "gpu_utilization": 100 * compute, "memory_utilization": 20.0,
            **metrics,
        }
    )  # fmt: skip


def family(n: int = 12, noise: float = 0.003) -> pl.DataFrame:
    """Applications from waiting to compute-bound."""
    parts = [
        made(
            f"app{i:02d}",
            0.05 + 0.9 * i / n,
            0.2 + 0.3 * (i % 3) / 3,
            noise=noise,
            seed=i,
        )
        for i in range(n)
    ]
    return sweeps_frame(pl.concat(parts))


@pytest.fixture(scope="module")
def sweeps() -> Sweeps:
    gpu = catalogue().gpu(GPU)
    return Sweeps("made", gpu, tuple(curves_of(family(), GPU)))


def one(**changes: Any) -> pl.DataFrame:
    frame = sweeps_frame(made("job", 0.8, 0.3))
    return frame.with_columns(**changes) if changes else frame


def test_a_curve_is_relative_to_its_highest_clock(sweeps: Sweeps) -> None:
    curve = sweeps.curves[-1]
    time, power = curve.response(curve.share)
    assert time[-1] == power[-1] == 0
    assert (np.diff(time) < 0.01).all()
    assert (np.diff(power) > -0.01).all()


def test_smoothing_finds_the_curve_under_noise() -> None:
    clean = curves_of(one(), GPU)[0]
    noisy = curves_of(sweeps_frame(made("job", 0.8, 0.3, noise=0.02, seed=3)), GPU)[0]
    off = np.abs(noisy.smooth_time_s / clean.time_s - 1)
    assert off.mean() < 0.01 < np.abs(noisy.time_s / clean.time_s - 1).mean()


def test_single_wild_points_do_not_decide() -> None:
    frame = one()
    wild = pl.when(pl.col("sm_mhz") == 700).then(0.7).otherwise(1.0)
    bent = curves_of(frame.with_columns(pl.col("power_w") * wild), GPU)[0]
    straight = curves_of(frame, GPU)[0]
    assert label(bent, make_objective("energy")).best_mhz == pytest.approx(
        label(straight, make_objective("energy")).best_mhz, abs=20
    )
    assert np.abs(bent.smooth_power_w / straight.smooth_power_w - 1).max() < 0.02


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.head(1), "1 clock only"),
        (lambda f: f.tail(2), "2 clocks only"),
        (lambda f: f.with_columns(time_s=pl.lit(None, pl.Float64)), "no time_s at 540"),
        (lambda f: f.with_columns(power_w=pl.lit(None, pl.Float64)), "no power_w"),
        (lambda f: f.with_columns(power_w=pl.lit(0.0)), "power_w is 0 W at 540"),
        (lambda f: f.with_columns(time_s=-pl.col("time_s")), "time_s is -"),
        (lambda f: pl.concat([f, f.head(1)]), "more than once"),
        (
            lambda f: pl.concat([f, sweeps_frame(made("cut", 0.5, 0.2)).head(20)]),
            "cut on V100-PCIe-32GB was never run at the highest clock, 1380",
        ),
        (
            lambda f: f.with_columns(gpu=pl.lit("A100-PCIe-40GB")),
            "no clock sweep of V100",
        ),
    ],
)
def test_a_broken_sweep_is_named(
    change: Callable[[pl.DataFrame], pl.DataFrame], said: str
) -> None:
    with pytest.raises(CorpusError, match="try:") as e:
        curves_of(change(one()), GPU)
    assert said in str(e.value)
    if "no clock sweep" not in said:
        assert re.search(r"\b(job|cut) on V100-PCIe-32GB", str(e.value))


@given(st.floats(0.1, 10), st.floats(0.1, 10))
def test_objectives_scale(a: float, b: float) -> None:
    """EDP of twice the time and three times the power is 12 times as large."""
    time, power = np.array([1.0, 2.0]), np.array([3.0, 1.0])
    for name, order in (("energy", 1), ("edp", 2), ("ed2p", 3)):
        aim = make_objective(name)
        moved = aim.log_score(a * time, b * power) - aim.log_score(time, power)
        np.testing.assert_allclose(moved, np.log(b) + order * np.log(a), atol=1e-9)


def test_dollars_are_rent_and_electricity() -> None:
    cost = Cost(3.06, 1.0, 0.10)
    an_hour = np.exp(cost.log_score(np.array([1.0]), np.array([250.0])))
    assert an_hour == pytest.approx([3.06 + 0.025])


def test_rent_makes_the_fastest_clock_the_cheapest(sweeps: Sweeps) -> None:
    fastest = label(sweeps.curves[-1], make_objective("cost", 3.06))
    assert fastest.best_mhz == fastest.fastest_mhz


def test_objective_names_are_checked() -> None:
    with pytest.raises(UnknownNameError, match="edp"):
        make_objective("edpp")
    with pytest.raises(XlateError, match="needs a rent"):
        make_objective("cost")
    assert set(OBJECTIVES) == {"edp", "ed2p", "energy", "cost"}


def test_the_label_is_the_oracle_of_an_exhaustive_search() -> None:
    curve = curves_of(one(), GPU)[0]
    sweep_label = label(curve, make_objective("edp"), 0.05)
    edp = curve.smooth_power_w * curve.smooth_time_s**2
    assert sweep_label.best_mhz == curve.sm_mhz[edp.argmin()]
    slow = curve.smooth_time_s / curve.smooth_time_s.min() - 1
    inside = [f for f, s in zip(curve.sm_mhz, slow, strict=True) if s <= 0.05]
    assert sweep_label.bounded_mhz in inside
    assert sweep_label.bounded_mhz == min(
        inside, key=lambda f: edp[np.flatnonzero(curve.sm_mhz == f)[0]]
    )
    assert sweep_label.fastest_mhz == 1380
    assert sweep_label.band_mhz[0] <= sweep_label.best_mhz <= sweep_label.band_mhz[1]
    assert 0 < sweep_label.slowdown <= 0.05
    assert sweep_label.energy_saving > 0


def test_a_bound_is_a_share(sweeps: Sweeps) -> None:
    for wrong in (-0.01, 5.0, float("nan")):
        with pytest.raises(XlateError, match="is no bound"):
            check_slowdown(wrong)
    curve = sweeps.curves[-1]
    assert label(curve, make_objective("energy"), 0.0).bounded_mhz == pytest.approx(
        label(curve, make_objective("energy")).fastest_mhz
    )
    assert check_slowdown(None) is None
    assert allowed(np.array([3.0, 1.0, 1.04]), 0.05).tolist() == [False, True, True]


def test_gaps_under_a_bound_are_over_the_best_allowed(sweeps: Sweeps) -> None:
    curve = sweeps.curves[-1]
    gap = gaps(curve, make_objective("edp"), 0.02)
    inside = allowed(curve.smooth_time_s, 0.02)
    assert gap[inside].min() == pytest.approx(0)
    assert gaps(curve, make_objective("edp")).min() == pytest.approx(0)


def test_features_are_of_the_probe_alone(sweeps: Sweeps) -> None:
    gpu = sweeps.gpu
    probe = Probe(1380, 125, 1.0, {"gpu_utilization": 90, "memory_utilization": 40})
    assert view_of(probe) == "smi"
    X = matrix([[probe]], gpu, "smi")
    np.testing.assert_allclose(X, [[0.5, 0.9, 0.4]])
    rich = Probe(
        1380, 125, 1.0, {"dram_active": 0.7, "fp32_active": 0.5, "sm_active": 0.8}
    )
    assert view_of(rich) == "dcgm"
    np.testing.assert_allclose(
        matrix([[rich]], gpu, "dcgm"), [[0.5, 1.0, 0.7, 0.7, 0.8, 0.5]]
    )  # fmt: skip
    # nvidia-smi knows no DRAM activity, so its view does not either
    assert np.isnan(matrix([[rich]], gpu, "smi")[0, 2])


def test_three_probes_are_side_by_side_columns(sweeps: Sweeps) -> None:
    first = Probe(1380, 200, 1.0, {"gpu_utilization": 90, "memory_utilization": 40})
    others = [Probe(966, 120, 1.2), Probe(690, 90, 1.5)]
    X = matrix([[first, *others]], sweeps.gpu, "smi", "tri-point")
    assert X.shape == (1, len(names("smi", "tri-point")))
    np.testing.assert_allclose(X[0, -4:], np.log([1.2, 0.6, 1.5, 0.45]))
    with pytest.raises(UnknownNameError):
        probe_shares("four-point")


@pytest.mark.slow
@pytest.mark.parametrize("name", CLOCK_MODELS)
def test_every_model_chooses_a_clock_and_repeats_itself(
    name: str, sweeps: Sweeps
) -> None:
    data = training(sweeps, "smi")
    aim = make_objective("edp")
    picks = [
        make_clock_model(name).fit(data).scores(data.X, aim, None).argmin(axis=1)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*picks)
    assert (picks[0] < len(data.shares)).all()
    # what was not measured is filled in, not spread
    holes = data.X.copy()
    holes[:, 2] = np.nan
    fitted = make_clock_model(name).fit(data)
    assert np.isfinite(fitted.scores(holes, aim, None).min(axis=1)).all()


@pytest.mark.parametrize("name", [n for n in CLOCK_MODELS if n.startswith("response-")])
def test_responses_keep_to_a_bound_on_their_own_curves(
    name: str, sweeps: Sweeps
) -> None:
    data = training(sweeps, "smi")
    model = as_type(ResponseModel, make_clock_model(name).fit(data))
    time, power = model.curves(data.X)
    assert (time[:, -1] == 0).all()
    assert (power[:, -1] == 0).all()
    pick = model.scores(data.X, make_objective("energy"), 0.05).argmin(axis=1)
    slow = np.exp(time)[np.arange(len(pick)), pick] / np.exp(time).min(axis=1)
    assert (slow <= 1.05 + 1e-9).all()


def test_a_waiting_card_is_not_slowed_by_physics(sweeps: Sweeps) -> None:
    """No training row waits all the time; the physical terms still know."""
    data = training(sweeps, "smi")
    waiting = np.array([[0.2, 0.0, 0.1]])
    for name in ("response-linear", "response-parametric"):
        model = as_type(ResponseModel, make_clock_model(name).fit(data))
        time, _ = model.curves(waiting)
        assert np.abs(time).max() < 0.03


def test_responses_beat_the_constant_clock_where_there_is_something_to_learn(
    sweeps: Sweeps,
) -> None:
    figure = {}
    for name in ("max-clock", "constant-share", "response-blend"):
        (choice,) = sweep_study.choices([sweeps], name, view="smi")
        figure[name] = choice.gap.mean()
    assert figure["response-blend"] < 0.5 * figure["constant-share"]
    assert figure["constant-share"] < figure["max-clock"]


def test_variants_of_an_application_are_never_on_both_sides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A model that recognises rows by heart gains nothing from variants."""
    frame = pl.concat(
        [family(4), family(4).with_columns(workload=pl.col("workload") + "-b")]
    )
    gpu = catalogue().gpu(GPU)
    both = Sweeps("made", gpu, tuple(curves_of(frame, GPU)))
    assert len(both.curves) == 8
    np.testing.assert_allclose(application_weights(both.applications), 1 / 8)
    seen = []

    class Spy(ConstantShare):
        def fit(self, data: Training) -> Spy:
            seen.append(set(data.groups))
            super().fit(data)
            return self

    monkeypatch.setitem(CLOCK_MODELS, "spy", Spy)
    sweep_study.choices([both], "spy", view="smi")
    assert len(seen) == 4
    assert all(len(groups) == 3 for groups in seen)


def test_leaving_a_gpu_out_leaves_its_application_out_elsewhere_too(
    monkeypatch: pytest.MonkeyPatch, sweeps: Sweeps
) -> None:
    other = Sweeps("other", catalogue().gpu("A100-SXM4-80GB"), sweeps.curves)
    seen = []

    class Spy(ConstantShare):
        def fit(self, data: Training) -> Spy:
            seen.append(len(data))
            super().fit(data)
            return self

    monkeypatch.setitem(CLOCK_MODELS, "spy", Spy)
    sweep_study.choices([sweeps, other], "spy", view="smi", split="gpu")
    assert seen == [len(sweeps.curves) - 1] * (2 * len(sweeps.curves))
    with pytest.raises(CorpusError, match="sweeps of two"):
        sweep_study.choices([sweeps], "spy", view="smi", split="gpu")
    with pytest.raises(UnknownNameError, match="split"):
        sweep_study.choices([sweeps], "spy", split="wat")


def test_figures_are_given_beside_both_baselines(sweeps: Sweeps) -> None:
    rows = sweep_study.measure([sweeps], ["response-linear"], view="smi")
    models = {r.model for r in rows}
    assert models == {"max-clock", "constant-share", "response-linear"}
    of = {(r.model, r.metric): r.value for r in rows if r.held_out is None}
    assert of["max-clock", "share_of_saving"] == 0
    assert of["max-clock", "bound_violations"] == 0
    assert present(of["response-linear", "edp_gap"]) <= present(
        of["response-linear", "edp_gap_p90"]
    )
    assert present(of["response-linear", "edp_gap_p90"]) <= present(
        of["response-linear", "edp_gap_worst"]
    )
    each = [
        r.value
        for r in rows
        if r.model == "response-linear" and r.metric == "edp_gap" and r.held_out
    ]
    mean = np.mean([present(value) for value in each])
    assert mean == pytest.approx(of["response-linear", "edp_gap"])


def test_calibrated_confidence_is_a_share_of_residuals(sweeps: Sweeps) -> None:
    data = training(sweeps, "smi")
    model = CalibratedResponse(0, "response-linear")
    model.fit(data)
    aim = make_objective("edp")
    pick = model.scores(data.X, aim, None).argmin(axis=1)
    sure = model.probability(data.X, pick, aim)
    assert ((sure >= 0) & (sure <= 1)).all()
    worst = np.zeros(len(pick), dtype=int)
    assert (model.probability(data.X, worst, aim) <= sure).all()
    with pytest.raises(XlateError, match="predicts no curves"):
        CalibratedResponse(0, "boosting").fit(data)


def test_importance_finds_the_feature_that_matters(sweeps: Sweeps) -> None:
    rows = sweep_study.importance(sweeps, "response-linear", view="smi")
    of = {r.metric.removeprefix("importance:"): r.value for r in rows}
    assert set(of) == set(names("smi"))
    assert of["busy"] == max(map(present, of.values())) > 0


def test_donor_applications_are_weighted_by_their_use(sweeps: Sweeps) -> None:
    own = training(sweeps, "smi")
    alike = donor_rows([sweeps], own, frozenset(), "smi")
    # the same curves, turned upside down, are of no use in the fit
    odd = replace(alike, time=-alike.time, power=-alike.power)
    assert choose_donor_weight(own, odd) == 0
    assert choose_donor_weight(own.rows(own.groups == own.groups[0]), alike) == 1
    assert len(with_donors(own, alike, 0)) == len(own)
    both = with_donors(own, alike, 0.1)
    assert both.weights[len(own) :].sum() == pytest.approx(0.1 * own.weights.sum())


def test_a_response_is_as_wide_elsewhere_as_its_errors_there(sweeps: Sweeps) -> None:
    assert sweep_study.spread(sweeps, sweeps, "response-linear", view="smi") == 1
    with pytest.raises(UnknownNameError, match="response model"):
        sweep_study.spread(sweeps, sweeps, "boosting", view="smi")
