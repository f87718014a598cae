"""Frozen values that cross the borders between rooms.

All times are in the unit their name says; ``*_us`` is microseconds over the
whole profile window, ``step_time_us`` microseconds for one training step.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from xlate import opnames
from xlate.errors import ProfileError

__all__ = [
    "Estimate",
    "Profile",
    "Verdict",
    "WorkloadKey",
    "dataset_name",
    "input_size",
]


def dataset_name(pixels: int) -> str:
    """Name of an image dataset by the side of its images: ``"128px"``."""
    return f"{pixels}px"


def input_size(dataset: str | None) -> int | None:
    """Side of the images (or length of the sequences) in a dataset's name, or None."""
    found = re.match(r"(\d+)", dataset or "")
    return int(found.group(1)) if found else None


@dataclass(frozen=True, slots=True)
class WorkloadKey:
    """What makes two runs the same work; None where it is not known."""

    model: str | None = None
    dataset: str | None = None
    batch_size: int | None = None
    optimizer: str | None = None
    mode: str = "training"
    precision: str = "fp32"
    framework: str = "tensorflow"

    def filled(self, other: WorkloadKey) -> WorkloadKey:
        """This key with its unknown parts, and how it ran, taken from ``other``."""
        return replace(
            self,
            model=self.model or other.model,
            dataset=self.dataset or other.dataset,
            batch_size=self.batch_size or other.batch_size,
            optimizer=self.optimizer or other.optimizer,
            mode=other.mode,
            precision=other.precision,
            framework=other.framework,
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval; ``low`` and ``high`` are None where none is known."""

    value: float
    low: float | None = None
    high: float | None = None
    level: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far to trust an answer: ``ok``, ``widen`` or ``refuse``, with reasons."""

    level: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """One run's op vector with what is known about it.

    Attributes
    ----------
    ops : mapping of str to float
        Column (``Device_Conv2D``) to microseconds over the profile window.
    workload : WorkloadKey
        What ran.
    instance : str or None
        Where it ran, as far as the file says.
    step_time_us : float or None
        Time of one step in microseconds, where it was measured.
    source : str
        File the profile was read from.
    notes : tuple of str
        What the reader noticed and the user should know.
    device : str or None
        Name of the GPU, as far as the file says.
    memory_bytes : float or None
        Most memory that was allocated on the GPU, where recorded.
    """

    ops: Mapping[str, float]
    workload: WorkloadKey = field(default_factory=WorkloadKey)
    instance: str | None = None
    step_time_us: float | None = None
    source: str = ""
    notes: tuple[str, ...] = ()
    device: str | None = None
    memory_bytes: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "ops", MappingProxyType(dict(self.ops)))

    @property
    def window_us(self) -> float:
        """Length of the profile window: device time, idle included."""
        return float(sum(self.ops[c] for c in opnames.device_columns(list(self.ops))))

    @property
    def busy_us(self) -> float:
        """Time in which the device worked."""
        return float(sum(self.ops[c] for c in opnames.busy_columns(list(self.ops))))


#: a window of two training steps is not shorter than this; the shortest in
#: PROFET's corpus (LeNet5 on a T4) is 6522 µs
SHORTEST_WINDOW_US = 1000.0
#: and two of them not longer: ten minutes
LONGEST_WINDOW_US = 6.0e8


def check_times(profile: Profile) -> None:
    """Refuse op times that cannot be microseconds.

    The device's time over the window, idle included, is about two steps (2.0
    to 3.8 in PROFET's corpus). When a step time is known the two must agree
    within a factor of twenty; a factor of a thousand or a million gives the
    unit away.

    Raises
    ------
    ProfileError
        Naming the file, the sum found, and the unit it looks like.
    """
    window = profile.window_us
    where = profile.source or "the profile"
    if not opnames.busy_columns(list(profile.ops)) or profile.busy_us <= 0:
        raise ProfileError(
            f"{where}: no device operation has any time",
            "profile on a machine with a GPU, over at least one whole step",
        )
    if profile.step_time_us is None and profile.workload.framework != "tensorflow":
        raise ProfileError(
            f"{where} does not say how long a step takes",
            "give --step-time (ms), or record with steps: xlate profile record",
        )
    if profile.step_time_us is not None:
        windows = window / profile.step_time_us
        if not 0.05 <= windows <= 40:
            looks = _unit_of(2.0 / windows)
            raise ProfileError(
                f"{where}: device time sums to {window:.6g} µs but one step takes "
                f"{profile.step_time_us:.6g} µs (window / step = {windows:.3g}, "
                "expected about 2)",
                f"the op times look like {looks}: convert them to microseconds"
                if looks
                else "check the step time; it is the time of one step, not of an epoch",
            )
    elif window < SHORTEST_WINDOW_US:
        looks = "seconds" if window < 1.0 else "milliseconds"
        raise ProfileError(
            f"{where}: device time sums to {window:.6g} µs, shorter than any step",
            f"the op times look like {looks}: convert them to microseconds",
        )
    elif window > LONGEST_WINDOW_US:
        raise ProfileError(
            f"{where}: device time sums to {window:.6g} µs, over ten minutes",
            "the op times look like nanoseconds: convert them to microseconds",
        )


def _unit_of(factor: float) -> str | None:
    """Unit whose size in microseconds is within a factor of 20 of ``factor``."""
    for unit, size in (("seconds", 1e6), ("milliseconds", 1e3), ("nanoseconds", 1e-3)):
        if size / 20 <= factor <= size * 20:
            return unit
    return None
