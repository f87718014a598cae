"""Importing and pulling public corpora, against files made here and a loopback server."""

from __future__ import annotations

import http.server
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from pandas import DataFrame

from tests.support.narrowing import as_type
from xlate.data import corpus as corpora
from xlate.data import sources
from xlate.data.card import Card, SourceFile
from xlate.data.corpus import Corpus
from xlate.data.sources.frame_pickle import read_frame
from xlate.errors import CorpusError, DownloadError, StorageError, UnknownNameError


def profet_frame(instance: str, seed: int) -> DataFrame:
    rng = np.random.default_rng(seed)
    rows = [
        (m, d, b, e)
        for m in ("A", "B", "C")
        for d in (32, 64)
        for b in (16, 32)
        for e in (1, 2)
    ]
    n = len(rows)
    frame = pd.DataFrame(
        {
            "Device_Conv2D": rng.uniform(5e3, 9e3, n),
            "Device_Relu": np.where(np.arange(n) % 2, 0.0, 700.0),
            "Device_IDLE": rng.uniform(10, 20, n),
            "Host_IDLE": rng.uniform(1e4, 2e4, n),
            "exp_name": [f"exp{r[3]:02d}" for r in rows],
            "instance_name": instance,
            "dataset": [f"{r[1]}dataset" for r in rows],
            "model": [r[0] for r in rows],
            "optimizer": "SGD",
            "batchsize": [r[2] for r in rows],
            "epoch_latency": 1.0,
            "batch_latency": rng.uniform(0.004, 0.005, n),
            "p2.xlarge": 1.0,
        }
    ).astype(
        dict.fromkeys(
            ("exp_name", "instance_name", "dataset", "model", "optimizer"), object
        )
    )
    # old pandas had no string type, for columns neither
    frame.columns = pd.Index(list(frame.columns), dtype=object)
    return frame


@pytest.fixture
def origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small corpus as PROFET would publish it, with a card that fits it."""
    folder = tmp_path / "origin"
    files = []
    for i, (name, instance) in enumerate(
        (("anchor_g3.pickle", "g3s.xlarge"), ("anchor_p3.pickle", "p3.2xlarge"))
    ):
        path = folder / "data" / "anchor_data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(profet_frame(instance, i)))
        files.append(
            SourceFile(
                f"data/anchor_data/{name}", corpora.sha256_of(path), path.stat().st_size
            )
        )
    card = replace(corpora.cards()["profet"], files=tuple(files), url="")
    monkeypatch.setattr(corpora, "cards", lambda: {"profet": card})
    return folder


def test_import_gives_canonical_tables(origin: Path, empty_home: Path) -> None:
    sources.import_corpus("profet", origin)
    c = corpora.load("profet")
    assert c.instances == ["g3s.xlarge", "p3.2xlarge"]
    row = c.wide.filter((pl.col("model") == "A") & (pl.col("repeat") == 2)).row(
        0, named=True
    )
    assert row["dataset"] == "32px"
    assert 4000 < row["step_time_us"] < 5000
    # zero is absence: half the rows have no Relu
    assert c.ops.filter(pl.col("op") == "Device_Relu").height == c.runs.height // 2


def test_files_may_be_in_one_folder(
    origin: Path, empty_home: Path, tmp_path: Path
) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    for p in origin.rglob("*.pickle"):
        (flat / p.name).write_bytes(p.read_bytes())
    assert sources.import_corpus("profet", flat).is_dir()


def test_import_again_gives_the_same_bytes(origin: Path, empty_home: Path) -> None:
    first = {
        p.name: p.read_bytes()
        for p in sources.import_corpus("profet", origin).iterdir()
    }
    again = {
        p.name: p.read_bytes()
        for p in sources.import_corpus("profet", origin).iterdir()
    }
    assert first == again


class Evil:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("exit 9",)


def test_a_global_outside_the_allowed_ones_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "evil.pickle"
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(CorpusError, match=r"posix\.system|nt\.system"):
        read_frame(path)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "damaged"),
        (pickle.dumps([1, 2]), "holds an object of type list"),
        (b"hello", "damaged"),
    ],
)
def test_what_is_no_frame_is_refused(tmp_path: Path, raw: bytes, says: str) -> None:
    path = tmp_path / "x.pickle"
    path.write_bytes(raw)
    with pytest.raises(CorpusError, match=says):
        read_frame(path)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_every_pickle_protocol_of_a_frame_is_read(
    tmp_path: Path, protocol: int
) -> None:
    frame = profet_frame("g3s.xlarge", 0)
    frame["batchsize"] = [np.int64(b) for b in frame["batchsize"]]
    path = tmp_path / "x.pickle"
    path.write_bytes(pickle.dumps(frame, protocol=protocol))
    assert read_frame(path)["batchsize"].to_list() == frame["batchsize"].tolist()


def test_a_truncated_pickle_is_refused(origin: Path) -> None:
    path = next(origin.rglob("*.pickle"))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CorpusError, match="damaged pickle"):
        read_frame(path)


def test_bad_import_leaves_nothing(origin: Path, empty_home: Path) -> None:
    next(origin.rglob("anchor_p3.pickle")).unlink()
    with pytest.raises(CorpusError, match=r"anchor_p3\.pickle"):
        sources.import_corpus("profet", origin)
    assert not list(empty_home.rglob("*"))


def test_a_table_without_its_columns_is_refused(origin: Path, empty_home: Path) -> None:
    path = next(origin.rglob("anchor_p3.pickle"))
    path.write_bytes(
        pickle.dumps(profet_frame("p3.2xlarge", 1).drop(columns="batchsize"))
    )
    with pytest.raises(CorpusError, match="lacks batchsize"):
        sources.import_corpus("profet", origin)


def test_duplicate_keys_are_refused(origin: Path, empty_home: Path) -> None:
    path = next(origin.rglob("anchor_p3.pickle"))
    frame = profet_frame("p3.2xlarge", 1)
    path.write_bytes(pickle.dumps(pd.concat([frame, frame[:1]], ignore_index=True)))
    with pytest.raises(
        CorpusError, match=r"1 workload keys stand more than once.*model=A"
    ):
        sources.import_corpus("profet", origin)


def test_names_and_folders(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("XLATE_DATA_HOME", raising=False)
    with pytest.raises(UnknownNameError, match="profet"):
        sources.import_corpus("profit")
    with pytest.raises(CorpusError, match="XLATE_DATA_HOME"):
        sources.import_corpus("profet")
    with pytest.raises(CorpusError, match="is not a folder"):
        sources.import_corpus("profet", tmp_path / "nowhere")
    with pytest.raises(CorpusError, match="datasets build simulated"):
        sources.import_corpus("simulated", tmp_path)


class FolderServer(http.server.ThreadingHTTPServer):
    """A server that knows its folder."""

    folder: Path


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves a folder, well or badly, as the first part of the path says."""

    def do_GET(self) -> None:
        mode, _, rest = self.path.strip("/").partition("/")
        path = as_type(FolderServer, self.server).folder / rest
        if mode == "gone" or not path.is_file():
            self.send_error(404)
            return
        body = path.read_bytes()
        if mode == "wrong":
            body = body[:-1] + bytes([body[-1] ^ 1])
        if mode == "longer":
            body += b"more"
        if mode == "shorter":
            body = body[:-10]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if mode == "dies" else body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(origin: Path) -> Iterator[str]:
    with FolderServer(("127.0.0.1", 0), Handler) as s:
        s.folder = origin
        thread = threading.Thread(target=s.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{s.server_port}"
        s.shutdown()


def test_pull_fetches_checks_and_imports(server: str, empty_home: Path) -> None:
    said: list[str] = []
    folder = sources.pull_corpus("profet", f"{server}/good", said.append)
    assert corpora.load("profet").runs.height == 48
    assert folder == empty_home / "corpora" / "profet"
    assert len(said) == 2


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        ("gone", "404"),
        ("wrong", "sha256"),
        ("longer", "longer than"),
        ("shorter", "broke off"),
        ("dies", "broke off|could not be fetched"),
    ],
)
def test_a_bad_download_leaves_nothing(
    server: str, empty_home: Path, mode: str, says: str
) -> None:
    with pytest.raises(DownloadError, match=says):
        sources.pull_corpus("profet", f"{server}/{mode}")
    assert not list(empty_home.rglob("*"))


