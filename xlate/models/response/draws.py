"""Responses of one job at the legal clocks, under many draws of the errors.

Errors of the power model on models left out are drawn into the features, errors of
the response on applications left out into the curves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlate.errors import ProfileError
from xlate.hardware.catalogue import Gpu
from xlate.models.response.calibrated import CalibratedResponse
from xlate.models.response.job_distance import beyond, completed, disagreement, within
from xlate.sweeps.features import matrix
from xlate.sweeps.probe import Probe
from xlate.sweeps.reference import Reference, below_limit, over_highest

__all__ = ["Draws", "draw"]

Floats = NDArray[np.float64]

#: number of draws of an answer
_DRAWS = 400
#: lowest log time ratio over the highest clock (below 0: thermal drift)
_LEAST_LOG_TIME = float(np.log(0.98))


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
        """Factor on a probability: 1 inside the range of the swept jobs, less beyond."""
        return 1 / (1 + self.beyond)


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
    """Draw responses at the legal clocks (MHz) that sweeps cover.

    Parameters
    ----------
    first, candidates : Probe, and sequence of Probe
        The job at the highest clock (or at ``reference``); and under each error of the
        power model, if it was predicted.
    spread : float
        Factor on the response's errors; over 1 where it is of a similar GPU.
    further : sequence of Probe
        Runs of this job at other clocks of the target, which curves pass through.

    Raises
    ------
    ProfileError
        If a probe lacks its time although further ones are given.
    """
    clocks, share = _swept_clocks(model, legal)
    pool = [first, *candidates]
    features = matrix([[p] for p in pool], gpu, view)
    # measured at other clocks, the job itself shows how it responds
    distance = 0.0 if further else beyond(model, features[0])
    features = within(model, features)
    missing = _not_measured(first, features[0], model)
    rng, scale = np.random.default_rng(seed), spread * (1 + distance)
    mean, drawn, which = _drawn_curves(model, features, missing, scale, rng)
    curves = [_at(share, model, c) for c in (*mean, *drawn)]
    # an error added to a flat curve must not make a lower clock the faster one
    curves[2] = np.maximum(curves[2], _LEAST_LOG_TIME)
    if reference is not None:
        curves = [reference.rooted(c, share) for c in curves]
    if further:
        root = clocks[-1] * (1.0 if reference is None else reference.share)
        measured = _measured(first, further, clocks[-1], root)
        curves = _through_measured(curves, share, measured)
    watts = np.array([first.power_w, *(pool[k].power_w for k in which)])
    times, powers = np.vstack([curves[0], curves[2]]), np.vstack([curves[1], curves[3]])
    limited = len(clocks)
    if reference is not None:
        most = np.log(np.maximum((gpu.limit_w or np.inf) / watts, 1.0))
        times, powers, first_limits = below_limit(times, powers, most)
        limited = int(first_limits[0])
        times, powers, top = over_highest(times, powers)
        watts = watts * np.exp(top)
    limited_mhz = float(clocks[limited]) if limited < len(clocks) else None
    return _drawn(clocks, (times, powers), watts, distance, limited_mhz)


def _drawn(
    clocks: Floats,
    curves: tuple[Floats, Floats],
    watts: Floats,
    distance: float,
    limited_mhz: float | None,
) -> Draws:
    """Draws from log times and powers, and watts, whose first rows are the means."""
    times, powers = (np.exp(c) for c in curves)
    return Draws(
        sm_mhz=clocks,
        time=times[1:],
        power=powers[1:],
        mean_time=times[0],
        mean_power=powers[0],
        power_w=watts[1:],
        mean_power_w=float(watts[0]),
        beyond=distance,
        limited_mhz=limited_mhz,
    )


def _swept_clocks(
    model: CalibratedResponse, legal: Sequence[float]
) -> tuple[Floats, Floats]:
    """Legal clocks (MHz) that sweeps cover, ascending, and their shares of the highest."""
    clocks = np.array(sorted(legal))
    share = clocks / clocks[-1]
    keep = share >= model.shares_[0] - 1e-9
    return clocks[keep], share[keep]


def _at(share: Floats, model: CalibratedResponse, curves: Floats) -> Floats:
    """Curves at the model's shares, interpolated at others."""
    low = np.clip(np.searchsorted(model.shares_, share) - 1, 0, None)
    low = np.minimum(low, len(model.shares_) - 2)
    x0, x1 = model.shares_[low], model.shares_[low + 1]
    w = (share - x0) / (x1 - x0)
    return np.asarray(curves[..., low] * (1 - w) + curves[..., low + 1] * w)


