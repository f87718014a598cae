"""Experiments on GPUs that were never profiled, or hardly."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlate.cli import output
from xlate.data import corpus
from xlate.data.columns import plan
from xlate.data.pairing import STEP, Aligned, align
from xlate.engine.pair import Pair, runs_of
from xlate.evaluation.figures import Row
from xlate.evaluation.held_out import held_out
from xlate.hardware.catalogue import catalogue
from xlate.models.translate import make
from xlate.models.zero_shot.left_out import LeftOut, leave_gpus_out
from xlate.models.zero_shot.translator import ZeroShot

#: what NeuSight published for the cells of GPUs it never saw, %, in its paper's words
#: and file names (inference); it needs no profile of another GPU, xlate does
NEUSIGHT = {
    ("H100-SXM5-80GB", "BERT-large", 8): 23.4,
    ("H100-SXM5-80GB", "BERT-large", 16): 13.2,
    ("H100-SXM5-80GB", "GPT-2-large", 4): 3.1,
    ("H100-SXM5-80GB", "GPT-2-large", 8): 6.8,
    ("H100-SXM5-80GB", "GPT-3-XL", 2): 6.2,
    ("H100-SXM5-80GB", "GPT-3-XL", 8): 3.9,
    ("H100-SXM5-80GB", "GPT-3-2.7B", 2): 0.7,
    ("H100-SXM5-80GB", "GPT-3-2.7B", 8): 0.4,
    ("L4", "BERT-large", 8): 14.6,
    ("L4", "BERT-large", 16): 20.4,
    ("L4", "GPT-2-large", 4): 11.0,
    ("L4", "GPT-2-large", 8): 10.3,
    ("L4", "GPT-3-XL", 2): 10.3,
    ("L4", "GPT-3-2.7B", 2): 7.7,
}


def _apart(part: LeftOut) -> NDArray[np.float64]:
    return 100 * np.abs(part.step_hat / part.step - 1)


def zero_shot(spec: dict[str, Any]) -> list[Row]:
    """Every GPU left out in turn; the means are over NVIDIA's, with equal weights."""
    machines = catalogue()
    rows = []
    for name, with_ in spec["corpora"].items():
        data = [corpus.load(n) for n in with_]
        split = "leave-one-GPU-out" + ("" if with_ == [name] else f", with {with_[-1]}")
        parts = [p for p in leave_gpus_out(data, machines) if p.corpus == name]
        targets: dict[str, list[Any]] = {}
        for p in parts:
            architecture = machines.gpu(p.anchor).architecture
            if architecture.startswith("CDNA") and spec["nvidia_only"]:
                continue
            targets.setdefault(p.target, []).append(_apart(p))
            rows.append(
                _row(p.anchor, p.target, "zero-shot", name, split, None, _apart(p))
            )
        nvidia = {
            t: np.concatenate(e)
            for t, e in targets.items()
            if not machines.gpu(t).architecture.startswith("CDNA")
        }
        for t, e in targets.items():
            rows.append(
                _row("every", t, "zero-shot", name, split, None, np.concatenate(e))
            )
        mean = float(np.mean([e.mean() for e in nvidia.values()]))
        n = sum(map(len, nvidia.values()))
        rows.append(
            Row(
                "every",
                "every NVIDIA",
                "zero-shot",
                name,
                split,
                None,
                "step_mape",
                mean,
                n,
            )
        )
        for t in nvidia:
            rows += _cells(
                t, [p for p in parts if p.target == t], name, split, machines
            )
    output.table(
        "a GPU never seen: step time MAPE % from every other GPU",
        ["GPU left out", "corpus", "split", "MAPE %", "n"],
        [
            [r.target, r.corpus, r.split, f"{r.value:.1f}", r.n]
            for r in rows
            if r.anchor == "every" and r.held_out is None
        ],
    )
    return rows


def _cells(
    target: str, parts: list[LeftOut], name: str, split: str, machines: Any
) -> list[Row]:
    """The cells that NeuSight published, mean over the NVIDIA GPUs a profile is from."""
    errors_of: dict[tuple[str, int], list[float]] = {}
    for p in parts:
        if machines.gpu(p.anchor).architecture.startswith("CDNA"):
            continue
        keys = zip(
            p.models, p.keys["mode"], p.keys["batch_size"], _apart(p), strict=True
        )
        for model, mode, batch, error in keys:
            if mode == "inference" and (target, model, batch) in NEUSIGHT:
                errors_of.setdefault((model, batch), []).append(float(error))
    return [
        Row(
            "every",
            target,
            who,
            name,
            split,
            f"{model} b{batch}",
            "step_mape",
            value,
            len(errors),
        )
        for (model, batch), errors in sorted(errors_of.items())
        for who, value in (
            ("zero-shot", float(np.mean(errors))),
            ("NeuSight, published", NEUSIGHT[target, model, batch]),
        )
    ]


def _row(
    anchor: str,
    target: str,
    who: str,
    name: str,
    split: str,
    held: str | None,
    errors: NDArray[np.float64],
) -> Row:
    value = float(errors.mean())
    return Row(anchor, target, who, name, split, held, "step_mape", value, len(errors))


