"""Learn a pair: compare translators on held-out work, fit one, save it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np

from xlate.data import corpus as corpora
from xlate.data.columns import check_plan, plan
from xlate.data.corpus import Corpus
from xlate.data.pairing import POLICIES, Aligned, align
from xlate.engine.assembly import Assembly, assemble
from xlate.engine.pair import Pair, names_taken
from xlate.engine.session import Progress, Say, Session
from xlate.engine.succession import WHOLE_MODELS, Contender, Succession, succession
from xlate.engine.units import check_pairs
from xlate.engine.zero_shot import ENOUGH_MODELS, borrowed
from xlate.errors import AlignmentError, CorpusError, UnknownNameError
from xlate.evaluation.figures import Row, noise_floor, rows_of
from xlate.evaluation.held_out import HeldOut, held_out, with_step_times
from xlate.models.translate import BASELINE, COMPARED, default_for, make
from xlate.readers.tables.runs import check_runs
from xlate.stats.calibration import Calibration
from xlate.stats.splits import SPLITS, split_label
from xlate.store import versions
from xlate.store.bundle import Bundle
from xlate.values.requests import (
    CompareAllRequest,
    CompareRequest,
    FitRequest,
    Study,
)
from xlate.values.tables import Rows
from xlate.values.tabular import Cell, Tabular

__all__ = [
    "Beforehand",
    "FitResult",
    "compare",
    "compare_all",
    "errors_of",
    "fit",
    "saved",
]

#: lone workloads named one by one
_NAMED = 6


@dataclass(frozen=True)
class FitResult(Tabular):
    """A bundle, where it was saved, and how all translators did.

    As a table it is its accuracy card.

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

    Examples
    --------
    >>> import polars as pl
    >>> import xlate
    >>> runs = pl.DataFrame(
    ...     [
    ...         {"instance": i, "model": f"net{m}", "batch_size": b,
    ...          "step_time_us": f * b * 1000.0 * m, "Device_Conv2D": f * b * 900.0 * m}
    ...         for i, f in (("g3s.xlarge", 1.0), ("p3.2xlarge", 0.25))
    ...         for m in (1, 2, 3)
    ...         for b in (16, 32)
    ...     ]
    ... )
    >>> done = xlate.fit(
    ...     "g3s.xlarge", "p3.2xlarge", runs, translator="ratio", translators=(), save=False
    ... )
    >>> set(done.to_polars()["translator"]) >= {"ratio"}
    True
    """

    bundle: Bundle
    path: Path | None
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    succession: Succession | None = None

    def document(self) -> dict[str, object]:
        """The promised document of ``fit --json``."""
        m, s, path = self.bundle.manifest, self.succession, self.path
        before = None if s is None else s.before
        return {
            "bundle": str(path),
            "anchor": m.anchor,
            "target": m.target,
            "translator": m.translator,
            "fitted_on": m.corpus,
            "simulated": m.simulated,
            "n_pairs": m.n_pairs,
            "models": list(m.models),
            "notes": list(self.notes),
            "rows": [asdict(r) for r in self.rows],
            "version": None if path is None else versions.number_of(path),
            "in_place": s is not None and s.in_place,
            "reason": None if s is None else s.reason,
            "before": None
            if s is None or before is None
            else {
                "answers": before.what,
                "translator": before.translator,
                "fitted_on": before.fitted_on,
                "simulated": before.simulated,
                "step_mape": s.before_mape,
            },
            "after": None if s is None else {"step_mape": s.after_mape},
            "compared_on": None if s is None else s.n,
        }

    def records(self) -> list[dict[str, Cell]]:
        """Figures on held-out models, one row each."""
        return [asdict(row) for row in self.rows]

    def summary(self) -> str:
        """Translator, machines, corpus, and error of the step time."""
        m = self.bundle.manifest
        error = m.error("step_mape")
        figure = (
            "" if error is None else f", step error {error:.1f} % on held-out models"
        )
        return (
            f"{m.translator} for {m.anchor} → {m.target}, fitted on {m.n_pairs} pairs "
            f"of {m.corpus}{figure}"
        )

    def remarks(self) -> tuple[str, ...]:
        """Notes, and whether the fit answers from now on."""
        s = self.succession
        return self.notes if s is None else (*self.notes, s.reason)


@dataclass(frozen=True)
class _Measured:
    """A pair, its pairs of runs, and how translators did on them."""

    pair: Pair
    corpus: Corpus
    aligned: Aligned
    held: HeldOut
    rows: list[Row]
    notes: list[str]


#: what compares and fits one pair
_OnePair = CompareRequest | FitRequest


def _measured(
    session: Session, request: _OnePair, translators: Sequence[str | None],
    progress: Progress | None = None,
) -> _Measured:  # fmt: skip
    """Errors of translators (None: the default one) on work left out."""
    _check_names(translators, request)
    pair, corpus = session.pair_and_corpus(request.anchor, request.target, request.data)
    sides = pair.runs(corpus)
    for side in sides:
        check_runs(side, corpus.name, numbered=False)
    aligned = align(*sides, request.repeats)
    doubt = check_pairs(aligned, pair.prior(), corpus.name)
    default = default_for(len(np.unique(aligned.models)))
    names = list(dict.fromkeys([*(n or default for n in translators), BASELINE]))
    held = errors_of(names, aligned, corpus, request, _beforehand_of(pair, progress))
    rows = rows_of(held)
    rows += noise_floor(sides[1], corpus.label, pair.anchor.name)
    notes = [*names_taken(pair, request.anchor, request.target), doubt]
    return _Measured(
        pair, corpus, aligned, held, rows=rows,
        notes=[*(n for n in notes if n), *_notes(aligned, request.columns)],
    )  # fmt: skip


def _beforehand_of(pair: Pair, progress: Progress | None = None) -> Beforehand:
    return Beforehand(pair.prior(), pair.clock_ratio, progress)


@dataclass(frozen=True, eq=False)
class Beforehand:
    """What is known of a pair before its runs, and who is shown how far the work is."""

    prior: Mapping[str, float] | None
    clock_ratio: float = 1.0
    progress: Progress | None = None


def errors_of(
    translators: Sequence[str], aligned: Aligned, corpus: Corpus, study: Study,
    beforehand: Beforehand, *, most_models: int | None = None,
) -> HeldOut:  # fmt: skip
    """Answers of translators about work left out, as a study says.

    With ``most_models``, no fold is fitted on more models than that.
    """
    return held_out(
        aligned, translators, corpus.label, study.split, study.columns,
        seed=study.seed, n_jobs=study.n_jobs, clock_ratio=beforehand.clock_ratio,
        prior=beforehand.prior, families=corpus.card.families, progress=beforehand.progress,
        most_models=most_models,
    )  # fmt: skip


def _check_names(translators: Iterable[str | None], study: Study) -> None:
    """Raise UnknownNameError for the first unknown name, before any work.

    Deep in the work it would be raised in a thread, with others still running.
    """
    for name in translators:
        if name is not None:
            make(name)
    if study.split not in SPLITS:
        raise UnknownNameError("split", study.split, SPLITS)
    if study.repeats not in POLICIES:
        raise UnknownNameError("repeat policy", study.repeats, POLICIES)
    check_plan(study.columns)


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
    session: Session, request: CompareRequest, *,
    say: Say | None = None, progress: Progress | None = None,
) -> Rows[Row]:  # fmt: skip
    """Error of translators on held-out work, beside the floor of noise.

    Parameters
    ----------
    session : Session
    request : CompareRequest
    say : callable, optional
        Called with what the user should know, as soon as it is: lone workloads,
        columns that are not there.
    progress : callable, optional
        Called with groups done, groups in all, and what is done.

    Raises
    ------
    XlateError
        For an unknown name, a corpus without the pair, or too few models.
    """
    translators = COMPARED if request.translators is None else request.translators
    study = _measured(session, request, translators, progress)
    if say is not None:
        for note in study.notes:
            say(f"note: {note}")
    return Rows(tuple(study.rows), tuple(study.notes))


def compare_all(
    session: Session, request: CompareAllRequest, *,
    say: Say | None = None, progress: Progress | None = None,
) -> Rows[Row]:  # fmt: skip
    """:func:`compare` for every anchor and target a corpus holds.

    Raises
    ------
    CorpusError
        If the corpus has fewer than two instances.
    """
    corpus = session.corpus(request.data or corpora.preferred()[0].name)
    pairs = [(a, t) for a in corpus.instances for t in corpus.instances if a != t]
    if not pairs:
        raise CorpusError(
            f"corpus {corpus.name} has one instance only", "choose another corpus"
        )
    asked = {f.name: getattr(request, f.name) for f in fields(request)} | {
        "data": corpus
    }
    rows: list[Row] = []
    lacking: list[AlignmentError] = []
    for i, (a, t) in enumerate(pairs, 1):
        if progress is not None:
            progress(i - 1, len(pairs), f"{a} → {t}")
        if say is not None:
            say(f"{i} of {len(pairs)}: {a} → {t}")
        try:
            rows += compare(session, CompareRequest(a, t, **asked), say=say)
        except AlignmentError as e:
            # a corpus need not have measured the same work everywhere
            lacking.append(e)
            if say is not None:
                say(f"note: left out: {e.what}")
    if not rows and lacking:
        raise lacking[0]
    if lacking and say is not None:
        say(f"note: {len(lacking)} of {len(pairs)} pairs were left out")
    return Rows(tuple(rows))


def fit(
    session: Session, request: FitRequest, *, progress: Progress | None = None
) -> FitResult:
    """Cross-validate translators, fit one on everything, and save it.

    Raises
    ------
    XlateError
        As :func:`compare`, and StorageError if the bundle cannot be written.
    """
    if request.translator is not None:
        # an unknown name is said before the work
        make(request.translator, seed=request.seed)
    compared = COMPARED if request.translators is None else request.translators
    study = _measured(session, request, [*compared, request.translator], progress)
    n_models = len(np.unique(study.aligned.models))
    name = request.translator or default_for(n_models)
    few = n_models < ENOUGH_MODELS and not study.corpus.card.simulated
    if few:
        study.notes.append(
            f"fewer than {ENOUGH_MODELS} models: intervals are those of GPUs never seen"
        )
    manifest, fitted = assemble(
        Assembly(
            session, study.pair, study.corpus, study.aligned, study.rows,
            translator=name, study=request, split=split_label(request.split),
        ),
        borrowed() if few else Calibration.of(study.held, name),
        borrowed() if few else Calibration.of(study.held, BASELINE),
    )  # fmt: skip
    bundle = Bundle(manifest, fitted)
    if not request.save:
        return FitResult(bundle, None, tuple(study.rows), tuple(study.notes))
    held = study.held
    if request.split not in WHOLE_MODELS and n_models > 1:
        # a finer split fits on a network's other sizes, which makes errors too small
        by_model = replace(request, split="model")
        beforehand = _beforehand_of(study.pair, progress)
        held = errors_of([name], study.aligned, study.corpus, by_model, beforehand)
    new = Contender(
        study.corpus, study.aligned, held, name, simulated=study.corpus.card.simulated
    )
    outcome = succession(session, study.pair, new, replace=request.replace)
    return saved(session, bundle, outcome, study.rows, study.notes)


def saved(
    session: Session, bundle: Bundle, outcome: Succession, rows: Sequence[Row],
    notes: Sequence[str],
) -> FitResult:  # fmt: skip
    """Write a fit where it belongs: in place of what answered, or beside it.

    Raises
    ------
    StorageError
        If the data home cannot be written.
    """
    m = bundle.manifest
    if outcome.own_refused and not outcome.in_place:
        # what cannot answer must not stand before what can
        session.bundles.retire(m.anchor, m.target)
    kept = session.bundles.keep(bundle, in_place=outcome.in_place)
    return FitResult(kept, kept.path, tuple(rows), (*notes, *outcome.notes), outcome)
