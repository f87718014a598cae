"""Files of TensorBoard's and XProf's profilers as protocol buffers."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import xplane_made as made
from tests.support.documents import Json
from tests.support.xplane_made import Plane
from xlate import readers
from xlate.errors import ProfileError, XlateError
from xlate.readers import StepChoice
from xlate.readers.tensorflow import gpu_trace, wire
from xlate.values.profile import Profile, check_times

pytest.importorskip("google.protobuf", reason="protobuf is not installed")


def read(
    tmp_path: Path,
    content: bytes,
    *,
    steps: StepChoice | None = None,
    format: str | None = None,
) -> list[Profile]:
    path = tmp_path / "host.xplane.pb"
    path.write_bytes(content)
    return readers.read(path, format, steps)


DEVICE = {"Device_cublas-gemm": 400, "Device_loop_add_fusion": 100}


def holds(profile: Profile, step: int, wanted: dict[str, int] = DEVICE) -> None:
    assert profile.step_time_us == pytest.approx(step)
    assert dict(profile.ops) == pytest.approx(
        {**wanted, "Device_IDLE": step - sum(wanted.values())}
    )
    copies = sum(v for c, v in profile.ops.items() if "Memcpy" in c)
    computed = sum(profile.precision_us.values())
    assert computed == pytest.approx(profile.busy_us - copies)


def test_a_step_of_jax_is_what_the_host_annotated(tmp_path: Path) -> None:
    (p,) = read(tmp_path, made.space(made.jax_gpu(), made.jax_host()))
    holds(p, 990)
    assert (p.workload.framework, p.workload.mode) == ("jax", "training")
    assert p.device == "T4"
    assert any("annotated 'train'" in n for n in p.notes)
    assert any("by compute capability 7.5" in n for n in p.notes)
    check_times(read(tmp_path, made.space(made.jax_gpu(), made.jax_host(2)))[0])


def test_order_of_planes_and_packing_change_nothing(tmp_path: Path) -> None:
    (a,) = read(tmp_path, made.space(made.jax_gpu(), made.jax_host()))
    (b,) = read(tmp_path, made.space(made.jax_host(), made.jax_gpu()))
    (c,) = read(tmp_path, gzip.compress(made.space(made.jax_gpu(), made.jax_host())))
    assert a == b == c


def test_small_pieces_say_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_one_piece = read(tmp_path, made.space(made.jax_gpu(), made.jax_host()))
    monkeypatch.setattr(wire, "BATCH_BYTES", 16)
    monkeypatch.setattr(wire, "PIECE_BYTES", 7)
    assert read(tmp_path, made.space(made.jax_gpu(), made.jax_host())) == in_one_piece


def test_a_host_that_runs_ahead_does_not_say_how_long_a_step_takes(
    tmp_path: Path,
) -> None:
    # all four steps are launched within the first
    host = made.jax_host(length=20, apart=25)
    (p,) = read(tmp_path, made.space(made.jax_gpu(shift=200), host))
    holds(p, 1000)
    assert any("runs ahead" in n for n in p.notes)


def test_a_program_that_repeats_is_a_step_where_nothing_is_annotated(
    tmp_path: Path,
) -> None:
    (p,) = read(tmp_path, made.space(made.jax_gpu(), made.jax_host(number=False)))
    holds(p, 1000)
    assert any("each of the 4 executions of jit_train_step" in n for n in p.notes)


def test_once_is_no_repetition(tmp_path: Path) -> None:
    (p,) = read(tmp_path, made.space(made.jax_gpu(1)))
    holds(p, 600)
    assert any("the whole recording" in n for n in p.notes)


def test_the_user_says_what_a_step_is(tmp_path: Path) -> None:
    content = made.space(made.jax_gpu(), made.jax_host())
    (p,) = read(tmp_path, content, steps=StepChoice(count=4))
    # from the first kernel to the end of the last are 3600 µs
    holds(p, 900)
    assert any("taken as 4 steps" in n for n in p.notes)
    (p,) = read(tmp_path, content, steps=StepChoice(mark="PjitFunction(train_step)"))
    holds(p, 1000)
    with pytest.raises(ProfileError, match="no annotation named 'epoch'"):
        read(tmp_path, content, steps=StepChoice(mark="epoch"))


def test_every_gpu_has_a_profile(tmp_path: Path) -> None:
    one, two = made.jax_gpu(), made.jax_gpu(index=1)
    a, b = read(tmp_path, made.space(one, two, made.jax_host()))
    assert (a.source[-7:], b.source[-7:]) == ("[GPU 0]", "[GPU 1]")
    holds(a, 990)
    holds(b, 990)


def test_operations_of_tensorflow_keep_their_types(tmp_path: Path) -> None:
    gpu = made.Plane("/device:GPU:0")
    events = [
        gpu.event("volta_sgemm", 0, 400, tf_op="net/conv/Conv2D:Conv2D"),
        gpu.event("EigenMetaKernel<x>", 400, 50, annotation="net/relu:Relu#id=1,a=2#"),
        gpu.event("MemcpyD2H", 450, 50, annotation="#edge_name=copy#"),
    ]
    gpu.line("Stream #13(Compute)", *events[:2])
    gpu.line("Stream #14(MemcpyD2H)", events[2])
    gpu.line("TensorFlow Ops", gpu.event("Conv2D", 0, 400))
    gpu.line("Steps", gpu.event("EagerKernelExecute 3", 0, 600))
    (p,) = read(tmp_path, made.space(gpu))
    holds(p, 600, {"Device_Conv2D": 400, "Device_Relu": 50, "Device_MemcpyD2H": 50})
    assert p.workload.framework == "tensorflow"
    assert any("step 3 stands" in n for n in p.notes)


@pytest.mark.parametrize(
    ("changed", "device"),
    [
        ({}, "T4"),
        (
            {
                "core_count": 108,
                "memory_size": 42_409_132_032,
                "memory_bandwidth": 1_555_200_000_000,
                "compute_cap_major": 8,
                "compute_cap_minor": 0,
            },
            "GA100 40GB",
        ),
        (
            {
                "core_count": 80,
                "memory_size": 16_945_512_448,
                "memory_bandwidth": 898_048_000_000,
                "compute_cap_major": 7,
                "compute_cap_minor": 0,
            },
            "V100 16GB",
        ),
        (
            {"core_count": 41},
            "Nvidia GPU with compute capability 7.5, 41 multiprocessors and 14.8 GiB",
        ),
        (
            {"compute_cap_major": 8},
            "Nvidia GPU with compute capability 8.5, 40 multiprocessors and 14.8 GiB",
        ),
        (
            {"device_vendor": "AMD"},
            "AMD GPU with compute capability 7.5, 40 multiprocessors and 14.8 GiB",
        ),
        # half of it, as some drivers count; or not known
        ({"memory_bandwidth": 160_032_000_000}, "T4"),
        ({"memory_bandwidth": 0}, "T4"),
        (
            {
                "device_vendor": "AMD",
                "core_count": 304,
                "memory_size": 206_141_652_992,
                "memory_bandwidth": 2_662_400_000_000,
                "compute_cap_major": 9,
                "compute_cap_minor": 4,
            },
            "MI300X",
        ),
        ({"core_count": 0}, None),
    ],
)
def test_the_gpu_is_known_by_its_figures_or_taken_for_no_other(
    changed: Json, device: str | None, tmp_path: Path
) -> None:
    gpu = made.jax_gpu(facts={**made.T4, **changed})
    (p,) = read(tmp_path, made.space(gpu, made.jax_host()))
    assert p.device == device


def _without(plane: Plane) -> Plane:
    plane.lines = b""
    return plane


def _negative() -> Plane:
    gpu = made.Plane("/device:GPU:0")
    gpu.line("Stream #1", gpu.event("k", 5, -1))
    return gpu


BROKEN = {
    "cpu-only": (made.space(made.jax_host()), r"no GPU kernel was recorded, and the file names no GPU"),
    "tpu": (made.space(made.Plane("/device:TPU:0"), made.jax_host()), r"recorded on a TPU"),
    "no-kernel": (made.space(_without(made.jax_gpu()), made.jax_host()), r"no GPU kernel was recorded"),
    "negative": (made.space(_negative()), r"'k' begins at 5 µs and takes -1 µs"),
    "cut-in-the-lines": (made.space(made.jax_gpu(), made.jax_host())[:300], r"breaks off at byte"),
    "cut-behind-the-gpu": (made.space(made.jax_gpu(), made.jax_host())[:-40], r"breaks off at byte"),
    "length-beyond-the-plane": (made.some(1, made.varint_field(1, 1) + made.some(2, "/device:GPU:0") + b"\x1a\xff\xff\x03"), r"damaged or breaks off"),
    "group": (made.space(made.jax_gpu()) + b"\x0b", r"damaged or breaks off"),
    "huge-field": (made.some(1, made.varint_field(1, 1) + made.some(2, "/device:GPU:0"))[:1] + b"\xff\xff\xff\xff\x0f" + made.varint_field(1, 1) + made.some(2, "/device:GPU:0") + b"\x22\xff\xff\xff\xff\x0e", r"larger than any|breaks off"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_says_what_is_wrong(name: str, tmp_path: Path) -> None:
    content, said = BROKEN[name]
    with pytest.raises(ProfileError, match=said):
        read(tmp_path, content, format="xplane")


def test_a_file_of_endless_events_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_trace, "MOST_EVENTS", 1000)
    gpu = made.Plane("/device:GPU:0")
    gpu.line("Stream #1", b"\x22\x00" * 5000)
    with pytest.raises(ProfileError, match="over 1,000 events"):
        read(tmp_path, made.space(gpu))


def test_other_protocol_buffers_are_not_read_as_profiles(tmp_path: Path) -> None:
    for content in (
        made.some(1, made.some(1, "a kernel") + made.varint_field(2, 3)),
        made.some(1, made.varint_field(1, 1) + made.some(2, "a name")),
        b"\n\x05hello",
    ):
        with pytest.raises(ProfileError, match=r"no format|no profile format"):
            read(tmp_path, content)


@given(
    which=st.sampled_from(["xplane", "stats"]),
    at=st.floats(0, 1),
    noise=st.binary(min_size=1, max_size=8),
    cut=st.booleans(),
)
@settings(
    max_examples=150,
    deadline=10_000,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_damaged_files_give_a_profile_or_an_xlate_error(
    which: str, at: float, noise: bytes, cut: bool, tmp_path: Path
) -> None:
    content = made.stats() if which == "stats" else SPACE
    place = int(len(content) * at)
    rest = b"" if cut else content[place + len(noise) :]
    format = "xplane" if which == "xplane" else "tensorflow_stats_pb"
    try:
        profiles = read(tmp_path, content[:place] + noise + rest, format=format)
    except XlateError:
        return
    assert profiles
    for p in profiles:
        assert all(v >= 0 for v in p.ops.values())


SPACE = made.space(made.jax_gpu(), made.jax_host())


def test_a_stored_table_says_what_its_csv_says(tmp_path: Path) -> None:
    (p,) = read(tmp_path, made.stats())
    assert dict(p.ops) == {
        "Device_IDLE": 500_000, "Device_Conv2D": 400_000, "Device_Relu": 100_000,
        "Host_Dataset": 33.3,
    }  # fmt: skip
    assert p.workload.framework == "tensorflow"
    head = "Rank,Host/device,Type,Operation,#Occurrences,Total time (us),Avg. time (us)"
    lines = [
        f"{k + 1},{side},{kind},{name},{count},{total},{average}"
        for k, (side, kind, name, count, total, average) in enumerate(made.ROWS)
    ]
    (tmp_path / "t.csv").write_text("\n".join([head, *lines]))
    (csv,) = readers.read(tmp_path / "t.csv")
    assert csv.ops == p.ops
    (bare,) = read(tmp_path, made.stats(rows=()))
    assert "Device_IDLE" not in bare.ops
    assert any("no idle time" in n for n in bare.notes)


def _row(k: int, **changed: Any) -> list[made.StatsRow]:
    names = ("side", "kind", "name", "count", "total", "average")
    row: Json = {**dict(zip(names, made.ROWS[k], strict=True)), **changed}
    side, kind, name, count, total, average = row.values()
    changed_row = (side, kind, name, count, total, average)
    return [*made.ROWS[:k], changed_row, *made.ROWS[k + 1 :]]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (_row(1, total=400.0), r"row 2: net/conv: 2 occurrences of 200000 µs"),
        (_row(1, total=float("nan")), r"row 2: Conv2D takes nan"),
        (_row(1, total=-1.0), r"takes -1"),
        (_row(1, side="Device2"), r"it is of 'Device2'"),
        (_row(1, kind=""), r"no type of operation"),
        ([*made.ROWS[:2], *made.ROWS[1:2]], None),
    ],
)
def test_a_row_that_cannot_be_is_named(
    rows: list[tuple[str, str, str, int, float, float]],
    said: str | None,
    tmp_path: Path,
) -> None:
    if said is None:
        # ranks differ here, so it is another row
        assert read(tmp_path, made.stats(rows))[0].ops["Device_Conv2D"] == 800_000
        return
    with pytest.raises(ProfileError, match=said):
        read(tmp_path, made.stats(rows), format="tensorflow_stats_pb")


def test_a_missing_library_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire._messages.cache_clear()
    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    with pytest.raises(ProfileError, match=r"pip install 'protobuf>=4\.25'"):
        read(tmp_path, SPACE)
    wire._messages.cache_clear()


def test_the_library_is_loaded_when_it_is_needed() -> None:
    code = (
        "import xlate, xlate.readers, sys\n"
        "assert not [m for m in sys.modules if m.startswith('google')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_framework_that_training_never_saw_is_not_ok(tmp_path: Path) -> None:
    """Its operations have known families, so that nothing else would be doubted."""
    from dataclasses import replace

    from xlate.store import bundle as bundles
    from xlate.trust.domain import examine

    bundle = bundles.load(bundles.shipped_folder("p2.xlarge", "p3.2xlarge"))
    (p,) = read(tmp_path, made.space(made.jax_gpu(), made.jax_host()))
    said = [str(r) for r in examine(p, bundle).verdict.reasons]
    assert any(
        "recorded with jax, and the training's runs are of tensorflow" in r
        for r in said
    )
    unknown = replace(p, workload=replace(p.workload, framework="unknown"))
    said = [str(r) for r in examine(unknown, bundle).verdict.reasons]
    assert not any("recorded with" in r for r in said)
