"""The trace viewer's JSON of TensorBoard and XProf: TensorFlow's, and JAX's.

``HOST.trace.json.gz`` of TensorFlow 2 and JAX, and the ``perfetto_trace.json.gz`` that
JAX makes of it. A GPU's process is named ``/device:GPU:0``; of its threads the streams
hold kernels, and ``Steps`` the steps. The answer is the vector of one step, that of
median length (:mod:`xlate.readers.tensorflow.gpu_trace`).
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

#: "/device:GPU:0", "/device:GPU:0 (Tesla T4)", "/job:worker/…/device:GPU:0", and behind
#: the name of a host where there are several
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
    # names of processes come first, but need not where events were sorted anew
    names = (b"/device:GPU", b"/device:TPU", b"/host:CPU", b'"tf_op"', b'"hlo_module"')
    return is_trace(head) and any(name in head for name in names)


class _Args(msgspec.Struct, gc=False):
    """Of an event's arguments, those that are looked at."""

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
    """What the names of a process and its threads say."""

    name: str = ""
    streams: set[Any] = field(default_factory=set)
    steps: set[Any] = field(default_factory=set)


class _Thread:
    """Events of one thread, in arrays: what a process is may stand behind them."""

    def __init__(self) -> None:
        self.start, self.length = array("d"), array("d")
        self.what, self.correlation = array("q"), array("q")


#: name, and what is said of it, of an event; the same for thousands of them
_What = tuple[Any, ...]


class _Collected:
    """What is kept of a trace."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.processes: dict[Any, _Process] = {}
        self.threads: dict[Any, _Thread] = {}
        self.whats: dict[_What, int] = {}

    def take(self, e: _Event) -> None:
        """Keep what matters of an event."""
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
        what: _What = (e.name, args.tf_op, args.annotation, args.hlo_op, args.hlo_module, args.name, args.step_num)  # fmt: skip
        try:
            number = self.whats.setdefault(what, len(self.whats))
        except TypeError:  # a list or an object, where a name is expected
            what = tuple(None if w is None else str(w) for w in what)
            number = self.whats.setdefault(what, len(self.whats))
        kept = self.threads.get((e.pid, e.tid))
        if kept is None:
            kept = self.threads[(e.pid, e.tid)] = _Thread()
        kept.start.append(start)
        kept.length.append(length)
        kept.what.append(number)
        kept.correlation.append(_whole(args.correlation_id))


_NOTHING = _Args()


def _whole(value: Any) -> int:
    """A whole number from 0 up, or the text of one; else -1."""
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
    seen = _Collected(source.path)
    with source.open() as stream:
        trace = Trace(source.path, stream, _Event)
        for events in trace:
            for e in cast("list[_Event]", events):
                seen.take(e)
    recording = Recording(source.path, source.steps)
    recording.truncated = trace.truncated
    whats = list(seen.whats)
    numbers = _numbered(recording, seen)
    for (pid, tid), thread in seen.threads.items():
        process = seen.processes.get(pid, _Process())
        if pid not in numbers:
            _take_host(recording, whats, thread)
        elif tid in process.steps:
            _take_steps(recording.gpu(numbers[pid]), whats, thread)
        elif tid in process.streams:
            _take_stream(recording, numbers[pid], whats, thread)
    if trace.lost:
        recording.notes.append(f"{trace.lost} events are no JSON and were left out")
    if sum(len(t.start) for t in seen.threads.values()) >= MOST_SHOWN:
        recording.truncated = True
        said = (
            f"it holds {MOST_SHOWN:,} events, the most that the trace viewer keeps: what "
            "came later is not in it"
        )
        recording.notes.append(Reason(said, "read the xplane.pb beside it"))
    return recording.profiles(_HINT)


def _numbered(recording: Recording, seen: _Collected) -> dict[Any, int]:
    """Number of the GPU of each process, whether or not anything ran on it.

    Every host of several counts its GPUs from 0: one whose number is taken gets the
    next that is free.
    """
    numbers: dict[Any, int] = {}
    for pid, process in seen.processes.items():
        found = _GPU.match(process.name)
        if found is None:
            continue
        number = int(found[1])
        while number in recording.gpus:
            number += 1
        gpu = recording.gpu(number)
        numbers[pid] = number
        if found[2] and not _PID.match(found[2]):
            gpu.device = found[2]
        if number != int(found[1]):
            said = f"GPU {number} is {process.name!r} of the file"
            recording.notes.append(Reason(said, informs=True))
    if not numbers and any(_TPU.match(p.name) for p in seen.processes.values()):
        raise ProfileError(
            f"{seen.path} was recorded on a TPU: it holds no GPU kernel",
            "record the job on the GPU of the anchor",
            code="profile.no-gpu-work",
        )
    return numbers


def _take_steps(gpu: Gpu, whats: list[_What], thread: _Thread) -> None:
    for k, (start, length, what) in enumerate(
        zip(thread.start, thread.length, thread.what, strict=True)
    ):
        gpu.steps.append(Step(step_number(str(whats[what][0]), k), start, length))


def _take_stream(
    recording: Recording, index: int, whats: list[_What], thread: _Thread
) -> None:
    gpu, number = recording.gpu(index), {}
    for start, length, what, correlation in zip(
        thread.start, thread.length, thread.what, thread.correlation, strict=True
    ):
        if what not in number:
            kernel, operation, annotation, instruction, program, origin, _ = whats[what]
            found = operation_of(
                str(kernel), operation=operation, annotation=annotation,
                instruction=instruction, program=program, origin=origin,
            )  # fmt: skip
            number[what] = recording.operation(found)
            if is_jax(program=found.program):
                recording.framework = "jax"
        gpu.add(start, length, number[what], correlation)


def _take_host(recording: Recording, whats: list[_What], thread: _Thread) -> None:
    wanted = recording.choice.mark
    of: dict[int, tuple[bool, int]] = {}
    for start, length, what, correlation in zip(
        thread.start, thread.length, thread.what, thread.correlation, strict=True
    ):
        if what not in of:
            name, number = str(whats[what][0]), _whole(whats[what][-1])
            named = wanted is not None and wanted in (name, stem(name))
            of[what] = (number >= 0 or named, number)
            if is_jax(host=name):
                recording.framework = "jax"
        is_mark, number = of[what]
        if correlation >= 0:
            recording.add_launch(str(whats[what][0]), correlation, start)
        if is_mark:
            step = number >= 0
            mark = Mark(
                str(whats[what][0]), start, length, number if step else None, step
            )
            recording.marks.append(mark)
