"""Which step of a trace stands for the job, and its vector on the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from xlate.errors import ProfileError
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
#: share of a step's launches whose kernel must have been recorded
_RECORDED = 0.95
#: GPU work that runs longer than its step by more than this: the host ran ahead
_AHEAD = 0.05
#: longest over shortest step, and distance of the mean from the median over it, above
#: which one step does not stand for all
_SPREAD, _SKEW = 1.5, 0.2
#: a step that ends later than its successor begins, by more than this share of it
_NESTED = 0.01


@dataclass(frozen=True, order=True)
class Step:
    """A step as the host annotated it, µs; ``label`` where it has a name of its own."""

    number: int
    start: float
    length: float
    label: str = ""

    @property
    def named(self) -> str:
        """What the user is told it is."""
        return self.label or f"step {self.number}"


#: a step that holds whatever happens
EVERYTHING = Step(0, -1e18, 3e18)


@dataclass(frozen=True)
class Chosen:
    """The step that stands for the job.

    Attributes
    ----------
    place : int
        In the list of steps.
    start, length : float
        µs.
    said : str
        What was done, for the user.
    host_length : float or None
        Length on the host, µs, where the step was timed on the device.
    notes : tuple of str
        What holds against taking one step for all.
    """

    place: int
    start: float
    length: float
    said: str
    host_length: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Launches:
    """Launches of kernels by the host, or operations that are known to launch some.

    Attributes
    ----------
    asked : ndarray of shape (n,)
        µs.
    recorded : ndarray of bool, shape (n,)
        Whether its kernel is in the recording.
    """

    asked: NDArray[np.float64]
    recorded: NDArray[np.bool_]

    def share(self, steps: Sequence[Step]) -> NDArray[np.float64]:
        """Share of each step's launches that was recorded; 1 where nothing was launched."""
        of, inside = _places(self.asked, steps)
        n = np.bincount(of[inside], minlength=len(steps))
        with_kernel = np.bincount(of[inside & self.recorded], minlength=len(steps))
        return np.where(n > 0, with_kernel / np.maximum(n, 1), 1.0)


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
        Those to choose among.
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
        whole = [k for k in kept if counts[k] >= max(_PARTIAL * usual, 1)]
        kept = whole or [max(kept, key=lambda k: int(counts[k]))]
    order = sorted(kept, key=lambda k: steps[k].length)
    place = order[(len(order) - 1) // 2]
    step = steps[place]
    said = Reason(
        f"{step.named} stands for the job: the median of {len(kept)} "
        f"of {len(steps)} steps",
        informs=True,
    )
    notes = _spread([steps[k].length for k in kept])
    return Chosen(place, step.start, step.length, said, notes=notes)


def _spread(lengths: Sequence[float]) -> tuple[str, ...]:
    """What to say of steps, µs, of which the median does not stand for the others."""
    shortest, longest = min(lengths), max(lengths)
    mean, median = float(np.mean(lengths)), float(np.median(lengths))
    if longest <= _SPREAD * shortest and abs(mean - median) <= _SKEW * median:
        return ()
    said = (
        f"its {len(lengths)} steps differ: they take {shortest / 1e3:.4g} to "
        f"{longest / 1e3:.4g} ms, {mean / 1e3:.4g} ms on average, and one of them stands "
        "for all"
    )
    remedy = (
        "mark whole iterations, as those of several accumulated batches, or say what a "
        "step is: --trace-steps N or --step-mark NAME"
    )
    return (Reason(said, remedy),)


def start_to_start(steps: Sequence[Step]) -> tuple[list[Step], bool]:
    """Steps that end before their successor begins, and whether any had to be cut.

    A range that is opened at each step and never closed ends with all others: its
    length says nothing, the time to the next start does.

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
    """A step's vector on the device, µs, with idle time, and what to say of it."""

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
    """The vector of the step that stands for the job; None where nothing ran in any.

    Parameters
    ----------
    work : Work
    steps : sequence of Step
        In order, at least one.
    truncated : bool
        Whether the recording broke off.
    launches : sequence of Launches, optional
        By which steps are left out whose kernels were not all recorded.

    Raises
    ------
    ProfileError
        If the recording broke off and no step has its kernels.
    """
    of, inside = _places(work.asked, steps)
    counts = np.bincount(of[inside], minlength=len(steps))
    if not counts.any():
        return None
    complete, notes = _complete(steps, counts > 0, truncated, launches)
    step = chosen_step(steps, counts, truncated, complete)
    rows = np.flatnonzero(inside & (of == step.place))
    if union(work.start[rows], work.end[rows]) > (1 + _AHEAD) * step.length:
        timed = _on_device(work, of, inside, steps)
        step = chosen_step(timed, counts, truncated, complete)
        said = Reason(
            f"{step.said}, timed on the GPU, since the host ran ahead of it",
            informs=True,
        )
        host = steps[step.place]
        step = replace(step, start=host.start, said=said, host_length=host.length)
        rows = np.flatnonzero(inside & (of == step.place))
    ops, precision, said_of = times_of(work, rows, step.length, 1)
    outside = len(inside) - int(inside.sum())
    if outside:
        said_of.append(f"{outside} GPU events lie in no step and were left out")
    return Vector(step, ops, (*notes, *step.notes, *said_of), precision)


def of_recording(
    work: Work,
    count: int,
    said: str,
    launches: Sequence[Launches] = (),
    truncated: bool = False,
) -> Vector:
    """The vector of a whole recording, or of one of ``count`` equal steps in it.

    Parameters
    ----------
    work : Work
        At least one event.
    count : int
        Steps that the recording holds.
    said : str
        Why it was taken, for the user.
    launches : sequence of Launches, optional
        As for :func:`of_step`; nothing can be left out here, but it is said.
    truncated : bool
        Whether the recording broke off.

    Raises
    ------
    ProfileError
        If it broke off before the kernels of what was launched.
    """
    begin, length = (
        float(work.start.min()),
        float(np.ptp([work.start.min(), work.end.max()])),
    )
    host = min(begin, float(work.asked.min()))
    whole = Step(0, host, begin + length - host)
    _, notes = _complete([EVERYTHING], np.ones(1, dtype=np.bool_), truncated, launches)
    ops, precision, said_of = times_of(
        work, np.arange(len(work.start)), length / count, count
    )
    chosen = Chosen(0, host, length / count, said, whole.length)
    return Vector(chosen, ops, (*notes, *said_of), precision)


def _places(
    asked: NDArray[np.float64], steps: Sequence[Step]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Step of each moment, and whether it is inside one."""
    begin = np.array([s.start for s in steps])
    end = begin + np.array([s.length for s in steps])
    of = np.searchsorted(begin, asked, side="right") - 1
    return of, (of >= 0) & (asked < end[np.maximum(of, 0)])


def _complete(
    steps: Sequence[Step],
    ran: NDArray[np.bool_],
    truncated: bool,
    launches: Sequence[Launches],
) -> tuple[NDArray[np.bool_] | None, list[str]]:
    """Steps whose kernels were recorded, and what to say of the others."""
    if not launches:
        return None, []
    share = np.min([each.share(steps) for each in launches], axis=0)
    whole = share >= _RECORDED
    lost = int((~whole).sum())
    if not lost:
        return None, []
    if (whole & ran).any():
        said = (
            f"{lost} of {len(steps)} steps were left out: less than {_RECORDED:.0%} of "
            "their launches have a kernel in the file"
        )
        return whole & ran, [Reason(said, informs=True)]
    share = share[~whole]
    if truncated:
        best = f"{share.max():.0%}"
        what = (
            f"in none of its {len(steps)} steps at least {_RECORDED:.0%} of the launches "
            f"have their kernel ({best} in the best)"
            if len(steps) > 1
            else f"only {best} of the launches have their kernel"
        )
        raise ProfileError(
            f"{what}: the file breaks off before the GPU's events",
            "copy the whole file, or record fewer steps",
            code="profile.damaged",
        )
    said = (
        f"only {share.max():.0%} of the launches have a kernel in the file: it is cut, or "
        "CUDA graphs were captured while it was recorded"
    )
    return None, [Reason(said, "record steps after the warm-up and after capture", unsound=True)]  # fmt: skip


def _on_device(
    work: Work,
    of: NDArray[np.int64],
    inside: NDArray[np.bool_],
    steps: Sequence[Step],
) -> list[Step]:
    """Steps from the start of their GPU work to the start of the next one's.

    Where the host only queues work, its annotations end long before the work does.
    """
    start = np.full(len(steps), np.inf)
    end = np.full(len(steps), -np.inf)
    np.minimum.at(start, of[inside], work.start[inside])
    np.maximum.at(end, of[inside], work.end[inside])
    order = np.argsort(work.asked, kind="stable")
    # when the first begins of all that is asked for at some moment or later
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
