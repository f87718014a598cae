"""The clock at which a job was measured, where that is not the highest one.

A card at its power limit lowers its clock by itself: the run that nobody limited went
at the clock that was recorded, and a higher one changes nothing. A run at a lower clock
that somebody set draws more at the highest one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["AT_LIMIT", "NEAR", "Reference", "over_highest", "reference_of"]

Floats = NDArray[np.float64]

#: a run this near the highest clock stands for it
NEAR = 0.97
#: power over the limit at which a card lowers its clock by itself
AT_LIMIT = 0.93


@dataclass(frozen=True)
class Reference:
    """Where curves start from.

    Attributes
    ----------
    share : float
        Clock at which the job was measured, over the highest.
    throttled : bool
        Whether the card held itself there, so that higher clocks change nothing.
    """

    share: float
    throttled: bool

    def rooted(self, curve: Floats, shares: Floats) -> Floats:
        """Log curves over their value at the measured clock; flat above where throttled.

        Parameters
        ----------
        curve : array, shape (n_clocks,) or (n, n_clocks)
        shares : array, shape (n_clocks,)
            Clocks over the highest one, ascending.
        """
        flat = curve.reshape(-1, curve.shape[-1])
        at = np.array([np.interp(self.share, shares, row) for row in flat])
        out = (flat - at[:, None]).reshape(curve.shape)
        return np.where(shares >= self.share, 0.0, out) if self.throttled else out


def reference_of(
    sm_mhz: float, power_w: float, highest_mhz: float, limit_w: float | None
) -> Reference | None:
    """Where a run stands; None at the highest clock, or where its clock is not known.

    Parameters
    ----------
    sm_mhz : float
        Clock of the run, 0 where nobody recorded it.
    power_w : float
        Its mean power.
    highest_mhz, limit_w : float
        Highest clock and power limit of the GPU; no limit where nobody knows it.
    """
    share = sm_mhz / highest_mhz
    if not sm_mhz or share >= NEAR:
        return None
    return Reference(share, limit_w is not None and power_w > AT_LIMIT * limit_w)


def over_highest(time: Floats, power: Floats) -> tuple[Floats, Floats, Floats]:
    """Rooted curves over the highest clock, and log power there over the measured one."""
    top = power[..., -1:]
    return time - time[..., -1:], power - top, top[..., 0]
