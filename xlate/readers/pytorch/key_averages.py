"""PyTorch's ``key_averages()``: the printed table, or its rows as csv.

The csv has the attributes of ``FunctionEventAvg`` as columns (``key``, ``count``,
``self_cpu_time_total``, ``self_device_time_total`` in µs …), as ``xlate profile
record`` writes it, or the headings of the table with units in the cells. Which rows count
as work on the device is decided in :mod:`xlate.readers.pytorch.averages_work`; their sum
is compared with the total below the table. Where a row limit cut a little of it, the rest
is taken to be like the rows listed (:mod:`xlate.readers.unlisted_work`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from xlate import op_names
from xlate.errors import ProfileError
from xlate.files.limits import read_text
from xlate.hardware.kernel_architecture import newest
from xlate.readers.pytorch.averages_table import (
    HINT,
    AverageRow,
    Averages,
    is_headed,
    tables,
)
from xlate.readers.pytorch.averages_work import (
    ROUNDED,
    STEP,
    DeviceWork,
    device_us,
    is_no_work,
)
from xlate.readers.source import Source
from xlate.readers.step_choice import StepChoice
from xlate.readers.traces.work_mode import NOT_KNOWN as MODE_NOT_KNOWN
from xlate.readers.traces.work_mode import mode_note, work_mode
from xlate.readers.unlisted_work import ALL_ROWS_WARNED, ListedWork
from xlate.values.kernel_precision import NOT_KNOWN, kernel_precision
from xlate.values.profile import Profile, WorkloadKey
from xlate.values.reason import GIVE_STEP, Reason

__all__ = ["read", "sniff"]

#: where GPU work is longer than its step by more than this share, the host ran ahead
_AHEAD = 0.05
#: work that overlaps other work, on a separate stream
_BESIDE = frozenset({"communication", "transfer"})
#: operations, kernels and calls that only ROCm has
_OF_AMD = re.compile(
    r"hip[A-Z]\w+$|(?:void )?(?:aiter|ck|ck_tile)::|_ZN(?:7ck_tile|2ck|5aiter)"
    r"|(?:Custom_)?Cijk_|__amd_rocclr|(?:aten::)?miopen_|MIOpen|igemm_\w+_gtcx"
)
#: a smaller share of device time without rows is that of rounding
_NOTED = 0.002
#: rows with a smaller share of the device's time do not show its total: it has two decimals
_LEAST_SHARE = 0.01
_ALL_ROWS = "print all rows: prof.key_averages().table(row_limit=-1)"


def sniff(head: bytes) -> bool:
    """Whether the headings are those of ``key_averages``."""
    text = head[:65536].decode("utf-8", "replace")
    if is_headed(text):
        return True
    first = re.sub(r"[\s_]", "", text.lstrip("\ufeff").split("\n", 1)[0].lower())
    return (
        "selfcpu" in first
        and ("key" in first or "name" in first)
        and any(c in head[:1024] for c in b",;\t")
    )


def read(source: Source) -> list[Profile]:
    """Read each table into one profile; several tables of one profile give one.

    Parameters
    ----------
    source : Source
        The file.

    Raises
    ------
    ProfileError
        If a heading is missing, a time is not a number, commas stand in for decimal
        points, or the steps that the user named are missing.
    """
    path = source.path
    listed = [t for t in tables(path, read_text(path, source.content())) if t.rows]
    if not listed:
        raise ProfileError(
            f"{path} has headings and no operation", HINT, code="profile.empty"
        )
    kept = _apart(listed)
    many = len(kept) > 1
    return [
        _profile(path, t, source.steps, f"{path} [table {k}]" if many else str(path))
        for k, t in enumerate(kept, 1)
    ]


def _apart(listed: Sequence[Averages]) -> list[Averages]:
    """One table for each profile: one profile may be printed in several orders."""
    kept: list[Averages] = []
    for table in listed:
        same = next((k for k, t in enumerate(kept) if _is_same(t, table)), None)
        if same is None:
            kept.append(table)
        elif kept[same].headings == table.headings:
            # each table may hold rows that a row limit cut from the other
            before = set(kept[same].rows)
            rows = (*kept[same].rows, *(r for r in table.rows if r not in before))
            total = kept[same].total_us or table.total_us
            kept[same] = replace(kept[same], rows=rows, total_us=total)
        elif DeviceWork.of(table).counted_us > DeviceWork.of(kept[same]).counted_us:
            kept[same] = table
    return kept


def _is_same(first: Averages, second: Averages) -> bool:
    if first.total_us is not None and second.total_us is not None:
        return first.total_us == second.total_us
    longest = sorted(second.rows, key=lambda r: -r.self_cpu - r.self_device)[:3]
    return any(r in first.rows for r in longest)


def _profile(path: Path, table: Averages, choice: StepChoice, source: str) -> Profile:
    steps, length, notes = _steps(path, table, choice)
    work = DeviceWork.of(table)
    listed = _listed(path, table, work)
    ops: dict[str, float] = {}
    for row in work.counted:
        column = op_names.column("device", row.name)
        ops[column] = ops.get(column, 0.0) + row.self_device * listed.scale / steps
    for row in table.rows:
        if row.self_cpu and not STEP.match(row.name):
            column = op_names.column("host", row.name)
            ops[column] = ops.get(column, 0.0) + row.self_cpu / steps
    busy = sum(ops[c] for c in op_names.busy_columns(list(ops)))
    if length is not None and busy:
        length, timed = _timed(length, busy, ops)
        notes += timed
        ops[op_names.DEVICE_IDLE] = max(length - busy, 0.0)
    mode = work_mode(r.name for r in table.rows)
    if mode == "inference" and (listed.missing > ALL_ROWS_WARNED or table.cut):
        mode = MODE_NOT_KNOWN  # rows of a backward pass may be among those cut
    if (about_mode := mode_note(mode)) is not None:
        notes.append(Reason(about_mode, informs=True))
    notes += _about_rows(table, work, listed)
    device = table.device
    if device is None and (maker := _maker(table)) is not None:
        device = maker[0]
        notes.append(maker[1])
    memory = max((r.memory for r in table.rows), default=0.0)
    return Profile(
        {k: v for k, v in ops.items() if v > 0},
        WorkloadKey(mode=mode, framework="pytorch"),
        step_time_us=length,
        source=source,
        notes=tuple(notes),
        device=device,
        memory_bytes=memory or None,
        precision_us=_precision(work, listed, steps),
        newest_kernel=newest(r.name for r in table.rows),
    )


def _listed(path: Path, table: Averages, work: DeviceWork) -> ListedWork:
    """The work in the rows, and all of it by the total, without ranges in that total.

    Raises
    ------
    ProfileError
        If too much of the work has no row.
    """
    total = table.total_us or _total_of_shares(work.counted)
    marks = sum(r.self_device for r in table.rows if STEP.match(r.name))
    beside = device_us(work.no_work) + marks
    if work.counted_us + beside <= total * (1 + ROUNDED):
        total -= beside
    if not table.on_device:
        total = 0.0
    work_listed = ListedWork(work.counted_us, total, tolerance=_NOTED)
    work_listed.check(path, "device time", _ALL_ROWS)
    return work_listed


def _total_of_shares(rows: Sequence[AverageRow]) -> float:
    """Device time of all rows by a row's share of it; 0 where no share shows it."""
    shown = [
        (r.share, r.self_device) for r in rows if r.share and r.share > _LEAST_SHARE
    ]
    share, device = max(shown, default=(1.0, 0.0))
    # shares have two decimals, times three digits
    total = device / share
    listed = device_us(rows)
    return total if total > listed * (1 + ROUNDED) else 0.0


