"""Telemetry of another time than the profile is doubted, where both say their time."""

from __future__ import annotations

import gzip
import sqlite3
from pathlib import Path

import pytest

from xlate.engine.recording_trust import anchor_doubts, time_doubts
from xlate.hardware.catalogue import catalogue
from xlate.readers.traces.wallclock import recorded_at
from xlate.sweeps.probe import read_telemetry

AT = 1714564800  # 2024-05-01 12:00 UTC


def kineto(where: str) -> str:
    base = f'"baseTimeNanoseconds": {(AT - 5000) * 10**9}'
    events = '"traceEvents": [{"ph": "X", "ts": 5000000000.500, "dur": 1}]'
    old = f'"traceEvents": [{{"ph": "X", "ts": {AT}000500, "dur": 1}}]'
    pad = '"distributedInfo": "' + "x" * 200_000 + '"'
    return {
        "front": f"{{{base}, {events}, {pad}}}", "back": f"{{{events}, {pad}, {base}}}",
        "old": f"{{{old}}}", "neither": f"{{{events}}}",
    }[where]  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("where", ["front", "back", "old", "neither"])
def test_kineto_says_when_it_was_recorded(
    tmp_path: Path, where: str, packed: bool
) -> None:
    path = tmp_path / "trace.json"
    raw = kineto(where).encode()
    path.write_bytes(gzip.compress(raw) if packed else raw)
    assert recorded_at(path) == (
        None if where == "neither" else pytest.approx(AT, abs=0.01)
    )


def test_nsight_and_what_says_no_time(tmp_path: Path) -> None:
    path = tmp_path / "n.sqlite"
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE TARGET_INFO_SESSION_START_TIME (utcEpochNs INTEGER)")
        base.execute(
            "INSERT INTO TARGET_INFO_SESSION_START_TIME VALUES (?)", (AT * 10**9,)
        )
    assert recorded_at(path) == AT
    for content in (b"", b"\x1f\x8bnone", b"SQLite format 3\0none", b"a,b\n1,2\n"):
        path.write_bytes(content)
        assert recorded_at(path) is None
    assert recorded_at(tmp_path) is None


@pytest.mark.parametrize(
    ("stamp", "apart"),
    [
        ("2024/05/01 14:00:0{}.000", False),
        ("2024/05/02 01:00:0{}.000", False),
        ("2024/05/03 12:00:0{}.000", True),
        ("2024-05-01T12:00:0{}Z", False),
        ("2024-05-01T14:00:0{}+02:00", False),
        ("2024-05-01T14:00:0{}Z", True),
        ("12:00:0{}", False),
    ],
)
def test_another_day_is_another_run(tmp_path: Path, stamp: str, apart: bool) -> None:
    profile, meter = tmp_path / "trace.json", tmp_path / "t.csv"
    profile.write_text(kineto("back"))
    rows = [f"{stamp.format(s)}, 60 W, 97 %, 40 %" for s in range(10)]
    meter.write_text(
        "\n".join(
            [
                "timestamp, power.draw [W], utilization.gpu [%], utilization.memory [%]",
                *rows,
            ]
        )
    )
    telemetry = read_telemetry(meter)
    doubts = time_doubts(telemetry, profile)
    assert bool(doubts) == apart
    if apart:
        assert doubts[0][0] == "widen"
        assert "not of one run" in doubts[0][1]
    assert time_doubts(telemetry, meter) == []
    said = anchor_doubts(telemetry, catalogue().gpu("T4"), catalogue())
    assert said == [
        ("ok", "telemetry: nothing in the recording says that it is of a T4")
    ]