def _drawn_curves(
    model: CalibratedResponse,
    features: Floats,
    missing: NDArray[np.bool_],
    spread: float,
    rng: np.random.Generator,
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats], NDArray[np.int64]]:
    """Log time and power at the model's shares: expected, and under drawn errors.

    Parameters
    ----------
    features : array, shape (1 + n_candidates, n_features)
    missing : array of bool, shape (n_features,)
        Features to be drawn too.
    spread : float
        Factor on the response's errors.

    Returns
    -------
    mean : pair of arrays, shape (n_shares,)
    drawn : pair of arrays, shape (n_draws, n_shares)
    which : array of int, shape (n_draws,)
        Row of ``features`` behind each draw.
    """
    time, power = model.curves(features)
    mean = time[0], power[0]
    n = len(features)
    which = rng.integers(1, n, _DRAWS) if n > 1 else np.zeros(_DRAWS, int)
    residual = rng.choice(len(model.weights_), _DRAWS, p=model.weights_)
    difference, row = disagreement(model, features), which
    if missing.any():
        rows = completed(model, np.where(missing, np.nan, features[0]), _DRAWS, rng)
        rows = np.where(missing, rows, features[which])
        (time, power), difference = model.curves(rows), disagreement(model, rows)
        row = np.arange(_DRAWS)
    between = rng.uniform(-1, 1, (_DRAWS, 1)) if difference[0].any() else 0.0
    drawn_time = (
        time[row]
        + between * difference[0][row]
        + spread * model.time_residuals_[residual]
    )
    drawn_power = (
        power[row]
        + between * difference[1][row]
        + spread * model.power_residuals_[residual]
    )
    return mean, (drawn_time, drawn_power), which


def _not_measured(
    first: Probe, row: Floats, model: CalibratedResponse
) -> NDArray[np.bool_]:
    """Features that were not measured, shape (n_features,).

    A recording without utilisation does not give the busy share. A kernel timed alone
    has no recording: it is busy all the time.
    """
    missing = ~np.isfinite(row)
    if first.trace is not None and "gpu_utilization" not in first.metrics:
        missing |= np.array([name == "busy" for name in model.names_])
    return missing


def _measured(
    first: Probe, further: Sequence[Probe], highest: float, root: float
) -> tuple[Floats, Floats, Floats]:
    """Shares, log time and log power ratios of measured probes, ascending.

    Parameters
    ----------
    root : float
        Clock of ``first``, MHz.
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


def _through_measured(
    curves: Sequence[Floats], share: Floats, measured: tuple[Floats, Floats, Floats]
) -> list[Floats]:
    """Curves of time, power, time and power, bent to pass through measured points."""
    shares, log_time, log_power = measured
    values = (log_time, log_power, log_time, log_power)
    return [_through(c, share, shares, v) for c, v in zip(curves, values, strict=True)]


def _through(curve: Floats, share: Floats, shares: Floats, values: Floats) -> Floats:
    """Bend log curves to pass through measured points; flat beyond them."""
    flat = curve.reshape(-1, curve.shape[-1])
    out = np.empty_like(flat)
    for i, row in enumerate(flat):
        error = values - np.interp(shares, share, row)
        out[i] = row + np.interp(share, shares, error)
    return out.reshape(curve.shape)
