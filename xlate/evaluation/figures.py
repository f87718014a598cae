"""Errors on held-out work, and the noise floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate import op_names
from xlate.data.pairing import STEP, Aligned
from xlate.data.schema import KEY
from xlate.evaluation.held_out import Fold, HeldOut, held_out
from xlate.stats.conformal import LEVEL
from xlate.stats.metrics import score

__all__ = [
    "NOISE_FLOOR",
    "Row",
    "cross_validate",
    "noise_floor",
    "rows_of",
]

Floats = NDArray[np.float64]

NOISE_FLOOR = "noise floor"
#: intervals wider than this times their value are useless and give no coverage
_UNBOUNDED = 1e6


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of a comparison; ``held_out`` None means over all folds.

    Attributes
    ----------
    anchor, target, translator, corpus, split : str
        Machines, translator, corpus, and what was left out together.
    held_out : str or None
        Model left out; None over all folds.
    metric : str
        ``step_mape`` and other errors in %; ``vector_wape``, ``cosine``, ``coverage_90``
        and ``width_90`` as shares.
    value : float or None
    n : int
        Pairs of runs behind it.

    Examples
    --------
    >>> from xlate import Row
    >>> Row("T4", "L4", "ratio", "simulated", "model", None, "step_mape", 5.0, 12).value
    5.0
    """

    anchor: str
    target: str
    translator: str
    corpus: str
    split: str
    held_out: str | None
    metric: str
    value: float | None
    n: int


def cross_validate(
    aligned: Aligned,
    translators: Sequence[str],
    corpus: str,
    split: str = "model",
    columns: str = "all",
    seed: int = 0,
    n_jobs: int | None = None,
) -> list[Row]:
    """Error of translators on work they were not fitted on.

    Parameters are those of :func:`held_out`.

    Returns
    -------
    list of Row
        Overall and for each held-out model.
    """
    return rows_of(
        held_out(
            aligned,
            translators,
            corpus,
            split,
            columns=columns,
            seed=seed,
            n_jobs=n_jobs,
        )
    )


def rows_of(held: HeldOut) -> list[Row]:
    """Figures of every translator, overall and for each held-out model."""
    rows: list[Row] = []
    for name in dict.fromkeys(f.translator for f in held.folds):
        folds = held.of(name)
        covered = _coverage(held, name)
        for model in (None, *np.unique(held.models)):
            figures = _pooled(folds, held.models, model)
            n = len(held.models)
            if model is None:
                figures |= covered
            else:
                n = int((held.models == model).sum())
            rows += [
                Row(
                    anchor=held.anchor,
                    target=held.target,
                    translator=name,
                    corpus=held.corpus,
                    split=held.split,
                    held_out=None if model is None else str(model),
                    metric=metric,
                    value=value,
                    n=n,
                )
                for metric, value in figures.items()
            ]
    return rows


def _coverage(held: HeldOut, translator: str) -> dict[str, float | None]:
    """Coverage and width of step time intervals at :data:`xlate.stats.conformal.LEVEL`.

    The interval of a model comes from the errors on the others; all rows have the same
    weight.
    """
    scores = held.step_scores(translator)
    parts = held.of(translator)
    difficulty = np.concatenate([p.difficulty for p in parts])
    models = np.concatenate([held.models[p.rows] for p in parts])
    inside, width = np.zeros(len(models)), np.zeros(len(models))
    if len(scores.scores) != len(models):
        return {"coverage_90": None, "width_90": None}
    for model in np.unique(models):
        of_model = models == model
        others = scores.without(str(model))
        limit = np.log(others.factor(LEVEL))
        inside[of_model] = scores.scores[of_model] <= limit
        width[of_model] = 2 * np.sinh(np.minimum(limit * difficulty[of_model], 700))
    if not np.isfinite(width).all() or width.max() > _UNBOUNDED:
        return {"coverage_90": None, "width_90": None}
    return {"coverage_90": float(inside.mean()), "width_90": float(np.median(width))}


def _pooled(
    parts: Sequence[Fold], models: NDArray[np.str_], held_out: str | None
) -> dict[str, float | None]:
    """Metrics over all folds' held-out rows, or those of one model."""
    width = max(p.ops.shape[1] for p in parts)

    def stack(arrays: list[Floats]) -> Floats:
        # folds may have different columns, which does not matter for sums
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
        ops=stack([p.ops[m] for p, m in pairs]),
        ops_hat=stack([p.ops_hat[m] for p, m in pairs]),
        raw_ops_hat=stack(raws) if raws else None,
    )
    return figures


def noise_floor(target_runs: pl.DataFrame, corpus: str, anchor: str) -> list[Row]:
    """Error of one repeat as a prediction of the median of the others on the target.

    No translator can be expected to have a smaller error.

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
    ops = op_names.busy_columns(target_runs.columns)
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
        Row(
            anchor,
            target,
            NOISE_FLOOR,
            corpus,
            split="repeats",
            held_out=None,
            metric=m,
            value=v,
            n=len(steps),
        )
        for m, v in figures.items()
    ]
