"""The clock half of the experiments: sweeps in, figures of clock models out."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import polars as pl

from xlate import engine
from xlate.cli import output
from xlate.cli.clock_comparison import comparison
from xlate.data import corpus
from xlate.data.pairing import matrix
from xlate.evaluation import sweep_study
from xlate.evaluation.sweep_figures import ClockRow
from xlate.models.power import (
    PREDICTED,
    AnchorJobs,
    PowerModel,
    joined,
    metered_jobs,
    metered_rows,
)
from xlate.models.response import choice, make_clock_model
from xlate.models.response.base import grouped_folds
from xlate.models.response.calibrated import CalibratedResponse
from xlate.models.response.donors import training
from xlate.models.response.draws import draw
from xlate.objectives import make_objective
from xlate.sweeps.gpu_sweeps import Sweeps
from xlate.sweeps.probe import Probe


def figures(spec: dict[str, Any]) -> list[ClockRow]:
    """Rows of a spec of kind ``clocks``, ``spread``, ``bound`` or ``handoff``, which are printed too."""
    if spec["kind"] == "handoff":
        rows = handoff(spec)
        output.table(
            "power model, leave-one-model-out",
            ["target", "by", "telemetry of", "metric", "value", "n"],
            [
                [r.target, r.model, r.anchor, r.metric, f"{r.value:.4g}", r.n]
                for r in rows
                if r.held_out is None
            ],
        )
        return rows
    if spec["kind"] == "spread":
        return spread(spec)
    if spec["kind"] == "bound":
        return bound(spec)
    rows = []
    for part in spec["runs"]:
        rows += engine.compare_clocks(
            part["sweeps"],
            gpu=part.get("gpu"),
            models=tuple(spec["models"]),
            split=spec["split"],
            view=spec.get("view"),
            probe=spec.get("probe", "max-only"),
            bound=spec.get("bound", 0.05),
            pool=spec.get("pool", True),
            progress=lambda *step: output.talk(f"{step[2]} …"),
        )
        if spec.get("importance"):
            rows += engine.importance(
                part["sweeps"], gpu=part.get("gpu"), view=spec.get("view")
            )
    comparison(rows)
    return rows


def spread(spec: dict[str, Any]) -> list[ClockRow]:
    """Factor on a card's own errors that covers its response on another card."""
    swept = engine.sweeps_of(spec["sweeps"])
    rows = [
        ClockRow(
            f"{one.gpu.name} ({one.corpus})",
            other.gpu.name,
            spec["model"],
            other.corpus,
            "leave-one-application-out",
            None,
            "spread",
            sweep_study.spread(one, other, spec["model"], view=spec["view"]),
            len(other.curves),
        )
        for one, other in itertools.permutations(swept, 2)
    ]
    covers = np.quantile([r.value for r in rows], spec["pairs"], method="higher")
    rows.append(
        ClockRow(
            None,
            "any",
            spec["model"],
            "+".join(spec["sweeps"]),
            "leave-one-application-out",
            None,
            "spread",
            float(covers),
            len(rows),
        )
    )
    output.table(
        f"a response borrowed: factor on the errors; the last covers {spec['pairs']:.0%}",
        ["from", "to", "corpus", "factor"],
        [[r.anchor, r.target, r.corpus, f"{r.value:.2f}"] for r in rows],
    )
    return rows


def bound(spec: dict[str, Any]) -> list[ClockRow]:
    """How often a bound on slowdown holds, against the probability that is stated.

    Applications are left out in folds; the job is known at the highest clock only,
    and the true time is that of the smoothed sweep. Applications count alike.
    """
    cases = [c for one in engine.sweeps_of(spec["sweeps"]) for c in _bounded(one, spec)]
    table = pl.DataFrame(cases, infer_schema_length=None).with_columns(
        (1 / pl.len().over("gpu", "corpus", "application", "bound", "sure")).alias(
            "weight"
        )
    )
    rows = []

    def add(target: str, model: str, part: pl.DataFrame) -> None:
        for metric, column in (("bound_stated", "stated"), ("bound_held", "held")):
            weight = part["weight"]
            mean = (part[column].cast(pl.Float64) * weight).sum()
            value = float(mean) / float(weight.sum())
            rows.append(
                ClockRow(
                    None,
                    target,
                    model,
                    "+".join(spec["sweeps"]),
                    "leave-applications-out",
                    None,
                    metric,
                    float(value),
                    part.height,
                )
            )

    for (limit, sure), part in table.group_by("bound", "sure", maintain_order=True):
        said = "expected curve" if sure is None else f"sure {sure:g}"
        add("any", f"{limit:.0%}, {said}", part)
    plain = table.filter(pl.col("sure").is_null())
    for low, high in itertools.pairwise(spec["bins"]):
        part = plain.filter(pl.col("stated").is_between(low, high, closed="right"))
        if part.height:
            add("any", f"stated {low:g} to {high:g}", part)
    output.table(
        "a bound on slowdown: probability stated, and share that held",
        ["which", "metric", "value", "n"],
        [[r.model, r.metric, f"{r.value:.3f}", r.n] for r in rows],
    )
    return rows


