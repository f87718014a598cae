"""Pulling corpora from a server on loopback that serves well, badly and without end."""

from __future__ import annotations

import hashlib
import http.server
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPMessage
from pathlib import Path
from typing import Any

import pytest
from polars.testing import assert_frame_equal

from tests.support.commands import run
from tests.support.narrowing import as_type
from xlate.data import corpus as corpora
from xlate.data import sources
from xlate.data.card import Card, SourceFile, read_card
from xlate.data.sources import scratch
from xlate.data.sources.pull import fetch
from xlate.errors import CorpusError, DownloadError, StorageError

CARDS = corpora.cards()
BODY = {"a/x.csv": b"1,2\n" * 3000, "b c/y+z.csv": b"3,4\n" * 50_000}


def card_of(files: dict[str, bytes], **more: Any) -> Card:
    """A card whose checksums are those of some bytes."""
    source_files = tuple(
        SourceFile(p, hashlib.sha256(b).hexdigest(), len(b)) for p, b in files.items()
    )
    return replace(CARDS["zeus"], files=source_files, **more)


class BytesServer(http.server.ThreadingHTTPServer):
    """Serves some files, and keeps what was asked for and how much was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = dict(BODY)
        self.asked: list[str] = []
        self.sent = 0
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves bytes as the first part of the path says."""

    def do_GET(self) -> None:
        from urllib.parse import unquote

        mode, _, rest = unquote(self.path).lstrip("/").partition("/")
        server = as_type(BytesServer, self.server)
        server.asked.append(rest)
        body = server.files.get(rest)
        if body is None or mode == "gone":
            self.send_error(404)
        elif mode.startswith("to-"):
            self.send_response(302)
            target = {
                "to-good": f"/good/{self.path.partition('/to-good/')[2]}",
                "to-itself": self.path,
                "to-file": "file:///etc/passwd",
                "to-ftp": "ftp://127.0.0.1/x",
                "to-nowhere": "",
            }[mode]
            self.send_header("Location", target)
            self.end_headers()
        else:
            self.serve(mode, body)

    def serve(self, mode: str, body: bytes) -> None:
        if mode == "wrong":
            body = body[:-1] + bytes([body[-1] ^ 1])
        self.send_response(200)
        length = {"cut": len(body), "long": len(body) + 4, "short": len(body) - 4}
        if mode == "strange-length":
            self.send_header("Content-Length", "many")
        elif mode != "endless":
            self.send_header("Content-Length", str(length.get(mode, len(body))))
        self.end_headers()
        if mode == "endless":
            try:
                while True:
                    self.wfile.write(body)
                    as_type(BytesServer, self.server).sent += len(body)
            except OSError:
                return
        elif mode == "slow":
            for k in range(0, len(body), 2000):
                self.wfile.write(body[k : k + 2000])
                self.wfile.flush()
                time.sleep(0.05)
        else:
            kept = {"cut": len(body) // 2, "short": len(body) - 4}.get(mode, len(body))
            self.wfile.write(body[:kept] + (b"more" if mode == "long" else b""))

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[BytesServer]:
    with BytesServer() as s:
        threading.Thread(target=s.serve_forever, daemon=True).start()
        yield s
        s.shutdown()


@pytest.mark.parametrize("mode", ["good", "to-good", "strange-length"])
def test_whole_files_come_and_progress_is_in_bytes(
    server: BytesServer, tmp_path: Path, mode: str
) -> None:
    seen = []
    fetch(
        card_of(BODY),
        tmp_path,
        f"{server.url}/{mode}",
        progress=lambda *a: seen.append(a),
    )
    for path, body in BODY.items():
        assert (tmp_path / path).read_bytes() == body
    done, total = [d for d, _, _ in seen], sum(map(len, BODY.values()))
    assert done == sorted(done)
    assert done[-1] == total
    assert {t for _, t, _ in seen} == {total}
    assert {w for _, _, w in seen} == set(BODY)


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        ("gone", "answered 404"),
        ("wrong", "has sha256"),
        ("long", "longer than"),
        ("short", "broke off"),
        ("cut", "broke off|could not be fetched"),
        ("endless", "longer than"),
        ("to-itself", "infinite loop|30[0-9]"),
        ("to-file", "not followed|not allowed"),
        ("to-ftp", "not followed"),
        ("to-nowhere", "could not|not followed|30[0-9]|404"),
    ],
)
def test_what_is_not_the_file_is_refused(
    server: BytesServer, tmp_path: Path, mode: str, says: str
) -> None:
    with pytest.raises(DownloadError, match=says):
        fetch(card_of(BODY), tmp_path, f"{server.url}/{mode}")


def test_an_endless_body_is_left_soon(server: BytesServer, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="longer than the 12000 bytes"):
        fetch(card_of(BODY), tmp_path, f"{server.url}/endless")
    assert (tmp_path / "a/x.csv").stat().st_size <= 12_000
    assert server.asked == ["a/x.csv"]


def test_https_is_not_left_for_http() -> None:
    from xlate.data.sources.pull import _SameKind

    asked = __import__("urllib.request").request.Request("https://127.0.0.1/x")
    with pytest.raises(DownloadError, match="not followed"):
        _SameKind().redirect_request(
            asked, io.BytesIO(), 302, "", HTTPMessage(), "http://127.0.0.1/x"
        )


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a/../../x",
        "/etc/x",
        "",
        "a\\..\\x",
        "C:/x",
        "C:x",
        "..",
        "a\nb",
        "\\\\h\\x",
    ],
)
def test_a_name_that_leads_out_is_refused_before_anything_is_fetched(
    server: BytesServer, tmp_path: Path, name: str
) -> None:
    card = card_of({"a/x.csv": BODY["a/x.csv"], name: b"x"})
    with pytest.raises(DownloadError, match="not below its folder"):
        fetch(card, tmp_path / "in", f"{server.url}/good")
    assert not server.asked
    assert not list(tmp_path.rglob("*"))


