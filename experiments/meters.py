"""Clocks from a meter alone: the whole path from a recording to an answer, judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from xlate import engine
from xlate.cli import output
from xlate.data.schema import METER_COLUMNS
from xlate.engine.clock_case import Question
from xlate.engine.session import Session
from xlate.engine.tune_recording import answer_recording
from xlate.errors import XlateError
from xlate.evaluation.sweep_figures import (
    ClockRow,
    application_weights,
    weighted_quantile,
)
from xlate.hardware.catalogue import catalogue
from xlate.hardware.legal_points import LegalClocks
from xlate.models.response import make_clock_model
from xlate.models.response.base import Training, grouped_folds
from xlate.models.response.donors import training
from xlate.objectives import make_objective
from xlate.settings import paths
from xlate.store.clock_bundle import FORMAT, ClockBundle, ClockManifest
from xlate.sweeps.curve import Curve
from xlate.sweeps.gpu_sweeps import Sweeps
from xlate.sweeps.probe import means_of
from xlate.telemetry import read_trace
from xlate.telemetry.trace import Trace
from xlate.values.clock_requests import RecordingsRequest
from xlate.values.translation import DOMAINS

__all__ = ["KINDS", "meter"]

#: samples of a recording that is made of a sweep's means at the highest clock
_SAMPLES = 60
#: an answer is close when its objective is within this of the best
_CLOSE = 0.02
_SURE = 0.8


def meter(spec: dict[str, Any]) -> list[ClockRow]:
    """Each application of each GPU left out: the answer to its recording at the highest clock.

    The recording is what the sweep's authors averaged of theirs, where they publish
    means, and their own file where they publish those. The truth is the smoothed sweep.
    """
    rows: list[ClockRow] = []
    for one in engine.sweeps_of(spec["sweeps"]):
        for view in spec["views"]:
            if view == "smi" and not _has_utilisation(one):
                continue
            rows += _figures(one, view, spec)
    rows += _from_files(spec)
    output.table(
        "clocks from a meter alone, applications left out",
        ["GPU", "corpus", "by", "metric", "value", "n"],
        [
            [r.target, r.corpus, r.model, r.metric, f"{r.value:.4f}", r.n]
            for r in rows
            if r.held_out is None and r.value is not None
        ],
    )
    return rows


KINDS: dict[str, Callable[[dict[str, Any]], list[ClockRow]]] = {"meter": meter}


def _has_utilisation(one: Sweeps) -> bool:
    return bool(np.isfinite(one.curves[0].metrics["memory_utilization"]).all())


def _recording(curve: Curve, view: str) -> Trace:
    """A steady recording that shows a sweep's means at its highest clock."""
    seen = {"SMCLK": curve.sm_mhz[-1], "POWER": curve.power_w[-1]}
    for name, column in METER_COLUMNS.items():
        if column in curve.metrics and np.isfinite(curve.metrics[column][-1]):
            seen[name] = curve.metrics[column][-1]
    if view == "smi":
        seen = {
            k: v for k, v in seen.items() if k in ("SMCLK", "POWER", "GPUTL", "MCUTL")
        }
    samples = pl.DataFrame({k: np.full(_SAMPLES, float(v)) for k, v in seen.items()})
    return Trace(samples, curve.workload)


def _asked(
    one: Sweeps, curve: Curve, view: str, data: Training, objective: str, model: Any
) -> Question:
    """The question with a model that was fitted on ``data`` alone."""
    manifest = ClockManifest(
        FORMAT,
        {},
        one.gpu.name,
        one.gpu.name,
        one.gpu.name,
        1.0,
        (),
        one.corpus,
        "",
        False,
        "evaluation",
        None,
        None,
        "",
        (view,),
        0,
        tuple(sorted(set(data.groups.tolist()))),
        (),
        {},
    )
    machines = catalogue()
    return Question(
        machines.instance(one.gpu.name),
        one.gpu,
        ClockBundle(manifest, {view: model}, None),
        LegalClocks(877.0, tuple(map(float, curve.sm_mhz)), "the sweep"),
        objective,
    )


def _figures(one: Sweeps, view: str, spec: dict[str, Any]) -> list[ClockRow]:
    data = training(one, view)
    fold = grouped_folds(data.groups, spec["folds"], 0)
    cases: list[dict[str, Any]] = []
    for f in np.unique(fold):
        train = data.rows(fold != f)
        model = make_clock_model(spec["model"], 0).fit(train)
        for i in np.flatnonzero(fold == f):
            for objective in spec["objectives"]:
                cases.append(_case(one, one.curves[i], view, train, objective, model))
    name = f"recording ({view})"
    rows = []
    for objective in spec["objectives"]:
        of_objective = [c for c in cases if c["objective"] == objective]
        rows += _rows(one, name, objective, of_objective, "gap")
        if view == spec["views"][0]:
            rows += _rows(one, "max-clock", objective, of_objective, "gap_at_max")
            rows += _rows(
                one, "constant-share", objective, of_objective, "gap_constant"
            )
    return rows + _sureness(one, name, [c for c in cases if c["objective"] == "edp"])


