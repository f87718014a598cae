"""A profile from sums over kernels: the total time of each, without start times.

Nsight Systems' and rocprof's statistics are such sums. Divided by the number of steps they
are a step's vector; where streams overlap, the time is counted more than once.
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

#: work may exceed the step by this share of it, because of rounding
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
        Where these figures come from.
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
        Further notes.
    choice : StepChoice, optional
        Options of the user about the steps.

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
    ops, precision = _step_times(sums, share.steps)
    busy, length = sum(ops.values()), share.length_us
    if length is not None:
        ops[op_names.DEVICE_IDLE] = max(length - busy, 0.0)
    names = [s.name for s in sums if s.kernel and s.time_us > 0]
    mode = work_mode(names)
    all_notes = [*share.notes, *notes, *_about(names, mode, busy, length)]
    return Profile(
        {k: v for k, v in ops.items() if v > 0},
        WorkloadKey(mode=mode, framework="unknown"),
        step_time_us=length,
        source=source,
        notes=tuple(all_notes),
        device=device,
        precision_us=precision,
        newest_kernel=newest(names),
    )


def _step_times(
    sums: Sequence[KernelSum], steps: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Time of one step, µs, by column and by precision."""
    ops: dict[str, float] = {}
    precision: dict[str, float] = {}
    for s in sums:
        if s.time_us <= 0:
            continue
        column = op_names.column("device", clean_kernel(s.name))
        ops[column] = ops.get(column, 0.0) + s.time_us / steps
        if s.kernel:
            kind = kernel_precision(s.name)
            precision[kind] = precision.get(kind, 0.0) + s.time_us / steps
    return ops, precision


def _about(
    names: Sequence[str], mode: str, busy: float, length: float | None
) -> list[str]:
    """Notes on the mode, on names that were cut, and on work that exceeds the step."""
    notes: list[str] = []
    if length is not None and busy > length * (1 + _ROUNDED):
        notes.append(
            f"kernels sum to {busy / 1e3:.4g} ms a step of {length / 1e3:.4g} ms: "
            "they overlap on several streams, or ran outside the steps"
        )
    if (about_mode := mode_note(mode)) is not None:
        notes.append(Reason(about_mode, informs=True))
    cut = sum(n.endswith(_CUT) for n in names)
    if cut:
        notes.append(Reason(f"{cut} names of kernels are cut", informs=True))
    return notes
