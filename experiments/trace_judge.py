"""What a trace holds, read the slow obvious way: the judge of :mod:`experiments.real_files`.

Nothing of ``xlate.readers`` is imported: what both read alike was read twice.
"""

from __future__ import annotations

import contextlib
import json
import re
import zlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

__all__ = [
    "MOST_MARKS",
    "Candidate",
    "Event",
    "Side",
    "Truth",
    "candidates_of",
    "in_trace",
    "union_us",
    "unpacked",
]

#: categories of GPU work, lower case: PyTorch up to 1.11 wrote capitals
GPU_WORK = ("kernel", "gpu_memcpy", "gpu_memset", "memcpy", "memset")
LAUNCHES = ("cuda_runtime", "cuda_driver", "hip_runtime", "runtime")
RANGES = ("user_annotation", "cpu_op", "operator", "python_function")
#: runtime calls that ask for a kernel
LAUNCH = re.compile(r"Launch(?:Cooperative)?Kernel|LaunchKernelEx", re.IGNORECASE)
#: a range that may be a step where there is one alone
STEP_NAME = re.compile(r"ProfilerStep|step|iter", re.IGNORECASE)
#: share of a step's launches that must have their kernel
COMPLETE = 0.95
#: an operation that holds a launch so often in a row always launches something
STRETCH = 10
#: marks that a step may begin with are fewer than this
MOST_MARKS = 5000

#: moments at which the host asked for work, and whether the file holds that work
Asked = list[tuple[float, bool]]


@dataclass(frozen=True)
class Event:
    """GPU work, µs; ``asked`` is when the host asked for it, where the file says so."""

    start: float
    end: float
    asked: float
    kernel: bool = True


@dataclass(frozen=True)
class Candidate:
    """What may be taken for a step: its length and the device's work in it, µs."""

    label: str
    step_us: float | None
    busy_us: float


@dataclass(frozen=True)
class Side:
    """One GPU of a file; ``names`` are what the file calls it, empty where it does not."""

    number: int | None
    names: tuple[str, ...]
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class Truth:
    """What an independent reading of a file says.

    Attributes
    ----------
    format : str
        Of the file, by its content.
    sides : tuple of Side
        GPUs with work.
    refuse : str
        Why a reader must refuse the file or find no GPU work; empty where it must read.
    unknown : str
        Why this judge cannot tell what is right; empty where it can.
    power_w : float or None
        Mean power of a meter's recording.
    """

    format: str
    sides: tuple[Side, ...] = ()
    refuse: str = ""
    unknown: str = ""
    power_w: float | None = None
    notes: tuple[str, ...] = field(default=())


def unpacked(path: Path) -> bytes:
    """The bytes of a file; of a gzip that breaks off, what can be unpacked."""
    raw = path.read_bytes()
    out = b""
    while raw[:2] == b"\x1f\x8b":
        inflate = zlib.decompressobj(wbits=31)
        out += inflate.decompress(raw)
        raw = inflate.unused_data if inflate.eof else b""
        if not raw:
            return out
    return out + raw


def union_us(spans: Iterable[tuple[float, float]]) -> float:
    """Length of the union of intervals."""
    total, reach = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reach))
        reach = max(reach, end)
    return total


def in_trace(text: str) -> Truth:
    """Judge a Chrome trace: PyTorch's, or TensorFlow's of TensorBoard."""
    document, complete = _loaded(text)
    events = document if isinstance(document, list) else document.get("traceEvents")
    if not isinstance(events, list):
        return Truth("json", unknown="no list of events")
    events = [e for e in events if isinstance(e, dict)]
    named = {
        e.get("pid"): str((e.get("args") or {}).get("name", ""))
        for e in events
        if e.get("ph") == "M" and e.get("name") == "process_name"
    }
    if any("/device:" in n or "/host:" in n for n in named.values()):
        return _tensorflow(events, named)
    spans = [e for e in events if e.get("ph") == "X" and "dur" in e]
    cats = {str(e.get("cat", "")).lower() for e in spans}
    if not cats & {*GPU_WORK, *LAUNCHES, *RANGES}:
        if isinstance(document, list) and spans:
            return Truth("autograd trace", refuse="no GPU kernel was recorded")
        return Truth("json", unknown="no event of a profiler that is known here")
    listed = document.get("deviceProperties") if isinstance(document, dict) else None
    return _kineto(spans, listed or [], complete)


def _loaded(text: str) -> tuple[Any, bool]:
    """The document, and whether it is whole: else its events up to where it breaks off."""
    try:
        return json.loads(text, strict=False), True
    except ValueError:
        pass
    decoder = json.JSONDecoder(strict=False)
    match = re.search(r'"traceEvents"\s*:\s*\[', text)
    at = match.end() if match else text.find("[") + 1
    events = []
    while True:
        at = re.compile(r"[\s,]*").match(text, at).end()  # type: ignore[union-attr]
        try:
            event, at = decoder.raw_decode(text, at)
        except ValueError:
            break
        events.append(event)
    head = re.search(r'"deviceProperties"\s*:\s*', text)
    listed = []
    if head:
        with contextlib.suppress(ValueError):
            listed = decoder.raw_decode(text, head.end())[0]
    return {"traceEvents": events, "deviceProperties": listed}, False


