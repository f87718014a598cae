"""``nsys stats --format csv``: kernels, copies, and NVTX ranges as steps.

One or several of the reports ``cuda_gpu_kern_sum``, ``cuda_gpu_mem_time_sum`` and
``nvtx_sum`` (or ``nvtx_pushpop_sum``), under each other as nsys prints them; times in
whatever unit their headings name.
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
from xlate.readers.kineto import clean_kernel
from xlate.readers.limits import read_text
from xlate.readers.nsys_sqlite import STEP_RANGE
from xlate.readers.source import Source

__all__ = ["read", "sniff"]

_TOTAL = re.compile(r"total time \((ns|us|µs|usec|nsec|ms|msec|s|sec)\)", re.IGNORECASE)
_UNITS = {"ns": 1e-3, "nsec": 1e-3, "us": 1.0, "µs": 1.0, "usec": 1.0, "ms": 1e3, "msec": 1e3, "s": 1e6, "sec": 1e6}  # fmt: skip
_NAMES = ("Name", "Kernel Name", "Operation", "Range")
_COUNTS = ("Instances", "Count", "Num Calls", "Operations")
_HINT = (
    "nsys stats --format csv --report cuda_gpu_kern_sum,cuda_gpu_mem_time_sum,nvtx_sum "
    "REPORT.nsys-rep > FILE"
)


def sniff(head: bytes) -> bool:
    """Whether one of the first lines heads a report of nsys stats."""
    for line in head[:16384].decode("utf-8", "replace").split("\n")[:60]:
        if _TOTAL.search(line) and line.count(",") + line.count(";") >= 3 and any(n in line for n in _NAMES):  # fmt: skip
            return True
    return False


def read(source: Source) -> list[Profile]:
    """Read the reports of one run into one profile.

    Parameters
    ----------
    source : Source
        The file.

    Raises
    ------
    ProfileError
        If there is no kernel, a line does not fit its heading, or commas stand in
        for decimal points.
    """
    path = source.path
    ops: dict[str, float] = {}
    ranges: list[tuple[int, float, str]] = []
    for head, rows in _reports(path, read_text(path, source.content())):
        unit = _UNITS[_TOTAL.search(",".join(head))[1].lower()]  # type: ignore[index]
        total = next(k for k, h in enumerate(head) if _TOTAL.search(h))
        name = next(k for k, h in enumerate(head) if h in _NAMES)
        count = next((k for k, h in enumerate(head) if h in _COUNTS), None)
        lines: dict[tuple[str, ...], int] = {}
        for line, row in rows:
            if (once := tuple(row)) in lines:
                raise ProfileError(
                    f"{path}, line {line}: the same as line {lines[once]} in every field",
                    "the report was joined to itself; export it again",
                )
            lines[once] = line
            value = _number(path, line, row[total]) * unit
            if head[name] == "Range":
                if count is not None and STEP_RANGE.search(row[name]):
                    n = int(_number(path, line, row[count]))
                    ranges.append((n, value, row[name].lstrip(":")))
                continue
            said = row[name] if head[name] != "Operation" else row[name].strip("[]")
            column = opnames.column("device", clean_kernel(said))
            ops[column] = ops.get(column, 0.0) + value
    if not any(v > 0 for v in ops.values()):
        raise ProfileError(f"{path} holds no kernel", _HINT)
    return [_profile(path, ops, ranges)]


def _profile(
    path: Path, ops: Mapping[str, float], ranges: Sequence[tuple[int, float, str]]
) -> Profile:
    steps, length = 1.0, None
    notes = ["no NVTX range named step or iteration: everything is taken for one step"]
    # ranges that carry a number each (step 7) are one series
    series: dict[str, tuple[int, float]] = {}
    for n, total, name in ranges:
        key = re.sub(r"\d+", "#", name)
        before = series.get(key, (0, 0.0))
        series[key] = (before[0] + n, before[1] + total)
    if series:
        key, (n, total) = max(series.items(), key=lambda s: s[1][0])
        if n > 0 and total > 0:
            steps, length = float(n), total / n
            notes = [f"the mean of {n} NVTX ranges {key!r}"]
    found = {k: v / steps for k, v in ops.items() if v > 0}
    if length is not None:
        found[opnames.DEVICE_IDLE] = max(length - sum(found.values()), 0.0)
    return Profile(
        {k: v for k, v in found.items() if v > 0},
        WorkloadKey(framework="unknown"),
        step_time_us=length,
        source=str(path),
        notes=tuple(notes),
    )


Report = tuple[list[str], list[tuple[int, list[str]]]]


def _reports(path: Path, text: str) -> list[Report]:
    """Headings and rows of every report in the text; other lines are talk."""
    heads = [h for h in text.split("\n")[:2000] if _TOTAL.search(h)]
    delimiter = ";" if heads and heads[0].count(";") > heads[0].count(",") else ","
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    found: list[Report] = []
    try:
        for row in rows:
            cells = [c.strip() for c in row]
            if _TOTAL.search(",".join(cells)) and any(c in _NAMES for c in cells):
                found.append((cells, []))
            elif found and not any(cells):
                found.append((found[-1][0], []))
            elif found and len(cells) > 2:
                if len(cells) != len(found[-1][0]):
                    raise ProfileError(
                        f"{path}, line {rows.line_num}: {len(cells)} fields where the "
                        f"header has {len(found[-1][0])}",
                        "the file breaks off, or numbers are written with commas; "
                        "export it again with decimal points",
                    )
                found[-1][1].append((rows.line_num, cells))
    except csv.Error as e:
        raise ProfileError(f"{path}, line {rows.line_num}: no csv: {e}", _HINT) from e
    if not found:
        raise ProfileError(f"{path} holds no report of nsys stats", _HINT)
    return found


def _number(path: Path, line: int, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        hint = "write decimal points, not commas" if "," in cell else _HINT
        raise ProfileError(
            f"{path}, line {line}: {cell!r} is no number", hint
        ) from None
    if not math.isfinite(value) or value < 0:
        raise ProfileError(f"{path}, line {line}: a time of {cell}", "export it again")
    return value
