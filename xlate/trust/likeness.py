"""What a profile looks like, apart from how large it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xlate import opnames

__all__ = ["distances", "signature", "traits"]

Floats = NDArray[np.float64]

_FORWARD = ("Device_Conv2D", "Device__FusedConv2D")
#: how long work takes relative to other work tells one GPU from another
_RATIOS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Device_Conv2DBackpropFilter", _FORWARD),
    ("Device_Conv2DBackpropInput", _FORWARD),
    ("Device_FusedBatchNormGradV3", ("Device_FusedBatchNormV3",)),
    ("Device_ReluGrad", _FORWARD),
    ("Device_MaxPoolGrad", ("Device_MaxPool",)),
    ("Device_BiasAddGrad", ("Device_ReluGrad",)),
)
#: so do operations whose time is all launch
_LAUNCHES = (
    "Device_AssignAddVariableOp", "Device_Cast", "Device_DivNoNan", "Device_Mean",
    "Device_LogicalAnd", "Device_Equal",
)  # fmt: skip
#: stands for a ratio that is not there; a tree splits it off
_ABSENT = -20.0
#: weight of sizes beside the mix in a distance
_SIZE = 0.1


def traits(ops: Sequence[str], times: Floats, steps: Floats) -> Floats:
    """Mix and size of profiles, for distances.

    Parameters
    ----------
    ops : sequence of str
        Columns of ``times``.
    times : ndarray of shape (n, len(ops))
        Microseconds.
    steps : ndarray of shape (n,)
        Step times, µs; NaN where not known.

    Returns
    -------
    ndarray of shape (n, n_families + 3)
        Roots of the shares of busy time by family (Hellinger's distance is
        Euclid's on these), and logs of busy time, idle over busy and step over
        busy, at a tenth of the weight.
    """
    shares, busy, idle = _mix(ops, times)
    with np.errstate(invalid="ignore"):
        size = np.column_stack(
            [np.log(busy), np.log(idle / busy), np.log(steps / busy)]
        )
    return np.column_stack([shares, _SIZE * size])


def signature(ops: Sequence[str], times: Floats) -> Floats:
    """What betrays the GPU: ratios of related work, launch-bound work, the mix."""
    shares, busy, idle = _mix(ops, times)
    place = {name: j for j, name in enumerate(ops)}

    def summed(names: Sequence[str]) -> Floats:
        there = [place[n] for n in names if n in place]
        return np.asarray(times[:, there].sum(axis=1))

    with np.errstate(divide="ignore", invalid="ignore"):
        logs = [np.log(summed([a]) / summed(b)) for a, b in _RATIOS]
        logs += [np.log(summed([a])) for a in _LAUNCHES]
    told = np.column_stack(logs)
    told = np.where(np.isfinite(told), told, _ABSENT)
    return np.column_stack([shares, np.log(idle / busy), told])


def distances(A: Floats, B: Floats) -> Floats:
    """Euclid's distance of every row of A to every row of B; unknown traits skipped."""
    apart = A[:, None, :] - B[None, :, :]
    return np.asarray(np.sqrt(np.nansum(apart**2, axis=2)))


def _mix(ops: Sequence[str], times: Floats) -> tuple[Floats, Floats, Floats]:
    """Roots of shares by family, busy and idle time (at least 1 µs)."""
    columns = [j for j, n in enumerate(ops) if opnames.is_busy(n)]
    family = np.array([opnames.family(ops[j]) for j in columns])
    work = times[:, columns]
    busy = np.maximum(work.sum(axis=1), 1.0)
    shares = np.column_stack(
        [np.sqrt(work[:, family == f].sum(axis=1) / busy) for f in opnames.FAMILIES]
    )
    idle = [j for j, n in enumerate(ops) if n == opnames.DEVICE_IDLE]
    waits = times[:, idle].sum(axis=1) if idle else np.zeros(len(times))
    return shares, busy, np.maximum(waits, 1.0)
