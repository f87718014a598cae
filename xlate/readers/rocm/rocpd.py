"""AMD's rocpd: the database that rocprofv3 writes where no other format is requested.

Kernels, copies and ranges are in separate tables, whose names end with the recording's
id; their columns hold ids of names and of agents (written from the schema, version 3,
without a real file). A launch and its kernel share the id of their stack.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from xlate.errors import ProfileError
from xlate.readers.nsight.nsys_database import NsysDatabase, opened
from xlate.readers.rocm.rocprof_names import (
    NO_NAME,
    UNNAMED,
    copy_name,
    is_call,
    is_packet,
    kernel_name,
    marketing_name,
)
from xlate.readers.source import Source
from xlate.readers.traces.device_trace import DeviceTrace, NamedDevices
from xlate.readers.traces.marks import Range, steps_of
from xlate.values.profile import Profile

__all__ = ["is_rocpd", "profiles", "read", "sniff"]

MAGIC = b"SQLite format 3\x00"
_KERNELS = "rocpd_kernel_dispatch"
_NS = 1e-3
_HINT = "rocprofv3 --kernel-trace --marker-trace --output-format rocpd -- PROGRAM"
#: category of ranges that a program marks (roctx)
_MARKER = re.compile(r"MARKER", re.IGNORECASE)
#: columns that are read of agents, kernels, copies and ranges
_AGENT = ("id", "type", "product_name", "model_name", "name")
_DISPATCH = ("pid", "agent_id", "kernel_id", "start", "end", "event_id")
_COPY = ("pid", "src_agent_id", "dst_agent_id", "name_id", "start", "end", "event_id")
_REGION = ("pid", "tid", "start", "end", "name_id", "event_id")


def sniff(head: bytes) -> bool:
    """Whether the head of a file is that of a database with tables of rocpd."""
    return head.startswith(MAGIC) and b"rocpd_" in head


def read(source: Source) -> list[Profile]:
    """One profile for each process and GPU.

    Parameters
    ----------
    source : Source
        The database, packed or not; it is opened read-only.

    Raises
    ------
    ProfileError
        If it is damaged, of another version, or holds no kernel.
    """
    with opened(source) as tables:
        return profiles(source, tables)


def is_rocpd(tables: NsysDatabase) -> bool:
    """Whether a database is one of rocprofv3."""
    return any(n.startswith("rocpd_") for n in tables.names)


def profiles(source: Source, tables: NsysDatabase) -> list[Profile]:
    """The profiles of an opened database; as :func:`read`."""
    trace = DeviceTrace(source.path, "roctx")
    names: dict[tuple[int, int], str] = {}
    ranges: list[Range] = []
    recordings = sorted(
        n.removeprefix(_KERNELS) for n in tables.names if n.startswith(_KERNELS)
    )
    for number, suffix in enumerate(recordings):
        recording = _Recording.of(tables, suffix)
        # ids of processes repeat from recording to recording
        first = number << 16
        _fill(trace, recording, first)
        ranges += _markers(recording, first)
        names |= {
            (process, device): name
            for process, device in trace.places
            if process >> 16 == number and (name := recording.gpus.get(device))
        }
    if not len(trace):
        raise ProfileError(
            f"{source.path} holds no kernel dispatch", _HINT, code="profile.no-gpu-work"
        )
    marks = (
        {}
        if source.steps.count
        else steps_of(source.path, ranges, source.steps.mark, trace.asked, "roctx")
    )
    unnamed = any(k not in names for k in trace.places)
    named = {k: names.get(k, NO_NAME) for k in trace.places}
    notes = (UNNAMED,) if unnamed else ()
    return trace.profiles(marks, source.steps, NamedDevices(named), notes=notes)


@dataclass(frozen=True)
class _Recording:
    """The tables of one recording, and the names behind their ids.

    Attributes
    ----------
    texts, symbols : dict of int to str
        Names by id, and names of kernels by id.
    gpus : dict of int to str or None
        Agents that are GPUs, with their names.
    stack : dict of int to int
        Event to the stack that it shares with its launch.
    category : dict of int to str
    message : dict of int to str
        Text of a marker, by event.
    """

    tables: NsysDatabase
    suffix: str
    texts: dict[int, str]
    symbols: dict[int, str]
    gpus: dict[int, str | None]
    stack: dict[int, int] = field(default_factory=dict)
    category: dict[int, str] = field(default_factory=dict)
    message: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, tables: NsysDatabase, suffix: str) -> _Recording:
        table = f"{_KERNELS}{suffix}"
        if not {"start", "end"} <= tables.columns(table):
            raise ProfileError(
                f"{tables.path}: {table} has no start and end: it is of a version of "
                "rocpd that xlate does not read",
                "rocpd convert --output-format csv -i FILE, and read the kernel trace",
                code="profile.not-a-profile",
            )
        texts = {
            i: str(t) for i, t in tables.rows(f"rocpd_string{suffix}", "id", "string")
        }
        symbols = {
            i: kernel_name(str(shown or name or f"kernel {i}"))
            for i, shown, name in tables.rows(
                f"rocpd_info_kernel_symbol{suffix}", "id", "display_name", "kernel_name"
            )
        }
        gpus = {
            i: marketing_name(product, model, name)
            for i, kind, product, model, name in tables.rows(
                f"rocpd_info_agent{suffix}", *_AGENT
            )
            if kind in ("GPU", None)
        }
        recording = cls(tables, suffix, texts, symbols, gpus)
        for event, stack, category, data in recording.rows(
            "event", "id", "stack_id", "category_id", "extdata"
        ):
            if isinstance(stack, int) and stack:
                recording.stack[event] = stack
            recording.category[event] = texts.get(category, "")
            if data and data != "{}":
                recording.message[event] = _message(data)
        return recording

    def rows(self, table: str, *wanted: str) -> Iterator[tuple[Any, ...]]:
        return self.tables.rows(f"rocpd_{table}{self.suffix}", *wanted)

    def time(self, table: str, value: Any) -> float:
        """µs of a time."""
        return self.tables.time(f"rocpd_{table}{self.suffix}", value) * _NS


def _message(data: Any) -> str:
    """The value of ``message`` in an event's further data."""
    try:
        document = json.loads(data)
    except (TypeError, ValueError):
        return ""
    return str(document.get("message") or "") if isinstance(document, dict) else ""


