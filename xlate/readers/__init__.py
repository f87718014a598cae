"""Readers: one module a file format, each with ``sniff`` and ``read``.

A format is recognised by its content, never by its ending. A new one is a new
module here, a line in :data:`READERS`, and a test file.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from xlate.errors import ProfileError, UnknownNameError
from xlate.profile import Profile
from xlate.readers import (
    json_profile,
    key_averages,
    kineto,
    nsys_csv,
    nsys_sqlite,
    parquet,
    tensorflow_stats,
    tensorflow_trace,
)
from xlate.readers.source import Source

__all__ = ["READERS", "expand", "read"]

READERS: dict[str, ModuleType] = {
    "parquet": parquet,
    "tensorflow_stats": tensorflow_stats,
    "tensorflow_trace": tensorflow_trace,
    "kineto": kineto,
    "key_averages": key_averages,
    "nsys_sqlite": nsys_sqlite,
    "nsys_csv": nsys_csv,
    "json": json_profile,
}

#: endings looked for when a folder is given
_ENDINGS = (".csv", ".csv.gz", ".json", ".json.gz", ".parquet", ".sqlite", ".txt")


def read(path: str | Path, format: str | None = None) -> list[Profile]:
    """Read the profiles in one file.

    Parameters
    ----------
    path : str or Path
        File; gzip is unpacked.
    format : str, optional
        Key of :data:`READERS`; recognised by content when not given.

    Returns
    -------
    list of Profile
        At least one.

    Raises
    ------
    ProfileError
        If the file cannot be read as a profile; the message names file, line
        and column or key.
    UnknownNameError
        If ``format`` is none of the readers.
    """
    source = Source(Path(path))
    path, head = source.path, source.head
    if format is not None:
        if format not in READERS:
            raise UnknownNameError("profile format", format, READERS)
        profiles: list[Profile] = READERS[format].read(source)
        return profiles
    for reader in READERS.values():
        if reader.sniff(head):
            profiles = reader.read(source)
            return profiles
    if b"\x00" in head:
        raise ProfileError(
            f"{path} is binary, and no profile format that xlate reads",
            "xlate profile record says how to record one that it reads",
        )
    first = head[:80].split(b"\n")[0].decode("utf-8", "replace")
    raise ProfileError(
        f"{path} is in no format that xlate reads; its first line is {first!r}",
        f"known: {', '.join(READERS)}; xlate profile record says how to record one",
    )


def expand(paths: list[Path]) -> list[Path]:
    """Files named, and the profile files in folders named, sorted within a folder.

    Raises
    ------
    ProfileError
        If a folder holds no file with a profile's ending.
    """
    files: list[Path] = []
    for path in paths:
        try:
            folder = path.is_dir()
        except OSError:
            # a name too long, say: whoever opens it tells why, for this file alone
            folder = False
        if folder:
            inside = sorted(
                p
                for p in path.iterdir()
                if not p.is_dir() and p.name.endswith(_ENDINGS)
            )
            if not inside:
                raise ProfileError(
                    f"{path} holds no profile",
                    f"files there should end in {', '.join(_ENDINGS)}",
                )
            files += inside
        else:
            files.append(path)
    return files
