"""Several catalogue folders as one set of GPUs and instances.

A later folder adds to earlier ones. It replaces a GPU or an instance only where its
file requests it (``replaces = "NAME"``), so that a price or a bandwidth that ships with
xlate is not changed by accident.
"""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from xlate.errors import CatalogError
from xlate.hardware.compiled import read_compiled
from xlate.hardware.faults import Fault
from xlate.hardware.naming import fold
from xlate.hardware.tables import Section, sections
from xlate.hardware.values import Gpu, Instance

if TYPE_CHECKING:
    from xlate.hardware.reading import SectionReader

__all__ = ["Merged", "merge"]

T = TypeVar("T", Gpu, Instance)


@dataclass(frozen=True)
class _Placed(Generic[T]):
    """A value and the section of a file that it was read from."""

    value: T
    section: Section


@dataclass
class Merged:
    """GPUs and instances of all folders, and their faults.

    Attributes
    ----------
    gpus, instances : dict of str to value
        By name, in the order of folders.
    owner_of : dict of str to tuple
        Folded name or alias to ``("gpu", name)`` or ``("instance", name)``.
    rank_of : dict of tuple to int
        Owner to the index of its folder.
    faults : list of Fault
    """

    gpus: dict[str, Gpu] = field(default_factory=dict)
    instances: dict[str, Instance] = field(default_factory=dict)
    owner_of: dict[str, tuple[str, str]] = field(default_factory=dict)
    rank_of: dict[tuple[str, str], int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def added(self) -> list[Gpu | Instance]:
        """GPUs and instances that are not of the first folder."""
        every: list[tuple[str, Gpu | Instance]] = [
            *(("gpu", g) for g in self.gpus.values()),
            *(("instance", i) for i in self.instances.values()),
        ]
        return [x for kind, x in every if self.rank_of.get((kind, x.name), 0) > 0]


def merge(folders: Sequence[Path], shipped: Path, *, compiled: bool = True) -> Merged:
    """Read all folders.

    Parameters
    ----------
    folders : sequence of Path
        Folders or files; later ones may replace entries of earlier ones.
    shipped : Path
        Folder that ships with xlate: its dates are not compared with a clock that
        may be wrong.
    compiled : bool
        Whether to use its compiled form where its files are unchanged.

    Returns
    -------
    Merged
        Not to be used where it has faults.
    """
    merged = Merged()
    to_read: list[Section] = []
    gpus: dict[str, _Placed[Gpu]] = {}
    instances: dict[str, _Placed[Instance]] = {}
    for rank, folder in enumerate(folders):
        ready = read_compiled(folder) if compiled and folder == shipped else None
        if ready is not None:
            _ready(ready[0], "gpu", gpus, folder, rank)
            _ready(ready[1], "instance", instances, folder, rank)
            continue
        try:
            to_read += sections(folder, rank, merged.faults)
        except CatalogError as e:
            merged.faults.append(Fault(str(folder), "", e.what, e.hint))
    if to_read:
        ships = [rank for rank, folder in enumerate(folders) if folder == shipped]
        _read(to_read, merged, shipped_ranks=ships, gpus=gpus, instances=instances)
    merged.gpus = {p.value.name: p.value for p in gpus.values()}
    merged.instances = {p.value.name: p.value for p in instances.values()}
    _index(merged, gpus, instances)
    return merged


def _read(
    to_read: Sequence[Section],
    merged: Merged,
    *,
    shipped_ranks: Collection[int],
    gpus: dict[str, _Placed[Gpu]],
    instances: dict[str, _Placed[Instance]],
) -> None:
    """Check the sections of files, and place their values."""
    # the shipped catalogue is compiled: most commands do not need to read files
    from xlate.hardware.reading import SectionReader

    latest = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=1)
    for kind in ("gpu", "instance"):
        for section in to_read:
            if section.kind != kind:
                continue
            ships = section.rank in shipped_ranks
            reader = SectionReader(section, merged.faults, None if ships else latest)
            if kind == "gpu":
                gpu = reader.gpu()
                if gpu is not None:
                    _place(gpus, gpu, reader)
            else:
                instance = _instance(reader, gpus, _beside(section, to_read))
                if instance is not None:
                    _place(instances, instance, reader)


