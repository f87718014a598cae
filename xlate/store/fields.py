"""Checks of a manifest: types, ranges and names of its fields."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from xlate.errors import BundleError
from xlate.files import read_bytes

__all__ = [
    "FORMAT",
    "check_card",
    "check_counts",
    "check_digests",
    "check_head",
    "check_types",
    "read_json",
]

#: format of bundles written today. 1 had neither intervals nor domain, 2 did not say
#: how many steps a window holds, 3 named classes by their place in this program; clock
#: models went from 1 to 4
FORMAT = 4

#: a manifest of a thousand models and a hundred translators is a tenth of this
_MOST_BYTES = 32 * 2**20
_SHA256 = re.compile(r"[0-9a-f]{64}")
#: no count of runs, rows or seeds is larger
_MOST = 2**63


def read_json(path: Path, refit: str) -> Any:
    """The value of a JSON file of bounded size.

    Raises
    ------
    BundleError
        If it is not a regular file, too large, not UTF-8, or not JSON (NaN and
        Infinity are not JSON).
    """
    try:
        text = read_bytes(path, _MOST_BYTES).decode()
    except (OSError, UnicodeDecodeError) as e:
        raise BundleError(f"{path} cannot be read: {e}", refit) from e
    return parse(text, str(path), refit)


def parse(text: str, where: str, refit: str) -> Any:
    """The value of a JSON text.

    Raises
    ------
    BundleError
        If it is not JSON.
    """

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not a number")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        mapping = dict(pairs)
        if len(mapping) < len(pairs):
            names = [k for k, _ in pairs]
            twice = next(k for k in names if names.count(k) > 1)
            raise ValueError(f"the key {twice!r} is given twice")
        return mapping

    try:
        return json.loads(text, parse_constant=refuse, object_pairs_hook=once)
    # a number of thousands of digits is a plain ValueError
    except (ValueError, RecursionError) as e:
        raise BundleError(f"{where} is not JSON: {e}", refit) from e


def check_head(raw: Any, cls: type, kind: str, where: str, refit: str) -> None:
    """Check a manifest's format, kind and names of fields against a dataclass.

    Parameters
    ----------
    raw : object
        The value of the JSON.
    cls : type
        Dataclass of the manifest.
    kind : str
        Kind of bundle that it should be of.
    where, refit : str
        For the error: the file, and the command that makes the bundle anew.

    Raises
    ------
    BundleError
        If it is not a manifest, is of another kind or of another version of xlate,
        lacks a field, or has an unknown field.
    """
    if not isinstance(raw, dict) or not _is(raw.get("format"), int):
        raise BundleError(f"{where} is no manifest of an xlate bundle", refit)
    of = raw.get("kind", "clocks" if "gpu" in raw else "translator")
    if of != kind:
        raise BundleError(
            f"{where} is that of a bundle of kind {of}, not {kind}", refit
        )
    if raw["format"] > FORMAT:
        raise BundleError(
            f"{where} has bundle format {raw['format']}, written by xlate "
            f"{_made_by(raw) or 'of a newer version'}; this xlate reads up to {FORMAT}",
            "upgrade xlate, or fit again with this version",
        )
    if raw["format"] < FORMAT:
        raise BundleError(
            f"{where} has bundle format {raw['format']}, written by xlate "
            f"{_made_by(raw) or 'of an older version'}; this xlate reads format {FORMAT} only",
            refit,
        )
    names = {f.name for f in fields(cls)}
    missing, strange = sorted(names - set(raw)), sorted(set(raw) - names)
    if missing or strange:
        problem = f"lacks {missing[0]}" if missing else f"has unknown {strange[0]}"
        raise BundleError(f"{where} {problem}", refit)


def _made_by(raw: Mapping[str, Any]) -> str | None:
    """Version of xlate that wrote a manifest, where it says it."""
    versions = raw.get("versions")
    made = versions.get("xlate") if isinstance(versions, dict) else None
    return made if isinstance(made, str) else None


def check_types(raw: Mapping[str, Any], cls: type, where: str, refit: str) -> None:
    """Check every field against the type that the dataclass declares for it.

    Raises
    ------
    BundleError
        Naming the first field that is something else, or a number that is not
        finite.
    """
    for name, kind in get_type_hints(cls).items():
        if not _is(raw[name], kind):
            raise BundleError(
                f"{where}: {name} is no {_in_json(kind)}: {_short(raw[name])}", refit
            )


def _is(value: Any, kind: Any) -> bool:
    if kind is Any:
        return True
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return any(_is(value, k) for k in inner)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            return False
        if inner[-1] is Ellipsis:
            return all(_is(v, inner[0]) for v in value)
        return len(value) == len(inner) and all(
            _is(v, k) for v, k in zip(value, inner, strict=True)
        )
    if origin is list:
        return isinstance(value, list) and all(_is(v, inner[0]) for v in value)
    if origin is not None:
        return isinstance(value, dict) and all(
            _is(k, inner[0]) and _is(v, inner[1]) for k, v in value.items()
        )
    if kind is bool:
        return isinstance(value, bool)
    if kind is float:
        return is_number(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < _MOST if isinstance(value, int) else math.isfinite(value)


def _in_json(kind: Any) -> str:
    """A type in the terms of JSON."""
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return " or ".join(_in_json(k) for k in get_args(kind))
    names = {
        tuple: "list", list: "list", Mapping: "object", dict: "object", str: "text",
        int: "whole number", float: "finite number", bool: "true or false",
        type(None): "null",
    }  # fmt: skip
    name = names.get(origin or kind)
    if name is None:
        name = "object" if origin is not None else str(kind)
    inner = [k for k in get_args(kind) if k is not Ellipsis]
    if name == "list" and inner:
        return f"list of {_in_json(inner[0])}"
    return name


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def check_counts(
    raw: Mapping[str, Any], fewest: Mapping[str, int], where: str, refit: str
) -> None:
    """Refuse counts below their minimum or above any plausible number.

    Raises
    ------
    BundleError
        Naming the field.
    """
    for name, low in fewest.items():
        if not low <= raw[name] < _MOST:
            raise BundleError(f"{where}: {name} is {raw[name]}", refit)


def check_digests(raw: Mapping[str, Any], where: str, refit: str) -> None:
    """Refuse checksums that are not of the form of a sha256.

    Raises
    ------
    BundleError
        Naming the file, or the corpus.
    """
    for name, digest in raw["files"].items():
        if not _SHA256.fullmatch(digest):
            raise BundleError(f"{where}: the sha256 of {name} is {digest!r}", refit)
    if raw["corpus_sha256"] and not _SHA256.fullmatch(raw["corpus_sha256"]):
        raise BundleError(
            f"{where}: corpus_sha256 is {_short(raw['corpus_sha256'])}", refit
        )


def check_card(rows: list[Mapping[str, Any]], who: str, where: str, refit: str) -> None:
    """Refuse rows of an accuracy card that lack a field or hold something else.

    Raises
    ------
    BundleError
        Naming the row.
    """
    for k, row in enumerate(rows):
        sound = (
            {who, "held_out", "metric", "value", "n"} <= set(row)
            and isinstance(row[who], str)
            and isinstance(row["metric"], str)
            and isinstance(row["held_out"], str | None)
            and (row["value"] is None or is_number(row["value"]))
            and _is(row["n"], int)
            and 0 <= row["n"] < _MOST
            # an error in % is not negative
            and not (
                row["metric"].endswith("mape")
                and row["value"] is not None
                and row["value"] < 0
            )
        )
        if not sound:
            raise BundleError(f"{where}: card row {k} is {_short(dict(row))}", refit)
