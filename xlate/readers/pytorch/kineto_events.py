"""The events of a Kineto trace that are kept: arrays of GPU work, host work and steps."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xlate.errors import ProfileError
from xlate.readers.traces.chrome import Args, Event
from xlate.readers.traces.launches import COPY, FILL, KERNEL, LAUNCH, OPERATION, REGION

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
#: operations of PyTorch before 1.12; its other "Operator" events are annotations
_OLD_OPERATION = re.compile(r"::|Backward")
_NOTHING = Args()
_HUGE = 2**62
#: upper bounds, µs, of an event's start and of its length
_LATEST, _LONGEST = 1e18, 1e15
#: the fields that are kept of each event
_OF_KERNEL = ("start", "dur", "name", "corr", "ext", "device", "kind")
_OF_HOST = ("start", "dur", "name", "corr", "ext", "pid", "tid", "kind", "types")


class Collected:
    """The events of a trace that are kept, in arrays.

    Attributes
    ----------
    names, pids, types : dict
        Number of each text in the file; types as the JSON of an operation's inputs.
    kernel : dict of array
        ``start, dur`` (µs), ``name, corr, ext, device, kind`` of each event on a GPU.
    host : dict of array
        ``start, dur`` (µs), ``name, corr, ext, pid, tid, kind, types`` of each on the host.
    steps : list of tuple
        Process, number, start and length (µs) for each ``ProfilerStep``.
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
        self.kernel = _arrays(_OF_KERNEL)
        self.host = _arrays(_OF_HOST)
        self.steps: list[tuple[int, int, float, float]] = []
        self.categories: dict[str, int] = {}
        self.peak_bytes = 0.0

    def take(self, events: Iterable[Event]) -> None:
        """Keep the fields in use of some events.

        Raises
        ------
        ProfileError
            If the start or the length of an event is not possible.
        """
        kernels: list[Event] = []
        kernel_kinds: list[int] = []
        hosts: list[Event] = []
        host_kinds: list[int] = []
        device_kind, host_kind, counts = _DEVICE.get, _HOST.get, self.categories
        for e in events:
            cat: Any = e.cat
            kind = device_kind(cat)
            if kind is not None:
                kernels.append(e)
                kernel_kinds.append(kind)
            elif e.ph != "X" or cat == "gpu_user_annotation":
                counts[cat or "none"] = counts.get(cat or "none", 0) + 1
                if isinstance(e.args, Args):
                    self._take_memory(e.args)
            elif e.name.__class__ is str and e.name.startswith("ProfilerStep"):
                self._take_step(e)
            else:
                kind = host_kind(cat)
                if kind is None:
                    counts[cat or "none"] = counts.get(cat or "none", 0) + 1
                    continue
                if cat == "Operator" and not _OLD_OPERATION.search(str(e.name)):
                    kind = REGION
                hosts.append(e)
                host_kinds.append(kind)
        self._take_kernels(kernels, kernel_kinds)
        self._take_hosts(hosts, host_kinds)

    # column by column, which takes half the time of event by event

    def _take_kernels(self, events: list[Event], kinds: list[int]) -> None:
        args = self._take_common(self.kernel, events)
        devices: list[Any] = [a.device for a in args]
        try:
            device = array("q", devices)
        except (TypeError, OverflowError):
            pairs = zip(args, events, strict=True)
            device = array("q", [_integer(a.device, e.pid) for a, e in pairs])
        self.kernel["device"].extend(device)
        self.kernel["kind"].extend(kinds)

    def _take_hosts(self, events: list[Event], kinds: list[int]) -> None:
        host, types = self.host, self.types
        args = self._take_common(host, events)
        pids = self.pids
        host["pid"].extend([pids.setdefault(e.pid, len(pids)) for e in events])
        host["tid"].extend([hash(e.tid) & 0x7FFFFFFF for e in events])
        host["kind"].extend(kinds)
        no_types = _NOTHING.types
        host["types"].extend(
            [
                types.setdefault(bytes(a.types), len(types))
                if a.types is not no_types and kind == OPERATION
                else 0
                for a, kind in zip(args, kinds, strict=True)
            ]
        )

    def _take_common(
        self, kept: dict[str, array[Any]], events: list[Event]
    ) -> list[Args]:
        """Keep the fields common to GPU and host events; return the events' arguments."""
        start, dur = self._spans(events)
        kept["start"].extend(start)
        kept["dur"].extend(dur)
        names = self.names
        texts = [e.name if e.name.__class__ is str else str(e.name) for e in events]
        kept["name"].extend([names.setdefault(n, len(names)) for n in texts])
        args = [e.args if isinstance(e.args, Args) else _NOTHING for e in events]
        kept["corr"].extend(_integers([a.correlation for a in args]))
        kept["ext"].extend(
            _integers(
                [a.external_old if a.external is None else a.external for a in args]
            )
        )
        return args

    def _spans(self, events: list[Event]) -> tuple[array[float], array[float]]:
        """Starts and lengths, µs."""
        starts: list[Any] = [e.ts for e in events]
        lengths: list[Any] = [e.dur for e in events]
        try:
            start, dur = array("d", starts), array("d", lengths)
        except (TypeError, OverflowError):
            pass
        else:
            begins, takes = np.frombuffer(start), np.frombuffer(dur)
            if (np.abs(begins) < _LATEST).all() and (
                (takes >= 0) & (takes < _LONGEST)
            ).all():
                return start, dur
        spans = [self._span(e) for e in events]
        return array("d", [s for s, _ in spans]), array("d", [d for _, d in spans])

    def _take_memory(self, args: Args) -> None:
        used = args.bytes_in_use
        if args.device_type == 1 and isinstance(used, int | float):
            self.peak_bytes = max(self.peak_bytes, float(used))

    def _take_step(self, e: Event) -> None:
        match = _STEP.match(e.name)
        if match:
            start, dur = self._span(e)
            self.steps.append((self._pid(e.pid), int(match[1]), start, dur))

    def _span(self, e: Event) -> tuple[float, float]:
        try:
            start, dur = float(e.ts), float(e.dur)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            raise ProfileError(
                f"{self.path}: {e.name!r} begins at {e.ts!r} and takes {e.dur!r}",
                "times are numbers in µs; record the trace again",
                code="profile.bad-value",
            ) from None
        if not (0 <= dur < _LONGEST and abs(start) < _LATEST):
            raise ProfileError(
                f"{self.path}: {e.name!r} begins at {start:g} µs and takes {dur:g} µs",
                "no event is of negative or infinite length; record the trace again",
                code="profile.bad-value",
            )
        return start, dur

    def _pid(self, pid: Any) -> int:
        return self.pids.setdefault(pid, len(self.pids))


def _arrays(names: Iterable[str]) -> dict[str, array[Any]]:
    """Empty arrays: floats for times, small integers for kinds and types, else 64 bits."""
    codes = {"start": "d", "dur": "d", "kind": "i", "types": "i"}
    return {n: array(codes.get(n, "q")) for n in names}


def _integers(values: Sequence[Any]) -> array[int]:
    """Each value as an integer; -1 where there is no number."""
    try:
        return array("q", [-1 if v is None else v for v in values])
    except (TypeError, OverflowError):
        return array("q", [_integer(v) for v in values])


def _integer(*values: Any) -> int:
    """The first value that is an integer, else -1."""
    for value in values:
        if type(value) is int and -_HUGE < value < _HUGE:
            return value
        if isinstance(value, int | float) and abs(value) < _HUGE:
            return int(value)
        if isinstance(value, str) and value.isdecimal() and len(value) < 19:
            return int(value)
    return -1
