"""The canonical tables, their columns, units and checks.

``runs``
    A row for each run: the work, the instance, and the time of a step.
``ops``
    A row for each operation of a run: its total time over the profile window.
    An operation that did not run has no row, so that zero and missing differ.
``calls``
    A row for each operation, shape and run, where recorded: number of calls on tensors
    of these shapes, and their total time over the profile window.
``telemetry``
    A row for each run, where sampled: power and utilisations.
``sweeps``
    A row for each GPU, workload, and core clock or power limit: time and power,
    utilisations (%) and DCGM activities (0 to 1). Null means not measured.
"""

from __future__ import annotations

import polars as pl

from xlate.errors import CorpusError

__all__ = [
    "ACTIVITIES",
    "CALLS",
    "KEY",
    "METER_COLUMNS",
    "OPS",
    "RUNS",
    "SWEEPS",
    "TABLES",
    "TELEMETRY",
    "conform",
    "ordered",
    "sweeps_frame",
]

#: columns that are equal in two runs of the same work
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

CALLS: dict[str, pl.DataType] = {
    "run_id": pl.UInt32(),
    "op": pl.String(),
    "input_shapes": pl.String(),
    "output_shape": pl.String(),
    "count": pl.Int64(),
    "time_us": pl.Float64(),
}

TELEMETRY: dict[str, pl.DataType] = {
    "run_id": pl.UInt32(),
    "power_w": pl.Float64(),
    "gpu_utilization": pl.Float64(),
    "memory_utilization": pl.Float64(),
    "sm_mhz": pl.Float64(),
}

#: DCGM's short name of a sampled quantity -> column of ``sweeps``
METER_COLUMNS: dict[str, str] = {
    "POWER": "power_w",
    "SMCLK": "observed_mhz",
    "MMCLK": "mem_mhz",
    "TMPTR": "temperature_c",
    "GPUTL": "gpu_utilization",
    "MCUTL": "memory_utilization",
    "GRACT": "engine_active",
    "SMACT": "sm_active",
    "SMOCC": "sm_occupancy",
    "TENSO": "tensor_active",
    "DRAMA": "dram_active",
    "FP64A": "fp64_active",
    "FP32A": "fp32_active",
    "FP16A": "fp16_active",
}

#: columns of DCGM's profiling fields, each a share of the time from 0 to 1
ACTIVITIES: tuple[str, ...] = (
    "engine_active",
    "sm_active",
    "sm_occupancy",
    "tensor_active",
    "dram_active",
    "fp64_active",
    "fp32_active",
    "fp16_active",
)

SWEEPS: dict[str, pl.DataType] = {
    "gpu": pl.String(),
    "workload": pl.String(),
    # variants of one application share it, so that splits keep them together
    "application": pl.String(),
    "sm_mhz": pl.Float64(),  # as requested
    "observed_mhz": pl.Float64(),
    "mem_mhz": pl.Float64(),
    "power_limit_w": pl.Float64(),
    "time_s": pl.Float64(),
    "power_w": pl.Float64(),
    "energy_j": pl.Float64(),
    "temperature_c": pl.Float64(),
    "gpu_utilization": pl.Float64(),
    "memory_utilization": pl.Float64(),
    **{name: pl.Float64() for name in ACTIVITIES},
}

TABLES: dict[str, dict[str, pl.DataType]] = {
    "runs": RUNS,
    "ops": OPS,
    "calls": CALLS,
    "telemetry": TELEMETRY,
    "sweeps": SWEEPS,
}

#: columns by which the rows of a table are sorted
_ORDER: dict[str, tuple[str, ...]] = {
    "runs": tuple(list(RUNS)[:9]),
    "ops": ("run_id", "op", "time_us"),
    "calls": ("run_id", "op", "input_shapes", "output_shape", "time_us"),
    "telemetry": ("run_id",),
    "sweeps": ("gpu", "workload", "sm_mhz", "power_limit_w"),
}


def ordered(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """Rows of a canonical table, sorted, so that the same rows give the same bytes."""
    return table.sort(list(_ORDER[name]))


def sweeps_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """A ``sweeps`` table; columns that were not measured become null.

    Raises
    ------
    CorpusError
        As :func:`conform`.
    """
    missing = [
        c for c in ("gpu", "workload", "time_s", "power_w") if c not in frame.columns
    ]
    if missing:
        raise CorpusError(
            f"sweeps lack {', '.join(missing)}",
            "one row a clock with gpu, workload, sm_mhz, time_s and power_w",
            code="corpus.no-sweep",
        )
    absent = [c for c in SWEEPS if c not in frame.columns]
    return conform(frame.with_columns(pl.lit(None).alias(c) for c in absent), "sweeps")


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
            f"table {name} lacks {', '.join(missing)}",
            "import the corpus again",
            code="corpus.missing-part",
        )
    try:
        return table.select(pl.col(c).cast(t, strict=True) for c, t in schema.items())
    except pl.exceptions.PolarsError as e:
        raise CorpusError(
            f"table {name} holds a value of the wrong type: {e}",
            "import the corpus again",
            code="corpus.bad-value",
        ) from e
