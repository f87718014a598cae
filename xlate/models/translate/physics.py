"""The translator that follows what binds: pooled ratios, then two paths.

The vector comes from ratios learnt over all operations at once
(:mod:`~xlate.models.translate.pooled`), copies counted as one quantity
(:mod:`~xlate.models.translate.transfers`). The step time follows from the translated
vector and the host's path (:mod:`~xlate.models.translate.two_path`), and says which
of the two binds. A forest on the ratio of step times has a say too, since it
errs elsewhere: how much is what served best on models left out inside training.
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

#: weight of the forest's step time beside the two paths', in logs, that the
#: choice is pulled to, and how hard: all the way from 0 to 1 costs 5 % of error
_PRIOR, _PULL = 1 / 3, 0.05
_WEIGHTS = np.linspace(0, 1, 13)
#: folds over models in which the weight is chosen, and fewest models for it
_FOLDS, FEWEST_MODELS = 3, 4
#: log distance of two opinions that doubles the error expected
_USUAL = 0.1


class PhysicsTranslator(Translator):
    """Pooled ratios and two paths.

    Idle and host columns, and the second opinion on the step time, come from a
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
        # the forest is asked for idle time, host and step only
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
                runs.busy, runs.idle, runs.step,
                B[:, self.ops_].sum(axis=1), B[:, step], weights,
            )  # fmt: skip
            chosen = self.second_opinion
            self.weight_ = self._weigh(X, Y, groups) if chosen is None else chosen

    def _weigh(self, X: Floats, Y: Floats, groups: NDArray[Any]) -> float:
        """The forest's weight that errs least on models left out, each counting alike."""
        models = np.unique(groups)
        if len(models) < FEWEST_MODELS:
            return _PRIOR
        drawn = np.random.default_rng(self.random_state).permutation(models)
        step = self._step()
        loss = _PULL * (_WEIGHTS - _PRIOR) ** 2
        for k in range(_FOLDS):
            test = np.isin(groups, drawn[k::_FOLDS])
            inner = PhysicsTranslator(
                self.columns, self.clock_ratio, self.n_estimators, self.random_state,
                _PRIOR,
            )  # fmt: skip
            inner.fit(X[~test], Y[~test], groups[~test])
            _, paths, second = inner._opinions(X[test], inner._counterpart(X[test]))
            logs = np.log(paths.step), np.log(second)
            blends = logs[0] + np.outer(_WEIGHTS, logs[1] - logs[0])
            errors = np.abs(blends - np.log(np.maximum(Y[test, step], 1e-9)))
            for model in drawn[k::_FOLDS]:
                loss += errors[:, groups[test] == model].mean(axis=1) / len(models)
        return float(_WEIGHTS[np.argmin(loss)])

    def _predict(self, X: Floats) -> Floats:
        return self._answered(X, self._counterpart(X)).values

    def difficulty(self, X: Any) -> Floats:
        """Grows with how far the two opinions on the step time are apart."""
        X = self._checked(X)
        return self._answered(X, self._counterpart(X)).difficulty

    def _answered(self, X: Floats, anchor: Floats) -> Translated:
        Y, paths, second = self._opinions(X, anchor)
        if paths is None:
            return Translated(self.transfers_.split(anchor, Y), np.ones(len(X)))
        difficulty = 1 + np.abs(np.log(paths.step / second)) / _USUAL
        Y[:, self._step()] = paths.step ** (1 - self.weight_) * second**self.weight_
        return Translated(
            self.transfers_.split(anchor, Y), difficulty, paths.device, paths.host
        )

    def _opinions(self, X: Floats, anchor: Floats) -> tuple[Floats, Any, Floats]:
        """Merged vectors; step time and paths by the two paths; step time by the forest."""
        merged = self.transfers_.merged(anchor)
        # idle time, the host's side and the step by the forest; X was checked on the way in
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
