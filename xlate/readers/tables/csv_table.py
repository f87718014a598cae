"""Profiles as a csv table: a row for each profile, a column for each operation.

The columns are those of :mod:`xlate.readers.tables.frames`, the form of the csv is that of
:mod:`xlate.readers.tables.table`.
"""

from __future__ import annotations

import re

from xlate.readers.tables import parquet

__all__ = ["read", "sniff"]

_OP = re.compile(rb'(?:^|[,;\t])\s*"?(?:Device|Host)_')

read = parquet.read


def sniff(raw: bytes) -> bool:
    """Whether the first line names an operation's column."""
    first = raw.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0]
    return first[:1] not in (b"{", b"[") and _OP.search(first) is not None
