"""The processes of a Kineto trace, and the GPUs that each of them used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xlate.readers.traces.attribution import Launched
from xlate.readers.traces.steps import Work
from xlate.values.reason import Reason

__all__ = ["GpuProcess", "gpu_processes", "labels_of"]

#: characters of a process that are shown
_LONGEST_PROCESS = 40


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


def labels_of(
    sides: Sequence[tuple[int, int]], pids: Sequence[object]
) -> dict[tuple[int, int], str]:
    """A label of each process and GPU: with the process where several used one GPU.

    Parameters
    ----------
    sides : sequence of (int, int)
        Number of the process, -1 where it is not known, and GPU.
    pids : sequence
        Processes as the file has them, by number.

    Examples
    --------
    >>> from xlate.readers.pytorch.gpu_process import labels_of
    >>> labels_of([(0, 0), (1, 0), (1, 1)], [77, 78])
    {(0, 0): 'process 77, GPU 0', (1, 0): 'process 78, GPU 0', (1, 1): 'GPU 1'}
    """
    devices = [device for _, device in sides]
    labels = {}
    for pid, device in sides:
        process = str(pids[pid])[:_LONGEST_PROCESS] if pid >= 0 else "not known"
        shared = devices.count(device) > 1
        labels[pid, device] = (
            f"process {process}, GPU {device}" if shared else f"GPU {device}"
        )
    return labels
