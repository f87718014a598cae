"""An anchor and a target, looked up and checked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from xlate.catalog import Instance, catalogue
from xlate.errors import AlignmentError

__all__ = ["pair_of"]


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
