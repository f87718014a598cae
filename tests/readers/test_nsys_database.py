"""Nsight Systems' sqlite: which ranges are steps, whose GPU it is, graphs, packing."""

from __future__ import annotations

import gzip
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.support import profiles_made as made
from tests.support.narrowing import as_type, present
from xlate import readers
from xlate.errors import ProfileError
from xlate.readers import StepChoice
from xlate.values.profile import Profile
from xlate.values.reason import Reason

CASES = Path(os.environ.get("XLATE_DATA_HOME", "datasets")).parent / "cases/traces"
GRAPH = "CREATE TABLE CUPTI_ACTIVITY_KIND_GRAPH_TRACE (start INT, end INT, deviceId INT, correlationId INT, globalPid INT, graphId INT)"


def database(tmp_path: Path, *statements: str, **how: Any) -> Path:
    """A sound report of four steps of 1000 µs, changed."""
    path = tmp_path / "a.sqlite"
    made.nsys(path, **how)
    db = sqlite3.connect(path)
    for s in statements:
        db.execute(s)
    db.commit()
    db.close()
    return path


def read(path: Path, **choice: Any) -> list[Profile]:
    return readers.read(path, steps=StepChoice(**choice))


def test_ranges_never_popped_last_from_start_to_start(tmp_path: Path) -> None:
    path = database(tmp_path, "UPDATE NVTX_EVENTS SET end = 9000000")
    (p,) = read(path)
    assert p.step_time_us == pytest.approx(1000)
    assert p.busy_us == pytest.approx(500)
    assert any("overlap their successor" in n for n in p.notes)
    # some versions write no end
    (q,) = read(database_with(path, "UPDATE NVTX_EVENTS SET end = NULL"))
    assert q.ops == p.ops


def database_with(path: Path, *statements: str) -> Path:
    db = sqlite3.connect(path)
    for s in statements:
        db.execute(s)
    db.commit()
    db.close()
    return path


def test_one_range_that_overlaps_is_cut_alone(tmp_path: Path) -> None:
    path = database(
        tmp_path, "UPDATE NVTX_EVENTS SET end = end + 500000 WHERE start = 1000000"
    )
    (p,) = read(path)
    assert p.step_time_us == pytest.approx(1000)
    assert any("1 of 4 overlap" in n for n in p.notes)


def inner(
    name: str, begin: int, end: int, times: int = 4, table: str = "NVTX_EVENTS"
) -> list[str]:
    return [
        f"INSERT INTO {table} VALUES ({k * 1000000 + begin},{k * 1000000 + end},59,'{name.format(k)}',NULL)"
        for k in range(times)
    ]


@pytest.mark.parametrize(
    "others",
    [
        inner("optimizer step", 600000, 700000),
        inner("micro batch {}", 100, 400000) + inner("micro batch {}", 400001, 900000),
        inner("train_step", 2000, 900000),
        inner("load batch", 910000, 999000, times=3),
        ["INSERT INTO NVTX_EVENTS VALUES (0,4000000,59,'train iteration',NULL)"],
        # this is a domain of NCCL, not a range of the program
        ["INSERT INTO NVTX_EVENTS VALUES (0,NULL,75,'step domain',NULL)"],
    ],
    ids=["optimizer", "micro-batches", "inside", "loader", "around-all", "domain"],
)
def test_the_outermost_series_that_repeats_is_the_steps(
    others: list[str], tmp_path: Path
) -> None:
    (p,) = read(database(tmp_path, *others))
    assert p.step_time_us == pytest.approx(1000)
    assert p.busy_us == pytest.approx(500)
    assert any("'step #'" in n for n in p.notes)


def test_a_mark_begins_each_step_and_a_count_cuts_the_whole(tmp_path: Path) -> None:
    path = database(tmp_path, *inner("forward", 5000, 300000))
    (p,) = read(path, mark="forward")
    assert p.step_time_us == pytest.approx(1000)
    assert any("from one start to the next" in n for n in p.notes)
    (p,) = read(path, count=2)
    assert p.busy_us == pytest.approx(1000)
    assert p.step_time_us == pytest.approx(3550 / 2 - 2.5, rel=0.01)
    with pytest.raises(ProfileError, match=r"no NVTX range named 'backward'") as e:
        read(path, mark="backward")
    assert "'forward' (4 times)" in str(e.value.hint)


