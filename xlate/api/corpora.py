"""Corpora in: by name, as a value, or as a frame of runs."""

from __future__ import annotations

from xlate.api.frames import as_polars
from xlate.data import corpus as corpora
from xlate.data.corpus import Corpus

__all__ = ["as_data"]


def as_data(data: object) -> Corpus | str | None:
    """A corpus, its name, or a corpus of a frame."""
    if data is None or isinstance(data, str | Corpus):
        return data
    return corpora.from_frame(as_polars(data))
