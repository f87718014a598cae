"""The default translator: pooled ratios for operations, two paths for the step.

The vector comes from ratios fitted over all operations at once
(:mod:`~xlate.models.translate.pooled`), with copies counted as one quantity
(:mod:`~xlate.models.translate.transfers`). The step time follows from the translated
vector and the host's path (:mod:`~xlate.models.translate.two_path`), which also gives
the limiting path. It is blended with the estimate of a forest on the ratio of step
times, whose errors are largely independent; the weight is chosen by cross-validation
on the training models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlate import op_names
from xlate.models.translate.base import Floats, Translated, Translator
from xlate.models.translate.pooled import PooledRatios, Runs
from xlate.models.translate.ratio_forest import RatioForestTranslator
from xlate.models.translate.transfers import Transfers
from xlate.models.translate.two_path import TwoPath

__all__ = ["PhysicsTranslator"]

#: prior weight of the forest's log step time beside the two paths', and the penalty
#: on the squared distance from it, in log error (a distance of 1 costs 5 %)
_PRIOR, _PULL = 1 / 3, 0.05
_WEIGHTS = np.linspace(0, 1, 13)
#: folds over models in which the weight is chosen, and fewest models for it
_FOLDS, FEWEST_MODELS = 3, 4
#: log distance of the two step times that doubles the expected error
_USUAL = 0.1


class PhysicsTranslator(Translator):
    """Pooled ratios and two paths.

    Idle and host columns, and the second step time, come from a
    :class:`~xlate.models.translate.ratio_forest.RatioForestTranslator` inside.

    Parameters
    ----------
    columns : sequence of str, optional
        Names of the columns.
    clock_ratio : float
        The anchor's highest clock over the target's.
    n_estimators : int
        Trees of the forest inside.
    random_state : int
        Seed.
    second_opinion : float, optional
        Weight of the forest's step time, from 0 to 1; by default chosen on models
        left out in turn.
    """

    kind = "physics"

    learns_groups = True

    def __init__(
        self,
        columns: Sequence[str] | None = None,
        clock_ratio: float = 1.0,
        n_estimators: int = 40,
        random_state: int = 0,
        second_opinion: float | None = None,
    ) -> None:
        super().__init__(columns)
        self.clock_ratio = clock_ratio
        self.n_estimators = n_estimators
        self.random_state = random_state
        self.second_opinion = second_opinion

    def _fit(self, X: Floats, Y: Floats) -> None:
        A = self._counterpart(X)
        groups = self._groups(len(X))
        _, which, count = np.unique(groups, return_inverse=True, return_counts=True)
        weights = 1.0 / count[which]
        self.transfers_ = Transfers(self.columns or (), self.random_state)
        self.transfers_.fit(A, Y, weights)
        A, B = self.transfers_.merged(A), self.transfers_.merged(Y)
        self.forest_ = RatioForestTranslator(
            self.columns,
            n_estimators=self.n_estimators,
            random_state=self.random_state,
        )
        self.ops_ = np.flatnonzero(self._busy(self.n_outputs_))
        # the forest predicts only idle time, host and step
        rest = B.copy()
        rest[:, self.ops_] = 0.0
        self.forest_.fit(A if self.columns is not None else X, rest)
        names = np.array(
            self.columns or [f"Device_{j}" for j in range(self.n_outputs_)]
        )
        runs = Runs.of(A, *self._places())
        self.pooled_ = PooledRatios(
            names[self.ops_].tolist(), self.clock_ratio, self.random_state
        ).fit(runs, B[:, self.ops_], groups)
        step = self._step()
        if step is not None:
            self.paths_ = TwoPath().fit(
                runs.busy,
                runs.idle,
                runs.step,
                target_busy=B[:, self.ops_].sum(axis=1),
                target_step=B[:, step],
                weights=weights,
            )
            chosen = self.second_opinion
            self.weight_ = self._weigh(X, Y, groups) if chosen is None else chosen

    def _weigh(self, X: Floats, Y: Floats, groups: NDArray[Any]) -> float:
        """The forest's weight with the smallest error on models left out.

        All models have the same weight.
        """
        models = np.unique(groups)
        if len(models) < FEWEST_MODELS:
            return _PRIOR
        drawn = np.random.default_rng(self.random_state).permutation(models)
        step = self._step()
        loss = _PULL * (_WEIGHTS - _PRIOR) ** 2
        for k in range(_FOLDS):
            test = np.isin(groups, drawn[k::_FOLDS])
            inner = PhysicsTranslator(
                self.columns,
                self.clock_ratio,
                self.n_estimators,
                self.random_state,
                second_opinion=_PRIOR,
            )
            inner.fit(X[~test], Y[~test], groups[~test])
            _, paths, second = inner._estimates(X[test], inner._counterpart(X[test]))
            logs = np.log(paths.step), np.log(second)
            blends = logs[0] + np.outer(_WEIGHTS, logs[1] - logs[0])
            errors = np.abs(blends - np.log(np.maximum(Y[test, step], 1e-9)))
            for model in drawn[k::_FOLDS]:
                loss += errors[:, groups[test] == model].mean(axis=1) / len(models)
        return float(_WEIGHTS[np.argmin(loss)])

    def _predict(self, X: Floats) -> Floats:
        return self._answered(X, self._counterpart(X)).values

    def difficulty(self, X: Any) -> Floats:
        """Grows with the log distance of the two estimates of the step time."""
        X = self._checked(X)
        return self._answered(X, self._counterpart(X)).difficulty

    def _answered(self, X: Floats, anchor: Floats) -> Translated:
        Y, paths, second = self._estimates(X, anchor)
        if paths is None:
            return Translated(self.transfers_.split(anchor, Y), np.ones(len(X)))
        difficulty = 1 + np.abs(np.log(paths.step / second)) / _USUAL
        Y[:, self._step()] = paths.step ** (1 - self.weight_) * second**self.weight_
        return Translated(
            self.transfers_.split(anchor, Y), difficulty, paths.device, paths.host
        )

    def _estimates(self, X: Floats, anchor: Floats) -> tuple[Floats, Any, Floats]:
        """Merged vectors; step time and paths by the two paths; step time by the forest."""
        merged = self.transfers_.merged(anchor)
        # idle time, the host's side and the step by the forest; X was checked by the caller
        own = merged if self.columns is not None else X
        Y = self.forest_.ratios(own, merged)
        runs = Runs.of(merged, *self._places())
        Y[:, self.ops_] = np.where(
            self.runs_if_ran_[self.ops_], self.pooled_.predict(runs), 0.0
        )
        step = self._step()
        if step is None:
            return Y, None, np.zeros(0)
        busy = Y[:, self.ops_].sum(axis=1)
        paths = self.paths_.predict(runs.busy, runs.idle, runs.step, busy)
        return Y, paths, np.maximum(Y[:, step], 1e-9)

    def _places(self) -> tuple[NDArray[np.int64], int | None, int | None]:
        """Where operations, idle time and the step stand."""
        names, idle = list(self.columns or ()), op_names.DEVICE_IDLE
        return self.ops_, names.index(idle) if idle in names else None, self._step()

    def _named_by_chance(self) -> Sequence[int]:
        return self.transfers_.places if self.transfers_.both else ()

    def _groups(self, n: int) -> NDArray[Any]:
        return np.arange(n) if self.models_ is None else self.models_
