"""Units of whole tables: runs whose times cannot be microseconds, or not the same work.

What :func:`xlate.profile.check_times` asks of one profile is asked here of every
row that a fit would learn from, and of both sides of a pair together.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate import opnames
from xlate.align import STEP, Aligned, matrix
from xlate.errors import ProfileError

__all__ = ["check_pairs", "check_runs"]

Floats = NDArray[np.float64]

#: device time over the window is about two steps, one where a profiler counts one;
#: the same bounds as for a single profile
_WINDOWS = (0.05, 40.0)
#: no kernel is shorter, whatever it does: half of what the fastest GPUs take
_SHORTEST_US = 0.5
#: so large a share of a run's operations below that is a unit, not a measurement
_TOO_MANY = 0.5
#: step times and sums of operations on the target are within this factor of what data
#: sheets say; the largest in the corpora here is 2.4
_ABSURD, _ODD = 30.0, 8.0
#: the same where the catalogue lacks a figure of either GPU
_ABSURD_UNKNOWN = 1000.0
_SHORTEST_MS = 5.0
_UNITS = (("seconds", 1e6), ("milliseconds", 1e3), ("nanoseconds", 1e-3))
#: window of one run in µs that can be: a millisecond to ten minutes
_POSSIBLE = (1e3, 6e8)


def check_runs(runs: pl.DataFrame, where: str) -> None:
    """Refuse runs whose step time and operations cannot both be microseconds.

    Parameters
    ----------
    runs : polars.DataFrame
        Wide rows: ``step_time_us`` and one column an operation.
    where : str
        Named in errors.

    Raises
    ------
    ProfileError
        Naming the first such run, how many there are, and the unit it looks like.
    """
    ops = [c for c in runs.columns if opnames.is_op_column(c)]
    device = opnames.device_columns(ops)
    times = np.nan_to_num(matrix(runs, device))
    window = times.sum(axis=1)
    step = np.nan_to_num(matrix(runs, (STEP,))[:, 0])
    with np.errstate(divide="ignore", invalid="ignore"):
        windows = window / step
    off = (step > 0) & (window > 0)
    off &= (windows < _WINDOWS[0]) | (windows > _WINDOWS[1])
    if off.any():
        k = int(np.flatnonzero(off)[0])
        raise ProfileError(
            f"{where}: {_named(runs, k)}: operations sum to {window[k]:.6g} µs but one "
            f"step takes {step[k]:.6g} µs (sum / step = {windows[k]:.3g}, expected "
            f"about 1 to 4); {off.sum()} of {len(off)} runs are like that",
            _mend(window[k], step[k]),
        )
    ran = times > 0
    short = (times < _SHORTEST_US) & ran
    tiny = short.sum(axis=1) > _TOO_MANY * np.maximum(ran.sum(axis=1), 1)
    if tiny.any():
        k = int(np.flatnonzero(tiny)[0])
        # a window in milliseconds is some: the shortest in PROFET's corpus is 6.5 ms
        unit = "seconds" if window[k] < _SHORTEST_MS else "milliseconds or seconds"
        raise ProfileError(
            f"{where}: {_named(runs, k)}: {short[k].sum()} of {ran[k].sum()} operations "
            f"take less than {_SHORTEST_US:g} µs, shorter than any kernel; "
            f"{tiny.sum()} of {len(tiny)} runs are like that",
            f"times look like {unit}: convert operations and step_time_us to microseconds",
        )


def check_pairs(
    aligned: Aligned, told: Mapping[str, float] | None, where: str
) -> str | None:
    """Refuse pairs whose two sides cannot be the same work in the same unit.

    Parameters
    ----------
    aligned : Aligned
    told : mapping of str to float, or None
        Nature -> log ratio of times that data sheets say.
    where : str
        Named in errors.

    Returns
    -------
    str or None
        A doubt, where some pairs are odd but possible.

    Raises
    ------
    ProfileError
        Naming the first such pair, how many there are, and the unit it looks like.
    """
    busy = opnames.busy_columns(aligned.columns)
    doubt = None
    for what, columns in (("step time", (STEP,)), ("sum of operations", tuple(busy))):
        if not columns:
            continue
        a = np.nan_to_num(aligned.anchor_matrix(columns)).sum(axis=1)
        b = np.nan_to_num(aligned.target_matrix(columns)).sum(axis=1)
        known = (a > 0) & (b > 0)
        off = np.zeros(len(a))
        off[known] = _beyond(np.log(b[known] / a[known]), told)
        limit = np.log(_ABSURD if told else _ABSURD_UNKNOWN)
        bad = np.abs(off) > limit
        if bad.any():
            k = int(np.flatnonzero(bad)[0])
            side = aligned.target if b[k] < a[k] else aligned.anchor
            unit = _unit(float(np.exp(abs(off[k]))), within=8)
            raise ProfileError(
                f"{where}: {_named(aligned.keys, k)}: the {what} is {a[k]:.6g} µs on "
                f"{aligned.anchor} and {b[k]:.6g} µs on {aligned.target}, a ratio of "
                f"{b[k] / a[k]:.3g} that no pair of GPUs has; {bad.sum()} of {len(bad)} "
                "pairs are like that",
                f"the times on {side} look like {unit}: convert them to microseconds"
                if unit
                else "check that both sides are the same work, one step each",
            )
        odd = int((np.abs(off) > np.log(_ODD)).sum())
        if odd and doubt is None and told:
            doubt = (
                f"{odd} of {len(off)} pairs have a {what} more than {_ODD:g} times off "
                "what data sheets say: are both sides the same work?"
            )
    return doubt


def _beyond(found: Floats, told: Mapping[str, float] | None) -> Floats:
    """How far logs of ratios lie outside what data sheets say; 0 inside."""
    natures = [v for v in (told or {}).values() if np.isfinite(v)]
    low, high = (min(natures), max(natures)) if natures else (0.0, 0.0)
    # the host's share of a step does not change with the GPU
    low, high = min(low, 0.0), max(high, 0.0)
    return np.where(found < low, found - low, np.maximum(found - high, 0.0))


def _mend(window: float, step: float) -> str:
    """What to convert: the side that no run could have."""
    possible = [_POSSIBLE[0] <= window <= _POSSIBLE[1]]
    possible.append(_POSSIBLE[0] / 2 <= step <= _POSSIBLE[1])
    unit = _unit(window / step if window > step else step / window)
    if window > step and (possible[0] or not possible[1]):
        which = f"step_time_us looks like {unit}" if unit else ""
        if unit == "milliseconds":
            # the size of either does not say which of them is off
            which += ", or the operations like nanoseconds"
    elif window < step and (possible[1] or not possible[0]):
        which = f"the operations look like {unit}" if unit else ""
    else:
        side = "operations" if window > step else "step times"
        which = f"the {side} look like nanoseconds" if unit == "milliseconds" else ""
    if which:
        return f"{which}: convert to microseconds"
    return "step_time_us is the time of one step, not of an epoch"


def _unit(factor: float, within: float = 20) -> str | None:
    """Unit whose size in µs is so near to ``factor``."""
    for unit, size in _UNITS:
        if size / within <= factor <= size * within:
            return unit
    return None


def _named(table: pl.DataFrame, k: int) -> str:
    row = table.row(k, named=True)
    parts = [str(row[c]) for c in ("instance", "model", "dataset") if row.get(c)]
    if row.get("batch_size"):
        parts.append(f"batch {row['batch_size']}")
    return f"row {k} ({' '.join(parts)})"
