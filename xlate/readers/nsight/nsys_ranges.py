"""The number of steps in the sums of ``nsys stats``, by its summary of NVTX ranges.

The summary has lengths and no starts. Ranges that were pushed and never popped all end
together, so that each is shorter than the one before it by a step: they are recognised by
lengths in even steps.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median

from xlate.errors import ProfileError
from xlate.readers.nsight.nsys_tables import HINT, Report, number
from xlate.readers.step_choice import StepChoice
from xlate.readers.traces.kernel_sums import StepShare
from xlate.readers.traces.marks import PARTS, STEP_RANGE, folded
from xlate.values.reason import Reason

__all__ = ["step_share"]

#: fewest ranges from whose lengths nesting can be recognised
_FEWEST = 6
#: least share of the longest range that a step must be; with a smaller share, at least
#: this number of ranges must grow shorter, because lengths vary
_LEAST, _MANY = 0.005, 20
#: largest relative distance of a difference of lengths from the median difference
_EVEN = 0.5
#: the same for the mean and the deviation of evenly spaced lengths, over their width
_CLOSE = 0.03


@dataclass
class _Series:
    """Ranges whose names are equal except for numbers."""

    count: int = 0
    time_us: float = 0.0
    numbered: list[tuple[int, float]] = field(default_factory=list)
    #: for a name that repeats: mean, shortest, longest, standard deviation, µs
    spread: tuple[float, float, float, float] | None = None


def step_share(path: Path, report: Report | None, choice: StepChoice) -> StepShare:
    """Number of steps in the sums, by the ranges or by the user's option.

    Parameters
    ----------
    path : Path
        Named in errors.
    report : Report, optional
        The summary of ranges.
    choice : StepChoice

    Raises
    ------
    ProfileError
        If no range has the name that the user gave, or a field is not a number.
    """
    if choice.count:
        note = f"the sums are taken for {choice.count} steps of equal length"
        return StepShare(choice.count, None, (Reason(note, informs=True),))
    series: dict[str, _Series] = {}
    names: list[str] = []
    for line, cells in report.rows if report is not None else ():
        assert report is not None
        name = cells[report.head.index("range")].lstrip(":")
        names.append(name)
        if _wanted(name, choice.mark):
            _take(path, report, line, cells, series.setdefault(folded(name), _Series()))
    if choice.mark and not series:
        raise ProfileError(
            f"{path} has no NVTX range named {choice.mark!r}",
            f"its ranges: {', '.join(names[:6]) or 'no report nvtx_sum'}; {HINT}",
            code="profile.steps",
        )
    timed = {k: s for k, s in series.items() if s.count > 0 and s.time_us > 0}
    if not timed:
        note = "no NVTX range named step or iteration: everything is taken for one step"
        return StepShare(1, None, (note,))
    # the longest name that repeats contains the others; parts of a step come last
    best = max(
        timed, key=lambda k: (timed[k].count > 1, not PARTS.search(k), timed[k].time_us)
    )
    return _of_series(best, timed[best])


def _wanted(name: str, mark: str | None) -> bool:
    if mark is None:
        return STEP_RANGE.search(name) is not None
    return folded(name).rstrip("# ") == folded(mark).rstrip("# ")


def _take(
    path: Path, report: Report, line: int, cells: Sequence[str], series: _Series
) -> None:
    total, count = (
        report.place("total time"),
        report.place("instances", "num calls", "count"),
    )
    assert total is not None
    assert count is not None
    n, time = (
        int(number(path, line, cells[count])),
        report.time(path, line, tuple(cells), total),
    )
    series.count += n
    series.time_us += time
    digits = re.sub(r"\D+", "", cells[report.head.index("range")])[:18]
    if n == 1 and digits:
        series.numbered.append((int(digits), time))
    places = [report.place(h) for h in ("avg", "min", "max", "stddev")]
    if n >= _FEWEST and all(k is not None for k in places):
        mean, low, high, spread = (
            report.time(path, line, tuple(cells), k) for k in places if k is not None
        )
        series.spread = (mean, low, high, spread)


def _of_series(name: str, series: _Series) -> StepShare:
    n, mean = series.count, series.time_us / series.count
    step = _step_of_nested(series)
    if step is not None:
        note = (
            f"{n} NVTX ranges {name!r} overlap their successor, which no step does (they "
            "grow shorter evenly, as ranges never popped do): a step lasts from one "
            "start to the next"
        )
        return StepShare(n, step, (note,))
    if PARTS.search(name) or not STEP_RANGE.search(name):
        note = f"{n} NVTX ranges {name!r} mark the steps, but not their length"
        return StepShare(n, None, (Reason(note, informs=True),))
    return StepShare(
        n, mean, (Reason(f"the mean of {n} NVTX ranges {name!r}", informs=True),)
    )


def _step_of_nested(series: _Series) -> float | None:
    """µs from start to start of ranges that all end together; None where they do not."""
    lengths = [t for _, t in sorted(series.numbered)]
    if len(lengths) == series.count >= _FEWEST:
        steps = [a - b for a, b in pairwise(lengths)]
        usual = median(steps)
        even = usual > 0 and all(abs(s - usual) <= _EVEN * usual for s in steps)
        if even and (usual >= _LEAST * lengths[0] or len(steps) >= _MANY):
            return usual
    if series.spread is not None:
        mean, low, high, deviation = series.spread
        n, width = series.count, high - low
        # standard deviation of n evenly spaced lengths
        expected = width * math.sqrt((n + 1) / (12 * (n - 1)))
        if (
            width > low
            and abs(mean - (low + high) / 2) <= _CLOSE * width
            and abs(deviation - expected) <= _CLOSE * width
        ):
            return width / (n - 1)
    return None
