"""Ranges that a program marked (NVTX, roctx), and which of them are its steps.

Where several names repeat, the steps are the ranges in which most of the GPU's work was
launched; where that is equal, the outermost. Ranges that overlap their successor
(pushed and never popped) last from one start to the next.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlate.errors import ProfileError
from xlate.readers.traces.steps import Step
from xlate.values.reason import Reason

__all__ = ["PARTS", "STEP_RANGE", "Marks", "Range", "folded", "repeated", "steps_of"]

#: names of ranges that are steps
STEP_RANGE = re.compile(
    r"(?:^|[\W_])(?:profiler)?(?:train|training)?[\W_]*(?:step|iter|iteration|batch)\b|ProfilerStep|(?:step|iter|iteration|batch)[\W_]*#?\d+",
    re.IGNORECASE,
)
#: names of parts of a step; they are steps only where no other range is
PARTS = re.compile(r"optim|scheduler|zero_?grad|load|fetch|copy|log", re.IGNORECASE)
#: a smaller overlap, as a share of a step, is ignored
_OVERLAP = 0.01
#: names shown in a message
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Range:
    """A range of the host's time.

    Attributes
    ----------
    name : str
    start : float
        µs.
    end : float or None
        µs; None where it was never ended.
    process, thread : int
    """

    name: str
    start: float
    end: float | None
    process: int = 0
    thread: int = 0


@dataclass(frozen=True)
class Marks:
    """Steps of one process, and notes on how they were identified."""

    steps: tuple[Step, ...]
    notes: tuple[str, ...]


def folded(name: str) -> str:
    """The name that a series shares: ``step 7`` and ``step 8`` become ``step #``."""
    return re.sub(r"\d+", "#", name)


def repeated(ranges: Sequence[Range]) -> list[str]:
    """Names that repeat, most frequent first, with how often."""
    counts: dict[str, int] = {}
    for r in ranges:
        counts[folded(r.name)] = counts.get(folded(r.name), 0) + 1
    often = sorted((k for k, n in counts.items() if n > 1), key=lambda k: -counts[k])
    return [f"{k!r} ({counts[k]} times)" for k in often[:_SHOWN]]


def steps_of(
    path: Path,
    ranges: Sequence[Range],
    mark: str | None,
    asked: NDArray[np.float64],
    what: str,
) -> Mapping[int, Marks]:
    """Steps of each process.

    Parameters
    ----------
    path : Path
        Named in errors.
    ranges : sequence of Range
    mark : str, optional
        The name that begins each step, as the user gave it.
    asked : ndarray of shape (n,)
        When the GPU's work was launched, µs.
    what : str
        Kind of ranges, for messages (``NVTX``).

    Returns
    -------
    mapping of int to Marks
        By process; empty where no range is a step.

    Raises
    ------
    ProfileError
        If no range has the name that the user gave; the names that repeat are shown.
    """
    series = _series(ranges, mark)
    if not series:
        if mark is None:
            return {}
        names = ", ".join(repeated(ranges)) or "none that repeats"
        raise ProfileError(
            f"{path} has no {what} range named {mark!r}",
            f"ranges that repeat: {names}",
            code="profile.steps",
        )
    moments = np.sort(asked)
    cut = {k: _cut(v, from_starts=mark is not None) for k, v in series.items()}
    cut = {k: (steps, notes) for k, (steps, notes) in cut.items() if steps}
    if not cut:
        return {}

    def worth(key: tuple[str, int, int]) -> tuple[bool, bool, int, float]:
        return _worth(key[0], cut[key][0], moments)

    name = max(cut, key=worth)[0]
    by_process: dict[int, Marks] = {}
    for process in sorted({p for n, p, _ in cut if n == name}):
        best = max((k for k in cut if k[0] == name and k[1] == process), key=worth)
        steps, notes = cut[best]
        which_ranges = Reason(f"steps are the {what} ranges {name!r}", informs=True)
        by_process[process] = Marks(
            steps, (which_ranges, *(f"{what} ranges {name!r}: {s}" for s in notes))
        )
    return by_process


def _series(
    ranges: Sequence[Range], mark: str | None
) -> dict[tuple[str, int, int], list[Range]]:
    """Ranges that may be steps, in order, by name, process and thread."""
    series: dict[tuple[str, int, int], list[Range]] = {}
    for r in ranges:
        if _is_mark(r.name, mark) if mark else STEP_RANGE.search(r.name):
            series.setdefault((folded(r.name), r.process, r.thread), []).append(r)
    return {k: sorted(v, key=lambda r: r.start) for k, v in series.items()}


def _worth(
    name: str, steps: Sequence[Step], moments: NDArray[np.float64]
) -> tuple[bool, bool, int, float]:
    """How likely a series of ranges is the steps, as a key to sort by."""
    begin = np.array([s.start for s in steps])
    end = begin + np.array([s.length for s in steps])
    inside = np.searchsorted(moments, end) - np.searchsorted(moments, begin)
    return (
        len(steps) > 1,
        PARTS.search(name) is None,
        int(inside.sum()),
        sum(s.length for s in steps),
    )


def _is_mark(name: str, mark: str) -> bool:
    return name == mark or folded(name) in (
        folded(mark),
        f"{folded(mark)}#",
        f"{folded(mark)} #",
    )


def _cut(
    series: Sequence[Range], from_starts: bool
) -> tuple[tuple[Step, ...], list[str]]:
    """Steps of one series in order, each ending before the next begins, and notes."""
    numbers = [int(n) if (n := re.sub(r"\D+", "", r.name)[:18]) else -1 for r in series]
    if len(set(numbers)) < len(numbers):
        numbers = list(range(len(series)))
    reach = [
        r.end is None or r.end > after.start + _OVERLAP * (after.start - r.start)
        for r, after in pairwise(series)
    ]
    # most of them overlap: their ends are not the ends of steps
    opened = from_starts or 2 * sum(reach) > len(reach)
    steps, notes = [], []
    for k, r in enumerate(series):
        after = series[k + 1].start if k + 1 < len(series) else None
        end = r.end
        if after is not None and (opened or end is None or end > after):
            end = after
        elif after is None and opened and len(series) > 1:
            continue  # the last one has no successor to end it
        if end is not None and end > r.start:
            steps.append(Step(numbers[k], r.start, end - r.start))
    if from_starts and len(series) > 1:
        notes.append("each step lasts from one start to the next, the last is left out")
    elif any(reach):
        notes.append(
            f"{sum(reach)} of {len(series)} overlap their successor, which no step "
            "does: each lasts from its start to the next one's"
            + (", and the last is left out" if opened else "")
        )
    return tuple(steps), notes
