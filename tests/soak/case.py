"""A case: an input, commands, and what must be true of the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.soak.lab import Lab

__all__ = ["Case", "Cases"]

#: gives one sentence for each thing that is wrong
Judge = Callable[["Lab"], Iterable[str]]


@dataclass(frozen=True)
class Case:
    """One input.

    Attributes
    ----------
    id : str
        ``kind/name``, unique.
    origin : str
        Sentence of the requirement that the case is from.
    judge : callable
        Makes the input, runs commands, yields what is wrong.
    needs : frozenset of str
        ``clocks``: a fitted clock model in the data home. ``slow``: fits something, and
        may take longer than 10 s, the bound of every other case. ``root``: device nodes.
        ``later``: right of what is not built yet; it runs, and is wrong once it passes,
        so that the mark is taken away then.
    """

    id: str
    origin: str
    judge: Judge
    needs: frozenset[str] = frozenset()

    @property
    def kind(self) -> str:
        return self.id.partition("/")[0]


@dataclass
class Cases:
    """The cases of one kind, in the order they were added."""

    kind: str
    entries: list[Case] = field(default_factory=list)

    def add(self, name: str, origin: str, judge: Judge, *needs: str) -> None:
        self.entries.append(
            Case(f"{self.kind}/{name}", origin, judge, frozenset(needs))
        )

    def __iter__(self) -> Iterator[Case]:
        return iter(self.entries)
