"""How far a job lies outside the swept jobs, and how its curves are widened for it.

Outside the jobs it was fitted on, a response model extrapolates: terms that grow with
the square of a feature become arbitrarily large, and all draws around such a curve
agree. So a feature outside the range of the swept jobs is set to the end of the range,
and the draws widen with the distance. A feature that was not recorded is drawn from the
range.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xlate.models.response.base import ResponseModel
from xlate.models.response.calibrated import CalibratedResponse
from xlate.sweeps.features import VIEWS

__all__ = ["beyond", "completed", "disagreement", "within"]

Floats = NDArray[np.float64]

#: place of the busy share in the features of every view
(_BUSY,) = {view.index("busy") for view in VIEWS.values()}


def _span(model: ResponseModel) -> tuple[Floats, Floats]:
    """Lowest and highest value of each feature; infinite where no swept job had it."""
    low, high = np.asarray(model.span_, dtype=float)
    recorded = low <= high
    return np.where(recorded, low, -np.inf), np.where(recorded, high, np.inf)


def within(model: ResponseModel, X: Floats) -> Floats:
    """Features limited to the range of the swept jobs; NaN stays.

    The busy share is not limited: time that a card waits does not depend on its clock.
    """
    low, high = _span(model)
    low[_BUSY], high[_BUSY] = -np.inf, np.inf
    return np.clip(X, low, high)


def beyond(model: ResponseModel, row: Floats) -> float:
    """Largest distance of a feature outside its range, in widths of the range.

    Parameters
    ----------
    model : ResponseModel
    row : array, shape (n_features,)

    Returns
    -------
    float
        0 inside the range.
    """
    low, high = _span(model)
    outside = np.maximum(np.maximum(low - row, row - high), 0.0)
    ranged = np.isfinite(outside) & np.isfinite(high - low) & (high > low)
    return float((outside[ranged] / (high - low)[ranged]).max(initial=0.0))


def completed(
    model: ResponseModel, row: Floats, n: int, rng: np.random.Generator
) -> Floats:
    """One job ``n`` times, with draws for each feature that was not recorded.

    Draws are from the range of the swept jobs: half below the mean of training, half
    above it.

    Parameters
    ----------
    row : array, shape (n_features,)
        NaN where not recorded.

    Returns
    -------
    array, shape (n, n_features)
    """
    drawn = np.tile(row, (n, 1))
    low, high = _span(model)
    for j in np.flatnonzero(~np.isfinite(row)):
        ends = (low[j], model.fill_[j], high[j])
        if np.isfinite(ends).all():
            drawn[:, j] = np.interp(rng.uniform(size=n), (0, 0.5, 1), ends)
    return drawn


def disagreement(model: CalibratedResponse, X: Floats) -> tuple[Floats, Floats]:
    """Difference between the two members of a model, beyond its held-out errors.

    Where the members differ by more than the usual error on jobs left out, the job is
    unlike all of those.

    Returns
    -------
    time, power : array, shape (n, n_clocks)
        Half the difference of the members' logs, signed, less the usual error; 0 where
        it is smaller, or where the model has no two members.
    """
    parts = getattr(model.model_, "parts_", ())
    shape = (len(X), len(model.shares_))
    if len(parts) != 2:
        return np.zeros(shape), np.zeros(shape)
    first, second = (part.curves(X) for part in parts)
    return (
        _excess((first[0] - second[0]) / 2, model.time_residuals_),
        _excess((first[1] - second[1]) / 2, model.power_residuals_),
    )


def _excess(half: Floats, residuals: Floats) -> Floats:
    usual = np.sqrt((residuals**2).mean(axis=0))
    return np.asarray(np.sign(half) * np.maximum(np.abs(half) - usual, 0.0))
