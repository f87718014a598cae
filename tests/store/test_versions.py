"""Versions of a fit on disk: nothing is lost, and something always answers."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from xlate.errors import StorageError
from xlate.store import versions


def writes(text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "what").write_text(text)

    return write


def what(folder: Path) -> str:
    return (folder / "what").read_text()


@pytest.fixture
def slot(tmp_path: Path) -> Path:
    return tmp_path / "a" / "to-b"


def everything(slot: Path) -> list[str]:
    """Texts of all fits beside a slot."""
    return sorted(what(p) for p in slot.parent.iterdir() if (p / "what").is_file())


def test_a_predecessor_is_kept_under_its_number(slot: Path) -> None:
    for text in "abc":
        assert versions.keep(slot, writes(text), in_place=True) == slot
    assert what(slot) == "c"
    assert {n: what(p) for n, p in versions.numbered(slot).items()} == {1: "a", 2: "b"}
    assert versions.number_of(slot) == 3


def test_what_is_not_put_in_place_is_kept(slot: Path) -> None:
    versions.keep(slot, writes("a"), in_place=True)
    path = versions.keep(slot, writes("b"), in_place=False)
    assert (what(slot), what(path), path.name) == ("a", "b", "to-b@2")
    versions.use(slot, 2)
    assert what(slot) == "b"
    assert what(versions.numbered(slot)[1]) == "a"
    with pytest.raises(StorageError, match="no version 9"):
        versions.use(slot, 9)
    # a number is not given a second time
    assert versions.keep(slot, writes("c"), in_place=False).name == "to-b@3"


def test_a_fit_of_an_earlier_xlate_gets_the_first_number(slot: Path) -> None:
    slot.mkdir(parents=True)
    writes("old")(slot)
    versions.keep(slot, writes("new"), in_place=True)
    assert what(versions.numbered(slot)[1]) == "old"
    assert versions.number_of(slot) == 2


def test_only_what_is_named_is_removed(slot: Path) -> None:
    for text in "ab":
        versions.keep(slot, writes(text), in_place=True)
    versions.remove(versions.numbered(slot)[1])
    assert everything(slot) == ["b"]
    versions.remove(slot)
    assert list(slot.parent.iterdir()) == []


@pytest.mark.parametrize("at", range(1, 6))
@pytest.mark.parametrize("begin", [1, 2])
def test_a_kill_between_any_two_steps_leaves_a_fit_that_answers(
    slot: Path, at: int, begin: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every rename in turn never comes about, as if the process had been killed."""
    for k in range(begin):
        versions.keep(slot, writes(f"old{k}"), in_place=True)
    before = everything(slot)
    plain, done = Path.rename, []

    class Killed(BaseException):
        pass

    def rename(self: Path, target: Path) -> Path:
        done.append(target)
        if len(done) >= at:
            raise Killed
        return plain(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    monkeypatch.setattr("shutil.rmtree", lambda *a, **k: None)
    with contextlib.suppress(Killed):
        versions.keep(slot, writes("new"), in_place=True)
    monkeypatch.undo()
    active = versions.active(slot, "what")
    assert active is not None
    assert what(active) in ("new", before[-1])
    # the next writer ends what was begun; nothing that was there is lost
    versions.keep(slot, writes("next"), in_place=True)
    assert what(slot) == "next"
    assert set(before) <= set(everything(slot))
    assert not [p for p in slot.parent.iterdir() if p.name.startswith(".")]


def test_many_writers_at_once_lose_nothing(slot: Path) -> None:
    versions.keep(slot, writes("first"), in_place=True)
    seen, stop = [], threading.Event()

    def reads() -> None:
        while not stop.is_set():
            seen.append(versions.active(slot, "what"))

    reader = threading.Thread(target=reads)
    reader.start()
    writers = [
        threading.Thread(
            target=versions.keep,
            args=(slot, writes(f"{k}")),
            kwargs={"in_place": k % 2 == 0},
        )
        for k in range(12)
    ]
    for w in writers:
        w.start()
    for w in writers:
        w.join()
    stop.set()
    reader.join()
    assert None not in seen
    assert everything(slot) == sorted(["first", *map(str, range(12))])


def test_a_disk_that_is_full_leaves_what_answers(slot: Path) -> None:
    versions.keep(slot, writes("a"), in_place=True)

    def full(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match="No space left"):
        versions.keep(slot, full, in_place=True)
    assert everything(slot) == ["a"]
    assert [p.name for p in slot.parent.iterdir()] == ["to-b"]


def test_the_time_of_a_fit_moves_with_it_and_is_no_part_of_it(
    slot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions.keep(slot, writes("a"), in_place=True)
    made = versions.fitted_at(slot)
    assert made is not None
    assert made.endswith("Z")
    # written at another time, it is the same fit: nothing but the number's file differs
    monkeypatch.setattr(versions, "TIME_FORMAT", "%Y-%m-%dT00:00:00Z")
    versions.keep(slot, writes("a"), in_place=True)
    monkeypatch.undo()
    old = versions.numbered(slot)[1]
    assert versions.fitted_at(old) == made
    assert {p.name for p in slot.iterdir()} == {"what", versions.NUMBER}
    assert what(old) == what(slot)
    versions.use(slot, 1)
    assert (versions.fitted_at(slot), versions.number_of(slot)) == (made, 1)


@pytest.mark.parametrize(
    "text", ["2", "2\n", "2\nyesterday\n", "2\n2026-13-01T00:00:00Z"]
)
def test_a_number_without_a_time_is_read(slot: Path, text: str) -> None:
    slot.mkdir(parents=True)
    (slot / versions.NUMBER).write_text(text)
    assert versions.number_of(slot) == 2
    assert versions.fitted_at(slot) is None
