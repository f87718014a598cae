"""Nsight Systems' sqlite export as a database with limits on time and size.

nsys writes only tables that have rows, and their columns differ from version to version,
so a query first checks which tables and columns exist.
"""

from __future__ import annotations

import math
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from xlate.errors import ProfileError
from xlate.readers.source import Source

__all__ = ["HINT", "NsysDatabase", "opened"]

#: seconds until queries are stopped, and bytes of the file for each further second; a
#: gigabyte of kernels takes seconds
_LONGEST_S, _BYTES_A_S = 8.0, 4_000_000
#: bytes of one value at most; a computed column could have a gigabyte
_LONGEST_VALUE = 1 << 24
#: bytes unpacked at once
_PIECE = 1 << 20
HINT = "nsys profile -t cuda,nvtx … then: nsys export --type sqlite REPORT.nsys-rep"


class NsysDatabase:
    """The tables and columns of an export.

    Parameters
    ----------
    path : Path
        Named in errors.
    database : sqlite3.Connection

    Attributes
    ----------
    names : set of str
        Tables.
    """

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self.path, self.database = path, database
        listed = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        self.names = {str(n) for (n,) in listed}

    def columns(self, table: str) -> set[str]:
        """Columns of a table; empty where it is missing."""
        if table not in self.names:
            return set()
        return {
            str(r[1]) for r in self.database.execute(f'PRAGMA table_info("{table}")')
        }

    def rows(self, table: str, *wanted: str) -> Iterator[tuple[Any, ...]]:
        """Rows of a table; None for a column it does not have."""
        have = self.columns(table)
        if not have:
            return
        chosen = ", ".join(f'"{c}"' if c in have else "NULL" for c in wanted)
        # names of columns and tables are constants of this package, never from the file
        query = f'SELECT {chosen} FROM "{table}"'  # noqa: S608
        yield from self.database.execute(query)

    def time(self, table: str, value: Any) -> float:
        """A time that must be a finite number.

        Raises
        ------
        ProfileError
            Where it is not.
        """
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise ProfileError(
                f"{self.path}: {table} holds {value!r} for a number",
                HINT,
                code="profile.bad-value",
            )
        return value


@contextmanager
def opened(source: Source) -> Iterator[NsysDatabase]:
    """A database opened read-only; a packed one is unpacked into a temporary folder.

    Raises
    ------
    ProfileError
        If it is damaged, not a database, or its last changes are in another file.
    """
    path = source.path
    with _unpacked(source) as file:
        _check_log(path)
        # as a URI, since a question mark or a hash would end the path
        name = f"{file.resolve().as_uri()}?mode=ro&immutable=1"
        try:
            with closing(sqlite3.connect(name, uri=True)) as database:
                size = file.stat().st_size
                end = time.monotonic() + _LONGEST_S + size / _BYTES_A_S
                database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
                database.execute("PRAGMA trusted_schema = OFF")
                database.set_progress_handler(lambda: time.monotonic() > end, 100_000)
                database.text_factory = lambda b: b.decode("utf-8", "replace")
                yield NsysDatabase(path, database)
        except UnicodeDecodeError as e:
            # sqlite's message quotes the schema, which may not be text
            raise ProfileError(
                f"{path} is a damaged database: its schema holds bytes that are not UTF-8",
                "export it again",
                code="profile.damaged",
            ) from e
        except (sqlite3.Error, OverflowError, MemoryError) as e:
            raise ProfileError(
                f"{path} is not a database that can be read: {e}",
                HINT,
                code="profile.damaged",
            ) from e


def _check_log(path: Path) -> None:
    """Raise an error if the last changes of a database are in a log beside it."""
    log = path.with_name(path.name + "-wal")
    try:
        size = log.stat().st_size
    except OSError:
        return
    if size:
        raise ProfileError(
            f"{path} is not complete: its last changes are in {log.name}",
            "let nsys finish, or write them in: sqlite3 FILE 'PRAGMA wal_checkpoint'",
            code="profile.damaged",
        )


@contextmanager
def _unpacked(source: Source) -> Iterator[Path]:
    """The file itself, or an unpacked copy that is removed afterwards."""
    if not source.packed:
        yield source.path
        return
    with tempfile.TemporaryDirectory(prefix="xlate-") as folder:
        file = Path(folder, "unpacked.sqlite")
        try:
            with source.open() as packed, file.open("wb") as out:
                while piece := packed.read(_PIECE):
                    out.write(piece)
        except OSError as e:
            raise ProfileError(
                f"{source.path} cannot be unpacked: {e.strerror or e}",
                "unpack it where there is room: gunzip FILE",
                code="profile.damaged",
            ) from e
        yield file
