"""Intervals on a device: time in which it works, and whose time that is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["own_times", "self_times", "union"]

Floats = NDArray[np.float64]


def union(start: Floats, end: Floats) -> float:
    """Length of the union of intervals."""
    if not len(start):
        return 0.0
    order = np.argsort(start, kind="stable")
    start, end = start[order], np.maximum.accumulate(end[order])
    gaps = np.maximum(start[1:] - end[:-1], 0.0).sum()
    return float(end[-1] - start[0] - gaps)


def own_times(start: Floats, end: Floats) -> Floats:
    """Each interval's length where time shared by k of them counts 1/k for each.

    Their sum is the length of the union, so that work which overlaps on several
    streams is counted once.

    Parameters
    ----------
    start, end : ndarray of shape (n,)

    Returns
    -------
    ndarray of shape (n,)
    """
    if not len(start):
        return np.zeros(0)
    moments = np.concatenate([start, end])
    change = np.concatenate([np.ones(len(start)), -np.ones(len(end))])
    order = np.argsort(moments, kind="stable")
    at, active = moments[order], np.cumsum(change[order])
    with np.errstate(divide="ignore"):
        rate = np.where(active[:-1] > 0.5, 1.0 / active[:-1], 0.0)
    passed = np.concatenate([[0.0], np.cumsum(np.diff(at) * rate)])
    place = np.searchsorted(at, np.stack([start, end]))
    return np.asarray(passed[place[1]] - passed[place[0]])


def self_times(start: Floats, end: Floats) -> Floats:
    """Length of each interval without those nested in it, on one thread.

    Parameters
    ----------
    start, end : ndarray of shape (n,)

    Returns
    -------
    ndarray of shape (n,)
        Never negative, though an interval may stick out of the one around it.
    """
    own = end - start
    # of two that begin together the longer one is outside
    order = np.lexsort((-end, start))
    around: list[int] = []
    for k in order:
        while around and end[around[-1]] <= start[k]:
            around.pop()
        if around:
            own[around[-1]] -= min(end[k], end[around[-1]]) - start[k]
        around.append(int(k))
    return np.maximum(own, 0.0)
