"""Time stamps of meters: their forms, and seconds from the first one.

nvidia-smi writes ``2024/05/01 12:00:00.123``, in local time without a zone; its XML
``Wed May  1 12:00:00 2024``; ``dmon`` ``20240501 12:00:00`` or the time alone; others
write ISO 8601 or seconds since 1970.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlate.errors import ProfileError

__all__ = ["Times", "moment", "times_of"]

Floats = NDArray[np.float64]

_DAY = r"(?P<y>\d{4})(?P<s>[-/.]?)(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})"
_CLOCK = r"(?P<H>\d{1,2}):(?P<M>\d{2}):(?P<S>\d{2})(?:[.,](?P<f>\d+))?"
_ZONE = r"\s*(?P<z>Z|UTC|[+-]\d{2}:?\d{2})?"
_STAMP = re.compile(rf"^{_DAY}[T_\s-]+{_CLOCK}{_ZONE}$")
_TIME = re.compile(rf"^{_CLOCK}$")
_CTIME = re.compile(
    rf"^(?:\w{{3}}\s+)?(?P<b>[A-Z][a-z]{{2}})\s+(?P<d>\d{{1,2}})\s+{_CLOCK}\s+(?P<y>\d{{4}})$"
)
_MONTHS = {
    b: i
    for i, b in enumerate(
        (
            "Jan",
            "Feb",
            "Mar",
            "Apr",
            "May",
            "Jun",
            "Jul",
            "Aug",
            "Sep",
            "Oct",
            "Nov",
            "Dec",
        ),
        start=1,
    )
}
_EPOCH = re.compile(r"^\d{9,19}(?:\.\d+)?$")
_DAY_S = 86400.0
#: up to this share of rows out of order are sorted; more mean two recordings
_OUT_OF_ORDER = 0.05
#: up to this share of samples with unreadable stamps are left out
_UNREADABLE = 0.1


@dataclass(frozen=True, eq=False)
class Times:
    """Times of the samples of one recording.

    Attributes
    ----------
    order : array of int
        Samples to keep, in the order of their time.
    seconds : array of float
        From the first sample, ascending, one for each of ``order``.
    start : float or None
        Seconds since 1970 at the first sample: of UTC where ``zoned``, else of the
        local clock where it was recorded; None where stamps have no date.
    zoned : bool
        Whether stamps hold their time zone.
    notes : tuple of str
        Notes on what was sorted or left out.
    """

    order: NDArray[np.int64]
    seconds: Floats
    start: float | None
    zoned: bool
    notes: tuple[str, ...] = ()


def moment(stamp: str) -> tuple[float, bool] | None:
    """Seconds since 1970 in a time stamp, and whether it holds its zone.

    Returns
    -------
    (float, bool) or None
        A time without a day is on the first day of 1970; None where it is not a
        time stamp.

    Examples
    --------
    >>> from xlate.telemetry.stamps import moment
    >>> moment("2024/05/01 12:00:00.5")
    (1714564800.5, False)
    >>> moment("2024-05-01T12:00:00+02:00")
    (1714557600.0, True)
    """
    text = stamp.strip().strip("[]\"'")
    if _EPOCH.match(text):
        value = float(text)
        # seconds, milliseconds, microseconds or nanoseconds, by their size
        digits = len(text.split(".")[0])
        return value / 10 ** (3 * max(0, -(-(digits - 10) // 3))), True
    match = _STAMP.match(text) or _CTIME.match(text)
    if match is None:
        alone = _TIME.match(text)
        return None if alone is None else (_of_day(alone), False)
    parts = match.groupdict()
    month = _MONTHS.get(parts.get("b") or "") or int(parts.get("m") or 0)
    day = (int(parts["y"]), month, int(parts["d"]))
    if not (1 <= month <= 12 and 1 <= day[2] <= calendar.monthrange(day[0], month)[1]):
        return None
    seconds = calendar.timegm((*day, 0, 0, 0, 0, 0, 0)) + _of_day(match)
    zone = parts.get("z")
    if zone is None:
        return seconds, False
    if zone in ("Z", "UTC"):
        return seconds, True
    ahead = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
    return seconds - (ahead if zone[0] == "+" else -ahead), True


def _of_day(match: re.Match[str]) -> float:
    fraction = float(f"0.{match['f']}") if match["f"] else 0.0
    return int(match["H"]) * 3600 + int(match["M"]) * 60 + int(match["S"]) + fraction


def times_of(stamps: Sequence[str | None], source: str) -> Times | None:
    """Times of the samples of a recording; None where it was made without stamps.

    Raises
    ------
    ProfileError
        If stamps are of no known form, or time goes backwards in more than a few.
    """
    if sum(bool(s) for s in stamps) * 2 <= len(stamps):
        return None
    read = [moment(s) if s else None for s in stamps]
    kept = np.array([i for i, r in enumerate(read) if r is not None], dtype=np.int64)
    lost = len(read) - len(kept)
    if lost > _UNREADABLE * len(read):
        example = next(s for s, r in zip(stamps, read, strict=True) if r is None)
        raise ProfileError(
            f"{source}: time stamp {example!r} is not nvidia-smi's",
            "it writes 2024/01/31 12:00:00.000; ISO 8601 and seconds since 1970 are "
            "read too",
            code="telemetry.unsound",
        )
    readable = [read[i] for i in kept]
    at = np.array([r[0] for r in readable if r is not None])
    dated = at.max() >= _DAY_S
    if not dated:
        # a time without a date starts again at midnight
        at = at + _DAY_S * np.cumsum(np.diff(at, prepend=at[0]) < -_DAY_S / 2)
    notes = [f"{lost} samples have no time stamp and were left out"] if lost else []
    late = int((at < np.maximum.accumulate(at)).sum())
    if late > _OUT_OF_ORDER * len(at):
        raise ProfileError(
            f"{source}: time goes backwards in {late} of {len(at)} samples",
            "one recording a file; record again",
            code="telemetry.unsound",
        )
    if late:
        notes.append(f"{late} samples were out of order and were put in order")
    order = np.argsort(at, kind="stable")
    zoned = all(r[1] for r in readable if r is not None)
    start = float(at[order[0]]) if dated else None
    return Times(kept[order], at[order] - at[order[0]], start, zoned, tuple(notes))
