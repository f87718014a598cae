"""The catalogue: instances one can rent or own, their GPUs, prices and legal clocks.

Facts live in TOML (``anchors/<instance>/instance.toml`` and
``anchors/gpus/<gpu>.toml``). Every number there carries its source and its
standing: **D** read from a device dump, **V** vendor or cloud document,
**C** computed from D or V, **I** inferred from a proven grid rule, **U**
general knowledge, unchecked. A number without one is refused on load.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from xlate.clockgrid import legal_clocks
from xlate.errors import CatalogError, UnknownNameError
from xlate.files import read_bytes
from xlate.paths import shipped

__all__ = ["Catalogue", "ClockList", "Fact", "Gpu", "Instance", "Price", "catalogue"]

STANDINGS = frozenset("DVCIU")


@dataclass(frozen=True)
class Fact:
    """One figure with its provenance."""

    value: float | int | str | bool
    standing: str
    source: str


@dataclass(frozen=True)
class ClockList:
    """Legal graphics clocks at one memory clock.

    Attributes
    ----------
    memory_mhz : float or None
        Memory clock the list belongs to; None where the board has one state.
    graphics_mhz : tuple of float
        Legal graphics clocks in MHz, ascending.
    floor_known : bool
        False where no dump shows the lowest clock; the list then starts at the
        family's own lowest.
    """

    memory_mhz: float | None
    graphics_mhz: tuple[float, ...]
    floor_known: bool
    standing: str
    source: str


@dataclass(frozen=True)
class Price:
    """What an hour costs, where and when."""

    usd_per_h: float
    region: str
    date: str
    kind: str
    standing: str
    source: str


@dataclass(frozen=True)
class Gpu:
    """Facts of one GPU (per GPU, not per board)."""

    name: str
    architecture: str
    aliases: tuple[str, ...]
    facts: Mapping[str, Fact]
    clocks: tuple[ClockList, ...]
    note: str | None = None

    def number(self, key: str) -> float | None:
        """Value of a numeric fact, or None where nobody knows it."""
        fact = self.facts.get(key)
        return None if fact is None else float(fact.value)

    @property
    def limit_w(self) -> float | None:
        """Most that the board may draw: its highest power limit, else its TDP."""
        return self.number("power_limit_max_w") or self.number("tdp_w")

    @property
    def set_clock(self) -> str:
        """How the core clock is set: ``application``, ``locked`` or ``sysfs``."""
        return str(self.facts["set_clock"].value)

    def legal_mhz(self, memory_mhz: float | None = None) -> tuple[float, ...]:
        """Legal graphics clocks in MHz at a memory clock (default: the highest).

        Raises
        ------
        CatalogError
            If no list is known, or none for that memory clock.
        """
        if not self.clocks:
            raise CatalogError(
                f"no legal clocks are known for {self.name}",
                "paste the output of nvidia-smi -q -d SUPPORTED_CLOCKS into the catalogue",
            )
        if memory_mhz is None:
            return max(self.clocks, key=lambda c: c.memory_mhz or 0.0).graphics_mhz
        for clocks in self.clocks:
            if clocks.memory_mhz == memory_mhz:
                return clocks.graphics_mhz
        known = ", ".join(f"{c.memory_mhz:g}" for c in self.clocks if c.memory_mhz)
        raise CatalogError(
            f"{self.name} has no clock list for memory clock {memory_mhz:g} MHz",
            f"one of {known}",
        )


@dataclass(frozen=True)
class Instance:
    """A machine type one can rent or own."""

    name: str
    provider: str
    aliases: tuple[str, ...]
    gpu: Gpu | None
    gpu_count: int
    prices: tuple[Price, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    note: str | None = None

    @property
    def price(self) -> Price | None:
        """The newest price, or None where none was found."""
        return max(self.prices, key=lambda p: p.date) if self.prices else None

    def require_gpu(self) -> Gpu:
        """The GPU of this instance.

        Raises
        ------
        CatalogError
            If the instance has none.
        """
        if self.gpu is None:
            raise CatalogError(
                f"{self.name} has no GPU", "choose an instance that has one"
            )
        return self.gpu


class Catalogue:
    """All instances and GPUs of some folders; later folders win.

    Parameters
    ----------
    folders : iterable of Path
        Each holds ``<instance>/instance.toml`` and ``gpus/<gpu>.toml``.

    Raises
    ------
    CatalogError
        If a file is not TOML, lacks a field, or holds a number without source
        or standing.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self.folders = tuple(folders)
        self.gpus: dict[str, Gpu] = {}
        self.instances: dict[str, Instance] = {}
        for folder in self.folders:
            if not folder.is_dir():
                raise CatalogError(
                    f"no catalogue folder {folder}", "check XLATE_ANCHORS"
                )
            for path in sorted(folder.glob("gpus/*.toml")):
                gpu = _gpu(path)
                self.gpus[gpu.name] = gpu
        for folder in self.folders:
            for path in sorted(folder.glob("*/instance.toml")):
                instance = self._instance(path)
                self.instances[instance.name] = instance
        self._alias_of: dict[str, str] = {}
        for kind, items in (("gpu", self.gpus), ("instance", self.instances)):
            for name, item in items.items():
                for alias in (name, *item.aliases):
                    key = _fold(alias)
                    owner = f"{kind}:{name}"
                    if self._alias_of.setdefault(key, owner) != owner:
                        raise CatalogError(
                            f"{alias!r} names both {self._alias_of[key]} and {owner}",
                            "remove one alias",
                        )

    def instance(self, name: str, among: Iterable[str] = ()) -> Instance:
        """Look an instance up by name, alias, GPU name or GPU alias.

        A GPU's name stands for "a machine with one of these", which has no
        price.

        Parameters
        ----------
        name : str
            What the user typed.
        among : iterable of str
            Names that settle what would be ambiguous: ``"H100"`` where only one
            of them begins so.

        Raises
        ------
        UnknownNameError
            With the nearest known names.
        """
        owner = self._alias_of.get(_fold(name))
        found = None if owner is None else self._owned(owner)
        there = list(among)
        if found is None or not {found.name, found.gpu and found.gpu.name} & {*there}:
            meant = [n for n in there if _fold(n).startswith(_fold(name))]
            if len(meant) == 1:
                return self.instance(meant[0])
        return found or self._unknown("instance", name)

    def _owned(self, owner: str) -> Instance:
        kind, _, key = owner.partition(":")
        if kind == "instance":
            return self.instances[key]
        gpu = self.gpus[key]
        return Instance(gpu.name, "own", (), gpu, 1)

    def gpu(self, name: str) -> Gpu:
        """Look a GPU up by its name or alias, or by an instance that holds it.

        Raises
        ------
        UnknownNameError
            With the nearest known names.
        CatalogError
            If an instance without a GPU was named.
        """
        owner = self._alias_of.get(_fold(name))
        if owner is None:
            self._unknown("GPU", name)
        kind, _, key = owner.partition(":")
        return self.gpus[key] if kind == "gpu" else self.instances[key].require_gpu()

    def _unknown(self, kind: str, name: str) -> NoReturn:
        starting = sorted(
            g.name for g in self.gpus.values() if _fold(g.name).startswith(_fold(name))
        )
        if len(starting) > 1:
            raise UnknownNameError(
                kind,
                name,
                [],
                f"{name} alone is ambiguous: say which of {', '.join(starting)}",
            )
        names = [n for x in self.instances.values() for n in (x.name, *x.aliases)]
        names += [n for g in self.gpus.values() for n in (g.name, *g.aliases)]
        raise UnknownNameError(kind, name, names, "see: xlate anchors list")

    def _instance(self, path: Path) -> Instance:
        raw = _load(path)
        gpu_name = raw.get("gpu")
        if gpu_name is not None and gpu_name not in self.gpus:
            raise CatalogError(
                f"{path}: gpu {gpu_name!r} has no file gpus/{gpu_name}.toml"
            )
        prices = []
        for price in raw.get("prices", ()):
            _provenance(path, "prices", price)
            prices.append(
                Price(
                    float(_field(path, price, "usd_per_h")),
                    str(_field(path, price, "region")),
                    str(_field(path, price, "date")),
                    str(price.get("kind", "on-demand")),
                    price["standing"],
                    price["source"],
                )
            )
        facts = _facts(path, {k: v for k, v in raw.items() if isinstance(v, dict)})
        count = facts.get("gpu_count")
        return Instance(
            name=str(_field(path, raw, "name")),
            provider=str(raw.get("provider", "own")),
            aliases=tuple(raw.get("aliases", ())),
            gpu=None if gpu_name is None else self.gpus[gpu_name],
            gpu_count=(1 if gpu_name else 0) if count is None else int(count.value),
            prices=tuple(prices),
            facts=facts,
            note=raw.get("note"),
        )


