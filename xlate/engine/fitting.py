"""Learn a pair: compare translators on held-out work, fit one, save it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate import corpus as corpora
from xlate import opnames
from xlate.align import STEP, Aligned, align, matrix
from xlate.catalog import Instance
from xlate.columns import plan
from xlate.corpus import Corpus
from xlate.engine.pair import clock_ratio, pair_of
from xlate.engine.sizing import AXIS_COLUMN, axis_sizes
from xlate.errors import AlignmentError, CorpusError
from xlate.evaluate import Row, noise_floor, rows_of
from xlate.heldout import HeldOut, held_out, with_step_times
from xlate.scaling import AXES, Scaler
from xlate.splits import split_label
from xlate.store import bundle as bundles
from xlate.store.bundle import Bundle
from xlate.store.manifest import FORMAT, Manifest
from xlate.translators import BASELINE, COMPARED, DEFAULT, make
from xlate.translators.window import StepFromWindow
from xlate.trust.calibration import Calibration
from xlate.trust.domain import Domain

__all__ = ["FitResult", "compare", "compare_all", "fit"]

#: lone workloads named one by one
_NAMED = 6


@dataclass(frozen=True)
class FitResult:
    """A bundle, where it was saved, and how all translators did."""

    bundle: Bundle
    path: Path | None
    rows: tuple[Row, ...]
    notes: tuple[str, ...]


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
    translators: Sequence[str],
    split: str,
    columns: str,
    repeats: str,
    seed: int,
    n_jobs: int,
    anchors_dirs: Iterable[Path],
) -> _Study:
    a, t = pair_of(anchor, target, anchors_dirs)
    corpus = data if isinstance(data, Corpus) else corpora.find(a.name, t.name, data)
    aligned = align(corpus.runs_on(a.name), corpus.runs_on(t.name), repeats)
    names = list(dict.fromkeys([*translators, BASELINE]))
    held = held_out(
        aligned, names, corpus.label, split, columns, seed, n_jobs,
        clock_ratio=clock_ratio(a, t), families=corpus.card.families,
    )  # fmt: skip
    rows = rows_of(held)
    rows += noise_floor(corpus.runs_on(t.name), corpus.label, a.name)
    return _Study(a, t, corpus, aligned, held, rows, _notes(aligned, columns))


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

    Raises
    ------
    XlateError
        For an unknown name, a corpus without the pair, or too few models.
    """
    study = _study(
        anchor, target, data, translators, split, columns, repeats, seed, n_jobs,
        anchors_dirs,
    )  # fmt: skip
    if say is not None:
        for note in study.notes:
            say(f"note: {note}")
    return study.rows


