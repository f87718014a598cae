"""A tree of models as plain values, arrays and archives of estimators, and back.

A bundle holds no import path of a class of this program. Values are JSON:

====================================  ================================================
number, text, true, false, null       themselves
``[...]``                             a list
``{"tuple": [...]}``                  a tuple
``{"map": {...}}``                    a mapping of texts to values, by the texts' order
``{"float": "inf"}``                  a number that JSON has not: inf, -inf or nan
``{"array": 3}``, ``{"scalar": 3}``   number 3 of the arrays, or numpy's scalar in it
``{"kind": "part/x", "state": {}}``   a model by kind and state (:mod:`xlate.models.state`)
``{"forest": {...}}``                 scikit-learn's trees (:mod:`xlate.store.forests`)
``{"estimator": 2}``                  number 2 of the estimators, a skops archive
====================================  ================================================
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from xlate.store.forests import is_forest, packed, rebuilt
from xlate.store.kinds import class_of, kind_of

__all__ = ["Encoded", "decode", "encode", "order_of"]

Array = NDArray[Any]

#: largest depth of models, lists and mappings within each other
_DEEPEST = 64
#: bytes of all arrays that are handed out
_MOST_COPIED = 1024 * 2**20
_UNWRITABLE = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


@dataclass(frozen=True, eq=False)
class Encoded:
    """A tree of models, taken apart.

    Attributes
    ----------
    tree : object
        What JSON can hold.
    arrays : list of ndarray
    estimators : list of bytes
        skops archives.
    """

    tree: Any
    arrays: list[Array] = field(default_factory=list)
    estimators: list[bytes] = field(default_factory=list)


def encode(value: Any) -> Encoded:
    """Take a tree of models apart.

    Parameters
    ----------
    value : object
        A model, or mappings, lists and tuples of models and plain values.

    Raises
    ------
    TypeError
        If something in it is of no registered kind, or could not be loaded again.
    """
    writer = _Writer()
    return Encoded(writer.tree(value), writer.arrays, writer.estimators)


class _Writer:
    """Collects arrays and estimators; equal arrays are written once."""

    def __init__(self) -> None:
        self.arrays: list[Array] = []
        self.estimators: list[bytes] = []
        self._places: dict[tuple[Any, ...], int] = {}

    def tree(self, value: Any) -> Any:
        # numpy's numbers first: one of them is a float to Python too
        if isinstance(value, np.generic):
            return {"scalar": self._array(np.asarray(value))}
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if isinstance(value, np.ndarray):
            return {"array": self._array(value)}
        if isinstance(value, list):
            return [self.tree(v) for v in value]
        if isinstance(value, tuple):
            return {"tuple": [self.tree(v) for v in value]}
        if is_forest(value):
            return {"forest": self._map(packed(value))}
        if type(value).__module__.startswith("sklearn."):
            # imported here, since few models have one
            from xlate.store.estimators import dumped

            self.estimators.append(dumped(value))
            return {"estimator": len(self.estimators) - 1}
        kind = kind_of(value)
        if kind is not None:
            return {"kind": kind, "state": self._map(_state(value))}
        if isinstance(value, Mapping):
            return {"map": self._map(value)}
        raise TypeError(
            f"an object of type {type(value).__name__} is of no kind that a bundle holds"
        )

    def _map(self, values: Mapping[Any, Any]) -> dict[str, Any]:
        wrong = next((k for k in values if not isinstance(k, str)), None)
        if wrong is not None:
            raise TypeError(f"a bundle holds values by texts, not by {wrong!r}")
        # in one order, so that what was loaded is saved as it was
        return {k: self.tree(values[k]) for k in sorted(values)}

    def _array(self, array: Array) -> int:
        if array.dtype.kind not in "biufU":
            raise TypeError(f"a bundle holds no array of {array.dtype}")
        if array.dtype.byteorder == ">":
            array = array.astype(array.dtype.newbyteorder("<"))
        order = order_of(array)
        mark = (array.dtype.str, array.shape, order, array.tobytes(order))
        place = self._places.setdefault(mark, len(self.arrays))
        if place == len(self.arrays):
            self.arrays.append(np.asarray(array, order=order))
        return place


def order_of(array: Array) -> Literal["C", "F"]:
    """Whether the last axis of an array runs fastest, or the first.

    Sums over an array are the same to the bit only where its order is.
    """
    flags = array.flags
    return "F" if flags.f_contiguous and not flags.c_contiguous else "C"


def _state(value: Any) -> dict[str, Any]:
    """State of a model; of a frozen dataclass, the fields it is made from."""
    if is_dataclass(value):
        return {
            f.name: getattr(value, f.name)
            for f in fields(value)
            if f.init and not f.name.startswith("_")
        }
    state: dict[str, Any] = value.state()
    return state


def decode(
    tree: Any, arrays: Sequence[Array], estimators: Sequence[bytes], where: str
) -> Any:
    """Put a tree of models together again.

    Parameters
    ----------
    tree, arrays, estimators
        As in :class:`Encoded`.
    where : str
        Named in errors.

    Raises
    ------
    ValueError, KeyError, TypeError, IndexError, AttributeError
        If it is not what :func:`encode` gives.
    BundleError
        If a tree of a forest points outside itself.
    """
    return _Reader(arrays, estimators, where).value(tree, 0)


class _Reader:
    """Puts values together; every array that is handed out can be written to."""

    def __init__(
        self, arrays: Sequence[Array], estimators: Sequence[bytes], where: str
    ) -> None:
        self._arrays = arrays
        self._estimators = dict(enumerate(estimators))
        self._where = where
        self._left = _MOST_COPIED

    def value(self, node: Any, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError("values stand in each other too deep")
        if isinstance(node, list):
            return [self.value(v, depth + 1) for v in node]
        if not isinstance(node, dict):
            return node
        if set(node) == {"kind", "state"}:
            return self._model(node["kind"], self._map(node["state"], depth))
        if len(node) != 1:
            raise ValueError(f"a value of no known form: {sorted(node)[:3]}")
        ((form, inner),) = node.items()
        if form == "array":
            return self._array(inner).copy(order="K")
        if form == "scalar":
            return self._array(inner).reshape(())[()]
        if form == "tuple":
            return tuple(self.value(v, depth + 1) for v in _of(list, inner))
        if form == "map":
            return self._map(inner, depth)
        if form == "float":
            return _UNWRITABLE[_of(str, inner)]
        if form == "forest":
            return rebuilt(self._map(inner, depth), self._where)
        if form == "estimator":
            from xlate.store.estimators import loaded

            # each of them is used in one place only
            return loaded(self._estimators.pop(_place(inner)))
        raise ValueError(f"a value of no known form: {form!r}")

    def _map(self, node: Any, depth: int) -> dict[str, Any]:
        return {k: self.value(v, depth + 1) for k, v in _of(dict, node).items()}

    def _array(self, place: Any) -> Array:
        array = self._arrays[_place(place)]
        # an array may stand in several places, but not without end
        self._left -= array.nbytes
        if self._left < 0:
            raise ValueError(f"its arrays take over {_MOST_COPIED:,} bytes")
        return array

    def _model(self, kind: Any, state: dict[str, Any]) -> Any:
        cls = class_of(_of(str, kind))
        if cls is None:
            raise ValueError(f"{kind!r} is no kind of model that this xlate knows")
        return cls(**state) if is_dataclass(cls) else cls.from_state(state)


def _of(kind: type[Any], value: Any) -> Any:
    if not isinstance(value, kind):
        raise ValueError(
            f"an object of type {type(value).__name__} stands in place of one of type {kind.__name__}"
        )
    return value


def _place(value: Any) -> int:
    """An index from the beginning; negative ones are refused."""
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is no place of a value")
    return value
