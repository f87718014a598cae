"""Which layer answers best for work that a fitted translator is not for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate.cli import output
from xlate.data import corpus
from xlate.data.columns import plan
from xlate.data.pairing import STEP, align
from xlate.engine.pair import runs_of
from xlate.evaluation.figures import Row
from xlate.hardware.catalogue import catalogue
from xlate.models.translate import BASELINE, make
from xlate.models.zero_shot.translator import ZeroShot

Floats = NDArray[np.float64]


def fallbacks(spec: dict[str, Any], data: corpus.Corpus) -> list[Row]:
    """Op ratios and data sheets on work left out, pair by pair."""
    rows = [*_families(data), *_transformers(spec, data)]
    output.table(
        "step time MAPE % on work that the fitted translator is not for",
        ["pair", "work", "layer", "MAPE %", "n"],
        [
            [f"{r.anchor} → {r.target}", r.split, r.translator, f"{r.value:.1f}", r.n]
            for r in rows
            if r.held_out is None
        ],
    )
    return rows


def _families(data: corpus.Corpus) -> list[Row]:
    """Families of networks left out of both: complete, and mostly of unknown operations."""
    machines = catalogue()
    rows = []
    families = [set(f) for f in data.card.families.values()]
    models = sorted(set(data.runs["model"]))
    groups = [f & set(models) for f in families if f & set(models)]
    without = [_zero_shot(data, group) for group in groups]
    for anchor in data.instances:
        for target in data.instances:
            if anchor == target:
                continue
            aligned = align(data.runs_on(anchor), data.runs_on(target), "median")
            X, Y = (
                m((*aligned.columns, STEP))
                for m in (aligned.anchor_matrix, aligned.target_matrix)
            )
            errors_of: dict[tuple[str, str], list[tuple[str, float]]] = {}
            for group, zero in zip(groups, without, strict=True):
                test = np.isin(aligned.models, list(group))
                if not test.any() or test.all():
                    continue
                hats = {
                    "op ratio": _ratio(aligned.columns, X, Y, ~test, X[test]),
                    "throughput ratio": X[test, -1]
                    * np.exp(np.median(np.log(Y[~test, -1] / X[~test, -1]))),
                    "zero-shot": zero.predict(
                        X[test, :-1],
                        aligned.columns,
                        X[test, -1],
                        machines.gpu(anchor),
                        machines.gpu(target),
                    )[1],
                }
                for layer, hat in hats.items():
                    errors = 100 * np.abs(hat / Y[test, -1] - 1)
                    errors_of.setdefault((layer, "families left out"), []).extend(
                        zip(aligned.models[test], errors, strict=True)
                    )
            rows += _rows(errors_of, anchor, target, data.label)
    return rows


def _zero_shot(data: corpus.Corpus, without: set[str]) -> ZeroShot:
    """Learnt on other families of networks, and on transformers."""
    kept = data.runs.filter(~pl.col("model").is_in(sorted(without)))
    other = replace(data, runs=kept, ops=data.ops.join(kept, on="run_id", how="semi"))
    return ZeroShot.fit([other, corpus.load("neusight")], catalogue())


def _ratio(
    ops: Sequence[str],
    X: Floats,
    Y: Floats,
    train: NDArray[np.bool_],
    asked: Floats,
    columns: Sequence[str] | None = None,
) -> Floats:
    """Step times of a bundle's op ratios, for profiles with other columns."""
    chosen = plan("all", ops, np.vstack([X[train, :-1], Y[train, :-1]]))
    A, B = (
        np.column_stack([chosen.apply(M[train, :-1], ops), M[train, -1]])
        for M in (X, Y)
    )
    model = make(BASELINE, [*chosen.names, STEP], 0).fit(A, B)
    inputs = chosen.apply(asked[:, :-1], columns or ops)
    return np.asarray(model.predict(np.column_stack([inputs, asked[:, -1]]))[:, -1])


def _transformers(spec: dict[str, Any], data: corpus.Corpus) -> list[Row]:
    """PyTorch's transformers through the bundle of the nearest pair, one left out at a time."""
    machines = catalogue()
    other = corpus.load("neusight")
    rows = []
    for text in spec["transformers"]:
        pair, donor_pair = text.split("=")
        anchor, target = pair.split("->")
        donor_anchor, donor_target = donor_pair.split("->")
        donor = align(data.runs_on(anchor), data.runs_on(target), "median")
        X, Y = (
            m((*donor.columns, STEP))
            for m in (donor.anchor_matrix, donor.target_matrix)
        )
        own, others = (
            runs_of(other, machines.instance(s, other.instances))
            for s in (donor_anchor, donor_target)
        )
        asked = align(own, others, "median", fewest_models=1)
        A = asked.anchor_matrix((*asked.columns, STEP))
        true = asked.target_matrix((STEP,))[:, 0]
        every = np.full(len(X), True)
        errors_of: dict[tuple[str, str], list[tuple[str, float]]] = {}
        hats = {
            "op ratio": _ratio(donor.columns, X, Y, every, A, asked.columns),
            "throughput ratio": A[:, -1]
            * np.exp(np.median(np.log(Y[:, -1] / X[:, -1]))),
            "zero-shot": np.zeros(len(A)),
        }
        for model in np.unique(asked.models):
            rows_of = asked.models == model
            kept = other.runs.filter(pl.col("model") != model)
            less = replace(
                other, runs=kept, ops=other.ops.join(kept, on="run_id", how="semi")
            )
            zero = ZeroShot.fit([data, less], machines)
            hats["zero-shot"][rows_of] = zero.predict(
                A[rows_of, :-1],
                asked.columns,
                A[rows_of, -1],
                machines.gpu(donor_anchor),
                machines.gpu(donor_target),
            )[1]
        for layer, hat in hats.items():
            errors = 100 * np.abs(hat / true - 1)
            errors_of[layer, "PyTorch transformers"] = list(
                zip(asked.models, errors, strict=True)
            )
        rows += _rows(errors_of, anchor, target, f"{data.label}, {other.label}")
    return rows


def _rows(
    errors_of: dict[tuple[str, str], list[tuple[str, float]]],
    anchor: str,
    target: str,
    label: str,
) -> list[Row]:
    rows = []
    for (layer, work), errors in errors_of.items():
        for model in (None, *sorted({m for m, _ in errors})):
            selected = [e for m, e in errors if model in (None, m)]
            rows.append(
                Row(
                    anchor,
                    target,
                    layer,
                    label,
                    work,
                    None if model is None else str(model),
                    "step_mape",
                    float(np.mean(selected)),
                    len(selected),
                )
            )
    return rows


KINDS = {"fallbacks": fallbacks}
