"""What the domain check says of work and profiles that a bundle never saw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlate import op_names
from xlate.cli import output
from xlate.data import corpus
from xlate.data.pairing import STEP, matrix, median_of_repeats
from xlate.data.schema import KEY
from xlate.evaluation.figures import Row
from xlate.trust.domain import BEYOND, UNUSUAL, Domain
from xlate.trust.profile_window import WindowBand
from xlate.trust.recorded_gpu import Origin, Recorded
from xlate.values.profile import Profile

Floats = NDArray[np.float64]

#: networks left out at once, and draws of them, where the GPU is asked for
_AT_ONCE, _DRAWS = 3, 1
#: factors on the true step time
_FACTORS = (0.25, 0.5, 0.6, 1.0, 1.7, 2.0, 4.0)


@dataclass(frozen=True, eq=False)
class _Side:
    """Runs of an instance and their medians, with the columns of all instances."""

    ops: list[str]
    runs: Floats
    run_steps: Floats
    run_models: NDArray[np.str_]
    times: Floats
    steps: Floats
    models: NDArray[np.str_]

    def without(self, models: Sequence[str]) -> Recorded:
        """Single runs of the other networks."""
        keep = ~np.isin(self.run_models, models)
        return Recorded(self.ops, self.runs[keep], self.run_models[keep])


def outsiders(_spec: dict[str, Any], data: corpus.Corpus) -> list[Row]:
    """What the domain check says of networks left out, and of what is no such thing."""
    sides = {i: _side(data, i) for i in data.instances}
    return _shown(_verdicts(sides, data.label))


def recorded_on(_spec: dict[str, Any], data: corpus.Corpus) -> list[Row]:
    """What the checks of GPU and step time, by themselves, say of networks left out."""
    sides = {i: _side(data, i) for i in data.instances}
    return _shown([*_step_times(sides, data), *_gpus(sides, data)])


def _shown(rows: list[Row]) -> list[Row]:
    shares = {(r.anchor, r.translator, r.split, r.metric): r.value for r in rows}
    output.table(
        "share of profiles that are doubted (of these, the share that goes to a lower layer)",
        ["bundle of", "profile", "split", "doubted", "refused"],
        [
            [a, w, s, f"{v:.1%}", f"{shares[a, w, s, 'refused']:.1%}"]
            for (a, w, s, m), v in shares.items()
            if m == "doubted"
        ],
    )
    return rows


def _side(data: corpus.Corpus, instance: str) -> _Side:
    ops = sorted(c for c in data.wide.columns if op_names.is_op_column(c))
    runs = data.runs_on(instance).sort([*KEY, "repeat"])
    jobs = median_of_repeats(runs)
    tables = [
        (
            np.nan_to_num(matrix(t, ops)),
            matrix(t, (STEP,))[:, 0],
            t["model"].to_numpy().astype(str),
        )
        for t in (runs, jobs)
    ]
    return _Side(ops, *tables[0], *tables[1])


def _verdicts(sides: dict[str, _Side], label: str) -> list[Row]:
    """Each network left out: correctly labelled, of another GPU, cut, and of another kind."""
    rows = []
    for anchor, side in sides.items():
        ops = side.ops
        backward = np.array(["Backprop" in c or "Grad" in c for c in ops])
        matmul = np.array([c == "Device_MatMul" for c in ops])
        busy = np.isin(ops, op_names.busy_columns(ops))
        doubts: dict[str, list[tuple[bool, bool]]] = {}
        for model in np.unique(side.models):
            keep = side.models != model
            domain = Domain().fit(
                ops,
                side.times[keep],
                side.steps[keep],
                side.models[keep],
                {i: s.without([model]) for i, s in sides.items()},
                anchor,
            )
            asked = {"a network left out": (side.times[~keep], side.steps[~keep])}
            for i, s in sides.items():
                if i != anchor:
                    same_model = s.models == model
                    asked[f"one of {i}"] = (s.times[same_model], s.steps[same_model])
            cut, step = asked["a network left out"]
            asked["without its backward pass"] = (np.where(backward, 0.0, cut), step)
            # all of the time in one product, as a transformer's or an RNN's mostly is
            product = np.where(busy, 0.0, cut) + np.outer(
                cut[:, busy].sum(axis=1), matmul
            )
            asked["all matrix products"] = (product, step)
            for what, (t, s) in asked.items():
                doubts.setdefault(what, []).extend(_judged(domain, ops, t, s))
        for what, verdicts in doubts.items():
            rows += _rows(anchor, what, label, "leave-one-model-out", verdicts)
    return rows


def _judged(
    domain: Domain, ops: Sequence[str], times: Floats, steps: Floats
) -> Iterator[tuple[bool, bool]]:
    distance = domain.distance(ops, times, steps)
    origin = domain.origin.doubts(ops, times)
    for row, step, d, o in zip(times, steps, distance, origin, strict=True):
        p = domain.probability(float(d))
        missing = any(row[list(ops).index(c)] == 0 for c in domain.always)
        wrong = domain.band.doubt(_profile(ops, row, step)) is not None
        refused = (o is not None and o.refused) or (
            p < UNUSUAL and (missing or domain.excess(float(d)) > BEYOND)
        )
        yield refused or p < UNUSUAL or o is not None or missing or wrong, refused


def _profile(ops: Sequence[str], row: Floats, step: float) -> Profile:
    vector = {c: float(v) for c, v in zip(ops, row, strict=True) if v > 0}
    return Profile(vector, step_time_us=float(step))


def _gpus(sides: dict[str, _Side], data: corpus.Corpus) -> list[Row]:
    """On which GPU single runs were recorded, of networks left out several at once.

    Thresholds are learnt inside, on networks left out of those that remain.
    """
    rows = []
    models = np.unique(next(iter(sides.values())).models)
    folds = [
        list(f) for f in data.card.families.values() if len(set(f) & set(models)) > 1
    ]
    for draw in range(_DRAWS):
        drawn = np.random.default_rng(draw).permutation(models)
        folds += [
            drawn[k : k + _AT_ONCE].tolist() for k in range(0, len(drawn), _AT_ONCE)
        ]
    for anchor in sides:
        doubts: dict[str, list[tuple[bool, bool]]] = {}
        for out in folds:
            origin = Origin().fit({i: s.without(out) for i, s in sides.items()}, anchor)
            for i, s in sides.items():
                test = np.isin(s.run_models, out)
                what = "its own GPU" if i == anchor else f"one of {i}"
                doubts.setdefault(what, []).extend(
                    (d is not None, d is not None and d.refused)
                    for d in origin.doubts(s.ops, s.runs[test])
                )
        for what, verdicts in doubts.items():
            split = "families and three networks out, GPU alone"
            rows += _rows(anchor, what, data.label, split, verdicts)
    return rows


def _step_times(sides: dict[str, _Side], data: corpus.Corpus) -> list[Row]:
    """Single runs of networks left out, with step times that are right and wrong."""
    rows = []
    for anchor, s in sides.items():
        doubts: dict[str, list[tuple[bool, bool]]] = {}
        for model in np.unique(s.run_models):
            test = s.run_models == model
            band = WindowBand().fit(s.ops, s.runs[~test], s.run_steps[~test])
            for row, step in zip(s.runs[test], s.run_steps[test], strict=True):
                for factor in _FACTORS:
                    doubt = band.doubt(_profile(s.ops, row, step * factor))
                    doubts.setdefault(f"step time x {factor:g}", []).append(
                        (doubt is not None, False)
                    )
        for what, verdicts in doubts.items():
            split = "leave-one-model-out, step time alone"
            rows += _rows(anchor, what, data.label, split, verdicts)
    return rows


def _rows(
    anchor: str,
    what: str,
    label: str,
    split: str,
    verdicts: Sequence[tuple[bool, bool]],
) -> list[Row]:
    return [
        Row(
            anchor,
            anchor,
            what,
            label,
            split,
            None,
            name,
            float(np.mean([v[k] for v in verdicts])),
            len(verdicts),
        )
        for k, name in enumerate(("doubted", "refused"))
    ]


KINDS = {"outsiders": outsiders, "recorded-on": recorded_on}
