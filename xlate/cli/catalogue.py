"""anchors list, show, check, new."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xlate.cli import output
from xlate.cli.options import AnchorsDir, Json

if TYPE_CHECKING:
    from xlate.catalog import Gpu, Instance

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
    from xlate.hardware.rent import price_of

    known = catalogue(tuple(anchors_dir or ()))
    rows = []
    for instance in known.instances.values():
        gpu, price = instance.gpu, price_of(instance)
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
    priced = [r for r in rows if r["usd_per_h"] is not None]
    output.table(
        "",
        ["instance", "GPU", "n", "$ per h", "as of"],
        [
            [r["name"], r["gpu"] or "–", r["gpu_count"], output.figure(r["usd_per_h"]), r["price_date"]]  # type: ignore[arg-type]
            for r in priced
        ],
    )  # fmt: skip
    _print_groups(
        "instances without a price, by provider, with GPU and number",
        {
            provider: [
                f"{i.name} ({i.gpu.name if i.gpu else 'no GPU'}"
                + (f" x {i.gpu_count})" if i.gpu_count > 1 else ")")
                for i in known.instances.values()
                if i.provider == provider and price_of(i) is None
            ]
            for provider in dict.fromkeys(i.provider for i in known.instances.values())
        },
    )
    _print_groups(
        "GPUs without an instance, by generation",
        {
            architecture: sorted(
                (n for n in alone if known.gpus[n].architecture == architecture),
                key=str.lower,
            )
            for architecture in sorted({known.gpus[n].architecture for n in alone})
        },
    )


def _print_groups(title: str, groups: dict[str, list[str]]) -> None:
    """Names in groups, one row a group."""
    rows = [[group, ", ".join(names)] for group, names in groups.items() if names]
    if rows:
        output.table(title, ["", "names"], rows)


@anchors.command("show")
def show_anchor(
    name: Annotated[str, typer.Argument(help="Instance, GPU or alias.")],
    anchors_dir: AnchorsDir = None,
    as_json: Json = False,
) -> None:
    """Facts of an instance and its GPU, each with standing and source."""
    from dataclasses import asdict

    from xlate.catalog import catalogue
    from xlate.hardware.quantities import GPU_FACTS

    instance = catalogue(tuple(anchors_dir or ())).instance(name)
    gpu = instance.gpu
    # in the order in which the catalogue explains them, not that of the file
    of_gpu = (
        {} if gpu is None else {k: gpu.facts[k] for k in GPU_FACTS if k in gpu.facts}
    )
    facts = {**instance.facts, **of_gpu}
    if as_json:
        document: dict[str, Any] = {
            "name": instance.name,
            "provider": instance.provider,
            "aliases": list(instance.aliases),
            "gpu": None if gpu is None else gpu.name,
            "gpu_count": instance.gpu_count,
            "architecture": None if gpu is None else gpu.architecture,
            "chip": None if gpu is None else gpu.chip,
            "prices": [asdict(p) for p in instance.prices],
            "facts": {k: asdict(f) for k, f in facts.items()},
            "clocks": [] if gpu is None else [asdict(c) for c in gpu.clocks],
        }
        output.document(document)
        return
    rows = [
        [k.replace("_", " "), f.value, f.standing, f.source] for k, f in facts.items()
    ]
    if gpu is not None and not gpu.clocks:
        rows.append(["legal MHz", "not known", "–", "–"])
    if not instance.prices and instance.provider != "own":
        rows.append(["$ per h", "not known", "–", "–"])
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
        + (f", {gpu.chip}" if gpu.chip else "")
    )
    output.table(title, ["fact", "value", "st", "source"], rows)
    output.line("st: D device dump, V vendor, C computed, I inferred, U unchecked")
    for note in (instance.note, None if gpu is None else gpu.note):
        if note:
            output.line(f"note: {note}")


@anchors.command("check")
def check_anchors(anchors_dir: AnchorsDir = None, as_json: Json = False) -> None:
    """Check every file: types, ranges, units, sources; say what each feature lacks."""
    from dataclasses import asdict

    from xlate.catalog import read_all
    from xlate.hardware.features import lacking_of

    known = read_all(tuple(anchors_dir or ()))
    figures = sum(len(g.facts) + len(g.clocks) for g in known.gpus.values()) + sum(
        len(i.facts) + len(i.prices) for i in known.instances.values()
    )
    added = known.added()
    if as_json:
        every: list[tuple[str, Gpu | Instance]] = [
            *(("gpu", g) for g in known.gpus.values()),
            *(("instance", i) for i in known.instances.values()),
        ]
        output.document(
            {
                "ok": not known.faults,
                "instances": len(known.instances),
                "gpus": len(known.gpus),
                "figures": figures,
                "faults": [asdict(f) for f in known.faults],
                "lacking": [
                    {
                        "name": x.name,
                        "kind": kind,
                        "added": any(x is a for a in added),
                        "features": lacking_of(x),
                    }
                    for kind, x in every
                ],
            }
        )  # fmt: skip
    else:
        if not known.faults:
            output.line(
                f"ok: {len(known.instances)} instances, {len(known.gpus)} GPUs, "
                f"{figures} figures with source and standing"
            )
        _print_lacking(added)
        for fault in known.faults:
            output.talk(f"error: {fault}")
    if known.faults:
        raise typer.Exit(1)


def _print_lacking(added: Sequence[Gpu | Instance]) -> None:
    """What each feature lacks of what the user's own folders add."""
    from textwrap import wrap

    from xlate.hardware.features import FIT_NEEDS, lacking_of

    rows = [
        [x.name, feature, "ready" if not lacking else "lacks " + ", ".join(lacking)]
        for x in added
        for feature, lacking in lacking_of(x).items()
    ]
    if rows:
        output.table("what the added files are enough for", ["name", "feature", ""], rows)  # fmt: skip
        for line in wrap(FIT_NEEDS, 80):
            output.line(line)


