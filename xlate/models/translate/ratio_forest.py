"""Log ratios from a forest.

The target's vector is the anchor's times a ratio for each operation; the forest
predicts how the ratio depends on the workload. The profile itself gives the scale, so
that the ratios of a network larger than any in training stay plausible, and every ratio
is clamped to its range in training. This does not suffice for an operation that can be
tiny on one side and large on the other (_Send on a V100): the ratio of such a cell,
times a large time, would exceed the rest of the step. So no operation may take more than
twice the largest share of busy time that it had in training.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlate import op_names
from xlate.data.columns import shares
from xlate.models.forests import forest_mean
from xlate.models.translate.base import Floats, Translator
from xlate.models.translate.ratio import column_medians, log_ratios

__all__ = ["RatioForestTranslator", "SharesForestTranslator"]

#: an operation's share of busy time on the target is at most this many times
#: the largest seen in training
_SHARE_MARGIN = 2.0


class RatioForestTranslator(Translator):
    """Extremely randomised trees on log ratios, clamped to those in training.

    Features are logs, so that the thresholds of a tree are factors: the log of every
    operation's time, of the busy time and of the window, the idle share, and the step
    time over the busy time, which is large for a job that waits for its host.

    Two forests: one for the ratios of all operations and op families, one for
    the step time, which would have little weight among them. An operation that did not
    run in training gets the ratio predicted for its family, and if the family did not
    run either, that of the busy total.

    Parameters
    ----------
    columns : sequence of str, optional
        Names of the columns.
    n_estimators : int
        Trees in each forest.
    min_samples_leaf : int
        Fewest training rows in a leaf.
    random_state : int
        Seed.
    """

    kind = "ratio-forest"

    def __init__(
        self,
        columns: Sequence[str] | None = None,
        n_estimators: int = 60,
        min_samples_leaf: int = 2,
        random_state: int = 0,
    ) -> None:
        super().__init__(columns)
        self.n_estimators = n_estimators
        self.min_samples_leaf = min_samples_leaf
        self.random_state = random_state

    def _fit(self, X: Floats, Y: Floats) -> None:
        A = self._counterpart(X)
        ops = self._op_places()
        L = log_ratios(A[:, ops], Y[:, ops])
        busy = self._busy(self.n_outputs_)
        totals = log_ratios(
            np.column_stack([A[:, busy].sum(1), self._family_sums(A)]),
            np.column_stack([Y[:, busy].sum(1), self._family_sums(Y)]),
        )
        overall = column_medians(totals[:, :1], 0.0)[0]
        self.seen_: NDArray[np.bool_] = np.isfinite(L).max(axis=0)
        self.family_seen_: NDArray[np.bool_] = np.isfinite(totals).max(axis=0)
        # where an operation or family did not run on both sides its median ratio is
        # used, which does not bias the forest
        T = np.hstack([L[:, self.seen_], totals])
        T = np.where(np.isnan(T), column_medians(T, overall), T)
        self.low_, self.high_ = T.min(axis=0), T.max(axis=0)
        total = np.maximum(Y[:, busy].sum(axis=1, keepdims=True), 1e-300)
        self.largest_share_ = np.where(
            busy[ops] & self.seen_, (Y[:, ops] / total).max(axis=0), np.inf
        )
        self.inputs_ = np.flatnonzero(X.any(axis=0) & self._busy(X.shape[1]))
        F = self._features(X)
        self.forest_ = self._forest().fit(F, T)
        step = self._step()
        if step is not None:
            S = log_ratios(A[:, step], Y[:, step])
            if np.isnan(S).any():
                raise ValueError("step_time_us is 0 in a training pair")
            self.step_low_, self.step_high_ = float(S.min()), float(S.max())
            self.step_forest_ = self._forest().fit(F, S)

    def _predict(self, X: Floats) -> Floats:
        return self.ratios(X, self._counterpart(X))

    def ratios(self, X: Floats, A: Floats) -> Floats:
        """Each output by its ratio, unclamped; for a translator that this one is part of.

        Parameters
        ----------
        X : ndarray of shape (n, n_columns)
            Anchor side, checked.
        A : ndarray of shape (n, n_outputs)
            The anchor's value behind each output.

        Returns
        -------
        ndarray of shape (n, n_outputs)
            µs on the target.
        """
        F = self._features(X)
        T = np.clip(
            forest_mean(self.forest_, F).reshape(len(X), -1),
            self.low_,
            self.high_,
        )
        ops = self._op_places()
        n_seen = int(self.seen_.sum())
        place = self._family_places(ops)
        place = n_seen + np.where(self.family_seen_[place], place, 0)
        place[self.seen_] = np.arange(n_seen)
        Y = np.zeros((len(X), self.n_outputs_))
        busy = self._busy(self.n_outputs_)
        total = np.maximum(A[:, busy].sum(axis=1, keepdims=True), 1e-300)
        total = total * np.exp(T[:, [n_seen]])
        Y[:, ops] = np.minimum(
            A[:, ops] * np.exp(T[:, place]), _SHARE_MARGIN * self.largest_share_ * total
        )
        step = self._step()
        if step is not None:
            S = np.clip(
                forest_mean(self.step_forest_, F), self.step_low_, self.step_high_
            )
            Y[:, step] = A[:, step] * np.exp(S)
        return Y

    def _forest(self) -> Any:
        from sklearn.ensemble import ExtraTreesRegressor

        return ExtraTreesRegressor(
            self.n_estimators,
            min_samples_leaf=self.min_samples_leaf,
            random_state=self.random_state,
        )

    def _op_places(self) -> list[int]:
        step = self._step()
        return [j for j in range(self.n_outputs_) if j != step]

    def _family_sums(self, times: Floats) -> Floats:
        """Sums over the op families; without names, over all columns."""
        if self.columns is None:
            return np.asarray(times.sum(axis=1, keepdims=True))
        families = np.array([op_names.family(c) for c in self.columns])
        return np.column_stack(
            [times[:, families == f].sum(axis=1) for f in op_names.FAMILIES]
        )

    def _family_places(self, ops: list[int]) -> NDArray[np.int64]:
        """For each op column, the column of totals it falls back to."""
        if self.columns is None:
            return np.ones(len(ops), dtype=np.int64)
        order = {f: i + 1 for i, f in enumerate(op_names.FAMILIES)}
        return np.array([order.get(op_names.family(self.columns[j]), 0) for j in ops])

    def _features(self, X: Floats) -> Floats:
        busy = np.maximum(X[:, self._busy(X.shape[1])].sum(axis=1), 1.0)
        features = [np.log1p(X[:, self.inputs_]), np.log(busy)]
        if self.columns is not None and op_names.DEVICE_IDLE in self.columns:
            idle = X[:, list(self.columns).index(op_names.DEVICE_IDLE)]
            features += [np.log1p(idle), np.log(busy + idle), idle / (busy + idle)]
        step = self._step()
        if step is not None:
            features.append(np.log(np.maximum(X[:, step], 1.0) / busy))
        return np.column_stack(features)


class SharesForestTranslator(RatioForestTranslator):
    """The same forest on shares of busy time and log scale.

    A simpler choice of features: shares describe the composition of the network, the
    log of the busy time its size. Kept for comparison
    (experiments/specs/features-shares.toml).
    """

    kind = "shares-forest"

    def _features(self, X: Floats) -> Floats:
        work, log_scale = shares(X[:, self.inputs_])
        return np.column_stack([work, log_scale])
