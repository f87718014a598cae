"""PyTorch's profiler: the Chrome trace that Kineto writes (``.json``, ``.json.gz``).

A kernel is counted under the aten operation that launched it: kernel and launch
share a correlation id, launch and operation an external id; kernels of a CUDA graph
are counted under their own names. Steps are the ``ProfilerStep#N`` annotations, else
what the user gives, else other marks in the file
(:mod:`xlate.readers.traces.step_marks`), else the complete recording; a kernel belongs to
the step in which it was launched. The answer is the vector of one step, that of median
length without warm-up and partial steps; where streams overlap, time is counted once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from xlate import op_names
from xlate.errors import ProfileError
from xlate.hardware.kernel_architecture import newest
from xlate.readers.pytorch.gpu_process import GpuProcess, gpu_processes, labels_of
from xlate.readers.pytorch.kineto_events import Collected
from xlate.readers.pytorch.kineto_notes import (
    NESTED,
    contradicted,
    device_name,
    lost,
    repeated,
    serving_note,
    steps_of_others,
    unread,
    whole_recording,
)
from xlate.readers.source import Source
from xlate.readers.step_choice import StepChoice
from xlate.readers.traces.attribution import (
    clean_kernel,
    kernels_end_early,
    launched,
    launching_operations,
)
from xlate.readers.traces.chrome import Trace, is_trace
from xlate.readers.traces.launches import (
    KERNEL,
    OPERATION,
    REGION,
    captured,
    graph_launches,
    host_times,
    kernel_launches,
    with_copies,
)
from xlate.readers.traces.missing_kernels import by_autograd, no_kernel, of_autograd
from xlate.readers.traces.remnant import remnant
from xlate.readers.traces.step_marks import Marks, by_name, steps_by_marks
from xlate.readers.traces.steps import (
    EVERYTHING,
    Launches,
    Step,
    Vector,
    chosen_step,
    of_recording,
    of_step,
    start_to_start,
)
from xlate.readers.traces.time_unit import check_unit
from xlate.readers.traces.work_mode import mode_of
from xlate.values.profile import Profile, WorkloadKey
from xlate.values.reason import Reason

__all__ = ["clean_kernel", "read", "sniff"]

#: texts in the first bytes of a Kineto trace, of the different versions
_MARKS = (
    b'"schemaVersion"', b'"deviceProperties"', b'"computeProperties"', b'"distributedInfo"',
    b'"baseTimeNanoseconds"', b'"cpu_op"', b'"cuda_runtime"', b'"cuda_driver"', b'"kernel"',
    b'"gpu_memcpy"', b'"gpu_memset"', b'"user_annotation"', b'"python_function"', b'"hip_runtime"',
    b'"xpu_runtime"', b'"Kernel"', b'"Operator"', b'"Runtime"', b'"Memcpy"', b"ProfilerStep#",
    b"PyTorch Profiler", b'"CPU functions"', b'"CPU Functions"', b'"CUDA functions"', b'"CUDA Functions"',
)  # fmt: skip
#: characters of a name that are shown
_LONGEST_NAME = 60
#: annotations of training, by PyTorch and by users
_TRAINING_MARK = re.compile(r"[Bb]ackward|Optimizer\.step")


def sniff(head: bytes) -> bool:
    """Whether the head is that of a trace by PyTorch."""
    return is_trace(head) and (any(m in head for m in _MARKS) or by_autograd(head))


def read(source: Source) -> list[Profile]:
    """One profile for each process and GPU of the trace.

    Parameters
    ----------
    source : Source
        The trace, packed or not; ``source.steps`` holds the user's options about steps.

    Raises
    ------
    ProfileError
        If it holds no complete event, no GPU work, an event of negative length, steps in
        which nothing runs, or no mark of the name that the user gave.
    """
    collected = Collected(source.path)
    try:
        with source.open() as stream:
            trace = Trace(source.path, stream)
            for events in trace:
                collected.take(events)
    except ProfileError:
        if by_autograd(source.head):
            raise of_autograd(source.path, source.head) from None
        raise
    if by_autograd(source.head) and not collected.host["start"]:
        raise of_autograd(source.path, source.head)
    return list(_Reading(source, trace, collected).profiles())


class _Reading:
    """Makes profiles of a trace that was read to its end."""

    def __init__(self, source: Source, trace: Trace, collected: Collected) -> None:
        self.path: Path = source.path
        self.choice: StepChoice = source.steps
        self.trace, self.seen = trace, collected
        self.names = list(collected.names)
        self._idle: list[str] = []
        self._about_times: list[str] = []
        self.host: dict[str, Any] = {
            k: np.frombuffer(v, dtype=v.typecode)
            for k, v in collected.host.items()
            if len(v)
        }

    def profiles(self) -> Iterable[Profile]:
        """One profile for each process and GPU."""
        only_host = None
        if not len(self.seen.kernel["start"]):
            only_host = no_kernel(self.path, self.trace, self.seen, self.host)
        if only_host is None:
            self.choice.check_count(self.path, len(self.seen.kernel["start"]))
        work = launched(self.seen, self.host, self.names)
        self._about_times = [*self._check_unit(), *repeated(self.seen.kernel)]
        steps_of = self._profiler_steps()
        if only_host is not None:
            for pid in sorted(steps_of):
                yield self._host_only(pid, steps_of[pid], only_host)
            return
        sides, self._idle = gpu_processes(work)
        made = 0
        labels = labels_of(sides, list(self.seen.pids))
        for pid, device in sides:
            steps = steps_of.get(pid) or (
                next(iter(steps_of.values())) if len(steps_of) == 1 else []
            )
            selected = (work.pid == pid) & (work.device == device)
            side = GpuProcess(pid, device, work.work.rows(selected), work)
            vector, notes = self._vector(side, steps)
            if vector is not None:
                made += 1
                label = f" [{labels[pid, device]}]" if len(sides) > 1 else ""
                yield self._profile(side, vector, notes, f"{self.path}{label}")
        if not made:
            raise ProfileError(
                f"{self.path}: no GPU event was launched, or ran, in any of its steps",
                "the clocks of host and device may differ, or steps and kernels are of "
                "different processes; record the trace again, or give --trace-steps N",
                code="profile.no-gpu-work",
            )

    def _vector(
        self, side: GpuProcess, steps: list[Step]
    ) -> tuple[Vector | None, list[str]]:
        """The vector of one GPU, and notes on what was taken for a step."""
        work = side.work
        if self.choice.count is not None:
            n = self.choice.count
            reason = Reason(
                f"the whole recording was divided by {n}, as --trace-steps asks",
                informs=True,
            )
            contradicts = steps and len(steps) != n
            return self._of_recording(side, n, reason), (
                [contradicted(n, len(steps))] if contradicts else []
            )
        annotations = self._marks(side.pid, self.host and self.host["kind"] == REGION)
        graphs = self._marks(
            side.pid, self.host and graph_launches(self.host, self.names)
        )
        if self.choice.mark is not None:
            marked = by_name(annotations, graphs, work, self.choice.mark, steps)
            return self._of_step(side, marked.steps), [marked.note]
        if steps:
            straight, nested = start_to_start(steps)
            vector = self._of_step(side, straight)
            notes: list[str] = [NESTED] if nested else []
            if vector is not None:
                step = vector.step
                notes += serving_note(annotations, step.start, step.length)
            return vector, notes
        marks = steps_by_marks(annotations, graphs, work)
        if marks is not None:
            vector = self._of_step(side, marks.steps)
            if vector is not None:
                return vector, [marks.note]
        if self.trace.truncated:
            raise remnant(self.path)
        others = len({pid for pid, *_ in self.seen.steps})
        unclear = others > 1 and side.pid < 0
        no_steps = steps_of_others(others) if unclear else whole_recording(annotations.name)  # fmt: skip
        return self._of_recording(side, 1, no_steps), []

    def _marks(self, pid: int, rows: Any) -> Marks:
        """Spans of a process, in order of their starts."""
        host = self.host
        if not host:
            nothing = np.zeros(0)
            return Marks(nothing, nothing, (), np.zeros(0, dtype=np.int64))
        rows_in_order = np.flatnonzero(
            rows & (host["pid"] == pid) if pid >= 0 else rows
        )
        # of spans that begin together the longer one is the outer one
        rows_in_order = rows_in_order[
            np.lexsort((-host["dur"][rows_in_order], host["start"][rows_in_order]))
        ]
        names = tuple(self.names[k] for k in host["name"][rows_in_order])
        return Marks(
            host["start"][rows_in_order],
            host["dur"][rows_in_order],
            names,
            host["tid"][rows_in_order],
        )

    def _of_step(self, side: GpuProcess, steps: Sequence[Step]) -> Vector | None:
        """The vector of the step that represents the job; None where nothing ran."""
        launches = self._launches(side, steps)
        return of_step(side.work, steps, self.trace.truncated, launches)

    def _of_recording(self, side: GpuProcess, count: int, reason: str) -> Vector:
        launches = self._launches(side, (EVERYTHING,))
        return of_recording(
            side.work, count, reason, launches, truncated=self.trace.truncated
        )

    def _launches(self, side: GpuProcess, steps: Sequence[Step]) -> list[Launches]:
        """Launches of a process; empty where ids do not show which were recorded.

        Where the file breaks off, also where it was closed again, launches are lost with
        their kernels: then the operations of ``steps`` that launch kernels in other
        steps are added.
        """
        host, work = self.host, side.launched
        if not host or 2 * int((work.launch >= 0).sum()) < len(work.launch):
            return []
        in_process = host["pid"] == side.pid if side.pid >= 0 else np.True_
        rows = kernel_launches(host, self.names) & in_process
        recorded = np.zeros(len(rows), dtype=np.bool_)
        recorded[work.launch[work.launch >= 0]] = True
        # a part of the host's events may stand in the file twice
        recorded = with_copies(host, rows, recorded)
        launches = [
            Launches(
                host["start"][rows], recorded[rows], captured(host, self.names, rows)
            )
        ]
        if self.trace.truncated or kernels_end_early(
            host, self.names, work.operation, in_process
        ):
            launches.append(
                launching_operations(host, work.operation, in_process, steps)
            )
        return launches

    def _profile(
        self, side: GpuProcess, vector: Vector, notes_on_steps: list[str], source: str
    ) -> Profile:
        step, ops = vector.step, dict(vector.ops)
        length = step.length if step.host_length is None else step.host_length
        count = self.choice.count or 1
        for name, took in host_times(self.host, side.pid, step.start, length):
            column = op_names.column("host", self.names[name])
            ops[column] = ops.get(column, 0.0) + took / count
        device, unlisted = device_name(self.trace, side.device)
        mode, about_mode = self._mode(side, step.start, length)
        notes = [*self._about_times, *self._cut(), *notes_on_steps, step.reason, *vector.notes, *about_mode, *unlisted, *self._idle]  # fmt: skip
        return Profile(
            {k: v for k, v in ops.items() if v > 0},
            WorkloadKey(mode=mode, framework="pytorch"),
            step_time_us=step.length,
            source=source,
            notes=tuple(notes),
            device=device,
            memory_bytes=self.seen.peak_bytes or None,
            precision_us=vector.precision_us,
            newest_kernel=newest(self._kernel_names(side)),
        )

    def _kernel_names(self, side: GpuProcess) -> list[str]:
        """Names of the kernels that one process ran on one GPU."""
        of, kernel = side.launched, np.frombuffer(self.seen.kernel["name"], dtype=np.int64)  # fmt: skip
        rows = (of.pid == side.pid) & (of.device == side.device)
        return [self.names[k] for k in np.unique(kernel[rows])]

    def _mode(
        self, side: GpuProcess, start: float, length: float
    ) -> tuple[str, list[str]]:
        """Training or inference in a span of time, and notes on it."""
        asked, op = side.launched.work.asked, side.launched.operation
        inside = (side.launched.pid == side.pid) & (side.launched.device == side.device)
        inside &= (asked >= start) & (asked <= start + length)
        kernel = np.frombuffer(self.seen.kernel["name"], dtype=np.int64)
        # where an operation launched a kernel, its name is more specific
        own = {self.names[k] for k in np.unique(kernel[inside & (op < 0)])}
        host: set[str] = set()
        if self.host:
            rows = (self.host["start"] >= start) & (self.host["start"] < start + length)
            if side.pid >= 0:
                rows &= self.host["pid"] == side.pid
            named = self.host["kind"] == REGION
            host = {self.names[k] for k in np.unique(self.host["name"][rows & ~named])}
            # annotations of users may hold any text, also "no_grad"
            marks = {self.names[k] for k in np.unique(self.host["name"][rows & named])}
            host |= {n for n in marks if _TRAINING_MARK.search(n)}
        by_operations = 2 * int((op[inside] >= 0).sum()) > int(inside.sum())
        return mode_of(host, own, by_operations=by_operations)

    def _host_only(self, pid: int, steps: list[Step], why: Reason) -> Profile:
        """The profile of a trace without GPU work: host times only."""
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
            notes=(why, *self._about_times, *self._cut(), step.reason),
            memory_bytes=self.seen.peak_bytes or None,
        )

    def _cut(self) -> list[str]:
        notes = []
        if self.trace.truncated:
            notes.append(
                f"{self.path.name} breaks off; it was read up to where it is whole"
            )
        if self.trace.lost:
            notes.append(lost(self.trace.lost))
        if self.trace.unread:
            notes.append(unread(self.trace.unread))
        return notes

    def _check_unit(self) -> list[str]:
        """A doubt where times may not be in µs."""
        kernel, host = self.seen.kernel, self.host
        on_gpu = np.frombuffer(kernel["kind"], dtype=kernel["kind"].typecode) == KERNEL
        kernels = np.frombuffer(kernel["dur"])[on_gpu]
        if not host:
            return check_unit(self.path, np.zeros(0), kernels, np.zeros(0))
        launches = host["dur"][kernel_launches(host, self.names)]
        operations = host["dur"][host["kind"] == OPERATION]
        return check_unit(self.path, launches, kernels, operations)

    def _profiler_steps(self) -> dict[int, list[Step]]:
        """Steps of each process, in order.

        Raises
        ------
        ProfileError
            If time runs backwards.
        """
        by_process: dict[int, list[Step]] = {}
        for pid, number, start, length in sorted(self.seen.steps):
            by_process.setdefault(pid, []).append(Step(number, start, length))
        for steps in by_process.values():
            for before, after in pairwise(steps):
                if after.start < before.start:
                    raise ProfileError(
                        f"{self.path}: step {after.number} begins before step {before.number}",
                        "the clock ran backwards; record the trace again",
                        code="profile.steps",
                    )
        return by_process
