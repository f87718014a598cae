"""A complete JSON document of a profiler as typed values, cut where it breaks off.

Only the fields of the type are kept. Bytes that are not UTF-8 (paths in arguments of
calls) are replaced, because only names of kernels are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from xlate.errors import ProfileError

__all__ = ["decoded"]

T = TypeVar("T")
#: number of places, from the end, at which a document that breaks off is cut
_TRIES = 8


def decoded(
    path: Path, raw: bytes, kind: type[T], *, begins: bytes, close: bytes, hint: str
) -> tuple[T, bool]:
    """The document, and whether it broke off.

    Parameters
    ----------
    path : Path
        Named in errors.
    raw : bytes
    kind : type
        A msgspec structure, or a list of them.
    begins : bytes
        How each event begins; a document that breaks off is cut before one.
    close : bytes
        Brackets that close a document cut there.
    hint : str
        How to record it again.

    Raises
    ------
    ProfileError
        If it is not JSON of that type even when cut.

    Examples
    --------
    >>> from pathlib import Path
    >>> from xlate.readers.json_document import decoded
    >>> raw, kind = b'[{"a": 1}, {"a', list[dict[str, int]]
    >>> decoded(Path("a"), raw, kind, begins=b'{"a', close=b"]", hint="")
    ([{'a': 1}], True)
    """
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    decode = msgspec.json.Decoder(kind).decode
    try:
        return decode(raw), False
    except RecursionError:
        raise ProfileError(
            f"{path} is nested too deep", hint, code="profile.damaged"
        ) from None
    except UnicodeDecodeError as e:
        first: Exception = e
    except msgspec.DecodeError as e:
        first = e
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        raw = raw.decode("utf-8", "replace").encode()
        try:
            return decode(raw), False
        except (msgspec.DecodeError, RecursionError) as e:
            first = e
    for text in _cut_before(raw, begins):
        try:
            return decode(text + close), True
        except (msgspec.DecodeError, RecursionError):
            continue
    raise ProfileError(
        f"{path} cannot be read: {first}", hint, code="profile.unreadable"
    )


def _cut_before(raw: bytes, begins: bytes) -> Iterator[bytes]:
    """The document cut before its last event, before the one before that, and so on."""
    at = len(raw)
    for _ in range(_TRIES):
        at = raw.rfind(begins, 0, at)
        if at <= 0:
            return
        yield raw[:at].rstrip(b", \t\r\n")
