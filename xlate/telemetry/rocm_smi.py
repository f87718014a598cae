"""``rocm-smi --showpower --showclocks --showuse``: text, ``--csv`` or ``--json``.

Called once, or repeatedly by a loop: a field that repeats begins the next sample. Names of
fields changed between releases (average and current power); all known names are read.
rocm-smi prints no time, but another program may add it.

The JSON was tried on real files; csv and text are written from the tool's source and from
other programs that parse them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from xlate.errors import ProfileError
from xlate.telemetry.cells import is_missing, number, rows_of
from xlate.telemetry.json_stream import documents
from xlate.telemetry.recording import Reading, recorded
from xlate.telemetry.stamps import moment
from xlate.telemetry.trace import Trace

__all__ = ["read", "sniff"]

_HINT = "record with: rocm-smi --showpower --showclocks --showuse --showmemuse --csv"
#: field, in lower case without its unit -> DCGM's short name; the first one is used
_NAMES = {
    "current socket graphics package power": "POWER",
    "average graphics package power": "POWER",
    "current_socket_power": "POWER",
    "average_socket_power": "POWER",
    "average power": "POWER",
    "power": "POWER",
    "max graphics package power": "LIMIT",
    "gpu use": "GPUTL",
    "average_gfx_activity": "GPUTL",
    "gpu memory read/write activity": "MCUTL",
    # busy time of the memory controller; "GPU Memory Allocated" is the memory in use
    "gpu memory use": "MCUTL",
    "average_umc_activity": "MCUTL",
    "temperature (sensor edge)": "TMPTR",
    "temperature (sensor junction)": "TMPTR",
    "current_gfxclk": "SMCLK",
    "current_uclk": "MMCLK",
    "accumulated energy": "TOTEC",
}
_DEVICES = ("device name", "card series", "card model")
_UNIT = re.compile(r"\s*\((?:w|%|c|uj|mhz)\)$")
_CLOCK = re.compile(r"^(sclk|mclk) clock (?:speed|level)\b")
_MHZ = re.compile(r"(\d+(?:\.\d+)?)\s*mhz", re.IGNORECASE)
_LINE = re.compile(r"^GPU\[(\d+)\]\s*:\s*(.+?)\s*:\s*(.*\S)\s*$")
_CARD = re.compile(r"^card(\d+)$", re.IGNORECASE)
_UJ_PER_MJ = 1e3


@dataclass
class _Cards:
    """Unfinished samples, one for each card; a field that repeats ends a sample."""

    source: str
    done: list[Reading] = field(default_factory=list)
    open_: dict[int, dict[str, float | None]] = field(default_factory=dict)
    stamps: dict[int, str] = field(default_factory=dict)
    devices: dict[int, tuple[int, str]] = field(default_factory=dict)
    ranks: dict[tuple[int, str], int] = field(default_factory=dict)

    def put(self, gpu: int, key: str, cell: object, stamp: str | None = None) -> None:
        """Add one field of one card."""
        bare = _UNIT.sub("", key.strip().rstrip(":").lower())
        if bare in _DEVICES:
            self._device(gpu, _DEVICES.index(bare), str(cell))
            return
        name, value = self._value(bare, cell)
        if name is None:
            return
        values = self.open_.setdefault(gpu, {})
        rank = list(_NAMES).index(bare) if bare in _NAMES else 0
        if name in values:
            if rank == self.ranks[gpu, name]:
                self._close(gpu)
                values = self.open_.setdefault(gpu, {})
            elif rank > self.ranks[gpu, name] and values[name] is not None:
                return  # the sample already has the value of a preferred field
        values[name] = value
        self.ranks[gpu, name] = rank
        if stamp:
            self.stamps[gpu] = stamp

    def _value(self, bare: str, cell: object) -> tuple[str | None, float | None]:
        clock = _CLOCK.match(bare)
        if clock:
            clock_mhz = _MHZ.search(str(cell))
            name = "SMCLK" if clock[1] == "sclk" else "MMCLK"
            return (name, float(clock_mhz[1])) if clock_mhz else (None, None)
        if bare not in _NAMES:
            return None, None
        value = number(cell, _NAMES[bare], self.source)
        if _NAMES[bare] == "TOTEC" and value is not None:
            value /= _UJ_PER_MJ
        return _NAMES[bare], value

    def _device(self, gpu: int, rank: int, name: str) -> None:
        name = name.strip()
        # older releases print the number of the model instead of its name
        if is_missing(name) or name.lower().startswith("0x"):
            return
        if gpu not in self.devices or rank < self.devices[gpu][0]:
            self.devices[gpu] = rank, name

    def _close(self, gpu: int) -> None:
        values = self.open_.pop(gpu, None)
        if values:
            self.done.append(Reading(gpu, values, self.stamps.get(gpu)))

    def readings(self) -> list[Reading]:
        """All samples, also unfinished ones, each with its card's name."""
        for gpu in list(self.open_):
            self._close(gpu)
        names = {gpu: name for gpu, (_, name) in self.devices.items()}
        return [Reading(r.gpu, r.values, r.stamp, names.get(r.gpu)) for r in self.done]


