"""PyTorch's ``key_averages()``: the printed table, or its rows as csv.

The csv has the attributes of ``FunctionEventAvg`` as columns (``key``, ``count``,
``self_cpu_time_total``, ``self_device_time_total`` in µs …), as ``xlate profile
record`` writes it, or the headings of the table with units in the cells. Rows of kernels
repeat what their operations are said to have taken on the device: only one side is
counted, operations where they account for the work, kernels where they do not. What no
kernel did (``Unrecognized``, calls of the runtime, ranges that a program named) is left
out, and the sum is held against the total below the table.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from xlate.readers.source import Source
from xlate.readers.step_choice import StepChoice
from xlate.readers.traces.work_mode import NOT_KNOWN as MODE_NOT_KNOWN
from xlate.readers.traces.work_mode import mode_note, work_mode
from xlate.values.kernel_precision import NOT_KNOWN, kernel_precision
from xlate.values.profile import Profile, WorkloadKey
from xlate.values.reason import GIVE_STEP, Reason

__all__ = ["read", "sniff"]

_STEP = re.compile(r"ProfilerStep[*#]")
#: device time that belongs to no operation, often many times the whole, and the
#: profiler's own work
_NO_WORK = re.compile(
    r"(?:Unrecognized|Activity Buffer Request|Buffer Flush|Lazy Function Loading"
    r"|Command Buffer Full|Instrumentation|Resource|Context Sync)$"
)
_UNRECORDED = "Unrecognized"
#: calls of CUDA, HIP and Level Zero, which are the host's
_CALL = re.compile(r"(?:cuda|hip|cu|ur|ze)[A-Z]\w*(?:\(.*\))?$")
#: ranges that a program named, which stand beside the kernels within them
_RANGE = re.compile(r"ProfilerStep|Optimizer\.|nccl:|gloo:|## |DistributedDataParallel|FullyShardedDataParallel|FSDP::|PyTorch DDP")  # fmt: skip
#: rows may be rounded by so much of their sum
_ROUNDED = 0.02
#: GPU work that takes longer than its step by more than this: the host ran ahead
_AHEAD = 0.05
#: work that runs beside other work, on a stream of its own
_BESIDE = frozenset({"communication", "transfer"})
#: operations, kernels and calls that ROCm alone has
_OF_AMD = re.compile(
    r"hip[A-Z]\w+$|(?:void )?(?:aiter|ck|ck_tile)::|_ZN(?:7ck_tile|2ck|5aiter)"
    r"|(?:Custom_)?Cijk_|__amd_rocclr|(?:aten::)?miopen_|MIOpen|igemm_\w+_gtcx"
)
#: a share that is missing and said, and one that is held against the answer
_SAID, _MUCH = 0.002, 0.05


def sniff(head: bytes) -> bool:
    """Whether the headings are those of ``key_averages``."""
    text = head[:65536].decode("utf-8", "replace")
    if is_headed(text):
        return True
    first = re.sub(r"[\s_]", "", text.lstrip("\ufeff").split("\n", 1)[0].lower())
    return "selfcpu" in first and ("key" in first or "name" in first) and any(c in head[:1024] for c in b",;\t")  # fmt: skip


def read(source: Source) -> list[Profile]:
    """Read each table into one profile; several of one profile are one.

    Parameters
    ----------
    source : Source
        The file.

    Raises
    ------
    ProfileError
        If a heading is missing, a time is no number, commas stand in for decimal
        points, or the steps that the user names are not in it.
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
    """Tables of different profiles: one profile may be printed in several orders."""
    kept: list[Averages] = []
    for table in listed:
        same = next((k for k, t in enumerate(kept) if _is_same(t, table)), None)
        if same is None:
            kept.append(table)
        elif kept[same].headings == table.headings:
            # each may hold rows that a limit cut from the other
            before = set(kept[same].rows)
            rows = (*kept[same].rows, *(r for r in table.rows if r not in before))
            total = kept[same].total_us or table.total_us
            kept[same] = replace(kept[same], rows=rows, total_us=total)
        elif _Sides.of(table).most > _Sides.of(kept[same]).most:
            kept[same] = table
    return kept


def _is_same(one: Averages, other: Averages) -> bool:
    if one.total_us is not None and other.total_us is not None:
        return one.total_us == other.total_us
    longest = sorted(other.rows, key=lambda r: -r.self_cpu - r.self_device)[:3]
    return any(r in one.rows for r in longest)


