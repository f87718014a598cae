"""One answer: the clock, what it does, how sure that is, and what to type.

The answer is drawn many times: the hand-off's errors on models left out are
drawn into the features, the response's errors on applications left out into
the curves. Quantiles over the draws are the intervals; the share of them in
which the choice is within 2 % of the best is the confidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlate.errors import ProfileError
from xlate.hardware.catalogue import Gpu
from xlate.models.response.calibrated import CLOSE_ENOUGH, CalibratedResponse
from xlate.models.response.job_distance import beyond, completed, disagreement, within
from xlate.objectives import Objective
from xlate.sweeps.features import matrix
from xlate.sweeps.labels import allowed
from xlate.sweeps.probe import Probe
from xlate.sweeps.reference import Reference, below_limit, over_highest
from xlate.values.profile import Estimate

__all__ = [
    "ACTIONS",
    "FAIRLY",
    "Draws",
    "Point",
    "action_of",
    "answer",
    "bound_probability",
    "draw",
    "neighbours",
]

Floats = NDArray[np.float64]

#: nominal level of all intervals
LEVEL = 0.9
#: draws an answer rests on
_DRAWS = 400
#: confidence from which an answer is applied, applied with watch, or swept around
_SURE, FAIRLY, _HARDLY = 0.8, 0.6, 0.3
#: a lower clock is quicker than the highest by no more than this (thermal drift)
_LEAST_LOG_TIME = float(np.log(0.98))
ACTIONS = ("apply", "apply-monitored", "sweep", "collect")
#: seconds of watch before an applied clock is trusted
WATCH_S = 300


@dataclass(frozen=True, eq=False)
class Draws:
    """Responses at the legal clocks, under each draw.

    Attributes
    ----------
    sm_mhz : array, shape (n_clocks,)
        Legal clocks, ascending, the last the highest.
    time, power : array, shape (n_draws, n_clocks)
        Ratios over the highest clock.
    mean_time, mean_power : array, shape (n_clocks,)
        The curves without drawing.
    power_w : array, shape (n_draws,)
        Power at the highest clock; ``mean_power_w`` without drawing.
    beyond : float
        How far the job lies beyond those swept, in widths of a feature's span.
    limited_mhz : float or None
        Clock from which on the board would be at its power limit, by the curve of a job
        that was measured at a lower one.
    """

    sm_mhz: Floats
    time: Floats
    power: Floats
    mean_time: Floats
    mean_power: Floats
    power_w: Floats
    mean_power_w: float
    beyond: float = 0.0
    limited_mhz: float | None = None

    @property
    def trust(self) -> float:
        """What is left of a probability, 1 inside the span of the swept jobs."""
        return 1 / (1 + self.beyond)


@dataclass(frozen=True)
class Point:
    """What happens at one clock, against the highest one.

    ``watts_over_time`` times the seconds that work takes at the highest clock
    is its energy in joules at this one.
    """

    sm_mhz: float
    time_ratio: Estimate
    power_w: Estimate
    energy_ratio: Estimate
    watts_over_time: Estimate
    objective_ratio: Estimate


def draw(
    model: CalibratedResponse,
    first: Probe,
    candidates: Sequence[Probe],
    gpu: Gpu,
    view: str,
    legal: Sequence[float],
    *,
    spread: float = 1.0,
    further: Sequence[Probe] = (),
    reference: Reference | None = None,
    seed: int = 0,
) -> Draws:
    """Draw responses at the legal clocks.

    Parameters
    ----------
    model : CalibratedResponse
        Fitted on the target's sweeps, or a relative's.
    first : Probe
        The job at the target's highest clock, predicted or measured.
    candidates : sequence of Probe
        The same under each error of the hand-off; empty where it was measured.
    gpu : Gpu
        The target's.
    view : str
        The view the model was fitted on.
    legal : sequence of float
        Legal clocks; those below what sweeps cover are left out.
    spread : float
        Factor on the response's errors; over 1 where it is borrowed.
    further : sequence of Probe
        Runs of this job measured at other clocks of the target: curves are bent
        to pass through them.
    reference : Reference, optional
        Clock at which ``first`` was measured, where that is not the highest.
    seed : int
        Of the draws.

    Raises
    ------
    ProfileError
        If a further probe lacks its time, or none stands for the highest clock.
    """
    rng = np.random.default_rng(seed)
    clocks = np.array(sorted(legal))
    share = clocks / clocks[-1]
    keep = share >= model.shares_[0] - 1e-9
    clocks, share = clocks[keep], share[keep]

    def at(values: Floats) -> Floats:
        """Curves on the model's shares, at the legal clocks."""
        low = np.clip(np.searchsorted(model.shares_, share) - 1, 0, None)
        low = np.minimum(low, len(model.shares_) - 2)
        x0, x1 = model.shares_[low], model.shares_[low + 1]
        w = (share - x0) / (x1 - x0)
        return np.asarray(values[..., low] * (1 - w) + values[..., low + 1] * w)

    pool = [first, *candidates]
    seen = matrix([[p] for p in pool], gpu, view)
    # measured at other clocks, the job itself says how it responds
    far = 0.0 if further else beyond(model, seen[0])
    seen = within(model, seen)
    time, power = model.curves(seen)
    mean_time, mean_power = at(time[0]), at(power[0])
    which = rng.integers(1, len(pool), _DRAWS) if candidates else np.zeros(_DRAWS, int)
    residual = rng.choice(len(model.weights_), _DRAWS, p=model.weights_)
    watts = [pool[k].power_w for k in which]
    apart = disagreement(model, seen)
    lacking = _lacking(first, seen[0], model)
    if lacking.any():
        rows = completed(model, np.where(lacking, np.nan, seen[0]), _DRAWS, rng)
        rows = np.where(lacking, rows, seen[which])
        (time, power), apart = model.curves(rows), disagreement(model, rows)
        which = np.arange(_DRAWS)
    between = rng.uniform(-1, 1, (_DRAWS, 1)) if apart[0].any() else 0.0
    wide = spread * (1 + far)
    time = at(
        time[which] + between * apart[0][which] + wide * model.time_residuals_[residual]
    )
    # an error drawn onto a flat curve must not make a lower clock the quicker one
    time = np.maximum(time, _LEAST_LOG_TIME)
    power = at(
        power[which]
        + between * apart[1][which]
        + wide * model.power_residuals_[residual]
    )
    curves = [mean_time, mean_power, time, power]
    if reference is not None:
        curves = [reference.rooted(c, share) for c in curves]
    if further:
        root = clocks[-1] * (1.0 if reference is None else reference.share)
        shares, log_time, log_power = _measured(first, further, clocks[-1], root)
        values = (log_time, log_power, log_time, log_power)
        curves = [
            _through(c, share, shares, v) for c, v in zip(curves, values, strict=True)
        ]
    mean_time, mean_power, time, power = curves
    mean_w, drawn_w = first.power_w, np.array(watts)
    limited = None
    if reference is not None:
        if gpu.limit_w:
            most = np.log(np.maximum(gpu.limit_w / np.r_[mean_w, drawn_w], 1.0))
            every = below_limit(
                np.vstack([mean_time, time]), np.vstack([mean_power, power]), most
            )
            (mean_time, *_), time = every[0], every[0][1:]
            (mean_power, *_), power = every[1], every[1][1:]
            limited = float(clocks[every[2][0]]) if every[2][0] < len(clocks) else None
        mean_time, mean_power, top = over_highest(mean_time, mean_power)
        mean_w *= float(np.exp(top))
        time, power, tops = over_highest(time, power)
        drawn_w = drawn_w * np.exp(tops)
    return Draws(
        clocks, np.exp(time), np.exp(power), np.exp(mean_time), np.exp(mean_power),
        drawn_w, mean_w, far, limited,
    )  # fmt: skip


