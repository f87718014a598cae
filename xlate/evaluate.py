"""Honest error: splits that keep whole models apart, and the floor of noise.

Everything that is chosen (columns, clamps, groups) is chosen again inside
each fold, on its training rows only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate import opnames
from xlate.align import STEP, Aligned
from xlate.columns import plan
from xlate.errors import AlignmentError, UnknownNameError
from xlate.metrics import score
from xlate.schema import KEY
from xlate.translators import make
from xlate.translators.window import StepFromWindow

__all__ = ["NOISE_FLOOR", "SPLITS", "Row", "cross_validate", "folds", "noise_floor"]

Floats = NDArray[np.float64]

#: split -> columns of the key that are kept together; none: a random split
SPLITS: dict[str, tuple[str, ...]] = {
    "model": ("model",),
    "model+dataset": ("model", "dataset"),
    "model+dataset+batch": ("model", "dataset", "batch_size"),
    "random": (),
}
#: a split by row lets repeats and neighbours of a workload into training
LEAKY = frozenset({"random"})
#: finer groups than this many are put together into so many folds
MOST_FOLDS = 12
NOISE_FLOOR = "noise floor"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of a comparison; ``held_out`` None means over all folds."""

    anchor: str
    target: str
    translator: str
    corpus: str
    split: str
    held_out: str | None
    metric: str
    value: float | None
    n: int


def split_label(split: str) -> str:
    """Name of a split for tables; a leaky one says so."""
    if split in LEAKY:
        return f"{split} (leaky)"
    # finer groups are dealt over twelve folds, which is not leaving one out
    return "leave-one-model-out" if split == "model" else f"grouped by {split}"


def folds(keys: pl.DataFrame, split: str, seed: int = 0) -> NDArray[np.int64]:
    """Fold number of each pair.

    Parameters
    ----------
    keys : polars.DataFrame
        Workload keys.
    split : str
        Key of :data:`SPLITS`. Groups get a fold each while there are at most
        twelve, else they are dealt out over twelve folds.
    seed : int
        For the deal.

    Raises
    ------
    UnknownNameError
        If the split is unknown.
    AlignmentError
        If there is only one group.
    """
    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)
    together = SPLITS[split]
    if together:
        groups = keys.select(pl.struct(together).rank("dense") - 1).to_series()
        group = groups.to_numpy().astype(np.int64)
    else:
        group = np.arange(keys.height)
    n_groups = int(group.max()) + 1
    if n_groups < 2:
        raise AlignmentError(
            f"split {split} has one group only", "use a finer split or more models"
        )
    if n_groups <= MOST_FOLDS or together == ("model",):
        return group
    deal = np.random.default_rng(seed).permutation(n_groups) % MOST_FOLDS
    return np.asarray(deal[group], dtype=np.int64)


@dataclass(frozen=True)
class _Fold:
    """What one translator said about the held-out rows of one fold."""

    translator: str
    rows: NDArray[np.int64]
    step: Floats
    step_hat: Floats
    #: the same without the anchor's step time, taken from the window instead
    step_hat_window: Floats
    ops: Floats
    ops_hat: Floats
    raw: Floats | None


def _run_fold(
    ops: Sequence[str],
    matrices: tuple[Floats, Floats],
    test: NDArray[np.bool_],
    translators: Sequence[str],
    columns: str,
    seed: int,
) -> list[_Fold]:
    """Fit every translator without the rows of one fold, and ask them for these."""
    X, Y = matrices
    train = ~test
    chosen = plan(columns, ops, np.vstack([X[train, :-1], Y[train, :-1]]))
    names = [*chosen.names, STEP]
    A, B = (np.column_stack([chosen.apply(M[:, :-1], ops), M[:, -1]]) for M in (X, Y))
    busy = np.isin(names, opnames.busy_columns(names))
    window = StepFromWindow(list(chosen.names), random_state=seed)
    window.fit(A[train, :-1], A[train, -1])
    without_step = A[test].copy()
    without_step[:, -1] = window.predict(A[test, :-1])
    answers = []
    for name in translators:
        model = make(name, names, seed).fit(A[train], B[train])
        hat = model.predict(A[test])
        answers.append(
            _Fold(
                name,
                np.flatnonzero(test),
                B[test, -1],
                hat[:, -1],
                model.predict(without_step)[:, -1],
                B[test][:, busy],
                hat[:, busy],
                model.predict_raw(A[test])[:, busy] if model.predicts_vector else None,
            )
        )
    return answers


