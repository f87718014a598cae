"""Which rows of ``key_averages()`` are work on the device: operations, or kernels.

Rows of kernels repeat the device time of their operations: only one kind of row is
counted, operations where they account for the work, kernels where they do not. Device
time that no kernel took (``Unrecognized``, calls of the runtime, ranges that a program
named) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from xlate import op_names
from xlate.readers.pytorch.averages_table import AverageRow, Averages

__all__ = ["ROUNDED", "STEP", "DeviceWork", "device_us", "is_no_work"]

#: name of the rows of the profiler's steps
STEP = re.compile(r"ProfilerStep[*#]")
#: the sum of rows may differ from the total by this share, because of rounding
ROUNDED = 0.02
#: device time that belongs to no operation, often many times the total, and work of the
#: profiler itself
_NO_WORK = re.compile(
    r"(?:Unrecognized|Activity Buffer Request|Buffer Flush|Lazy Function Loading"
    r"|Command Buffer Full|Instrumentation|Resource|Context Sync)$"
)
_UNRECORDED = "Unrecognized"
#: calls of CUDA, HIP and Level Zero, which run on the host
_CALL = re.compile(r"(?:cuda|hip|cu|ur|ze)[A-Z]\w*(?:\(.*\))?$")
#: ranges that a program named; their kernels have rows too
_RANGE = re.compile(
    r"ProfilerStep|Optimizer\.|nccl:|gloo:|## |DistributedDataParallel|FullyShardedDataParallel|FSDP::|PyTorch DDP"
)


@dataclass(frozen=True)
class DeviceWork:
    """Device time by operation and by kernel, without rows that are not work.

    Attributes
    ----------
    ops, kernels : tuple of AverageRow
    no_work : tuple of AverageRow
        Rows with device time that no kernel took.
    total : float
        µs, as printed below the table; infinite where it is not printed.
    """

    ops: tuple[AverageRow, ...]
    kernels: tuple[AverageRow, ...]
    no_work: tuple[AverageRow, ...]
    total: float

    @classmethod
    def of(cls, table: Averages) -> DeviceWork:
        """The work in one table."""
        total = table.total_us or float("inf")
        # a range that a program named has two rows: of the host, and of the device
        ranges = {r.name for r in table.rows if r.self_cpu and not r.self_device}
        ops: list[AverageRow] = []
        kernels: list[AverageRow] = []
        no_work: list[AverageRow] = []
        doubtful: list[AverageRow] = []
        for row in table.rows:
            if not row.self_device or STEP.match(row.name):
                continue
            called = row.self_cpu > 0 and _CALL.match(row.name) is not None
            most = max(row.share or 0.0, row.self_device / total)
            if called or _NO_WORK.match(row.name) or most > 1 + ROUNDED:
                no_work.append(row)
            elif row.self_cpu:
                ops.append(row)
            elif _RANGE.match(row.name):
                no_work.append(row)
            else:
                (doubtful if row.name in ranges else kernels).append(row)
        # where it fits into the total it is work, of operations that were not recorded
        ops += [
            r
            for r in no_work
            if r.name == _UNRECORDED
            and device_us(ops) + r.self_device
            <= (table.total_us or 0.0) * (1 + ROUNDED)
        ]
        no_work = [r for r in no_work if r not in ops]
        # kernels with names of operations fit into the total, ranges do not
        room = (table.total_us or 0.0) * (1 + ROUNDED) - device_us(kernels)
        if device_us(doubtful) > room:
            no_work += [r for r in doubtful if _is_range(r)]
            doubtful = [r for r in doubtful if not _is_range(r)]
        (kernels if device_us(doubtful) <= room else no_work).extend(doubtful)
        if not ops and not kernels:
            # all rows exceed the total: then the total counts something else
            ops = [r for r in no_work if r.self_cpu and not is_no_work(r)]
            kernels = [r for r in no_work if not r.self_cpu and not is_no_work(r)]
            no_work = [r for r in no_work if is_no_work(r)]
        return cls(tuple(ops), tuple(kernels), tuple(no_work), total)

    @property
    def by_op(self) -> bool:
        """Whether operations account for the work."""
        kernels = device_us(self.kernels)
        # kernels that exceed the total include ranges
        return bool(self.ops) and (
            device_us(self.ops) >= kernels * (1 - ROUNDED)
            or kernels > self.total * (1 + ROUNDED)
        )

    @property
    def counted(self) -> tuple[AverageRow, ...]:
        """The rows whose device time is the work."""
        return self.ops if self.by_op else self.kernels

    @property
    def counted_us(self) -> float:
        """Device time of the counted rows, µs."""
        return device_us(self.counted)


def is_no_work(row: AverageRow) -> bool:
    """Whether the name of a row shows that it is not work."""
    return any(p.match(row.name) for p in (_NO_WORK, _CALL, _RANGE))


def _is_range(row: AverageRow) -> bool:
    """Whether a row may be a range: its name is not that of a listed kernel."""
    return op_names.family(op_names.column("device", row.name)) == "other"


def device_us(rows: Sequence[AverageRow]) -> float:
    """Sum of the rows' device time, µs."""
    return sum(r.self_device for r in rows)
