"""Times that cannot be what they are said to be, and the unit that they look like."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "LONGEST_WINDOW_US",
    "MAX_WINDOWS",
    "MIN_BUSY",
    "MIN_WINDOWS",
    "MOST_SHORT_OPS",
    "SHORTEST_OP_US",
    "SHORTEST_WINDOW_US",
    "shortness_fault",
    "unit_fault",
    "window_fault",
]

#: a window of two training steps is not shorter than this; the shortest in
#: PROFET's corpus (LeNet5 on a T4) is 6522 µs
SHORTEST_WINDOW_US = 1000.0
#: and two of them not longer: ten minutes
LONGEST_WINDOW_US = 6.0e8
#: no kernel is shorter, whatever it does: half of what the fastest GPUs take
SHORTEST_OP_US = 0.5
#: so large a share of a run's operations below that is a unit, not a measurement
MOST_SHORT_OPS = 0.5
#: window over step that can be; a factor of a thousand is beyond both
MIN_WINDOWS, MAX_WINDOWS = 0.05, 40.0
#: the least where the file holds no idle time: the device may wait for its host, but a
#: factor of a thousand is still a unit
MIN_BUSY = 0.004


def unit_fault(
    window_us: float,
    step_time_us: float,
    step_given: bool = False,
    least: float = MIN_WINDOWS,
) -> tuple[str, str] | None:
    """What contradicts between a window and a step time, and what to try; or None.

    Parameters
    ----------
    window_us : float
        Device time over the window, idle included, µs.
    step_time_us : float
        Time of one step, µs.
    step_given : bool
        Whether the user gave the step time.
    least : float
        Least of window over step that can be.

    Examples
    --------
    >>> from xlate.values.time_faults import unit_fault
    >>> unit_fault(2.1e6, 1.0)[1]
    'the step times look like seconds: convert them to microseconds'
    """
    windows = window_us / step_time_us
    if least <= windows <= MAX_WINDOWS:
        return None
    said = (
        f"device time sums to {window_us:.6g} µs but one step takes "
        f"{step_time_us:.6g} µs (window / step = {windows:.3g}, expected about 1 to 4)"
    )
    if step_given and SHORTEST_WINDOW_US <= window_us <= LONGEST_WINDOW_US:
        ms = window_us / 1e3
        return said, (
            f"check the step time that was given (--step-time is in ms): the profile "
            f"suggests one from {ms / 4:.3g} to {ms:.3g} ms; or, if it is right, "
            f"{_what_to_convert(window_us, step_time_us)}"
        )
    return said, _what_to_convert(window_us, step_time_us)


def window_fault(window_us: float) -> tuple[str, str] | None:
    """What is wrong with a window that came without a step time, and what to try."""
    said = f"device time sums to {window_us:.6g} µs"
    if window_us < SHORTEST_WINDOW_US:
        looks = "seconds" if window_us < 1.0 else "milliseconds"
        return f"{said}, shorter than any step", _convert("op times", looks)
    if window_us > LONGEST_WINDOW_US:
        return f"{said}, over ten minutes", _convert("op times", "nanoseconds")
    return None


def shortness_fault(
    times_us: Sequence[float], window_us: float
) -> tuple[str, str] | None:
    """What is wrong with operations shorter than any kernel, and what to try; or None.

    Parameters
    ----------
    times_us : sequence of float
        Times of a run's device operations that ran, µs.
    window_us : float
        Their sum.

    Examples
    --------
    >>> from xlate.values.time_faults import shortness_fault
    >>> shortness_fault([0.03, 0.01], 0.04)[0]
    '2 of 2 operations take less than 0.5 µs, shorter than any kernel'
    """
    short = sum(t < SHORTEST_OP_US for t in times_us)
    if short <= MOST_SHORT_OPS * len(times_us):
        return None
    said = (
        f"{short} of {len(times_us)} operations take less than {SHORTEST_OP_US:g} µs, "
        "shorter than any kernel"
    )
    # a window in milliseconds is at least a few of them
    looks = "seconds" if window_us < 5.0 else "milliseconds or seconds"
    return said, _convert("times", looks)


def _what_to_convert(window_us: float, step_time_us: float) -> str:
    """The side that no run could have, and the unit it looks like."""
    large = max(window_us / step_time_us, step_time_us / window_us)
    unit = _unit_of(large)
    window_can = SHORTEST_WINDOW_US <= window_us <= LONGEST_WINDOW_US
    step_can = SHORTEST_WINDOW_US / 2 <= step_time_us <= LONGEST_WINDOW_US
    if unit is None:
        return "check the step time; it is the time of one step, not of an epoch"
    if window_us > step_time_us:
        if window_can or not step_can:
            looks = _looks("step times", unit)
            # the size of either does not say which of them is off
            both = window_can == step_can and unit == "milliseconds"
            return (
                f"{looks}, or the op times look like nanoseconds: convert to microseconds"
                if both
                else f"{looks}: convert to microseconds"
            )
        side = "op times"
    else:
        if step_can or not window_can:
            return _convert("op times", unit)
        side = "step times"
    if unit == "milliseconds":
        return _convert(side, "nanoseconds")
    return "check the step time; it is the time of one step, not of an epoch"


def _looks(what: str, unit: str) -> str:
    return f"the {what} look like {unit}"


def _convert(what: str, unit: str) -> str:
    return f"{_looks(what, unit)}: convert them to microseconds"


def _unit_of(factor: float) -> str | None:
    """Unit whose size in microseconds is within a factor of 20 of ``factor``."""
    for unit, size in (("seconds", 1e6), ("milliseconds", 1e3), ("nanoseconds", 1e-3)):
        if size / 20 <= factor <= size * 20:
            return unit
    return None