def _timed(
    length: float, worked: float, ops: dict[str, float]
) -> tuple[float, list[Reason]]:
    """Length of a step, µs, and notes: the GPU's where it is longer than the host's."""
    if worked <= length * (1 + _AHEAD):
        return max(length, worked), []
    busy = op_names.busy_columns(list(ops))
    beside = sum(ops[c] for c in busy if op_names.family(c) in _BESIDE)
    gpu, host = f"{worked / 1e3:.4g} ms", f"{length / 1e3:.4g} ms"
    if worked - beside <= length * (1 + _AHEAD):
        note = f"the GPU's work sums to {gpu} a step of {host}: copies or communication overlap it"
        return length, [Reason(note)]
    note = (
        f"a step takes {host} on the host and {gpu} on the GPU: it was timed on the GPU, "
        "since the host ran ahead of it"
    )
    return worked, [Reason(note, GIVE_STEP)]


def _maker(table: Averages) -> tuple[str, Reason] | None:
    """The maker of the GPU, where headings or names show it, and a note on how."""
    if any(h.startswith("selfxpu") for h in table.headings):
        maker, evidence = "Intel", "its columns are of an XPU"
    elif any(h.startswith("selfhip") for h in table.headings):
        maker, evidence = "AMD", "its columns are of HIP"
    elif name := next((r.name for r in table.rows if _OF_AMD.match(r.name)), ""):
        maker, evidence = "AMD", f"{name} is of ROCm"
    else:
        return None
    note = f"the file names no GPU, but it was one of {maker}: {evidence}"
    return f"{maker} GPU", Reason(note, informs=True)


