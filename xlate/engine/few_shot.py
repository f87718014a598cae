"""Few-shot: adapt what is known of all GPUs to one target by a few measured runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from xlate.data import corpus as corpora
from xlate.data.corpus import Corpus
from xlate.data.pairing import Aligned, align
from xlate.engine.assembly import Assembly, assemble
from xlate.engine.fit_pair import Beforehand, FitResult, errors_of, saved
from xlate.engine.pair import Pair, names_taken, runs_of
from xlate.engine.session import Session
from xlate.engine.succession import WHOLE_MODELS, Contender, succession
from xlate.engine.units import check_pairs
from xlate.engine.zero_shot import ENOUGH_MODELS, borrowed, shipped
from xlate.errors import CatalogError, CorpusError
from xlate.evaluation.figures import Row, rows_of
from xlate.evaluation.held_out import HeldOut, with_step_times
from xlate.hardware.catalogue import Instance
from xlate.models.translate import BASELINE, FEW
from xlate.readers.tables.runs import check_runs
from xlate.stats.calibration import Calibration
from xlate.stats.splits import split_label
from xlate.store.bundle import Bundle
from xlate.values.requests import ShotsRequest

__all__ = ["FEW_SHOT", "fit_shots", "read_shots"]

#: split of a card without rows: too few models to leave one out
FEW_SHOT = "few-shot"
_TRANSLATORS = (FEW, BASELINE)


def read_shots(path: Path) -> Corpus:
    """Measured runs from a parquet or csv file (:func:`xlate.data.corpus.from_file`).

    Raises
    ------
    CorpusError, ProfileError
        As :func:`xlate.data.corpus.from_file`.
    """
    return corpora.from_file(path)


def fit_shots(session: Session, request: ShotsRequest) -> FitResult:
    """Fit a pair of which only a few runs were measured on the target.

    What data sheets and the other GPUs say (the zero-shot answer) is corrected by
    the runs, the more the more there are. It answers from then on where it is not
    worse than what answered before (:mod:`xlate.engine.succession`).

    Raises
    ------
    CorpusError
        If there is no run on the target, or none of the same work on the anchor.
    ProfileError
        If times cannot be microseconds, or the two sides cannot be the same work.
    XlateError
        For unknown names, or a table that is not what it should be.
    """
    shots = request.shots
    measured = shots if isinstance(shots, Corpus) else read_shots(shots)
    asked = None if request.data is None else session.corpus(request.data)
    among = {*measured.instances, *(asked.instances if asked else ())}
    pair = session.pair(request.anchor, request.target, sorted(among))
    few_runs = _aligned(session, request, pair, measured, asked)
    aligned = few_runs.aligned
    doubt = check_pairs(aligned, few_runs.log_ratios, measured.name)
    models = len(np.unique(aligned.models[with_step_times(aligned)]))
    held = None
    if models > 1:
        held = errors_of(_TRANSLATORS, aligned, measured, request, few_runs.beforehand)
    # of few models the errors say too little about the next one
    few = held is None or models < ENOUGH_MODELS
    bundle, rows = _fitted(session, request, pair, few_runs, held, few=few)
    # measured on the target, whatever the corpus of the anchor's runs is
    simulated = measured.card.simulated or few_runs.home.card.simulated
    bundle = replace(bundle, manifest=replace(bundle.manifest, simulated=simulated))
    taken = names_taken(pair, request.anchor, request.target)
    notes = [*taken, *([doubt] if doubt else ()), *_notes(aligned, pair, few)]
    if not request.save:
        return FitResult(bundle, None, tuple(rows), tuple(notes))
    if held is not None and request.split not in WHOLE_MODELS:
        by_model = replace(request, split="model")
        held = errors_of(_TRANSLATORS, aligned, measured, by_model, few_runs.beforehand)
    new = Contender(measured, aligned, held, FEW, simulated=simulated)
    outcome = succession(session, pair, new, replace=request.replace)
    return saved(session, bundle, outcome, rows, notes)


@dataclass(frozen=True, eq=False)
class _Few:
    """A few measured runs, with their counterparts on the anchor.

    Attributes
    ----------
    measured, home : Corpus
        Of the target's runs, and of the anchor's.
    anchor_runs : polars.DataFrame
        Runs on the anchor.
    aligned : Aligned
    log_ratios : dict of str to float
        Nature -> log ratio of times that data sheets say, corrected on other GPUs.
    """

    measured: Corpus
    home: Corpus
    anchor_runs: pl.DataFrame
    aligned: Aligned
    log_ratios: dict[str, float]

    @property
    def beforehand(self) -> Beforehand:
        return Beforehand(self.log_ratios)


def _aligned(
    session: Session,
    request: ShotsRequest,
    pair: Pair,
    measured: Corpus,
    asked: Corpus | None,
) -> _Few:
    there = _on(measured, pair.target)
    if there is None:
        raise CorpusError(
            f"{measured.name} has no run on {pair.target.name}",
            f"it has {', '.join(measured.instances)}",
        )
    home, anchor_runs = _anchors(session, measured, asked, pair.anchor)
    check_runs(there, f"{measured.name}, target side", numbered=False)
    check_runs(anchor_runs, f"{home.name}, anchor side", numbered=False)
    aligned = align(anchor_runs, there, request.repeats, fewest_models=1)
    try:
        log_ratios = shipped().log_ratios(*(side.require_gpu() for side in pair.sides))
    except CatalogError:
        log_ratios = pair.prior() or {}
    return _Few(measured, home, anchor_runs, aligned, log_ratios)


def _fitted(
    session: Session,
    request: ShotsRequest,
    pair: Pair,
    few_runs: _Few,
    held: HeldOut | None,
    *,
    few: bool,
) -> tuple[Bundle, list[Row]]:
    """A bundle, and its card.

    Intervals rest on the errors on work left out, ``held``, or are borrowed where
    there are none, or where they are of ``few`` models.
    """
    trusted = None if few else held
    rows = [] if held is None else rows_of(held)
    manifest, fitted = assemble(
        Assembly(
            session,
            pair,
            few_runs.home,
            few_runs.aligned,
            rows,
            translator=FEW,
            study=request,
            split=split_label(request.split) if rows else FEW_SHOT,
            log_ratios=few_runs.log_ratios,
            seen_runs=few_runs.anchor_runs,
            label=f"{few_runs.measured.name} and zero-shot",
        ),
        borrowed() if trusted is None else Calibration.of(trusted, FEW),
        borrowed() if trusted is None else Calibration.of(trusted, BASELINE),
    )
    return Bundle(manifest, fitted), rows


def _notes(aligned: Aligned, pair: Pair, few: bool) -> list[str]:
    notes = [f"{len(aligned)} workloads of {len(set(aligned.models))} models measured"]
    if aligned.unpaired_target.height:
        notes.append(
            f"{aligned.unpaired_target.height} runs on {pair.target.name} have no counterpart "
            f"on {pair.anchor.name} and were left out"
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
    session: Session, measured: Corpus, asked: Corpus | None, a: Instance
) -> tuple[Corpus, pl.DataFrame]:
    """Runs on the anchor, and the corpus they are of."""
    tried = [measured] if asked is None else [asked]
    if asked is None:
        tried += session.corpora(simulated=False)
    for corpus in tried:
        runs = _on(corpus, a) if corpus.instances else None
        if runs is not None:
            return corpus, runs
    raise CorpusError(
        f"no run on {a.name} in {', '.join(c.name for c in tried)}",
        "put the anchor's runs of the same work into the file, or name a corpus by --data",
    )
