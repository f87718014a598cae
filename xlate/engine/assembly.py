"""A bundle's parts, from pairs of runs and what is known of a translator's errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate import op_names
from xlate.data.columns import ColumnPlan, plan
from xlate.data.corpus import Corpus
from xlate.data.pairing import STEP, Aligned, matrix, median_of_repeats
from xlate.data.schema import KEY
from xlate.engine.pair import Pair, runs_of
from xlate.engine.scale_sizes import AXIS_COLUMN, axis_sizes
from xlate.engine.session import Session
from xlate.errors import AlignmentError, XlateError
from xlate.evaluation.figures import Row
from xlate.evaluation.held_out import with_step_times
from xlate.hardware.catalogue import Catalogue
from xlate.models.forests import round_leaves
from xlate.models.scaling import AXES, HOW, Scaler
from xlate.models.translate import BASELINE, make
from xlate.models.translate.window import StepFromWindow
from xlate.stats.calibration import Calibration
from xlate.store import bundle as bundles
from xlate.store.manifest import FORMAT, Manifest
from xlate.trust.profile_window import WindowBand
from xlate.trust.recorded_gpu import Recorded
from xlate.trust.training import Domain
from xlate.values.requests import Study

__all__ = ["Assembly", "assemble"]


@dataclass(frozen=True, eq=False)
class Assembly:
    """What a bundle is made from.

    Attributes
    ----------
    session : Session
        Says which GPUs the instances of the corpus have.
    pair : Pair
    corpus : Corpus
        Holds the anchor's runs; other instances of it show what runs of another GPU look like.
    aligned : Aligned
    rows : sequence of Row
        For the accuracy card.
    translator : str
    study : Study
        Columns, repeats and seed.
    split : str
        How the card was measured, in words.
    log_ratios : mapping or None
        Nature -> log ratio of times known beforehand; by default what data sheets say.
    seen_runs : polars.DataFrame or None
        Wide runs on the anchor that counts as seen; by default that of the pairs.
    label : str or None
        What it was fitted on, in words; by default the corpus.
    """

    session: Session
    pair: Pair
    corpus: Corpus
    aligned: Aligned
    rows: Sequence[Row]
    _: KW_ONLY
    translator: str
    study: Study
    split: str
    log_ratios: Mapping[str, float] | None = None
    seen_runs: pl.DataFrame | None = None
    label: str | None = None


def assemble(
    given: Assembly, errors: Calibration, errors_of_ratio: Calibration
) -> tuple[Manifest, dict[str, Any]]:
    """Manifest and parts of a bundle, fitted on every pair.

    Parameters
    ----------
    given : Assembly
    errors, errors_of_ratio : Calibration
        Of the translator and of the baseline, on work left out.

    Raises
    ------
    XlateError
        If a translator refuses the data.
    """
    a, corpus, aligned = given.pair.anchor, given.corpus, given.aligned
    seed = given.study.seed
    measured = with_step_times(aligned)
    ops = aligned.columns
    A, B = aligned.anchor_matrix()[measured], aligned.target_matrix()[measured]
    a_step = aligned.anchor_matrix((STEP,))[measured]
    b_step = aligned.target_matrix((STEP,))[measured]
    chosen = plan(given.study.columns, ops, np.vstack([A, B]))
    X, Y = chosen.apply(A, ops), chosen.apply(B, ops)
    model = make(
        given.translator, [*chosen.names, STEP], seed, given.pair.clock_ratio,
        given.log_ratios or given.pair.prior(),
    )  # fmt: skip
    model.fit(np.hstack([X, a_step]), np.hstack([Y, b_step]), aligned.models[measured])
    window = StepFromWindow(list(chosen.names), random_state=seed).fit(X, a_step[:, 0])

    seen = _seen(given, ops, A, a_step[:, 0], aligned.models[measured])
    used = {c for c, u in zip(ops, np.vstack([A, B]).max(axis=0) > 0, strict=True) if u}
    manifest = _manifest(given, measured, seen, used, chosen)
    ratio = make(BASELINE, [*chosen.names, STEP], seed)
    ratio.fit(np.hstack([X, a_step]), np.hstack([Y, b_step]))
    anchor_runs = runs_of(corpus, a)
    domain = Domain().fit(
        seen.ops, seen.times, seen.steps, seen.models, _recorded(given, anchor_runs),
        anchor=a.name, seed=seed, band=_band(anchor_runs), frameworks=anchor_runs["framework"].unique().to_list(),
        precisions=anchor_runs["precision"].unique().to_list(),
    )  # fmt: skip
    fitted = {
        "translator": model,
        "window": window,
        "ratio": ratio,
        "calibration": {
            "translator": errors.to_arrays(),
            "ratio": errors_of_ratio.to_arrays(),
        },
        "domain": domain,
        "scaling": _scalers(anchor_runs, seed),
    }
    round_leaves(fitted)
    return manifest, fitted


@dataclass(frozen=True, eq=False)
class _Seen:
    """The anchor's side of what counts as seen."""

    ops: Sequence[str]
    times: NDArray[np.float64]
    steps: NDArray[np.float64]
    models: NDArray[np.str_]