@anchors.command("new")
def new_anchor(
    name: Annotated[
        str, typer.Argument(help="Name of the GPU, or of the instance with --gpu.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", help="Folder to write NAME.toml into, or a file ending in .toml."
        ),
    ] = Path(),
    gpu: Annotated[
        str | None,
        typer.Option(
            "--gpu",
            help="GPU of the catalogue that the instance holds: the file then "
            "describes the instance alone.",
            show_default=False,
        ),
    ] = None,
    gpu_only: Annotated[
        bool, typer.Option("--gpu-only", help="Describe a GPU without an instance.")
    ] = False,
    anchors_dir: AnchorsDir = None,
    as_json: Json = False,
) -> None:
    """Write a file to fill in, for your own GPU and the machine with it."""
    from xlate.catalog import catalogue
    from xlate.errors import CatalogError
    from xlate.hardware.naming import name_fault
    from xlate.hardware.template import template, write_new

    if gpu is not None and gpu_only:
        raise typer.BadParameter("--gpu names a GPU there is, --gpu-only makes one")
    wrong = name_fault(name)
    if wrong is not None:
        raise CatalogError(f"the name {name!r} {wrong}", "for instance RTX6090")
    known = catalogue(tuple(anchors_dir or ()))
    owner = known.owner_of(name)
    if owner is not None:
        raise CatalogError(
            f"{name!r} is in the catalogue already: it is {owner}",
            "another name; for an instance with that GPU: "
            f"xlate anchors new NAME --gpu {owner}",
        )
    holds = None if gpu is None else known.gpu(gpu).name
    own_gpu = name if holds is None else None
    text = template(own_gpu, None if gpu_only else name, holds)
    path = write_new(out, name, text)
    if as_json:
        output.document(
            {
                "file": str(path),
                "gpu": holds or own_gpu,
                "instance": None if gpu_only else name,
            }
        )
        return
    output.line(str(path))
    output.talk(
        f'replace each "?" that you know, then: xlate anchors check --anchors-dir {path}'
    )