def test_what_could_mark_steps_is_named(tmp_path: Path) -> None:
    (p,) = read(database(tmp_path, name="forward"))
    assert any("--step-mark" in n and "'forward' (4 times)" in n for n in p.notes)


def two_processes(tmp_path: Path) -> Path:
    """Two processes that each call their GPU 0, of a machine with two."""
    path = database(tmp_path, steps=2)
    tables = (
        "CUPTI_ACTIVITY_KIND_KERNEL",
        "CUPTI_ACTIVITY_KIND_RUNTIME",
        "NVTX_EVENTS",
    )
    statements = []
    for table, column in zip(
        tables, ("globalPid", "globalTid", "globalTid"), strict=True
    ):
        statements += [
            f"ALTER TABLE {table} ADD COLUMN {column} INT",
            f"UPDATE {table} SET {column} = {7 << 24}",
            f"CREATE TABLE other AS SELECT * FROM {table}",
            # the second process is later by 300 µs, and counts its launches alike
            f"UPDATE other SET {column} = {8 << 24}, start = start + 300000, end = end + 300000",
            f"INSERT INTO {table} SELECT * FROM other",
            "DROP TABLE other",
        ]
    statements += [
        "INSERT INTO TARGET_INFO_GPU VALUES (1, 'NVIDIA L4')",
        "CREATE TABLE TARGET_INFO_CUDA_DEVICE (gpuId INT, cudaId INT, pid INT)",
        "INSERT INTO TARGET_INFO_CUDA_DEVICE VALUES (0,0,7),(1,0,8)",
    ]
    return database_with(path, *statements)


def test_two_processes_are_two_profiles_with_their_own_gpu(tmp_path: Path) -> None:
    one, two = read(two_processes(tmp_path))
    assert (one.device, two.device) == ("Tesla T4", "NVIDIA L4")
    assert (one.source[-7:], two.source[-7:]) == ("[GPU 0]", "[GPU 1]")
    for p in (one, two):
        assert p.busy_us == pytest.approx(500)
        assert p.step_time_us == pytest.approx(1000)


def test_graphs_without_nodes_are_work_and_said(tmp_path: Path) -> None:
    graph = "INSERT INTO CUPTI_ACTIVITY_KIND_GRAPH_TRACE VALUES ({},{},0,{},NULL,1)"
    rows = [
        graph.format(k * 10**6 + 600000, k * 10**6 + 900000, 100 + k) for k in range(4)
    ]
    # the second is traced by nodes too, and the third has no times
    rows += [graph.format(10**6 + 10000, 10**6 + 410000, 3), graph.format(0, 0, 200)]
    (p,) = read(database(tmp_path, GRAPH, *rows))
    assert p.ops["Device_CUDA graph"] == pytest.approx(300)
    assert p.busy_us == pytest.approx(800)
    assert any("38% of the device time is of CUDA graphs" in n for n in p.notes)
    assert any("1 launch of a CUDA graph has no times" in n for n in p.notes)


def test_a_report_of_graphs_alone_is_read(tmp_path: Path) -> None:
    path = database(
        tmp_path,
        GRAPH,
        "INSERT INTO CUPTI_ACTIVITY_KIND_GRAPH_TRACE VALUES (10000,900000,0,1,NULL,1)",
        "DELETE FROM CUPTI_ACTIVITY_KIND_RUNTIME WHERE correlationId != 1",
        "DROP TABLE CUPTI_ACTIVITY_KIND_KERNEL",
        steps=1,
    )
    (p,) = read(path)
    assert p.busy_us == pytest.approx(890)
    assert p.workload.mode == "unknown"


def test_calls_without_kernels_say_so(tmp_path: Path) -> None:
    path = database(tmp_path, kernels=False)
    with pytest.raises(ProfileError, match="only calls of the CUDA API"):
        read(path)


def test_a_database_of_another_version_of_rocpd_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    database_with(path, "CREATE TABLE rocpd_kernel_dispatch_00 (id INT)")
    with pytest.raises(ProfileError, match="version of rocpd") as e:
        read(path)
    assert "output-format csv" in str(e.value.hint)


def test_a_packed_database_is_read_and_nothing_is_left(tmp_path: Path) -> None:
    path = database(tmp_path)
    packed = tmp_path / "a.sqlite.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read(packed)[0].ops == read(path)[0].ops
    assert {p.name for p in tmp_path.iterdir()} == {"a.sqlite", "a.sqlite.gz"}
    packed.write_bytes(packed.read_bytes()[:400])
    with pytest.raises(ProfileError):
        read(packed)


