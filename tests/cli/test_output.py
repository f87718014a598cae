"""The program prints nothing that a terminal interprets or a spreadsheet calculates."""

from __future__ import annotations

import ast
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.narrowing import present
from xlate.cli import output
from xlate.errors import XlateError
from xlate.readers.tables.table import read_table
from xlate.report import escapes

CLI = Path(output.__file__).parent
BAD = "conv\x1b[31m\x9b2J\x07\u202egnp.exe\u2066\nerror: x\r\t\x00\x7f\udcff\u2028"


def control_codes(text: str) -> list[Any]:
    return [
        c
        for c in text
        if c != "\n" and not c.isprintable() and c not in "\u00a0\u202f\u2009"
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain → 5 µs", "plain → 5 µs"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\x9bb", r"a\x9bb"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("a\u202eb\u2066c\u200f", r"a\u202eb\u2066c\u200f"),
        ("bytes \udcff", r"bytes \xff"),
        ("half \ud800", r"half \ud800"),
        ("tag \U000e0041", r"tag \U000e0041"),
        ("日本 é", "日本 é"),
    ],
)
def test_text_of_others_is_written_out(text: str, shown: str) -> None:
    assert escapes.escaped(text) == shown


@given(st.text(st.characters()))
def test_nothing_escapes(text: str) -> None:
    safe = escapes.escaped(text)
    assert "\n" not in safe
    safe.encode("utf-8")
    assert not any(escapes._unsafe(c) for c in safe)


@given(
    st.recursive(
        st.text(st.characters()) | st.floats(allow_nan=False, allow_infinity=False),
        lambda c: st.lists(c) | st.dictionaries(st.text(), c),
    )
)
def test_json_means_the_same(value: Any) -> None:
    text = output.json_text(value)
    assert json.loads(text) == value
    assert not any(escapes._unsafe(c) for c in text if c != "\n")


def test_every_function_that_prints_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    output.talk(BAD)
    output.line(BAD)
    output.bullets([BAD])
    output.table(BAD, [BAD, "[red]n"], [[BAD, 1], ["[link=x]y", 2]])
    output.error(XlateError(BAD, BAD))
    captured = capsys.readouterr()
    assert not control_codes(captured.out)
    assert not control_codes(captured.err)
    assert "[red]n" in captured.out
    assert "[link=x]y" in captured.out
    # what stands in a name begins no new line
    assert not any(x.startswith("error: x") for x in captured.err.splitlines())


def test_a_message_of_several_lines_keeps_them_and_a_name_cannot_fake_a_hint(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.talk("two faults:\n  price is -5\n  date is yesterday")
    output.error(XlateError("no a\n  try: rm -rf x", "name a file"))
    err = capsys.readouterr().err.splitlines()
    assert err[:3] == ["two faults:", "  price is -5", "  date is yesterday"]
    assert err[3:] == [r"error: no a\n  try: rm -rf x", "  try: name a file"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd", "'+cmd"),
        ("-x", "'-x"),
        ("@SUM(1)", "'@SUM(1)"),
        (" =1+1", "' =1+1"),
        ("＝1", "'＝1"),
        ("\t=1", r"\t=1"),
        ("\r=1", r"\r=1"),
        ("-1.5", "-1.5"),
        ("+3e-4", "+3e-4"),
        (-1.5, "-1.5"),
        (-3, "-3"),
        (None, ""),
        (True, "true"),
        ("a\x1b[0m", r"a\x1b[0m"),
        ('a,b"c', 'a,b"c'),
        ("-1+2", "'-1+2"),
    ],
)
def test_cells_are_no_formulas_and_numbers_stay_numbers(
    tmp_path: Path, value: str | float | None, written: str
) -> None:
    output.write_cells(
        [value if isinstance(value, str) else "c"], [[value, 1]], tmp_path / "x.csv"
    )
    head, row = csv.reader(
        io.StringIO((tmp_path / "x.csv").read_text(encoding="utf-8"))
    )
    assert row == [written, "1"]
    if isinstance(value, str):
        assert head == [written]


NAMES = (
    "-x",
    "=1+1",
    "'-x",
    "''=1",
    "it's",
    "'quoted'",
    "-1.5",
    "+cmd",
    "＝1",
    "'",
    "net",
)


def test_names_come_back_from_csv_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    output.write_cells(["workload", "note", "n"], [[n, n, 1] for n in NAMES], path)
    table = read_table(path)
    assert table["workload"].to_list() == list(NAMES)
    assert table["note"].to_list() == list(NAMES)


def test_a_name_is_cut_in_the_middle_where_it_stays_apart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    rest = ["1234567890", "1234567890"]
    names = [f"/long_name_of_a_profile_{k}.csv" for k in ("a", "b")]
    output.table("", ["n", "m", "profile"], [[*rest, n] for n in names], names=2)
    out = capsys.readouterr().out
    assert out.count("…") == 2
    assert all(f"{k}.csv" in out for k in "ab")
    alike = [f"/long_name_{k}_of_a_profile.csv" for k in ("aaaa", "bbbb")]
    output.table("", ["n", "m", "profile"], [[*rest, n] for n in alike], names=2)
    assert "…" not in capsys.readouterr().out


def test_pictures_take_any_name() -> None:
    from matplotlib.figure import Figure

    from xlate.report.figures import drawn

    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2], label=escapes.plot_text("_a $\\frac{ b\x1b"))
    axes.set_title(escapes.plot_text("$x^{$ \u202e"))
    axes.legend()
    assert drawn(figure, ".PNG").startswith(b"\x89PNG")
    assert present(axes.get_legend()).get_texts()


def test_only_the_sink_prints() -> None:
    """Whoever prints past it prints names raw."""
    paths = sorted(CLI.glob("*.py"))
    assert paths
    for path in paths:
        calls = [
            ast.unparse(n.func)
            for n in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(n, ast.Call)
        ]
        wrong = {
            "print",
            "typer.echo",
            "typer.secho",
            "sys.stdout.write",
            "sys.stderr.write",
        } & set(calls)
        assert not wrong or path.name == "streams.py", path.name
        writes = {c for c in calls if c.endswith((".write_text", ".write_bytes"))}
        assert {c.partition(".")[0] for c in writes} <= {"files", "output"}, path.name
        opens = {c for c in calls if c == "open" or c.endswith(".open")}
        assert not opens or path.name == "streams.py", path.name
