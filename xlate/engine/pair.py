"""An anchor and a target, looked up and checked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from xlate.catalog import Instance, catalogue
from xlate.errors import AlignmentError

__all__ = ["clock_ratio", "pair_of"]


def pair_of(
    anchor: str, target: str, extra: Iterable[Path] = ()
) -> tuple[Instance, Instance]:
    """Both instances by name or alias.

    Raises
    ------
    UnknownNameError, CatalogError, AlignmentError
        If a name is unknown, has no GPU, or both are one instance.
    """
    known = catalogue(extra)
    a, t = known.instance(anchor), known.instance(target)
    for side in (a, t):
        side.require_gpu()
    if a.name == t.name:
        raise AlignmentError(
            f"anchor and target are both {a.name}", "choose two instances"
        )
    return a, t


def clock_ratio(anchor: Instance, target: Instance) -> float:
    """The anchor's highest clock over the target's; 1 where either is not known."""
    highest = [side.require_gpu().number("max_mhz") for side in (anchor, target)]
    return highest[0] / highest[1] if highest[0] and highest[1] else 1.0
