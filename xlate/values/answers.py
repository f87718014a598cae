"""Answers to several profiles, and the files that failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from xlate.values.translation import Failure

__all__ = ["Answers", "Documented"]


class Documented(Protocol):
    """A result with a JSON document."""

    def document(self) -> Any:
        """What ``--json`` prints: dicts, lists, strings, numbers and None."""


A = TypeVar("A", bound=Documented)


@dataclass(frozen=True, eq=False)
class Answers(Generic[A]):
    """Answers of a session to several profiles, in their order.

    Attributes
    ----------
    items : tuple
        An answer, or a :class:`~xlate.values.translation.Failure`, for each profile.

    Examples
    --------
    >>> from xlate.errors import ProfileError
    >>> lost = Failure("a.csv", ProfileError("a.csv is empty"))
    >>> answers = Answers((lost,))
    >>> len(answers.good), len(answers.failures)
    (0, 1)
    >>> answers.document()[0]["error"]
    'a.csv is empty'
    """

    items: tuple[A | Failure, ...]

    def __iter__(self) -> Iterator[A | Failure]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def good(self) -> list[A]:
        """The answers."""
        return [a for a in self.items if not isinstance(a, Failure)]

    @property
    def failures(self) -> list[Failure]:
        """The files without an answer, and why."""
        return [a for a in self.items if isinstance(a, Failure)]

    def sound(self) -> list[A]:
        """The answers, where every profile has one.

        Raises
        ------
        XlateError
            The error of the first failure.
        """
        for failure in self.failures:
            raise failure.error
        return self.good

    def document(self) -> list[Any]:
        """A list, one object a profile; a broken file holds ``file`` and ``error``."""
        return [a.document() for a in self.items]
