"""Errors of clock models on applications, or GPUs, that were left out of the fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from xlate.errors import CorpusError, UnknownNameError
from xlate.evaluation.sweep_figures import (
    Choice,
    ClockRow,
    application_weights,
    bounded_rows,
    rows_of,
    weighted_quantile,
)
from xlate.models.response import CLOCK_MODELS, make_clock_model
from xlate.models.response.base import ResponseModel, Training, grouped_folds
from xlate.models.response.donors import (
    choose_donor_weight,
    donor_rows,
    training,
    with_donors,
)
from xlate.objectives import Objective, make_objective
from xlate.sweeps.gpu_sweeps import Sweeps
from xlate.sweeps.labels import gaps

__all__ = [
    "BASELINES",
    "CLOCK_SPLITS",
    "choices",
    "importance",
    "measure",
    "spread",
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
#: folds in which the errors of another GPU's response are measured
_SPREAD_FOLDS = 6
#: repeats of a permutation
_SHUFFLES = 5


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
    donor_weights: dict[tuple[int, int], float] | None = None,
) -> list[Choice]:
    """Choices of a model for every curve of each tested GPU, fitted without that curve.

    Parameters
    ----------
    sweeps : sequence of Sweeps
        With split ``gpu``, the model for each is fitted on the others, without the
        tested application; otherwise on its own and, if ``pool``, on these donors.
    tested : int, optional
        Number of ``sweeps`` to choose for; the others are only donors.
    donor_weights : dict, optional
        By GPU and fold; missing ones are chosen and added, to be used again.

    Raises
    ------
    UnknownNameError, CorpusError
        If a name is unknown, or there are too few applications or GPUs to leave one out.
    """
    _check_split(sweeps, split)
    aim = make_objective(objective, usd_per_h=None)
    trainings = [training(s, view, kind, aim, bound) for s in sweeps]
    donor_weights = {} if donor_weights is None else donor_weights
    results = []
    for k, (swept, data) in enumerate(zip(sweeps, trainings, strict=True)):
        if tested is not None and k >= tested:
            break
        fold = _folds(swept, data, split, seed)
        chosen = np.zeros(len(data), dtype=np.int64)
        sure = np.full(len(data), np.nan)
        for f in np.unique(fold):
            test = fold == f
            others = [s for i, s in enumerate(sweeps) if i != k]
            train = data.rows(~test)
            tested_now = set(data.groups[test])
            if split == "gpu":
                train = donor_rows(others, data, tested_now, view, kind)
            elif pool and others and split == "workload":
                donors = donor_rows(others, data, tested_now, view, kind)
                if (k, f) not in donor_weights:
                    donor_weights[k, f] = choose_donor_weight(train, donors, seed)
                train = with_donors(train, donors, donor_weights[k, f])
            fitted = make_clock_model(model, seed).fit(train)
            chosen[test] = fitted.scores(data.X[test], aim, bound).argmin(axis=1)
            sure[test] = fitted.confidence(data.X[test])
        results.append(_judged(swept, data, chosen, sure, aim=aim, bound=bound))
    return results


def _check_split(sweeps: Sequence[Sweeps], split: str) -> None:
    """Refuse an unknown split, and to leave the only GPU out."""
    if split not in CLOCK_SPLITS:
        raise UnknownNameError("split", split, CLOCK_SPLITS)
    if split == "gpu" and len(sweeps) < 2:
        raise CorpusError(
            "leaving a GPU out needs sweeps of two",
            "name more corpora in --sweeps",
            code="corpus.no-runs",
        )


def _folds(sweeps: Sweeps, data: Training, split: str, seed: int) -> NDArray[np.int64]:
    """Fold of each curve, at least two folds."""
    if split == "random":
        order = np.random.default_rng(seed).permutation(len(data))
        fold = np.asarray(order % _RANDOM_FOLDS)
    else:
        fold = np.unique(data.groups, return_inverse=True)[1]
    if len(np.unique(fold)) < 2:
        raise CorpusError(
            f"{sweeps.corpus} has one application on {sweeps.gpu.name}",
            "none can be left out; sweep more applications",
            code="corpus.no-runs",
        )
    return fold


def _judged(
    sweeps: Sweeps,
    data: Training,
    chosen: NDArray[np.int64],
    sure: Floats,
    *,
    aim: Objective,
    bound: float | None,
) -> Choice:
    """Compare choices with the measured, smoothed curves."""
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
    return Choice(
        gap, slowdown, saved, possible, mhz, best_mhz=best_mhz, confidence=sure
    )


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
    progress: Callable[[int, int, str], None] | None = None,
) -> list[ClockRow]:
    """Figures of models and baselines on applications left out of the fit.

    All applications have the same weight, shared by their variants.

    Parameters
    ----------
    bound : float or None
        Slowdown for the figures that keep to a bound; None leaves these out.
    pool, tested
        See :func:`choices`.
    progress : callable, optional
        Called with the models done, the number of models, and the next model.

    Returns
    -------
    list of ClockRow
        Gaps, savings and slowdowns are shares, not per cent.
    """
    if split not in CLOCK_SPLITS:
        raise UnknownNameError("split", split, CLOCK_SPLITS)
    label, main, rows = CLOCK_SPLITS[split], objectives[0], []
    study = partial(
        choices,
        sweeps,
        split=split,
        view=view,
        kind=kind,
        seed=seed,
        pool=pool,
        tested=tested,
        donor_weights={},
    )
    names = list(dict.fromkeys([*BASELINES, *models]))
    for done, model in enumerate(names):
        if progress is not None:
            progress(done, len(names), model)
        for objective in objectives:
            first = objective == main
            chosen = study(model, objective=objective)
            for swept, choice in zip(sweeps, chosen, strict=False):
                rows += rows_of(swept, model, label, objective, choice, first=first)
        if bound is not None:
            chosen = study(model, objective=main, bound=bound)
            for swept, choice in zip(sweeps, chosen, strict=False):
                rows += bounded_rows(swept, model, label, main, choice, bound=bound)
    return rows


def spread(
    source: Sweeps,
    target: Sweeps,
    model: str,
    *,
    view: str = "dcgm",
    seed: int = 0,
    level: float = 0.9,
) -> float:
    """Factor from the errors of a GPU's response on itself to those on another GPU.

    The quantile of the absolute error in log EDP, over the clocks of
    applications left out, when the response of ``source`` is used for
    ``target``, over the same quantile when it is used for ``source``.

    Parameters
    ----------
    model : str
        A response model.
    level : float
        Of the quantile.
    """
    own = training(source, view)
    other = training(target, view, shares=own.shares)
    together = np.concatenate([own.groups, other.groups])
    fold = grouped_folds(together, _SPREAD_FOLDS, seed)
    own_fold, other_fold = fold[: len(own)], fold[len(own) :]
    errors = np.zeros_like(own.time), np.zeros_like(other.time)
    for f in np.unique(fold):
        fitted = make_clock_model(model, seed)
        if not isinstance(fitted, ResponseModel):
            raise UnknownNameError("response model", model, CLOCK_MODELS)
        fitted.fit(own.rows(own_fold != f))
        for data, at, error in zip(
            (own, other), (own_fold, other_fold), errors, strict=True
        ):
            if not (at == f).any():
                continue
            part = data.rows(at == f)
            time, power = fitted.curves(part.X)
            error[at == f] = (power - part.power) + 2 * (time - part.time)
    home, away = (
        weighted_quantile(
            np.abs(e).ravel(),
            np.repeat(application_weights(d.groups) / e.shape[1], e.shape[1]),
            level,
        )
        for e, d in zip(errors, (own, other), strict=True)
    )
    return away / home


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

    The growth of the mean gap when one feature of the applications left out is
    shuffled among all of them.
    """
    aim = make_objective(objective)
    data = training(sweeps, view, kind, aim)
    weights = application_weights(data.groups)
    rng = np.random.default_rng(seed)
    fold = _folds(sweeps, data, "workload", seed)
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
            None,
            sweeps.gpu.name,
            model,
            sweeps.corpus,
            CLOCK_SPLITS["workload"],
            held_out=None,
            metric=f"importance:{name}",
            value=float(weights @ lost[name].mean(axis=0)) - base,
            n=len(data),
        )
        for name in data.names
    ]
