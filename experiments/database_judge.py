"""What a database of Nsight Systems holds, read the slow obvious way."""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections import defaultdict
from pathlib import Path

from experiments.trace_judge import MOST_MARKS, Event, Side, Truth, candidates_of

__all__ = ["in_database"]


def in_database(content: bytes) -> Truth:
    """Judge a database of Nsight Systems."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.sqlite"
        path.write_bytes(content)
        db = sqlite3.connect(path)
        try:
            return _database(db)
        except sqlite3.Error as e:
            return Truth("nsys sqlite", unknown=f"the database cannot be read: {e}")
        finally:
            db.close()


def _database(db: sqlite3.Connection) -> Truth:
    tables = {n for (n,) in db.execute("SELECT name FROM sqlite_master")}
    launches: dict[int, float] = {}
    if "CUPTI_ACTIVITY_KIND_RUNTIME" in tables:
        launches = dict(
            db.execute("SELECT correlationId, start FROM CUPTI_ACTIVITY_KIND_RUNTIME")
        )
    work: dict[int, list[Event]] = defaultdict(list)
    for kind in ("KERNEL", "MEMCPY", "MEMSET"):
        table = f"CUPTI_ACTIVITY_KIND_{kind}"
        if table in tables:
            rows = db.execute(
                f"SELECT start, end, deviceId, correlationId FROM {table}"
            )
            for start, end, gpu, correlation in rows:
                asked = launches.get(correlation, start)
                work[gpu].append(
                    Event(start / 1e3, end / 1e3, asked / 1e3, kind == "KERNEL")
                )
    if not any(w.kernel for events in work.values() for w in events):
        return Truth("nsys sqlite", refuse="no kernel was recorded")
    names = {}
    if "TARGET_INFO_GPU" in tables:
        names = dict(db.execute("SELECT id, name FROM TARGET_INFO_GPU"))
    marks: dict[str, list[tuple[float, float]]] = defaultdict(list)
    if "NVTX_EVENTS" in tables:
        columns = {row[1] for row in db.execute("PRAGMA table_info(NVTX_EVENTS)")}
        text = "text"
        if {"textId", "text"} <= columns and "StringIds" in tables:
            text = "coalesce(text, (SELECT value FROM StringIds WHERE id = textId))"
        rows = db.execute(
            f"SELECT {text}, start, end FROM NVTX_EVENTS WHERE end > start"
        )
        for name, start, end in rows:
            marks[re.sub(r"\d+", "#", str(name))].append((start / 1e3, end / 1e3))
    few = {k: sorted(v) for k, v in marks.items() if len(v) <= MOST_MARKS}
    sides = []
    for gpu, events in work.items():
        candidates = candidates_of(events, few, ())
        name = names.get(gpu)
        sides.append(Side(gpu, (name,) if name else (), tuple(candidates)))
    return Truth("nsys sqlite", tuple(sides))
