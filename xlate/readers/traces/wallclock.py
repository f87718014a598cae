"""When a profile was recorded, from the head and the tail of its file.

Kineto counts time from ``baseTimeNanoseconds``, which stands before or after the events,
and older PyTorch from 1970; Nsight Systems keeps the start of its session. Other
formats hold no time of recording.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import zlib
from pathlib import Path
from typing import BinaryIO

from xlate.files import open_regular

__all__ = ["recorded_at"]

_ENDS = 65536
#: packed traces are unpacked up to here to see their end
_MOST = 256 * 1024 * 1024
_BASE = re.compile(rb'"baseTimeNanoseconds"\s*:\s*"?(\d{15,20})')
_STAMP = re.compile(rb'"ts"\s*:\s*"?(\d+(?:\.\d+)?)')
_GZIP, _SQLITE = b"\x1f\x8b", b"SQLite format 3\0"
#: microseconds since 1970 are of this size, those since a base are not
_SINCE_1970_US = 1e15


def recorded_at(path: Path) -> float | None:
    """Seconds since 1970, UTC, at which the recording of a profile began; None where not known.

    Parameters
    ----------
    path : Path
        A profile that was read before; an error in it gives None.
    """
    try:
        if not path.is_file():
            return None
        with open_regular(path) as f:
            head = f.read(_ENDS)
            if head.startswith(_SQLITE):
                return _of_session(path)
            if head.startswith(_GZIP):
                f.seek(0)
                head, tail = _unpacked_ends(f)
            else:
                f.seek(0, 2)
                f.seek(max(0, f.tell() - _ENDS))
                tail = f.read(_ENDS)
    except (OSError, zlib.error):
        return None
    first = _STAMP.search(head)
    if first is None or b"traceEvents" not in head + tail:
        return None
    base = _BASE.search(head) or _BASE.search(tail)
    if base is not None:
        return int(base[1]) / 1e9 + float(first[1]) / 1e6
    since = float(first[1])
    return since / 1e6 if since > _SINCE_1970_US else None


def _unpacked_ends(f: BinaryIO) -> tuple[bytes, bytes]:
    """First and last bytes of a gzip file, unpacked piece by piece."""
    unpack = zlib.decompressobj(wbits=31)
    head, tail, total = b"", b"", 0
    while piece := f.read(1 << 20):
        while piece:
            part = unpack.decompress(piece, 1 << 22)
            piece = unpack.unconsumed_tail
            total += len(part)
            if len(head) < _ENDS:
                head = (head + part)[:_ENDS]
            tail = (tail + part)[-_ENDS:]
            if total > _MOST:
                return head, b""
    return head, tail


def _of_session(path: Path) -> float | None:
    with contextlib.suppress(sqlite3.Error, TypeError, ValueError):
        uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as base:
            row = base.execute(
                "SELECT utcEpochNs FROM TARGET_INFO_SESSION_START_TIME"
            ).fetchone()
            return None if row is None else float(row[0]) / 1e9
    return None
