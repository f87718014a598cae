"""The corpora that xlate knows by their cards, and those on this machine."""

from __future__ import annotations

from pathlib import Path

from xlate.data import schema
from xlate.data.card import CARD, Card, read_card
from xlate.settings import paths

__all__ = ["cards", "home", "installed", "preferred"]


def home() -> Path:
    """Folder of imported corpora."""
    return paths.data_home() / "corpora"


def cards() -> dict[str, Card]:
    """Cards of all corpora that xlate knows, which ship with the code."""
    folder = paths.shipped("datasets")
    return {p.parent.name: read_card(p) for p in sorted(folder.glob(f"*/{CARD}"))}


def installed(name: str) -> Path | None:
    """Folder with the tables of a corpus; None where it is not on this machine."""
    if name in ("", ".", "..") or Path(name).name != name:
        # a name is not a path: corpora are imported into one folder
        return None
    for folder in (home() / name, paths.shipped("datasets") / name):
        if any((folder / f"{t}.parquet").is_file() for t in schema.TABLES):
            return folder
    return None


def preferred() -> list[Card]:
    """Cards of the corpora on this machine, measured ones before simulated."""
    local = [c for c in cards().values() if installed(c.name) is not None]
    return sorted(local, key=lambda c: (c.simulated, c.name))
