"""Traces without GPU work: their kinds, and how to record GPU work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from xlate.errors import ProfileError
from xlate.readers.pytorch.kineto_events import Collected
from xlate.readers.traces.chrome import Trace
from xlate.readers.traces.launches import kernel_launches
from xlate.values.reason import Reason

__all__ = ["by_autograd", "no_kernel", "of_autograd"]

#: how autograd's profiler names its processes
_BY_AUTOGRAD = re.compile(rb'"pid"\s*:\s*"(CPU|CUDA) [Ff]unctions"')
_ACTIVITIES = (
    "record with torch.profiler.profile(activities=[ProfilerActivity.CPU, "
    "ProfilerActivity.CUDA]): xlate profile record prints the lines"
)
_CUPTI = (
    f"{_ACTIVITIES}; where only kernels are missing, CUPTI was not allowed to record them: "
    "close other profilers, and in a container or as a user without rights allow GPU "
    "counters (NVreg_RestrictProfilingToAdminUsers=0)"
)


def no_kernel(
    path: Path, trace: Trace, collected: Collected, host: dict[str, Any]
) -> Reason:
    """The note on a trace with only host events, in whose steps PyTorch ran.

    Raises
    ------
    ProfileError
        If no profile can be made of it; the message says what it is, and what to record.
    """
    kinds = collected.categories
    if any(k.startswith("mtia") for k in kinds):
        raise ProfileError(
            f"{path} holds no GPU kernel: it was recorded on an MTIA accelerator",
            "xlate translates profiles of GPUs; record on one",
            code="profile.no-gpu-work",
        )
    if not host and not collected.steps:
        named = ", ".join(sorted(kinds)[:6])
        raise ProfileError(
            f"{path} holds no operation of PyTorch and no GPU event, but events of {named}",
            "record with torch.profiler and activities=[CPU, CUDA]; a trace of another tool "
            "may need --format",
            code="profile.not-a-profile",
        )
    ranges = kinds.get("cuda_profiler_range", 0)
    launches = int(kernel_launches(host, list(collected.names)).sum()) if host else 0
    if ranges:
        raise ProfileError(
            f"{path} holds no GPU kernel: CUPTI's range profiler took counters of {ranges} "
            "ranges instead",
            f"{_ACTIVITIES}, without experimental_config",
            code="profile.no-gpu-work",
        )
    if trace.truncated:
        raise ProfileError(
            f"{path} holds no GPU kernel: it breaks off before the GPU's events",
            "copy the whole file, or record fewer steps",
            code="profile.damaged",
        )
    if launches:
        raise ProfileError(
            f"{path} holds no GPU kernel, though {launches} were launched: the GPU's side "
            "was not recorded",
            _CUPTI,
            code="profile.no-gpu-work",
        )
    if not collected.steps:
        raise ProfileError(
            f"{path} holds no GPU kernel: only the host's side was recorded",
            _CUPTI,
            code="profile.no-gpu-work",
        )
    return Reason(
        "no GPU kernel was recorded, only the host's side", _CUPTI, unsound=True
    )


def by_autograd(head: bytes) -> bool:
    """Whether a trace is the older one, of ``torch.autograd.profiler`` without Kineto."""
    return _BY_AUTOGRAD.search(head) is not None


def of_autograd(path: Path, head: bytes) -> ProfileError:
    """The error for such a trace."""
    if any(m[1] == b"CUDA" for m in _BY_AUTOGRAD.finditer(head)):
        return ProfileError(
            f"{path} is a trace of torch.autograd.profiler: its CUDA times are of operations "
            "that contain each other, not of kernels, and it marks no steps",
            _ACTIVITIES,
            code="profile.not-a-profile",
        )
    return ProfileError(
        f"{path} is a trace of torch.autograd.profiler, of the CPU alone: it holds no GPU "
        "kernel",
        _ACTIVITIES,
        code="profile.no-gpu-work",
    )
