"""Figures of a comparison of clock models, with equal weights of applications."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlate.models.response.calibrated import CLOSE_ENOUGH
from xlate.sweeps.gpu_sweeps import Sweeps

__all__ = [
    "Choice",
    "ClockRow",
    "application_weights",
    "bounded_rows",
    "rows_of",
    "weighted_quantile",
]

Floats = NDArray[np.float64]

#: realised slowdown above the bound by this much counts as a violation
_TOLERANCE = 0.01
#: a choice is called confident above this
_CONFIDENT = 0.8


@dataclass(frozen=True, slots=True)
class ClockRow:
    """One figure of a comparison; ``held_out`` None means over all folds.

    Attributes
    ----------
    anchor : str or None
        None where the answer needs none.
    target, model, corpus, split : str
        GPU, clock model, corpora, and what was left out together.
    held_out : str or None
        Application, or GPU, left out; None over all folds.
    metric : str
        ``edp_gap`` and others, as shares, not %.
    value : float or None
    n : int
        Workloads behind it.

    Examples
    --------
    >>> from xlate import ClockRow
    >>> ClockRow(None, "T4", "max-clock", "simulated", "workload", None, "edp_gap", 0.3, 15).value
    0.3
    """

    anchor: str | None
    target: str
    model: str
    corpus: str
    split: str
    held_out: str | None
    metric: str
    value: float | None
    n: int


@dataclass(frozen=True, eq=False)
class Choice:
    """Choices of one model for each curve of one GPU, and their results."""

    gap: Floats
    slowdown: Floats
    saved: Floats
    possible: Floats
    mhz: Floats
    best_mhz: Floats
    confidence: Floats


def rows_of(
    sweeps: Sweeps, model: str, split: str, objective: str, choice: Choice, first: bool
) -> list[ClockRow]:
    """Figures over all folds, and the gap of each application.

    Parameters
    ----------
    first : bool
        Whether to give all figures, or only the gaps of a further objective.
    """
    weights = application_weights(sweeps.applications)

    def mean(values: Floats) -> float:
        return float(weights @ values)

    figures: dict[str, float] = {
        f"{objective}_gap": mean(choice.gap),
        f"{objective}_gap_p90": weighted_quantile(choice.gap, weights, 0.9),
        f"{objective}_gap_worst": float(choice.gap.max()),
    }
    if first:
        error = np.abs(choice.mhz - choice.best_mhz)
        possible = mean(choice.possible)
        figures |= {
            "energy_saved": mean(choice.saved),
            "slowdown": mean(choice.slowdown),
            "share_of_saving": mean(choice.saved) / possible
            if possible > 0
            else np.nan,
            "mhz_error_median": weighted_quantile(error, weights, 0.5),
            "mhz_error_mean": mean(error),
            "within_30_mhz": mean((error <= 30).astype(float)),
            "within_60_mhz": mean((error <= 60).astype(float)),
        }
        figures |= _calibration(choice, weights)
    return _rows_of_figures(sweeps, model, split, figures, choice) + _rows_of_gaps(
        sweeps, model, split, f"{objective}_gap", choice
    )


def _rows_of_figures(
    sweeps: Sweeps, model: str, split: str, figures: dict[str, float], choice: Choice
) -> list[ClockRow]:
    """A row for each figure over all applications."""
    return [
        ClockRow(
            anchor=None,
            target=sweeps.gpu.name,
            model=model,
            corpus=sweeps.corpus,
            split=split,
            held_out=None,
            metric=metric,
            value=float(value) if np.isfinite(value) else None,
            n=len(choice.gap),
        )
        for metric, value in figures.items()
    ]


def _rows_of_gaps(
    sweeps: Sweeps, model: str, split: str, metric: str, choice: Choice
) -> list[ClockRow]:
    """The mean gap of each application left out."""
    rows = []
    for application in np.unique(sweeps.applications):
        of_application = sweeps.applications == application
        rows.append(
            ClockRow(
                anchor=None,
                target=sweeps.gpu.name,
                model=model,
                corpus=sweeps.corpus,
                split=split,
                held_out=str(application),
                metric=metric,
                value=float(choice.gap[of_application].mean()),
                n=int(of_application.sum()),
            )
        )
    return rows


def _calibration(choice: Choice, weights: Floats) -> dict[str, float]:
    """Share of good choices among the confident ones, and the mean confidence."""
    sure = choice.confidence
    if not np.isfinite(sure).any():
        return {}
    good = (choice.gap <= CLOSE_ENOUGH).astype(float)
    high = sure > _CONFIDENT
    of_high = (
        float(weights[high] @ good[high] / weights[high].sum())
        if high.any()
        else np.nan
    )
    return {
        "confidence": float(weights @ sure),
        "good": float(weights @ good),
        "high_confidence": float(weights[high].sum()),
        "good_of_high_confidence": of_high,
    }


def bounded_rows(
    sweeps: Sweeps, model: str, split: str, objective: str, choice: Choice, bound: float
) -> list[ClockRow]:
    """Figures of choices under a bound on slowdown."""
    weights = application_weights(sweeps.applications)
    over = (choice.slowdown > bound + _TOLERANCE).astype(float)
    figures = {
        f"bounded_{objective}_gap": float(weights @ choice.gap),
        "bounded_slowdown": float(weights @ choice.slowdown),
        "bound_violations": float(weights @ over),
    }
    return [
        ClockRow(
            None,
            sweeps.gpu.name,
            model,
            sweeps.corpus,
            split,
            held_out=None,
            metric=metric,
            value=value,
            n=len(choice.gap),
        )
        for metric, value in figures.items()
    ]


def application_weights(applications: NDArray[np.str_]) -> Floats:
    """Weights that sum to 1, equal for applications (not for their variants)."""
    _, which, count = np.unique(applications, return_inverse=True, return_counts=True)
    weights = 1.0 / count[which]
    return np.asarray(weights / weights.sum())


def weighted_quantile(values: Floats, weights: Floats, q: float) -> float:
    """Weighted quantile: the least value with at least ``q`` of the weight below."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    k = int(np.searchsorted(reached, q - 1e-9))
    return float(values[order][min(k, len(values) - 1)])