def _lacking(first: Probe, row: Floats, model: CalibratedResponse) -> NDArray[np.bool_]:
    """Which features nobody measured; a meter without utilisation does not know it either.

    A kernel timed alone is busy all the time, and says no utilisation.
    """
    lacking = ~np.isfinite(row)
    if first.trace is not None and "gpu_utilization" not in first.metrics:
        lacking |= np.array([name == "busy" for name in model.names_])
    return lacking


def _measured(
    first: Probe, further: Sequence[Probe], highest: float, root: float
) -> tuple[Floats, Floats, Floats]:
    """Shares, log time and log power ratios of measured probes, ascending.

    Parameters
    ----------
    root : float
        Clock for which ``first`` stands, MHz.
    """
    for probe in (first, *further):
        if not probe.time_s:
            raise ProfileError(
                f"the probe at {probe.sm_mhz:g} MHz has no time",
                'record with time stamps, or write {"sm_mhz": …, "time_s": …, '
                '"power_w": …}',
                code="probe.unusable",
            )
    by_clock = {**{p.sm_mhz: p for p in further}, root: first}
    clocks = sorted(by_clock)
    order = [by_clock[f] for f in clocks]
    shares = np.array(clocks) / highest
    time = np.log([float(p.time_s or 1) / float(first.time_s or 1) for p in order])
    power = np.log([p.power_w / first.power_w for p in order])
    return shares, time, power


