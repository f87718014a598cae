"""Joins of kernels, their launches and the operations that launched them, by ids.

The host's events are arrays of one length by name: ``start, dur`` (µs), ``name``,
``corr`` and ``ext`` (ids, -1 where there is none), ``pid, tid``, ``types``, and
``kind``: an operation, a launch, or a region that the user named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlate.readers.traces.complete_steps import while_capturing
from xlate.readers.traces.timeline import self_times

__all__ = [
    "COPY",
    "FILL",
    "KERNEL",
    "LAUNCH",
    "OPERATION",
    "REGION",
    "around",
    "capture_call",
    "captured",
    "graph_launches",
    "host_times",
    "joined",
    "kernel_launches",
    "operations",
    "runs_kernel",
    "with_copies",
]

#: kinds of GPU events
KERNEL, COPY, FILL = 0, 1, 2
#: and of the host's
OPERATION, LAUNCH, REGION = 0, 1, 2
#: calls that run a kernel, in CUDA, HIP and Level Zero
_RUNS_KERNEL = re.compile(
    r"(?:cuda|cu|hip|hipExt|hipModule|hipExtModule)Launch(?:Cooperative)?Kernel"
    r"|\w*EnqueueKernelLaunch|zeCommandListAppendLaunchKernel"
)
_GRAPH = re.compile(r"(?:cuda|cu|hip)GraphLaunch")
_CAPTURE_BEGINS = re.compile(r"(?:cuda|cu|hip)StreamBeginCapture")
#: graphs are made at the end of a capture, where its end was not recorded
_CAPTURE_ENDS = re.compile(r"(?:cuda|cu|hip)StreamEndCapture")
_MADE = re.compile(r"(?:cuda|cu|hip)GraphInstantiate")


def _named(names: Sequence[str], pattern: re.Pattern[str]) -> NDArray[np.int64]:
    return np.array(
        [k for k, n in enumerate(names) if pattern.match(n)], dtype=np.int64
    )


def runs_kernel(call: str) -> bool:
    """Whether a call of CUDA, HIP or Level Zero runs one kernel, whatever its version.

    Examples
    --------
    >>> from xlate.readers.traces.launches import runs_kernel
    >>> runs_kernel("cudaLaunchKernel_v7000"), runs_kernel("cudaGraphLaunch_v10000")
    (True, False)
    """
    return _RUNS_KERNEL.match(call) is not None


def graph_launches(host: dict[str, Any], names: Sequence[str]) -> NDArray[np.bool_]:
    """Which rows launch a CUDA graph: one call for all kernels in it."""
    launches_graph = (host["kind"] == LAUNCH) & np.isin(
        host["name"], _named(names, _GRAPH)
    )
    return np.asarray(launches_graph)


def kernel_launches(host: dict[str, Any], names: Sequence[str]) -> NDArray[np.bool_]:
    """Which rows launch a kernel, and have the id that joins them to it."""
    runs = np.concatenate([_named(names, _RUNS_KERNEL), _named(names, _GRAPH)])
    launches_kernel = (
        (host["kind"] == LAUNCH) & (host["corr"] >= 0) & np.isin(host["name"], runs)
    )
    return np.asarray(launches_kernel)


def capture_call(call: str) -> str | None:
    """``"begin"`` or ``"end"`` for a call that begins or ends the capture of a graph.

    Examples
    --------
    >>> from xlate.readers.traces.launches import capture_call
    >>> capture_call("cudaStreamBeginCapture_v10000"), capture_call("cudaLaunchKernel")
    ('begin', None)
    """
    if _CAPTURE_BEGINS.match(call):
        return "begin"
    return "end" if _CAPTURE_ENDS.match(call) else None


def captured(
    host: dict[str, Any], names: Sequence[str], rows: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether each of some launches of one process was made while a graph was captured.

    Parameters
    ----------
    host : dict of ndarray
    names : sequence of str
        By number.
    rows : ndarray of bool
        The launches.
    """
    calls = host["kind"] == LAUNCH
    begins, ends, made = (
        host["start"][calls & np.isin(host["name"], _named(names, pattern))]
        for pattern in (_CAPTURE_BEGINS, _CAPTURE_ENDS, _MADE)
    )
    if not len(begins) + len(ends):
        ends = made
    return while_capturing(host["start"][rows], begins, ends)


