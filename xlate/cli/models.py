"""The models commands: list, show, use, remove."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlate.cli import output
from xlate.cli.options import Json

__all__ = ["models"]

models = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Bundles fitted on this machine."
)
BundleName = Annotated[
    str,
    typer.Argument(
        metavar="NAME[@VERSION]",
        help="ANCHOR/to-TARGET or clocks/TARGET, with @ and a number for a version "
        "that is kept beside the one that answers, or @shipped.",
    ),
]


@models.command("list")
def list_models(as_json: Json = False) -> None:
    """Bundles of every version, the shipped ones too, and which of them answers."""
    from xlate.cli.stored import everything
    from xlate.engine.models import StoredBundles

    bundles = everything()
    if as_json:
        output.document(StoredBundles(bundles).document())
        return
    translators = [s for s in bundles if s.kind == "translator"]
    clocks = [s for s in bundles if s.kind == "clocks"]
    if not bundles:
        output.talk("no bundle here")
        return
    if translators:
        output.table(
            "",
            ["bundle", "answers", "translator", "fitted on", "date", "step MAPE %", "WAPE"],
            [[s.label, s.answers, *s.cells()[:2], s.date, *s.cells()[2:]] for s in translators],
        )  # fmt: skip
    if clocks:
        output.table(
            "clock models",
            [
                "bundle",
                "answers",
                "model",
                "response of",
                "fitted on",
                "date",
                "EDP gap %",
            ],
            [
                [s.label, s.answers, *s.cells()[:3], s.date, *s.cells()[3:]]
                for s in clocks
            ],
        )
    parts = [s for s in bundles if s.kind not in ("translator", "clocks")]
    if parts:
        output.table(
            "kept by themselves",
            ["bundle", "answers", "kind", "fitted on", "date"],
            [[s.label, s.answers, *s.cells()[:2], s.date] for s in parts],
        )
    for s in bundles:
        if s.refused:
            output.talk(f"note: {s.label} is refused: {s.refused}")


@models.command("use")
def use_model(name: BundleName, as_json: Json = False) -> None:
    """Let a version that is kept answer; the one that did is kept beside it.

    NAME@shipped lets what comes with xlate answer again: its own bundle, or data sheets
    where it has none for the pair.
    """
    from xlate.cli.stored import now_in_use, slot_of
    from xlate.engine.models import RetiredBundle, UsedBundle
    from xlate.store import versions

    bare, _, word = name.rpartition("@")
    if word == "shipped":
        slot, _number = slot_of(bare)
        kept = versions.retire(slot)
        text = now_in_use(bare)
        output.talk(text)
        if as_json:
            kept_as = None if kept is None else versions.number_of(kept)
            output.document(RetiredBundle(name, slot, kept_as, text).document())
        return
    slot, number = slot_of(name)
    if number is None:
        raise typer.BadParameter(
            f"say which version of {name}: {name}@1, or {name}@shipped"
        )
    already = versions.number_of(slot) == number
    if not already:
        _checked(name)
        versions.use(slot, number)
    output.talk(f"{name} answers " + ("already" if already else "from now on"))
    if as_json:
        output.document(UsedBundle(name, slot, number).document())


@models.command("remove")
def remove_model(
    name: BundleName,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Delete a bundle of your own; what ships with xlate cannot be."""
    import sys

    from xlate.cli.stored import folder_of, now_in_use
    from xlate.engine.models import RemovedBundle

    folder = folder_of(name)
    if not yes:
        if not sys.stdin.isatty():
            raise typer.BadParameter(f"give --yes to delete {folder}")
        typer.confirm(f"delete {folder}?", abort=True, err=True)
    from xlate.store import versions

    versions.remove(folder)
    output.talk(f"removed {folder}")
    text = now_in_use(name)
    output.talk(text)
    if as_json:
        output.document(RemovedBundle(name, folder, text).document())


def _checked(name: str) -> None:
    """Load a version with every check, before it is put in use."""
    from xlate.cli.stored import slot_of, store_of

    slot, number = slot_of(name)
    store = store_of(slot)
    store.find(*store.names_in(slot), number=number)


@models.command("show")
def show_model(
    name: Annotated[
        str,
        typer.Argument(help="ANCHOR/to-TARGET, clocks/TARGET, or a bundle's folder."),
    ],
    as_json: Json = False,
) -> None:
    """What a bundle was fitted on, and how good it is on held-out models."""
    from xlate.cli.stored import slot_of, store_of
    from xlate.engine.models import ShownBundle
    from xlate.store import bundle

    folder = Path(name)
    if (folder / bundle.MANIFEST).is_file():
        loaded = bundle.load(folder)
    else:
        slot, number = slot_of(name)
        if slot.parent.name == "clocks":
            _show_clock_model(slot.name, number, as_json)
            return
        if store_of(slot) is not bundle.STORE:
            _show_part(slot, number, as_json)
            return
        loaded = bundle.find_version(
            slot.parent.name, slot.name.removeprefix("to-"), number
        )
        folder = loaded.path or folder
    m = loaded.manifest
    if as_json:
        output.document(ShownBundle(folder, m).document())
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
    if not m.card:
        output.talk(
            "no accuracy card: too few models were measured to leave one out; "
            "intervals are those of GPUs never seen"
        )
        return
    output.comparison(
        ShownBundle(folder, m).card(),
        by_model=True,
    )


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _show_part(slot: Path, number: int | None, as_json: bool) -> None:
    """A scaler or a power model that is kept by itself."""
    from xlate.cli.stored import store_of
    from xlate.engine.models import ShownBundle

    store = store_of(slot)
    loaded = store.find(*store.names_in(slot), number=number)
    m = loaded.manifest
    if as_json:
        output.document(ShownBundle(loaded.path, m).document())
        return
    output.table(
        str(loaded.path),
        ["what", "value"],
        [
            ["kind", f"{m.kind} of {m.instance}"],
            ["models", ", ".join(sorted(loaded.models))],
            ["fitted on", m.corpus],
            ["licence of the data", m.licence],
            ["seed", m.seed],
            ["versions", ", ".join(f"{k} {v}" for k, v in m.versions.items())],
        ],
    )


def _show_clock_model(target: str, number: int | None, as_json: bool) -> None:
    from xlate.engine.models import ShownBundle
    from xlate.store import clock_bundle

    loaded = clock_bundle.find_version(target, number)
    m = loaded.manifest
    if as_json:
        output.document(ShownBundle(loaded.path, m).document())
        return
    response = m.source_gpu + (" (extrapolated)" if m.extrapolated else "")
    output.table(
        str(loaded.path),
        ["what", "value"],
        [
            ["target", f"{m.target} ({m.gpu})"],
            ["model", f"{m.model}, views {', '.join(m.views)}"],
            ["response of", response],
            ["donor GPUs", ", ".join(m.donor_gpus) or "–"],
            ["errors taken", f"{m.spread:g} times as large"],
            ["sweeps of", f"{m.corpus} ({m.licence})"],
            ["power model from", m.handoff or "–"],
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
