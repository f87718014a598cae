"""Answers about work left out: translators fitted without it, fold by fold.

Everything that is chosen (columns, clamps, groups) is chosen again inside
each fold, on its training rows only.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate import op_names, parallel, settings
from xlate.data.columns import check_plan, plan
from xlate.data.pairing import STEP, Aligned
from xlate.errors import AlignmentError
from xlate.models.translate import make
from xlate.models.translate.window import StepFromWindow
from xlate.settings.logs import logger, timed
from xlate.stats.calibration import MIN_OP_SHARE
from xlate.stats.conformal import Scores
from xlate.stats.splits import folds, split_label
from xlate.values.frozen import EqualByContent

__all__ = ["MIN_OP_SHARE", "Fold", "HeldOut", "held_out", "with_step_times"]

Floats = NDArray[np.float64]
_LOG = logger(__name__)


@dataclass(frozen=True, eq=False)
class Fold(EqualByContent):
    """One translator's predictions for the held-out rows of one fold."""

    translator: str
    rows: NDArray[np.int64]
    step: Floats
    step_hat: Floats
    #: the same without the anchor's step time, taken from the window instead
    step_hat_window: Floats
    difficulty: Floats
    difficulty_window: Floats
    #: busy device operations, by the columns of this fold's plan
    names: tuple[str, ...]
    ops: Floats
    ops_hat: Floats
    raw: Floats | None
    #: paths of a step on the target, µs, where the translator tells them apart
    device: Floats | None = None
    host: Floats | None = None


@dataclass(frozen=True, eq=False)
class HeldOut(EqualByContent):
    """Answers of translators about work that they were not fitted on.

    Attributes
    ----------
    anchor, target, corpus, split : str
        For labels; the split as tables name it.
    models : ndarray of str, shape (n,)
        Model of each pair.
    keys : polars.DataFrame
        Workload key of each pair.
    folds : list
        One entry for each translator and fold.
    """

    anchor: str
    target: str
    corpus: str
    split: str
    models: NDArray[np.str_]
    keys: pl.DataFrame
    folds: tuple[Fold, ...]

    def of(self, translator: str) -> list[Fold]:
        """The folds of one translator."""
        return [f for f in self.folds if f.translator == translator]

    def step_scores(self, translator: str, *, window: bool = False) -> Scores:
        """Errors of the step time, by model."""
        parts = self.of(translator)
        return Scores.of(
            np.concatenate([p.step for p in parts]),
            np.concatenate(
                [p.step_hat_window if window else p.step_hat for p in parts]
            ),
            np.concatenate(
                [p.difficulty_window if window else p.difficulty for p in parts]
            ),
            self._models(parts),
        )

    def sum_scores(self, translator: str) -> Scores:
        """Errors of the busy device time, by model."""
        parts = self.of(translator)
        true = np.concatenate([p.ops.sum(axis=1) for p in parts])
        return Scores.of(
            true,
            np.concatenate([p.ops_hat.sum(axis=1) for p in parts]),
            np.ones(len(true)),
            self._models(parts),
        )

    def op_scores(self, translator: str) -> dict[str, Scores]:
        """Errors of each operation where it is large, by model.

        An operation is large in a run if its measured or its predicted share is at
        least :data:`MIN_OP_SHARE`.
        """
        parts = self.of(translator)
        cells_of: dict[str, list[tuple[Floats, Floats, NDArray[np.str_]]]] = {}
        for p in parts:
            models = self.models[p.rows]
            shares = [
                m / np.maximum(m.sum(axis=1, keepdims=True), 1e-9)
                for m in (p.ops, p.ops_hat)
            ]
            large = np.maximum(*shares) >= MIN_OP_SHARE
            for j, name in enumerate(p.names):
                rows = large[:, j]
                if rows.any():
                    cells_of.setdefault(name, []).append(
                        (p.ops[rows, j], p.ops_hat[rows, j], models[rows])
                    )
        scores = {}
        for name, cells in sorted(cells_of.items()):
            true, hat, models = (np.concatenate(c) for c in zip(*cells, strict=True))
            scores[name] = Scores.of(true, hat, np.ones(len(true)), models)
        return scores

    def _models(self, parts: Sequence[Fold]) -> NDArray[np.str_]:
        return np.concatenate([self.models[p.rows] for p in parts])


def _run_fold(
    k: int,
    *,
    ops: Sequence[str],
    matrices: tuple[Floats, Floats],
    fold: NDArray[np.int_],
    translators: Sequence[str],
    columns: str,
    seed: int,
    models: NDArray[np.str_],
    clock_ratio: float,
    prior: Mapping[str, float] | None,
    most_models: int | None,
) -> list[Fold]:
    """Fit every translator without the rows of fold ``k``, and predict these.

    It is a function of the module so that it can be sent to another process.
    """
    test = fold == k
    X, Y = matrices
    train = ~test & _few(models, test, most_models, seed)
    chosen = plan(columns, ops, np.vstack([X[train, :-1], Y[train, :-1]]))
    names = [*chosen.names, STEP]
    A, B = (np.column_stack([chosen.apply(M[:, :-1], ops), M[:, -1]]) for M in (X, Y))
    busy = np.isin(names, op_names.busy_columns(names))
    window = StepFromWindow(list(chosen.names), random_state=seed)
    window.fit(A[train, :-1], A[train, -1])
    without_step = A[test].copy()
    without_step[:, -1] = window.predict(A[test, :-1])
    answers = []
    for name in translators:
        model = make(name, names, seed, clock_ratio, prior)
        model.fit(A[train], B[train], models[train])
        answer = model.translate(A[test])
        hat = answer.values
        answers.append(
            Fold(
                translator=name,
                rows=np.flatnonzero(test),
                step=B[test, -1],
                step_hat=hat[:, -1],
                step_hat_window=model.predict(without_step)[:, -1],
                difficulty=answer.difficulty,
                difficulty_window=model.difficulty(without_step),
                names=tuple(np.array(names)[busy].tolist()),
                ops=B[test][:, busy],
                ops_hat=hat[:, busy],
                raw=model.predict_raw(A[test])[:, busy]
                if model.predicts_vector
                else None,
                device=answer.device,
                host=answer.host,
            )
        )
    return answers


