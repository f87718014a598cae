"""Plain regressors on levels, as a user might write them first.

Each predicts the target's microseconds from the anchor's, all columns at once,
with scikit-learn's defaults. They serve as a comparison.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from xlate.models.translate.base import Floats, Translator, squeezed

__all__ = [
    "ForestTranslator",
    "KnnTranslator",
    "LinearTranslator",
    "TreeTranslator",
]


class LevelTranslator(Translator):
    """A multi-output regressor from levels to levels."""

    @abstractmethod
    def _regressor(self) -> Any: ...

    def _fit(self, X: Floats, Y: Floats) -> None:
        # a column that is 0 in all training rows carries no information
        self.inputs_ = np.flatnonzero(X.any(axis=0))
        self.outputs_ = np.flatnonzero(Y.any(axis=0))
        if not len(self.inputs_):
            self.inputs_ = np.arange(X.shape[1])
        if not len(self.outputs_):
            self.outputs_ = np.arange(Y.shape[1])
        self.n_rows_ = len(X)
        self.model_ = self._regressor().fit(
            X[:, self.inputs_], squeezed(Y[:, self.outputs_])
        )

    def _predict(self, X: Floats) -> Floats:
        Y = np.zeros((len(X), self.n_outputs_))
        Y[:, self.outputs_] = self.model_.predict(X[:, self.inputs_]).reshape(
            len(X), -1
        )
        return Y


class LinearTranslator(LevelTranslator):
    """Ordinary least squares on all columns."""

    kind = "linear"

    def _regressor(self) -> Any:
        from sklearn.linear_model import LinearRegression

        return LinearRegression()


class KnnTranslator(LevelTranslator):
    """Mean of the five nearest training rows.

    Parameters
    ----------
    columns : sequence of str, optional
        Names of the columns.
    n_neighbors : int
        Neighbours; fewer where there are fewer rows.
    """

    kind = "knn"

    def __init__(
        self, columns: Sequence[str] | None = None, n_neighbors: int = 5
    ) -> None:
        super().__init__(columns)
        self.n_neighbors = n_neighbors

    def state(self) -> dict[str, Any]:
        """The rows it looks among; the index over them is built again."""
        return {k: v for k, v in super().state().items() if k != "model_"}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """A translator that looks among the same rows."""
        made = super().from_state(state)
        made.model_ = made._regressor().fit(made.rows_, made.answers_)
        return made

    def _fit(self, X: Floats, Y: Floats) -> None:
        super()._fit(X, Y)
        self.rows_ = X[:, self.inputs_]
        self.answers_ = squeezed(Y[:, self.outputs_])

    def _regressor(self) -> Any:
        from sklearn.neighbors import KNeighborsRegressor

        return KNeighborsRegressor(n_neighbors=min(self.n_neighbors, self.n_rows_))


class TreeTranslator(LevelTranslator):
    """One regression tree.

    Parameters
    ----------
    columns : sequence of str, optional
        Names of the columns.
    random_state : int
        Seed for ties between equally good splits.
    """

    kind = "tree"

    def __init__(
        self, columns: Sequence[str] | None = None, random_state: int = 0
    ) -> None:
        super().__init__(columns)
        self.random_state = random_state

    def _regressor(self) -> Any:
        from sklearn.tree import DecisionTreeRegressor

        return DecisionTreeRegressor(random_state=self.random_state)


class ForestTranslator(LevelTranslator):
    """A random forest of 100 trees.

    Parameters
    ----------
    columns : sequence of str, optional
        Names of the columns.
    n_estimators : int
        Trees.
    random_state : int
        Seed.
    """

    kind = "forest"

    def __init__(
        self,
        columns: Sequence[str] | None = None,
        n_estimators: int = 100,
        random_state: int = 0,
    ) -> None:
        super().__init__(columns)
        self.n_estimators = n_estimators
        self.random_state = random_state

    def _regressor(self) -> Any:
        from sklearn.ensemble import RandomForestRegressor

        return RandomForestRegressor(self.n_estimators, random_state=self.random_state)