def _case(
    one: Sweeps,
    curve: Curve,
    view: str,
    train: Training,
    objective: str,
    model: Any,
    trace: Trace | None = None,
) -> dict[str, Any]:
    """One answer compared with the sweep, beside the choices of the baselines."""
    asked = _asked(one, curve, view, train, objective, model)
    # a swept program that mostly waits for its host is no job to refuse here
    recording = means_of(trace or _recording(curve, view))
    answer = answer_recording(
        Session(),
        recording,
        curve.workload,
        asked,
        RecordingsRequest((recording,), asked.instance.name, force=True),
    )
    aim = make_objective(objective)
    time = curve.smooth_time_s / curve.smooth_time_s[-1]
    power = curve.smooth_power_w / curve.smooth_power_w[-1]
    score = aim.log_score(time, power)
    gap = np.expm1(score - score.min())
    at = int(np.abs(curve.sm_mhz - answer.sm_mhz).argmin())
    constant = replace(train, objective=aim).gap.mean(axis=0).argmin()
    near = int(np.abs(curve.share - train.shares[constant]).argmin())
    energy = time * power

    def inside(estimate: Any, truth: float) -> bool:
        return bool(estimate.low <= truth <= estimate.high)

    return {
        "application": curve.application, "objective": objective, "gap": gap[at],
        "gap_at_max": gap[-1], "gap_constant": gap[near], "confidence": answer.confidence,
        "domain": DOMAINS[answer.verdict.level],
        "time": inside(answer.time_ratio, time[at]),
        "energy": inside(answer.energy_ratio, energy[at]),
    }  # fmt: skip


def _row(
    one: Sweeps,
    model: str,
    metric: str,
    value: float,
    n: int,
    held_out: str | None = None,
) -> ClockRow:
    return ClockRow(
        None,
        one.gpu.name,
        model,
        one.corpus,
        "leave-applications-out",
        held_out,
        metric,
        float(value),
        n,
    )


def _rows(
    one: Sweeps, model: str, objective: str, cases: list[dict[str, Any]], column: str
) -> list[ClockRow]:
    """Mean, 90th percentile and worst gap, applications counting alike."""
    names = np.array([c["application"] for c in cases])
    weights = application_weights(names)
    gap = np.array([c[column] for c in cases])
    n = len(np.unique(names))
    rows = [
        _row(one, model, f"{objective}_gap", float(gap @ weights), n),
        _row(
            one, model, f"{objective}_gap_p90", weighted_quantile(gap, weights, 0.9), n
        ),
        _row(one, model, f"{objective}_gap_worst", gap.max(), n),
    ]
    if objective == "edp" and column == "gap":
        for name in np.unique(names):
            in_group = gap[names == name]
            rows.append(
                _row(one, model, "edp_gap", in_group.mean(), len(in_group), str(name))
            )
    return rows


def _sureness(one: Sweeps, model: str, cases: list[dict[str, Any]]) -> list[ClockRow]:
    """Confidence stated against the share that was close, and what intervals hold."""
    names = np.array([c["application"] for c in cases])
    weights = application_weights(names)
    n = len(np.unique(names))
    close = np.array([c["gap"] <= _CLOSE for c in cases], dtype=float)
    stated = np.array([c["confidence"] for c in cases])
    rows = [
        _row(one, model, "confidence", float(stated @ weights), n),
        _row(one, model, "within_2_percent", float(close @ weights), n),
    ]
    for metric in ("time", "energy"):
        held = np.array([c[metric] for c in cases], dtype=float)
        rows.append(_row(one, model, f"coverage_90_{metric}", float(held @ weights), n))
    sure = stated > _SURE
    if sure.any():
        part = weights[sure] / weights[sure].sum()
        rows.append(
            _row(
                one,
                model,
                "within_2_percent_when_sure",
                close[sure] @ part,
                int(sure.sum()),
            )
        )
    for domain in DOMAINS.values():
        in_group = np.array([c["domain"] == domain for c in cases])
        if in_group.any():
            part = weights[in_group] / weights[in_group].sum()
            gap = np.array([c["gap"] for c in cases])[in_group]
            rows.append(
                _row(
                    one,
                    f"{model}, {domain}",
                    "edp_gap",
                    gap @ part,
                    int(in_group.sum()),
                )
            )
    return rows


def _from_files(spec: dict[str, Any]) -> list[ClockRow]:
    """The authors' recordings, complete and thinned: 20 ms, 100 ms and 1 s apart."""
    recordings = spec["recordings"]
    folder = _raw(recordings["folder"])
    if folder is None:
        raise XlateError(f"{recordings['folder']} is not here", "set XLATE_DATA_HOME")
    (one,) = [
        s for s in engine.sweeps_of(["ttu-dvfs"]) if s.gpu.name == recordings["gpu"]
    ]
    rows = []
    for view in spec["views"]:
        data = training(one, view)
        for curve in one.curves:
            files = sorted(folder.glob(f"*-{curve.workload}-{recordings['mhz']}-*"))
            if not files:
                continue
            train = data.rows(data.groups != curve.application)
            model = make_clock_model(spec["model"], 0).fit(train)
            for every in recordings["every"]:
                gaps = [
                    _case(
                        one, curve, view, train, "edp", model, _thinned(f, every, view)
                    )["gap"]
                    for f in files
                ]
                rows.append(
                    _row(
                        one,
                        f"file, every {20 * every} ms ({view})",
                        "edp_gap",
                        float(np.mean(gaps)),
                        len(gaps),
                        curve.workload,
                    )
                )
    return rows


def _raw(folder: str) -> Path | None:
    import os

    home = os.environ.get("XLATE_DATA_HOME")
    for base in (Path(home) if home else None, paths.data_home()):
        if base is not None and (base / folder).is_dir():
            return base / folder
    return None


def _thinned(file: Path, every: int, view: str) -> Trace:
    trace = read_trace(file)
    kept = trace.samples.gather_every(every)
    if view == "smi":
        kept = kept.select(
            c for c in kept.columns if c in ("SMCLK", "POWER", "GPUTL", "MCUTL")
        )
    return replace(trace, samples=kept)
