"""Write a file completely or not at all, through links, keeping its mode."""

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

_HINT, _FOLDER_HINT = "name a file you can write", "name a new or an empty folder"
#: names of open files of a process, which are not files on disk
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
        Its path after following links.

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
        raise OSError(errno.ENOTDIR, f"{folder} is not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES, f"nothing can be written in {folder}")


def check_folder(path: Path, ours: tuple[str, ...]) -> Path:
    """Check that a folder can be written or replaced; nothing is written.

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
        Its path after following links.

    Raises
    ------
    StorageError
        If the path or the folder holds something else, or it cannot be written.
    """
    hint = _FOLDER_HINT
    if not str(path).strip():
        raise StorageError(
            "cannot write a folder without a name", hint, code="storage.unwritable"
        )
    place = Path(os.path.realpath(path))
    try:
        if os.path.lexists(place):
            _check_replaceable(path, place, ours)
        nearest = next(p for p in place.parents if os.path.lexists(p))
        if not nearest.is_dir():
            raise StorageError(
                f"cannot write {path}: {nearest} is not a folder",
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


def _check_replaceable(path: Path, place: Path, ours: tuple[str, ...]) -> None:
    """Raise an error if an existing path is not a folder with only these files."""
    kind = kind_of(place.stat().st_mode)
    if kind != "a folder":
        raise StorageError(
            f"cannot write {path}: it is {kind or 'a file'}, not a folder",
            _FOLDER_HINT,
            code="storage.unwritable",
        )
    foreign = sorted({p.name for p in place.iterdir()} - set(ours))
    if foreign:
        raise StorageError(
            f"cannot write {path}: it holds {foreign[0]}, which would be lost",
            _FOLDER_HINT,
            code="storage.in-the-way",
        )


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file, completely or not at all.

    An existing file keeps its mode and owner, and its content when the write fails; a
    new file gets the mode that umask allows. A link is kept, and its file is written.

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
        # not readable by others until it has its final mode
        descriptor, scratch = new_file(place.parent, 0o666 if before is None else 0o600)
        with os.fdopen(descriptor, "wb", closefd=False) as stream:
            stream.write(data)
        if before is not None:
            _like(descriptor, before)
        # a full disk may raise its error only here
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
    """Set owner, group and mode of the replaced file, as far as permitted."""
    mode = stat.S_IMODE(before.st_mode)
    try:
        os.fchown(descriptor, before.st_uid, before.st_gid)
    except OSError:
        # a file of another owner must not keep these rights of the former owner
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
