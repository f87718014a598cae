"""The per-operation median ratio: the baseline every translator must beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xlate.models.translate.base import Floats, Translator

__all__ = ["RatioTranslator", "column_medians", "log_ratios"]


def log_ratios(X: Floats, Y: Floats) -> Floats:
    """log(target / anchor), NaN where either is 0.

    Parameters
    ----------
    X, Y : ndarray of shape (n, k)
        Microseconds.
    """
    both = (X > 0) & (Y > 0)
    return np.where(
        both, np.log(np.where(both, Y, 1.0) / np.where(both, X, 1.0)), np.nan
    )


def column_medians(values: Floats, default: float | NDArray[np.float64]) -> Floats:
    """Median of each column without its NaN, ``default`` where all are NaN."""
    filled = ~np.isnan(values).all(axis=0)
    medians = np.full(values.shape[1], np.nan)
    medians[filled] = np.nanmedian(values[:, filled], axis=0)
    return np.where(np.isnan(medians), default, medians)


class RatioTranslator(Translator):
    """Each operation times the median of its ratio in training.

    An operation that never ran on both sides gets the ratio of the busy totals. The
    step time is a column like any other. Ratios cannot become extreme: each was measured.
    """

    kind = "ratio"

    def _fit(self, X: Floats, Y: Floats) -> None:
        A = self._counterpart(X)
        busy = self._busy(self.n_outputs_)
        totals = log_ratios(
            A[:, busy].sum(axis=1, keepdims=True), Y[:, busy].sum(axis=1, keepdims=True)
        )
        overall = float(column_medians(totals, 0.0)[0])
        self.log_ratio_ = column_medians(log_ratios(A, Y), overall)

    def _predict(self, X: Floats) -> Floats:
        return np.asarray(self._counterpart(X) * np.exp(self.log_ratio_))
