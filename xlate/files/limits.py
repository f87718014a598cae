"""Bytes and text of a file, with limits, so that no file can exhaust the reader."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import zlib
from pathlib import Path

from xlate.errors import ProfileError
from xlate.files import open_regular

__all__ = ["MAX_BYTES", "read_bytes", "read_text"]

#: largest file; 100,000 profiles as parquet are about 50 MB
MAX_BYTES = 256 * 1024 * 1024
#: the same for text; a tensorflow_stats export is well under a megabyte
MAX_TEXT_BYTES = 32 * 1024 * 1024

#: marks at the top of a text in UTF-16
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HOW_TO_EXPORT = (
    "export the tensorflow_stats table from TensorBoard's profile page as csv"
)


def read_bytes(path: Path) -> bytes:
    """All bytes of a file, unpacked where it is gzip.

    Raises
    ------
    ProfileError
        If the file is missing, no regular file, unreadable, empty, over :data:`MAX_BYTES` once
        unpacked, or a damaged gzip.
    """
    try:
        if path.is_dir():
            raise ProfileError(
                f"{path} is a folder", "name a file in it", code="profile.unreadable"
            )
        with open_regular(path) as f:
            size = os.fstat(f.fileno()).st_size
            if size > MAX_BYTES:
                raise _too_large(path, f"{size / 1e6:.0f} MB")
            raw = f.read(MAX_BYTES + 1)
    except OSError as e:
        raise ProfileError(
            f"{path} cannot be read: {e.strerror or e}",
            "check the path and its rights",
            code="profile.unreadable",
        ) from e
    if not raw:
        raise ProfileError(
            f"{path} is empty",
            "profile again; nothing was written",
            code="profile.empty",
        )
    # a file that grows, or one of /proc, holds more than its size
    if len(raw) > MAX_BYTES:
        raise _too_large(path, f"over {MAX_BYTES / 1e6:.0f} MB")
    if raw[:2] != b"\x1f\x8b":
        return raw
    try:
        with gzip.open(io.BytesIO(raw), "rb") as f:
            unpacked = f.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as e:
        raise ProfileError(
            f"{path} is a damaged or truncated gzip file: {e}",
            "copy it again",
            code="profile.damaged",
        ) from e
    if len(unpacked) > MAX_BYTES:
        raise _too_large(path, f"over {MAX_BYTES / 1e6:.0f} MB unpacked")
    if not unpacked:
        raise ProfileError(
            f"{path} is empty once unpacked",
            "profile again; nothing was written",
            code="profile.empty",
        )
    return unpacked


def read_text(path: Path, raw: bytes, as_table: bool = False) -> str:
    """Decode a profile's bytes; a table of many profiles may have :data:`MAX_BYTES`.

    Raises
    ------
    ProfileError
        If they are over :data:`MAX_TEXT_BYTES`, binary or not UTF-8, with the offset of the first bad byte.
    """
    if len(raw) > (MAX_BYTES if as_table else MAX_TEXT_BYTES):
        raise _too_large(path, f"{len(raw) / 1e6:.0f} MB of text")
    if raw[:2] in _UTF_16:
        # a shell of Windows writes this for `PROGRAM > FILE`
        return raw.decode("utf-16", "replace")
    if b"\x00" in raw[:65536]:
        raise ProfileError(
            f"{path} is binary, not a text profile",
            _HOW_TO_EXPORT,
            code="profile.not-a-profile",
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise ProfileError(
            f"{path} is not UTF-8: byte 0x{raw[e.start]:02x} at offset {e.start}",
            "save it as UTF-8",
            code="profile.damaged",
        ) from e


def _too_large(path: Path, size: str) -> ProfileError:
    return ProfileError(
        f"{path} is {size}, far larger than any profile of this kind",
        _HOW_TO_EXPORT,
        code="profile.too-large",
    )