def _bounded(one: Sweeps, spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Each application of a sweep left out: probability stated, and whether it held."""
    data = training(one, spec["view"])
    fold = grouped_folds(data.groups, spec["folds"], 0)
    aim = make_objective("edp")
    cases = []
    for f in np.unique(fold):
        model = make_clock_model(spec["model"], 0).fit(data.rows(fold != f))
        assert isinstance(model, CalibratedResponse), "only this one draws its errors"
        for i in np.flatnonzero(fold == f):
            curve = one.curves[i]
            draws = draw(
                model, Probe.of(curve), [], one.gpu, spec["view"], list(curve.sm_mhz)
            )
            ratio = dict(
                zip(
                    curve.sm_mhz,
                    curve.smooth_time_s / curve.smooth_time_s[-1],
                    strict=True,
                )
            )
            for limit, sure in itertools.product(spec["bounds"], (None, *spec["sure"])):
                k, _, _ = choice.answer(draws, aim, limit, sure)
                cases.append(
                    {
                        "gpu": one.gpu.name, "corpus": one.corpus,
                        "application": curve.application, "bound": limit, "sure": sure,
                        "stated": choice.bound_probability(draws, k, limit),
                        "held": bool(ratio[draws.sm_mhz[k]] <= 1 + limit + 1e-9),
                    }
                )  # fmt: skip
    return cases


def handoff(spec: dict[str, Any]) -> list[ClockRow]:
    """Error of power and utilisations from op vectors, each network left out."""
    vectors, metered = (corpus.load(n) for n in spec["data"])
    rows = []
    for target, limit in spec["limits_w"].items():
        jobs = joined(vectors, metered, target)
        guess = PowerModel(limit).fit(jobs).out_of_fold(jobs)
        truth = matrix(jobs, PREDICTED)
        rows += with_telemetry(spec, metered, jobs, target, limit)
        models = jobs["model"].to_numpy()
        # the plainest guess there is: the mean of the other networks
        plain = np.array([truth[models != m, 0].mean() for m in models])
        errors = {
            ("handoff", "power_mape"): np.abs(guess[:, 0] / truth[:, 0] - 1),
            ("mean power", "power_mape"): np.abs(plain / truth[:, 0] - 1),
            ("handoff", "gpu_utilization_mae"): np.abs(guess[:, 1] - truth[:, 1]) / 100,
            ("handoff", "memory_utilization_mae"): np.abs(guess[:, 2] - truth[:, 2])
            / 100,
        }
        for (model, metric), error in errors.items():
            for held_out in (None, *np.unique(models)):
                rows_of_model = (
                    np.full(len(models), True)
                    if held_out is None
                    else models == held_out
                )
                rows.append(
                    ClockRow(
                        None,
                        target,
                        model,
                        "+".join(spec["data"]),
                        "leave-one-model-out",
                        held_out,
                        metric,
                        float(error[rows_of_model].mean()),
                        int(rows_of_model.sum()),
                    )
                )
    return rows


def with_telemetry(
    spec: dict[str, Any],
    metered: corpus.Corpus,
    jobs: pl.DataFrame,
    target: str,
    limit: float,
) -> list[ClockRow]:
    """The same where the profile brings telemetry: from one anchor, or from any of all."""
    metered_on = {
        anchor: AnchorJobs(meter, anchor_limit, anchor)
        for anchor, anchor_limit in spec["anchors_w"].items()
        if anchor != target and (meter := metered_jobs(metered, anchor)) is not None
    }
    rows = []
    groups: list[tuple[str, tuple[AnchorJobs, ...], str]] = [
        (a, (one,), "metered") for a, one in metered_on.items()
    ]
    everyone = tuple(metered_on.values())
    groups.append(("any of these", everyone, "metered"))
    groups.append(("an anchor never metered", everyone, "new gpu"))
    for name, anchors, kind in groups:
        fitted = PowerModel(limit).fit(jobs, anchors)
        both = metered_rows(jobs, anchors, limit)
        assert both is not None, "the anchors share no job with the target"
        guess = fitted.out_of_fold(both, kind)
        error = np.abs(guess[:, 0] / both["power_w"].to_numpy() - 1)
        rows.append(
            ClockRow(
                name,
                target,
                "handoff with telemetry",
                "+".join(spec["data"]),
                "leave-one-model-out",
                None,
                "power_mape",
                float(error.mean()),
                len(error),
            )
        )
    return rows


def judge(target: dict[str, Any], rows: list[ClockRow]) -> dict[str, Any]:
    """Compare one target with the figures."""
    values = {
        r.model: r.value
        for r in rows
        if r.held_out is None
        and r.metric == target["figure"]
        and r.target == target["gpu"]
        and r.corpus.startswith(target.get("corpus", ""))
    }
    value = values[target["model"]]
    if "at_least" in target:
        asked, ok = f"at least {target['at_least']}", value >= target["at_least"]
    elif "of" in target:
        bound = target["times"] * values[target["of"]]
        asked = f"at most {target['times']} of {target['of']} ({bound:.4f})"
        ok = value <= bound
    else:
        asked, ok = f"at most {target['at_most']}", value <= target["at_most"]
    return {
        "figure": f"{target['model']} {target['figure']}",
        "pair": f"{target.get('corpus', '')} {target['gpu']}".strip(),
        "asked": asked,
        "measured": None if value is None else round(value, 4),
        "reached": "yes" if ok else "NO",
    }
