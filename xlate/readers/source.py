"""A profile file of any format: its head, its bytes, and a stream of them."""

from __future__ import annotations

import codecs
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from xlate.errors import ProfileError
from xlate.files import open_regular
from xlate.files.limits import read_bytes
from xlate.readers.step_choice import StepChoice

__all__ = ["Source"]

_HEAD = 1 << 16
#: bytes unpacked at most; and, above a gigabyte, the largest ratio of unpacked to packed
#: size (of traces it is ten to thirty)
MOST_BYTES, _MOST_GROWTH, _SMALL = 16 * 1024**3, 100, 1024**3
#: packed bytes read at once
_PIECE = 1 << 18
_BY_THE_FILE = StepChoice()


class Source:
    """A file whose head shows its format, and that the format's reader then reads.

    Parameters
    ----------
    path : Path
    steps : StepChoice, optional
        Options of the user about its steps.

    Raises
    ------
    ProfileError
        If the file is missing, no regular file, empty, unreadable or a damaged gzip.
    """

    def __init__(self, path: Path, steps: StepChoice = _BY_THE_FILE) -> None:
        self.path = path
        self._steps, self._asked = steps, False
        try:
            if path.is_dir():
                raise ProfileError(
                    f"{path} is a folder",
                    "name a file in it",
                    code="profile.unreadable",
                )
            with open_regular(path) as f:
                self.size = os.fstat(f.fileno()).st_size
                self.packed = f.read(2) == b"\x1f\x8b"
        except OSError as e:
            raise ProfileError(
                f"{path} cannot be read: {e.strerror or e}",
                "check the path and its rights",
                code="profile.unreadable",
            ) from e
        if self.size == 0:
            raise ProfileError(
                f"{path} is empty",
                "profile again; nothing was written",
                code="profile.empty",
            )
        with self.open() as stream:
            head = stream.read(_HEAD)
        #: whether it is text in UTF-16; its head is given in UTF-8
        self.utf_16 = head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        self.head = head.decode("utf-16", "ignore").encode() if self.utf_16 else head
        if not self.head:
            raise ProfileError(
                f"{path} is empty once unpacked",
                "profile again; nothing was written",
                code="profile.empty",
            )

    @property
    def steps(self) -> StepChoice:
        """Options of the user about steps; reading them marks them as used."""
        self._asked = True
        return self._steps

    def check_steps_used(self) -> None:
        """Raise an error where the user gave options about steps that no reader used.

        Raises
        ------
        ProfileError
            If a format was read that has no steps to choose.
        """
        if self._steps != _BY_THE_FILE and not self._asked:
            raise ProfileError(
                f"{self.path}: {self._steps.named} is of recordings that hold several steps; "
                "this format has none to choose",
                "leave it out; --step-time says how long a step takes",
                code="profile.steps",
            )

    def content(self) -> bytes:
        """All bytes of the file, unpacked; for formats with small files."""
        return read_bytes(self.path)

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """A stream of the unpacked bytes, with bounds.

        Raises
        ------
        ProfileError
            From any read: a damaged gzip, or one that unpacks to far too much.
        """
        with open_regular(self.path) as f:
            if not self.packed:
                yield f
                return
            yield cast("IO[bytes]", _Unpacked(self.path, f, self.size))


class _Unpacked(io.RawIOBase):
    """The content of a gzip file, up to where it breaks off.

    ``gzip.open`` returns nothing of the last piece of a file that breaks off, but a
    trace can be read up to there.
    """

    def __init__(self, path: Path, stream: IO[bytes], size: int) -> None:
        self._path, self._stream, self._size = path, stream, size
        self._inflate = zlib.decompressobj(wbits=31)
        self._rest, self._done = b"", 0

    def read(self, size: int = -1) -> bytes:
        pieces: list[bytes] = []
        wanted = MOST_BYTES if size < 0 else size
        while wanted > 0:
            packed = self._rest or self._stream.read(_PIECE)
            if not packed:
                break
            unpacked = self._unpack(packed, wanted)
            pieces.append(unpacked)
            wanted -= len(unpacked)
            self._done += len(unpacked)
            if self._done > min(MOST_BYTES, max(_SMALL, _MOST_GROWTH * self._size)):
                raise ProfileError(
                    f"{self._path} unpacks to over {self._done / 1e9:.1f} GB, far more "
                    "than any profile of its size",
                    "unpack it and look at what is inside",
                    code="profile.too-large",
                )
        return b"".join(pieces)

    def _unpack(self, packed: bytes, wanted: int) -> bytes:
        try:
            unpacked = self._inflate.decompress(packed, min(wanted, 16 * _PIECE))
        except zlib.error as e:
            raise ProfileError(
                f"{self._path} is a damaged gzip file: {e}",
                "copy it again",
                code="profile.damaged",
            ) from e
        self._rest = self._inflate.unconsumed_tail
        if self._inflate.eof:
            # another member may follow; zeros after the last one are padding
            self._rest = self._inflate.unused_data.lstrip(b"\x00")
            self._inflate = zlib.decompressobj(wbits=31)
        return unpacked