def _through(curve: Floats, share: Floats, shares: Floats, values: Floats) -> Floats:
    """Bend log curves to pass through measured points; flat beyond them."""
    flat = curve.reshape(-1, curve.shape[-1])
    out = np.empty_like(flat)
    for i, row in enumerate(flat):
        off = values - np.interp(shares, share, row)
        out[i] = row + np.interp(share, shares, off)
    return out.reshape(curve.shape)


def bound_probability(draws: Draws, k: int, bound: float) -> float:
    """Share of draws in which a clock keeps the bound on slowdown.

    Against the highest clock, as the time ratio is: that is the fastest one up to
    the drift that a lower clock is granted.

    Parameters
    ----------
    k : int
        Into ``draws.sm_mhz``.
    bound : float
        0.05 for 5 %.
    """
    held = float((draws.time[:, k] <= (1 + bound) * (1 + 1e-12)).mean())
    # the highest clock keeps any bound, whatever the job
    return held if k == len(draws.sm_mhz) - 1 else held * draws.trust


def answer(
    draws: Draws, objective: Objective, bound: float | None, sure: float | None = None
) -> tuple[int, float, tuple[float, float]]:
    """The chosen clock, how sure the choice is, and the range of best clocks.

    Parameters
    ----------
    bound : float or None
        On slowdown; 0.05 for 5 %. The expected curve keeps it.
    sure : float, optional
        Probability with which the bound must hold; clocks that keep it more
        rarely are not looked at. The highest clock always keeps it.

    Returns
    -------
    index : int
        Into ``draws.sm_mhz``.
    confidence : float
        Share of draws in which its objective is within 2 % of the best allowed, and
        it keeps the bound itself; less for a job beyond those swept.
    best_mhz : (float, float)
        Interval of the best clock over the draws, at :data:`LEVEL`.
    """
    scores = objective.log_score(draws.time, draws.power)
    keeps = allowed(draws.time, bound)
    open_to = allowed(draws.mean_time, bound)
    if bound is not None and sure is not None:
        held = [bound_probability(draws, k, bound) for k in range(len(draws.sm_mhz))]
        safe = np.array(held) >= sure
        open_to = open_to & safe if (open_to & safe).any() else safe
        # the best is looked for among the same clocks in every draw
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
    return chosen, float(good.mean()) * draws.trust, (float(low), float(high))


def point(draws: Draws, k: int, objective: Objective) -> Point:
    """What happens at the k-th clock, with intervals."""
    time, power = draws.time[:, k], draws.power[:, k]
    score = objective.log_score(time, power) - objective.log_score(
        draws.time[:, -1], draws.power[:, -1]
    )
    mean_time, mean_power = float(draws.mean_time[k]), float(draws.mean_power[k])
    mean_score = objective.log_score(
        draws.mean_time[[k, -1]], draws.mean_power[[k, -1]]
    )
    return Point(
        float(draws.sm_mhz[k]),
        estimate(mean_time, time),
        estimate(mean_power * draws.mean_power_w, power * draws.power_w),
        estimate(mean_time * mean_power, time * power),
        estimate(
            mean_time * mean_power * draws.mean_power_w, time * power * draws.power_w
        ),
        estimate(float(np.exp(mean_score[0] - mean_score[1])), np.exp(score)),
    )


def estimate(value: float, drawn: Floats) -> Estimate:
    """A value with its interval over the draws, the value inside."""
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, min(float(low), value), max(float(high), value), LEVEL)


def action_of(confidence: float) -> str:
    """What to do with an answer: one of :data:`ACTIONS`."""
    for limit, action in zip((_SURE, FAIRLY, _HARDLY), ACTIONS, strict=False):
        if confidence > limit:
            return action
    return ACTIONS[-1]


def neighbours(draws: Draws, k: int, n: int = 5) -> list[float]:
    """Clocks around the chosen one to sweep, a twentieth of the highest apart.

    The highest is always among them: everything is relative to it.
    """
    highest = draws.sm_mhz[-1]
    wishes = draws.sm_mhz[k] + highest * 0.05 * np.arange(-(n // 2) + 1, n // 2 + 1)
    near = {float(draws.sm_mhz[np.abs(draws.sm_mhz - w).argmin()]) for w in wishes}
    near = {f for f in near if f < highest}
    while len(near) > n - 1:
        near.remove(max(near, key=lambda f: abs(f - float(draws.sm_mhz[k]))))
    return [*sorted(near), float(highest)]