def _span(e: dict[str, Any]) -> tuple[float, float]:
    start = float(e["ts"])
    return start, start + float(e["dur"])


def _kineto(spans: list[dict[str, Any]], listed: list[Any], complete: bool) -> Truth:
    """PyTorch's trace."""
    launches: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for e in spans:
        if str(e.get("cat")).lower() in LAUNCHES:
            launches[(e.get("args") or {}).get("correlation")].append(e)
    sides: dict[tuple[Any, Any], list[Event]] = defaultdict(list)
    recorded = set()
    for e in spans:
        if str(e.get("cat")).lower() not in GPU_WORK:
            continue
        args = e.get("args") or {}
        start, end = _span(e)
        asked = launches.get(args.get("correlation"), [])
        pid, at = (
            (asked[0].get("pid"), float(asked[0]["ts"]))
            if len(asked) == 1
            else (None, start)
        )
        recorded.add(args.get("correlation"))
        kernel = "kernel" in str(e.get("cat")).lower()
        sides[args.get("device", e.get("pid")), pid].append(
            Event(start, end, at, kernel)
        )
    if not sides:
        return Truth("kineto", refuse="no GPU work was recorded")
    by_gpu: dict[Any, list[Event]] = defaultdict(list)
    pids: dict[Any, set[Any]] = defaultdict(set)
    for (gpu, pid), work in sides.items():
        by_gpu[gpu] += work
        pids[gpu] |= {pid} - {None}
    asked_for: list[Asked] = [] if complete else _asked(spans, launches, recorded)
    judged = []
    for gpu, work in by_gpu.items():
        if any(w.kernel for w in by_gpu[gpu]) or len(by_gpu) == 1:
            marks = _marks_of(spans, pids[gpu])
            candidates = candidates_of(work, marks, asked_for)
            judged.append(Side(gpu, _names(listed, gpu), tuple(candidates)))
    if not complete and not any(s.candidates for s in judged):
        why = "it breaks off, and no step has its kernels"
        return Truth("kineto", tuple(judged), refuse=why)
    several = tuple(
        f"GPU {g} of {len(p)} processes" for g, p in pids.items() if len(p) > 1
    )
    return Truth("kineto", tuple(judged), notes=several)


def _asked(
    spans: list[dict[str, Any]],
    launches: dict[Any, list[dict[str, Any]]],
    recorded: set[Any],
) -> list[Asked]:
    """What a file that breaks off shows was asked for, and whether its kernel is there.

    Launches may be lost with their kernels: then operations of a name that launches
    something elsewhere show it.
    """
    calls = [
        (float(e["ts"]), _id(e, "correlation") in recorded)
        for group in launches.values()
        for e in group
        if LAUNCH.search(str(e.get("name")))
    ]
    at: dict[Any, list[float]] = defaultdict(list)
    for group in launches.values():
        for e in group:
            at[e.get("pid"), e.get("tid")].append(float(e["ts"]))
    at = {thread: sorted(times) for thread, times in at.items()}
    host = [e for e in spans if str(e.get("cat")).lower() in ("cpu_op", "operator")]
    launching = [
        _launches_inside(e, at.get((e.get("pid"), e.get("tid")), [])) for e in host
    ]
    calls_of: dict[tuple[Any, ...], list[bool]] = defaultdict(list)
    for e, has in zip(host, launching, strict=True):
        calls_of[e.get("pid"), e.get("tid"), str(e.get("name"))].append(has)
    # launches are not written in order of time: some stretch of calls is whole
    names = {name for (*_, name), has in calls_of.items() if _stretch(has) >= STRETCH}
    operations = [
        (float(e["ts"]), has)
        for e, has in zip(host, launching, strict=True)
        if str(e.get("name")) in names
    ]
    return [calls, operations]


def _id(e: dict[str, Any], name: str) -> Any:
    args = e.get("args") or {}
    return args.get(name, args.get(name.lower()))


def _stretch(has: Sequence[bool]) -> int:
    """Most successive calls that each hold a launch."""
    return max((len(list(g)) for k, g in groupby(has) if k), default=0)


def _launches_inside(e: dict[str, Any], times: list[float]) -> bool:
    start, end = _span(e)
    place = bisect_left(times, start)
    return place < len(times) and times[place] <= end


def _names(listed: list[Any], gpu: Any) -> tuple[str, ...]:
    """What the file calls a GPU: the entry of its number, else the one name of all."""
    entries = [d for d in listed if isinstance(d, dict) and d.get("name")]
    own = [str(d["name"]).strip() for d in entries if str(d.get("id")) == str(gpu)]
    every = {str(d["name"]).strip() for d in entries}
    return tuple(own[:1] or (every if len(every) == 1 else ()))


