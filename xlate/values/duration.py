"""Durations as people write them."""

from __future__ import annotations

__all__ = ["duration_text"]


def duration_text(us: float) -> str:
    """A duration in the unit that people would choose.

    Parameters
    ----------
    us : float
        µs.

    Examples
    --------
    >>> from xlate.values.duration import duration_text
    >>> duration_text(1.75977), duration_text(1.33363e7)
    ('1.76 µs', '13.34 s')
    """
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if us >= size:
            return f"{us / size:.4g} {unit}"
    return f"{us:.4g} µs"
