"""Runs whose step time and operations contradict each other: the check for tables.

Every row that is translated in bulk or used in a fit passes the checks that
:func:`xlate.values.profile.check_times` makes of one profile. Rows are numbered from 0, as
in :mod:`xlate.readers.tables.frames`; rows of a corpus are named by what ran.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate import op_names
from xlate.errors import ProfileError
from xlate.values.time_faults import (
    LONGEST_WINDOW_US,
    MAX_WINDOWS,
    MIN_WINDOWS,
    MOST_SHORT_OPS,
    SHORTEST_OP_US,
    SHORTEST_WINDOW_US,
    shortness_fault,
    unit_fault,
    window_fault,
)

__all__ = ["check_runs", "named_run"]

_STEP = "step_time_us"
#: rows checked together, which limits memory for large tables
_CHUNK = 65536


def check_runs(runs: pl.DataFrame, where: str, *, numbered: bool = True) -> None:
    """Raise an error if step times and operations cannot both be in microseconds.

    Parameters
    ----------
    runs : polars.DataFrame
        Wide rows: one column an operation (µs over the window, null or 0 where it did
        not run), and ``step_time_us`` where it is known.
    where : str
        Named in errors.
    numbered : bool
        Whether errors name a row by its number, from 0, as for a table of the user.

    Raises
    ------
    ProfileError
        Naming the first such run, their number, and the likely unit; also for
        a run without device time, with an impossible window, or with most
        operations shorter than any kernel.

    Examples
    --------
    >>> import polars as pl
    >>> from xlate.readers.tables.runs import check_runs
    >>> check_runs(pl.DataFrame({"Device_Relu": [2e5], "step_time_us": [1e5]}), "t")
    """
    ops = [c for c in runs.columns if op_names.is_op_column(c)]
    if not ops:
        return
    chunks = [_faults(runs[k : k + _CHUNK], ops) for k in range(0, runs.height, _CHUNK)]
    faults = np.concatenate(chunks) if chunks else np.zeros(0, dtype=np.int8)
    for kind in range(1, 5):
        bad = np.flatnonzero(faults == kind)
        if len(bad):
            k = int(bad[0])
            problem, hint = _fault_and_hint(runs.row(k, named=True), ops)
            count = f"; {len(bad):,} of {len(faults):,} runs are like that"
            raise ProfileError(
                f"{where}: {named_run(runs, k, numbered)}: {problem}"
                + (count if len(faults) > 1 else ""),
                hint,
            )


def _faults(runs: pl.DataFrame, ops: list[str]) -> NDArray[np.int8]:
    """Kind of fault of each row; 0 where there is none."""
    device, work = op_names.device_columns(ops), set(op_names.busy_columns(ops))
    times = np.zeros((runs.height, len(device)))
    for j, name in enumerate(device):
        times[:, j] = runs[name].cast(pl.Float64).fill_null(0.0).to_numpy()
    window = times.sum(axis=1)
    busy = times[:, [c in work for c in device]].sum(axis=1)
    step = np.full(runs.height, np.nan)
    if _STEP in runs.columns:
        step = runs[_STEP].cast(pl.Float64).fill_null(np.nan).to_numpy()
    timed = np.isfinite(step) & (step > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        windows = window / step
    ran = (times > 0).sum(axis=1)
    short = ((times > 0) & (times < SHORTEST_OP_US)).sum(axis=1)
    faults = np.zeros(runs.height, dtype=np.int8)
    faults[short > MOST_SHORT_OPS * np.maximum(ran, 1)] = 4
    faults[~timed & ((window < SHORTEST_WINDOW_US) | (window > LONGEST_WINDOW_US))] = 3
    faults[timed & ((windows < MIN_WINDOWS) | (windows > MAX_WINDOWS))] = 2
    faults[busy <= 0] = 1
    return faults


def _fault_and_hint(row: Mapping[str, Any], ops: list[str]) -> tuple[str, str]:
    """The fault of a row, and a hint."""
    times = [float(row[c] or 0.0) for c in op_names.device_columns(ops)]
    window, step = sum(times), row.get(_STEP)
    if sum(row[c] or 0.0 for c in op_names.busy_columns(ops)) <= 0:
        return "no device operation has any time", "leave such runs out"
    fault = unit_fault(window, float(step)) if step else window_fault(window)
    fault = fault or shortness_fault([t for t in times if t > 0], window)
    assert fault is not None  # the same bounds
    return fault


def named_run(table: pl.DataFrame, k: int, numbered: bool = True) -> str:
    """Name of a row in messages: its number, from 0, and the run where it is known."""
    row = table.row(k, named=True)
    parts = [str(row[c]) for c in ("instance", "model", "dataset") if row.get(c)]
    if row.get("batch_size"):
        parts.append(f"batch {row['batch_size']}")
    run = " ".join(p for p in parts if p != "unknown")
    if not numbered and run:
        return run
    return f"row {k}" + (f" ({run})" if run else "")
