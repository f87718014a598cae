"""PyTorch's profiler: the Chrome trace that Kineto writes (``.json``, ``.json.gz``).

A kernel is counted under the aten operation that launched it: kernel and launch
share a correlation id, launch and operation an external id. Steps are the
``ProfilerStep#N`` annotations; a kernel is of the step in which it was launched.
The answer is the vector of one step, that of median length, warm-up and partial
steps left out; where streams overlap, time is counted once.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlate import opnames
from xlate.errors import ProfileError
from xlate.profile import Profile, WorkloadKey
from xlate.readers.chrome import Args, Event, Trace, is_trace
from xlate.readers.launches import around, host_times, joined, operations
from xlate.readers.source import Source
from xlate.readers.steps import Step, Work, chosen_step, of_step

__all__ = ["clean_kernel", "read", "sniff"]

_DEVICE = {"kernel": 0, "gpu_memcpy": 1, "gpu_memset": 1, "concurrent_kernel": 0}
_LAUNCH = frozenset({"cuda_runtime", "cuda_driver", "runtime", "hip_runtime"})
_STEP = re.compile(r"ProfilerStep#(\d+)$")
#: what a host event is: an operation, a launch, a region that the user named
_OPERATION, _LAUNCHES, _REGION = 0, 1, 2
#: as compilers and profilers write a namespace without a name
_HIDDEN = re.compile(r"\(anonymous namespace\)::|<unnamed>::|\{anonymous\}::")


def sniff(head: bytes) -> bool:
    """Whether the head is that of a Kineto trace."""
    if not is_trace(head):
        return False
    marks = (b'"schemaVersion"', b'"deviceProperties"', b'"cpu_op"', b'"cuda_runtime"', b'"kernel"', b"ProfilerStep#")  # fmt: skip
    return any(m in head for m in marks)


def clean_kernel(name: str) -> str:
    """A kernel's name without return type, template arguments and parameters."""
    short = _HIDDEN.sub("", name).removeprefix("void ")
    return re.split(r"[<(]", short, maxsplit=1)[0].strip() or name.strip() or "unnamed"


def read(source: Source) -> list[Profile]:
    """One profile for each process and GPU of the trace.

    Parameters
    ----------
    source : Source
        The trace, packed or not.

    Raises
    ------
    ProfileError
        If it holds no whole event, no step, an event of negative length, or
        steps in which nothing runs.
    """
    with source.open() as stream:
        trace = Trace(source.path, stream)
        seen = _Collected(source.path)
        for events in trace:
            seen.take(events)
    return list(_profiles(source.path, trace, seen))


