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
    """An immutable mapping, in the order it was given.

    Equal to any mapping of the same items. Unlike ``types.MappingProxyType``
    it owns its items, can be pickled and deep-copied, and is hashable where its
    values are. It is a ``dict`` whose ways of changing it are closed, so that reading
    one takes no longer than reading a ``dict``.

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
    NaN; frames by columns and values; all else as Python has it.

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
        # arrays and frames have no hash; what is equal has equal text in it
        texts = (v for n in _names(self) if isinstance(v := getattr(self, n), str))
        return hash((type(self), *texts))


def _names(value: Any) -> list[str]:
    return [f.name for f in fields(value)]


def _same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return bool(one == other)
    if hasattr(one, "equals"):  # a frame or a series
        return bool(one.schema == other.schema and one.equals(other))
    if hasattr(one, "tobytes") and hasattr(one, "dtype"):
        if one.dtype != other.dtype or one.shape != other.shape:
            return False
        # NaN is the one value that is not itself
        return bool(((one == other) | ((one != one) & (other != other))).all())
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