@lru_cache(maxsize=8)
def _without(names: tuple[str, ...], gpu: str) -> ZeroShot:
    data = [corpus.load(n) for n in names]
    return ZeroShot.fit(data, catalogue(), without=gpu)


def few_shot(spec: dict[str, Any]) -> list[Row]:
    """Error on the other models against the number of runs measured on the target.

    The runs are of different models, drawn at random; what is known before them is
    the zero-shot answer, learnt without the target.
    """
    machines = catalogue()
    rows = []
    for pair in spec["pairs"]:
        name, sides = pair.split(":")
        anchor, target = (machines.instance(s) for s in sides.split("->"))
        data = corpus.load(name)
        aligned = align(runs_of(data, anchor), runs_of(data, target), "median")
        zero = _without(tuple(spec["learnt_on"]), target.require_gpu().name)
        data_sheet_ratios = zero.log_ratios(anchor.require_gpu(), target.require_gpu())
        rng = np.random.default_rng(0)
        X, Y = (
            m((*aligned.columns, STEP))
            for m in (aligned.anchor_matrix, aligned.target_matrix)
        )
        _, plain = zero.predict(
            X[:, :-1],
            aligned.columns,
            X[:, -1],
            anchor.require_gpu(),
            target.require_gpu(),
        )
        errors_of: dict[tuple[int, str], list[float]] = {
            (0, "roofline"): _by_model(plain, Y[:, -1], aligned.models)
        }
        for _ in range(spec["draws"]):
            order = _drawn(rng, aligned)
            for k in spec["shots"]:
                shots = order[:k]
                test = ~np.isin(aligned.models, aligned.models[shots])
                if not test.any():
                    continue
                for who in spec["translators"]:
                    hat = _fitted(who, aligned, X, Y, shots, test, data_sheet_ratios)
                    errors = _by_model(hat, Y[test, -1], aligned.models[test])
                    errors_of.setdefault((k, who), []).extend(errors)
        rows += [
            Row(
                anchor.name,
                target.name,
                who,
                name,
                f"{k} runs on the target",
                None,
                "step_mape",
                float(np.mean(errors)),
                len(errors),
            )
            for (k, who), errors in errors_of.items()
        ]
    output.table(
        "step time MAPE % on models of which no run was measured on the target",
        ["pair", "translator", "measured", "MAPE %"],
        [
            [f"{r.anchor} → {r.target}", r.translator, r.split, f"{r.value:.1f}"]
            for r in rows
        ],
    )
    return rows


def _drawn(rng: np.random.Generator, aligned: Aligned) -> NDArray[np.int64]:
    """Rows in an order that takes a new model as long as there is one."""
    order = rng.permutation(len(aligned))
    seen: dict[str, int] = {}
    turn = []
    for row in order:
        model = str(aligned.models[row])
        turn.append(seen.get(model, 0))
        seen[model] = turn[-1] + 1
    return order[np.argsort(turn, kind="stable")]


def _fitted(
    who: str,
    aligned: Aligned,
    X: NDArray[np.float64],
    Y: NDArray[np.float64],
    shots: NDArray[np.int64],
    test: NDArray[np.bool_],
    data_sheet_ratios: dict[str, float],
) -> NDArray[np.float64]:
    ops = aligned.columns
    chosen = plan("all", ops, np.vstack([X[shots, :-1], Y[shots, :-1]]))
    A, B = (np.column_stack([chosen.apply(M[:, :-1], ops), M[:, -1]]) for M in (X, Y))
    model = make(who, [*chosen.names, STEP], 0, 1.0, data_sheet_ratios)
    model.fit(A[shots], B[shots], aligned.models[shots])
    return np.asarray(model.predict(A[test])[:, -1])


def _by_model(
    hat: NDArray[np.float64], true: NDArray[np.float64], models: NDArray[np.str_]
) -> list[float]:
    """Mean error of each model, %."""
    error = 100 * np.abs(hat / true - 1)
    return [float(error[models == m].mean()) for m in np.unique(models)]


def pairs(spec: dict[str, Any]) -> list[Row]:
    """Whole families of transformers left out, for named pairs of GPUs."""
    from xlate.evaluation.figures import rows_of

    machines = catalogue()
    data = corpus.load(spec["data"])
    rows = []
    for pair in spec["pairs"]:
        anchor, target = (
            machines.instance(s, data.instances) for s in pair.split("->")
        )
        aligned = align(runs_of(data, anchor), runs_of(data, target), "median")
        held = held_out(
            aligned,
            spec["translators"],
            data.label,
            "family",
            prior=Pair(anchor, target).prior(),
            families=data.card.families,
        )
        rows += rows_of(held)
    output.pairs_table(rows, "step_mape", "step time MAPE %, families left out", "%")
    output.pairs_table(rows, "step_mape_window", "… from the operations alone", "%")
    output.pairs_table(rows, "vector_wape", "vector WAPE", "")
    return rows


KINDS = {"zero-shot": zero_shot, "few-shot": few_shot, "neusight-pairs": pairs}
