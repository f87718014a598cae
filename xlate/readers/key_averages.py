"""PyTorch's ``key_averages()``: the printed table, or its rows as csv.

The csv has the attributes of ``FunctionEventAvg`` as columns (``key``, ``count``,
``self_cpu_time_total``, ``self_device_time_total`` in µs …), as ``xlate profile
record`` writes it, or the headings of the table with units in the cells. Rows
of kernels repeat what their operations are said to have taken on the device, and
are left out where operations have device times.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from xlate import opnames
from xlate.errors import ProfileError
from xlate.profile import Profile, WorkloadKey
from xlate.readers.limits import read_text
from xlate.readers.source import Source

__all__ = ["read", "sniff"]

_DASHES = re.compile(r"^-{4,}(?:\s+-{4,})+\s*$", re.MULTILINE)
#: what is looked for -> how it is headed, in lower case without spaces and _
_HEADS: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "key"),
    "count": ("#ofcalls", "count", "calls"),
    "self_cpu": ("selfcpu", "selfcputimetotal"),
    "cpu": ("cputotal", "cputimetotal"),
    "self_device": (
        "selfcuda", "selfcudatimetotal", "selfdevice", "selfdevicetimetotal", "selfxpu",
        "selfhip", "selfmps", "selfprivateuse1",
    ),
    "memory": ("cudamem", "cudamemoryusage", "devicememoryusage", "devicemem"),
}  # fmt: skip
_UNITS = {"us": 1.0, "µs": 1.0, "ms": 1e3, "s": 1e6, "ns": 1e-3}
_BYTES = {"b": 1.0, "kb": 1024.0, "mb": 1024.0**2, "gb": 1024.0**3, "tb": 1024.0**4}
_CELL = re.compile(r"^(-?[0-9.]+(?:e[+-]?\d+)?)\s*([a-zµ]*)$", re.IGNORECASE)
_STEP = re.compile(r"ProfilerStep[*#]")
#: what the table says below its rows
_FOOTER = re.compile(
    r"^Self (?:CUDA|XPU|HIP|MPS|device|privateuse1) time total:\s*(\S+)\s*$",
    re.MULTILINE | re.IGNORECASE,
)
#: rows may be rounded by so much of their sum
_ROUNDED = 0.02
#: device time that belongs to no operation, often many times the whole
_ARTEFACT = "Unrecognized"
_HINT = "print prof.key_averages().table(), or write its csv: xlate profile record"


def sniff(head: bytes) -> bool:
    """Whether the headings are those of ``key_averages``."""
    text = head[:16384].decode("utf-8", "replace")
    if _DASHES.search(text) and "Self CPU" in text:
        return True
    first = _folded(text.lstrip("\ufeff").split("\n", 1)[0])
    return "selfcpu" in first and ("key" in first or "name" in first) and any(c in head[:1024] for c in b",;\t")  # fmt: skip


def read(source: Source) -> list[Profile]:
    """Read one table into one profile.

    Parameters
    ----------
    source : Source
        The file.

    Raises
    ------
    ProfileError
        If a heading is missing, a time is no number, or commas stand in for
        decimal points.
    """
    path, text = source.path, read_text(source.path, source.content())
    rows = _table(path, text) if _DASHES.search(text) else _csv(path, text)
    if not rows:
        raise ProfileError(f"{path} has headings and no operation", _HINT)
    found = _FOOTER.search(text)
    total = _time(path, {"name": "total", "cell": found[1]}, "cell") if found else None
    return [_profile(path, rows, total)]


Row = Mapping[str, str]


def _table(path: Path, text: str) -> list[Row]:
    """Rows of the printed table, cut where its dashes say."""
    rules = list(_DASHES.finditer(text))
    if len(rules) < 2:
        raise ProfileError(f"{path} breaks off before the table begins", _HINT)
    spans = [m.span() for m in re.finditer("-+", rules[0][0])]
    # a cell ends where its dashes do; names may be longer than theirs are wide
    ends = [b for _, b in spans]

    def cells(line: str) -> list[str]:
        begins = [0, *ends[:-1]]
        return [line[a:b].strip() for a, b in zip(begins, ends, strict=True)]

    head_text = text[rules[0].end() : rules[1].start()].strip("\n")
    places = _places(path, cells(head_text.split("\n")[-1]))
    body = text[rules[1].end() : rules[2].start() if len(rules) > 2 else len(text)]
    found: list[Row] = []
    for line in body.split("\n"):
        if not line.strip() or line.startswith("Self C"):
            continue
        row = cells(line)
        found.append({k: row[at] for k, at in places.items()})
    return found


def _csv(path: Path, text: str) -> list[Row]:
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    found: list[Row] = []
    try:
        head = [h.strip() for h in next(rows)]
        places = _places(path, head)
        for row in rows:
            if not any(c.strip() for c in row):
                continue
            if len(row) != len(head):
                raise ProfileError(
                    f"{path}, line {rows.line_num}: {len(row)} fields where the header "
                    f"has {len(head)}",
                    "the file breaks off, or numbers are written with commas; export it "
                    "with decimal points",
                )
            found.append({k: row[at].strip() for k, at in places.items()})
    except csv.Error as e:
        raise ProfileError(f"{path}, line {rows.line_num}: no csv: {e}", _HINT) from e
    return found


def _folded(text: str) -> str:
    return re.sub(r"[\s_]", "", text.lower())


def _places(path: Path, head: Sequence[str]) -> dict[str, int]:
    folded = [_folded(h) for h in head]
    found = {
        k: folded.index(n) for k, names in _HEADS.items() for n in names if n in folded
    }
    missing = {"name", "self_cpu"} - set(found)
    if missing:
        raise ProfileError(
            f"{path} has no column {' and '.join(sorted(missing))}", _HINT
        )
    return found


def _profile(path: Path, rows: Sequence[Row], total: float | None) -> Profile:
    steps, length, notes = _steps(path, rows)
    ops: dict[str, float] = {}
    heard = [r for r in rows if not _STEP.match(r["name"])]
    device = {id(r): _time(path, r, "self_device") for r in heard}
    host = {id(r): _time(path, r, "self_cpu") for r in heard}
    by_op = sum(t for r in heard if (t := device[id(r)]) and host[id(r)])
    left_out = 0
    busy_all = _device_time(heard, device, host, bool(by_op))
    artefact = _device_time(
        [r for r in heard if r["name"] == _ARTEFACT], device, host, False
    )
    if artefact and total is not None and busy_all > total * (1 + _ROUNDED):
        heard = [r for r in heard if r["name"] != _ARTEFACT]
        busy_all -= artefact
        notes.append(
            f"{_ARTEFACT} is left out: with its {artefact / 1e3:.4g} ms the rows exceed "
            f"the total of {total / 1e3:.4g} ms below them"
        )
    notes += _against_footer(busy_all, total)
    for row in heard:
        name = row["name"]
        on_device, on_host = device[id(row)], host[id(row)]
        if on_device and not on_host and by_op:
            left_out += 1  # a kernel, whose operation has its time already
            on_device = 0.0
        for side, value in (("device", on_device), ("host", on_host)):
            if value:
                column = opnames.column(side, name)
                ops[column] = ops.get(column, 0.0) + value / steps
    busy = sum(ops[c] for c in opnames.busy_columns(list(ops)))
    if length is not None and busy:
        ops[opnames.DEVICE_IDLE] = max(length - busy, 0.0)
    if left_out:
        notes.append(f"{left_out} rows of kernels repeat their operations' time")
    cut = sum(r["name"].endswith("...") for r in heard)
    if cut:
        notes.append(
            f"{cut} names are cut: table(max_name_column_width=200) keeps them"
        )
    memory = max((_memory(r) for r in rows), default=0.0)
    backward = any("ackward" in c for c in ops)
    return Profile(
        {k: v for k, v in ops.items() if v > 0},
        WorkloadKey(mode="training" if backward else "inference", framework="pytorch"),
        step_time_us=length,
        source=str(path),
        notes=tuple(notes),
        memory_bytes=memory or None,
    )


def _device_time(
    rows: Sequence[Row],
    device: Mapping[int, float],
    host: Mapping[int, float],
    by_op: bool,
) -> float:
    """µs on the device of some rows, without kernels where operations have their time."""
    return sum(device[id(r)] for r in rows if host[id(r)] or not by_op)


def _against_footer(busy: float, total: float | None) -> list[str]:
    """What the total below the rows says against their sum."""
    if total is None or not total or not busy:
        return []
    if busy < total * (1 - _ROUNDED):
        return [
            f"{1 - busy / total:.1%} of the device time is missing: the rows sum to "
            f"{busy / 1e3:.4g} ms, the total below them is {total / 1e3:.4g} ms "
            "(table(row_limit=-1) prints all rows)"
        ]
    if busy > total * (1 + _ROUNDED):
        return [
            f"the rows sum to {busy / 1e3:.4g} ms on the device, more than the total of "
            f"{total / 1e3:.4g} ms below them"
        ]
    return []


def _steps(path: Path, rows: Sequence[Row]) -> tuple[int, float | None, list[str]]:
    """How many steps, µs each, and what to say."""
    for row in rows:
        if _STEP.match(row["name"]):
            n = _count(path, row)
            whole = _time(path, row, "cpu") or _time(path, row, "self_cpu")
            if n and whole:
                return n, whole / n, [f"the mean of {n} steps"]
    return 1, None, ["no ProfilerStep in it: everything is taken for one step"]


def _count(path: Path, row: Row) -> int:
    cell = row.get("count", "")
    try:
        return int(float(cell)) if cell else 0
    except (ValueError, OverflowError):
        raise ProfileError(
            f"{path}: {row['name']!r} ran {cell!r} times", _HINT
        ) from None


def _time(path: Path, row: Row, key: str) -> float:
    """µs of a cell, 0 where there is none."""
    cell = row.get(key, "")
    if not cell or cell in ("--", "N/A"):
        return 0.0
    found = _CELL.match(cell)
    unit = found[2].lower() if found else ""
    try:
        value = float(found[1]) * _UNITS[unit or "us"]  # type: ignore[index]
    except (TypeError, ValueError, KeyError):
        hint = "write decimal points, not commas" if "," in cell else "in us, ms or s"
        raise ProfileError(
            f"{path}: {row['name']!r} has a time of {cell!r}", hint
        ) from None
    if not math.isfinite(value) or value < 0:
        raise ProfileError(
            f"{path}: {row['name']!r} has a time of {cell!r}", "profile again"
        )
    return value


def _memory(row: Row) -> float:
    """Bytes that an operation allocated on the device, 0 where not recorded."""
    found = _CELL.match(row.get("memory", ""))
    try:
        value = float(found[1]) * _BYTES[found[2].lower() or "b"] if found else 0.0
    except (ValueError, KeyError):
        return 0.0
    return value if math.isfinite(value) else 0.0
