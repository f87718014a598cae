"""Write a file whole or not at all, through links, with the mode it had."""

from __future__ import annotations

import errno
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from xlate.errors import StorageError
from xlate.files.reading import kind_of
from xlate.files.scratch import new_file, remove_stale

__all__ = ["check_file", "check_folder", "write_bytes", "write_text"]

_HINT = "name a file you can write"
#: names of what a process has open, not of files
_OPEN_FILES = re.compile(r"/dev/(fd(/.*)?|stdin|stdout|stderr)|/proc(/.*)?")
_MOST_LINKS = 40


def check_file(path: Path) -> Path:
    """Whether a file can be written at a path; nothing is written.

    Parameters
    ----------
    path : Path
        A new file, a regular one, or a link to one of them.

    Returns
    -------
    Path
        Where it lies once links are followed.

    Raises
    ------
    StorageError
        If there is a device, FIFO, socket or folder, the name is empty or too long,
        the folder is missing, or it or the file cannot be written.

    Examples
    --------
    >>> check_file(Path("/dev/null"))
    Traceback (most recent call last):
    xlate.errors.StorageError: cannot write /dev/null: it is a device, not a regular file
      try: name a file you can write
    """
    if not str(path).strip():
        raise StorageError(
            "cannot write a file without a name", _HINT, code="storage.unwritable"
        )
    try:
        place = _followed(path)
        try:
            mode = place.stat().st_mode
        except FileNotFoundError:
            mode = None
        _check_parent(place)
    except OSError as e:
        raise StorageError(
            f"cannot write {path}: {e.strerror or e}", _HINT, code="storage.unwritable"
        ) from e
    kind = None if mode is None else kind_of(mode)
    if kind is not None:
        raise StorageError(
            f"cannot write {path}: it is {kind}, not a regular file",
            _HINT,
            code="storage.unwritable",
        )
    if mode is not None and not os.access(place, os.W_OK):
        raise StorageError(
            f"cannot write {path}: it is write-protected",
            _HINT,
            code="storage.unwritable",
        )
    return place


def _followed(path: Path) -> Path:
    """The path behind a chain of links, none of which names an open file."""
    place = path
    for _ in range(_MOST_LINKS):
        # a link in a folder's name counts too
        place = place.parent.resolve() / place.name
        if _OPEN_FILES.fullmatch(str(place)):
            raise OSError(errno.EINVAL, "it names an open file, not a file on disk")
        if not place.is_symlink():
            return place
        place = place.parent / place.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _check_parent(place: Path) -> None:
    folder = place.parent
    try:
        inside = folder.stat()
    except FileNotFoundError:
        raise OSError(errno.ENOENT, f"there is no folder {folder}") from None
    if not stat.S_ISDIR(inside.st_mode):
        raise OSError(errno.ENOTDIR, f"{folder} is no folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES, f"nothing can be written in {folder}")


def check_folder(path: Path, ours: tuple[str, ...]) -> Path:
    """Whether a folder can be written anew; nothing is written.

    Parameters
    ----------
    path : Path
        A folder that does not exist yet, an empty one, or one that holds nothing
        but files named in ``ours``: that is replaced.
    ours : tuple of str
        Names of files that may be replaced.

    Returns
    -------
    Path
        Where it lies once links are followed.

    Raises
    ------
    StorageError
        If something else is there or in it, or it cannot be written.
    """
    hint = "name a new or an empty folder"
    if not str(path).strip():
        raise StorageError(
            "cannot write a folder without a name", hint, code="storage.unwritable"
        )
    place = Path(os.path.realpath(path))
    try:
        if os.path.lexists(place):
            kind = kind_of(place.stat().st_mode)
            if kind != "a folder":
                raise StorageError(
                    f"cannot write {path}: it is {kind or 'a file'}, not a folder",
                    hint,
                    code="storage.unwritable",
                )
            foreign = sorted({p.name for p in place.iterdir()} - set(ours))
            if foreign:
                raise StorageError(
                    f"cannot write {path}: it holds {foreign[0]}, which would be lost",
                    hint,
                    code="storage.in-the-way",
                )
        nearest = next(p for p in place.parents if os.path.lexists(p))
        if not nearest.is_dir():
            raise StorageError(
                f"cannot write {path}: {nearest} is no folder",
                hint,
                code="storage.unwritable",
            )
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise StorageError(
                f"cannot write {path}: nothing can be written in {nearest}",
                hint,
                code="storage.unwritable",
            )
    except OSError as e:
        raise StorageError(
            f"cannot write {path}: {e.strerror or e}", hint, code="storage.unwritable"
        ) from e
    return place


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all.

    What stands there keeps its mode and owner, and stays as it was when the write
    fails; a new file gets the mode that umask allows. A link stays one, the file
    behind it is written.

    Raises
    ------
    StorageError
        As :func:`check_file`, or if the disk is full.
    """
    place = check_file(path)
    remove_stale(place.parent)
    descriptor, scratch = -1, None
    try:
        try:
            before = place.stat()
        except FileNotFoundError:
            before = None
        # not readable by others until it has the mode it should have
        descriptor, scratch = new_file(place.parent, 0o666 if before is None else 0o600)
        with os.fdopen(descriptor, "wb", closefd=False) as stream:
            stream.write(data)
        if before is not None:
            _like(descriptor, before)
        # a full disk may say so only here
        os.fsync(descriptor)
        scratch.replace(place)
        scratch = None
    except OSError as e:
        raise StorageError(
            f"cannot write {path}: {e.strerror or e}", _HINT, code="storage.unwritable"
        ) from e
    finally:
        if scratch is not None:
            with suppress(OSError):
                scratch.unlink()
        if descriptor >= 0:
            os.close(descriptor)


def _like(descriptor: int, before: os.stat_result) -> None:
    """Owner, group and mode of the file that is replaced, as far as we may."""
    mode = stat.S_IMODE(before.st_mode)
    try:
        os.fchown(descriptor, before.st_uid, before.st_gid)
    except OSError:
        # what its owner could do by mode alone, a stranger's file must not
        mode &= ~(stat.S_ISUID | stat.S_ISGID)
    os.fchmod(descriptor, mode)


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8, as :func:`write_bytes` does.

    Raises
    ------
    StorageError
        As :func:`write_bytes`.
    """
    # a file name that is not UTF-8 holds surrogates
    write_bytes(path, text.encode("utf-8", "backslashreplace"))
