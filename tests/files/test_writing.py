"""Only regular files are read, files are written completely; others are refused."""

# ruff: noqa: PTH101, PTH116, PTH208, PTH211, PT011, PT012

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from xlate import files
from xlate.errors import BundleError, CatalogError, ProfileError, StorageError
from xlate.files import scratch
from xlate.settings import paths
from xlate.values.profile import Profile
from xlate.values.translation import Failure

pytestmark = pytest.mark.skipif(os.name == "nt", reason="files of Unix")


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def mode_of(path: str) -> int:
    return os.stat(path).st_mode & 0o7777


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o755, 0o4755])
def test_a_file_keeps_its_mode_also_behind_links(there: Path, mode: int) -> None:
    Path("real").write_text("old")
    os.chmod("real", mode)
    Path("folder").mkdir()
    os.symlink("../real", "folder/one")
    os.symlink("folder/one", "two")
    files.write_text(Path("two"), "new")
    assert Path("two").is_symlink()
    assert Path("folder/one").is_symlink()
    assert Path("real").read_text() == "new"
    assert mode_of("real") == mode
    assert sorted(os.listdir()) == ["folder", "real", "two"]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_new_file_honours_umask_also_behind_a_dangling_link(
    there: Path, umask: int
) -> None:
    os.symlink("later", "link")
    before = os.umask(umask)
    try:
        files.write_text(Path("new"), "x")
        files.write_text(Path("link"), "x")
    finally:
        os.umask(before)
    assert mode_of("new") == mode_of("later") == 0o666 & ~umask


def refused_paths(there: Path) -> list[str]:
    os.mkfifo("fifo")
    Path("folder").mkdir()
    Path("plain").write_text("x")
    os.symlink("/dev/full", "to-device")
    os.symlink("fifo", "to-fifo")
    os.symlink("folder", "to-folder")
    os.symlink("/dev/stdout", "to-stdout")
    os.symlink("b", "a")
    os.symlink("a", "b")
    return [
        "/dev/full", "/dev/null", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "fifo",
        "folder", ".", "/", "to-device", "to-fifo", "to-folder", "to-stdout", "a",
        "plain/x", "no/x", "x" * 256, "é" * 200,
    ]  # fmt: skip


def test_what_is_no_regular_file_is_refused_and_stays_what_it_was(there: Path) -> None:
    named = refused_paths(there)
    before = {n: os.lstat(n).st_ino for n in named if os.path.lexists(n)}
    for name in named:
        with pytest.raises(StorageError, match="cannot write"):
            files.write_text(Path(name), "text")
        with pytest.raises(StorageError, match="cannot write"):
            files.check_file(Path(name))
    # /proc names are made anew for whoever looks
    after = {n: os.lstat(n).st_ino for n in before}
    assert all(after[n] == before[n] for n in before if not n.startswith("/proc"))
    assert Path("plain").read_text() == "x"


def test_a_longest_name_can_be_written(there: Path) -> None:
    files.write_text(Path("n" * 255), "text")
    assert Path("n" * 255).read_text() == "text"


def test_a_full_disk_leaves_what_was_there(there: Path) -> None:
    Path("out").write_text("old")
    code = (
        "import resource, signal\n"
        "from pathlib import Path\n"
        "from xlate import files\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: files.write_bytes(Path('out'), bytes(5000))\n"
        "except Exception as e: print(type(e).__name__, e)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.startswith("StorageError cannot write out: File too large")
    assert Path("out").read_text() == "old"
    assert os.listdir() == ["out"]


@pytest.mark.slow
def test_importing_onto_a_full_disk_is_said(there: Path) -> None:
    made = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))\n"
        "import sys; sys.argv = ['xlate', 'datasets', 'build', 'simulated']\n"
        "from xlate.cli import main; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", made],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "XLATE_HOME": str(there / "home")},
    )
    assert done.returncode == 1
    assert "error: cannot write" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((there / "home" / "corpora").iterdir())


HOLDER = """
import sys, time
from pathlib import Path
from xlate import files
if sys.argv[1] == "folder":
    with files.atomic_folder(Path("home/corpora/one")) as inside:
        (inside / "runs.parquet").write_text("half")
        print("ready", flush=True); time.sleep(60)
else:
    from xlate.files.scratch import new_file
    new_file(Path("."), 0o600)
    print("ready", flush=True); time.sleep(60)
"""


