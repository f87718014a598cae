"""Protocol buffers piece by piece: a file of gigabytes in bounded memory.

The protobuf library decodes a message in one piece, and may need many times its size for
a malicious one. So the outer layers are read in this module, field by field, and only
small pieces are decoded by the library, which is loaded for the first of them.

References
----------
https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import IO, Any

from xlate.errors import ProfileError

__all__ = ["DAMAGED", "Wire", "begins_with", "messages", "sound"]

PIECE_BYTES = 1 << 20
#: most bytes that are decoded at once; one field may be longer, up to the second
BATCH_BYTES, _LONGEST = 1 << 21, 64 * 1024 * 1024
DAMAGED = "copy it again; if it breaks off, let the profiler finish"
#: wire types: varint, 8 bytes, bytes with a length, 4 bytes
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class Wire:
    """Fields of a message, read from a stream.

    Parameters
    ----------
    where : str
        Named in errors.
    stream : binary file
    """

    def __init__(self, where: str, stream: IO[bytes]) -> None:
        self.where = where
        self.at = 0
        self._stream = stream
        self._buffer, self._pos = b"", 0

    def fields(self, end: int | None = None) -> Iterator[tuple[int, int, int]]:
        """Number, wire type, and value or length of each field up to ``end``.

        The content of a field of bytes must be taken, skipped or read before the next.

        Raises
        ------
        ProfileError
            If the bytes are not a message, or break off.
        """
        while end is None or self.at < end:
            if end is None and self._ended():
                return
            tag = self.varint()
            number, kind = tag >> 3, tag & 7
            if kind == _VARINT:
                value = self.varint()
            elif kind == _BYTES:
                value = self.varint()
                if end is not None and self.at + value > end:
                    raise self.broken()
            elif kind in (_FIXED64, _FIXED32):
                value = 8 if kind == _FIXED64 else 4
            else:
                raise self.broken()
            if number == 0:
                raise self.broken()
            if kind in (_FIXED64, _FIXED32):
                self.skip(value)
            yield number, kind, value
        if end is not None and self.at > end:
            raise self.broken()

    def varint(self) -> int:
        """One integer."""
        value = 0
        for shift in range(0, 70, 7):
            if self._pos >= len(self._buffer) and self._ended():
                raise self.broken()
            byte = self._buffer[self._pos]
            self._pos += 1
            self.at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise self.broken()

    def take(self, length: int) -> bytes:
        """The next ``length`` bytes."""
        if length > _LONGEST:
            raise ProfileError(
                f"{self.where} has a field of {length / 1e6:.0f} MB, larger than any of "
                "a profile",
                DAMAGED,
                code="profile.too-large",
            )
        pieces = []
        wanted = length
        while wanted:
            if self._pos >= len(self._buffer) and self._ended():
                raise self.broken()
            piece = self._buffer[self._pos : self._pos + wanted]
            self._pos += len(piece)
            wanted -= len(piece)
            pieces.append(piece)
        self.at += length
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def skip(self, length: int) -> None:
        """Skip ``length`` bytes."""
        left = length - (len(self._buffer) - self._pos)
        if left <= 0:
            self._pos += length
        else:
            self._buffer, self._pos = b"", 0
            while left > 0:
                piece = self._stream.read(min(left, PIECE_BYTES))
                if not piece:
                    raise self.broken()
                left -= len(piece)
        self.at += length

    def batches(self, end: int) -> Iterator[bytes]:
        """The remaining bytes up to ``end``, in pieces that end between two fields."""
        rest = b""
        while self.at < end or rest:
            more = self.take(min(BATCH_BYTES, end - self.at)) if self.at < end else b""
            rest += more
            cut = _complete_fields(rest)
            if cut is None or (not cut and not more):
                raise self.broken()
            if not cut and len(rest) > _LONGEST:
                raise self.broken()
            if cut:
                yield rest[:cut]
                rest = rest[cut:]

    def _ended(self) -> bool:
        """Whether no byte remains; fills the buffer where there are more."""
        if self._pos < len(self._buffer):
            return False
        self._buffer, self._pos = self._stream.read(PIECE_BYTES), 0
        return not self._buffer

    def broken(self) -> ProfileError:
        """The error for a file that is damaged or breaks off."""
        return ProfileError(
            f"{self.where} is damaged or breaks off at byte {self.at:,}",
            DAMAGED,
            code="profile.damaged",
        )


def _varint_at(raw: bytes, at: int) -> tuple[int, int] | None:
    """An integer and where it ends; None where the bytes end before it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(raw):
            return None
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("no whole number")


