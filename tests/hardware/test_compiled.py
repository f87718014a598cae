"""The compiled catalogue is that of its files, or is not used."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlate.hardware import merging
from xlate.hardware.compiled import FILE, compiled_text, digest_of, read_compiled
from xlate.hardware.merging import Merged, merge
from xlate.settings.paths import shipped

ANCHORS = shipped("anchors")


@pytest.fixture(scope="module")
def plain() -> Merged:
    """What the files say, read one by one."""
    return merge([ANCHORS], ANCHORS, compiled=False)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return shutil.copytree(ANCHORS, tmp_path / "anchors")


def test_what_ships_is_compiled_from_the_files_that_ship(plain: Merged) -> None:
    text = compiled_text(ANCHORS, plain.gpus.values(), plain.instances.values())
    assert (ANCHORS / FILE).read_text(encoding="utf-8") == text, (
        "run: python -m xlate.hardware.compiled"
    )


def test_both_forms_say_the_same(plain: Merged) -> None:
    fast = merge([ANCHORS], ANCHORS)
    assert fast.gpus == plain.gpus
    assert fast.instances == plain.instances
    assert list(fast.gpus) == list(plain.gpus)
    assert fast.owner_of == plain.owner_of
    assert fast.rank_of == plain.rank_of
    assert all(
        i.gpu is None or i.gpu is fast.gpus[i.gpu.name] for i in fast.instances.values()
    )


@pytest.mark.parametrize("change", ["edit", "add", "remove", "rename"])
def test_a_file_that_differs_is_read_itself(copied: Path, change: str) -> None:
    assert read_compiled(copied) is not None
    t4 = copied / "gpus/T4.toml"
    if change == "edit":  # of the same size
        t4.write_text(t4.read_text().replace("value = 320,", "value = 321,"))
    elif change == "add":
        (copied / "gpus/New.toml").write_text('name = "New"\narchitecture = "x"\n')
    elif change == "remove":
        t4.unlink()
    else:
        t4.rename(copied / "gpus/T4b.toml")
    assert read_compiled(copied) is None
    if change == "edit":
        merged = merge([copied], copied)
        assert merged.gpus["T4"].number("bandwidth_gb_per_s") == 321


def _recast(text: str, **changed: list[list[Any]] | dict[str, int] | None) -> str:
    return json.dumps({**json.loads(text), **changed})


@pytest.mark.parametrize(
    "damage",
    [
        lambda t: "",
        lambda t: t[: len(t) // 2],
        lambda t: "[]",
        lambda t: "null",
        lambda t: "\0",
        lambda t: _recast(t, gpus=[[]]),
        lambda t: _recast(t, gpus={"a": 1}),
        lambda t: _recast(
            t, instances=[["x", "y", [], "no such GPU", 1, [], {}, None]]
        ),
        lambda t: _recast(t, sources=[]),
        lambda t: _recast(t, digest=None),
    ],
)
def test_a_damaged_compiled_file_is_not_used(
    copied: Path, damage: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = copied / FILE
    file.write_text(damage(file.read_text(encoding="utf-8")), encoding="utf-8")
    assert read_compiled(copied) is None
    # the files are read then
    monkeypatch.setattr(merging, "sections", lambda *_: [])
    assert merge([copied], copied).gpus == {}


def test_without_the_compiled_file_the_files_are_read(copied: Path) -> None:
    (copied / FILE).unlink()
    assert read_compiled(copied) is None
    assert digest_of(copied) == digest_of(ANCHORS)
