"""Models that predict the clock directly: classifier, regressors, their stack."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlate.models.response.base import DirectModel, Training, grouped_folds

__all__ = [
    "BoostedOptimum",
    "ForestClassifier",
    "ForestOptimum",
    "MlpEnsemble",
    "Stack",
]

Floats = NDArray[np.float64]

_TREES = 100
_NETWORKS = 5
#: grouped folds in which the stack measures its members
_FOLDS = 4


class ForestClassifier(DirectModel):
    """A forest over the legal clocks that were best for a training workload."""

    kind = "forest-classifier"

    def _fit(self, data: Training) -> None:
        from sklearn.ensemble import RandomForestClassifier

        self.forest_ = RandomForestClassifier(
            _TREES, min_samples_leaf=2, random_state=self.seed
        )
        best = data.gap.argmin(axis=1)
        self.forest_.fit(data.X, best, sample_weight=data.weights)

    def _probabilities(self, X: Floats) -> Floats:
        out = np.zeros((len(X), len(self.shares_)))
        out[:, self.forest_.classes_] = self.forest_.predict_proba(X)
        return out

    def _distance(self, X: Floats) -> Floats:
        return -self._probabilities(X)

    def confidence(self, X: Floats) -> Floats:
        """Probability of the most probable clock."""
        return np.asarray(self._probabilities(self._filled(X)).max(axis=1))


class _Regressor(DirectModel):
    """Predicts the best share of the highest clock; the nearest clock is chosen."""

    def _estimator(self) -> Any:
        raise NotImplementedError

    def _fit(self, data: Training) -> None:
        self.estimator_ = self._estimator()
        self.estimator_.fit(data.X, data.optimum, sample_weight=data.weights)

    def share(self, X: Floats) -> Floats:
        """Predicted best share, shape (n,)."""
        return np.asarray(self.estimator_.predict(self._filled(X)))

    def _distance(self, X: Floats) -> Floats:
        return np.abs(self.shares_[None, :] - self.share(X)[:, None])


class ForestOptimum(_Regressor):
    """A forest on the best share."""

    kind = "forest-regressor"

    def _estimator(self) -> Any:
        from sklearn.ensemble import ExtraTreesRegressor

        return ExtraTreesRegressor(
            _TREES, min_samples_leaf=2, max_features=0.5, random_state=self.seed
        )


class BoostedOptimum(_Regressor):
    """Gradient boosting on the best share."""

    kind = "boosting"

    def _estimator(self) -> Any:
        from sklearn.ensemble import GradientBoostingRegressor

        return GradientBoostingRegressor(
            n_estimators=_TREES,
            max_depth=2,
            learning_rate=0.05,
            subsample=0.7,
            random_state=self.seed,
        )


class MlpEnsemble(_Regressor):
    """The mean of small neural networks on the best share."""

    kind = "mlp-ensemble"

    def _fit(self, data: Training) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPRegressor
        from sklearn.preprocessing import StandardScaler

        self.scaler_ = StandardScaler().fit(data.X)
        X = self.scaler_.transform(data.X)
        rng = np.random.default_rng(self.seed)
        self.networks_ = []
        for k in range(_NETWORKS):
            # bagging by weight: an MLP has not always taken sample weights
            rows = rng.choice(
                len(X), max(len(X), 20), p=data.weights / data.weights.sum()
            )
            network = MLPRegressor(
                hidden_layer_sizes=(16,),
                alpha=0.1,
                solver="lbfgs",
                max_iter=300,
                random_state=self.seed + k,
            )
            with warnings.catch_warnings():
                # stopping early is intended: it keeps a small network from overfitting
                warnings.simplefilter("ignore", ConvergenceWarning)
                self.networks_.append(network.fit(X[rows], data.optimum[rows]))

    def share(self, X: Floats) -> Floats:
        """Predicted best share, shape (n,)."""
        Z = self.scaler_.transform(self._filled(X))
        mean = np.mean([n.predict(Z) for n in self.networks_], axis=0)
        return np.asarray(np.clip(mean, self.shares_[0], self.shares_[-1]))


class Stack(_Regressor):
    """The regressors, weighted by one over their squared error out of fold."""

    kind = "stack"

    members = (ForestOptimum, BoostedOptimum, MlpEnsemble)

    def _fit(self, data: Training) -> None:
        fold = grouped_folds(data.groups, _FOLDS, self.seed)
        self.models_, weights = [], []
        for member in self.members:
            error = np.zeros(len(data))
            for f in np.unique(fold):
                test = fold == f
                model = member(self.seed)
                model.fit(data.rows(~test))
                error[test] = model.share(data.X[test]) - data.optimum[test]
            weights.append(1.0 / (np.average(error**2, weights=data.weights) + 1e-6))
            model = member(self.seed)
            model.fit(data)
            self.models_.append(model)
        self.weights_ = np.array(weights) / np.sum(weights)

    def share(self, X: Floats) -> Floats:
        """Predicted best share, shape (n,)."""
        return np.asarray(
            sum(
                w * m.share(X) for w, m in zip(self.weights_, self.models_, strict=True)
            )
        )
