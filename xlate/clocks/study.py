"""How wrong clock models are on applications, or GPUs, that they never saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from xlate.clocks.curve import Curve, grid_of
from xlate.clocks.features import matrix, names, probe_shares
from xlate.clocks.figures import (
    Choice,
    ClockRow,
    Sweeps,
    application_weights,
    bounded_rows,
    rows_of,
)
from xlate.clocks.label import gaps
from xlate.clocks.models import CLOCK_MODELS, make_clock_model
from xlate.clocks.models.base import Training
from xlate.clocks.objective import Objective, make_objective
from xlate.clocks.probe import Probe
from xlate.errors import CorpusError, UnknownNameError

__all__ = [
    "BASELINES",
    "CLOCK_SPLITS",
    "choices",
    "importance",
    "measure",
    "of_others",
    "training",
]

Floats = NDArray[np.float64]

#: split -> how tables name it
CLOCK_SPLITS: dict[str, str] = {
    "workload": "leave-one-application-out",
    "gpu": "leave-one-GPU-and-application-out",
    "random": "random (leaky)",
}
BASELINES = ("max-clock", "constant-share")
_RANDOM_FOLDS = 10
#: weight of an application measured on another card; 0.1, 0.3 and 1 were tried
#: (experiments/README.md)
_TRUST_IN_OTHERS = 0.3
#: repeats of a permutation
_SHUFFLES = 5


def training(
    sweeps: Sweeps,
    view: str,
    kind: str = "max-only",
    objective: Objective | None = None,
    bound: float | None = None,
    shares: Floats | None = None,
) -> Training:
    """Features and responses of the curves of one GPU.

    Parameters
    ----------
    sweeps : Sweeps
    view, kind : str
        See :mod:`xlate.clocks.features`.
    objective, bound
        What labels minimise, and the slowdown they keep to.
    shares : array, optional
        Clocks over the highest one; by default those of the sweep.
    """
    curves = sweeps.curves
    shares = grid_of(curves) if shares is None else shares
    responses = [c.response(shares) for c in curves]
    return Training(
        matrix([_probes(c, kind) for c in curves], sweeps.gpu, view, kind),
        names(view, kind),
        np.array([r[0] for r in responses]),
        np.array([r[1] for r in responses]),
        shares,
        sweeps.applications,
        objective or make_objective("edp"),
        bound,
    )


def _probes(curve: Curve, kind: str) -> list[Probe]:
    nearest = [int(np.abs(curve.share - s).argmin()) for s in probe_shares(kind)]
    return [Probe.of(curve), *(Probe.of(curve, k) for k in nearest)]


def choices(
    sweeps: Sequence[Sweeps],
    model: str,
    *,
    split: str = "workload",
    view: str = "dcgm",
    kind: str = "max-only",
    objective: str = "edp",
    bound: float | None = None,
    seed: int = 0,
    pool: bool = True,
    tested: int | None = None,
) -> list[Choice]:
    """Let a model choose for every curve, fitted each time without it.

    Parameters
    ----------
    sweeps : sequence of Sweeps
        With split ``gpu`` each is tested on what the others taught, the
        application in question left out there too; else each by itself.
    model : str
        Key of :data:`xlate.clocks.models.CLOCK_MODELS`.
    pool : bool
        Whether applications of the other ``sweeps`` teach too, the one in
        question left out there as well. Shares of the highest clock and the
        physical terms carry from card to card.
    tested : int, optional
        How many of ``sweeps`` to choose for; the others only teach.

    Returns
    -------
    list of Choice
        One for each of ``sweeps`` that is tested.

    Raises
    ------
    UnknownNameError
        If a name is unknown.
    CorpusError
        If there is too little to hold anything out.
    """
    if split not in CLOCK_SPLITS:
        raise UnknownNameError("split", split, CLOCK_SPLITS)
    aim = make_objective(objective, usd_per_h=None)
    whole = [training(s, view, kind, aim, bound) for s in sweeps]
    if split == "gpu" and len(sweeps) < 2:
        raise CorpusError(
            "leaving a GPU out needs sweeps of two", "name more corpora in --sweeps"
        )
    found = []
    for k, (one, data) in enumerate(zip(sweeps, whole, strict=True)):
        if tested is not None and k >= tested:
            break
        fold = _folds(data, split, seed)
        if len(np.unique(fold)) < 2:
            raise CorpusError(
                f"{one.corpus} has one application on {one.gpu.name}",
                "nothing can be held out; sweep more applications",
            )
        chosen = np.zeros(len(data), dtype=np.int64)
        sure = np.full(len(data), np.nan)
        for f in np.unique(fold):
            test = fold == f
            others = [s for i, s in enumerate(sweeps) if i != k]
            train = data.rows(~test)
            if split == "gpu":
                train = of_others(others, data, set(data.groups[test]), view, kind)
            elif pool and others and split == "workload":
                train = train.joined(
                    of_others(others, data, set(data.groups[test]), view, kind)
                )
            fitted = make_clock_model(model, seed).fit(train)
            X = data.X[test]
            chosen[test] = fitted.scores(X, aim, bound).argmin(axis=1)
            sure[test] = fitted.confidence(X)
        found.append(_judged(one, data, chosen, sure, aim, bound))
    return found


def _folds(data: Training, split: str, seed: int) -> NDArray[np.int64]:
    if split == "random":
        deal = np.random.default_rng(seed).permutation(len(data))
        return np.asarray(deal % _RANDOM_FOLDS)
    return np.unique(data.groups, return_inverse=True)[1]


def of_others(
    others: Sequence[Sweeps],
    like: Training,
    apart: Set[str],
    view: str,
    kind: str = "max-only",
) -> Training:
    """Training rows of other GPUs, on the clocks of this one.

    Parameters
    ----------
    others : sequence of Sweeps
        At least one.
    like : Training
        Whose clocks, objective and bound to take.
    apart : set of str
        Applications to leave out.
    """
    parts = [
        training(s, view, kind, like.objective, like.bound, like.shares) for s in others
    ]
    pooled = parts[0]
    for part in parts[1:]:
        pooled = pooled.joined(part)
    pooled = pooled.rows(~np.isin(pooled.groups, sorted(apart)))
    # the same application on another card is another curve
    return replace(
        pooled,
        groups=np.char.add(pooled.groups, " elsewhere"),
        trust=np.full(len(pooled), _TRUST_IN_OTHERS),
    )


def _judged(
    sweeps: Sweeps,
    data: Training,
    chosen: NDArray[np.int64],
    sure: Floats,
    aim: Objective,
    bound: float | None,
) -> Choice:
    """Hold choices against the measured, smoothed curves."""
    figures = []
    for curve, pick in zip(sweeps.curves, chosen, strict=True):
        k = int(np.abs(curve.share - data.shares[pick]).argmin())
        gap = gaps(curve, aim, bound)
        free = gaps(curve, aim)
        energy = curve.smooth_time_s * curve.smooth_power_w
        best = int(free.argmin())
        figures.append(
            (
                gap[k],
                curve.smooth_time_s[k] / curve.smooth_time_s.min() - 1,
                1 - energy[k] / energy[-1],
                1 - energy[best] / energy[-1],
                curve.sm_mhz[k],
                curve.sm_mhz[best],
            )
        )
    gap, slowdown, saved, possible, mhz, best_mhz = np.array(figures).T
    return Choice(gap, slowdown, saved, possible, mhz, best_mhz, sure)


def measure(
    sweeps: Sequence[Sweeps],
    models: Sequence[str] = tuple(CLOCK_MODELS),
    *,
    split: str = "workload",
    view: str = "dcgm",
    kind: str = "max-only",
    objectives: Sequence[str] = ("edp", "ed2p"),
    bound: float | None = 0.05,
    seed: int = 0,
    pool: bool = True,
    tested: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[ClockRow]:
    """Figures of models on what they were not fitted on, baselines among them.

    Applications count alike: variants of one share its weight, in means, in
    quantiles and in shares.

    Parameters
    ----------
    bound : float or None
        Slowdown for the figures that keep to a bound; None leaves these out.
    pool, tested
        See :func:`choices`.

    Returns
    -------
    list of ClockRow
        Gaps, savings and slowdowns are shares, not per cent.
    """
    if split not in CLOCK_SPLITS:
        raise UnknownNameError("split", split, CLOCK_SPLITS)
    label = CLOCK_SPLITS[split]
    rows: list[ClockRow] = []
    for model in dict.fromkeys([*BASELINES, *models]):
        if progress is not None:
            progress(f"{model} …")
        for objective in objectives:
            first = objective == objectives[0]
            found = choices(
                sweeps, model, split=split, view=view, kind=kind, seed=seed,
                objective=objective, pool=pool, tested=tested,
            )  # fmt: skip
            for one, choice in zip(sweeps, found, strict=False):
                rows += rows_of(one, model, label, objective, choice, first)
        if bound is not None:
            found = choices(
                sweeps, model, split=split, view=view, kind=kind, seed=seed,
                objective=objectives[0], bound=bound, pool=pool, tested=tested,
            )  # fmt: skip
            for one, choice in zip(sweeps, found, strict=False):
                rows += bounded_rows(one, model, label, objectives[0], choice, bound)
    return rows


def importance(
    sweeps: Sweeps,
    model: str,
    *,
    view: str = "dcgm",
    kind: str = "max-only",
    objective: str = "edp",
    seed: int = 0,
) -> list[ClockRow]:
    """Permutation importance (Breiman, 2001) on applications left out.

    How much the mean gap grows when one feature of the applications left out is
    shuffled among all of them.
    """
    aim = make_objective(objective)
    data = training(sweeps, view, kind, aim)
    weights = application_weights(data.groups)
    rng = np.random.default_rng(seed)
    fold = _folds(data, "workload", seed)
    shuffled = ("", *data.names)
    orders = [rng.permutation(len(data)) for _ in range(_SHUFFLES)]
    gap = np.array(
        [np.interp(data.shares, c.share, gaps(c, aim)) for c in sweeps.curves]
    )
    lost = {name: np.zeros((_SHUFFLES, len(data))) for name in shuffled}
    for f in np.unique(fold):
        test = fold == f
        fitted = make_clock_model(model, seed).fit(data.rows(~test))
        for name in shuffled:
            for r, order in enumerate(orders):
                X = data.X.copy()
                if name:
                    j = data.names.index(name)
                    X[:, j] = data.X[order, j]
                pick = fitted.scores(X[test], aim, None).argmin(axis=1)
                lost[name][r, test] = gap[test, pick]
    base = float(weights @ lost[""].mean(axis=0))
    return [
        ClockRow(
            None, sweeps.gpu.name, model, sweeps.corpus, CLOCK_SPLITS["workload"], None,
            f"importance:{name}", float(weights @ lost[name].mean(axis=0)) - base,
            len(data),
        )
        for name in data.names
    ]  # fmt: skip
