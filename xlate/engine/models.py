"""What commands on stored bundles answer: which was put in place, removed, shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xlate.evaluation.figures import Row
from xlate.values.answers import Documented

__all__ = [
    "RemovedBundle",
    "RetiredBundle",
    "ShownBundle",
    "StoredBundles",
    "UsedBundle",
]


@dataclass(frozen=True, eq=False)
class StoredBundles:
    """Bundles on disk, each of which says itself."""

    items: Sequence[Documented]

    def document(self) -> list[Any]:
        """The promised document of ``models list --json``."""
        return [one.document() for one in self.items]


@dataclass(frozen=True)
class UsedBundle:
    """A version that answers from now on.

    Attributes
    ----------
    name : str
        As it was asked for.
    path : Path
        From where it answers.
    version : int
    """

    name: str
    path: Path
    version: int

    def document(self) -> dict[str, Any]:
        """The promised document of ``models use --json``."""
        return {"name": self.name, "path": str(self.path), "version": self.version}


@dataclass(frozen=True)
class RetiredBundle:
    """A bundle of the user's own that gave way to what ships with xlate.

    Attributes
    ----------
    name : str
        As it was asked for.
    path : Path
        From where the user's own would answer.
    kept : int or None
        Number under which it is kept; None where there was none.
    answers : str
        What answers now, in a sentence.
    """

    name: str
    path: Path
    kept: int | None
    answers: str

    def document(self) -> dict[str, Any]:
        """The promised document of ``models use NAME@shipped --json``."""
        return {
            "name": self.name,
            "path": str(self.path),
            "version": None,
            "kept": self.kept,
            "answers": self.answers,
        }


@dataclass(frozen=True)
class RemovedBundle:
    """A bundle that was deleted, and what answers now, in a sentence."""

    name: str
    removed: Path
    answers: str

    def document(self) -> dict[str, Any]:
        """The promised document of ``models remove --json``."""
        return {
            "name": self.name,
            "removed": str(self.removed),
            "answers": self.answers,
        }


@dataclass(frozen=True, eq=False)
class ShownBundle:
    """A bundle on disk, by what its manifest says.

    Attributes
    ----------
    path : Path or None
    manifest : dataclass
        Of its kind.
    """

    path: Path | None
    manifest: Any

    def document(self) -> dict[str, Any]:
        """The promised document of ``models show --json``."""
        return {"path": str(self.path), **asdict(self.manifest)}

    def card(self) -> list[Row]:
        """Figures on models left out, as a comparison has them; of translators only."""
        m = self.manifest
        return [
            Row(
                m.anchor,
                m.target,
                r["translator"],
                m.corpus,
                m.split,
                held_out=r["held_out"],
                metric=r["metric"],
                value=r["value"],
                n=r["n"],
            )
            for r in m.card
        ]
