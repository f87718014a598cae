"""The clock at which a job was measured, where that is not the highest one.

A card at its power limit lowers its clock by itself: the run that nobody limited went
at the clock that was recorded, and a higher one changes nothing. A run at a lower clock
that somebody set draws more at the highest one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "AT_LIMIT",
    "NEAR",
    "Reference",
    "below_limit",
    "over_highest",
    "reference_of",
]

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


def below_limit(
    time: Floats, power: Floats, most: Floats
) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Curves of a card that lowers its clock by itself where power reaches its limit.

    Above the clock at which it does, time and power stay as they are there.

    Parameters
    ----------
    time, power : array, shape (n, n_clocks)
        Log curves over the clock at which the job was measured.
    most : array, shape (n,)
        Log of the power limit over the measured power, at least 0.

    Returns
    -------
    time, power : array, shape (n, n_clocks)
    first : array of int, shape (n,)
        First clock at which the limit is reached; ``n_clocks`` where none does.

    Examples
    --------
    >>> import numpy as np
    >>> log_time = np.log([[1.5, 1.0, 0.8]])
    >>> log_power = np.log([[0.8, 1.0, 1.5]])
    >>> time, power, first = below_limit(log_time, log_power, np.log([1.25]))
    >>> np.exp(time).round(2), np.exp(power).round(2), first
    (array([[1.5, 1. , 0.9]]), array([[0.8 , 1.  , 1.25]]), array([2]))
    """
    time, power = time.copy(), power.copy()
    n = power.shape[-1]
    above = power > most[:, None] + 1e-12
    first = np.where(above.any(axis=1), above.argmax(axis=1), n)
    for i in np.flatnonzero(first < n):
        k = first[i]
        low, high = power[i, max(k - 1, 0)], power[i, k]
        part = np.clip((most[i] - low) / (high - low), 0, 1) if high > low else 0.0
        linear = np.exp(time[i, [max(k - 1, 0), k]])
        time[i, k:] = np.log(linear[0] + part * (linear[1] - linear[0]))
        power[i, k:] = most[i]
    return time, power, first


def over_highest(time: Floats, power: Floats) -> tuple[Floats, Floats, Floats]:
    """Rooted curves over the highest clock, and log power there over the measured one."""
    top = power[..., -1:]
    return time - time[..., -1:], power - top, top[..., 0]
