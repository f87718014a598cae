"""Steps of a recording of TensorFlow or JAX: by marks, by programs, or the recording."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlate.errors import ProfileError
from xlate.readers.step_choice import StepChoice
from xlate.readers.traces.remnant import remnant
from xlate.readers.traces.steps import Step
from xlate.values.reason import Reason

__all__ = ["Cut", "Kernels", "Mark", "cut", "stem", "step_number"]

Floats = NDArray[np.float64]

#: a program that repeats is the job only if it takes at least this share of the time
_MOST_OF_TIME = 0.5
#: and this share of its time is in kernels that ran equally often in every execution
_REGULAR = 0.9
#: a larger share of time between steps, relative to their length, is noted
_BETWEEN = 0.05
_NUMBER = re.compile(r"(\d{1,18})\)?\W*$")
#: "train 12", "train#12", "step_12", "jit_step(12)"
_NUMBERED = re.compile(r"[\s#:_/-]*\(?\d+\)?\W*$")


@dataclass(frozen=True)
class Mark:
    """An annotation of the host, µs; ``step`` says whether it was made to mark steps."""

    name: str
    start: float
    length: float
    number: int | None = None
    step: bool = False


@dataclass(frozen=True, eq=False)
class Kernels:
    """Kernels of one GPU, µs; ``programs`` has the compiled program of each operation."""

    start: Floats
    end: Floats
    asked: Floats
    operation: NDArray[np.int64]
    programs: Sequence[str]


@dataclass(frozen=True, eq=False)
class Cut:
    """Steps of a recording.

    Attributes
    ----------
    steps : list of Step
        In order of time.
    asked : ndarray of shape (n,)
        Moment that decides to which step each kernel belongs, µs.
    notes : tuple of str
        Notes on what was taken for a step.
    counted : bool
        Whether there are several, so that a note must name the chosen one.
    parts : int
        Steps that each of ``steps`` holds, as the user gave it.
    """

    steps: list[Step]
    asked: Floats
    notes: tuple[str, ...] = ()
    counted: bool = True
    parts: int = 1


def step_number(name: str, otherwise: int) -> int:
    """The number at the end of a step's name.

    Examples
    --------
    >>> from xlate.readers.tensorflow.gpu_steps import step_number
    >>> step_number("EagerKernelExecute 12", 0), step_number("train", 3)
    (12, 3)
    """
    match = _NUMBER.search(name)
    return int(match[1]) if match else otherwise


def stem(name: str) -> str:
    """A name without the number at its end: ``"train 12"`` becomes ``"train"``."""
    return _NUMBERED.sub("", name) or name


def cut(
    path: Path,
    choice: StepChoice,
    own: Sequence[Step],
    marks: Sequence[Mark],
    kernels: Kernels,
    *,
    truncated: bool = False,
) -> Cut:
    """Cut a recording into steps.

    Parameters
    ----------
    path : Path
        Named in errors.
    choice : StepChoice
        Options of the user; they have priority.
    own : sequence of Step
        Steps in the GPU's line of the trace.
    marks : sequence of Mark
        Annotations of the host.
    kernels : Kernels
        At least one.
    truncated : bool
        Whether the file breaks off.

    Raises
    ------
    ProfileError
        If no annotation has the name that the user gave, naming those that repeat; or if
        the file breaks off and holds no step.
    """
    if choice.count is not None:
        return _equal_parts(choice.count, kernels)
    if choice.mark is not None:
        return _by_mark(path, choice.mark, marks, kernels)
    if own:
        return _own_line(own, kernels)
    annotated = _annotated([m for m in marks if m.step], kernels)
    if annotated is not None:
        return annotated
    by_program = _by_program(kernels)
    if by_program is None and truncated:
        raise remnant(path)
    return by_program or _all_of_it(kernels)


def _span(kernels: Kernels) -> tuple[float, float]:
    begin = float(kernels.start.min())
    return begin, float(kernels.end.max()) - begin


def _all_of_it(kernels: Kernels) -> Cut:
    step = Step(0, *_span(kernels))
    note = (
        "no steps are marked: the whole recording, from the first kernel to the end of "
        "the last, is taken as one step"
    )
    remedy = (
        "say how many steps it holds, --trace-steps N, or what begins each, --step-mark "
        "NAME; or annotate steps when recording"
    )
    return Cut(
        [step], kernels.start, (Reason(note, remedy, step_taken=True),), counted=False
    )


def _equal_parts(count: int, kernels: Kernels) -> Cut:
    step = Step(0, *_span(kernels))
    note = f"as asked, the whole recording is taken as {count} steps of equal length"
    return Cut([step], kernels.start, (_informing(note),), counted=False, parts=count)


def _own_line(own: Sequence[Step], kernels: Kernels) -> Cut:
    steps = sorted(own, key=lambda s: s.start)
    return Cut(steps, kernels.start, _between(steps))


def _by_mark(path: Path, name: str, marks: Sequence[Mark], kernels: Kernels) -> Cut:
    named = [m for m in marks if name in (m.name, stem(m.name))]
    if not named:
        often = Counter(stem(m.name) for m in marks)
        repeated = ", ".join(n for n, k in often.most_common(6) if k > 1)
        raise ProfileError(
            f"{path} has no annotation named {name!r}",
            f"those that repeat: {repeated}" if repeated else "leave --step-mark out",
            code="profile.steps",
        )
    begun = sorted({m.start: m for m in named}.values(), key=lambda m: m.start)
    launched = _launched_within(begun, kernels, own_length=False)
    if launched is None:
        raise ProfileError(
            f"{path}: no GPU kernel was launched behind any of the {len(named)} "
            f"annotations named {name!r}",
            "leave --step-mark out, or name another",
            code="profile.no-gpu-work",
        )
    note = _informing(f"as asked, {name!r} begins each step")
    return Cut(launched.steps, launched.asked, (note, *launched.notes))


def _annotated(marks: Sequence[Mark], kernels: Kernels) -> Cut | None:
    """Steps by the annotations made for them; the name with most kernel time."""
    names: dict[str, list[Mark]] = {}
    for m in marks:
        names.setdefault(stem(m.name), []).append(m)
    best: tuple[float, str, Cut] | None = None
    for name, named in names.items():
        ordered = sorted(named, key=lambda m: m.start)
        launched = _launched_within(ordered, kernels, own_length=True)
        if launched is not None:
            step_of = np.searchsorted(
                [s.start for s in launched.steps], launched.asked, "right"
            )
            time = float((kernels.end - kernels.start)[step_of > 0].sum())
            if best is None or time > best[0]:
                best = (time, name, launched)
    if best is None:
        return None
    _, name, launched = best
    note = _informing(f"steps are those annotated {name!r} on the host")
    notes = [note, *launched.notes]
    if len(names) > 1:
        others = ", ".join(sorted(n for n in names if n != name)[:3])
        notes.append(_informing(f"steps annotated {others} were left out"))
    return Cut(launched.steps, launched.asked, tuple(notes))


def _launched_within(
    marks: Sequence[Mark], kernels: Kernels, *, own_length: bool
) -> Cut | None:
    """Steps that begin with a mark; a kernel belongs to the last mark before its launch.

    Where the work of a step ends within it, the host's marks give the length of a
    step. Where the host runs ahead of the GPU they do not: a step then lasts from its
    first kernel to the first kernel of the next.
    """
    begin = np.array([m.start for m in marks])
    mark_of = np.searchsorted(begin, kernels.asked, side="right") - 1
    used = np.unique(mark_of[mark_of >= 0]).tolist()
    if not used:
        return None
    last = [float(kernels.end[mark_of == k].max()) for k in used]
    steps = []
    for k, end in zip(used, last, strict=True):
        until = float(begin[k + 1]) if k + 1 < len(marks) else end
        length = marks[k].length if own_length else until - marks[k].start
        steps.append(Step(_number(marks, k), marks[k].start, length))
    late = [
        e > s.start + (1 + _BETWEEN) * s.length
        for s, e in zip(steps, last, strict=True)
    ]
    if not any(late):
        return Cut(steps, kernels.asked, _between(steps) if own_length else ())
    first = [float(kernels.start[mark_of == k].min()) for k in used]
    ends = [*first[1:], last[-1]]
    moved = [
        Step(_number(marks, k), a, max(b - a, 0.0))
        for k, a, b in zip(used, first, ends, strict=True)
    ]
    place = np.searchsorted(used, np.maximum(mark_of, used[0]))
    asked = np.where(mark_of >= 0, np.array(first)[place], kernels.start)
    note = (
        "the host runs ahead of the GPU: a step lasts from its first kernel to the first "
        "of the next"
    )
    return Cut(moved, asked, (_informing(note),))


def _number(marks: Sequence[Mark], k: int) -> int:
    number = marks[k].number
    return k if number is None else number


def _between(steps: Sequence[Step]) -> tuple[str, ...]:
    """A note on the time between steps, where it is long."""
    if len(steps) < 3:
        return ()
    apart = float(np.median(np.diff([s.start for s in steps])))
    usual = float(np.median([s.length for s in steps]))
    if apart <= (1 + _BETWEEN) * usual:
        return ()
    note = (
        f"steps begin {apart / 1e3:.4g} ms apart and are {usual / 1e3:.4g} ms long: the "
        "time between them is of no step"
    )
    return (_informing(note),)


def _informing(note: str) -> Reason:
    """A note that informs, without making the answer less certain."""
    return Reason(note, informs=True)


def _by_program(kernels: Kernels) -> Cut | None:
    """Steps by executions of the compiled program with most of the GPU's time."""
    length = kernels.end - kernels.start
    times: dict[str, float] = {}
    for k, time in enumerate(
        np.bincount(kernels.operation, length, len(kernels.programs))
    ):
        times[kernels.programs[k]] = times.get(kernels.programs[k], 0.0) + float(time)
    times.pop("", None)
    if not times:
        return None
    program = max(times, key=lambda p: times[p])
    if times[program] < _MOST_OF_TIME * float(length.sum()):
        return None
    in_program = np.array([p == program for p in kernels.programs])[kernels.operation]
    rows = np.flatnonzero(in_program)
    rows = rows[np.argsort(kernels.start[rows], kind="stable")]
    first = kernels.operation[rows[0]]
    begins = kernels.start[rows[kernels.operation[rows] == first]]
    count = len(begins)
    often = np.bincount(kernels.operation[rows], minlength=len(kernels.programs))
    regular = (often % count == 0)[kernels.operation[rows]]
    if count < 2 or float(length[rows][regular].sum()) < _REGULAR * times[program]:
        return None
    ends: list[Any] = [*begins[1:], kernels.end.max()]
    steps = [
        Step(k, float(a), float(b - a))
        for k, (a, b) in enumerate(zip(begins, ends, strict=True))
    ]
    note = (
        f"no steps are marked: each of the {count} executions of {program} is taken as a "
        "step, from its first kernel to the first of the next"
    )
    return Cut(steps, kernels.start, (_informing(note),))
