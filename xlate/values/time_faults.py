"""Times that cannot be in the stated unit, and their likely unit."""

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

#: shortest window of two training steps; the shortest in PROFET's corpus (LeNet5 on a
#: T4) is 6522 µs
SHORTEST_WINDOW_US = 1000.0
#: longest window of two training steps: ten minutes
LONGEST_WINDOW_US = 6.0e8
#: no kernel is shorter: half of the shortest time on the fastest GPUs
SHORTEST_OP_US = 0.5
#: where more than this share of operations is shorter, the unit is wrong
MOST_SHORT_OPS = 0.5
#: range of window over step; a factor of a thousand lies outside
MIN_WINDOWS, MAX_WINDOWS = 0.05, 40.0
#: the lower bound where the file holds no idle time: the device may wait for its host,
#: but a factor of a thousand is still a wrong unit
MIN_BUSY = 0.004


def unit_fault(
    window_us: float,
    step_time_us: float,
    step_given: bool = False,
    least: float = MIN_WINDOWS,
) -> tuple[str, str] | None:
    """How a window and a step time contradict each other, and a hint; or None.

    Parameters
    ----------
    window_us : float
        Device time over the window, idle included, µs.
    step_time_us : float
        Time of one step, µs.
    step_given : bool
        Whether the user gave the step time.
    least : float
        Lower bound of window over step.

    Examples
    --------
    >>> from xlate.values.time_faults import unit_fault
    >>> unit_fault(2.1e6, 1.0)[1]
    'the step times look like seconds: convert them to microseconds'
    """
    windows = window_us / step_time_us
    if least <= windows <= MAX_WINDOWS:
        return None
    fault = (
        f"device time sums to {window_us:.6g} µs but one step takes "
        f"{step_time_us:.6g} µs (window / step = {windows:.3g}, expected about 1 to 4)"
    )
    if step_given and SHORTEST_WINDOW_US <= window_us <= LONGEST_WINDOW_US:
        ms = window_us / 1e3
        return fault, (
            f"check the step time that was given (--step-time is in ms): the profile "
            f"suggests one from {ms / 4:.3g} to {ms:.3g} ms; or, if it is right, "
            f"{_what_to_convert(window_us, step_time_us)}"
        )
    return fault, _what_to_convert(window_us, step_time_us)


def window_fault(window_us: float) -> tuple[str, str] | None:
    """The fault of a window without a step time, and a hint; or None."""
    sum_text = f"device time sums to {window_us:.6g} µs"
    if window_us < SHORTEST_WINDOW_US:
        unit = "seconds" if window_us < 1.0 else "milliseconds"
        return f"{sum_text}, shorter than any step", _convert("op times", unit)
    if window_us > LONGEST_WINDOW_US:
        return f"{sum_text}, over ten minutes", _convert("op times", "nanoseconds")
    return None


def shortness_fault(
    times_us: Sequence[float], window_us: float
) -> tuple[str, str] | None:
    """The fault of operations shorter than any kernel, and a hint; or None.

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
    fault = (
        f"{short} of {len(times_us)} operations take less than {SHORTEST_OP_US:g} µs, "
        "shorter than any kernel"
    )
    # a window in milliseconds is at least a few of them
    unit = "seconds" if window_us < 5.0 else "milliseconds or seconds"
    return fault, _convert("times", unit)


def _what_to_convert(window_us: float, step_time_us: float) -> str:
    """The hint: which of the two times is impossible, and its likely unit."""
    large = max(window_us / step_time_us, step_time_us / window_us)
    unit = _unit_of(large)
    window_can = SHORTEST_WINDOW_US <= window_us <= LONGEST_WINDOW_US
    step_can = SHORTEST_WINDOW_US / 2 <= step_time_us <= LONGEST_WINDOW_US
    if unit is None:
        return "check the step time; it is the time of one step, not of an epoch"
    if window_us > step_time_us:
        if window_can or not step_can:
            looks = _looks("step times", unit)
            # the sizes do not show which of them is wrong
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


def _looks(times: str, unit: str) -> str:
    return f"the {times} look like {unit}"


def _convert(times: str, unit: str) -> str:
    return f"{_looks(times, unit)}: convert them to microseconds"


def _unit_of(factor: float) -> str | None:
    """Unit whose size in microseconds is within a factor of 20 of ``factor``."""
    for unit, size in (("seconds", 1e6), ("milliseconds", 1e3), ("nanoseconds", 1e-3)):
        if size / 20 <= factor <= size * 20:
            return unit
    return None
