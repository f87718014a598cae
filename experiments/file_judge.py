"""What a profile or a meter's recording holds, by a second, slow reading of the file.

:func:`judged` says what is right, or that it cannot tell; it imports no reader of xlate.
"""

from __future__ import annotations

import csv
import io
import re
import statistics
import zlib
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from experiments.database_judge import in_database
from experiments.trace_judge import Candidate, Side, Truth, in_trace, unpacked

__all__ = ["judged"]

_UNITS = {"ns": 1e-3, "us": 1.0, "μs": 1.0, "ms": 1e3, "s": 1e6}
_TIME = re.compile(r"^([\d.]+)(ns|us|μs|ms|s)$")
_TOTAL = re.compile(
    r"Self (?:CUDA|HIP|XPU|Device) time total:\s*([\d.]+)(ns|us|μs|ms|s)"
)


def judged(path: Path) -> Truth:
    """What is right for a file; where it cannot be read here, that is said."""
    try:
        return _judged(path)
    except (ArithmeticError, LookupError, TypeError, ValueError, zlib.error) as e:
        return Truth("damaged", unknown=f"the judge cannot read it: {e!r}")


def _judged(path: Path) -> Truth:
    content = unpacked(path)
    if content.startswith(b"SQLite format 3"):
        return in_database(content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Truth("binary", unknown="binary: this judge reads text and SQLite")
    head = text.lstrip()[:1]
    if head in ("{", "["):
        return in_trace(text)
    if "<nvidia_smi_log>" in text:
        return _smi_xml(text)
    if "Self CPU" in text and re.search(r"^-{10}", text, re.MULTILINE):
        return _printed_table(text)
    lines = [line for line in text.splitlines() if line.strip()]
    if any("Total Time (" in line for line in lines):
        return _nsys_stats(lines)
    if lines and lines[0].startswith("key,count,"):
        return _averages_csv(text)
    if lines and re.search(r"utilization\.gpu|power\.draw", lines[0]):
        return _smi_csv(lines)
    return Truth("text", unknown="no format that this judge knows")


def _cells(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


def _printed_table(text: str) -> Truth:
    """A printed key_averages table: the footer is what the device took."""
    footer = _TOTAL.search(text)
    lines = [line for line in text.splitlines() if not line.startswith("---")]
    place = next(i for i, line in enumerate(lines) if "Self CPU" in line)
    heads = _cells(lines[place])
    own = [h for h in heads if re.fullmatch(r"Self (CUDA|HIP|XPU|Device)", h)]
    if not own and footer is None:
        return Truth("key_averages", refuse="no column of a device")
    total = _us(*footer.groups()) if footer else None
    of_ops, of_kernels, steps = 0.0, 0.0, 1
    for line in lines[place + 1 :]:
        cells = _cells(line)
        if len(cells) < len(heads):
            continue
        row = dict(zip(heads, cells[-len(heads) :], strict=True))
        took = _TIME.match(row.get(own[0], "")) if own else None
        host = _TIME.match(row.get("Self CPU", ""))
        if row["Name"].startswith("ProfilerStep"):
            steps = int(row.get("# of Calls", "1"))
            continue
        value = _us(*took.groups()) if took else 0.0
        if total is not None and value > total:
            continue
        if host and float(host[1]) > 0:
            of_ops += value
        else:
            of_kernels += value
    totals = {total, of_ops, of_kernels} - {None, 0.0}
    if not totals:
        return Truth("key_averages", refuse="no device time was recorded")
    labels = {
        total: "the footer",
        of_ops: "rows of operations",
        of_kernels: "rows of kernels",
    }
    taken = tuple(Candidate(labels[t], None, t / steps) for t in totals if t)
    return Truth("key_averages", (Side(None, (), taken),))


def _us(value: str, unit: str) -> float:
    return float(value) * _UNITS[unit]


def _averages_csv(text: str) -> Truth:
    rows = list(csv.DictReader(io.StringIO(text)))
    column = next((c for c in rows[0] if re.match(r"self_(device|cuda)_time", c)), None)
    busy = sum(float(r[column]) for r in rows) if column else 0.0
    if not busy:
        return Truth("key_averages csv", refuse="no device time was recorded")
    steps = next(
        (int(r["count"]) for r in rows if r["key"].startswith("ProfilerStep")), 1
    )
    return Truth(
        "key_averages csv", (Side(None, (), (Candidate("sum", None, busy / steps),)),)
    )


def _nsys_stats(lines: Sequence[str]) -> Truth:
    """Reports of ``nsys stats``: sums of kernels and copies, ranges as steps."""
    header: list[str] = []
    busy = 0.0
    ranges: dict[str, list[tuple[int, float]]] = {}
    between = ","
    for line in lines:
        if "Total Time (" in line:
            between = max(",;\t", key=line.count)
        (cells,) = csv.reader([line], delimiter=between)
        if any(c.startswith("Total Time (") for c in cells):
            header = cells
            continue
        if len(cells) != len(header):
            continue
        row = dict(zip(header, cells, strict=True))
        column = next(c for c in header if c.startswith("Total Time ("))
        took = float(row[column]) * _UNITS[column[12:-1]]
        if "Range" in row:
            family = re.sub(r"\d+", "#", row["Range"])
            ranges.setdefault(family, []).append((int(row["Instances"]), took))
        elif "Operation" in row or ("Instances" in row and "Name" in row):
            busy += took
    if not busy:
        return Truth("nsys stats csv", refuse="no kernel in any report")
    taken = [Candidate("the whole recording", None, busy)]
    for family, of in ranges.items():
        n, total = sum(k for k, _ in of), sum(t for _, t in of)
        taken.append(Candidate(family, total / n, busy / n))
    return Truth("nsys stats csv", (Side(None, (), tuple(taken)),))


def _number(text: str) -> float | None:
    match = re.match(r"-?[\d.]+", text.strip())
    return float(match[0]) if match else None


def _smi_csv(lines: Sequence[str]) -> Truth:
    """nvidia-smi's csv; the header may come again before each sample."""
    rows = [[c.strip() for c in r] for r in csv.reader(lines)]
    header = rows[0]
    power = next((k for k, c in enumerate(header) if c.startswith("power.draw")), None)
    if power is None:
        return Truth("nvidia-smi csv", refuse="no power in it")
    body = [r for r in rows[1:] if r != header and len(r) == len(header)]
    watts = [w for r in body if (w := _number(r[power])) is not None]
    names = {r[header.index("name")] for r in body} if "name" in header else set()
    gpus = {r[header.index("index")] for r in body} if "index" in header else {"0"}
    if len(gpus) > 1 or not watts:
        return Truth("nvidia-smi csv", refuse="several GPUs, or no sample with power")
    side = Side(None, tuple(names), ())
    return Truth("nvidia-smi csv", (side,), power_w=statistics.fmean(watts))


def _parsed(text: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as e:
        raise ValueError(f"no XML: {e}") from e


def _smi_xml(text: str) -> Truth:
    """``nvidia-smi -q -x``, one document or several in a row."""
    body = re.sub(r"<\?xml[^>]*\?>|<!DOCTYPE[^>]*>", "", text)
    tree = _parsed(f"<all>{body}</all>")
    watts, names, most = [], set(), 0
    for log in tree.iter("nvidia_smi_log"):
        cards = log.findall("gpu")
        most = max(most, len(cards))
        for card in cards:
            names.add(card.findtext("product_name", "").strip())
            for tag in ("power_draw", "instant_power_draw", "average_power_draw"):
                value = next((e.text for e in card.iter(tag) if e.text), None)
                if value and (w := _number(value)) is not None:
                    watts.append(w)
                    break
    if most > 1 or not watts:
        return Truth("nvidia-smi xml", refuse="several GPUs, or no sample with power")
    side = Side(None, tuple(names), ())
    return Truth("nvidia-smi xml", (side,), power_w=statistics.fmean(watts))
