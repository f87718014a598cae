"""Baselines that use no feature."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xlate.models.response.base import DirectModel, Training

__all__ = ["ConstantShare", "MaximumClock"]

Floats = NDArray[np.float64]


class MaximumClock(DirectModel):
    """Leave the card as it is."""

    kind = "max-clock"

    def _fit(self, data: Training) -> None:
        pass

    def _distance(self, X: Floats) -> Floats:
        return np.tile(-self.shares_, (len(X), 1))


class ConstantShare(DirectModel):
    """One share of the highest clock for all work: the best on training's mean gap.

    Under a bound, a clock too slow for a training workload counts as that
    workload's gap at the highest clock.
    """

    kind = "constant-share"

    def _fit(self, data: Training) -> None:
        gap = np.where(np.isfinite(data.gap), data.gap, data.gap[:, -1:])
        gap = np.where(np.isfinite(gap), gap, 1.0)
        self.mean_gap_ = data.weights @ gap / data.weights.sum()

    def _distance(self, X: Floats) -> Floats:
        return np.tile(self.mean_gap_, (len(X), 1))
