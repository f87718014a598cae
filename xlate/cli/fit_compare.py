"""fit and compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xlate.cli import completion, output
from xlate.cli.inputs import session_of
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
from xlate.cli.shared_options import COMPUTING, sets
from xlate.models.translate import FEW

if TYPE_CHECKING:
    from xlate.engine import FitResult
    from xlate.engine.session import Session
    from xlate.evaluation.figures import Row
    from xlate.values.tables import Rows

__all__ = ["compare", "fit"]


@sets(*COMPUTING)
def fit(
    *,
    anchor: AnchorName,
    target: TargetName,
    data: Data = None,
    translator: Annotated[
        str | None,
        typer.Option(
            autocompletion=completion.translators,
            help="The translator to save; by default the most accurate for the number of models.",
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
    jobs: Jobs = None,
    anchors_dir: AnchorsDir = None,
    as_json: Json = False,
) -> None:
    """Fit a translator, compare all on held-out models, save a bundle.

    It answers from then on where it is not worse on held-out models than what
    answers now; otherwise it is kept beside that, under a number.
    """
    from xlate.values.requests import FitRequest, ShotsRequest

    session = session_of(anchors_dir)
    study: dict[str, Any] = {
        "split": split, "columns": columns, "repeats": repeats, "seed": seed,
        "n_jobs": jobs, "replace": replace,
    }  # fmt: skip
    if shots is not None:
        if translator not in (None, FEW):
            raise typer.BadParameter(f"--shots fits {FEW}, not {translator}")
        output.talk(f"adapting {anchor} → {target} to the runs of {shots.name} …")
        done = session.fit_shots(ShotsRequest(anchor, target, shots, data, **study))
    else:
        output.talk(
            f"fitting {anchor} → {target}: every translator on held-out models …"
        )
        request = FitRequest(anchor, target, data, translator=translator, **study)
        with progress_bar("reading the corpus", as_json) as progress:
            done = session.fit(request, progress=progress)
    for note in done.notes:
        output.talk(f"note: {note}")
    if as_json:
        output.document(done.document())
        return
    if done.rows:
        output.comparison(done.rows)
    m = done.bundle.manifest
    output.talk(
        f"saved {m.translator}, fitted on {m.n_pairs} pairs of {m.corpus}, to {done.path}"
    )
    _say_standing(done)


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


@sets(*COMPUTING)
def compare(
    *,
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
    jobs: Jobs = None,
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
    if explain and (all_pairs or as_json):
        raise typer.BadParameter("--explain is of one pair, and printed for people")
    if all_pairs and (anchor or target):
        raise typer.BadParameter("--all-pairs goes without --anchor and --target")
    if not all_pairs and not (anchor and target):
        raise typer.BadParameter("give --anchor and --target, or --all-pairs")
    session = session_of(anchors_dir)
    study: dict[str, Any] = {
        "split": split, "columns": columns, "repeats": repeats, "seed": seed,
        "n_jobs": jobs,
    }  # fmt: skip
    names = None if translators is None else tuple(translators.split(","))
    rows = _compared(
        session, _pair(anchor, target), data, study | {"translators": names}, as_json
    )
    if out is not None:
        output.write_figures(rows.items, out)
        output.talk(f"wrote {len(rows)} figures to {out}")
    if as_json:
        output.document(rows.document())
    elif all_pairs:
        output.pairs_table(rows.items, "step_mape", "step time MAPE %", "%")
        output.pairs_table(rows.items, "vector_wape", "vector WAPE", "")
    else:
        output.comparison(rows.items, by_model=True)
    if explain and anchor and target:
        from xlate.report.error_breakdown import anatomy_tables
        from xlate.values.requests import AnatomyRequest

        request = AnatomyRequest(anchor, target, data, curve=False, **study)
        with progress_bar("taking the errors apart") as progress:
            breakdown = session.anatomy(request, progress=progress)
        for title, head, body in anatomy_tables(breakdown):
            output.table(title, head, body)


def _pair(anchor: str | None, target: str | None) -> tuple[str, str] | None:
    """Both names, or None where every pair is asked for."""
    return (anchor, target) if anchor and target else None


def _compared(
    session: Session,
    pair: tuple[str, str] | None,
    data: str | None,
    study: dict[str, Any],
    as_json: bool,
) -> Rows[Row]:
    """Figures of one pair, or of all that the corpus holds."""
    from xlate.values.requests import CompareAllRequest, CompareRequest

    with progress_bar("reading the corpus", as_json) as progress:
        if pair is None:
            return session.compare_all(
                CompareAllRequest(data, **study), say=output.talk, progress=progress
            )
        return session.compare(
            CompareRequest(*pair, data, **study), say=output.talk, progress=progress
        )
