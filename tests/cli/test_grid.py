"""Tables at any width of a terminal: no word is broken, and nothing is lost."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlate.cli import grid

MODELS = ["bundle", "answers", "translator", "fitted on", "date", "step MAPE %", "WAPE"]
SHORT = ["T4/to-L4@2", "yes", "physics", "profet", "2026-11-24", "5.6", "0.102"]
LONG = [
    "ND128isr_NDR_GB200_v6/to-ND96isr_MI300X_v5@12", "refused", "physics",
    "/home/someone/corpora/of_our_own_cluster/runs_2026.parquet", "2026-11-24", "–", "–",
]  # fmt: skip


def printed(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    width: int,
    *args: Any,
    **options: Any,
) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    grid.table("", *args, **options)
    return capsys.readouterr().out.splitlines()


def words(lines: list[str]) -> list[str]:
    return re.sub(r"─+", " ", " ".join(lines)).split()


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_no_word_of_a_long_row_is_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    lines = printed(monkeypatch, capsys, width, MODELS, [SHORT, LONG])
    every = words(lines)
    for cell in [*SHORT, *LONG]:
        assert cell in every
    for head in MODELS:
        assert set(head.split()) <= set(every)
    longest = max(len(w) for w in every)
    room = max(width, longest + max(map(len, MODELS)) + 3)
    assert all(len(line.rstrip()) <= room for line in lines)


def test_a_row_that_does_not_fit_is_a_block_with_its_headers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = printed(monkeypatch, capsys, 80, MODELS, [SHORT, LONG])
    assert f" fitted on    {LONG[3]}" in lines
    assert sum(line.startswith(" bundle ") for line in lines) == 2
    lines = printed(monkeypatch, capsys, 200, MODELS, [SHORT, LONG])
    assert sum(line.startswith(" bundle ") for line in lines) == 1


def test_facts_stay_a_table_and_fold_paths_between_their_parts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = (
        "/home/someone/corpora/of_our_own_cluster/a-long-name/and_another/runs.parquet"
    )
    facts = [["what the file is", path], ["as of", "2026-11-24"]]
    lines = printed(monkeypatch, capsys, 60, ["what", "value"], facts)
    assert lines[1].split() == ["what", "value"]
    values = [line[19:].rstrip() for line in lines[3:]]
    assert "".join(values[:-2]) == path
    assert values[-2] == "2026-11-24"


def test_width_is_given_to_the_column_where_it_saves_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        [f"name-{k}", "none stated: for evaluation only", "word " * 18] for k in "ab"
    ]
    lines = printed(monkeypatch, capsys, 80, ["name", "licence", "title"], rows)
    # one narrow and one wide column of prose: neither is left a word a line
    assert len(lines) <= 3 + 2 * 3 + 1


def test_numbers_and_dates_are_not_folded_but_their_headers_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [["AlexNet-128px-32", "1110 to 1260", "2026-11-24", "some prose " * 4]] * 2
    heads = ["workload", "band", "as of", "what the measurement says"]
    lines = printed(monkeypatch, capsys, 60, heads, rows)
    assert sum("1110 to 1260" in line and "2026-11-24" in line for line in lines) == 2


def test_letters_of_two_places_are_counted_as_two(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = printed(
        monkeypatch, capsys, 40, ["网络", "n"], [["网络模型", "1"], ["ab", "2"]]
    )
    assert lines[3].index("1") + 4 == lines[4].index("2")


cells = st.text(
    st.characters(codec="ascii", categories=("L", "N", "P", "Zs")), max_size=30
)


@given(
    rows=st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=4),
    width=st.integers(20, 120),
)
def test_every_cell_is_printed_whatever_the_width(
    rows: list[list[str]], width: int
) -> None:
    written = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(written):
        patch.setenv("COLUMNS", str(width))
        grid.table("", ["a", "b", "c"], rows)
    letters = sorted("".join("".join(c.split()) for row in rows for c in row))
    shown = sorted("".join(re.sub(r"─", "", written.getvalue()).split()))
    assert all(shown.count(x) >= letters.count(x) for x in set(letters))
    assert len(shown) >= len(letters)
