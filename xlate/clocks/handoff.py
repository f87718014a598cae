"""From a translated op vector to what the clock model needs on the target.

A profile file holds no power. Where the same jobs were both profiled and
metered (PROFET's vectors, cloud-hw-trainpred's nvidia-smi logs), the share of
the time in which the device is busy, the length of a step and the number of
pixels it works on say how much power it draws and how busy the meter finds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate import opnames
from xlate.align import STEP, matrix, median_of_repeats
from xlate.clocks.models.base import grouped_folds
from xlate.corpus import Corpus
from xlate.errors import AlignmentError
from xlate.profile import input_size
from xlate.schema import KEY

__all__ = ["PREDICTED", "Handoff", "JobRow", "job_rows", "joined", "metered_jobs"]

Floats = NDArray[np.float64]

#: what is handed on, in this order
PREDICTED = ("power_w", "gpu_utilization", "memory_utilization")
_KEY = ("model", "dataset", "batch_size")
#: folds in which errors are measured; with as many models, each is left out alone
_FOLDS = 6
#: fewest jobs that teach anything
_FEWEST = 20
#: rows that a process learns from at most; more are thinned out evenly
_MOST_ROWS = 150
#: share of the limit that an idle card draws, and the most that one draws
_IDLE, _MOST = 0.08, 1.02


@dataclass(frozen=True)
class JobRow:
    """What of a job the hand-off looks at.

    Attributes
    ----------
    compute_share, memory_share : float
        Time in operations that arithmetic, or memory, limits over the profile
        window, on the target; the rest is idle.
    step_time_us : float
        On the target.
    pixels : float
        Batch size × side², or NaN where either is not known.
    metered : tuple of float, or None
        Power over the board's limit, GPU and memory utilisation (0 to 1), on
        the anchor, where the profile came with telemetry.
    """

    compute_share: float
    memory_share: float
    step_time_us: float
    pixels: float
    metered: tuple[float, float, float] | None = None

    @classmethod
    def of(
        cls,
        ops: dict[str, float],
        step_time_us: float,
        dataset: str | None,
        batch_size: int | None,
        metered: tuple[float, float, float] | None = None,
    ) -> JobRow:
        """From an op vector (µs over the window) and the workload's key."""
        names = list(ops)
        window = sum(ops[c] for c in opnames.device_columns(names))
        busy = opnames.busy_columns(names)
        # arithmetic and the clock slow down alike when the clock is lowered
        arithmetic = [c for c in busy if opnames.nature(c) in ("compute", "serial")]
        compute = sum(ops[c] for c in arithmetic)
        memory = sum(ops[c] for c in busy) - compute
        side = input_size(dataset)
        known = batch_size is not None and side is not None
        pixels = float((batch_size or 0) * (side or 0) ** 2) if known else float("nan")
        if not window:
            return cls(0.0, 1.0, step_time_us, pixels, metered)
        return cls(compute / window, memory / window, step_time_us, pixels, metered)

    @property
    def busy_share(self) -> float:
        """Busy device time over the profile window."""
        return self.compute_share + self.memory_share

    @property
    def kind(self) -> str:
        """Which of the hand-off's processes answers for it."""
        if not np.isfinite(self.pixels):
            return "bare"
        return "sized" if self.metered is None else "metered"


def joined(vectors: Corpus, metered: Corpus, instance: str) -> pl.DataFrame:
    """Jobs of an instance that stand in both corpora.

    Returns
    -------
    polars.DataFrame
        The whole workload key, the medians over repeats of ``step_time_us`` and of
        every operation, and :data:`PREDICTED`. Meters log model, input size and batch
        size alone: jobs that differ otherwise share what was metered.

    Raises
    ------
    AlignmentError
        If too few jobs do.
    """
    runs = vectors.wide.filter(pl.col("instance") == instance)
    jobs = median_of_repeats(runs)
    meter = metered_jobs(metered, instance)
    if meter is not None:
        found = jobs.join(meter, on=_KEY).sort(KEY)
        if found.height >= _FEWEST:
            return found
    raise AlignmentError(
        f"{vectors.name} and {metered.name} share too few jobs on {instance}",
        "power there is borrowed from another instance",
    )


def metered_jobs(metered: Corpus, instance: str) -> pl.DataFrame | None:
    """Medians of :data:`PREDICTED` by job, or None where there is no telemetry."""
    if metered.telemetry is None:
        return None
    runs = metered.runs.filter(pl.col("instance") == instance)
    meter = runs.join(metered.telemetry, on="run_id")
    by_job = meter.group_by(_KEY).agg(pl.col(PREDICTED).median())
    return by_job.drop_nulls().sort(_KEY)