@dataclass(frozen=True)
class _Sides:
    """Device time by operation and by kernel, without what is no work.

    Attributes
    ----------
    ops, kernels : tuple of AverageRow
    no_work : tuple of AverageRow
        Rows with device time that no kernel took.
    total : float
        µs, as said below the table; infinite where it is not.
    """

    ops: tuple[AverageRow, ...]
    kernels: tuple[AverageRow, ...]
    no_work: tuple[AverageRow, ...]
    total: float

    @classmethod
    def of(cls, table: Averages) -> _Sides:
        total = table.total_us or float("inf")
        # a range of a program stands there twice: on the host, and over its kernels
        ranges = {r.name for r in table.rows if r.self_cpu and not r.self_device}
        ops: list[AverageRow] = []
        kernels: list[AverageRow] = []
        no_work: list[AverageRow] = []
        doubtful: list[AverageRow] = []
        for row in table.rows:
            if not row.self_device or _STEP.match(row.name):
                continue
            called = row.self_cpu > 0 and _CALL.match(row.name) is not None
            most = max(row.share or 0.0, row.self_device / total)
            if called or _NO_WORK.match(row.name) or most > 1 + _ROUNDED:
                no_work.append(row)
            elif row.self_cpu:
                ops.append(row)
            elif _RANGE.match(row.name):
                no_work.append(row)
            else:
                (doubtful if row.name in ranges else kernels).append(row)
        # as part of the total it is work, of operations that nobody recorded
        ops += [
            r
            for r in no_work
            if r.name == _UNRECORDED
            and _sum(ops) + r.self_device <= (table.total_us or 0.0) * (1 + _ROUNDED)
        ]
        no_work = [r for r in no_work if r not in ops]
        # kernels that are named as operations fit into the total, ranges do not
        room = (table.total_us or 0.0) * (1 + _ROUNDED) - _sum(kernels)
        if _sum(doubtful) > room:
            no_work += [r for r in doubtful if _is_range(r)]
            doubtful = [r for r in doubtful if not _is_range(r)]
        (kernels if _sum(doubtful) <= room else no_work).extend(doubtful)
        if not ops and not kernels:
            # all exceed the total: it is the total that is of something else
            ops = [r for r in no_work if r.self_cpu and not _is_known(r)]
            kernels = [r for r in no_work if not r.self_cpu and not _is_known(r)]
            no_work = [r for r in no_work if _is_known(r)]
        return cls(tuple(ops), tuple(kernels), tuple(no_work), total)

    @property
    def by_op(self) -> bool:
        """Whether operations account for the work."""
        kernels = _sum(self.kernels)
        # more than there was: ranges are among them
        return bool(self.ops) and (
            _sum(self.ops) >= kernels * (1 - _ROUNDED)
            or kernels > self.total * (1 + _ROUNDED)
        )

    @property
    def counted(self) -> tuple[AverageRow, ...]:
        return self.ops if self.by_op else self.kernels

    @property
    def most(self) -> float:
        return _sum(self.counted)


def _is_known(row: AverageRow) -> bool:
    """Whether a row is known to be no work by its name."""
    return any(p.match(row.name) for p in (_NO_WORK, _CALL, _RANGE))


def _is_range(row: AverageRow) -> bool:
    """Whether a name is of no kernel that is known."""
    return op_names.family(op_names.column("device", row.name)) == "other"


def _sum(rows: Sequence[AverageRow]) -> float:
    return sum(r.self_device for r in rows)


def _profile(path: Path, table: Averages, choice: StepChoice, source: str) -> Profile:
    steps, length, notes = _steps(path, table, choice)
    sides = _Sides.of(table)
    ops: dict[str, float] = {}
    for row in sides.counted:
        column = op_names.column("device", row.name)
        ops[column] = ops.get(column, 0.0) + row.self_device / steps
    for row in table.rows:
        if row.self_cpu and not _STEP.match(row.name):
            column = op_names.column("host", row.name)
            ops[column] = ops.get(column, 0.0) + row.self_cpu / steps
    busy = sum(ops[c] for c in op_names.busy_columns(list(ops)))
    if length is not None and busy:
        # work that a row limit cut is no idle time
        worked = max(busy, _total(table, sides) / steps)
        length, timed = _timed(length, worked, ops)
        notes += timed
        ops[op_names.DEVICE_IDLE] = max(length - worked, 0.0)
    mode = work_mode(r.name for r in table.rows)
    missing = table.total_us is not None and sides.most < table.total_us * (1 - _MUCH)
    if mode == "inference" and (missing or table.cut):
        mode = MODE_NOT_KNOWN  # rows of a backward pass may be among those cut
    if (says := mode_note(mode)) is not None:
        notes.append(Reason(says, informs=True))
    notes += _about_rows(table, sides, busy * steps)
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
        precision_us=_precision(sides, steps),
        newest_kernel=newest(r.name for r in table.rows),
    )


def _total(table: Averages, sides: _Sides) -> float:
    """µs of work as the line below the rows says it, without ranges that it may hold."""
    total = table.total_us or 0.0
    marks = sum(r.self_device for r in table.rows if _STEP.match(r.name))
    beside = _sum(sides.no_work) + marks
    return total - beside if sides.most + beside <= total * (1 + _ROUNDED) else total


def _timed(
    length: float, worked: float, ops: dict[str, float]
) -> tuple[float, list[Reason]]:
    """Length of a step, µs: the GPU's where it needs longer than the host."""
    if worked <= length * (1 + _AHEAD):
        return max(length, worked), []
    busy = op_names.busy_columns(list(ops))
    beside = sum(ops[c] for c in busy if op_names.family(c) in _BESIDE)
    gpu, host = f"{worked / 1e3:.4g} ms", f"{length / 1e3:.4g} ms"
    if worked - beside <= length * (1 + _AHEAD):
        said = f"the GPU's work sums to {gpu} a step of {host}: copies or communication overlap it"  # fmt: skip
        return length, [Reason(said)]
    said = (
        f"a step takes {host} on the host and {gpu} on the GPU: it was timed on the GPU, "
        "since the host ran ahead of it"
    )
    return worked, [Reason(said, GIVE_STEP)]


