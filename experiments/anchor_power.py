"""How telemetry of the anchor is best used in the power model: the choices, compared.

Every choice is a sum of a trend (non-negative ridge regression: each feature acts
upwards only) and a Gaussian process on what the trend leaves. They differ in which
features each of the two sees. Each network is left out in turn; ``nested`` takes, for
each network left out, the choice that was best on the others, so that its figure is
not chosen by the networks that it is tested on.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate.cli import output
from xlate.data import corpus
from xlate.evaluation.sweep_figures import ClockRow
from xlate.models.power import (
    AnchorJobs,
    feature_rows,
    joined,
    metered_jobs,
    metered_rows,
)

__all__ = ["CHOICES", "KINDS", "Choice", "anchor_power"]

Floats = NDArray[np.float64]
Strings = NDArray[np.str_]

#: share of the limit that an idle card draws, and the most that one draws
_IDLE, _MOST = 0.08, 1.02
_LEAST = 1e-3


@dataclass(frozen=True)
class Choice:
    """Features of the trend and of the process, and the trend's penalty.

    Attributes
    ----------
    name : str
    process : tuple of str
        Features of the Gaussian process.
    trend : tuple of str
        Features that act upwards only.
    penalty : float
        Ridge penalty a row, on standardised features.
    """

    name: str
    process: tuple[str, ...]
    trend: tuple[str, ...] = ()
    penalty: float = 1.0


_JOB = ("busy", "log_step", "log_pixels")
_ANCHOR = ("anchor_busy", "anchor_memory")
_RISING = ("log_energy", "busy", "anchor_busy")
#: from the op vector alone to what xlate uses, and its neighbours
CHOICES = (
    Choice("op vector alone", _JOB),
    # what was used before: more power on the anchor could mean less on the target
    Choice("process on all", (*_JOB, "power_share", *_ANCHOR)),
    Choice("trend and process", (*_JOB, *_ANCHOR, "log_speedup"), _RISING),
    Choice("trend and process, penalty 2", (*_JOB, *_ANCHOR, "log_speedup"), _RISING, 2.0),
    Choice(
        "trend with power share",
        (*_JOB, *_ANCHOR, "log_speedup"),
        (*_RISING, "logit_power_share"),
    ),
    Choice("without the speed-up", (*_JOB, *_ANCHOR), _RISING),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Jobs:
    """Jobs metered on both sides: features, power as a share of the limit, groups."""

    features: dict[str, Floats]
    share: Floats
    models: Strings
    anchors: Strings

    def at(self, names: Sequence[str]) -> Floats:
        """Columns of these features, shape (n, k)."""
        return np.column_stack([self.features[n] for n in names])


@dataclass(frozen=True, eq=False)
class _Group:
    """Jobs of a pair; ``new_anchor``: telemetry of the row's anchor is left out too."""

    name: str
    target: str
    jobs: _Jobs
    new_anchor: bool


def _logit(share: Floats) -> Floats:
    inside = np.clip(share, _IDLE + 0.01, _MOST - 0.01)
    return np.asarray(np.log((inside - _IDLE) / (_MOST - inside)))


def _share(logit: Floats) -> Floats:
    return np.asarray(_IDLE + (_MOST - _IDLE) / (1 + np.exp(-logit)))


def _jobs(table: pl.DataFrame, limit_w: float) -> _Jobs:
    rows = feature_rows(table)
    metered = [r.metered for r in rows if r.metered is not None]
    power = np.array([m.power_share for m in metered])
    features = {
        "busy": np.array([r.busy_share for r in rows]),
        "log_step": np.log([r.step_time_us for r in rows]),
        "log_pixels": np.log([r.pixels for r in rows]),
        "power_share": power,
        "logit_power_share": _logit(power),
        "anchor_busy": np.array([m.busy for m in metered]),
        "anchor_memory": np.array([m.memory for m in metered]),
        "log_speedup": np.log([m.speedup for m in metered]),
        "log_energy": np.log(np.maximum([m.energy_share for m in metered], _LEAST)),
    }
    return _Jobs(
        features,
        table["power_w"].to_numpy() / limit_w,
        table["model"].to_numpy().astype(str),
        np.array([str(m.gpu) for m in metered]),
    )


