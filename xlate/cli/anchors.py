"""anchors list, show, check, new."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlate.cli import output
from xlate.cli.inputs import session_of
from xlate.cli.options import AnchorsDir, Json

if TYPE_CHECKING:
    from xlate.hardware.catalogue import Gpu, Instance

__all__ = ["anchors"]

anchors = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The catalogue of instances and GPUs.",
)


@anchors.command("list")
def list_anchors(anchors_dir: AnchorsDir = None, as_json: Json = False) -> None:
    """Instances and GPUs, with price and clock range."""
    from xlate.engine.machines import list_machines
    from xlate.hardware.prices import price_of

    machines = list_machines(session_of(anchors_dir))
    if as_json:
        output.document(machines.document())
        return
    catalogue, without_instance = machines.catalogue, machines.other_gpus
    output.table(
        "",
        ["instance", "GPU", "n", "$ per h", "as of"],
        [
            [i.name, i.gpu.name if i.gpu else "–", i.gpu_count, output.figure(price.usd_per_h), price.date]
            for i in machines.instances
            if (price := price_of(i)) is not None
        ],
    )  # fmt: skip
    _print_groups(
        "instances without a price, by provider, with GPU and number",
        {
            provider: [
                f"{i.name} ({i.gpu.name if i.gpu else 'no GPU'}"
                + (f" x {i.gpu_count})" if i.gpu_count > 1 else ")")
                for i in catalogue.instances.values()
                if i.provider == provider and price_of(i) is None
            ]
            for provider in dict.fromkeys(
                i.provider for i in catalogue.instances.values()
            )
        },
    )
    _print_groups(
        "GPUs without an instance, by generation",
        {
            architecture: sorted(
                (
                    n
                    for n in without_instance
                    if catalogue.gpus[n].architecture == architecture
                ),
                key=str.lower,
            )
            for architecture in sorted(
                {catalogue.gpus[n].architecture for n in without_instance}
            )
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
    from xlate.engine.machines import show_machine

    machine = show_machine(session_of(anchors_dir), name)
    if as_json:
        output.document(machine.document())
        return
    instance, gpu, facts = machine.instance, machine.gpu, machine.facts
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
    from xlate.engine.machines import check_machines

    check = check_machines(session_of(anchors_dir))
    catalogue = check.merged
    if as_json:
        output.document(check.document())
    else:
        if check.ok:
            output.line(
                f"ok: {len(catalogue.instances)} instances, {len(catalogue.gpus)} GPUs, "
                f"{check.figures} figures with source and standing"
            )
        _print_lacking(catalogue.added())
        for fault in catalogue.faults:
            output.talk(f"error: {fault}")
    if not check.ok:
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
        output.table(
            "what the added files are enough for", ["name", "feature", ""], rows
        )
        for line in wrap(FIT_NEEDS, 80):
            output.line(line)


@anchors.command("new")
def new_anchor(
    *,
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
    from xlate.engine.machines import new_machine

    if gpu is not None and gpu_only:
        raise typer.BadParameter("--gpu names a GPU there is, --gpu-only makes one")
    made = new_machine(session_of(anchors_dir), name, out, gpu=gpu, gpu_only=gpu_only)
    if as_json:
        output.document(made.document())
        return
    output.line(str(made.file))
    output.talk(
        f'replace each "?" that you know, then: xlate anchors check --anchors-dir {made.file}'
    )
