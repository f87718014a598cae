"""Tables that users give: csv and parquet, and the values in them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import xlate
from tests.support.documents import Json
from tests.support.narrowing import present
from xlate import readers
from xlate.data import corpus as corpora
from xlate.engine.fallback import Predicted
from xlate.errors import CorpusError, ProfileError
from xlate.readers.tables.runs import check_runs
from xlate.readers.tables.table import read_table


def runs(**columns: pl.Expr) -> pl.DataFrame:
    rows = [
        {
            "instance": instance,
            "model": f"net{m}",
            "dataset": "128px",
            "batch_size": size,
            "step_time_us": f * size * 1000.0 * m,
            "Device_Conv2D": f * size * 1500.25 * m,
            "Device_Relu": f * size * 300.5 * m,
            "Device_IDLE": 200.0 * size,
        }
        for m in (1, 2, 3)
        for instance, f in (("g3s.xlarge", 1.0), ("p3.2xlarge", 0.3))
        for size in (16, 32)
    ]
    return pl.DataFrame(rows).with_columns(**columns)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"separator": ";"},
        {"separator": "\t"},
        {"include_bom": True},
        {"quote_style": "always"},
        {"line_terminator": "\r\n"},
    ],
)
def test_csv_and_parquet_give_the_same_values(tmp_path: Path, options: Json) -> None:
    # by content, whatever the ending says
    csv, parquet = tmp_path / "runs.parquet", tmp_path / "runs.csv"
    runs().write_csv(csv, **options)
    runs().write_parquet(parquet)
    assert read_table(csv).equals(read_table(parquet))
    one, other = corpora.load(str(csv)), corpora.load(str(parquet))
    assert one.wide.equals(other.wide)
    assert one.sha256 == other.sha256
    assert [p.ops for p in readers.read(csv)] == [p.ops for p in readers.read(parquet)]


def test_names_that_are_numbers_stay_names(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(',model,Device_Relu,n,what\n0,18,5.5,3,x\n1,,"",4,\n')
    table = read_table(path)
    assert table.rows() == [("18", 5.5, 3, "x"), (None, None, 4, None)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model;Device_Relu\nnet;12,5\n", r"line 2: column Device_Relu is '12,5'"),
        ("model,Device_Relu\nnet,1,5\n", "line 2: 3 fields where the header has 2"),
        ("model,Device_Relu\nnet,1\n\nnet\n", "line 4: 1 fields"),
        ("model,model,Device_Relu\na,b,1\n", "'model' stands twice"),
        ("model,,Device_Relu\na,b,1\n", "column 2 has no name"),
        ("batch_size,Device_Relu\nmany,1\n", "batch_size is 'many'"),
        ("Device_Relu,model\n1_000,a\n", "'1_000', not a number"),
        ("Device_Relu,Device_Add\n1,nan\n", "Device_Add, row 0 is nan"),
        ("Device_Relu,Device_Add\n1,-2\n", "Device_Add, row 0 is -2"),
        ("Device_Relu,Device_Add\n", "has no row"),
        ("Device_Relu,step_time_us\n1,0\n", "step_time_us, row 0 is 0"),
        ('Device_Relu,model\n1,"net\n', "line 2"),
        ("Device_Relu,batch_size\n1,64.5\n", r"batch_size is 64.5"),
        ("Device_Relu,batch_size\n1,1e23\n", r"batch_size is 1e\+23"),
        ("Device_Relu,batch_size\n1,-4\n", "batch_size is -4"),
        ("Device_Relu,dataset\n1,100000000px\n", "dataset is '100000000px'"),
        ("Device_Relu,model\n1,a\n2,b\n1,a\n", "rows 0 and 2 are the same"),
    ],
)
def test_a_csv_that_will_not_do_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(text)
    with pytest.raises(ProfileError, match=said) as raised:
        readers.read(path, "csv")
    assert str(path) in raised.value.what


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"step_time_us": pl.col("step_time_us") / 1e6}, "look like seconds"),
        ({"step_time_us": pl.col("step_time_us") / 1e3}, "look like milliseconds"),
        ({"batch_size": pl.col("batch_size") + 0.5}, "batch_size is 16.5"),
        ({"batch_size": 10**23 * pl.lit(1.0)}, "batch_size is 1e"),
        ({"batch_size": pl.lit("64")}, "batch_size holds String"),
        ({"batch_size": pl.lit(0)}, "batch_size is 0"),
        ({"model": pl.lit(1.5)}, "model holds Float64"),
        ({"model": pl.lit("")}, "column model, row 0 is empty"),
        (
            {"Device_Conv2D": pl.lit(0.0), "Device_Relu": pl.lit(0.0)},
            "no device operation",
        ),
        ({"Device_Conv2D": pl.lit("x")}, "Device_Conv2D holds String"),
        (
            {
                "repeat": pl.int_range(pl.len()),
                "model": pl.lit("net"),
                "batch_size": pl.lit(8),
                "step_time_us": pl.lit(1e5),
                "Device_Conv2D": pl.lit(1e5),
                "Device_Relu": pl.lit(1e5),
                "Device_IDLE": pl.lit(5.0),
            },
            "the same in every column",
        ),
    ],
)
def test_runs_that_cannot_be_are_refused(
    changes: dict[str, pl.Expr], said: str
) -> None:
    with pytest.raises((ProfileError, CorpusError), match=said):
        corpora.from_frame(runs(**changes))


def test_one_run_of_many_in_another_unit_is_found() -> None:
    step = pl.when(pl.int_range(pl.len()) == 7).then(0.05).otherwise("step_time_us")
    with pytest.raises(ProfileError, match=r"the table: row 7 \(.*1 of \d+ runs"):
        check_runs(runs(step_time_us=step), "the table")
    check_runs(runs(), "the table")
    check_runs(runs().drop("step_time_us"), "the table")


def test_a_table_of_pytorch_says_so(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    runs(framework=pl.lit("pytorch"), precision=pl.lit("fp16")).write_csv(path)
    workload = readers.read(path)[0].workload
    assert (workload.framework, workload.precision) == ("pytorch", "fp16")


def test_pandas_frames_that_will_not_do_are_named() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(runs().to_dict(as_series=False))
    twice = pd.concat([frame, frame[["Device_Relu"]]], axis=1)
    mixed = frame.astype({"Device_Relu": object})
    mixed.loc[3, "Device_Relu"] = "fast"
    missing = frame.copy()
    missing.loc[2, "Device_Relu"] = float("nan")
    for given, said in (
        (twice, "column 'Device_Relu' twice"),
        (mixed, "Device_Relu of the table mixes float, str"),
        (missing, "Device_Relu, row 2 is nan"),
        (frame[:0], "has no row|holds"),
        (frame[["model", "batch_size"]], "no operation column|lacks"),
        (frame.assign(Device_Relu=pd.Timestamp("2020-01-01")), "Device_Relu holds"),
    ):
        with pytest.raises((ProfileError, CorpusError), match=said):
            xlate.translate(given, "g3s", "p3")
        with pytest.raises((ProfileError, CorpusError), match=said):
            xlate.fit("g3s", "p3", given)
    named = frame.assign(optimizer=[None] * 6 + [float("nan")] * 6)
    assert corpora.from_frame(xlate.api.frames.as_polars(named)).runs.height == 12


def test_a_long_table_is_answered_as_its_rows_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In pieces, of which some have operations that others do not."""
    from xlate.engine import fallback

    rows = pl.concat([runs(), runs(Device_Softmax=pl.lit(0.0))], how="diagonal")
    rows = rows.filter(pl.col("instance") == "g3s.xlarge").drop("instance")
    rows = rows.with_columns(pl.col("Device_Softmax").fill_null(50.0))
    at_once = xlate.translate(rows, "g3s", "p3")
    monkeypatch.setattr(fallback, "CHUNK_ROWS", 5)
    pieces = xlate.translate(rows, "g3s", "p3")
    assert pieces.columns == at_once.columns
    for name in at_once.columns:
        assert pieces[name].to_list() == pytest.approx(at_once[name].to_list())


