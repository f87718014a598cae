"""Nsight Systems: the sqlite export (``nsys export --type sqlite``).

Names are in ``StringIds``, times are in ns. Steps are NVTX ranges named step or
iteration, or those that the user names. Process and thread share one number,
``globalTid``: the lowest 24 bits are the thread. A launch is identified by process and
correlation id. A CUDA graph is one row where nsys did not trace its nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from xlate import op_names
from xlate.errors import ProfileError
from xlate.readers.nsight.nsys_database import HINT, NsysDatabase, opened
from xlate.readers.rocm import rocpd
from xlate.readers.source import Source
from xlate.readers.traces.complete_steps import Launches, while_capturing
from xlate.readers.traces.device_trace import DeviceTrace, NamedDevices
from xlate.readers.traces.launches import capture_call, runs_kernel
from xlate.readers.traces.marks import STEP_RANGE, Range, repeated, steps_of
from xlate.values.profile import Profile

__all__ = ["read", "sniff"]

MAGIC = b"SQLite format 3\x00"
_KERNELS, _COPIES, _SETS, _GRAPHS, _RUNTIME = (
    f"CUPTI_ACTIVITY_KIND_{k}"
    for k in ("KERNEL", "MEMCPY", "MEMSET", "GRAPH_TRACE", "RUNTIME")
)
_NVTX, _CUDA = "NVTX_EVENTS", "TARGET_INFO_CUDA_DEVICE"
#: tables of GPUs: current, and until the middle of 2021
_GPUS, _OLD_GPUS = "TARGET_INFO_GPU", "TARGET_INFO_CUDA_GPU"
_KINDS = {
    1: "Memcpy HtoD", 2: "Memcpy DtoH", 8: "Memcpy DtoD", 9: "Memcpy HtoH",
    10: "Memcpy PtoP", 11: "Memcpy HtoD", 12: "Memcpy DtoH", 13: "Memcpy DtoD",
}  # fmt: skip
#: ns in a µs
_NS = 1e-3
#: bits of a thread in a global id
_THREAD_BITS = 24
#: event types of NVTX that are a moment or a range, ended or not; other types are names
#: of domains and categories
_NVTX_TYPES = frozenset({None, 34, 35, 37, 59, 60, 65, 66, 68, 70, 71})
_GRAPH = "CUDA graph"
_NAMED = "graph nodes: nsys profile --cuda-graph-trace=node names the kernels inside"


def sniff(head: bytes) -> bool:
    """Whether the file is an sqlite database."""
    return head.startswith(MAGIC)


def read(source: Source) -> list[Profile]:
    """One profile for each process and GPU that ran a kernel.

    Parameters
    ----------
    source : Source
        The database, packed or not; it is opened read-only.

    Raises
    ------
    ProfileError
        If it is damaged, not a report, or holds no kernel.
    """
    with opened(source) as tables:
        if rocpd.is_rocpd(tables):
            return rocpd.profiles(source, tables)
        return _profiles(source, tables)


def _profiles(source: Source, tables: NsysDatabase) -> list[Profile]:
    _check_kind(tables)
    strings = {i: str(v) for i, v in tables.rows("StringIds", "id", "value")}
    trace = DeviceTrace(source.path, "NVTX")
    calls = _Calls.of(tables, strings)
    untimed = _fill(trace, tables, strings, calls)
    if not len(trace):
        raise ProfileError(
            f"{source.path} holds no kernel", HINT, code="profile.no-gpu-work"
        )
    ranges = _ranges(tables, strings)
    marks = (
        {}
        if source.steps.count
        else steps_of(source.path, ranges, source.steps.mark, trace.asked, "NVTX")
    )
    notes = []
    often = repeated([r for r in ranges if not STEP_RANGE.search(r.name)])
    if not marks and not source.steps.count and often:
        notes.append(f"--step-mark NAME takes a range that repeats: {', '.join(often)}")
    if untimed:
        which = (
            "1 launch of a CUDA graph has"
            if untimed == 1
            else f"{untimed} launches of CUDA graphs have"
        )
        notes.append(f"{which} no times; left out")
    profiles = trace.profiles(
        marks,
        source.steps,
        _devices(tables, trace),
        notes=tuple(notes),
        launches=calls.launches(),
    )
    return [_with_graphs(p) for p in profiles]


def _check_kind(tables: NsysDatabase) -> None:
    """Raise an error if a database is not a report with kernels; it names the tables."""
    path, names = tables.path, tables.names
    if names & {_KERNELS, _GRAPHS}:
        return
    inside = ", ".join(sorted(names)[:6]) or "no table at all"
    if _RUNTIME in names:
        raise ProfileError(
            f"{path} holds no kernel of an Nsight Systems report: only calls of the "
            "CUDA API were recorded",
            "the run launched none while it was recorded, or ended before nsys wrote "
            f"them; {HINT}",
            code="profile.not-a-profile",
        )
    raise ProfileError(
        f"{path} holds no kernel of an Nsight Systems report (it has {inside})",
        HINT,
        code="profile.not-a-profile",
    )


@dataclass(frozen=True)
class _Calls:
    """Calls of CUDA by process and correlation id.

    Attributes
    ----------
    start : dict of int to float
        µs.
    kernel : dict of int to str
        Names of the calls that run a kernel and did not fail.
    ran : set of int
        Calls whose work on a GPU was recorded.
    captures : dict of (int, str) to list of float
        When captures of graphs ``begin`` and ``end`` in each process, µs.
    """

    start: dict[int, float] = field(default_factory=dict)
    kernel: dict[int, str] = field(default_factory=dict)
    ran: set[int] = field(default_factory=set)
    captures: dict[tuple[int, str], list[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, tables: NsysDatabase, strings: dict[int, str]) -> _Calls:
        calls = cls()
        runs = {i: n for i, n in strings.items() if runs_kernel(n)}
        capture = {i: c for i, n in strings.items() if (c := capture_call(n))}
        columns = ("correlationId", "start", "globalTid", "nameId", "returnValue")
        for corr, start, tid, name, failed in tables.rows(_RUNTIME, *columns):
            if not isinstance(corr, int) or not isinstance(start, int):
                continue
            key = _key(_process(tid), corr)
            calls.start[key] = start * _NS
            if name in capture:
                place = (key >> 40, capture[name])
                calls.captures.setdefault(place, []).append(start * _NS)
            if name in runs and not failed:
                calls.kernel[key] = runs[name]
        return calls

    def launches(self) -> dict[int, Launches]:
        """Launches of each process, which show whose kernels are missing.

        A call within a call has a separate id and no kernel: names whose calls never
        have a kernel are left out.
        """
        names = {self.kernel[k] for k in self.ran if k in self.kernel}
        by_process: dict[int, list[int]] = {}
        for key, name in self.kernel.items():
            if name in names:
                by_process.setdefault(key >> 40, []).append(key)
        launches = {}
        for process, keys in by_process.items():
            asked = np.array([self.start[k] for k in keys])
            begins, ends = (
                np.array(self.captures.get((process, side), []), dtype=float)
                for side in ("begin", "end")
            )
            launches[process] = Launches(
                asked,
                np.array([k in self.ran for k in keys]),
                while_capturing(asked, begins, ends),
            )
        return launches


def _fill(
    trace: DeviceTrace, tables: NsysDatabase, strings: dict[int, str], calls: _Calls
) -> int:
    """Add all GPU events to the trace; return how many graphs have no times."""
    launched = calls.start
    many = len({k >> 40 for k in launched}) > 1

    def add(table: str, name: str, row: tuple[Any, ...], kernel: bool = True) -> None:
        begin, stop, corr, gpu, pid = row
        process = _process(pid)
        asked = None
        if isinstance(corr, int):
            key = _key(process, corr)
            if key not in launched and not many and process == 0 and launched:
                # a version without processes of kernels, but with those of launches
                key = _key(next(iter(launched)) >> 40, corr)
            asked = launched.get(key)
            calls.ran.add(key)
        trace.add(
            name,
            tables.time(table, begin) * _NS,
            tables.time(table, stop) * _NS,
            device=gpu if isinstance(gpu, int) else 0,
            process=process,
            asked=asked,
            kernel=kernel,
        )

    where = ("start", "end", "correlationId", "deviceId", "globalPid")
    named: set[tuple[Any, Any]] = set()
    graphs = _GRAPHS in tables.names
    for long, short, *row in tables.rows(
        _KERNELS, "demangledName", "shortName", *where
    ):
        name = _text(long, strings) or _text(short, strings) or f"kernel {short}"
        add(_KERNELS, name, tuple(row))
        if graphs:
            named.add((row[4], row[2]))
    for kind, *row in tables.rows(_COPIES, "copyKind", *where):
        add(_COPIES, _KINDS.get(kind, "Memcpy"), tuple(row), kernel=False)
    for moment in tables.rows(_SETS, *where):
        add(_SETS, "Memset", moment, kernel=False)
    untimed = 0
    for graph in tables.rows(_GRAPHS, *where):
        if not graph[1]:
            untimed += 1
        elif graph[2] is None or (graph[4], graph[2]) not in named:
            add(_GRAPHS, _GRAPH, graph)
    return untimed


def _text(value: Any, strings: dict[int, str]) -> str | None:
    """A name: some exports hold its text, others its number in ``StringIds``."""
    return value if isinstance(value, str) and value else strings.get(value)


def _process(number: Any) -> int:
    return number >> _THREAD_BITS if isinstance(number, int) else 0


def _key(process: int, corr: int) -> int:
    """A launch as one number, of its process and its correlation id (at most 32 bits)."""
    return (process << 40) | (corr & 0xFFFFFFFFFF)


def _ranges(tables: NsysDatabase, strings: dict[int, str]) -> list[Range]:
    """NVTX ranges, and moments, which are ranges without end."""
    ranges = []
    columns = ("start", "end", "text", "textId", "eventType", "globalTid")
    for begin, stop, text, text_id, kind, tid in tables.rows(_NVTX, *columns):
        name = text if isinstance(text, str) else strings.get(text_id, "")
        if not name or not isinstance(begin, int) or kind not in _NVTX_TYPES:
            continue
        end = stop * _NS if isinstance(stop, int) else None
        if end is not None and end <= begin * _NS:
            continue
        thread = tid if isinstance(tid, int) else 0
        ranges.append(Range(name, begin * _NS, end, _process(tid), thread))
    return ranges


def _devices(tables: NsysDatabase, trace: DeviceTrace) -> NamedDevices:
    """Names of GPUs; a process may number its GPUs differently from the machine."""
    listed = [
        (i, cuda, n.strip())
        for table in (_GPUS, _OLD_GPUS)
        for i, device, cuda, n in tables.rows(
            table, "id", "deviceId", "cuDevice", "name"
        )
        if isinstance(n, str) and n.strip()
        for i in (device if i is None else i,)
    ]
    names = {i: n for i, _, n in listed}
    # CUDA may number GPUs differently from the machine
    by_cuda = {cuda: i for i, cuda, _ in listed if isinstance(cuda, int)}
    if len(by_cuda) != len(listed):
        by_cuda = {}
    gpu_of: dict[tuple[Any, Any], Any] = {}
    for gpu, cuda, pid in tables.rows(_CUDA, "gpuId", "cudaId", "pid"):
        gpu_of[pid, cuda] = gpu
    only = next(iter(names.values())) if len(set(names.values())) == 1 else None
    place: Callable[[int, int], Any] = lambda process, device: gpu_of.get(  # noqa: E731
        (process & 0xFFFFFF, device), by_cuda.get(device, device)
    )
    return NamedDevices(
        {k: n for k in trace.places if (n := names.get(place(*k)) or only) is not None},
        {k: f"GPU {place(*k)}" for k in trace.places},
    )


def _with_graphs(profile: Profile) -> Profile:
    """The profile with a note where graphs hide the names of their kernels."""
    hidden = profile.ops.get(op_names.column("device", _GRAPH), 0.0)
    if not hidden:
        return profile
    note = (
        f"{hidden / profile.busy_us:.0%} of the device time is of CUDA graphs without "
        + _NAMED
    )
    return replace(profile, notes=(*profile.notes, note))