def test_files_without_a_known_checksum_are_taken_on_request_only(
    server: str, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = corpora.cards()["profet"]
    unknown = tuple(replace(f, sha256="", bytes=0) for f in card.files)
    bare = replace(card, files=unknown)
    monkeypatch.setattr(corpora, "cards", lambda: {"profet": bare})
    with pytest.raises(DownloadError, match=r"no checksum is known of .*anchor_g3"):
        sources.pull_corpus("profet", f"{server}/good")
    said: list[str] = []
    sources.pull_corpus("profet", f"{server}/good", said.append, unverified=True)
    checksums = [line for line in said if line.startswith("not verified: sha256 ")]
    assert [t.split()[-1] for t in checksums] == [f.sha256 for f in card.files]
    with pytest.raises(DownloadError, match=r"broke off|could not be fetched"):
        sources.pull_corpus("profet", f"{server}/dies", unverified=True)


def test_a_bad_download_keeps_what_was_there(
    server: str, origin: Path, empty_home: Path
) -> None:
    sources.import_corpus("profet", origin)
    with pytest.raises(DownloadError):
        sources.pull_corpus("profet", f"{server}/wrong")
    assert corpora.load("profet").runs.height == 48


def test_interrupting_a_pull_leaves_nothing(
    server: str, empty_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)

    def stop(line: str) -> None:
        if "anchor_p3" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sources.pull_corpus("profet", f"{server}/good", stop)
    assert not list(empty_home.rglob("*"))
    assert not list((tmp_path / "scratch").iterdir())


def test_no_server_and_no_address(origin: Path, empty_home: Path) -> None:
    with pytest.raises(DownloadError, match="could not be fetched"):
        sources.pull_corpus("profet", "http://127.0.0.1:9/")
    with pytest.raises(DownloadError, match="no address"):
        sources.pull_corpus("profet")
    with pytest.raises(DownloadError, match="not an http address"):
        sources.pull_corpus("profet", "ftp://127.0.0.1/x")


def test_a_data_home_that_cannot_be_written(
    origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder")
    monkeypatch.setenv("XLATE_HOME", str(blocker / "home"))
    with pytest.raises(StorageError, match="XLATE_HOME"):
        sources.import_corpus("profet", origin)


def test_a_full_disk_leaves_nothing(
    origin: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Path | pl.DataFrame, **kwargs: str | int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(StorageError, match="No space left"):
        sources.import_corpus("profet", origin)
    assert not list((empty_home / "corpora").iterdir())


def test_interrupting_an_import_leaves_nothing(
    origin: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*args: Path | pl.DataFrame, **kwargs: str | int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pl.DataFrame, "write_parquet", stop)
    with pytest.raises(KeyboardInterrupt):
        sources.import_corpus("profet", origin)
    assert not list((empty_home / "corpora").iterdir())


def test_the_real_corpus(profet: Corpus) -> None:
    assert profet.runs.height == 9000
    assert profet.instances == ["g3s.xlarge", "g4dn.xlarge", "p2.xlarge", "p3.2xlarge"]
    assert isinstance(profet.card, Card)
