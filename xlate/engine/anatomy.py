"""Anatomy of error: where a translator is wrong, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlate.align import Aligned, align
from xlate.conformal import Scores
from xlate.corpus import Corpus
from xlate.engine.pair import clock_ratio, prior, resolve, runs_of
from xlate.engine.units import check_pairs
from xlate.evaluate import noise_floor
from xlate.heldout import Fold, held_out
from xlate.profile import input_size
from xlate.readers.runs import check_runs
from xlate.translators import BASELINE, default_for

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
class Anatomy:
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


def anatomy(
    anchor: str,
    target: str,
    data: Corpus | str | None = None,
    *,
    translator: str | None = None,
    split: str = "model",
    columns: str = "all",
    repeats: str = "median",
    seed: int = 0,
    n_jobs: int = 2,
    curve: bool = True,
    anchors_dirs: Iterable[Path] = (),
    progress: Callable[[int, int, str], None] | None = None,
) -> Anatomy:
    """Take a translator's errors on work left out apart.

    Parameters
    ----------
    anchor, target, data, split, columns, repeats, seed, n_jobs
        As for :func:`~xlate.engine.fitting.compare`.
    translator : str, optional
        That answers with a vector; by default the one that a fit would take for so
        many models.
    curve : bool
        Whether to fit on fewer models too, which takes a few times as long.
    progress : callable, optional
        Called with groups done, groups in all, and what is done.

    Raises
    ------
    XlateError
        As :func:`~xlate.engine.fitting.compare`.
    """
    a, t, corpus = resolve(anchor, target, data, anchors_dirs)
    sides = runs_of(corpus, a), runs_of(corpus, t)
    for side in sides:
        check_runs(side, corpus.name, numbered=False)
    aligned = align(*sides, repeats)
    translator = translator or default_for(len(np.unique(aligned.models)))
    told = prior(a, t)
    check_pairs(aligned, told, corpus.name)
    ratio = clock_ratio(a, t)
    held = held_out(
        aligned, list(dict.fromkeys([translator, BASELINE])), corpus.label, split,
        columns, seed, n_jobs, clock_ratio=ratio, prior=told,
        families=corpus.card.families, progress=progress,
    )  # fmt: skip
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
        for r in noise_floor(sides[1], corpus.label, a.name)
        if r.metric == "step_mape"
    ]
    both_paths = np.isfinite(device).all()
    keys = held.keys
    sizes = np.array(
        [
            (b or np.nan) * (input_size(d) or np.nan) ** 2 / 1e6
            for b, d in keys.select("batch_size", "dataset").iter_rows()
        ]
    )
    return Anatomy(
        a.name, t.name, corpus.label, held.split, translator, held.models, sizes,
        step, hat, base, device if both_paths else None,
        host if both_paths else None,
        _ops(held.of(translator), held.models), _coverage(held.step_scores(translator)),
        _curve(aligned, held.models, translator, corpus, columns, ratio, told, seed, n_jobs, progress) if curve else (),
        floor[0] if floor else None,
    )  # fmt: skip


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
    found = [
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
    return tuple(sorted(found, key=lambda o: (-o.share, o.name)))


def _coverage(scores: Scores) -> tuple[tuple[float, float], ...]:
    """Share of step times inside, each model judged by the others' errors."""
    found = []
    for level in _LEVELS:
        inside = [
            scores.scores[scores.groups == m] <= np.log(scores.without(m).factor(level))
            for m in np.unique(scores.groups)
        ]
        found.append((level, float(np.concatenate(inside).mean())))
    return tuple(found)


def _curve(
    aligned: Aligned, models: NDArray[np.str_], translator: str, corpus: Corpus,
    columns: str, ratio: float, told: Mapping[str, float] | None, seed: int, n_jobs: int,
    progress: Callable[[int, int, str], None] | None = None,
) -> tuple[tuple[int, float], ...]:  # fmt: skip
    """Error on each model left out when only so many others teach."""
    names = np.unique(models)
    found: list[tuple[int, float]] = []
    for n in (*_CURVE, len(names) - 1):
        if n >= len(names) or (found and n <= found[-1][0]):
            continue
        held = held_out(
            aligned, [translator], corpus.label, "model", columns, seed, n_jobs,
            clock_ratio=ratio, prior=told, most_models=n, progress=progress,
        )  # fmt: skip
        errors = np.concatenate([np.abs(f.step_hat / f.step - 1) for f in held.folds])
        found.append((n, 100 * float(errors.mean())))
    return tuple(found)
