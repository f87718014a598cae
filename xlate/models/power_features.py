"""The features of a job that the power model uses, and their matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate import op_names
from xlate.data.pairing import STEP
from xlate.models.anchor_power import MeteredShares, trend_features
from xlate.values.profile import input_size

__all__ = [
    "PowerFeatures",
    "feature_rows",
    "limiting_shares",
    "process_features",
    "trend_rows",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PowerFeatures:
    """Features of a job for the power model.

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
    ) -> PowerFeatures:
        """From an op vector (µs over the window) and the workload's key."""
        names = list(ops)
        window = sum(ops[c] for c in op_names.device_columns(names))
        busy = op_names.busy_columns(names)
        # a lower clock slows serial operations as much as arithmetic
        arithmetic = [c for c in busy if op_names.nature(c) in ("compute", "serial")]
        compute = sum(ops[c] for c in arithmetic)
        memory = sum(ops[c] for c in busy) - compute
        side = input_size(dataset)
        pixels = float("nan")
        if batch_size is not None and side is not None:
            pixels = float(batch_size * side**2)
        if not window:
            return cls(0.0, 1.0, step_time_us, pixels, metered)
        return cls(compute / window, memory / window, step_time_us, pixels, metered)

    @property
    def busy_share(self) -> float:
        """Busy device time over the profile window."""
        return self.compute_share + self.memory_share

    @property
    def kind(self) -> str:
        """Key of the power model's process for these features."""
        if not np.isfinite(self.pixels):
            return "bare"
        return "sized" if self.metered is None else "metered"


def feature_rows(jobs: pl.DataFrame) -> list[PowerFeatures]:
    """Features of each job of a :func:`~xlate.models.shared_jobs.joined` table."""
    ops = [c for c in jobs.columns if op_names.is_op_column(c)]
    metered = "_busy" in jobs.columns
    shares = ("_power_share", "_busy", "_memory", "_speedup", "_energy_share", "_gpu")
    return [
        PowerFeatures.of(
            {c: r[c] for c in ops},
            r[STEP],
            r["dataset"],
            r["batch_size"],
            MeteredShares(*(r[c] for c in shares)) if metered else None,
        )
        for r in jobs.iter_rows(named=True)
    ]


def limiting_shares(rows: Sequence[PowerFeatures]) -> Floats:
    """Compute-bound and memory-bound shares, shape (n, 2)."""
    return np.array([(r.compute_share, r.memory_share) for r in rows])


def trend_rows(rows: Sequence[PowerFeatures]) -> Floats:
    """:func:`~xlate.models.anchor_power.trend_features` of jobs with telemetry."""
    metered = [r.metered for r in rows if r.metered is not None]
    return trend_features(np.array([r.busy_share for r in rows]), metered)


def process_features(rows: Sequence[PowerFeatures], kind: str) -> Floats:
    """Features of one process, shape (n, n_features).

    Parameters
    ----------
    kind : str
        ``bare``, ``sized`` or ``metered``; the last takes only jobs with telemetry.
    """
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
