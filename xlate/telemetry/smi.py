"""``nvidia-smi --query-gpu=… --format=csv``: units in brackets, ``[N/A]``, in any order.

With or without a header (``noheader`` needs the names of the fields), units
(``nounits``) and loops (``-l``, ``-lms``); a shell loop repeats the header. Converted
tables are read too: other separators, decimal commas, JSON records with the same field
names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from xlate.errors import ProfileError
from xlate.telemetry.cells import delimiter_of, number, rows_of
from xlate.telemetry.recording import Reading, recorded
from xlate.telemetry.stamps import moment
from xlate.telemetry.trace import Trace

__all__ = ["headerless", "read", "sniff"]

#: names of fields of nvidia-smi (``--help-query-gpu``) -> DCGM's short name
_NAMES = {
    "power.draw": "POWER",
    "power.draw.instant": "POWER",
    "power.draw.average": "POWER",
    "utilization.gpu": "GPUTL",
    "utilization.memory": "MCUTL",
    "clocks.sm": "SMCLK",
    "clocks.current.sm": "SMCLK",
    "clocks.gr": "SMCLK",
    "clocks.current.graphics": "SMCLK",
    "clocks.mem": "MMCLK",
    "clocks.current.memory": "MMCLK",
    "temperature.gpu": "TMPTR",
    "power.limit": "LIMIT",
    "enforced.power.limit": "LIMIT",
    "clocks.max.sm": "SMMAX",
    "clocks.max.graphics": "SMMAX",
    "clocks.max.gr": "SMMAX",
    "memory.used": "MUSED",
}
_STAMP = ("timestamp", "time", "datetime", "date.time")
_DEVICE = ("name", "gpu.name", "product.name")
_NUMBERED = ("index", "gpu.index", "uuid", "gpu.uuid", "pci.bus.id", "gpu.bus.id")
#: rows before the header: echoes of the shell, warnings
_MOST_BEFORE = 10
_HINT = "record with --query-gpu=timestamp,index,name,power.draw,utilization.gpu,…"
_DECIMAL_COMMA = re.compile(r"^\s*[+-]?\d+,\d+")


def _bare(name: str) -> str:
    """A field's name without its unit, dots between its words."""
    plain = re.sub(r"\s*[\[(].*[\])]\s*$", "", name.strip().strip("\"'")).strip()
    return re.sub(r"[\s_.]+", ".", plain.lower())


def _unit(name: str) -> str | None:
    """The unit of a column by its heading: ``W`` in ``power.draw [W]``."""
    match = re.search(r"[\[(]\s*(.+?)\s*[\])]\s*$", name.strip().strip("\"'"))
    return None if match is None else match[1]


def _fields(cells: Sequence[str]) -> list[str]:
    """DCGM's short names of a header's cells; other names unchanged.

    Where both were recorded, the clock of the streaming multiprocessors is preferred to
    that of graphics, and current power to its average over a second.
    """
    bare = [_bare(c) for c in cells]
    fields: list[str] = []
    for name in bare:
        short = _NAMES.get(name, name)
        better = [b for b in bare if _NAMES.get(b) == short]
        first = min(better, key=list(_NAMES).index, default=name)
        fields.append(short if name == first and short not in fields else name)
    return fields


def _header_at(lines: Sequence[str]) -> int | None:
    """Index of the first line with a field of nvidia-smi; None where there is none."""
    for i, line in enumerate(lines[:_MOST_BEFORE]):
        cells = line.split(delimiter_of(line))
        if {_bare(c) for c in cells} & set(_NAMES):
            return i
    return None


def _is_header(cells: Sequence[str], bare: Sequence[str]) -> bool:
    """Whether a row repeats the header, or is empty."""
    if not any(c.strip() for c in cells):
        return True
    return _bare(cells[0]) == bare[0] and [_bare(c) for c in cells] == list(bare)


def _lines(text: str) -> list[str]:
    return text.lstrip("\ufeff").strip().splitlines()


def _is_json(text: str) -> bool:
    return text.lstrip("\ufeff \r\n\t")[:1] in ("[", "{")


def sniff(text: str) -> bool:
    """Whether one of the first lines, or a JSON record, names fields of nvidia-smi."""
    if _is_json(text):
        keys = re.findall(r'"([^"]{3,40})"\s*:', text[:2000])
        return bool({_bare(k) for k in keys} & set(_NAMES))
    return _header_at(_lines(text[:20_000])) is not None


def headerless(text: str) -> bool:
    """Whether the first line looks like nvidia-smi's values without their names."""
    first = next(iter(_lines(text[:20_000])), "")
    cells = [c.strip() for c in first.split(",")]
    if len(cells) < 2 or _header_at([first]) is not None:
        return False
    dated = [moment(c) for c in cells]
    return any(
        m is not None and not c.isdigit() for m, c in zip(dated, cells, strict=True)
    ) or any(re.fullmatch(r"[\d.]+ (W|%|MHz|MiB)", c) for c in cells)