def _maker(table: Averages) -> tuple[str, Reason] | None:
    """Whose GPU it was, where headings or names say it, and how that is known."""
    if any(h.startswith("selfxpu") for h in table.headings):
        maker, by = "Intel", "its columns are of an XPU"
    elif any(h.startswith("selfhip") for h in table.headings):
        maker, by = "AMD", "its columns are of HIP"
    elif name := next((r.name for r in table.rows if _OF_AMD.match(r.name)), ""):
        maker, by = "AMD", f"{name} is of ROCm"
    else:
        return None
    said = f"the file names no GPU, but it was one of {maker}: {by}"
    return f"{maker} GPU", Reason(said, informs=True)


def _precision(sides: _Sides, steps: int) -> dict[str, float]:
    """Time of kernels by precision; what no kernel's row has is not known."""
    found: dict[str, float] = {}
    for row in sides.kernels:
        kind = kernel_precision(row.name)
        found[kind] = found.get(kind, 0.0) + row.self_device / steps
    rest = (sides.most - _sum(sides.kernels)) / steps
    if found and rest > 0:
        found[NOT_KNOWN] = found.get(NOT_KNOWN, 0.0) + rest
    return found


def _about_rows(table: Averages, sides: _Sides, busy: float) -> list[str]:
    """What to say of rows left out, cut and missing."""
    notes: list[str] = []
    if not table.on_device or not busy:
        notes.append(
            "no GPU time was recorded: only the host's side is in it (record with "
            "activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA])"
        )
    if sides.no_work:
        names = list(dict.fromkeys(r.name for r in sides.no_work[:4]))
        notes.append(Reason(
            f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} left out: "
            f"{_sum(sides.no_work) / 1e3:.4g} ms of device time that no kernel took",
            informs=all(_is_known(r) or not r.self_cpu for r in sides.no_work),
        ))  # fmt: skip
    if sides.by_op and sides.kernels:
        notes.append(
            Reason(
                f"{len(sides.kernels)} rows of kernels repeat their operations' time",
                informs=True,
            )
        )
    elif sides.ops and not sides.by_op:
        notes.append(
            f"operations account for {_sum(sides.ops) / sides.most:.1%} of the kernels' "
            "time: kernels are counted, and operations are not"
        )
    notes += _against_footer(busy, table)
    cut = sum(r.name.endswith(("...", "…")) for r in sides.counted)
    if cut:
        notes.append(
            f"{cut} names are cut: table(max_name_column_width=200) keeps them"
        )
    return notes


def _against_footer(busy: float, table: Averages) -> list[str]:
    """What the total below the rows says against their sum."""
    total = table.total_us
    if not total or not busy:
        return []
    missing = 1 - busy / total
    if missing > _SAID:
        said = (
            f"{missing:.1%} of the device time is missing: the rows sum to "
            f"{busy / 1e3:.4g} ms, the total below them is {total / 1e3:.4g} ms "
            "(table(row_limit=-1) prints all rows)"
        )
        return [Reason(said, informs=missing < _MUCH)]
    if busy > total * (1 + _ROUNDED):
        return [
            f"the rows sum to {busy / 1e3:.4g} ms on the device, more than the total of "
            f"{total / 1e3:.4g} ms below them"
        ]
    return []


def _steps(
    path: Path, table: Averages, choice: StepChoice
) -> tuple[int, float | None, list[str]]:
    """How many steps, µs each, and what to say."""
    if choice.mark:
        marked = [r for r in table.rows if r.name == choice.mark and r.count and r.cpu]
        if not marked:
            raise ProfileError(
                f"{path} has no row named {choice.mark!r} with its count and CPU total",
                "name a range of record_function as it is printed",
                code="profile.steps",
            )
        n, length = marked[0].count, marked[0].cpu / marked[0].count
        said = f"the mean of {n} times {choice.mark!r}"
        return n, length, [Reason(said, informs=True)]
    for row in table.rows:
        whole = row.cpu or row.self_cpu
        if _STEP.match(row.name) and row.count and whole:
            if choice.count and choice.count != row.count:
                raise ProfileError(
                    f"{path} marks {row.count} steps of its own, not {choice.count}",
                    "leave --trace-steps away",
                    code="profile.steps",
                )
            said = f"the mean of {row.count} steps"
            return row.count, whole / row.count, [Reason(said, informs=True)]
    if choice.count:
        choice.check_count(path, sum(r.count for r in table.rows if r.self_device))
        said = f"the sums are taken for {choice.count} steps of equal length"
        return choice.count, None, [Reason(said, informs=True)]
    return 1, None, ["no ProfilerStep in it: everything is taken for one step"]
