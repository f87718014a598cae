"""From one size of a workload to another, on the same instance.

An operation's time grows with the batch once it exceeds the launch overhead, which
shows in its own time: the growth over one doubling is fitted as a ratio between two GPUs
is (:mod:`xlate.models.translate.pooled`), separately for growing and for shrinking, and
larger changes are made doubling by doubling. The step time follows from the new busy
time and the host's path, which does not grow (:mod:`xlate.models.translate.two_path`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlate import op_names
from xlate.errors import AlignmentError, UnknownNameError
from xlate.models.state import Stateful
from xlate.models.translate.pooled import PooledRatios, Runs
from xlate.models.translate.two_path import TwoPath
from xlate.stats.conformal import Scores

__all__ = ["AXES", "HOW", "Scaled", "Scaler", "polynomial_between"]

Floats = NDArray[np.float64]

#: axis -> exponent with which work grows along it
AXES = {"batch-size": 1.0, "input-size": 2.0}
#: how a job ran: columns of the workload key in which a scaler must match the job
HOW = ("framework", "mode", "precision")
_FEWEST_PAIRS = 10
_TREES, _LEAF = 8, 10


@dataclass(frozen=True, eq=False)
class Scaled:
    """A profile at another size.

    Attributes
    ----------
    ops : ndarray of shape (k,)
        All columns, µs over the window.
    step : float
        µs a step.
    """

    ops: Floats
    step: float


class Scaler(Stateful):
    """Growth of operations and step time along one axis of size.

    After :meth:`fit`, ``range_`` holds the smallest and largest size, ``seen_`` the
    operations that ran, and ``kinds_`` how the jobs ran (:data:`HOW`, joined by /), where
    the caller says so.

    Parameters
    ----------
    ops : sequence of str
        Columns.
    axis : str
        Key of :data:`AXES`.
    seed : int

    Raises
    ------
    UnknownNameError
        If the axis is unknown.
    """

    kind = "scaler"
    kept = ("ops", "axis", "seed")

    def __init__(self, ops: Sequence[str], axis: str, seed: int = 0) -> None:
        if axis not in AXES:
            raise UnknownNameError("axis of size", axis, AXES)
        self.ops = list(ops)
        self.axis = axis
        self.seed = seed

    def fit(
        self,
        times: Floats,
        steps: Floats,
        sizes: Floats,
        jobs: NDArray[Any],
        models: NDArray[Any],
    ) -> Scaler:
        """Fit to runs of jobs at several sizes.

        Parameters
        ----------
        times : ndarray of shape (n, k)
        steps, sizes : ndarray of shape (n,)
            Step times (µs) and sizes along the axis.
        jobs, models : ndarray of shape (n,)
            Identity of each job apart from its size, and its model.

        Raises
        ------
        AlignmentError
            If too few jobs ran at two sizes.
        """
        pairs = _neighbours(sizes, jobs)
        if len(pairs) < _FEWEST_PAIRS:
            raise AlignmentError(
                f"{len(pairs)} pairs of runs differ in {self.axis} alone",
                "scaling is fitted on a corpus with several sizes of each network",
            )
        self.range_ = (float(sizes.min()), float(sizes.max()))
        self.seen_ = sorted(
            n for n, t in zip(self.ops, times.max(axis=0), strict=True) if t > 0
        )
        self.kinds_: list[str] = []
        self.busy_ = np.isin(self.ops, op_names.busy_columns(self.ops))
        self.idle_ = np.array([n == op_names.DEVICE_IDLE for n in self.ops])
        names = [n for n, b in zip(self.ops, self.busy_, strict=True) if b]
        self.growth_: list[PooledRatios] = []
        self.paths_: list[TwoPath] = []
        for (a, b), factor in ((pairs.T, 2.0), (pairs.T[::-1], 0.5)):
            octaves = np.log2(sizes[b] / sizes[a])
            runs = self._runs(times[a], steps[a])
            X, Y = times[a][:, self.busy_], times[b][:, self.busy_]
            doubled = _over_one_octave(X, Y, octaves)
            self.growth_.append(
                PooledRatios(names, factor, self.seed, _TREES, _LEAF).fit(
                    runs, doubled, models[a]
                )
            )
            target_busy = np.maximum(Y.sum(axis=1), 1.0)
            self.paths_.append(_paths(runs, target_busy, steps[b], models[a]))
        return self

    def calibrate(
        self,
        times: Floats,
        steps: Floats,
        sizes: Floats,
        jobs: NDArray[Any],
        models: NDArray[Any],
    ) -> Scaler:
        """Keep the errors over one octave on models left out; then :meth:`fit`.

        Parameters are those of :meth:`fit`.
        """
        scores: list[tuple[float, str]] = []
        for model in np.unique(models):
            test = models == model
            other = Scaler(self.ops, self.axis, self.seed)
            other.fit(
                times[~test], steps[~test], sizes[~test], jobs[~test], models[~test]
            )
            rows = np.flatnonzero(test)
            for a, b in rows[_neighbours(sizes[test], jobs[test])]:
                for i, j in ((a, b), (b, a)):
                    hat = other.predict(times[i], steps[i], sizes[i], sizes[j])
                    octaves = abs(np.log2(sizes[j] / sizes[i]))
                    error = abs(float(np.log(hat.step / steps[j])))
                    scores.append((error / octaves, str(model)))
        self.scores_ = np.array([e for e, _ in scores])
        self.groups_ = [m for _, m in scores]
        return self.fit(times, steps, sizes, jobs, models)

    def factor(self, octaves: float, level: float) -> float:
        """Factor by which a step time is divided and multiplied for an interval.

        The errors of successive octaves are assumed to add up.
        """
        return Scores(self.scores_, np.array(self.groups_)).factor(level, octaves)

    def predict(self, ops: Floats, step: float, size: float, wanted: float) -> Scaled:
        """A profile of ``size`` at the size wanted.

        Parameters
        ----------
        ops : ndarray of shape (k,)
            µs over the window.
        step : float
            µs a step.
        size, wanted : float
        """
        distance = np.log2(wanted / size)
        direction = 0 if distance >= 0 else 1
        now, time, left = ops.astype(float).copy(), float(step), abs(distance)
        while left > 1e-9:
            octave = min(left, 1.0)
            runs = self._runs(now[None], np.array([time]))
            grown = self.growth_[direction].predict(runs)[0]
            before = now[self.busy_]
            ran = (before > 0) & (grown > 0)
            ratio = np.where(ran, grown, 1.0) / np.where(ran, before, 1.0)
            # no operation takes less time for more work
            ratio = np.maximum(ratio, 1.0) if direction == 0 else np.minimum(ratio, 1.0)
            now[self.busy_] = before * ratio**octave
            total = np.array([max(now[self.busy_].sum(), 1.0)])
            paths = self.paths_[direction].predict(
                runs.busy, runs.idle, runs.step, total
            )
            furthest = max if direction == 0 else min
            time = furthest(time, float(paths.step[0]))
            left -= octave
        return Scaled(now, time)

    def _runs(self, times: Floats, steps: Floats) -> Runs:
        waits = times[:, self.idle_].sum(axis=1)
        return Runs(times[:, self.busy_], waits, steps)


def _paths(
    runs: Runs, target_busy: Floats, target_step: Floats, models: NDArray[Any]
) -> TwoPath:
    """Paths from one size to the other, with equal weights of models."""
    _, which, count = np.unique(models, return_inverse=True, return_counts=True)
    return TwoPath().fit(
        runs.busy,
        runs.idle,
        runs.step,
        target_busy=target_busy,
        target_step=target_step,
        weights=1.0 / count[which],
    )


def _over_one_octave(X: Floats, Y: Floats, octaves: Floats) -> Floats:
    """Times at twice (or half) the size of ``X``, from pairs any number of octaves apart.

    0 where an operation did not run on both sides.
    """
    both = (X > 0) & (Y > 0)
    ratio = np.where(both, Y, 1.0) / np.where(both, X, 1.0)
    return np.where(both, X * ratio ** (1 / np.abs(octaves))[:, None], 0.0)


def _neighbours(sizes: Floats, jobs: NDArray[Any]) -> NDArray[np.int64]:
    """Rows (smaller, larger) of one job at adjacent sizes, shape (n, 2)."""
    neighbours: list[tuple[np.int64, np.int64]] = []
    for job in np.unique(jobs):
        rows = np.flatnonzero(jobs == job)
        rows = rows[np.argsort(sizes[rows], kind="stable")]
        neighbours += [(a, b) for a, b in pairwise(rows) if sizes[a] < sizes[b]]
    return np.array(neighbours, dtype=np.int64).reshape(-1, 2)


def polynomial_between(sizes: Floats, steps: Floats, jobs: NDArray[Any]) -> Floats:
    """PROFET's scaler: one polynomial of order two between two measured ends.

    Sizes and step times of each training job are scaled to 0 at its smallest and 1
    at its largest size, and one polynomial fits them all (ddps-lab/profet, batch
    size and pixel size models). For a new job it is put between its own measured
    ends: ``low + (high - low) * polyval(c, (size - first) / (last - first))``.

    Parameters
    ----------
    sizes, steps, jobs : ndarray of shape (n,)
        Training runs.

    Returns
    -------
    ndarray of shape (3,)
        Coefficients, highest power first, as :func:`numpy.polyval` takes them.
    """
    x, y = [], []
    for job in np.unique(jobs):
        rows = np.flatnonzero(jobs == job)
        rows = rows[np.argsort(sizes[rows], kind="stable")]
        s, t = sizes[rows], steps[rows]
        if len(rows) < 3 or t[-1] <= t[0]:
            continue
        x.append((s - s[0]) / (s[-1] - s[0]))
        y.append((t - t[0]) / (t[-1] - t[0]))
    return np.asarray(np.polyfit(np.concatenate(x), np.concatenate(y), 2))
