"""Experiments on translation that are no plain comparison of translators."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from xlate import op_names
from xlate.cli import output
from xlate.data import corpus
from xlate.data.pairing import STEP, align, matrix, median_of_repeats
from xlate.data.schema import KEY
from xlate.engine.pair import Pair
from xlate.engine.scale_sizes import AXIS_COLUMN, axis_sizes
from xlate.evaluation.figures import Row, rows_of
from xlate.evaluation.held_out import MIN_OP_SHARE, HeldOut, held_out, with_step_times
from xlate.hardware.catalogue import catalogue
from xlate.models.scaling import AXES, Scaler, polynomial_between
from xlate.models.translate.two_path import TwoPath

_KEY = list(KEY)


def figures(spec: dict[str, Any]) -> list[Row]:
    """Rows of a spec whose kind is in :data:`KINDS`; they are printed too."""
    data = corpus.load(spec["data"])
    return KINDS[spec["kind"]](spec, data)


def two_anchors(spec: dict[str, Any], data: corpus.Corpus) -> list[Row]:
    """Step time from two anchors together, each network left out, beside each alone."""
    machines = catalogue()
    rows = []
    for text in spec["pairs"]:
        sides, target = text.split("->")
        anchors = sides.split("+")
        logs, truths, widths = [], [], []
        models = np.zeros(0, dtype=str)
        for anchor in anchors:
            aligned = align(data.runs_on(anchor), data.runs_on(target), "median")
            held = held_out(
                aligned,
                ["physics"],
                data.label,
                "model",
                n_jobs=1,
                clock_ratio=Pair(
                    machines.instance(anchor), machines.instance(target)
                ).clock_ratio,
            )
            hat, true, difficulty = _in_order(held)
            logs.append(np.log(hat))
            truths.append(true)
            scores = held.step_scores("physics")
            # the width that the other models' errors give, as in a bundle
            models = held.models
            limit = {
                m: np.log(scores.without(m).factor(0.9)) for m in np.unique(models)
            }
            widths.append(np.array([limit[m] for m in models]) * difficulty)
        if not np.allclose(truths[0], truths[1]):
            raise SystemExit("the two anchors do not share their rows")
        weight = 1 / np.array(widths) ** 2
        both = (np.array(logs) * weight).sum(axis=0) / weight.sum(axis=0)
        named = [*zip(anchors, logs, strict=True), ("together", both)]
        for name, log in named:
            error = 100 * np.abs(np.exp(log) / truths[0] - 1)
            for model in (None, *np.unique(models)):
                of_model = (
                    np.full(len(models), True) if model is None else models == model
                )
                rows.append(
                    Row(
                        sides,
                        target,
                        name,
                        data.label,
                        held.split,
                        None if model is None else str(model),
                        "step_mape",
                        float(error[of_model].mean()),
                        int(of_model.sum()),
                    )
                )
    output.table(
        "step time MAPE %, leave-one-model-out",
        ["anchors → target", "first alone", "second alone", "together"],
        [
            [f"{s} → {t}", *(f"{v:.1f}" for v in values)]
            for (s, t), values in _overall(rows).items()
        ],
    )
    return rows


def _in_order(held: HeldOut) -> tuple[Any, Any, Any]:
    """Predicted and true step time, and difficulty, in the order of the pairs."""
    n = len(held.models)
    out = np.zeros((3, n))
    for fold in held.of("physics"):
        out[:, fold.rows] = fold.step_hat, fold.step, fold.difficulty
    return out[0], out[1], out[2]


def _overall(rows: list[Row]) -> dict[tuple[str, str], list[float]]:
    values: dict[tuple[str, str], list[float]] = {}
    for r in rows:
        if r.held_out is None and r.value is not None:
            values.setdefault((r.anchor, r.target), []).append(r.value)
    return values


def scaling(spec: dict[str, Any], data: corpus.Corpus) -> list[Row]:
    """Step time at another size from one profile, each network left out.

    On the anchor alone, and carried on to targets; beside PROFET's polynomial, which
    needs the job measured at both ends, and plain proportion.
    """
    machines = catalogue()
    rows = []
    for anchor in data.instances:
        jobs, ops = _jobs(data, anchor)
        times, steps = np.nan_to_num(matrix(jobs, ops)), matrix(jobs, (STEP,))[:, 0]
        models = jobs["model"].to_numpy().astype(str)
        for axis in AXES:
            sizes = axis_sizes(jobs, axis)
            rest = [c for c in _KEY if c != AXIS_COLUMN[axis]]
            same = jobs.select(pl.struct(rest).rank("dense")).to_series().to_numpy()
            errors_of: dict[str, list[float]] = {}
            made: list[tuple[int, int, Any]] = []
            for model in np.unique(models):
                test = models == model
                scaler = Scaler(ops, axis).fit(
                    times[~test], steps[~test], sizes[~test], same[~test], models[~test]
                )
                c = polynomial_between(sizes[~test], steps[~test], same[~test])
                for job in np.unique(same[test]):
                    run = np.flatnonzero(same == job)
                    run = run[np.argsort(sizes[run])]
                    for a in run:
                        for b in run[run != a]:
                            hat = scaler.predict(times[a], steps[a], sizes[a], sizes[b])
                            made.append((int(a), int(b), hat))
                            _add(errors_of, "one profile", hat.step, steps[b])
                            plain = steps[a] * sizes[b] / sizes[a]
                            _add(errors_of, "in proportion", plain, steps[b])
                    first, last = run[0], run[-1]
                    for b in run[1:-1]:
                        at = (sizes[b] - sizes[first]) / (sizes[last] - sizes[first])
                        grown = (steps[last] - steps[first]) * np.polyval(c, at)
                        _add(
                            errors_of,
                            "PROFET, both ends",
                            steps[first] + grown,
                            steps[b],
                        )
                        hats = [
                            scaler.predict(times[a], steps[a], sizes[a], sizes[b]).step
                            for a in (first, last)
                        ]
                        # nearer ends are surer: one over the octaves squared
                        octaves = np.abs(np.log2(sizes[b] / sizes[[first, last]]))
                        w = octaves**-2 / (octaves**-2).sum()
                        two = np.exp(w @ np.log(hats))
                        _add(errors_of, "two profiles, both ends", float(two), steps[b])
            for name, errors in errors_of.items():
                rows.append(
                    Row(
                        anchor,
                        anchor,
                        name,
                        data.label,
                        f"leave-one-model-out, {axis}",
                        None,
                        "step_mape",
                        100 * float(np.mean(errors)),
                        len(errors),
                    )
                )
            if axis != "batch-size":
                continue
            for target in spec["targets_of"].get(anchor, ()):
                ratio = Pair(
                    machines.instance(anchor), machines.instance(target)
                ).clock_ratio
                error = _there(data, anchor, target, ratio, jobs, made)
                rows.append(
                    Row(
                        anchor,
                        target,
                        "one profile",
                        data.label,
                        f"leave-one-model-out, {axis}",
                        None,
                        "step_mape",
                        100 * float(np.mean(error)),
                        len(error),
                    )
                )
    output.table(
        "step time at another size, MAPE %, leave-one-model-out",
        ["profiled on", "predicted for", "axis", "from", "MAPE %", "n"],
        [
            [r.anchor, r.target, r.split.partition(", ")[2], r.translator, f"{r.value:.1f}", r.n]
            for r in rows
        ],
    )  # fmt: skip
    return rows


def two_paths(_spec: dict[str, Any], data: corpus.Corpus) -> list[Row]:
    """Step time from the *measured* op sums of the target, each network left out.

    What the two paths by themselves are wrong by, whatever vector they are given.
    """
    rows = []
    for anchor in data.instances:
        for target in data.instances:
            if anchor == target:
                continue
            aligned = align(data.runs_on(anchor), data.runs_on(target), "median")
            good = with_step_times(aligned)
            X, Y = (
                np.nan_to_num(m[good])
                for m in (
                    aligned.anchor_matrix([*aligned.columns, STEP]),
                    aligned.target_matrix([*aligned.columns, STEP]),
                )
            )
            models = aligned.models[good]
            busy = np.isin(aligned.columns, op_names.busy_columns(aligned.columns))
            idle = X[:, aligned.columns.index(op_names.DEVICE_IDLE)]
            anchor_busy, target_busy = (
                X[:, :-1][:, busy].sum(axis=1),
                Y[:, :-1][:, busy].sum(axis=1),
            )
            _, which, count = np.unique(models, return_inverse=True, return_counts=True)
            hat = np.zeros(len(X))
            for model in np.unique(models):
                test, train = models == model, models != model
                paths = TwoPath().fit(
                    anchor_busy[train],
                    idle[train],
                    X[train, -1],
                    target_busy[train],
                    Y[train, -1],
                    1.0 / count[which][train],
                )
                hat[test] = paths.predict(
                    anchor_busy[test], idle[test], X[test, -1], target_busy[test]
                ).step
            error = 100 * np.abs(hat / Y[:, -1] - 1)
            for model in (None, *np.unique(models)):
                of_model = np.full(len(X), True) if model is None else models == model
                rows.append(
                    Row(
                        anchor,
                        target,
                        "two paths, measured op sums",
                        data.label,
                        "leave-one-model-out",
                        None if model is None else str(model),
                        "step_mape",
                        float(error[of_model].mean()),
                        int(of_model.sum()),
                    )
                )
    output.pairs_table(rows, "step_mape", "step time MAPE % from measured op sums", "%")
    return rows


def presence(_spec: dict[str, Any], data: corpus.Corpus) -> list[Row]:
    """Operations with a hundredth of the time on one side and none on the other.

    Measured against predicted, each network left out; the two names of a copy apart,
    of which chance chooses.
    """
    machines = catalogue()
    rows = []
    for anchor in data.instances:
        for target in data.instances:
            if anchor == target:
                continue
            aligned = align(data.runs_on(anchor), data.runs_on(target), "median")
            held = held_out(
                aligned,
                ["physics"],
                data.label,
                "model",
                clock_ratio=Pair(
                    machines.instance(anchor), machines.instance(target)
                ).clock_ratio,
            )
            wrong: dict[str, int] = {"large": 0, "missed": 0, "made up": 0, "copies": 0}
            for fold in held.of("physics"):
                copy = np.isin(fold.names, ["Device__Send", "Device__Recv"])
                true, hat = (
                    m / m.sum(axis=1, keepdims=True) for m in (fold.ops, fold.ops_hat)
                )
                missed, made = (
                    (true >= MIN_OP_SHARE) & (hat <= 0),
                    (hat >= MIN_OP_SHARE) & (true <= 0),
                )
                wrong["large"] += int((true >= MIN_OP_SHARE).sum())
                wrong["missed"] += int(missed[:, ~copy].sum())
                wrong["made up"] += int(made[:, ~copy].sum())
                wrong["copies"] += int((missed | made)[:, copy].sum())
            rows += [
                Row(
                    anchor,
                    target,
                    "physics",
                    data.label,
                    held.split,
                    None,
                    k,
                    float(v),
                    len(held.models),
                )
                for k, v in wrong.items()
            ]
    counts_of: dict[tuple[str, str], list[object]] = {}
    for r in rows:
        counts_of.setdefault((r.anchor, r.target), []).append(int(r.value or 0))
    output.table(
        "cells with a hundredth of the time on one side and none on the other",
        ["pair", "large cells", "missed", "made up", "copies"],
        [[f"{a} → {t}", *counts] for (a, t), counts in counts_of.items()],
    )
    return rows


def models_needed(spec: dict[str, Any], data: corpus.Corpus) -> list[Row]:
    """Error on networks left out, learning from a number of others, drawn at random."""
    machines = catalogue()
    rows = []
    for pair in spec["pairs"]:
        anchor, target = pair.split("->")
        aligned = align(data.runs_on(anchor), data.runs_on(target), "median")
        for most in spec["models"]:
            held = held_out(
                aligned,
                ["physics", "ratio-forest"],
                data.label,
                "model",
                clock_ratio=Pair(
                    machines.instance(anchor), machines.instance(target)
                ).clock_ratio,
                most_models=most,
            )
            rows += [
                replace(r, split=f"{r.split}, {most} networks")
                for r in rows_of(held)
                if r.held_out is None and r.metric in ("step_mape", "vector_wape")
            ]
    output.table(
        "training networks, and step time MAPE % on one left out",
        ["pair", "translator", "split", "metric", "value"],
        [
            [f"{r.anchor} → {r.target}", r.translator, r.split, r.metric, f"{r.value:.3g}"]
            for r in rows
        ],
    )  # fmt: skip
    return rows


def _add(errors: dict[str, list[float]], name: str, hat: float, true: float) -> None:
    errors.setdefault(name, []).append(abs(hat / true - 1))


def _jobs(data: corpus.Corpus, instance: str) -> tuple[pl.DataFrame, list[str]]:
    jobs = median_of_repeats(data.runs_on(instance).filter(pl.col(STEP) > 0))
    return jobs, [c for c in jobs.columns if op_names.is_op_column(c)]


def _there(
    data: corpus.Corpus,
    anchor: str,
    target: str,
    ratio: float,
    jobs: pl.DataFrame,
    made: list[tuple[int, int, Any]],
) -> list[float]:
    """Errors on the target of scaled profiles, translated without their network."""
    from xlate.data.columns import plan
    from xlate.models.translate import make

    aligned = align(data.runs_on(anchor), data.runs_on(target), "median")
    columns = [*aligned.columns, STEP]
    X, Y = aligned.anchor_matrix(columns), aligned.target_matrix(columns)
    X, Y = np.nan_to_num(X), np.nan_to_num(Y)
    target_busy = _jobs(data, target)[0]
    true = dict(
        zip(target_busy.select(_KEY).iter_rows(), target_busy[STEP], strict=True)
    )
    keys = list(jobs.select(_KEY).iter_rows())
    _, ops = _jobs(data, anchor)
    errors = []
    models = jobs["model"].to_numpy().astype(str)
    for model in np.unique(models):
        train = (aligned.models != model) & (X[:, -1] > 0) & (Y[:, -1] > 0)
        chosen = plan("all", aligned.columns, np.vstack([X[train, :-1], Y[train, :-1]]))
        names = [*chosen.names, STEP]
        A, B = (
            np.column_stack([chosen.apply(M[:, :-1], aligned.columns), M[:, -1]])
            for M in (X, Y)
        )
        fitted = make("physics", names, 0, ratio).fit(
            A[train], B[train], aligned.models[train]
        )
        of_model = [
            (b, hat) for a, b, hat in made if models[a] == model and keys[b] in true
        ]
        if not of_model:
            continue
        scaled = np.array([hat.ops for _, hat in of_model])
        inputs = np.column_stack(
            [chosen.apply(scaled, ops), [hat.step for _, hat in of_model]]
        )
        hats = fitted.predict(inputs)[:, -1]
        errors += [
            abs(h / true[keys[b]] - 1) for h, (b, _) in zip(hats, of_model, strict=True)
        ]
    return errors


KINDS = {
    "two-anchors": two_anchors,
    "scaling": scaling,
    "models-needed": models_needed,
    "presence": presence,
    "two-paths": two_paths,
}
