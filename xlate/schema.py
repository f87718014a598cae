"""The canonical tables, their columns, units and checks.

``runs``
    One row a run: which work ran where, and how long a step took.
``ops``
    One row an operation of a run: its total time over the profile window.
    An operation that did not run has no row, so zero and missing stay apart.
``telemetry``
    One row a run, where sampled: power and utilisations.
``sweeps``
    One row a (GPU, workload, core clock): time and power there.
"""

from __future__ import annotations

import polars as pl

from xlate.errors import CorpusError

__all__ = [
    "KEY",
    "OPS",
    "RUNS",
    "SWEEPS",
    "TABLES",
    "TELEMETRY",
    "conform",
]

#: columns that together make two runs the same work
KEY: tuple[str, ...] = (
    "model",
    "dataset",
    "batch_size",
    "optimizer",
    "mode",
    "precision",
    "framework",
)

RUNS: dict[str, pl.DataType] = {
    "run_id": pl.UInt32(),
    "instance": pl.String(),
    "model": pl.String(),
    "dataset": pl.String(),
    "batch_size": pl.Int64(),
    "optimizer": pl.String(),
    "mode": pl.String(),
    "precision": pl.String(),
    "framework": pl.String(),
    "repeat": pl.Int64(),
    "step_time_us": pl.Float64(),
}

OPS: dict[str, pl.DataType] = {
    "run_id": pl.UInt32(),
    "op": pl.String(),
    "time_us": pl.Float64(),
}

TELEMETRY: dict[str, pl.DataType] = {
    "run_id": pl.UInt32(),
    "power_w": pl.Float64(),
    "gpu_utilization": pl.Float64(),
    "memory_utilization": pl.Float64(),
    "sm_mhz": pl.Float64(),
}

SWEEPS: dict[str, pl.DataType] = {
    "gpu": pl.String(),
    "workload": pl.String(),
    "sm_mhz": pl.Float64(),
    "time_s": pl.Float64(),
    "power_w": pl.Float64(),
}

TABLES: dict[str, dict[str, pl.DataType]] = {
    "runs": RUNS,
    "ops": OPS,
    "telemetry": TELEMETRY,
    "sweeps": SWEEPS,
}


def conform(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return ``table`` with exactly the columns and types of a canonical table.

    Raises
    ------
    CorpusError
        If a column is missing, or a value does not fit its type.
    """
    schema = TABLES[name]
    missing = [c for c in schema if c not in table.columns]
    if missing:
        raise CorpusError(
            f"table {name} lacks {', '.join(missing)}", "import the corpus again"
        )
    try:
        return table.select(pl.col(c).cast(t, strict=True) for c, t in schema.items())
    except pl.exceptions.PolarsError as e:
        raise CorpusError(
            f"table {name} holds a value of the wrong type: {e}",
            "import the corpus again",
        ) from e
