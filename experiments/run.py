"""Run experiments: ``python -m experiments.run [NAME …]``; all of them by default.

Each ``specs/NAME.toml`` asks a question and says what to run. The answer is
``results/NAME.csv`` (sorted) and ``results/NAME.json`` (what it was made from and
whether its targets were reached).
"""

from __future__ import annotations

import csv
import json
import os
import resource
import sys
import time
import tomllib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import polars as pl

from experiments import (
    anchor_power,
    clocks,
    fallbacks,
    meters,
    outsiders,
    real_files,
    translation,
    unseen,
)
from xlate import engine
from xlate.cli import output
from xlate.data import corpus
from xlate.data.sources import import_corpus
from xlate.evaluation.figures import Row
from xlate.evaluation.sweep_figures import ClockRow
from xlate.store.bundle import versions

FOLDER = Path(__file__).resolve().parent


def run(name: str) -> None:
    """Run one experiment and write its results."""
    spec = tomllib.loads(
        (FOLDER / "specs" / f"{name}.toml").read_text(encoding="utf-8")
    )
    output.talk(f"\n{name}: {spec['question']}")
    if spec.get("kind") == "real-files":
        real_files.save(real_files.measure(real_files.folders_here()))
        return
    for needed in corpora_of(spec):
        if corpus.installed(needed) is None:
            import_corpus(needed)
    if "kind" in spec:
        start = time.perf_counter()
        spec_rows, verdicts = _of_kind(spec)
        show(verdicts)
        seconds = {"all": round(time.perf_counter() - start, 1)}
        write(name, spec, spec_rows, seconds, verdicts)
        return
    data = corpus.load(spec["data"])
    if "without" in spec:
        kept = data.runs.filter(~pl.col("model").is_in(spec["without"]))
        data = replace(
            data, runs=kept, ops=data.ops.join(kept, on="run_id", how="semi")
        )
    pairs = (
        [(a, t) for a in data.instances for t in data.instances if a != t]
        if spec["pairs"] == "all"
        else [tuple(p.split("->")) for p in spec["pairs"]]
    )
    rows: list[Row] = []
    seconds = {}
    for anchor, target in pairs:
        start = time.perf_counter()
        rows += engine.compare(
            anchor,
            target,
            data,
            translators=spec["translators"],
            split=spec["split"],
            columns=spec["columns"],
            repeats=spec["repeats"],
        )
        seconds[f"{anchor}->{target}"] = round(time.perf_counter() - start, 1)
        output.talk(f"  {anchor} → {target}: {seconds[f'{anchor}->{target}']} s")
    output.pairs_table(rows, "step_mape", "step time MAPE %", "%")
    output.pairs_table(rows, "coverage_90", "coverage of 90 % intervals", "")
    output.pairs_table(rows, "width_90", "their median width", "")
    output.pairs_table(
        rows, "step_mape_window", "… without the anchor's step time", "%"
    )
    if any(r.metric == "vector_wape" and r.value is not None for r in rows):
        output.pairs_table(rows, "vector_wape", "vector WAPE", "")
        output.pairs_table(rows, "op_sum_mape", "op sum MAPE %", "%")
    targets = [judge(t, rows) for t in spec.get("targets", ())]
    show(targets)
    write(name, spec, rows, seconds, targets)


def _of_kind(spec: dict[str, Any]) -> tuple[Any, list[dict[str, Any]]]:
    """Rows and verdicts of a spec that is no plain comparison."""
    targets = spec.get("targets", ())
    if spec["kind"] in unseen.KINDS:
        unseen_rows = unseen.KINDS[spec["kind"]](spec)
        return unseen_rows, [judge(t, unseen_rows) for t in targets]
    telemetry = meters.KINDS | anchor_power.KINDS
    if spec["kind"] in telemetry:
        figures = telemetry[spec["kind"]](spec)
        return figures, [clocks.judge(t, figures) for t in targets]
    beyond = fallbacks.KINDS | outsiders.KINDS
    if spec["kind"] in beyond:
        rows = beyond[spec["kind"]](spec, corpus.load(spec["data"]))
        return rows, [judge(t, rows) for t in targets]
    module = translation if spec["kind"] in translation.KINDS else clocks
    rows = module.figures(spec)
    return rows, [clocks.judge(t, rows) for t in targets]


