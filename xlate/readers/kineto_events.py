"""What is kept of a Kineto trace's events: arrays of GPU work, of host work, of steps."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from xlate.errors import ProfileError
from xlate.readers.chrome import Args, Event
from xlate.readers.launches import COPY, FILL, KERNEL, LAUNCH, OPERATION, REGION

__all__ = ["Collected"]

#: categories of GPU work, those of PyTorch 1.11 and before in capitals
_DEVICE = {
    "kernel": KERNEL, "concurrent_kernel": KERNEL, "Kernel": KERNEL,
    "gpu_memcpy": COPY, "Memcpy": COPY, "gpu_memset": FILL, "Memset": FILL,
}  # fmt: skip
#: and of the host's
_HOST = {
    "cpu_op": OPERATION, "Operator": OPERATION, "operator": OPERATION,
    "cuda_runtime": LAUNCH, "cuda_driver": LAUNCH, "runtime": LAUNCH, "Runtime": LAUNCH,
    "hip_runtime": LAUNCH, "hip_driver": LAUNCH, "xpu_runtime": LAUNCH, "xpu_driver": LAUNCH,
    "privateuse1_runtime": LAUNCH, "privateuse1_driver": LAUNCH,
    "user_annotation": REGION, "UserAnnotation": REGION,
}  # fmt: skip
_STEP = re.compile(r"ProfilerStep\s*#\s*(\d{1,18})$")
#: operations of PyTorch before 1.12; what else it called so are annotations
_OLD_OPERATION = re.compile(r"::|Backward")
_NOTHING = Args()
_HUGE = 2**62


class Collected:
    """What is kept of a trace, in arrays.

    Attributes
    ----------
    names, pids, types : dict
        What is written there, to its number; types as the JSON of an operation's inputs.
    kernel : dict of array
        ``start, dur`` (µs), ``name, corr, ext, device, kind`` of each event on a GPU.
    host : dict of array
        ``start, dur`` (µs), ``name, corr, ext, pid, tid, kind, types`` of each on the host.
    steps : list of tuple
        Process, number, start and length (µs) of each ``ProfilerStep``.
    categories : dict of str to int
        Events of categories that are not kept.
    peak_bytes : float
        Most memory allocated on a GPU; 0 where not recorded.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names: dict[str, int] = {}
        self.pids: dict[Any, int] = {}
        self.types: dict[bytes, int] = {b"": 0}
        self.kernel = _arrays("start dur", "name corr ext device kind")
        self.host = _arrays("start dur", "name corr ext pid tid kind types")
        # looked up once, since each is called for every event
        self._put_kernel = {n: a.append for n, a in self.kernel.items()}
        self._put_host = {n: a.append for n, a in self.host.items()}
        self.steps: list[tuple[int, int, float, float]] = []
        self.categories: dict[str, int] = {}
        self.peak_bytes = 0.0

    def take(self, events: Iterable[Event]) -> None:
        """Keep what matters of some events.

        Raises
        ------
        ProfileError
            If one begins or lasts as no event can.
        """
        for e in events:
            cat = e.cat
            if cat in _DEVICE:
                self._take_kernel(e, _DEVICE[cat])
            elif e.ph != "X" or cat == "gpu_user_annotation":
                self._count(cat)
                if isinstance(e.args, Args) and e.args.device_type == 1:
                    used = e.args.bytes_in_use
                    if isinstance(used, int | float):
                        self.peak_bytes = max(self.peak_bytes, float(used))
            elif isinstance(e.name, str) and e.name.startswith("ProfilerStep"):
                self._take_step(e)
            elif cat in _HOST:
                kind = _HOST[cat]
                if cat == "Operator" and not _OLD_OPERATION.search(str(e.name)):
                    kind = REGION
                self._take_host(e, kind)
            else:
                self._count(cat)

    def _take_step(self, e: Event) -> None:
        found = _STEP.match(e.name)
        if found:
            start, dur = self._span(e)
            self.steps.append((self._pid(e.pid), int(found[1]), start, dur))
        else:
            self._count(e.cat)

    def _take_kernel(self, e: Event, kind: int) -> None:
        put = self._put_kernel
        args = self._common(put, e)
        put["device"](_whole(args.device, e.pid))
        put["kind"](kind)

    def _take_host(self, e: Event, kind: int) -> None:
        put = self._put_host
        args = self._common(put, e)
        put["pid"](self.pids.setdefault(e.pid, len(self.pids)))
        put["tid"](hash(e.tid) & 0x7FFFFFFF)
        put["kind"](kind)
        types = 0
        if kind == OPERATION and args.types is not _NOTHING.types:
            types = self.types.setdefault(bytes(args.types), len(self.types))
        put["types"](types)

    def _common(self, put: dict[str, Callable[[Any], None]], e: Event) -> Args:
        """Keep what both sides have; the arguments, for what they do not."""
        start, dur = self._span(e)
        args = e.args if isinstance(e.args, Args) else _NOTHING
        put["start"](start)
        put["dur"](dur)
        name = e.name if isinstance(e.name, str) else str(e.name)
        put["name"](self.names.setdefault(name, len(self.names)))
        put["corr"](_whole(args.correlation))
        external = args.external
        put["ext"](_whole(args.external_old if external is None else external))
        return args

    def _count(self, kind: str | None) -> None:
        self.categories[kind or "none"] = self.categories.get(kind or "none", 0) + 1

    def _span(self, e: Event) -> tuple[float, float]:
        try:
            start, dur = float(e.ts), float(e.dur)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            raise ProfileError(
                f"{self.path}: {e.name!r} begins at {e.ts!r} and takes {e.dur!r}",
                "times are numbers in µs; record the trace again",
            ) from None
        if not (dur >= 0 and abs(start) < 1e18 and dur < 1e15):
            raise ProfileError(
                f"{self.path}: {e.name!r} begins at {start:g} µs and takes {dur:g} µs",
                "no event is of negative or infinite length; record the trace again",
            )
        return start, dur

    def _pid(self, pid: Any) -> int:
        return self.pids.setdefault(pid, len(self.pids))


def _arrays(floats: str, ints: str) -> dict[str, array[Any]]:
    made: dict[str, array[Any]] = {n: array("d") for n in floats.split()}
    made |= {n: array("q") for n in ints.split()}
    # small numbers, of which there are as many as events
    made |= {n: array("i") for n in ("types", "kind") if n in made}
    return made


def _whole(*values: Any) -> int:
    """The first that is a whole number, else -1."""
    for value in values:
        if type(value) is int and -_HUGE < value < _HUGE:
            return value
        if isinstance(value, int | float) and abs(value) < _HUGE:
            return int(value)
        if isinstance(value, str) and value.isdecimal() and len(value) < 19:
            return int(value)
    return -1
