"""``amd-smi metric`` and ``amd-smi monitor``: ``--csv``, ``--json`` or monitor's table.

Called once, in a loop, or watching (``-w 1``); then each row has a ``timestamp`` in
seconds since 1970. The same name may have different meanings: ``mem`` is a
temperature in ``metric`` and the activity of the memory in ``monitor``. Neither prints
the name of the GPU; ``amd-smi static`` does.

The csv of ``metric`` and monitor's table and JSON follow real output; the csv of
``monitor`` and the JSON of ``metric`` are written from the tool's source and documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from xlate.errors import ProfileError
from xlate.telemetry.cells import number, rows_of
from xlate.telemetry.json_stream import documents
from xlate.telemetry.recording import Reading, recorded
from xlate.telemetry.stamps import moment
from xlate.telemetry.trace import Trace

__all__ = ["read", "sniff"]

_HINT = "record with: amd-smi metric -p -u -c -t -w 1 --csv > FILE"
#: DCGM's short name -> columns, of which the first with a value is read
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "POWER": (
        "socket_power", "current_socket_power", "average_socket_power", "power_usage",
        "power",
    ),
    "LIMIT": ("max_power", "power_cap", "pwr_cap", "socket_power_limit"),
    "GPUTL": ("gfx_activity", "gfx", "gfx_util", "gfx%"),
    "MCUTL": ("umc_activity", "mem_util", "mem%"),
    "SMCLK": ("gfx_clk", "gfx_clock"),
    "MMCLK": ("mem_clk", "mem_clock", "mem_0_clk"),
    "TMPTR": ("edge", "hotspot", "hotspot_temperature", "gpu_t"),
}  # fmt: skip
#: a chip of several dies has a clock each: gfx_0_clk to gfx_7_clk
_DIE = re.compile(r"^gfx_\d+_clk$")
#: units of monitor's table, which a blank separates from their numbers
_UNITS = re.compile(r"(?<=\d)\s+(W|°C|C|MHz|%|GB|MB|Mb/s)(?=\s|$)")
_TABLE = re.compile(r"^\s*(?:TIMESTAMP\s+)?GPU\s+(?:XCP\s+)?.*\bPOWER\b", re.MULTILINE)
_LABELS = ("market_name", "asic.market_name", "product_name", "board.product_name")
#: partitions of one GPU have separate rows; the first has the power of the complete GPU
_FIRST_PARTITION = ("", "0", "n/a")


def sniff(text: str) -> bool:
    """Whether amd-smi's fields stand near the top."""
    head = text[:16_384]
    if _header(head) is not None or _TABLE.search(head):
        return True
    return bool(
        re.search(r'"gpu"\s*:\s*\d+', head)
        and re.search(
            r'"(socket_power|power_usage|average_socket_power|gfx_activity|current_socket_power)"',
            head,
        )
    )


def _header(text: str) -> list[str] | None:
    """Names of the columns of a csv."""
    for line in text.splitlines()[:20]:
        names = [n.strip().lower() for n in line.split(",")]
        powers = {*_COLUMNS["POWER"], *_COLUMNS["GPUTL"]} - {"power"}
        if "gpu" in names and powers & set(names):
            return names
    return None


def read(text: str, source: str, gpu: int | None = None) -> Trace:
    """Read a recording.

    Parameters
    ----------
    text : str
        Content.
    source : str
        File, for messages.
    gpu : int, optional
        Which GPU.

    Returns
    -------
    Trace
        With ``TIME`` where it was watching.

    Raises
    ------
    ProfileError
        If it holds no power or no sample, a value is not a number, or several GPUs are
        in it and none was named.
    """
    if _header(text[:16_384]) is not None:
        rows, broken = _table(text, source)
    elif _TABLE.search(text[:16_384]):
        rows, broken = _printed(text)
    else:
        rows, broken = _entries(text)
    readings = []
    partitions = 0
    for row in rows:
        if str(row.get("xcp", "")).strip().lower() not in _FIRST_PARTITION:
            partitions += 1
            continue
        readings.append(_reading(row, source))
    if not any(r.values.get("POWER") is not None for r in readings):
        raise ProfileError(
            f"{source} has no power of a GPU", _HINT, code="telemetry.no-power"
        )
    notes = [f"{broken} lines break off and were left out"] if broken else []
    if partitions:
        notes.append(f"{partitions} rows of partitions of a GPU were left out")
    return recorded(readings, source, gpu, notes, vendor="AMD")


