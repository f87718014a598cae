"""Sections of catalogue files as values; faults are collected, not raised."""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from xlate.errors import CatalogError
from xlate.hardware import consistency
from xlate.hardware.clock_grid import MOST_MHZ, RULES, legal_clocks
from xlate.hardware.faults import Fault
from xlate.hardware.naming import name_fault
from xlate.hardware.quantities import (
    GPU_FACTS,
    INSTANCE_FACTS,
    PRICE_KINDS,
    UNKNOWN,
    USD_PER_H,
    Quantity,
    shown,
)
from xlate.hardware.tables import Section
from xlate.hardware.values import ClockList, Fact, Gpu, Instance, Price

__all__ = ["STANDINGS", "SectionReader"]

STANDINGS = frozenset("DVCIU")
_PROVENANCE = 'write { value = …, standing = "D|V|C|I|U", source = "…" }'
_TEXT = 4000
_MOST_ITEMS = 200
#: most unknown fields of one table for which a similar name is suggested
_MOST_UNKNOWN = 40
_MOST_CLOCKS = 2000
#: earliest date of a price
_EARLIEST = datetime.date(2000, 1, 1)
_FACT_KEYS = ("value", "standing", "source")
_PRICE_KEYS = ("usd_per_h", "region", "date", "kind", "standing", "source")
_CLOCK_KEYS = (
    "memory_mhz", "rule", "min_mhz", "max_mhz", "list_mhz", "count", "standing", "source",
)  # fmt: skip
_COMMON_KEYS = ("name", "aliases", "note", "replaces")
_GPU_KEYS = (*_COMMON_KEYS, "architecture", "chip", "facts", "clocks")
_INSTANCE_KEYS = (*_COMMON_KEYS, "provider", "gpu", "facts", "prices")
_CLOCK = Quantity("number", "clock", "MHz", 1, MOST_MHZ)
_MEMORY_CLOCK = Quantity("number", "memory clock", "MHz", 10, 50_000)
_COUNT = Quantity("count", "clocks in a list", "", 1, _MOST_CLOCKS)


