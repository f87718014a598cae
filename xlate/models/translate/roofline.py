"""Ratios of data sheets, corrected by few measured runs.

An operation's log ratio is that of the roof for its nature, plus corrections common to
all operations, to its nature, to its family and to itself, each shrunk towards 0 (a
ridge with one prior for each level). Without a run of a family the correction of its
nature is used; without any run, the data sheet alone.

Where idle time was recorded the step follows from two paths
(:mod:`~xlate.models.translate.two_path`). Where it was not, there are two estimates: the
anchor's step times the ratio of the busy sums, and the busy sum on the target alone.
They are blended by the inverse of their variances in training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from xlate import op_names
from xlate.models.translate.base import Floats, Translated, Translator
from xlate.models.translate.two_path import TwoPath

__all__ = ["RooflineTranslator"]

#: prior standard deviations, in logs, of the corrections of each level, and of the
#: noise of an operation that takes all of a step's time
_SD = {"all": 0.3, "nature": 0.2, "family": 0.15, "op": 0.1}
_NOISE = 0.1
#: weight (in models) of 0 for the offsets of the estimates; prior spread, and its weight
_PULL, _SPREAD, _SPREAD_PULL = 0.5, 0.05, 2.0
#: log distance of the estimates that lowers the weight of the busy sum by e^-1/2: more
#: than a card that slows under load explains
_FAR = 0.2
#: log distance of the two estimates that doubles the expected error
_USUAL = 0.1


class RooflineTranslator(Translator):
    """Ratios of data sheets, corrected by level.

    Parameters
    ----------
    columns : sequence of str, optional
        Names of the columns.
    prior : mapping of str to float, optional
        Nature -> log of time on the target over that on the anchor
        (:func:`xlate.models.zero_shot.roofs.log_ratios`); none by default.
    """

    kind = "roofline"

    learns_groups = True

    def __init__(
        self,
        columns: Sequence[str] | None = None,
        prior: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(columns)
        self.prior = prior

    def _fit(self, X: Floats, Y: Floats) -> None:
        A = self._counterpart(X)
        self.work_ = self._busy(self.n_outputs_)
        models = np.arange(len(X)) if self.models_ is None else self.models_
        _, which, count = np.unique(models, return_inverse=True, return_counts=True)
        each = 1.0 / count[which]
        names = self.columns or [f"Device_{j}" for j in range(self.n_outputs_)]
        natures = [op_names.nature(n) for n in names]
        prior = dict(self.prior or {})
        start = np.array([prior.get(n, 0.0) for n in natures])
        self.log_ratio_ = start + self._corrections(
            A, Y, start, natures, names=names, each=each
        )
        step = self._step()
        self.paths_: TwoPath | None = None
        if step is not None:
            self._fit_step(A, Y, step, each)

    def _corrections(
        self,
        A: Floats,
        Y: Floats,
        start: Floats,
        natures: Sequence[str],
        *,
        names: Sequence[str],
        each: Floats,
    ) -> Floats:
        """Correction of every column, from cells that ran on both sides."""
        levels = [
            ("all", np.zeros(len(names), dtype=np.int64)),
            ("nature", np.unique(natures, return_inverse=True)[1]),
            ("family", np.unique([op_names.family(n) for n in names], return_inverse=True)[1]),
            ("op", np.arange(len(names))),
        ]  # fmt: skip
        design = np.hstack([np.eye(k.max() + 1)[k] for _, k in levels])
        sd = np.concatenate([np.full(k.max() + 1, _SD[n]) for n, k in levels])
        # host and idle time, and the step time, do not share the common correction
        design[~self.work_, 0] = 0.0
        both = (A > 0) & (Y > 0)
        step = self._step()
        if step is not None:
            both[:, step] = False
        share = np.sqrt(self._shares(A) * self._shares(Y)) * both
        weight = (share * each[:, None]).sum(axis=0) / _NOISE**2
        with np.errstate(divide="ignore", invalid="ignore"):
            left = np.where(both, np.log(Y) - np.log(A), 0.0) - start * both
        moment = (left * share * each[:, None]).sum(axis=0) / _NOISE**2
        precision = design.T @ (design * weight[:, None]) + np.diag(sd**-2)
        return np.asarray(design @ np.linalg.solve(precision, design.T @ moment))

    def _shares(self, times: Floats) -> Floats:
        """Times over the busy time, at most 1 (idle time and the host may exceed it)."""
        total = times[:, self.work_].sum(axis=1, keepdims=True)
        return np.asarray(np.minimum(times / np.maximum(total, 1e-300), 1.0))

    def _fit_step(self, A: Floats, Y: Floats, step: int, each: Floats) -> None:
        busy, idle = self._sums(A)
        hat = self._ratios(A)[:, self.work_].sum(axis=1)
        self.has_idle_ = bool((idle > 0).any())
        if self.has_idle_:
            self.paths_ = TwoPath().fit(
                busy,
                idle,
                A[:, step],
                target_busy=Y[:, self.work_].sum(axis=1),
                target_step=Y[:, step],
                weights=each,
            )
            return
        # number of steps in a sum of operations, which the anchor's profiles show
        log_steps = np.log(np.maximum(busy, 1e-9)) - np.log(A[:, step])
        self.log_steps_ = float((log_steps * each).sum() / each.sum())
        error = np.log(Y[:, [step]]) - self._log_estimates(busy, A[:, step], hat)
        total = each.sum()
        self.offset_ = (error * each[:, None]).sum(axis=0) / (total + _PULL)
        squares = ((error - self.offset_) ** 2 * each[:, None]).sum(axis=0)
        spread = (squares + _SPREAD_PULL * _SPREAD**2) / (total + _SPREAD_PULL)
        self.weight_ = (1 / spread) / (1 / spread).sum()

    def _predict(self, X: Floats) -> Floats:
        return self._answered(X, self._counterpart(X)).values

    def difficulty(self, X: Floats) -> Floats:
        """Grows with the log distance of the two estimates of the step time."""
        X = self._checked(X)
        return self._answered(X, self._counterpart(X)).difficulty

    def _answered(self, X: Floats, anchor: Floats) -> Translated:
        A = anchor
        Y: Floats = self._ratios(A)
        step = self._step()
        if step is None:
            return Translated(Y, np.ones(len(X)))
        busy, idle = self._sums(A)
        hat = Y[:, self.work_].sum(axis=1)
        if self.paths_ is not None:
            paths = self.paths_.predict(busy, idle, A[:, step], hat)
            Y[:, step] = paths.step
            return Translated(Y, np.ones(len(X)), paths.device, paths.host)
        logs = self._log_estimates(busy, A[:, step], hat) + self.offset_
        distance = logs[:, 1] - logs[:, 0]
        # a sum far from the step does not measure it
        weight = self.weight_[1] * np.exp(-0.5 * (distance / _FAR) ** 2)
        Y[:, step] = np.exp(logs[:, 0] + weight / (weight + self.weight_[0]) * distance)
        return Translated(Y, 1 + np.abs(distance) / _USUAL)

    def _ratios(self, A: Floats) -> Floats:
        return np.asarray(A * np.exp(self.log_ratio_))

    def _sums(self, A: Floats) -> tuple[Floats, Floats]:
        """Busy and idle time of the window."""
        names = list(self.columns or ())
        at = (
            names.index(op_names.DEVICE_IDLE) if op_names.DEVICE_IDLE in names else None
        )
        busy = A[:, self.work_].sum(axis=1)
        return busy, np.zeros(len(A)) if at is None else A[:, at]

    def _log_estimates(self, busy: Floats, step: Floats, hat: Floats) -> Floats:
        """Logs of the step time: from the anchor's step, and from the busy sum alone."""
        logs = [np.log(np.maximum(v, 1e-9)) for v in (busy, step, hat)]
        return np.column_stack([logs[1] + logs[2] - logs[0], logs[2] - self.log_steps_])
