"""Telemetry of the anchor: more power there is never less on the target."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.narrowing import all_as, as_type, present
from xlate import engine
from xlate.engine.fit_sweeps import ClockFit
from xlate.models.anchor_power import AnchorMeans, fit_trend, nearest, reach
from xlate.models.power import PowerModel
from xlate.models.power_features import PowerFeatures
from xlate.sweeps.probe import Probe
from xlate.values.profile import Profile, WorkloadKey
from xlate.values.recommendation import Recommendation


@pytest.fixture(scope="module")
def handoff(clocked: ClockFit) -> PowerModel:
    return as_type(PowerModel, clocked.bundle.handoff)


def job(
    power_w: float, busy: float = 0.95, memory: float = 0.4, gpu: str | None = None
) -> PowerFeatures:
    means = AnchorMeans(power_w, 70.0, busy, memory, gpu)
    return PowerFeatures(
        0.5, 0.3, 50e3, 32 * 128.0**2, means.beside(150e3, 50e3, 300.0)
    )


@pytest.mark.parametrize("busy", [0.05, 0.5, 1.0])
@pytest.mark.parametrize("memory", [0.0, 0.9])
def test_more_power_on_the_anchor_is_never_less_on_the_target(
    handoff: PowerModel, busy: float, memory: float
) -> None:
    rows = [job(w, busy, memory) for w in np.linspace(2, 140, 30)]
    watts = handoff.predict(rows)[:, 0]
    assert (np.diff(watts) >= -1e-9).all()
    assert watts.min() >= handoff.idle_share_ * handoff.limit_w - 1e-9
    assert handoff.draws(rows[0])[:, 0].min() >= handoff.idle_share_ * 300 - 1e-9


def test_effects_of_the_trend_are_never_negative() -> None:
    """The oracle: made power that falls with the second feature and rises with the first."""
    T = np.random.default_rng(0).normal(size=(50, 3))
    trend = fit_trend(T, 2 * T[:, 0] - 3 * T[:, 1])
    assert trend.weights[0] > 0
    assert (trend.weights >= 0).all()
    assert type(trend).of(trend.arrays()).at(T) == pytest.approx(trend.at(T))


def test_the_reach_is_between_models_and_not_between_their_variants() -> None:
    seen = np.array([[0.1, 0.1, 0.1], [0.1, 0.1, 0.11], [0.5, 0.1, 0.1]])
    assert reach(seen, np.array(["a", "a", "b"])) == pytest.approx(0.4, abs=0.01)
    assert nearest(seen, (0.5, 0.1, 0.2)) == pytest.approx(0.1)


def test_telemetry_unlike_any_widens_the_interval(handoff: PowerModel) -> None:
    seen = handoff.telemetry_[len(handoff.telemetry_) // 2]
    usual = job(70 * seen[0], seen[1], seen[2])
    strange = job(2 * 70.0, 0.01, 1.0)
    assert present(handoff.strangeness(usual)).telemetry <= 1
    assert present(handoff.strangeness(strange)).beyond > 0

    def width(row: PowerFeatures) -> float:
        low, high = np.quantile(handoff.draws(row)[:, 0], [0.05, 0.95])
        return float(high - low)

    assert width(strange) > width(usual)


def test_errors_on_an_anchor_never_metered_are_those_of_gpus_left_out(
    handoff: PowerModel,
) -> None:
    row, new = job(60.0, gpu=handoff.anchor_gpus_[0]), job(60.0, gpu="Another")
    assert present(handoff.strangeness(new)).new_gpu
    assert not present(handoff.strangeness(row)).new_gpu
    assert handoff.draws(row).std() != handoff.draws(new).std()
    alone = object.__new__(type(handoff))
    alone.__dict__ = {
        **vars(handoff),
        "residuals_": {k: v for k, v in handoff.residuals_.items() if k != "new gpu"},
    }
    assert alone.kind_of(new) == "sized"


def test_a_model_fitted_before_answers_without_the_telemetry(
    handoff: PowerModel,
) -> None:
    old = object.__new__(type(handoff))
    old.__dict__ = {
        k: v for k, v in vars(handoff).items() if k not in ("trend_", "idle_share_")
    }
    assert old.kind_of(job(60.0)) == "sized"
    assert np.isfinite(old.predict([job(60.0)])).all()


def test_strange_telemetry_is_named_less_sure_and_never_applied(
    example: Path, clocked: ClockFit
) -> None:
    profiles = [
        replace(p, workload=WorkloadKey("ResNet18", "128px", 64))
        for p in all_as(Profile, engine.read_profiles([example]))
    ]

    def ask(power_w: int, busy: int, memory: int) -> Recommendation:
        metrics = {"gpu_utilization": busy, "memory_utilization": memory}
        (answer,) = engine.predict_freq(
            profiles,
            "g3s.xlarge",
            "p3.2xlarge",
            clock_bundle=clocked.bundle,
            telemetry=Probe(1000, power_w, metrics=metrics),
        )
        return as_type(Recommendation, answer)

    usual, strange = ask(110, 90, 40), ask(8, 100, 100)
    said = " ".join(strange.reasons)
    assert "unlike every recording" in said
    assert strange.action == "collect"
    assert strange.confidence < usual.confidence
    assert strange.probes


def test_telemetry_of_another_time_than_the_profile_makes_the_answer_less_sure(
    example: Path, clocked: ClockFit, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = [
        replace(p, workload=WorkloadKey("ResNet18", "128px", 64))
        for p in all_as(Profile, engine.read_profiles([example]))
    ]
    metrics = {"gpu_utilization": 90.0, "memory_utilization": 40.0}

    def ask() -> Recommendation:
        (answer,) = engine.predict_freq(
            profiles,
            "g3s.xlarge",
            "p3.2xlarge",
            clock_bundle=clocked.bundle,
            telemetry=Probe(1000, 110, metrics=metrics),
        )
        return as_type(Recommendation, answer)

    same = ask()
    late = [("widen", "telemetry: not of one run")]
    monkeypatch.setattr("xlate.engine.tune.time_doubts", lambda *_: late)
    other = ask()
    assert other.confidence < same.confidence
    power, wider = same.power_at_default_w, other.power_at_default_w
    assert present(wider.high) - present(wider.low) > present(power.high) - present(
        power.low
    )
    assert any("of another time than the profile" in r for r in other.reasons)
    assert not any("of another time than the profile" in r for r in same.reasons)
