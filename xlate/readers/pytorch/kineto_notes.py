"""Notes on a Kineto trace, on what may make the answer wrong."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from xlate.readers.traces.chrome import Trace
from xlate.readers.traces.step_marks import Marks, serving_kind
from xlate.values.reason import Reason

__all__ = [
    "NESTED",
    "contradicted",
    "device_name",
    "lost",
    "repeated",
    "serving_note",
    "steps_of_others",
    "unread",
    "whole_recording",
]

#: a larger share of GPU events that stand in a file twice is doubted
_REPEATED = 0.05
#: names of ranges shown where a step had to be guessed
_SHOWN, _LONGEST_NAME = 3, 60
#: the note on steps that overlap
NESTED = Reason(
    "steps end after the next one begins: they were taken from start to start",
    informs=True,
)


def contradicted(count: int, marked: int) -> Reason:
    """The note where the user gives another number of steps than the profiler marked."""
    return Reason(
        f"--trace-steps {count} contradicts the file, in which ProfilerStep marks {marked}",
        "leave --trace-steps out, or check how many iterations were recorded",
    )


def lost(events: int) -> str:
    """The note on events that could not be read."""
    if events == 1:
        return "1 event is not JSON and was left out"
    return f"{events} events are not JSON and were left out"


def repeated(kernel: Mapping[str, array[Any]]) -> list[str]:
    """A doubt where GPU events stand in the file twice, as in one joined with itself.

    Parameters
    ----------
    kernel : mapping of str to array
        ``start``, ``corr`` and ``name`` of each event on a GPU.
    """
    start, corr, name = (
        np.frombuffer(kernel[k], dtype=kernel[k].typecode)
        for k in ("start", "corr", "name")
    )
    order = np.argsort(start, kind="stable")
    same = corr[order][1:] >= 0
    for values in (start, corr, name):
        same &= np.diff(values[order]) == 0
    twice = int(same.sum())
    if twice <= _REPEATED * len(start):
        return []
    said = f"{twice} of {len(start)} GPU events stand in the file twice: time is counted once"
    return [Reason(said, "keep one trace in a file", unsound=True)]


def unread(size: int) -> Reason:
    """The note on bytes after the end of the trace."""
    return Reason(
        f"{size} byte{'s' if size > 1 else ''} behind the trace {'were' if size > 1 else 'was'} "
        "not read: another document, or text, follows it",
        "keep one trace in a file, and read each",
        unsound=True,
    )


def steps_of_others(processes: int) -> Reason:
    """The note on work whose process is not in the file."""
    return Reason(
        f"{processes} processes mark steps (ProfilerStep), and the file does not show which of them "
        "used this GPU: the whole recording was taken for one step",
        "record with activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA], one file a "
        "process, or say how many steps it holds: --trace-steps N",
        step_taken=True,
    )


def whole_recording(names: Iterable[str]) -> Reason:
    """The note on a recording taken for one step, with ranges that could be steps."""
    times: dict[str, int] = {}
    for name in names:
        family = re.sub(r"\d+", "#", name)
        times[family] = times.get(family, 0) + 1
    often = sorted((n for n in times if times[n] > 1), key=lambda n: -times[n])[:_SHOWN]
    named = ", ".join(f"{n[:_LONGEST_NAME]!r} ({times[n]} times)" for n in often)
    optimizers = sum(k for n, k in times.items() if n.startswith("Optimizer.step#"))
    cause = (
        f"the GPU's work between the {optimizers} steps of optimizers shows no pattern"
        if optimizers > 2
        else "the file marks no steps"
    )
    return Reason(
        f"{cause}: the whole recording, from the first GPU event to the "
        "last, was taken for one step",
        "say how many steps it holds, --trace-steps N, or what begins each, --step-mark "
        + (f"NAME: there are {named}" if named else "NAME")
        + "; or call prof.step() after each iteration",
        step_taken=True,
    )


def serving_note(annotations: Marks, start: float, length: float) -> list[str]:
    """A note on what a serving engine does in a step, where an annotation holds it."""
    low, high = np.searchsorted(annotations.start, [start, start + length])
    for name in annotations.name[low:high]:
        kind = serving_kind(name)
        if kind:
            note = f"the step is an iteration of {kind}: {name[:_LONGEST_NAME]}"
            return [Reason(note, informs=True)]
    return []


def device_name(trace: Trace, device: int) -> tuple[str | None, list[str]]:
    """Name of a GPU, and notes where the file does not list it."""
    names = [str(d["name"]).strip() for d in trace.devices if d.get("name")]
    for facts in trace.devices:
        if str(facts.get("id")) == str(device) and facts.get("name"):
            return str(facts["name"]).strip(), []
    different = sorted(set(names))
    if len(different) == 1:
        note = (
            f"GPU {device} is not in the file's list; all GPUs there are {different[0]}"
        )
        return different[0], [Reason(note, informs=True)]
    if not different:
        return None, []
    return None, [
        f"which GPU it ran on is not known: GPU {device} is not in the file's list, "
        f"which names {', '.join(different)}"
    ]
