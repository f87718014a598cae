"""The columns of the op vector that a translator uses: all, the largest, or groups.

No time is lost under any plan: operations that a plan does not keep by name, and
unknown ones, are summed into ``Device_OTHER`` and ``Host_OTHER``, and idle time always has
a separate column. Afterwards the ratio of a group is applied to each of its operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from xlate import op_names
from xlate.errors import UnknownNameError

__all__ = [
    "PLANS",
    "STEP",
    "ColumnPlan",
    "check_plan",
    "clusters",
    "edit_distance",
    "plan",
    "shares",
    "suits",
]

Floats = NDArray[np.float64]

#: column of the time of one step, µs, beside the operations
STEP = "step_time_us"

PLANS = ("all", "10", "50", "90", "100", "clusters", "families")

#: PROFET's choice: average linkage, cut at this edit distance
CLUSTER_THRESHOLD = 6.0
_OTHER = {op_names.DEVICE: "Device_OTHER", op_names.HOST: "Host_OTHER"}
_IDLE = (op_names.DEVICE_IDLE, op_names.HOST_IDLE)


@dataclass(frozen=True)
class ColumnPlan:
    """Columns that a translator uses, each the sum of one or more operations.

    Attributes
    ----------
    kind : str
        ``"all"``, a number, ``"clusters"`` or ``"families"``.
    names : tuple of str
        Columns, in order.
    groups : tuple of tuple of str
        Operations summed into each.
    note : str or None
        A note for the user about the choice.
    """

    kind: str
    names: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    note: str | None = None

    @cached_property
    def place(self) -> dict[str, int]:
        """Column in which an operation is counted."""
        return {op: i for i, group in enumerate(self.groups) for op in group}

    @cached_property
    def _at(self) -> dict[str, int]:
        """Place of each column."""
        return {name: k for k, name in enumerate(self.names)}

    def place_of(self, op: str) -> int:
        """Column of an operation; ``Device_OTHER`` or ``Host_OTHER`` if unknown."""
        other = _OTHER[
            op_names.HOST if op.startswith(op_names.HOST) else op_names.DEVICE
        ]
        if self.kind == "families" and op not in self.place:
            # the name of another framework for the same kind of work
            family = op_names.column("device", op_names.family(op))
            return self._at[family if family in self._at else other]
        at = self.place.get(op)
        return self._at[other] if at is None else at

    def _places(self, columns: Sequence[str]) -> list[int]:
        """Column of each operation."""
        cache = self._place_cache
        return [
            cache[c] if c in cache else cache.setdefault(c, self.place_of(c))
            for c in columns
        ]

    @cached_property
    def _place_cache(self) -> dict[str, int]:
        return {}

    def apply(self, times: Floats, columns: Sequence[str]) -> Floats:
        """Sum the columns of a matrix into the plan's.

        Parameters
        ----------
        times : ndarray of shape (n, len(columns))
            Microseconds.
        columns : sequence of str
            Operations of ``times``.

        Returns
        -------
        ndarray of shape (n, len(self.names))
        """
        out = np.zeros((len(times), len(self.names)))
        for j, place in enumerate(self._places(columns)):
            out[:, place] += times[:, j]
        return out

    def expand(
        self,
        times: Floats,
        columns: Sequence[str],
        planned: Floats,
        before: Floats | None = None,
    ) -> tuple[tuple[str, ...], Floats]:
        """Apply the translated plan columns to single operations.

        Parameters
        ----------
        times : ndarray of shape (n, len(columns))
            The anchor's operations, microseconds.
        columns : sequence of str
            Their names.
        planned : ndarray of shape (n, len(self.names))
            The translated plan columns, microseconds.
        before : ndarray of shape (n, len(self.names)), optional
            The anchor's plan columns, where :meth:`apply` has already been called.

        Returns
        -------
        names : tuple of str
            Operations of the answer, sorted.
        ops : ndarray of shape (n, len(names))
            Each operation of the anchor times the ratio of its group; a group
            that only the target runs is listed under its name.
        """
        if before is None:
            before = self.apply(times, columns)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(before > 0, planned / before, 0.0)
        only = np.where(before > 0, 0.0, planned)
        alone = np.asarray(only.any(axis=0))
        names = sorted({*columns, *(n for j, n in enumerate(self.names) if alone[j])})
        out = np.zeros((len(times), len(names)))
        where = {n: k for k, n in enumerate(names)}
        own = [where[c] for c in columns]
        out[:, own] = times * ratio[:, self._places(columns)]
        for k in np.flatnonzero(alone).tolist():
            out[:, where[self.names[k]]] += only[:, k]
        return tuple(names), out


def check_plan(kind: str) -> None:
    """Raise UnknownNameError unless :func:`plan` knows a kind of column plan."""
    number = kind.isdecimal() and len(kind) < 10 and int(kind) > 0
    if kind not in PLANS and not number:
        raise UnknownNameError("column plan", kind, PLANS, "or any whole number")


def suits(plan: ColumnPlan) -> bool:
    """Whether the groups of a plan agree with its kind."""
    try:
        check_plan(plan.kind)
    except UnknownNameError:
        return False
    if plan.kind == "families":
        return {op_names.column("device", f) for f in op_names.FAMILIES} <= set(
            plan.names
        )
    alone = [g for g in plan.groups if g[0] not in _OTHER.values()]
    return plan.kind == "clusters" or all(len(g) == 1 for g in alone)


def plan(kind: str, columns: Sequence[str], times: Floats) -> ColumnPlan:
    """Choose columns on training rows.

    Parameters
    ----------
    kind : str
        ``"all"`` (every column with any time, and every operation of the
        vocabulary, so that one that was not in training has a column),
        ``"clusters"``, ``"families"`` (so that operations of another framework have a
        column), or a number K: the K columns with the largest total time.
    columns : sequence of str
        Operations.
    times : ndarray of shape (n, len(columns))
        Microseconds; both sides of the pairs, one under the other.

    Returns
    -------
    ColumnPlan
        A larger K than there are columns takes all, with a note.

    Raises
    ------
    UnknownNameError
        If ``kind`` is none of these.
    """
    check_plan(kind)
    totals = {c: float(t) for c, t in zip(columns, times.sum(axis=0), strict=True)}
    work = sorted(c for c, t in totals.items() if t > 0 and c not in _IDLE)
    note = None
    rest: list[str] = []
    groups: list[tuple[str, ...]]
    if kind == "all":
        groups = [(c,) for c in sorted({*work, *op_names.vocabulary(work)})]
    elif kind == "clusters":
        groups = list(clusters(work))
    elif kind == "families":
        by_family: dict[str, list[str]] = {f: [] for f in op_names.FAMILIES}
        for c in work:
            if c.startswith(op_names.DEVICE):
                by_family[op_names.family(c)].append(c)
            else:
                rest.append(c)
        groups = [(op_names.column("device", f), *ops) for f, ops in by_family.items()]
    else:
        k = int(kind)
        largest = sorted(work, key=lambda c: (-totals[c], c))
        groups = [(c,) for c in sorted(largest[:k])]
        rest = largest[k:]
        if k > len(work):
            note = f"{k} columns asked for, {len(work)} exist; all are used"
    names = [g[0] if kind == "families" else _group_name(g) for g in groups]
    for side, other in _OTHER.items():
        names.append(other)
        groups.append((other, *sorted(c for c in rest if c.startswith(side))))
    names += _IDLE
    groups += [(c,) for c in _IDLE]
    return ColumnPlan(kind, tuple(names), tuple(groups), note)


def shares(times: Floats) -> tuple[Floats, Floats]:
    """The composition of vectors, and their size.

    Parameters
    ----------
    times : ndarray of shape (n, k)
        Microseconds, not negative.

    Returns
    -------
    shares : ndarray of shape (n, k)
        Each row sums to 1, or is 0 where the row is.
    log_scale : ndarray of shape (n,)
        Natural log of the row's sum, of 1 µs where that is less.
    """
    total = times.sum(axis=1)
    return (
        times / np.where(total > 0, total, 1.0)[:, None],
        np.log(np.maximum(total, 1.0)),
    )


def clusters(names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Group op names by edit distance: average linkage, cut at 6, sides apart.

    Source: PROFET (ddps-lab/profet, validation/anchor_validaiton.py), which
    groups the device's op names this way.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    grouped: list[tuple[str, ...]] = []
    for side in (op_names.DEVICE, op_names.HOST):
        side_names = sorted(n for n in names if n.startswith(side))
        if len(side_names) < 2:
            grouped += [(n,) for n in side_names]
            continue
        distances = [
            edit_distance(a, b)
            for i, a in enumerate(side_names)
            for b in side_names[i + 1 :]
        ]
        label = fcluster(
            linkage(np.array(distances, dtype=float), "average"),
            CLUSTER_THRESHOLD,
            criterion="distance",
        )
        members: dict[int, list[str]] = {}
        for name, k in zip(side_names, label, strict=True):
            members.setdefault(int(k), []).append(name)
        grouped += [tuple(m) for m in members.values()]
    return tuple(sorted(grouped))


def edit_distance(a: str, b: str) -> int:
    """Levenshtein distance: fewest insertions, deletions and substitutions."""
    previous = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (x != y)))
        previous = row
    return previous[-1]


def _group_name(group: tuple[str, ...]) -> str:
    return group[0] if len(group) == 1 else f"{group[0]}+{len(group) - 1}"
