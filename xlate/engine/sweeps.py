"""Clock sweeps at hand: of corpora on this machine, or of files the user names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from xlate.data import corpus as corpora
from xlate.data.card import Card
from xlate.data.corpus import Corpus
from xlate.data.schema import TABLES, sweeps_frame
from xlate.engine.session import Session
from xlate.errors import CorpusError, ProfileError
from xlate.hardware.catalogue import Catalogue
from xlate.readers.tables.table import read_table
from xlate.sweeps.curve import curves_of
from xlate.sweeps.gpu_sweeps import Sweeps

__all__ = ["default_view", "matching_gpus", "sweeps_of"]


def sweeps_of(
    session: Session, names: Sequence[str] | None = None, gpu: str | None = None
) -> list[Sweeps]:
    """Clock sweeps at hand, by corpus and GPU.

    Parameters
    ----------
    session : Session
    names : sequence of str, optional
        Corpora, or csv or parquet files of sweeps; by default the measured ones on this machine whose licence lets
        something fitted from them be kept, else the simulated one.
    gpu : str, optional
        Only those of this GPU, by name, alias, or the beginning of a name that
        only one swept GPU has.

    Raises
    ------
    UnknownNameError, CorpusError
        If a corpus is unknown, not here, or holds no clock sweep (of the GPU).
    """
    catalogue = session.catalogue
    asked = _corpora(session, names)
    sweeps: list[Sweeps] = []
    for corpus in asked:
        if corpus.sweeps is None:
            raise CorpusError(
                f"corpus {corpus.name} holds no sweep", "see: xlate datasets list"
            )
        swept = corpus.sweeps.drop_nulls("sm_mhz")["gpu"].unique().sort().to_list()
        if not swept:
            raise CorpusError(
                f"corpus {corpus.name} sweeps power limits, not clocks",
                "name one with clocks: ttu-dvfs",
            )
        wanted = swept if gpu is None else matching_gpus(gpu, swept, catalogue)
        sweeps += [
            Sweeps(corpus.label, catalogue.gpu(g), tuple(curves_of(corpus.sweeps, g)))
            for g in wanted
        ]
    if not sweeps:
        looked = ", ".join(c.name for c in asked)
        raise CorpusError(f"no sweep of {gpu} in {looked}", "xlate datasets show NAME")
    return sweeps


def _corpora(session: Session, names: Sequence[str] | None) -> list[Corpus]:
    if names is not None:
        return [_named(session, n) for n in names]
    swept = [c for c in session.corpora() if c.sweeps is not None and _kept(c)]
    measured = [c for c in swept if not c.card.simulated]
    return measured or swept


def _named(session: Session, name: str) -> Corpus:
    """A corpus by name, or a user's own sweeps from a csv or parquet file."""
    path = Path(name)
    if not corpora.is_table(name):
        return session.corpus(name)
    try:
        frame = sweeps_frame(read_table(path))
    except ProfileError as e:
        raise CorpusError(
            f"{e.what}: not a table of sweeps", "xlate sweep read DIR --csv FILE"
        ) from e
    card = Card(
        path.name,
        "sweeps given by the user",
        False,
        "the user's own",
        origin="",
        commit="",
        url="",
    )
    empty = {t: pl.DataFrame(schema=TABLES[t]) for t in ("runs", "ops")}
    return Corpus(card, **empty, sweeps=frame, sha256=corpora.sha256_of(path))


def _kept(corpus: Corpus) -> bool:
    """Whether it sweeps clocks and its licence lets a fit be kept."""
    assert corpus.sweeps is not None
    clocks = corpus.sweeps["sm_mhz"].is_not_null().any()
    return clocks and not corpus.card.licence.startswith("none")


def matching_gpus(name: str, swept: Sequence[str], catalogue: Catalogue) -> list[str]:
    """Swept GPUs that a name means; "A100-SXM" is the one A100-SXM4 swept."""
    starting = [g for g in swept if g.lower().startswith(name.lower())]
    if len(starting) == 1:
        return starting
    wanted = catalogue.gpu(name).name
    return [g for g in swept if g == wanted]


def default_view(sweeps: Sequence[Sweeps]) -> str:
    """``dcgm`` where every sweep has DRAM activity, else ``smi``."""
    rich = all(
        np.isfinite(c.metrics["dram_active"]).any() for s in sweeps for c in s.curves
    )
    return "dcgm" if rich else "smi"