def test_a_database_with_changes_in_its_log_is_refused_with_a_message(
    tmp_path: Path,
) -> None:
    path = database(tmp_path)
    Path(f"{path}-wal").write_bytes(b"not yet written in")
    with pytest.raises(ProfileError, match=r"last changes are in a\.sqlite-wal"):
        read(path)


def test_one_name_of_all_gpus_is_that_of_a_device_not_listed(tmp_path: Path) -> None:
    path = database(tmp_path, "UPDATE CUPTI_ACTIVITY_KIND_KERNEL SET deviceId = 5")
    assert read(path)[0].device == "Tesla T4"
    database_with(path, "INSERT INTO TARGET_INFO_GPU VALUES (1, 'NVIDIA L4')")
    assert read(path)[0].device is None


@pytest.mark.data
def test_the_real_report_with_ranges_never_popped() -> None:
    path = CASES / "nsys_nested_nvtx.sqlite.gz"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    (p,) = read(path)
    assert p.step_time_us == pytest.approx(17_000, rel=0.03)
    assert p.ops.get("Device_IDLE", 0) < 0.02 * present(p.step_time_us)
    assert p.device == "NVIDIA RTX A4500"
    assert p.workload.mode == "inference"


def test_gpus_are_named_in_every_version(tmp_path: Path) -> None:
    old = "CREATE TABLE TARGET_INFO_CUDA_GPU (deviceId INT, name TEXT)"
    path = database(
        tmp_path,
        "DROP TABLE TARGET_INFO_GPU",
        old,
        "INSERT INTO TARGET_INFO_CUDA_GPU VALUES (1, 'Tesla K80'), (0, 'Tesla V100-SXM2-16GB')",
    )
    assert read(path)[0].device == "Tesla V100-SXM2-16GB"
    path.unlink()
    # CUDA numbers the faster one first
    path = database(
        tmp_path,
        "ALTER TABLE TARGET_INFO_GPU ADD COLUMN cuDevice INT",
        "UPDATE TARGET_INFO_GPU SET cuDevice = 1",
        "INSERT INTO TARGET_INFO_GPU VALUES (1, 'NVIDIA L4', 0)",
    )
    assert read(path)[0].device == "NVIDIA L4"


def test_launches_without_a_kernel_are_noticed(tmp_path: Path) -> None:
    gone = "DELETE FROM CUPTI_ACTIVITY_KIND_KERNEL WHERE correlationId % 2 = 0"
    with pytest.raises(ProfileError, match=r"50% in the best.*kernels are missing"):
        read(database(tmp_path, gone))


def test_launches_while_a_graph_is_captured_are_doubted(tmp_path: Path) -> None:
    gone = "DELETE FROM CUPTI_ACTIVITY_KIND_KERNEL WHERE correlationId % 2 = 0"
    name = "INSERT INTO StringIds VALUES (901, 'cudaStreamBeginCapture_v10000')"
    call = "INSERT INTO CUPTI_ACTIVITY_KIND_RUNTIME VALUES (0, 9, 901, 1000)"
    (p,) = read(database(tmp_path, gone, name, call))
    (said,) = [n for n in p.notes if "of the launches have a kernel" in n]
    assert said.startswith("only 50%")
    assert as_type(Reason, said).unsound


def test_a_step_whose_kernels_are_missing_does_not_represent_the_job(
    tmp_path: Path,
) -> None:
    gone = "DELETE FROM CUPTI_ACTIVITY_KIND_KERNEL WHERE correlationId IN (4, 6)"
    (p,) = read(database(tmp_path, gone))
    assert p.busy_us == pytest.approx(500)
    assert any("2 of 4 steps were left out" in n for n in p.notes)
    assert not any(getattr(n, "unsound", False) for n in p.notes)


def test_calls_that_launch_no_kernel_are_not_counted_as_missing_kernels(
    tmp_path: Path,
) -> None:
    inner = [
        f"INSERT INTO CUPTI_ACTIVITY_KIND_RUNTIME VALUES ({k * 500000}, {k * 500000 + 9}, 901, {1000 + k})"
        for k in range(8)
    ]
    name = "INSERT INTO StringIds VALUES (901, 'cuLaunchKernel')"
    (p,) = read(database(tmp_path, name, *inner))
    assert p.busy_us == pytest.approx(500)
    assert not any("launches" in n for n in p.notes)