def holder(kind: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, kind], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def hidden(folder: str = ".") -> list[Path]:
    return [p for p in Path(folder).rglob(".*") if p.name.endswith(".part")]


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_scratch_of_a_dead_process_is_removed_and_of_a_live_one_kept(
    there: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLATE_HOME", str(there / "home"))
    Path("home/corpora").mkdir(parents=True)
    live, dead = holder(kind), holder(kind)
    try:
        dead.send_signal(signal.SIGKILL)
        dead.wait()
        assert len(hidden()) == 2
        files.write_text(Path("other"), "x")
        with paths.atomic_folder(there / "home" / "models" / "a" / "to-b") as inside:
            (inside / "x").write_text("x")
        assert len(hidden()) == 1
    finally:
        for process in (live, dead):
            process.kill()
            process.communicate()
    files.remove_stale(there)
    files.remove_stale(there / "home" / "corpora")
    assert not hidden()
    assert not Path("home/corpora/one").exists()


def test_folders_of_earlier_releases_go_once_they_are_old(
    there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLATE_HOME", str(there))
    fresh, old = Path("corpora/.profet-abcdefgh"), Path("corpora/.profet-x_cd3fgh")
    unrelated = Path("corpora/.profet-notours1")
    long_ago = time.time() - 2 * 3600
    for folder in (fresh, old, unrelated):
        folder.mkdir(parents=True)
        (folder / "runs.parquet").write_text("half")
    (unrelated / "letter.txt").write_text("dear")
    for path in (*old.iterdir(), old, *unrelated.iterdir(), unrelated):
        os.utime(path, (long_ago, long_ago))
    with paths.atomic_folder(there / "corpora" / "zeus") as inside:
        (inside / "runs.parquet").write_text("whole")
    assert fresh.exists()
    assert unrelated.exists()
    assert not old.exists()


def test_a_folder_that_was_moved_away_is_put_back(there: Path) -> None:
    cut_off = there / f".one-{'0' * 12}.part"
    (cut_off / "old").mkdir(parents=True)
    (cut_off / "old" / "runs.parquet").write_text("precious")
    (cut_off / "new").mkdir()
    files.remove_stale(there)
    assert (there / "one" / "runs.parquet").read_text() == "precious"
    assert not cut_off.exists()


def test_a_failed_folder_leaves_the_old_one(there: Path) -> None:
    (there / "one").mkdir()
    (there / "one" / "a").write_text("old")
    with pytest.raises(ValueError), files.atomic_folder(there / "one") as inside:
        (inside / "a").write_text("new")
        raise ValueError
    assert (there / "one" / "a").read_text() == "old"
    assert os.listdir() == ["one"]


def test_a_link_that_looks_like_scratch_is_not_followed(there: Path) -> None:
    (there / "precious").mkdir()
    (there / "precious" / "new").mkdir()
    os.symlink("precious", f".one-{'0' * 12}.part")
    files.remove_stale(there)
    assert (there / "precious" / "new").is_dir()


def test_a_folder_of_something_else_is_not_replaced(there: Path) -> None:
    (there / "mine").mkdir()
    (there / "mine" / "letter.txt").write_text("dear")
    for folder in ("mine", "mine/letter.txt", "mine/letter.txt/x", "/dev/null"):
        with pytest.raises(StorageError):
            files.check_folder(Path(folder), ("runs.parquet",))
    assert files.check_folder(Path("mine"), ("letter.txt",)) == there / "mine"
    assert files.check_folder(Path("new/deep"), ()) == there / "new" / "deep"


def test_lock_is_refused_while_another_holds_it(there: Path) -> None:
    descriptor, path = scratch.new_file(there, 0o600)
    other = os.open(path, os.O_RDONLY)
    assert not scratch.lock(other)
    os.close(descriptor)
    assert scratch.lock(other)
    os.close(other)


# reading


def irregular(there: Path) -> list[Path]:
    os.mkfifo("fifo.json")
    os.symlink("/dev/zero", "zero.json")
    os.symlink("fifo.json", "to-fifo.json")
    return [
        Path("fifo.json"),
        Path("zero.json"),
        Path("to-fifo.json"),
        Path("/dev/zero"),
    ]


@pytest.fixture
def in_time() -> Iterator[None]:
    """A reader that waits for ever fails here instead."""

    def stop(*_: object) -> None:
        raise TimeoutError("it waits for ever")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def test_readers_neither_wait_nor_read_without_end(there: Path, in_time: None) -> None:
    from xlate import readers, telemetry
    from xlate.data.card import load_toml
    from xlate.data.sources.frame_pickle import read_frame
    from xlate.engine.few_shot import read_shots
    from xlate.errors import XlateError
    from xlate.hardware.legal_points import legal_clocks
    from xlate.store import bundle, clock_bundle
    from xlate.store.archive import open_archive
    from xlate.sweeps.probe import read_probe

    for path in irregular(there):
        for read in (readers.read, telemetry.read_trace, read_probe):
            with pytest.raises(ProfileError, match="not a regular file"):
                read(path)
        for read_other in (load_toml, read_shots, read_frame):
            with pytest.raises(XlateError, match="not a regular file"):
                read_other(path)
        with pytest.raises(BundleError, match="not a regular file"):
            open_archive(path, "", "fit")
        folder = there / f"bundle-{path.name}"
        folder.mkdir()
        os.symlink(path.absolute(), folder / bundle.MANIFEST)
        for load in (bundle.load, clock_bundle.load):
            with pytest.raises(BundleError, match="not a regular file"):
                load(folder)
    assert legal_clocks is not None


def test_a_catalogue_file_that_is_a_device_is_refused(
    there: Path, in_time: None
) -> None:
    from xlate.hardware.catalogue import Catalogue

    (there / "own" / "gpus").mkdir(parents=True)
    os.symlink("/dev/zero", there / "own" / "gpus" / "x.toml")
    with pytest.raises(CatalogError, match="not a regular file"):
        Catalogue((paths.shipped("anchors"), there / "own"))


def test_a_fifo_in_a_folder_of_profiles_is_named(there: Path, in_time: None) -> None:
    from xlate import engine

    os.mkfifo("a.csv")
    (failure,) = engine.read_profiles([there])
    assert isinstance(failure, Failure)
    assert "a FIFO" in str(failure.error)


def test_a_name_too_long_fails_alone(there: Path) -> None:
    from xlate import engine

    Path("good.json").write_text('{"Device_Conv2D": 300000, "Device_IDLE": 5}')
    failure, profile = engine.read_profiles(["x" * 300, "good.json"])
    assert isinstance(failure, Failure)
    assert "too long" in str(failure.error)
    assert isinstance(profile, Profile)
    assert profile.ops["Device_Conv2D"] == 300000


def test_a_file_that_says_it_is_larger_is_not_read(there: Path) -> None:
    with Path("big").open("wb") as f:
        f.truncate(2000)
    with pytest.raises(files.IrregularFileError, match="holds more"):
        files.read_bytes(Path("big"), 1000)
    assert len(files.read_bytes(Path("big"), 2000)) == 2000
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 0
