"""Values that cannot be changed: a mapping, and dataclasses that hold arrays or frames."""

from __future__ import annotations

from collections.abc import (
    Hashable,
    ItemsView,
    Iterable,
    Iterator,
    KeysView,
    ValuesView,
)
from collections.abc import Mapping as AbstractMapping
from dataclasses import fields
from typing import Any, NoReturn, TypeVar

__all__ = ["EqualByContent", "FrozenMap"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class FrozenMap(AbstractMapping[K, V]):
    """An immutable mapping that keeps the order of its items.

    Equal to any mapping of the same items. Unlike ``types.MappingProxyType``
    it has a copy of its items, can be pickled and deep-copied, and is hashable where its
    values are.

    Parameters
    ----------
    items : mapping or iterable of (key, value)
        Copied.

    Examples
    --------
    >>> from xlate.values.frozen import FrozenMap
    >>> FrozenMap({"a": 1})["a"]
    1
    """

    __slots__ = ("_items",)
    _items: dict[K, V]

    def __init__(
        self, items: AbstractMapping[K, V] | Iterable[tuple[K, V]] = ()
    ) -> None:
        object.__setattr__(self, "_items", dict(items))

    def __getitem__(self, key: K) -> V:
        return self._items[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: object) -> bool:
        return key in self._items

    # the views of dict are several times as fast as those of the abstract class
    def keys(self) -> KeysView[K]:
        """Keys, in order."""
        return self._items.keys()

    def values(self) -> ValuesView[V]:
        """Values, in order."""
        return self._items.values()

    def items(self) -> ItemsView[K, V]:
        """Pairs, in order."""
        return self._items.items()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, FrozenMap):
            return bool(self._items == other._items)
        if isinstance(other, AbstractMapping):
            return bool(self._items == dict(other))
        return NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return f"FrozenMap({self._items!r})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a FrozenMap cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a FrozenMap cannot be changed")

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenMap, (self._items,)


class EqualByContent:
    """Equality of dataclasses with arrays or frames in them (``eq=False``).

    Equal where every field is: arrays by shape, type and values, with NaN equal to
    NaN; frames by columns and values; other values as Python compares them.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from xlate.values.frozen import EqualByContent
    >>> @dataclass(frozen=True, eq=False)
    ... class Times(EqualByContent):
    ...     us: np.ndarray
    >>> Times(np.array([1.0, np.nan])) == Times(np.array([1.0, np.nan]))
    True
    """

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(_same(getattr(self, n), getattr(other, n)) for n in _names(self))

    def __hash__(self) -> int:
        # arrays and frames have no hash; equal values have equal texts
        texts = (v for n in _names(self) if isinstance(v := getattr(self, n), str))
        return hash((type(self), *texts))


def _names(value: Any) -> list[str]:
    return [f.name for f in fields(value)]


def _same(left: Any, right: Any) -> bool:
    if type(left) is not type(right):
        return bool(left == right)
    if hasattr(left, "equals"):  # a frame or a series
        return bool(left.schema == right.schema and left.equals(right))
    if hasattr(left, "tobytes") and hasattr(left, "dtype"):
        if left.dtype != right.dtype or left.shape != right.shape:
            return False
        # NaN is the only value that differs from itself
        return bool(((left == right) | ((left != left) & (right != right))).all())
    if isinstance(left, tuple | list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)
