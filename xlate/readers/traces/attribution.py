"""Which operation each kernel of a Kineto trace belongs to, and in which precision it runs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlate import op_names
from xlate.readers.pytorch.kineto_events import Collected
from xlate.readers.traces.launches import (
    COPY,
    KERNEL,
    OPERATION,
    around,
    graph_launches,
    joined,
    operations,
)
from xlate.readers.traces.steps import Launches, Step, Work
from xlate.values.kernel_precision import kernel_precision

__all__ = ["Launched", "clean_kernel", "kernels_end_early", "launched", "launching_operations"]  # fmt: skip

Ints = NDArray[np.int64]

#: an operation runs a kernel in every call where at least this share of its calls has one
_ALWAYS = 0.95
#: calls that show what an operation does; share of calls without a kernel at the end
_FEW_CALLS, _TAIL = 3, 0.05
#: families of a network's own work
_NETWORK = frozenset({"conv", "depthwise", "matmul", "attention", "rnn", "norm"})
#: how compilers and profilers write a namespace without a name
_HIDDEN = re.compile(r"\(anonymous namespace\)::|<unnamed>::|\{anonymous\}::")


def clean_kernel(name: str) -> str:
    """A kernel's name without return type, template arguments and parameters."""
    short = _HIDDEN.sub("", name).removeprefix("void ")
    return re.split(r"[<(]", short, maxsplit=1)[0].strip() or name.strip() or "unnamed"


@dataclass(frozen=True, eq=False)
class Launched:
    """GPU work with what launched it; all arrays of one length.

    Attributes
    ----------
    work : Work
    device : ndarray of int
        As the file numbers them.
    pid : ndarray of int
        Process of the launch, -1 where not known.
    launch : ndarray of int
        Row of the launch among the host's events, -1 where not known.
    operation : ndarray of int
        Row of the operation, -1 where not known.
    """

    work: Work
    device: Ints
    pid: Ints
    launch: Ints
    operation: Ints


def launched(
    collected: Collected, host: dict[str, Any], names: Sequence[str]
) -> Launched:
    """Kernels joined to their launches and operations.

    Parameters
    ----------
    collected : Collected
    host : dict of ndarray
        Events of the host; empty where none was recorded.
    names : sequence of str
        By number.
    """
    if not len(collected.kernel["start"]):
        no_times, no_indices = np.zeros(0), np.zeros(0, dtype=np.int64)
        return Launched(
            Work(no_times, no_times, no_times, no_indices, ()), *[no_indices] * 4
        )
    k = {n: np.frombuffer(v, dtype=v.typecode) for n, v in collected.kernel.items()}
    n = len(k["start"])
    pid, launch, op = (np.full(n, -1, dtype=np.int64) for _ in range(3))
    asked, ext = k["start"].copy(), k["ext"].copy()
    types = np.zeros(n, dtype=np.int64)
    if host:
        launch = joined(host, k)
        has_launch = launch >= 0
        at = launch[has_launch]
        pid[has_launch], asked[has_launch] = host["pid"][at], host["start"][at]
        ext[has_launch] = np.where(
            host["ext"][at] >= 0, host["ext"][at], ext[has_launch]
        )
        op = operations(host, pid, ext)
        # without ids, the innermost operation around the launch
        without_operation = np.flatnonzero((op < 0) & has_launch)
        if len(without_operation):
            op[without_operation] = around(host, launch[without_operation])
        # all kernels of a graph have one launch, which does not show their operations
        op[np.flatnonzero(has_launch)[graph_launches(host, names)[at]]] = -1
        types = np.where(op >= 0, host["types"][op], 0).astype(np.int64)
    _fill_process(pid, k["device"], collected)
    name = np.where(op >= 0, host["name"][op] if host else -1, -1)
    column, columns = _numbered(
        np.stack([name, k["name"], k["kind"]]), lambda o, kernel, kind: _column(names, o, kernel, kind)
    )  # fmt: skip
    listed = list(collected.types)
    precision, precisions = _numbered(
        np.stack([k["name"], types]),
        lambda kernel, t: kernel_precision(names[kernel], _inputs(listed[t])),
    )
    precision[k["kind"] != KERNEL] = -1
    work = Work(
        start=k["start"],
        end=k["start"] + k["dur"],
        asked=asked,
        column=column,
        columns=columns,
        precision=precision,
        precisions=precisions,
    )
    return Launched(work, k["device"], pid, launch, op)


