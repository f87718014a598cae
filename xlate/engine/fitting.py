"""Learn a pair: compare translators on held-out work, fit one, save it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xlate import corpus as corpora
from xlate.align import POLICIES, Aligned, align
from xlate.catalog import Instance
from xlate.columns import check_plan, plan
from xlate.corpus import Corpus
from xlate.engine.assembly import Assembly, assemble
from xlate.engine.incumbent import WHOLE_MODELS, Succession, succession
from xlate.engine.naming import taken_as
from xlate.engine.pair import clock_ratio, prior, resolve, runs_of
from xlate.engine.units import check_pairs
from xlate.engine.unseen import ENOUGH_MODELS, borrowed
from xlate.errors import AlignmentError, CorpusError, UnknownNameError
from xlate.evaluate import Row, noise_floor, rows_of
from xlate.heldout import HeldOut, held_out, with_step_times
from xlate.readers.runs import check_runs
from xlate.splits import SPLITS, split_label
from xlate.store import bundle as bundles
from xlate.store import versions
from xlate.store.bundle import Bundle
from xlate.translators import BASELINE, COMPARED, default_for, make
from xlate.trust.calibration import Calibration

__all__ = ["FitResult", "compare", "compare_all", "fit", "saved"]

#: lone workloads named one by one
_NAMED = 6


@dataclass(frozen=True)
class FitResult:
    """A bundle, where it was saved, and how all translators did.

    Attributes
    ----------
    bundle : Bundle
    path : Path or None
        Where it was saved; beside the one that answers where it was not put in place.
    rows : tuple of Row
        Accuracy card.
    notes : tuple of str
        What the user should know.
    succession : Succession or None
        Whether it takes the place of what answered before, and why; None where it
        was not saved.
    """

    bundle: Bundle
    path: Path | None
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    succession: Succession | None = None


@dataclass(frozen=True)
class _Study:
    """A pair, its pairs of runs, and how translators did on them."""

    anchor: Instance
    target: Instance
    corpus: Corpus
    aligned: Aligned
    held: HeldOut
    rows: list[Row]
    notes: list[str]


def _study(
    anchor: str,
    target: str,
    data: Corpus | str | None,
    translators: Sequence[str | None],
    split: str,
    columns: str,
    repeats: str,
    seed: int,
    n_jobs: int,
    anchors_dirs: Iterable[Path],
    progress: Callable[[int, int, str], None] | None = None,
) -> _Study:
    _check_names(translators, split, columns, repeats)
    a, t, corpus = resolve(anchor, target, data, anchors_dirs)
    sides = runs_of(corpus, a), runs_of(corpus, t)
    for side in sides:
        check_runs(side, corpus.name, numbered=False)
    aligned = align(*sides, repeats)
    doubt = check_pairs(aligned, prior(a, t), corpus.name)
    default = default_for(len(np.unique(aligned.models)))
    names = list(dict.fromkeys([*(n or default for n in translators), BASELINE]))
    held = _held(
        a, t, corpus, aligned, names, split, columns, seed, n_jobs, progress
    )  # fmt: skip
    rows = rows_of(held)
    rows += noise_floor(runs_of(corpus, t), corpus.label, a.name)
    notes = [n for n in (taken_as(anchor, a), taken_as(target, t), doubt) if n]
    notes += _notes(aligned, columns)
    return _Study(a, t, corpus, aligned, held, rows, notes)


def _held(
    a: Instance, t: Instance, corpus: Corpus, aligned: Aligned,
    names: Sequence[str], split: str, columns: str, seed: int, n_jobs: int,
    progress: Callable[[int, int, str], None] | None = None,
) -> HeldOut:  # fmt: skip
    return held_out(
        aligned, names, corpus.label, split, columns, seed, n_jobs,
        clock_ratio=clock_ratio(a, t), prior=prior(a, t), families=corpus.card.families,
        progress=progress,
    )  # fmt: skip


def _check_names(
    translators: Iterable[str | None], split: str, columns: str, repeats: str
) -> None:
    """Raise UnknownNameError for the first unknown name, before any work.

    Deep in the work it would be raised in a thread, with others still running.
    """
    for name in translators:
        if name is not None:
            make(name)
    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)
    if repeats not in POLICIES:
        raise UnknownNameError("repeat policy", repeats, POLICIES)
    check_plan(columns)


def _notes(aligned: Aligned, columns: str) -> list[str]:
    """What of the data was not used, and which columns were not there."""
    both = np.vstack([aligned.anchor_matrix(), aligned.target_matrix()])
    chosen = plan(columns, aligned.columns, both)
    notes = [] if chosen.note is None else [chosen.note]
    for name, lone in (
        (aligned.anchor, aligned.unpaired_anchor),
        (aligned.target, aligned.unpaired_target),
    ):
        if lone.height:
            listed = [
                f"{r['model']} {r['dataset']} batch {r['batch_size']}"
                for r in lone.head(_NAMED).iter_rows(named=True)
            ]
            rest = lone.height - len(listed)
            notes.append(
                f"{lone.height} workloads of {name} have no partner: "
                + ", ".join(listed)
                + (f" and {rest} more" if rest else "")
            )
    lacking = int((~with_step_times(aligned)).sum())
    if lacking:
        notes.append(f"{lacking} pairs without step time were left out")
    return notes


def compare(
    anchor: str,
    target: str,
    data: Corpus | str | None = None,
    *,
    translators: Sequence[str] = COMPARED,
    split: str = "model",
    columns: str = "all",
    repeats: str = "median",
    seed: int = 0,
    n_jobs: int = 2,
    anchors_dirs: Iterable[Path] = (),
    say: Callable[[str], None] | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Row]:
    """Error of translators on held-out work, beside the floor of noise.

    Parameters
    ----------
    anchor, target : str
        Instances, by name or alias.
    data : Corpus or str, optional
        A measured corpus that holds both by default, else the simulated one.
    translators : sequence of str
        The baseline, ``ratio``, is always among them.
    split, columns, repeats : str
        See :data:`xlate.evaluate.SPLITS`, :func:`xlate.columns.plan` and
        :data:`xlate.align.POLICIES`.
    seed, n_jobs : int
        Seed; folds at the same time.
    anchors_dirs : iterable of Path
        More catalogue folders.
    say : callable, optional
        Told what the user should know: lone workloads, columns that are not
        there.
    progress : callable, optional
        Called with groups done, groups in all, and what is done.

    Raises
    ------
    XlateError
        For an unknown name, a corpus without the pair, or too few models.
    """
    study = _study(
        anchor, target, data, translators, split, columns, repeats, seed, n_jobs,
        anchors_dirs, progress,
    )  # fmt: skip
    if say is not None:
        for note in study.notes:
            say(f"note: {note}")
    return study.rows


def compare_all(
    data: Corpus | str | None = None,
    *,
    say: Callable[[str], None] | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    **options: Any,
) -> list[Row]:
    """:func:`compare` for every anchor and target a corpus holds.

    Without ``data``, a measured corpus on this machine, else the simulated one.

    Raises
    ------
    CorpusError
        If the corpus has fewer than two instances.
    """
    corpus = (
        data
        if isinstance(data, Corpus)
        else corpora.load(data or corpora.preferred()[0].name)
    )
    pairs = [(a, t) for a in corpus.instances for t in corpus.instances if a != t]
    if not pairs:
        raise CorpusError(
            f"corpus {corpus.name} has one instance only", "choose another corpus"
        )
    rows: list[Row] = []
    lacking: list[AlignmentError] = []
    for i, (a, t) in enumerate(pairs, 1):
        if progress is not None:
            progress(i - 1, len(pairs), f"{a} → {t}")
        if say is not None:
            say(f"{i} of {len(pairs)}: {a} → {t}")
        try:
            rows += compare(a, t, corpus, say=say, **options)
        except AlignmentError as e:
            # a corpus need not have measured the same work everywhere
            lacking.append(e)
            if say is not None:
                say(f"note: left out: {e.what}")
    if not rows and lacking:
        raise lacking[0]
    if lacking and say is not None:
        say(f"note: {len(lacking)} of {len(pairs)} pairs were left out")
    return rows


def fit(
    anchor: str,
    target: str,
    data: Corpus | str | None = None,
    *,
    translator: str | None = None,
    translators: Sequence[str] = COMPARED,
    split: str = "model",
    columns: str = "all",
    repeats: str = "median",
    seed: int = 0,
    n_jobs: int = 2,
    anchors_dirs: Iterable[Path] = (),
    save: bool = True,
    replace: bool = False,
    progress: Callable[[int, int, str], None] | None = None,
) -> FitResult:
    """Cross-validate translators, fit one on everything, and save it.

    Parameters
    ----------
    translator : str, optional
        The one to fit and save; by default what serves best for so many models
        (:func:`xlate.translators.default_for`).
    translators : sequence of str
        Those to cross-validate for the accuracy card; ``translator`` is always
        among them.
    save : bool
        Whether to write the bundle to the data home.
    replace : bool
        Let it answer from now on even where it is not shown to be better than what
        answers now (:mod:`xlate.engine.incumbent`); otherwise such a fit is kept
        beside it under a number.

    Other parameters are those of :func:`compare`.

    Raises
    ------
    XlateError
        As :func:`compare`, and StorageError if the bundle cannot be written.
    """
    anchors_dirs = tuple(anchors_dirs)
    if translator is not None:
        make(translator, seed=seed)  # an unknown name is said before the work
    study = _study(
        anchor, target, data, [*translators, translator], split, columns, repeats,
        seed, n_jobs, anchors_dirs, progress,
    )  # fmt: skip
    n_models = len(np.unique(study.aligned.models))
    name = translator or default_for(n_models)
    few = n_models < ENOUGH_MODELS and not study.corpus.card.simulated
    if few:
        study.notes.append(
            f"fewer than {ENOUGH_MODELS} models: intervals are those of GPUs never seen"
        )
    manifest, fitted = assemble(
        Assembly(
            study.anchor, study.target, study.corpus, study.aligned, study.rows,
            translator=name, columns=columns, repeats=repeats,
            split=split_label(split), seed=seed, anchors_dirs=anchors_dirs,
        ),
        borrowed() if few else Calibration.of(study.held, name),
        borrowed() if few else Calibration.of(study.held, BASELINE),
    )  # fmt: skip
    bundle = Bundle(manifest, fitted)
    if not save:
        return FitResult(bundle, None, tuple(study.rows), tuple(study.notes))
    held = study.held
    if split not in WHOLE_MODELS and n_models > 1:
        # a finer split lets a network's other sizes teach, which flatters
        held = _held(
            study.anchor, study.target, study.corpus, study.aligned, [name], "model",
            columns, seed, n_jobs, progress,
        )  # fmt: skip
    found = succession(
        study.anchor, study.target, study.corpus, study.aligned, held, name,
        simulated=study.corpus.card.simulated, replace=replace,
        anchors_dirs=anchors_dirs,
    )  # fmt: skip
    return saved(bundle, found, study.rows, study.notes)


def saved(
    bundle: Bundle, found: Succession, rows: Sequence[Row], notes: Sequence[str]
) -> FitResult:
    """Write a fit where it belongs: in place of what answered, or beside it.

    Raises
    ------
    StorageError
        If the data home cannot be written.
    """
    m = bundle.manifest
    if found.own_refused and not found.in_place:
        # what cannot answer must not stand before what can
        versions.retire(bundles.folder_of(m.anchor, m.target))
    path = bundles.keep(m, bundle.model, in_place=found.in_place)
    return FitResult(
        Bundle(m, bundle.model, path), path, tuple(rows), (*notes, *found.notes), found
    )
