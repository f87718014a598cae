"""What is said of a Kineto trace that holds against the answer made of it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from xlate.values.reason import Reason

__all__ = ["REMNANT", "contradicted", "steps_of_others", "unread", "whole_recording"]

#: names of ranges shown where a step had to be guessed
_SHOWN, _LONGEST_NAME = 3, 60
#: what is left of a trace of which no step is marked
REMNANT = Reason(
    "the file breaks off before any step is marked: what is left of it is no whole step",
    "copy the whole file, or say how many steps it holds: --trace-steps N",
    unsound=True,
)


def contradicted(count: int, marked: int) -> Reason:
    """What to say where the user counts other steps than the profiler marked."""
    return Reason(
        f"--trace-steps {count} contradicts the file, in which ProfilerStep marks {marked}",
        "leave --trace-steps out, or check how many iterations were recorded",
    )


def unread(size: int) -> Reason:
    """What to say of bytes behind the trace."""
    return Reason(
        f"{size} bytes behind the trace were not read: another document, or text, "
        "follows it",
        "keep one trace in a file, and read each",
    )


def steps_of_others(processes: int) -> Reason:
    """What to say of work that no process launched as far as the file says."""
    return Reason(
        f"{processes} processes mark steps (ProfilerStep), and nothing says which of them "
        "used this GPU: the whole recording was taken for one step",
        "record with activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA], one file a "
        "process, or say how many steps it holds: --trace-steps N",
        step_taken=True,
    )


def whole_recording(names: Iterable[str]) -> Reason:
    """Why everything was taken for one step, with ranges that could be steps."""
    times: dict[str, int] = {}
    for name in names:
        family = re.sub(r"\d+", "#", name)
        times[family] = times.get(family, 0) + 1
    often = sorted((n for n in times if times[n] > 1), key=lambda n: -times[n])[:_SHOWN]
    named = ", ".join(f"{n[:_LONGEST_NAME]!r} ({times[n]} times)" for n in often)
    optimizers = sum(k for n, k in times.items() if n.startswith("Optimizer.step#"))
    why = (
        f"the GPU's work between the {optimizers} steps of optimizers shows no pattern"
        if optimizers > 2
        else "the file marks no steps"
    )
    return Reason(
        f"{why}: the whole recording, from the first GPU event to the "
        "last, was taken for one step",
        "say how many steps it holds, --trace-steps N, or what begins each, --step-mark "
        + (f"NAME: there are {named}" if named else "NAME")
        + "; or call prof.step() after each iteration",
        step_taken=True,
    )
