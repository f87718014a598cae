"""report: where a translator is wrong, on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlate.cli import output
from xlate.cli.commands import output_file
from xlate.cli.inputs import session_of
from xlate.cli.options import (
    AnchorName,
    AnchorsDir,
    Data,
    Jobs,
    Json,
    Seed,
    Split,
    TargetName,
)
from xlate.cli.progress import progress_bar
from xlate.cli.shared_options import COMPUTING, sets

__all__ = ["report"]


@sets(*COMPUTING)
def report(
    *,
    anchor: AnchorName,
    target: TargetName,
    out: Annotated[
        Path,
        typer.Option(
            help="The page (.html), or the picture alone (.png).", callback=output_file
        ),
    ],
    data: Data = None,
    split: Split = "model",
    seed: Seed = 0,
    jobs: Jobs = None,
    anchors_dir: AnchorsDir = None,
    as_json: Json = False,
) -> None:
    """Where the translator is wrong: a page or a picture to look at."""
    from xlate.errors import StorageError
    from xlate.report.error_breakdown import write
    from xlate.report.figures import check_ending
    from xlate.values.requests import AnatomyRequest

    if out.suffix not in (".html", ".png"):
        raise StorageError(f"{out} is neither .html nor .png", "name one of them")
    # a minute is a long time to wait for the news that matplotlib is missing
    check_ending(out.with_suffix(".png"))
    output.talk(
        f"{anchor} → {target}: every network left out, then with fewer to learn from …"
    )
    request = AnatomyRequest(anchor, target, data, split=split, seed=seed, n_jobs=jobs)
    with progress_bar("reading the corpus", as_json) as progress:
        breakdown = session_of(anchors_dir).anatomy(request, progress=progress)
    write(breakdown, out)
    output.talk(f"wrote {out}")
    if as_json:
        output.document(breakdown.document())