def _seen(
    given: Assembly, ops: Sequence[str], times: NDArray[np.float64],
    steps: NDArray[np.float64], models: NDArray[np.str_],
) -> _Seen:  # fmt: skip
    if given.seen_runs is None:
        return _Seen(ops, times, steps, models)
    jobs = median_of_repeats(given.seen_runs.filter(pl.col(STEP) > 0))
    all_ops = [c for c in jobs.columns if op_names.is_op_column(c)]
    return _Seen(
        all_ops, np.nan_to_num(matrix(jobs, all_ops)), matrix(jobs, (STEP,))[:, 0],
        jobs["model"].to_numpy().astype(str),
    )  # fmt: skip


def _manifest(
    given: Assembly, measured: NDArray[np.bool_], seen: _Seen, used: set[str],
    chosen: ColumnPlan,
) -> Manifest:  # fmt: skip
    """What the bundle is, and what it was fitted on.

    Parameters
    ----------
    given : Assembly
    measured : ndarray of bool
        Pairs with step times.
    seen : _Seen
    used : set of str
        Operations that take time in the pairs.
    chosen : ColumnPlan
        Columns that the translator sees.
    """
    (a, t), corpus, aligned = given.pair.sides, given.corpus, given.aligned
    busy = seen.times[:, np.isin(seen.ops, op_names.busy_columns(seen.ops))].sum(axis=1)
    used = used | {
        c for c, t in zip(seen.ops, seen.times.max(axis=0), strict=True) if t > 0
    }
    return Manifest(
        format=FORMAT,
        versions=bundles.versions(),
        anchor=a.name,
        target=t.name,
        translator=given.translator,
        policy=given.study.repeats,
        split=given.split,
        seed=given.study.seed,
        corpus=given.label or corpus.label,
        corpus_sha256=corpus.sha256,
        simulated=corpus.card.simulated,
        licence=corpus.card.licence,
        models=tuple(sorted(set(aligned.models[measured].tolist()))),
        n_pairs=int(measured.sum()),
        columns=given.study.columns,
        groups={n: list(g) for n, g in zip(chosen.names, chosen.groups, strict=True)},
        operations=tuple(sorted(used)),
        busy_range_us=(float(busy.min()), float(busy.max())),
        card=tuple(
            {
                k: getattr(r, k)
                for k in ("translator", "held_out", "metric", "value", "n")
            }
            for r in given.rows
        ),
        files={},
    )


def _recorded(given: Assembly, anchor_runs: pl.DataFrame) -> dict[str, Recorded]:
    """Runs of the anchor and of the corpus's instances that have another GPU."""
    a, corpus = given.pair.anchor, given.corpus
    own = str(anchor_runs["instance"][0])
    runs_by_instance = {a.name: _runs(anchor_runs)}
    for name in corpus.instances:
        # one GPU in two instances cannot be distinguished, and need not be
        if name != own and _gpu(name, given.session.catalogue) != a.require_gpu().name:
            runs_by_instance[name] = _runs(corpus.runs_on(name))
    return runs_by_instance


def _runs(runs: pl.DataFrame) -> Recorded:
    runs = runs.sort([*KEY, "repeat"])
    ops = [c for c in runs.columns if op_names.is_op_column(c)]
    models = runs["model"].to_numpy().astype(str)
    return Recorded(ops, np.nan_to_num(matrix(runs, ops)), models)


def _gpu(name: str, catalogue: Catalogue) -> str:
    """GPU of an instance, as far as the catalogue knows it."""
    try:
        return catalogue.gpu(name).name
    except XlateError:
        return name


def _band(runs: pl.DataFrame) -> WindowBand:
    """How many steps the windows of single runs hold."""
    ops = [c for c in runs.columns if op_names.is_op_column(c)]
    return WindowBand().fit(ops, np.nan_to_num(matrix(runs, ops)), matrix(runs, (STEP,))[:, 0])  # fmt: skip


def _scalers(runs: pl.DataFrame, seed: int) -> dict[str, Scaler]:
    """Growth along each axis of size of which there are enough runs."""
    jobs = median_of_repeats(runs.filter(pl.col(STEP) > 0))
    ops = [c for c in jobs.columns if op_names.is_op_column(c)]
    times, steps = np.nan_to_num(matrix(jobs, ops)), matrix(jobs, (STEP,))[:, 0]
    models = jobs["model"].to_numpy().astype(str)
    scalers = {}
    for axis in AXES:
        sizes = axis_sizes(jobs, axis)
        has_size = np.isfinite(sizes)
        # what differs in anything but the size is another job
        rest = [c for c in KEY if c != AXIS_COLUMN[axis]]
        same = jobs.select(pl.struct(rest).rank("dense")).to_series().to_numpy()
        try:
            scaler = Scaler(ops, axis, seed).calibrate(
                times[has_size],
                steps[has_size],
                sizes[has_size],
                same[has_size],
                models[has_size],
            )
        except AlignmentError:
            continue
        scaler.kinds_ = sorted(
            "/".join(r) for r in jobs.filter(pl.Series(has_size)).select(HOW).unique().iter_rows()
        )  # fmt: skip
        scalers[axis] = scaler
    return scalers
