"""The curves of one GPU of one corpus, side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlate.hardware.catalogue import Gpu
from xlate.sweeps.curve import Curve

__all__ = ["Sweeps"]


@dataclass(frozen=True, eq=False)
class Sweeps:
    """The curves of one GPU of one corpus."""

    corpus: str
    gpu: Gpu
    curves: tuple[Curve, ...]

    @property
    def applications(self) -> NDArray[np.str_]:
        """Application of each curve."""
        return np.array([c.application for c in self.curves])
