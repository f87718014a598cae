"""anchors list, show, check; models list, show."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from xlate.cli import output
from xlate.cli.options import AnchorsDir, Json

__all__ = ["anchors", "models"]

anchors = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The catalogue of instances and GPUs.",
)
models = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Bundles fitted on this machine."
)


@anchors.command("list")
def list_anchors(anchors_dir: AnchorsDir = None, as_json: Json = False) -> None:
    """Instances and GPUs, with price and clock range."""
    from xlate.catalog import catalogue

    known = catalogue(tuple(anchors_dir or ()))
    rows = []
    for instance in known.instances.values():
        gpu, price = instance.gpu, instance.price
        rows.append(
            {
                "name": instance.name,
                "gpu": None if gpu is None else gpu.name,
                "gpu_count": instance.gpu_count,
                "usd_per_h": None if price is None else price.usd_per_h,
                "price_date": None if price is None else price.date,
                "aliases": list(instance.aliases),
            }
        )
    alone = sorted(
        set(known.gpus) - {i.gpu.name for i in known.instances.values() if i.gpu}
    )
    if as_json:
        output.document({"instances": rows, "other_gpus": alone})
        return
    output.table(
        "",
        ["instance", "GPU", "n", "$ per h", "as of"],
        [
            [r["name"], r["gpu"] or "–", r["gpu_count"], output.figure(r["usd_per_h"]), r["price_date"] or "–"]  # type: ignore[arg-type]
            for r in rows
        ],
    )  # fmt: skip
    output.line("GPUs without an instance: " + ", ".join(alone))


@anchors.command("show")
def show_anchor(
    name: Annotated[str, typer.Argument(help="Instance, GPU or alias.")],
    anchors_dir: AnchorsDir = None,
    as_json: Json = False,
) -> None:
    """Facts of an instance and its GPU, each with standing and source."""
    from dataclasses import asdict

    from xlate.catalog import catalogue

    instance = catalogue(tuple(anchors_dir or ())).instance(name)
    gpu = instance.gpu
    facts = {**instance.facts, **({} if gpu is None else gpu.facts)}
    if as_json:
        document: dict[str, Any] = {
            "name": instance.name,
            "provider": instance.provider,
            "aliases": list(instance.aliases),
            "gpu": None if gpu is None else gpu.name,
            "gpu_count": instance.gpu_count,
            "architecture": None if gpu is None else gpu.architecture,
            "prices": [asdict(p) for p in instance.prices],
            "facts": {k: asdict(f) for k, f in facts.items()},
            "clocks": [] if gpu is None else [asdict(c) for c in gpu.clocks],
        }
        output.document(document)
        return
    rows = [
        [k.replace("_", " "), f.value, f.standing, f.source] for k, f in facts.items()
    ]
    rows += [
        ["$ per h", p.usd_per_h, p.standing, f"{p.source}; {p.region}, {p.date}"]
        for p in instance.prices
    ]
    for c in () if gpu is None else gpu.clocks:
        at = "" if c.memory_mhz is None else f" at memory {c.memory_mhz:g}"
        low = c.graphics_mhz[0] if c.floor_known else None
        rows.append(
            [
                f"legal MHz{at}",
                f"{'?' if low is None else f'{low:g}'} to {c.graphics_mhz[-1]:g} "
                f"({len(c.graphics_mhz)})",
                c.standing,
                c.source,
            ]
        )
    title = (
        instance.name
        if gpu is None
        else f"{instance.name}: {gpu.name}, {gpu.architecture}"
    )
    output.table(title, ["fact", "value", "st", "source"], rows)
    output.line("st: D device dump, V vendor, C computed, I inferred, U unchecked")
    for note in (instance.note, None if gpu is None else gpu.note):
        if note:
            output.line(f"note: {note}")


@anchors.command("check")
def check_anchors(anchors_dir: AnchorsDir = None, as_json: Json = False) -> None:
    """Load every file: each number must have a source, each clock list its count."""
    from xlate.catalog import catalogue

    known = catalogue(tuple(anchors_dir or ()))
    figures = sum(len(g.facts) + len(g.clocks) for g in known.gpus.values()) + sum(
        len(i.facts) + len(i.prices) for i in known.instances.values()
    )
    if as_json:
        output.document(
            {
                "ok": True,
                "instances": len(known.instances),
                "gpus": len(known.gpus),
                "figures": figures,
            }
        )
        return
    output.line(
        f"ok: {len(known.instances)} instances, {len(known.gpus)} GPUs, "
        f"{figures} figures with source and standing"
    )


@models.command("list")
def list_models(as_json: Json = False) -> None:
    """Bundles in the data home."""
    from xlate.store import bundle, clock_bundle

    found = bundle.manifests()
    clocks = clock_bundle.manifests()
    if as_json:
        output.document(
            [
                {
                    "kind": "translator",
                    "path": str(path),
                    "anchor": m.anchor,
                    "target": m.target,
                    "translator": m.translator,
                    "fitted_on": m.corpus,
                    "simulated": m.simulated,
                    "step_mape": m.error("step_mape"),
                    "vector_wape": m.error("vector_wape"),
                }
                for path, m in found
            ]
            + [
                {
                    "kind": "clocks",
                    "path": str(path),
                    "target": c.target,
                    "gpu": c.gpu,
                    "model": c.model,
                    "fitted_on": c.corpus,
                    "simulated": c.simulated,
                    "extrapolated": c.extrapolated,
                    "edp_gap": c.error("edp_gap"),
                }
                for path, c in clocks
            ]
        )
        return
    if not found and not clocks:
        output.talk(
            "no bundle yet; try: xlate fit --anchor g3s.xlarge --target p3.2xlarge"
        )
        return
    output.table(
        "",
        ["bundle", "translator", "fitted on", "step MAPE %", "vector WAPE"],
        [
            [
                f"{m.anchor}/to-{m.target}",
                m.translator,
                m.corpus,
                output.figure(m.error("step_mape"), "%"),
                output.figure(m.error("vector_wape")),
            ]
            for _, m in found
        ],
    )
    if clocks:
        output.table(
            "clock models",
            ["bundle", "model", "response of", "fitted on", "EDP gap %"],
            [
                [
                    f"clocks/{c.target}",
                    c.model,
                    c.source_gpu,
                    c.corpus,
                    output.figure(_times(c.error("edp_gap"), 100), "%"),
                ]
                for _, c in clocks
            ],
        )


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


@models.command("show")
def show_model(
    name: Annotated[
        str,
        typer.Argument(help="ANCHOR/to-TARGET, clocks/TARGET, or a bundle's folder."),
    ],
    as_json: Json = False,
) -> None:
    """What a bundle was fitted on, and how good it is on held-out models."""
    from dataclasses import asdict
    from pathlib import Path

    from xlate.catalog import catalogue
    from xlate.errors import BundleError
    from xlate.evaluate import Row
    from xlate.store import bundle

    kind, slash, clock_target = name.partition("/")
    if kind == "clocks" and slash:
        _show_clock_model(clock_target, as_json)
        return
    folder = Path(name)
    if not (folder / bundle.MANIFEST).is_file():
        anchor, found, target = name.partition("/to-")
        if not found:
            raise BundleError(
                f"{name!r} is no bundle",
                "write ANCHOR/to-TARGET, see: xlate models list",
            )
        known = catalogue()
        folder = bundle.folder_of(
            known.instance(anchor).name, known.instance(target).name
        )
    loaded = bundle.load(folder)
    m = loaded.manifest
    if as_json:
        output.document({"path": str(folder), **asdict(m)})
        return
    output.table(
        str(folder),
        ["what", "value"],
        [
            ["pair", f"{m.anchor} → {m.target}"],
            ["translator", m.translator],
            ["fitted on", f"{m.corpus}, {m.n_pairs} pairs, repeats: {m.policy}"],
            ["corpus sha256", m.corpus_sha256[:16] + "…"],
            ["licence of the data", m.licence],
            ["models", ", ".join(m.models)],
            ["columns", f"{m.columns} ({len(m.operations)} operations seen)"],
            ["seed", m.seed],
            ["versions", ", ".join(f"{k} {v}" for k, v in m.versions.items())],
        ],
    )
    output.comparison(
        [
            Row(m.anchor, m.target, r["translator"], m.corpus, m.split, r["held_out"], r["metric"], r["value"], r["n"])
            for r in m.card
        ],
        by_model=True,
    )  # fmt: skip


def _show_clock_model(target: str, as_json: bool) -> None:
    from dataclasses import asdict

    from xlate.catalog import catalogue
    from xlate.store import clock_bundle

    loaded = clock_bundle.find(catalogue().instance(target).name)
    m = loaded.manifest
    if as_json:
        output.document({"path": str(loaded.path), **asdict(m)})
        return
    response = m.source_gpu + (" (extrapolated)" if m.extrapolated else "")
    output.table(
        str(loaded.path),
        ["what", "value"],
        [
            ["target", f"{m.target} ({m.gpu})"],
            ["model", f"{m.model}, views {', '.join(m.views)}"],
            ["response of", response],
            ["taught by too", ", ".join(m.taught_by) or "–"],
            ["errors taken", f"{m.spread:g} times as large"],
            ["sweeps of", f"{m.corpus} ({m.licence})"],
            ["hand-off from", m.handoff or "–"],
            ["applications", ", ".join(m.applications)],
            ["seed", m.seed],
            ["versions", ", ".join(f"{k} {v}" for k, v in m.versions.items())],
        ],
    )
    output.table(
        "on applications left out, %",
        ["model", "figure", "value"],
        [
            [r["model"], r["metric"], output.figure(_times(r["value"], 100), digits=2)]
            for r in m.card
            if r["held_out"] is None and r["metric"].startswith("edp_gap")
        ],
    )
