"""Bundles of every kind on disk: save, load, find, list, and choose the version in use.

A :class:`~xlate.store.bundle_kind.BundleKind` holds what differs between kinds: the
manifest, the folder and the models. :class:`BundleStore` does the rest for all kinds:
the file of the models (:mod:`xlate.store.archive`), the numbered versions
(:mod:`xlate.store.versions`), and a cache of loaded bundles.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Generic

from xlate.errors import BundleError
from xlate.settings import paths
from xlate.settings.logs import logger, timed
from xlate.store import versions as slots
from xlate.store.archive import open_archive, written
from xlate.store.bundle_kind import ROOMS, B, BundleKind, Listed, M
from xlate.store.cache import LoadedFolders
from xlate.store.codec import encode
from xlate.store.fields import read_json

__all__ = ["MANIFEST", "MODEL", "BundleStore", "home", "versions"]

_LOG = logger(__name__)
MANIFEST, MODEL = "manifest.json", "model.zip"


class BundleStore(Generic[B, M]):
    """Bundles of one kind.

    Parameters
    ----------
    kind : BundleKind

    Examples
    --------
    >>> from xlate.store.bundle import STORE
    >>> STORE.find("p2.xlarge", "p3.2xlarge").manifest.translator
    'physics'
    """

    def __init__(self, kind: BundleKind[B, M]) -> None:
        self.kind = kind
        self._loaded: LoadedFolders[B] = LoadedFolders(self.load, (MANIFEST, MODEL))

    def slot(self, *names: str) -> Path:
        """Folder from which the bundle of some names answers."""
        return home() / self.kind.slot(*names)

    def save(self, bundle: B, folder: Path) -> Path:
        """Write a bundle into a folder, whole or not at all.

        The same fit gives the same bytes.

        Raises
        ------
        StorageError
            If the folder cannot be written.
        """
        write = self._writer(bundle)
        with paths.atomic_folder(folder) as scratch:
            write(scratch)
        return folder

    def keep(self, bundle: B, *, in_place: bool = True) -> Path:
        """Write a bundle into the data home, beside those that are there.

        Parameters
        ----------
        bundle : bundle of the kind
        in_place : bool
            Whether it answers from now on; what did until then keeps its number.

        Raises
        ------
        StorageError
            If the data home cannot be written.
        """
        slot = self.slot(*self.kind.names(bundle.manifest))
        return slots.keep(slot, self._writer(bundle), in_place=in_place)

    def _writer(self, bundle: B) -> Callable[[Path], None]:
        archive = written(encode(self.kind.models(bundle)))
        digest = {MODEL: hashlib.sha256(archive).hexdigest()}
        text = self.kind.manifest_text(bundle.manifest, digest)

        def write(folder: Path) -> None:
            (folder / MODEL).write_bytes(archive)
            (folder / MANIFEST).write_text(text, encoding="utf-8")

        return write

    def read_manifest(self, folder: Path) -> M:
        """Manifest of the bundle in a folder.

        Raises
        ------
        BundleError
            If it is missing, or it cannot be understood.
        """
        path = folder / MANIFEST
        raw = read_json(path, self.kind.refit(*self.names_in(folder)))
        return self.kind.manifest(raw, str(path))

    def names_in(self, folder: Path) -> tuple[str, ...]:
        """Anchor and target, or target, that a folder's name says its bundle is for."""
        target = slots.slot_name(folder.name).removeprefix("to-")
        return (target,) if self.kind.room else (folder.parent.name, target)

    def load(self, folder: Path) -> B:
        """Load a bundle after checking everything that can be checked.

        Raises
        ------
        BundleError
            With the reason: not a bundle of the kind, from another version of
            xlate, a file missing or changed since the fit, damaged content.
        """
        manifest = self.read_manifest(folder)
        refit = self.kind.refit(*self.kind.names(manifest))
        if set(manifest.files) != {MODEL}:
            raise BundleError(
                f"{folder}: the manifest lists {sorted(manifest.files)}, not {MODEL}",
                refit,
            )
        models = open_archive(folder / MODEL, manifest.files[MODEL], refit)
        return self.kind.built(manifest, models, folder)

    def location(self, *names: str) -> Path | None:
        """Folder of the bundle that answers: the user's own, else the shipped one."""
        own = slots.active(self.slot(*names), MANIFEST)
        if own is not None:
            return own
        shipped = self.kind.shipped(*names)
        return shipped if shipped and (shipped / MANIFEST).exists() else None

    def exists(self, *names: str) -> bool:
        """Whether there is a bundle, the user's own or a shipped one."""
        return self.location(*names) is not None

    def find(self, *names: str, number: int | None = None) -> B:
        """The bundle that answers, or the one of a number.

        It is loaded once, and again when its files change.

        Parameters
        ----------
        *names : str
            Anchor and target, or the target.
        number : int, optional
            Of a version kept beside it.

        Raises
        ------
        BundleError
            If there is no such bundle, it is for another pair or target, or it is
            refused.
        """
        slot = self.slot(*names)
        folder = (
            self.location(*names) if number is None else slots.version(slot, number)
        )
        if folder is None and number is not None:
            raise BundleError(
                f"no version {number} of {self.kind.label(slot)}",
                "see: xlate models list",
            )
        if folder is None:
            raise self.kind.missing(*names)
        with timed(_LOG, f"loading {folder}"):
            bundle = self._loaded.get(folder)
        self.kind.check(bundle, *names)
        _LOG.info("%s", self.kind.log_line(bundle))
        return bundle

    def versions(self, *names: str) -> dict[int, Path]:
        """Folders of the numbered versions, the one that answers among them."""
        slot = self.slot(*names)
        own = slots.number_of(slot)
        kept = slots.numbered(slot)
        return dict(sorted({**kept, **({} if own is None else {own: slot})}.items()))

    def use(self, *names: str, number: int) -> Path:
        """Let a version answer, once it was loaded with every check.

        Raises
        ------
        BundleError
            If there is none of the number, or it is refused.
        StorageError
            If the folder cannot be written.
        """
        self.find(*names, number=number)
        slot = self.slot(*names)
        return slot if slots.number_of(slot) == number else slots.use(slot, number)

    def retire(self, *names: str) -> Path | None:
        """Keep the bundle in use under its number only; None where none was in use.

        Raises
        ------
        StorageError
            If the folder cannot be written.
        """
        return slots.retire(self.slot(*names))

    def remove(self, *names: str, number: int | None = None) -> None:
        """Delete the user's own bundle that answers, or the one of a number.

        Raises
        ------
        BundleError
            If there is none.
        StorageError
            If it cannot be deleted.
        """
        slot = self.slot(*names)
        folder = slots.version(slot, number) if number is not None else slot
        if folder is None or not folder.is_dir():
            raise BundleError(
                f"no bundle {self.kind.label(slot)} of your own",
                "see: xlate models list",
            )
        slots.remove(folder)

    def manifests(self) -> Sequence[tuple[Path, M]]:
        """Manifests of the bundles that answer, by path: the user's own, then the shipped.

        Raises
        ------
        BundleError
            If one of them is damaged.
        """
        folders = [s for s in self._slots(home()) if (s / MANIFEST).exists()]
        folders += self._shipped()
        return [(p, self.read_manifest(p)) for p in folders]

    def list(self) -> Sequence[Listed]:
        """Every bundle of the kind, by name: the user's own, then the shipped."""
        listed = []
        own: set[str] = set()
        for slot in self._slots(home()):
            rows = [*self._of_slot(slot)]
            if any(r.active for r in rows):
                own.add(self.kind.label(slot))
            listed += rows
        for folder in self._shipped():
            name = self.kind.label(folder)
            manifest, refused = self._read(folder)
            listed.append(
                Listed(
                    kind=self.kind.name,
                    name=name,
                    path=folder,
                    version=None,
                    active=name not in own,
                    ships=True,
                    manifest=manifest,
                    refused=refused,
                )
            )
        return listed

    def _slots(self, root: Path) -> Sequence[Path]:
        """Folders from which a bundle answers, or beside which versions are kept."""
        room = root / self.kind.room
        folders = set()
        for path in room.glob(self.kind.pattern):
            # rooms of other kinds are folders beside those of the anchors
            is_room = not self.kind.room and path.parent.name in ROOMS
            if path.is_dir() and not is_room and not path.name.startswith("."):
                folders.add(path.with_name(slots.slot_name(path.name)))
        return sorted(folders)

    def _shipped(self) -> Sequence[Path]:
        if self.kind.shipped(*self.names_in(Path("a/b"))) is None:
            return []
        root = paths.shipped("anchors")
        return [s for s in self._slots(root) if (s / MANIFEST).exists()]

    def _of_slot(self, slot: Path) -> Iterator[Listed]:
        answers = slots.active(slot, MANIFEST)
        name = self.kind.label(slot)
        for folder in (answers, *slots.numbered(slot).values()):
            if folder is None:
                continue
            manifest, refused = self._read(folder)
            if manifest is not None:
                of = self.kind.label(self.slot(*self.kind.names(manifest)))
                refused = None if of == name else f"it is of {of}"
            yield Listed(
                kind=self.kind.name,
                name=name,
                path=folder,
                version=slots.number_of(folder),
                active=folder == answers,
                ships=False,
                manifest=manifest,
                refused=refused,
            )

    def _read(self, folder: Path) -> tuple[M | None, str | None]:
        """A manifest, or the reason it is refused: a refused one must not hide others."""
        try:
            return self.read_manifest(folder), None
        except BundleError as e:
            return None, e.what


def home() -> Path:
    """Folder of the user's own bundles."""
    return paths.data_home() / "models"


def versions() -> dict[str, str]:
    """Versions that decide what a fit gives."""
    numbers = {"python": platform.python_version()}
    for package in ("xlate", "numpy", "scikit-learn", "skops", "polars"):
        try:
            numbers[package] = version(package)
        except PackageNotFoundError:
            numbers[package] = "unknown"
    return numbers
