"""``HOST.tensorflow_stats.pb``: TensorBoard's table of operations as it is stored.

The same table as its csv (:mod:`xlate.readers.tensorflow.tensorflow_stats`), as a protocol buffer:
``TfStatsDatabase`` holds it with and without idle time. The fields are those of
``tf_stats.proto`` (openxla/xprof) that are in use. The reader was checked with made files
that XProf's own classes decode; no file of a real run was available.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from xlate import op_names
from xlate.errors import ProfileError
from xlate.readers.source import Source
from xlate.readers.tensorflow import wire
from xlate.readers.tensorflow.tensorflow_stats import contradiction
from xlate.readers.workload_from_name import from_name
from xlate.values.profile import Profile

__all__ = ["read", "sniff"]

#: fields of the database: the table with idle time, and without
_WITH_IDLE, _WITHOUT_IDLE = 4, 5
_RECORDS = 1
_MESSAGES: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "Record": {
        "rank": (1, "uint"), "side": (2, "text"), "kind": (3, "text"),
        "operation": (4, "text"), "occurrences": (5, "int"),
        "total_us": (6, "double"), "average_us": (7, "double"),
    },
}  # fmt: skip
#: most rows of a table: one for each operation of a graph
_MOST_RECORDS = 2_000_000


def sniff(head: bytes) -> bool:
    """Whether a file begins like a table of operations: with a side and a type."""
    for table in (_WITH_IDLE, _WITHOUT_IDLE):
        record = wire.begins_with(head, table, _RECORDS)
        if record is not None:
            record = record[:64]
            return b"\x12\x06Device" in record or b"\x12\x04Host" in record
    return False


def read(source: Source) -> list[Profile]:
    """Read one table into one profile.

    Parameters
    ----------
    source : Source
        The file; its name may hold the instance and the workload.

    Raises
    ------
    ProfileError
        If it is damaged or breaks off, a side is neither host nor device, a time is
        not finite or negative, a row contradicts itself or stands twice, or the
        protobuf library is missing.
    """
    path = source.path
    kind = wire.messages("xlate_tensorflow_stats", _MESSAGES)["Record"]
    tables: dict[int, dict[str, float]] = {}
    with source.open() as stream:
        reader = wire.Wire(str(path), stream)
        for number, wired, value in reader.fields():
            if wired == 2 and number in (_WITH_IDLE, _WITHOUT_IDLE):
                tables[number] = _table(reader, reader.at + value, kind)
            elif wired == 2:
                reader.skip(value)
    # the table with idle time, unless it is empty
    ops = tables.get(_WITH_IDLE) or tables.get(_WITHOUT_IDLE)
    if not ops:
        raise ProfileError(
            f"{path} has a table and no operation in it",
            "profile at least one whole step",
            code="profile.empty",
        )
    instance, workload = from_name(path.name)
    notes = () if tables.get(_WITH_IDLE) else ("the table holds no idle time",)
    return [Profile(ops, workload, instance, source=str(path), notes=notes)]


def _table(reader: wire.Wire, end: int, kind: Any) -> dict[str, float]:
    ops: dict[str, float] = {}
    operations: set[tuple[int, bytes, bytes]] = set()
    count = 0
    for number, wired, value in reader.fields(end):
        if wired != 2:
            continue
        if number != _RECORDS:
            reader.skip(value)
            continue
        row = wire.sound(reader.where, kind, reader.take(value))
        count += 1
        if count > _MOST_RECORDS:
            raise ProfileError(
                f"{reader.where} has over {_MOST_RECORDS:,} operations",
                wire.DAMAGED,
                code="profile.too-large",
            )
        operation = (row.rank, row.side, row.operation)
        if operation in operations:
            raise ProfileError(
                f"{reader.where}, row {count}: {_text(row.operation)!r} stands there twice",
                wire.DAMAGED,
                code="profile.repeated",
            )
        operations.add(operation)
        column, time = _checked(f"{reader.where}, row {count}", row)
        ops[column] = ops.get(column, 0.0) + time
    return ops


def _checked(where: str, row: Any) -> tuple[str, float]:
    """Column and time of a row, µs."""
    side, name, time = _text(row.side), _text(row.kind), row.total_us
    if side.lower() not in ("host", "device"):
        raise ProfileError(
            f"{where}: it is of {side!r}",
            "it must be Host or Device",
            code="profile.bad-value",
        )
    if not name.strip():
        raise ProfileError(
            f"{where}: it has no type of operation",
            wire.DAMAGED,
            code="profile.bad-value",
        )
    if not (math.isfinite(time) and time >= 0):
        raise ProfileError(
            f"{where}: {name} takes {time:g} µs",
            "times are finite and not negative; profile again",
            code="profile.bad-value",
        )
    fault = contradiction(row.occurrences, row.average_us, time)
    if fault is not None:
        raise ProfileError(
            f"{where}: {_text(row.operation) or name}: {fault}", wire.DAMAGED
        )
    return op_names.column(side, name), time


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
