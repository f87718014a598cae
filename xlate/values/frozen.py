"""Values that cannot be changed: a mapping, and dataclasses that hold arrays or frames."""

from __future__ import annotations

from collections.abc import Hashable
from collections.abc import Mapping as AbstractMapping
from dataclasses import fields
from typing import Any, NoReturn, TypeVar

__all__ = ["EqualByContent", "FrozenMap"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class FrozenMap(dict[K, V]):
    """An immutable mapping that keeps the order of its items.

    Equal to any mapping of the same items. Unlike ``types.MappingProxyType``
    it has a copy of its items, can be pickled and deep-copied, and is hashable where its
    values are. It is a ``dict`` without the methods that change one, so that reading it
    is as fast as reading a ``dict``.

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

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, dict):
            return dict.__eq__(self, other)
        if isinstance(other, AbstractMapping):
            return dict.__eq__(self, dict(other))
        return NotImplemented

    def __ne__(self, other: object) -> bool:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    def __repr__(self) -> str:
        return f"FrozenMap({dict(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenMap, (dict(self),)

    def _refused(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("a FrozenMap cannot be changed")

    __setitem__ = _refused
    __delitem__ = _refused
    __ior__ = _refused
    clear = _refused
    pop = _refused
    popitem = _refused
    setdefault = _refused
    update = _refused

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a FrozenMap cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a FrozenMap cannot be changed")


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
