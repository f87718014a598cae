"""Patterns that repeat: the number of intervals between marks in one step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xlate.readers.traces.work import Work

__all__ = ["period_of"]

#: most intervals in one step
_LONGEST = 4
#: shares by which equal intervals may differ in their GPU events, and in their GPU time:
#: first for one program, then for batches of several shapes
_ALLOWED = ((0.05, 0.3), (0.05, np.inf), (0.3, np.inf))


def period_of(starts: NDArray[np.float64], work: Work) -> int | None:
    """Number of intervals after which the GPU's work repeats; None where it does not.

    Intervals are compared by the number of events of each column that were launched in
    them, so that two of one length, as of a generator and a discriminator, differ; then
    by their GPU time. Where there are several, the first may differ from all others,
    since it still allocates and chooses algorithms.

    Parameters
    ----------
    starts : ndarray of shape (n,)
        Moments of at least three marks, µs, in order.
    work : Work
        Events of one GPU.
    """
    interval_of = np.searchsorted(starts, work.asked, side="right") - 1
    inside = (interval_of >= 0) & (interval_of < len(starts) - 1)
    counts = np.zeros((len(starts) - 1, len(work.columns)))
    np.add.at(counts, (interval_of[inside], work.column[inside]), 1)
    took = np.zeros(len(counts))
    np.add.at(took, interval_of[inside], (work.end - work.start)[inside])
    times = took.reshape(-1, 1)
    if len(counts) > 2:
        counts, times = counts[1:], times[1:]
    if not np.median(counts.sum(axis=1)):
        return None
    for events, time in _ALLOWED:
        # each pattern must occur at least twice
        for period in range(1, min(_LONGEST, len(counts) // 2) + 1):
            if (_apart(counts, period) <= events).all() and (
                _apart(times, period) <= time
            ).all():
                return period
    return None


def _apart(rows: NDArray[np.float64], by: int) -> NDArray[np.float64]:
    """Share by which each row differs from the row ``by`` places before it."""
    off = np.abs(rows[by:] - rows[:-by]).sum(axis=1)
    larger = np.maximum(rows[by:], rows[:-by]).sum(axis=1)
    return np.asarray(off / np.maximum(larger, 1e-9))
