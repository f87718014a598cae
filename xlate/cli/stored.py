"""Bundles on disk, by the names that ``xlate models`` takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xlate.cli import output
from xlate.errors import BundleError, UnknownNameError
from xlate.store import bundle, clock_bundle, part_bundle, versions
from xlate.store.bundle_kind import Listed
from xlate.store.bundle_store import BundleStore
from xlate.store.clock_bundle import ClockManifest
from xlate.store.manifest import Manifest
from xlate.store.part_bundle import PartManifest

__all__ = [
    "STORES",
    "Stored",
    "everything",
    "folder_of",
    "now_in_use",
    "slot_of",
    "store_of",
]


#: a store for each kind of bundle, in the order they are listed in
STORES: tuple[BundleStore[Any, Any], ...] = (
    bundle.STORE,
    clock_bundle.STORE,
    part_bundle.SCALERS,
    part_bundle.POWER_MODELS,
)


class Stored(Listed):
    """One bundle on disk, as a row of a table."""

    @property
    def label(self) -> str:
        """Its name with the number."""
        return self.name if self.version is None else f"{self.name}@{self.version}"

    @property
    def answers(self) -> str:
        """Whether it is in use, as one word for a table."""
        if self.refused:
            return "refused"
        if not self.active:
            return "no"
        return "shipped" if self.ships else "yes"

    def cells(self) -> list[str]:
        """The rest of its row in a table."""
        m = self.manifest
        if isinstance(m, Manifest):
            return [
                m.translator, m.corpus, output.figure(m.error("step_mape"), "%"),
                output.figure(m.error("vector_wape")),
            ]  # fmt: skip
        if isinstance(m, ClockManifest):
            gap = m.error("edp_gap")
            return [
                m.model, m.source_gpu, m.corpus,
                output.figure(None if gap is None else 100 * gap, "%"),
            ]  # fmt: skip
        if isinstance(m, PartManifest):
            return [m.kind, m.corpus]
        return ["–"] * 4

    @property
    def date(self) -> str:
        """Day of the fit, for a table."""
        return (self.fitted_at or "–").partition("T")[0]


def everything() -> list[Stored]:
    """Every bundle in the data home and every one that ships, by kind and name."""
    return [Stored(**vars(r)) for store in STORES for r in store.list()]


def store_of(slot: Path) -> BundleStore[Any, Any]:
    """The store for the kind of bundle that a folder is the slot of."""
    rooms = {s.kind.room: s for s in STORES if s.kind.room}
    return rooms.get(slot.parent.name, bundle.STORE)


def slot_of(name: str) -> tuple[Path, int | None]:
    """Folder of the bundle in use under a name, and the version number in the name.

    Raises
    ------
    BundleError
        If the name has another form.
    UnknownNameError
        If an instance in it is unknown.
    """
    bare, at, digits = name.rpartition("@")
    if not at:
        bare, digits = name, ""
    if at and not (digits.isdecimal() and digits.isascii() and 0 < int(digits) < 10**9):
        raise BundleError(
            f"no bundle is named {name!r}: {digits!r} is not a version",
            "see: xlate models list",
        )
    number = int(digits) if at else None
    folder, slash, target = bare.partition("/")
    for store in STORES:
        if slash and folder == store.kind.room:
            return store.slot(_canonical(target)), number
    anchor, separator, target = bare.partition("/to-")
    if not separator:
        raise BundleError(
            f"no bundle is named {name!r}",
            "write ANCHOR/to-TARGET or clocks/TARGET, see: xlate models list",
        )
    return bundle.folder_of(_canonical(anchor), _canonical(target)), number


def _canonical(name: str) -> str:
    """Canonical name of an instance, or of a folder whose instance was removed."""
    from xlate.hardware.catalogue import catalogue

    try:
        return catalogue().instance(name).name
    except UnknownNameError:
        plain = Path(name).name == name and not name.startswith(".")
        home = bundle.home()
        has_folder = plain and any(
            True
            for pattern in (name, f"*/to-{name}*", f"clocks/{name}*")
            for _ in home.glob(pattern)
        )
        if has_folder:
            return name
        raise


def folder_of(name: str) -> Path:
    """Folder of one of the user's own bundles.

    Raises
    ------
    BundleError
        If there is no such bundle, or it ships with xlate.
    """
    slot, number = slot_of(name)
    folder: Path | None = slot if slot.is_dir() else None
    if number is not None:
        folder = versions.version(slot, number)
    if folder is not None:
        return folder
    if number is None and slot.name.startswith("to-"):
        anchor, target = slot.parent.name, slot.name.removeprefix("to-")
        if (bundle.shipped_folder(anchor, target) / bundle.MANIFEST).exists():
            raise BundleError(
                f"{name} ships with xlate and cannot be removed",
                "a fit of your own answers before it",
            )
    raise BundleError(f"no bundle {name} of your own", "see: xlate models list")


def now_in_use(name: str) -> str:
    """A sentence that says which bundle is in use now."""
    slot, _ = slot_of(name)
    if versions.active(slot, bundle.MANIFEST) is not None:
        return "your bundle still answers"
    store = store_of(slot)
    if store.kind.room:
        kind = "clock model" if store is clock_bundle.STORE else store.kind.name
        return f"no {kind} of {slot.name} answers now"
    anchor, target = slot.parent.name, slot.name.removeprefix("to-")
    if bundle.exists(anchor, target):
        return "the bundle that ships with xlate answers now"
    return "zero-shot answers now"
