"""Loaded bundles, kept until their files change.

Reading, checking and building a bundle takes a quarter of a second, an answer from
it a few milliseconds. A kept bundle passed every check of
:func:`xlate.store.bundle.load` with exactly the files that are in its folder now.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from xlate.errors import BundleError

__all__ = ["LoadedFolders"]

T = TypeVar("T")
Mark = tuple[tuple[int, ...], ...]

#: a file that was changed less than this ago could change again in the same tick
#: of the file system's clock, which could not be detected
_SETTLED_NS = 200_000_000
#: number of attempts while a writer replaces the folder that is read
_TRIES = 5


class LoadedFolders(Generic[T]):
    """Values loaded from folders; the least recently used are dropped first.

    Parameters
    ----------
    load : callable
        Loads a folder, with every check.
    files : sequence of str
        Names of the files in it that decide what is loaded.
    most : int
        Largest number of folders kept.
    """

    def __init__(
        self, load: Callable[[Path], T], files: Sequence[str], most: int = 8
    ) -> None:
        self._load = load
        self._files = tuple(files)
        self._most = most
        self._kept: OrderedDict[Path, tuple[Mark, T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, folder: Path) -> T:
        """The value of the folder's current files.

        Raises
        ------
        BundleError
            If it is refused.
        """
        folder = folder.absolute()
        for left in reversed(range(_TRIES)):
            mark = self._mark(folder)
            with self._lock:
                kept = self._kept.get(folder)
                if kept is not None and kept[0] == mark:
                    self._kept.move_to_end(folder)
                    return kept[1]
            try:
                loaded = self._load(folder)
            except BundleError:
                # replaced meanwhile: manifest and model are of different bundles
                if left and self._mark(folder) != mark:
                    continue
                raise
            if self._mark(folder) == mark:
                return self._put(folder, mark, loaded)
        return loaded

    def clear(self) -> None:
        """Drop all values."""
        with self._lock:
            self._kept.clear()

    def _put(self, folder: Path, mark: Mark | None, loaded: T) -> T:
        """Keep a loaded value; the value another thread kept first, if one did."""
        if mark is None:
            return loaded
        newest = max(max(changed, written) for _, _, _, changed, written in mark)
        if time.time_ns() - newest < _SETTLED_NS:
            return loaded
        with self._lock:
            kept = self._kept.get(folder)
            if kept is not None and kept[0] == mark:
                return kept[1]
            self._kept[folder] = (mark, loaded)
            self._kept.move_to_end(folder)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return loaded

    def _mark(self, folder: Path) -> Mark | None:
        """Identity of the files' content; None where a file is missing."""
        stats = []
        for name in self._files:
            try:
                s = (folder / name).stat()
            except OSError:
                return None
            # a program that sets the time of writing cannot set the time of change
            stats.append((s.st_dev, s.st_ino, s.st_size, s.st_ctime_ns, s.st_mtime_ns))
        return tuple(stats)
