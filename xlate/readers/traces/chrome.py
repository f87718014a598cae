"""Trace events in Chrome's JSON form, in a stream: a gigabyte in bounded memory.

``{"traceEvents": [event, …], …}`` or the bare list. The bytes are cut between two
events and each piece is decoded into typed values that keep only the fields in use
(msgspec: ten times faster than ``json``). A trace that breaks off is read up to its last
complete event. The properties of the GPUs stand before or after the events.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import msgspec

from xlate.errors import ProfileError

__all__ = ["Args", "Event", "Trace", "is_trace"]

#: bytes decoded at once: the decoded events fit into a processor's cache
PIECE_BYTES = 1024 * 1024
LONGEST_EVENT_BYTES = 64 * 1024 * 1024
#: everything before the events
_LONGEST_HEAD = 4 * 1024 * 1024
_EVENTS = re.compile(rb'"traceEvents"\s*:\s*\[')
_BETWEEN = re.compile(rb"\}\s*,\s*(?=\{)")
#: where an event begins, by the keys that profilers write first
_NEXT_EVENT = re.compile(rb'\}\s*,\s*(?=\{\s*"(?:ph|name|cat|pid|ts)"\s*:)')
_END = re.compile(rb"\}\s*\]")
_DEVICES = re.compile(rb'"(?:deviceProperties|computeProperties)"\s*:\s*(?=\[)')
#: written by some profilers, though JSON has no such values: NaN and infinity, control
#: characters, and single backslashes of Windows paths
_NO_NUMBER = re.compile(
    rb"(?<=[:,\[\s])[+-]?(?:nan|inf(?:inity)?)(?=\s*[,}\]])", re.IGNORECASE
)
_CONTROL = re.compile(rb"[\x00-\x1f]")
_BACKSLASH = re.compile(rb'\\\\|\\(?!["\\/bfnrtu])')
#: brackets of JSON, and complete strings; a single quote begins a string that breaks off
_NESTS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|["\[\]{}]', re.DOTALL)
#: may follow a document, and is ignored
_PADDING = b" \t\r\n\x00,]}"
_PLACE = re.compile(r"\(byte (\d+)\)")
#: places tried for a cut, from the end of a piece
_TRIES = 64
#: invalid events that are accepted in one piece, or one in a hundred of them
_MOST_LOST = 20

Number = int | float | str | None


_NO_TYPES = msgspec.Raw(b"")


class Args(msgspec.Struct, gc=False):
    """The arguments of an event that the readers use."""

    external: Number = msgspec.field(default=None, name="External id")
    external_old: Number = msgspec.field(default=None, name="external id")
    correlation: Number = None
    device: Number = None
    stream: Number = None
    #: decoded only when it is read
    types: msgspec.Raw = msgspec.field(default=_NO_TYPES, name="Input type")
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
        ``deviceProperties``; complete when the whole file was read.
    truncated : bool
        Whether it broke off; final when the whole file was read.
    lost : int
        Events that are not valid JSON, and were skipped.
    unread : int
        Bytes after the end of the trace; final when the whole file was read.
    """

    def __init__(self, path: Path, stream: IO[bytes], event: type[Any] = Event) -> None:
        self.path = path
        self._stream = stream
        self._decode = msgspec.json.Decoder(list[event]).decode  # type: ignore[valid-type]
        self.truncated = False
        self.lost = self.unread = 0
        self.devices: list[dict[str, Any]] = []
        self._repairs = self._over = False
        #: whether the document is the list of events and nothing else
        self._bare = False
        self._buffer = self._after_head()

    def __iter__(self) -> Iterator[list[Event]]:
        """Events in pieces, in the order of the file.

        Raises
        ------
        ProfileError
            If there is no complete event, or the list holds something else.
        """
        has_events = False
        for piece in self._pieces():
            has_events = has_events or bool(piece)
            yield piece
        if not has_events:
            raise ProfileError(
                f"{self.path} has no trace event",
                "profile at least one whole step, and let the profiler finish",
                code="profile.empty",
            )

    def _pieces(self) -> Iterator[list[Event]]:
        buffer, self._buffer = self._buffer, b""
        size = PIECE_BYTES
        while not self._over:
            more = self._stream.read(size)
            if not more:
                yield self._last(buffer)
                return
            buffer += more
            events, buffer = self._cut(buffer)
            if events is not None:
                yield events
            elif len(buffer) > LONGEST_EVENT_BYTES:
                raise self._broken(
                    "one event is over 64 MB, or the text is not a list of events"
                )
            # read more each time, so that a long event is not decoded again and again
            size = PIECE_BYTES if events is not None else max(PIECE_BYTES, len(buffer))
        self._take_tail(buffer)

    def _cut(self, buffer: bytes) -> tuple[list[Event] | None, bytes]:
        """Events up to the last boundary between two of them, and the remaining bytes."""
        if self._repairs:
            buffer = _repaired(buffer)
        events, rest, odd = self._up_to_last(buffer)
        if odd and not self._repairs:
            buffer = _repaired(buffer)
            events, rest, odd = self._up_to_last(buffer)
            self._repairs = events is not None
        return self._one_by_one(buffer) if odd else (events, rest)

    def _one_by_one(self, buffer: bytes) -> tuple[list[Event] | None, bytes]:
        """Events before the last, without invalid ones (names with quotes in them)."""
        places = [m.start() + 1 for m in _NEXT_EVENT.finditer(buffer)]
        if not places:
            return None, buffer
        texts = [buffer[a:b].lstrip(b", \t\r\n") for a, b in pairwise([0, *places])]
        batches, events = [texts], []
        lost = 0
        while batches:
            batch = batches.pop()
            decoded, _, _ = self._decoded(b"[" + b",".join(batch) + b"]")
            if decoded is not None:
                events += decoded
            elif len(batch) == 1:
                lost += 1
            else:
                half = len(batch) // 2
                batches += [batch[half:], batch[:half]]
            if lost > max(_MOST_LOST, len(texts) // 100):
                return None, buffer
        self.lost += lost
        return events, buffer[places[-1] :].lstrip(b", \t\r\n")

    def _up_to_last(self, buffer: bytes) -> tuple[list[Event] | None, bytes, bool]:
        size = 1 << 16
        tried: set[int] = set()
        while len(tried) < _TRIES:
            start = max(0, len(buffer) - size)
            places = [m.start() + 1 for m in _BETWEEN.finditer(buffer, start)]
            for at in reversed([p for p in places if p not in tried][-_TRIES:]):
                tried.add(at)
                events, end, odd = self._decoded(b"[" + buffer[:at] + b"]", start)
                if events is not None and end is not None:
                    self._over = True
                    return events, buffer[end - 1 :], False
                if events is not None:
                    return events, buffer[at:].lstrip(b", \t\r\n"), False
                if odd:
                    return None, buffer, True
            if start == 0:
                break
            size *= 16
        # the list may have ended with much text after it
        events, rest, odd = self._ended(buffer)
        return (None, buffer, odd) if events is None else (events, rest, False)

    def _ended(self, buffer: bytes) -> tuple[list[Event] | None, bytes, bool]:
        """Events of a list that ends in the buffer, and the bytes after it."""
        events, end, odd = self._decoded(b"[" + buffer)
        if events is not None:
            self._over = True
            return events, b"" if end is None else buffer[end - 1 :], False
        places = [] if odd else [m.start() + 1 for m in _END.finditer(buffer)]
        for at in [*reversed(places[-_TRIES:]), *places[:_TRIES]]:
            events, _, _ = self._decoded(b"[" + buffer[:at] + b"]")
            if events is not None:
                self._over = True
                return events, buffer[at:], False
        return None, b"", odd

    def _decoded(
        self, text: bytes, uncut: int | None = None
    ) -> tuple[list[Event] | None, int | None, bool]:
        """Events, or None where the text is not a list of events.

        The second value is the place at which the list ended, where that is before the
        end of the text; the third is whether there is an error in the first ``uncut``
        bytes, where the text was not cut.
        """
        try:
            return self._decode(text), None, False
        except UnicodeDecodeError:
            return None, None, True
        except (msgspec.DecodeError, RecursionError) as e:
            place = _PLACE.search(str(e))
            at = len(text) if place is None else int(place[1])
            if "trailing" in str(e) and at < len(text):
                # decoded again, since the error does not return the events read so far
                return self._decoded(text[:at])[0], at, False
            return None, None, at < (len(text) if uncut is None else uncut)

    def _last(self, buffer: bytes) -> list[Event]:
        """Events of the last piece, whose list ends or breaks off."""
        if not buffer.strip(b", \t\r\n]}"):
            # only closing brackets, or nothing
            self.truncated = self.truncated or b"]" not in buffer
            return []
        if re.match(rb"\s*\]", buffer):
            self._take_tail(buffer)
            return []
        for mend in (False, True):
            events, rest, _ = self._ended(_repaired(buffer) if mend else buffer)
            if events is not None:
                self._take_tail(rest)
                return events
        self.truncated = True
        events, _, _ = self._decoded(b"[" + buffer.rstrip(b", \t\r\n") + b"]")
        if events is None:
            events = self._up_to_last_complete(buffer)
        if events is None and _BETWEEN.search(buffer):
            raise self._broken("its events are not trace events")
        return events or []

    def _up_to_last_complete(self, buffer: bytes) -> list[Event] | None:
        """Events of a list that breaks off, or in which some are not valid JSON."""
        events, rest = self._cut(buffer)
        while events is not None:
            last, behind, _ = self._ended(rest)
            if last is not None:
                self.truncated = False
                self._take_tail(behind)
                return events + last
            more, rest = self._cut(rest)
            if more is None:
                break
            events = events + more
        return events

    def _take_tail(self, rest: bytes) -> None:
        """Keep the device properties after the events, count the bytes after the trace."""
        rest = rest.lstrip().removeprefix(b"]")
        end = 0 if self._bare else _end_of_object(rest)
        while end is None and len(rest) < _LONGEST_HEAD:
            more = self._stream.read(max(1 << 16, len(rest)))
            if not more:
                break
            rest += more
            end = _end_of_object(rest)
        if end is not None:
            self.devices = self.devices or _devices(rest[:end])
            self.unread = len(rest[end:].lstrip(_PADDING))
            while more := self._stream.read(1 << 16):
                self.unread += len(more if self.unread else more.lstrip(_PADDING))
            return
        while not self.devices:
            key = _DEVICES.search(rest)
            if key:
                rest = rest[key.start() :]
                self.devices = _devices(rest)
            elif len(rest) > 64:
                # the key may lie across two pieces
                rest = rest[-64:]
            more = self._stream.read(1 << 16)
            if not more or len(rest) > _LONGEST_HEAD:
                return
            rest += more

    def _after_head(self) -> bytes:
        """Read up to the list of events, and keep the device properties before it."""
        head = b""
        while len(head) < _LONGEST_HEAD:
            more = self._stream.read(1 << 16)
            head += more
            begin = _EVENTS.search(head)
            listed = re.match(rb"\s*\[", head.removeprefix(b"\xef\xbb\xbf"))
            if begin or listed or not more:
                break
        self._bare = begin is None
        # device properties inside the events are not read
        self.devices = _devices(
            head[: begin.start()] if begin else b"" if listed else head
        )
        head = head.removeprefix(b"\xef\xbb\xbf")
        if begin is not None:
            return head[_EVENTS.search(head).end() :]  # type: ignore[union-attr]
        if listed is not None:
            return head[listed.end() :]
        raise self._broken("it holds no list named traceEvents")

    def _broken(self, why: str) -> ProfileError:
        return ProfileError(
            f"{self.path} is not a trace that can be read: {why}",
            "record it again with prof.export_chrome_trace(FILE)",
            code="profile.damaged",
        )


def _end_of_object(text: bytes) -> int | None:
    """Where the object that a text begins in ends; None where that is after the text."""
    depth = 1
    for bracket in _NESTS.finditer(text):
        token = bracket[0]
        if token == b'"':
            return None
        if len(token) == 1:
            depth += 1 if token in b"[{" else -1
        if not depth:
            return bracket.end()
    return None


def _repaired(text: bytes) -> bytes:
    """Valid JSON: NaN and infinity become null, invalid characters are replaced."""
    try:
        text.decode()
    except UnicodeDecodeError:
        text = text.decode("utf-8", "replace").encode()
    text = _CONTROL.sub(b" ", text)
    text = _BACKSLASH.sub(rb"\\\\", text)
    return _NO_NUMBER.sub(b"null", text)


def _devices(text: bytes) -> list[dict[str, Any]]:
    """The list of devices in a text; empty where there is none, or it breaks off."""
    key = _DEVICES.search(text)
    if key is None:
        return []
    try:
        listed, _ = json.JSONDecoder().raw_decode(
            text[key.end() :].decode("utf-8", "replace")
        )
    except (ValueError, RecursionError):
        return []
    return (
        [d for d in listed if isinstance(d, dict)] if isinstance(listed, list) else []
    )
