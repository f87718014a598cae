"""What was seen at the highest clock, as numbers a model can learn from.

Never the workload's name, never anything from the rest of its sweep.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xlate.errors import UnknownNameError
from xlate.hardware.catalogue import Gpu
from xlate.sweeps.curve import METRICS
from xlate.sweeps.probe import Probe

__all__ = ["PROBES", "VIEWS", "matrix", "names", "probe_shares"]

Floats = NDArray[np.float64]

#: what each source of telemetry gives
VIEWS: dict[str, tuple[str, ...]] = {
    "smi": ("power_share", "busy", "memory"),
    "dcgm": ("power_share", "busy", "memory", "dram", "sm", "pipes"),
}

#: kind of probe -> clocks over the highest one that it measures, besides that
PROBES: dict[str, tuple[float, ...]] = {"max-only": (), "tri-point": (0.7, 0.5)}


def probe_shares(kind: str) -> tuple[float, ...]:
    """Clocks, over the highest one, that a kind of probe measures besides it.

    Raises
    ------
    UnknownNameError
        If the kind is none of :data:`PROBES`.
    """
    if kind not in PROBES:
        raise UnknownNameError("probe", kind, PROBES)
    return PROBES[kind]


def names(view: str, kind: str = "max-only") -> tuple[str, ...]:
    """Names of the features of a view, in the order of :func:`matrix`."""
    extra = [
        f"{what}@{share:g}"
        for share in probe_shares(kind)
        for what in ("time_ratio", "power_ratio")
    ]
    return (*VIEWS[view], *extra)


def matrix(
    probes: Sequence[Sequence[Probe]], gpu: Gpu, view: str, kind: str = "max-only"
) -> Floats:
    """Feature matrix.

    Parameters
    ----------
    probes : sequence of sequences of Probe
        For each workload, the probe at the highest clock and then those of the
        kind, in its order.
    gpu : Gpu
        Whose board limit power is taken over.
    view : {"smi", "dcgm"}
        Which features.
    kind : str
        Key of :data:`PROBES`.

    Returns
    -------
    array, shape (n_workloads, n_features)
        NaN where a probe lacks what a feature needs.
    """
    tdp = gpu.limit_w or float("nan")
    rows = []
    for first, *others in probes:
        features = _derived(first, tdp)
        if view == "dcgm" and not np.isfinite(features["memory"]):
            features["memory"] = features["dram"]
        row = [features[name] for name in VIEWS[view]]
        for other in others[: len(probe_shares(kind))]:
            time = float("nan")
            if other.time_s and first.time_s:
                time = np.log(other.time_s / first.time_s)
            row += [time, np.log(other.power_w / first.power_w)]
        rows.append(row)
    return np.array(rows, dtype=float)


def _derived(probe: Probe, tdp: float) -> dict[str, float]:
    """Every feature of one probe; NaN where it was not measured."""
    m = {name: probe.metrics.get(name, float("nan")) for name in METRICS}
    busy, memory = m["gpu_utilization"] / 100, m["memory_utilization"] / 100
    dram = m["dram_active"]
    pipes = [m[f"{p}_active"] for p in ("fp64", "fp32", "fp16", "tensor")]
    sm = m["sm_active"] if np.isfinite(m["sm_active"]) else m["engine_active"]
    return {
        "power_share": probe.power_w / tdp,
        # a kernel timed alone has no idle phases, and no utilisation either
        "busy": busy if np.isfinite(busy) else 1.0,
        "memory": memory,
        "dram": dram,
        "sm": sm,
        "pipes": float(np.nansum(pipes)) if np.isfinite(pipes).any() else float("nan"),
    }
