"""Trace events in Chrome's JSON form, in a stream: a gigabyte in bounded memory.

``{"traceEvents": [event, …], …}`` or the bare list. The bytes are cut between two
events and each piece is decoded into typed values that keep only what is asked
for (msgspec: ten times faster than ``json``, and nothing is built that is thrown
away). A trace that breaks off is read up to where it is whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

from xlate.errors import ProfileError

__all__ = ["Args", "Event", "Trace", "is_trace"]

#: bytes decoded at once; also bounds what one event may take
_PIECE = 8 * 1024 * 1024
_LONGEST_EVENT = 64 * 1024 * 1024
#: everything before the events
_LONGEST_HEAD = 4 * 1024 * 1024
_EVENTS = re.compile(rb'"traceEvents"\s*:\s*\[')
_BETWEEN = re.compile(rb"\}\s*,\s*(?=\{)")
_END = re.compile(rb"\}\s*\]")
#: places tried for a cut, from the end of a piece
_TRIES = 64

Number = int | float | str | None


class Args(msgspec.Struct, gc=False):
    """Of an event's arguments, those that any reader looks at."""

    external: Number = msgspec.field(default=None, name="External id")
    external_old: Number = msgspec.field(default=None, name="external id")
    correlation: Number = None
    device: Number = None
    stream: Number = None
    name: Any = None
    tf_op: Any = None
    long_name: Any = None
    annotation: Any = None
    bytes_in_use: Number = msgspec.field(default=None, name="Total Allocated")
    device_type: Number = msgspec.field(default=None, name="Device Type")


class Event(msgspec.Struct, gc=False):
    """One trace event; times in µs."""

    ph: str = ""
    cat: str | None = None
    name: Any = None
    pid: Number = None
    tid: Number = None
    ts: Number = None
    dur: Number = None
    args: Args | str | list[Any] | None = None


def is_trace(head: bytes) -> bool:
    """Whether the first bytes of a file are those of a trace."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] == b"{":
        return _EVENTS.search(head) is not None or (
            b'"schemaVersion"' in head and b'"deviceProperties"' in head
        )
    return start[:1] == b"[" and re.match(rb'\[\s*\{\s*"(ph|cat|name|pid|ts|args|tid)"\s*:', start) is not None and b'"ph"' in start  # fmt: skip


class Trace:
    """A trace to iterate over once.

    Parameters
    ----------
    path : Path
        Named in errors.
    stream : binary file
        Unpacked bytes.
    event : type, optional
        What is kept of an event.

    Attributes
    ----------
    devices : list of dict
        ``deviceProperties`` as far as the head holds them.
    truncated : bool
        Whether it broke off; known when all was read.
    """

    def __init__(self, path: Path, stream: IO[bytes], event: type[Any] = Event) -> None:
        self.path = path
        self._stream = stream
        self._decode = msgspec.json.Decoder(list[event]).decode  # type: ignore[valid-type]
        self.truncated = False
        self._buffer = self._after_head()

    def __iter__(self) -> Iterator[list[Event]]:
        """Events in pieces, in the order of the file.

        Raises
        ------
        ProfileError
            If there is no whole event, or something in the list is no event.
        """
        found = False
        for piece in self._pieces():
            found = found or bool(piece)
            yield piece
        if not found:
            raise ProfileError(
                f"{self.path} has no trace event",
                "profile at least one whole step, and let the profiler finish",
            )

    def _pieces(self) -> Iterator[list[Event]]:
        buffer, self._buffer = self._buffer, b""
        while True:
            more = self._stream.read(_PIECE)
            if not more:
                yield self._last(buffer)
                return
            buffer += more
            events, buffer = self._cut(buffer)
            if events is not None:
                yield events
            elif len(buffer) > _LONGEST_EVENT:
                raise self._broken(
                    "one event is over 64 MB, or the text is no list of events"
                )

    def _cut(self, buffer: bytes) -> tuple[list[Event] | None, bytes]:
        """Events up to the last place between two of them, and what is left."""
        size = 1 << 16
        tried: set[int] = set()
        while len(tried) < _TRIES:
            start = max(0, len(buffer) - size)
            places = [m.start() + 1 for m in _BETWEEN.finditer(buffer, start)]
            for at in reversed([p for p in places if p not in tried][-_TRIES:]):
                tried.add(at)
                events = self._decoded(b"[" + buffer[:at] + b"]")
                if events is not None:
                    return events, buffer[at:].lstrip(b", \t\r\n")
            if start == 0:
                break
            size *= 16
        # the list may be over with much behind it
        end = self._ended(buffer)
        return (None, buffer) if end is None else (end, b"")

    def _ended(self, buffer: bytes) -> list[Event] | None:
        places = [m.start() + 1 for m in _END.finditer(buffer)]
        for at in [*reversed(places[-_TRIES:]), *places[:_TRIES]]:
            events = self._decoded(b"[" + buffer[:at] + b"]")
            if events is not None:
                return events
        return None

    def _decoded(self, text: bytes) -> list[Event] | None:
        """Events, or None where the text is no list of events."""
        try:
            return self._decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def _last(self, buffer: bytes) -> list[Event]:
        """Events of the last piece, whose list ends or breaks off."""
        if not buffer.strip(b", \t\r\n]}"):
            # nothing but closing brackets, or not even these
            self.truncated = self.truncated or b"]" not in buffer
            return []
        if re.match(rb"\s*\]", buffer):
            return []
        events = self._ended(buffer)
        if events is not None:
            return events
        self.truncated = True
        events = self._decoded(b"[" + buffer.rstrip(b", \t\r\n") + b"]")
        if events is None:
            events, _ = self._cut(buffer)
        if events is None and _BETWEEN.search(buffer):
            raise self._broken("its events are no trace events")
        return events or []

    def _after_head(self) -> bytes:
        """Read up to the list of events, keep what the head says of the devices."""
        head = b""
        while len(head) < _LONGEST_HEAD:
            more = self._stream.read(1 << 16)
            head += more
            begin = _EVENTS.search(head)
            listed = re.match(rb"\s*\[", head.removeprefix(b"\xef\xbb\xbf"))
            if begin or listed or not more:
                break
        self.devices = _devices(head)
        head = head.removeprefix(b"\xef\xbb\xbf")
        if begin is not None:
            return head[_EVENTS.search(head).end() :]  # type: ignore[union-attr]
        if listed is not None:
            return head[listed.end() :]
        raise self._broken("it holds no list named traceEvents")

    def _broken(self, why: str) -> ProfileError:
        return ProfileError(
            f"{self.path} is no trace that can be read: {why}",
            "record it again with prof.export_chrome_trace(FILE)",
        )


def _devices(head: bytes) -> list[dict[str, Any]]:
    text = head.decode("utf-8", "replace")
    at = text.find('"deviceProperties"')
    if at < 0:
        return []
    opening = text.find("[", at)
    try:
        found, _ = json.JSONDecoder().raw_decode(text[opening:])
    except (ValueError, RecursionError):
        return []
    return [d for d in found if isinstance(d, dict)] if isinstance(found, list) else []
