"""Readers of traces and reports: sound files, broken files, and random ones."""

from __future__ import annotations

import gzip
import json
import re
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import profiles_made as made
from tests.support.documents import Json
from tests.support.narrowing import all_as, as_type
from xlate import engine, op_names, readers
from xlate.errors import ProfileError, XlateError
from xlate.readers.traces import chrome
from xlate.readers.traces.timeline import own_times, self_times, union
from xlate.values.profile import Profile
from xlate.values.translation import Failure, Translation

ALL = [(f, n) for f, cases in made.TEXTS.items() for n in cases]


@pytest.mark.parametrize("format", made.TEXTS)
def test_every_format_has_its_corpus(format: str) -> None:
    assert len(made.TEXTS[format]) >= 10
    assert len(made.NSYS_SQLITE) >= 10


def holds(profile: Profile, wanted: dict[str, int]) -> None:
    device = {c: v for c, v in profile.ops.items() if c.startswith("Device_")}
    for column, value in wanted.items():
        assert profile.ops[column] == pytest.approx(value, abs=0.01), column
    # no column of the device that nobody asked for
    if any(c.startswith("Device_") for c in wanted):
        assert set(device) <= {*wanted, op_names.DEVICE_IDLE}


def comes_of(
    path: Path, wanted: str | dict[str, int], format: str | None = None
) -> Profile | None:
    if isinstance(wanted, str):
        with pytest.raises(XlateError) as e:
            readers.read(path, format)
        said = re.sub(r"\s+", " ", str(e.value))
        assert re.search(wanted, said), said
        return None
    first, *_ = readers.read(path, format)
    holds(first, wanted)
    return first


@pytest.mark.parametrize(("format", "name"), ALL, ids=[f"{f}-{n}" for f, n in ALL])
def test_a_file_is_read_or_refused(format: str, name: str, tmp_path: Path) -> None:
    content, wanted = made.TEXTS[format][name]
    path = tmp_path / "profile.any"
    path.write_bytes(content)
    comes_of(path, wanted, format)
    if not isinstance(wanted, str):
        # by content, whatever its name ends in
        assert readers.read(path) == readers.read(path, format)


@pytest.mark.parametrize("name", made.NSYS_SQLITE)
def test_a_database_is_read_or_refused(name: str, tmp_path: Path) -> None:
    how, wanted = made.NSYS_SQLITE[name]
    path = tmp_path / "a report?.sqlite"
    made.nsys(path, **how)
    before = path.read_bytes()
    profile = comes_of(path, wanted)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    if profile is not None and how.get("ids", True):
        assert profile.device == "Tesla T4"


def test_a_database_of_something_else_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    path.write_bytes(b"SQLite format 3\x00" + b"\x00" * 500)
    with pytest.raises(
        ProfileError, match=r"not a database that can be read|no kernel"
    ):
        readers.read(path)
    import sqlite3

    path.unlink()
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE photos (a)")
    db.execute("CREATE VIEW CUPTI_ACTIVITY_KIND_KERNEL AS SELECT 1 AS start")
    db.commit()
    db.close()
    with pytest.raises(ProfileError, match="it has photos"):
        readers.read(path)


