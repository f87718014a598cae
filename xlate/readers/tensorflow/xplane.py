"""``HOST.xplane.pb``: what the profilers of TensorFlow and JAX write for TensorBoard.

A file holds planes, of lines, of events: a GPU's plane (``/device:GPU:0``) has a line for
each stream, the host's a line for each thread. Names and arguments are in tables of the
plane, after its lines, so the file is read twice. The file does not name the GPU, but
holds its compute capability, number of multiprocessors, memory and bandwidth, by which
most GPUs of the catalogue are identified.

The fields are those of ``xplane.proto`` (openxla/xla) that are in use. Files of JAX on a
CPU, and made ones of GPUs that XProf's own converter reads, were used to check this
reader; no file of a real GPU was available.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from xlate.errors import ProfileError
from xlate.readers.source import Source
from xlate.readers.tensorflow import wire
from xlate.readers.tensorflow.gpu_steps import Mark, stem, step_number
from xlate.readers.tensorflow.gpu_trace import Gpu, Recording
from xlate.readers.tensorflow.operation_names import is_jax, operation_of
from xlate.readers.traces.gpu_facts import device_of
from xlate.readers.traces.steps import Step
from xlate.values.profile import Profile

__all__ = ["read", "sniff"]

_HINT = (
    "record it with tf.profiler.experimental or jax.profiler.trace, on the GPU and over "
    "at least one whole step"
)
_GPU = re.compile(rb"/device:GPU:(\d{1,6})$")
_TPU = re.compile(rb"/device:TPU:\d")
_HOST = (b"/host:CPU", b"/host:CUPTI", b"/host:ROCTRACER")
_PLANE = re.compile(
    rb"/(?:device|host|virtualdevice):|Task Environment|Host CPUs|Syscalls|#Chip"
)
#: lines that TensorBoard derives from those of the streams
_DERIVED = re.compile(
    r"Steps|XLA |Async XLA|TensorFlow |Framework |Launch Stats|Source|Sparse Core|_counters_|Host Offload"
)
#: most names in the tables of a plane, which limits memory
_MOST_NAMES = 4_000_000
_MESSAGES: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "Stat": {
        "metadata": (1, "int"), "real": (2, "double"), "unsigned": (3, "uint"),
        "signed": (4, "int"), "text": (5, "text"), "reference": (7, "uint"),
    },
    "Event": {
        "metadata": (1, "int"), "offset_ps": (2, "int"), "duration_ps": (3, "int"),
        "stats": (4, "*Stat"),
    },
    "Line": {
        "name": (2, "text"), "timestamp_ns": (3, "int"), "events": (4, "*Event"),
        "display_name": (11, "text"),
    },
    "EventMetadata": {"name": (2, "text"), "display_name": (4, "text"), "stats": (5, "*Stat")},
    "StatMetadata": {"name": (2, "text")},
    "EventEntry": {"key": (1, "int"), "value": (2, "EventMetadata")},
    "StatEntry": {"key": (1, "int"), "value": (2, "StatMetadata")},
}  # fmt: skip
#: fields of a space, and of a plane
_PLANES, _NAME, _LINES, _EVENT_NAMES, _STAT_NAMES, _STATS = 1, 2, 3, 4, 5, 6
_LINE_EVENTS = 4


def sniff(head: bytes) -> bool:
    """Whether a file begins like a space of planes."""
    plane = wire.begins_with(head, _PLANES)
    if not plane:
        return False
    if plane[0] == 0x08:  # its number
        size = next((k for k in range(1, 11) if plane[k : k + 1] < b"\x80"), 10)
        plane = plane[size + 1 :]
    name = wire.begins_with(plane, _NAME)
    return name is not None and _PLANE.match(name) is not None


@dataclass
class _Plane:
    """Tables of the plane with this number in the file."""

    number: int
    name: bytes = b""
    events: dict[int, Any] = field(default_factory=dict)
    stats: dict[int, str] = field(default_factory=dict)
    facts: list[Any] = field(default_factory=list)


class _Reader:
    """Both passes over a file."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.where = str(source.path)
        self.kinds = wire.messages("xlate_xplane", _MESSAGES)
        self.recording = Recording(source.path, source.steps)
        #: ns; origin of all times, since µs since 1970 are not exact
        self.begin: int | None = None

    def planes(self) -> list[_Plane]:
        """Tables of the planes with events of a GPU, or of the host."""
        planes = []
        tpu = False
        with self.source.open() as stream:
            reader = wire.Wire(self.where, stream)
            for number, (kind, length) in enumerate(self._spaces(reader)):
                if kind != _PLANES:
                    reader.skip(length)
                    continue
                plane = self._tables(reader, number, reader.at + length)
                tpu = tpu or _TPU.match(plane.name) is not None
                if _is_wanted(plane.name):
                    planes.append(plane)
        if tpu and not any(_GPU.match(p.name) for p in planes):
            raise ProfileError(
                f"{self.where} was recorded on a TPU: it holds no GPU kernel",
                "record the job on the GPU of the anchor",
                code="profile.no-gpu-work",
            )
        return planes

    def _spaces(self, reader: wire.Wire) -> Iterator[tuple[int, int]]:
        """Number and length of each field of the space."""
        for number, kind, value in reader.fields():
            yield (number if kind == 2 else -1), (value if kind == 2 else 0)

    def _tables(self, reader: wire.Wire, number: int, end: int) -> _Plane:
        plane = _Plane(number)
        for field_number, kind, value in reader.fields(end):
            if kind != 2:
                continue
            if plane.name and not _is_wanted(plane.name):
                reader.skip(value)
            elif field_number == _NAME:
                plane.name = reader.take(value)
            elif field_number == _EVENT_NAMES:
                entry = wire.sound(
                    self.where, self.kinds["EventEntry"], reader.take(value)
                )
                plane.events[entry.key] = entry.value
            elif field_number == _STAT_NAMES:
                entry = wire.sound(
                    self.where, self.kinds["StatEntry"], reader.take(value)
                )
                plane.stats[entry.key] = _text(entry.value.name)
            elif field_number == _STATS:
                plane.facts.append(
                    wire.sound(self.where, self.kinds["Stat"], reader.take(value))
                )
            else:
                reader.skip(value)
            if len(plane.events) + len(plane.stats) + len(plane.facts) > _MOST_NAMES:
                raise ProfileError(
                    f"{self.where} has over {_MOST_NAMES:,} names of events in one plane",
                    "record fewer steps, without the tracer of Python calls",
                    code="profile.too-large",
                )
        return plane

    def events(self, planes: list[_Plane]) -> None:
        """Read the lines of the planes."""
        by_number = {p.number: p for p in planes}
        with self.source.open() as stream:
            reader = wire.Wire(self.where, stream)
            for number, (kind, length) in enumerate(self._spaces(reader)):
                plane = by_number.get(number)
                if plane is None or kind != _PLANES:
                    reader.skip(length)
                    continue
                gpu = _GPU.match(plane.name)
                taker: _OfGpu | _OfHost = (
                    _OfHost(self.recording, plane)
                    if gpu is None
                    else _OfGpu(self.recording, plane, int(gpu[1]))
                )
                end = reader.at + length
                for field_number, wired, value in reader.fields(end):
                    if field_number == _LINES and wired == 2:
                        self._line(reader, reader.at + value, taker)
                    elif wired == 2:
                        reader.skip(value)

    def _line(self, reader: wire.Wire, end: int, taker: _OfGpu | _OfHost) -> None:
        """Pass the events of a line on; its name and time come before them."""
        name, begin = "", 0
        for raw in reader.batches(end):
            line = wire.sound(self.where, self.kinds["Line"], raw)
            name = _text(line.display_name or line.name) or name
            begin = line.timestamp_ns or begin
            if self.begin is None and line.events:
                self.begin = begin
            shift_ps = (begin - (self.begin or 0)) * 1000
            taker.take(name, line.events, shift_ps)


