"""The store of translators as a session uses it (:mod:`xlate.store.bundle_store`).

That of clock models is :mod:`xlate.engine.clock_bundles`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from xlate.store.bundle import STORE, Bundle, shipped_folder
from xlate.store.bundle_store import MANIFEST
from xlate.store.manifest import Manifest

__all__ = ["TranslatorBundles"]


class TranslatorBundles:
    """Bundles of translators, by the names of anchor and target.

    What was loaded is kept, and loaded again where its files change.
    """

    def exists(self, anchor: str, target: str) -> bool:
        """Whether there is a bundle, the user's own or a shipped one."""
        return STORE.exists(anchor, target)

    def find(self, anchor: str, target: str, number: int | None = None) -> Bundle:
        """The bundle that answers, or the one of a number.

        Raises
        ------
        BundleError
            If there is none, it is of something else, or it is refused.
        """
        return STORE.find(anchor, target, number=number)

    def check(self, bundle: Bundle, anchor: str, target: str) -> None:
        """Refuse a bundle that is of another pair.

        Raises
        ------
        BundleError
            Naming both pairs.
        """
        STORE.kind.check(bundle, anchor, target)

    def manifest(self, anchor: str, target: str) -> Manifest | None:
        """Manifest of the bundle that would answer; None where there is none."""
        folder = STORE.location(anchor, target)
        return None if folder is None else STORE.read_manifest(folder)

    def candidates(self, anchor: str, target: str) -> list[tuple[Path, bool]]:
        """Folders that may hold a bundle of a pair, and whether each is the user's own."""
        ships = shipped_folder(anchor, target)
        places = dict.fromkeys((STORE.location(anchor, target), ships))
        return [
            (folder, folder != ships)
            for folder in places
            if folder is not None and (folder / MANIFEST).exists()
        ]

    def load(self, folder: Path) -> Bundle:
        """Load a bundle after checking everything that can be checked.

        Raises
        ------
        BundleError
            With the reason.
        """
        return STORE.load(folder)

    def keep(self, bundle: Bundle, *, in_place: bool) -> Bundle:
        """Write a bundle into the data home, and say where it is.

        Raises
        ------
        StorageError
            If the data home cannot be written.
        """
        return replace(bundle, path=STORE.keep(bundle, in_place=in_place))

    def retire(self, anchor: str, target: str) -> None:
        """Let the user's own bundle of a pair answer no more; it keeps its number."""
        STORE.retire(anchor, target)