def test_an_operation_that_only_some_pieces_have_takes_no_time_in_others() -> None:
    import numpy as np

    from xlate.engine.fallback import Predicted, _ops_joined

    def part(names: tuple[str, str], ops: list[list[float]]) -> Predicted:
        nothing = np.zeros(len(ops))
        return Predicted(names, np.array(ops), nothing, nothing, nothing > 0, nothing)

    parts = [part(("a", "c"), [[1.0, 3.0]]), part(("b", "c"), [[5.0, 6.0], [7.0, 8.0]])]
    assert present(_ops_joined(parts, ("a", "b", "c"))).tolist() == [
        [1.0, 0.0, 3.0],
        [0.0, 5.0, 6.0],
        [0.0, 7.0, 8.0],
    ]


def test_a_table_has_operations_by_family_as_a_profile_has() -> None:
    """Where operations were summed by family, another name of the family is no stranger."""
    pair = "g3s.xlarge", "p3.2xlarge"
    bundle = present(
        xlate.fit(
            *pair,
            runs(),
            translator="ratio",
            translators=(),
            save=False,
            columns="families",
        ).bundle
    )
    work = {"Device__FusedConv2D": 24e3, "Device_Relu": 5e3, "Device_IDLE": 3e3}
    profile = xlate.Profile(work, step_time_us=16e3)
    (answer,) = xlate.translate(profile, *pair, bundle=bundle)
    assert answer.layer == "fitted"
    table = pl.DataFrame([{**work, "step_time_us": 16e3}])
    translated = xlate.translate(table, *pair, bundle=bundle)
    assert translated["step_time_us"][0] == pytest.approx(
        1e6 * answer.step_time_s.value
    )
    strange = pl.DataFrame([{"Device_Quux": 24e3, "step_time_us": 16e3}])
    with pytest.raises(ProfileError, match=r"never saw \(Device_Quux\)"):
        xlate.translate(strange, *pair, bundle=bundle)
