"""Units of pairs: two sides that cannot be the same work, or not in the same unit.

Whether a run contradicts itself is :func:`xlate.readers.tables.runs.check_runs`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from xlate import op_names
from xlate.data.pairing import STEP, Aligned
from xlate.errors import ProfileError
from xlate.readers.tables.runs import named_run

__all__ = ["check_pairs"]

Floats = NDArray[np.float64]

#: step times and sums of operations on the target are within this factor of what data
#: sheets say; the largest in the corpora here is 2.4
_ABSURD, _ODD = 30.0, 8.0
#: the same where the catalogue lacks a figure of either GPU
_ABSURD_UNKNOWN = 1000.0
_UNITS = (("seconds", 1e6), ("milliseconds", 1e3), ("nanoseconds", 1e-3))


def check_pairs(
    aligned: Aligned, log_ratios: Mapping[str, float] | None, where: str
) -> str | None:
    """Refuse pairs whose two sides cannot be the same work in the same unit.

    Parameters
    ----------
    aligned : Aligned
    log_ratios : mapping of str to float, or None
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
    busy = op_names.busy_columns(aligned.columns)
    doubt = None
    for what, columns in (("step time", (STEP,)), ("sum of operations", tuple(busy))):
        if not columns:
            continue
        a = np.nan_to_num(aligned.anchor_matrix(columns)).sum(axis=1)
        b = np.nan_to_num(aligned.target_matrix(columns)).sum(axis=1)
        both = (a > 0) & (b > 0)
        off = np.zeros(len(a))
        off[both] = _beyond(np.log(b[both] / a[both]), log_ratios)
        limit = np.log(_ABSURD if log_ratios else _ABSURD_UNKNOWN)
        bad = np.abs(off) > limit
        if bad.any():
            k = int(np.flatnonzero(bad)[0])
            side = aligned.target if b[k] < a[k] else aligned.anchor
            unit = _unit(float(np.exp(abs(off[k]))), within=8)
            raise ProfileError(
                f"{where}: {named_run(aligned.keys, k, False)}: the {what} is {a[k]:.6g} µs on "
                f"{aligned.anchor} and {b[k]:.6g} µs on {aligned.target}, a ratio of "
                f"{b[k] / a[k]:.3g} that no pair of GPUs has; {bad.sum()} of {len(bad)} "
                "pairs are like that",
                f"the times on {side} look like {unit}: convert them to microseconds"
                if unit
                else "check that both sides are the same work, one step each",
            )
        odd = int((np.abs(off) > np.log(_ODD)).sum())
        if odd and doubt is None and log_ratios:
            doubt = (
                f"{odd} of {len(off)} pairs have a {what} more than {_ODD:g} times off "
                "what data sheets say: are both sides the same work?"
            )
    return doubt


def _beyond(logs: Floats, log_ratios: Mapping[str, float] | None) -> Floats:
    """How far logs of ratios lie outside what data sheets say; 0 inside."""
    natures = [v for v in (log_ratios or {}).values() if np.isfinite(v)]
    low, high = (min(natures), max(natures)) if natures else (0.0, 0.0)
    # the host's share of a step does not change with the GPU
    low, high = min(low, 0.0), max(high, 0.0)
    return np.where(logs < low, logs - low, np.maximum(logs - high, 0.0))


def _unit(factor: float, within: float = 20) -> str | None:
    """Unit whose size in µs is so near to ``factor``."""
    for unit, size in _UNITS:
        if size / within <= factor <= size * within:
            return unit
    return None
