"""The catalogue: instances to rent or own, their GPUs, prices and legal clocks.

Facts live in TOML (``anchors/<instance>/instance.toml``, ``anchors/gpus/<gpu>.toml``,
or one file for both, ``<name>.toml``). Every number has its source and its
standing: **D** read from a device dump, **V** vendor or cloud document,
**C** computed from D or V, **I** inferred from a proven grid rule, **U**
general knowledge, unchecked. All files are checked on load, and all faults of all
files are reported at once, before anything is computed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import NoReturn

from xlate.errors import UnknownNameError
from xlate.hardware.faults import CatalogFaultsError, Fault
from xlate.hardware.identity import Likeness, likeness
from xlate.hardware.merging import Merged, merge
from xlate.hardware.naming import bare, fold, shortens, squash
from xlate.hardware.tables import files_of, stat_of
from xlate.hardware.values import ClockList, Fact, Gpu, Instance, Price
from xlate.settings.paths import shipped

__all__ = [
    "CatalogFaultsError",
    "Catalogue",
    "ClockList",
    "Fact",
    "Fault",
    "Gpu",
    "Instance",
    "Price",
    "catalogue",
    "read_all",
]

#: share of an unknown name that a name of the catalogue must contain to be suggested
_MOST_OF_A_NAME = 0.75


class Catalogue:
    """All instances and GPUs of some folders.

    Parameters
    ----------
    folders : iterable of Path
        Each holds ``<instance>/instance.toml``, ``gpus/<gpu>.toml`` and
        ``<name>.toml``, or is one such file. A later folder replaces what an
        earlier one has only where its file says ``replaces = "NAME"``.

    Raises
    ------
    CatalogFaultsError
        With all faults of all files: wrong syntax, a field that is missing,
        misspelt or of the wrong type, a figure out of range, without source, or
        inconsistent with another one, a name that two entries share.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self.folders = tuple(folders)
        merged = _merged(self.folders)
        if merged.faults:
            raise CatalogFaultsError(merged.faults)
        self.gpus = merged.gpus
        self.instances = merged.instances
        self._owner_of = merged.owner_of
        self._devices: dict[str, tuple[tuple[Gpu, ...], Likeness]] = {}

    def instance(self, name: str, among: Iterable[str] = ()) -> Instance:
        """Look an instance up by name, alias, GPU name or GPU alias.

        A GPU's name means "a machine with one of these GPUs", which has no
        price, unless an instance with one of them has the same name.

        Parameters
        ----------
        name : str
            What the user typed.
        among : iterable of str
            Names that resolve an ambiguous one: ``"H100"`` where only one
            of them begins with it.

        Raises
        ------
        UnknownNameError
            With the nearest known names, or the GPUs that the name may mean.
        """
        named = self._by_name(name)
        choices = list(among)
        if named is None or not {named.name, named.gpu and named.gpu.name} & {*choices}:
            meant = [n for n in choices if self._means(name, n)]
            if len(meant) == 1:
                return self.instance(meant[0])
        return named or self._unknown("instance", name)

    def gpu(self, name: str) -> Gpu:
        """Look a GPU up by its name or alias, or by an instance that holds it.

        Raises
        ------
        UnknownNameError
            With the nearest known names, or the GPUs that the name may mean.
        CatalogError
            If an instance without a GPU was named.
        """
        named = self._by_name(name)
        return self._unknown("GPU", name) if named is None else named.require_gpu()

    def gpus_of_device(self, name: str) -> tuple[Gpu, ...]:
        """GPUs that a device name in a file may mean.

        Parameters
        ----------
        name : str
            What a profiler or a driver printed, ``"NVIDIA A100-SXM4-40GB"``, or what
            a person wrote for it, ``"A100"``.

        Returns
        -------
        tuple of Gpu
            One where the name identifies it; several where it is short; empty where
            the catalogue does not know it.
        """
        return self._of_device(name)[0]

    def likeness(self, device: str, gpu: Gpu) -> Likeness:
        """How a device name in a file agrees with a GPU, compared with all other GPUs.

        Parameters
        ----------
        device : str
            What a profiler or a driver printed, whether the catalogue knows it or not.
        gpu : Gpu
            The GPU to compare with.

        Examples
        --------
        >>> from xlate.hardware.catalogue import catalogue
        >>> gpus = catalogue()
        >>> gpus.likeness("NVIDIA A100-PG509-200", gpus.gpu("A100-SXM4-40GB")).value
        'exact'
        >>> gpus.likeness("AMD Radeon Graphics", gpus.gpu("T4")).value
        'another'
        """
        named, how = self._of_device(device)
        if named:
            return how if gpu.name in {g.name for g in named} else Likeness.ANOTHER
        return likeness(device, gpu)

    def _of_device(self, name: str) -> tuple[tuple[Gpu, ...], Likeness]:
        """GPUs that a name may mean, and the likeness; cached, since files repeat it."""
        if name not in self._devices:
            self._devices[name] = self._compared(name)
        return self._devices[name]

    def _compared(self, name: str) -> tuple[tuple[Gpu, ...], Likeness]:
        exact = self._by_name(name)
        if exact is not None:
            return (() if exact.gpu is None else (exact.gpu,)), Likeness.EXACT
        how = {g.name: likeness(name, g) for g in self.gpus.values()}
        other = (Likeness.NOTHING, Likeness.ANOTHER)
        named = tuple(g for g in self.gpus.values() if how[g.name] not in other)
        if len(named) == 1:
            return named, how[named[0].name]
        # several GPUs share the name, as "P100": an alias of one of them decides nothing
        shared = any(how[g.name] is Likeness.SHARE for g in named)
        return named, Likeness.SHARE if shared else Likeness.VARIANT

    def gpu_of_device(self, name: str) -> Gpu | None:
        """The GPU of a device name in a file; None where the name does not identify it.

        Examples
        --------
        >>> from xlate.hardware.catalogue import catalogue
        >>> catalogue().gpu_of_device("NVIDIA A100-SXM4-40GB").name
        'A100-SXM4-40GB'
        >>> catalogue().gpu_of_device("A100") is None
        True
        """
        named, how = self._of_device(name)
        # an incomplete name with one variant in the catalogue may have others elsewhere
        return named[0] if len(named) == 1 and how is Likeness.EXACT else None

    def instances_with(self, gpu: Gpu | str) -> tuple[Instance, ...]:
        """Instances that hold a GPU, in the order of the catalogue.

        Parameters
        ----------
        gpu : Gpu or str
            A GPU, or a name of one.

        Raises
        ------
        UnknownNameError
            If the name is unknown or ambiguous.
        """
        name = (self.gpu(gpu) if isinstance(gpu, str) else gpu).name
        return tuple(
            i
            for i in self.instances.values()
            if i.gpu is not None and i.gpu.name == name
        )

    def owner_of(self, name: str) -> str | None:
        """Full name of the GPU or instance that has a name or alias, or None."""
        owner = self._owner_of.get(fold(name))
        return None if owner is None else owner[1]

    def _by_name(self, name: str) -> Instance | None:
        """The instance of a name or alias; None where it is unknown or ambiguous."""
        owner = self._owner_of.get(fold(name))
        if owner is None:
            return None
        kind, key = owner
        if kind == "instance":
            return self.instances[key]
        # an alias without vendor that shortens the names of several GPUs is ambiguous;
        # with the vendor it is the name that a driver prints for one of them
        short = fold(name) != fold(key) and bare(name) == fold(name)
        if short and len(self._variants(name)) > 1:
            return None
        gpu = self.gpus[key]
        return Instance(gpu.name, "own", (), gpu, 1)

    def _variants(self, name: str) -> list[Gpu]:
        """GPUs whose names contain the parts of a shorter name."""
        alike = (Likeness.EXACT, Likeness.VARIANT)
        return [g for g in self.gpus.values() if likeness(name, g) in alike]

    def _means(self, name: str, other: str) -> bool:
        """Whether a name may mean another one, of a GPU or an instance."""
        if other in self.gpus:
            return any(shortens(name, n) for n in (other, *self.gpus[other].aliases))
        return bool(name.strip()) and fold(other).startswith(fold(name))

    def _unknown(self, kind: str, name: str) -> NoReturn:
        variants = sorted(g.name for g in self._variants(name))
        if len(variants) > 1:
            raise UnknownNameError(
                kind,
                name,
                [],
                f"{name} alone is ambiguous: say which of {', '.join(variants)}",
            )
        names = {n: g.name for g in self.gpus.values() for n in (g.name, *g.aliases)}
        names |= {
            n: i.name for i in self.instances.values() for n in (i.name, *i.aliases)
        }
        raise UnknownNameError(
            kind,
            name,
            names,
            "see: xlate anchors list",
            near=_holding(name, names),
            owners=names,
        )


