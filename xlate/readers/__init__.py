"""Readers: one module a file format, each with ``sniff`` and ``read``.

A format is recognised by its content, never by its ending. A new one is a new
module here, a line in :data:`READERS`, and a test file.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from xlate.errors import ProfileError, UnknownNameError
from xlate.profile import Profile
from xlate.readers import json_profile, parquet, tensorflow_stats
from xlate.readers.limits import read_bytes

__all__ = ["READERS", "expand", "read"]

READERS: dict[str, ModuleType] = {
    "parquet": parquet,
    "tensorflow_stats": tensorflow_stats,
    "json": json_profile,
}

#: endings looked for when a folder is given
_ENDINGS = (".csv", ".csv.gz", ".json", ".json.gz", ".parquet")


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
    path = Path(path)
    raw = read_bytes(path)
    if format is not None:
        if format not in READERS:
            raise UnknownNameError("profile format", format, READERS)
        profiles: list[Profile] = READERS[format].read(path, raw)
        return profiles
    for reader in READERS.values():
        if reader.sniff(raw):
            profiles = reader.read(path, raw)
            return profiles
    if b"\x00" in raw[:65536]:
        raise ProfileError(
            f"{path} is binary, and no profile format that xlate reads",
            "export the tensorflow_stats table from TensorBoard's profile page as csv",
        )
    first = raw[:80].split(b"\n")[0].decode("utf-8", "replace")
    raise ProfileError(
        f"{path} is in no format that xlate reads; its first line is {first!r}",
        "known: tensorflow_stats csv (its header names Host/device, Type and "
        "Total time (us)), JSON {op: µs}, xlate parquet",
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
        if path.is_dir():
            inside = sorted(
                p for p in path.iterdir() if p.is_file() and p.name.endswith(_ENDINGS)
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