def _complete_fields(raw: bytes) -> int | None:
    """Length of the complete fields; None where the bytes are not fields."""
    at = 0
    try:
        while at < len(raw):
            tag = _varint_at(raw, at)
            if tag is None or tag[0] >> 3 == 0:
                return at if tag is None else None
            kind, end = tag[0] & 7, tag[1]
            if kind in (_VARINT, _BYTES):
                number = _varint_at(raw, end)
                if number is None:
                    return at
                end = number[1] + (number[0] if kind == _BYTES else 0)
            elif kind in (_FIXED64, _FIXED32):
                end += 8 if kind == _FIXED64 else 4
            else:
                return None
            if end > len(raw):
                return at
            at = end
    except ValueError:
        return None
    return at


def begins_with(head: bytes, *path: int) -> bytes | None:
    """The bytes after the tags and lengths of nested fields at the start of a file.

    None where it begins differently. A format is recognised so without decoding it.

    Examples
    --------
    >>> from xlate.readers.tensorflow.wire import begins_with
    >>> begins_with(bytes([0x0A, 3, 0x12, 1, 0x41]), 1, 2)
    b'A'
    """
    at = 0
    for number in path:
        if at >= len(head) or head[at] != number << 3 | _BYTES:
            return None
        try:
            length = _varint_at(head, at + 1)
        except ValueError:
            return None
        if length is None or length[0] == 0:
            return None
        at = length[1]
    return head[at:]


#: type of a field by its short name
_KINDS = {
    "int": "TYPE_INT64", "uint": "TYPE_UINT64", "double": "TYPE_DOUBLE",
    "text": "TYPE_BYTES", "bytes": "TYPE_BYTES",
}  # fmt: skip


def messages(
    package: str, described: Mapping[str, Mapping[str, tuple[int, str]]]
) -> Mapping[str, Any]:
    """Classes of messages, with those fields that a reader uses.

    Parameters
    ----------
    package : str
        Makes the names unique in this process.
    described : mapping
        Name of a message to its fields: name to number and type (``int``, ``uint``,
        ``double``, ``text``, or the name of a message; ``*`` before it repeats). Text
        is kept as bytes, so that text that is not UTF-8 does not raise an error.

    Raises
    ------
    ProfileError
        If the protobuf library is not installed, with the line that installs it.
    """
    frozen = tuple((m, tuple(f.items())) for m, f in described.items())
    return _messages(package, frozen)


@lru_cache(maxsize=8)
def _messages(
    package: str,
    described: tuple[tuple[str, tuple[tuple[str, tuple[int, str]], ...]], ...],
) -> Mapping[str, Any]:
    try:
        from google.protobuf import (
            descriptor_pb2,
            descriptor_pool,
            message_factory,
        )
    except ImportError as e:
        raise ProfileError(
            "files ending in .pb are read with the protobuf library, which is not installed",
            "pip install 'protobuf>=4.25'",
            code="profile.library-missing",
        ) from e
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{package}.proto", package=package, syntax="proto3"
    )
    kinds = descriptor_pb2.FieldDescriptorProto
    for message, fields in described:
        made = file.message_type.add(name=message)
        for name, (number, kind) in fields:
            inner = kind.removeprefix("*")
            field = made.field.add(name=name, number=number)
            field.label = (
                kinds.LABEL_REPEATED if kind != inner else kinds.LABEL_OPTIONAL
            )
            if inner in _KINDS:
                field.type = getattr(kinds, _KINDS[inner])
            else:
                field.type = kinds.TYPE_MESSAGE
                field.type_name = f".{package}.{inner}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        message: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"{package}.{message}")
        )
        for message, _ in described
    }


def sound(where: str, kind: Any, raw: bytes) -> Any:
    """A decoded message.

    Raises
    ------
    ProfileError
        If the bytes are not a message.
    """
    from google.protobuf.message import DecodeError

    try:
        return kind.FromString(raw)
    except DecodeError as e:
        raise ProfileError(
            f"{where} is damaged: {e}", DAMAGED, code="profile.damaged"
        ) from e
