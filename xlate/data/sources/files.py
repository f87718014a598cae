"""Files of a corpus's origin, found in a folder and read as csv."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from xlate.data.card import Card
from xlate.errors import CorpusError
from xlate.files import check_regular

__all__ = ["located", "read_csv"]


def located(card: Card, folder: Path, path: str) -> Path:
    """A file of the origin: at its path there, or by its name anywhere in the folder.

    Raises
    ------
    CorpusError
        If it is in neither place.
    """
    if (folder / path).is_file():
        return folder / path
    same_name = sorted(folder.rglob(Path(path).name))
    if same_name:
        return same_name[0]
    raise CorpusError(
        f"{folder} has no {path}",
        f"name the folder that holds a copy of {card.origin}",
        code="corpus.missing-part",
    )


def read_csv(path: Path, columns: Sequence[str]) -> pl.DataFrame:
    """A csv that must have some columns.

    Raises
    ------
    CorpusError
        If it cannot be read or lacks one.
    """
    try:
        check_regular(path)
        frame = pl.read_csv(path, glob=False, infer_schema_length=None)
    except (OSError, pl.exceptions.PolarsError) as e:
        raise CorpusError(
            f"{path} cannot be read: {e}", "copy it again", code="corpus.damaged"
        ) from e
    missing = [c for c in columns if c not in frame.columns]
    if missing:
        raise CorpusError(
            f"{path} lacks {', '.join(missing)}",
            "it is not the table expected",
            code="corpus.missing-part",
        )
    return frame
