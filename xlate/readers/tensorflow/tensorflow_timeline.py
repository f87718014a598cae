"""TensorFlow 1's timeline: the Chrome trace of one ``session.run``.

``timeline.Timeline(run_metadata.step_stats).generate_chrome_trace_format()`` makes a
process for each device: the scheduler's (``/job:localhost/…/device:GPU:0 Compute``),
and for the GPU ``/device:GPU:0/stream:all Compute`` with all kernels,
``/device:GPU:0/memcpy Compute`` with all copies, and one for each stream with both
again. An event's name is the operation's type. One call of ``session.run`` is one step.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, cast

import msgspec

from xlate.errors import ProfileError
from xlate.readers.source import Source
from xlate.readers.tensorflow.gpu_trace import Operation, Recording, is_training
from xlate.readers.traces.chrome import Trace, is_trace
from xlate.readers.traces.remnant import remnant
from xlate.readers.traces.steps import Step
from xlate.values.profile import Profile
from xlate.values.reason import Reason

__all__ = ["read", "sniff"]

#: "/gpu:0/stream:all Compute", "/device:GPU:0/memcpy Compute", of any job and task
_GPU = re.compile(
    r"(?:/job:.*)?/(?:device:)?gpu:(\d{1,6})/(stream:(?:all|\d+)|memcpy)(?: Compute)?$",
    re.IGNORECASE,
)
_SNIFF = re.compile(rb"gpu:\d+/(?:stream:|memcpy)", re.IGNORECASE)
_SCHEDULER = re.compile(rb'/(?:device:)?[cg]pu:\d+ Compute"', re.IGNORECASE)
_LABEL = re.compile(r"@@([^#@]+)")
_HINT = (
    "record it with RunOptions(trace_level=RunOptions.FULL_TRACE) where TensorFlow finds "
    "CUPTI, or with TensorFlow 2's tf.profiler.experimental"
)


def sniff(head: bytes) -> bool:
    """Whether the head is that of a timeline of TensorFlow 1."""
    return is_trace(head) and (
        _SNIFF.search(head) is not None or _SCHEDULER.search(head) is not None
    )


class _Args(msgspec.Struct, gc=False):
    """The arguments of an event that are read."""

    name: Any = None
    op: Any = None
    kernel: Any = None
    label: Any = None


class _Event(msgspec.Struct, gc=False):
    """One trace event; times in µs."""

    ph: str = ""
    name: Any = None
    pid: int | float | str | None = None
    tid: int | float | str | None = None
    ts: Any = None
    dur: Any = None
    args: _Args | str | list[Any] | None = None


def read(source: Source) -> list[Profile]:
    """One profile for each GPU of the timeline.

    Parameters
    ----------
    source : Source
        The timeline, packed or not.

    Raises
    ------
    ProfileError
        If no kernel of a GPU was recorded, or an event is of negative length.
    """
    names: dict[Any, str] = {}
    spans: dict[Any, list[tuple[float, float, Operation]]] = {}
    listed: dict[Operation, Operation] = {}
    with source.open() as stream:
        trace = Trace(source.path, stream, _Event)
        for events in trace:
            for e in cast("list[_Event]", events):
                if e.ph == "M" and e.name == "process_name":
                    if isinstance(e.args, _Args) and isinstance(e.args.name, str):
                        names[e.pid] = e.args.name
                elif e.ph == "X":
                    op = _operation(e)
                    span = (*_times(source, e), listed.setdefault(op, op))
                    spans.setdefault(e.pid, []).append(span)
    recording = Recording(source.path, source.steps)
    recording.truncated = trace.truncated
    lines: dict[int, dict[str, Any]] = {}
    for pid, name in names.items():
        gpu = _GPU.match(name)
        if gpu is not None and pid in spans:
            lines.setdefault(int(gpu[1]), {})[gpu[2].lower()] = pid
    for index, by_name in lines.items():
        for pid in _once(by_name):
            for start, length, op in spans[pid]:
                recording.gpu(index).add(start, length, recording.operation(op), -1)
    if recording.choice.count is None and recording.choice.mark is None:
        if trace.truncated:
            raise remnant(source.path)
        _one_run(recording, [s for spans_of in spans.values() for s in spans_of])
    elif recording.choice.mark is not None:
        raise ProfileError(
            f"{source.path} is a timeline of TensorFlow 1, which has no annotations",
            "leave --step-mark out: one session.run is one step",
            code="profile.steps",
        )
    return recording.profiles(_HINT)


def _once(lines: dict[str, Any]) -> Iterable[Any]:
    """Processes that hold each kernel and copy once.

    A stream holds both; ``stream:all`` repeats the kernels, ``memcpy`` the copies.
    """
    streams = [
        pid
        for name, pid in lines.items()
        if name[:7] == "stream:" and name != "stream:all"
    ]
    return streams or lines.values()


def _one_run(recording: Recording, spans: list[tuple[float, float, Operation]]) -> None:
    """Take the complete timeline as one step, with the work of the scheduler."""
    begin = min((s for s, _, _ in spans), default=0.0)
    end = max((s + n for s, n, _ in spans), default=0.0)
    for gpu in recording.gpus.values():
        gpu.steps.append(Step(0, begin, end - begin))
    note = "a timeline of TensorFlow 1: the whole of it, one session.run, is one step"
    recording.notes.append(Reason(note, informs=True))


def _operation(e: _Event) -> Operation:
    """Type of an operation; events of copies are named by their direction."""
    args = e.args if isinstance(e.args, _Args) else _Args()
    path = args.name if isinstance(args.name, str) else ""
    # only builds for AMD's GPUs write the kernel
    kernel = args.kernel if isinstance(args.kernel, str) else ""
    # TensorFlow 2.0 and 2.1 wrote "kernel @@scope/conv:Conv2D#…" into a label
    labelled = _LABEL.search(args.label) if isinstance(args.label, str) else None
    if labelled is not None:
        path, kernel = labelled[1], args.label.partition("@@")[0].strip()
    named = path.rpartition(":")[2]
    if labelled is not None and named.isidentifier():
        return Operation(named, kernel, "", is_training([path]))
    kind = next(
        (
            t
            for t in (args.op, e.name)
            if isinstance(t, str) and t not in ("", "unknown")
        ),
        path or "unnamed",
    )
    return Operation(kind, kernel, "", is_training([path, kind]))


def _times(source: Source, e: _Event) -> tuple[float, float]:
    start, length = e.ts, e.dur
    sound = isinstance(start, int | float) and isinstance(length, int | float)
    if not (sound and 0 <= length < 1e15 and abs(start) < 1e18):
        raise ProfileError(
            f"{source.path}: {e.name!r} begins at {str(start)[:24]} and takes "
            f"{str(length)[:24]} µs",
            _HINT,
            code="profile.bad-value",
        )
    return float(start), float(length)