def _marks_of(
    spans: list[dict[str, Any]], pids: set[Any]
) -> dict[str, list[tuple[float, float]]]:
    """Ranges that may be steps, by their names without numbers."""
    marks: dict[str, list[tuple[float, float]]] = defaultdict(list)
    steps_of = {
        e.get("pid")
        for e in spans
        if str(e.get("name")).startswith("ProfilerStep") and str(e.get("cat")) in RANGES
    }
    # steps of one process that launched nothing are of the one that did
    pids = steps_of if len(steps_of) == 1 else pids
    for e in spans:
        name, cat = str(e.get("name", "")), str(e.get("cat", "")).lower()
        of = e.get("pid") in pids or not pids
        range_ = cat == "user_annotation" or (
            cat in RANGES and name.startswith(("ProfilerStep", "Optimizer.step"))
        )
        if of and (range_ or re.search(r"GraphLaunch", name)):
            marks[re.sub(r"\d+", "#", name)].append(_span(e))
    steps = {k: sorted(v) for k, v in marks.items() if k.startswith("ProfilerStep")}
    return steps or {k: sorted(v) for k, v in marks.items() if len(v) <= MOST_MARKS}


def candidates_of(
    work: Sequence[Event],
    marks: dict[str, list[tuple[float, float]]],
    asked_for: Sequence[Asked],
) -> list[Candidate]:
    """Steps that a file may be said to hold; of marked steps, only those."""
    candidates = []
    for label, spans in marks.items():
        if len(spans) < 2 and not STEP_NAME.match(label):
            continue
        starts = sorted({s for s, _ in spans})
        end = max(max(w.end for w in work), spans[-1][1])
        to_next = [*pairwise(starts), (starts[-1], end)]
        for of, how in ((spans, ""), (to_next, ", start to start")):
            for begin, stop in of:
                if asked_for and not _complete(asked_for, begin, stop):
                    continue
                candidates += _of_span(work, f"{label}{how}", begin, stop)
    if not any(label.startswith("ProfilerStep") for label in marks):
        begin, end = min(w.start for w in work), max(w.end for w in work)
        if not asked_for or _complete(asked_for, float("-inf"), float("inf")):
            busy = union_us((w.start, w.end) for w in work)
            candidates.append(Candidate("the whole recording", end - begin, busy))
    return candidates


def _of_span(
    work: Sequence[Event], label: str, begin: float, stop: float
) -> list[Candidate]:
    """A span of the host as a step: its work by when it was asked for, and by when it ran."""
    asked = [w for w in work if begin <= w.asked < stop]
    ran = [
        (max(w.start, begin), min(w.end, stop))
        for w in work
        if w.start < stop and w.end > begin
    ]
    length = stop - begin
    if not asked and not ran:
        return []
    candidates = [Candidate(label, length, union_us(ran))]
    if asked:
        busy = union_us((w.start, w.end) for w in asked)
        candidates.append(Candidate(label, length, min(busy, length)))
        first = min(w.start for w in asked)
        later = [w.start for w in work if w.asked >= stop]
        until = min(later) if later else max(w.end for w in asked)
        if until > first and busy > length:
            # the host ran ahead: the device's own time from step to step
            candidates.append(
                Candidate(
                    f"{label}, on the GPU", until - first, min(busy, until - first)
                )
            )
    return candidates


def _complete(asked_for: Sequence[Asked], begin: float, stop: float) -> bool:
    """Whether the kernels of nearly all that was asked for in a span are in the file."""
    for asked in asked_for:
        inside = [kept for at, kept in asked if begin <= at < stop]
        if inside and sum(inside) < COMPLETE * len(inside):
            return False
    return True


def _tensorflow(events: list[dict[str, Any]], named: dict[Any, str]) -> Truth:
    """TensorBoard's trace viewer: lines of a GPU are its steps and its streams."""
    lines = {
        (e.get("pid"), e.get("tid")): str((e.get("args") or {}).get("name", ""))
        for e in events
        if e.get("ph") == "M" and e.get("name") == "thread_name"
    }
    spans = [e for e in events if e.get("ph") == "X" and "dur" in e]
    sides = []
    for pid, name in named.items():
        number = re.search(r"/device:GPU:(\d+)", name)
        if not number:
            continue
        work, steps = [], []
        for e in spans:
            line = lines.get((pid, e.get("tid")), "") if e.get("pid") == pid else ""
            start, end = _span(e)
            if line.startswith("Stream"):
                work.append(Event(start, end, start))
            elif line == "Steps":
                steps.append((start, end))
        if not work:
            continue
        candidates = [c for a, b in steps for c in _of_span(work, "Steps", a, b)]
        # of one step the host may ask for work that runs behind it
        begin, end = min(w.start for w in work), max(w.end for w in work)
        if not steps:
            busy = union_us((w.start, w.end) for w in work)
            candidates = [Candidate("the whole recording", end - begin, busy)]
        sides.append(Side(int(number[1]), (), tuple(candidates)))
    if not sides:
        return Truth("tensorflow trace", refuse="no GPU work was recorded")
    return Truth("tensorflow trace", tuple(sides))
