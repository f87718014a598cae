"""The base of all translators: layout, structural zeros, no negative times.

A translator maps the anchor's vector to the target's. Input and output have
the same columns: the operations of a :class:`~xlate.data.columns.ColumnPlan` and,
last, ``step_time_us``. Without ``columns`` every column counts as a busy
device operation, so that any non-negative matrices can be used.

Structural zeros: for the same work, an operation can exist on one GPU only.
By majority of the training rows, each column has two answers: "does it run on the
target when it ran on the anchor" and "... when it did not". An operation that only the
target runs gets its median share of the target's busy time in training.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from xlate import op_names
from xlate.data.columns import STEP
from xlate.models.state import Stateful

__all__ = ["STEP", "Translated", "Translator", "squeezed"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Translated:
    """Answers of a translator for some profiles.

    Attributes
    ----------
    values : ndarray of shape (n, n_outputs)
        As :meth:`Translator.predict` gives them.
    difficulty : ndarray of shape (n,)
        As :meth:`Translator.difficulty` gives it.
    device, host : ndarray of shape (n,), or None
        Both paths of a step on the target, µs, where the translator distinguishes
        them.
    """

    values: Floats
    difficulty: Floats
    device: Floats | None = None
    host: Floats | None = None


@lru_cache(maxsize=64)
def _busy_mask(columns: tuple[str, ...]) -> NDArray[np.bool_]:
    busy = set(op_names.busy_columns(columns))
    mask = np.array([c in busy for c in columns], dtype=bool)
    mask.setflags(write=False)
    return mask


def squeezed(Y: Floats) -> Floats:
    """A single output as the vector scikit-learn expects, several as they are."""
    return Y[:, 0] if Y.shape[1] == 1 else Y


class Translator(Stateful, MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Base of all translators.

    Parameters
    ----------
    columns : sequence of str, optional
        Names of the columns of both matrices.

    Examples
    --------
    >>> import numpy as np
    >>> import xlate
    >>> translator = xlate.make_translator("ratio", ["Device_Relu", "step_time_us"])
    >>> X = np.array([[400.0, 1000.0], [800.0, 2000.0]])
    >>> translator.fit(X, X / 4).predict(X).tolist()
    [[100.0, 250.0], [200.0, 500.0]]
    """

    family = "translator"
    #: False for a translator that predicts only the step time
    predicts_vector = True
    #: True for a translator whose fit uses the model of each row
    learns_groups = False

    def __init__(self, columns: Sequence[str] | None = None) -> None:
        self.columns = columns

    @classmethod
    def parameters(cls) -> tuple[str, ...]:
        """Names of the constructor's parameters."""
        return tuple(cls().get_params(deep=False))

    def fit(self, X: ArrayLike, Y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit to pairs.

        Parameters
        ----------
        X : array-like of shape (n_pairs, n_columns)
            Anchor side, microseconds, not negative.
        Y : array-like of shape (n_pairs, n_outputs)
            Target side, microseconds; below 0 counts as 0.
        groups : array-like of shape (n_pairs,), optional
            Model of each pair, for translators that leave models out inside the fit
            (:attr:`learns_groups`); by default each pair is a group.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If an anchor value is negative, any is not finite, or the columns do not match.
        """
        checked: tuple[Floats, Floats] = validate_data(
            self, X, Y, multi_output=True, y_numeric=True, dtype=np.float64
        )
        x, y = checked
        self.one_dimensional_ = y.ndim == 1
        y = np.asarray(y, dtype=np.float64).reshape(len(x), -1)
        if (x < 0).any():
            raise ValueError(
                f"Negative values in data passed to {type(self).__name__}.fit: "
                f"{x.min()}; times are not negative"
            )
        # scikit-learn's checks require that any real target is accepted; values of a
        # corpus were checked when it was read and are not negative
        y = np.maximum(y, 0.0)
        if self.columns is not None and not (
            x.shape[1] == y.shape[1] == len(self.columns)
        ):
            raise ValueError(
                f"columns names {len(self.columns)} columns, X has {x.shape[1]} and "
                f"Y has {y.shape[1]}"
            )
        self.n_outputs_ = y.shape[1]
        self.models_ = None if groups is None else np.asarray(groups)
        self._learn_presence(x, y)
        self._fit(x, y)
        del self.models_
        return self

    def predict(self, X: ArrayLike) -> Floats:
        """Translate vectors.

        Parameters
        ----------
        X : array-like of shape (n, n_columns)
            Anchor side, microseconds, not negative.

        Returns
        -------
        ndarray of shape (n, n_outputs)
            Target side, microseconds, never negative; NaN in op columns where
            :attr:`predicts_vector` is False.
        """
        X = self._checked(X)
        Y = np.maximum(self._predict(X), 0.0)
        if self.predicts_vector:
            Y = self._with_structure(X, Y)
        return Y.ravel() if self.one_dimensional_ else Y

    def predict_raw(self, X: ArrayLike) -> Floats:
        """Values before clamping and structural zeros."""
        return self._predict(self._checked(X))

    def translate(self, X: Floats) -> Translated:
        """:meth:`predict` with difficulty and, where there are any, paths.

        Parameters
        ----------
        X : array-like of shape (n, n_columns)
            As in :meth:`predict`.
        """
        X = self._checked(X)
        answer = self._answered(X, self._counterpart(X))
        values = np.maximum(answer.values, 0.0)
        if self.predicts_vector:
            values = self._with_structure(X, values)
        return replace(answer, values=values)

    def _answered(self, X: Floats, anchor: Floats) -> Translated:
        """Values as the model gives them, difficulty and paths, from one walk through it.

        Parameters
        ----------
        X : ndarray of shape (n, n_columns)
            Checked.
        anchor : ndarray of shape (n, n_outputs)
            Its :meth:`_counterpart`.
        """
        del anchor  # for translators of several parts, which share it
        return Translated(self._predict(X).reshape(len(X), -1), self.difficulty(X))

    def difficulty(self, X: Floats) -> Floats:
        """Expected size of the step time's errors, relative to each other.

        Parameters
        ----------
        X : array-like of shape (n, n_columns)
            As in :meth:`predict`.

        Returns
        -------
        ndarray of shape (n,)
            1 for a translator that does not estimate it.
        """
        return np.ones(len(self._checked(X)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.target_tags.positive_only = True
        # a translator of op vectors is not a general regressor: on arbitrary data
        # it need not score well
        tags.regressor_tags.poor_score = True
        return tags

    @abstractmethod
    def _fit(self, X: Floats, Y: Floats) -> None: ...

    @abstractmethod
    def _predict(self, X: Floats) -> Floats: ...

    def _checked(self, X: Any) -> Floats:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        if (X < 0).any():
            raise ValueError(
                f"Negative values in data passed to {type(self).__name__}.predict: "
                f"{X.min()}; times are not negative"
            )
        return np.asarray(X, dtype=np.float64)

    def _busy(self, n: int) -> NDArray[np.bool_]:
        """Which of ``n`` columns are time in which the device works."""
        if self.columns is None:
            return np.ones(n, dtype=bool)
        return _busy_mask(tuple(self.columns))

    def _step(self) -> int | None:
        """Position of the step time, if the columns have one."""
        if self.columns is None or STEP not in self.columns:
            return None
        return list(self.columns).index(STEP)

    def _counterpart(self, X: Floats) -> Floats:
        """The anchor's value behind each output; 1 where there is none."""
        n = self.n_outputs_
        if X.shape[1] >= n:
            return X[:, :n]
        return np.hstack([X, np.ones((len(X), n - X.shape[1]))])

    def _learn_presence(self, X: Floats, Y: Floats) -> None:
        ran, runs = self._counterpart(X) > 0, Y > 0
        with np.errstate(invalid="ignore"):
            if_ran = (ran & runs).sum(0) / ran.sum(0)
            if_not = (~ran & runs).sum(0) / (~ran).sum(0)
        # an operation that ran on no anchor in training is kept when a profile has it
        self.runs_if_ran_ = ~(if_ran < 0.5)
        self.runs_if_not_ = if_not >= 0.5
        busy = self._busy(self.n_outputs_)
        total = Y[:, busy].sum(axis=1, keepdims=True)
        share = np.divide(Y, total, out=np.zeros_like(Y), where=total > 0)
        only = ~ran & runs
        self.target_only_share_ = np.array(
            [
                np.median(share[only[:, j], j]) if only[:, j].any() else 0.0
                for j in range(self.n_outputs_)
            ]
        )

    def _with_structure(self, X: Floats, Y: Floats) -> Floats:
        ran = self._counterpart(X) > 0
        present = np.where(ran, self.runs_if_ran_, self.runs_if_not_)
        busy = self._busy(self.n_outputs_)
        total = Y[:, busy].sum(axis=1, keepdims=True)
        # translators of levels may have a value for it already; ratios give 0
        missing = ~ran & present & (Y <= 0)
        kept = np.where(
            present, np.where(missing, total * self.target_only_share_, Y), 0.0
        )
        # a name that is chance says nothing by its absence on the anchor
        for j in self._named_by_chance():
            kept[:, j] = Y[:, j]
        return kept

    def _named_by_chance(self) -> Sequence[int]:
        """Columns that run under another column's name as often as under their own."""
        return ()
