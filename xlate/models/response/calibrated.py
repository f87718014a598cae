"""Curves with their errors on held-out applications, for confidence and intervals.

Each residual of the held-out applications is added to a predicted curve. The share of
them under which the chosen clock is good is the confidence, and their spread gives the
intervals. A cautious model also chooses by them: it minimises the *expected* gap, which
avoids clocks near a steep part of a curve.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xlate.errors import XlateError
from xlate.models.response.base import ResponseModel, Training, grouped_folds
from xlate.objectives import Edp, Objective
from xlate.sweeps.labels import allowed

__all__ = ["CLOSE_ENOUGH", "MISS", "CalibratedResponse"]

Floats = NDArray[np.float64]

#: a choice is good when its objective is within this of the best
CLOSE_ENOUGH = 0.02
#: grouped folds in which the errors are measured
_FOLDS = 6
#: larger gaps count as this one, so that a single outlier does not decide
MISS = 0.25


class CalibratedResponse(ResponseModel):
    """A response model with its errors on applications left out.

    Parameters
    ----------
    seed : int
        Of the model inside.
    member : str
        Name of the model inside.
    cautious : bool
        Whether to minimise the expected gap instead of the objective of the curve
        itself; the latter has smaller gaps on the measured corpora
        (experiments/README.md).
    """

    kind = "response-calibrated"
    kept = ("seed", "member", "cautious")

    def __init__(
        self, seed: int = 0, member: str = "response-blend", cautious: bool = False
    ) -> None:
        super().__init__(seed)
        self.member = member
        self.cautious = cautious

    def _fit(self, data: Training) -> None:
        fold = grouped_folds(data.groups, _FOLDS, self.seed)
        self.time_residuals_ = np.zeros_like(data.time)
        self.power_residuals_ = np.zeros_like(data.power)
        for f in np.unique(fold):
            test = fold == f
            model = self._made()
            model.fit(data.rows(~test))
            time, power = model.curves(data.X[test])
            self.time_residuals_[test] = data.time[test] - time
            self.power_residuals_[test] = data.power[test] - power
        self.weights_ = data.weights / data.weights.sum()
        self.model_ = self._made()
        self.model_.fit(data)

    def _made(self) -> ResponseModel:
        # imported late: the registry imports this module
        from xlate.models.response import make_clock_model

        made = make_clock_model(self.member, self.seed)
        if not isinstance(made, ResponseModel):
            raise XlateError(
                f"clock model {self.member} predicts no curves",
                "choose one whose name begins with response-",
            )
        return made

    def _curves(self, X: Floats) -> tuple[Floats, Floats]:
        return self.model_.curves(X)

    def draws(self, X: Floats) -> tuple[Floats, Floats]:
        """Log time and power under each residual, shape (n, n_residuals, n_clocks)."""
        time, power = self.curves(self._filled(X))
        return (
            time[:, None] + self.time_residuals_[None],
            power[:, None] + self.power_residuals_[None],
        )

    def _gaps(self, X: Floats, objective: Objective) -> tuple[Floats, Floats]:
        """Gap and time of each clock under each residual."""
        log_time, log_power = self.draws(X)
        time = np.exp(log_time)
        score = objective.log_score(time, np.exp(log_power))
        best = score.min(axis=-1, keepdims=True)
        return np.asarray(np.expm1(score - best)), time

    def _scores(self, X: Floats, objective: Objective, bound: float | None) -> Floats:
        if not self.cautious:
            return super()._scores(X, objective, bound)
        gap, _ = self._gaps(X, objective)
        expected = np.einsum("k,nkc->nc", self.weights_, np.minimum(gap, MISS))
        time, _ = self.curves(X)
        return np.where(allowed(np.exp(time), bound), expected, np.inf)

    def confidence(self, X: Floats) -> Floats:
        """Probability that the clock chosen, by EDP, is close to the best."""
        aim = Edp()
        return self.probability(X, self.scores(X, aim, None).argmin(axis=1), aim)

    def probability(
        self, X: Floats, chosen: NDArray[np.int64], objective: Objective
    ) -> Floats:
        """Share of residuals under which the chosen clock is close to the best.

        Parameters
        ----------
        X : array, shape (n, n_features)
        chosen : array of int, shape (n,)
            Index of a clock for each row.
        objective : Objective

        Returns
        -------
        array, shape (n,)
        """
        gap, _ = self._gaps(X, objective)
        good = gap[np.arange(len(X)), :, chosen] <= CLOSE_ENOUGH
        return np.asarray(good @ self.weights_)
