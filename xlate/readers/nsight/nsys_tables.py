"""Reports of ``nsys stats`` in a text: csv, columns under dashes, or tables in boxes.

Some lines around them name the report that follows:
``Processing [RUN.sqlite] with […/cuda_gpu_kern_sum.py]``, ``** … (cuda_gpu_kern_sum):``
or ``[4/8] Executing 'cuda_gpu_kern_sum' stats report``. Times are in the unit that a
heading names, in ns where it names no unit.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xlate.errors import ProfileError

__all__ = ["HINT", "Report", "is_report", "reports"]

HINT = (
    "nsys stats --format csv --report cuda_gpu_kern_sum,cuda_gpu_mem_time_sum,nvtx_sum "
    "REPORT.nsys-rep > FILE"
)
_UNITS = {"ns": 1e-3, "nsec": 1e-3, "us": 1.0, "µs": 1.0, "μs": 1.0, "usec": 1.0, "ms": 1e3, "msec": 1e3, "s": 1e6, "sec": 1e6}  # fmt: skip
_PROCESSING = re.compile(
    r"Processing \[(.*?)\] with \[(?:.*[/\\])?(\w[\w-]*)(?:\.py)?\b[^\]]*\]"
)
_TITLE = re.compile(r"^\W*\*\* .*\((\w+)(?::[\w:=.,-]*)?\):\s*$")
_EXECUTING = re.compile(r"Executing '(\w+)[^']*' stats report")
_RULE = re.compile(r"^\s*-{2,}(?:\s+-{2,}){2,}\s*$")
_BOX = re.compile(r"^\s*\+-[-+]*-\+\s*$")
_UNIT = re.compile(r"\s*\((ns|nsec|us|µs|μs|usec|ms|msec|s|sec)\)\s*$", re.IGNORECASE)
#: other names of a heading
_ALIASES = {
    "average": "avg", "median": "med", "minimum": "min", "maximum": "max",
    "num calls": "num calls", "calls": "num calls", "operations": "count",
    "time": "time", "time(%)": "time", "time (%)": "time", "dur": "duration",
}  # fmt: skip
#: words of headings; every heading has at least ``_LEAST_WORDS`` of them
_WORDS = frozenset({
    "time", "total time", "instances", "count", "num calls", "avg", "med", "min", "max",
    "stddev", "name", "operation", "range", "start", "duration", "corrid", "device",
    "kavg", "kernel name", "kernel dur", "kernel start", "category", "style", "total",
    "api name", "devid", "end", "nvtx range",
})  # fmt: skip
_LEAST_WORDS = 3
#: columns by which pasted lines may be shifted against the dashes
_SHIFTS = (0, 1, -1, 2, -2, 3, -3)
#: characters of one line at most: demangled names take some thousand
_LONGEST_LINE = 1 << 20


@dataclass(frozen=True)
class Report:
    """One report.

    Attributes
    ----------
    kind : str
        Name of the script that wrote it; empty where it is not named.
    run : str
        The recording that it summarises; empty where it is not named.
    line : int
        Line of its heading, from 1.
    head : tuple of str
        Headings in lower case without units, with aliases replaced (``avg``).
    units : tuple of float
        µs of one unit of each column; those of text have 1e-3.
    rows : tuple of (int, tuple of str)
        Line and cells.
    """

    kind: str
    run: str
    line: int
    head: tuple[str, ...]
    units: tuple[float, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]

    def place(self, *names: str) -> int | None:
        """Column of the first of these headings that the report has."""
        return next((self.head.index(n) for n in names if n in self.head), None)

    def time(self, path: Path, line: int, cells: tuple[str, ...], at: int) -> float:
        """µs of a cell.

        Raises
        ------
        ProfileError
            If it is not a number, not finite, or negative; the line is named.
        """
        return number(path, line, cells[at]) * self.units[at]


def number(path: Path, line: int, cell: str) -> float:
    """A number from 0 up.

    Raises
    ------
    ProfileError
        If it is not; the line is named.
    """
    try:
        value = float(cell)
    except ValueError:
        hint = "write decimal points, not commas" if "," in cell else HINT
        raise ProfileError(
            f"{path}, line {line}: {cell!r} is not a number",
            hint,
            code="profile.bad-value",
        ) from None
    if not math.isfinite(value) or value < 0:
        raise ProfileError(
            f"{path}, line {line}: a time of {cell}",
            "export it again",
            code="profile.bad-value",
        )
    return value


def is_report(head: bytes) -> bool:
    """Whether the first bytes of a file hold the name or the heading of a report."""
    lines = head.decode("utf-8", "replace").split("\n")[:2000]
    for k, line in enumerate(lines):
        if _PROCESSING.search(line) or _TITLE.match(line) or _EXECUTING.search(line):
            return True
        after = lines[k + 1] if k + 1 < len(lines) else ""
        if _layout(line, after) is not None and "total time" in line.lower():
            return True
        if _layout(line, after) and re.search(r"CorrId|KAvg|Kernel Dur", line):
            return True
    return False


def reports(path: Path, text: str) -> list[Report]:
    """Every report of the text, in order.

    Raises
    ------
    ProfileError
        If there is none, or a row does not fit its heading.
    """
    lines = text.split("\n")
    kind, run = "", ""
    reports_read: list[Report] = []
    k = 0
    while k < len(lines):
        line = lines[k].rstrip("\r")
        if match := _PROCESSING.search(line):
            run, kind = match[1], match[2]
        elif match := _TITLE.match(line) or _EXECUTING.search(line):
            kind = match[1]
        else:
            after = lines[k + 1].rstrip("\r") if k + 1 < len(lines) else ""
            layout = _layout(line, after)
            if layout is not None:
                head, units = _headings(layout.cells(line))
                rows, used = _rows(path, lines, k + 1, layout, len(head))
                report = Report(
                    kind=kind,
                    run=run,
                    line=k + 1,
                    head=head,
                    units=units,
                    rows=tuple(rows),
                )
                reports_read.append(report)
                kind = ""
                k = used
                continue
        k += 1
    if not reports_read and not (run or kind):
        raise ProfileError(
            f"{path} holds no report of nsys stats", HINT, code="profile.not-a-profile"
        )
    return reports_read


class _Csv:
    """Fields with a delimiter between them."""

    def __init__(self, delimiter: str) -> None:
        self.delimiter = delimiter

    def cells(self, line: str) -> list[str]:
        try:
            row = next(csv.reader([line], delimiter=self.delimiter), [])
        except csv.Error:
            return []
        return [c.strip() for c in row]

    def ended(self, line: str) -> bool:
        return line.count(self.delimiter) < 2


class _Columns:
    """Fields as wide as the dashes under their headings."""

    def __init__(self, rule: str) -> None:
        self.spans = [m.span() for m in re.finditer("-+", rule)]

    def cells(self, line: str) -> list[str]:
        starts = [a for a, _ in self.spans]
        for shift in _SHIFTS:
            moved = line[shift:] if shift >= 0 else " " * -shift + line
            gaps = zip((b for _, b in self.spans[:-1]), starts[1:], strict=True)
            if not any(moved[a:b].strip() for a, b in gaps):
                ends = [*starts[1:], len(moved) + 1]
                spans = zip(starts, ends, strict=True)
                return [_plain(moved[a:b].strip()) for a, b in spans]
        # pasted without its blanks: two or more blanks separate fields
        return [_plain(c) for c in re.split(r"\s{2,}", line.strip())]

    def ended(self, line: str) -> bool:
        return not line.strip() or line.lstrip().startswith("```")


class _Boxed:
    """Fields between bars."""

    def cells(self, line: str) -> list[str]:
        return [_plain(c.strip()) for c in line.strip().strip("|").split("|")]

    def ended(self, line: str) -> bool:
        return not line.lstrip().startswith(("|", "+"))


_Layout = _Csv | _Columns | _Boxed


def _plain(cell: str) -> str:
    """A number without the commas between thousands; any other text unchanged."""
    return (
        cell.replace(",", "")
        if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", cell)
        else cell
    )


def _layout(line: str, after: str) -> _Layout | None:
    """The layout of a heading and its rows; None where the line is not a heading."""
    if len(line) > 4096:
        return None
    if _RULE.match(after) and _is_heading(re.split(r"\s{2,}", line.strip())):
        return _Columns(after)
    if line.lstrip().startswith("|") and _BOX.match(after):
        return _Boxed() if _is_heading(_Boxed().cells(line)) else None
    for delimiter in (",", ";", "\t"):
        if line.count(delimiter) >= 2 and _is_heading(_Csv(delimiter).cells(line)):
            return _Csv(delimiter)
    return None


def _is_heading(cells: list[str]) -> bool:
    head, _ = _headings(cells)
    return sum(h in _WORDS for h in head) >= _LEAST_WORDS


def _headings(cells: list[str]) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Headings without units and with aliases replaced, and µs of their units."""
    head, units = [], []
    for cell in cells:
        unit = _UNIT.search(cell)
        units.append(_UNITS[unit[1].lower()] if unit else 1e-3)
        short = re.sub(r"\s+", " ", _UNIT.sub("", cell)).strip().lower()
        head.append(_ALIASES.get(short, short))
    return tuple(head), tuple(units)


