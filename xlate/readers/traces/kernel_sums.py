"""A profile from sums over kernels: how long each took in all, not when.

Nsight Systems' and rocprof's statistics are such sums. Divided by a number of steps they
are a step's vector; where streams overlap, their time is in it more than once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xlate import op_names
from xlate.hardware.kernel_architecture import newest
from xlate.readers.step_choice import StepChoice
from xlate.readers.traces.attribution import clean_kernel
from xlate.readers.traces.work_mode import mode_note, work_mode
from xlate.values.kernel_precision import kernel_precision
from xlate.values.profile import Profile, WorkloadKey
from xlate.values.reason import Reason

__all__ = ["KernelSum", "StepShare", "profile_of_sums"]

#: work may exceed the step by so much of it, by rounding
_ROUNDED = 0.01
#: how a name that a table cut ends
_CUT = ("…", "...")


@dataclass(frozen=True, slots=True)
class KernelSum:
    """All runs of one kernel or copy, as printed, µs."""

    name: str
    time_us: float
    kernel: bool = True
    #: how often it ran, where that is printed
    runs: float | None = None


@dataclass(frozen=True)
class StepShare:
    """How many steps the sums hold, and how long each takes.

    Attributes
    ----------
    steps : int
    length_us : float or None
        Of one step; None where not recorded.
    notes : tuple of str
        How that is known.
    """

    steps: int = 1
    length_us: float | None = None
    notes: tuple[str, ...] = ()


def profile_of_sums(
    sums: Sequence[KernelSum],
    share: StepShare,
    *,
    source: str,
    device: str | None = None,
    notes: Sequence[str] = (),
    choice: StepChoice | None = None,
) -> Profile:
    """The vector of one step.

    Parameters
    ----------
    sums : sequence of KernelSum
        At least one with a time.
    share : StepShare
    source : str
        File, and what in it.
    device : str, optional
        Name of the GPU.
    notes : sequence of str
        Said besides.
    choice : StepChoice, optional
        What the user says of the steps.

    Raises
    ------
    ProfileError
        If the user says more steps than there were runs of kernels.

    Examples
    --------
    >>> from xlate.readers.traces.kernel_sums import KernelSum, StepShare, profile_of_sums
    >>> sums = [KernelSum("sgemm_128x64", 80.0)]
    >>> profile_of_sums(sums, StepShare(2, 50.0), source="a").ops["Device_IDLE"]
    10.0
    """
    if choice is not None and all(s.runs is not None for s in sums):
        choice.check_count(source, int(sum(s.runs or 0 for s in sums)))
    ops: dict[str, float] = {}
    precision: dict[str, float] = {}
    for s in sums:
        if s.time_us <= 0:
            continue
        column = op_names.column("device", clean_kernel(s.name))
        ops[column] = ops.get(column, 0.0) + s.time_us / share.steps
        if s.kernel:
            kind = kernel_precision(s.name)
            precision[kind] = precision.get(kind, 0.0) + s.time_us / share.steps
    busy, length = sum(ops.values()), share.length_us
    if length is not None:
        ops[op_names.DEVICE_IDLE] = max(length - busy, 0.0)
    names = [s.name for s in sums if s.kernel and s.time_us > 0]
    mode = work_mode(names)
    said = [*share.notes, *notes, *_about(names, mode, busy, length)]
    return Profile(
        {k: v for k, v in ops.items() if v > 0},
        WorkloadKey(mode=mode, framework="unknown"),
        step_time_us=length,
        source=source,
        notes=tuple(said),
        device=device,
        precision_us=precision,
        newest_kernel=newest(names),
    )


def _about(
    names: Sequence[str], mode: str, busy: float, length: float | None
) -> list[str]:
    """What to say of the mode, of names that were cut, and of work beyond its step."""
    said: list[str] = []
    if length is not None and busy > length * (1 + _ROUNDED):
        said.append(
            f"kernels sum to {busy / 1e3:.4g} ms a step of {length / 1e3:.4g} ms: "
            "they overlap on several streams, or ran outside the steps"
        )
    if (says := mode_note(mode)) is not None:
        said.append(Reason(says, informs=True))
    cut = sum(n.endswith(_CUT) for n in names)
    if cut:
        said.append(Reason(f"{cut} names of kernels are cut", informs=True))
    return said
