"""fit and compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xlate.cli import completion, output
from xlate.cli.options import (
    AnchorName,
    AnchorsDir,
    Columns,
    Data,
    FiguresOut,
    Jobs,
    Json,
    Repeats,
    Seed,
    Split,
    TargetName,
)
from xlate.cli.progress import progress_bar
from xlate.translators import FEW

if TYPE_CHECKING:
    from xlate.engine import FitResult

__all__ = ["compare", "fit"]


def fit(
    anchor: AnchorName,
    target: TargetName,
    data: Data = None,
    translator: Annotated[
        str | None,
        typer.Option(
            autocompletion=completion.translators,
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
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Let this fit answer from now on even where it is not shown to be "
            "better than what answers now.",
        ),
    ] = False,
    split: Split = "model",
    columns: Columns = "all",
    repeats: Repeats = "median",
    seed: Seed = 0,
    jobs: Jobs = 2,
    anchors_dir: AnchorsDir = None,
    as_json: Json = False,
) -> None:
    """Fit a translator, compare all on held-out models, save a bundle.

    It answers from then on where it is not worse on held-out models than what
    answers now; otherwise it is kept beside that, under a number.
    """
    from dataclasses import asdict

    from xlate import engine

    options: dict[str, Any] = {
        "split": split,
        "columns": columns,
        "repeats": repeats,
        "seed": seed,
        "n_jobs": jobs,
        "anchors_dirs": anchors_dir or (),
        "replace": replace,
    }
    if shots is not None:
        if translator not in (None, FEW):
            raise typer.BadParameter(f"--shots fits {FEW}, not {translator}")
        output.talk(f"adapting {anchor} → {target} to the runs of {shots.name} …")
        done = engine.fit_shots(anchor, target, shots, data, **options)
    else:
        output.talk(
            f"fitting {anchor} → {target}: every translator on held-out models …"
        )
        with progress_bar("reading the corpus", as_json) as progress:
            done = engine.fit(
                anchor,
                target,
                data,
                translator=translator,
                progress=progress,
                **options,
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
                **_standing(done),
            }
        )
        return
    if done.rows:
        output.comparison(done.rows)
    output.talk(
        f"saved {m.translator}, fitted on {m.n_pairs} pairs of {m.corpus}, to {done.path}"
    )
    _say_standing(done)


def _standing(done: FitResult) -> dict[str, Any]:
    """Whether a fit answers from now on, and what it was compared with, for JSON."""
    from xlate.store import versions

    s, path = done.succession, done.path
    before = None if s is None else s.before
    return {
        "version": None if path is None else versions.number_of(path),
        "in_place": s is not None and s.in_place,
        "reason": None if s is None else s.reason,
        "before": None
        if s is None or before is None
        else {
            "answers": before.what,
            "translator": before.translator,
            "fitted_on": before.fitted_on,
            "simulated": before.simulated,
            "step_mape": s.before_mape,
        },
        "after": None if s is None else {"step_mape": s.after_mape},
        "compared_on": None if s is None else s.n,
    }


def _say_standing(done: FitResult) -> None:
    """Say before and after, whether the fit answers from now on, and what to do."""
    s, m = done.succession, done.bundle.manifest
    if s is None or done.path is None:
        return
    if s.figures:
        output.talk(s.figures)
    if s.in_place:
        output.talk(f"it answers from now on: {s.reason}")
        output.talk(
            f"next: xlate translate PROFILE --anchor {m.anchor} --target {m.target}"
        )
        return
    output.talk(f"it was not put in place: {s.reason}")
    if s.before is not None:
        output.talk(f"{s.before.what} answers as before")
    output.talk(
        f"to use this fit all the same: xlate models use {m.anchor}/{done.path.name}"
    )


def compare(
    anchor: Annotated[
        str | None,
        typer.Option(
            help="Instance translated from.",
            autocompletion=completion.instances,
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            help="Instance translated to.",
            autocompletion=completion.instances,
            show_default=False,
        ),
    ] = None,
    all_pairs: Annotated[
        bool, typer.Option("--all-pairs", help="Every pair the corpus holds.")
    ] = False,
    data: Data = None,
    translators: Annotated[
        str | None,
        typer.Option(
            autocompletion=completion.translators,
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
    out: FiguresOut = None,
    as_json: Json = False,
) -> None:
    """Compare translators on work they were not fitted on."""
    from dataclasses import asdict

    from xlate import engine
    from xlate.translators import COMPARED

    names = COMPARED if translators is None else tuple(translators.split(","))
    options: dict[str, Any] = {
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
        with progress_bar("reading the corpus", as_json) as progress:
            rows = engine.compare_all(
                data, say=output.talk, progress=progress, **options
            )
    elif anchor and target:
        with progress_bar("reading the corpus", as_json) as progress:
            rows = engine.compare(
                anchor,
                target,
                data,
                say=output.talk,
                progress=progress,
                **options,
            )
    else:
        raise typer.BadParameter("give --anchor and --target, or --all-pairs")
    if out is not None:
        output.write_figures(rows, out)
        output.talk(f"wrote {len(rows)} figures to {out}")
    if as_json:
        output.document([asdict(r) for r in rows])
    elif all_pairs:
        output.pairs_table(rows, "step_mape", "step time MAPE %", "%")
        output.pairs_table(rows, "vector_wape", "vector WAPE", "")
    else:
        output.comparison(rows, by_model=True)
    if explain and anchor and target and not as_json:
        from xlate.cli.anatomy import anatomy_tables

        with progress_bar("taking the errors apart") as progress:
            found = engine.anatomy(
                anchor, target, data, split=split, columns=columns, repeats=repeats,
                seed=seed, n_jobs=jobs, curve=False, anchors_dirs=anchors_dir or (),
                progress=progress,
            )  # fmt: skip
        for title, head, body in anatomy_tables(found):
            output.table(title, head, body)
