"""xlate's own parquet: one row a profile, one column an operation.

Beside ``Device_*`` and ``Host_*`` (µs over the window, null or 0 where the op
did not run) it may hold ``model, dataset, batch_size, optimizer, instance`` and
``step_time_us``. This is the form for many profiles.
"""

from __future__ import annotations

import io

import polars as pl

from xlate import opnames
from xlate.errors import ProfileError
from xlate.profile import Profile, WorkloadKey
from xlate.readers.source import Source

__all__ = ["FILE_KEY", "check_frame", "profiles_of", "read", "sniff"]

#: first and last four bytes of every parquet file
MAGIC = b"PAR1"
#: column that names the file a row came from
FILE_KEY = "file"
_META = ("model", "dataset", "batch_size", "optimizer", "instance", "step_time_us")


def sniff(raw: bytes) -> bool:
    """Whether the bytes begin as parquet does."""
    return raw[:4] == MAGIC


def read(source: Source) -> list[Profile]:
    """Read every row of a parquet file as a profile.

    Raises
    ------
    ProfileError
        If the file is truncated, or a column or value is not as said above.
    """
    path, raw = source.path, source.content()
    if raw[-4:] != MAGIC:
        raise ProfileError(f"{path} is a truncated parquet file", "copy it again")
    try:
        frame = pl.read_parquet(io.BytesIO(raw))
    except (pl.exceptions.PolarsError, OSError) as e:
        raise ProfileError(
            f"{path} is a damaged parquet file: {e}", "copy it again"
        ) from e
    return profiles_of(check_frame(frame, str(path)), str(path))


def check_frame(frame: pl.DataFrame, where: str) -> pl.DataFrame:
    """Check a wide table of profiles and fill absent operations with 0.

    Parameters
    ----------
    frame : polars.DataFrame
        One row a profile.
    where : str
        Named in errors.

    Returns
    -------
    polars.DataFrame
        The same rows, op columns as float64 without null.

    Raises
    ------
    ProfileError
        Naming the column and row of a time that is no number, not finite or
        negative; or if there is no op column.
    """
    columns = [c for c in frame.columns if opnames.is_op_column(c)]
    if not columns:
        raise ProfileError(
            f"{where} has no operation column",
            "operations are columns named Device_<type> or Host_<type>",
        )
    if frame.is_empty():
        raise ProfileError(f"{where} has no row", "put a profile in it")
    if "step_time_us" in frame.columns:
        columns = [*columns, "step_time_us"]
    for name in columns:
        if not frame.schema[name].is_numeric() and frame.schema[name] != pl.Null:
            raise ProfileError(
                f"{where}: column {name} holds {frame.schema[name]}, not numbers",
                "times are numbers in microseconds",
            )
    frame = frame.with_columns(pl.col(c).cast(pl.Float64) for c in columns)
    bad = frame.select(
        (pl.col(c).is_not_null() & (~pl.col(c).is_finite() | (pl.col(c) < 0))).any()
        for c in columns
    ).row(0)
    for name, is_bad in zip(columns, bad, strict=True):
        if is_bad:
            rows = (~frame[name].is_finite() | (frame[name] < 0)).arg_true()
            raise ProfileError(
                f"{where}: column {name}, row {rows[0]} is {frame[name][rows[0]]}",
                "times are finite and not negative; profile again",
            )
    return frame.with_columns(
        pl.col(c).fill_null(0.0) for c in columns if c != "step_time_us"
    )


def profiles_of(frame: pl.DataFrame, where: str) -> list[Profile]:
    """Rows of a checked wide table as profiles."""
    columns = [c for c in frame.columns if opnames.is_op_column(c)]
    present = [c for c in _META if c in frame.columns]
    many = frame.height > 1
    profiles = []
    for i, row in enumerate(frame.select(*present, *columns).iter_rows(named=True)):
        size = row.get("batch_size")
        profiles.append(
            Profile(
                {c: row[c] for c in columns if row[c] > 0},
                WorkloadKey(
                    row.get("model"),
                    row.get("dataset"),
                    None if size is None else int(size),
                    row.get("optimizer"),
                ),
                row.get("instance"),
                row.get("step_time_us"),
                f"{where}[{i}]" if many else where,
            )
        )
    return profiles