def _reading(row: Mapping[str, Any], source: str) -> Reading:
    values: dict[str, float | None] = {}
    for name, columns in _COLUMNS.items():
        cells = [row[c] for c in columns if c in row]
        # mem is the activity of the memory in monitor, its temperature in metric
        if name == "MCUTL" and not cells and "hotspot" not in row and "edge" not in row:
            cells = [row["mem"]] if "mem" in row else []
        if cells:
            numbers = [v for c in cells if (v := number(c, name, source)) is not None]
            values[name] = numbers[0] if numbers else None
    dies = [number(v, "SMCLK", source) for k, v in row.items() if _DIE.match(k)]
    clocks = [v for v in dies if v is not None]
    if dies and values.get("SMCLK") is None:
        values["SMCLK"] = sum(clocks) / len(clocks) if clocks else None
    stamp = row.get("timestamp")
    label = next((str(row[k]) for k in _LABELS if row.get(k)), None)
    index = number(row.get("gpu"), "gpu", source)
    if index is None or not float(index).is_integer():
        raise ProfileError(
            f"{source}: gpu is {row.get('gpu')!r}", _HINT, code="profile.bad-value"
        )
    return Reading(
        int(index),
        values,
        str(stamp) if stamp is not None and moment(str(stamp)) else None,
        label,
    )


def _table(text: str, source: str) -> tuple[list[dict[str, Any]], int]:
    """Rows of a csv, and the number of incomplete ones; a loop repeats the header."""
    header: list[str] = []
    rows, broken = [], 0
    # a list in a cell is quoted, so that its commas do not separate cells
    for cells in rows_of((line for line in text.splitlines() if line.strip()), source):
        bare = [c.strip().lower() for c in cells]
        if "gpu" in bare and _header(",".join(bare)) is not None:
            header = bare
        elif header and len(cells) == len(header):
            rows.append(dict(zip(header, cells, strict=True)))
        elif header and len(cells) > 1:
            broken += 1
    return rows, broken


def _printed(text: str) -> tuple[list[dict[str, Any]], int]:
    """Rows of monitor's table: units are separate words, the last columns may split."""
    header: list[str] = []
    rows, broken = [], 0
    for line in text.splitlines():
        if _TABLE.match(line):
            header = [w.lower() for w in line.split()]
            continue
        words = _UNITS.sub("", line).split()
        at = header.index("gpu") if header else 0
        if not header or len(words) <= at or not words[at].isdigit():
            continue
        if len(words) < len(header):
            broken += 1
            continue
        rows.append(dict(zip(header, words, strict=False)))
    return rows, broken


def _entries(text: str) -> tuple[list[dict[str, Any]], int]:
    """Entries of the JSON documents, flat: ``clock.gfx_0.clk`` becomes ``gfx_0_clk``."""
    parsed, broken = documents(text)
    rows = []
    for document in parsed:
        for entry in _gpus(document):
            flat: dict[str, Any] = {}
            _flatten(entry, "", flat)
            rows.append(flat)
    return rows, broken


def _gpus(document: Any) -> Iterable[dict[str, Any]]:
    """Objects with a GPU's number, however deep lists of them are nested."""
    if isinstance(document, list):
        for inner in document:
            yield from _gpus(inner)
    elif isinstance(document, dict):
        if "gpu" in document and not isinstance(document["gpu"], (dict, list)):
            yield document
            return
        stamp = document.get("timestamp")
        for inner in document.values():
            for entry in _gpus(inner) if isinstance(inner, (dict, list)) else ():
                yield entry if stamp is None else {"timestamp": stamp} | entry


def _with_unit(value: Any, unit: Any) -> Any:
    """A number of a JSON document as a cell with its unit."""
    numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"{value!r} {unit}" if numeric and isinstance(unit, str) else value


def _flatten(value: Any, path: str, into: dict[str, Any]) -> None:
    if isinstance(value, dict):
        if "value" in value:
            value = _with_unit(value["value"], value.get("unit"))
        else:
            for key, inner in value.items():
                name = str(key).lower()
                _flatten(
                    inner,
                    f"{path}_{name}"
                    if path == "clock" or path.startswith("clock_")
                    else name,
                    into,
                )
            return
    name = path.removeprefix("clock_")
    # of two values with one name the first is kept: usage before its parts
    if not isinstance(value, list):
        into.setdefault(name, value)
