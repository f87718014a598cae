"""Training rows of a clock model: sweeps of the GPU itself and of donor GPUs."""

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

__all__ = ["choose_donor_weight", "donor_rows", "training", "with_donors"]

Floats = NDArray[np.float64]

#: weights that are tried for applications measured on donor GPUs
_DONOR_WEIGHTS = (0.0, 0.1, 0.3, 1.0)
#: grouped folds in which they are tried
_FOLDS = 6
#: suffix that distinguishes an application on a donor GPU from the same one here
_ON_DONOR = " elsewhere"


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
        What labels minimise, and the largest slowdown they allow.
    shares : array, optional
        Clocks over the highest one; by default those of the sweep.
    """
    curves = sweeps.curves
    shares = grid_of(curves) if shares is None else shares
    responses = [c.response(shares) for c in curves]
    return Training(
        X=matrix([_probes(c, kind) for c in curves], sweeps.gpu, view, kind),
        names=names(view, kind),
        time=np.array([r[0] for r in responses]),
        power=np.array([r[1] for r in responses]),
        shares=shares,
        groups=sweeps.applications,
        objective=objective or make_objective("edp"),
        bound=bound,
    )


def _probes(curve: Curve, kind: str) -> list[Probe]:
    nearest = [int(np.abs(curve.share - s).argmin()) for s in probe_shares(kind)]
    return [Probe.of(curve), *(Probe.of(curve, k) for k in nearest)]


def donor_rows(
    donors: Sequence[Sweeps],
    like: Training,
    left_out: Set[str],
    view: str,
    kind: str = "max-only",
) -> Training:
    """Training rows of donor GPUs, at the clocks of this GPU.

    Parameters
    ----------
    donors : sequence of Sweeps
        At least one.
    like : Training
        Rows of this GPU, whose clocks, objective and bound are used.
    left_out : set of str
        Applications to leave out.
    """
    first, *rest = [
        training(
            s,
            view,
            kind,
            objective=like.objective,
            bound=like.bound,
            shares=like.shares,
        )
        for s in donors
    ]
    rows = first
    for part in rest:
        rows = rows.joined(part)
    rows = rows.rows(~np.isin(rows.groups, sorted(left_out)))
    # the same application on another GPU is a different curve
    return replace(rows, groups=np.char.add(rows.groups, _ON_DONOR))


def choose_donor_weight(own: Training, donors: Training, seed: int = 0) -> float:
    """Weight of an application measured on a donor GPU.

    The one of :data:`_DONOR_WEIGHTS` with which the linear response is most accurate on
    this GPU's applications, each left out of its rows and of the donors'. 1 where
    the applications are too few for folds.

    Parameters
    ----------
    own, donors : Training
        On the same clocks; ``donors`` from :func:`donor_rows`.
    seed : int
        Of the folds.
    """
    fold = grouped_folds(own.groups, _FOLDS, seed)
    folds = np.unique(fold)
    if len(folds) < 2 or not len(donors):
        return 1.0
    errors = np.zeros(len(_DONOR_WEIGHTS))
    for f in folds:
        test = fold == f
        left_out = np.char.add(np.unique(own.groups[test]), _ON_DONOR)
        rows = donors.rows(~np.isin(donors.groups, left_out))
        truth = own.rows(test)
        for k, weight in enumerate(_DONOR_WEIGHTS):
            model = LinearResponse(seed)
            model.fit(with_donors(own.rows(~test), rows, weight))
            time, power = model.curves(truth.X)
            # log EDP
            error = np.abs((power - truth.power) + 2 * (time - truth.time))
            errors[k] += own.weights[test] @ error.mean(axis=1)
    return _DONOR_WEIGHTS[int(errors.argmin())]


def with_donors(own: Training, donors: Training, weight: float) -> Training:
    """A GPU's own rows and those of donor GPUs, the latter with a weight (0 to 1)."""
    if weight == 0:
        return own
    return own.joined(replace(donors, trust=np.full(len(donors), weight)))
