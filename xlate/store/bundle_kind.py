"""The differences between kinds of bundles, for a store of any kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from xlate.errors import BundleError
from xlate.store.versions import fitted_at

__all__ = ["ROOMS", "AnyBundle", "AnyManifest", "B", "BundleKind", "Listed", "M"]

#: folders of the data home for the kinds other than translators
ROOMS = ("clocks", "scalers", "power")


class AnyManifest(Protocol):
    """What every manifest has."""

    @property
    def files(self) -> Mapping[str, str]:
        """sha256 of every other file of the bundle."""

    def summary(self) -> dict[str, str | float | bool | None]:
        """Its main fields, as listings have them."""


class AnyBundle(Protocol):
    """What every bundle has."""

    @property
    def manifest(self) -> Any:
        """What it was fitted on."""

    @property
    def path(self) -> Path | None:
        """Where it lies."""


B = TypeVar("B", bound=AnyBundle)
M = TypeVar("M", bound=AnyManifest)


@dataclass(frozen=True, eq=False)
class Listed:
    """One bundle on disk.

    Attributes
    ----------
    kind : str
        Kind of bundle.
    name : str
        As commands take it, without a number: ``ANCHOR/to-TARGET``, ``clocks/TARGET``.
    path : Path
        Its folder.
    version : int or None
        Its number; None for shipped ones and fits of an earlier xlate.
    active, ships : bool
        Whether it is in use, and whether it ships with xlate.
    manifest : manifest of its kind, or None
        None where it is refused.
    refused : str or None
        The reason.
    """

    kind: str
    name: str
    path: Path
    version: int | None
    active: bool
    ships: bool
    manifest: AnyManifest | None
    refused: str | None = None

    @property
    def fitted_at(self) -> str | None:
        """Time of the fit, UTC; None where it was not recorded."""
        return fitted_at(self.path)

    def document(self) -> dict[str, str | float | bool | None]:
        """The promised document of one bundle in ``models list --json``."""
        return {
            "kind": self.kind,
            "path": str(self.path),
            "name": self.name,
            "version": self.version,
            "active": self.active,
            "shipped": self.ships,
            "refused": self.refused,
            "fitted_at": self.fitted_at,
            **({} if self.manifest is None else self.manifest.summary()),
        }


class BundleKind(ABC, Generic[B, M]):
    """The manifest, folder and models of one kind of bundle.

    Attributes
    ----------
    name : str
        As in manifests and listings.
    room : str
        Folder of the data home in which its slots lie, or ``""``.
    pattern : str
        Of its slots' folders, below the room.
    """

    name: str
    room: str
    pattern: ClassVar[str] = "*"

    @abstractmethod
    def slot(self, *names: str) -> str:
        """Path of the folder from which a bundle answers, below the data home."""

    @abstractmethod
    def names(self, manifest: M) -> tuple[str, ...]:
        """Names that a bundle is for: anchor and target, or a target."""

    @abstractmethod
    def refit(self, *names: str) -> str:
        """Command that makes a bundle anew."""

    @abstractmethod
    def manifest(self, raw: Any, where: str) -> M:
        """A manifest from the value of its JSON; BundleError if that is not a manifest."""

    @abstractmethod
    def manifest_text(self, manifest: M, files: Mapping[str, str]) -> str:
        """JSON of a manifest, with the checksums of the files beside it."""

    @abstractmethod
    def models(self, bundle: B) -> dict[str, Any]:
        """The models of a bundle, to be written."""

    @abstractmethod
    def built(self, manifest: M, models: Any, folder: Path) -> B:
        """A checked bundle; BundleError where manifest and models do not agree."""

    @abstractmethod
    def check(self, bundle: B, *names: str) -> None:
        """Refuse a bundle that is for other names."""

    @abstractmethod
    def log_line(self, bundle: B) -> str:
        """The bundle in use, as the log names it."""

    @abstractmethod
    def missing(self, *names: str) -> BundleError:
        """The error where there is no bundle yet."""

    def shipped(self, *names: str) -> Path | None:  # noqa: ARG002 - most kinds ship none
        """Folder of the bundle that ships with xlate, whether there is one or not."""
        return None

    def label(self, slot: Path) -> str:
        """Name of what answers from a folder, as commands take it."""
        return f"{slot.parent.name}/{slot.name}"
