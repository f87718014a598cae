"""A wide table of runs that the user gives: its checks, and defaults of its columns."""

from __future__ import annotations

import polars as pl

from xlate.errors import CorpusError
from xlate.readers.tables.frames import check_frame
from xlate.readers.tables.runs import check_runs

__all__ = ["checked_table"]

#: values of the columns of ``runs`` that a table may lack
_DEFAULTS = {
    "dataset": "unknown", "batch_size": 0, "optimizer": "unknown",
    "mode": "training", "precision": "fp32", "framework": "tensorflow", "repeat": 1,
}  # fmt: skip


def checked_table(frame: pl.DataFrame, where: str) -> pl.DataFrame:
    """A table of the user after its checks, with ``run_id`` and all columns of ``runs``.

    Parameters
    ----------
    frame : polars.DataFrame
        As :func:`xlate.data.corpus.from_frame` takes it.
    where : str
        Named in errors.

    Raises
    ------
    CorpusError
        If a required column is missing, or has a row without a value.
    ProfileError
        If a time is not finite or negative, a size is impossible, or the step times and
        the operations are in different units.
    """
    missing = [
        c for c in ("instance", "model", "step_time_us") if c not in frame.columns
    ]
    if missing:
        raise CorpusError(
            f"{where} lacks {', '.join(missing)}",
            "one row a run, see xlate.fit",
            code="corpus.missing-part",
        )
    frame = check_frame(frame, where)
    for needed in ("instance", "model"):
        absent = frame[needed].is_null().arg_true()
        if len(absent):
            raise CorpusError(
                f"{where}: column {needed}, row {absent[0]} is empty",
                "every run has an instance and a model",
                code="corpus.bad-value",
            )
    check_runs(frame, where)
    return frame.with_columns(
        *(pl.col(c).fill_null(v) for c, v in _DEFAULTS.items() if c in frame.columns)
    ).with_columns(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("run_id"),
        *(pl.lit(v).alias(c) for c, v in _DEFAULTS.items() if c not in frame.columns),
    )
