from __future__ import annotations

import gzip
import io
import json
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xlate
from xlate import readers
from xlate.errors import ProfileError, UnknownNameError, XlateError
from xlate.files import limits
from xlate.readers.tables import parquet
from xlate.readers.workload_from_name import from_name
from xlate.values.profile import Profile, WorkloadKey, check_times, input_size
from xlate.values.profile_document import to_json

HEADER = "Rank,Host/device,Type,Operation,#Occurrences,Total time (us)"
GOOD = f"""{HEADER}
1,Device,Conv2D,net/conv1,2,4000.5
2,Device,Conv2D,net/conv2,2,1000
3,Device,IDLE,IDLE,2,300
4,Host,IDLE,IDLE,2,9000
"""


def write(folder: Path, text: str | bytes, name: str = "my_stats.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_times_are_summed_by_side_and_type(tmp_path: Path) -> None:
    (p,) = readers.read(write(tmp_path, GOOD))
    assert dict(p.ops) == {
        "Device_Conv2D": 5000.5,
        "Device_IDLE": 300,
        "Host_IDLE": 9000,
    }
    assert p.window_us == 5300.5
    assert p.busy_us == 5000.5


def test_gzip_byte_order_mark_and_windows_lines(tmp_path: Path) -> None:
    text = "\ufeff" + GOOD.replace("\n", "\r\n")
    (p,) = readers.read(write(tmp_path, gzip.compress(text.encode()), "x.csv.gz"))
    assert p.ops["Device_Conv2D"] == 5000.5


def test_quoted_names_and_more_columns(tmp_path: Path) -> None:
    text = HEADER + ',"Extra, one"\n1,Device,Relu,"a,b",1,2500,x\n'
    (p,) = readers.read(write(tmp_path, text))
    assert dict(p.ops) == {"Device_Relu": 2500.0}


def test_profets_file_name_says_what_ran(tmp_path: Path) -> None:
    name = "g3s.xlarge-128dataset-AlexNet-SGD-16-20210202-012345.csv"
    (p,) = readers.read(write(tmp_path, GOOD, name))
    assert p.instance == "g3s.xlarge"
    assert p.workload == WorkloadKey("AlexNet", "128px", 16, "SGD")
    assert input_size(p.workload.dataset) == 128


def test_other_names_say_nothing() -> None:
    assert from_name("my_stats.csv") == (None, WorkloadKey())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        (b"\x89PNG\r\n\x00\x00", "is binary"),
        (HEADER + "\n", "no operation"),
        ("a,b\n1,2\n", "in no format"),
        (GOOD.replace("Total time (us)", "Total time (ms)"), r"Total time \(us\)"),
        (GOOD.replace("Total time (us)", "Self"), "no column 'Total time"),
        (GOOD.replace("Type", "Kind"), "no column 'Type'"),
        (GOOD.replace("4000.5", "4000,5"), "line 2: 7 fields"),
        (GOOD.replace("4000.5", "fast"), "line 2: .*'fast', not a number"),
        (GOOD.replace("4000.5", "nan"), "line 2: .*nan"),
        (GOOD.replace("4000.5", "inf"), "line 2: .*inf"),
        (GOOD.replace("4000.5", "-1"), "line 2: .*-1"),
        (GOOD.replace("2,Device", "2,Disk"), "line 3: Host/device is 'Disk'"),
        (
            GOOD.replace("Device,Conv2D,net/conv2", "Device,,net/conv2"),
            "line 3: Type is empty",
        ),
        (GOOD[:-12], "line 5: 4 fields"),
        (GOOD.encode("utf-16-le"), "binary|not UTF-8"),
        (GOOD.replace("conv1", "conv\xe9").encode("latin-1"), "not UTF-8: byte 0xe9"),
        (HEADER + "\n" + "x" * 200_000, "not a csv table|fields"),
        ("[]", "empty list"),
        ("{}", "no operation"),
        ('{"Device_Relu": 1', "not JSON"),
        ('{"Device_Relu": "1"}', "'1', not a number"),
        ('{"Device_Relu": NaN}', "nan"),
        ('{"Device_Relu": -4.0}', "-4.0"),
        ('{"Device_Relu": true}', "True, not a number"),
        ('{"relu": 4}', "unknown key 'relu'"),
        ("[3]", "is int, not an object"),
        ("[" * 100_000, "nested too deep|not JSON"),
        ('{"ops": {"Device_Relu": 1}, "colour": 3}', "unknown keys: colour"),
        ('{"ops": {"relu": 1}}', "'relu' is not an operation"),
        (
            '{"ops": {"Device_Relu": 1}, "workload": {"batch_size": 0}}',
            "batch_size is 0",
        ),
        (b"PAR1 not really", "truncated parquet"),
        (b"PAR1 not really PAR1", "damaged parquet"),
        (gzip.compress(GOOD.encode())[:-20], "truncated gzip"),
    ],
)
def test_bad_input_is_named(tmp_path: Path, text: str | bytes, says: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ProfileError, match=says) as caught:
        readers.read(path)
    assert str(path) in str(caught.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="No such file"):
        readers.read(tmp_path / "nope.csv")
    with pytest.raises(ProfileError, match="is a folder"):
        readers.read(tmp_path)
    with pytest.raises(ProfileError, match="holds no profile"):
        readers.expand([tmp_path])