class SectionReader:
    """Reads one section and collects its faults.

    Parameters
    ----------
    section : Section
    faults : list of Fault
        Faults are appended.
    latest : datetime.date or None
        Dates after it are faults; None where dates are not checked.
    """

    def __init__(
        self, section: Section, faults: list[Fault], latest: datetime.date | None
    ) -> None:
        self.section, self.faults, self.latest = section, faults, latest
        self.table = section.table

    def gpu(self) -> Gpu | None:
        """The GPU, or None where it has no name; wrong facts are left out."""
        facts = self._facts(GPU_FACTS, _GPU_KEYS)
        clocks = self._clocks()
        name = self._name()
        architecture = self._text(self.table, "architecture", required=True)
        gpu = Gpu(
            name or "", architecture or "", self._aliases(), facts, clocks,
            note=self._text(self.table, "note"), chip=self._text(self.table, "chip"),
        )  # fmt: skip
        for field, message in consistency.of_gpu(gpu):
            self._fault(field, message)
        return gpu if name else None

    def instance(self, gpu: Gpu | None, named: bool) -> Instance | None:
        """The instance, or None where it has no name.

        Parameters
        ----------
        gpu : Gpu or None
            The GPU of the instance.
        named : bool
            Whether the section names a GPU, also one that is not in the catalogue.
        """
        facts = self._facts(INSTANCE_FACTS, _INSTANCE_KEYS)
        prices = self._prices()
        name = self._name()
        provider = self._text(self.table, "provider") or "own"
        if "gpu_count" in facts and not named:
            self._fault("gpu_count", "is given, but no gpu")
        count = facts.get("gpu_count")
        given = int(count.value) if count is not None else 1
        aliases, note = self._aliases(), self._text(self.table, "note")
        if name is None:
            return None
        held = given if named else 0
        return Instance(
            name, provider, aliases, gpu, held, prices=prices, facts=facts, note=note
        )

    def gpu_name(self) -> str | None:
        """Name of the GPU of an instance; None where the section has no such field."""
        if "gpu" in self.table and not isinstance(self.table["gpu"], str):
            self._fault("gpu", f"must be the name of a GPU, got {shown(self.table['gpu'])}")  # fmt: skip
            return None
        return self._text(self.table, "gpu")

    def replaces(self) -> str | None:
        """Name of the entry that this section replaces in an earlier folder."""
        return self._text(self.table, "replaces")

    def fault(self, field: str, message: str, hint: str | None = None) -> None:
        """Add a fault of a field."""
        self._fault(field, message, hint)

    def _fault(self, field: str, message: str, hint: str | None = None) -> None:
        full_name = f"{self.section.prefix}{field}" if field else ""
        self.faults.append(Fault(str(self.section.file), full_name, message, hint))

    # --- texts

    def _text(
        self, table: Mapping[str, Any], key: str, where: str = "", required: bool = False
    ) -> str | None:  # fmt: skip
        value = table.get(key)
        if value is None or value == UNKNOWN:
            if required:
                blank = 'is still "?": write what it is' if value else "is missing"
                self._fault(f"{where}{key}", blank)
            return None
        if not isinstance(value, str):
            self._fault(f"{where}{key}", f"must be text, got {shown(value)}")
        elif not value.strip():
            self._fault(f"{where}{key}", "is empty")
        elif len(value) > _TEXT:
            self._fault(f"{where}{key}", f"is longer than {_TEXT} characters")
        elif not all(c.isprintable() or c in "\n\t" for c in value):
            self._fault(f"{where}{key}", "holds control characters")
        else:
            return value
        return None

    def _name(self) -> str | None:
        name = self._text(self.table, "name", required=True)
        wrong = None if name is None else name_fault(name)
        if wrong is None:
            return name
        self._fault("name", f"{shown(name)} {wrong}")
        return None

    def _aliases(self) -> tuple[str, ...]:
        given = self.table.get("aliases", [])
        if not isinstance(given, list) or len(given) > _MOST_ITEMS:
            self._fault("aliases", f"must be a list of names, got {shown(given)}")
            return ()
        good: list[str] = []
        for k, alias in enumerate(given):
            if alias == UNKNOWN:
                continue
            if not isinstance(alias, str):
                self._fault(f"aliases[{k}]", f"must be text, got {shown(alias)}")
            elif wrong := name_fault(alias, path_safe=False):
                self._fault(f"aliases[{k}]", f"{shown(alias)} {wrong}")
            elif alias in good:
                self._fault(f"aliases[{k}]", f"{alias!r} is there twice")
            else:
                good.append(alias)
        return tuple(good)

    # --- tables

    def _tables(self, key: str) -> list[tuple[str, Mapping[str, Any]]]:
        given = self.table.get(key, [])
        if not isinstance(given, list) or len(given) > _MOST_ITEMS:
            self._fault(key, f"must be tables [[{key}]], got {shown(given)}")
            return []
        tables: list[tuple[str, Mapping[str, Any]]] = []
        for k, entry in enumerate(given):
            if isinstance(entry, dict):
                tables.append((f"{key}[{k}].", entry))
            else:
                self._fault(f"{key}[{k}]", f"must be a table, got {shown(entry)}")
        return tables

    def _keys(
        self, where: str, table: Mapping[str, Any], allowed: Iterable[str]
    ) -> None:
        names = list(allowed)
        unknown = [key for key in table if key not in names]
        for key in unknown[:_MOST_UNKNOWN]:
            near = difflib.get_close_matches(str(key), names, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(names)}"  # fmt: skip
            self._fault(f"{where}{shown(key)[1:-1]}", "is not a known field", hint)
        if more := len(unknown[_MOST_UNKNOWN:]):
            self._fault(where.rstrip("."), f"holds {more} more fields that are not known")  # fmt: skip

    def _provenance(
        self, where: str, table: Mapping[str, Any]
    ) -> tuple[str, str] | None:
        standing, source = table.get("standing"), table.get("source")
        good = True
        if standing is None or standing == UNKNOWN:
            self._fault(where, "has no standing", _PROVENANCE)
            good = False
        elif not isinstance(standing, str) or standing not in STANDINGS:
            self._fault(f"{where}.standing", f"must be one of D, V, C, I, U, got {shown(standing)}")  # fmt: skip
            good = False
        if source is None or source == UNKNOWN or source == "":
            self._fault(where, "has no source", _PROVENANCE)
            good = False
        elif self._text(table, "source", f"{where}.") is None:
            good = False
        return (str(standing), str(source)) if good else None

    def _facts(
        self, quantities: Mapping[str, Quantity], keys: tuple[str, ...]
    ) -> dict[str, Fact]:
        within = self.table.get("facts", {})
        if not isinstance(within, dict):
            self._fault("facts", f"must be a table, got {shown(within)}")
            within = {}
        top = {k: v for k, v in self.table.items() if k not in keys}
        facts: dict[str, Fact] = {}
        for where, table in (("", top), ("facts.", within)):
            self._keys(where, table, (*quantities, *keys) if not where else quantities)
            for key, entry in table.items():
                if key not in quantities:
                    continue
                if key in within and not where:
                    self._fault(key, "is given twice, here and in [facts]")
                elif (fact := self._fact(f"{where}{key}", entry, quantities[key])) is not None:  # fmt: skip
                    facts[key] = fact
        return facts

    def _fact(self, where: str, entry: object, quantity: Quantity) -> Fact | None:
        if not isinstance(entry, dict):
            self._fault(where, f"= {shown(entry)} has no source or no standing", _PROVENANCE)  # fmt: skip
            return None
        if entry.get("value") == UNKNOWN:
            return None
        self._keys(f"{where}.", entry, _FACT_KEYS)
        value = entry.get("value")
        wrong = "has no value" if value is None else quantity.fault_of(value)
        if wrong:
            self._fault(where, wrong)
        provenance = self._provenance(where, entry)
        if wrong or provenance is None:
            return None
        assert isinstance(value, bool | int | float | str)
        return Fact(value, *provenance)

    # --- prices and clocks

    def _prices(self) -> tuple[Price, ...]:
        prices: list[Price] = []
        for where, entry in self._tables("prices"):
            if entry.get("usd_per_h") == UNKNOWN:
                continue
            price = self._price(where, entry)
            if price is None:
                continue
            key = (price.region, price.kind, price.date)
            if any((p.region, p.kind, p.date) == key for p in prices):
                self._fault(where[:-1], f"is a second {price.kind} price of {price.date} in {price.region}")  # fmt: skip
            prices.append(price)
        return tuple(prices)

    def _price(self, where: str, entry: Mapping[str, Any]) -> Price | None:
        before = len(self.faults)
        self._keys(where, entry, _PRICE_KEYS)
        if "usd_per_h" not in entry:
            self._fault(f"{where}usd_per_h", "is missing")
        elif wrong := USD_PER_H.fault_of(entry["usd_per_h"]):
            self._fault(f"{where}usd_per_h", wrong)
        region = self._text(entry, "region", where, required=True)
        date = self._date(where, entry.get("date"))
        kind = entry.get("kind", "on-demand")
        if kind not in PRICE_KINDS:
            self._fault(f"{where}kind", f"must be one of {', '.join(PRICE_KINDS)}, got {shown(kind)}")  # fmt: skip
        provenance = self._provenance(where[:-1], entry)
        if len(self.faults) > before or provenance is None:
            return None
        return Price(
            float(entry["usd_per_h"]), str(region), str(date), str(kind), *provenance
        )

    def _date(self, where: str, given: object) -> str | None:
        field = f"{where}date"
        if given is None or given == UNKNOWN:
            blank = "is missing" if given is None else 'is still "?"'
            self._fault(field, blank, "the day the price was read, as 2026-09-24")
            return None
        try:
            # TOML has a type for dates: a date without quotes is accepted too
            plain = isinstance(given, datetime.date) and not isinstance(given, datetime.datetime)  # fmt: skip
            text = str(given) if plain else given
            if not isinstance(text, str) or len(text) != 10:
                raise ValueError
            day = datetime.date.fromisoformat(text)
        except ValueError:
            self._fault(field, f"must be a day such as 2026-09-24, got {shown(given)}")
            return None
        if day < _EARLIEST:
            self._fault(field, f"{day} is before {_EARLIEST}")
        elif self.latest is not None and day > self.latest:
            self._fault(field, f"{day} is in the future")
        return day.isoformat()

    def _clocks(self) -> tuple[ClockList, ...]:
        lists: list[ClockList] = []
        for where, entry in self._tables("clocks"):
            if UNKNOWN in (entry.get("rule"), entry.get("max_mhz")):
                continue
            clock_list = self._clock_list(where, entry)
            if clock_list is None:
                continue
            if any(c.memory_mhz == clock_list.memory_mhz for c in lists):
                self._fault(where[:-1], f"is a second list for memory clock {clock_list.memory_mhz}")  # fmt: skip
            lists.append(clock_list)
        return tuple(lists)

    def _clock_list(self, where: str, entry: Mapping[str, Any]) -> ClockList | None:
        before = len(self.faults)
        entry = {k: v for k, v in entry.items() if v != UNKNOWN}
        self._keys(where, entry, _CLOCK_KEYS)
        for key, quantity in (
            ("memory_mhz", _MEMORY_CLOCK), ("min_mhz", _CLOCK), ("max_mhz", _CLOCK),
            ("count", _COUNT),
        ):  # fmt: skip
            if key in entry and (wrong := quantity.fault_of(entry[key])):
                self._fault(f"{where}{key}", wrong)
        clocks = self._listed(where, entry) if entry.get("rule") == "list" else self._ruled(where, entry, before)  # fmt: skip
        provenance = self._provenance(where[:-1], entry)
        if len(self.faults) > before or provenance is None or not clocks:
            return None
        if "count" in entry and entry["count"] != len(clocks):
            self._fault(where[:-1], f"{entry['count']} clocks are stated, the rule gives {len(clocks)}")  # fmt: skip
            return None
        memory = entry.get("memory_mhz")
        floor = entry["rule"] == "list" or "min_mhz" in entry
        return ClockList(
            None if memory is None else float(memory), clocks, floor, *provenance
        )

    def _listed(self, where: str, entry: Mapping[str, Any]) -> tuple[float, ...]:
        given = entry.get("list_mhz")
        for key in {"min_mhz", "max_mhz"} & entry.keys():
            self._fault(f"{where}{key}", 'is given beside rule = "list"')
        if not isinstance(given, list) or not 0 < len(given) <= _MOST_CLOCKS:
            self._fault(f"{where}list_mhz", f"must be a list of 1 to {_MOST_CLOCKS} clocks, got {shown(given)}")  # fmt: skip
            return ()
        wrong = [c for c in given if _CLOCK.fault_of(c)]
        if wrong:
            self._fault(f"{where}list_mhz", f"each {_CLOCK.fault_of(wrong[0])}")
            return ()
        if len({float(c) for c in given}) < len(given):
            self._fault(f"{where}list_mhz", "holds a clock twice")
        return tuple(sorted(float(c) for c in given))

    def _ruled(
        self, where: str, entry: Mapping[str, Any], before: int
    ) -> tuple[float, ...]:
        if "list_mhz" in entry:
            self._fault(f"{where}list_mhz", 'is given without rule = "list"')
        rule = entry.get("rule")
        if not isinstance(rule, str) or rule not in RULES:
            problem = (
                "is missing" if rule is None else f"must be known, got {shown(rule)}"
            )
            self._fault(f"{where}rule", problem, f"one of {', '.join(sorted(RULES))}, list")  # fmt: skip
        elif "max_mhz" not in entry:
            self._fault(f"{where}max_mhz", "is missing")
        elif len(self.faults) == before:
            low, high = entry.get("min_mhz"), float(entry["max_mhz"])
            if low is not None and low >= high:
                self._fault(f"{where}min_mhz", f"{low:g} is not below max_mhz, {high:g}")  # fmt: skip
                return ()
            try:
                return legal_clocks(rule, low, high)
            except CatalogError as e:
                self._fault(where[:-1], e.what, e.hint)
        return ()
