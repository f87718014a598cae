"""The paths of a document: which keys it has, and of which types their values are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["broken_promises", "different_values", "paths"]

#: when something was done, and with which versions of others: not promised as values
_CHANGES = ("fitted_at", "versions", "sha256", "fetched_at")
_TOLERANCE = 1e-6


def paths(document: Any) -> dict[str, set[str]]:
    """Every path of a document with the types of the values there.

    A key of an object is ``.key``, an element of a list ``[]``. A path that not every
    object of a list has is marked with ``?`` before its key: ``[]?.error``.
    """
    types_by_path: dict[str, set[str]] = {}
    _collect([document], "", types_by_path)
    return types_by_path


def _collect(values: list[Any], path: str, types_by_path: dict[str, set[str]]) -> None:
    """The paths of values that stand at one path."""
    if not values:
        return
    types_by_path[path or "."] = {_type(v) for v in values}
    objects = [v for v in values if isinstance(v, Mapping)]
    for key in dict.fromkeys(k for o in objects for k in o):
        holders = [o[key] for o in objects if key in o]
        mark = "" if len(holders) == len(objects) else "?"
        _collect(holders, f"{path}{mark}.{key}", types_by_path)
    items = [x for v in values if isinstance(v, list) for x in v]
    _collect(items, f"{path}[]", types_by_path)


def _type(value: Any) -> str:
    """Name of a JSON type; 1 and 1.0 are both numbers."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    names = {str: "text", int: "number", float: "number", list: "list"}
    return names.get(type(value), "object")


def broken_promises(kept: Any, printed: Any) -> list[str]:
    """What a script that reads the kept document misses in the printed one.

    Returns
    -------
    list of str
        ``PATH: is missing``, ``PATH: only some objects have it`` or ``PATH: is TYPE,
        was TYPE``; empty where every key is there with a value of the same type.
    """
    before, now = paths(kept), paths(printed)
    broken = []
    for path, types in before.items():
        optional = path.replace("?", "")
        same = [p for p in now if p.replace("?", "") == optional]
        if not same:
            # an empty list has no elements to compare
            if not _empty_above(path, now):
                broken.append(f"{path}: is missing")
        elif path.count("?") < same[0].count("?"):
            broken.append(f"{path}: only some objects have it")
        elif not now[same[0]] <= types:
            more = ", ".join(sorted(now[same[0]] - types))
            broken.append(f"{path}: is {more}, was {', '.join(sorted(types))}")
    return broken


def _empty_above(path: str, now: Mapping[str, set[str]]) -> bool:
    """Whether a path lies in a list of texts or numbers that is empty now.

    A list of notes may be empty; a list of objects may not lose its objects, since
    then nothing holds their keys.
    """
    return path.endswith("[]") and path.removesuffix("[]") in now


def different_values(kept: Any, printed: Any, path: str = "") -> Iterator[str]:
    """Values that differ, numbers by more than a relative 1e-6."""
    if path.rpartition(".")[2] in _CHANGES:
        return
    if isinstance(kept, Mapping) and isinstance(printed, Mapping):
        for key, value in kept.items():
            if key in printed:
                yield from different_values(value, printed[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}: is missing"
    elif isinstance(kept, list) and isinstance(printed, list):
        if len(kept) != len(printed):
            yield f"{path}: has {len(printed)} elements, had {len(kept)}"
        for i, (a, b) in enumerate(zip(kept, printed, strict=False)):
            yield from different_values(a, b, f"{path}[{i}]")
    elif not _equal(kept, printed):
        yield f"{path}: is {printed!r}, was {kept!r}"


def _equal(kept: Any, printed: Any) -> bool:
    if _type(kept) == _type(printed) == "number":
        return math.isclose(kept, printed, rel_tol=_TOLERANCE, abs_tol=1e-12)
    return bool(kept == printed)