def test_a_folder_that_cannot_be_written(server: BytesServer, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file where a folder is needed")
    with pytest.raises(StorageError, match="cannot write"):
        fetch(card_of(BODY), tmp_path, f"{server.url}/good")


KILLED = """
import sys, dataclasses
from pathlib import Path
from tests.data.test_pull import BODY, card_of
from xlate.data import corpus, sources
corpus.cards = lambda: {"zeus": card_of(BODY)}
sources.pull_corpus("zeus", sys.argv[1], print)
"""


def test_a_killed_pull_is_taken_up(
    server: BytesServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that was whole is not fetched again, and nothing is left behind."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("XLATE_HOME", str(tmp_path / "home"))
    process = subprocess.Popen([sys.executable, "-c", KILLED, f"{server.url}/slow"])
    limit = time.monotonic() + 30
    while len(server.asked) < 2 and time.monotonic() < limit:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (left,) = scratch.leftovers("zeus")
    assert (left / "a/x.csv").read_bytes() == BODY["a/x.csv"]
    server.asked.clear()
    said: list[str] = []
    monkeypatch.setattr(corpora, "cards", lambda: {"zeus": card_of(BODY)})
    monkeypatch.setitem(sources.IMPORTERS, "zeus", lambda card, folder: {})
    sources.pull_corpus("zeus", f"{server.url}/good", said.append)
    assert server.asked == ["b c/y+z.csv"]
    assert "kept a/x.csv" in said[0]
    assert not list(tmp_path.glob("xlate-pull-*"))


def test_a_damaged_leftover_is_fetched_again(
    server: BytesServer, tmp_path: Path
) -> None:
    left = tmp_path / "left"
    (left / "a").mkdir(parents=True)
    (left / "a/x.csv").write_bytes(b"9" + BODY["a/x.csv"][1:])
    fetch(card_of(BODY), tmp_path / "in", f"{server.url}/good", kept=[left])
    assert (tmp_path / "in/a/x.csv").read_bytes() == BODY["a/x.csv"]


def test_another_process_keeps_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / f"xlate-pull-zeus-{os.getppid()}-abc").mkdir()
    (tmp_path / "xlate-pull-zeus-99999999-abc").symlink_to(tmp_path)
    (tmp_path / "xlate-pull-zeus-limits-99999999-abc").mkdir()
    assert scratch.leftovers("zeus") == []
    assert len(scratch.leftovers("zeus-limits")) == 1


MEASURED = sorted(n for n, c in CARDS.items() if not c.simulated)


@pytest.mark.parametrize("name", MEASURED)
def test_the_origin_of_every_corpus_is_known(name: str) -> None:
    """Address, checksum and size, so that a pull needs no --unverified."""
    card = CARDS[name]
    assert card.url.startswith("https://")
    assert len(card.files) == len({f.path for f in card.files}) > 0
    for file in card.files:
        assert len(file.sha256) == 64
        assert 0 < file.bytes < 1 << 24
    assert name in sources.IMPORTERS


@pytest.mark.data
@pytest.mark.parametrize("name", MEASURED)
def test_a_pull_reads_the_origins_own_layout(
    name: str,
    server: BytesServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Files at the origin's paths, with a column and rows more, come out as imported."""
    raw = os.environ.get("XLATE_DATA_HOME")
    if raw is None or not (Path(raw) / name).is_dir():
        pytest.skip(f"XLATE_DATA_HOME/{name} is not here")
    card = CARDS[name]
    server.files = {}
    for file in card.files:
        place = Path(*Path(file.path).parts[-3:])
        local_path = Path(raw) / name / place
        if not local_path.is_file():
            local_path = next((Path(raw) / name).rglob(Path(file.path).name))
        server.files[file.path] = local_path.read_bytes()
    monkeypatch.setenv("XLATE_HOME", str(tmp_path))
    monkeypatch.setattr(
        corpora, "cards", lambda: {name: card_of(server.files, name=name, url=card.url)}
    )
    sources.pull_corpus(name, f"{server.url}/good")
    pulled = corpora.load(name)
    shutil.rmtree(tmp_path / "corpora")
    sources.import_corpus(name, Path(raw) / name)
    imported = corpora.load(name)
    for table in ("runs", "ops", "sweeps", "telemetry"):
        ours, imported_table = getattr(pulled, table), getattr(imported, table)
        assert (ours is None) == (imported_table is None)
        if ours is not None:
            assert_frame_equal(ours, imported_table)


def test_a_card_with_a_broken_file_list(tmp_path: Path) -> None:
    shutil.copytree("datasets/zeus", tmp_path / "zeus")
    path = tmp_path / "zeus" / "upstream.csv"
    path.write_text("path,sha256,bytes\nx.csv,abc,12\n")
    with pytest.raises(CorpusError, match="line 2"):
        read_card(tmp_path / "zeus" / "dataset.toml")


def test_a_mirror_is_pulled_from_by_command(
    server: BytesServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLATE_HOME", str(tmp_path))
    monkeypatch.setattr(corpora, "cards", lambda: {"zeus": card_of(BODY)})
    monkeypatch.setitem(sources.IMPORTERS, "zeus", lambda card, folder: {})
    out, err = run("datasets", "pull", "zeus", "--mirror", f"{server.url}/good")
    assert out.strip() == str(tmp_path / "corpora" / "zeus")
    assert "fetching a/x.csv (0.0 MB)" in err
    _, err = run("datasets", "pull", "zeus", "--mirror", f"{server.url}/wrong", code=1)
    assert "has sha256" in err