def compare_all(
    data: Corpus | str | None = None,
    *,
    progress: Callable[[str], None] | None = None,
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
    for i, (a, t) in enumerate(pairs, 1):
        if progress is not None:
            progress(f"{i} of {len(pairs)}: {a} → {t}")
        rows += compare(a, t, corpus, say=progress, **options)
    return rows


def fit(
    anchor: str,
    target: str,
    data: Corpus | str | None = None,
    *,
    translator: str = DEFAULT,
    translators: Sequence[str] = COMPARED,
    split: str = "model",
    columns: str = "all",
    repeats: str = "median",
    seed: int = 0,
    n_jobs: int = 2,
    anchors_dirs: Iterable[Path] = (),
    save: bool = True,
) -> FitResult:
    """Cross-validate translators, fit one on everything, and save it.

    Parameters
    ----------
    translator : str
        The one to fit and save.
    translators : sequence of str
        Those to cross-validate for the accuracy card; ``translator`` is always
        among them.
    save : bool
        Whether to write the bundle to the data home.

    Other parameters are those of :func:`compare`.

    Raises
    ------
    XlateError
        As :func:`compare`, and StorageError if the bundle cannot be written.
    """
    make(translator, seed=seed)  # an unknown name is said before the work
    study = _study(
        anchor, target, data, [*translators, translator], split, columns, repeats,
        seed, n_jobs, anchors_dirs,
    )  # fmt: skip
    a, t, corpus, aligned = study.anchor, study.target, study.corpus, study.aligned
    measured = with_step_times(aligned)
    ops = aligned.columns
    A, B = aligned.anchor_matrix()[measured], aligned.target_matrix()[measured]
    a_step = aligned.anchor_matrix((STEP,))[measured]
    b_step = aligned.target_matrix((STEP,))[measured]
    chosen = plan(columns, ops, np.vstack([A, B]))
    X, Y = chosen.apply(A, ops), chosen.apply(B, ops)
    model = make(translator, [*chosen.names, STEP], seed, clock_ratio(a, t))
    model.fit(np.hstack([X, a_step]), np.hstack([Y, b_step]), aligned.models[measured])
    window = StepFromWindow(list(chosen.names), random_state=seed).fit(X, a_step[:, 0])

    busy = A[:, np.isin(ops, opnames.busy_columns(ops))].sum(axis=1)
    used = np.vstack([A, B]).max(axis=0) > 0
    manifest = Manifest(
        format=FORMAT,
        versions=bundles.versions(),
        anchor=a.name,
        target=t.name,
        translator=translator,
        policy=repeats,
        split=split_label(split),
        seed=seed,
        corpus=corpus.label,
        corpus_sha256=corpus.sha256,
        simulated=corpus.card.simulated,
        licence=corpus.card.licence,
        models=tuple(sorted(set(aligned.models[measured].tolist()))),
        n_pairs=int(measured.sum()),
        columns=columns,
        groups={n: list(g) for n, g in zip(chosen.names, chosen.groups, strict=True)},
        operations=tuple(c for c, u in zip(ops, used, strict=True) if u),
        busy_range_us=(float(busy.min()), float(busy.max())),
        card=tuple(
            {
                k: getattr(r, k)
                for k in ("translator", "held_out", "metric", "value", "n")
            }
            for r in study.rows
        ),
        files={},
    )
    ratio = make(BASELINE, [*chosen.names, STEP], seed)
    ratio.fit(np.hstack([X, a_step]), np.hstack([Y, b_step]))
    domain = Domain().fit(
        ops, A, a_step[:, 0], aligned.models[measured],
        _elsewhere(corpus, a.name), a.name, seed,
    )  # fmt: skip
    fitted = {
        "translator": model,
        "window": window,
        "ratio": ratio,
        "calibration": {
            name: Calibration.of(study.held, by).to_arrays()
            for name, by in (("translator", translator), ("ratio", BASELINE))
        },
        "domain": domain,
        "scaling": _scalers(corpus, a.name, seed),
    }
    path = bundles.folder_of(a.name, t.name) if save else None
    if path is not None:
        bundles.save(manifest, fitted, path)
    return FitResult(
        Bundle(manifest, fitted, path), path, tuple(study.rows), tuple(study.notes)
    )


def _elsewhere(
    corpus: Corpus, apart: str
) -> dict[str, tuple[Sequence[str], NDArray[np.float64]]]:
    """Runs of the corpus's other instances: columns and times of each."""
    found: dict[str, tuple[Sequence[str], NDArray[np.float64]]] = {}
    for name in corpus.instances:
        if name == apart:
            continue
        runs = corpus.runs_on(name)
        ops = [c for c in runs.columns if opnames.is_op_column(c)]
        found[name] = (ops, np.nan_to_num(matrix(runs, ops)))
    return found


def _scalers(corpus: Corpus, anchor: str, seed: int) -> dict[str, Scaler]:
    """Growth along each axis of size of which the corpus has enough."""
    runs = corpus.runs_on(anchor)
    ops = [c for c in runs.columns if opnames.is_op_column(c)]
    key = ["model", "dataset", "batch_size", "optimizer"]
    jobs = (
        runs.filter(pl.col(STEP) > 0)
        .group_by(key)
        .agg(pl.col([*ops, STEP]).median())
        .sort(key)
    )
    times, steps = np.nan_to_num(matrix(jobs, ops)), matrix(jobs, (STEP,))[:, 0]
    models = jobs["model"].to_numpy().astype(str)
    found = {}
    for axis in AXES:
        sizes = axis_sizes(jobs, axis)
        known = np.isfinite(sizes)
        rest = [c for c in key if c != AXIS_COLUMN[axis]]
        same = jobs.select(pl.struct(rest).rank("dense")).to_series().to_numpy()
        try:
            found[axis] = Scaler(ops, axis, seed).calibrate(
                times[known], steps[known], sizes[known], same[known], models[known]
            )
        except AlignmentError:
            continue
    return found
