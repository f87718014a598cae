"""Nsight Systems: the sqlite export (``nsys export --type sqlite``).

Tables are made only when there is something in them, and their columns differ
from version to version, so both are asked for first. Names stand in ``StringIds``.
Times are in ns. Steps are NVTX ranges named step or iteration.
"""

from __future__ import annotations

import math
import re
import sqlite3
import time
from array import array
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from xlate import opnames
from xlate.errors import ProfileError
from xlate.profile import Profile, WorkloadKey
from xlate.readers.kineto import clean_kernel
from xlate.readers.source import Source
from xlate.readers.steps import Step, Work, of_step

__all__ = ["STEP_RANGE", "read", "sniff"]

MAGIC = b"SQLite format 3\x00"
#: NVTX ranges that are steps
STEP_RANGE = re.compile(r"(?:^|[\W_])(?:profiler)?(?:train|training)?[\W_]*(?:step|iter|iteration|batch)\b|ProfilerStep|(?:step|iter|iteration|batch)[\W_]*#?\d+", re.IGNORECASE)  # fmt: skip
_KERNELS, _COPIES, _SETS = (
    f"CUPTI_ACTIVITY_KIND_{k}" for k in ("KERNEL", "MEMCPY", "MEMSET")
)
_RUNTIME, _NVTX, _GPUS = "CUPTI_ACTIVITY_KIND_RUNTIME", "NVTX_EVENTS", "TARGET_INFO_GPU"
_KINDS = {1: "Memcpy HtoD", 2: "Memcpy DtoH", 8: "Memcpy DtoD", 10: "Memcpy PtoP"}
#: ns in a µs
_NS = 1e-3
#: seconds until queries are stopped: so many, and one more for as many bytes; a
#: gigabyte of kernels takes seconds
_LONGEST_S, _BYTES_A_S = 8.0, 4_000_000
#: bytes of one value at most; a column that is computed could ask for a gigabyte
_LONGEST_VALUE = 1 << 24
_HINT = "nsys profile -t cuda,nvtx … then: nsys export --type sqlite REPORT.nsys-rep"


def sniff(head: bytes) -> bool:
    """Whether the file is an sqlite database."""
    return head.startswith(MAGIC)


def read(source: Source) -> list[Profile]:
    """One profile for each GPU that ran a kernel.

    Parameters
    ----------
    source : Source
        The database; it is opened read-only.

    Raises
    ------
    ProfileError
        If it is damaged, of something else, or holds no kernel.
    """
    path = source.path
    if source.packed:
        raise ProfileError(f"{path} is a packed database", "unpack it: gunzip FILE")
    # a question mark or a hash in a path would end it
    name = path.resolve().as_uri()
    try:
        with closing(
            sqlite3.connect(f"{name}?mode=ro&immutable=1", uri=True)
        ) as database:
            end = time.monotonic() + _LONGEST_S + source.size / _BYTES_A_S
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
            database.execute("PRAGMA trusted_schema = OFF")
            database.set_progress_handler(lambda: time.monotonic() > end, 100_000)
            database.text_factory = lambda b: b.decode("utf-8", "replace")
            return list(_profiles(path, _Tables(path, database)))
    except UnicodeDecodeError as e:
        # sqlite's own message quotes the schema, which need not be text
        raise ProfileError(
            f"{path} is a damaged database: its schema holds bytes that are not UTF-8",
            "export it again",
        ) from e
    except (sqlite3.Error, OverflowError, MemoryError) as e:
        raise ProfileError(f"{path} is no database that can be read: {e}", _HINT) from e


