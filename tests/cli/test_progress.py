"""Progress bars on a terminal only, and paths refused before the work."""

from __future__ import annotations

import io
import sys
import time
from contextlib import redirect_stderr
from pathlib import Path

import pytest

from tests.support.commands import PAIR, run
from xlate import engine
from xlate.cli import progress
from xlate.cli.progress import progress_bar
from xlate.data.corpus import Corpus
from xlate.engine.session import Session


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    screen = Terminal()
    monkeypatch.setattr(progress, "PATIENCE_S", 0.05)
    monkeypatch.setenv("TERM", "xterm")
    return screen


def work(screen: Terminal, quiet: bool = False, wait: float = 2.0) -> None:
    # pytest sets stderr anew between a fixture and its test
    with redirect_stderr(screen), progress_bar("reading [bold]", quiet) as tick:
        time.sleep(wait / 2)
        tick(3, 4, "a[/b] → c")
        time.sleep(wait / 2)


def test_long_work_shows_a_bar(terminal: Terminal) -> None:
    work(terminal)
    assert "reading [bold]" in terminal.getvalue()
    assert "a[/b] → c" in terminal.getvalue()
    assert "75 %" in terminal.getvalue()


def test_short_work_shows_nothing(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "PATIENCE_S", 5)
    work(terminal, wait=0)
    assert not terminal.getvalue()


def test_quiet_and_redirected_work_shows_nothing(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    work(terminal, quiet=True)
    assert not terminal.getvalue()
    monkeypatch.setattr(terminal, "isatty", lambda: False)
    work(terminal)
    assert not terminal.getvalue()


def test_the_bar_ends_with_the_error(terminal: Terminal) -> None:
    def failing() -> None:
        with redirect_stderr(terminal), progress_bar("x"):
            time.sleep(1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    before = terminal.getvalue()
    time.sleep(0.3)
    assert terminal.getvalue() == before


def test_folds_are_counted_to_the_end(simulated: Corpus) -> None:
    seen = []
    engine.compare(
        "g3s.xlarge",
        "p3.2xlarge",
        simulated,
        translators=("ratio",),
        progress=lambda *step: seen.append(step),
    )
    done, total, what = zip(*seen, strict=True)
    assert list(done) == list(range(1, total[0] + 1))
    assert set(total) == {len(done)}
    assert "g3s.xlarge → p3.2xlarge" in what[0]


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """No work is done: whatever is refused is refused before it."""

    def worked(*args: int | str, **kwargs: str | int) -> None:
        raise AssertionError("the work began")

    for name in ("anatomy", "compare", "compare_all", "compare_clocks", "predict_freq"):
        monkeypatch.setattr(Session, name, worked)


def test_a_report_without_matplotlib_is_refused_at_once(
    idle: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [n for n in sys.modules if n.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    _, err = run("report", *PAIR, "--out", tmp_path / "x.html", code=1)
    assert "need matplotlib" in err
    assert 'pip install ".[report]"' in err


@pytest.mark.parametrize(
    "command",
    [
        ["report", *PAIR],
        ["compare", *PAIR],
        ["compare", "--all-pairs"],
        ["clocks", "compare"],
    ],
)
def test_a_path_that_cannot_be_written_is_refused_at_once(
    idle: None, command: list[str], tmp_path: Path
) -> None:
    (tmp_path / "folder.html").mkdir()
    for path in (tmp_path / "no" / "x.html", tmp_path / "folder.html"):
        _, err = run(*command, "--out", path, code=1)
        assert f"cannot write {path}" in err


def test_the_name_on_the_index_is_not_spoken_of() -> None:
    """It belongs to somebody else: nothing says to install xlate from there."""
    from pathlib import Path

    root = Path(__file__).resolve().parents[2]
    texts = [*root.glob("*.md"), root / "pyproject.toml", *root.glob("xlate/**/*.py")]
    for path in texts:
        text = path.read_text(encoding="utf-8")
        assert "xlate[" not in text, path
        assert "pip install xlate" not in text, path
