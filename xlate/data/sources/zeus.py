"""Zeus's sweeps of power limits on training jobs: csv to ``sweeps``."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from xlate.data.card import Card
from xlate.data.schema import sweeps_frame
from xlate.data.sources.files import located, read_csv

__all__ = ["read"]

_GPUS = {
    "v100": "V100-PCIe-32GB",
    "a40": "A40",
    "rtx6000": "RTX6000-Turing",
    "p100": "P100-PCIe-16GB",
}
_COLUMNS = (
    "dataset", "network", "batch_size", "optimizer", "power_limit", "time_per_epoch",
    "average_power",
)  # fmt: skip


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
        Canonical ``sweeps`` with ``power_limit_w``, without clocks; ``time_s`` is
        that of an epoch.

    Raises
    ------
    CorpusError
        If a file is missing or is not the table expected.
    """
    sweeps = []
    for file in card.files:
        path = located(card, folder, file.path)
        columns = [
            pl.lit(_GPUS[path.stem.rpartition("_")[2]]).alias("gpu"),
            pl.concat_str(
                "dataset", "network", "batch_size", "optimizer", separator="/"
            ).alias("workload"),
            pl.col("network").alias("application"),
            pl.col("power_limit").alias("power_limit_w"),
            pl.col("time_per_epoch").alias("time_s"),
            pl.col("average_power").alias("power_w"),
        ]
        table = read_csv(path, _COLUMNS).with_columns(columns)
        sweeps.append(sweeps_frame(table))
    return {"sweeps": pl.concat(sweeps)}
