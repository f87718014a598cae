"""Workload keys of two tables as integers, so that rows are sorted and joined fast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate.parallel import Threads

__all__ = ["LARGE", "codes", "equal_pairs", "sorting_orders", "with_repeats"]

#: number of rows from which threads are faster
LARGE = 100_000

Codes = tuple[NDArray[np.int64], NDArray[np.int64]]


def codes(
    left: pl.DataFrame, right: pl.DataFrame, on: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """An integer for each row, which sorts and compares as the columns ``on`` together.

    Parameters
    ----------
    left, right : polars.DataFrame
        Tables with these columns.
    on : sequence of str
        Columns of text or of integers.

    Notes
    -----
    Each column is replaced by its rank among the values of both tables, and the ranks
    are the digits of one number, so that only integers are sorted and joined. The result
    is exact: no hash is used.
    """
    ranks = _ranks(left, right, on)
    a = np.zeros(left.height, dtype=np.int64)
    b = np.zeros(right.height, dtype=np.int64)
    size = 1
    for name in ranks[0].columns:
        columns = [t[name] for t in ranks]
        low, high = (
            [int(x) for c in columns if (x := edge(c)) is not None]  # type: ignore[arg-type]
            for edge in (pl.Series.min, pl.Series.max)
        )
        if not low:
            continue
        # null is 0, the lowest value 1
        offset = 1 - min(low)
        radix = max(high) + offset + 1
        if size * radix >= 2**62:
            # more combinations than an integer holds: remove the gaps first
            both = np.unique(np.concatenate([a, b]), return_inverse=True)[1]
            a, b, size = both[: len(a)], both[len(a) :], int(both.max()) + 1
        size *= radix
        for code, column in zip((a, b), columns, strict=True):
            code *= radix
            code += (
                column.fill_null(-offset) if column.null_count() else column
            ).to_numpy()
            code += offset
    return a, b


def _ranks(
    left: pl.DataFrame, right: pl.DataFrame, on: Sequence[str]
) -> list[pl.DataFrame]:
    """Ranks of the values in each column of two tables; columns of one value are left out."""
    names = [c for c in on if left.schema[c] == pl.String]
    # one select for each table, so that its columns are computed in parallel
    unique = [t.select(pl.col(names).unique().implode()) for t in (left, right)]
    values = {
        c: pl.concat([t[c][0] for t in unique]).unique().drop_nulls().sort()
        for c in names
    }
    # an Enum's physical value is the position of the string in its list
    rank = [
        pl.col(c).cast(pl.Enum(values[c])).to_physical().cast(pl.Int64)
        if c in values
        else pl.col(c).cast(pl.Int64)
        for c in on
        if c not in values
        or len(values[c]) != 1
        or left[c].null_count()
        or right[c].null_count()
    ]
    return [t.select(rank) for t in (left, right)]


def with_repeats(work: Codes, left: pl.DataFrame, right: pl.DataFrame) -> Codes:
    """Codes of single runs: those of their workloads, combined with the repeat.

    Parameters
    ----------
    work : (ndarray of int, ndarray of int)
        Codes of the workloads of both tables.
    left, right : polars.DataFrame
        The tables, with a column ``repeat``.
    """
    repeats = codes(left, right, ("repeat",))
    n_repeats = 1 + max(repeats[0].max(), repeats[1].max())
    return work[0] * n_repeats + repeats[0], work[1] * n_repeats + repeats[1]


def sorting_orders(
    a: NDArray[np.int64], b: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sorting order of both codes, computed in parallel when they are long."""
    if max(a.max(initial=0), b.max(initial=0)) < 2**31:
        # half the width sorts in half the time
        sides: list[NDArray[Any]] = [a.astype(np.int32), b.astype(np.int32)]
    else:
        sides = [a, b]
    if len(a) + len(b) < LARGE:
        return np.argsort(sides[0]), np.argsort(sides[1])
    first, second = Threads().map(np.argsort, sides)
    return first, second


def equal_pairs(
    a: NDArray[np.int64], b: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of all equal pairs of two sorted arrays, in order of the first."""
    if np.array_equal(a, b) and (a[1:] != a[:-1]).all():
        both = np.arange(len(a))
        return both, both
    low = np.searchsorted(b, a, side="left")
    counts = np.searchsorted(b, a, side="right") - low
    i = np.repeat(np.arange(len(a)), counts)
    # position within the partners of one element of a
    within = np.arange(len(i)) - np.repeat(np.cumsum(counts) - counts, counts)
    return i, np.repeat(low, counts) + within
