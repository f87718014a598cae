"""What a workload's size can be, for files, options and Python alike.

Examples
--------
>>> from xlate.values.workload_size import batch_size
>>> batch_size(64.0, "runs.csv: batch_size")
64
"""

from __future__ import annotations

import math
import numbers
import re
from typing import Any

from xlate.errors import ProfileError

__all__ = [
    "MAX_BATCH_SIZE",
    "MAX_PIXELS",
    "MIN_PIXELS",
    "batch_size",
    "check_dataset",
    "time",
]

#: largest batch: a step over a million samples is no step of one GPU
MAX_BATCH_SIZE = 1_000_000
#: shortest side of an image, in pixels: less is another unit, or no size
MIN_PIXELS = 4
#: longest side of an image, in pixels: one of 65,536 squared fills 50 GB
MAX_PIXELS = 65_536


def batch_size(value: Any, where: str) -> int:
    """A batch size as int.

    Parameters
    ----------
    value : int, or float without a fraction
    where : str
        Names the value in errors: ``"runs.csv: batch_size"``.

    Raises
    ------
    ProfileError
        If it is no whole number from 1 to :data:`MAX_BATCH_SIZE`.
    """
    if not _is_number(value) or not 1 <= value <= MAX_BATCH_SIZE or value % 1:
        raise ProfileError(
            f"{where} is {value!r}",
            f"a whole number from 1 to {MAX_BATCH_SIZE:,}",
            code="profile.bad-value",
        )
    return int(value)


def check_dataset(name: str, where: str) -> None:
    """Refuse a dataset's name whose image size cannot be: ``"100000000px"``.

    Raises
    ------
    ProfileError
        If the side named is not from :data:`MIN_PIXELS` to :data:`MAX_PIXELS` pixels.
    """
    found = re.fullmatch(r"([+-]?\d+)px", name)
    if found is None:
        return
    # more digits than these are too many whatever they are
    side = int(found[1][:20])
    if not MIN_PIXELS <= side <= MAX_PIXELS:
        raise ProfileError(
            f"{where} is {name[:40]!r}",
            f"the side of an image is from {MIN_PIXELS} to {MAX_PIXELS:,} pixels",
            code="profile.bad-value",
        )


def time(value: Any, where: str) -> float:
    """A time or an amount as float: a finite number from 0 up.

    Raises
    ------
    ProfileError
        If it is anything else.
    """
    if not _is_number(value):
        raise ProfileError(
            f"{where} is {value!r}, not a number",
            "times are numbers in microseconds",
            code="profile.bad-value",
        )
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or number < 0:
        raise ProfileError(
            f"{where} is {value}",
            "times are finite and not negative; profile again",
            code="profile.bad-value",
        )
    return number


def _is_number(value: Any) -> bool:
    # numpy's numbers too; True is no amount
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
