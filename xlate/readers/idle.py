"""Devices that did next to nothing: what was recorded is then not the job."""

from __future__ import annotations

from dataclasses import replace

from xlate.values.profile import Profile
from xlate.values.reason import Reason

__all__ = ["with_idle_doubt"]

#: a device that works less than this share of a step computes no job
_LEAST_BUSY = 0.001


def with_idle_doubt(profile: Profile) -> Profile:
    """The profile, with a note where the device was idle all but a thousandth of it.

    Examples
    --------
    >>> from xlate.values.profile import Profile
    >>> from xlate.readers.idle import with_idle_doubt
    >>> with_idle_doubt(Profile({"Device_Relu": 2.0, "Device_IDLE": 1e6})).notes
    ('the device is 0.0 % busy: 2 µs of 1e+06 µs',)
    """
    busy, window = profile.busy_us, profile.window_us
    if not 0 < busy < _LEAST_BUSY * window:
        return profile
    said = Reason(
        f"the device is {100 * busy / window:.1f} % busy: {busy:.6g} µs of {window:.6g} µs",
        "record steps in which the job computes, after warm-up and compilation",
        unsound=True,
    )
    return replace(profile, notes=(said, *profile.notes))
