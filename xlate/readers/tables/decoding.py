"""Parquet of unknown origin, decoded where it cannot end this process.

One changed byte can make the decoder panic or request exabytes of memory, which ends its
process. So the bytes are sent to a separate process (:mod:`xlate.readers.tables.decoder`)
with limits on memory and time; it decodes file after file, and a new one is started after
it ended.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import polars as pl

from xlate.errors import ProfileError
from xlate.readers.tables.decoder import MAX_ANSWER_BYTES, MEMORY_BYTES

__all__ = ["Decoder", "decode"]

SCRIPT = Path(__file__).with_name("decoder.py")
#: seconds to start it, and to decode a file (plus one second for each megabyte)
_START_S, FILE_SECONDS = 60.0, 8.0
#: most bytes of a header; a longer one is damaged
_LONGEST_HEADER = 256 * 1024 * 1024
_HINT = "copy it again, or write it anew"


class Decoder:
    """A process that decodes parquet, started when it is first needed.

    Examples
    --------
    >>> import io, polars as pl
    >>> from xlate.readers.tables.decoding import Decoder
    >>> file = io.BytesIO()
    >>> pl.DataFrame({"Device_Relu": [1.0]}).write_parquet(file)
    >>> decoder = Decoder()
    >>> decoder.frame("a file", file.getvalue())["Device_Relu"].to_list()
    [1.0]
    >>> decoder.close()
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._owner = os.getpid()

    def frame(self, where: str, raw: bytes) -> pl.DataFrame:
        """Decode one file.

        Parameters
        ----------
        where : str
            Named in errors.
        raw : bytes
            The file.

        Returns
        -------
        polars.DataFrame
            Numbers as Int64 or Float64, text, truth values and dates as text;
            columns of lists and the like have the dtype Object and no values.

        Raises
        ------
        ProfileError
            If the file is damaged, too large once decoded, or takes too long.
        """
        with self._lock:
            if self._owner != os.getpid():
                # after a fork the pipes belong to the parent
                self._process, self._owner = None, os.getpid()
            process = self._started()
            limit = FILE_SECONDS + len(raw) / 1e6
            with _killed_after(process, limit) as late:
                try:
                    return self._asked(process, where, raw)
                except (OSError, EOFError, ValueError, KeyError, TypeError) as e:
                    # it ended, or wrote something else than an answer: nothing is used
                    code = self._stop()
                    raise ProfileError(
                        f"{where} is a damaged parquet file: {_ending(code, late, limit)}",
                        _HINT,
                        code="profile.damaged",
                    ) from e

    def close(self) -> None:
        """End the process, where one runs."""
        with self._lock:
            if self._owner == os.getpid():
                self._stop()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._stop()
        env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
            "POLARS_MAX_THREADS": "1",
            "RUST_BACKTRACE": "0",
        }
        try:
            process = subprocess.Popen(  # noqa: S603 - our own script
                # -P: modules must not be imported from the script's folder
                [sys.executable, "-P", str(SCRIPT)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=env,
            )
        except OSError as e:
            raise ProfileError(
                f"no process could be started to read parquet in: {e.strerror or e}",
                "free memory or processes, or save the table as csv",
                code="profile.unreadable",
            ) from e
        self._process = process
        with _killed_after(process, _START_S):
            if _stream(process.stdout).readline() != b"ready\n":
                code = self._stop()
                raise ProfileError(
                    f"the process that reads parquet did not start (exit code {code})",
                    "free memory, or save the table as csv",
                    code="profile.unreadable",
                )
        return process

    def _asked(
        self, process: subprocess.Popen[bytes], where: str, raw: bytes
    ) -> pl.DataFrame:
        stdin, stdout = _stream(process.stdin), _stream(process.stdout)
        stdin.write(len(raw).to_bytes(8, "little"))
        stdin.write(raw)
        stdin.flush()
        size = int.from_bytes(_exactly(stdout, 8), "little")
        if size > _LONGEST_HEADER:
            raise ValueError("not a header")
        header = json.loads(_exactly(stdout, size))
        if header["last"]:
            self._stop()
        if "error" in header:
            if header.get("large"):
                raise ProfileError(
                    f"{where} holds {header['error']}",
                    "split it into several files",
                    code="profile.too-large",
                )
            raise ProfileError(
                f"{where} is a damaged parquet file: {header['error']}",
                _HINT,
                code="profile.damaged",
            )
        rows = int(header["rows"])
        columns = [_series(e, rows, stdout) for e in header["columns"]]
        return pl.DataFrame(columns)

    def _stop(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue  # the process ended: unsent bytes are not needed
        try:
            return process.wait(1.0)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


def _series(entry: dict[str, Any], rows: int, stream: IO[bytes]) -> pl.Series:
    """A column of the answer; every length is checked against the rows."""
    name, form = str(entry["name"]), entry["form"]
    sizes = [int(size) for size in entry["sizes"]]
    if not all(0 <= size <= MAX_ANSWER_BYTES for size in sizes):
        raise ValueError("no size of a column")
    buffers = [_exactly(stream, size) for size in sizes]
    if form == "null":
        return pl.Series(name, [None] * rows, dtype=pl.Null)
    if form == "none":
        return pl.Series(name, [None] * rows, dtype=pl.Object)
    if form == "text":
        values = json.loads(buffers[0])
        if len(values) != rows:
            raise ValueError("rows are missing")
        return pl.Series(name, values, dtype=pl.String)
    if form not in ("<i8", "<f8", "|b1"):
        raise ValueError("unknown form")
    array = np.frombuffer(buffers[0], dtype=form)
    if len(array) != rows:
        raise ValueError("rows are missing")
    series = pl.Series(name, array)
    if entry["nulls"]:
        absent = np.frombuffer(buffers[1], dtype="|b1")
        series = pl.select(
            pl.when(~pl.lit(pl.Series(absent))).then(pl.lit(series)).alias(name)
        ).to_series()
    return series


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # both are pipes
    return stream


def _exactly(stream: IO[bytes], size: int) -> bytes:
    raw = stream.read(size)
    if len(raw) != size:
        raise EOFError
    return raw


def _ending(code: int | None, late: threading.Event, limit: float) -> str:
    if late.is_set():
        return f"it was not decoded within {limit:.0f} s"
    return (
        f"the process that decodes it ended with code {code} (a damaged file may ask "
        f"for more than the {MEMORY_BYTES / 1024**3:.0f} GiB it is given)"
    )


@contextmanager
def _killed_after(
    process: subprocess.Popen[bytes], seconds: float
) -> Iterator[threading.Event]:
    """Kill a process that takes longer; the event is set where that happened."""
    late = threading.Event()

    def kill() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, kill)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
        # wait for the thread: a command that ends while it runs skips its clean-up
        timer.join()


_shared = Decoder()
atexit.register(_shared.close)


def decode(where: str, raw: bytes) -> pl.DataFrame:
    """Decode a parquet file in the process that all files share.

    Raises
    ------
    ProfileError
        As :meth:`Decoder.frame`.
    """
    return _shared.frame(where, raw)
