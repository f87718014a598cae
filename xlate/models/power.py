"""The power model: power and utilisations at the highest clock, from an op vector.

A profile file holds no power. Where the same jobs were both profiled and
metered (PROFET's vectors, cloud-hw-trainpred's nvidia-smi logs), the share of
the time in which the device is busy, the length of a step and the number of
pixels a step works on predict the power it draws and the utilisations a meter shows.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate.data.pairing import matrix
from xlate.models.anchor_power import (
    Strangeness,
    Trend,
    fit_trend,
    nearest,
    reach,
)
from xlate.models.power_features import (
    PowerFeatures,
    feature_rows,
    limiting_shares,
    process_features,
    trend_rows,
)
from xlate.models.response.base import grouped_folds
from xlate.models.shared_jobs import (
    FEWEST_JOBS,
    PREDICTED,
    AnchorJobs,
    joined,
    metered_jobs,
    with_telemetry,
)
from xlate.models.state import Stateful
from xlate.models.utilisation import (
    blend_weights,
    blended,
    memory_duty,
    vector_utilisations,
)

__all__ = [
    "PREDICTED",
    "AnchorJobs",
    "PowerFeatures",
    "PowerModel",
    "Strangeness",
    "feature_rows",
    "joined",
    "metered_jobs",
    "metered_rows",
]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: folds in which errors are measured; with as many models, each is left out alone
_FOLDS = 6
#: most rows that a process is fitted on; more are thinned out evenly
_MOST_ROWS = 150
#: share of its power limit that an idle card draws, and the largest share at work
_IDLE, _MOST = 0.08, 1.02
#: share of the held-out jobs within which the change by telemetry counts as usual
_WITHIN = 0.95
#: key of the errors on models and anchor GPUs left out, for telemetry of a new GPU
_NEW_GPU = "new gpu"


class PowerModel(Stateful):
    """Power and utilisations at the default clock from an op vector.

    Three Gaussian processes (scikit-learn's): ``sized`` on log step time, busy share
    and log pixels; ``bare`` without pixels, for profiles without batch or input size;
    ``metered`` with the anchor's telemetry, for profiles that come with it. Power is
    fitted as the logit of its share of the board's limit. With telemetry, the process
    is fitted to the residuals of a :class:`~xlate.models.anchor_power.Trend`, and the
    anchor's power is not among its features: more power on the anchor never predicts
    less power on the target.

    Utilisations are blended with those that follow from the vector alone
    (:mod:`xlate.models.utilisation`).

    Parameters
    ----------
    limit_w : float
        Power limit of the board.
    seed : int
        Of the optimiser's restarts.
    """

    #: least power share of a metered job on the target; 0 in bundles of older versions
    idle_share_: float = 0.0

    kind = "power-model"
    kept = ("limit_w", "seed")

    def __init__(self, limit_w: float, seed: int = 0) -> None:
        self.limit_w = limit_w
        self.seed = seed

    def fit(self, jobs: pl.DataFrame, anchors: Sequence[AnchorJobs] = ()) -> PowerModel:
        """Fit, and keep the errors on models left out.

        Parameters
        ----------
        jobs : polars.DataFrame
            :func:`joined` rows of the target.
        anchors : sequence of AnchorJobs
            Of other instances: what telemetry of the same jobs looks like on an
            anchor.
        """
        self.processes_: dict[str, Any] = {}
        self.residuals_: dict[str, Floats] = {}
        self.duty_: dict[str, Floats] = {}
        self.weights_: dict[str, Floats] = {}
        self.idle_share_ = float(matrix(jobs, PREDICTED)[:, 0].min()) / self.limit_w
        few = _thinned(jobs)
        for kind in ("sized", "bare"):
            self._learn(kind, feature_rows(few), few)
        stacked = metered_rows(jobs, anchors, self.limit_w)
        if stacked is not None:
            rows = feature_rows(stacked)
            plain = self._learn("sized", rows, stacked, keep=False)
            guess = self._learn("metered", rows, stacked)
            self._learn_reach(rows, stacked, guess[:, 0] - plain[:, 0])
        return self

    def _learn(
        self,
        kind: str,
        rows: Sequence[PowerFeatures],
        jobs: pl.DataFrame,
        keep: bool = True,
    ) -> Floats:
        """Fit one process; its answers for models left out, shape (n, 3)."""
        from threadpoolctl import threadpool_limits

        X, Y = process_features(rows, kind), self._forward(matrix(jobs, PREDICTED))
        shares = limiting_shares(rows)
        fold = grouped_folds(jobs["model"].to_numpy().astype(str), _FOLDS, self.seed)
        guess, own = np.zeros_like(Y), np.zeros_like(Y[:, 1:])
        apart = np.zeros(len(Y))
        with threadpool_limits(1):
            for f in np.unique(fold):
                test = fold == f
                guess[test], apart[test] = self._held_out(kind, rows, X, Y, test)
                own[test] = vector_utilisations(
                    shares[test], memory_duty(shares[~test], Y[~test])
                )
            if keep:
                self.processes_[kind], trend = self._fitted(kind, rows, X, Y)
        # the weights that judge a fold are chosen on the others
        held_out = np.zeros_like(Y)
        for f in np.unique(fold):
            test = fold == f
            weights = blend_weights(guess[~test], own[~test], Y[~test])
            held_out[test] = blended(guess[test], own[test], weights)
        if keep:
            self.residuals_[kind] = Y - held_out
            self.duty_[kind] = memory_duty(shares, Y)
            self.weights_[kind] = blend_weights(guess, own, Y)
            if kind == "metered":
                self.trend_ = trend.arrays()
                #: typical standard deviation that the process states for a model left out
                self.doubt_ = float(np.median(apart))
        return held_out

    def _fitted(
        self, kind: str, rows: Sequence[PowerFeatures], X: Floats, Y: Floats
    ) -> tuple[Any, Trend]:
        """A fitted process, and the trend it corrects (zero without telemetry)."""
        from sklearn.exceptions import ConvergenceWarning

        rest, trend = Y.copy(), Trend.flat()
        if kind == "metered":
            T = trend_rows(rows)
            trend = fit_trend(T, Y[:, 0])
            rest[:, 0] -= trend.at(T)
        with warnings.catch_warnings():
            # for jobs without noise (simulated ones) the noise ends at its lower bound,
            # which is correct
            warnings.simplefilter("ignore", ConvergenceWarning)
            return self._process().fit(X, rest), trend

    def _held_out(
        self,
        kind: str,
        rows: Sequence[PowerFeatures],
        X: Floats,
        Y: Floats,
        test: Bools,
        train: Bools | None = None,
    ) -> tuple[Floats, Floats]:
        """Answers for rows left out, and the standard deviation stated of power."""
        train = ~test if train is None else train
        inside = [r for r, k in zip(rows, train, strict=True) if k]
        process, trend = self._fitted(kind, inside, X[train], Y[train])
        guess, deviation = process.predict(X[test], return_std=True)
        if kind == "metered":
            outside = [r for r, k in zip(rows, test, strict=True) if k]
            guess[:, 0] += trend.at(trend_rows(outside))
        return guess, deviation[:, 0]

    def _learn_reach(
        self, rows: Sequence[PowerFeatures], jobs: pl.DataFrame, changed: Floats
    ) -> None:
        """The reach of the telemetry fitted on, and errors on anchor GPUs left out.

        Parameters
        ----------
        changed : array, shape (n,)
            By how much (logit) telemetry changed power of jobs left out.
        """
        from threadpoolctl import threadpool_limits

        models = jobs["model"].to_numpy().astype(str)
        gpus = jobs["_gpu"].to_numpy().astype(str)
        metered = [r.metered for r in rows if r.metered is not None]
        self.telemetry_ = np.array([m.position for m in metered])
        self.reach_ = reach(self.telemetry_, models)
        self.change_ = float(np.quantile(np.abs(changed), _WITHIN))
        self.anchor_gpus_ = sorted(set(gpus.tolist()))
        if len(self.anchor_gpus_) < 2:
            return
        X, Y = process_features(rows, "metered"), self._forward(matrix(jobs, PREDICTED))
        fold = grouped_folds(models, _FOLDS, self.seed)
        errors = np.zeros_like(Y)
        with threadpool_limits(1):
            for gpu in self.anchor_gpus_:
                for f in np.unique(fold[gpus == gpu]):
                    test = (fold == f) & (gpus == gpu)
                    train = (fold != f) & (gpus != gpu)
                    guess, _ = self._held_out("metered", rows, X, Y, test, train=train)
                    errors[test] = Y[test] - guess
        self.residuals_[_NEW_GPU] = errors

    def kind_of(self, row: PowerFeatures) -> str:
        """The process that answers for a job: the one with most of its features."""
        if row.kind != "metered":
            return row.kind if row.kind in self.processes_ else "sized"
        # a bundle of an older version, without a trend, answers without the telemetry
        if "metered" not in self.processes_ or not hasattr(self, "trend_"):
            return "sized"
        return "sized" if self._errors_of(row) is None else "metered"

    def _errors_of(self, row: PowerFeatures) -> Floats | None:
        """Errors that a metered job is drawn under; None where none were measured."""
        gpu = None if row.metered is None else row.metered.gpu
        if gpu is None or gpu in self.anchor_gpus_:
            return self.residuals_["metered"]
        return self.residuals_.get(_NEW_GPU)

    def predict(self, rows: Sequence[PowerFeatures]) -> Floats:
        """:data:`PREDICTED`, shape (n, 3): W, %, %."""
        guesses = [self._guess(row, self.kind_of(row)) for row in rows]
        return self._above_idle(self._back(np.vstack(guesses)))

    def draws(self, row: PowerFeatures, apart: float = 0.0) -> Floats:
        """:data:`PREDICTED` under each error on a model left out, (n_draws, 3).

        Where the telemetry lies beyond what was fitted on, the errors grow with the
        distance, and answers without the telemetry are added to the draws.

        Parameters
        ----------
        row : PowerFeatures
        apart : float
            Least distance of the telemetry beyond what was fitted on, as where it may
            not be of this job.
        """
        kind = self.kind_of(row)
        if kind != "metered":
            drawn = self._guess(row, kind) + self.residuals_[kind]
            return self._above_idle(self._back(drawn))
        strange = self.strangeness(row)
        beyond = max(apart, 0.0 if strange is None else strange.beyond)
        errors = self._errors_of(row)
        assert errors is not None
        deviation = self.processes_[kind].predict(
            process_features([row], kind), return_std=True
        )[1]
        wide = max(1.0, float(deviation[0, 0]) / self.doubt_) * (1 + beyond)
        drawn = self._guess(row, kind) + errors * np.array([wide, 1.0, 1.0])
        if beyond:
            plain = self._guess(row, "sized") + self.residuals_["sized"]
            drawn = np.vstack([drawn, plain])
        return self._above_idle(self._back(drawn))

    def strangeness(self, row: PowerFeatures) -> Strangeness | None:
        """How far a job's telemetry is from that fitted on; None without telemetry."""
        if row.metered is None or self.kind_of(row) != "metered":
            return None
        guess = np.vstack([self._guess(row, k) for k in ("metered", "sized")])
        with_w, without_w = self._above_idle(self._back(guess))[:, 0]
        gpu = row.metered.gpu
        return Strangeness(
            telemetry=nearest(self.telemetry_, row.metered.position)
            / max(self.reach_, 1e-9),
            answer=float(abs(guess[0, 0] - guess[1, 0])) / max(self.change_, 1e-9),
            with_w=float(with_w),
            without_w=float(without_w),
            limit_w=self.limit_w,
            new_gpu=gpu is not None and gpu not in self.anchor_gpus_,
        )

    def _guess(self, row: PowerFeatures, kind: str) -> Floats:
        """The process's answer, its utilisations blended; shape (1, 3)."""
        guess = self.processes_[kind].predict(process_features([row], kind))
        if kind == "metered":
            guess[:, 0] += Trend.of(self.trend_).at(trend_rows([row]))
        own = vector_utilisations(limiting_shares([row]), self.duty_[kind])
        return blended(guess, own, self.weights_[kind])

    def out_of_fold(self, jobs: pl.DataFrame, kind: str = "sized") -> Floats:
        """Predictions for the jobs fitted on, models left out in turn.

        Parameters
        ----------
        jobs : polars.DataFrame
            Those of :meth:`fit`, where few enough that all of them were used; for
            ``metered`` and ``new gpu`` joined to the anchor's.
        """
        guess = self._forward(matrix(jobs, PREDICTED)) - self.residuals_[kind]
        return self._back(guess)

    def _process(self) -> Any:
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        kernel = ConstantKernel(1.0) * RBF(2.0) + WhiteKernel(0.1)
        process = GaussianProcessRegressor(
            kernel, normalize_y=True, random_state=self.seed
        )
        return make_pipeline(StandardScaler(), process)

    def _forward(self, Y: Floats) -> Floats:
        share = np.clip(Y[:, 0] / self.limit_w, _IDLE + 0.01, _MOST - 0.01)
        return np.column_stack([np.log((share - _IDLE) / (_MOST - share)), Y[:, 1:]])

    def _back(self, Z: Floats) -> Floats:
        share = _IDLE + (_MOST - _IDLE) / (1 + np.exp(-Z[:, 0]))
        return np.column_stack([share * self.limit_w, np.clip(Z[:, 1:], 0, 100)])

    def _above_idle(self, values: Floats) -> Floats:
        """Power raised to the least that any metered job drew, if it is below."""
        values[:, 0] = np.maximum(values[:, 0], self.idle_share_ * self.limit_w)
        return values


def metered_rows(
    jobs: pl.DataFrame, anchors: Sequence[AnchorJobs], limit_w: float
) -> pl.DataFrame | None:
    """Rows of jobs with telemetry of each anchor; None where there are too few.

    Parameters
    ----------
    jobs, anchors
        As :meth:`PowerModel.fit`.
    limit_w : float
        Power limit of the target's GPU.
    """
    metered = [with_telemetry(jobs, a, limit_w) for a in anchors]
    metered = [m for m in metered if m.height >= FEWEST_JOBS]
    return _thinned(pl.concat(metered)) if metered else None


def _thinned(jobs: pl.DataFrame) -> pl.DataFrame:
    """Every k-th row: the time of a Gaussian process grows with the cube of the rows."""
    return jobs.gather_every(-(-jobs.height // _MOST_ROWS))
