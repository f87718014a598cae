"""The physics translator's parts, on data whose physics is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.narrowing import present
from xlate.data import corpus
from xlate.data.pairing import align
from xlate.models.translate import make
from xlate.models.translate.base import STEP
from xlate.models.translate.physics import PhysicsTranslator
from xlate.models.translate.pooled import PooledRatios, Runs
from xlate.models.translate.transfers import Transfers
from xlate.models.translate.two_path import TwoPath

pytestmark = pytest.mark.slow

SERIAL = "Device_DepthwiseConv2dNativeBackpropFilter"
NAMES = ["Device_Conv2D", "Device_Relu", SERIAL]


def runs_of(
    n: int = 60, models: int = 6, seed: int = 0
) -> tuple[Runs, Floats, NDArray[np.str_]]:
    """Models of differing mix; conv goes at 1/4, relu at 1/2, on the target."""
    rng = np.random.default_rng(seed)
    model = np.arange(n) % models
    conv = 1e4 * rng.uniform(1, 20, n)
    relu = conv * (0.05 + 0.1 * model / models)
    X = np.column_stack([conv, relu, np.zeros(n)])
    Y = X * np.array([0.25, 0.5, 0.0])
    return Runs(X, 0.1 * conv, 0.6 * conv), Y, np.array([f"m{k}" for k in model])


def test_pooled_ratios_hold_for_a_model_left_out() -> None:
    runs, Y, models = runs_of()
    test = models == "m5"
    fitted = PooledRatios(NAMES).fit(runs.rows(~test), Y[~test], models[~test])
    hat = fitted.predict(runs.rows(test))
    # shrunk to each other by one model in six
    np.testing.assert_allclose(hat[:, :2], Y[test][:, :2], rtol=0.12)
    assert (hat[:, 2] == 0).all()


def test_unseen_serial_operations_scale_with_the_clock() -> None:
    runs, Y, models = runs_of()
    fitted = PooledRatios(NAMES, clock_ratio=0.8).fit(runs, Y, models)
    new = Runs(runs.ops[:2] + np.array([0, 0, 5e4]), runs.idle[:2], runs.step[:2])
    np.testing.assert_allclose(fitted.predict(new)[:, 2], 0.8 * 5e4, rtol=1e-6)


def test_effects_of_a_group_are_taken_without_it() -> None:
    fitted = PooledRatios(["Device_Conv2D", "Device_MatMul"])
    fitted._index()
    ratio = np.array([[1.0, 0.0], [1.0, 0.0], [3.0, 0.0]])
    measured = np.array([[True, False]] * 3)
    effects = fitted._effects(ratio, measured, np.array([0, 1, 2]))
    # a mean over the other groups, moved towards itself by a half or a third
    assert effects[0, 0] == pytest.approx(2.0)
    assert effects[2, 0] == pytest.approx(1.0)
    assert effects[3, 0] == pytest.approx(5 / 3)
    # nothing is known of the other column but its nature
    assert effects[3, 1] == pytest.approx(5 / 3)


def test_a_backward_pass_is_also_seen_from_the_forward_one() -> None:
    rng = np.random.default_rng(1)
    forward = 1e4 * rng.uniform(1, 5, 60)
    names = ["Device_Conv2D", "Device_Conv2DBackpropFilter"]
    odd = rng.uniform(0.3, 3, 60)
    X = np.column_stack([forward, forward * odd])
    # on the target the backward pass has nothing to do with the anchor's own
    Y = np.column_stack([forward / 2, forward])
    nothing = np.zeros(60)
    models = np.array([f"m{k % 6}" for k in range(60)])
    fitted = PooledRatios(names).fit(Runs(X, nothing, nothing), Y, models)
    hat = fitted.predict(Runs(X, nothing, nothing))[:, 1]
    by_itself = X[:, 1] * np.exp(np.log(Y[:, 1] / X[:, 1]).mean())
    assert (
        np.abs(np.log(hat / Y[:, 1])).mean()
        < 0.6 * np.abs(np.log(by_itself / Y[:, 1])).mean()
    )


def test_copies_are_one_quantity_under_two_names() -> None:
    names = ["Device__Recv", "Device_Relu", "Device__Send"]
    X = np.array([[10.0, 1, 0], [0, 1, 10], [4, 1, 6]] * 5)
    copies = Transfers(names)
    merged = copies.merged(X)
    assert (merged[:, 2] == 10).all()
    assert (merged[:, 0] == 0).all()
    copies.fit(X, X, np.ones(len(X)))
    np.testing.assert_allclose(
        copies.split(X, 2 * merged).sum(axis=1), 2 * X.sum(axis=1)
    )
    assert copies.split(X, merged)[0, 0] > 7
    # without both names nothing happens
    lone = Transfers(names[:2]).fit(X[:, :2], X[:, :2], np.ones(len(X)))
    np.testing.assert_array_equal(lone.split(X[:, :2], X[:, :2]), X[:, :2])


Floats = NDArray[np.float64]


def two_gpus(
    n: int = 200, seed: int = 0, faster: float = 6.0
) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats, Floats]:
    """Jobs with a device and a host path, as the module's formula says."""
    rng = np.random.default_rng(seed)
    device = np.exp(rng.uniform(np.log(1e3), np.log(1e6), n))
    host = np.exp(rng.uniform(np.log(1e3), np.log(3e4), n))
    knee, kappa, phi = 3.0, 2.6, 2.0

    def soft(a: Floats, b: Floats, k: float) -> Floats:
        return (a**k + b**k) ** (1 / k)

    busy = 2 * device
    window = soft(busy, phi * 2 * host, kappa)
    there = device / faster
    return (
        busy, window - busy, soft(device, host, knee),
        2 * there, soft(there, 0.8 * host, knee), there, 0.8 * host,
    )  # fmt: skip


