"""Few-shot: adapt what is known of all GPUs to one target by a few measured runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl

from xlate import corpus as corpora
from xlate.align import Aligned, align
from xlate.catalog import Instance
from xlate.corpus import Corpus
from xlate.engine.assembly import Assembly, assemble
from xlate.engine.fitting import FitResult, saved
from xlate.engine.incumbent import WHOLE_MODELS, succession
from xlate.engine.naming import taken_as
from xlate.engine.pair import pair_of, prior, runs_of
from xlate.engine.units import check_pairs
from xlate.engine.unseen import ENOUGH_MODELS, borrowed, shipped
from xlate.errors import CatalogError, CorpusError
from xlate.evaluate import rows_of
from xlate.heldout import HeldOut, held_out, with_step_times
from xlate.readers.runs import check_runs
from xlate.splits import split_label
from xlate.store.bundle import Bundle
from xlate.translators import BASELINE, FEW
from xlate.trust.calibration import Calibration

__all__ = ["FEW_SHOT", "fit_shots", "read_shots"]

#: split of a card without rows: too few models to leave one out
FEW_SHOT = "few-shot"


def read_shots(path: Path) -> Corpus:
    """Measured runs from a parquet or csv file (:func:`xlate.corpus.from_file`).

    Raises
    ------
    CorpusError, ProfileError
        As :func:`xlate.corpus.from_file`.
    """
    return corpora.from_file(path)


def fit_shots(
    anchor: str,
    target: str,
    shots: Corpus | Path,
    data: Corpus | str | None = None,
    *,
    split: str = "model",
    columns: str = "all",
    repeats: str = "median",
    seed: int = 0,
    n_jobs: int = 2,
    anchors_dirs: Iterable[Path] = (),
    save: bool = True,
    replace: bool = False,
) -> FitResult:
    """Fit a pair of which only a few runs were measured on the target.

    What data sheets and the other GPUs say (the zero-shot answer) is corrected by
    the runs, the more the more there are. It answers from then on where it is not
    worse than what answered before (:mod:`xlate.engine.incumbent`).

    Parameters
    ----------
    anchor, target : str
        Instances, by name or alias.
    shots : Corpus or Path
        Runs on the target, and their counterparts on the anchor unless a corpus
        holds these.
    data : Corpus or str, optional
        Corpus with the anchor's runs of the same work; by default the shots, then
        those on this machine.
    split, columns, repeats, seed, n_jobs
        As for :func:`~xlate.engine.fitting.fit`; ``split`` where enough models were
        measured.
    save : bool
        Whether to write the bundle to the data home.
    replace : bool
        Let it answer from now on even where it is not shown to be better.

    Raises
    ------
    CorpusError
        If there is no run on the target, or none of the same work on the anchor.
    ProfileError
        If times cannot be microseconds, or the two sides cannot be the same work.
    XlateError
        For unknown names, or a table that is not what it should be.
    """
    anchors_dirs = tuple(anchors_dirs)
    measured = shots if isinstance(shots, Corpus) else read_shots(shots)
    asked = corpora.load(data) if isinstance(data, str) else data
    among = {*measured.instances, *(asked.instances if asked else ())}
    a, t = pair_of(anchor, target, anchors_dirs, sorted(among))
    there = _on(measured, t)
    if there is None:
        raise CorpusError(
            f"{measured.name} has no run on {t.name}",
            f"it has {', '.join(measured.instances)}",
        )
    home, here = _anchors(measured, asked, a)
    check_runs(there, f"{measured.name}, target side", numbered=False)
    check_runs(here, f"{home.name}, anchor side", numbered=False)
    aligned = align(here, there, repeats, fewest_models=1)
    try:
        told = shipped().log_ratios(a.require_gpu(), t.require_gpu())
    except CatalogError:
        told = prior(a, t) or {}
    doubt = check_pairs(aligned, told, measured.name)
    models = len(np.unique(aligned.models[with_step_times(aligned)]))
    held = None
    if models > 1:
        held = _held(measured, aligned, told, split, columns, seed, n_jobs)
    rows = [] if held is None else rows_of(held)
    # of few models the errors say too little about the next one
    few = held is None or models < ENOUGH_MODELS
    manifest, fitted = assemble(
        Assembly(
            a, t, home, aligned, rows, translator=FEW, columns=columns, repeats=repeats,
            split=split_label(split) if rows else FEW_SHOT, seed=seed, told=told,
            known=here, label=f"{measured.name} and zero-shot",
            anchors_dirs=anchors_dirs,
        ),
        borrowed() if few or held is None else Calibration.of(held, FEW),
        borrowed() if few or held is None else Calibration.of(held, BASELINE),
    )  # fmt: skip
    # measured on the target, whatever the corpus of the anchor's runs is
    simulated = measured.card.simulated or home.card.simulated
    bundle = Bundle(dataclasses.replace(manifest, simulated=simulated), fitted)
    notes = [n for n in (taken_as(anchor, a), taken_as(target, t), doubt) if n]
    notes += _notes(aligned, a, t, few)
    if not save:
        return FitResult(bundle, None, tuple(rows), tuple(notes))
    if held is not None and split not in WHOLE_MODELS:
        held = _held(measured, aligned, told, "model", columns, seed, n_jobs)
    found = succession(
        a, t, measured, aligned, held, FEW, simulated=simulated, replace=replace,
        anchors_dirs=anchors_dirs,
    )  # fmt: skip
    return saved(bundle, found, rows, notes)


def _notes(aligned: Aligned, a: Instance, t: Instance, few: bool) -> list[str]:
    notes = [f"{len(aligned)} workloads of {len(set(aligned.models))} models measured"]
    if aligned.unpaired_target.height:
        notes.append(
            f"{aligned.unpaired_target.height} runs on {t.name} have no counterpart on "
            f"{a.name} and were left out"
        )
    if few:
        notes.append(
            f"fewer than {ENOUGH_MODELS} models: intervals are those of GPUs never seen"
        )
    return notes


def _on(corpus: Corpus, side: Instance) -> pl.DataFrame | None:
    names = {side.name, side.require_gpu().name}
    return runs_of(corpus, side) if names & {*corpus.instances} else None


def _anchors(
    measured: Corpus, asked: Corpus | None, a: Instance
) -> tuple[Corpus, pl.DataFrame]:
    """Runs on the anchor, and the corpus they are of."""
    tried = [measured] if asked is None else [asked]
    if asked is None:
        tried += [corpora.load(c.name) for c in corpora.preferred() if not c.simulated]
    for corpus in tried:
        runs = _on(corpus, a) if corpus.instances else None
        if runs is not None:
            return corpus, runs
    raise CorpusError(
        f"no run on {a.name} in {', '.join(c.name for c in tried)}",
        "put the anchor's runs of the same work into the file, or name a corpus by --data",
    )


def _held(
    measured: Corpus, aligned: Aligned, told: dict[str, float], split: str,
    columns: str, seed: int, n_jobs: int,
) -> HeldOut:  # fmt: skip
    return held_out(
        aligned, [FEW, BASELINE], measured.label, split, columns, seed, n_jobs,
        prior=told, families=measured.card.families,
    )  # fmt: skip
