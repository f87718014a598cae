"""TensorFlow's trace viewer: the Chrome trace of TensorBoard's profile page.

The device's process is named ``/device:GPU:0``; of its threads the streams hold
kernels, whose argument ``tf_op`` ends in the op type, and ``Steps`` the steps. The
answer is the vector of one step, that of median length.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from xlate import opnames
from xlate.errors import ProfileError
from xlate.profile import Profile, WorkloadKey
from xlate.readers.chrome import Args, Event, Trace, is_trace
from xlate.readers.kineto import clean_kernel
from xlate.readers.source import Source
from xlate.readers.steps import Step, Work, of_step

__all__ = ["read", "sniff"]

_GPU = re.compile(r"^/(?:job:\w+/.*)?device:GPU:(\d+)", re.IGNORECASE)
#: "12", or "EagerKernelExecute 12"
_STEP = re.compile(r"(?:\w+ )?(\d{1,18})")
_HINT = "record it with tf.profiler.experimental and at least one whole step"


def sniff(head: bytes) -> bool:
    """Whether the head is that of TensorBoard's trace viewer."""
    return is_trace(head) and (b"/device:GPU" in head or b"/host:CPU" in head)


@dataclass
class _Device:
    """Events of one GPU's process."""

    index: int
    streams: set[Any] = field(default_factory=set)
    steps_on: set[Any] = field(default_factory=set)


def read(source: Source) -> list[Profile]:
    """One profile for each GPU of the trace.

    Parameters
    ----------
    source : Source
        The trace, packed or not.

    Raises
    ------
    ProfileError
        If there is no GPU, no step, or an event of negative length.
    """
    path = source.path
    devices: dict[Any, _Device] = {}
    # names of processes and threads may stand behind the events they name
    spans: dict[Any, dict[str, array[Any]]] = {}
    names: dict[str, int] = {}
    with source.open() as stream:
        trace = Trace(path, stream)
        for events in trace:
            for e in events:
                if e.ph == "M":
                    _named(devices, e)
                elif e.ph == "X":
                    _keep(path, spans, names, e)
    listed = list(names)
    found = []
    for pid, gpu in sorted(devices.items(), key=lambda item: item[1].index):
        if gpu.index < 0:
            continue
        parts = {t: s for (p, t), s in spans.items() if p == pid}
        profile = _one(str(path), gpu, parts, listed, trace.truncated, len(devices))
        if profile is not None:
            found.append(profile)
    if not found:
        raise ProfileError(
            f"{path} holds no step of a GPU of TensorFlow "
            f"({sum(d.index >= 0 for d in devices.values())} GPUs are named in it)",
            _HINT,
        )
    return found


def _named(devices: dict[Any, _Device], e: Event) -> None:
    name = e.args.name if isinstance(e.args, Args) else None
    if not isinstance(name, str):
        return
    gpu = devices.setdefault(e.pid, _Device(-1))
    if e.name == "process_name":
        match = _GPU.match(name)
        if match:
            gpu.index = int(match[1])
    elif e.name == "thread_name":
        if name.lower().startswith("stream"):
            gpu.streams.add(e.tid)
        elif name == "Steps":
            gpu.steps_on.add(e.tid)


def _keep(
    path: Any, spans: dict[Any, dict[str, array[Any]]], names: dict[str, int], e: Event
) -> None:
    start, dur = e.ts, e.dur
    if not isinstance(start, int | float) or not isinstance(dur, int | float):
        raise ProfileError(
            f"{path}: {e.name!r} begins at {start!r} and takes {dur!r}", _HINT
        )
    if not (0 <= dur < 1e15 and abs(start) < 1e18):
        raise ProfileError(
            f"{path}: {e.name!r} begins at {str(start)[:24]} and takes {str(dur)[:24]} µs",
            _HINT,
        )
    kept = spans.setdefault((e.pid, e.tid), {"start": array("d"), "dur": array("d"), "name": array("q")})  # fmt: skip
    name = _op(e)
    kept["start"].append(start)
    kept["dur"].append(dur)
    kept["name"].append(names.setdefault(name, len(names)))


def _op(e: Event) -> str:
    """Op type of a kernel, or its own name."""
    args = e.args if isinstance(e.args, Args) else None
    for said in (args.tf_op, args.annotation) if args else ():
        # "model/conv/Conv2D:Conv2D", in an annotation followed by "#id=1,step=2#"
        kind = (
            said.partition("#")[0].rpartition(":")
            if isinstance(said, str)
            else ("", "", "")
        )
        if kind[1] and kind[2].isidentifier():
            return kind[2]
    name = str(e.name)
    return name if _STEP.fullmatch(name) else clean_kernel(name)


def _one(
    path: str, gpu: _Device, parts: Mapping[Any, dict[str, array[Any]]],
    names: list[str], truncated: bool, many: int,
) -> Profile | None:  # fmt: skip
    steps = sorted(
        Step(int(number[1]), start, dur)
        for t, s in parts.items()
        if t in gpu.steps_on
        for start, dur, n in zip(s["start"], s["dur"], s["name"], strict=True)
        if (number := _STEP.fullmatch(names[n]))
    )
    streams = [s for t, s in parts.items() if t in gpu.streams]
    if not steps or not streams:
        return None
    start, dur, name = (
        np.concatenate([np.array(s[k]) for s in streams])
        for k in ("start", "dur", "name")
    )
    columns = tuple(opnames.column("device", n) for n in names)
    found = of_step(Work(start, start + dur, start, name, columns), steps, truncated)
    if found is None:
        return None
    notes = (found.step.said, *found.notes)
    if truncated:
        notes = ("it breaks off; it was read up to where it is whole", *notes)
    return Profile(
        {k: v for k, v in found.ops.items() if v > 0},
        WorkloadKey(),
        step_time_us=found.step.length,
        source=path if many < 2 else f"{path} [GPU {gpu.index}]",
        notes=notes,
    )
