"""The one parallel layer: a function over items, in one process or several, by name.

What is computed does not depend on where: each item is worked on alone, with one
thread of BLAS, and the answers come back in the order of the items, so that they are
the same bytes whatever the backend. A backend is a name and a number of workers:

``serial``
    One item after the other, here.
``threads``
    Threads of this process; trees, BLAS and gathers of memory release the GIL.
``processes``
    Separate processes. The function and its items must pickle, which
    holds for every value of xlate.

Workers are as many as the cores that this process may use, unless a number is given:
``processes:4``. A backend for a cluster is one more class in :data:`BACKENDS`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from xlate.errors import UnknownNameError, XlateError

__all__ = [
    "BACKENDS",
    "DEFAULT",
    "MOST_WORKERS",
    "Backend",
    "Processes",
    "Serial",
    "Threads",
    "backend",
    "cores",
]

A = TypeVar("A")
B = TypeVar("B")
#: more than this is a slip of the keyboard
MOST_WORKERS = 256


def cores() -> int:
    """Cores that this process may use, which may be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Backend:
    """Where items are worked on.

    Parameters
    ----------
    workers : int, optional
        Items worked on at the same time, from 1 to :data:`MOST_WORKERS`; as many as
        there are cores by default.

    Raises
    ------
    XlateError
        If there is no such number of workers.
    """

    workers: int | None = None
    #: key in :data:`BACKENDS`
    name = "serial"

    def __post_init__(self) -> None:
        n = self.workers
        if n is not None and not 1 <= n <= MOST_WORKERS:
            raise XlateError(
                f"workers must be between 1 and {MOST_WORKERS}, got {n}",
                f"{self.name}:{cores()} works on as many items at once as there are "
                "cores here",
                code="parallel.bad-workers",
            )

    @property
    def count(self) -> int:
        """Items worked on at the same time."""
        return self.workers if self.workers is not None else cores()

    def map(self, function: Callable[[A], B], items: Iterable[A]) -> list[B]:
        """``function`` of each item, in the order of the items.

        Parameters
        ----------
        function : callable
            Of one item. For ``processes`` it must pickle: a function of a module, or
            a :func:`functools.partial` of one.
        items : iterable

        Raises
        ------
        Exception
            The first that ``function`` raises; items that were not begun are left.
        """
        return list(self.results(function, items))

    def results(self, function: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
        """The same, one at a time, as soon as it and those before it are there."""
        with one_thread_each():
            yield from self._results(function, list(items))

    def _results(self, function: Callable[[A], B], items: Sequence[A]) -> Iterator[B]:
        return map(function, items)

    def __str__(self) -> str:
        """As it is written in an option: ``threads:4``."""
        return self.name if self.workers is None else f"{self.name}:{self.workers}"


class Serial(Backend):
    """One item after the other; ``workers`` says nothing here."""

    name = "serial"

    @property
    def count(self) -> int:
        """One."""
        return 1


class Threads(Backend):
    """Threads of this process.

    Examples
    --------
    >>> from xlate.parallel import Threads
    >>> Threads(2).map(len, ["a", "bb", "ccc"])
    [1, 2, 3]
    """

    name = "threads"

    def _results(self, function: Callable[[A], B], items: Sequence[A]) -> Iterator[B]:
        if min(self.count, len(items)) < 2:
            yield from map(function, items)
            return
        from concurrent.futures import ThreadPoolExecutor

        pool = ThreadPoolExecutor(min(self.count, len(items)))
        try:
            yield from pool.map(function, items)
        finally:
            # what was not begun is of no use once one has failed
            pool.shutdown(wait=True, cancel_futures=True)


class Processes(Backend):
    """Separate processes, which stay for a while for what comes next.

    They are joblib's, which need no guard around the main program.
    """

    name = "processes"

    def _results(self, function: Callable[[A], B], items: Sequence[A]) -> Iterator[B]:
        if min(self.count, len(items)) < 2:
            yield from map(function, items)
            return
        from joblib import Parallel, delayed, parallel_config

        # one thread of BLAS in each process as well
        with parallel_config(backend="loky", inner_max_num_threads=1):
            done = Parallel(n_jobs=min(self.count, len(items)), return_as="generator")(
                delayed(function)(item) for item in items
            )
        yield from done


#: name -> class, in the order they are listed
BACKENDS: dict[str, type[Backend]] = {b.name: b for b in (Serial, Threads, Processes)}
#: no copies of tables, and nothing to start
DEFAULT = "threads"


def backend(name: str | Backend = DEFAULT, workers: int | None = None) -> Backend:
    """A backend as it is named in an option or a setting.

    Parameters
    ----------
    name : str or Backend
        ``NAME`` or ``NAME:WORKERS``; a backend is given back as it is.
    workers : int, optional
        In place of the number that the name says.

    Raises
    ------
    UnknownNameError
        If there is no such backend.
    XlateError
        If the number of workers is not a number, or not between 1 and :data:`MOST_WORKERS`.

    Examples
    --------
    >>> from xlate.parallel import backend
    >>> backend("threads:4").count
    4
    """
    if isinstance(name, Backend):
        return name
    kind, colon, number = name.strip().partition(":")
    if kind not in BACKENDS:
        raise UnknownNameError(
            "parallel backend", kind, BACKENDS, code="parallel.unknown-backend"
        )
    if colon:
        if not (number.isascii() and number.isdigit()):
            raise XlateError(
                f"{number!r} is not a number of workers (in {name!r})",
                f"{kind}:{cores()}, or {kind} for as many as there are cores",
                code="parallel.bad-workers",
            )
        # a number of a million digits is no number of workers, and slow to read
        said = int(number) if len(number) < 10 else MOST_WORKERS + 1
        workers = said if workers is None else workers
    return BACKENDS[kind](workers)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """One thread of BLAS for each item: several, on each core, would wait for another."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
