"""Intervals for a model that was not in training: group conformal prediction.

Errors on held-out models are scores; the width of the interval is their quantile.
Rows of one model are similar, models are not, so every model has the same
weight for any number of rows (pooling of distribution functions; Dunn,
Wasserman & Ramdas, 2023), and the quantile is the finite-sample one of split
conformal prediction. With one row a model it *is* split conformal prediction.

An additional score at infinity for the new model (hierarchical conformal prediction;
Lee, Barber & Willett, 2023) would guarantee the level for any number of models. With a
dozen models it gives 98 % where 90 % is requested, and no interval above 92 %. So the
level is not guaranteed but measured: the coverage on models left out is in every
accuracy card.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEVEL", "Scores", "group_quantile"]

Floats = NDArray[np.float64]

#: level of an interval unless another is asked for
LEVEL = 0.9


def group_quantile(scores: Floats, groups: NDArray[Any], level: float) -> float:
    """The score that a row of a new group stays below with probability ``level``.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        Not negative.
    groups : ndarray of shape (n,)
        Group of each score.
    level : float
        Between 0 and 1.

    Returns
    -------
    float
        Infinite where there are too few rows for the level.
    """
    if not 0 < level < 1:
        raise ValueError(f"a level lies between 0 and 1, not at {level}")
    if not len(scores):
        return math.inf
    _, which, count = np.unique(groups, return_inverse=True, return_counts=True)
    weight = 1.0 / (count[which] * len(count))
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weight[order])
    # sums of equal weights may fall short of the level by rounding alone
    k = int(np.searchsorted(reached, level * (1 + 1 / len(scores)) - 1e-9))
    return float(scores[order[k]]) if k < len(order) else math.inf


@dataclass(frozen=True, eq=False)
class Scores:
    """Errors of one figure on held-out models: ``|log(true / predicted)| / difficulty``.

    Attributes
    ----------
    scores : ndarray of shape (n,)
    groups : ndarray of shape (n,)
        Model of each.
    """

    scores: Floats
    groups: NDArray[np.str_]
    _memo: dict[float, float] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        true: Floats,
        predicted: Floats,
        difficulty: Floats,
        groups: NDArray[Any],
    ) -> Scores:
        """Scores where both values are positive; other rows say nothing."""
        good = (true > 0) & (predicted > 0)
        log = np.abs(np.log(true[good] / predicted[good]))
        return cls(log / difficulty[good], np.asarray(groups[good]).astype(str))

    @property
    def n_groups(self) -> int:
        """Models with a score."""
        return len(np.unique(self.groups))

    def without(self, group: str) -> Scores:
        """The scores of the other models."""
        keep = self.groups != group
        return Scores(self.scores[keep], self.groups[keep])

    def factor(self, level: float, difficulty: float = 1.0) -> float:
        """What to divide and multiply a prediction by, for an interval."""
        if level not in self._memo:
            self._memo[level] = group_quantile(self.scores, self.groups, level)
        return math.exp(min(self._memo[level] * difficulty, 700.0))
