"""Which step of a trace represents the job, and its vector on the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from xlate.readers.traces.complete_steps import Launches, complete_steps, places
from xlate.readers.traces.timeline import union
from xlate.readers.traces.work import Work, times_of
from xlate.values.reason import Reason

__all__ = [
    "EVERYTHING",
    "Chosen",
    "Launches",
    "Step",
    "Vector",
    "Work",
    "chosen_step",
    "of_recording",
    "of_step",
    "start_to_start",
]

#: a step with fewer GPU events than this share of the median is partial
_PARTIAL = 0.5
#: a larger share of GPU time outside all steps is doubted
_MOST_OUTSIDE = 0.5
#: where GPU work is longer than its step by more than this share, the host ran ahead
_AHEAD = 0.05
#: ratio of the longest to the shortest step, and relative distance of the mean from the
#: median, above which one step does not represent all
_SPREAD, _SKEW = 1.5, 0.2
#: share of a step by which it may end after its successor begins
_NESTED = 0.01


@dataclass(frozen=True, order=True)
class Step:
    """A step as the host annotated it, µs; ``label`` where the annotation has a name."""

    number: int
    start: float
    length: float
    label: str = ""

    @property
    def named(self) -> str:
        """Name of the step in messages."""
        return self.label or f"step {self.number}"


#: the note on a file that breaks off in its second step
_FIRST = Reason(
    "the file breaks off, and the only step left in it is the first, which may be a "
    "warm-up or not whole",
    "copy the whole file, or record it again",
    unsound=True,
)
#: a step that contains every event
EVERYTHING = Step(0, -1e18, 3e18)


@dataclass(frozen=True)
class Chosen:
    """The step that represents the job.

    Attributes
    ----------
    place : int
        In the list of steps.
    start, length : float
        µs.
    reason : str
        How it was chosen, for the user.
    host_length : float or None
        Length on the host, µs, where the step was timed on the device.
    notes : tuple of str
        Why one step may not represent all.
    """

    place: int
    start: float
    length: float
    reason: str
    host_length: float | None = None
    notes: tuple[str, ...] = ()


def chosen_step(
    steps: Sequence[Step],
    counts: NDArray[np.int64] | None,
    truncated: bool,
    complete: NDArray[np.bool_] | None = None,
) -> Chosen:
    """The step of median length, without warm-up and partial ones.

    Parameters
    ----------
    steps : sequence of Step
        In order, at least one.
    counts : ndarray of shape (len(steps),), optional
        GPU events launched in each.
    truncated : bool
        Whether the trace broke off in the last one.
    complete : ndarray of bool, shape (len(steps),), optional
        Steps to choose among.
    """
    kept = list(range(len(steps)))
    if truncated and len(kept) > 1:
        kept.pop()
    # the first of several still allocates and chooses algorithms
    if len(kept) > 2:
        kept.pop(0)
    if complete is not None:
        kept = [k for k in kept if complete[k]] or np.flatnonzero(complete).tolist()
    if counts is not None:
        usual = np.median(counts[kept])
        not_partial = [k for k in kept if counts[k] >= max(_PARTIAL * usual, 1)]
        kept = not_partial or [max(kept, key=lambda k: int(counts[k]))]
    order = sorted(kept, key=lambda k: steps[k].length)
    place = order[(len(order) - 1) // 2]
    step = steps[place]
    reason = Reason(
        f"{step.named} stands for the job: the median of {len(kept)} "
        f"of {len(steps)} steps",
        informs=True,
    )
    notes = _spread([steps[k].length for k in kept])
    return Chosen(place, step.start, step.length, reason, notes=notes)


def _spread(lengths: Sequence[float]) -> tuple[str, ...]:
    """Notes where the median of the step lengths, µs, does not represent the others."""
    shortest, longest = min(lengths), max(lengths)
    mean, median = float(np.mean(lengths)), float(np.median(lengths))
    if longest <= _SPREAD * shortest and abs(mean - median) <= _SKEW * median:
        return ()
    text = (
        f"its {len(lengths)} steps differ: they take {shortest / 1e3:.4g} to "
        f"{longest / 1e3:.4g} ms, {mean / 1e3:.4g} ms on average, and one of them stands "
        "for all"
    )
    remedy = (
        "mark whole iterations, as those of several accumulated batches, or say what a "
        "step is: --trace-steps N or --step-mark NAME"
    )
    return (Reason(text, remedy),)


def start_to_start(steps: Sequence[Step]) -> tuple[list[Step], bool]:
    """Steps that end before their successor begins, and whether any had to be cut.

    A range that is opened at each step and never closed ends when all others do: its
    length is not that of a step; the time to the next start is.

    Parameters
    ----------
    steps : sequence of Step
        In order of their starts.

    Examples
    --------
    >>> from xlate.readers.traces.steps import Step, start_to_start
    >>> start_to_start([Step(0, 0.0, 30.0), Step(1, 10.0, 20.0)])[0][0].length
    10.0
    """
    cut = list(steps)
    nested = False
    for k in range(len(steps) - 1):
        between = steps[k + 1].start - steps[k].start
        if 0 < between < steps[k].length * (1 - _NESTED):
            cut[k], nested = replace(steps[k], length=between), True
    return cut, nested


@dataclass(frozen=True, eq=False)
class Vector:
    """A step's vector on the device, µs, with idle time, and notes on it."""

    step: Chosen
    ops: Mapping[str, float]
    notes: tuple[str, ...]
    precision_us: Mapping[str, float] = field(default_factory=dict)