def _few(
    models: NDArray[np.str_], test: NDArray[np.bool_], most: int | None, seed: int
) -> NDArray[np.bool_]:
    """Rows of at most ``most`` models outside the fold, drawn at random."""
    if most is None:
        return np.ones(len(models), dtype=bool)
    left = np.unique(models[~test])
    # the draw differs between folds and is the same in every run
    rng = np.random.default_rng([seed, int(np.flatnonzero(test)[0])])
    return np.isin(models, rng.permutation(left)[:most])


@contextmanager
def _no_filter_warnings() -> Iterator[None]:
    """Suppress a warning of scikit-learn that is caused by threads.

    Its workers change the warning filters of the process for a short time; a worker
    that starts in another thread meanwhile finds no filters and warns of a misuse.
    """
    shown = warnings.showwarning

    def show(message: Warning | str, *args: Any, **options: Any) -> None:
        if "sklearn.utils.parallel.delayed" not in str(message):
            shown(message, *args, **options)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = shown


def _all_folds(
    run_fold: Callable[[int], list[Fold]],
    folds: Sequence[int],
    n_jobs: int | None,
    progress: Callable[[int, int, str], None] | None,
    text: str,
) -> list[Fold]:
    """Run folds at the same time where the settings say, and report the progress."""
    where = parallel.backend(settings.current().parallel, n_jobs)
    answers: list[Fold] = []
    with _no_filter_warnings(), timed(_LOG, f"{len(folds)} folds, {where}"):
        for ended, answered in enumerate(where.results(run_fold, folds), 1):
            answers += answered
            if progress is not None:
                progress(ended, len(folds), text)
    return answers


def held_out(
    aligned: Aligned,
    translators: Sequence[str],
    corpus: str,
    split: str = "model",
    columns: str = "all",
    seed: int = 0,
    n_jobs: int | None = None,
    *,
    clock_ratio: float = 1.0,
    prior: Mapping[str, float] | None = None,
    families: Mapping[str, Sequence[str]] | None = None,
    most_models: int | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> HeldOut:
    """Predictions of translators for work they were not fitted on.

    Parameters
    ----------
    corpus : str
        Label for the rows.
    split, columns, families
        See :func:`folds` and :func:`xlate.data.columns.plan`.
    n_jobs : int, optional
        Folds run at the same time; the predictions do not depend on it.
    clock_ratio, prior
        See :func:`xlate.models.translate.make`.
    most_models : int, optional
        Largest number of training models, drawn for each fold.
    """
    _check_names(translators, columns)
    fold = folds(aligned.keys, split, seed, families)
    keep = with_step_times(aligned) & (fold >= 0)
    models, fold = aligned.models[keep], fold[keep]
    run_fold = partial(
        _run_fold,
        ops=aligned.columns,
        matrices=_matrices(aligned, keep),
        fold=fold,
        translators=translators,
        columns=columns,
        seed=seed,
        models=models,
        clock_ratio=clock_ratio,
        prior=prior,
        most_models=most_models,
    )
    text = f"{aligned.anchor} → {aligned.target}, groups held out"
    answers = _all_folds(run_fold, np.unique(fold).tolist(), n_jobs, progress, text)
    return HeldOut(
        anchor=aligned.anchor,
        target=aligned.target,
        corpus=corpus,
        split=split_label(split),
        models=models,
        keys=aligned.keys.filter(pl.Series(keep)),
        folds=tuple(answers),
    )


def _check_names(translators: Sequence[str], columns: str) -> None:
    """An unknown name is an error before any work."""
    for name in translators:
        make(name)
    check_plan(columns)


def _matrices(aligned: Aligned, keep: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Operations and step time of the kept pairs, on the anchor and on the target."""
    columns = (*aligned.columns, STEP)
    return aligned.anchor_matrix(columns)[keep], aligned.target_matrix(columns)[keep]


def with_step_times(aligned: Aligned) -> NDArray[np.bool_]:
    """Pairs whose step time was measured on both sides.

    Raises
    ------
    AlignmentError
        If no pair has step times on both sides.
    """
    steps = aligned.anchor_matrix((STEP,))[:, 0], aligned.target_matrix((STEP,))[:, 0]
    measured = np.isfinite(steps[0]) & np.isfinite(steps[1])
    measured &= (np.nan_to_num(steps[0]) > 0) & (np.nan_to_num(steps[1]) > 0)
    if not measured.any():
        raise AlignmentError(
            f"no pair of {aligned.anchor} and {aligned.target} has a step time",
            "record step_time_us beside the op vectors",
        )
    return np.asarray(measured)
