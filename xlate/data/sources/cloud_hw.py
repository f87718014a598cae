"""cloud-hw-trainpred: nvidia-smi telemetry of training jobs to ``telemetry``."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from xlate.data.card import Card
from xlate.data.sources.files import located, read_csv

__all__ = ["read"]

_INSTANCES = {
    "p3": "p3.2xlarge",
    "g4dn": "g4dn.xlarge",
    "g5": "g5.xlarge",
    "p100": "P100-PCIe-16GB",
}
_COLUMNS = (
    "Instances", "model", "batchsize", "datasize", "totaldata",
    "one_epoch_average_second", "power_drawW_50", "utilization_gpu_50",
    "utilization_memory_50", "clocks_current_smMHz_50",
)  # fmt: skip


def read(card: Card, folder: Path) -> dict[str, pl.DataFrame]:
    """Read the files of the corpus.

    Parameters
    ----------
    card : Card
        Names the file.
    folder : Path
        Holds it.

    Returns
    -------
    dict of str to polars.DataFrame
        Canonical ``runs`` (no step time is given there; it is the mean epoch
        over its batches, input stalls included) and ``telemetry``: medians,
        since means hold the warm-up.

    Raises
    ------
    CorpusError
        If the file is missing or is not the table expected.
    """
    (file,) = card.files
    table = read_csv(located(card, folder, file.path), _COLUMNS)
    table = table.unique(["Instances", "model", "batchsize", "datasize"], keep="first")
    table = table.sort("Instances", "model", "batchsize", "datasize").with_columns(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("run_id"),
        (pl.col("totaldata") / pl.col("batchsize")).ceil().alias("batches"),
    )
    columns = [
        "run_id",
        pl.col("Instances").replace(_INSTANCES).alias("instance"),
        "model",
        pl.format("{}px", "datasize").alias("dataset"),
        pl.col("batchsize").alias("batch_size"),
        pl.lit("SGD").alias("optimizer"),
        pl.lit("training").alias("mode"),
        pl.lit("fp32").alias("precision"),
        pl.lit("tensorflow").alias("framework"),
        pl.lit(1).alias("repeat"),
        (pl.col("one_epoch_average_second") * 1e6 / pl.col("batches")).alias(
            "step_time_us"
        ),
    ]
    runs = table.select(columns)
    telemetry = table.select(
        "run_id",
        pl.col("power_drawW_50").alias("power_w"),
        pl.col("utilization_gpu_50").alias("gpu_utilization"),
        pl.col("utilization_memory_50").alias("memory_utilization"),
        pl.col("clocks_current_smMHz_50").alias("sm_mhz"),
    )
    return {"runs": runs, "telemetry": telemetry}
