"""A bar on stderr for work that takes long, where somebody is there to see it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Tick", "progress_bar"]

#: called with steps done, steps in all (0 where not known), and what is done
Tick = Callable[[int, int, str], None]

#: work that is done sooner shows nothing
PATIENCE_S = 2.0


@contextmanager
def progress_bar(title: str, quiet: bool = False) -> Iterator[Tick]:
    """Show a bar from the second second on, until the block ends.

    Parameters
    ----------
    title : str
        What is done, until the work itself says more.
    quiet : bool
        Show nothing, as with ``--json``.

    Yields
    ------
    callable
        To be called with steps done, steps in all, and what is done. Where stderr is
        no terminal, it does nothing.
    """
    if quiet or not sys.stderr.isatty():
        yield _nothing
        return
    bar = _Bar(title)
    timer = threading.Timer(PATIENCE_S, bar.show)
    timer.daemon = True
    timer.start()
    try:
        yield bar.tick
    finally:
        timer.cancel()
        bar.close()


def _nothing(done: int, total: int, what: str) -> None:
    """Take a step's report and show nothing."""


class _Bar:
    """The bar, shown once the work has taken long enough."""

    def __init__(self, title: str) -> None:
        self._lock = threading.Lock()
        self._state = (0, 0, title)
        self._shown: Any = None
        self._task: Any = None
        self._closed = False

    def tick(self, done: int, total: int, what: str) -> None:
        with self._lock:
            self._state = (done, total, what)
            if self._shown is not None:
                self._shown.update(
                    self._task, completed=done, total=total or None, description=what
                )

    def show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        with self._lock:
            if self._closed:
                return
            done, total, what = self._state
            self._shown = Progress(
                # corpora and models may be named like rich's markup
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=False,
            )
            self._task = self._shown.add_task(what, completed=done, total=total or None)
            self._shown.start()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._shown is not None:
                self._shown.stop()
