"""Parquet of unknown origin: any content gives an error or a table, never a crash."""

from __future__ import annotations

import contextlib
import io
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.narrowing import present
from xlate import readers
from xlate.errors import ProfileError
from xlate.readers.tables import decoding
from xlate.readers.tables.decoding import Decoder


def packed(frame: pl.DataFrame, **options: Any) -> bytes:
    file = io.BytesIO()
    frame.write_parquet(file, **options)
    return file.getvalue()


def table(rows: int = 4) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "instance": ["g3s.xlarge"] * rows,
            "model": [f"net{k}" for k in range(rows)],
            "batch_size": [16] * rows,
            "step_time_us": [20_000.0 + k for k in range(rows)],
            "Device_Conv2D": [30_000.0] * rows,
            "Device_Relu": [None, *[5_000.0] * (rows - 1)],
            "Device_IDLE": [5_000.0] * rows,
        }
    )


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    started = Decoder()
    yield started
    started.close()


def changed(raw: bytes, rng: random.Random) -> bytes:
    out = bytearray(raw)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        out[rng.randrange(len(out))] = rng.randrange(256)
    return bytes(out[: rng.randrange(len(out))]) if rng.random() < 0.1 else bytes(out)


@pytest.mark.slow
@pytest.mark.parametrize("compression", ["zstd", "snappy", "uncompressed"])
def test_changed_bytes_end_in_an_error_or_a_table(
    decoder: Decoder, compression: str
) -> None:
    raw = packed(table(), compression=compression)
    rng = random.Random(7)
    errors = 0
    for _ in range(int(os.environ.get("XLATE_FUZZ", "250"))):
        try:
            decoder.frame("a file", changed(raw, rng))
        except ProfileError:
            errors += 1
    assert errors > 100
    assert decoder.frame("a file", raw).equals(table())


def test_all_types_come_back_as_numbers_or_text(decoder: Decoder) -> None:
    frame = pl.DataFrame(
        {
            "i": pl.Series([1, None], dtype=pl.Int8),
            "u": pl.Series([2**63, 1], dtype=pl.UInt64),
            "f": pl.Series([1.5, None], dtype=pl.Float32),
            "b": [True, None],
            "s": ["é", None],
            "c": pl.Series(["x", "y"], dtype=pl.Categorical),
            "d": pl.Series([None, None], dtype=pl.Null),
            "day": pl.Series([0, 1]).cast(pl.Date),
            "l": [[1], [2]],
        }
    )
    decoded = decoder.frame("a file", packed(frame))
    assert decoded.drop("l").rows() == [
        (1, 2.0**63, 1.5, True, "é", "x", None, "1970-01-01"),
        (None, 1.0, None, None, None, "y", None, "1970-01-02"),
    ]
    assert decoded.schema["l"] == pl.Object
    assert decoded["i"].dtype == pl.Int64


def test_no_rows_and_no_columns_come_back_too(decoder: Decoder) -> None:
    assert decoder.frame("a file", packed(table().clear())).height == 0
    assert decoder.frame("a file", packed(pl.DataFrame())).is_empty()


def test_a_table_too_large_once_decoded_is_refused(decoder: Decoder) -> None:
    # a hundred million equal values are a few kilobytes
    frame = pl.select(pl.repeat(1.0, 70_000_000).alias("Device_Relu"))
    raw = packed(frame)
    assert len(raw) < 2_000_000
    with pytest.raises(ProfileError, match=r"70,000,000 rows.*more than 64,000,000"):
        decoder.frame("a file", raw)


def test_a_process_that_was_killed_is_started_again(decoder: Decoder) -> None:
    decoder.frame("a file", packed(table()))
    os.kill(present(decoder._process).pid, signal.SIGKILL)
    present(decoder._process).wait()
    assert decoder.frame("a file", packed(table())).height == 4


def test_a_process_that_hangs_is_ended(
    decoder: Decoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder.frame("a file", packed(table()))
    os.kill(present(decoder._process).pid, signal.SIGSTOP)
    begin = time.monotonic()
    with monkeypatch.context() as short:
        short.setattr(decoding, "FILE_SECONDS", 0.3)
        with pytest.raises(ProfileError, match="not decoded within"):
            decoder.frame("a file", packed(table()))
    assert time.monotonic() - begin < 5
    # the process that is started now has the usual time, also on a busy machine
    assert decoder.frame("a file", packed(table())).height == 4


def test_no_thread_is_left_after_a_file(decoder: Decoder) -> None:
    # a failed command that ends beside a thread skips its clean-up
    before = threading.active_count()
    for raw in (packed(table()), packed(table())[:-9] + b"PAR1"):
        with contextlib.suppress(ProfileError):
            decoder.frame("a file", raw)
        assert threading.active_count() == before


def test_a_process_that_cannot_start_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(ProfileError, match="no process could be started"):
        Decoder().frame("a file", b"")


def test_an_invalid_answer_of_the_decoder_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys; o = sys.stdout.buffer; o.write(b'ready\\n' + b'x' * 100); o.flush()"
    )
    monkeypatch.setattr(decoding, "SCRIPT", script)
    with pytest.raises(ProfileError, match="damaged parquet"):
        Decoder().frame("a file", packed(table()))


def test_a_folder_goes_on_after_damaged_files(tmp_path: Path) -> None:
    from xlate import engine

    rng = random.Random(3)
    raw = packed(table())
    for k in range(60):
        content = changed(raw, rng) if k % 3 else raw
        (tmp_path / f"{k:02}.parquet").write_bytes(content)
    answers = engine.read_profiles([tmp_path])
    bad = {a.file for a in answers if isinstance(a, engine.Failure)}
    good = {
        p.source.partition("[")[0] for p in answers if not isinstance(p, engine.Failure)
    }
    assert len(bad) + len(good) == 60
    assert len(good) >= 20
    assert bad


def test_a_column_of_lists_is_refused_where_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    table().with_columns(Device_Relu=[[1.0]] * 4).write_parquet(path)
    with pytest.raises(ProfileError, match="Device_Relu holds lists"):
        readers.read(path)
    table().with_columns(extra=pl.Series([[1.0]] * 4)).write_parquet(path)
    assert len(readers.read(path)) == 4