def read(
    text: str, source: str, gpu: int | None = None, fields: Sequence[str] | None = None
) -> Trace:
    """Read a recording.

    Parameters
    ----------
    text : str
        Content, header line first unless ``fields`` names the columns.
    source : str
        File, for messages.
    gpu : int, optional
        Which GPU's rows, by the field ``index``; without that field, in the order in
        which UUIDs, bus numbers or names first occur.
    fields : sequence of str, optional
        Names of the columns of a file without a header, as given to
        ``--query-gpu``.

    Returns
    -------
    Trace
        With ``TIME`` where ``timestamp`` was recorded. Rows that break off are
        dropped and counted.

    Raises
    ------
    ProfileError
        If power is not among the fields, a value cannot be understood, time
        goes backwards, or several GPUs are in it and none was named.
    """
    if _is_json(text) and fields is None:
        rows, header, broken = _records(text, source)
    else:
        rows, header, broken = _table(text, source, fields)
    short = _fields(header)
    if "POWER" not in short:
        raise ProfileError(
            f"{source} has no power.draw", _HINT, code="telemetry.no-power"
        )
    bare = [_bare(n) for n in header]
    units = [_unit(n) for n in header]
    key = next((k for k in (*_NUMBERED, *_DEVICE) if k in bare), None)
    indices: dict[str, int] = {}
    wanted = [(k, f) for k, f in enumerate(short) if f in _NAMES.values()]
    readings = []
    for line, cells in rows:
        named = dict(zip(bare, cells, strict=True))
        label = str(named[key]).strip() if key else "0"
        index = (
            int(label) if label.isdigit() else indices.setdefault(label, len(indices))
        )
        where = f"{source}, line {line}"
        values = {f: number(cells[k], f, where, units[k]) for k, f in wanted}
        stamp, device = _first(named, _STAMP), _first(named, _DEVICE)
        readings.append(Reading(index, values, stamp, device))
    notes = [f"{broken} lines break off and were left out"] if broken else []
    return recorded(
        readings, source, gpu, notes, numbered=key in _NUMBERED, vendor="NVIDIA"
    )


def _first(named: dict[str, object], keys: Sequence[str]) -> str | None:
    value = next((named[k] for k in keys if named.get(k)), None)
    return None if value is None else str(value).strip() or None


Rows = Iterator[tuple[int, list[object]]]


def _table(
    text: str, source: str, fields: Sequence[str] | None
) -> tuple[list[tuple[int, list[object]]], list[str], int]:
    """Rows with their line numbers, the header, and the number of incomplete rows."""
    lines = _lines(text)
    at = _header_at(lines)
    separator = delimiter_of(lines[at or 0]) if lines else ","
    comma = separator != ","
    header = next(rows_of([lines[at]], source, separator)) if at is not None else []
    if fields is not None:
        if header and [_bare(h) for h in header] != [_bare(f) for f in fields]:
            raise ProfileError(
                f"{source} has a header: {', '.join(h.strip() for h in header)[:80]}",
                "leave --fields out",
                code="profile.missing-column",
            )
        header = [f.strip() for f in fields]
    if not header:
        raise ProfileError(
            f"{source} names no field of nvidia-smi",
            _HINT,
            code="profile.missing-column",
        )
    bare = [_bare(h) for h in header]
    rows: list[tuple[int, list[object]]] = []
    broken, other = 0, 0
    start = 0 if at is None else at + 1
    for line, cells in enumerate(rows_of(lines[start:], source, separator), start + 1):
        if not cells or _is_header(cells, bare):
            continue  # a loop that appends one sample at a time repeats the header
        if len(cells) != len(header):
            broken += 1
            other = len(cells)
            continue
        if comma:
            cells = [
                c.replace(",", ".", 1) if _DECIMAL_COMMA.match(c) else c for c in cells
            ]
        rows.append((line, list(cells)))
    if broken > len(rows):
        raise ProfileError(
            f"{source}: {broken} of {broken + len(rows)} lines have {other} columns, "
            f"not {len(header)} as named",
            "name every column in --fields, in order"
            if fields is not None
            else "one recording a file",
            code="profile.missing-column",
        )
    return rows, header, broken


def _records(
    text: str, source: str
) -> tuple[list[tuple[int, list[object]]], list[str], int]:
    """The same from JSON records: a list of objects, or one object on each line."""
    try:
        document = json.loads(text.lstrip("\ufeff"))
        records = document if isinstance(document, list) else [document]
    except (json.JSONDecodeError, RecursionError):
        records = []
        for line in _lines(text):
            try:
                records.append(json.loads(line))
            except (json.JSONDecodeError, RecursionError):
                records.append(None)
    good = [r for r in records if isinstance(r, dict)]
    if not good:
        raise ProfileError(
            f"{source} holds no JSON record of nvidia-smi",
            _HINT,
            code="profile.not-a-profile",
        )
    header = list(dict.fromkeys(k for r in good for k in r))
    rows = [(i, [r.get(k) for k in header]) for i, r in enumerate(good, 1)]
    return rows, header, len(records) - len(good)