def _holding(name: str, names: Mapping[str, str]) -> list[str]:
    """Owners of names that contain this one, or most of its beginning: RTX3090 for 3090."""
    wanted = squash(name)
    for length in range(
        len(wanted), max(3, ceil(_MOST_OF_A_NAME * len(wanted))) - 1, -1
    ):
        part = wanted[:length]
        holding = sorted(
            (not squash(n).startswith(part), len(n), owner)
            for n, owner in names.items()
            if part in squash(n)
        )
        if holding:
            return list(dict.fromkeys(owner for *_, owner in holding))
    return []


def _merged(folders: tuple[Path, ...], compiled: bool = True) -> Merged:
    return merge(folders, shipped("anchors"), compiled=compiled)


@lru_cache(maxsize=8)
def _cached(folders: tuple[Path, ...], _stamps: tuple[object, ...]) -> Catalogue:
    return Catalogue(folders)


def _stamps_of(folders: tuple[Path, ...]) -> tuple[object, ...]:
    """A value that changes with any file of the user; the first folder is shipped."""
    return tuple(
        (str(file), status.st_mtime_ns, status.st_size, status.st_ino)
        for folder in folders[1:]
        for file in files_of(folder)
        if (status := stat_of(file)) is not None
    )


def _folders(extra: Iterable[Path]) -> tuple[Path, ...]:
    own = [Path(p) for p in os.environ.get("XLATE_ANCHORS", "").split(os.pathsep) if p]
    # a folder that is named twice, also by a link, counts once
    once: dict[str, Path] = {}
    for folder in (shipped("anchors"), *own, *extra):
        once.setdefault(os.path.realpath(folder), folder)
    return tuple(once.values())


def catalogue(extra: Iterable[Path] = ()) -> Catalogue:
    """The shipped catalogue plus ``XLATE_ANCHORS`` plus ``extra`` folders.

    Raises
    ------
    CatalogFaultsError
        As :class:`Catalogue`.
    """
    folders = _folders(extra)
    return _cached(folders, _stamps_of(folders))


def read_all(extra: Iterable[Path] = ()) -> Merged:
    """All entries of the folders of :func:`catalogue`, with their faults.

    Used to report faults; :func:`catalogue` raises them.
    """
    return _merged(_folders(extra), compiled=False)
