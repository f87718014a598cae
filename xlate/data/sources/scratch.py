"""Folders that downloads go to, and what a killed download left there."""

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
    """A folder for the files of a corpus, removed at the end whatever happens.

    Its name carries the process, so that what a killed one left is recognised
    (:func:`leftovers`).
    """
    prefix = f"{_PREFIX}-{corpus}-{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix) as scratch:
        yield Path(scratch)


def leftovers(corpus: str) -> list[Path]:
    """Folders of this user's downloads of a corpus whose process is gone."""
    name = re.compile(rf"{_PREFIX}-{re.escape(corpus)}-(\d+)-\w+")
    found = []
    for path in sorted(Path(tempfile.gettempdir()).glob(f"{_PREFIX}-{corpus}-*")):
        match = name.fullmatch(path.name)
        if match is None or path.is_symlink() or not path.is_dir():
            continue
        # a folder of somebody else in a shared place is not ours to read or remove
        if path.stat().st_uid == os.getuid() and not _alive(int(match[1])):
            found.append(path)
    return found


def remove(folders: list[Path]) -> None:
    """Remove folders; one that is gone already is fine."""
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
