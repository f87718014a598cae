"""AMD's rocprof as csv, of all three generations: dispatches one by one, or their sums.

``results.csv`` (``KernelName``, ``BeginNs``, ``EndNs``), ``*_kernel_trace.csv``
(``Kernel_Name``, ``Start_Timestamp``), ``*_memory_copy_trace.csv``, and statistics
(``Name``, ``Calls``, ``TotalDurationNs``), whose names show whether they are kernels,
copies, or calls of HIP and HSA. Times are in ns. The GPU is named in the
``*_agent_info.csv`` that rocprofv3 writes beside its traces.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from xlate.errors import ProfileError
from xlate.files.limits import read_text
from xlate.readers.rocm.rocprof_names import (
    NO_NAME,
    UNNAMED,
    copy_name,
    is_call,
    is_domain,
    is_packet,
    kernel_name,
    marketing_name,
)
from xlate.readers.source import Source
from xlate.readers.traces.device_trace import DeviceTrace, NamedDevices
from xlate.readers.traces.kernel_sums import KernelSum, StepShare, profile_of_sums
from xlate.values.profile import Profile
from xlate.values.reason import Reason

__all__ = ["read", "sniff"]

_NS = 1e-3
_HINT = "rocprofv3 --kernel-trace --memory-copy-trace --output-format csv -- PROGRAM"
#: the same column under its names in three generations, in lower case
_NAME = ("kernel_name", "kernelname")
_BEGIN, _END = ("start_timestamp", "beginns"), ("end_timestamp", "endns")
_DEVICE = ("agent_id", "gpu-id", "gpu_id")
_STATS = frozenset({"calls", "totaldurationns"})
_AGENT_INFO = re.compile(
    r"_?(?:kernel_trace|kernel_stats|memory_copy_trace|memory_copy_stats|counter_collection)\.csv$"
)
_LONGEST_FIELD = 1 << 20


def _heads(line: str) -> list[str]:
    row = next(csv.reader([line]), [])
    return [c.strip().lower() for c in row]


def sniff(head: bytes) -> bool:
    """Whether the first line is the heading of a csv of rocprof."""
    first = head.lstrip(b"\xef\xbb\xbf").split(b"\n", 1)[0]
    try:
        heads = set(_heads(first[:8192].decode("utf-8", "replace")))
    except csv.Error:
        return False
    return (
        heads >= _STATS
        or (
            bool(heads & set(_NAME))
            and bool(heads & {*_DEVICE, *_BEGIN, "dispatch_id"})
        )
        or ({"correlation_id", "start_timestamp"} <= heads)
        or ({"agent_type", "node_id"} <= heads)
    )


def read(source: Source) -> list[Profile]:
    """Read dispatches into one profile for each GPU, or sums into one.

    Parameters
    ----------
    source : Source
        The file.

    Raises
    ------
    ProfileError
        If it holds calls, counters or descriptions only, a time is not a number, or a line
        does not fit the heading.
    """
    path = source.path
    text = read_text(path, source.content(), as_table=True)
    heads = _heads(text.split("\n", 1)[0])
    if source.steps.mark:
        raise ProfileError(
            f"{path} holds no range that {source.steps.mark!r} could be",
            "say how many steps it holds: --trace-steps N",
            code="profile.steps",
        )
    if set(heads) >= _STATS:
        return [_of_sums(source, _rows(path, text, heads))]
    if not set(heads) & {*_NAME, "direction"}:
        content = (
            "describes the machine"
            if "agent_type" in heads
            else "holds calls of HIP or HSA"
            if "function" in heads
            else f"is not a csv of rocprof with kernels: it has {', '.join(heads[:6])}"
        )
        raise ProfileError(
            f"{path} {content}", f"take the kernel_trace.csv beside it; {_HINT}"
        )
    if not set(heads) & set(_BEGIN) or not set(heads) & set(_END):
        raise ProfileError(
            f"{path} holds counters, and no times",
            f"rocprof --timestamp on, or {_HINT}",
            code="profile.not-a-profile",
        )
    return _of_dispatches(source, _rows(path, text, heads))


Row = Mapping[str, str]


def _rows(path: Path, text: str, heads: list[str]) -> Iterator[tuple[int, Row]]:
    """Lines with their fields by heading."""
    csv.field_size_limit(_LONGEST_FIELD)
    rows = csv.reader(io.StringIO(text))
    try:
        next(rows)
        for row in rows:
            if not any(c.strip() for c in row):
                continue
            if len(row) != len(heads):
                raise ProfileError(
                    f"{path}, line {rows.line_num}: {len(row)} fields where the header "
                    f"has {len(heads)}",
                    "the file breaks off; copy it again",
                    code="profile.damaged",
                )
            yield rows.line_num, dict(zip(heads, row, strict=True))
    except csv.Error as e:
        raise ProfileError(
            f"{path}, line {rows.line_num}: no csv: {e}", _HINT, code="profile.damaged"
        ) from e


def _number(path: Path, line: int, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise ProfileError(
            f"{path}, line {line}: {cell!r} is not a number of ns",
            _HINT,
            code="profile.bad-value",
        ) from None
    if not math.isfinite(value) or value < 0:
        raise ProfileError(
            f"{path}, line {line}: a time of {cell} ns", _HINT, code="profile.bad-value"
        )
    return value


def _of_sums(source: Source, rows: Iterator[tuple[int, Row]]) -> Profile:
    path = source.path
    sums: list[KernelSum] = []
    calls = packets = domains = 0
    for line, row in rows:
        name = row.get("name") or row.get("kernel_name") or ""
        if is_call(name):
            calls += 1
        elif is_packet(name):
            packets += 1
        elif is_domain(name):
            domains += 1
        else:
            time = _number(path, line, row["totaldurationns"]) * _NS
            copy = copy_name(name)
            runs = _number(path, line, row["calls"]) if row.get("calls") else None
            sums.append(KernelSum(copy or kernel_name(name), time, copy is None, runs))
    if not any(s.time_us > 0 for s in sums):
        content = (
            "calls of HIP or HSA"
            if calls
            else "sums of kinds of events"
            if domains
            else "no line"
        )
        raise ProfileError(
            f"{path} holds no kernel, but {content}",
            f"take the kernel_stats.csv or results.stats.csv beside it; {_HINT}",
            code="profile.no-gpu-work",
        )
    notes = []
    if calls:
        notes.append(f"{calls} rows are calls of HIP or HSA, the host's time; left out")
    if packets:
        notes.append(_PACKETS)
    if not any(s.kernel for s in sums):
        notes.append("it holds copies and no kernel")
    share = StepShare(1, None, (_ONE_STEP,))
    if n := source.steps.count:
        note = f"the sums are taken for {n} steps of equal length"
        share = StepShare(n, None, (Reason(note, informs=True),))
    names = set(_agents(path)[0].values())
    device = next(iter(names)) if len(names) == 1 else NO_NAME
    if not names:
        notes.append(UNNAMED)
    return profile_of_sums(
        sums, share, source=str(path), device=device, notes=notes, choice=source.steps
    )


_ONE_STEP = "statistics mark no steps: everything is taken for one step"
_PACKETS = Reason("barriers between kernels are not work; left out", informs=True)


def _of_dispatches(source: Source, rows: Iterator[tuple[int, Row]]) -> list[Profile]:
    path = source.path
    trace = DeviceTrace(path, "roctx")
    dispatches: set[tuple[str, str]] = set()
    packets = repeated = kernels = 0
    for line, row in rows:
        name = row.get("kernel_name") or row.get("kernelname") or ""
        copy = copy_name(row["direction"]) or "Memcpy" if "direction" in row else None
        if is_packet(name):
            packets += 1
            continue
        if "counter_name" in row and row.get("dispatch_id"):
            # one line for each counter
            key = (row.get("process_id", ""), row["dispatch_id"])
            if key in dispatches:
                repeated += 1
                continue
            dispatches.add(key)
        begin, end = (
            _number(path, line, next(row[c] for c in names if c in row)) * _NS
            for names in (_BEGIN, _END)
        )
        agents = ("destination_agent_id", "source_agent_id") if copy else _DEVICE
        place = next((row[c] for c in agents if row.get(c)), "0")
        if copy == "Memcpy DtoH" and row.get("source_agent_id"):
            place = row["source_agent_id"]
        kernels += copy is None
        trace.add(
            copy or kernel_name(name),
            begin,
            end,
            device=_agent(place),
            kernel=copy is None,
        )
    if not len(trace):
        raise ProfileError(f"{path} holds no kernel", _HINT, code="profile.no-gpu-work")
    notes: list[str] = []
    if packets:
        notes.append(_PACKETS)
    if repeated:
        notes.append(
            "counters were read while it ran, for which kernels are run apart: they "
            "take longer than without, and nothing overlaps"
        )
    if not kernels:
        notes.append("it holds copies and no kernel")
    by_node, by_logical = _agents(path)
    only = (
        next(iter(set(by_node.values()))) if len(set(by_node.values())) == 1 else None
    )
    names = {
        place: by_node.get(place[1]) or by_logical.get(place[1]) or only or NO_NAME
        for place in trace.places
    }
    if NO_NAME in names.values():
        notes.append(UNNAMED)
    return trace.profiles({}, source.steps, NamedDevices(names), notes=tuple(notes))


def _agent(cell: str) -> int:
    """Number of an agent: ``4``, ``Agent 4`` or ``GPU-0``."""
    digits = re.search(r"\d{1,9}\s*$", cell.strip())
    return int(digits[0]) if digits else 0


def _agents(path: Path) -> tuple[dict[int, str], dict[int, str]]:
    """Names of GPUs by their two numbers, where rocprofv3's file of agents exists."""
    beside = path.with_name(_AGENT_INFO.sub("_agent_info.csv", path.name))
    if beside == path or not beside.is_file():
        return {}, {}
    text = read_text(beside, Source(beside).content())
    by_node: dict[int, str] = {}
    by_logical: dict[int, str] = {}
    for _, row in _rows(beside, text, _heads(text.split("\n", 1)[0])):
        name = marketing_name(row.get("product_name"), row.get("name"))
        if row.get("agent_type", "").upper() == "GPU" and name:
            by_node[_agent(row.get("node_id", ""))] = name
            by_logical[_agent(row.get("logical_node_id", ""))] = name
    return by_node, by_logical
