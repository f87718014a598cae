"""Faults of catalogue files, reported together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xlate.errors import CatalogError

__all__ = ["CatalogFaultsError", "Fault"]

#: a message lists this number; `xlate anchors check` lists all
_LISTED = 40


@dataclass(frozen=True)
class Fault:
    """One fault in a catalogue file.

    Attributes
    ----------
    file : str
        Path of the file.
    field : str
        The field, ``facts.sm_count`` or ``prices[0].date``; empty for the complete file.
    message : str
        Description of the fault.
    hint : str or None
        What to write instead of it.
    """

    file: str
    field: str
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        text = f"{self.field} {self.message}" if self.field else self.message
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}: {text}{hint}"


class CatalogFaultsError(CatalogError):
    """Catalogue files cannot be used as they are.

    Parameters
    ----------
    faults : sequence of Fault
        At least one.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        listed = [str(f) for f in faults[:_LISTED]]
        if len(faults) == 1:
            what = listed[0]
        else:
            more = len(faults) - len(listed)
            listed += [f"and {more} more"] if more else []
            what = f"the catalogue has {len(faults)} faults:\n  " + "\n  ".join(listed)
        super().__init__(what, "xlate anchors check lists them; nothing was computed")
        self.faults = tuple(faults)
