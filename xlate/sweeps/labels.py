"""Ground truth of a full sweep: which clock was best, and what it was worth.

Training, evaluation and ``xlate clocks label`` all take it from here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlate.errors import XlateError
from xlate.objectives import Objective
from xlate.sweeps.curve import Curve

__all__ = ["Label", "allowed", "check_slowdown", "gaps", "label"]

Floats = NDArray[np.float64]

#: clocks within this of the best are one choice, however quiet the meter
_INDISTINGUISHABLE = 0.005


@dataclass(frozen=True)
class Label:
    """The best clock of one workload by one objective.

    Attributes
    ----------
    best_mhz : float
        Minimises the objective on the smoothed curve.
    bounded_mhz : float or None
        The same among clocks that are slower than the fastest by no more than
        the bound; None where no bound was given.
    fastest_mhz : float
        The clock that takes the least time, not always the highest.
    gap_at_max : float
        Objective at the highest clock over the best, minus 1.
    energy_saving, slowdown : float
        Of the best clock (the bounded one where there is a bound): energy
        saved against the highest clock, time lost against the fastest.
    band_mhz : (float, float)
        Lowest and highest clock that noise does not tell from the best.
    """

    gpu: str
    workload: str
    application: str
    objective: str
    max_slowdown: float | None
    best_mhz: float
    bounded_mhz: float | None
    fastest_mhz: float
    gap_at_max: float
    energy_saving: float
    slowdown: float
    band_mhz: tuple[float, float]
    n_clocks: int


def check_slowdown(bound: float | None) -> float | None:
    """A bound on slowdown, as a share of the fastest time.

    Raises
    ------
    XlateError
        If it is negative, or one or more: 5 % is 0.05.
    """
    if bound is None:
        return None
    if not np.isfinite(bound) or bound < 0 or bound >= 1:
        raise XlateError(
            f"a slowdown of {100 * bound:g} % is no bound",
            "give 0 % (the fastest clock) up to 99 %, for example --max-slowdown 5%",
            code="request.out-of-range",
        )
    return bound


def allowed(time: Floats, bound: float | None) -> NDArray[np.bool_]:
    """Clocks slower than the fastest by no more than the bound.

    Parameters
    ----------
    time : array, shape (..., n_clocks)
        In any unit.
    bound : float or None
        None allows all.
    """
    if bound is None:
        return np.ones(time.shape, dtype=bool)
    fastest = time.min(axis=-1, keepdims=True)
    return np.asarray(time <= fastest * (1 + bound) * (1 + 1e-12))


def gaps(curve: Curve, objective: Objective, bound: float | None = None) -> Floats:
    """Objective at each clock over that at the best allowed one, minus 1.

    Negative at clocks that are better but too slow.
    """
    score = objective.log_score(curve.smooth_time_s, curve.smooth_power_w)
    best = score[allowed(curve.smooth_time_s, bound)].min()
    return np.asarray(np.expm1(score - best))


def label(curve: Curve, objective: Objective, bound: float | None = None) -> Label:
    """The best clock of a curve."""
    bound = check_slowdown(bound)
    time, power = curve.smooth_time_s, curve.smooth_power_w
    gap = gaps(curve, objective)
    best = int(gap.argmin())
    chosen = best
    if bound is not None:
        inside = np.flatnonzero(allowed(time, bound))
        chosen = int(inside[gap[inside].argmin()])
    time_noise, power_noise = curve.noise
    noise = np.hypot(2 * time_noise, power_noise) / np.sqrt(curve.averaged)
    apart = gap > max(_INDISTINGUISHABLE, 2 * noise)
    low = high = best
    while low > 0 and not apart[low - 1]:
        low -= 1
    while high < len(gap) - 1 and not apart[high + 1]:
        high += 1
    energy = time * power
    mhz = curve.sm_mhz
    return Label(
        gpu=curve.gpu,
        workload=curve.workload,
        application=curve.application,
        objective=objective.name,
        max_slowdown=bound,
        best_mhz=float(mhz[best]),
        bounded_mhz=None if bound is None else float(mhz[chosen]),
        fastest_mhz=float(mhz[time.argmin()]),
        gap_at_max=float(gap[-1]),
        energy_saving=float(1 - energy[chosen] / energy[-1]),
        slowdown=float(time[chosen] / time.min() - 1),
        band_mhz=(float(mhz[low]), float(mhz[high])),
        n_clocks=len(mhz),
    )