def with_copies(
    host: dict[str, Any], rows: NDArray[np.bool_], recorded: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Whether each event, or a copy of it in the file, has its kernel.

    Parameters
    ----------
    host : dict of ndarray
    rows : ndarray of bool
        The launches.
    recorded : ndarray of bool
        Whether each event has its kernel.
    """
    lost = np.flatnonzero(rows & ~recorded)
    if not len(lost):
        return recorded
    with_kernel = np.flatnonzero(rows & recorded)
    keys = zip(
        host["corr"][with_kernel].tolist(),
        host["start"][with_kernel].tolist(),
        strict=True,
    )
    with_keys = set(keys)
    every = recorded.copy()
    lost_keys = zip(
        host["corr"][lost].tolist(), host["start"][lost].tolist(), strict=True
    )
    every[lost] = [key in with_keys for key in lost_keys]
    return every


def joined(host: dict[str, Any], k: dict[str, Any]) -> NDArray[np.int64]:
    """Row of the launch of each kernel, -1 where none has its correlation id.

    Ids repeat where traces of several processes were merged. Then the launch of a kernel
    is the last one before it began, among the launches with the same external id if
    there are any, else among all.
    """
    rows = np.flatnonzero((host["kind"] == LAUNCH) & (host["corr"] >= 0))
    if not len(rows):
        return np.full(len(k["corr"]), -1, dtype=np.int64)
    order = rows[np.lexsort((host["start"][rows], host["corr"][rows]))]
    corr = host["corr"][order]
    low = np.searchsorted(corr, k["corr"], side="left")
    high = np.searchsorted(corr, k["corr"], side="right")
    launch_rows = np.where(high > low, order[np.minimum(low, len(order) - 1)], -1)
    for row in np.flatnonzero(high - low > 1):
        choice = order[low[row] : high[row]]
        if k["ext"][row] >= 0:
            same = choice[host["ext"][choice] == k["ext"][row]]
            choice = same if len(same) else choice
        before = choice[host["start"][choice] <= k["start"][row]]
        launch_rows[row] = before[-1] if len(before) else choice[0]
    return np.asarray(np.where(k["corr"] >= 0, launch_rows, -1))


def operations(
    host: dict[str, Any], pid: NDArray[np.int64], ext: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Row of the operation with a kernel's external id, -1 where there is none."""
    rows = np.flatnonzero((host["kind"] == OPERATION) & (host["ext"] >= 0))
    if not len(rows):
        return np.full(len(ext), -1, dtype=np.int64)
    operation_rows = np.full(len(ext), -1, dtype=np.int64)
    # where the process is known, an id is unique only within it
    for p in np.unique(pid):
        candidates = rows if p < 0 else rows[host["pid"][rows] == p]
        asked = np.flatnonzero((pid == p) & (ext >= 0))
        if not len(candidates) or not len(asked):
            continue
        order = candidates[np.argsort(host["ext"][candidates], kind="stable")]
        ids = host["ext"][order]
        at = np.minimum(np.searchsorted(ids, ext[asked]), len(ids) - 1)
        hit = ids[at] == ext[asked]
        operation_rows[asked[hit]] = order[at[hit]]
    return operation_rows


def around(host: dict[str, Any], launches: NDArray[np.int64]) -> NDArray[np.int64]:
    """Row of the innermost operation around each launch on its thread, or -1."""
    operation_rows = np.full(len(launches), -1, dtype=np.int64)
    threads = host["pid"] * (1 << 31) + host["tid"]
    for thread in np.unique(threads[launches]):
        asked = np.flatnonzero(threads[launches] == thread)
        rows = np.flatnonzero((threads == thread) & (host["kind"] == OPERATION))
        start, end = host["start"][rows], host["start"][rows] + host["dur"][rows]
        order = np.lexsort((-end, start))
        when = host["start"][launches[asked]]
        open_: list[int] = []
        k = 0
        for j in np.argsort(when, kind="stable"):
            while k < len(order) and start[order[k]] <= when[j]:
                open_.append(int(order[k]))
                k += 1
            while open_ and end[open_[-1]] < when[j]:
                open_.pop()
            if open_:
                operation_rows[asked[j]] = rows[open_[-1]]
    return operation_rows


def host_times(
    host: dict[str, Any], pid: int, begin: float, length: float
) -> Iterable[tuple[int, float]]:
    """Self time of the host's operations and launches within a span of time, µs."""
    if not host:
        return
    inside = (host["start"] >= begin) & (host["start"] < begin + length)
    if pid >= 0:
        inside &= host["pid"] == pid
    rows = np.flatnonzero(inside)
    threads = host["pid"][rows] * (1 << 31) + host["tid"][rows]
    for thread in np.unique(threads):
        on_thread = rows[threads == thread]
        start = host["start"][on_thread]
        own = self_times(start, start + host["dur"][on_thread])
        yield from zip(host["name"][on_thread].tolist(), own.tolist(), strict=True)
