"""Folders of downloads, and folders that killed downloads left."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["leftovers", "remove", "scratch_folder"]

_PREFIX = "xlate-pull"


@contextmanager
def scratch_folder(corpus: str) -> Iterator[Path]:
    """A folder for the files of a corpus, removed at the end in every case.

    Its name holds the process, so that the folder of a killed one is recognised
    (:func:`leftovers`).
    """
    prefix = f"{_PREFIX}-{corpus}-{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix) as scratch:
        yield Path(scratch)


def leftovers(corpus: str) -> list[Path]:
    """Folders of this user's downloads of a corpus whose process ended."""
    name = re.compile(rf"{_PREFIX}-{re.escape(corpus)}-(\d+)-\w+")
    folders = []
    for path in sorted(Path(tempfile.gettempdir()).glob(f"{_PREFIX}-{corpus}-*")):
        match = name.fullmatch(path.name)
        if match is None or path.is_symlink() or not path.is_dir():
            continue
        # folders of other users in a shared place are not read or removed
        if path.stat().st_uid == os.getuid() and not _alive(int(match[1])):
            folders.append(path)
    return folders


def remove(folders: list[Path]) -> None:
    """Remove folders; they may be missing already."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