def _ready(
    values: Iterable[T],
    kind: str,
    placed: dict[str, _Placed[T]],
    folder: Path,
    rank: int,
) -> None:
    """Place values that were checked when they were compiled."""
    for value in values:
        own = (
            f"gpus/{value.name}.toml"
            if kind == "gpu"
            else f"{value.name}/instance.toml"
        )
        section = Section(kind, folder / own, "", {}, rank)
        placed[fold(value.name)] = _Placed(value, section)


def _beside(
    section: Section, to_read: Iterable[Section]
) -> Mapping[str, object] | None:
    """The table [gpu] of the file that holds the instance."""
    same = (s for s in to_read if s.kind == "gpu" and s.file == section.file)
    return next((s.table for s in same), None)


def _instance(
    reader: SectionReader,
    gpus: Mapping[str, _Placed[Gpu]],
    beside: Mapping[str, object] | None,
) -> Instance | None:
    named = reader.gpu_name()
    if named is None and beside is not None:
        own = beside.get("name")
        named = own if isinstance(own, str) else None
    placed = None if named is None else gpus.get(fold(named))
    if named is not None and placed is None:
        # a GPU with a wrong name has been reported already
        near = difflib.get_close_matches(
            named, [p.value.name for p in gpus.values()], 3, 0.5
        )
        hint = f"did you mean {' or '.join(near)}?" if near else None
        reader.fault("gpu", f"{named!r} has no file gpus/{named}.toml", hint)
    return reader.instance(None if placed is None else placed.value, named is not None)


def _place(placed: dict[str, _Placed[T]], value: T, reader: SectionReader) -> None:
    """Add a value, or replace an earlier one where its file requests it."""
    section, key, replaces = reader.section, fold(value.name), reader.replaces()
    before = placed.get(key)
    if replaces is not None and fold(replaces) != key:
        reader.fault(
            "replaces", f"must be its own name, {value.name!r}, got {replaces!r}"
        )
    elif before is None and replaces is not None:
        reader.fault("replaces", f"{replaces!r} is in no earlier folder")
    elif before is not None and before.section.rank == section.rank:
        reader.fault("name", f"{value.name!r} is in {before.section.file} too")
    elif before is not None and replaces is None:
        reader.fault(
            "name",
            f"{value.name!r} is in {before.section.file} already",
            f'choose another name, or write replaces = "{before.value.name}" to mean it',
        )
    placed.pop(key, None)
    placed[key] = _Placed(value, section)


def _index(
    merged: Merged,
    gpus: Mapping[str, _Placed[Gpu]],
    instances: Mapping[str, _Placed[Instance]],
) -> None:
    """Index names by owner; two owners of one name are a fault of the later one."""
    every: list[tuple[str, _Placed[Gpu] | _Placed[Instance]]] = [
        *(("gpu", p) for p in gpus.values()),
        *(("instance", p) for p in instances.values()),
    ]
    every.sort(key=lambda kp: kp[1].section.rank)
    first: dict[str, tuple[str, _Placed[Gpu] | _Placed[Instance]]] = {}
    for kind, placed in every:
        value = placed.value
        owner = (kind, value.name)
        merged.rank_of[owner] = placed.section.rank
        for name in (value.name, *value.aliases):
            key = fold(name)
            other_kind, other = first.setdefault(key, (kind, placed))
            if other is placed:
                merged.owner_of[key] = owner
            elif _same_machine(other, placed) and name == value.name:
                # the instance also represents the GPU of the same name
                merged.owner_of[key] = owner
            elif not _same_machine(other, placed):
                other_owner = (
                    f"{other_kind} {other.value.name!r} of {other.section.file}"
                )
                field_name = "name" if name == value.name else "aliases"
                merged.faults.append(
                    Fault(
                        str(placed.section.file),
                        f"{placed.section.prefix}{field_name}",
                        f"{name!r} names the {other_owner} too",
                        "remove one of the two",
                    )
                )


def _same_machine(
    first: _Placed[Gpu] | _Placed[Instance], second: _Placed[Gpu] | _Placed[Instance]
) -> bool:
    """Whether these are a GPU and the machine of the same name with one such GPU."""
    gpu, instance = first.value, second.value
    return (
        isinstance(gpu, Gpu)
        and isinstance(instance, Instance)
        and instance.gpu is gpu
        and instance.gpu_count == 1
        and fold(gpu.name) == fold(instance.name)
    )
