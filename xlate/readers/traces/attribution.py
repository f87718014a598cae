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

__all__ = ["Launched", "clean_kernel", "launched", "launching_operations"]

Ints = NDArray[np.int64]

#: share of an operation's calls that have a kernel, where it is said to run one always
_ALWAYS = 0.95
#: as compilers and profilers write a namespace without a name
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


def launched(seen: Collected, host: dict[str, Any], names: Sequence[str]) -> Launched:
    """Kernels joined to their launches and operations.

    Parameters
    ----------
    seen : Collected
    host : dict of ndarray
        Its host's events; empty where there are none.
    names : sequence of str
        By number.
    """
    if not len(seen.kernel["start"]):
        nothing, whole = np.zeros(0), np.zeros(0, dtype=np.int64)
        return Launched(Work(nothing, nothing, nothing, whole, ()), *[whole] * 4)
    k = {n: np.frombuffer(v, dtype=v.typecode) for n, v in seen.kernel.items()}
    n = len(k["start"])
    pid, launch, op = (np.full(n, -1, dtype=np.int64) for _ in range(3))
    asked, ext = k["start"].copy(), k["ext"].copy()
    types = np.zeros(n, dtype=np.int64)
    if host:
        launch = joined(host, k)
        known = launch >= 0
        at = launch[known]
        pid[known], asked[known] = host["pid"][at], host["start"][at]
        ext[known] = np.where(host["ext"][at] >= 0, host["ext"][at], ext[known])
        op = operations(host, pid, ext)
        # without ids, the innermost operation around the launch
        lost = np.flatnonzero((op < 0) & known)
        if len(lost):
            op[lost] = around(host, launch[lost])
        # all kernels of a graph have one launch, which says nothing of what each does
        op[np.flatnonzero(known)[graph_launches(host, names)[at]]] = -1
        types = np.where(op >= 0, host["types"][op], 0).astype(np.int64)
    _fill_process(pid, k["device"], seen)
    name = np.where(op >= 0, host["name"][op] if host else -1, -1)
    column, columns = _numbered(
        np.stack([name, k["name"], k["kind"]]), lambda o, kernel, kind: _column(names, o, kernel, kind)
    )  # fmt: skip
    listed = list(seen.types)
    precision, precisions = _numbered(
        np.stack([k["name"], types]),
        lambda kernel, t: kernel_precision(names[kernel], _inputs(listed[t])),
    )
    precision[k["kind"] != KERNEL] = -1
    work = Work(
        k["start"], k["start"] + k["dur"], asked, column, columns, precision, precisions
    )
    return Launched(work, k["device"], pid, launch, op)


def launching_operations(
    host: dict[str, Any], operation: Ints, mine: Any, steps: Sequence[Step]
) -> Launches:
    """Operations that run kernels wherever they run on some thread in some step.

    Where some have none, their launches are not in the file.

    Parameters
    ----------
    host : dict of ndarray
    operation : ndarray of int
        Rows of operations that have a kernel; -1 is passed over.
    mine : ndarray of bool
        Rows of the process.
    steps : sequence of Step
    """
    has = np.zeros(len(host["start"]), dtype=np.bool_)
    has[operation[operation >= 0]] = True
    rows = np.flatnonzero((host["kind"] == OPERATION) & mine)
    begin = np.array([s.start for s in steps])
    of = np.searchsorted(begin, host["start"][rows], side="right")
    # what a thread did in a step after its last launch may be lost
    _, part = np.unique(np.stack([host["tid"][rows], of]), axis=1, return_inverse=True)
    last = np.full(int(part.max(initial=0)) + 1, -np.inf)
    np.maximum.at(last, part.ravel()[has[rows]], host["start"][rows][has[rows]])
    before = host["start"][rows] <= last[part.ravel()]
    _, cell = np.unique(
        np.stack([host["name"][rows], part.ravel()]), axis=1, return_inverse=True
    )
    cell = cell.ravel()
    n = np.bincount(cell, weights=before)
    always = (n > 0) & (np.bincount(cell, weights=has[rows]) >= _ALWAYS * n)
    names = np.unique(host["name"][rows][always[cell]])
    runs = rows[np.isin(host["name"][rows], names)]
    return Launches(host["start"][runs], has[runs])


def _fill_process(pid: Ints, device: Ints, seen: Collected) -> None:
    """Give work whose launch is not known to the process that uses its GPU."""
    if not (pid < 0).any():
        return
    if len(seen.pids) == 1:
        pid[:] = 0
        return
    for d in np.unique(device[pid < 0]):
        mine = device == d
        users, times = np.unique(pid[mine & (pid >= 0)], return_counts=True)
        if len(users):
            pid[mine & (pid < 0)] = users[np.argmax(times)]


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
        found = json.loads(text or b"[]")
    except ValueError:
        return ()
    types: list[str] = []
    left = [found]
    while left:
        value = left.pop(0)
        if isinstance(value, str):
            types.append(value)
        elif isinstance(value, list):
            left = [*value, *left]
    return tuple(types)


def _column(names: Sequence[str], op: int, kernel: int, kind: int) -> str:
    """Column of a kernel: its operation's, or its own where that says more."""
    own = op_names.column("device", clean_kernel(names[kernel]))
    if kind == COPY or op < 0:
        return own
    column = op_names.column("device", names[op])
    if op_names.family(column) == "other" and op_names.family(own) != "other":
        return own
    return column