def _gpu(path: Path) -> Gpu:
    raw = _load(path)
    named = {k: v for k, v in raw.items() if isinstance(v, dict) and k not in {"facts"}}
    facts = _facts(path, {**named, **raw.get("facts", {})})
    if "set_clock" not in facts:
        raise CatalogError(
            f"{path}: set_clock is missing", "application, locked or sysfs"
        )
    lists = []
    for entry in raw.get("clocks", ()):
        _provenance(path, "clocks", entry)
        rule = _field(path, entry, "rule")
        if rule == "list":
            clocks = tuple(sorted(float(c) for c in _field(path, entry, "list_mhz")))
        else:
            clocks = legal_clocks(
                rule, entry.get("min_mhz"), float(_field(path, entry, "max_mhz"))
            )
        if "count" in entry and entry["count"] != len(clocks):
            raise CatalogError(
                f"{path}: {entry['count']} clocks are stated, the rule gives {len(clocks)}"
            )
        memory = entry.get("memory_mhz")
        lists.append(
            ClockList(
                None if memory is None else float(memory),
                clocks,
                rule == "list" or "min_mhz" in entry,
                entry["standing"],
                entry["source"],
            )
        )
    return Gpu(
        name=str(_field(path, raw, "name")),
        architecture=str(_field(path, raw, "architecture")),
        aliases=tuple(raw.get("aliases", ())),
        facts=facts,
        clocks=tuple(lists),
        note=raw.get("note"),
    )


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_bytes(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as e:
        raise CatalogError(f"{path} cannot be read: {e}") from e


def _field(path: Path, table: Mapping[str, Any], key: str) -> Any:
    if key not in table:
        raise CatalogError(f"{path}: {key} is missing")
    return table[key]


def _provenance(path: Path, key: str, entry: Mapping[str, Any]) -> None:
    if entry.get("standing") not in STANDINGS or not entry.get("source"):
        raise CatalogError(
            f"{path}: {key} has no source or no standing",
            'write { value = …, standing = "D|V|C|I|U", source = "…" }',
        )


def _facts(path: Path, raw: Mapping[str, Any]) -> Mapping[str, Fact]:
    facts = {}
    for key, entry in raw.items():
        if not isinstance(entry, dict):
            raise CatalogError(
                f"{path}: {key} = {entry!r} has no source or no standing",
                'write { value = …, standing = "D|V|C|I|U", source = "…" }',
            )
        _provenance(path, key, entry)
        facts[key] = Fact(
            _field(path, entry, "value"), entry["standing"], entry["source"]
        )
    return MappingProxyType(facts)


def _fold(name: str) -> str:
    return name.strip().lower().replace("_", "-").replace(" ", "-")


@lru_cache(maxsize=8)
def _cached(folders: tuple[Path, ...]) -> Catalogue:
    return Catalogue(folders)


def catalogue(extra: Iterable[Path] = ()) -> Catalogue:
    """The shipped catalogue plus ``XLATE_ANCHORS`` plus ``extra`` folders."""
    folders = [shipped("anchors")]
    folders += [
        Path(p) for p in os.environ.get("XLATE_ANCHORS", "").split(os.pathsep) if p
    ]
    return _cached((*folders, *extra))
