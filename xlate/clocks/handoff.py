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
from xlate.align import STEP, matrix
from xlate.clocks.models.base import grouped_folds
from xlate.corpus import Corpus
from xlate.errors import AlignmentError
from xlate.profile import input_size

__all__ = ["PREDICTED", "Handoff", "JobRow", "job_rows", "joined", "metered_jobs"]

Floats = NDArray[np.float64]

#: what is handed on, in this order
PREDICTED = ("power_w", "gpu_utilization", "memory_utilization")
_KEY = ("model", "dataset", "batch_size")
#: weight of the vector's own busy share in the utilisation handed on; 0.25 and 0.5
#: served alike on the jobs at hand, 0, 0.75 and 1 worse
_OWN_SHARE = 0.25
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
    busy_share : float
        Busy device time over the profile window, on the target.
    step_time_us : float
        On the target.
    pixels : float
        Batch size × side², or NaN where either is not known.
    metered : tuple of float, or None
        Power over the board's limit, GPU and memory utilisation (0 to 1), on
        the anchor, where the profile came with telemetry.
    """

    busy_share: float
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
        busy = sum(ops[c] for c in opnames.busy_columns(names))
        side = input_size(dataset)
        known = batch_size is not None and side is not None
        pixels = float((batch_size or 0) * (side or 0) ** 2) if known else float("nan")
        return cls(busy / window if window else 1.0, step_time_us, pixels, metered)

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
        ``model``, ``dataset``, ``batch_size``, the medians over repeats of
        ``step_time_us`` and of every operation, and :data:`PREDICTED`.

    Raises
    ------
    AlignmentError
        If too few jobs do.
    """
    runs = vectors.wide.filter(pl.col("instance") == instance)
    ops = [c for c in runs.columns if opnames.is_op_column(c)]
    jobs = runs.group_by(_KEY).agg(pl.col([STEP, *ops]).median())
    meter = metered_jobs(metered, instance)
    if meter is not None:
        found = jobs.join(meter, on=_KEY).sort(_KEY)
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
        fold = grouped_folds(jobs["model"].to_numpy().astype(str), _FOLDS, self.seed)
        residual = np.zeros_like(Y)
        with threadpool_limits(1):
            for f in np.unique(fold):
                test = fold == f
                part = self._process().fit(X[~test], Y[~test])
                residual[test] = Y[test] - part.predict(X[test])
            self.processes_[kind] = self._process().fit(X, Y)
        self.residuals_[kind] = residual

    def kind_of(self, row: JobRow) -> str:
        """Which process answers for a job: the richest there is for it."""
        return row.kind if row.kind in self.processes_ else "sized"

    def predict(self, rows: Sequence[JobRow]) -> Floats:
        """:data:`PREDICTED`, shape (n, 3): W, %, %."""
        out = [self.processes_[k].predict(_features([r], k))[0] for r, k in self._kinds(rows)]  # fmt: skip
        return _with_idle_share(self._back(np.array(out)), rows)

    def draws(self, row: JobRow) -> Floats:
        """:data:`PREDICTED` under each error on a model left out, (n_jobs, 3)."""
        kind = self.kind_of(row)
        mean = self.processes_[kind].predict(_features([row], kind))
        drawn = self._back(mean + self.residuals_[kind])
        return _with_idle_share(drawn, [row] * len(drawn))

    def out_of_fold(self, jobs: pl.DataFrame, kind: str = "sized") -> Floats:
        """Predictions for the jobs fitted on, models left out in turn.

        Parameters
        ----------
        jobs : polars.DataFrame
            Those of :meth:`fit`, where few enough to be used whole; for
            ``metered`` joined to the anchor's.
        """
        guess = self._forward(matrix(jobs, PREDICTED)) - self.residuals_[kind]
        return _with_idle_share(self._back(guess), job_rows(jobs))

    def _kinds(self, rows: Sequence[JobRow]) -> list[tuple[JobRow, str]]:
        return [(r, self.kind_of(r)) for r in rows]

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


def _with_idle_share(found: Floats, rows: Sequence[JobRow]) -> Floats:
    """GPU utilisation with the busy share of the vector itself blended in.

    What of the window is not idle says directly how busy the card is; the two
    guesses err in different places.
    """
    busy = 100 * np.array([r.busy_share for r in rows])
    out = found.copy()
    out[:, 1] = (1 - _OWN_SHARE) * found[:, 1] + _OWN_SHARE * np.clip(busy, 0, 100)
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
    return jobs.join(renamed, on=_KEY).sort(_KEY)


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
