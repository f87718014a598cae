"""The processes of a Kineto trace, and the GPUs that each of them used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xlate.readers.traces.attribution import Launched
from xlate.readers.traces.steps import Work
from xlate.values.reason import Reason

__all__ = ["GpuProcess", "gpu_processes"]


@dataclass(frozen=True, eq=False)
class GpuProcess:
    """One process, and one GPU that it used."""

    pid: int
    device: int
    work: Work
    #: work of all processes and GPUs
    launched: Launched


def gpu_processes(work: Launched) -> tuple[list[tuple[int, int]], list[str]]:
    """Processes and GPUs that ran a kernel, and notes on those that did not."""
    pairs = np.stack([work.pid, work.device])
    every = {(int(p), int(d)) for p, d in np.unique(pairs, axis=1).T}
    computes = work.work.precision
    ran = pairs if computes is None else pairs[:, computes >= 0]
    kept = {(int(p), int(d)) for p, d in np.unique(ran, axis=1).T} or every
    idle = sorted({d for _, d in every} - {d for _, d in kept})
    if not idle:
        return sorted(kept), []
    named = ", ".join(f"GPU {d}" for d in idle)
    note = f"{named} ran no kernel and was left out: copies only"
    return sorted(kept), [Reason(note, informs=True)]