def test_large_files_and_gzip_bombs_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_BYTES", 10_000)
    with pytest.raises(ProfileError, match="far larger"):
        readers.read(write(tmp_path, HEADER + "x" * 10_001))
    with pytest.raises(ProfileError, match="far larger"):
        readers.read(write(tmp_path, gzip.compress(HEADER.encode() + b"0" * 1_000_000)))


def test_a_line_without_end_is_refused_quickly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_TEXT_BYTES", 300_000)
    start = time.perf_counter()
    with pytest.raises(ProfileError, match=r"not a csv table|fields"):
        readers.read(write(tmp_path, HEADER + "\n" + "x" * 200_000))
    with pytest.raises(ProfileError, match="MB of text"):
        readers.read(write(tmp_path, HEADER + "\n" + "x" * 400_000))
    assert time.perf_counter() - start < 2


def test_a_format_can_be_forced_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    assert len(readers.read(path, "tensorflow_stats")) == 1
    with pytest.raises(ProfileError, match="not JSON"):
        readers.read(path, "json")
    with pytest.raises(UnknownNameError, match="tensorflow_stats"):
        readers.read(path, "tensorflow_stat")


def test_profets_demo_json(tmp_path: Path) -> None:
    flat = [
        {
            "Device_Relu": 2000.0,
            "Host_IDLE": 5,
            "batchsize": 16,
            "dataset": "224dataset",
            "model": "VGG16",
            "batch_latency": 0.001,
            "p2.xlarge": 3.0,
        }
    ]
    (p,) = readers.read(write(tmp_path, json.dumps(flat), "x.json"))
    assert p.workload == WorkloadKey("VGG16", "224px", 16)
    assert p.step_time_us == 1000.0


def test_own_json_round_trips(tmp_path: Path) -> None:
    p = Profile(
        {"Device_Relu": 2.0}, WorkloadKey("net", "32px", 4, "SGD"), "g3s.xlarge", 9.0
    )
    path = write(tmp_path, json.dumps([to_json(p)]), "x.json")
    assert readers.read(path) == [replace(p, source=str(path))]


def test_parquet_rows_are_profiles(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "model": ["a", "b"],
            "batch_size": [1, 2],
            "Device_Relu": [3.0, None],
            "Device_Mul": [1, 2],
            "step_time_us": [5.0, None],
        }
    )
    path = tmp_path / "many.parquet"
    frame.write_parquet(path)
    one, two = readers.read(path)
    assert dict(one.ops) == {"Device_Relu": 3.0, "Device_Mul": 1.0}
    assert dict(two.ops) == {"Device_Mul": 2.0}
    assert (one.step_time_us, two.step_time_us) == (5.0, None)
    assert two.source == f"{path}[1]"


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        ({"model": ["a"]}, "no operation column"),
        ({"Device_Relu": []}, "no row"),
        ({"Device_Relu": ["x"]}, "column Device_Relu holds String"),
        ({"Device_Relu": [1.0, -2.0]}, "column Device_Relu, row 1 is -2.0"),
        (
            {"Device_Relu": [1.0], "step_time_us": [float("nan")]},
            "column step_time_us, row 0",
        ),
    ],
)
def test_bad_tables_are_named(frame: dict[str, list[str | float]], says: str) -> None:
    with pytest.raises(ProfileError, match=says):
        parquet.check_frame(pl.DataFrame(frame), "the table")


@pytest.mark.parametrize(
    ("ops", "step_us", "says"),
    [
        ({"Device_Relu": 0.004}, None, "look like seconds"),
        ({"Device_Relu": 40.0}, None, "look like milliseconds"),
        ({"Device_Relu": 2.0}, 1.0e6, "look like seconds"),
        ({"Device_Relu": 2.0}, 1.0e3, "look like milliseconds"),
        ({"Device_Relu": 2.0e9}, 1.0e6, "look like nanoseconds"),
        ({"Device_Relu": 1e10}, None, "over ten minutes"),
        ({"Host_Send": 5.0, "Device_IDLE": 10.0}, None, "no device operation"),
    ],
)
def test_units_are_checked(
    ops: dict[str, float], step_us: float | None, says: str
) -> None:
    with pytest.raises(ProfileError, match=says):
        check_times(Profile(ops, step_time_us=step_us))