def _fill(trace: DeviceTrace, recording: _Recording, first: int) -> None:
    """Kernels and copies, with the time of their launch where a call shares their stack."""
    launched: dict[tuple[int, int], list[float]] = {}
    for pid, start, event in recording.rows("region", "pid", "start", "event_id"):
        stack = recording.stack.get(event)
        if stack is not None and not _MARKER.search(recording.category.get(event, "")):
            launched.setdefault((pid, stack), []).append(
                recording.time("region", start)
            )

    def asked(pid: int, event: int, start: float) -> float | None:
        calls = launched.get((pid, recording.stack.get(event, 0)), [])
        return calls[0] if len(calls) == 1 and calls[0] <= start else None

    for pid, agent, kernel, begin, end, event in recording.rows(
        "kernel_dispatch", *_DISPATCH
    ):
        name = recording.symbols.get(kernel, f"kernel {kernel}")
        if is_packet(name):
            continue
        start, stop = (
            recording.time("kernel_dispatch", begin),
            recording.time("kernel_dispatch", end),
        )
        trace.add(
            name,
            start,
            stop,
            device=_place(agent),
            process=first + _place(pid),
            asked=asked(pid, event, start),
        )
    for pid, source, target, text, begin, end, event in recording.rows(
        "memory_copy", *_COPY
    ):
        start, stop = (
            recording.time("memory_copy", begin),
            recording.time("memory_copy", end),
        )
        agent = target if target in recording.gpus else source
        copy = copy_name(recording.texts.get(text, "")) or "Memcpy"
        trace.add(
            copy,
            start,
            stop,
            device=_place(agent),
            process=first + _place(pid),
            asked=asked(pid, event, start),
            kernel=False,
        )


def _place(value: Any) -> int:
    return value if isinstance(value, int) and 0 <= value < 1 << 16 else 0


def _markers(recording: _Recording, first: int) -> list[Range]:
    """Ranges that the program marked."""
    ranges = []
    for pid, tid, start, end, text, event in recording.rows("region", *_REGION):
        if not _MARKER.search(recording.category.get(event, "")):
            continue
        name = recording.message.get(event) or recording.texts.get(text, "")
        if name and not is_call(name):
            begin, stop = recording.time("region", start), recording.time("region", end)
            ranges.append(Range(name, begin, stop, first + _place(pid), _place(tid)))
    return ranges
