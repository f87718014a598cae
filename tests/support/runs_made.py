"""Runs made of the roofs of GPUs, with and without noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from xlate.hardware.catalogue import catalogue
from xlate.models.translate.base import STEP
from xlate.models.zero_shot.roofs import DEFAULT_ROOFS, log_ratios

__all__ = ["GPUS", "OPS", "frame", "noisy"]

GPUS = ("T4", "L4", "V100-PCIe-32GB", "A100-PCIe-40GB", "H100-SXM5-80GB")
OPS = ("Device_aten::addmm", "Device_aten::gelu", "Device_aten::softmax")


def frame(
    gpus: Sequence[str] = GPUS, models: int = 4, off: float = 0.0, seed: int = 0
) -> pl.DataFrame:
    """Runs that follow the roofs: matrix products, and two limited by memory."""
    rng = np.random.default_rng(seed)
    rows = []
    for m in range(models):
        work = np.array([8e5, 1e5, 5e4]) * rng.uniform(0.3, 3, 3)
        for gpu in gpus:
            logs = log_ratios(
                DEFAULT_ROOFS, catalogue().gpu("T4"), catalogue().gpu(gpu)
            )
            grown = np.exp(
                [logs["compute"] + off * (gpu != "T4"), *[logs["memory"]] * 2]
            )
            times = work * grown
            rows.append(
                {"instance": gpu, "model": f"m{m}", "framework": "pytorch", STEP: times.sum(),
                 **dict(zip(OPS, times, strict=True))}
            )  # fmt: skip
    return pl.DataFrame(rows)


def noisy(size: float, models: int = 3, seed: int = 1) -> pl.DataFrame:
    """Runs on the target that say something else each time."""
    rng = np.random.default_rng(seed)
    data = frame(gpus=("T4", "L4"), models=models)
    factor = np.where(
        data["instance"] == "L4", np.exp(rng.choice([-size, size], data.height)), 1.0
    )
    return data.with_columns(
        (pl.col(c) * pl.Series(factor)).alias(c) for c in (*OPS, STEP)
    )