def launching_operations(
    host: dict[str, Any], operation: Ints, in_process: Any, steps: Sequence[Step]
) -> Launches:
    """Operations that run kernels wherever they run on some thread in some step.

    Where some of their calls have no kernel, the launches are not in the file.

    Parameters
    ----------
    host : dict of ndarray
    operation : ndarray of int
        Rows of operations that have a kernel; -1 is skipped.
    in_process : ndarray of bool
        Rows of the process.
    steps : sequence of Step
    """
    has_kernel = np.zeros(len(host["start"]), dtype=np.bool_)
    has_kernel[operation[operation >= 0]] = True
    rows = np.flatnonzero((host["kind"] == OPERATION) & in_process)
    begin = np.array([s.start for s in steps])
    step_of = np.searchsorted(begin, host["start"][rows], side="right")
    # what a thread did in a step after its last launch may be lost
    _, part = np.unique(
        np.stack([host["tid"][rows], step_of]), axis=1, return_inverse=True
    )
    last = np.full(int(part.max(initial=0)) + 1, -np.inf)
    np.maximum.at(
        last, part.ravel()[has_kernel[rows]], host["start"][rows][has_kernel[rows]]
    )
    before = host["start"][rows] <= last[part.ravel()]
    _, cell = np.unique(
        np.stack([host["name"][rows], part.ravel()]), axis=1, return_inverse=True
    )
    cell = cell.ravel()
    n = np.bincount(cell, weights=before)
    always = (n > 0) & (np.bincount(cell, weights=has_kernel[rows]) >= _ALWAYS * n)
    names = np.unique(host["name"][rows][always[cell]])
    runs = rows[np.isin(host["name"][rows], names)]
    return Launches(host["start"][runs], has_kernel[runs])


def kernels_end_early(
    host: dict[str, Any], names: Sequence[str], operation: Ints, in_process: Any
) -> bool:
    """Whether a network's operations go on after the last of them that has a kernel.

    So it is in a file that was cut and closed again: the host's events stand first in
    it. Only operations that are a network's work, and run kernels in most of their calls
    up to then on the same thread, are counted: some of these may be lost too.

    Parameters
    ----------
    host : dict of ndarray
    names : sequence of str
        By number.
    operation : ndarray of int
        Rows of operations that have a kernel; -1 is skipped.
    in_process : ndarray of bool
        Rows of the process.
    """
    has_kernel = np.zeros(len(host["start"]), dtype=np.bool_)
    has_kernel[operation[operation >= 0]] = True
    heavy = np.zeros(len(names), dtype=np.bool_)
    for k in np.unique(host["name"][has_kernel]):
        heavy[k] = op_names.family(op_names.column("device", names[k])) in _NETWORK
    rows = np.flatnonzero(
        (host["kind"] == OPERATION) & in_process & heavy[host["name"]]
    )
    if not len(rows):
        return False
    ran, start, name = has_kernel[rows], host["start"][rows], host["name"][rows]
    _, thread = np.unique(host["tid"][rows], return_inverse=True)
    last = np.full(int(thread.max()) + 1, -np.inf)
    np.maximum.at(last, thread[ran], start[ran])
    has_last = np.isfinite(last)[thread]
    before = start <= last[thread]
    n = np.bincount(name[before], minlength=len(names))
    with_kernel = np.bincount(name[ran], minlength=len(names))
    always = (n >= _FEW_CALLS) & (2 * with_kernel >= n)
    after = int((always[name] & has_last & ~before).sum())
    return after > max(_FEW_CALLS, _TAIL * int(always[name].sum()))


def _fill_process(pid: Ints, device: Ints, collected: Collected) -> None:
    """Give work whose launch is not known to the process that uses its GPU."""
    if not (pid < 0).any():
        return
    if len(collected.pids) == 1:
        pid[:] = 0
        return
    for d in np.unique(device[pid < 0]):
        on_device = device == d
        users, times = np.unique(pid[on_device & (pid >= 0)], return_counts=True)
        if len(users):
            pid[on_device & (pid < 0)] = users[np.argmax(times)]


def _numbered(keys: Ints, named: Any) -> tuple[Ints, tuple[str, ...]]:
    """Number of each column of keys by its name, and the names; each named once."""
    code = np.zeros(keys.shape[1], dtype=np.int64)
    for row in keys:
        code = (
            np.unique(code, return_inverse=True)[1].ravel() * (int(row.max()) + 2)
            + row
            + 1
        )
    _, first, which = np.unique(code, return_index=True, return_inverse=True)
    listed: dict[str, int] = {}
    place = [
        listed.setdefault(named(*(int(v) for v in keys[:, k])), len(listed))
        for k in first
    ]
    return np.array(place, dtype=np.int64)[which.ravel()], tuple(listed)


def _inputs(text: bytes) -> tuple[str, ...]:
    """Types of an operation's inputs, lists of tensors included."""
    try:
        document = json.loads(text or b"[]")
    except ValueError:
        return ()
    types: list[str] = []
    left = [document]
    while left:
        value = left.pop(0)
        if isinstance(value, str):
            types.append(value)
        elif isinstance(value, list):
            left = [*value, *left]
    return tuple(types)


def _column(names: Sequence[str], op: int, kernel: int, kind: int) -> str:
    """Column of a kernel: of its operation, or of its name where that is more specific."""
    own = op_names.column("device", clean_kernel(names[kernel]))
    if kind == COPY or op < 0:
        return own
    column = op_names.column("device", names[op])
    if op_names.family(column) == "other" and op_names.family(own) != "other":
        return own
    return column
