"""Regular files, opened without waiting and read within bounds."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

__all__ = [
    "IrregularFileError",
    "check_regular",
    "kind_of",
    "open_regular",
    "read_bytes",
]

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}

#: largest manifest, card or catalogue file; they have 1 to 100 kB
MAX_FACTS_BYTES = 32 * 1024 * 1024


class IrregularFileError(OSError):
    """A path names a FIFO, socket, device or folder, or a file that is too large.

    It is an :class:`OSError`, so that callers handle it like a missing file;
    ``strerror`` describes the fault.
    """


def kind_of(mode: int) -> str | None:
    """Description of a path that is not a regular file; None for a regular file.

    Parameters
    ----------
    mode : int
        ``st_mode``.
    """
    if stat.S_ISREG(mode):
        return None
    return _KINDS.get(stat.S_IFMT(mode), "another kind of file")


def check_regular(path: Path, most: int | None = None) -> os.stat_result:
    """Status of a file that other code will open by its name.

    Parameters
    ----------
    path : Path
        Links are followed.
    most : int, optional
        Bytes it may hold.

    Raises
    ------
    OSError
        If it is missing; :class:`IrregularFileError` if it is not a regular file, or
        is larger.
    """
    status = path.stat()
    _refuse(path, status, most)
    return status


def open_regular(path: Path, most: int | None = None) -> BufferedReader:
    """Open a regular file for reading; links are followed.

    Parameters
    ----------
    path : Path
    most : int, optional
        Bytes it may hold.

    Raises
    ------
    OSError
        If it cannot be opened; :class:`IrregularFileError` if it is not a regular
        file, or is larger.
    """
    # opening a device can act on it, so it is checked first; the file may be replaced
    # before it is opened, so it is checked again; O_NONBLOCK does not wait for a writer
    check_regular(path, most)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        _refuse(path, os.fstat(descriptor), most)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_bytes(path: Path, most: int = MAX_FACTS_BYTES) -> bytes:
    """All of a regular file.

    Parameters
    ----------
    path : Path
    most : int
        Bytes it may hold.

    Raises
    ------
    OSError
        As :func:`open_regular`; also if it holds more than its size, as files of
        ``/proc`` do.
    """
    with open_regular(path, most) as stream:
        raw = stream.read(most + 1)
    if len(raw) > most:
        raise _too_large(path, most)
    return raw


def _refuse(path: Path, status: os.stat_result, most: int | None) -> None:
    kind = kind_of(status.st_mode)
    if kind is not None:
        code = errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.EINVAL
        raise IrregularFileError(code, f"it is {kind}, not a regular file", str(path))
    if most is not None and status.st_size > most:
        raise _too_large(path, most)


def _too_large(path: Path, most: int) -> IrregularFileError:
    return IrregularFileError(
        errno.EFBIG, f"it holds more than {most / 1e6:.0f} MB", str(path)
    )
