"""models list, show."""

from __future__ import annotations

from typing import Annotated

import typer

from xlate.cli import output
from xlate.cli.options import Json

__all__ = ["models"]

models = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Bundles fitted on this machine."
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
