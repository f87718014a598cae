"""Numbered versions of a fit: the one in use, and those kept beside it.

A slot is the folder of the fit in use, for example ``to-p3.2xlarge``. Beside it are
``to-p3.2xlarge@1``, ``to-p3.2xlarge@2`` … : fits that were in use before, and fits that
were computed but not put in use. The number of a fit never changes; it is written into
the folder, so that it moves with it.

Every step below is one rename, made under a lock, in an order in which a kill
between two steps loses nothing: :func:`active` finds the fit that was in use, and
the next writer completes the interrupted steps.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from xlate.errors import StorageError

__all__ = [
    "active",
    "fitted_at",
    "is_numbered",
    "keep",
    "number_of",
    "numbered",
    "remove",
    "retire",
    "slot_name",
    "use",
    "version",
]

#: file that holds the number of a fit, and on a second line when it was made; it is not
#: part of the bundle, whose bytes do not depend on the time of the fit
NUMBER = "version"
_SCRATCH = ".scratch-"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_NUMBERED = re.compile(r"^(?P<slot>.+)@(?P<number>[1-9]\d{0,8})$")
#: errors of file systems without locks on folders
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF, errno.EINVAL, errno.EACCES}


def active(slot: Path, holds: str) -> Path | None:
    """Folder of the fit that answers, or None where there is none.

    Parameters
    ----------
    slot : Path
        Where it lies.
    holds : str
        File of every fit; where it is lost, other files still say that there is one.
    """
    # between two renames of a writer the fit lies aside, and it may come back
    for folder in (slot, _aside(slot), slot):
        if _begun(folder, holds):
            return folder
    return None


def _begun(folder: Path, holds: str) -> bool:
    """Whether a folder is a fit, a damaged one too: that is not passed over."""
    path = folder / holds
    if path.exists() or path.is_symlink():
        return True
    try:
        return any(folder.iterdir())
    except OSError:
        return False


def numbered(slot: Path) -> dict[int, Path]:
    """Folders beside a slot, by their number."""
    folders = {}
    for path in slot.parent.glob(f"{_literal(slot.name)}@*"):
        match = _NUMBERED.match(path.name)
        if match and match["slot"] == slot.name and path.is_dir():
            folders[int(match["number"])] = path
    return dict(sorted(folders.items()))


def version(slot: Path, number: int) -> Path | None:
    """Folder of a version, the one that answers among them; None where there is none."""
    if number_of(slot) == number:
        return slot
    return numbered(slot).get(number)


def is_numbered(folder: Path) -> bool:
    """Whether a folder's name says that it is a version kept beside a slot."""
    return _NUMBERED.match(folder.name) is not None


def number_of(folder: Path) -> int | None:
    """Number of the fit in a folder; None where nothing gave it one yet."""
    match = _NUMBERED.match(folder.name)
    if match:
        return int(match["number"])
    text = _lines(folder)[0]
    return int(text) if re.fullmatch(r"[1-9]\d{0,8}", text) else None


def fitted_at(folder: Path) -> str | None:
    """When the fit in a folder was made, UTC, as ``2026-09-24T12:00:00Z``.

    None for shipped ones and fits of an earlier xlate.
    """
    text = _lines(folder)[1]
    try:
        return datetime.strptime(text, TIME_FORMAT).strftime(TIME_FORMAT)
    except ValueError:
        return None


def _lines(folder: Path) -> tuple[str, str]:
    """What the file of the number says; empty where it is missing or something else."""
    try:
        with (folder / NUMBER).open("rb") as file:
            text = file.read(100).decode("ascii")
    except (OSError, UnicodeDecodeError):
        return "", ""
    first, _, second = text.strip().partition("\n")
    return first.strip(), second.strip()


def _write_number(folder: Path, number: int, at: str | None) -> None:
    text = f"{number}\n" if at is None else f"{number}\n{at}\n"
    (folder / NUMBER).write_text(text, encoding="ascii")


def slot_name(name: str) -> str:
    """Name of the folder that answers, from its own or that of a version beside it."""
    match = _NUMBERED.match(name)
    return match["slot"] if match else name


