"""Catalogue files as tables: their places, their largest size, their parsed content.

Three layouts are read:

* ``FOLDER/gpus/NAME.toml``: one GPU,
* ``FOLDER/NAME/instance.toml``: one instance,
* ``FOLDER/NAME.toml``: a table ``[gpu]``, a table ``[instance]``, or both.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlate.errors import CatalogError
from xlate.files import read_bytes
from xlate.hardware.faults import Fault

__all__ = ["Section", "files_of", "sections", "stat_of"]

#: largest file; the largest shipped one has 2.3 kB, the longest list of clocks 20 kB
MOST_BYTES = 64 * 1024
#: parts of a dotted key: "instance.facts.vcpus.value" has 4. The parser's time grows
#: with the square of them: one key of 64 kB took 26 s
_MOST_PARTS = 8
#: strings and comments, whose dots are not those of keys; a string that is not closed
#: matches up to the end of the text, so that the search stays linear
_TEXTS = re.compile(
    r"\"\"\"(?:\\.|[^\\])*?(?:\"{3,5}|\\?\Z)|'''.*?(?:'{3,5}|\Z)"
    r"|\"(?:\\[^\n]|[^\"\\\n])*\"?|'[^'\n]*'?|\#[^\n]*",
    re.DOTALL,
)
#: characters between a dotted key and other text
_BETWEEN = re.compile(r"[=,\[\]{}\n]")
#: top-level tables of a file with a GPU and an instance
_PARTS = ("gpu", "instance")
#: top-level keys of a file for the catalogue that is in the wrong folder
_OF_A_SECTION = ("name", "architecture", "aliases", "facts", "clocks", "prices", "gpu_count")  # fmt: skip


@dataclass(frozen=True)
class Section:
    """The table of one GPU or instance in a file.

    Attributes
    ----------
    kind : {"gpu", "instance"}
    file : Path
    prefix : str
        Prefix of field names in messages: ``"gpu."`` in a file with both.
    table : mapping
        The parsed table.
    rank : int
        Index of the folder; a later folder may replace entries of an earlier one.
    """

    kind: str
    file: Path
    prefix: str
    table: Mapping[str, Any]
    rank: int


def sections(folder: Path, rank: int, faults: list[Fault]) -> list[Section]:
    """All sections of a folder, or of one file; faults are added to the list.

    Raises
    ------
    CatalogError
        If there is no such folder or file.
    """
    if not folder.exists():
        raise CatalogError(
            f"no catalogue folder {folder}",
            "check --anchors-dir and XLATE_ANCHORS",
            code="catalog.no-folder",
        )
    read: list[Section] = []
    any_file = False
    for layout, path in _files(folder):
        any_file = True
        table = _load(path, faults)
        if table is None:
            continue
        if layout == "both":
            read += _parts(path, table, rank, faults)
        else:
            read.append(Section(layout, path, "", table, rank))
    if not any_file:
        faults.append(
            Fault(
                str(folder),
                "",
                "holds no catalogue file",
                "xlate anchors new NAME --out FOLDER writes one",
            )
        )
    return read


def files_of(folder: Path) -> list[Path]:
    """Every file that :func:`sections` reads, in order; for a file, the file itself."""
    return [path for _, path in _files(folder)]


def stat_of(path: Path) -> os.stat_result | None:
    """Status of a file by the system; None where it does not exist."""
    try:
        return path.stat()
    except OSError:
        return None


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Layout and path of each file, in order."""
    if not folder.is_dir():
        yield "both", folder
        return
    for path in sorted(folder.glob("gpus/*.toml")):
        yield "gpu", path
    for path in sorted(folder.glob("*/instance.toml")):
        if path.parent.name != "gpus":
            yield "instance", path
    for path in sorted(folder.glob("*.toml")):
        yield "both", path


def _parts(
    path: Path, table: Mapping[str, Any], rank: int, faults: list[Fault]
) -> list[Section]:
    """Sections of a file that may hold a GPU and an instance."""
    parts = [k for k in _PARTS if isinstance(table.get(k), dict)]
    strange = [k for k in table if k not in parts]
    if not parts:
        meant = [k for k in table if _near(k, _PARTS) or k in _OF_A_SECTION]
        if meant:  # otherwise it is another file, such as a pyproject.toml
            faults.append(
                Fault(
                    str(path),
                    "",
                    f"has neither [gpu] nor [instance], but {meant[0]}",
                    "a file of a GPU alone lies in gpus/, of an instance alone in NAME/instance.toml",
                )
            )
        return []
    for key in strange:
        near = _near(key, _PARTS)
        hint = f"did you mean [{near}]?" if near else "move it into [gpu] or [instance]"
        faults.append(Fault(str(path), key, "is in neither [gpu] nor [instance]", hint))
    return [Section(k, path, f"{k}.", table[k], rank) for k in parts]


def _near(key: str, names: tuple[str, ...]) -> str | None:
    return next(iter(difflib.get_close_matches(key.lower(), names, 1, 0.7)), None)


def _load(path: Path, faults: list[Fault]) -> Mapping[str, Any] | None:
    try:
        text = _read(path)
        if _deepest_key(text) > _MOST_PARTS:
            faults.append(
                Fault(str(path), "", f"has a key of more than {_MOST_PARTS} parts")
            )
            return None
        return tomllib.loads(text)
    except RecursionError:
        faults.append(Fault(str(path), "", "is nested too deep"))
    # tomllib also raises plain ValueErrors, for instance for huge integers
    except (OSError, ValueError) as e:
        faults.append(Fault(str(path), "", f"cannot be read: {e}"))
    return None


def _deepest_key(text: str) -> int:
    """Upper bound of the parts of a dotted key, in time linear in the text."""
    bare = _TEXTS.sub('""', text)
    return 1 + max(part.count(".") for part in _BETWEEN.split(bare))


def _read(path: Path) -> str:
    """Text of a regular file, bounded.

    Raises
    ------
    OSError, ValueError
        If it is not a regular file, too large, or not UTF-8.
    """
    return read_bytes(path, MOST_BYTES).decode("utf-8").replace("\r\n", "\n")
