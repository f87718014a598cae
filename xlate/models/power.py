"""From a translated op vector to what the clock model needs on the target.

A profile file holds no power. Where the same jobs were both profiled and
metered (PROFET's vectors, cloud-hw-trainpred's nvidia-smi logs), the share of
the time in which the device is busy, the length of a step and the number of
pixels it works on say how much power it draws and how busy the meter finds it.
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
    farthest,
    fit_trend,
    nearest,
    trend_features,
)
from xlate.models.response.base import grouped_folds
from xlate.models.shared_jobs import (
    FEWEST_JOBS,
    PREDICTED,
    AnchorJobs,
    JobRow,
    job_rows,
    joined,
    metered_jobs,
    with_telemetry,
)
from xlate.models.state import Stateful

__all__ = [
    "PREDICTED",
    "AnchorJobs",
    "Handoff",
    "JobRow",
    "Strangeness",
    "job_rows",
    "joined",
    "learned_from",
    "metered_jobs",
]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: folds in which errors are measured; with as many models, each is left out alone
_FOLDS = 6
#: rows that a process learns from at most; more are thinned out evenly
_MOST_ROWS = 150
#: share of the limit that an idle card draws, and the most that one draws
_IDLE, _MOST = 0.08, 1.02
#: share of the jobs left out that telemetry changes by no more than is usual
_WITHIN = 0.95
#: errors on models and anchors left out: of telemetry from another GPU than those seen
_NEW_GPU = "new gpu"


class Handoff(Stateful):
    """Power and utilisations at the default clock from an op vector.

    Gaussian processes (scikit-learn's) on log step time, busy share and log
    pixels: one as said, one without pixels for profiles that do not say, and
    one with the anchor's telemetry for those that bring it. Power is learnt as
    the logit of its share of the board's limit. With telemetry, the process learns
    what a :class:`~xlate.models.anchor_power.Trend` leaves, and does not look at the
    anchor's power itself: more power there never becomes less here.

    What the vector says by itself is blended in: the card is busy when it is not
    idle, and its memory is busy for so much of the compute-bound and so much of
    the memory-bound time (non-negative least squares). The blend's weights are
    those with the least squared error on models left out (stacking; Wolpert,
    1992).

    Parameters
    ----------
    limit_w : float
        Power limit of the board.
    seed : int
        Of the optimiser's restarts.
    """

    #: least power share of a metered job on the target; one fitted before knows none
    idle_share_: float = 0.0

    kind = "power-model"
    kept = ("limit_w", "seed")

    def __init__(self, limit_w: float, seed: int = 0) -> None:
        self.limit_w = limit_w
        self.seed = seed

    def fit(self, jobs: pl.DataFrame, anchors: Sequence[AnchorJobs] = ()) -> Handoff:
        """Learn, and keep errors on models left out.

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
            self._learn(kind, job_rows(few), few)
        stacked = learned_from(jobs, anchors, self.limit_w)
        if stacked is not None:
            rows = job_rows(stacked)
            plain = self._learn("sized", rows, stacked, keep=False)
            guess = self._learn("metered", rows, stacked)
            self._learn_reach(rows, stacked, guess[:, 0] - plain[:, 0])
        return self

    def _learn(
        self, kind: str, rows: Sequence[JobRow], jobs: pl.DataFrame, keep: bool = True
    ) -> Floats:
        """Learn one kind; its answers for models left out, shape (n, 3)."""
        from threadpoolctl import threadpool_limits

        X, Y = _features(rows, kind), self._forward(matrix(jobs, PREDICTED))
        shares = _shares(rows)
        fold = grouped_folds(jobs["model"].to_numpy().astype(str), _FOLDS, self.seed)
        guess, own = np.zeros_like(Y), np.zeros_like(Y[:, 1:])
        apart = np.zeros(len(Y))
        with threadpool_limits(1):
            for f in np.unique(fold):
                test = fold == f
                guess[test], apart[test] = self._held_out(kind, rows, X, Y, test)
                own[test] = _own(shares[test], _duty(shares[~test], Y[~test]))
            if keep:
                self.processes_[kind], trend = self._fitted(kind, rows, X, Y)
        # the weights that judge a fold are chosen on the others
        blended = np.zeros_like(Y)
        for f in np.unique(fold):
            test = fold == f
            weights = _stacked(guess[~test], own[~test], Y[~test])
            blended[test] = _blended(guess[test], own[test], weights)
        if keep:
            self.residuals_[kind] = Y - blended
            self.duty_[kind] = _duty(shares, Y)
            self.weights_[kind] = _stacked(guess, own, Y)
            if kind == "metered":
                self.trend_ = trend.arrays()
                #: typical standard deviation that the process states for a model left out
                self.doubt_ = float(np.median(apart))
        return blended

    def _fitted(
        self, kind: str, rows: Sequence[JobRow], X: Floats, Y: Floats
    ) -> tuple[Any, Trend]:
        """A process, and the trend beneath it; that is zero without telemetry."""
        from sklearn.exceptions import ConvergenceWarning

        rest, trend = Y.copy(), Trend.flat()
        if kind == "metered":
            T = _trend_rows(rows)
            trend = fit_trend(T, Y[:, 0])
            rest[:, 0] -= trend.at(T)
        with warnings.catch_warnings():
            # jobs without noise (simulated ones) end at its least bound, rightly
            warnings.simplefilter("ignore", ConvergenceWarning)
            return self._process().fit(X, rest), trend

    def _held_out(
        self, kind: str, rows: Sequence[JobRow], X: Floats, Y: Floats, test: Bools,
        train: Bools | None = None,
    ) -> tuple[Floats, Floats]:  # fmt: skip
        """Answers for rows left out, and the standard deviation stated of power."""
        train = ~test if train is None else train
        inside = [r for r, k in zip(rows, train, strict=True) if k]
        process, trend = self._fitted(kind, inside, X[train], Y[train])
        guess, deviation = process.predict(X[test], return_std=True)
        if kind == "metered":
            outside = [r for r, k in zip(rows, test, strict=True) if k]
            guess[:, 0] += trend.at(_trend_rows(outside))
        return guess, deviation[:, 0]

    def _learn_reach(
        self, rows: Sequence[JobRow], jobs: pl.DataFrame, changed: Floats
    ) -> None:
        """What is inside of what was seen, and errors on anchors that never were.

        Parameters
        ----------
        changed : array, shape (n,)
            By how much (logit) telemetry changed power of jobs left out.
        """
        from threadpoolctl import threadpool_limits

        models = jobs["model"].to_numpy().astype(str)
        gpus = jobs["_gpu"].to_numpy().astype(str)
        metered = [r.metered for r in rows if r.metered is not None]
        self.telemetry_ = np.array([m.seen for m in metered])
        self.reach_ = farthest(self.telemetry_, models)
        self.change_ = float(np.quantile(np.abs(changed), _WITHIN))
        self.anchor_gpus_ = sorted(set(gpus.tolist()))
        if len(self.anchor_gpus_) < 2:
            return
        X, Y = _features(rows, "metered"), self._forward(matrix(jobs, PREDICTED))
        fold = grouped_folds(models, _FOLDS, self.seed)
        errors = np.zeros_like(Y)
        with threadpool_limits(1):
            for gpu in self.anchor_gpus_:
                for f in np.unique(fold[gpus == gpu]):
                    test = (fold == f) & (gpus == gpu)
                    train = (fold != f) & (gpus != gpu)
                    guess = self._held_out("metered", rows, X, Y, test, train)[0]
                    errors[test] = Y[test] - guess
        self.residuals_[_NEW_GPU] = errors

    def kind_of(self, row: JobRow) -> str:
        """Which process answers for a job: the richest there is for it."""
        if row.kind != "metered":
            return row.kind if row.kind in self.processes_ else "sized"
        # one that was fitted before the trend was answers without the telemetry
        if "metered" not in self.processes_ or not hasattr(self, "trend_"):
            return "sized"
        return "sized" if self._errors_of(row) is None else "metered"

    def _errors_of(self, row: JobRow) -> Floats | None:
        """Errors that a metered job is drawn under; None where none are known."""
        gpu = None if row.metered is None else row.metered.gpu
        if gpu is None or gpu in self.anchor_gpus_:
            return self.residuals_["metered"]
        return self.residuals_.get(_NEW_GPU)

    def predict(self, rows: Sequence[JobRow]) -> Floats:
        """:data:`PREDICTED`, shape (n, 3): W, %, %."""
        found = [self._guess(row, self.kind_of(row)) for row in rows]
        return self._above_idle(self._back(np.vstack(found)))

    def draws(self, row: JobRow) -> Floats:
        """:data:`PREDICTED` under each error on a model left out, (n_draws, 3).

        Where telemetry is unlike what was learned from, errors are as many times
        larger, and answers without the telemetry are among the draws too.
        """
        kind = self.kind_of(row)
        if kind != "metered":
            drawn = self._guess(row, kind) + self.residuals_[kind]
            return self._above_idle(self._back(drawn))
        strange = self.strangeness(row)
        beyond = 0.0 if strange is None else strange.beyond
        errors = self._errors_of(row)
        assert errors is not None
        deviation = self.processes_[kind].predict(
            _features([row], kind), return_std=True
        )[1]
        wide = max(1.0, float(deviation[0, 0]) / self.doubt_) * (1 + beyond)
        drawn = self._guess(row, kind) + errors * np.array([wide, 1.0, 1.0])
        if beyond:
            plain = self._guess(row, "sized") + self.residuals_["sized"]
            drawn = np.vstack([drawn, plain])
        return self._above_idle(self._back(drawn))

    def strangeness(self, row: JobRow) -> Strangeness | None:
        """How far a job's telemetry is from what was learned from; None without it."""
        if row.metered is None or self.kind_of(row) != "metered":
            return None
        guess = np.vstack([self._guess(row, k) for k in ("metered", "sized")])
        with_w, without_w = self._above_idle(self._back(guess))[:, 0]
        return Strangeness(
            nearest(self.telemetry_, row.metered.seen) / max(self.reach_, 1e-9),
            float(abs(guess[0, 0] - guess[1, 0])) / max(self.change_, 1e-9),
            float(with_w), float(without_w), self.limit_w,
            row.metered.gpu is not None and row.metered.gpu not in self.anchor_gpus_,
        )  # fmt: skip

    def _guess(self, row: JobRow, kind: str) -> Floats:
        """The process's answer and the vector's own, blended; shape (1, 3)."""
        guess = self.processes_[kind].predict(_features([row], kind))
        if kind == "metered":
            guess[:, 0] += Trend.of(self.trend_).at(_trend_rows([row]))
        own = _own(_shares([row]), self.duty_[kind])
        return _blended(guess, own, self.weights_[kind])

    def out_of_fold(self, jobs: pl.DataFrame, kind: str = "sized") -> Floats:
        """Predictions for the jobs fitted on, models left out in turn.

        Parameters
        ----------
        jobs : polars.DataFrame
            Those of :meth:`fit`, where few enough to be used whole; for
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
        """No less than the least that a metered job drew, which hardly used the card."""
        values[:, 0] = np.maximum(values[:, 0], self.idle_share_ * self.limit_w)
        return values


def _shares(rows: Sequence[JobRow]) -> Floats:
    """Compute-bound and memory-bound shares, shape (n, 2)."""
    return np.array([(r.compute_share, r.memory_share) for r in rows])


def _duty(shares: Floats, Y: Floats) -> Floats:
    """Memory utilisation in compute-bound and in memory-bound time, %."""
    from scipy.optimize import nnls

    return np.asarray(nnls(shares, Y[:, 2])[0])


def _own(shares: Floats, duty: Floats) -> Floats:
    """What the vector says by itself of both utilisations, %; of power, nothing."""
    busy = 100 * np.clip(shares.sum(axis=1), 0, 1)
    return np.column_stack([busy, shares @ duty])


def _stacked(guess: Floats, own: Floats, Y: Floats) -> Floats:
    """Weights of ``own`` against ``guess`` with the least squared error, 0 to 1."""
    apart = own - guess[:, 1:]
    missed = Y[:, 1:] - guess[:, 1:]
    best = (missed * apart).sum(axis=0) / np.maximum((apart**2).sum(axis=0), 1e-9)
    return np.asarray(np.clip(best, 0, 1))


def _blended(guess: Floats, own: Floats, weights: Floats) -> Floats:
    """``guess`` with ``own`` utilisations blended in."""
    out = guess.copy()
    out[:, 1:] += weights * (own - guess[:, 1:])
    return out


def learned_from(
    jobs: pl.DataFrame, anchors: Sequence[AnchorJobs], limit_w: float
) -> pl.DataFrame | None:
    """Jobs with telemetry of anchors, one below the other; None where there are too few.

    Parameters
    ----------
    jobs, anchors
        As :meth:`Handoff.fit`.
    limit_w : float
        Power limit of the target's GPU.
    """
    seen = [with_telemetry(jobs, a, limit_w) for a in anchors]
    seen = [s for s in seen if s.height >= FEWEST_JOBS]
    return _thinned(pl.concat(seen)) if seen else None


def _thinned(jobs: pl.DataFrame) -> pl.DataFrame:
    """Rows at equal distances, since a Gaussian process takes the cube of them in time."""
    return jobs.gather_every(-(-jobs.height // _MOST_ROWS))


def _trend_rows(rows: Sequence[JobRow]) -> Floats:
    """:func:`trend_features` of jobs with telemetry."""
    metered = [r.metered for r in rows if r.metered is not None]
    return trend_features(np.array([r.busy_share for r in rows]), metered)


def _features(rows: Sequence[JobRow], kind: str) -> Floats:
    columns = [
        np.array([r.busy_share for r in rows]),
        np.log([r.step_time_us for r in rows]),
    ]
    if kind != "bare":
        columns.append(np.log([r.pixels for r in rows]))
    if kind == "metered":
        metered = [r.metered for r in rows if r.metered is not None]
        columns.append(
            np.array([(m.busy, m.memory, np.log(m.speedup)) for m in metered])
        )
    return np.column_stack(columns)
