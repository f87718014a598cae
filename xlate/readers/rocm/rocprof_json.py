"""AMD's rocprof as JSON: the trace of rocprof v1 and v2, and rocprofv3's document.

The trace has one process for each GPU (``GPU0``), one for copies, and some for calls of
the host; the arguments hold times in ns as text, and ``otherData`` the agents.
rocprofv3's ``rocprofiler-sdk-tool`` holds records by kind, and tables of agents and
names (written from its documentation and its tests, without a real file).
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import msgspec

from xlate.errors import ProfileError
from xlate.readers.json_document import decoded
from xlate.readers.rocm.rocprof_names import (
    NO_NAME,
    UNNAMED,
    copy_name,
    is_packet,
    kernel_name,
    marketing_name,
)
from xlate.readers.source import Source
from xlate.readers.traces.device_trace import DeviceTrace, NamedDevices
from xlate.readers.traces.marks import Range, steps_of
from xlate.readers.traces.remnant import remnant
from xlate.values.profile import Profile
from xlate.values.reason import Reason

__all__ = ["read", "sniff"]

_NS = 1e-3
_TOOL = b'"rocprofiler-sdk-tool"'
_GPU = re.compile(r"GPU ?(\d+)$")
#: versions write a process's place among the others before its name: "1 GPU0", "0 COPY"
_PLACE = re.compile(r"^\d+ ")
#: what only rocprof writes into a trace: times in ns, and how it names processes
_ITS_TIMES = re.compile(rb'"BeginNs"\s*:')
_ITS_PROCESS = re.compile(
    rb'"name"\s*:\s*"(?:\d+ )?(?:CPU (?:HIP|HSA) API|GPU ?\d+|COPY|Markers and Ranges)"'
)
_HINT = "rocprofv3 --kernel-trace --output-format json -- PROGRAM"
#: type of an agent that is a GPU, in rocprofv3
_IS_GPU = 2


def sniff(head: bytes) -> bool:
    """Whether the head is that of rocprof's trace or of rocprofv3's document."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] != b"{":
        return False
    if _TOOL in head[:4096]:
        return True
    if b'"traceEvents"' not in head[:4096]:
        return False
    processes = {m[0] for m in _ITS_PROCESS.finditer(head)}
    return len(processes) + (_ITS_TIMES.search(head) is not None) >= 2


def read(source: Source) -> list[Profile]:
    """One profile for each GPU.

    Parameters
    ----------
    source : Source
        The file.

    Raises
    ------
    ProfileError
        If it cannot be read, holds no kernel, or a time is not a number.
    """
    raw = source.content()
    if _TOOL in source.head[:4096]:
        return _of_tool(source, raw)
    return _of_trace(source, raw)


# --- the trace of v1 and v2 ------------------------------------------------------------


class _Arguments(msgspec.Struct, gc=False):
    begin: Any = msgspec.field(default=None, name="BeginNs")
    end: Any = msgspec.field(default=None, name="EndNs")
    device: Any = msgspec.field(default=None, name="dev-id")
    process: Any = msgspec.field(default=None, name="pid")
    name: Any = None


class _Event(msgspec.Struct, gc=False):
    ph: str = ""
    name: Any = None
    pid: Any = None
    tid: Any = None
    ts: Any = None
    dur: Any = None
    args: _Arguments | str | list[Any] | None = None


class _Document(msgspec.Struct, gc=False):
    events: list[_Event] = msgspec.field(name="traceEvents", default_factory=list)
    other: Any = msgspec.field(name="otherData", default=None)


def _of_trace(source: Source, raw: bytes) -> list[Profile]:
    path = source.path
    document, cut = decoded(
        path, raw, _Document, begins=b"\n,{", close=b"]}", hint=_HINT
    )
    processes = {
        str(e.pid): _PLACE.sub("", str(e.args.name))
        for e in document.events
        if e.ph == "M" and isinstance(e.args, _Arguments)
    }
    trace = DeviceTrace(path, "roctx")
    ranges: list[Range] = []
    packets = 0
    for e in document.events:
        if e.ph != "X":
            continue
        process_name = processes.get(str(e.pid), "")
        gpu = _GPU.match(process_name)
        if (
            not gpu
            and process_name != "COPY"
            and not process_name.startswith("Markers")
        ):
            continue
        name = str(e.name)
        begin, end = _span(path, e, name)
        arguments = e.args if isinstance(e.args, _Arguments) else _Arguments()
        if process_name.startswith("Markers"):
            ranges.append(Range(name, begin, end, 0, hash(str(e.tid)) & 0xFFFF))
            continue
        if is_packet(name):
            packets += 1
            continue
        device = int(gpu[1]) if gpu else _int(arguments.device)
        copy = copy_name(name) if not gpu else None
        trace.add(
            copy or (kernel_name(name) if gpu else "Memcpy"),
            begin,
            end,
            device=device,
            kernel=bool(gpu),
        )
    if not len(trace):
        raise ProfileError(
            f"{path} holds no kernel and no copy of a GPU",
            _HINT,
            code="profile.no-gpu-work",
        )
    notes: list[str] = []
    if cut:
        notes.append(f"{path.name} breaks off; it was read up to where it is whole")
    if packets:
        notes.append(
            Reason("barriers between kernels are not work; left out", informs=True)
        )
    return _profiles(
        source, trace, ranges, _of_agents(document.other, trace), notes, cut=cut
    )


def _span(path: Path, event: _Event, name: str) -> tuple[float, float]:
    """Begin and end, µs; in ns where the arguments have them."""
    arguments = event.args
    if isinstance(arguments, _Arguments) and arguments.begin is not None:
        begin, end = (_time(path, name, v) for v in (arguments.begin, arguments.end))
        return begin * _NS, end * _NS
    begin = _time(path, name, event.ts)
    return begin, begin + _time(path, name, event.dur)


def _time(path: Path, name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or abs(number) > 1e19:
        raise ProfileError(
            f"{path}: {name!r} has a time of {value!r}",
            "record it again",
            code="profile.bad-value",
        )
    return number


def _int(value: Any) -> int:
    text = str(value)
    return int(text) if re.fullmatch(r"\d{1,9}", text) else 0


def _of_agents(other: Any, trace: DeviceTrace) -> dict[tuple[int, int], str]:
    """Names of GPUs from the output of rocminfo in the trace."""
    if not isinstance(other, dict):
        return {}
    agents: dict[str, dict[str, str]] = {}
    for key, value in other.items():
        match = re.match(r"(Agent\d+)\.(MarketingName|DeviceType|Node)$", str(key))
        if match:
            agents.setdefault(match[1], {})[match[2]] = str(value)
    gpus = [a for a in agents.values() if a.get("DeviceType", "").upper() == "GPU"]
    names = [n for a in gpus if (n := marketing_name(a.get("MarketingName")))]
    if len(names) != len(gpus) or not names:
        return {}
    by_node = {_int(a.get("Node")): n for a, n in zip(gpus, names, strict=True)}
    same = names[0] if len(set(names)) == 1 else None
    return {k: n for k in trace.places if (n := same or by_node.get(k[1]))}


# --- rocprofv3's document --------------------------------------------------------------


class _Agent(msgspec.Struct, gc=False):
    id: Any = None
    type: Any = None
    name: str | None = None
    product_name: str | None = None
    logical_node_id: Any = None


class _Symbol(msgspec.Struct, gc=False):
    kernel_id: Any = None
    formatted_kernel_name: str | None = None
    demangled_kernel_name: str | None = None
    kernel_name: str | None = None


class _Dispatch(msgspec.Struct, gc=False):
    kernel_id: Any = None
    agent_id: Any = None


class _Record(msgspec.Struct, gc=False):
    start: Any = msgspec.field(default=None, name="start_timestamp")
    end: Any = msgspec.field(default=None, name="end_timestamp")
    dispatch: _Dispatch | None = msgspec.field(default=None, name="dispatch_info")
    kind: Any = None
    operation: Any = None
    source_agent: Any = msgspec.field(default=None, name="src_agent_id")
    target_agent: Any = msgspec.field(default=None, name="dst_agent_id")
    thread: Any = msgspec.field(default=None, name="thread_id")
    correlation: Any = msgspec.field(default=None, name="correlation_id")


class _Records(msgspec.Struct, gc=False):
    kernel_dispatch: list[_Record] = msgspec.field(default_factory=list)
    memory_copy: list[_Record] = msgspec.field(default_factory=list)
    marker_api: list[_Record] = msgspec.field(default_factory=list)


class _Process(msgspec.Struct, gc=False):
    agents: list[_Agent] = msgspec.field(default_factory=list)
    symbols: list[_Symbol] | dict[str, _Symbol] = msgspec.field(
        default_factory=list, name="kernel_symbols"
    )
    records: _Records = msgspec.field(default_factory=_Records, name="buffer_records")
    strings: Any = None


class _Tool(msgspec.Struct, gc=False):
    processes: list[_Process] | _Process = msgspec.field(name="rocprofiler-sdk-tool")


def _of_tool(source: Source, raw: bytes) -> list[Profile]:
    path = source.path
    document, _ = decoded(path, raw, _Tool, begins=b"\x00", close=b"", hint=_HINT)
    listed = (
        document.processes
        if isinstance(document.processes, list)
        else [document.processes]
    )
    trace = DeviceTrace(path, "roctx")
    names: dict[tuple[int, int], str] = {}
    ranges: list[Range] = []
    for number, process in enumerate(listed):
        gpus = {_handle(a.id): a for a in process.agents if a.type in (_IS_GPU, "GPU")}
        at = {
            h: _int(a.logical_node_id) if a.logical_node_id is not None else k
            for k, (h, a) in enumerate(gpus.items())
        }
        for h, agent in gpus.items():
            name = marketing_name(agent.product_name, agent.name)
            if name:
                names[number, at[h]] = name
        _fill(trace, process, number, at)
        ranges += _markers(path, process, number)
    if not len(trace):
        raise ProfileError(
            f"{path} holds no kernel dispatch", _HINT, code="profile.no-gpu-work"
        )
    named = {k: n for k, n in names.items() if k in trace.places}
    return _profiles(source, trace, ranges, named, [])


def _fill(
    trace: DeviceTrace, process: _Process, number: int, at: dict[Any, int]
) -> None:
    symbols = process.symbols
    pairs = (
        symbols.items()
        if isinstance(symbols, dict)
        else [(s.kernel_id, s) for s in symbols]
    )
    named = {
        str(s.kernel_id if s.kernel_id is not None else key): kernel_name(
            s.formatted_kernel_name or s.demangled_kernel_name or s.kernel_name or ""
        )
        for key, s in pairs
    }
    for r in process.records.kernel_dispatch:
        info = r.dispatch or _Dispatch()
        name = named.get(str(info.kernel_id), f"kernel {info.kernel_id}")
        begin, end = (_time(trace.path, name, v) * _NS for v in (r.start, r.end))
        device = at.get(_handle(info.agent_id), 0)
        trace.add(name, begin, end, device=device, process=number)
    for r in process.records.memory_copy:
        source, target = _handle(r.source_agent), _handle(r.target_agent)
        directions = {
            (False, True): "HtoD",
            (True, False): "DtoH",
            (True, True): "DtoD" if source == target else "PtoP",
        }
        direction = directions.get((source in at, target in at))
        begin, end = (_time(trace.path, "a copy", v) * _NS for v in (r.start, r.end))
        place = at.get(target, at.get(source, 0))
        trace.add(
            f"Memcpy {direction}" if direction else "Memcpy",
            begin,
            end,
            device=place,
            process=number,
            kernel=False,
        )


def _handle(value: Any) -> Any:
    """An id: the file holds a number, or an object with its handle."""
    return value.get("handle") if isinstance(value, dict) else value


def _markers(path: Path, process: _Process, number: int) -> list[Range]:
    """Ranges of roctx, whose texts are listed by correlation id."""
    strings = process.strings if isinstance(process.strings, dict) else {}
    listed = strings.get("marker_api") or []
    texts = {
        str(s.get("key")): str(s.get("value")) for s in listed if isinstance(s, dict)
    }
    ranges = []
    for r in process.records.marker_api:
        corr = r.correlation
        key = corr.get("internal") if isinstance(corr, dict) else corr
        text = texts.get(str(key))
        if text:
            begin, end = (_time(path, text, v) * _NS for v in (r.start, r.end))
            ranges.append(Range(text, begin, end, number, _int(r.thread)))
    return ranges


def _profiles(
    source: Source,
    trace: DeviceTrace,
    ranges: list[Range],
    names: dict[tuple[int, int], str],
    notes: list[str],
    *,
    cut: bool = False,
) -> list[Profile]:
    marks = (
        {}
        if source.steps.count
        else steps_of(source.path, ranges, source.steps.mark, trace.asked, "roctx")
    )
    if cut and not marks and not source.steps.count:
        raise remnant(source.path)
    if any(k not in names for k in trace.places):
        notes = [*notes, UNNAMED]
        names = {k: names.get(k, NO_NAME) for k in trace.places}
    return trace.profiles(marks, source.steps, NamedDevices(names), notes=tuple(notes))
