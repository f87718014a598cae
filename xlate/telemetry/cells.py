"""Cells of a meter's table: numbers with units, missing values, other locales."""

from __future__ import annotations

import math
import re

from xlate.errors import ProfileError

__all__ = ["delimiter_of", "is_missing", "number"]

#: a cell begins with this number; a unit may follow it
_NUMBER = re.compile(r"\(?\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
#: what meters write where they have no value; brackets are taken off first
_MISSING = frozenset(
    {"", "-", "--", "n/a", "na", "null", "none", "err!", "unknown", "no data"}
)
#: values that DCGM keeps for "blank, not found, not supported, not permitted"
_BLANK = (2.0**31 - 16, 2.0**47)
_BLANKS = 4
#: ... and whatever is as large as its blank whole number
_HUGE = 2.0**62
_NOT_FINITE = frozenset({"nan", "inf", "infinity", "-nan", "1.#inf", "1.#qnan"})


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no value: ``[N/A]``, ``-``, ``[GPU is lost]``."""
    bare = cell.strip().strip('"').strip()
    return bare.startswith("[") or bare.lower() in _MISSING


def number(cell: object, field: str, where: str) -> float | None:
    """The number in a cell, whatever unit stands behind it; None where there is none.

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
        return _known(float(cell))
    text = str(cell).strip().strip('"').strip()
    if is_missing(text):
        return None
    if text.lower().lstrip("+-").split()[0] in _NOT_FINITE:
        return math.nan
    found = _NUMBER.match(text)
    if found is None:
        raise ProfileError(
            f"{where}: {field} is {text[:40]!r}, not a number",
            "record again; values are numbers, with or without their unit, or N/A",
        )
    return _known(float(found[1]))


def _known(value: float) -> float | None:
    """A value, or None where it is one that DCGM keeps for blanks."""
    if not math.isfinite(value):
        return math.nan
    blank = value >= _HUGE or any(b <= value < b + _BLANKS for b in _BLANK)
    return None if blank else value


def delimiter_of(header: str) -> str:
    """What separates the cells of a header: comma, semicolon or tab."""
    return max(",;\t", key=header.count)