def test_a_database_with_a_kernel_without_end_is_refused(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "x.sqlite"
    made.nsys(path)
    db = sqlite3.connect(path)
    db.execute("UPDATE CUPTI_ACTIVITY_KIND_KERNEL SET end = 9e999")
    db.commit()
    db.close()
    with pytest.raises(ProfileError, match="holds inf for a number"):
        readers.read(path)


@pytest.mark.parametrize("field", ["ts", "dur"])
def test_a_time_larger_than_numbers_are_is_refused(field: str, tmp_path: Path) -> None:
    first, *others = made.steps()
    with pytest.raises(ProfileError, match="begins at"):
        read(tmp_path, made.trace([{**first, field: 10**400}, *others]))


def read(tmp_path: Path, content: bytes, name: str = "trace.json") -> list[Profile]:
    path = tmp_path / name
    path.write_bytes(content)
    return readers.read(path)


def test_a_trace_says_what_it_is(tmp_path: Path) -> None:
    (p,) = read(tmp_path, made.trace(made.steps()))
    assert p.device == "Tesla T4"
    assert p.step_time_us == 1000
    assert p.workload.framework == "pytorch"
    assert p.workload.mode == "inference"
    assert any("the median of 3 of 4 steps" in n for n in p.notes)
    # host time is that of operations and launches, each without what is inside it
    assert p.ops["Host_aten::addmm"] == 5
    assert p.ops["Host_cudaLaunchKernel"] == 6


def test_every_gpu_has_a_profile(tmp_path: Path) -> None:
    one, two = read(tmp_path, made.trace(made.steps() + made.steps(pid=2, device=1)))
    assert (one.source[-7:], two.source[-7:]) == ("[GPU 0]", "[GPU 1]")
    holds(one, made.VECTOR)
    holds(two, made.VECTOR)


def test_ids_that_two_processes_share_are_distinguished(tmp_path: Path) -> None:
    # both count their launches from the same number; one began later
    late = made.steps(pid=2, device=1, start=500_000)
    one, two = read(tmp_path, made.trace(made.steps() + late))
    holds(one, made.VECTOR)
    holds(two, made.VECTOR)


def test_warm_up_and_partial_steps_are_left_out(tmp_path: Path) -> None:
    events = made.steps(5)
    # the first step is slow, and the last launched nothing but one kernel
    events = [
        e for e in events if not (e["ts"] > 4400 and e["cat"] != "user_annotation")
    ]
    events[0] = {**events[0], "dur": 999}
    slow = made.launched(900, "aten::mul", made.ADD, 5, 5)
    (p,) = read(tmp_path, made.trace(events + slow))
    assert any("of 5 steps" in n for n in p.notes)
    assert "Device_aten::mul" not in p.ops
    holds(p, made.VECTOR)


def test_a_cut_trace_says_so(tmp_path: Path) -> None:
    for name in ("cut-in-an-event", "cut-behind-an-event", "cut-and-packed"):
        (p,) = read(tmp_path, made.KINETO[name][0], name)
        assert any("breaks off" in n for n in p.notes), name


def test_streams_that_overlap_are_counted_once(tmp_path: Path) -> None:
    (p,) = read(tmp_path, made.KINETO["overlapping-streams"][0])
    assert any("overlaps on several streams" in n for n in p.notes)
    assert p.busy_us + p.ops["Device_IDLE"] == pytest.approx(p.step_time_us)


def test_memory_is_kept(tmp_path: Path) -> None:
    events = [
        *made.steps(),
        {"ph": "i", "cat": "cpu_instant_event", "name": "[memory]", "ts": 5, "pid": 1, "tid": 1,
         "args": {"Total Allocated": 3 << 30, "Device Type": 1}},
    ]  # fmt: skip
    (p,) = read(tmp_path, made.trace(events))
    assert p.memory_bytes == 3 << 30
    (p,) = read(tmp_path, made.KEY_AVERAGES["csv"][0], "a.csv")
    assert p.memory_bytes == 4 << 20


def test_an_anchor_that_the_file_contradicts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_bytes(made.trace(made.steps(length=400_000)))
    profiles = engine.read_profiles([tmp_path / "t.json"])
    (refused,) = engine.translate(profiles, "g3s.xlarge", "p5.48xlarge")
    assert isinstance(refused, engine.Failure)
    assert "ran on a Tesla T4, g3s.xlarge has an M60" in str(refused.error)
    (forced,) = all_as(
        Translation, engine.translate(profiles, "g3s.xlarge", "p5.48xlarge", force=True)
    )
    assert any("(forced)" in r for r in forced.verdict.reasons)
    (anchor,) = [p for p in forced.facts.rests_on if p.part == "anchor"]
    assert "by --force" in anchor.source
    (right,) = all_as(
        Translation, engine.translate(profiles, "g4dn.xlarge", "p5.48xlarge")
    )
    assert right.layer == "zero-shot"


def test_an_anchor_among_several_is_not_left_out_in_silence(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_bytes(made.trace(made.steps(length=400_000)))
    (profile,) = all_as(Profile, engine.read_profiles([tmp_path / "t.json"]))
    both = {"g4dn.xlarge": profile, "g3s.xlarge": profile}
    with pytest.raises(ProfileError, match=r"g3s\.xlarge has an M60"):
        engine.translate_together(both, "p5.48xlarge")
    forced = engine.translate_together(both, "p5.48xlarge", force=True)
    assert [p.anchor for p in forced.parts] == ["g4dn.xlarge", "g3s.xlarge"]


def test_a_gpu_that_nobody_knows_is_refused_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_bytes(
        made.trace(made.steps(length=400_000), device="Abacus 3")
    )
    profiles = engine.read_profiles([tmp_path / "t.json"])
    (failed,) = engine.translate(profiles, "g4dn", "p5")
    assert isinstance(failed, Failure)
    assert "Abacus 3, g4dn.xlarge has a T4" in str(failed.error)
    (forced,) = engine.translate(profiles, "g4dn", "p5", force=True)
    assert any(
        "Abacus 3" in r and "(forced)" in r
        for r in as_type(Translation, forced).verdict.reasons
    )


def test_a_gpu_that_cannot_be_the_anchors_is_refused_though_nobody_knows_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "t.json").write_bytes(
        made.trace(made.steps(length=400_000), device="NVIDIA GeForce RTX 2070")
    )
    profiles = engine.read_profiles([tmp_path / "t.json"])
    (failed,) = engine.translate(profiles, "g4dn", "p5")
    assert isinstance(failed, Failure)
    assert "GeForce RTX 2070, g4dn.xlarge has a T4" in str(failed.error)
    (forced,) = engine.translate(profiles, "g4dn", "p5", force=True)
    assert any("(forced)" in r for r in as_type(Translation, forced).verdict.reasons)


def test_a_report_without_steps_wants_a_step_time(tmp_path: Path) -> None:
    path = tmp_path / "k.csv"
    path.write_bytes(made.NSYS_CSV["kernels"][0])
    (failed,) = engine.read_profiles([path])
    assert isinstance(failed, Failure)
    assert "does not say how long a step takes" in str(failed.error)
    (p,) = engine.read_profiles([path], step_time_us=2000.0)
    assert isinstance(p, Profile)
    assert p.step_time_us == 2000


def test_a_bomb_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chrome, "LONGEST_EVENT_BYTES", 1 << 20)
    blank = b'{"schemaVersion": 1, "deviceProperties": [], "traceEvents": [' + b" " * (
        20 << 20
    )
    start = time.monotonic()
    with pytest.raises(ProfileError, match=r"64 MB|no trace event"):
        read(tmp_path, gzip.compress(blank), "bomb.json.gz")
    deep = b'{"schemaVersion": 1, "traceEvents": [' + b'{"args": ' * 200_000
    with pytest.raises(ProfileError):
        read(tmp_path, deep)
    assert time.monotonic() - start < 10


