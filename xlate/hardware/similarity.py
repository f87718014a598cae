"""Which GPU is the most similar to another: by architecture, then by the board's limit."""

from __future__ import annotations

import math

from xlate.hardware.values import Gpu

__all__ = ["distance"]

#: architectures from old to new
_GENERATIONS = (
    "Kepler", "Maxwell", "Pascal", "Volta", "Turing", "Ampere", "Ada", "Hopper",
    "Blackwell",
)  # fmt: skip
#: power limit of a board where the catalogue has none, W
_USUAL_LIMIT_W = 250.0


def distance(gpu: Gpu, other: Gpu) -> tuple[int, float, str]:
    """Distance of another GPU, to be compared with those of further ones.

    An architecture that is not listed counts as newer than all.

    Parameters
    ----------
    gpu, other : Gpu

    Returns
    -------
    generations : int
        Between the architectures.
    limits : float
        Absolute log ratio of the power limits.
    name : str
        Of the other GPU: the order is the same on every machine.

    Examples
    --------
    >>> from xlate.hardware.catalogue import catalogue
    >>> from xlate.hardware.similarity import distance
    >>> gpus = catalogue().gpu
    >>> min("L4", "A10", key=lambda name: distance(gpus("T4"), gpus(name)))
    'A10'
    """
    limits = [g.number("tdp_w") or _USUAL_LIMIT_W for g in (gpu, other)]
    generations = abs(_generation(gpu) - _generation(other))
    return generations, abs(math.log(limits[0] / limits[1])), other.name


def _generation(gpu: Gpu) -> int:
    listed = gpu.architecture in _GENERATIONS
    return _GENERATIONS.index(gpu.architecture) if listed else len(_GENERATIONS)
