"""HKBU's clock sweeps of kernels on V100 and RTX 8000: csv to ``sweeps``."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from xlate.data.card import Card
from xlate.data.schema import METER_COLUMNS, sweeps_frame
from xlate.data.sources.files import located, read_csv

__all__ = ["read"]

_GPUS = {"v100": "V100-PCIe-32GB", "rtx8000": "RTX8000-Turing"}
#: lowest clock that a V100 follows
_LOWEST_V100_MHZ = 500
#: power at a higher clock over that at a lower one must not be below this
_MOST_POWER_LOST = 0.85

_NAMES = {
    "core_frequency": "sm_mhz",
    "memory_frequency": "mem_mhz",
    "average_power": "power_w",
    **{
        name: METER_COLUMNS[name]
        for name in ("SMACT", "SMOCC", "TENSO", "DRAMA", "FP64A", "FP32A", "FP16A")
    },
}


def read(card: Card, folder: Path) -> dict[str, pl.DataFrame]:
    """Read the files of the corpus.

    Parameters
    ----------
    card : Card
        Names the files.
    folder : Path
        Holds them, at the paths of the origin or side by side.

    Returns
    -------
    dict of str to polars.DataFrame
        Canonical ``sweeps``; ``time`` (ms) becomes ``time_s``. A workload is
        ``benchmark/kernel/argument``; variants of one micro-benchmark are one
        application.

    Raises
    ------
    CorpusError
        If a file is missing or is not the table expected.
    """
    sweeps = []
    for file in card.files:
        path = located(card, folder, file.path)
        table = read_csv(path, ("benchmark", "kernel", "argNo", "time", *_NAMES))
        table = table.rename(_NAMES).with_columns(
            pl.lit(_GPUS[path.name.partition("-")[0]]).alias("gpu"),
            pl.concat_str("benchmark", "kernel", "argNo", separator="/").alias(
                "workload"
            ),
            pl.col("benchmark")
            .str.replace(r"^(mixbench-cuda|cachebench)-.*$", "$1")
            .alias("application"),
            (pl.col("time") / 1e3).alias("time_s"),
        )
        sweeps.append(sweeps_frame(_sound(table)))
    return {"sweeps": pl.concat(sweeps)}


def _sound(table: pl.DataFrame) -> pl.DataFrame:
    """Rows without clocks that were not followed, and workloads whose meter failed.

    In four mixbench variants on the RTX 8000 power halves from the second highest
    clock to the highest, but the times show that the kernel ran as before.
    """
    order = table.sort("workload", "sm_mhz")
    drop = pl.col("power_w").last() / pl.col("power_w").slice(-2, 1).first()
    failed = (
        order.group_by("workload")
        .agg(drop.alias("drop"))
        .filter(pl.col("drop") < _MOST_POWER_LOST)
    )
    return order.join(failed, on="workload", how="anti").filter(
        (pl.col("gpu") != _GPUS["v100"]) | (pl.col("sm_mhz") >= _LOWEST_V100_MHZ)
    )
