"""Which step of a trace stands for the job, and its vector on the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlate import opnames
from xlate.readers.timeline import own_times, union
from xlate.reason import Reason

__all__ = ["Chosen", "Step", "Vector", "Work", "chosen_step", "of_step"]

#: a step with fewer GPU events than this share of the median is partial
_PARTIAL = 0.5
#: an overlap that the user should know of
_OVERLAP = 0.01


@dataclass(frozen=True, order=True)
class Step:
    """A step as the host annotated it, µs."""

    number: int
    start: float
    length: float


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
    """

    place: int
    start: float
    length: float
    said: str


def chosen_step(
    steps: Sequence[Step], counts: NDArray[np.int64] | None, truncated: bool
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
    """
    kept = list(range(len(steps)))
    if truncated and len(kept) > 1:
        kept.pop()
    # the first of several still allocates and chooses algorithms
    if len(kept) > 2:
        kept.pop(0)
    if counts is not None:
        usual = np.median(counts[kept])
        whole = [k for k in kept if counts[k] >= max(_PARTIAL * usual, 1)]
        kept = whole or [int(np.argmax(counts))]
    order = sorted(kept, key=lambda k: steps[k].length)
    place = order[(len(order) - 1) // 2]
    step = steps[place]
    said = Reason(
        f"step {step.number} stands for the job: the median of {len(kept)} "
        f"of {len(steps)} steps",
        informs=True,
    )
    return Chosen(place, step.start, step.length, said)


@dataclass(frozen=True, eq=False)
class Work:
    """What a device did.

    Attributes
    ----------
    start, end : ndarray of shape (n,)
        µs.
    asked : ndarray of shape (n,)
        When the host asked for it, µs on its clock; the start where not known.
    column : ndarray of int, shape (n,)
        In ``columns``.
    columns : tuple of str
        ``Device_…``
    """

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    asked: NDArray[np.float64]
    column: NDArray[np.int64]
    columns: tuple[str, ...]

    def rows(self, mine: NDArray[np.bool_]) -> Work:
        """Some of it."""
        return Work(
            self.start[mine], self.end[mine], self.asked[mine], self.column[mine],
            self.columns,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Vector:
    """A step's vector on the device, µs, with idle time, and what to say of it."""

    step: Chosen
    ops: Mapping[str, float]
    notes: tuple[str, ...]


def of_step(
    work: Work, steps: Sequence[Step], truncated: bool = False
) -> Vector | None:
    """The vector of the step that stands for the job; None where nothing ran in any."""
    begin = np.array([s.start for s in steps])
    end = begin + np.array([s.length for s in steps])
    of = np.searchsorted(begin, work.asked, side="right") - 1
    inside = (of >= 0) & (work.asked < end[np.maximum(of, 0)])
    counts = np.bincount(of[inside], minlength=len(steps))
    if not counts.any():
        return None
    step = chosen_step(steps, counts, truncated)
    rows = np.flatnonzero(inside & (of == step.place))
    start, stop = work.start[rows], work.end[rows]
    ops: dict[str, float] = {}
    for k, length in zip(work.column[rows], own_times(start, stop), strict=True):
        name = work.columns[k]
        ops[name] = ops.get(name, 0.0) + float(length)
    total, busy = float((stop - start).sum()), union(start, stop)
    notes = []
    if total > (1 + _OVERLAP) * busy:
        notes.append(
            f"{1 - busy / total:.0%} of kernel time overlaps on several streams and was "
            "counted once"
        )
    outside = len(inside) - int(inside.sum())
    if outside:
        notes.append(f"{outside} GPU events lie in no step and were left out")
    ops[opnames.DEVICE_IDLE] = max(step.length - busy, 0.0)
    return Vector(step, ops, tuple(notes))