def corpora_of(spec: dict[str, Any]) -> list[str]:
    """Names of the corpora that a spec looks at."""
    if "runs" in spec:
        return sorted({name for part in spec["runs"] for name in part["sweeps"]})
    if "sweeps" in spec:
        return sorted(spec["sweeps"])
    if "corpora" in spec:
        return sorted({n for names in spec["corpora"].values() for n in names})
    if "learnt_on" in spec:
        return sorted(spec["learnt_on"])
    data = spec["data"]
    if spec.get("kind") in fallbacks.KINDS:
        return sorted([data, "neusight"])
    return [data] if isinstance(data, str) else data


def show(targets: list[dict[str, Any]]) -> None:
    """Targets and whether they were reached."""
    if targets:
        output.table(
            "targets",
            ["figure", "pair", "asked", "measured", "reached"],
            [
                [t["figure"], t["pair"], t["asked"], t["measured"], t["reached"]]
                for t in targets
            ],
        )


def judge(target: dict[str, Any], rows: list[Row]) -> dict[str, Any]:
    """Hold one target against the figures."""
    figures = {
        (r.translator, f"{r.anchor}->{r.target}"): r.value
        for r in rows
        if r.held_out is None
        and r.metric == target["figure"]
        and r.value is not None
        and target.get("corpus", r.corpus) == r.corpus
    }
    of_translator = {p: v for (t, p), v in figures.items() if t == target["translator"]}
    pair = target["pair"]
    if "worst_model_at_most" in target:
        of_models = [
            r.value
            for r in rows
            if r.held_out is not None
            and r.value is not None
            and r.metric == target["figure"]
            and r.translator == target["translator"]
            and f"{r.anchor}->{r.target}" == pair
        ]
        value, bound = max(of_models), target["worst_model_at_most"]
        asked, measured = f"worst model at most {bound}", f"{value:.4g}"
        ok = value <= bound
    elif "between" in target:
        low, high = target["between"]
        inside = [p for p, v in of_translator.items() if low <= v <= high]
        asked = f"{low} to {high}"
        measured, ok = (
            f"{len(inside)} of {len(of_translator)}",
            len(inside) == len(of_translator),
        )
    elif "at_most" in target:
        value = (
            sum(of_translator.values()) / len(of_translator)
            if pair == "mean"
            else of_translator[pair]
        )
        bound = target["at_most"]
        asked, measured, ok = f"at most {bound}", f"{value:.4g}", value <= bound
    else:
        other = {p: v for (t, p), v in figures.items() if t == target["below"]}
        if pair == "mean":
            share = sum(of_translator.values()) / sum(other.values())
            asked = f"at most {target['times']} of {target['below']}"
            measured, ok = f"{share:.4g}", share <= target["times"]
        else:
            won = [p for p, v in of_translator.items() if v < other[p]]
            asked = f"below {target['below']}"
            measured, ok = (
                f"{len(won)} of {len(of_translator)}",
                len(won) == len(of_translator),
            )
    return {
        "figure": f"{target['translator']} {target['figure']}",
        "pair": target["pair"],
        "asked": asked,
        "measured": measured,
        "reached": "yes" if ok else "NO",
    }


def write(
    name: str,
    spec: dict[str, Any],
    rows: list[Row] | list[ClockRow],
    seconds: dict[str, float],
    targets: list[dict[str, Any]],
) -> None:
    """Results as sorted csv, provenance beside it."""
    folder = FOLDER / "results"
    folder.mkdir(exist_ok=True)
    ordered = sorted(
        (asdict(r) for r in rows),
        key=lambda r: [str(v or "") for k, v in r.items() if k not in ("value", "n")],
    )
    with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, list(ordered[0]), lineterminator="\n")
        writer.writeheader()
        for row in ordered:
            value = row["value"]
            writer.writerow(row | {"value": None if value is None else f"{value:.6g}"})
    provenance = {
        "question": spec["question"],
        "spec": f"specs/{name}.toml",
        "command": f"python -m experiments.run {name}",
        "corpora": {n: corpus.load(n).sha256 for n in corpora_of(spec)},
        "versions": versions(),
        "cores": os.cpu_count(),
        "seconds_by_pair": seconds,
        "seconds": round(sum(seconds.values()), 1),
        "peak_memory_mb_of_the_whole_run": round(
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        ),
        "targets": targets,
    }
    text = json.dumps(provenance, indent=1, ensure_ascii=False) + "\n"
    (folder / f"{name}.json").write_text(text, encoding="utf-8")


def main() -> None:
    """Run the experiments named, importing what they need from XLATE_DATA_HOME."""
    names = sys.argv[1:] or sorted(p.stem for p in (FOLDER / "specs").glob("*.toml"))
    for name in names:
        run(name)


if __name__ == "__main__":
    main()
