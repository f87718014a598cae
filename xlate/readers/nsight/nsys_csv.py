"""``nsys stats``: kernels and copies of the GPU, and NVTX ranges as steps.

Reports follow each other as nsys prints them, as csv, columns or tables. Only reports of
the GPU's work are counted (``cuda_gpu_kern_sum``, ``cuda_gpu_mem_time_sum``,
``cuda_gpu_sum``, ``cuda_kern_exec_sum``, ``cuda_gpu_trace`` and their older names), and
only one of several that hold the same work: sums over API calls, the operating system,
OpenACC, MPI and so on are the host's time. ``cuda_kern_exec_sum`` and ``_trace`` and the
traces of NVTX are read as their scripts write them; no real file of these was available.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xlate.errors import ProfileError
from xlate.files.limits import read_text
from xlate.readers.nsight.nsys_kinds import kind_of
from xlate.readers.nsight.nsys_ranges import step_share
from xlate.readers.nsight.nsys_tables import HINT, Report, is_report, number, reports
from xlate.readers.source import Source
from xlate.readers.step_choice import StepChoice
from xlate.readers.traces.device_trace import DeviceTrace, NamedDevices
from xlate.readers.traces.kernel_sums import KernelSum, profile_of_sums
from xlate.readers.traces.marks import Marks, Range, steps_of
from xlate.values.profile import Profile
from xlate.values.reason import Reason

__all__ = ["read", "sniff"]

#: relative difference within which two reports hold the same work
_SAME = 0.01
#: missing percent: rounding of each line, the least that is noted, and the least that is
#: a warning
_ROUNDED, _NOTED, _MUCH = 0.05, 0.5, 5.0


def sniff(head: bytes) -> bool:
    """Whether one of the first lines is a name or a heading of a report of nsys stats."""
    return is_report(head)


def read(source: Source) -> list[Profile]:
    """Read the reports of each run into one profile.

    Parameters
    ----------
    source : Source
        The file.

    Raises
    ------
    ProfileError
        If there is no kernel, a line does not fit its heading, two reports of one run
        contradict each other, or commas stand in for decimal points.
    """
    path = source.path
    listed = reports(path, read_text(path, source.content()))
    runs: dict[str, list[Report]] = {}
    for r in listed:
        runs.setdefault(r.run, []).append(r)
    by_run = {
        run: _profiles(path, of_run, source.steps) for run, of_run in runs.items()
    }
    with_work = {run: p for run, p in by_run.items() if p}
    if not with_work:
        kinds = sorted({r.kind or kind_of(path, r) or "another report" for r in listed})
        inside = f" (it has {', '.join(kinds)})" if kinds else ""
        raise ProfileError(
            f"{path} holds no kernel{inside}", HINT, code="profile.no-gpu-work"
        )
    if len(with_work) == 1:
        return next(iter(with_work.values()))
    return [
        _renamed(p, path, run) for run, profiles in with_work.items() for p in profiles
    ]


def _renamed(profile: Profile, path: Path, run: str) -> Profile:
    return replace(profile, source=profile.source.replace(str(path), f"{path} [{run}]"))


@dataclass(frozen=True)
class _Run:
    """Reports of one run by kind, the first of each."""

    path: Path
    by_kind: Mapping[str, Report]
    notes: tuple[str, ...]

    def of(self, *kinds: str) -> Report | None:
        return next((self.by_kind[k] for k in kinds if k in self.by_kind), None)


def _profiles(
    path: Path, listed: Sequence[Report], choice: StepChoice
) -> list[Profile]:
    """Profiles of one run; empty where it holds no work of a GPU."""
    run = _first_of_each(path, listed)
    ranges = run.of("nvtx_sum")
    share = step_share(path, ranges, choice)
    trace = run.of("cuda_gpu_trace", "cuda_kern_exec_trace")
    sums = _sums(run)
    if trace is not None and trace.rows and not (share.length_us and sums):
        return _traced(run, trace, choice)
    if not any(s.time_us > 0 for of_device in sums.values() for s in of_device):
        return []
    many = len(sums) > 1
    return [
        profile_of_sums(
            of_device,
            share,
            source=f"{path} [GPU {device}]" if many else str(path),
            notes=(*run.notes, *_missing(run)),
            choice=choice,
        )
        for device, of_device in sorted(sums.items())
        if any(s.time_us > 0 for s in of_device)
    ]


def _first_of_each(path: Path, listed: Sequence[Report]) -> _Run:
    """One report of each kind; a second report of a kind must hold the same work."""
    first: dict[str, Report] = {}
    notes: list[str] = []
    for report in listed:
        kind = kind_of(path, report)
        if not kind or not report.rows:
            continue
        _check_rows(path, report)
        if kind not in first:
            first[kind] = report
            continue
        before, total = (_total(path, r) for r in (first[kind], report))
        if abs(before - total) > _SAME * max(before, total):
            raise ProfileError(
                f"{path} holds two reports of kind {kind}, of {before / 1e3:.6g} ms "
                f"(line {first[kind].line}) and {total / 1e3:.6g} ms (line {report.line})",
                "they are of two runs: write each into a separate file",
                code="profile.repeated",
            )
        notes.append(
            Reason(
                f"the report at line {report.line} holds the work of that at line "
                f"{first[kind].line} again; left out",
                informs=True,
            )
        )
    return _Run(path, first, tuple(notes))


def _check_rows(path: Path, report: Report) -> None:
    """Raise an error if a report holds a line twice."""
    lines: dict[tuple[str, ...], int] = {}
    if report.place("start", "kernel start") is not None:
        return
    for line, cells in report.rows:
        if cells in lines:
            raise ProfileError(
                f"{path}, line {line}: the same as line {lines[cells]} in every field",
                "the report was joined to itself; export it again",
                code="profile.repeated",
            )
        lines[cells] = line


def _total(path: Path, report: Report) -> float:
    at = report.place("total time", "duration", "kernel dur", "kavg")
    if at is None:
        return 0.0
    return sum(report.time(path, line, cells, at) for line, cells in report.rows)


# --- sums ----------------------------------------------------------------------------


def _sums(run: _Run) -> dict[int, list[KernelSum]]:
    """Kernels and copies of each device; 0 where the reports name no device."""
    by_device: dict[int, list[KernelSum]] = {}
    mixed = run.of("cuda_gpu_sum")
    kernels = run.of("cuda_gpu_kern_sum")
    copies = run.of("cuda_gpu_mem_time_sum")
    if kernels is not None:
        by_device[0] = _column(run.path, kernels, True)
    elif mixed is not None:
        by_device[0] = _of_category(run.path, mixed, "KERNEL", True)
    elif (executed := run.of("cuda_kern_exec_sum")) is not None:
        by_device = _executed(run.path, executed)
    if copies is not None:
        by_device.setdefault(min(by_device, default=0), []).extend(
            _column(run.path, copies, False)
        )
    elif mixed is not None:
        by_device[0] += _of_category(run.path, mixed, "MEM", False)
    return by_device


def _missing(run: _Run) -> list[Reason]:
    """Notes where the shares of the lines do not sum to 100%: work is missing."""
    notes = []
    for kind in ("cuda_gpu_kern_sum", "cuda_gpu_sum", "cuda_gpu_mem_time_sum"):
        report = run.of(kind)
        at = report.place("time") if report is not None else None
        if report is None or at is None:
            continue
        shares = [
            number(run.path, line, cells[at].rstrip(" %"))
            for line, cells in report.rows
        ]
        missing = 100 - sum(shares)
        if missing > _NOTED + _ROUNDED * len(shares):
            note = (
                f"{missing:.1f}% of the time of {kind} is missing: its lines (from line "
                f"{report.line}) sum to {sum(shares):.1f}%"
            )
            remedy = "export the report whole: nsys stats prints every line"
            notes.append(Reason(note, remedy, informs=missing < _MUCH))
    return notes


def _column(path: Path, report: Report, kernel: bool) -> list[KernelSum]:
    total, name = _places(
        report,
        "total time",
        "name"
        if kernel and "name" in report.head
        else "kernel name"
        if kernel
        else "operation",
    )
    at = report.place("instances", "count")
    return [
        KernelSum(
            cells[name].strip("[]"),
            report.time(path, line, cells, total),
            kernel,
            None if at is None else number(path, line, cells[at]),
        )
        for line, cells in report.rows
    ]


def _of_category(
    path: Path, report: Report, category: str, kernel: bool
) -> list[KernelSum]:
    """Rows of one category; rows of the API, which are host time, are left out."""
    total, name, at = _places(report, "total time", "operation", "category")
    return [
        KernelSum(
            cells[name].strip("[]"), report.time(path, line, cells, total), kernel
        )
        for line, cells in report.rows
        if category in cells[at].upper()
    ]


def _executed(path: Path, report: Report) -> dict[int, list[KernelSum]]:
    """Mean time of each kernel times how often it ran, by device."""
    mean, count, name = _places(report, "kavg", "count", "kernel name")
    at = report.place("devid", "device")
    by_device: dict[int, list[KernelSum]] = {}
    for line, cells in report.rows:
        if not cells[mean]:
            continue  # launched, and not run
        time = report.time(path, line, cells, mean) * number(path, line, cells[count])
        device = int(cells[at]) if at is not None and cells[at].isdecimal() else 0
        by_device.setdefault(device, []).append(KernelSum(cells[name], time))
    return by_device


def _places(report: Report, *names: str) -> list[int]:
    return [report.head.index(n) for n in names]


# --- traces --------------------------------------------------------------------------


def _traced(run: _Run, report: Report, choice: StepChoice) -> list[Profile]:
    """Profiles of a report with one line for each kernel."""
    path = run.path
    launched = "kernel dur" in report.head
    names = (
        ("kernel start", "kernel dur", "kernel name")
        if launched
        else ("start", "duration", "name")
    )
    begin, length, name = _places(report, *names)
    at, asked_at = report.place("device", "devid"), report.place("api start")
    trace = DeviceTrace(path, "NVTX")
    device_names: dict[tuple[int, int], str] = {}
    for line, cells in report.rows:
        if launched and not cells[begin]:
            continue
        device_name, number_ = _device(cells[at] if at is not None else "")
        if device_name:
            device_names[0, number_] = device_name
        start = report.time(path, line, cells, begin)
        copy = cells[name].startswith("[CUDA")
        asked = (
            report.time(path, line, cells, asked_at) if asked_at is not None else None
        )
        end = start + report.time(path, line, cells, length)
        trace.add(
            cells[name].strip("[]"),
            start,
            end,
            device=number_,
            asked=asked,
            kernel=not copy,
        )
    notes = run.notes
    if launched:
        notes = (*notes, "this report holds kernels and no copies")
    marks = {}
    if not choice.count:
        by_process = steps_of(path, _ranges(run), choice.mark, trace.asked, "NVTX")
        # the report does not hold the process of a kernel
        marks = dict(enumerate(sorted(by_process.values(), key=_many)[-1:]))
    return trace.profiles(marks, choice, NamedDevices(device_names), notes=notes)


def _many(marks: Marks) -> int:
    return len(marks.steps)


def _device(cell: str) -> tuple[str | None, int]:
    """Name and number: ``NVIDIA A100-SXM4-80GB (0)``."""
    match = re.fullmatch(r"(.*?)\s*\((\d{1,6})\)", cell)
    if match:
        return (match[1] if match[1].upper() not in ("", "GPU") else None), int(
            match[2]
        )
    bare = re.fullmatch(r"(?:GPU\s*)?(\d{1,6})", cell)
    return (None, int(bare[1])) if bare else (cell or None, 0)


def _ranges(run: _Run) -> list[Range]:
    report = run.of("nvtx_trace")
    if report is None:
        return []
    begin, end, name, pid = _places(report, "start", "end", "name", "pid")
    thread = report.place("tid")
    ranges = []
    for line, cells in report.rows:
        numbers = [
            int(cells[k]) if k is not None and cells[k].isdecimal() else 0
            for k in (pid, thread)
        ]
        start, stop = (report.time(run.path, line, cells, k) for k in (begin, end))
        ranges.append(Range(cells[name].lstrip(":"), start, stop, *numbers))
    return ranges
