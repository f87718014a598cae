"""PyTorch's profiler: the Chrome trace that Kineto writes (``.json``, ``.json.gz``).

A kernel is counted under the aten operation that launched it: kernel and launch
share a correlation id, launch and operation an external id; kernels of a CUDA graph
have names of their own. Steps are the ``ProfilerStep#N`` annotations, else what the
user says, else the file's own marks (:mod:`xlate.readers.traces.step_marks`), else the whole
recording; a kernel is of the step in which it was launched. The answer is the vector
of one step, that of median length, warm-up and partial steps left out; where streams
overlap, time is counted once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from xlate import op_names
from xlate.errors import ProfileError
from xlate.hardware.kernel_architecture import newest
from xlate.readers.pytorch.kineto_events import Collected
from xlate.readers.pytorch.kineto_notes import (
    REMNANT,
    contradicted,
    steps_of_others,
    unread,
    whole_recording,
)
from xlate.readers.source import Source
from xlate.readers.step_choice import StepChoice
from xlate.readers.traces.attribution import (
    Launched,
    clean_kernel,
    launched,
    launching_operations,
)
from xlate.readers.traces.chrome import Trace, is_trace
from xlate.readers.traces.launches import (
    REGION,
    graph_launches,
    host_times,
    kernel_launches,
)
from xlate.readers.traces.missing_kernels import by_autograd, no_kernel, of_autograd
from xlate.readers.traces.step_marks import Marks, by_name, found_in, serving_kind
from xlate.readers.traces.steps import (
    EVERYTHING,
    Launches,
    Step,
    Vector,
    Work,
    chosen_step,
    of_recording,
    of_step,
    start_to_start,
)
from xlate.readers.traces.work_mode import mode_of
from xlate.values.profile import Profile, WorkloadKey
from xlate.values.reason import Reason

__all__ = ["clean_kernel", "read", "sniff"]

#: what a Kineto trace has in its first bytes, by one version or the other
_MARKS = (
    b'"schemaVersion"', b'"deviceProperties"', b'"computeProperties"', b'"distributedInfo"',
    b'"baseTimeNanoseconds"', b'"cpu_op"', b'"cuda_runtime"', b'"cuda_driver"', b'"kernel"',
    b'"gpu_memcpy"', b'"gpu_memset"', b'"user_annotation"', b'"python_function"', b'"hip_runtime"',
    b'"xpu_runtime"', b'"Kernel"', b'"Operator"', b'"Runtime"', b'"Memcpy"', b"ProfilerStep#",
    b"PyTorch Profiler", b'"CPU functions"', b'"CPU Functions"', b'"CUDA functions"', b'"CUDA Functions"',
)  # fmt: skip
#: characters of a name that are shown
_LONGEST_NAME = 60
#: annotations of training, by PyTorch and by many users
_TRAINING_MARK = re.compile(r"[Bb]ackward|Optimizer\.step")


def sniff(head: bytes) -> bool:
    """Whether the head is that of a trace by PyTorch."""
    return is_trace(head) and (any(m in head for m in _MARKS) or by_autograd(head))


def read(source: Source) -> list[Profile]:
    """One profile for each process and GPU of the trace.

    Parameters
    ----------
    source : Source
        The trace, packed or not; ``source.steps`` says what its steps are, where the
        user does.

    Raises
    ------
    ProfileError
        If it holds no whole event, no GPU work, an event of negative length, steps in
        which nothing runs, or no mark of the name that was asked for.
    """
    seen = Collected(source.path)
    try:
        with source.open() as stream:
            trace = Trace(source.path, stream)
            for events in trace:
                seen.take(events)
    except ProfileError:
        if by_autograd(source.head):
            raise of_autograd(source.path, source.head) from None
        raise
    if by_autograd(source.head) and not seen.host["start"]:
        raise of_autograd(source.path, source.head)
    return list(_Reading(source, trace, seen).profiles())


class _Reading:
    """A trace that was read to its end, on its way to profiles."""

    def __init__(self, source: Source, trace: Trace, seen: Collected) -> None:
        self.path: Path = source.path
        self.choice: StepChoice = source.steps
        self.trace, self.seen = trace, seen
        self.names = list(seen.names)
        self._idle: list[str] = []
        self.host: dict[str, Any] = {
            k: np.frombuffer(v, dtype=v.typecode)
            for k, v in seen.host.items()
            if len(v)
        }

    def profiles(self) -> Iterable[Profile]:
        """One for each process and GPU."""
        only_host = None
        if not len(self.seen.kernel["start"]):
            only_host = no_kernel(self.path, self.trace, self.seen, self.host)
        if only_host is None:
            self.choice.check_count(self.path, len(self.seen.kernel["start"]))
        work = launched(self.seen, self.host, self.names)
        steps_of = self._profiler_steps()
        if only_host is not None:
            for pid in sorted(steps_of):
                yield self._host_only(pid, steps_of[pid], only_host)
            return
        sides, self._idle = _sides(work)
        made = 0
        for pid, device in sides:
            steps = steps_of.get(pid) or (
                next(iter(steps_of.values())) if len(steps_of) == 1 else []
            )
            mine = (work.pid == pid) & (work.device == device)
            side = _Side(pid, device, work.work.rows(mine), work)
            found, said = self._vector(side, steps)
            if found is not None:
                made += 1
                of = f" [GPU {device}]" if len(sides) > 1 else ""
                yield self._profile(side, found, said, f"{self.path}{of}")
        if not made:
            raise ProfileError(
                f"{self.path}: no GPU event was launched, or ran, in any of its steps",
                "the clocks of host and device may differ, or steps and kernels are of "
                "different processes; record the trace again, or give --trace-steps N",
                code="profile.no-gpu-work",
            )

    def _vector(
        self, side: _Side, steps: list[Step]
    ) -> tuple[Vector | None, list[str]]:
        """The vector of one GPU, and what was taken for a step."""
        work = side.work
        if self.choice.count is not None:
            n = self.choice.count
            said = Reason(
                f"the whole recording was divided by {n}, as --trace-steps asks",
                informs=True,
            )
            against = steps and len(steps) != n
            return self._of_recording(side, n, said), (
                [contradicted(n, len(steps))] if against else []
            )
        annotations = self._marks(side.pid, self.host and self.host["kind"] == REGION)
        graphs = self._marks(
            side.pid, self.host and graph_launches(self.host, self.names)
        )
        if self.choice.mark is not None:
            marked = by_name(annotations, graphs, work, self.choice.mark, steps)
            return self._of_step(side, marked.steps), [marked.said]
        if steps:
            straight, nested = start_to_start(steps)
            found = self._of_step(side, straight)
            said_of: list[str] = [_NESTED] if nested else []
            if found is not None:
                step = found.step
                said_of += _kind_within(annotations, step.start, step.length)
            return found, said_of
        marks = found_in(annotations, graphs, work)
        if marks is not None:
            found = self._of_step(side, marks.steps)
            if found is not None:
                return found, [marks.said]
        others = len({pid for pid, *_ in self.seen.steps})
        unclear = others > 1 and side.pid < 0
        whole = steps_of_others(others) if unclear else whole_recording(annotations.name)  # fmt: skip
        cut: list[str] = [REMNANT] if self.trace.truncated else []
        return self._of_recording(side, 1, whole), cut

    def _marks(self, pid: int, rows: Any) -> Marks:
        """Spans of a process, in order of their starts."""
        host = self.host
        if not host:
            nothing = np.zeros(0)
            return Marks(nothing, nothing, (), np.zeros(0, dtype=np.int64))
        mine = np.flatnonzero(rows & (host["pid"] == pid) if pid >= 0 else rows)
        # of those that begin together the longer one is outside
        mine = mine[np.lexsort((-host["dur"][mine], host["start"][mine]))]
        names = tuple(self.names[k] for k in host["name"][mine])
        return Marks(host["start"][mine], host["dur"][mine], names, host["tid"][mine])

    def _of_step(self, side: _Side, steps: Sequence[Step]) -> Vector | None:
        """The step that stands for the job, of those whose kernels were recorded."""
        cut = self.trace.truncated
        return of_step(
            side.work, steps, cut, self._launches(side, steps if cut else ())
        )

    def _of_recording(self, side: _Side, count: int, said: str) -> Vector:
        cut = self.trace.truncated
        launches = self._launches(side, (EVERYTHING,) if cut else ())
        return of_recording(side.work, count, said, launches, cut)

    def _launches(self, side: _Side, steps: Sequence[Step] = ()) -> list[Launches]:
        """Launches of a process; none where ids do not say which were recorded.

        Where the file breaks off launches are lost with their kernels: then also the
        operations of ``steps`` that launch kernels elsewhere.
        """
        host, work = self.host, side.launched
        if not host or 2 * int((work.launch >= 0).sum()) < len(work.launch):
            return []
        mine = host["pid"] == side.pid if side.pid >= 0 else np.True_
        rows = kernel_launches(host, self.names) & mine
        recorded = np.zeros(len(rows), dtype=np.bool_)
        recorded[work.launch[work.launch >= 0]] = True
        found = [Launches(host["start"][rows], recorded[rows])]
        if len(steps):
            found.append(launching_operations(host, work.operation, mine, steps))
        return found

    def _profile(
        self, side: _Side, found: Vector, said: list[str], source: str
    ) -> Profile:
        step, ops = found.step, dict(found.ops)
        length = step.length if step.host_length is None else step.host_length
        count = self.choice.count or 1
        for name, took in host_times(self.host, side.pid, step.start, length):
            column = op_names.column("host", self.names[name])
            ops[column] = ops.get(column, 0.0) + took / count
        device, unlisted = _device_name(self.trace, side.device)
        mode, of_mode = self._mode(side, step.start, length)
        notes = [*self._cut(), *said, step.said, *found.notes, *of_mode, *unlisted, *self._idle]  # fmt: skip
        return Profile(
            {k: v for k, v in ops.items() if v > 0},
            WorkloadKey(mode=mode, framework="pytorch"),
            step_time_us=step.length,
            source=source,
            notes=tuple(notes),
            device=device,
            memory_bytes=self.seen.peak_bytes or None,
            precision_us=found.precision_us,
            newest_kernel=newest(self.names),
        )

    def _mode(self, side: _Side, start: float, length: float) -> tuple[str, list[str]]:
        """Training or inference in a span of time, and what to say of it."""
        asked, op = side.launched.work.asked, side.launched.operation
        inside = (side.launched.pid == side.pid) & (side.launched.device == side.device)
        inside &= (asked >= start) & (asked <= start + length)
        kernel = np.frombuffer(self.seen.kernel["name"], dtype=np.int64)
        # of what an operation launched, its name says more than the kernel's
        own = {self.names[k] for k in np.unique(kernel[inside & (op < 0)])}
        host: set[str] = set()
        if self.host:
            rows = (self.host["start"] >= start) & (self.host["start"] < start + length)
            if side.pid >= 0:
                rows &= self.host["pid"] == side.pid
            named = self.host["kind"] == REGION
            host = {self.names[k] for k in np.unique(self.host["name"][rows & ~named])}
            # what users write in their annotations may be anything, "no_grad" too
            marks = {self.names[k] for k in np.unique(self.host["name"][rows & named])}
            host |= {n for n in marks if _TRAINING_MARK.search(n)}
        by_operations = 2 * int((op[inside] >= 0).sum()) > int(inside.sum())
        return mode_of(host, own, by_operations=by_operations)

    def _host_only(self, pid: int, steps: list[Step], why: Reason) -> Profile:
        """The host's side of a trace without GPU work."""
        step = chosen_step(steps, None, self.trace.truncated)
        ops: dict[str, float] = {}
        for name, took in host_times(self.host, pid, step.start, step.length):
            column = op_names.column("host", self.names[name])
            ops[column] = ops.get(column, 0.0) + took
        return Profile(
            {k: v for k, v in ops.items() if v > 0},
            WorkloadKey(
                mode="training"
                if any(map(_TRAINING_MARK.search, ops))
                else "inference",
                framework="pytorch",
            ),
            step_time_us=step.length,
            source=str(self.path),
            notes=(why, *self._cut(), step.said),
            memory_bytes=self.seen.peak_bytes or None,
        )

    def _cut(self) -> list[str]:
        notes = []
        if self.trace.truncated:
            notes.append(
                f"{self.path.name} breaks off; it was read up to where it is whole"
            )
        if self.trace.lost:
            notes.append(f"{self.trace.lost} events are no JSON and were left out")
        if self.trace.unread:
            notes.append(unread(self.trace.unread))
        return notes

    def _profiler_steps(self) -> dict[int, list[Step]]:
        """Steps of each process, in order.

        Raises
        ------
        ProfileError
            If time runs backwards.
        """
        found: dict[int, list[Step]] = {}
        for pid, number, start, length in sorted(self.seen.steps):
            found.setdefault(pid, []).append(Step(number, start, length))
        for steps in found.values():
            for before, after in pairwise(steps):
                if after.start < before.start:
                    raise ProfileError(
                        f"{self.path}: step {after.number} begins before step {before.number}",
                        "the clock ran backwards; record the trace again",
                        code="profile.steps",
                    )
        return found