def _predicted(
    choice: Choice, jobs: _Jobs, train: NDArray[np.bool_], test: NDArray[np.bool_]
) -> Floats:
    """Power shares of the rows of ``test``, learned from those of ``train``."""
    from scipy.optimize import nnls
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    y = _logit(jobs.share)
    trend = np.full(len(y), y[train].mean())
    if choice.trend:
        T = jobs.at(choice.trend)
        Z = (T - T[train].mean(axis=0)) / (T[train].std(axis=0) + 1e-9)
        ridge = np.sqrt(choice.penalty * train.sum()) * np.eye(T.shape[1])
        rest = np.r_[y[train] - trend[train], np.zeros(T.shape[1])]
        trend = trend + Z @ nnls(np.vstack([Z[train], ridge]), rest)[0]
    X = jobs.at(choice.process)
    kernel = ConstantKernel(1.0) * RBF(2.0) + WhiteKernel(0.1)
    process = make_pipeline(
        StandardScaler(),
        GaussianProcessRegressor(kernel, normalize_y=True, random_state=0),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        process.fit(X[train], (y - trend)[train])
    return _share(trend[test] + process.predict(X[test]))


def _errors(
    choice: Choice,
    group: _Group,
    tested: Sequence[str],
    left_out: str | None = None,
) -> Floats:
    """Relative error of power, each network of ``tested`` left out; NaN elsewhere.

    Parameters
    ----------
    left_out : str, optional
        A network that is never in training.
    """
    jobs = group.jobs
    error = np.full(len(jobs.share), np.nan)
    for model in tested:
        for anchor in np.unique(jobs.anchors) if group.new_anchor else (None,):
            test = jobs.models == model
            train = (jobs.models != model) & (jobs.models != left_out)
            if anchor is not None:
                test &= jobs.anchors == anchor
                train &= jobs.anchors != anchor
            if test.any():
                guess = _predicted(choice, jobs, train, test)
                error[test] = np.abs(guess / jobs.share[test] - 1)
    return error


def _nested(groups: Sequence[_Group]) -> list[Floats]:
    """Errors of each group, by the choice that was best on the other networks."""
    nested = [np.full(len(g.jobs.share), np.nan) for g in groups]
    networks = sorted({m for g in groups for m in g.jobs.models})
    for model in networks:
        others = [m for m in networks if m != model]
        mean = [
            np.mean([np.nanmean(_errors(c, g, others, model)) for g in groups])
            for c in CHOICES
        ]
        best = CHOICES[int(np.argmin(mean))]
        output.talk(f"  without {model}: {best.name}")
        for errors, group in zip(nested, groups, strict=True):
            test = group.jobs.models == model
            errors[test] = _errors(best, group, [model])[test]
    return nested


def anchor_power(spec: dict[str, Any]) -> list[ClockRow]:
    """Error of power by each choice, each network left out, pair by pair."""
    vectors, metered = (corpus.load(n) for n in spec["data"])
    groups = []
    for target, limit_w in spec["limits_w"].items():
        jobs = joined(vectors, metered, target)
        anchors = [
            AnchorJobs(meter, anchor_limit_w, anchor)
            for anchor, anchor_limit_w in spec["anchors_w"].items()
            if anchor != target and (meter := metered_jobs(metered, anchor)) is not None
        ]
        sets: list[tuple[str, tuple[AnchorJobs, ...], bool]] = [
            (a.gpu, (a,), False) for a in anchors
        ]
        sets.append(("any of these", tuple(anchors), False))
        sets.append(("an anchor never metered", tuple(anchors), True))
        for name, these, new_anchor in sets:
            table = metered_rows(jobs, these, limit_w)
            assert table is not None, "the anchors share no job with the target"
            groups.append(_Group(name, target, _jobs(table, limit_w), new_anchor))
    rows = []
    for choice in CHOICES:
        for group in groups:
            errors = _errors(choice, group, list(np.unique(group.jobs.models)))
            rows.append(_row(spec, group, choice.name, errors))
    for group, errors in zip(groups, _nested(groups), strict=True):
        rows.append(_row(spec, group, "nested", errors))
    output.table(
        "power with the anchor's telemetry, networks left out: MAPE %",
        ["target", "telemetry of", *dict.fromkeys(r.model for r in rows), "n"],
        [
            [
                g.target, g.name,
                *(
                    f"{100 * r.value:.2f}" for r in rows
                    if (r.anchor, r.target) == (g.name, g.target) and r.value is not None
                ),
                len(g.jobs.share),
            ]
            for g in groups
        ],
    )  # fmt: skip
    return rows


def _row(spec: dict[str, Any], group: _Group, name: str, errors: Floats) -> ClockRow:
    return ClockRow(
        group.name,
        group.target,
        name,
        "+".join(spec["data"]),
        "leave-one-model-out",
        None,
        "power_mape",
        float(np.mean(errors)),
        len(errors),
    )


KINDS: dict[str, Callable[[dict[str, Any]], list[ClockRow]]] = {
    "anchor-power": anchor_power
}