def test_microseconds_pass() -> None:
    check_times(Profile({"Device_Relu": 2.0e6}, step_time_us=1.0e6))
    check_times(Profile({"Device_Relu": 2.0e6}))


def test_read_profile_wants_one(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps([{"Device_Relu": 5e3}] * 2), "x.json")
    with pytest.raises(ProfileError, match="holds 2 profiles"):
        xlate.read_profile(path)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=300).map(str.encode),
        st.tuples(st.integers(0, len(GOOD)), st.binary(max_size=8)).map(
            lambda cut: GOOD.encode()[: cut[0]] + cut[1] + GOOD.encode()[cut[0] :]
        ),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["ops", "workload", "Device_Relu", "x"]),
                    inner,
                    max_size=3,
                )
            ),
            max_leaves=6,
        ).map(lambda v: json.dumps(v).encode()),
    )
)
def test_any_bytes_give_profiles_or_an_xlate_error(tmp_path: Path, raw: bytes) -> None:
    path = write(tmp_path, raw, "fuzz.csv")
    try:
        profiles = readers.read(path)
    except XlateError:
        return
    assert profiles
    assert all(t >= 0 for p in profiles for t in p.ops.values())


def test_bytes_io_parquet_is_sniffed_by_content(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    pl.DataFrame({"Device_Relu": [5000.0]}).write_parquet(buffer)
    (p,) = readers.read(write(tmp_path, buffer.getvalue(), "lies.csv"))
    assert p.busy_us == 5000.0


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("Device,Relu,r,4,1000.0,250.0", None),
        # as rounded as it was printed
        ("Device,Relu,r,3,1.0,0.3", None),
        ("Device,Relu,r,7,10,1", None),
        ("Device,Relu,r,3,100.0,33.333", None),
        ("Device,Relu,r,3,1e2,3.3333e1", None),
        ('Device,Relu,r,"1,000",2500.0,2.5', None),
        ("Device,IDLE,IDLE,0,5000,0", None),
        ("Device,Relu,r,,1000.0,", None),
        (
            "Device,Relu,r,4,1.0,250.0",
            "Relu contradicts itself: 4 occurrences of 250 µs are 1000 µs",
        ),
        ("Device,Relu,r,4,1000.0,0.25", "its total is 1000 µs"),
        ("Device,Relu,r,400,1000.0,250.0", "its total is 1000 µs"),
        ("Device,Relu,r,4,1000.0,0", "4 occurrences of 0 µs"),
        ("Device,Relu,r,many,1000.0,250.0", "#Occurrences is 'many'"),
        ("Device,Relu,r,-4,1000.0,-250.0", "-4 occurrences of -250"),
        ("Device,Relu,r,4,1000.0,inf", "contradicts itself"),
    ],
)
def test_a_total_is_the_count_times_the_average(
    row: str, fault: str | None, tmp_path: Path
) -> None:
    text = f"{HEADER},Avg. time (us)\n1,Device,Conv2D,c,2,4000.0,2000.0\n2,{row}\n"
    path = write(tmp_path, text)
    if fault is None:
        (p,) = readers.read(path)
        assert p.ops["Device_Conv2D"] == 4000
        return
    with pytest.raises(ProfileError, match="line 3") as e:
        readers.read(path)
    assert fault in str(e.value)


def test_the_identifiers_of_the_columns_are_read_as_their_headings(
    tmp_path: Path,
) -> None:
    identifiers = "rank,host_or_device,type,operation,occurrences,total_time,avg_time,total_self_time,Host_cumulative_total_self_time_percent"
    rows = (
        "1,Device,Conv2D,a/Conv2D,10,1000,100,1000,0\n2,Host,Cast,a/Cast,2,30,15,30,1\n"
    )
    (p,) = readers.read(write(tmp_path, f"{identifiers}\n{rows}"))
    assert p.ops == {"Device_Conv2D": 1000, "Host_Cast": 30}
    with pytest.raises(ProfileError, match="has no column 'Type'"):
        readers.read(write(tmp_path, identifiers.replace("type", "kind") + "\n" + rows))
    with pytest.raises(ProfileError, match="contradicts itself"):
        readers.read(write(tmp_path, f"{identifiers}\n{rows.replace('1000', '1', 1)}"))


def test_the_columns_of_xprof_are_the_same(tmp_path: Path) -> None:
    text = GOOD.replace("Type,Operation", "Operation Type,Operation Name")
    (p,) = readers.read(write(tmp_path, text))
    assert p.ops["Device_Conv2D"] == 5000.5