def read(source: Source) -> list[Profile]:
    """One profile for each GPU of the file.

    Parameters
    ----------
    source : Source
        The file, packed or not.

    Raises
    ------
    ProfileError
        If no kernel of a GPU was recorded, the file is damaged or breaks off, an event
        is of negative length, or the protobuf library is missing.
    """
    reader = _Reader(source)
    reader.events(reader.planes())
    return reader.recording.profiles(_HINT)


def _is_wanted(name: bytes) -> bool:
    return _GPU.match(name) is not None or name in _HOST


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


class _PlaneEvents:
    """Names and values of a plane's events, from its tables."""

    def __init__(self, recording: Recording, plane: _Plane) -> None:
        self.recording = recording
        self.plane = plane
        self.ids = {name: key for key, name in plane.stats.items()}

    def name(self, event: Any) -> str:
        """Name of an event."""
        described = self.plane.events.get(event.metadata)
        return (
            "" if described is None else _text(described.name or described.display_name)
        )

    def value(self, stat: Any) -> Any:
        """Value of a statistic: a number, or a text, which may be in the tables."""
        if stat.text:
            return _text(stat.text)
        if stat.reference:
            return self.plane.stats.get(stat.reference, "")
        return stat.unsigned or stat.signed or stat.real

    def times(self, event: Any, shift_ps: int) -> tuple[float, float]:
        """Start and length, µs.

        Raises
        ------
        ProfileError
            If it is of negative or endless length.
        """
        start, length = (shift_ps + event.offset_ps) / 1e6, event.duration_ps / 1e6
        if not (0 <= length < 1e15 and abs(start) < 1e18):
            raise ProfileError(
                f"{self.recording.path}: {self.name(event)!r} begins at {start:g} µs and "
                f"takes {length:g} µs",
                wire.DAMAGED,
                code="profile.bad-value",
            )
        return start, length