def keep(slot: Path, write: Callable[[Path], None], *, in_place: bool) -> Path:
    """Write a fit; what answered until now is kept under its number.

    Parameters
    ----------
    slot : Path
        Folder from which the fit answers.
    write : callable
        Fills the folder it is given.
    in_place : bool
        Whether the new fit is to answer from now on; otherwise it is only kept.

    Returns
    -------
    Path
        Where it lies.

    Raises
    ------
    StorageError
        If the folder cannot be written; what answered before still does.
    """
    with _writing(slot), _scratch(slot) as scratch:
        write(scratch)
        number = _next(slot)
        _write_number(scratch, number, datetime.now(UTC).strftime(TIME_FORMAT))
        scratch.chmod(0o755)
        if in_place:
            return _install(scratch, slot)
        target = _beside(slot, number)
        scratch.rename(target)
        return target


def use(slot: Path, number: int) -> Path:
    """Let a kept version answer; what answered until now is kept.

    Raises
    ------
    StorageError
        If there is no such version, or the folder cannot be written.
    """
    with _writing(slot):
        chosen = numbered(slot).get(number)
        if chosen is None:
            raise StorageError(
                f"{slot.name} has no version {number}", "see: xlate models list"
            )
        _write_number(chosen, number, fitted_at(chosen))
        return _install(chosen, slot)


def retire(slot: Path) -> Path | None:
    """Keep what answers under its number only; nothing of the slot answers then.

    Returns
    -------
    Path or None
        Where it lies now; None where nothing answered.

    Raises
    ------
    StorageError
        If the folder cannot be written.
    """
    with _writing(slot):
        if not slot.exists():
            return None
        number = _own_number(slot)
        target = _beside(slot, number)
        slot.rename(target)
        return target


def remove(folder: Path) -> None:
    """Delete the fit in a folder, whole or not at all.

    Raises
    ------
    StorageError
        If it cannot be deleted.
    """
    slot = folder.with_name(slot_name(folder.name))
    with _writing(slot), _scratch(slot) as scratch:
        folder.rename(scratch / "was")


def _install(new: Path, slot: Path) -> Path:
    """Put a whole folder in place of what answers; the old one is kept numbered."""
    aside = _aside(slot)
    if slot.exists():
        slot.rename(aside)
    new.rename(slot)
    _settle(slot)
    return slot


def _settle(slot: Path) -> None:
    """End what an interrupted writer began: a fit that was put aside gets its place."""
    aside = _aside(slot)
    if not aside.exists():
        return
    if not slot.exists():
        aside.rename(slot)
        return
    aside.rename(_beside(slot, _own_number(aside, slot)))


def _own_number(folder: Path, slot: Path | None = None) -> int:
    """The number of an unnumbered folder's fit, given to it where it has none.

    A fit of an earlier xlate has no number: it gets the first that is free.
    """
    name = folder if slot is None else slot
    given: set[int | None] = {*numbered(name)}
    given |= set() if slot is None else {number_of(slot)}
    number = number_of(folder)
    if number is None or number in given:
        number = next(n for n in count(1) if n not in given)
        _write_number(folder, number, fitted_at(folder))
    return number


def _next(slot: Path) -> int:
    """The number after all that a slot has given."""
    highest = max([*numbered(slot), number_of(slot) or 0])
    # a fit of an earlier xlate has no number yet: the first is left for it
    waiting = highest == 0 and slot.exists()
    return highest + (2 if waiting else 1)


def _beside(slot: Path, number: int) -> Path:
    return slot.with_name(f"{slot.name}@{number}")


def _aside(slot: Path) -> Path:
    return slot.with_name(f".{slot.name}.aside")


def _literal(name: str) -> str:
    return re.sub(r"([\[\]*?])", r"[\1]", name)


@contextmanager
def _scratch(slot: Path) -> Iterator[Path]:
    """A folder that no reader looks at, removed with what is left in it."""
    scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=str(slot.parent)))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def _writing(slot: Path) -> Iterator[None]:
    """One writer at a time; what an earlier one left half done is ended first."""
    try:
        slot.parent.mkdir(parents=True, exist_ok=True)
        with _locked(slot.parent) as alone:
            if alone:
                for left in slot.parent.glob(f"{_SCRATCH}*"):
                    shutil.rmtree(left, ignore_errors=True)
            _settle(slot)
            yield
    except OSError as e:
        raise StorageError(
            f"cannot write {slot}: {e.strerror or e}",
            "free some space or point XLATE_HOME at a folder you can write",
        ) from e


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Hold the lock of a folder; the system lets it go when the process ends.

    Gives whether there is such a lock here; every step is a rename without it too.
    """
    try:
        import fcntl
    except ImportError:
        yield False
        return
    alone = True
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as e:
            if e.errno not in _NO_LOCKS:
                raise
            alone = False
        yield alone
    finally:
        with suppress(OSError):
            os.close(handle)
