"""Step time from the op vector alone.

A ``tensorflow_stats`` file holds operations over the profile window and no
step time. The window covers about two steps (2.0 to 3.8 in PROFET's corpus,
most for small networks on fast GPUs); the number is predicted from the vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_is_fitted

from xlate import op_names
from xlate.models.forests import forest_mean
from xlate.models.state import Stateful

__all__ = ["StepFromWindow"]

Floats = NDArray[np.float64]


class StepFromWindow(Stateful, BaseEstimator):  # type: ignore[misc]
    """Steps per window from the vector, clamped to the range in training.

    Parameters
    ----------
    columns : sequence of str, optional
        Op columns.
    n_estimators : int
        Trees.
    random_state : int
        Seed.
    """

    kind = "step-from-window"
    kept = ("columns", "n_estimators", "random_state")

    def __init__(
        self,
        columns: Sequence[str] | None = None,
        n_estimators: int = 60,
        random_state: int = 0,
    ) -> None:
        self.columns = columns
        self.n_estimators = n_estimators
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Fit to op vectors (n, k) and step times (n,), both in µs."""
        from sklearn.ensemble import ExtraTreesRegressor

        X = check_array(X, dtype=np.float64)
        window = self._window(X)
        steps = np.log(window / np.asarray(y, dtype=np.float64))
        self.low_, self.high_ = float(steps.min()), float(steps.max())
        self.inputs_ = np.flatnonzero(X.any(axis=0))
        self.forest_ = ExtraTreesRegressor(
            self.n_estimators, min_samples_leaf=2, random_state=self.random_state
        ).fit(self._features(X, window), steps)
        return self

    def predict(self, X: Any) -> Floats:
        """Step time in microseconds of each op vector (n, k)."""
        check_is_fitted(self)
        X = check_array(X, dtype=np.float64)
        window = self._window(X)
        steps = forest_mean(self.forest_, self._features(X, window))
        steps = np.clip(steps, self.low_, self.high_)
        return np.asarray(window / np.exp(steps))

    def _window(self, X: Floats) -> Floats:
        columns = list(self.columns or [])
        named = set(op_names.device_columns(columns))
        device = [c in named for c in columns]
        # a vector without any device time has no window; 1 µs keeps logs finite
        return np.asarray(np.maximum(X[:, device].sum(axis=1), 1.0))

    def _features(self, X: Floats, window: Floats) -> Floats:
        idle = X[:, list(self.columns or []).index(op_names.DEVICE_IDLE)]
        return np.column_stack(
            [np.log1p(X[:, self.inputs_]), np.log(window), idle / window]
        )