class _OfGpu(_PlaneEvents):
    """Takes kernels and steps of a GPU's plane."""

    _ARGUMENTS = ("tf_op", "annotation", "hlo_op", "hlo_module", "name")

    def __init__(self, recording: Recording, plane: _Plane, index: int) -> None:
        super().__init__(recording, plane)
        self.gpu: Gpu = recording.gpu(index)
        facts = {plane.stats.get(s.metadata, ""): self.value(s) for s in plane.facts}
        self.gpu.device, note = device_of(facts)
        if note and note not in recording.notes:
            recording.notes.append(note)
        arguments = {self.ids[n]: n for n in self._ARGUMENTS if n in self.ids}
        self._arguments = arguments
        self._correlation = self.ids.get("correlation_id")
        self._numbers: dict[tuple[Any, ...], int] = {}

    def take(self, line: str, events: Any, shift_ps: int) -> None:
        """Take the events of a line."""
        if line == "Steps":
            for e in events:
                number = step_number(self.name(e), len(self.gpu.steps))
                self.gpu.steps.append(Step(number, *self.times(e, shift_ps)))
        elif not _DERIVED.match(line):
            spans = [self.times(e, shift_ps) for e in events]
            operations = [self._operation(e) for e in events]
            self.gpu.add_all(
                [s for s, _ in spans],
                [n for _, n in spans],
                [o for o, _ in operations],
                [c for _, c in operations],
            )

    def _operation(self, event: Any) -> tuple[int, int]:
        correlation = -1
        key: list[Any] = [event.metadata]
        for stat in event.stats:
            if stat.metadata == self._correlation:
                correlation = stat.unsigned or stat.signed
            elif stat.metadata in self._arguments:
                key += (stat.metadata, stat.text or stat.reference)
        number = self._numbers.get(tuple(key))
        if number is None:
            number = self._numbers[tuple(key)] = self._new(event)
        return number, correlation

    def _new(self, event: Any) -> int:
        described = self.plane.events.get(event.metadata)
        stats = [*(described.stats if described is not None else ()), *event.stats]
        values = {
            self._arguments[s.metadata]: str(self.value(s))
            for s in stats
            if s.metadata in self._arguments
        }
        operation = operation_of(
            self.name(event) or "unnamed",
            operation=values.get("tf_op"),
            annotation=values.get("annotation"),
            instruction=values.get("hlo_op"),
            program=values.get("hlo_module"),
            origin=values.get("name"),
        )
        if is_jax(program=operation.program):
            self.recording.framework = "jax"
        return self.recording.operation(operation)


class _OfHost(_PlaneEvents):
    """Takes launches and annotations of the host's planes."""

    def __init__(self, recording: Recording, plane: _Plane) -> None:
        super().__init__(recording, plane)
        self._correlation = self.ids.get("correlation_id")
        self._number = self.ids.get("step_num")
        wanted = recording.choice.mark
        names = {k: _text(m.name) for k, m in plane.events.items()}
        if any(is_jax(host=n) for n in names.values()):
            recording.framework = "jax"
        self._wanted = {
            k for k, n in names.items() if wanted is not None and wanted in (n, stem(n))
        }

    def take(self, line: str, events: Any, shift_ps: int) -> None:  # noqa: ARG002
        """Take the events of a line."""
        if self._correlation is None and self._number is None and not self._wanted:
            return
        for e in events:
            number: int | None = None
            for stat in e.stats:
                if stat.metadata == self._correlation:
                    start, _ = self.times(e, shift_ps)
                    call = stat.unsigned or stat.signed
                    self.recording.add_launch(self.name(e), call, start)
                elif stat.metadata == self._number:
                    number = int(stat.signed or stat.unsigned)
            if number is not None or e.metadata in self._wanted:
                start, length = self.times(e, shift_ps)
                self.recording.marks.append(
                    Mark(self.name(e), start, length, number, step=number is not None)
                )
