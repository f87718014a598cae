"""Align two instances by workload: pairs of rows that are the same work.

Pairs are computed when they are needed and never stored. This module also converts
tables (polars) to matrices (numpy).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate import op_names
from xlate.data.columns import STEP
from xlate.data.schema import KEY
from xlate.data.workload_codes import (
    LARGE,
    codes,
    equal_pairs,
    sorting_orders,
    with_repeats,
)
from xlate.errors import AlignmentError, UnknownNameError
from xlate.parallel import Threads

__all__ = ["POLICIES", "STEP", "Aligned", "align", "matrix", "median_of_repeats"]

Floats = NDArray[np.float64]

#: how the repeats of one workload are paired
POLICIES: dict[str, str] = {
    "same": "repeat k of the anchor with repeat k of the target",
    "cross": "every repeat of the anchor with every repeat of the target",
    "median": "the median over repeats of each side",
}

_FEWEST_MODELS = 2


@dataclass(frozen=True)
class Aligned:
    """Pairs of runs of the same work, sorted by workload key.

    Only row numbers are kept besides the two tables; a matrix is made when it is
    needed, with the columns that are needed.

    Attributes
    ----------
    anchor, target : str
        Instances.
    columns : tuple of str
        Op columns that either side has, sorted.
    unpaired_anchor, unpaired_target : polars.DataFrame
        Workload keys without a partner on the other side.
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
        """A row for each pair: workload key and both repeats (null under ``median``)."""
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
        Wide tables: the columns of ``runs`` and a column for each operation.
    policy : {"median", "same", "cross"}
        How repeats are paired, see :data:`POLICIES`.
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
        If one side is empty, both are one instance, a workload key is repeated,
        or too few models are in common.
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
    sides = (anchor_runs, target_runs)
    if policy == "median":
        left, right = (median_of_repeats(r, ordered=False) for r in sides)
        sides = (left, right)
    rows, unpaired = _paired(sides, policy, (anchor, target))
    columns = {*anchor_runs.columns, *target_runs.columns}
    aligned = Aligned(
        anchor=anchor,
        target=target,
        columns=tuple(sorted(c for c in columns if op_names.is_op_column(c))),
        unpaired_anchor=unpaired[0],
        unpaired_target=unpaired[1],
        policy=policy,
        _sides=sides,
        _rows=rows,
    )
    _check_models(aligned, fewest_models)
    return aligned


def _paired(
    sides: tuple[pl.DataFrame, pl.DataFrame], policy: str, instances: tuple[str, str]
) -> tuple[
    tuple[NDArray[np.int64], NDArray[np.int64]], tuple[pl.DataFrame, pl.DataFrame]
]:
    """Row numbers of the pairs on both sides, and workload keys without a partner."""
    work = codes(*sides, KEY)
    runs = work if policy == "median" else with_repeats(work, *sides)
    orders = sorting_orders(*runs)
    for table, code, order, name in zip(sides, runs, orders, instances, strict=True):
        _check_unique(table, code[order], order, name)
    sorted_work = (work[0][orders[0]], work[1][orders[1]])
    if policy == "cross":
        places = equal_pairs(*sorted_work)
    else:
        places = equal_pairs(runs[0][orders[0]], runs[1][orders[1]])
    rows = (orders[0][places[0]], orders[1][places[1]])
    if len(rows[0]) == len(runs[0]) == len(runs[1]) and policy != "cross":
        return rows, (sides[0].select(KEY).clear(), sides[1].select(KEY).clear())
    return rows, (
        _lacking(sides[0], orders[0], sorted_work[0], sorted_work[1]),
        _lacking(sides[1], orders[1], sorted_work[1], sorted_work[0]),
    )


def _check_models(aligned: Aligned, fewest: int) -> None:
    """Raise an error if the pairs have fewer models than this."""
    table = aligned._sides[0]
    in_pairs = np.zeros(table.height, dtype=bool)
    in_pairs[aligned._rows[0]] = True
    n_models = table.select(
        pl.col("model").filter(pl.Series(in_pairs)).n_unique()
    ).item()
    if n_models < fewest:
        raise AlignmentError(
            f"{aligned.anchor} and {aligned.target} have {n_models} models in common, "
            f"at least {fewest} are needed "
            f"({aligned.unpaired_anchor.height} workloads of {aligned.anchor} and "
            f"{aligned.unpaired_target.height} of {aligned.target} have no partner)",
            "measure more models on both, or use another corpus",
        )


def matrix(
    table: pl.DataFrame,
    columns: Sequence[str],
    rows: NDArray[np.int64] | None = None,
) -> Floats:
    """Columns of a wide table as a matrix.

    Parameters
    ----------
    table : polars.DataFrame
        Wide table.
    columns : sequence of str
        In this order; a missing column, or a null in an op column, is an operation
        that did not run, and becomes 0. A null step time becomes NaN.
    rows : ndarray of int, optional
        Rows to take, in this order; all by default.

    Returns
    -------
    ndarray of shape (n_rows, n_columns), column-major
    """
    n = table.height if rows is None else len(rows)
    present = set(table.columns)
    out = np.empty((n, len(columns)), dtype=np.float64, order="F")

    def fill(k: int) -> None:
        name = columns[k]
        absent = float("nan") if name == STEP else 0.0
        if name not in present:
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

    if n < LARGE:
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
    """A row for each workload: medians over repeats of each operation and of the step.

    Parameters
    ----------
    runs : polars.DataFrame
        Wide table.
    apart : sequence of str
        Further columns whose values are kept separate (``instance``).
    ordered : bool
        Whether rows are sorted by key.

    Returns
    -------
    polars.DataFrame
        Columns ``apart``, the workload key, operations and step time. An
        operation that ran only in some repeats has the median of these.

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


def _lacking(
    table: pl.DataFrame,
    order: NDArray[np.int64],
    own_codes: NDArray[np.int64],
    other_codes: NDArray[np.int64],
) -> pl.DataFrame:
    """Workload keys of ``table`` whose code (sorted) is not on the other side."""
    if np.array_equal(own_codes, other_codes):
        return table.select(KEY).clear()
    place = np.minimum(np.searchsorted(other_codes, own_codes), len(other_codes) - 1)
    lone = pl.Series(order[other_codes[place] != own_codes])
    return table.select(pl.col(KEY).gather(lone)).unique().sort(KEY)
