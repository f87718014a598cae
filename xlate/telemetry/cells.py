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
#: unit that may follow a number
_UNIT = re.compile(r"\s*([a-zµμ%°]+)", re.IGNORECASE)
#: units, in lower case, of a field that meters write in more than one -> factor
_POWER = {
    "w": 1.0,
    "watt": 1.0,
    "watts": 1.0,
    "mw": 1e-3,
    "kw": 1e3,
    "µw": 1e-6,
    "uw": 1e-6,
}
_CLOCK = {"mhz": 1.0, "khz": 1e-3, "ghz": 1e3, "hz": 1e-6}
_SIZE = {
    "b": 2.0**-20, "bytes": 2.0**-20, "kib": 2.0**-10, "mib": 1.0, "gib": 2.0**10,
    "kb": 1e3 / 2**20, "mb": 1e6 / 2**20, "gb": 1e9 / 2**20,
}  # fmt: skip
_FACTORS = {
    "POWER": _POWER, "LIMIT": _POWER, "SMCLK": _CLOCK, "SMMAX": _CLOCK, "MMCLK": _CLOCK,
    "MUSED": _SIZE,
}  # fmt: skip
_NOT_FINITE = frozenset({"nan", "inf", "infinity", "1.#inf", "1.#qnan", "1.#ind"})


def is_missing(cell: str) -> bool:
    """Whether a cell holds no value: ``[N/A]``, ``-``, ``[GPU is lost]``."""
    bare = cell.strip().strip('"').strip()
    return bare.startswith("[") or bare.lower() in _MISSING


def number(
    cell: object, field: str, where: str, unit: str | None = None
) -> float | None:
    """The number in a cell, in the field's unit; None where the cell holds no value.

    Power is in W, clocks are in MHz, memory is in MiB; other fields have one unit only.

    Parameters
    ----------
    cell : object
        Text, or a value of a JSON document.
    field : str
        DCGM's short name of it.
    where : str
        For the message.
    unit : str, optional
        Of a cell that names none, as the heading of its column does.

    Returns
    -------
    float or None
        NaN where the meter wrote NaN or infinity, so that it can be counted.

    Raises
    ------
    ProfileError
        If it is some other word, or in a unit that the field cannot have.

    Examples
    --------
    >>> from xlate.telemetry.cells import number
    >>> number(" 120.50 W", "POWER", "log.csv"), number("[N/A]", "POWER", "log.csv")
    (120.5, None)
    >>> number("120500", "POWER", "log.csv", unit="mW")
    120.5
    """
    if cell is None or isinstance(cell, bool):
        return None
    text = str(cell)
    try:
        value, own_unit = (
            (_not_blank(float(cell)), None)
            if isinstance(cell, (int, float))
            else _parsed(text)
        )
        if value is None or not (own_unit or unit):
            return value
        return value * _factor(field, own_unit or unit or "", where)
    except ValueError as e:
        raise ProfileError(
            f"{where}: {field} is {text.strip()[:40]!r}, not a number",
            "record again; values are numbers, with or without their unit, or N/A",
            code="profile.bad-value",
        ) from e


# the same few values fill most of a recording
@lru_cache(maxsize=4096)
def _parsed(cell: str) -> tuple[float | None, str | None]:
    """The number in a cell and the unit that follows it."""
    text = cell.strip().strip('"').strip()
    if is_missing(text):
        return None, None
    word = _WORD.match(text.lower())
    if word is not None and word[1] in _NOT_FINITE:
        return math.nan, None
    match = _NUMBER.match(text)
    if match is None:
        raise ValueError(text)
    unit = _UNIT.match(text, match.end())
    return _not_blank(float(match[1])), None if unit is None else unit[1]


def _factor(field: str, unit: str, where: str) -> float:
    """What makes a value of a unit one of the field's own unit.

    Raises
    ------
    ProfileError
        If power, a clock or a size of memory is in a unit of something else.
    """
    factors = _FACTORS.get(field)
    if factors is None:
        return 1.0
    factor = factors.get(unit.strip().lower().replace("μ", "µ"))
    if factor is None:
        raise ProfileError(
            f"{where}: {field} is in {unit!r}",
            f"it is read in {', '.join(list(factors)[:3])} and the like; record again",
            code="profile.bad-value",
        )
    return factor


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