def _rows(
    path: Path, lines: list[str], k: int, layout: _Layout, fields: int
) -> tuple[list[tuple[int, tuple[str, ...]]], int]:
    """Rows of a report, and the line after it."""
    rows: list[tuple[int, tuple[str, ...]]] = []
    for number_, line in _joined(lines, k, layout):
        if layout.ended(line) or _PROCESSING.search(line):
            return rows, number_
        if _RULE.match(line) or _BOX.match(line):
            continue
        cells = layout.cells(line)
        if isinstance(layout, _Csv) and _is_heading(cells):
            return rows, number_
        if not any(cells):
            return rows, number_ + 1
        if len(cells) != fields:
            raise ProfileError(
                f"{path}, line {number_ + 1}: {len(cells)} fields where the header has "
                f"{fields}",
                "the file breaks off, or numbers are written with commas; export it "
                "again with decimal points",
                code="profile.damaged",
            )
        rows.append((number_ + 1, tuple(cells)))
    return rows, len(lines)


def _joined(lines: list[str], k: int, layout: _Layout) -> Iterator[tuple[int, str]]:
    """Lines from ``k`` on; the lines of one quoted field are joined."""
    while k < len(lines):
        start, line = k, lines[k].rstrip("\r")
        while (
            isinstance(layout, _Csv)
            and line.count('"') % 2
            and k + 1 < len(lines)
            and len(line) < _LONGEST_LINE
        ):
            k += 1
            line = f"{line} {lines[k].rstrip()}"
        yield start, line
        k += 1