def cross_validate(
    aligned: Aligned,
    translators: Sequence[str],
    corpus: str,
    split: str = "model",
    columns: str = "all",
    seed: int = 0,
    n_jobs: int = 2,
) -> list[Row]:
    """Error of translators on work they were not fitted on.

    Parameters
    ----------
    aligned : Aligned
        Pairs.
    translators : sequence of str
        Names in the registry.
    corpus : str
        Label for the rows.
    split, columns : str
        See :data:`SPLITS` and :func:`xlate.columns.plan`.
    seed : int
        For splits and translators.
    n_jobs : int
        Folds worked on at the same time, in threads: trees and BLAS release
        the GIL, and each is kept to one thread of its own.

    Returns
    -------
    list of Row
        Overall and for each held-out model.
    """
    from joblib import Parallel, delayed
    from threadpoolctl import threadpool_limits

    measured = with_step_times(aligned)
    fold = folds(aligned.keys, split, seed)
    fold = np.where(measured, fold, -1)
    matrices = (
        aligned.anchor_matrix((*aligned.columns, STEP)),
        aligned.target_matrix((*aligned.columns, STEP)),
    )
    keep = fold >= 0
    matrices = (matrices[0][keep], matrices[1][keep])
    models, fold = aligned.models[keep], fold[keep]
    with threadpool_limits(1):
        done = Parallel(n_jobs=n_jobs, backend="threading")(
            delayed(_run_fold)(
                aligned.columns, matrices, fold == k, translators, columns, seed
            )
            for k in np.unique(fold)
        )
    rows: list[Row] = []
    label = split_label(split)
    for name in translators:
        mine = [d for answers in done for d in answers if d.translator == name]
        for held_out in (None, *np.unique(models)):
            figures = _pooled(mine, models, held_out)
            n = len(models) if held_out is None else int((models == held_out).sum())
            rows += [
                Row(
                    aligned.anchor, aligned.target, name, corpus, label,
                    None if held_out is None else str(held_out), metric, value, n,
                )
                for metric, value in figures.items()
            ]  # fmt: skip
    return rows


def _pooled(
    parts: Sequence[_Fold], models: NDArray[np.str_], held_out: str | None
) -> dict[str, float | None]:
    """Metrics over all folds' held-out rows, or those of one model."""
    width = max(p.ops.shape[1] for p in parts)

    def stack(arrays: list[Floats]) -> Floats:
        # folds may have chosen different columns; sums do not mind
        padded = [np.pad(a, ((0, 0), (0, width - a.shape[1]))) for a in arrays]
        return np.vstack(padded)

    picks = [
        np.ones(len(p.rows), bool) if held_out is None else models[p.rows] == held_out
        for p in parts
    ]
    raws = [p.raw[m] for p, m in zip(parts, picks, strict=True) if p.raw is not None]
    pairs = list(zip(parts, picks, strict=True))
    figures = score(
        np.concatenate([p.step[m] for p, m in pairs]),
        np.concatenate([p.step_hat[m] for p, m in pairs]),
        np.concatenate([p.step_hat_window[m] for p, m in pairs]),
        stack([p.ops[m] for p, m in pairs]),
        stack([p.ops_hat[m] for p, m in pairs]),
        stack(raws) if raws else None,
    )
    return figures


def with_step_times(aligned: Aligned) -> NDArray[np.bool_]:
    """Pairs whose step time was measured on both sides.

    Raises
    ------
    AlignmentError
        If there is none.
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


def noise_floor(target_runs: pl.DataFrame, corpus: str, anchor: str) -> list[Row]:
    """What one repeat says about the median of the others on the target.

    No translator can be expected to do better.

    Parameters
    ----------
    target_runs : polars.DataFrame
        Wide rows of the target.
    corpus, anchor : str
        For the rows' labels.

    Returns
    -------
    list of Row
        Empty where no workload was repeated.
    """
    ops = opnames.busy_columns(target_runs.columns)
    steps, hats, vectors, vector_hats = [], [], [], []
    for _, group in target_runs.sort([*KEY, "repeat"]).group_by(
        KEY, maintain_order=True
    ):
        if group.height < 2:
            continue
        V = group.select(ops).to_numpy()
        s = group[STEP].to_numpy()
        for k in range(group.height):
            others = np.arange(group.height) != k
            steps.append(np.median(s[others]))
            hats.append(s[k])
            vectors.append(np.median(V[others], axis=0))
            vector_hats.append(V[k])
    if not steps:
        return []
    target = str(target_runs["instance"][0])
    figures = score(
        np.array(steps), np.array(hats), None, np.array(vectors), np.array(vector_hats)
    )
    return [
        Row(anchor, target, NOISE_FLOOR, corpus, "repeats", None, m, v, len(steps))
        for m, v in figures.items()
    ]
