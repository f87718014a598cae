"""What a clock model learns from: sweeps of a GPU, and of others beside it."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from xlate.models.response.base import Training, grouped_folds
from xlate.models.response.curves import LinearResponse
from xlate.objectives import Objective, make_objective
from xlate.sweeps.curve import Curve, grid_of
from xlate.sweeps.features import matrix, names, probe_shares
from xlate.sweeps.gpu_sweeps import Sweeps
from xlate.sweeps.probe import Probe

__all__ = ["of_others", "pooled", "training", "trust_in"]

Floats = NDArray[np.float64]

#: weights of an application measured on another card that are tried
_TRUSTS = (0.0, 0.1, 0.3, 1.0)
#: grouped folds in which they are tried
_FOLDS = 6
#: told apart by this from the same application on the card itself
_ELSEWHERE = " elsewhere"


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
        See :mod:`xlate.sweeps.features`.
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
    first, *rest = [
        training(s, view, kind, like.objective, like.bound, like.shares) for s in others
    ]
    together = first
    for part in rest:
        together = together.joined(part)
    together = together.rows(~np.isin(together.groups, sorted(apart)))
    # the same application on another card is another curve
    return replace(together, groups=np.char.add(together.groups, _ELSEWHERE))


def trust_in(own: Training, elsewhere: Training, seed: int = 0) -> float:
    """Weight that an application measured on another card deserves.

    The one of a few (:data:`_TRUSTS`) under which the linear response errs least
    on the card's own applications, each left out here and there; with too few of
    its own, all count alike.

    Parameters
    ----------
    own, elsewhere : Training
        On the same clocks; ``elsewhere`` from :func:`of_others`.
    seed : int
        Of the folds.
    """
    fold = grouped_folds(own.groups, _FOLDS, seed)
    folds = np.unique(fold)
    if len(folds) < 2 or not len(elsewhere):
        return 1.0
    errors = np.zeros(len(_TRUSTS))
    for f in folds:
        test = fold == f
        apart = np.char.add(np.unique(own.groups[test]), _ELSEWHERE)
        lent = elsewhere.rows(~np.isin(elsewhere.groups, apart))
        truth = own.rows(test)
        for k, trust in enumerate(_TRUSTS):
            model = LinearResponse(seed)
            model.fit(pooled(own.rows(~test), lent, trust))
            time, power = model.curves(truth.X)
            off = np.abs((power - truth.power) + 2 * (time - truth.time))
            errors[k] += own.weights[test] @ off.mean(axis=1)
    return _TRUSTS[int(errors.argmin())]


def pooled(own: Training, elsewhere: Training, trust: float) -> Training:
    """A card's applications, and those measured on others at so much weight."""
    if trust == 0:
        return own
    lent = replace(elsewhere, trust=np.full(len(elsewhere), trust))
    return own.joined(lent)
