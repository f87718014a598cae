"""fit and compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlate.cli import output
from xlate.cli.commands import output_file
from xlate.cli.options import (
    AnchorName,
    AnchorsDir,
    Columns,
    Data,
    Jobs,
    Json,
    Repeats,
    Seed,
    Split,
    TargetName,
)
from xlate.translators import FEW

__all__ = ["compare", "fit"]


def fit(
    anchor: AnchorName,
    target: TargetName,
    data: Data = None,
    translator: Annotated[
        str | None,
        typer.Option(
            help="The translator to save; by default what serves best for so many models.",
            show_default=False,
        ),
    ] = None,
    shots: Annotated[
        Path | None,
        typer.Option(
            metavar="RUNS.parquet",
            help="A few runs measured on the target: what is known of all GPUs is "
            "adapted to it by them.",
            show_default=False,
        ),
    ] = None,
    split: Split = "model",
    columns: Columns = "all",
    repeats: Repeats = "median",
    seed: Seed = 0,
    jobs: Jobs = 2,
    anchors_dir: AnchorsDir = None,
    as_json: Json = False,
) -> None:
    """Fit a translator, compare all on held-out models, save a bundle."""
    from dataclasses import asdict

    from xlate import engine

    if shots is not None:
        if translator not in (None, FEW):
            raise typer.BadParameter(f"--shots fits {FEW}, not {translator}")
        output.talk(f"adapting {anchor} → {target} to the runs of {shots.name} …")
        done = engine.fit_shots(
            anchor, target, shots, data, seed=seed, anchors_dirs=anchors_dir or ()
        )
    else:
        output.talk(
            f"fitting {anchor} → {target}: every translator on held-out models …"
        )
        done = engine.fit(
            anchor,
            target,
            data,
            translator=translator,
            split=split,
            columns=columns,
            repeats=repeats,
            seed=seed,
            n_jobs=jobs,
            anchors_dirs=anchors_dir or (),
        )
    for note in done.notes:
        output.talk(f"note: {note}")
    m = done.bundle.manifest
    if as_json:
        output.document(
            {
                "bundle": str(done.path),
                "anchor": m.anchor,
                "target": m.target,
                "translator": m.translator,
                "fitted_on": m.corpus,
                "simulated": m.simulated,
                "n_pairs": m.n_pairs,
                "models": list(m.models),
                "notes": list(done.notes),
                "rows": [asdict(r) for r in done.rows],
            }
        )
        return
    if done.rows:
        output.comparison(done.rows)
    output.talk(
        f"saved {m.translator}, fitted on {m.n_pairs} pairs of {m.corpus}, to {done.path}"
    )
    output.talk(
        f"next: xlate translate PROFILE --anchor {m.anchor} --target {m.target}"
    )


def compare(
    anchor: Annotated[
        str | None, typer.Option(help="Instance translated from.", show_default=False)
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Instance translated to.", show_default=False)
    ] = None,
    all_pairs: Annotated[
        bool, typer.Option("--all-pairs", help="Every pair the corpus holds.")
    ] = False,
    data: Data = None,
    translators: Annotated[
        str | None,
        typer.Option(
            help="Translators to compare, separated by commas; all by default.",
            show_default=False,
        ),
    ] = None,
    split: Split = "model",
    columns: Columns = "all",
    repeats: Repeats = "median",
    seed: Seed = 0,
    jobs: Jobs = 2,
    anchors_dir: AnchorsDir = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Where the default translator is wrong, and why."
        ),
    ] = False,
    csv: Annotated[
        Path | None,
        typer.Option(
            help="Write all figures to this file.",
            show_default=False,
            callback=output_file,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare translators on work they were not fitted on."""
    from dataclasses import asdict

    from xlate import engine
    from xlate.translators import COMPARED

    names = COMPARED if translators is None else tuple(translators.split(","))
    options = {
        "translators": names,
        "split": split,
        "columns": columns,
        "repeats": repeats,
        "seed": seed,
        "n_jobs": jobs,
        "anchors_dirs": anchors_dir or (),
    }
    if explain and (all_pairs or as_json):
        raise typer.BadParameter("--explain is of one pair, and printed for people")
    if all_pairs:
        if anchor or target:
            raise typer.BadParameter("--all-pairs goes without --anchor and --target")
        rows = engine.compare_all(data, progress=output.talk, **options)
    elif anchor and target:
        rows = engine.compare(anchor, target, data, say=output.talk, **options)  # type: ignore[arg-type]
    else:
        raise typer.BadParameter("give --anchor and --target, or --all-pairs")
    if csv is not None:
        output.write_csv(rows, csv)
        output.talk(f"wrote {len(rows)} figures to {csv}")
    if as_json:
        output.document([asdict(r) for r in rows])
    elif all_pairs:
        output.pairs_table(rows, "step_mape", "step time MAPE %", "%")
        output.pairs_table(rows, "vector_wape", "vector WAPE", "")
    else:
        output.comparison(rows, by_model=True)
    if explain and anchor and target and not as_json:
        from xlate.cli.anatomy import anatomy_tables

        found = engine.anatomy(
            anchor, target, data, split=split, seed=seed, n_jobs=jobs, curve=False,
            anchors_dirs=anchors_dir or (),
        )  # fmt: skip
        for title, head, body in anatomy_tables(found):
            output.table(title, head, body)