class Handoff:
    """Power and utilisations at the default clock from an op vector.

    Gaussian processes (scikit-learn's) on log step time, busy share and log
    pixels: one as said, one without pixels for profiles that do not say, and
    one with the anchor's telemetry for those that bring it. Power is learnt as
    the logit of its share of the board's limit.

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

    def __init__(self, limit_w: float, seed: int = 0) -> None:
        self.limit_w = limit_w
        self.seed = seed

    def fit(
        self,
        jobs: pl.DataFrame,
        anchors: Sequence[tuple[pl.DataFrame, float]] = (),
    ) -> Handoff:
        """Learn, and keep errors on models left out.

        Parameters
        ----------
        jobs : polars.DataFrame
            :func:`joined` rows of the target.
        anchors : sequence of (polars.DataFrame, float)
            :func:`metered_jobs` of other instances, each with its board's limit
            (W): what telemetry of the same jobs looks like on an anchor.
        """
        self.processes_: dict[str, Any] = {}
        self.residuals_: dict[str, Floats] = {}
        self.duty_: dict[str, Floats] = {}
        self.weights_: dict[str, Floats] = {}
        few = _thinned(jobs)
        for kind in ("sized", "bare"):
            self._learn(kind, job_rows(few), few)
        seen = [_with_telemetry(jobs, meter, limit) for meter, limit in anchors]
        seen = [s for s in seen if s.height >= _FEWEST]
        if seen:
            stacked = _thinned(pl.concat(seen))
            self._learn("metered", job_rows(stacked), stacked)
        return self

    def _learn(self, kind: str, rows: Sequence[JobRow], jobs: pl.DataFrame) -> None:
        from threadpoolctl import threadpool_limits

        X, Y = _features(rows, kind), self._forward(matrix(jobs, PREDICTED))
        shares = _shares(rows)
        fold = grouped_folds(jobs["model"].to_numpy().astype(str), _FOLDS, self.seed)
        guess, own = np.zeros_like(Y), np.zeros_like(Y[:, 1:])
        with threadpool_limits(1):
            for f in np.unique(fold):
                test = fold == f
                part = self._process().fit(X[~test], Y[~test])
                guess[test] = part.predict(X[test])
                own[test] = _own(shares[test], _duty(shares[~test], Y[~test]))
            self.processes_[kind] = self._process().fit(X, Y)
        # the weights that judge a fold are chosen on the others
        self.residuals_[kind] = np.zeros_like(Y)
        for f in np.unique(fold):
            test = fold == f
            weights = _stacked(guess[~test], own[~test], Y[~test])
            blended = _blended(guess[test], own[test], weights)
            self.residuals_[kind][test] = Y[test] - blended
        self.duty_[kind] = _duty(shares, Y)
        self.weights_[kind] = _stacked(guess, own, Y)

    def kind_of(self, row: JobRow) -> str:
        """Which process answers for a job: the richest there is for it."""
        return row.kind if row.kind in self.processes_ else "sized"

    def predict(self, rows: Sequence[JobRow]) -> Floats:
        """:data:`PREDICTED`, shape (n, 3): W, %, %."""
        found = [self._guess(row, self.kind_of(row)) for row in rows]
        return self._back(np.vstack(found))

    def draws(self, row: JobRow) -> Floats:
        """:data:`PREDICTED` under each error on a model left out, (n_jobs, 3)."""
        kind = self.kind_of(row)
        return self._back(self._guess(row, kind) + self.residuals_[kind])

    def _guess(self, row: JobRow, kind: str) -> Floats:
        """The process's answer and the vector's own, blended; shape (1, 3)."""
        guess = self.processes_[kind].predict(_features([row], kind))
        own = _own(_shares([row]), self.duty_[kind])
        return _blended(guess, own, self.weights_[kind])

    def out_of_fold(self, jobs: pl.DataFrame, kind: str = "sized") -> Floats:
        """Predictions for the jobs fitted on, models left out in turn.

        Parameters
        ----------
        jobs : polars.DataFrame
            Those of :meth:`fit`, where few enough to be used whole; for
            ``metered`` joined to the anchor's.
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


def _thinned(jobs: pl.DataFrame) -> pl.DataFrame:
    """Every so many rows: a Gaussian process takes the cube of them in time."""
    return jobs.gather_every(-(-jobs.height // _MOST_ROWS))


def _with_telemetry(
    jobs: pl.DataFrame, meter: pl.DataFrame, limit_w: float
) -> pl.DataFrame:
    """Jobs of the target with what an anchor's meter said of them."""
    renamed = meter.select(
        *_KEY,
        (pl.col("power_w") / limit_w).alias("_power_share"),
        (pl.col("gpu_utilization") / 100).alias("_busy"),
        (pl.col("memory_utilization") / 100).alias("_memory"),
    )
    # the order of a join is not promised, and a fit repeats itself to the byte
    return jobs.join(renamed, on=_KEY).sort(KEY)


def job_rows(jobs: pl.DataFrame) -> list[JobRow]:
    """A :class:`JobRow` for each row of a :func:`joined` table."""
    ops = [c for c in jobs.columns if opnames.is_op_column(c)]
    metered = "_busy" in jobs.columns
    return [
        JobRow.of(
            {c: r[c] for c in ops}, r[STEP], r["dataset"], r["batch_size"],
            (r["_power_share"], r["_busy"], r["_memory"]) if metered else None,
        )
        for r in jobs.iter_rows(named=True)
    ]  # fmt: skip


def _features(rows: Sequence[JobRow], kind: str) -> Floats:
    columns = [
        np.array([r.busy_share for r in rows]),
        np.log([r.step_time_us for r in rows]),
    ]
    if kind != "bare":
        columns.append(np.log([r.pixels for r in rows]))
    if kind == "metered":
        columns.append(np.array([r.metered for r in rows], dtype=float))
    return np.column_stack(columns)