def sniff(text: str) -> bool:
    """Whether the first lines hold rocm-smi's fields."""
    head = text[:8192]
    if _header(head) is not None:
        return True
    if re.search(r"^GPU\[\d+\]\s*:", head, re.MULTILINE):
        return True
    return bool(re.search(r'"card\d+"\s*:\s*\{', head))


def _header(text: str) -> str | None:
    return next(
        (
            line
            for line in text.splitlines()
            if re.search(r"(^|,)\s*device\s*,.*(\(W\)|\(%\)|\(C\)|clock)", line)
        ),
        None,
    )


def read(text: str, source: str, gpu: int | None = None) -> Trace:
    """Read a recording.

    Parameters
    ----------
    text : str
        Content.
    source : str
        File, for messages.
    gpu : int, optional
        Which card.

    Returns
    -------
    Trace
        Without time stamps, unless another program added them.

    Raises
    ------
    ProfileError
        If it holds no power or no sample, a value is not a number, or several cards
        are in it and none was named.
    """
    cards = _Cards(source)
    if re.search(r'"card\d+"\s*:\s*\{', text[:8192]):
        broken = _documents(text, cards)
    elif _header(text[:8192]) is not None:
        broken = _table(text, cards)
    else:
        broken = 0
        for line in text.splitlines():
            match = _LINE.match(line)
            if match:
                cards.put(int(match[1]), match[2], match[3])
    readings = cards.readings()
    if not any(r.values.get("POWER") is not None for r in readings):
        raise ProfileError(
            f"{source} has no power of a card", _HINT, code="telemetry.no-power"
        )
    notes = [f"{broken} lines break off and were left out"] if broken else []
    return recorded(readings, source, gpu, notes, vendor="AMD")


def _documents(text: str, cards: _Cards) -> int:
    parsed, broken = documents(text)
    for document in parsed:
        if not isinstance(document, dict):
            continue
        stamp = next(
            (str(document[k]) for k in ("timestamp", "time") if k in document), None
        )
        for key, values in document.items():
            card = _CARD.match(str(key))
            if card and isinstance(values, dict):
                cards._close(int(card[1]))
                for name, cell in values.items():
                    cards.put(int(card[1]), name, cell, stamp)
    return broken


def _table(text: str, cards: _Cards) -> int:
    broken = 0
    for line, stamp, gpu, cells in _rows(text, cards.source):
        if cells is None:
            broken += 1
            continue
        for name, cell in zip(line, cells, strict=True):
            cards.put(gpu, name, cell, stamp)
    return broken


def _rows(
    text: str, source: str
) -> Iterator[tuple[list[str], str | None, int, list[str] | None]]:
    """Columns, time stamp, card and cells of each row; cells None where it breaks off."""
    header: list[str] = []
    at = 0
    for cells in rows_of((line for line in text.splitlines() if line.strip()), source):
        bare = [c.strip() for c in cells]
        if "device" in (low := [c.lower() for c in bare]):
            header, at = bare, low.index("device")
            continue
        card = _CARD.match(bare[at]) if len(bare) > at and header else None
        if card is None:
            continue  # a warning between the rows
        if len(bare) != len(header):
            yield header, None, int(card[1]), None
            continue
        before = " ".join(bare[:at])
        stamp = before if before and moment(before) else None
        yield header, stamp, int(card[1]), bare
