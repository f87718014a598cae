"""Utilisations that follow from the op vector, and their blend with a process's.

The card is busy when it is not idle, and its memory is busy for one share of the
compute-bound and another share of the memory-bound time (non-negative least squares).
The weight of these answers beside a process's is the one with the least squared error
on models left out (stacking; Wolpert, 1992).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["blend_weights", "blended", "memory_duty", "vector_utilisations"]

Floats = NDArray[np.float64]


def memory_duty(shares: Floats, Y: Floats) -> Floats:
    """Memory utilisation in compute-bound and in memory-bound time, %."""
    from scipy.optimize import nnls

    return np.asarray(nnls(shares, Y[:, 2])[0])


def vector_utilisations(shares: Floats, duty: Floats) -> Floats:
    """GPU and memory utilisation from the op vector alone, %, shape (n, 2)."""
    busy = 100 * np.clip(shares.sum(axis=1), 0, 1)
    return np.column_stack([busy, shares @ duty])


def blend_weights(guess: Floats, own: Floats, Y: Floats) -> Floats:
    """Weights of ``own`` against ``guess`` with the least squared error, 0 to 1."""
    apart = own - guess[:, 1:]
    missed = Y[:, 1:] - guess[:, 1:]
    best = (missed * apart).sum(axis=0) / np.maximum((apart**2).sum(axis=0), 1e-9)
    return np.asarray(np.clip(best, 0, 1))


def blended(guess: Floats, own: Floats, weights: Floats) -> Floats:
    """``guess`` with ``own`` utilisations blended in."""
    out = guess.copy()
    out[:, 1:] += weights * (own - guess[:, 1:])
    return out
