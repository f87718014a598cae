"""Results as frames of polars and pandas, and as HTML that escapes what it shows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser

import polars as pl
import pytest
from pandas import DataFrame

import xlate
from tests.support.documents import Json
from xlate.values.tabular import Results, Tabular
from xlate.values.tabular.markup import html_table

PAIR = ("g3s.xlarge", "p3.2xlarge")


class Rows(Tabular):
    """Rows as they are given."""

    def __init__(self, rows: list[Json], notes: Sequence[str] = ()) -> None:
        self.rows, self.notes = rows, notes

    def records(self) -> list[Json]:
        return self.rows

    def remarks(self) -> Sequence[str]:
        return self.notes


@pytest.fixture(autouse=True)
def in_clone(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.chdir(request.config.rootpath)


def test_answers_are_a_list_and_a_table_of_a_row_each() -> None:
    profile = xlate.read_profile("examples/my_stats.csv")
    both = xlate.translate([profile, replace(profile, source="b")], *PAIR)
    assert isinstance(both, list)
    frame = both.to_polars()
    assert frame.height == 2
    assert frame["step_time_s"].to_list() == [a.step_time_s.value for a in both]
    assert frame["file"].to_list()[1] == "b"
    pandas = both.to_pandas()
    assert list(pandas.columns) == frame.columns
    assert pandas["step_time_s"].tolist() == frame["step_time_s"].to_list()


def test_an_answer_is_the_table_of_its_operations() -> None:
    (answer,) = xlate.translate("examples/my_stats.csv", *PAIR)
    frame = answer.to_polars()
    assert frame["target_us"].sum() == pytest.approx(answer.step_time_s.value * 1e6)
    assert set(frame.columns) >= {
        "operation",
        "anchor_us",
        "low_us",
        "high_us",
        "ratio",
    }


def test_no_answers_are_an_empty_frame() -> None:
    assert Results().to_polars().is_empty()
    assert "0 results" in Results()._repr_html_()


def test_several_anchors_are_a_row_each_with_its_weight() -> None:
    both = xlate.translate_together(
        {"g3s": "examples/my_stats.csv", "g4dn": "examples/my_stats_g4dn.csv"}, PAIR[1]
    )
    weights = both.to_polars()["weight"].to_list()
    assert weights[0] is None
    assert sum(weights[1:]) == pytest.approx(1)


class Tags(HTMLParser):
    """The tags of a page, and whether each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize(
    "said", ["<script>alert(1)</script>", '"><img src=x onerror=a>', "a & b"]
)
def test_text_from_outside_stays_text(said: str) -> None:
    page = Rows([{said: said, "x": 1.0}], [said])._repr_html_()
    tags = Tags()
    tags.feed(page)
    assert not tags.open
    assert tags.seen <= {"div", "p", "b", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"}  # fmt: skip
    assert (
        page.count("&amp;" if "&" in said else "&lt;" if "<s" in said else "&gt;") >= 3
    )


def test_a_profile_cannot_put_tags_into_a_notebook() -> None:
    profile = xlate.Profile(
        {"Device_<img src=x>": 9e4, "Device_Relu": 1e4},
        step_time_us=6e4,
        source="<script>1</script>",
    )
    answers = xlate.translate(profile, *PAIR)
    for page in (answers._repr_html_(), answers[0]._repr_html_()):
        assert "<img" not in page
        assert "<script" not in page


def test_a_long_table_says_what_is_left_out_and_where_it_is() -> None:
    page = html_table([{"n": i, "none": None} for i in range(15)])
    assert page.count("<tr>") == 13
    assert "3 more rows" in page
    assert "none" not in page


def test_without_pandas_the_message_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(xlate.XlateError, match="to_polars"):
        Rows([{"a": 1}]).to_pandas()


def test_a_fit_is_the_table_of_its_card() -> None:
    runs = pl.DataFrame(
        [
            {"instance": i, "model": f"net{m}", "batch_size": b,
             "step_time_us": f * b * 1000.0 * m, "Device_Conv2D": f * b * 900.0 * m}
            for i, f in (("g3s.xlarge", 1.0), ("p3.2xlarge", 0.25))
            for m in (1, 2, 3)
            for b in (16, 32)
        ]
    )  # fmt: skip
    done = xlate.fit(*PAIR, runs, translator="ratio", translators=(), save=False)
    frame = done.to_polars()
    assert frame.columns == ["anchor", "target", "translator", "corpus", "split", "held_out", "metric", "value", "n"]  # fmt: skip
    assert frame.height == len(done.rows)
    assert "ratio for g3s.xlarge → p3.2xlarge" in done._repr_html_()
    # a frame of pandas goes in and comes out
    table = xlate.compare(*PAIR, _pandas(runs), translators=("ratio",))
    assert type(table).__module__.startswith("pandas")
    assert sorted(table.columns) == sorted(frame.columns)


def _pandas(frame: pl.DataFrame) -> DataFrame:
    import pandas as pd

    return pd.DataFrame(frame.to_dict(as_series=False))
