"""Frozen values that all rooms share: profiles, estimates, verdicts.

The name of a time holds its unit: ``*_us`` is microseconds over the
complete profile window, ``step_time_us`` microseconds for one training step.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from xlate import op_names
from xlate.errors import ProfileError
from xlate.values import workload_size
from xlate.values.frozen import FrozenMap
from xlate.values.precision_mix import NO_MIX, PrecisionMix
from xlate.values.time_faults import (
    MIN_BUSY,
    MIN_WINDOWS,
    shortness_fault,
    unit_fault,
    window_fault,
)

__all__ = [
    "DOMAINS",
    "MODE_NOT_KNOWN",
    "Estimate",
    "Profile",
    "Verdict",
    "WorkloadKey",
    "check_times",
    "dataset_name",
    "input_size",
    "times_fault",
]

#: mode of a workload whose file does not show whether it trains
MODE_NOT_KNOWN = "unknown"


def dataset_name(pixels: int) -> str:
    """Name of an image dataset by the side of its images: ``"128px"``."""
    return f"{pixels}px"


def input_size(dataset: str | None) -> int | None:
    """Side of the images (or length of the sequences) in a dataset's name, or None."""
    match = re.match(r"(\d+)", dataset or "")
    return int(match.group(1)) if match else None


@dataclass(frozen=True, slots=True)
class WorkloadKey:
    """The properties by which two runs are the same work; None where not known.

    Attributes
    ----------
    model, dataset, optimizer : str or None
        Network, data set (``128px``, ``64tok``: the size of its inputs), optimizer.
    batch_size : int or None
        Samples in one step.
    mode : str
        ``training`` or ``inference``.
    precision, framework : str
        Number format (``fp32``), and the framework that ran the work (``tensorflow``).

    Raises
    ------
    ProfileError
        If a name is not text or empty, or a size is out of the range of
        :mod:`xlate.values.workload_size`.

    Examples
    --------
    >>> from xlate.values.profile import WorkloadKey
    >>> WorkloadKey("ResNet50", "224px", 64).batch_size
    64
    """

    model: str | None = None
    dataset: str | None = None
    batch_size: int | None = None
    optimizer: str | None = None
    mode: str = "training"
    precision: str = "fp32"
    framework: str = "tensorflow"

    def __post_init__(self) -> None:
        for name in ("model", "dataset", "optimizer"):
            if getattr(self, name) is not None:
                _check_text(name, getattr(self, name))
        for name in ("mode", "precision", "framework"):
            _check_text(name, getattr(self, name))
        if self.dataset is not None:
            workload_size.check_dataset(self.dataset, "dataset")
        if self.batch_size is not None:
            size = workload_size.batch_size(self.batch_size, "batch_size")
            object.__setattr__(self, "batch_size", size)

    def filled(self, other: WorkloadKey) -> WorkloadKey:
        """This key; unknown parts, mode, precision and framework come from ``other``."""
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
    """A value with its interval; ``low`` and ``high`` are None where it has no interval.

    Attributes
    ----------
    value : float
        In the unit in the name of the field.
    low, high : float or None
        Ends of the interval; None where it is not calibrated.
    level : float or None
        Share of such intervals that hold the true value, between 0 and 1.

    Examples
    --------
    >>> from xlate import Estimate
    >>> Estimate(0.021, 0.018, 0.025, level=0.9).high
    0.025
    """

    value: float
    low: float | None = None
    high: float | None = None
    level: float | None = None


