"""The trace viewer's JSON of TensorBoard and XProf: TensorFlow's, and JAX's.

``HOST.trace.json.gz`` of TensorFlow 2 and JAX, and the ``perfetto_trace.json.gz`` that
JAX makes from it. A GPU's process is named ``/device:GPU:0``; its threads named like
streams hold kernels, its thread ``Steps`` the steps. The answer is the vector of the step
of median length (:mod:`xlate.readers.tensorflow.gpu_trace`).
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import msgspec

from xlate.errors import ProfileError
from xlate.readers.source import Source
from xlate.readers.tensorflow.gpu_steps import Mark, stem, step_number
from xlate.readers.tensorflow.gpu_trace import Gpu, Recording
from xlate.readers.tensorflow.operation_names import is_jax, operation_of
from xlate.readers.traces.chrome import Trace, is_trace
from xlate.readers.traces.steps import Step
from xlate.values.profile import Profile
from xlate.values.reason import Reason

__all__ = ["read", "sniff"]

#: "/device:GPU:0", "/device:GPU:0 (Tesla T4)", "/job:worker/…/device:GPU:0", after the
#: name of a host where there are several
_GPU = re.compile(
    r"^(?:\S+ )?/(?:job:\w+/.*)?device:GPU:(\d{1,6})(?: \(([^()]+)\))?$",
    re.IGNORECASE,
)
_TPU = re.compile(r"^(?:\S+ )?/device:TPU:\d", re.IGNORECASE)
#: events that the trace viewer's JSON holds at most; the first ones are kept
MOST_SHOWN = 1_000_000
_PID = re.compile(r"pid\s*\d+$", re.IGNORECASE)
_HINT = (
    "record it with tf.profiler.experimental or jax.profiler.trace, on the GPU and over "
    "at least one whole step"
)


def sniff(head: bytes) -> bool:
    """Whether the head is that of TensorBoard's trace viewer."""
    # names of processes usually come first, unless the events were sorted again
    names = (b"/device:GPU", b"/device:TPU", b"/host:CPU", b'"tf_op"', b'"hlo_module"')
    return is_trace(head) and any(name in head for name in names)


class _Args(msgspec.Struct, gc=False):
    """The arguments of an event that are read."""

    name: Any = None
    tf_op: Any = None
    annotation: Any = None
    hlo_op: Any = None
    hlo_module: Any = None
    correlation_id: Any = None
    step_num: Any = None


class _Event(msgspec.Struct, gc=False):
    """One trace event; times in µs."""

    ph: str = ""
    name: Any = None
    pid: int | float | str | None = None
    tid: int | float | str | None = None
    ts: Any = None
    dur: Any = None
    args: _Args | str | list[Any] | None = None


@dataclass
class _Process:
    """Name of a process, and its threads that hold kernels or steps."""

    name: str = ""
    streams: set[Any] = field(default_factory=set)
    steps: set[Any] = field(default_factory=set)


class _Thread:
    """Events of one thread, in arrays: the name of the process may follow them."""

    def __init__(self) -> None:
        self.start, self.length = array("d"), array("d")
        self.label, self.correlation = array("q"), array("q")


#: name and arguments of an event; thousands of events share one
_Label = tuple[Any, ...]


class _Collected:
    """The events of a trace that are kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.processes: dict[Any, _Process] = {}
        self.threads: dict[Any, _Thread] = {}
        self.labels: dict[_Label, int] = {}

    def take(self, e: _Event) -> None:
        """Keep the fields in use of an event."""
        args = e.args if isinstance(e.args, _Args) else _NOTHING
        if e.ph == "M" and isinstance(args.name, str):
            self._take_name(e, args.name)
        elif e.ph == "X":
            self._take_span(e, args)

    def _take_name(self, e: _Event, name: str) -> None:
        process = self.processes.setdefault(e.pid, _Process())
        if e.name == "process_name":
            process.name = name
        elif e.name == "thread_name":
            if name.lower().startswith("stream"):
                process.streams.add(e.tid)
            elif name == "Steps":
                process.steps.add(e.tid)

    def _take_span(self, e: _Event, args: _Args) -> None:
        start, length = e.ts, e.dur
        if not isinstance(start, int | float) or not isinstance(length, int | float):
            raise ProfileError(
                f"{self.path}: {e.name!r} begins at {str(start)[:24]!r} and takes {str(length)[:24]!r}",
                _HINT,
                code="profile.bad-value",
            )
        if not (0 <= length < 1e15 and abs(start) < 1e18):
            raise ProfileError(
                f"{self.path}: {e.name!r} begins at {str(start)[:24]} and takes {str(length)[:24]} µs",
                _HINT,
                code="profile.bad-value",
            )
        label: _Label = (e.name, args.tf_op, args.annotation, args.hlo_op, args.hlo_module, args.name, args.step_num)  # fmt: skip
        try:
            number = self.labels.setdefault(label, len(self.labels))
        except TypeError:  # a list or an object, where a name is expected
            label = tuple(None if w is None else str(w) for w in label)
            number = self.labels.setdefault(label, len(self.labels))
        kept = self.threads.get((e.pid, e.tid))
        if kept is None:
            kept = self.threads[(e.pid, e.tid)] = _Thread()
        kept.start.append(start)
        kept.length.append(length)
        kept.label.append(number)
        kept.correlation.append(_integer(args.correlation_id))


_NOTHING = _Args()


def _integer(value: Any) -> int:
    """An integer from 0 up, also from its text; else -1."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 19:
        return int(value)
    if isinstance(value, int) and 0 <= value < 2**62:
        return value
    return -1


