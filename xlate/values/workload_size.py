"""Ranges of a workload's sizes, for files, options and Python.

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

#: largest batch: one GPU does not process a million samples in a step
MAX_BATCH_SIZE = 1_000_000
#: shortest side of an image, in pixels: a smaller number is not in pixels
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
        If it is not a whole number from 1 to :data:`MAX_BATCH_SIZE`.
    """
    if not _is_number(value) or not 1 <= value <= MAX_BATCH_SIZE or value % 1:
        raise ProfileError(
            f"{where} is {value!r}",
            f"a whole number from 1 to {MAX_BATCH_SIZE:,}",
            code="profile.bad-value",
        )
    return int(value)


def check_dataset(name: str, where: str) -> None:
    """Raise an error if the image size in a dataset's name is impossible: ``"100000000px"``.

    Raises
    ------
    ProfileError
        If the side named is not from :data:`MIN_PIXELS` to :data:`MAX_PIXELS` pixels.
    """
    match = re.fullmatch(r"([+-]?\d+)px", name)
    if match is None:
        return
    # 20 digits are enough to be out of range
    side = int(match[1][:20])
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
    # accept numpy's numbers too, but not True
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