#: level of a verdict -> where the profile lies relative to the model's domain
DOMAINS = {"ok": "in_domain", "widen": "uncertain", "refuse": "out_of_domain"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far to trust an answer: ``ok``, ``widen`` or ``refuse``, with reasons.

    Attributes
    ----------
    level : str
        ``ok``, ``widen`` or ``refuse``.
    reasons : tuple of str
        Each says what limits the answer.

    Examples
    --------
    >>> from xlate import Verdict
    >>> Verdict("widen", ("no step time was given",)).reasons
    ('no step time was given',)
    """

    level: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """The op vector of one run, and facts about the run.

    Attributes
    ----------
    ops : mapping of str to float
        Column (``Device_Conv2D``) to microseconds over the profile window.
    workload : WorkloadKey
        What ran.
    instance : str or None
        Instance on which it ran; None where the file does not hold it.
    step_time_us : float or None
        Time of one step in microseconds, where it was measured.
    source : str
        File the profile was read from.
    notes : tuple of str
        Notes of the reader for the user.
    device : str or None
        Name of the GPU; None where the file does not hold it.
    memory_bytes : float or None
        Most memory that was allocated on the GPU, where recorded.
    precision_us : mapping of str to float
        Device time by the precision of the kernels
        (:mod:`xlate.values.kernel_precision`), µs over the window; empty where not recorded.
    newest_kernel : str or None
        The kernel that was built for the newest GPUs, where names show it: older GPUs
        do not run it.
    window_us, busy_us : float
        Length of the profile window (device time, idle included), and the time of it
        in which the device worked; both follow from ``ops``.
    precision_mix : PrecisionMix
        How ``precision_us`` divides.

    Raises
    ------
    ProfileError
        If an operation has a name of another form, a time or the memory is not a
        finite number from 0 up, or the step time is 0.

    Examples
    --------
    >>> from xlate.values.profile import Profile
    >>> Profile({"Device_Relu": 1500.0, "Device_IDLE": 500.0}).busy_us
    1500.0
    """

    ops: Mapping[str, float]
    workload: WorkloadKey = field(default_factory=WorkloadKey)
    instance: str | None = None
    step_time_us: float | None = None
    source: str = ""
    notes: tuple[str, ...] = ()
    device: str | None = None
    memory_bytes: float | None = None
    precision_us: Mapping[str, float] = field(default_factory=dict)
    newest_kernel: str | None = None

    # computed once here: every check and every answer asks for them
    window_us: float = field(init=False, repr=False, compare=False, default=0.0)
    busy_us: float = field(init=False, repr=False, compare=False, default=0.0)
    precision_mix: PrecisionMix = field(
        init=False, repr=False, compare=False, default=NO_MIX
    )

    def __post_init__(self) -> None:
        where = (
            f"{self.source}: " if isinstance(self.source, str) and self.source else ""
        )
        ops = _checked_ops(self.ops, where)
        put = object.__setattr__
        put(self, "ops", FrozenMap(ops))
        window = [t for c, t in ops.items() if c[0] == "D"]
        busy = [t for c, t in ops.items() if c[0] == "D" and c != op_names.DEVICE_IDLE]
        put(self, "window_us", float(sum(window)))
        put(self, "busy_us", float(sum(busy)))
        if not isinstance(self.workload, WorkloadKey):
            raise ProfileError(
                f"{where}workload is {self.workload!r}",
                "give a WorkloadKey",
                code="profile.bad-value",
            )
        if self.step_time_us is not None:
            step = workload_size.time(self.step_time_us, f"{where}step_time_us")
            if step == 0:
                raise ProfileError(
                    f"{where}step_time_us is 0",
                    "leave it out where it is not known",
                    code="profile.bad-value",
                )
            put(self, "step_time_us", step)
        if self.memory_bytes is not None:
            memory = workload_size.time(self.memory_bytes, f"{where}memory_bytes")
            put(self, "memory_bytes", memory)
        times = {
            p: workload_size.time(t, f"{where}{p}")
            for p, t in self.precision_us.items()
        }
        put(self, "precision_us", FrozenMap(times))
        put(self, "precision_mix", PrecisionMix.of(times) if times else NO_MIX)
        for name in ("instance", "device", "newest_kernel"):
            if getattr(self, name) is not None:
                _check_text(f"{where}{name}", getattr(self, name))
        notes = tuple(self.notes or ())
        if not isinstance(self.source, str) or not all(
            isinstance(n, str) for n in notes
        ):
            raise ProfileError(
                f"{where}source and notes are text, got {self.source!r}, {notes!r}"
            )
        put(self, "notes", notes)


def _checked_ops(ops: Any, where: str) -> dict[str, float]:
    """Operations, after a check of their names and times."""
    if not isinstance(ops, Mapping):
        raise ProfileError(
            f"{where}ops is {type(ops).__name__}, not a mapping",
            'write {"Device_Relu": 12.5, …}',
            code="profile.bad-field",
        )
    checked = {}
    for name, value in ops.items():
        if not isinstance(name, str) or not op_names.is_op_column(name):
            raise ProfileError(
                f"{where}{name!r} is not the name of an operation",
                "operations are written Device_<type> or Host_<type>",
                code="profile.bad-field",
            )
        # the usual case first: a table has millions of valid floats
        fits = type(value) is float and 0.0 <= value < math.inf
        checked[name] = value if fits else workload_size.time(value, f"{where}{name}")
    return checked


def _check_text(name: str, value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ProfileError(
            f"{name} is {value!r}",
            "a name, or None where not known",
            code="profile.bad-value",
        )


def times_fault(profile: Profile) -> ProfileError | None:
    """The error of :func:`check_times`; None where the times can be."""
    try:
        check_times(profile)
    except ProfileError as e:
        return e
    return None


def check_times(profile: Profile, step_given: bool = False) -> None:
    """Raise an error if op times cannot be in microseconds.

    The device's time over the window, idle included, is about two steps (2.0
    to 3.8 in PROFET's corpus). When a step time is known the two must agree
    within a factor of twenty; a factor of a thousand or a million shows a wrong
    unit. Where both are in another unit, operations are shorter than any kernel.

    Parameters
    ----------
    profile : Profile
    step_given : bool
        Whether the user gave the step time, so that this may be wrong instead.

    Raises
    ------
    ProfileError
        Naming the file, the sum, and the likely unit.
    """
    window = profile.window_us
    where = profile.source or "the profile"
    if not op_names.busy_columns(list(profile.ops)) or profile.busy_us <= 0:
        raise ProfileError(
            f"{where}: no device operation has any time",
            "profile on a machine with a GPU, over at least one whole step",
            code="profile.no-gpu-work",
        )
    if profile.step_time_us is None and profile.workload.framework != "tensorflow":
        raise ProfileError(
            f"{where} does not say how long a step takes",
            "give the time of one step with --step-time MS (--trace-steps N too, where it "
            "holds N steps), or record with steps: xlate profile record",
            code="profile.steps",
        )
    if profile.step_time_us is not None:
        idle = op_names.DEVICE_IDLE in profile.ops
        least = MIN_WINDOWS if idle else MIN_BUSY
        fault = unit_fault(window, profile.step_time_us, step_given, least)
    else:
        fault = window_fault(window)
    if fault is None:
        fault = shortness_fault(
            [t for c, t in profile.ops.items() if t > 0 and c[0] == "D"], window
        )
    if fault is not None:
        raise ProfileError(f"{where}: {fault[0]}", fault[1])
