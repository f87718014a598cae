"""Cards: facts about a corpus that are available before it is on this machine."""

from __future__ import annotations

import csv
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xlate.errors import CorpusError
from xlate.files import read_bytes

__all__ = ["CARD", "Card", "SourceFile", "card_toml", "load_toml", "read_card"]

CARD = "dataset.toml"
#: table beside a card: one line for each file at the origin, with checksum and size
UPSTREAM = "upstream.csv"
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class SourceFile:
    """A file of a corpus at its origin."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Card:
    """Facts about a corpus that are available before it is on this machine."""

    name: str
    title: str
    simulated: bool
    licence: str
    origin: str
    commit: str
    url: str
    files: tuple[SourceFile, ...] = ()
    defects: tuple[str, ...] = ()
    families: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def load_toml(path: Path) -> dict[str, Any]:
    """The complete document of a card.

    Raises
    ------
    CorpusError
        If it is not TOML.
    """
    try:
        return tomllib.loads(read_bytes(path).decode())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise CorpusError(
            f"{path} cannot be read: {e}",
            "import the corpus again",
            code="corpus.damaged",
        ) from e


def read_card(path: Path) -> Card:
    """Read a card.

    Raises
    ------
    CorpusError
        If it is not TOML or lacks a field.
    """
    raw = load_toml(path)
    try:
        return Card(
            name=raw["name"],
            title=raw["title"],
            simulated=raw["simulated"],
            licence=raw["licence"],
            origin=raw["origin"],
            commit=raw["commit"],
            url=raw["url"],
            files=_upstream(path.with_name(UPSTREAM))
            or tuple(
                SourceFile(f["path"], f["sha256"], f["bytes"])
                for f in raw.get("files", ())
            ),
            defects=tuple(raw.get("defects", ())),
            families={k: tuple(v) for k, v in raw.get("families", {}).items()},
        )
    except KeyError as e:
        raise CorpusError(
            f"{path} lacks {e.args[0]}",
            "import the corpus again",
            code="corpus.missing-part",
        ) from e


def _upstream(path: Path) -> tuple[SourceFile, ...]:
    """Files at the origin from a table ``path,sha256,bytes``; () where there is no table.

    Raises
    ------
    CorpusError
        If a line is not a path, a checksum and a size.
    """
    if not path.is_file():
        return ()
    with path.open(newline="", encoding="utf-8") as f:
        rows = list(csv.reader(f))
    for number, row in enumerate(rows[1:], 2):
        if len(row) != 3 or not _SHA256.fullmatch(row[1]) or not row[2].isdecimal():
            raise CorpusError(
                f"{path} line {number} is not path, sha256 and bytes",
                "copy it again",
                code="corpus.bad-value",
            )
    return tuple(SourceFile(p, sha256, int(size)) for p, sha256, size in rows[1:])


def card_toml(card: Card, tables: Mapping[str, Mapping[str, Any]]) -> str:
    """A card as TOML, with rows and sha256 of the tables beside it."""
    # string and list literals of JSON are valid TOML
    lines = [
        f"{k} = {json.dumps(getattr(card, k), ensure_ascii=False)}"
        for k in (
            "name",
            "title",
            "simulated",
            "licence",
            "origin",
            "commit",
            "url",
            "defects",
        )
    ]
    for file in card.files:
        lines += ["", "[[files]]"]
        lines += [f"path = {json.dumps(file.path)}"]
        lines += [f'sha256 = "{file.sha256}"', f"bytes = {file.bytes}"]
    if card.families:
        lines += ["", "[families]"]
        lines += [
            f"{json.dumps(k)} = {json.dumps(list(v))}" for k, v in card.families.items()
        ]
    for name, entry in tables.items():
        lines += ["", f"[tables.{name}]"]
        lines += [f"{k} = {json.dumps(v)}" for k, v in entry.items()]
    return "\n".join(lines) + "\n"