def of_step(
    work: Work,
    steps: Sequence[Step],
    truncated: bool = False,
    launches: Sequence[Launches] = (),
) -> Vector | None:
    """The vector of the step that represents the job; None where nothing ran in any step.

    Parameters
    ----------
    work : Work
    steps : sequence of Step
        In order, at least one.
    truncated : bool
        Whether the recording broke off.
    launches : sequence of Launches, optional
        Used to leave out steps whose kernels were not all recorded.

    Raises
    ------
    ProfileError
        If no step has its kernels.
    """
    of, inside = places(work.asked, steps)
    counts = np.bincount(of[inside], minlength=len(steps))
    if not counts.any():
        return None
    complete, notes = complete_steps(steps, counts > 0, truncated, launches)
    step = chosen_step(steps, counts, truncated, complete)
    rows = np.flatnonzero(inside & (of == step.place))
    if union(work.start[rows], work.end[rows]) > (1 + _AHEAD) * step.length:
        timed = _on_device(work, of, inside, steps)
        step = chosen_step(timed, counts, truncated, complete)
        reason = Reason(
            f"{step.reason}, timed on the GPU, since the host ran ahead of it",
            informs=True,
        )
        host = steps[step.place]
        step = replace(step, start=host.start, reason=reason, host_length=host.length)
        rows = np.flatnonzero(inside & (of == step.place))
    ops, precision, about_times = times_of(work, rows, step.length, 1)
    about = [*step.notes, *_idle_steps(counts, complete), *about_times, *_outside(work, inside)]  # fmt: skip
    if truncated and step.place == 0:
        about.append(_FIRST)
    return Vector(step, ops, (*notes, *about), precision)


def _idle_steps(
    counts: NDArray[np.int64], complete: NDArray[np.bool_] | None
) -> list[str]:
    """A note on steps in which nothing was launched on the GPU."""
    without = int((counts == 0).sum())
    if not without or complete is not None:
        return []
    said = f"no GPU work was launched in {without} of {len(counts)} steps, which were left out"
    most = 2 * without > len(counts)
    remedy = (
        "record it again: GPU events are missing, or these steps ran on the host alone"
    )
    return [Reason(said, remedy if most else None, informs=not most, unsound=most)]


def _outside(work: Work, inside: NDArray[np.bool_]) -> list[str]:
    """A note on GPU events that lie in no step."""
    outside = len(inside) - int(inside.sum())
    if not outside:
        return []
    verb = (
        "event lies in no step and was"
        if outside == 1
        else "events lie in no step and were"
    )
    said = f"{outside} GPU {verb} left out"
    took = work.end - work.start
    if float(took[~inside].sum()) <= _MOST_OUTSIDE * float(took.sum()):
        return [said]
    return [
        Reason(
            f"{said}, with most of the GPU's time",
            "mark every iteration as a step",
            unsound=True,
        )
    ]


def of_recording(
    work: Work,
    count: int,
    reason: str,
    launches: Sequence[Launches] = (),
    truncated: bool = False,
) -> Vector:
    """The vector of a complete recording, or of one of ``count`` equal steps in it.

    Parameters
    ----------
    work : Work
        At least one event.
    count : int
        Steps that the recording holds.
    reason : str
        Why the recording was taken, for the user.
    launches : sequence of Launches, optional
        As for :func:`of_step`; missing kernels are reported in a note.
    truncated : bool
        Whether the recording broke off.

    Raises
    ------
    ProfileError
        If kernels of what was launched are missing.
    """
    begin, length = (
        float(work.start.min()),
        float(np.ptp([work.start.min(), work.end.max()])),
    )
    host = min(begin, float(work.asked.min()))
    recording = Step(0, host, begin + length - host)
    _, notes = complete_steps(
        [EVERYTHING], np.ones(1, dtype=np.bool_), truncated, launches
    )
    ops, precision, about_times = times_of(
        work, np.arange(len(work.start)), length / count, count
    )
    chosen = Chosen(0, host, length / count, reason, recording.length)
    return Vector(chosen, ops, (*notes, *about_times), precision)


def _on_device(
    work: Work,
    step_of: NDArray[np.int64],
    inside: NDArray[np.bool_],
    steps: Sequence[Step],
) -> list[Step]:
    """Steps from the start of their GPU work to the start of the next one's.

    Where the host only queues work, its annotations end long before the work does.
    """
    start = np.full(len(steps), np.inf)
    end = np.full(len(steps), -np.inf)
    np.minimum.at(start, step_of[inside], work.start[inside])
    np.maximum.at(end, step_of[inside], work.end[inside])
    order = np.argsort(work.asked, kind="stable")
    # earliest start of all work that was launched at some moment or later
    later = np.minimum.accumulate(work.start[order][::-1])[::-1]
    behind = np.searchsorted(work.asked[order], [s.start + s.length for s in steps])
    timed = list(steps)
    for k in np.flatnonzero(np.isfinite(start)):
        until = later[behind[k]] if behind[k] < len(later) else end[k]
        length = float(until - start[k])
        if length <= 0:  # on another stream the next step began earlier
            length = float(end[k] - start[k])
        timed[int(k)] = replace(steps[int(k)], start=float(start[k]), length=length)
    return timed
