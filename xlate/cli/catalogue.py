"""anchors list, show, check."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from xlate.cli import output
from xlate.cli.options import AnchorsDir, Json

__all__ = ["anchors"]

anchors = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The catalogue of instances and GPUs.",
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
    print("GPUs without an instance: " + ", ".join(alone))


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
    print("st: D device dump, V vendor, C computed, I inferred, U unchecked")
    for note in (instance.note, None if gpu is None else gpu.note):
        if note:
            print(f"note: {note}")


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
    print(
        f"ok: {len(known.instances)} instances, {len(known.gpus)} GPUs, "
        f"{figures} figures with source and standing"
    )
