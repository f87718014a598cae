"""Copies between host and device: one quantity under two names.

TensorFlow records a copy of the input as ``_Recv`` or as ``_Send`` at random: two runs
of one job differ in the names while the sum is the same. So the sum is translated, and
the share of each name is predicted afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlate.models.forests import forest_mean
from xlate.models.state import Stateful

__all__ = ["Transfers"]

Floats = NDArray[np.float64]

_PAIR = ("Device__Send", "Device__Recv")
_TREES = 30


class Transfers(Stateful):
    """Adds both names into the first, and splits them again.

    Parameters
    ----------
    names : sequence of str
        Columns of matrices; matrices without both names are not changed.
    seed : int
    """

    kind = "transfers"
    kept = ("places", "seed")

    def __init__(self, names: Sequence[str], seed: int = 0) -> None:
        self.places = [list(names).index(n) for n in _PAIR if n in names]
        self.seed = seed

    @property
    def both(self) -> bool:
        """Whether the columns have both names."""
        return len(self.places) == len(_PAIR)

    def merged(self, X: Floats) -> Floats:
        """A copy with the sum under the first name, 0 under the second."""
        X = X.copy()
        if self.both:
            first, second = self.places
            X[:, first] += X[:, second]
            X[:, second] = 0.0
        return X

    def fit(self, X: Floats, Y: Floats, weights: Floats) -> Transfers:
        """Fit the first name's share on the target.

        Parameters
        ----------
        X, Y : ndarray of shape (n, k)
            Both sides, not merged, µs.
        weights : ndarray of shape (n,)
        """
        from sklearn.ensemble import ExtraTreesRegressor

        self.forest_: Any = None
        if not self.both:
            return self
        copies = (X[:, self.places].sum(axis=1) > 0) & (
            Y[:, self.places].sum(axis=1) > 0
        )
        if copies.any():
            share = _share(Y[copies][:, self.places])
            self.forest_ = ExtraTreesRegressor(
                _TREES, min_samples_leaf=3, random_state=self.seed
            )
            self.forest_.fit(
                self._features(X[copies]), share, sample_weight=weights[copies]
            )
        return self

    def split(self, X: Floats, Y: Floats) -> Floats:
        """Split the sum in ``Y`` (merged) over both names.

        Parameters
        ----------
        X : ndarray of shape (n, k)
            The anchor side, not merged.
        """
        if not self.both or self.forest_ is None:
            return Y
        share = forest_mean(self.forest_, self._features(X))
        # true shares are near 0 or 1; predictions between are uncertain, so the more
        # probable name gets more than its probability
        share = share**2 / (share**2 + (1 - share) ** 2)
        first, second = self.places
        out, total = Y.copy(), Y[:, first]
        out[:, first], out[:, second] = total * share, total * (1 - share)
        return out

    def _features(self, X: Floats) -> Floats:
        pair = X[:, self.places]
        total = np.log(np.maximum(X.sum(axis=1), 1.0))
        return np.column_stack(
            [_share(pair), np.log(np.maximum(pair.sum(axis=1), 1.0)), total]
        )


def _share(pair: Floats) -> Floats:
    return np.asarray(pair[:, 0] / np.maximum(pair.sum(axis=1), 1e-9))