class _Tables:
    """What of the known tables and columns there is."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self.path, self.database = path, database
        listed = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        self.names = {str(n) for (n,) in listed}

    def columns(self, table: str) -> set[str]:
        if table not in self.names:
            return set()
        return {
            str(r[1]) for r in self.database.execute(f'PRAGMA table_info("{table}")')
        }

    def rows(self, table: str, *wanted: str) -> Iterator[tuple[Any, ...]]:
        """Rows of a table; None for a column it does not have."""
        have = self.columns(table)
        if not have:
            return
        chosen = ", ".join(f'"{c}"' if c in have else "NULL" for c in wanted)
        # names of columns and tables are ours, never the file's
        query = f'SELECT {chosen} FROM "{table}"'  # noqa: S608
        yield from self.database.execute(query)

    def whole(self, table: str, value: Any) -> float:
        """A time that must be a finite number."""
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise ProfileError(
                f"{self.path}: {table} holds {value!r} for a number", _HINT
            )
        return value


def _profiles(path: Path, tables: _Tables) -> Iterator[Profile]:
    if _KERNELS not in tables.names:
        inside = ", ".join(sorted(tables.names)[:6]) or "no table at all"
        raise ProfileError(
            f"{path} holds no kernel of an Nsight Systems report (it has {inside})",
            _HINT,
        )
    strings = {i: str(v) for i, v in tables.rows("StringIds", "id", "value")}
    work, devices = _work(tables, strings)
    if not len(work.start):
        raise ProfileError(f"{path} holds no kernel", _HINT)
    steps = _steps(tables, strings)
    names = {
        i: n
        for i, n in tables.rows(_GPUS, "id", "name")
        if isinstance(n, str) and n.strip()
    }
    listed = sorted(set(devices.tolist()))
    for device in listed:
        mine = work.rows(devices == device)
        source = f"{path} [GPU {device}]" if len(listed) > 1 else str(path)
        found = of_step(mine, steps) if steps else None
        if steps and found is None:
            raise ProfileError(
                f"{path}: no kernel lies in any of its {len(steps)} NVTX steps", _HINT
            )
        if found is None:
            # the whole recording, which nobody can call a step
            span = Step(0, float(mine.asked.min()), float(mine.end.max() - mine.asked.min()) + 1e-3)  # fmt: skip
            found = of_step(mine, [span])
            length, said = None, "no NVTX range named step or iteration: everything is taken for one step"  # fmt: skip
        else:
            length, said = found.step.length, found.step.said
        assert found is not None
        yield Profile(
            {k: v for k, v in found.ops.items() if v > 0},
            WorkloadKey(framework="unknown"),
            step_time_us=length,
            source=source,
            notes=(said, *found.notes),
            device=names.get(device),
        )


def _work(tables: _Tables, strings: dict[int, str]) -> tuple[Work, Any]:
    """Everything that GPUs did, with when it was asked for."""
    launched: dict[int, float] = {}
    for corr, start in tables.rows(_RUNTIME, "correlationId", "start"):
        if isinstance(corr, int) and isinstance(start, int):
            launched[corr] = start * _NS
    start, end, asked = array("d"), array("d"), array("d")
    column, device = array("q"), array("q")
    places: dict[str, int] = {}

    def add(table: str, name: str, begin: Any, stop: Any, corr: Any, gpu: Any) -> None:
        a, b = (tables.whole(table, v) * _NS for v in (begin, stop))
        if b < a:
            raise ProfileError(
                f"{tables.path}: {name!r} ends {a - b:g} µs before it begins", _HINT
            )
        start.append(a)
        end.append(b)
        asked.append(launched.get(corr, a) if isinstance(corr, int) else a)
        named = opnames.column("device", name)
        column.append(places.setdefault(named, len(places)))
        device.append(gpu if isinstance(gpu, int) else 0)

    for begin, stop, long, short, corr, gpu in tables.rows(
        _KERNELS,
        "start",
        "end",
        "demangledName",
        "shortName",
        "correlationId",
        "deviceId",
    ):
        named = strings.get(long) or strings.get(short) or f"kernel {short}"
        add(_KERNELS, clean_kernel(named), begin, stop, corr, gpu)
    for begin, stop, kind, corr, gpu in tables.rows(
        _COPIES, "start", "end", "copyKind", "correlationId", "deviceId"
    ):
        add(_COPIES, _KINDS.get(kind, "Memcpy"), begin, stop, corr, gpu)
    for begin, stop, corr, gpu in tables.rows(
        _SETS, "start", "end", "correlationId", "deviceId"
    ):
        add(_SETS, "Memset", begin, stop, corr, gpu)
    work = Work(
        np.array(start), np.array(end), np.array(asked), np.array(column), tuple(places)
    )
    return work, np.array(device)


def _steps(tables: _Tables, strings: dict[int, str]) -> list[Step]:
    """NVTX ranges that are steps: the series with most of them, in order."""
    series: dict[str, list[tuple[float, float]]] = {}
    for begin, stop, text, text_id in tables.rows(
        _NVTX, "start", "end", "text", "textId"
    ):
        name = text if isinstance(text, str) else strings.get(text_id, "")
        if not STEP_RANGE.search(name):
            continue
        if isinstance(begin, int) and isinstance(stop, int) and stop > begin:
            key = re.sub(r"\d+", "#", name)
            series.setdefault(key, []).append((begin * _NS, (stop - begin) * _NS))
    if not series:
        return []
    best = sorted(series[max(series, key=lambda k: len(series[k]))])
    return [Step(k, a, length) for k, (a, length) in enumerate(best)]
