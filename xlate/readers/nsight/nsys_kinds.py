"""The kinds of reports of ``nsys stats`` that hold the GPU's work, or ranges.

A report is recognised by the name of the script that wrote it, or by its headings where
no name is given. Reports of API calls, the operating system, OpenACC, MPI and so on have
similar headings, and belong to no kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from xlate.errors import ProfileError
from xlate.readers.nsight.nsys_tables import HINT, Report

__all__ = ["kind_of"]

_BASE = frozenset({"time", "total time", "instances", "avg", "med", "min", "max", "stddev"})  # fmt: skip
#: with the unnamed column that pandas writes first
_KERNEL_HEADS = _BASE | {"name", "kernel name", "gridxyz", "blockxyz", ""}
_COPY_HEADS = _BASE | {"count", "operation", ""}
#: older name of a script -> its name
_OLD_NAMES: Mapping[str, str] = {
    "gpukernsum": "cuda_gpu_kern_gb_sum", "gpumemtimesum": "cuda_gpu_mem_time_sum",
    "gpumemsizesum": "cuda_gpu_mem_size_sum", "gputrace": "cuda_gpu_trace",
    "gpusum": "cuda_gpu_sum", "kernexecsum": "cuda_kern_exec_sum",
    "kernexectrace": "cuda_kern_exec_trace", "apigpusum": "cuda_api_gpu_sum",
    "cudaapisum": "cuda_api_sum", "cudaapitrace": "cuda_api_trace",
    "nvtxsum": "nvtx_sum", "nvtxppsum": "nvtx_pushpop_sum",
    "pushpopsum": "nvtx_pushpop_sum", "nvtxpptrace": "nvtx_pushpop_trace",
    "nvtxssesum": "nvtx_startend_sum", "osrtsum": "osrt_sum",
}  # fmt: skip


def kind_of(path: Path, report: Report) -> str:
    """Kind of a report, by its name or else its headings; empty where it has no kind.

    Parameters
    ----------
    path : Path
        Named in errors.
    report : Report

    Raises
    ------
    ProfileError
        If a report of the GPU's work lacks a heading that it needs.

    Examples
    --------
    >>> from pathlib import Path
    >>> from xlate.readers.nsight.nsys_kinds import kind_of
    >>> from xlate.readers.nsight.nsys_tables import Report
    >>> head = ("total time", "num calls", "name")
    >>> kind_of(Path("a"), Report("cuda_api_sum", "", 1, head, (1e-3,) * 3, ()))
    ''
    """
    head = set(report.head)
    named = _OLD_NAMES.get(report.kind, report.kind)
    if not named:
        return next(
            (
                k
                for k, (_, needs, only) in _KINDS.items()
                if needs(head) and head <= (only or head)
            ),
            "",
        )
    for kind, (names, needs, _) in _KINDS.items():
        if not named.startswith(names):
            continue
        if not needs(head) and report.rows:
            raise ProfileError(
                f"{path}, line {report.line}: {named} has no headings that are known, "
                f"but {', '.join(report.head[:8])}",
                HINT,
                code="profile.not-a-profile",
            )
        return kind
    return ""


def _is_trace(head: set[str]) -> bool:
    """Whether the headings are of a trace of the GPU; calls of an API have a process."""
    return {"start", "duration", "name"} <= head and (
        bool(head & {"device", "grdx"})
        or ("corrid" in head and not head & {"pid", "result"})
    )


_Needs = Callable[[set[str]], bool]
#: kind -> its names, a test of the headings that it must have, and all headings that it
#: may have where the report has no name
_KINDS: Mapping[str, tuple[tuple[str, ...], _Needs, frozenset[str] | None]] = {
    "cuda_gpu_trace": (("cuda_gpu_trace",), _is_trace, None),
    "cuda_gpu_kern_sum": (
        ("cuda_gpu_kern",),
        lambda h: {"total time", "instances"} <= h and bool(h & {"name", "kernel name"}),
        _KERNEL_HEADS,
    ),
    "cuda_gpu_mem_time_sum": (
        ("cuda_gpu_mem_time_sum",),
        lambda h: {"total time", "operation"} <= h,
        _COPY_HEADS,
    ),
    "cuda_gpu_sum": (
        ("cuda_gpu_sum", "cuda_api_gpu_sum"),
        lambda h: {"total time", "category", "operation"} <= h,
        None,
    ),
    "cuda_kern_exec_sum": (
        ("cuda_kern_exec_sum",),
        lambda h: {"kavg", "count", "kernel name"} <= h,
        None,
    ),
    "cuda_kern_exec_trace": (
        ("cuda_kern_exec_trace",),
        lambda h: {"kernel start", "kernel dur", "kernel name"} <= h,
        None,
    ),
    "nvtx_sum": (
        ("nvtx_sum", "nvtx_pushpop_sum", "nvtx_startend_sum"),
        lambda h: {"total time", "range"} <= h and bool(h & {"instances", "num calls", "count"}),
        None,
    ),
    "nvtx_trace": (
        ("nvtx_pushpop_trace", "nvtx_startend_trace"),
        lambda h: {"start", "end", "name", "pid"} <= h,
        None,
    ),
}  # fmt: skip
