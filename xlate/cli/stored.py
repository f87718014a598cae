"""What lies in the store, by the names that ``xlate models`` takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlate import paths
from xlate.cli import output
from xlate.errors import BundleError, UnknownNameError
from xlate.store import bundle, clock_bundle, versions
from xlate.store.clock_bundle import ClockManifest
from xlate.store.manifest import Manifest

__all__ = ["Stored", "everything", "folder_of", "left_after", "slot_of"]


@dataclass(frozen=True, eq=False)
class Stored:
    """One fit on disk.

    Attributes
    ----------
    kind : str
        ``"translator"`` or ``"clocks"``.
    name : str
        ``ANCHOR/to-TARGET`` or ``clocks/TARGET``.
    path : Path
    version : int or None
        Its number; None for shipped ones and fits of an earlier xlate.
    active, ships : bool
        Whether it answers, and whether it ships with xlate.
    manifest : Manifest, ClockManifest or None
        None where it is refused.
    refused : str or None
        Why.
    """

    kind: str
    name: str
    path: Path
    version: int | None
    active: bool
    ships: bool
    manifest: Manifest | ClockManifest | None
    refused: str | None = None

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
        return found


def everything() -> list[Stored]:
    """Every fit in the data home and every bundle that ships, by kind and name."""
    found = []
    mine: set[str] = set()
    for slot in _slots(bundle.home(), "*/to-*", apart="clocks"):
        name = f"{slot.parent.name}/{slot.name}"
        rows = list(_of_slot(slot, "translator", name))
        if any(s.active for s in rows):
            mine.add(name)
        found += rows
    ships = paths.shipped("anchors")
    for manifest in sorted(ships.glob(f"*/to-*/{bundle.MANIFEST}")):
        folder = manifest.parent
        name = f"{folder.parent.name}/{folder.name}"
        read, refused = _read(folder, "translator")
        found.append(
            Stored("translator", name, folder, None, name not in mine, True, read, refused)
        )  # fmt: skip
    for slot in _slots(bundle.home() / "clocks", "*"):
        found += _of_slot(slot, "clocks", f"clocks/{slot.name}")
    return found


def _slots(root: Path, pattern: str, apart: str = "") -> list[Path]:
    """Folders from which a fit answers, or beside which versions are kept."""
    found = set()
    for path in root.glob(pattern):
        hidden = path.name.startswith(".")
        if path.parent.name != apart and path.is_dir() and not hidden:
            found.add(path.with_name(versions.slot_name(path.name)))
    return sorted(found)


def _of_slot(slot: Path, kind: str, name: str) -> Iterator[Stored]:
    answers = versions.active(slot, bundle.MANIFEST)
    for folder in (answers, *versions.numbered(slot).values()):
        if folder is None:
            continue
        read, refused = _read(folder, kind)
        of = None if read is None else _name_of(read)
        if of is not None and of != name:
            refused = f"it is of {of}"
        active = folder == answers
        yield Stored(
            kind, name, folder, versions.number_of(folder), active, False, read, refused
        )


def _read(
    folder: Path, kind: str
) -> tuple[Manifest | ClockManifest | None, str | None]:
    """A manifest, or why it is refused; one that is must not hide the others."""
    read = bundle.read_manifest if kind == "translator" else clock_bundle.read_manifest
    try:
        return read(folder), None
    except BundleError as e:
        return None, e.what


def _name_of(m: Manifest | ClockManifest) -> str:
    if isinstance(m, Manifest):
        return f"{m.anchor}/to-{m.target}"
    return f"clocks/{m.target}"


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
    if folder == "clocks" and slash:
        return clock_bundle.folder_of(_canonical(target)), number
    anchor, found, target = bare.partition("/to-")
    if not found:
        raise BundleError(
            f"{name!r} is no bundle",
            "write ANCHOR/to-TARGET or clocks/TARGET, see: xlate models list",
        )
    return bundle.folder_of(_canonical(anchor), _canonical(target)), number


def _canonical(name: str) -> str:
    """An instance's name, or that of a folder of one the catalogue no longer has."""
    from xlate.catalog import catalogue

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
    if slot.parent.name == "clocks":
        return f"no clock model of {slot.name} answers now"
    anchor, target = slot.parent.name, slot.name.removeprefix("to-")
    if bundle.exists(anchor, target):
        return "the bundle that ships with xlate answers now"
    return "zero-shot answers now"