def read(source: Source) -> list[Profile]:
    """One profile for each GPU of the trace.

    Parameters
    ----------
    source : Source
        The trace, packed or not.

    Raises
    ------
    ProfileError
        If no kernel of a GPU was recorded, or an event is of negative length.
    """
    collected = _Collected(source.path)
    with source.open() as stream:
        trace = Trace(source.path, stream, _Event)
        for events in trace:
            for e in cast("list[_Event]", events):
                collected.take(e)
    recording = Recording(source.path, source.steps)
    recording.truncated = trace.truncated
    labels = list(collected.labels)
    numbers = _numbered(recording, collected)
    for (pid, tid), thread in collected.threads.items():
        process = collected.processes.get(pid, _Process())
        if pid not in numbers:
            _take_host(recording, labels, thread)
        elif tid in process.steps:
            _take_steps(recording.gpu(numbers[pid]), labels, thread)
        elif tid in process.streams:
            _take_stream(recording, numbers[pid], labels, thread)
    if trace.lost:
        recording.notes.append(f"{trace.lost} events are not JSON and were left out")
    if sum(len(t.start) for t in collected.threads.values()) >= MOST_SHOWN:
        recording.truncated = True
        note = (
            f"it holds {MOST_SHOWN:,} events, the most that the trace viewer keeps: what "
            "came later is not in it"
        )
        recording.notes.append(Reason(note, "read the xplane.pb beside it"))
    return recording.profiles(_HINT)


def _numbered(recording: Recording, collected: _Collected) -> dict[Any, int]:
    """Number of the GPU of each process, whether or not anything ran on it.

    Each of several hosts counts its GPUs from 0: a GPU whose number is taken gets the
    next free number.
    """
    numbers: dict[Any, int] = {}
    for pid, process in collected.processes.items():
        match = _GPU.match(process.name)
        if match is None:
            continue
        number = int(match[1])
        while number in recording.gpus:
            number += 1
        gpu = recording.gpu(number)
        numbers[pid] = number
        if match[2] and not _PID.match(match[2]):
            gpu.device = match[2]
        if number != int(match[1]):
            note = f"GPU {number} is {process.name!r} of the file"
            recording.notes.append(Reason(note, informs=True))
    if not numbers and any(_TPU.match(p.name) for p in collected.processes.values()):
        raise ProfileError(
            f"{collected.path} was recorded on a TPU: it holds no GPU kernel",
            "record the job on the GPU of the anchor",
            code="profile.no-gpu-work",
        )
    return numbers


def _take_steps(gpu: Gpu, labels: list[_Label], thread: _Thread) -> None:
    for k, (start, length, label) in enumerate(
        zip(thread.start, thread.length, thread.label, strict=True)
    ):
        gpu.steps.append(Step(step_number(str(labels[label][0]), k), start, length))


def _take_stream(
    recording: Recording, index: int, labels: list[_Label], thread: _Thread
) -> None:
    gpu, operation_numbers = recording.gpu(index), {}
    for start, length, label, correlation in zip(
        thread.start, thread.length, thread.label, thread.correlation, strict=True
    ):
        if label not in operation_numbers:
            kernel, operation, annotation, instruction, program, origin, _ = labels[
                label
            ]
            counted_under = operation_of(
                str(kernel),
                operation=operation,
                annotation=annotation,
                instruction=instruction,
                program=program,
                origin=origin,
            )
            operation_numbers[label] = recording.operation(counted_under)
            if is_jax(program=counted_under.program):
                recording.framework = "jax"
        gpu.add(start, length, operation_numbers[label], correlation)


def _take_host(recording: Recording, labels: list[_Label], thread: _Thread) -> None:
    wanted = recording.choice.mark
    mark_numbers: dict[int, tuple[bool, int]] = {}
    for start, length, label, correlation in zip(
        thread.start, thread.length, thread.label, thread.correlation, strict=True
    ):
        if label not in mark_numbers:
            name, number = str(labels[label][0]), _integer(labels[label][-1])
            named = wanted is not None and wanted in (name, stem(name))
            mark_numbers[label] = (number >= 0 or named, number)
            if is_jax(host=name):
                recording.framework = "jax"
        is_mark, number = mark_numbers[label]
        if correlation >= 0:
            recording.add_launch(str(labels[label][0]), correlation, start)
        if is_mark:
            step = number >= 0
            mark = Mark(
                str(labels[label][0]), start, length, number if step else None, step
            )
            recording.marks.append(mark)
