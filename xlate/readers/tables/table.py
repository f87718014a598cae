"""A table of the user, as parquet or csv, recognised by its content.

csv: the first line names the columns. Fields are separated by commas, semicolons or
tabs: the most frequent of them in the first line. The text is UTF-8, with or without a
byte order mark; fields may be quoted. Numbers have a decimal point: ``12,5`` is an error,
since it may mean 12.5 or 125. An empty field means that there is no value. A first column
without a name (as pandas writes an index) is left out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from xlate import op_names
from xlate.errors import ProfileError
from xlate.files.cells import unquoted
from xlate.files.limits import read_text
from xlate.readers.source import Source
from xlate.readers.tables.decoder import MAX_CELLS
from xlate.readers.tables.decoding import decode
from xlate.readers.tables.frames import RUN_COLUMNS

__all__ = ["MAGIC", "frame_of", "read_table"]

#: first and last four bytes of every parquet file
MAGIC = b"PAR1"
#: columns that hold text even where every value looks like a number
_TEXT = {"model", "dataset", "optimizer", "mode", "precision", "framework", "instance",
         "device", "gpu", "workload", "application", "op", "file"}  # fmt: skip
#: characters of one field at most
_LONGEST_FIELD = 1 << 16
#: values of a csv at most; as text each takes about a hundred bytes
_MAX_CSV_CELLS = MAX_CELLS // 4


def read_table(path: Path) -> pl.DataFrame:
    r"""Read a parquet or csv file into a frame of numbers and text.

    Parameters
    ----------
    path : Path
        File; gzip is unpacked.

    Raises
    ------
    ProfileError
        If it cannot be read, has another form, is damaged, or is too large; for a csv
        naming the line.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from xlate.readers.tables.table import read_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "runs.csv")
    ...     _ = path.write_text("model;Device_Relu\nResNet50;12.5\n")
    ...     read_table(path).row(0)
    ('ResNet50', 12.5)
    """
    return frame_of(Source(path))


def frame_of(source: Source) -> pl.DataFrame:
    """The table in a file that was opened already; as :func:`read_table`."""
    path, raw = source.path, source.content()
    if raw[:4] != MAGIC:
        return _csv(path, read_text(path, raw, as_table=True))
    if raw[-4:] != MAGIC:
        raise ProfileError(
            f"{path} is a truncated parquet file",
            "copy it again",
            code="profile.damaged",
        )
    frame = decode(str(path), raw)
    lists = [c for c, kind in frame.schema.items() if kind == pl.Object]
    for name in lists:
        if name in RUN_COLUMNS or op_names.is_op_column(name):
            raise ProfileError(
                f"{path}: column {name} holds lists or the like, not numbers or text",
                "one value a row",
                code="profile.bad-value",
            )
    return frame.drop(lists)


def _csv(path: Path, text: str) -> pl.DataFrame:
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        head = [h.strip() for h in next(reader, [])]
        _check_head(path, head)
        lines: list[int] = []
        columns: list[list[str]] = [[] for _ in head]
        for line, row in _rows(path, reader, len(head)):
            lines.append(line)
            for column, cell in zip(columns, row, strict=True):
                column.append(cell)
    except csv.Error as e:
        raise ProfileError(
            f"{path}, line {reader.line_num}: not a csv table: {e}",
            "the first line names the columns; quotes are closed",
            code="profile.damaged",
        ) from e
    frame = [
        _column(path, name, values, lines)
        for name, values in zip(head, columns, strict=True)
        if name
    ]
    return pl.DataFrame(frame)


def _check_head(path: Path, head: list[str]) -> None:
    names: set[str] = set()
    for name in head:
        if name in names:
            raise ProfileError(
                f"{path}: column {name!r} stands twice",
                "every column has its own name",
                code="profile.repeated",
            )
        names.add(name)
    if not any(head):
        raise ProfileError(
            f"{path} has no heading",
            "the first line names the columns",
            code="profile.missing-column",
        )
    if "" in head[1:]:
        raise ProfileError(
            f"{path}: column {head.index('', 1) + 1} has no name",
            "the first line names the columns",
            code="profile.missing-column",
        )


def _rows(
    path: Path, reader: Iterator[list[str]], width: int
) -> Iterator[tuple[int, list[str]]]:
    cells = 0
    for row in reader:
        if not any(c.strip() for c in row):
            continue
        line = reader.line_num  # type: ignore[attr-defined]
        if len(row) != width:
            raise ProfileError(
                f"{path}, line {line}: {len(row)} fields where the header has {width}",
                "the file breaks off, or numbers are written with commas; write it "
                "again with decimal points",
                code="profile.damaged",
            )
        cells += width
        if cells > _MAX_CSV_CELLS:
            raise ProfileError(
                f"{path} holds over {_MAX_CSV_CELLS:,} values",
                "split it, or write it as parquet",
                code="profile.too-large",
            )
        yield line, row


def _column(path: Path, name: str, values: list[str], lines: list[int]) -> pl.Series:
    """A column of numbers where every field is a number, else of text."""
    text = pl.Series(name, values, dtype=pl.String).str.strip_chars()
    empty = text == ""
    text = text.set(empty, None)
    if name in _TEXT:
        return _unquoted(text)
    numbers = text.cast(pl.Float64, strict=False)
    wrong = (numbers.is_null() & ~empty).arg_true()
    if not len(wrong):
        integers = text.cast(pl.Int64, strict=False)
        return integers if integers.null_count() == text.null_count() else numbers
    if op_names.is_op_column(name) or name in RUN_COLUMNS:
        at = int(wrong[0])
        raise ProfileError(
            f"{path}, line {lines[at]}: column {name} is {values[at]!r}, not a number",
            "numbers are written with a decimal point and no separators",
            code="profile.bad-value",
        )
    return _unquoted(text)


def _unquoted(text: pl.Series) -> pl.Series:
    """Text without the quote that xlate writes before text that looks like a formula."""
    if not text.str.starts_with("'").any():
        return text
    cells = [None if c is None else unquoted(c) for c in text]
    return pl.Series(text.name, cells, dtype=pl.String)
