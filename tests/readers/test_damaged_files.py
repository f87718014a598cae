"""Damaged, doubled and large files: an error that names them, in linear time."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from tests.support import profiles_made
from xlate import engine, readers
from xlate.cli import app
from xlate.errors import ProfileError, XlateError
from xlate.values.translation import Failure

KERNELS = "CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INT, end INT, deviceId INT, correlationId INT, demangledName, shortName)"
HEADER = "Rank,Host/device,Type,Operation,#Occurrences,Total time (us)"
LARGE = (("Conv2D", 4e5), ("Conv2DBackpropFilter", 3e5), ("Relu", 5e4), ("IDLE", 5e4))


def run(*args: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(a) for a in args])
    if isinstance(result.exception, XlateError):  # what the program prints
        return result.exception.exit_code, result.output + str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def stats(path: Path, operations: int) -> Path:
    rows = [HEADER]
    for k, (name, time_us) in enumerate(LARGE):
        rows.append(f"{k},Device,{name},large/{name},1,{time_us}")
    for k in range(operations):
        side = "Host" if k % 2 else "Device"
        rows.append(f"{k + 9},{side},op{k},n/op{k},1,0.5")
    path.write_text("\n".join(rows) + "\n")
    return path


def test_changed_bytes_of_a_database_end_in_an_error_or_a_profile(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.sqlite"
    profiles_made.nsys(path, copies=True)
    raw = path.read_bytes()
    # most of the file is zeros
    used = [k for k, byte in enumerate(raw) if byte]
    rng = random.Random(11)
    errors = 0
    for _ in range(600):
        out = bytearray(raw)
        for _ in range(rng.choice((1, 1, 2, 8))):
            out[rng.choice(used)] = rng.randrange(256)
        path.write_bytes(out if rng.random() > 0.05 else out[: rng.randrange(len(out))])
        try:
            readers.read(path)
        except ProfileError:
            errors += 1
    assert errors > 100


def database(path: Path, *statements: str) -> Path:
    with sqlite3.connect(path) as db:
        for statement in statements:
            db.execute(statement)
    db.close()
    return path


@pytest.mark.parametrize(
    "statements",
    [
        # a view that never ends, and one that calls itself
        [
            "CREATE VIEW CUPTI_ACTIVITY_KIND_KERNEL AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x AS start, x AS end FROM c"
        ],
        [
            "CREATE VIEW CUPTI_ACTIVITY_KIND_KERNEL AS SELECT * FROM CUPTI_ACTIVITY_KIND_KERNEL"
        ],
        [
            KERNELS,
            "INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (1, 9e999, 0, 1, 1, 1)",
        ],
        [KERNELS, "INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES ('a', 2, 0, 1, 1, 1)"],
    ],
)
def test_a_database_made_to_hang_or_to_grow_is_refused(
    tmp_path: Path, statements: list[str]
) -> None:
    path = database(tmp_path / "x.sqlite", *statements)
    begin = time.monotonic()
    with pytest.raises(ProfileError, match=r"x\.sqlite"):
        readers.read(path)
    assert time.monotonic() - begin < 10


def test_a_database_whose_schema_is_not_text_is_refused(tmp_path: Path) -> None:
    path = database(tmp_path / "x.sqlite", KERNELS)
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"CREATE TABLE", b"CREATE \x82ABLE", 1))
    with pytest.raises(ProfileError, match="not UTF-8"):
        readers.read(path)


def test_a_gpu_without_a_name_is_read_as_unknown(tmp_path: Path) -> None:
    path = database(
        tmp_path / "x.sqlite",
        KERNELS,
        "INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (1, 2000000, 0, 1, 1, 1)",
        "CREATE TABLE TARGET_INFO_GPU (id, name)",
        "INSERT INTO TARGET_INFO_GPU VALUES (0, '')",
    )
    assert readers.read(path)[0].device is None


def test_one_operation_twice_is_refused_and_one_type_twice_is_summed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.csv"
    rows = [HEADER, "0,Device,Relu,a,1,5.5", "1,Device,Relu,b,1,5.5"]
    path.write_text("\n".join(rows))
    assert readers.read(path)[0].ops == {"Device_Relu": 11.0}
    path.write_text("\n".join([*rows, rows[1]]))
    with pytest.raises(ProfileError, match="line 4: 'a' stands in line 2"):
        readers.read(path)
    short = ["Host/device,Type,Total time (us)", "Device,Relu,5", "Device,Relu,5"]
    path.write_text("\n".join(short))
    assert readers.read(path)[0].ops == {"Device_Relu": 10.0}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"Device_Relu": 1, "Device_Add": 2, "Device_Relu": 3}', "key 'Device_Relu'"),
        ('{"ops": {"Device_Relu": 1}, "ops": {"Device_Relu": 2}}', "key 'ops'"),
        ('{"ops": {"Device_R": 1, "Device_R": 1}}', "key 'Device_R'"),
        ('{"Device_Relu": 1, "batchsize": 1e23}', r"batchsize is 1e\+23"),
        ('{"Device_Relu": 1, "batchsize": 64.5}', "batchsize is 64.5"),
        ('{"Device_Relu": 1, "batchsize": -1}', "batchsize is -1"),
        ('{"Device_Relu": 1, "batchsize": "64"}', "batchsize is '64'"),
        ('{"Device_Relu": 1, "dataset": 100000000}', "100000000px"),
        ('{"Device_Relu": 1, "model": 5}', "model is 5"),
        ('{"ops": {"Device_Relu": 1}, "workload": {"model": ["a"]}}', "model is"),
        ('{"ops": {"Device_Relu": 1}, "instance": 5}', "instance is 5"),
        ('{"Device_Relu": ' + "9" * 5000 + "}", "x.json"),
        ('{"Device_Relu": 1, "step_time_us": 0}', "step_time_us is 0"),
    ],
)
def test_json_that_will_not_do_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ProfileError, match=said) as raised:
        readers.read(path)
    assert str(path) in raised.value.what


@pytest.mark.parametrize(
    "name",
    [
        "g3s.xlarge-100000000dataset-ResNet18-SGD-64-x.csv",
        f"g3s.xlarge-128dataset-ResNet18-SGD-{'9' * 60}-x.csv",
        "g3s.xlarge-128dataset-ResNet18-SGD-0-x.csv",
    ],
)
def test_sizes_in_a_file_s_name_are_bounded_too(tmp_path: Path, name: str) -> None:
    path = stats(tmp_path / name, 1)
    with pytest.raises(ProfileError, match=r"dataset is|batch_size is"):
        readers.read(path)


@pytest.mark.parametrize(
    "option",
    [
        ("--batch-size", 10**23),
        ("--input-size", 10**8),
        ("--step-time", "inf"),
        ("--step-time", 0),
        ("--model", ""),
    ],
)
def test_options_are_bounded_as_files_are(
    tmp_path: Path, option: tuple[str, int | str]
) -> None:
    path = stats(tmp_path / "x.csv", 1)
    code, said = run("translate", path, "--anchor", "T4", "--target", "V100", *option)
    assert code in (1, 2)
    assert str(option[1]) in said


def test_a_folder_or_several_profiles_for_one_are_named(tmp_path: Path) -> None:
    one = stats(tmp_path / "x.csv", 1)
    folder = tmp_path / "some"
    folder.mkdir()
    many = tmp_path / "many.sqlite"
    profiles_made.nsys(many, gpus=2)
    for file, said in ((folder, "is a folder"), (many, "holds 2 profiles")):
        code, out = run(
            "translate",
            "--profile",
            f"T4={one}",
            "--profile",
            f"L4={file}",
            "--target",
            "V100",
        )
        assert code == 1
        assert said in out.replace("\n", " ")
        assert str(file.name) in out


def test_a_folder_of_many_files_reports_each_broken_one(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    (tmp_path / "notes.md").write_text("x")
    for k in range(300):
        path = tmp_path / f"{k:03}.csv"
        if k % 100 == 7:
            path.write_text("broken\n")
        else:
            stats(path, k % 5)
    answers = engine.read_profiles([tmp_path])
    bad = [Path(a.file).name for a in answers if isinstance(a, engine.Failure)]
    assert bad == ["007.csv", "107.csv", "207.csv"]
    assert len(answers) == 300
    code, out = run(
        "translate", tmp_path, "--anchor", "T4", "--target", "V100-SXM2-16GB"
    )
    assert code == 1
    assert out.count("error: ") == 3
    assert "2 in" in out
    assert "deeper, notes.md" in out


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    (failure,) = engine.read_profiles([tmp_path])
    assert isinstance(failure, Failure)
    assert "holds no profile" in str(failure.error)
    (failure,) = engine.read_profiles([tmp_path / ("x" * 300)])
    assert isinstance(failure, Failure)
    assert "cannot be read" in str(failure.error)


@pytest.mark.parametrize("anchors", [("g3s", "p3"), ("g4dn", "p5")])
def test_time_is_linear_in_operations(tmp_path: Path, anchors: tuple[str, str]) -> None:
    def seconds(operations: int) -> float:
        path = stats(tmp_path / f"{operations}.csv", operations)
        begin = time.process_time()
        (answer,) = engine.translate(engine.read_profiles([path]), *anchors)
        assert isinstance(answer, engine.Translation)
        return time.process_time() - begin

    seconds(10)
    small = min(seconds(1_000) for _ in range(2))
    # ten times as many, and quadratic would be a hundred times as long
    assert seconds(10_000) < 20 * max(small, 0.05)


def test_a_table_of_many_columns_is_translated_in_linear_time() -> None:
    frame = pl.DataFrame(
        {f"Host_op{k}": [1.0, 2.0] for k in range(5_000)}
    ).with_columns(
        *(pl.lit(t).alias(f"Device_{name}") for name, t in LARGE),
        step_time_us=pl.lit(4e5),
    )
    begin = time.process_time()
    table = engine.translate_table(frame, "g3s", "p3")
    assert table.height == 2
    assert time.process_time() - begin < 5


def test_a_profile_s_own_json_is_read_again(tmp_path: Path) -> None:
    path = stats(tmp_path / "x.csv", 3)
    code, out = run("profile", "show", path, "--json")
    assert code == 0
    again = tmp_path / "x.json"
    again.write_text(json.dumps(json.loads(out)))
    assert readers.read(again)[0].ops == readers.read(path)[0].ops


def test_a_column_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"{HEADER},Total time (us)\n0,Device,Relu,a,1,5.5,11\n")
    with pytest.raises(ProfileError, match=r"column 'Total time \(us\)' twice"):
        readers.read(path)


@pytest.mark.parametrize(
    ("total", "said"),
    [
        ("1.8ms", "16.7% of the device time is missing"),
        ("150us", "more than the total of 0.15 ms"),
        ("1.5ms", None),
        ("0us", None),
    ],
)
def test_the_rows_of_a_printed_table_are_held_against_its_total(
    tmp_path: Path, total: str, said: str | None
) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(profiles_made.table(profiles_made.ROWS, total=total))
    notes = " ".join(readers.read(path)[0].notes)
    assert (said is None and "total" not in notes) or (said and said in notes)


def test_a_printed_table_that_lacks_most_of_its_total_is_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(profiles_made.table(profiles_made.ROWS, total="8.204ms"))
    with pytest.raises(ProfileError, match=r"81\.7% of the device time is missing"):
        readers.read(path)


def test_device_time_of_no_operation_is_left_out_where_it_exceeds_the_total(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.txt"
    rows = [*profiles_made.ROWS, ("Unrecognized", 5.0, 90_000.0)]
    path.write_bytes(profiles_made.table(rows, total="1.5ms"))
    (profile,) = readers.read(path)
    assert "Device_Unrecognized" not in profile.ops
    assert any("Unrecognized is left out" in n for n in profile.notes)
    # as part of the total it is work
    path.write_bytes(profiles_made.table(rows, total="91.5ms"))
    assert readers.read(path)[0].ops["Device_Unrecognized"] > 0


def test_steps_and_operations_of_older_tensorflow_are_read(tmp_path: Path) -> None:
    new, old = tmp_path / "new.json", tmp_path / "old.json"
    new.write_bytes(profiles_made.tf_trace())
    trace = json.loads(new.read_bytes())
    for e in trace["traceEvents"]:
        if e.get("tid") == 1 and e["ph"] == "X":
            e["name"] = f"EagerKernelExecute {e['name']}"
        args = e.get("args", {})
        if "tf_op" in args:
            args["annotation"] = f"{args.pop('tf_op')}#id=1,step=2#"
    old.write_text(json.dumps(trace))
    (a,), (b,) = readers.read(new), readers.read(old)
    assert (a.ops, a.step_time_us) == (b.ops, b.step_time_us)


@pytest.mark.parametrize("field", ["ts", "dur"])
def test_an_event_as_long_as_no_number_is_refused(tmp_path: Path, field: str) -> None:
    path = tmp_path / "t.json"
    trace = json.loads(profiles_made.tf_trace())
    (first, *_) = (e for e in trace["traceEvents"] if "sgemm" in e["name"])
    first[field] = 10**400
    path.write_text(json.dumps(trace))
    with pytest.raises(ProfileError, match="takes"):
        readers.read(path)
