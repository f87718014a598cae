"""Translators: the contract of scikit-learn, and what vectors of times require."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from xlate.errors import UnknownNameError
from xlate.models.translate import BASELINE, DEFAULT, TRANSLATORS, make
from xlate.models.translate.base import STEP, Translator
from xlate.models.translate.window import StepFromWindow

COLUMNS = [
    "Device_Conv2D",
    "Device_Relu",
    "Device_Softmax",
    "Device_Conv3D",
    "Device_IDLE",
    "Host_IDLE",
    STEP,
]


#: typed, which the function of scikit-learn is not
_each_check: Callable[[Callable[..., None]], Callable[..., None]]
_each_check = parametrize_with_checks([make(n) for n in TRANSLATORS])


@pytest.mark.slow
@_each_check
def test_scikit_learn_contract(
    estimator: Translator, check: Callable[..., Any]
) -> None:
    check(estimator)


def pairs(
    n: int = 40, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times whose true ratios are 1/2 (conv), 1/3 (relu), idle and step alike."""
    rng = np.random.default_rng(seed)
    size = rng.uniform(1, 50, n)
    conv, relu = 1e4 * size, 2e3 * size * rng.uniform(0.9, 1.1, n)
    zero = np.zeros(n)
    X = np.column_stack(
        [conv, relu, zero, zero, 0.05 * conv, 5 * conv, (conv + relu) / 2]
    )
    Y = np.column_stack(
        [
            conv / 2,
            relu / 3,
            0.001 * conv,
            zero,
            0.1 * conv,
            5 * conv,
            (conv / 2 + relu / 3) / 2,
        ]
    )
    return X, Y


@pytest.mark.parametrize("name", ["ratio", "ratio-forest", "shares-forest", "physics"])
def test_ratios_are_learnt(name: str) -> None:
    X, Y = pairs()
    hat = make(name, COLUMNS).fit(X[:30], Y[:30]).predict(X[30:])
    assert np.allclose(hat[:, :2], Y[30:, :2], rtol=0.02)
    assert np.allclose(hat[:, -1], Y[30:, -1], rtol=0.05)


@pytest.mark.parametrize("name", ["ratio", "ratio-forest", "shares-forest", "physics"])
def test_scale_is_carried_by_the_profile(name: str) -> None:
    """A job ten times larger than any in training is still translated."""
    X, Y = pairs()
    hat = make(name, COLUMNS).fit(X, Y).predict(10 * X[:5])
    assert np.allclose(hat[:, :2], 10 * Y[:5, :2], rtol=0.05)


@pytest.mark.parametrize("name", TRANSLATORS)
def test_what_only_the_target_runs_appears_and_what_it_never_runs_does_not(
    name: str,
) -> None:
    X, Y = pairs()
    model = make(name, COLUMNS).fit(X, Y)
    if not model.predicts_vector:
        pytest.skip("step time only")
    hat = model.predict(X[:5])
    softmax, depthwise = hat[:, 2], hat[:, 3]
    assert (softmax > 0).all()
    assert np.allclose(softmax, Y[:5, 2], rtol=0.5)
    assert (depthwise == 0).all()


@pytest.mark.parametrize("name", TRANSLATORS)
def test_operations_that_the_target_does_not_run_are_left_out(name: str) -> None:
    X, Y = pairs()
    X, Y = X.copy(), Y.copy()
    X[:, 2], Y[:, 2] = 30.0, 0.0
    model = make(name, COLUMNS).fit(X, Y)
    if not model.predicts_vector:
        pytest.skip("step time only")
    assert (model.predict(X)[:, 2] == 0).all()


@pytest.mark.parametrize("name", ["ratio", "ratio-forest", "shares-forest", "physics"])
def test_an_operation_never_seen_takes_the_ratio_of_similar_ones(name: str) -> None:
    X, Y = pairs()
    new = X[:3].copy()
    new[:, 3] = 1e4
    hat = make(name, COLUMNS).fit(X, Y).predict(new)
    # the forest knows it for a convolution (1/2), the plain ratio only the totals of
    # operations
    totals = [t[:, :4].sum(axis=1) for t in (X, Y)]
    expected = 1e4 * np.median(totals[1] / totals[0]) if name == "ratio" else 0.5e4
    assert np.allclose(hat[:, 3], expected, rtol=0.02)
    assert (hat[:, 3] > 0).all()


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 10_000), st.sampled_from([n for n in TRANSLATORS if n != "profet"])
)
def test_never_negative_never_infinite(seed: int, name: str) -> None:
    X, Y = pairs(20, seed)
    rng = np.random.default_rng(seed)
    strange = X[:8] * 10.0 ** rng.uniform(-4, 4, (8, len(COLUMNS)))
    hat = make(name, COLUMNS).fit(X, Y).predict(strange)
    assert (hat >= 0).all()
    assert np.isfinite(hat).all()


def test_clamping_holds_ratios_to_those_seen() -> None:
    X, Y = pairs()
    model = make("ratio-forest", COLUMNS).fit(X, Y)
    rng = np.random.default_rng(1)
    strange = X[:9] * 10.0 ** rng.uniform(-3, 3, (9, len(COLUMNS)))
    ratio = model.predict(strange)[:, :2] / strange[:, :2]
    assert (ratio[:, 0] > 0.49).all()
    assert (ratio[:, 0] < 0.51).all()


def test_linear_counts_its_negatives_before_clamping() -> None:
    X, Y = pairs()
    model = make("linear", COLUMNS).fit(X, Y)
    far = X[:3].copy()
    far[:, 0] *= 0.001
    assert (model.predict(far) >= 0).all()
    assert model.predict_raw(far).shape == (3, len(COLUMNS))


def test_the_same_seed_gives_the_same_answer_and_another_does_not() -> None:
    X, Y = pairs()
    a, b, c = (
        make("ratio-forest", COLUMNS, s).fit(X, Y).predict(X * 1.1) for s in (0, 0, 1)
    )
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_negative_times_are_refused() -> None:
    X, Y = pairs()
    with pytest.raises(ValueError, match="Negative values"):
        make("ratio", COLUMNS).fit(-X, Y)
    with pytest.raises(ValueError, match="Negative values"):
        make("ratio", COLUMNS).fit(X, Y).predict(-X)


def test_columns_must_match() -> None:
    X, Y = pairs()
    with pytest.raises(ValueError, match="columns names 7"):
        make("ratio", COLUMNS).fit(X[:, :3], Y)


def test_profet_answers_for_the_step_only() -> None:
    X, Y = pairs()
    hat = make("profet", COLUMNS).fit(X, Y).predict(X)
    assert np.isnan(hat[:, :-1]).all()
    assert np.allclose(hat[:, -1], Y[:, -1], rtol=0.3)
    with pytest.raises(ValueError, match="step_time_us"):
        make("profet", COLUMNS[:-1]).fit(X[:, :-1], Y[:, :-1])


def test_registry() -> None:
    assert {DEFAULT, BASELINE} <= set(TRANSLATORS)
    with pytest.raises(UnknownNameError, match="ratio-forest"):
        make("ratio-forrest")
    assert clone(make("knn", COLUMNS)).get_params()["columns"] == COLUMNS


def test_step_from_window() -> None:
    X, _ = pairs()
    ops = X[:, :-1]
    window = ops[:, :5].sum(axis=1)
    model = StepFromWindow(COLUMNS[:-1]).fit(ops, window / 2.1)
    assert np.allclose(model.predict(ops), window / 2.1)
