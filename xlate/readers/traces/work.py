"""Work of a device, and its time by operation and by precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xlate import op_names
from xlate.readers.traces.timeline import own_times, union

__all__ = ["Work", "times_of"]

#: a larger share of overlap, or of excess, is reported to the user
_OVERLAP = 0.01


@dataclass(frozen=True, eq=False)
class Work:
    """Events of a device.

    Attributes
    ----------
    start, end : ndarray of shape (n,)
        µs.
    asked : ndarray of shape (n,)
        When the host launched it, µs on its clock; the start where not known.
    column : ndarray of int, shape (n,)
        In ``columns``.
    columns : tuple of str
        ``Device_…``
    precision : ndarray of int, shape (n,), optional
        In ``precisions``; -1 for what does not compute.
    precisions : tuple of str
        As :mod:`xlate.values.kernel_precision` names them.
    """

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    asked: NDArray[np.float64]
    column: NDArray[np.int64]
    columns: tuple[str, ...]
    precision: NDArray[np.int64] | None = None
    precisions: tuple[str, ...] = ()

    def rows(self, selected: NDArray[np.bool_]) -> Work:
        """The selected events."""
        precision = None if self.precision is None else self.precision[selected]
        return replace(
            self,
            start=self.start[selected],
            end=self.end[selected],
            asked=self.asked[selected],
            column=self.column[selected],
            precision=precision,
        )


def times_of(
    work: Work, rows: NDArray[np.int64], length: float, count: int
) -> tuple[dict[str, float], dict[str, float], list[str]]:
    """Time by column and by precision of one of ``count`` steps, and notes."""
    start, stop = work.start[rows], work.end[rows]
    total, busy = float((stop - start).sum()), union(start, stop)
    notes = []
    if total > (1 + _OVERLAP) * busy:
        notes.append(
            f"{1 - busy / total:.0%} of kernel time overlaps on several streams and was "
            "counted once"
        )
    # work that exceeds the end of its step is cut from all columns in proportion
    fits = min(1.0, length * count / busy) if busy > 0 else 1.0
    scale = fits / count
    if fits < 1 - _OVERLAP:
        notes.append(
            f"{1 - fits:.0%} of the step's GPU work runs past its end and was left out"
        )
    own = own_times(start, stop) * scale
    ops = _sums(work.columns, work.column[rows], own)
    ops[op_names.DEVICE_IDLE] = max(length - busy * scale, 0.0)
    precision: dict[str, float] = {}
    if work.precision is not None:
        computes = work.precision[rows] >= 0
        sums = _sums(work.precisions, work.precision[rows][computes], own[computes])
        precision = {p: t for p, t in sums.items() if t > 0}
    return ops, precision, notes


def _sums(
    names: Sequence[str], which: NDArray[np.int64], times: NDArray[np.float64]
) -> dict[str, float]:
    """Time by name; a name may have several numbers."""
    sums: dict[str, float] = {}
    by_number = np.bincount(which, weights=times, minlength=len(names))
    for k in np.unique(which).tolist():
        sums[names[k]] = sums.get(names[k], 0.0) + float(by_number[k])
    return sums
