"""Checks that a value is of the kind a test goes on with, for people and for mypy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

__all__ = ["all_as", "as_type", "present"]

T = TypeVar("T")


def present(value: T | None) -> T:
    """The value, which must not be None."""
    assert value is not None
    return value


def as_type(kind: type[T], value: object) -> T:
    """The value, which must be of this type: an answer, not a failure."""
    assert isinstance(value, kind), value
    return value


def all_as(kind: type[T], values: Iterable[object]) -> list[T]:
    """The values, each of which must be of this type."""
    return [as_type(kind, value) for value in values]