def test_two_paths_are_found_again() -> None:
    busy, idle, step, b, s, device, host = two_gpus()
    train = np.arange(len(busy)) < 150
    fitted = TwoPath().fit(
        busy[train], idle[train], step[train], b[train], s[train], np.ones(150)
    )
    paths = fitted.predict(busy[~train], idle[~train], step[~train], b[~train])
    assert np.abs(paths.step / s[~train] - 1).mean() < 0.03
    clear = np.abs(np.log(device / host))[~train] > 0.5
    binds = (paths.device > paths.host)[clear]
    assert (binds == (device > host)[~train][clear]).all()


def test_a_ratio_of_step_times_would_not_do() -> None:
    """Why two paths: the ratio spans a factor of five on the same pair of GPUs."""
    _, _, step, _, s, _, _ = two_gpus()
    ratio = s / step
    assert ratio.max() / ratio.min() > 4


def test_the_translator_says_which_path_binds() -> None:
    busy, idle, step, b, s, device, host = two_gpus()
    columns = ["Device_Conv2D", "Device_Relu", "Device_IDLE", STEP]
    X = np.column_stack([0.9 * busy, 0.1 * busy, idle, step])
    Y = np.column_stack([0.9 * b, 0.1 * b, idle, s])
    models = np.array([f"m{k % 8}" for k in range(len(X))])
    test = models == "m0"
    fitted = make("physics", columns).fit(X[~test], Y[~test], models[~test])
    hat = fitted.predict(X[test])
    assert np.abs(hat[:, -1] / s[test] - 1).mean() < 0.06
    paths = fitted.translate(X[test])
    np.testing.assert_array_equal(paths.values, hat)
    clear = np.abs(np.log(device / host))[test] > 0.7
    of_device, of_host = present(paths.device), present(paths.host)
    assert ((of_device > of_host) == (device > host)[test])[clear].all()


@pytest.fixture(scope="module")
def simulated_pair() -> tuple[list[str], Floats, Floats, NDArray[np.str_]]:
    data = corpus.load("simulated")
    aligned = align(data.runs_on("g3s.xlarge"), data.runs_on("p3.2xlarge"), "median")
    columns = [*aligned.columns, STEP]
    X, Y = aligned.anchor_matrix(columns), aligned.target_matrix(columns)
    return columns, X, Y, aligned.models


def test_the_forest_is_used_where_the_two_paths_do_not_hold(
    simulated_pair: tuple[list[str], Floats, Floats, NDArray[np.str_]],
) -> None:
    # simulated hosts leave no trace in the device's idle time
    columns, X, Y, models = simulated_pair
    assert make("physics", columns).fit(X, Y, models).weight_ > 2 / 3


def test_a_weight_that_is_given_is_kept(
    simulated_pair: tuple[list[str], Floats, Floats, NDArray[np.str_]],
) -> None:
    columns, X, Y, models = simulated_pair
    few = np.isin(models, np.unique(models)[:3])
    paths, forest = (
        PhysicsTranslator(columns, second_opinion=w).fit(X[few], Y[few], models[few])
        for w in (0.0, 1.0)
    )
    translated = paths.translate(X[few])
    step = PhysicsTranslator(columns).fit(X[few], Y[few], models[few])
    assert step.weight_ == 1 / 3  # too few models to choose by
    np.testing.assert_allclose(
        step.predict(X[few])[:, -1],
        translated.values[:, -1] ** (2 / 3) * forest.predict(X[few])[:, -1] ** (1 / 3),
    )
