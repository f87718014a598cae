"""Jobs that were both profiled and metered: the rows the power model is fitted on."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from xlate.data.corpus import Corpus
from xlate.data.pairing import STEP, median_of_repeats
from xlate.data.schema import KEY
from xlate.errors import AlignmentError

__all__ = [
    "FEWEST_JOBS",
    "PREDICTED",
    "AnchorJobs",
    "joined",
    "metered_jobs",
    "with_telemetry",
]

#: outputs of the power model, in this order: W, %, %
PREDICTED = ("power_w", "gpu_utilization", "memory_utilization")
#: what meters log of a job
KEYS = ("model", "dataset", "batch_size")
#: step time of a metered job, µs
METERED_STEP = "metered_step_us"
#: fewest jobs that a power model is fitted on
FEWEST_JOBS = 20


@dataclass(frozen=True, eq=False)
class AnchorJobs:
    """Telemetry of an instance that may be the anchor.

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
    """Jobs of an instance that both corpora hold.

    Returns
    -------
    polars.DataFrame
        All columns of the workload key, the medians over repeats of ``step_time_us``
        and of every operation, and :func:`metered_jobs`. Meters log only model, input
        size and batch size: jobs that differ in anything else share one measurement.

    Raises
    ------
    AlignmentError
        If too few jobs are in both.
    """
    runs = vectors.wide.filter(pl.col("instance") == instance)
    jobs = median_of_repeats(runs)
    meter = metered_jobs(metered, instance)
    if meter is not None:
        shared = jobs.join(meter, on=KEYS).sort(KEY)
        if shared.height >= FEWEST_JOBS:
            return shared
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
    """Jobs of the target with the telemetry of the same jobs on an anchor.

    Parameters
    ----------
    jobs : polars.DataFrame
        :func:`joined` rows of the target.
    anchor : AnchorJobs
    limit_w : float
        Power limit of the target's GPU.
    """
    speedup = pl.col("_step") / pl.col(METERED_STEP)
    columns = [
        *(pl.col(k) for k in KEYS),
        (pl.col("power_w") / anchor.limit_w).alias("_power_share"),
        (pl.col("gpu_utilization") / 100).alias("_busy"),
        (pl.col("memory_utilization") / 100).alias("_memory"),
        (pl.col("power_w") / limit_w).alias("_energy_share"),
        pl.col(METERED_STEP).alias("_step"),
        pl.lit(anchor.gpu).alias("_gpu"),
    ]
    renamed = anchor.jobs.select(columns)
    # a join promises no order of rows, and a repeated fit must give the same bytes
    both = jobs.join(renamed, on=KEYS).sort(KEY)
    # both step times from the metered corpus: profilers slow steps down
    both = both.with_columns(
        speedup.alias("_speedup"), (pl.col("_energy_share") * speedup)
    )
    return both.drop_nulls("_speedup").drop("_step")