def _precision(work: DeviceWork, listed: ListedWork, steps: int) -> dict[str, float]:
    """Time of kernels by precision; time without a row of a kernel is not known."""
    times: dict[str, float] = {}
    for row in work.kernels:
        kind = kernel_precision(row.name)
        times[kind] = times.get(kind, 0.0) + row.self_device / steps
    rest = (work.counted_us * listed.scale - device_us(work.kernels)) / steps
    if times and rest > 0:
        times[NOT_KNOWN] = times.get(NOT_KNOWN, 0.0) + rest
    return times


def _about_rows(table: Averages, work: DeviceWork, listed: ListedWork) -> list[str]:
    """Notes on rows that are left out, cut or missing."""
    notes: list[str] = []
    if not table.on_device or not work.counted_us:
        notes.append(
            "no GPU time was recorded: only the host's side is in it (record with "
            "activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA])"
        )
    if work.no_work:
        names = list(dict.fromkeys(r.name for r in work.no_work[:4]))
        notes.append(
            Reason(
                f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} left out: "
                f"{device_us(work.no_work) / 1e3:.4g} ms of device time that no kernel took",
                informs=all(is_no_work(r) or not r.self_cpu for r in work.no_work),
            )
        )
    if work.by_op and work.kernels:
        notes.append(
            Reason(
                f"{len(work.kernels)} rows of kernels repeat their operations' time",
                informs=True,
            )
        )
    elif work.ops and not work.by_op:
        notes.append(
            f"operations account for {device_us(work.ops) / work.counted_us:.1%} of the kernels' "
            "time: kernels are counted, and operations are not"
        )
    notes += _compared_with_total(work.counted_us, table, listed)
    cut = sum(r.name.endswith(("...", "…")) for r in work.counted)
    if cut:
        notes.append(
            f"{cut} names are cut: table(max_name_column_width=200) keeps them"
        )
    return notes


def _compared_with_total(busy: float, table: Averages, listed: ListedWork) -> list[str]:
    """A note where the total below the rows differs from their sum."""
    if listed.missing and busy:
        return [listed.note("device time", "the rows", _ALL_ROWS)]
    total = table.total_us
    if total and busy > total * (1 + ROUNDED):
        return [
            f"the rows sum to {busy / 1e3:.4g} ms on the device, more than the total of "
            f"{total / 1e3:.4g} ms below them"
        ]
    return []


def _steps(
    path: Path, table: Averages, choice: StepChoice
) -> tuple[int, float | None, list[str]]:
    """Number of steps, length of each in µs, and notes."""
    if choice.mark:
        marked = [r for r in table.rows if r.name == choice.mark and r.count and r.cpu]
        if not marked:
            raise ProfileError(
                f"{path} has no row named {choice.mark!r} with its count and CPU total",
                "name a range of record_function as it is printed",
                code="profile.steps",
            )
        n, length = marked[0].count, marked[0].cpu / marked[0].count
        note = f"the mean of {n} times {choice.mark!r}"
        return n, length, [Reason(note, informs=True)]
    for row in table.rows:
        total_us = row.cpu or row.self_cpu
        if STEP.match(row.name) and row.count and total_us:
            if choice.count and choice.count != row.count:
                raise ProfileError(
                    f"{path} marks {row.count} steps, not {choice.count}",
                    "leave --trace-steps away",
                    code="profile.steps",
                )
            note = f"the mean of {row.count} steps"
            return row.count, total_us / row.count, [Reason(note, informs=True)]
    if choice.count:
        choice.check_count(path, sum(r.count for r in table.rows if r.self_device))
        note = f"the sums are taken for {choice.count} steps of equal length"
        return choice.count, None, [Reason(note, informs=True)]
    return 1, None, ["no ProfilerStep in it: everything is taken for one step"]
