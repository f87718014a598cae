"""One workload over the clocks of one GPU, measured and smoothed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate.data.schema import ACTIVITIES
from xlate.errors import CorpusError

__all__ = ["METRICS", "Curve", "curves_of", "grid_of"]

Floats = NDArray[np.float64]

#: what may be known of a run at a clock, beside time and power
METRICS: tuple[str, ...] = (
    "gpu_utilization",
    "memory_utilization",
    "temperature_c",
    *ACTIVITIES,
)

#: an optimum of fewer clocks than this says nothing
_FEWEST_CLOCKS = 3
#: fewer clocks than this are joined up, not smoothed: there is nothing to average
_FEWEST_TO_SMOOTH = 20
#: a point this far (in logs) off the line through its neighbours is left out ...
_OUTLIER = 0.05
#: ... and this many robust standard deviations
_OUTLIER_SIGMAS = 4.0
_NEIGHBOURS = 7
#: points that a local fit averages over, for the noise of a smoothed one
_AVERAGED = 7


@dataclass(frozen=True, eq=False)
class Curve:
    """Time and power of one workload at the clocks of one sweep.

    Attributes
    ----------
    gpu, workload, application : str
        Whose; variants of one application share its name.
    sm_mhz, time_s, power_w : array, shape (n_clocks,)
        As measured, clocks ascending.
    metrics : mapping of str to array
        Each of :data:`METRICS` at each clock; NaN where not measured.
    """

    gpu: str
    workload: str
    application: str
    sm_mhz: Floats
    time_s: Floats
    power_w: Floats
    metrics: dict[str, Floats]

    @property
    def share(self) -> Floats:
        """Clocks over the highest one."""
        return np.asarray(self.sm_mhz / self.sm_mhz[-1])

    @cached_property
    def _smooth(self) -> tuple[Floats, Floats, float, float]:
        time, time_noise = _smoothed(self.share, np.log(self.time_s))
        power, power_noise = _smoothed(self.share, np.log(self.power_w))
        return np.exp(time), np.exp(power), time_noise, power_noise

    @property
    def smooth_time_s(self) -> Floats:
        """Time at the measured clocks, on the smoothed curve."""
        return self._smooth[0]

    @property
    def smooth_power_w(self) -> Floats:
        """Power at the measured clocks, on the smoothed curve."""
        return self._smooth[1]

    @property
    def noise(self) -> tuple[float, float]:
        """Standard deviation of log time and log power about their curves."""
        return self._smooth[2], self._smooth[3]

    @property
    def averaged(self) -> int:
        """Points that stand behind one smoothed point."""
        return _AVERAGED if len(self.sm_mhz) >= _FEWEST_TO_SMOOTH else 1

    def response(self, shares: Floats) -> tuple[Floats, Floats]:
        """Log of time and power over those at the highest clock.

        Parameters
        ----------
        shares : array, shape (n,)
            Clocks over the highest one; held flat outside the sweep.
        """
        time, power = (
            np.interp(shares, self.share, np.log(values / values[-1]))
            for values in (self.smooth_time_s, self.smooth_power_w)
        )
        return time, power


def _smoothed(x: Floats, y: Floats) -> tuple[Floats, float]:
    """A smoothing spline past outliers, its penalty by cross-validation.

    A single noisy clock must not decide an optimum. The spline is SciPy's
    ``make_smoothing_spline`` (Woltring, 1986); outliers are points off the
    Theil-Sen line through their neighbours.
    """
    from scipy.interpolate import make_smoothing_spline

    if len(x) < _FEWEST_TO_SMOOTH:
        return y, 0.0
    off = _off_neighbours(x, y)
    spread = 1.4826 * float(np.median(np.abs(off)))
    sound = np.abs(off) <= max(_OUTLIER, _OUTLIER_SIGMAS * spread)
    fitted = make_smoothing_spline(x[sound], y[sound])(x)
    return np.asarray(fitted), float(np.std(y[sound] - fitted[sound]))


def _off_neighbours(x: Floats, y: Floats) -> Floats:
    """Distance of each point from the Theil-Sen line through its neighbours."""
    n, width = len(x), 2 * _NEIGHBOURS + 1
    off = np.empty(n)
    for i in range(n):
        start = min(max(0, i - _NEIGHBOURS), n - width)
        near = np.setdiff1d(np.arange(start, start + width), [i])
        a, b = np.triu_indices(len(near), 1)
        xs, ys = x[near], y[near]
        slope = np.median((ys[a] - ys[b]) / (xs[a] - xs[b]))
        off[i] = y[i] - np.median(ys - slope * xs) - slope * x[i]
    return off


def curves_of(sweeps: pl.DataFrame, gpu: str) -> list[Curve]:
    """Curves of one GPU, in the order of workload names.

    Parameters
    ----------
    sweeps : polars.DataFrame
        Canonical ``sweeps``; rows of power limits are not looked at.
    gpu : str
        Canonical name.

    Raises
    ------
    CorpusError
        If the GPU has no clock sweep, or one of its workloads has fewer than
        three clocks, a clock twice, a time or power that is missing or not
        positive, or was never run at the highest clock; the workload is named.
    """
    rows = sweeps.filter((pl.col("gpu") == gpu) & pl.col("sm_mhz").is_not_null())
    if rows.is_empty():
        gpus = sweeps.filter(pl.col("sm_mhz").is_not_null())["gpu"].unique().sort()
        raise CorpusError(
            f"there is no clock sweep of {gpu}",
            f"sweeps at hand: {', '.join(gpus) or 'power limits only'}",
            code="corpus.no-sweep",
        )
    highest = float(rows["sm_mhz"].max())  # type: ignore[arg-type]
    curves = []
    for (name,), part in rows.sort("workload", "sm_mhz").group_by(
        "workload", maintain_order=True
    ):
        _check(str(name), gpu, part, highest)
        curves.append(_curve(gpu, str(name), part))
    return curves


def _curve(gpu: str, name: str, part: pl.DataFrame) -> Curve:
    def column(c: str) -> Floats:
        return part[c].cast(pl.Float64).fill_null(float("nan")).to_numpy()

    return Curve(
        gpu=gpu,
        workload=name,
        application=part["application"][0] or name,
        sm_mhz=column("sm_mhz"),
        time_s=column("time_s"),
        power_w=column("power_w"),
        metrics={m: column(m) for m in METRICS},
    )


def _check(name: str, gpu: str, part: pl.DataFrame, highest: float) -> None:
    n = part["sm_mhz"].n_unique()
    where = f"sweep of {name} on {gpu}"
    if n < part.height:
        raise CorpusError(
            f"{where} has a clock more than once",
            "aggregate runs: xlate sweep read",
            code="corpus.no-sweep",
        )
    for column, unit in (("time_s", "s"), ("power_w", "W")):
        for mhz, value in part.select("sm_mhz", column).iter_rows():
            if value is None or not np.isfinite(value):
                raise CorpusError(
                    f"{where} has no {column} at {mhz:g} MHz",
                    "measure that clock again, or leave its row out",
                    code="corpus.missing-part",
                )
            if value <= 0:
                raise CorpusError(
                    f"{where}: {column} is {value:g} {unit} at {mhz:g} MHz",
                    "a running job takes time and power; measure again",
                    code="corpus.bad-value",
                )
    if n < _FEWEST_CLOCKS:
        listed = ", ".join(f"{f:g}" for f in part["sm_mhz"])
        raise CorpusError(
            f"{where} has {n} clock{'s' if n > 1 else ''} only ({listed} MHz)",
            f"a curve needs {_FEWEST_CLOCKS} at least: add the highest and some below",
            code="corpus.no-sweep",
        )
    if part["sm_mhz"].max() != highest:
        raise CorpusError(
            f"{where} was never run at the highest clock, {highest:g} MHz",
            "everything is relative to it: run it there too",
            code="corpus.no-sweep",
        )


def grid_of(curves: Sequence[Curve]) -> Floats:
    """All clocks of some curves of one GPU, over the highest one."""
    clocks = np.unique(np.concatenate([c.sm_mhz for c in curves]))
    return np.asarray(clocks / clocks[-1])
