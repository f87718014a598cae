"""Wide tables of profiles or runs: their checks, and their rows as profiles.

A row for each profile, a column for each operation (``Device_*`` and ``Host_*``, µs over
the window, null or 0 where it did not run), and the columns of :data:`RUN_COLUMNS` about
the run. Rows are numbered from 0.
"""

from __future__ import annotations

import polars as pl

from xlate import op_names
from xlate.errors import ProfileError
from xlate.values import workload_size
from xlate.values.profile import Profile, WorkloadKey

__all__ = ["RUN_COLUMNS", "check_frame", "check_repeated", "profiles_of"]

_TEXT = ("model", "dataset", "optimizer", "mode", "precision", "framework", "instance", "device")  # fmt: skip
#: columns about the run that a table of profiles may have besides the operations
RUN_COLUMNS: tuple[str, ...] = (*_TEXT, "batch_size", "step_time_us", "memory_bytes")
_STEP = "step_time_us"


def check_frame(frame: pl.DataFrame, where: str) -> pl.DataFrame:
    """Check a wide table of profiles and fill absent operations with 0.

    Parameters
    ----------
    frame : polars.DataFrame
        One row for each profile.
    where : str
        Named in errors.

    Returns
    -------
    polars.DataFrame
        The same rows, op columns as float64 without null, ``batch_size`` as int64.

    Raises
    ------
    ProfileError
        Naming the column and row of a time that is not a number, not finite or
        negative, of a step time of 0 and of a size out of :mod:`xlate.values.workload_size`; or
        if there is no op column.
    """
    columns = [c for c in frame.columns if op_names.is_op_column(c)]
    if not columns:
        raise ProfileError(
            f"{where} has no operation column",
            "operations are columns named Device_<type> or Host_<type>",
            code="profile.missing-column",
        )
    if frame.is_empty():
        raise ProfileError(
            f"{where} has no row", "put a profile in it", code="profile.empty"
        )
    ops = list(columns)
    columns += [c for c in (_STEP, "memory_bytes") if c in frame.columns]
    frame = _times_checked(frame, where, columns)
    frame = _sizes_checked(_texts_checked(frame, where), where)
    return frame.with_columns(pl.col(c).fill_null(0.0) for c in ops)


def _times_checked(frame: pl.DataFrame, where: str, columns: list[str]) -> pl.DataFrame:
    """Columns of numbers as float64, after a check of their values."""
    # read once: each access to the schema visits every column
    kinds = frame.schema
    for name in columns:
        if not kinds[name].is_numeric() and kinds[name] != pl.Null:
            raise ProfileError(
                f"{where}: column {name} holds {kinds[name]}, not numbers",
                "times are numbers in microseconds",
                code="profile.bad-value",
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
                code="profile.bad-value",
            )
    if _STEP in frame.columns:
        zero = (frame[_STEP] == 0).arg_true()
        if len(zero):
            raise ProfileError(
                f"{where}: column {_STEP}, row {zero[0]} is 0",
                "leave it empty where it is not known",
                code="profile.bad-value",
            )
    return frame


def check_repeated(frame: pl.DataFrame, where: str) -> None:
    """Raise an error if two rows are equal in every column.

    Raises
    ------
    ProfileError
        Naming the first such row and the one it repeats.
    """
    again = (~frame.is_unique()).arg_true()
    if not len(again):
        return
    first = int(again[0])
    row = frame.row(first)
    second = next(int(k) for k in again[1:] if frame.row(int(k)) == row)
    raise ProfileError(
        f"{where}: rows {first} and {second} are the same in every column",
        "leave the repeated row out; repeated measurements differ in their times",
        code="profile.repeated",
    )


def profiles_of(frame: pl.DataFrame, where: str) -> list[Profile]:
    """Rows of a checked wide table as profiles."""
    columns = [c for c in frame.columns if op_names.is_op_column(c)]
    present = [c for c in RUN_COLUMNS if c in frame.columns]
    many = frame.height > 1
    unknown = WorkloadKey()
    profiles = []
    for i, row in enumerate(frame.select(*present, *columns).iter_rows(named=True)):
        profiles.append(
            Profile(
                {c: row[c] for c in columns if row[c] > 0},
                WorkloadKey(
                    model=row.get("model"),
                    dataset=row.get("dataset"),
                    batch_size=row.get("batch_size"),
                    optimizer=row.get("optimizer"),
                    mode=row.get("mode") or unknown.mode,
                    precision=row.get("precision") or unknown.precision,
                    framework=row.get("framework") or unknown.framework,
                ),
                row.get("instance"),
                row.get(_STEP),
                f"{where}[{i}]" if many else where,
                device=row.get("device"),
                memory_bytes=row.get("memory_bytes"),
            )
        )
    return profiles


def _texts_checked(frame: pl.DataFrame, where: str) -> pl.DataFrame:
    """Names as text, null where they are empty."""
    casts = []
    for name in _TEXT:
        if name not in frame.columns:
            continue
        kind = frame.schema[name]
        if kind.is_float() and (frame[name].is_nan() | frame[name].is_null()).all():
            kind = pl.Null()  # pandas writes a column without values so
            frame = frame.with_columns(pl.lit(None, pl.Null).alias(name))
        # a dataset or a model may be named by a number
        if not (
            kind in (pl.String, pl.Categorical, pl.Enum, pl.Null) or kind.is_integer()
        ):
            raise ProfileError(
                f"{where}: column {name} holds {kind}, not text",
                "write names as text",
                code="profile.bad-value",
            )
        text = pl.col(name).cast(pl.String).str.strip_chars()
        casts.append(pl.when(text != "").then(text).alias(name))
    frame = frame.with_columns(casts)
    if "dataset" in frame.columns:
        for name in frame["dataset"].drop_nulls().unique(maintain_order=True):
            workload_size.check_dataset(name, f"{where}: column dataset")
    return frame


def _sizes_checked(frame: pl.DataFrame, where: str) -> pl.DataFrame:
    """Batch sizes as integers, after a check of their range."""
    if "batch_size" not in frame.columns:
        return frame
    sizes = frame["batch_size"]
    if sizes.dtype != pl.Null and not sizes.dtype.is_numeric():
        text = f"{where}: column batch_size holds {sizes.dtype}"
        raise ProfileError(text, "batch sizes are whole numbers")
    for size in sizes.drop_nulls().unique(maintain_order=True):
        workload_size.batch_size(size, f"{where}: column batch_size")
    return frame.with_columns(pl.col("batch_size").cast(pl.Int64))