class _Collected:
    """What is kept of a trace, in arrays."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names: dict[str, int] = {}
        self.pids: dict[Any, int] = {}
        self.kernel: dict[str, array[Any]] = _arrays(
            "start dur", "name corr ext device kind"
        )
        self.host: dict[str, array[Any]] = _arrays(
            "start dur", "name corr ext pid tid kind"
        )
        self.steps: list[tuple[int, int, float, float]] = []
        self.categories: dict[str, int] = {}
        self.peak_bytes = 0.0

    def take(self, events: Iterable[Event]) -> None:
        """Keep what matters of some events."""
        for e in events:
            kind = e.cat
            if kind in _DEVICE:
                self._take_kernel(e, _DEVICE[kind])
            elif e.ph == "X" and (kind == "cpu_op" or kind in _LAUNCH):
                self._take_host(e, _OPERATION if kind == "cpu_op" else _LAUNCHES)
            elif (
                e.ph == "X"
                and kind != "gpu_user_annotation"
                and isinstance(e.name, str)
            ):
                found = _STEP.match(e.name)
                if found:
                    start, dur = self._span(e)
                    self.steps.append((self._pid(e.pid), int(found[1]), start, dur))
                elif kind == "user_annotation":
                    self._take_host(e, _REGION)
                else:
                    self._count(kind)
            else:
                self._count(kind)
                if isinstance(e.args, Args) and e.args.device_type == 1:
                    used = e.args.bytes_in_use
                    if isinstance(used, int | float):
                        self.peak_bytes = max(self.peak_bytes, float(used))

    def _take_kernel(self, e: Event, kind: int) -> None:
        args = self._common(self.kernel, e)
        self.kernel["device"].append(_whole(args.device, e.pid))
        self.kernel["kind"].append(kind)

    def _take_host(self, e: Event, kind: int) -> None:
        self._common(self.host, e)
        self.host["pid"].append(self._pid(e.pid))
        self.host["tid"].append(hash(e.tid) & 0x7FFFFFFF)
        self.host["kind"].append(kind)

    def _common(self, kept: dict[str, array[Any]], e: Event) -> Args:
        """Keep what both sides have; the arguments, for what they do not."""
        start, dur = self._span(e)
        args = e.args if isinstance(e.args, Args) else _NOTHING
        kept["start"].append(start)
        kept["dur"].append(dur)
        kept["name"].append(self._name(e.name))
        kept["corr"].append(_whole(args.correlation))
        kept["ext"].append(_whole(args.external, args.external_old))
        return args

    def _count(self, kind: str | None) -> None:
        self.categories[kind or "none"] = self.categories.get(kind or "none", 0) + 1

    def _span(self, e: Event) -> tuple[float, float]:
        try:
            start, dur = float(e.ts), float(e.dur)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            raise ProfileError(
                f"{self.path}: {e.name!r} begins at {e.ts!r} and takes {e.dur!r}",
                "times are numbers in µs; record the trace again",
            ) from None
        if not (dur >= 0 and abs(start) < 1e18 and dur < 1e15):
            raise ProfileError(
                f"{self.path}: {e.name!r} begins at {start:g} µs and takes {dur:g} µs",
                "no event is of negative or infinite length; record the trace again",
            )
        return start, dur

    def _name(self, name: Any) -> int:
        text = name if isinstance(name, str) else str(name)
        return self.names.setdefault(text, len(self.names))

    def _pid(self, pid: Any) -> int:
        return self.pids.setdefault(pid, len(self.pids))


_NOTHING = Args()


def _arrays(floats: str, ints: str) -> dict[str, array[Any]]:
    made: dict[str, array[Any]] = {n: array("d") for n in floats.split()}
    return made | {n: array("q") for n in ints.split()}


def _whole(*values: Any) -> int:
    """The first that is a whole number, else -1."""
    for value in values:
        if isinstance(value, int | float) and abs(value) < 2**62:
            return int(value)
        if isinstance(value, str) and value.isdecimal() and len(value) < 19:
            return int(value)
    return -1


@dataclass(frozen=True, eq=False)
class _Launched:
    """Kernels with what launched them; all arrays of one length."""

    work: Work
    device: NDArray[np.int64]
    #: process of the launch, -1 where not known
    pid: NDArray[np.int64]


def _profiles(path: Path, trace: Trace, seen: _Collected) -> Iterable[Profile]:
    host = {
        k: np.frombuffer(v, dtype=v.typecode) for k, v in seen.host.items() if len(v)
    }
    if not len(seen.kernel["start"]) and not host:
        kinds = ", ".join(sorted(seen.categories)[:6])
        raise ProfileError(
            f"{path} holds no operation of PyTorch and no GPU event, but events of {kinds}",
            "record with torch.profiler and activities=[CPU, CUDA]; a trace of another tool "
            "may need --format",
        )
    launched = _launched(seen, host)
    steps_of = _steps(path, seen)
    notes = []
    if trace.truncated:
        notes.append(f"{path.name} breaks off; it was read up to where it is whole")
    sides: list[tuple[int, int | None]] = sorted(
        {(int(p), int(d)) for p, d in zip(launched.pid, launched.device, strict=True)}
    )
    if not sides:
        sides = [(p, None) for p in sorted(steps_of)]
        notes.append("no GPU event: only the host's side was recorded")
    many = len(sides) > 1
    made = 0
    for pid, device in sides:
        steps = steps_of.get(pid) or (
            next(iter(steps_of.values())) if len(steps_of) == 1 else []
        )
        if not steps:
            continue
        mine = (launched.pid == pid) & (launched.device == device)
        source = f"{path} [GPU {device}]" if many else str(path)
        profile = _one(
            trace,
            seen,
            host,
            launched.work.rows(mine),
            steps,
            pid,
            device,
            notes,
            source,
        )
        if profile is not None:
            made += 1
            yield profile
    if not made:
        raise ProfileError(
            f"{path}: no GPU event was launched, or ran, in any of its steps",
            "the clocks of host and device may differ, or steps and kernels are of "
            "different processes; record the trace again",
        )


def _one(
    trace: Trace, seen: _Collected, host: dict[str, Any], work: Work, steps: list[Step],
    pid: int, device: int | None, notes: list[str], source: str,
) -> Profile | None:  # fmt: skip
    """The profile of one process and one GPU; None where none of its steps runs."""
    if device is None:
        step, ops, said = chosen_step(steps, None, trace.truncated), {}, []
    else:
        found = of_step(work, steps, trace.truncated)
        if found is None:
            return None
        step, ops, said = found.step, dict(found.ops), list(found.notes)
    names = list(seen.names)
    for name, length in host_times(host, pid, step):
        column = opnames.column("host", names[name])
        ops[column] = ops.get(column, 0.0) + length
    ops = {k: v for k, v in ops.items() if v > 0}
    backward = any("ackward" in c for c in ops)
    return Profile(
        ops,
        WorkloadKey(mode="training" if backward else "inference", framework="pytorch"),
        step_time_us=step.length,
        source=source,
        notes=(*notes, step.said, *said),
        device=_device_name(trace, device),
        memory_bytes=seen.peak_bytes or None,
    )


def _device_name(trace: Trace, device: int | None) -> str | None:
    for facts in trace.devices:
        if device is not None and facts.get("id") == device and facts.get("name"):
            return str(facts["name"])
    return None


def _steps(path: Path, seen: _Collected) -> dict[int, list[Step]]:
    """Steps of each process, in order.

    Raises
    ------
    ProfileError
        If there is none, or time runs backwards.
    """
    found: dict[int, list[Step]] = {}
    for pid, number, start, length in sorted(seen.steps):
        found.setdefault(pid, []).append(Step(number, start, length))
    for steps in found.values():
        for before, after in pairwise(steps):
            if after.start < before.start:
                raise ProfileError(
                    f"{path}: step {after.number} begins before step {before.number}",
                    "the clock ran backwards; record the trace again",
                )
    if not found:
        raise ProfileError(
            f"{path} holds no ProfilerStep",
            "call prof.step() after each iteration: xlate profile record -- python "
            "train.py prints the lines",
        )
    return found


def _launched(seen: _Collected, host: dict[str, Any]) -> _Launched:
    """Kernels joined to their launches and operations."""
    k = {
        n: np.frombuffer(v, dtype=v.typecode) for n, v in seen.kernel.items() if len(v)
    }
    if not k:
        nothing = np.zeros(0)
        whole = np.zeros(0, dtype=np.int64)
        return _Launched(Work(nothing, nothing, nothing, whole, ()), whole, whole)
    n = len(k["start"])
    pid = np.full(n, -1, dtype=np.int64)
    asked, ext = k["start"].copy(), k["ext"].copy()
    op = np.full(n, -1, dtype=np.int64)
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
    if (pid < 0).any() and len(seen.pids) == 1:
        pid[:] = 0
    names = list(seen.names)
    place: dict[tuple[int, int], int] = {}
    listed: dict[str, int] = {}
    column = np.zeros(n, dtype=np.int64)
    for row, key in enumerate(zip(op.tolist(), (k["name"] + (k["kind"] << 40)).tolist(), strict=True)):  # fmt: skip
        if key not in place:
            name = _column(names, *key)
            place[key] = listed.setdefault(name, len(listed))
        column[row] = place[key]
    work = Work(k["start"], k["start"] + k["dur"], asked, column, tuple(listed))
    return _Launched(work, k["device"], pid)


def _column(names: list[str], op: int, kernel: int) -> str:
    """Column of a kernel: its operation's, or its own where that says more."""
    kind, name = kernel >> 40, names[kernel & ((1 << 40) - 1)]
    if kind == 1 or op < 0:
        return opnames.column("device", clean_kernel(name))
    column = opnames.column("device", names[op])
    own = opnames.column("device", clean_kernel(name))
    if opnames.family(column) == "other" and opnames.family(own) != "other":
        return own
    return column
