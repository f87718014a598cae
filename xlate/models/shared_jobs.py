"""Jobs that were both profiled and metered: what power is learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from xlate import op_names
from xlate.data.corpus import Corpus
from xlate.data.pairing import STEP, median_of_repeats
from xlate.data.schema import KEY
from xlate.errors import AlignmentError
from xlate.models.anchor_power import MeteredShares
from xlate.values.profile import input_size

__all__ = [
    "FEWEST_JOBS",
    "PREDICTED",
    "AnchorJobs",
    "JobRow",
    "job_rows",
    "joined",
    "metered_jobs",
    "with_telemetry",
]

#: what is handed on, in this order
PREDICTED = ("power_w", "gpu_utilization", "memory_utilization")
#: what meters log of a job
KEYS = ("model", "dataset", "batch_size")
#: step time of a metered job, µs
METERED_STEP = "metered_step_us"
#: fewest jobs that anything is learned from
FEWEST_JOBS = 20


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
    metered : MeteredShares or None
        What a meter saw on the anchor, where the profile came with telemetry.
    """

    compute_share: float
    memory_share: float
    step_time_us: float
    pixels: float
    metered: MeteredShares | None = None

    @classmethod
    def of(
        cls,
        ops: dict[str, float],
        step_time_us: float,
        dataset: str | None,
        batch_size: int | None,
        metered: MeteredShares | None = None,
    ) -> JobRow:
        """From an op vector (µs over the window) and the workload's key."""
        names = list(ops)
        window = sum(ops[c] for c in op_names.device_columns(names))
        busy = op_names.busy_columns(names)
        # arithmetic and the clock slow down alike when the clock is lowered
        arithmetic = [c for c in busy if op_names.nature(c) in ("compute", "serial")]
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


@dataclass(frozen=True, eq=False)
class AnchorJobs:
    """Telemetry of an instance that may stand as the anchor.

    Attributes
    ----------
    jobs : polars.DataFrame
        :func:`metered_jobs` of it.
    limit_w : float
        Power limit of its GPU.
    gpu : str
        Canonical name of its GPU.
    """

    jobs: pl.DataFrame
    limit_w: float
    gpu: str


def joined(vectors: Corpus, metered: Corpus, instance: str) -> pl.DataFrame:
    """Jobs of an instance that stand in both corpora.

    Returns
    -------
    polars.DataFrame
        The whole workload key, the medians over repeats of ``step_time_us`` and of
        every operation, and :func:`metered_jobs`. Meters log model, input size and batch
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
        found = jobs.join(meter, on=KEYS).sort(KEY)
        if found.height >= FEWEST_JOBS:
            return found
    raise AlignmentError(
        f"{vectors.name} and {metered.name} share too few jobs on {instance}",
        "power there is borrowed from another instance",
    )


def metered_jobs(metered: Corpus, instance: str) -> pl.DataFrame | None:
    """Medians by job of :data:`PREDICTED` and, as ``metered_step_us``, of its step time.

    None where there is no telemetry.
    """
    if metered.telemetry is None:
        return None
    runs = metered.runs.filter(pl.col("instance") == instance)
    meter = runs.join(metered.telemetry, on="run_id")
    by_job = meter.group_by(KEYS).agg(
        pl.col(PREDICTED).median(), pl.col(STEP).median().alias(METERED_STEP)
    )
    return by_job.drop_nulls([*KEYS, *PREDICTED]).sort(KEYS)


def with_telemetry(
    jobs: pl.DataFrame, anchor: AnchorJobs, limit_w: float
) -> pl.DataFrame:
    """Jobs of the target with what an anchor's meter said of them.

    Parameters
    ----------
    jobs : polars.DataFrame
        :func:`joined` rows of the target.
    anchor : AnchorJobs
    limit_w : float
        Power limit of the target's GPU.
    """
    speedup = pl.col("_step") / pl.col(METERED_STEP)
    renamed = anchor.jobs.select(
        *KEYS,
        (pl.col("power_w") / anchor.limit_w).alias("_power_share"),
        (pl.col("gpu_utilization") / 100).alias("_busy"),
        (pl.col("memory_utilization") / 100).alias("_memory"),
        (pl.col("power_w") / limit_w).alias("_energy_share"),
        pl.col(METERED_STEP).alias("_step"),
        pl.lit(anchor.gpu).alias("_gpu"),
    )
    # the order of a join is not promised, and a fit repeats itself to the byte
    both = jobs.join(renamed, on=KEYS).sort(KEY)
    # both steps as the meters' corpus has them: profilers slow steps down
    both = both.with_columns(
        speedup.alias("_speedup"), (pl.col("_energy_share") * speedup)
    )
    return both.drop_nulls("_speedup").drop("_step")


def job_rows(jobs: pl.DataFrame) -> list[JobRow]:
    """A :class:`JobRow` for each row of a :func:`joined` table."""
    ops = [c for c in jobs.columns if op_names.is_op_column(c)]
    metered = "_busy" in jobs.columns
    shares = ("_power_share", "_busy", "_memory", "_speedup", "_energy_share", "_gpu")
    return [
        JobRow.of(
            {c: r[c] for c in ops}, r[STEP], r["dataset"], r["batch_size"],
            MeteredShares(*(r[c] for c in shares)) if metered else None,
        )
        for r in jobs.iter_rows(named=True)
    ]  # fmt: skip
