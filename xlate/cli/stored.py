"""What lies in the store, by the names that ``xlate models`` takes."""

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
    "left_after",
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
    """One bundle on disk, as tables and documents show it."""

    @property
    def label(self) -> str:
        """Its name with the number."""
        return self.name if self.version is None else f"{self.name}@{self.version}"

    @property
    def answers(self) -> str:
        """Whether it answers, in a word for a table."""
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
    def fitted_at(self) -> str | None:
        """When it was fitted, UTC; None where nothing says it."""
        return versions.fitted_at(self.path)

    @property
    def date(self) -> str:
        """Day of the fit, for a table."""
        return (self.fitted_at or "–").partition("T")[0]

    def document(self) -> dict[str, Any]:
        """For JSON."""
        m = self.manifest
        found: dict[str, Any] = {
            "kind": self.kind, "path": str(self.path), "name": self.name,
            "version": self.version, "active": self.active, "shipped": self.ships,
            "refused": self.refused, "fitted_at": self.fitted_at,
        }  # fmt: skip
        if isinstance(m, Manifest):
            found |= {
                "anchor": m.anchor, "target": m.target, "translator": m.translator,
                "fitted_on": m.corpus, "simulated": m.simulated,
                "step_mape": m.error("step_mape"),
                "vector_wape": m.error("vector_wape"),
            }  # fmt: skip
        elif isinstance(m, ClockManifest):
            found |= {
                "target": m.target, "gpu": m.gpu, "model": m.model,
                "fitted_on": m.corpus, "simulated": m.simulated,
                "extrapolated": m.extrapolated, "edp_gap": m.error("edp_gap"),
            }  # fmt: skip
        elif isinstance(m, PartManifest):
            found |= {
                "instance": m.instance, "fitted_on": m.corpus, "simulated": m.simulated,
            }  # fmt: skip
        return found


def everything() -> list[Stored]:
    """Every bundle in the data home and every one that ships, by kind and name."""
    return [Stored(**vars(r)) for store in STORES for r in store.list()]


def store_of(slot: Path) -> BundleStore[Any, Any]:
    """The store of the kind of bundle that answers from a folder."""
    rooms = {s.kind.room: s for s in STORES if s.kind.room}
    return rooms.get(slot.parent.name, bundle.STORE)


def slot_of(name: str) -> tuple[Path, int | None]:
    """Folder from which a named fit answers, and the number that was asked for.

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
            f"{name!r} is no bundle: {digits!r} is no version", "see: xlate models list"
        )
    number = int(digits) if at else None
    folder, slash, target = bare.partition("/")
    for store in STORES:
        if slash and folder == store.kind.room:
            return store.slot(_canonical(target)), number
    anchor, found, target = bare.partition("/to-")
    if not found:
        raise BundleError(
            f"{name!r} is no bundle",
            "write ANCHOR/to-TARGET or clocks/TARGET, see: xlate models list",
        )
    return bundle.folder_of(_canonical(anchor), _canonical(target)), number


def _canonical(name: str) -> str:
    """An instance's name, or that of a folder of one the catalogue no longer has."""
    from xlate.hardware.catalogue import catalogue

    try:
        return catalogue().instance(name).name
    except UnknownNameError:
        plain = Path(name).name == name and not name.startswith(".")
        home = bundle.home()
        there = plain and any(
            True
            for pattern in (name, f"*/to-{name}*", f"clocks/{name}*")
            for _ in home.glob(pattern)
        )
        if there:
            return name
        raise


def folder_of(name: str) -> Path:
    """Folder of a fit of the user's own.

    Raises
    ------
    BundleError
        If there is none, or it ships with xlate.
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


def left_after(name: str) -> str:
    """What answers now, in a sentence."""
    slot, _ = slot_of(name)
    if versions.active(slot, bundle.MANIFEST) is not None:
        return "your bundle still answers"
    store = store_of(slot)
    if store.kind.room:
        what = "clock model" if store is clock_bundle.STORE else store.kind.name
        return f"no {what} of {slot.name} answers now"
    anchor, target = slot.parent.name, slot.name.removeprefix("to-")
    if bundle.exists(anchor, target):
        return "the bundle that ships with xlate answers now"
    return "zero-shot answers now"
