"""PROFET, the peer compared with: the median of a line, a forest and a network.

"PROFET: Profiling-based CNN Training Latency Prophet for GPU Cloud Instances"
(2022), and its code (ddps-lab/profet, validation/anchor_validaiton.py): a line
on the anchor's step time, a random forest of 100 trees and a network
128-64-32-16 on op columns whose device side is grouped by edit distance, and
the median of the three. It predicts only the step time.

The differences here are in favour of the peer: inputs and target of the network are
scaled by their training mean (the original uses raw microseconds with a relative loss,
which scikit-learn's network does not have), and the network may train for 500 epochs.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from xlate.data.columns import clusters
from xlate.models.translate.base import Floats, Translator, squeezed

__all__ = ["ProfetTranslator"]


class ProfetTranslator(Translator):
    """Median of a line, a forest and a network, for the step time.

    Parameters
    ----------
    columns : sequence of str, optional
        Names of the columns. Without them every output counts as a step
        time and every input as an op group.
    random_state : int
        Seed.
    """

    kind = "profet"

    predicts_vector = False

    def __init__(
        self, columns: Sequence[str] | None = None, random_state: int = 0
    ) -> None:
        super().__init__(columns)
        self.random_state = random_state

    def _fit(self, X: Floats, Y: Floats) -> None:
        from sklearn.ensemble import RandomForestRegressor
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LinearRegression
        from sklearn.neural_network import MLPRegressor

        if self.columns is not None and self._step() is None:
            raise ValueError(
                "columns must hold step_time_us, the only column PROFET predicts"
            )
        self.groups_ = self._groups(X)
        G, target = self._grouped(X), Y[:, self._outputs()]
        self.input_scale_ = max(float(G.mean()), 1e-300)
        self.output_scale_ = max(float(target.mean()), 1e-300)
        self.line_ = LinearRegression().fit(self._line_input(X), target)
        self.forest_ = RandomForestRegressor(100, random_state=self.random_state)
        self.forest_.fit(G, squeezed(target))
        self.network_ = MLPRegressor(
            hidden_layer_sizes=(128, 64, 32, 16),
            batch_size=min(16, len(X)),
            max_iter=500,
            n_iter_no_change=20,
            tol=1e-6,
            random_state=self.random_state,
        )
        with warnings.catch_warnings():
            # the original also stops after a fixed number of epochs
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.network_.fit(
                G / self.input_scale_, squeezed(target / self.output_scale_)
            )

    def _predict(self, X: Floats) -> Floats:
        G = self._grouped(X)
        n = len(X)
        answers = [
            self.line_.predict(self._line_input(X)).reshape(n, -1),
            self.forest_.predict(G).reshape(n, -1),
            self.network_.predict(G / self.input_scale_).reshape(n, -1)
            * self.output_scale_,
        ]
        Y = np.full((n, self.n_outputs_), np.nan)
        Y[:, self._outputs()] = np.median(answers, axis=0)
        return Y

    def _outputs(self) -> list[int]:
        step = self._step()
        return list(range(self.n_outputs_)) if step is None else [step]

    def _line_input(self, X: Floats) -> Floats:
        step = self._step()
        return X if step is None else X[:, [step]]

    def _groups(self, X: Floats) -> list[list[int]]:
        """Columns of each group, without those that have no time in training."""
        used = np.flatnonzero(X.any(axis=0)).tolist() or [0]
        if self.columns is None:
            return [[j] for j in used]
        step = self._step()
        place = {self.columns[j]: j for j in used if j != step}
        return [[place[c] for c in group] for group in clusters(list(place))]

    def _grouped(self, X: Floats) -> Floats:
        return np.column_stack([X[:, g].sum(axis=1) for g in self.groups_])
