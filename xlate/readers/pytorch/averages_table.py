"""The rows of ``key_averages()``, from its printed table or from a csv.

A text may hold several tables, and other text around them, which may name the GPU.
Columns stand under dashes; where blanks were lost when a table was pasted, its cells
are recognised by their form.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xlate.errors import ProfileError

__all__ = ["HINT", "RULE", "AverageRow", "Averages", "is_headed", "tables"]

RULE = re.compile(r"^[ \t]*-{4,}(?:[ \t]+-{4,})+[ \t]*\r?$", re.MULTILINE)
#: field -> its possible headings, in lower case without spaces and _
_HEADS: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "key"),
    "count": ("#ofcalls", "count", "calls", "numberofcalls"),
    "self_cpu": ("selfcpu", "selfcputimetotal", "selfcputotal"),
    "cpu": ("cputotal", "cputimetotal"),
    "self_device": (
        "selfcuda", "selfcudatimetotal", "selfdevice", "selfdevicetimetotal", "selfxpu",
        "selfhip", "selfmps", "selfmtia", "selfprivateuse1", "selfcudatotal",
    ),
    "share": (
        "selfcuda%", "selfdevice%", "selfxpu%", "selfhip%", "selfmtia%",
        "selfprivateuse1%", "selfcudatotal%",
    ),
    "device": ("cudatotal", "cudatimetotal", "devicetotal", "devicetimetotal", "xputotal"),
    "memory": ("cudamem", "cudamemoryusage", "devicememoryusage", "devicemem", "xpumem"),
}  # fmt: skip
_UNITS = {"us": 1.0, "µs": 1.0, "μs": 1.0, "ms": 1e3, "s": 1e6, "ns": 1e-3}
_BYTES = {"b": 1.0, "kb": 1024.0, "mb": 1024.0**2, "gb": 1024.0**3, "tb": 1024.0**4}
_CELL = re.compile(r"^(-?[0-9.]+(?:e[+-]?\d+)?)\s*([a-zµμ]*)$", re.IGNORECASE)
#: the total below the rows of a table
_FOOTER = re.compile(
    r"^\W*(?:Self )?(?:CUDA|XPU|HIP|MPS|MTIA|device|privateuse1) time total:[ \t]*(\S+(?:[ \t][a-zµμ]+)?)\s*$",
    re.MULTILINE | re.IGNORECASE,
)
_TOTAL = re.compile(r"\W*Self \w+ time total:|\W*\w+ time total:")
#: number of lines after a table that may hold its totals
_FOOTER_LINES = 6
#: a rule after a prefix on its line
_PREFIXED = re.compile(
    r"^([^\n]{0,120}[^\s-][ \t]{0,8})-{6,}[ \t]{1,8}-{6}", re.MULTILINE
)
#: headings, in the order in which they are tried in a line without columns
_HEADINGS = re.compile(
    r"Self \w+ total %|Self \w+ total|Self \w+ Mem|Self \w+ %|\w+ total %|\w+ time avg"
    r"|\w+ total|\w+ Mem|# of Calls|Number of Calls|Input Shapes|Source Location"
    r"|Node ID|Total \w*FLOPs|Self \w+|Name",
    re.IGNORECASE,
)
#: one word of a GPU's name
_PART = (
    r"(?:GeForce|Quadro|Tesla|TITAN|Titan|RTX|GTX|Ti|SUPER|Super|Max-Q|Ada|Generation"
    r"|RX|Blackwell|Instinct|Radeon|Graphics|XT|XTX|PRO|Pro|Arc|Laptop|GPU|NVL|Xp"
    r"|Server|Workstation|Edition|(?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]+|\d{2,5}(?:GB|G)?)"
)
_GPU = re.compile(
    rf"\b((?:NVIDIA|AMD|Intel|Tesla|GeForce|Quadro|Radeon)(?: {_PART})+)\b"
    rf"|\b(?:GPU|Device|Card)(?: name)?\s*[:=]\s*((?=[^\n]*\d){_PART}(?: {_PART})*)\b"
)
#: a name without a number is a family of GPUs; a size of memory or a number of a device
#: is not a name
_IS_MODEL = re.compile(r"\d|TITAN|Titan|Graphics")
_NO_MODEL = re.compile(r"\d+(?:GB|G)?$|CUDA|cuda")
HINT = "print prof.key_averages().table(), or write its csv: xlate profile record"


@dataclass(frozen=True, slots=True)
class AverageRow:
    """One operation, kernel or call, over all its runs; times in µs.

    Attributes
    ----------
    share : float or None
        Share of the device's time, as printed.
    memory : float
        Bytes.
    """

    name: str
    count: int
    self_cpu: float
    cpu: float
    self_device: float
    share: float | None
    memory: float


@dataclass(frozen=True)
class Averages:
    """One table.

    Attributes
    ----------
    rows : tuple of AverageRow
    headings : tuple of str
        Folded: lower case, without blanks.
    total_us : float or None
        Device time as printed below the table.
    device : str or None
        Name of the GPU, where the text around the table holds it.
    on_device : bool
        Whether there is a column of device time.
    cut : bool
        Whether rows were left out by hand (``...``).
    """

    rows: tuple[AverageRow, ...]
    headings: tuple[str, ...] = ()
    total_us: float | None = None
    device: str | None = None
    on_device: bool = True
    cut: bool = False


def is_headed(text: str) -> bool:
    """Whether a text has a heading of ``key_averages`` under a rule."""
    text = without_prefix(text)
    at = RULE.search(text)
    while at is not None:
        heading = text[at.end() :].lstrip("\r\n").split("\n", 1)[0]
        if "Self C" in heading or "Self XPU" in heading or "CPU total" in heading:
            return True
        at = RULE.search(text, at.end())
    return False


def tables(path: Path, text: str) -> list[Averages]:
    """Every table of a text, or the single table of a csv.

    Raises
    ------
    ProfileError
        If a heading is missing, a time is not a number, or commas stand in for
        decimal points.
    """
    text = without_prefix(text)
    return _printed(path, text) if RULE.search(text) else [_csv(path, text)]


def without_prefix(text: str) -> str:
    """The lines of a table without their common prefix; any other text unchanged.

    Comments (``#``), quotes (``>``) and logs of several processes (``[rank0]:``) put
    something before each line; lines of other processes are left out.
    """
    before = None if RULE.search(text) else _PREFIXED.search(text)
    if before is None:
        return text
    prefix = before[1]
    bare = prefix.rstrip()
    return "\n".join(
        line[len(prefix) :] for line in text.split("\n") if line.startswith(bare)
    )


def _printed(path: Path, text: str) -> list[Averages]:
    lines = text.split("\n")
    rules = {k for k, line in enumerate(lines) if RULE.match(line)}
    if not rules:
        raise ProfileError(
            f"{path} breaks off before the table begins", HINT, code="profile.damaged"
        )
    device = _gpu("\n".join(lines[: min(rules)]))
    averages: list[Averages] = []
    after = 0
    for k in sorted(rules):
        at = k + 1
        if k < after or at >= len(lines) or "name" not in lines[at].lower():
            continue
        # a second rule follows the heading, unless it was lost
        body = next((j for j in range(at + 1, min(at + 3, len(lines))) if j in rules), at) + 1  # fmt: skip
        end = next((j for j in sorted(rules) if j >= body), None)
        stop = len(lines) if end is None else end
        table = _table(path, lines[k].rstrip("\r"), lines[at].rstrip("\r"), lines[body:stop], end is not None)  # fmt: skip
        below = lines[body if end is None else end :]
        footer = _FOOTER.search("\n".join(below[:_FOOTER_LINES] if end is not None else below))  # fmt: skip
        total = _time(path, "total", footer[1]) if footer else None
        averages.append(replace(table, total_us=total, device=device))
        after = stop
    if not averages:
        raise ProfileError(
            f"{path} breaks off before the table begins: it has no heading of "
            "key_averages",
            HINT,
            code="profile.damaged",
        )
    return averages


def _table(
    path: Path, rule: str, heading: str, body: Sequence[str], closed: bool
) -> Averages:
    columns = _Columns(rule, heading)
    places = _places(path, columns.heads)
    rows: list[AverageRow] = []
    cut = False
    for line in body:
        line = line.rstrip("\r")
        if _TOTAL.match(line):
            break
        if re.fullmatch(r"\s*(\.\.\.|…)\s*", line):
            cut = True
            continue
        cells = columns.cells(line)
        if cells is None or not cells[places["name"]]:
            continue  # a further line of a source location
        row = {k: cells[at] for k, at in places.items() if at < len(cells)}
        times = [row[k] for k in ("self_cpu", "self_device") if k in row]
        if not any(times):
            continue  # other text under a heading
        if not closed and not all(_CELL.match(t) or t in ("", "--") for t in times):
            break  # other text after a table that has no rule under it
        rows.append(_row(path, row))
    on_device = "self_device" in places
    if not on_device and "device" in places:
        raise ProfileError(
            f"{path} has no column of the device's own time (Self CUDA): its totals of "
            "an operation include the operations that it called",
            "print it with PyTorch 1.7 or later",
            code="profile.missing-column",
        )
    headings = tuple(_folded(h) for h in columns.heads)
    return Averages(tuple(rows), headings, on_device=on_device, cut=cut)


class _Columns:
    """Positions of the cells of a printed table."""

    def __init__(self, rule: str, heading: str) -> None:
        # a cell ends where its dashes end; a name may be longer than its dashes
        self._ends = [m.end() for m in re.finditer("-+", rule)]
        self.heads = self._under(heading)
        self._form: re.Pattern[str] | None = None
        listed = _HEADINGS.findall(heading)
        if listed and [_folded(h) for h in self.heads] != [_folded(h) for h in listed]:
            # blanks were lost: cells are recognised by their form
            self.heads = listed
            forms = r"\s+".join(_form(h) for h in listed[1:])
            self._form = re.compile(rf"^\s*(\S.*?)\s+{forms}\s*$")

    def cells(self, line: str) -> list[str] | None:
        """Cells of a line; None where it has none."""
        if not line.strip():
            return None
        if self._form is None:
            return self._under(line)
        match = self._form.match(line)
        return [c.strip() for c in match.groups()] if match else None

    def _under(self, line: str) -> list[str]:
        begins = [0, *self._ends[:-1]]
        # text after the last dashes belongs to the last column
        ends = [*self._ends[:-1], max(self._ends[-1], len(line))]
        return [line[a:b].strip() for a, b in zip(begins, ends, strict=True)]


def _form(heading: str) -> str:
    if heading.endswith("%"):
        return r"(-?[\d.]+\s?%|--|nan%)"
    if "Mem" in heading:
        return r"(-?[\d.]+ [KMGT]?i?[Bb]|--)"
    if "Calls" in heading or "Node" in heading:
        return r"(-?\d+)"
    if "Shapes" in heading or "Source" in heading:
        return r"(.*?)"
    return r"(-?[\d.]+\s?[a-zµμ]*|--)"


def _csv(path: Path, text: str) -> Averages:
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    averages: list[AverageRow] = []
    try:
        head = [h.strip() for h in next(rows, [])]
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
                    code="profile.damaged",
                )
            averages.append(
                _row(path, {k: row[at].strip() for k, at in places.items()})
            )
    except csv.Error as e:
        raise ProfileError(
            f"{path}, line {rows.line_num}: no csv: {e}", HINT, code="profile.damaged"
        ) from e
    headings = tuple(_folded(h) for h in head)
    return Averages(tuple(averages), headings, on_device="self_device" in places)


def _folded(text: str) -> str:
    return re.sub(r"[\s_]", "", text.lower())


def _places(path: Path, head: Sequence[str]) -> dict[str, int]:
    folded = [_folded(h) for h in head]
    places = {
        k: folded.index(n) for k, names in _HEADS.items() for n in names if n in folded
    }
    missing = {"name", "self_cpu"} - set(places)
    if "self_device" in places or "device" in places:
        # some tables have only the device's columns
        missing.discard("self_cpu")
    if missing:
        raise ProfileError(
            f"{path} has no column {' and '.join(sorted(missing))}",
            HINT,
            code="profile.missing-column",
        )
    return places


def _row(path: Path, cells: Mapping[str, str]) -> AverageRow:
    name = cells["name"]
    share = re.fullmatch(r"([\d.]+)\s?%", cells.get("share", ""))
    return AverageRow(
        name=name,
        count=_count(path, name, cells.get("count", "")),
        self_cpu=_time(path, name, cells.get("self_cpu", "")),
        cpu=_time(path, name, cells.get("cpu", "")),
        self_device=_time(path, name, cells.get("self_device", "")),
        share=float(share[1]) / 100 if share and share[1].count(".") < 2 else None,
        memory=_memory(cells.get("memory", "")),
    )


def _count(path: Path, name: str, cell: str) -> int:
    try:
        return int(float(cell)) if cell else 0
    except (ValueError, OverflowError):
        raise ProfileError(
            f"{path}: {name!r} ran {cell!r} times", HINT, code="profile.bad-value"
        ) from None


def _time(path: Path, name: str, cell: str) -> float:
    """µs of a cell, 0 where there is none."""
    if not cell or cell in ("--", "N/A"):
        return 0.0
    match = _CELL.match(cell)
    unit = match[2].lower() if match else ""
    try:
        value = float(match[1]) * _UNITS[unit or "us"]  # type: ignore[index]
    except (TypeError, ValueError, KeyError):
        hint = "write decimal points, not commas" if "," in cell else "in us, ms or s"
        raise ProfileError(
            f"{path}: {name!r} has a time of {cell!r}", hint, code="profile.bad-value"
        ) from None
    if not math.isfinite(value) or value < 0:
        raise ProfileError(
            f"{path}: {name!r} has a time of {cell!r}",
            "profile again",
            code="profile.bad-value",
        )
    return value


def _memory(cell: str) -> float:
    """Bytes that an operation allocated on the device, 0 where not recorded."""
    match = _CELL.match(cell)
    try:
        value = float(match[1]) * _BYTES[match[2].lower() or "b"] if match else 0.0
    except (ValueError, KeyError):
        return 0.0
    return value if math.isfinite(value) else 0.0


def _gpu(text: str) -> str | None:
    """The GPU that is named before a table; None where none or several are named."""
    named = {(m[1] or m[2]).strip() for m in _GPU.finditer(text[-8192:])}
    named = {n for n in named if _IS_MODEL.search(n) and not _NO_MODEL.match(n)}
    named = {n for n in named if not any(n != o and n in o for o in named)}
    return named.pop() if len(named) == 1 else None
