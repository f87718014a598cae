"""How far a job lies from those that were swept, and what follows for its curves.

Beyond the jobs that taught it a model of the response says anything: terms that grow
with the square of a feature run away, and every draw about such a curve agrees. So a
feature is taken at the edge of what was swept, and the draws widen with the distance;
one that was not recorded is drawn from what was swept.
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


def _span(model: ResponseModel) -> tuple[Floats, Floats] | None:
    """Least and most of each feature; infinite where no swept job had it."""
    span = getattr(model, "span_", None)
    if span is None:
        return None  # of a clock model saved before spans were kept
    low, high = np.asarray(span, dtype=float)
    known = low <= high
    return np.where(known, low, -np.inf), np.where(known, high, np.inf)


def within(model: ResponseModel, X: Floats) -> Floats:
    """Features at the edge of what was swept where they lie beyond; NaN stays.

    Not the busy share: a card that waits is not slowed, however far beyond it lies.
    """
    span = _span(model)
    if span is None:
        return X
    low, high = (end.copy() for end in span)
    low[_BUSY], high[_BUSY] = -np.inf, np.inf
    return np.clip(X, low, high)


def beyond(model: ResponseModel, row: Floats) -> float:
    """How far one job lies beyond those swept: the farthest feature, in widths of its span.

    Parameters
    ----------
    model : ResponseModel
    row : array, shape (n_features,)

    Returns
    -------
    float
        0 inside the span.
    """
    span = _span(model)
    if span is None:
        return 0.0
    low, high = span
    over = np.maximum(np.maximum(low - row, row - high), 0.0)
    known = np.isfinite(over) & np.isfinite(high - low) & (high > low)
    return float((over[known] / (high - low)[known]).max(initial=0.0))


def completed(
    model: ResponseModel, row: Floats, n: int, rng: np.random.Generator
) -> Floats:
    """One job ``n`` times, each feature that was not recorded drawn from what was swept.

    Half of the draws lie under the mean of training, half over it.

    Parameters
    ----------
    row : array, shape (n_features,)
        NaN where not recorded.

    Returns
    -------
    array, shape (n, n_features)
    """
    drawn = np.tile(row, (n, 1))
    span = _span(model)
    if span is None:
        return drawn
    for j in np.flatnonzero(~np.isfinite(row)):
        ends = (span[0][j], model.fill_[j], span[1][j])
        if np.isfinite(ends).all():
            drawn[:, j] = np.interp(rng.uniform(size=n), (0, 0.5, 1), ends)
    return drawn


def disagreement(model: CalibratedResponse, X: Floats) -> tuple[Floats, Floats]:
    """How far the members of a model are apart, beyond the errors that it knows of.

    Where its members disagree by more than it erred on jobs left out, no job like this
    was among them.

    Returns
    -------
    time, power : array, shape (n, n_clocks)
        Half the way between the members, signed, in logs; 0 where they agree or there
        are no two.
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
