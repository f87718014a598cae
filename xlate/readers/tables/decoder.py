"""Decode parquet files in a separate process, started by :mod:`xlate.readers.tables.decoding`.

This file runs as a script, so that it loads polars and nothing of xlate. It reads files'
bytes from stdin, and writes an answer for each to stdout, until stdin ends:

* request: 8 bytes, the length (little-endian), then as many bytes of parquet;
* answer: 8 bytes, the length of the header, then the header (JSON), then the
  buffers that the header lists, one after the other.

Numbers are written as plain arrays and text as JSON, so that a decoder that a damaged
file corrupted cannot affect the parent process. After a panic of the decoder the script
answers and ends, since its threads may be in any state.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any

__all__ = ["MAX_ANSWER_BYTES", "MAX_CELLS", "MEMORY_BYTES", "main"]

#: address space of the process, of which it needs 0.8 GB without a file
MEMORY_BYTES = 4 * 1024**3
#: rows times columns: 400,000 profiles of 160 operations
MAX_CELLS = 64_000_000
#: numbers and text of one file
MAX_ANSWER_BYTES = 1024**3


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # no such limits on this system
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    # a crash that is expected leaves no core file
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _column(series: Any) -> tuple[dict[str, Any], list[bytes]]:
    """The entry of a column in the header, and its buffers."""
    import polars as pl

    kind = series.dtype
    entry: dict[str, Any] = {"name": series.name, "dtype": str(kind)}
    buffers: list[bytes] = []
    if kind == pl.Null:
        entry["form"] = "null"
    elif kind.is_numeric() or kind == pl.Boolean:
        wanted: type[pl.DataType] = pl.Float64
        entry["form"] = "<f8"
        # larger integers become floating-point numbers
        if kind.is_integer() and kind not in (pl.UInt64, pl.Int128):
            wanted, entry["form"] = pl.Int64, "<i8"
        if kind == pl.Boolean:
            wanted, entry["form"] = pl.UInt8, "|b1"
        values = series.cast(wanted)
        buffers.append(values.fill_null(0).to_numpy().tobytes())
        entry["nulls"] = series.null_count() > 0
        if entry["nulls"]:
            buffers.append(series.is_null().cast(pl.UInt8).to_numpy().tobytes())
    elif kind in (pl.String, pl.Categorical, pl.Enum) or kind.is_temporal():
        entry["form"] = "text"
        buffers.append(json.dumps(series.cast(pl.String).to_list()).encode())
    else:
        entry["form"] = "none"
    entry["sizes"] = [len(b) for b in buffers]
    return entry, buffers


def _decode(raw: bytes) -> tuple[dict[str, Any], list[bytes]]:
    import polars as pl

    rows, columns = (
        pl.scan_parquet(io.BytesIO(raw)).select(pl.len()).collect().item(),
        len(pl.read_parquet_schema(io.BytesIO(raw))),
    )
    if rows * columns > MAX_CELLS:
        problem = (
            f"{rows:,} rows of {columns:,} columns, more than {MAX_CELLS:,} values"
        )
        return {"error": problem, "large": True}, []
    frame = pl.read_parquet(io.BytesIO(raw))
    entries, buffers = [], []
    for series in frame.get_columns():
        entry, column_buffers = _column(series)
        entries.append(entry)
        buffers += column_buffers
        if sum(map(len, buffers)) > MAX_ANSWER_BYTES:
            problem = f"over {MAX_ANSWER_BYTES / 1e9:.1f} GB of numbers and text"
            return {"error": problem, "large": True}, []
    return {"rows": frame.height, "columns": entries}, buffers


def main() -> None:
    """Answer requests until stdin ends or the decoder panics."""
    _limit_memory()
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    import polars  # noqa: F401 - before the first answer, which says that it runs

    stdout.write(b"ready\n")
    stdout.flush()
    while len(head := stdin.read(8)) == 8:
        raw = stdin.read(int.from_bytes(head, "little"))
        last = False
        try:
            header, buffers = _decode(raw)
        except Exception as e:  # noqa: BLE001 - any error of a damaged file
            header, buffers = {"error": f"{type(e).__name__}: {e}"}, []
            last = isinstance(e, MemoryError)
        except BaseException as e:  # noqa: BLE001 - a panic is not an Exception
            header, buffers = {"error": f"the decoder gave up: {e}"}, []
            last = True
        text = json.dumps({**header, "last": last}).encode()
        stdout.write(len(text).to_bytes(8, "little") + text)
        for buffer in buffers:
            stdout.write(buffer)
        stdout.flush()
        if last:
            return


if __name__ == "__main__":
    main()
