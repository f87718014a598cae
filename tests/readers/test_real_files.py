"""The comparison of two readings: the judge agrees with the readers on made files, and can fail."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from experiments import file_judge, real_files, trace_judge
from experiments.real_files import FileRow
from tests.support import profiles_made as made

SOUND = [
    (f, n)
    for f, cases in made.TEXTS.items()
    for n, (_, w) in cases.items()
    if not isinstance(w, str)
]


def verdict(tmp_path: Path, content: bytes, name: str = "a.json") -> FileRow:
    path = tmp_path / name
    path.write_bytes(content)
    return real_files.compared(path)


@pytest.mark.parametrize(("format", "name"), SOUND, ids=[f"{f}-{n}" for f, n in SOUND])
def test_two_readings_of_a_sound_file_agree(
    format: str, name: str, tmp_path: Path
) -> None:
    row = verdict(tmp_path, made.TEXTS[format][name][0])
    assert row.verdict in ("right", "not judged"), row


@pytest.mark.parametrize("name", made.NSYS_SQLITE)
def test_two_readings_of_a_database_agree(name: str, tmp_path: Path) -> None:
    how, wanted = made.NSYS_SQLITE[name]
    path = tmp_path / "a.sqlite"
    made.nsys(path, **how)
    row = real_files.compared(path)
    broken = name == "backwards"
    assert row.verdict == (
        "refused wrongly"
        if broken
        else "refused rightly"
        if isinstance(wanted, str)
        else "right"
    ), row


def test_the_judge_shares_nothing_with_the_readers() -> None:
    for module in (
        file_judge,
        trace_judge,
        __import__("experiments.database_judge").database_judge,
    ):
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        names = [
            n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)
        ]
        names += [
            a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names
        ]
        assert not [n for n in names if n.startswith("xlate")]
