"""Public corpora: one module for each, which turns its files into tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from xlate.data import corpus
from xlate.data.card import Card
from xlate.data.sources import cloud_hw, hkbu_dvfs, neusight, profet, ttu_dvfs, zeus
from xlate.data.sources.pull import fetch
from xlate.data.sources.scratch import leftovers, remove, scratch_folder
from xlate.errors import CorpusError, UnknownNameError
from xlate.settings import paths

__all__ = ["IMPORTERS", "import_corpus", "pull_corpus"]

#: corpus name -> function that makes canonical tables of its files
IMPORTERS: dict[str, Callable[[Card, Path], dict[str, pl.DataFrame]]] = {
    "cloud-hw-trainpred": cloud_hw.read,
    "hkbu-dvfs": hkbu_dvfs.read,
    "neusight": neusight.read,
    "profet": profet.read,
    "ttu-dvfs": ttu_dvfs.read,
    "zeus": zeus.read,
}


def _importer(
    name: str,
) -> tuple[Card, Callable[[Card, Path], dict[str, pl.DataFrame]]]:
    all_cards = corpus.cards()
    if name not in all_cards:
        raise UnknownNameError("corpus", name, all_cards, "see: xlate datasets list")
    if name not in IMPORTERS:
        raise CorpusError(
            f"corpus {name} is not imported from files",
            f"xlate datasets build {name}"
            if all_cards[name].simulated
            else "see: xlate datasets list",
            code="corpus.not-here",
        )
    return all_cards[name], IMPORTERS[name]


def import_corpus(name: str, folder: Path | None = None) -> Path:
    """Import a corpus from a folder that holds a copy of its origin.

    Parameters
    ----------
    name : str
        Corpus.
    folder : Path, optional
        Default: ``$XLATE_DATA_HOME/<name>``. No checksum is demanded.

    Returns
    -------
    Path
        Folder of the canonical tables.

    Raises
    ------
    CorpusError, StorageError
        If the files are not there, not what they should be, or the data home
        cannot be written; nothing is left half-written.
    """
    card, read = _importer(name)
    if folder is None:
        raw = paths.raw_home()
        if raw is None:
            raise CorpusError(
                f"no folder to import {name} from",
                "give --from DIR, or set XLATE_DATA_HOME to a folder of corpora",
                code="corpus.not-here",
            )
        folder = raw / name
    if not folder.is_dir():
        raise CorpusError(
            f"{folder} is not a folder", "give --from DIR", code="corpus.damaged"
        )
    return corpus.save(card, read(card, folder))


def pull_corpus(
    name: str,
    base_url: str | None = None,
    say: Callable[[str], None] | None = None,
    unverified: bool = False,
    progress: Callable[[int, int, str], None] | None = None,
) -> Path:
    """Fetch a corpus from its origin, check every sha256, import it.

    With ``unverified``, files without a sha256 in the card are accepted unchecked. Files
    that an interrupted pull had fetched are not fetched again. ``progress`` is called with
    bytes fetched, all bytes, and the file.

    Raises
    ------
    DownloadError, CorpusError, StorageError
        See :func:`xlate.data.sources.pull.fetch`; nothing is left half-written.
    """
    card, read = _importer(name)
    left = leftovers(name)
    with scratch_folder(name) as scratch:
        fetch(card, scratch, base_url, say, unverified, kept=left, progress=progress)
        remove(left)
        return corpus.save(card, read(card, scratch))
