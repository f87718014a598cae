"""The stores of bundles, as a session sees them: one seam to :mod:`xlate.store`.

Both have the verbs of one store of bundles of every kind, so that one can take their
place without a change elsewhere in the engine.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from xlate.store import bundle as translators
from xlate.store import clock_bundle as clocks
from xlate.store import versions
from xlate.store.bundle import Bundle
from xlate.store.clock_bundle import ClockBundle
from xlate.store.manifest import Manifest

__all__ = ["ClockBundles", "TranslatorBundles"]


class TranslatorBundles:
    """Bundles of translators, by the names of anchor and target.

    What was loaded is kept, and loaded again where its files change.
    """

    def exists(self, anchor: str, target: str) -> bool:
        """Whether there is a bundle, the user's own or a shipped one."""
        return translators.exists(anchor, target)

    def find(self, anchor: str, target: str, number: int | None = None) -> Bundle:
        """The bundle that answers, or the one of a number.

        Raises
        ------
        BundleError
            If there is none, it is of something else, or it is refused.
        """
        if number is None:
            return translators.find(anchor, target)
        return translators.find_version(anchor, target, number)

    def check(self, bundle: Bundle, anchor: str, target: str) -> None:
        """Refuse a bundle that is of another pair.

        Raises
        ------
        BundleError
            Naming both pairs.
        """
        translators.check_pair(bundle, anchor, target)

    def manifest(self, anchor: str, target: str) -> Manifest | None:
        """Manifest of the bundle that would answer; None where there is none."""
        folder = translators.location(anchor, target)
        return None if folder is None else translators.read_manifest(folder)

    def candidates(self, anchor: str, target: str) -> list[tuple[Path, bool]]:
        """Folders that may hold a bundle of a pair, and whether each is the user's own."""
        ships = translators.shipped_folder(anchor, target)
        places = dict.fromkeys((translators.location(anchor, target), ships))
        return [
            (folder, folder != ships)
            for folder in places
            if folder is not None and (folder / translators.MANIFEST).exists()
        ]

    def load(self, folder: Path) -> Bundle:
        """Load a bundle after checking everything that can be checked.

        Raises
        ------
        BundleError
            With the reason.
        """
        return translators.load(folder)

    def keep(self, bundle: Bundle, *, in_place: bool) -> Bundle:
        """Write a bundle into the data home, and say where it is.

        Raises
        ------
        StorageError
            If the data home cannot be written.
        """
        path = translators.keep(bundle.manifest, bundle.model, in_place=in_place)
        return replace(bundle, path=path)

    def retire(self, anchor: str, target: str) -> None:
        """Let the user's own bundle of a pair answer no more; it keeps its number."""
        versions.retire(translators.folder_of(anchor, target))


class ClockBundles:
    """Bundles of clock models, by the name of the target."""

    def find(self, target: str, gpu: str | None = None) -> ClockBundle:
        """The clock model that answers for an instance, or for its GPU.

        Raises
        ------
        BundleError
            If there is none, or it is refused.
        """
        return clocks.find(target, gpu)

    def check(self, bundle: ClockBundle, target: str, gpu: str | None = None) -> None:
        """Refuse a clock model that is of another GPU.

        Raises
        ------
        BundleError
            Naming both.
        """
        clocks.check_target(bundle, target, gpu)

    def keep(self, bundle: ClockBundle, *, in_place: bool) -> ClockBundle:
        """Write a clock model into the data home, and say where it is.

        Raises
        ------
        StorageError
            If the data home cannot be written.
        """
        return replace(bundle, path=clocks.keep(bundle, in_place=in_place))
