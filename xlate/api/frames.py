"""Frames in and out: a frame of polars or pandas comes back as the same kind."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeGuard

from xlate.errors import ProfileError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

__all__ = ["as_polars", "is_frame", "is_pandas", "like"]


def is_pandas(value: object) -> TypeGuard[pd.DataFrame]:
    """Whether a value is a frame of pandas; pandas is not imported to see it."""
    # a pandas frame can only exist where pandas was imported already
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def is_polars(value: object) -> TypeGuard[pl.DataFrame]:
    """Whether a value is a frame of polars, which is not imported to see it."""
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(value, polars.DataFrame)


def is_frame(value: object) -> TypeGuard[pl.DataFrame | pd.DataFrame]:
    """Whether a value is a frame of polars or pandas."""
    return is_polars(value) or is_pandas(value)


def as_polars(value: object) -> pl.DataFrame:
    """A polars frame of a pandas or polars one.

    Raises
    ------
    ProfileError
        If it is neither, two columns have one name, or a column mixes types.
    """
    if is_polars(value):
        return value
    if not is_pandas(value):
        raise ProfileError(
            f"an object of type {type(value).__name__} is no table",
            "give a polars or pandas DataFrame",
        )
    names = [str(c) for c in value.columns]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ProfileError(
            f"the table has column {twice[0]!r} twice", "every column has its own name"
        )
    import polars as pl

    # column by column, since polars.from_pandas would need pyarrow
    return pl.DataFrame([_column(n, value.iloc[:, k]) for k, n in enumerate(names)])


def _column(name: str, column: pd.Series) -> pl.Series:
    """A column of a pandas frame; in a column of objects NaN and None are no value."""
    import polars as pl

    values = column.to_list()
    if str(column.dtype)[:5] != "float":
        # pandas has several values that say "missing"; none equals itself but None
        missing = column.isna().to_list()
        values = [None if m else v for v, m in zip(values, missing, strict=True)]
    try:
        return pl.Series(name, values, strict=True)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as e:
        kinds = sorted({type(v).__name__ for v in values if v is not None})
        raise ProfileError(
            f"column {name} of the table mixes {', '.join(kinds)}",
            "one type a column: numbers, or text",
        ) from e


def like(
    frame: pl.DataFrame, given: pl.DataFrame | pd.DataFrame
) -> pl.DataFrame | pd.DataFrame:
    """``frame`` as the library of ``given`` has it, with its index where it has one."""
    if is_pandas(given):
        import pandas as pd

        index = given.index if len(given) == frame.height else None
        return pd.DataFrame(frame.to_dict(as_series=False), index=index)
    return frame
