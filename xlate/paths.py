"""Where things lie: what ships with the package, and what belongs to the user.

``XLATE_HOME``
    The user's data home, written to by ``datasets import`` and ``fit``.
    Default: ``$XDG_DATA_HOME/xlate`` or ``~/.local/share/xlate``.
``XLATE_DATA_HOME``
    A folder of raw public corpora as they were downloaded, one sub-folder
    each. Only read. ``datasets import NAME`` looks there without ``--from``.
``XLATE_ANCHORS``
    Extra catalogue folders, separated as in ``PATH``.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xlate.errors import StorageError

__all__ = ["atomic_folder", "data_home", "raw_home", "shipped"]


def shipped(kind: str) -> Path:
    """Folder of data that ships with xlate.

    A wheel carries the data inside the package; an editable checkout has the
    same folders beside it.

    Parameters
    ----------
    kind : {"anchors", "datasets"}
    """
    package = Path(__file__).resolve().parent
    inside = package / "_data" / kind
    return inside if inside.is_dir() else package.parent / kind


def data_home() -> Path:
    """The user's data home; not created here."""
    explicit = os.environ.get("XLATE_HOME")
    if explicit:
        return Path(explicit).expanduser()
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "xlate"


def raw_home() -> Path | None:
    """Folder of raw public corpora, or None when ``XLATE_DATA_HOME`` is not set."""
    explicit = os.environ.get("XLATE_DATA_HOME")
    return Path(explicit).expanduser() if explicit else None


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Fill a scratch folder that takes the place of ``target`` only when whole.

    On any exception, Ctrl-C included, the scratch folder is removed and
    ``target`` stays what it was.

    Raises
    ------
    StorageError
        If the data home cannot be written, or is full.
    """
    scratch: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(
            tempfile.mkdtemp(prefix=f".{target.name}-", dir=str(target.parent))
        )
        yield scratch
        scratch.chmod(0o755)
        if target.exists():
            # rename cannot replace a folder that holds files, so the old one
            # steps aside first and is deleted once the new one is in place
            old = Path(
                tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=str(target.parent))
            )
            target.rename(old / "was")
            scratch.rename(target)
            shutil.rmtree(old, ignore_errors=True)
        else:
            scratch.rename(target)
    except OSError as e:
        raise StorageError(
            f"cannot write {target}: {e.strerror or e}",
            "free some space or point XLATE_HOME at a folder you can write",
        ) from e
    finally:
        if scratch is not None and scratch.exists():
            shutil.rmtree(scratch, ignore_errors=True)
