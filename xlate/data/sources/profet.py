"""PROFET's public vectors: four pickles to canonical tables."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from xlate import op_names
from xlate.data.card import Card
from xlate.data.sources.files import located
from xlate.data.sources.frame_pickle import read_frame
from xlate.errors import CorpusError

__all__ = ["read"]

_META = {
    "instance_name": pl.String(),
    "dataset": pl.String(),
    "model": pl.String(),
    "optimizer": pl.String(),
    "batchsize": pl.Int64(),
    "exp_name": pl.String(),
    "batch_latency": pl.Float64(),
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
        Canonical ``runs`` and ``ops``; ``batch_latency`` (s) becomes
        ``step_time_us``, ``128dataset`` becomes ``128px``, ``exp03`` repeat 3.

    Raises
    ------
    CorpusError
        If a file is missing or is not the table expected.
    """
    runs, ops = [], []
    start = 0
    for file in card.files:
        path = located(card, folder, file.path)
        frame = read_frame(path)
        missing = [c for c in _META if c not in frame.columns]
        columns = [c for c in frame.columns if op_names.is_op_column(c)]
        if missing or not columns:
            raise CorpusError(
                f"{path} lacks {', '.join(missing) or 'operation columns'}",
                "it is not one of PROFET's anchor tables",
                code="corpus.missing-part",
            )
        frame = _typed(frame, path, columns, start)
        start += frame.height
        runs.append(frame.select(_RUNS))
        ops.append(
            frame.unpivot(
                on=columns, index="run_id", variable_name="op", value_name="time_us"
            ).filter(pl.col("time_us") != 0)
        )
    return {"runs": pl.concat(runs), "ops": pl.concat(ops)}


#: columns of ``runs`` from those of a typed table
_RUNS = [
    pl.col("run_id"),
    pl.col("instance_name").alias("instance"),
    pl.col("model"),
    pl.col("dataset"),
    pl.col("batchsize").alias("batch_size"),
    pl.col("optimizer"),
    pl.lit("training").alias("mode"),
    pl.lit("fp32").alias("precision"),
    pl.lit("tensorflow").alias("framework"),
    pl.col("repeat"),
    (pl.col("batch_latency") * 1e6).alias("step_time_us"),
]


def _typed(
    frame: pl.DataFrame, path: Path, columns: list[str], start: int
) -> pl.DataFrame:
    """A table with the right types, ``run_id`` from ``start`` on, ``repeat`` and pixels."""
    try:
        typed = frame.with_columns(
            *(pl.col(c).cast(t) for c, t in _META.items()),
            *(pl.col(c).cast(pl.Float64) for c in columns),
        )
        return typed.with_columns(
            (pl.int_range(pl.len()) + start).cast(pl.UInt32).alias("run_id"),
            pl.col("exp_name").str.extract(r"(\d+)$").cast(pl.Int64).alias("repeat"),
            pl.col("dataset").str.replace(r"^(\d+)dataset$", "${1}px"),
        )
    except pl.exceptions.PolarsError as e:
        raise CorpusError(
            f"{path} holds a value of the wrong type: {e}", code="corpus.bad-value"
        ) from e
