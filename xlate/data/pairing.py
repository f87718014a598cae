"""Align two instances by workload: which row of one is the same work as which of the other.

Pairs are built on the fly and never stored. Here is also the border between
the two languages inside: tables (polars) come in, matrices (numpy) go out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate import op_names
from xlate.data.columns import STEP
from xlate.data.schema import KEY
from xlate.errors import AlignmentError, UnknownNameError
from xlate.parallel import Threads

__all__ = ["POLICIES", "STEP", "Aligned", "align", "matrix", "median_of_repeats"]

Floats = NDArray[np.float64]

#: how the repeats of one workload meet
POLICIES: dict[str, str] = {
    "same": "repeat k of the anchor with repeat k of the target",
    "cross": "every repeat of the anchor with every repeat of the target",
    "median": "the median over repeats of each side",
}

_FEWEST_MODELS = 2
#: rows from which threads pay
_LARGE = 100_000


@dataclass(frozen=True)
class Aligned:
    """Pairs of runs of the same work, sorted by workload key.

    Only row numbers are kept beside the two tables; a matrix is gathered when
    asked for, and only the columns asked for.

    Attributes
    ----------
    anchor, target : str
        Instances.
    columns : tuple of str
        Op columns that either side has, sorted.
    unpaired_anchor, unpaired_target : polars.DataFrame
        Workload keys that the other side lacks.
    policy : str
        Repeat policy used.
    """

    anchor: str
    target: str
    columns: tuple[str, ...]
    unpaired_anchor: pl.DataFrame
    unpaired_target: pl.DataFrame
    policy: str
    _sides: tuple[pl.DataFrame, pl.DataFrame]
    _rows: tuple[NDArray[np.int64], NDArray[np.int64]]

    def __len__(self) -> int:
        return len(self._rows[0])

    @cached_property
    def keys(self) -> pl.DataFrame:
        """One row a pair: workload key and both repeats (null under ``median``)."""
        none = pl.lit(None, dtype=pl.Int64)
        return (
            self._sides[0]
            .select(KEY)[self._rows[0]]
            .with_columns(
                (none if self.policy == "median" else table["repeat"][rows]).alias(
                    f"repeat_{side}"
                )
                for table, rows, side in zip(
                    self._sides, self._rows, ("anchor", "target"), strict=True
                )
            )
        )

    @property
    def models(self) -> NDArray[np.str_]:
        """Model of each pair."""
        return self.keys["model"].to_numpy().astype(str)

    def anchor_matrix(self, columns: Sequence[str] | None = None) -> Floats:
        """Anchor side as (n_pairs, n_columns), µs; all op columns by default."""
        return matrix(self._sides[0], columns or self.columns, self._rows[0])

    def target_matrix(self, columns: Sequence[str] | None = None) -> Floats:
        """Target side as (n_pairs, n_columns), µs; all op columns by default."""
        return matrix(self._sides[1], columns or self.columns, self._rows[1])


def align(
    anchor_runs: pl.DataFrame,
    target_runs: pl.DataFrame,
    policy: str = "median",
    fewest_models: int = _FEWEST_MODELS,
) -> Aligned:
    """Pair the runs of two instances by workload key.

    Parameters
    ----------
    anchor_runs, target_runs : polars.DataFrame
        Wide tables: the columns of ``runs`` and one column an operation.
    policy : {"median", "same", "cross"}
        How repeats meet, see :data:`POLICIES`.
    fewest_models : int
        Fewest models that must be in common.

    Returns
    -------
    Aligned
        Independent of the order of the input rows.

    Raises
    ------
    UnknownNameError
        If the policy is unknown.
    AlignmentError
        If one side is empty, both are one instance, a workload key stands
        twice, or too few models are in common.
    """
    if policy not in POLICIES:
        raise UnknownNameError("repeat policy", policy, POLICIES)
    anchor, target = _instance(anchor_runs, "anchor"), _instance(target_runs, "target")
    if anchor == target:
        raise AlignmentError(
            f"anchor and target are both {anchor}",
            "choose two instances",
            code="pair.same-instance",
        )
    if policy == "median":
        left, right = (
            median_of_repeats(r, ordered=False) for r in (anchor_runs, target_runs)
        )
    else:
        left, right = anchor_runs, target_runs
    a_work, b_work = _codes(left, right, KEY)
    if policy == "median":
        a_run, b_run = a_work, b_work
    else:
        a_repeat, b_repeat = _codes(left, right, ("repeat",))
        n_repeats = 1 + max(a_repeat.max(), b_repeat.max())
        a_run = a_work * n_repeats + a_repeat
        b_run = b_work * n_repeats + b_repeat
    a_order, b_order = _orders(a_run, b_run)
    for table, code, order, name in (
        (left, a_run, a_order, anchor),
        (right, b_run, b_order, target),
    ):
        _check_unique(table, code[order], order, name)

    a_sorted, b_sorted = a_run[a_order], b_run[b_order]
    if policy == "cross":
        i, j = _merge(a_work[a_order], b_work[b_order])
    else:
        i, j = _merge(a_sorted, b_sorted)
    everything = len(i) == len(a_run) == len(b_run) and policy != "cross"
    i, j = a_order[i], b_order[j]
    if everything:
        unpaired = (left.select(KEY).clear(), right.select(KEY).clear())
    else:
        a_known, b_known = a_work[a_order], b_work[b_order]
        unpaired = (
            _lacking(left, a_order, a_known, b_known),
            _lacking(right, b_order, b_known, a_known),
        )
    in_pairs = np.zeros(left.height, dtype=bool)
    in_pairs[i] = True
    n_models = left.select(
        pl.col("model").filter(pl.Series(in_pairs)).n_unique()
    ).item()
    if n_models < fewest_models:
        raise AlignmentError(
            f"{anchor} and {target} have {n_models} models in common, "
            f"at least {fewest_models} are needed "
            f"({unpaired[0].height} workloads of {anchor} and "
            f"{unpaired[1].height} of {target} have no partner)",
            "measure more models on both, or use another corpus",
        )
    columns = {*anchor_runs.columns, *target_runs.columns}
    return Aligned(
        anchor,
        target,
        tuple(sorted(c for c in columns if op_names.is_op_column(c))),
        *unpaired,
        policy,
        (left, right),
        (i, j),
    )


def matrix(
    table: pl.DataFrame,
    columns: Sequence[str],
    rows: NDArray[np.int64] | None = None,
) -> Floats:
    """Columns of a wide table as a matrix: the border from polars to numpy.

    Parameters
    ----------
    table : polars.DataFrame
        Wide table.
    columns : sequence of str
        In this order; a column the table lacks, or a null in an op column, is
        an operation that did not run, hence 0. A null step time is NaN.
    rows : ndarray of int, optional
        Rows to take, in this order; all by default.

    Returns
    -------
    ndarray of shape (n_rows, n_columns), column-major
    """
    n = table.height if rows is None else len(rows)
    there = set(table.columns)
    out = np.empty((n, len(columns)), dtype=np.float64, order="F")

    def fill(k: int) -> None:
        name = columns[k]
        absent = float("nan") if name == STEP else 0.0
        if name not in there:
            out[:, k] = absent
            return
        series = table[name].cast(pl.Float64)
        values = (
            series.fill_null(absent) if series.null_count() else series
        ).to_numpy()
        if rows is None:
            out[:, k] = values
        else:
            np.take(values, rows, out=out[:, k], mode="clip")

    if n < _LARGE:
        for k in range(len(columns)):
            fill(k)
    else:
        # np.take releases the GIL, and a random gather waits for memory
        Threads().map(fill, range(len(columns)))
    return out


def _instance(runs: pl.DataFrame, side: str) -> str:
    names = runs["instance"].unique().to_list() if runs.height else []
    if len(names) != 1:
        raise AlignmentError(
            f"the {side} table holds runs of {len(names)} instances",
            "give the rows of one instance",
        )
    return str(names[0])


def median_of_repeats(
    runs: pl.DataFrame, apart: Sequence[str] = (), *, ordered: bool = True
) -> pl.DataFrame:
    """One row a workload: the median over its repeats of every operation and the step.

    Parameters
    ----------
    runs : polars.DataFrame
        Wide table.
    apart : sequence of str
        Columns beside the workload key whose values are kept apart (``instance``).
    ordered : bool
        Whether rows are sorted by key.

    Returns
    -------
    polars.DataFrame
        Columns ``apart``, the whole workload key, operations and step time. An
        operation that ran in some repeats only has the median of these.

    Examples
    --------
    >>> import polars as pl
    >>> run = {"model": "A", "dataset": "32px", "batch_size": 8, "optimizer": "SGD",
    ...        "mode": "training", "precision": "fp32", "framework": "tensorflow"}
    >>> runs = pl.DataFrame([run | {"Device_Relu": t, "step_time_us": 9.0} for t in (1.0, 3.0)])
    >>> median_of_repeats(runs)["Device_Relu"].to_list()
    [2.0]
    """
    key = [*apart, *KEY]
    columns = [c for c in runs.columns if op_names.is_op_column(c)]
    jobs = runs.group_by(key).agg(pl.col([*columns, STEP]).median())
    return jobs.sort(key) if ordered else jobs


def _codes(
    left: pl.DataFrame, right: pl.DataFrame, on: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """One integer a row that orders and equals as the columns ``on`` do together.

    Each column becomes its rank among the values of both tables, and the ranks
    become digits of one number, so that sorting and joining touch integers
    only. Exact, no hash is involved.
    """
    names = [c for c in on if left.schema[c] == pl.String]
    # one select a table, so that the columns are worked on side by side
    seen = [t.select(pl.col(names).unique().implode()) for t in (left, right)]
    values = {
        c: pl.concat([t[c][0] for t in seen]).unique().drop_nulls().sort()
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
    ranks = [t.select(rank) for t in (left, right)]
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
            # more combinations than an integer holds: close the gaps first
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


def _orders(
    a: NDArray[np.int64], b: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sorting order of both codes, side by side when they are long."""
    if max(a.max(initial=0), b.max(initial=0)) < 2**31:
        # half the width sorts in half the time
        sides: list[NDArray[Any]] = [a.astype(np.int32), b.astype(np.int32)]
    else:
        sides = [a, b]
    if len(a) + len(b) < _LARGE:
        return np.argsort(sides[0]), np.argsort(sides[1])
    first, second = Threads().map(np.argsort, sides)
    return first, second


def _check_unique(
    table: pl.DataFrame,
    ordered: NDArray[np.int64],
    order: NDArray[np.int64],
    instance: str,
) -> None:
    doubled = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(doubled):
        key = [c for c in (*KEY, "repeat") if c in table.columns]
        first = table.select(key).row(int(order[doubled[0]]))
        raise AlignmentError(
            f"{instance}: the workload key "
            + ", ".join(f"{k}={v}" for k, v in zip(key, first, strict=True))
            + " stands more than once",
            "give every run of one workload its own repeat number",
            code="alignment.repeated",
        )


def _merge(
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


def _lacking(
    table: pl.DataFrame,
    order: NDArray[np.int64],
    mine: NDArray[np.int64],
    other: NDArray[np.int64],
) -> pl.DataFrame:
    """Workload keys of ``table`` whose code (sorted) the other side lacks."""
    if np.array_equal(mine, other):
        return table.select(KEY).clear()
    place = np.minimum(np.searchsorted(other, mine), len(other) - 1)
    lone = pl.Series(order[other[place] != mine])
    return table.select(pl.col(KEY).gather(lone)).unique().sort(KEY)
