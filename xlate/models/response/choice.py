"""The choice of a clock: the clock, its effects, and the confidence in it.

The answer is drawn many times: errors of the power model on models left out are
added to the features, errors of the response on applications left out to
the curves. Quantiles over the draws are the intervals; the share of the draws in
which the choice is within 2 % of the best is the confidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlate.models.response.calibrated import CLOSE_ENOUGH
from xlate.models.response.draws import Draws
from xlate.objectives import Objective
from xlate.sweeps.labels import allowed
from xlate.values.profile import Estimate

__all__ = [
    "ACTIONS",
    "FAIRLY",
    "HARDLY",
    "Point",
    "action_of",
    "answer",
    "bound_probability",
    "neighbours",
]

Floats = NDArray[np.float64]

#: nominal level of all intervals
LEVEL = 0.9
#: confidence above which the action is to apply, to apply and monitor, to sweep
_SURE, FAIRLY, HARDLY = 0.8, 0.6, 0.3
ACTIONS = ("apply", "apply-monitored", "sweep", "collect")
#: seconds to monitor a clock after it was applied
WATCH_S = 300


@dataclass(frozen=True)
class Point:
    """Time, power and energy at one clock, relative to the highest one.

    ``watts_over_time`` times the seconds that work takes at the highest clock
    is the energy of that work at this clock, in joules.
    """

    sm_mhz: float
    time_ratio: Estimate
    power_w: Estimate
    energy_ratio: Estimate
    watts_over_time: Estimate
    objective_ratio: Estimate


def bound_probability(draws: Draws, k: int, bound: float) -> float:
    """Share of draws in which a clock keeps the bound on slowdown.

    The slowdown is relative to the highest clock, as the time ratio is. That is the
    fastest clock, up to the thermal drift a lower clock may show.

    Parameters
    ----------
    k : int
        Into ``draws.sm_mhz``.
    bound : float
        0.05 for 5 %.
    """
    share = float((draws.time[:, k] <= (1 + bound) * (1 + 1e-12)).mean())
    # the highest clock keeps any bound, for any job
    return share if k == len(draws.sm_mhz) - 1 else share * draws.trust


def answer(
    draws: Draws, objective: Objective, bound: float | None, sure: float | None = None
) -> tuple[int, float, tuple[float, float]]:
    """The chosen clock, the confidence in it, and the range of best clocks.

    Parameters
    ----------
    bound : float or None
        On slowdown; 0.05 for 5 %. The expected curve keeps it.
    sure : float, optional
        Probability with which the bound must hold; clocks that keep it with a lower
        one are excluded. The highest clock always keeps it.

    Returns
    -------
    index : int
        Into ``draws.sm_mhz``.
    confidence : float
        Share of draws in which its objective is within 2 % of the best allowed, and
        it keeps the bound itself; less for a job beyond those swept.
    best_mhz : (float, float)
        Interval of the best clock over the draws, at :data:`LEVEL`, widened to include
        the chosen one.
    """
    scores = objective.log_score(draws.time, draws.power)
    keeps = allowed(draws.time, bound)
    open_to = allowed(draws.mean_time, bound)
    if bound is not None and sure is not None:
        kept = [bound_probability(draws, k, bound) for k in range(len(draws.sm_mhz))]
        safe = np.array(kept) >= sure
        open_to = open_to & safe if (open_to & safe).any() else safe
        # the best clock of every draw is chosen among the same clocks
        keeps = np.broadcast_to(open_to, keeps.shape)
    inside = np.where(keeps, scores, np.inf)
    gap = np.expm1(scores - inside.min(axis=1, keepdims=True))
    mean = objective.log_score(draws.mean_time, draws.mean_power)
    chosen = int(np.where(open_to, mean, np.inf).argmin())
    good = gap[:, chosen] <= CLOSE_ENOUGH
    if bound is not None:
        # a clock that is too slow is better only by breaking the bound
        good &= draws.time[:, chosen] <= (1 + bound) * (1 + 1e-12)
    low, high = np.quantile(
        draws.sm_mhz[inside.argmin(axis=1)],
        [(1 - LEVEL) / 2, (1 + LEVEL) / 2],
        method="nearest",
    )
    mhz = float(draws.sm_mhz[chosen])
    span = min(float(low), mhz), max(float(high), mhz)
    return chosen, float(good.mean()) * draws.trust, span


def point(draws: Draws, k: int, objective: Objective) -> Point:
    """Time, power and energy at the k-th clock, with intervals."""
    time, power = draws.time[:, k], draws.power[:, k]
    score = objective.log_score(time, power) - objective.log_score(
        draws.time[:, -1], draws.power[:, -1]
    )
    mean_time, mean_power = float(draws.mean_time[k]), float(draws.mean_power[k])
    mean_score = objective.log_score(
        draws.mean_time[[k, -1]], draws.mean_power[[k, -1]]
    )
    return Point(
        sm_mhz=float(draws.sm_mhz[k]),
        time_ratio=estimate(mean_time, time),
        power_w=estimate(mean_power * draws.mean_power_w, power * draws.power_w),
        energy_ratio=estimate(mean_time * mean_power, time * power),
        watts_over_time=estimate(
            mean_time * mean_power * draws.mean_power_w, time * power * draws.power_w
        ),
        objective_ratio=estimate(
            float(np.exp(mean_score[0] - mean_score[1])), np.exp(score)
        ),
    )


def estimate(value: float, drawn: Floats) -> Estimate:
    """A value with its interval over the draws, widened to include the value."""
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, min(float(low), value), max(float(high), value), LEVEL)


def action_of(confidence: float) -> str:
    """The action for an answer: one of :data:`ACTIONS`."""
    for limit, action in zip((_SURE, FAIRLY, HARDLY), ACTIONS, strict=False):
        if confidence > limit:
            return action
    return ACTIONS[-1]


def neighbours(draws: Draws, k: int, n: int = 5) -> list[float]:
    """Clocks around the chosen one to sweep, a twentieth of the highest apart.

    The highest is always among them, because all ratios are relative to it.
    """
    highest = draws.sm_mhz[-1]
    wishes = draws.sm_mhz[k] + highest * 0.05 * np.arange(-(n // 2) + 1, n // 2 + 1)
    near = {float(draws.sm_mhz[np.abs(draws.sm_mhz - w).argmin()]) for w in wishes}
    near = {f for f in near if f < highest}
    while len(near) > n - 1:
        near.remove(max(near, key=lambda f: abs(f - float(draws.sm_mhz[k]))))
    return [*sorted(near), float(highest)]
