"""Ratios of single operations, fitted over all (run, operation) pairs at once.

A separate output for each column would have only that operation's runs as examples;
pooled, all operations are used to fit how a ratio depends on size, share and workload.
The log ratio is the effect of the operation, shrunk towards its family, its
nature and the mean of all, plus a correction from a forest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlate import op_names
from xlate.models.forests import forest_mean
from xlate.models.state import Stateful

__all__ = ["PooledRatios", "Runs"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_TREES = 40
_LEAF = 5
#: weight, in groups, of the mean that an effect is shrunk to
_SHRINK = 1.0
_FORWARD = ("Device_Conv2D", "Device__FusedConv2D")
_BACKWARD = ("Device_Conv2DBackpropFilter", "Device_Conv2DBackpropInput")
_NATURES = ("compute", "memory", "serial", "transfer")


@dataclass(frozen=True, eq=False)
class Runs:
    """Anchor side of some runs.

    Attributes
    ----------
    ops : ndarray of shape (n, k)
        Busy device operations, µs.
    idle, step : ndarray of shape (n,)
        Idle time of the window and step time, µs; 0 where not known.
    """

    ops: Floats
    idle: Floats
    step: Floats

    @classmethod
    def of(
        cls, A: Floats, ops: NDArray[np.int64], idle: int | None, step: int | None
    ) -> Runs:
        """Those whose columns stand at some places; None where there is no such column."""
        nothing = np.zeros(len(A))
        return cls(
            A[:, ops],
            nothing if idle is None else A[:, idle],
            nothing if step is None else A[:, step],
        )

    @property
    def busy(self) -> Floats:
        """Sum of the operations, at least 1 µs."""
        return np.asarray(np.maximum(self.ops.sum(axis=1), 1.0))

    def rows(self, keep: Bools) -> Runs:
        """Some of the runs."""
        return Runs(self.ops[keep], self.idle[keep], self.step[keep])


@lru_cache(maxsize=64)
def _backward(names: tuple[str, ...]) -> tuple[Bools, ...]:
    """Masks of the columns of each backward pass of a convolution."""
    return tuple(np.array([n == b for n in names], dtype=bool) for b in _BACKWARD)


class PooledRatios(Stateful):
    """Log ratio = shrunk effect of the operation + a forest's correction.

    For the backward passes of convolutions, which use other algorithms on other
    GPUs, the ratio to the anchor's *forward* pass is fitted as well, and the
    answer is the geometric mean of both.

    Parameters
    ----------
    names : sequence of str
        Columns of the operations.
    clock_ratio : float
        The anchor's highest clock over the target's: prior ratio of the times of
        serial operations.
    seed : int
    trees, leaf : int
        Trees of each forest, and fewest pairs in a leaf.
    """

    kind = "pooled-ratios"
    kept = ("names", "clock_ratio", "seed", "trees", "leaf")

    def __init__(
        self,
        names: Sequence[str],
        clock_ratio: float = 1.0,
        seed: int = 0,
        trees: int = _TREES,
        leaf: int = _LEAF,
    ) -> None:
        self.names = list(names)
        self.clock_ratio = clock_ratio
        self.seed = seed
        self.trees, self.leaf = trees, leaf

    def fit(self, runs: Runs, Y: Floats, groups: NDArray[Any]) -> PooledRatios:
        """Fit to pairs.

        Parameters
        ----------
        runs : Runs
        Y : ndarray of shape (n, k)
            The same operations on the target, µs.
        groups : ndarray of shape (n,)
            Model of each run. All models have the same weight, and the effects given
            to the forest for a model's runs are computed without that model.
        """
        from sklearn.ensemble import ExtraTreesRegressor

        self._index()
        X = runs.ops
        _, which, count = np.unique(groups, return_inverse=True, return_counts=True)
        total = np.maximum(Y.sum(axis=1), 1.0)
        # the weight of a pair is the square root of the geometric mean of its shares
        # of time on both sides, so that small operations still contribute
        weight = (X / runs.busy[:, None] * Y / total[:, None]) ** 0.25
        weight = weight / count[which][:, None]
        shared = self._features(runs)
        self.effects_: list[Floats] = []
        self.forests_: list[Any] = []
        for reference, columns in self._views(X):
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.log(Y / reference)
            measured = np.isfinite(ratio) & (X > 0) & columns
            effects = self._effects(np.where(measured, ratio, 0.0), measured, which)
            self.effects_.append(effects[-1])
            left_out = effects[which]
            i, j = np.nonzero(measured & ~self.serial_)
            if not len(i):
                self.forests_.append(None)
                continue
            forest = ExtraTreesRegressor(
                self.trees,
                min_samples_leaf=self.leaf,
                max_features=0.5,
                random_state=self.seed,
            )
            forest.fit(
                self._pairs(runs, shared, left_out, i, j),
                (ratio - left_out)[i, j],
                sample_weight=weight[i, j],
            )
            self.forests_.append(forest)
        return self

    def predict(self, runs: Runs) -> Floats:
        """The operations on the target, µs, shape (n, k); 0 where not on the anchor."""
        X = runs.ops
        total, answers = np.zeros_like(X), np.zeros_like(X)
        # the features of every view first: what the forests add comes last
        for i, j, log, learnt, forest, pairs in list(self._prepared(runs)):
            if pairs is not None:
                log[learnt] += forest_mean(forest, pairs)
            total[i, j] += log
            answers[i, j] += 1
        mean = total / np.maximum(answers, 1)
        return np.where(answers > 0, np.exp(mean), 0.0)

    def _prepared(self, runs: Runs) -> Iterator[tuple[Any, ...]]:
        """For each view: places of its pairs, their logs before the forest, and features.

        Which of the pairs the forest corrects stands beside it; without any of them
        there are no features.
        """
        X, shared = runs.ops, self._features(runs)
        views = zip(self._views(X), self.effects_, self.forests_, strict=True)
        for (reference, columns), effects, forest in views:
            i, j = np.nonzero((X > 0) & (reference > 0) & columns)
            effect = np.broadcast_to(effects, X.shape)
            log = np.log(reference[i, j]) + effect[i, j]
            learnt = ~self.serial_[j]
            pairs = None
            if forest is not None and learnt.any():
                pairs = self._pairs(runs, shared, effect, i[learnt], j[learnt])
            yield i, j, log, learnt, forest, pairs

    def _index(self) -> None:
        """Families and natures of the columns, as indicator matrices."""
        family = np.array([op_names.family(n) for n in self.names])
        nature = np.array([op_names.nature(n) for n in self.names])
        self.family_ = (family[:, None] == np.array(op_names.FAMILIES)).astype(float)
        self.nature_ = (nature[:, None] == np.array(_NATURES)).astype(float)
        self.serial_: Bools = nature == "serial"
        self.forward_: Bools = np.isin(self.names, _FORWARD)
        self.backward_: Bools = np.isin(self.names, _BACKWARD)

    def _views(self, X: Floats) -> Iterator[tuple[Floats, Bools]]:
        """Denominators of the ratios, and the columns they are used for."""
        yield X, np.ones(X.shape[1], dtype=bool)
        if self.forward_.any() and self.backward_.any():
            forward = X[:, self.forward_].sum(axis=1, keepdims=True)
            yield np.where(self.backward_, forward, X), self.backward_

    def _effects(
        self, ratio: Floats, measured: Bools, which: NDArray[np.int64]
    ) -> Floats:
        """Mean log ratio of each operation, shrunk; shape (n_groups + 1, k).

        Row g is without group g, the last with all.
        """
        member = np.equal.outer(np.arange(which.max() + 1), which).astype(float)
        count = member @ measured
        mean = np.divide(
            member @ ratio, count, out=np.zeros_like(count), where=count > 0
        )
        ran = (count > 0).astype(float)
        # without each group, and at last with all
        total = np.vstack([mean.sum(axis=0) - mean, mean.sum(axis=0)])
        number = np.vstack([ran.sum(axis=0) - ran, ran.sum(axis=0)])
        overall = total.sum(axis=1, keepdims=True)
        overall = overall / np.maximum(number.sum(axis=1, keepdims=True), 1.0)

        def shrunk(total: Floats, number: Floats, to: Floats) -> Floats:
            return np.asarray((total + _SHRINK * to) / (number + _SHRINK))

        nature = shrunk(total @ self.nature_, number @ self.nature_, overall)
        nature[:, _NATURES.index("serial")] = np.log(self.clock_ratio)
        family = shrunk(
            total @ self.family_,
            number @ self.family_,
            nature @ (self.nature_.T @ self.family_ > 0).astype(float),
        )
        return shrunk(total, number, family @ self.family_.T)

    def _features(self, runs: Runs) -> Floats:
        """Features of the run, the same for all its operations, shape (n, m)."""
        X, busy = runs.ops, runs.busy
        forward = X[:, self.forward_].sum(axis=1)
        filters, inputs = (X[:, m].sum(axis=1) for m in _backward(tuple(self.names)))
        transfer = X[:, self.nature_[:, _NATURES.index("transfer")] > 0].sum(axis=1)
        log = [
            np.log(np.maximum(v, 1.0))
            for v in (busy, runs.idle, runs.step, forward, filters, inputs, transfer)
        ]
        return np.column_stack(
            [
                log[0], log[1] - log[0], log[2] - log[0], log[3], log[4] - log[3],
                log[5] - log[3], forward / busy, filters / busy, inputs / busy, log[6],
            ]
        )  # fmt: skip

    def _pairs(
        self,
        runs: Runs,
        shared: Floats,
        effects: Floats,
        i: NDArray[np.int64],
        j: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """Features of (run i, operation j), in the single precision of trees."""
        size = np.log(np.maximum(runs.ops[i, j], 1.0))
        m, n_families = shared.shape[1], self.family_.shape[1]
        out = np.empty((len(i), m + n_families + 5), dtype=np.float32)
        out[:, 0], out[:, 1] = size, size - shared[i, 0]
        out[:, 2 : 2 + m] = shared.astype(np.float32)[i]
        out[:, 2 + m : 2 + m + n_families] = self.family_.astype(np.float32)[j]
        for k, mask in enumerate(_backward(tuple(self.names))):
            out[:, 2 + m + n_families + k] = mask[j]
        out[:, -1] = effects[i, j]
        return out
