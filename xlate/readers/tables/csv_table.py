"""Profiles as a csv table: one row a profile, one column an operation.

The columns are those of :mod:`xlate.readers.tables.frames`, the csv is as
:mod:`xlate.readers.tables.table` has it.
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
