"""Anatomy of error: where a translator is wrong, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlate.data.corpus import Corpus
from xlate.data.pairing import Aligned, align
from xlate.engine.fit_pair import Beforehand, errors_of
from xlate.engine.session import Progress, Session
from xlate.engine.units import check_pairs
from xlate.evaluation.figures import noise_floor
from xlate.evaluation.held_out import Fold, HeldOut, with_step_times
from xlate.models.translate import BASELINE, default_for
from xlate.readers.tables.runs import check_runs
from xlate.stats.conformal import Scores
from xlate.values.frozen import EqualByContent
from xlate.values.profile import input_size
from xlate.values.requests import AnatomyRequest

__all__ = ["Anatomy", "OpError", "anatomy"]

Floats = NDArray[np.float64]

#: numbers of training models at which the learning curve is measured
_CURVE = (3, 5, 7, 9)
#: levels at which coverage is measured
_LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True)
class OpError:
    """What one operation adds to the error of the vector.

    Attributes
    ----------
    name : str
    share : float
        Its absolute errors over those of all operations.
    of_time : float
        Its share of measured busy time.
    bias : float
        Predicted over measured time in all runs, minus 1.
    worst_model : str
        Where most of its error lies.
    """

    name: str
    share: float
    of_time: float
    bias: float
    worst_model: str


@dataclass(frozen=True, eq=False)
class Anatomy(EqualByContent):
    """Answers about models left out, taken apart.

    Attributes
    ----------
    anchor, target, corpus, split, translator : str
    models : ndarray of str, shape (n,)
    sizes : ndarray of shape (n,)
        Megapixels of a batch; NaN where not known.
    step, step_hat : ndarray of shape (n,)
        Measured and predicted step time, µs.
    baseline : ndarray of shape (n,)
        The baseline's prediction.
    device, host : ndarray of shape (n,), or None
        Paths on the target, µs, where the translator tells them apart.
    ops : tuple of OpError
        Largest share first.
    coverage : tuple of (float, float)
        Level asked for, and share of step times inside.
    curve : tuple of (int, float)
        Models in training, and step MAPE (%) on those left out; empty where not
        measured.
    floor : float or None
        Step MAPE (%) of one repeat against the others.
    """

    anchor: str
    target: str
    corpus: str
    split: str
    translator: str
    models: NDArray[np.str_]
    sizes: Floats
    step: Floats
    step_hat: Floats
    baseline: Floats
    device: Floats | None
    host: Floats | None
    ops: tuple[OpError, ...]
    coverage: tuple[tuple[float, float], ...]
    curve: tuple[tuple[int, float], ...]
    floor: float | None

    @property
    def error(self) -> Floats:
        """Signed error of the step time, %."""
        return np.asarray(100 * (self.step_hat / self.step - 1))

    @property
    def mape(self) -> float:
        """Mean absolute error of the step time, %."""
        return float(np.abs(self.error).mean())

    def document(self) -> dict[str, Any]:
        """The promised document of ``report --json``."""
        return {
            "anchor": self.anchor,
            "target": self.target,
            "translator": self.translator,
            "step_mape": self.mape,
            "noise_floor": self.floor,
            "coverage": [list(c) for c in self.coverage],
            "learning_curve": [list(c) for c in self.curve],
            "ops": [
                {"op": o.name, "share_of_error": o.share, "bias": o.bias}
                for o in self.ops
            ],
        }


def anatomy(
    session: Session, request: AnatomyRequest, *, progress: Progress | None = None
) -> Anatomy:
    """Take a translator's errors on work left out apart.

    Raises
    ------
    XlateError
        As :func:`~xlate.engine.fit_pair.compare`.
    """
    pair, corpus = session.pair_and_corpus(request.anchor, request.target, request.data)
    sides = pair.runs(corpus)
    for side in sides:
        check_runs(side, corpus.name, numbered=False)
    aligned = align(*sides, request.repeats)
    translator = request.translator or default_for(len(np.unique(aligned.models)))
    beforehand = Beforehand(pair.prior(), pair.clock_ratio, progress)
    check_pairs(aligned, beforehand.prior, corpus.name)
    both = list(dict.fromkeys([translator, BASELINE]))
    held = errors_of(both, aligned, corpus, request, beforehand)
    n = len(held.models)
    step, hat, base = (np.zeros(n) for _ in range(3))
    device, host = np.full(n, np.nan), np.full(n, np.nan)
    for fold in held.of(translator):
        step[fold.rows], hat[fold.rows] = fold.step, fold.step_hat
        if fold.device is not None and fold.host is not None:
            device[fold.rows], host[fold.rows] = fold.device, fold.host
    for fold in held.of(BASELINE):
        base[fold.rows] = fold.step_hat
    floor = [
        r.value
        for r in noise_floor(sides[1], corpus.label, pair.anchor.name)
        if r.metric == "step_mape"
    ]
    both_paths = np.isfinite(device).all()
    return Anatomy(
        anchor=pair.anchor.name,
        target=pair.target.name,
        corpus=corpus.label,
        split=held.split,
        translator=translator,
        models=held.models,
        sizes=_sizes(held),
        step=step,
        step_hat=hat,
        baseline=base,
        device=device if both_paths else None,
        host=host if both_paths else None,
        ops=_ops(held.of(translator), held.models),
        coverage=_coverage(held.step_scores(translator)),
        curve=_curve(aligned, translator, corpus, request, beforehand)
        if request.curve
        else (),
        floor=floor[0] if floor else None,
    )


def _sizes(held: HeldOut) -> Floats:
    """Megapixels of a batch; NaN where not known."""
    keys = held.keys.select("batch_size", "dataset").iter_rows()
    return np.array(
        [(b or np.nan) * (input_size(d) or np.nan) ** 2 / 1e6 for b, d in keys]
    )


def _ops(folds: Sequence[Fold], models: NDArray[np.str_]) -> tuple[OpError, ...]:
    """Errors by operation over all folds."""
    wrong: dict[str, dict[str, float]] = {}
    true: dict[str, float] = {}
    guessed: dict[str, float] = {}
    for fold in folds:
        for j, name in enumerate(fold.names):
            errors = np.abs(fold.ops_hat[:, j] - fold.ops[:, j])
            true[name] = true.get(name, 0.0) + float(fold.ops[:, j].sum())
            guessed[name] = guessed.get(name, 0.0) + float(fold.ops_hat[:, j].sum())
            for model, e in zip(
                models[fold.rows].tolist(), errors.tolist(), strict=True
            ):
                of = wrong.setdefault(name, {})
                of[model] = of.get(model, 0.0) + e
    all_wrong = sum(sum(v.values()) for v in wrong.values()) or 1.0
    all_true = sum(true.values()) or 1.0
    op_errors = [
        OpError(
            name,
            sum(by.values()) / all_wrong,
            true[name] / all_true,
            guessed[name] / true[name] - 1 if true[name] else np.inf,
            max(by, key=lambda m: by[m]),
        )
        for name, by in wrong.items()
        if sum(by.values()) > 0
    ]
    return tuple(sorted(op_errors, key=lambda o: (-o.share, o.name)))


def _coverage(scores: Scores) -> tuple[tuple[float, float], ...]:
    """Share of step times inside, each model judged by the others' errors."""
    coverage = []
    for level in _LEVELS:
        inside = [
            scores.scores[scores.groups == m] <= np.log(scores.without(m).factor(level))
            for m in np.unique(scores.groups)
        ]
        coverage.append((level, float(np.concatenate(inside).mean())))
    return tuple(coverage)


def _curve(
    aligned: Aligned,
    translator: str,
    corpus: Corpus,
    request: AnatomyRequest,
    beforehand: Beforehand,
) -> tuple[tuple[int, float], ...]:
    """Error on each model left out when fitted on fewer others."""
    names = np.unique(aligned.models[with_step_times(aligned)])
    by_model = replace(request, split="model")
    curve: list[tuple[int, float]] = []
    for n in (*_CURVE, len(names) - 1):
        if n >= len(names) or (curve and n <= curve[-1][0]):
            continue
        held = errors_of(
            [translator], aligned, corpus, by_model, beforehand, most_models=n
        )
        errors = np.concatenate([np.abs(f.step_hat / f.step - 1) for f in held.folds])
        curve.append((n, 100 * float(errors.mean())))
    return tuple(curve)