@dataclass(frozen=True, eq=False)
class _Side:
    """One process and one GPU of it."""

    pid: int
    device: int
    work: Work
    #: of all processes and GPUs
    launched: Launched


def _sides(work: Launched) -> tuple[list[tuple[int, int]], list[str]]:
    """Processes and GPUs that ran a kernel, and what to say of those that did not."""
    pairs = np.stack([work.pid, work.device])
    every = {(int(p), int(d)) for p, d in np.unique(pairs, axis=1).T}
    computes = work.work.precision
    ran = pairs if computes is None else pairs[:, computes >= 0]
    kept = {(int(p), int(d)) for p, d in np.unique(ran, axis=1).T} or every
    idle = sorted({d for _, d in every} - {d for _, d in kept})
    if not idle:
        return sorted(kept), []
    named = ", ".join(f"GPU {d}" for d in idle)
    said = f"{named} ran no kernel and was left out: copies only"
    return sorted(kept), [Reason(said, informs=True)]


_NESTED = Reason(
    "steps end after the next one begins: they were taken from start to start",
    informs=True,
)


def _kind_within(annotations: Marks, start: float, length: float) -> list[str]:
    """What a serving engine does in a step, where an annotation says it."""
    low, high = np.searchsorted(annotations.start, [start, start + length])
    for name in annotations.name[low:high]:
        kind = serving_kind(name)
        if kind:
            said = f"the step is an iteration of {kind}: {name[:_LONGEST_NAME]}"
            return [Reason(said, informs=True)]
    return []


def _device_name(trace: Trace, device: int) -> tuple[str | None, list[str]]:
    """Name of a GPU, and what to say where the file does not list it."""
    names = [str(d["name"]).strip() for d in trace.devices if d.get("name")]
    for facts in trace.devices:
        if str(facts.get("id")) == str(device) and facts.get("name"):
            return str(facts["name"]).strip(), []
    different = sorted(set(names))
    if len(different) == 1:
        said = (
            f"GPU {device} is not in the file's list; all GPUs there are {different[0]}"
        )
        return different[0], [Reason(said, informs=True)]
    if not different:
        return None, []
    return None, [
        f"which GPU it ran on is not known: GPU {device} is not in the file's list, "
        f"which names {', '.join(different)}"
    ]
