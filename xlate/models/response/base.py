"""What all clock models share: training data, the bound, the choice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from xlate.models.state import Stateful
from xlate.objectives import Edp, Objective
from xlate.sweeps.labels import allowed

__all__ = ["ClockModel", "DirectModel", "ResponseModel", "Training", "grouped_folds"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Training:
    """Workloads with their features and measured responses.

    Attributes
    ----------
    X : array, shape (n, n_features)
        NaN where a feature is not known.
    names : tuple of str
        Names of the features.
    time, power : array, shape (n, n_clocks)
        Logs over the values at the highest clock, on smoothed curves.
    shares : array, shape (n_clocks,)
        Clocks over the highest one, ascending; the last is 1.
    groups : array of str, shape (n,)
        Application; variants of one weigh as much together as another alone.
    objective : Objective
        What labels minimise.
    bound : float or None
        Slowdown that labels keep to.
    trust : array, shape (n,), optional
        Factor on each row's weight; 1 where not given.
    """

    X: Floats
    names: tuple[str, ...]
    time: Floats
    power: Floats
    shares: Floats
    groups: NDArray[np.str_]
    objective: Objective = Edp()  # noqa: RUF009 - frozen
    bound: float | None = None
    trust: Floats | None = None

    def __len__(self) -> int:
        return len(self.X)

    def rows(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> Training:
        """Some of the workloads."""
        return replace(
            self,
            X=self.X[keep],
            time=self.time[keep],
            power=self.power[keep],
            groups=self.groups[keep],
            trust=self._trust[keep],
        )

    def joined(self, other: Training) -> Training:
        """These workloads and those of another training set on the same clocks."""
        return replace(
            self,
            X=np.vstack([self.X, other.X]),
            time=np.vstack([self.time, other.time]),
            power=np.vstack([self.power, other.power]),
            groups=np.concatenate([self.groups, other.groups]),
            trust=np.concatenate([self._trust, other._trust]),
        )

    @property
    def _trust(self) -> Floats:
        return np.ones(len(self.X)) if self.trust is None else self.trust

    @property
    def weights(self) -> Floats:
        """Trust over the number of variants, so that applications count alike."""
        _, which, count = np.unique(
            self.groups, return_inverse=True, return_counts=True
        )
        return np.asarray(self._trust / count[which])

    @property
    def gap(self) -> Floats:
        """Objective over its best allowed value, minus 1; shape (n, n_clocks).

        Infinite where the bound forbids the clock.
        """
        score = self.objective.log_score(np.exp(self.time), np.exp(self.power))
        inside = allowed(np.exp(self.time), self.bound)
        best = np.where(inside, score, np.inf).min(axis=1, keepdims=True)
        return np.where(inside, np.expm1(score - best), np.inf)

    @property
    def optimum(self) -> Floats:
        """Share of the highest clock that is best, shape (n,)."""
        return np.asarray(self.shares[self.gap.argmin(axis=1)])


def grouped_folds(
    groups: NDArray[np.str_], n_folds: int, seed: int
) -> NDArray[np.int64]:
    """A fold for each row; all rows of an application are in the same fold."""
    names = np.unique(groups)
    order = np.random.default_rng(seed).permutation(len(names))
    return np.asarray(order[np.searchsorted(names, groups)] % n_folds)


class ClockModel(Stateful):
    """Predicts, from features at the highest clock, which clock to choose.

    Parameters
    ----------
    seed : int
        Of anything random inside.
    """

    family = "clock-model"
    kept: ClassVar[tuple[str, ...]] = ("seed",)

    #: whether how time and power respond is predicted, or the clock alone
    responds = False

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, data: Training) -> ClockModel:
        """Learn; features that are missing take the weighted mean of training."""
        self.shares_ = data.shares
        self.names_ = data.names
        measured = np.isfinite(data.X)
        # range of each feature: answers far outside it are extrapolated
        self.span_ = np.array(
            [
                np.where(measured, data.X, np.inf).min(axis=0),
                np.where(measured, data.X, -np.inf).max(axis=0),
            ]
        )
        weight = data.weights[:, None] * measured
        total = weight.sum(axis=0)
        mean = np.where(measured, data.X, 0.0) * weight
        self.fill_ = np.where(total > 0, mean.sum(axis=0) / np.maximum(total, 1e-9), 0)
        self._fit(replace(data, X=self._filled(data.X)))
        return self

    def scores(self, X: Floats, objective: Objective, bound: float | None) -> Floats:
        """Something that is smallest at the chosen clock, shape (n, n_clocks).

        Parameters
        ----------
        X : array, shape (n, n_features)
            As in training.
        objective, bound
            Those of training, for models that predict the clock directly.
        """
        return self._scores(self._filled(X), objective, bound)

    def confidence(self, X: Floats) -> Floats:
        """Probability of the chosen clock by the model, NaN where it gives none."""
        return np.full(len(X), np.nan)

    def _filled(self, X: Floats) -> Floats:
        return np.where(np.isfinite(X), X, self.fill_)

    def _fit(self, data: Training) -> None:
        raise NotImplementedError

    def _scores(self, X: Floats, objective: Objective, bound: float | None) -> Floats:
        raise NotImplementedError


class DirectModel(ClockModel):
    """A clock model that predicts the clock directly, without curves."""

    def _scores(self, X: Floats, objective: Objective, bound: float | None) -> Floats:  # noqa: ARG002 - the aim was learnt in fit
        return self._distance(X)

    def _distance(self, X: Floats) -> Floats:
        """Smallest at the chosen clock, shape (n, n_clocks)."""
        raise NotImplementedError


class ResponseModel(ClockModel):
    """A clock model that predicts curves of time and power and chooses from them."""

    responds = True

    def curves(self, X: Floats) -> tuple[Floats, Floats]:
        """Logs of time and power over those at the highest clock.

        Returns
        -------
        time, power : array, shape (n, n_clocks)
            At ``shares_``; both 0 at the highest clock.
        """
        time, power = self._curves(self._filled(X))
        time, power = time - time[:, -1:], power - power[:, -1:]
        return self._through(X, time, "time"), self._through(X, power, "power")

    def _through(self, X: Floats, curves: Floats, quantity: str) -> Floats:
        """Bend curves through the ratios measured at further probes, if any."""
        columns = {
            float(name.partition("@")[2]): j
            for j, name in enumerate(self.names_)
            if name.startswith(f"{quantity}_ratio@")
        }
        if not columns:
            return curves
        shares = np.array([*sorted(columns), 1.0])
        out = curves.copy()
        for i, row in enumerate(curves):
            ratios = np.array([X[i, columns[s]] for s in shares[:-1]] + [0.0])
            measured = np.isfinite(ratios)
            error = ratios - np.interp(shares, self.shares_, row)
            out[i] += np.interp(self.shares_, shares[measured], error[measured])
        return out

    def _scores(self, X: Floats, objective: Objective, bound: float | None) -> Floats:
        log_time, log_power = self.curves(X)
        time = np.exp(log_time)
        score = objective.log_score(time, np.exp(log_power))
        return np.where(allowed(time, bound), score, np.inf)

    def _curves(self, X: Floats) -> tuple[Floats, Floats]:
        raise NotImplementedError
