"""A recorded run in numbers: levels, spreads, slopes and ratios of its metrics.

Sweep corpora hold means only, so the models learn from
:mod:`xlate.sweeps.features`; this is for those who record their own runs
(``xlate sweep read --json``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xlate.hardware.catalogue import Gpu
from xlate.telemetry.trace import CANONICAL, Trace

__all__ = ["describe"]

Floats = NDArray[np.float64]

#: metrics whose trend over the run is a feature
_SLOPED = ("POWER", "TMPTR", "GPUTL")
#: feature -> metric over metric
_RATIOS = {
    "MCUTL_over_GPUTL": ("MCUTL", "GPUTL"),
    "GPUTL_over_POWER": ("GPUTL", "POWER"),
    "TENSO_over_SMACT": ("TENSO", "SMACT"),
    "SMCLK_over_MMCLK": ("SMCLK", "MMCLK"),
}


def describe(trace: Trace, gpu: Gpu | None = None) -> dict[str, float]:
    """Features of one run, over the samples in which the GPU worked.

    Parameters
    ----------
    trace : Trace
    gpu : Gpu, optional
        For clocks over their maxima and power over the board's limit.

    Returns
    -------
    dict of str to float
        For each metric recorded ``NAME_mean``, ``_std``, ``_min``, ``_max`` and
        ``_p95``; with time stamps ``NAME_per_s`` for power, temperature and
        utilisation, and ``temperature_rise_per_min``; ratios of means; the
        utilisation's stability, one minus its coefficient of variation. What
        was not recorded has no entry.
    """
    active = trace.active
    statistics: dict[str, float] = {}
    mean: dict[str, float] = {}
    for name in CANONICAL:
        if name == "TOTEC" or name not in active.columns:
            continue
        values = active[name].drop_nulls().to_numpy()
        if not len(values):
            continue
        mean[name] = float(values.mean())
        statistics |= {
            f"{name}_mean": mean[name],
            f"{name}_std": float(values.std()),
            f"{name}_min": float(values.min()),
            f"{name}_max": float(values.max()),
            f"{name}_p95": float(np.quantile(values, 0.95)),
        }
    for name in _SLOPED:
        slope = _slope(trace, name)
        if slope is not None:
            statistics[f"{name}_per_s"] = slope
    if "TMPTR_per_s" in statistics:
        statistics["temperature_rise_per_min"] = 60 * statistics["TMPTR_per_s"]
    for label, (top, bottom) in _RATIOS.items():
        if top in mean and mean.get(bottom, 0) > 0:
            statistics[label] = mean[top] / mean[bottom]
    if mean.get("GPUTL", 0) > 0:
        statistics["GPUTL_stability"] = 1 - statistics["GPUTL_std"] / mean["GPUTL"]
    if gpu is not None:
        statistics |= _over_limits(mean, gpu)
    return statistics


def _slope(trace: Trace, name: str) -> float | None:
    """Least-squares trend per second of actual time; None without time stamps."""
    if "TIME" not in trace.samples.columns or name not in trace.samples.columns:
        return None
    recorded = trace.active.select("TIME", name).drop_nulls()
    time, values = recorded["TIME"].to_numpy(), recorded[name].to_numpy()
    if len(time) < 2 or np.ptp(time) == 0:
        return None
    return float(np.polyfit(time - time.mean(), values, 1)[0])


def _over_limits(mean: dict[str, float], gpu: Gpu) -> dict[str, float]:
    """Clocks over their maxima, power over the board's limit."""
    limit = gpu.limit_w
    memory = [c.memory_mhz for c in gpu.clocks if c.memory_mhz]
    tops = {
        "SMCLK_over_max": ("SMCLK", gpu.legal_mhz()[-1] if gpu.clocks else None),
        "MMCLK_over_max": ("MMCLK", max(memory) if memory else None),
        "POWER_over_limit": ("POWER", limit),
    }
    return {
        label: mean[name] / top
        for label, (name, top) in tops.items()
        if top and name in mean
    }
