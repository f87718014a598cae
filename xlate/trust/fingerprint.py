"""What a profile looks like, apart from how large it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from xlate import op_names
from xlate.values.vectors import Vectors

__all__ = [
    "FEWEST_SIGNS",
    "Look",
    "distances",
    "look_of",
    "signature",
    "signs",
    "traits",
]

Floats = NDArray[np.float64]

_FORWARD = ("Conv2D", "_FusedConv2D")
_COPIES = ("_Send", "_Recv")
#: operations that are mostly launch: how long they take depends on the GPU and its
#: clock, and hardly on the network
_SMALL = (
    "LogicalAnd", "Equal", "AssignAddVariableOp", "Cast", "DivNoNan", "DynamicStitch",
    "Softmax", "ArgMax", "Sum", "SoftmaxCrossEntropyWithLogits", "Tile",
)  # fmt: skip
#: of these, what the others are taken over: a lower clock makes both longer, so that
#: a card that throttles itself is not taken for a slower one
_REFERENCES = (
    "SoftmaxCrossEntropyWithLogits", "Softmax", "DivNoNan", "Equal", "LogicalAnd",
)  # fmt: skip
#: how long work takes relative to related work tells one GPU from another
_RELATED: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("Conv2DBackpropFilter",), _FORWARD),
    (("Conv2DBackpropInput",), _FORWARD),
    (("Conv2DBackpropFilter",), ("Conv2DBackpropInput",)),
    (("FusedBatchNormGradV3",), ("FusedBatchNormV3",)),
    (("MaxPoolGrad",), ("MaxPool",)),
    (("BiasAddGrad",), ("ReluGrad",)),
    (("ReluGrad",), _FORWARD),
    (("ReluGrad",), ("Relu", "BiasAdd")),
    (("BiasAddGrad",), ("BiasAdd",)),
    (("ResourceApplyGradientDescent",), ("MatMul",)),
    (_COPIES, ("ReluGrad",)),
    (("MaxPoolGrad",), ("ReluGrad",)),
    (("FusedBatchNormGradV3",), ("ReluGrad",)),
    (("ReluGrad",), ("MaxPool",)),
    (("AvgPoolGrad",), ("AvgPool",)),
    (_COPIES, ("Cast",)),
    (("ResourceApplyGradientDescent",), ("DivNoNan",)),
)
#: stands for a sign that is not there; a tree splits it off
_ABSENT = -20.0
#: with fewer signs than this nothing can be said of where a profile was recorded
FEWEST_SIGNS = 6
#: weight of sizes beside the mix in a distance
_SIZE = 0.1


@dataclass(frozen=True, eq=False)
class Look:
    """What some profiles look like.

    Attributes
    ----------
    traits : ndarray of shape (n, n_families + 3)
        Mix and size (:func:`traits`).
    signature : ndarray of shape (n, n_signs)
        What tells the GPU (:func:`signature`).
    signs : ndarray of shape (n,)
        How many signs are there (:func:`signs`).
    """

    traits: Floats
    signature: Floats
    signs: NDArray[np.int64]


def look_of(vectors: Vectors) -> Look:
    """What profiles look like, each with its mix and with the signs of its GPU."""
    ops, times = vectors.columns, vectors.times
    signatures = signature(ops, times)
    return Look(traits(ops, times, vectors.steps), signatures, signs(signatures))


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


@lru_cache(maxsize=1)
def _pairs() -> tuple[tuple[tuple[str, ...], ...], Mapping[str, NDArray[np.int64]]]:
    """Sums of operations, and which of them over which make a sign."""
    over: list[tuple[tuple[str, ...], tuple[str, ...]]]
    over = [
        ((a,), (b,))
        for k, b in enumerate(_REFERENCES)
        for a in _SMALL
        if a != b and a not in _REFERENCES[:k]
    ]
    over += _RELATED
    sums = list(dict.fromkeys([*((s,) for s in _SMALL), *(q for p in over for q in p)]))
    place = {q: j for j, q in enumerate(sums)}
    return tuple(sums), {
        "top": np.array([place[a] for a, _ in over]),
        "bottom": np.array([place[b] for _, b in over]),
    }


def signature(ops: Sequence[str], times: Floats) -> Floats:
    """Features that identify a GPU: small operations, ratios of related work, idle share.

    Parameters are those of :func:`traits`. A feature that is absent is -20.
    """
    sums, pairs = _pairs()
    place = {
        name.removeprefix(op_names.DEVICE): j
        for j, name in enumerate(ops)
        if name.startswith(op_names.DEVICE)
    }
    values = np.zeros((len(times), len(sums)))
    for k, names in enumerate(sums):
        present = [place[n] for n in names if n in place]
        if len(present) == 1:
            values[:, k] = times[:, present[0]]
        elif present:
            values[:, k] = times[:, present].sum(axis=1)
    ran = values > 0
    logs = np.log(np.where(ran, values, 1.0))
    top, bottom = pairs["top"], pairs["bottom"]
    small = np.where(ran, logs, _ABSENT)[:, : len(_SMALL)]
    ratios = np.where(
        ran[:, top] & ran[:, bottom], logs[:, top] - logs[:, bottom], _ABSENT
    )
    busy_ops = set(op_names.busy_columns(ops))
    busy = times[:, [n in busy_ops for n in ops]].sum(axis=1)
    idle = times[:, [n == op_names.DEVICE_IDLE for n in ops]].sum(axis=1)
    waits = np.log(np.maximum(idle, 1.0) / np.maximum(busy, 1.0))
    return np.column_stack([small, ratios, waits])


def signs(signatures: Floats) -> NDArray[np.int64]:
    """Number of features present in each row of :func:`signature`, shape (n,)."""
    return np.asarray((signatures[:, :-1] > _ABSENT).sum(axis=1))


def distances(A: Floats, B: Floats) -> Floats:
    """Euclid's distance of every row of A to every row of B; unknown traits skipped."""
    apart = A[:, None, :] - B[None, :, :]
    return np.asarray(np.sqrt(np.nansum(apart**2, axis=2)))


@lru_cache(maxsize=64)
def _family_matrix(ops: tuple[str, ...]) -> tuple[NDArray[np.int64], Floats]:
    """Busy columns, and which family each is of, shape (n_busy, n_families)."""
    columns = np.array(
        [j for j, n in enumerate(ops) if op_names.is_busy(n)], dtype=np.int64
    )
    family = np.array(
        [op_names.FAMILIES.index(op_names.family(ops[j])) for j in columns]
    )
    return columns, np.equal.outer(family, np.arange(len(op_names.FAMILIES))) * 1.0


def _mix(ops: Sequence[str], times: Floats) -> tuple[Floats, Floats, Floats]:
    """Roots of shares by family, busy and idle time (at least 1 µs)."""
    columns, member = _family_matrix(tuple(ops))
    work = times[:, columns]
    busy = np.maximum(work.sum(axis=1), 1.0)
    shares = np.sqrt(work @ member / busy[:, None])
    idle = [j for j, n in enumerate(ops) if n == op_names.DEVICE_IDLE]
    waits = times[:, idle].sum(axis=1) if idle else np.zeros(len(times))
    return shares, busy, np.maximum(waits, 1.0)
