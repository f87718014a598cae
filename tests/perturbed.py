"""Traces changed in ways that happen: to events, ids, times and bytes."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["CHANGES", "changed", "cuts"]

Events = list[dict[str, Any]]


def _shuffled(events: Events, draw: random.Random) -> Events:
    return draw.sample(events, len(events))


def _first_half(events: Events, draw: random.Random) -> Events:
    return events[: len(events) // 2]


def _second_half(events: Events, draw: random.Random) -> Events:
    return events[len(events) // 2 :]


def _other_devices(events: Events, draw: random.Random) -> Events:
    by = draw.randint(1, 9)

    def moved(e: dict[str, Any]) -> dict[str, Any]:
        args = e.get("args")
        if not isinstance(args, dict) or not isinstance(args.get("device"), int):
            return e
        return {**e, "args": {**args, "device": args["device"] + by}}

    return [moved(e) for e in events]


def _no_names(events: Events, draw: random.Random) -> Events:
    work = ("kernel", "gpu_memcpy", "gpu_memset")
    return [
        {**e, "name": ""} if str(e.get("cat")).lower() in work else e for e in events
    ]


def _no_ids(events: Events, draw: random.Random) -> Events:
    lost = ("correlation", "External id", "external id")
    return [
        {**e, "args": {k: v for k, v in e["args"].items() if k not in lost}}
        if isinstance(e.get("args"), dict)
        else e
        for e in events
    ]


def _in_nanoseconds(events: Events, draw: random.Random) -> Events:
    return [
        {
            k: v * 1000 if k in ("ts", "dur") and isinstance(v, int | float) else v
            for k, v in e.items()
        }
        for e in events
    ]


def _nested(events: Events, draw: random.Random) -> Events:
    """Each step is opened and never closed: all end with the last."""
    steps = [e for e in events if str(e.get("name")).startswith("ProfilerStep")]
    if not steps:
        return events
    end = max(e["ts"] + e.get("dur", 0) for e in steps)
    named = {id(e) for e in steps}
    return [{**e, "dur": end - e["ts"]} if id(e) in named else e for e in events]


def _gap(events: Events, draw: random.Random) -> Events:
    """An hour of nothing in the middle."""
    times = sorted(e["ts"] for e in events if isinstance(e.get("ts"), int | float))
    if not times:
        return events
    middle = times[len(times) // 2]
    return [
        {**e, "ts": e["ts"] + 3.6e9}
        if isinstance(e.get("ts"), int | float) and e["ts"] >= middle
        else e
        for e in events
    ]


def _no_steps(events: Events, draw: random.Random) -> Events:
    return [e for e in events if not str(e.get("name")).startswith("ProfilerStep")]


def _thinned(events: Events, draw: random.Random) -> Events:
    """A tenth of the GPU's events is lost."""
    return [
        e
        for e in events
        if str(e.get("cat")).lower() != "kernel" or draw.random() > 0.1
    ]


CHANGES: dict[str, Callable[[Events, random.Random], Events]] = {
    "shuffled": _shuffled,
    "first-half": _first_half,
    "second-half": _second_half,
    "other-devices": _other_devices,
    "no-names": _no_names,
    "no-ids": _no_ids,
    "nanoseconds": _in_nanoseconds,
    "nested": _nested,
    "gap": _gap,
    "no-steps": _no_steps,
    "thinned": _thinned,
}


def changed(content: bytes, change: str, seed: int) -> bytes:
    """A trace after one change; packed or not as it was given, unpacked after."""
    raw = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    document = json.loads(raw, strict=False)
    events = document if isinstance(document, list) else document["traceEvents"]
    after = CHANGES[change](events, random.Random(seed))
    if isinstance(document, list):
        return json.dumps(after).encode()
    return json.dumps({**document, "traceEvents": after}).encode()


def cuts(content: bytes, n: int, seed: int) -> Iterator[bytes]:
    """The file broken off at some places."""
    draw = random.Random(seed)
    for _ in range(n):
        yield content[: draw.randrange(len(content) // 20, len(content))]