def test_a_file_that_grows_beyond_measure_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xlate.readers.source.MOST_BYTES", 1 << 20)
    event = json.dumps(made.steps()[1]).encode()
    content = made.trace([])[:-2] + b",".join([event] * 30_000) + b"]}"
    with pytest.raises(ProfileError, match="unpacks to over"):
        read(tmp_path, gzip.compress(content), "t.json.gz")


def slow_reader(content: bytes) -> dict[str, int]:
    """The obvious reader: the whole document, one event after the other."""
    events = json.loads(content)["traceEvents"]
    launch = {e["args"]["correlation"]: e for e in events if e["cat"] == "cuda_runtime"}
    named = {
        e["args"]["External id"]: e["name"] for e in events if e["cat"] == "cpu_op"
    }
    marks = sorted(
        (e["ts"], e["ts"] + e["dur"])
        for e in events
        if e["name"].startswith("ProfilerStep")
    )[1:]
    lengths = sorted((b - a, a, b) for a, b in marks)
    _, begin, end = lengths[(len(lengths) - 1) // 2]
    ops: dict[str, float] = {}
    busy: set[int] = set()
    for e in events:
        if e["cat"] != "kernel":
            continue
        asked = launch[e["args"]["correlation"]]
        if begin <= asked["ts"] < end:
            column = "Device_" + named[asked["args"]["External id"]]
            ops[column] = ops.get(column, 0) + e["dur"]
            busy.update(range(int(e["ts"]), int(e["ts"] + e["dur"])))
    return ops | {"Device_IDLE": end - begin - len(busy)}


@given(data=st.data())
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_slow_obvious_reader_says_the_same(
    data: st.DataObject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    # small pieces, so that cuts fall everywhere
    monkeypatch.setattr(chrome, "PIECE_BYTES", int(rng.integers(64, 4096)))
    names = ["aten::addmm", "aten::add", "aten::gelu", "aten::copy_"]
    events, at, k = [], 0, 0
    for i in range(int(rng.integers(3, 6))):
        begin = at
        for _ in range(int(rng.integers(5, 9))):
            k += 1
            dur = int(rng.integers(1, 60))
            events += made.launched(k, names[rng.integers(4)], made.ADD, at, dur)
            at += dur + 30
        events.append(
            made.span("user_annotation", f"ProfilerStep#{i}", begin, at - begin)
        )
    content = made.trace(events, indent=int(rng.integers(0, 3)) or None)
    (p,) = read(tmp_path, content)
    device = {c: v for c, v in p.ops.items() if c.startswith("Device_")}
    assert device == pytest.approx(
        {c: v for c, v in slow_reader(content).items() if v > 0}
    )


SOUND = [
    c
    for cases in made.TEXTS.values()
    for c, w in cases.values()
    if not isinstance(w, str)
]


@given(
    which=st.integers(0, len(SOUND) - 1),
    cut=st.floats(0, 1),
    at=st.floats(0, 1),
    noise=st.binary(max_size=12),
    format=st.sampled_from([None, *readers.FORMATS]),
)
@settings(
    max_examples=300,
    deadline=10_000,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_damaged_files_give_a_profile_or_an_xlate_error(
    which: int, cut: float, at: float, noise: bytes, format: str | None, tmp_path: Path
) -> None:
    content = (
        SOUND[which][: int(len(SOUND[which]) * cut)] if cut < 0.9 else SOUND[which]
    )
    place = int(len(content) * at)
    path = tmp_path / "fuzz"
    path.write_bytes(content[:place] + noise + content[place + len(noise) :])
    check(path, format)


def check(path: Path, format: str | None = None) -> None:
    try:
        profiles = readers.read(path, format)
    except XlateError:
        return
    for p in profiles:
        values = list(p.ops.values())
        assert all(np.isfinite(v) and v >= 0 for v in values)
        assert all(op_names.is_op_column(c) for c in p.ops)


@given(
    events=st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "ph": st.sampled_from(["X", "M", "i", "s", ""]),
                "cat": st.sampled_from(
                    ["kernel", "cpu_op", "cuda_runtime", "user_annotation", None]
                ),
                "name": st.one_of(
                    st.text(max_size=5),
                    st.just("ProfilerStep#1"),
                    st.none(),
                    st.integers(),
                ),
                "pid": st.one_of(st.integers(), st.text(max_size=3), st.none()),
                "tid": st.one_of(st.integers(), st.text(max_size=3)),
                "ts": st.one_of(st.floats(), st.integers(), st.text(max_size=3)),
                "dur": st.one_of(st.floats(), st.integers(), st.none()),
                "args": st.one_of(
                    st.dictionaries(
                        st.sampled_from(
                            [
                                "External id",
                                "correlation",
                                "device",
                                "tf_op",
                                "Total Allocated",
                            ]
                        ),
                        st.one_of(
                            st.integers(), st.text(max_size=3), st.none(), st.floats()
                        ),
                    ),
                    st.lists(st.integers(), max_size=2),
                    st.text(max_size=3),
                ),
            },
        ),
        max_size=12,
    ),
    format=st.sampled_from(["kineto", "tensorflow_trace"]),
)
@settings(
    max_examples=300,
    deadline=10_000,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_events_give_a_profile_or_an_xlate_error(
    events: list[Json], format: str, tmp_path: Path
) -> None:
    path = tmp_path / "fuzz.json"
    path.write_text(json.dumps({"traceEvents": events}))
    check(path, format)


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), min_size=1, max_size=12)
)
@settings(deadline=None)
def test_shared_time_adds_up_to_the_union(spans: list[tuple[int, int]]) -> None:
    start = np.array([a for a, _ in spans], dtype=float)
    end = start + np.array([b for _, b in spans], dtype=float)
    covered = {
        t for a, b in zip(start, end, strict=True) for t in range(int(a), int(b))
    }
    assert union(start, end) == len(covered)
    own = own_times(start, end)
    assert own.sum() == pytest.approx(len(covered))
    slow = [
        sum(
            1 / sum(a <= t < b for a, b in zip(start, end, strict=True))
            for t in range(int(s), int(e))
        )
        for s, e in zip(start, end, strict=True)
    ]
    assert own == pytest.approx(slow)


def test_self_time_leaves_out_what_is_inside() -> None:
    start, end = np.array([0.0, 2.0, 3.0, 20.0]), np.array([10.0, 8.0, 5.0, 21.0])
    assert self_times(start, end).tolist() == [4.0, 4.0, 2.0, 1.0]


RECORDED = Path(__file__).resolve().parents[1] / "fixtures/pytorch-cpu"


@pytest.mark.parametrize(
    ("name", "within"), [("profile.csv", 0.02), ("table.txt", 0.6)]
)
def test_two_formats_of_one_recorded_run_say_the_same(name: str, within: float) -> None:
    """A step of a small network on a CPU, by PyTorch 2.15 (tests/fixtures/README.md)."""
    (trace,), (table,) = (readers.read(RECORDED / n) for n in ("trace.json", name))
    assert set(trace.ops) == set(table.ops)
    assert len(trace.ops) > 40
    for column, value in trace.ops.items():
        # the printed table has milliseconds to three digits
        assert table.ops[column] == pytest.approx(value, abs=within), column
    assert trace.step_time_us == pytest.approx(table.step_time_us, abs=within)
    assert trace.workload == table.workload
    assert trace.workload.mode == "training"
