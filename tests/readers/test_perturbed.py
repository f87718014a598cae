"""Traces changed as happens: a second reading agrees, or xlate doubts or refuses."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from experiments import real_files
from tests.perturbed import CHANGES, changed, cuts
from tests.support import profiles_made as made
from xlate import readers
from xlate.errors import XlateError
from xlate.values.reason import informs

COPIES = [
    made.span(
        "gpu_memcpy",
        "Memcpy HtoD (Pageable -> Device)",
        1000 * i + 700,
        50,
        device=0,
        correlation=-1,
    )
    for i in range(4)
]
TRACES = {
    "plain": made.trace(made.steps()),
    "copies": made.trace(made.steps() + COPIES),
    "streams": made.KINETO["overlapping-streams"][0],
    "two-gpus": made.KINETO["two-gpus"][0],
    "old": made.KINETO["old-external-id"][0],
    "tensorflow": made.TENSORFLOW_TRACE["two-gpus"][0],
}


def silently_wrong(path: Path) -> str:
    """What is wrong with a reading that holds no doubt; empty where nothing is."""
    row = real_files.compared(path)
    if row.verdict != "wrong":
        return ""
    try:
        profiles = readers.read(path)
    except XlateError:
        return ""
    return "" if any(not informs(n) for p in profiles for n in p.notes) else str(row)


@pytest.mark.parametrize("name", TRACES)
def test_a_changed_trace_is_not_silently_wrong(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for change in CHANGES:
        for seed in range(2):
            path.write_bytes(changed(TRACES[name], change, seed))
            assert not silently_wrong(path), change
    for cut in cuts(TRACES[name], 12, 0):
        path.write_bytes(cut)
        assert not silently_wrong(path), len(cut)


@pytest.mark.parametrize("change", ["shuffled", "other-devices"])
@pytest.mark.parametrize("name", ["plain", "copies", "streams", "two-gpus", "old"])
def test_order_and_numbers_of_devices_change_nothing(
    name: str, change: str, tmp_path: Path
) -> None:
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    before.write_bytes(TRACES[name])
    after.write_bytes(changed(TRACES[name], change, 3))
    first, second = readers.read(before), readers.read(after)
    assert first
    for a, b in zip(first, second, strict=True):
        assert a.step_time_us == b.step_time_us
        assert a.device == b.device
        device = [{k: v for k, v in p.ops.items() if k[0] == "D"} for p in (a, b)]
        assert device[0] == pytest.approx(device[1])


def test_two_processes_without_ids_are_not_said_to_mark_no_steps(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(changed(TRACES["two-gpus"], "no-ids", 0))
    profiles = readers.read(path)
    assert profiles
    for profile in profiles:
        (said,) = [n for n in profile.notes if "2 processes mark steps" in n]
        assert not informs(said)


def test_a_tensorflow_trace_with_its_names_at_the_end_is_recognised(
    tmp_path: Path,
) -> None:
    document = json.loads(made.TENSORFLOW_TRACE["plain"][0])
    events = document["traceEvents"]
    named = [e for e in events if e["ph"] == "M"]
    spans = [e for e in events if e["ph"] != "M"] * 1
    filler = [
        made.tf_event("Conv2D", k, 0.5, 9, 701, long_name="x" * 80) for k in range(900)
    ]
    random.Random(0).shuffle(spans)
    document["traceEvents"] = [*spans, *filler, *named]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document))
    (profile,) = readers.read(path)
    assert profile.busy_us == pytest.approx(500)
