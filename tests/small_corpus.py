"""A small part of the simulated corpus, on which a fit takes a second."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from xlate.data import corpus as corpora

__all__ = ["save_small_corpus"]

_INSTANCES = ("g3s.xlarge", "g4dn.xlarge", "p3.2xlarge")
_GPUS = ("T4", "V100-SXM2-16GB")
_NETWORKS = ("AlexNet", "ResNet18", "ResNet50", "VGG11")
_BATCHES = (32, 64)


def save_small_corpus() -> Path:
    """Save it in the data home as the corpus ``simulated``, where it comes first."""
    full = corpora.load("simulated")
    assert full.telemetry is not None
    assert full.sweeps is not None
    runs = full.runs.filter(
        pl.col("instance").is_in(_INSTANCES),
        pl.col("model").is_in(_NETWORKS),
        pl.col("batch_size").is_in(_BATCHES),
        pl.col("repeat") == 1,
    )
    kept = pl.col("run_id").is_in(runs["run_id"].to_list())
    sweeps = full.sweeps.filter(
        pl.col("gpu").is_in(_GPUS), pl.col("application").is_in(_NETWORKS)
    )
    tables = {
        "runs": runs,
        "ops": full.ops.filter(kept),
        "telemetry": full.telemetry.filter(kept),
        "sweeps": sweeps,
    }
    return corpora.save(full.card, tables)
