"""xlate's own parquet: a row for each profile, a column for each operation.

The columns are those of :mod:`xlate.readers.tables.frames`. This is the form for many
profiles. The file is decoded in a separate process (:mod:`xlate.readers.tables.decoding`).
"""

from __future__ import annotations

from xlate.readers.source import Source
from xlate.readers.tables.frames import check_frame, check_repeated, profiles_of
from xlate.readers.tables.table import MAGIC, frame_of
from xlate.values.profile import Profile

__all__ = ["FILE_KEY", "check_frame", "profiles_of", "read", "sniff"]

#: column that names the file a row came from
FILE_KEY = "file"


def sniff(raw: bytes) -> bool:
    """Whether the bytes begin as parquet does."""
    return raw[:4] == MAGIC


def read(source: Source) -> list[Profile]:
    """Read every row of a parquet file as a profile.

    Raises
    ------
    ProfileError
        If the file is truncated or damaged, a column or value is not as described
        there, or two rows are equal.
    """
    where = str(source.path)
    frame = check_frame(frame_of(source), where)
    check_repeated(frame, where)
    return profiles_of(frame, where)
