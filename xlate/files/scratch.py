"""Scratch files and folders: locked while in use, removed after their process ended.

A scratch entry is in the folder of the file that it will replace, because only a rename
within one folder is atomic. Its process holds a lock on it, which the kernel releases in
every case when the process ends; so an entry that can be locked is not in use.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from xlate.errors import StorageError

if sys.platform != "win32":
    import fcntl

__all__ = ["atomic_folder", "lock", "new_file", "remove_stale"]

_FOLDER = re.compile(r"\.(?P<name>.+)-[0-9a-f]{12}\.part")
_FILE = re.compile(r"\.xlate-[0-9a-f]{12}\.part")
#: scratch folders of releases without these locks: one that did not change for an hour
#: is not in use, since writing a corpus or bundle is faster
_UNLOCKED = re.compile(r"\.(?P<name>.+?)(?P<old>-old)?-[a-z0-9_]{8}")
_UNLOCKED_AGE_S = 3600.0
_NEW, _OLD = "new", "old"


def lock(descriptor: int) -> bool:
    """Lock an open file or folder; False where another process holds the lock.

    Where the file system has no locks, nothing is locked and nothing is considered
    stale: also False.
    """
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def new_file(folder: Path, mode: int) -> tuple[int, Path]:
    """A locked scratch file: its descriptor and path; umask applies to ``mode``.

    Raises
    ------
    OSError
        If no file can be created.
    """
    while True:
        path = folder / f".xlate-{os.urandom(6).hex()}.part"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(path, flags, mode)
        lock(descriptor)
        # another process may have removed it as stale before it was locked
        if _still_there(descriptor, path):
            return descriptor, path
        os.close(descriptor)


def _new_folder(target: Path) -> tuple[int, Path]:
    while True:
        path = target.parent / f".{target.name}-{os.urandom(6).hex()}.part"
        path.mkdir(mode=0o700)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        lock(descriptor)
        if _still_there(descriptor, path):
            return descriptor, path
        os.close(descriptor)


def _still_there(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


@contextmanager
def atomic_folder(
    target: Path, hint: str = "name a folder you can write"
) -> Iterator[Path]:
    """Fill a scratch folder that replaces ``target`` only when it is complete.

    On any exception, Ctrl-C included, the scratch folder is removed and ``target``
    stays what it was. A link is followed: the folder behind it is replaced.

    Parameters
    ----------
    target : Path
    hint : str
        Hint of the error when it cannot be written.

    Raises
    ------
    StorageError
        If it cannot be written, the disk is full, or it is not a folder.
    """
    place = Path(os.path.realpath(target))
    descriptor, scratch = -1, None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists() and not place.is_dir():
            raise StorageError(
                f"cannot write {target}: it is not a folder",
                hint,
                code="storage.unwritable",
            )
        remove_stale(place.parent)
        descriptor, scratch = _new_folder(place)
        (scratch / _NEW).mkdir()
        yield scratch / _NEW
        mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else 0o755
        (scratch / _NEW).chmod(mode)
        # rename cannot replace a folder that holds files, so the old one is moved first
        if place.exists():
            place.rename(scratch / _OLD)
        try:
            (scratch / _NEW).rename(place)
        except OSError:
            _restore(scratch, place)
            raise
    except OSError as e:
        raise StorageError(
            f"cannot write {target}: {e.strerror or e}", hint, code="storage.unwritable"
        ) from e
    finally:
        if scratch is not None:
            _restore(scratch, place)
            shutil.rmtree(scratch, ignore_errors=True)
        if descriptor >= 0:
            os.close(descriptor)


def _restore(scratch: Path, place: Path) -> None:
    """Move a folder back whose replacement was not completed."""
    for old in (scratch / _OLD, scratch / "was"):
        if old.is_dir() and not os.path.lexists(place):
            with suppress(OSError):
                old.rename(place)


def remove_stale(folder: Path, unlocked: bool = False) -> None:
    """Remove scratch entries of ended processes; those in use are kept.

    A folder that had been moved when its replacement was interrupted is moved back.

    Parameters
    ----------
    folder : Path
        Only its own entries are removed, not those of subfolders; it may be missing.
    unlocked : bool
        Whether unlocked folders of earlier releases are removed too. Only for folders
        that hold nothing but files of xlate.
    """
    try:
        with os.scandir(folder) as entries:
            hidden = [e.path for e in entries if e.name.startswith(".")]
    except OSError:
        return
    for path in map(Path, hidden):
        with suppress(OSError):
            _remove_if_stale(path, unlocked)


def _remove_if_stale(path: Path, unlocked: bool) -> None:
    named = _FOLDER.fullmatch(path.name)
    match = named or (_UNLOCKED.fullmatch(path.name) if unlocked else None)
    if not (match or _FILE.fullmatch(path.name)):
        return
    status = os.lstat(path)
    kind = stat.S_IFREG if _FILE.fullmatch(path.name) else stat.S_IFDIR
    # no link is followed, and entries of other users are kept
    if stat.S_IFMT(status.st_mode) != kind or status.st_uid != os.geteuid():
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        if not lock(descriptor) or not _still_there(descriptor, path):
            return
        if kind == stat.S_IFREG:
            path.unlink()
            return
        if not _looks_ours(path, bool(named)):
            return
        if not named and _age_s(path) < _UNLOCKED_AGE_S:
            return
        assert match is not None
        _restore(path, path.with_name(match["name"]))
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(descriptor)


def _looks_ours(path: Path, locked: bool) -> bool:
    """Whether a folder holds only entries of xlate."""
    names = [p.name for p in path.iterdir()]
    if locked:
        return set(names) <= {_NEW, _OLD}
    endings = (".parquet", ".toml", ".json", ".skops", ".zip")
    return names == ["was"] or all(n.endswith(endings) for n in names)


def _age_s(path: Path) -> float:
    """Seconds since anything in a folder changed."""
    times = [path.stat().st_mtime, *(p.lstat().st_mtime for p in path.rglob("*"))]
    return time.time() - max(times)
