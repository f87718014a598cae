"""Cells of a meter's table: numbers with units, missing values, decimal commas."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from xlate.errors import ProfileError

__all__ = ["delimiter_of", "is_missing", "number", "rows_of"]

#: a cell begins with this number; a unit may follow it
_NUMBER = re.compile(r"\(?\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
#: what meters write where they have no value, without brackets
_MISSING = frozenset(
    {"", "-", "--", "n/a", "na", "null", "none", "err!", "unknown", "no data"}
)
#: values that DCGM keeps for "blank, not found, not supported, not permitted"
_BLANK = (2.0**31 - 16, 2.0**47)
_BLANKS = 4
#: larger values are blank too
_HUGE = 2.0**62
_WORD = re.compile(r"[+-]?([a-z0-9.#]+)")
_NOT_FINITE = frozenset({"nan", "inf", "infinity", "1.#inf", "1.#qnan", "1.#ind"})


def is_missing(cell: str) -> bool:
    """Whether a cell holds no value: ``[N/A]``, ``-``, ``[GPU is lost]``."""
    bare = cell.strip().strip('"').strip()
    return bare.startswith("[") or bare.lower() in _MISSING


def number(cell: object, field: str, where: str) -> float | None:
    """The number in a cell, without its unit; None where the cell holds no value.

    Parameters
    ----------
    cell : object
        Text, or a value of a JSON document.
    field, where : str
        For the message.

    Returns
    -------
    float or None
        NaN where the meter wrote NaN or infinity, so that it can be counted.

    Raises
    ------
    ProfileError
        If it is some other word.

    Examples
    --------
    >>> from xlate.telemetry.cells import number
    >>> number(" 120.50 W", "POWER", "log.csv"), number("[N/A]", "POWER", "log.csv")
    (120.5, None)
    """
    if cell is None or isinstance(cell, bool):
        return None
    if isinstance(cell, (int, float)):
        return _not_blank(float(cell))
    text = str(cell)
    try:
        return _parsed(text)
    except ValueError as e:
        raise ProfileError(
            f"{where}: {field} is {text.strip()[:40]!r}, not a number",
            "record again; values are numbers, with or without their unit, or N/A",
            code="profile.bad-value",
        ) from e


# the same few values fill most of a recording
@lru_cache(maxsize=4096)
def _parsed(cell: str) -> float | None:
    text = cell.strip().strip('"').strip()
    if is_missing(text):
        return None
    word = _WORD.match(text.lower())
    if word is not None and word[1] in _NOT_FINITE:
        return math.nan
    match = _NUMBER.match(text)
    if match is None:
        raise ValueError(text)
    return _not_blank(float(match[1]))


def _not_blank(value: float) -> float | None:
    """A value, or None where DCGM reserves it for blanks."""
    if not math.isfinite(value):
        return math.nan
    blank = value >= _HUGE or any(b <= value < b + _BLANKS for b in _BLANK)
    return None if blank else value


def rows_of(
    lines: Iterable[str], source: str, delimiter: str = ","
) -> Iterator[list[str]]:
    """Rows of a csv.

    Raises
    ------
    ProfileError
        If a cell is too long for a meter, as where a quote is not closed.
    """
    try:
        yield from csv.reader(lines, delimiter=delimiter)
    except csv.Error as e:
        raise ProfileError(
            f"{source} is not a csv of a meter: {e}",
            "record again",
            code="profile.damaged",
        ) from e


def delimiter_of(header: str) -> str:
    """The separator of a header's cells: comma, semicolon or tab."""
    return max(",;\t", key=header.count)
