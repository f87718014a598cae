"""report: where a translator is wrong, on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlate.cli import output
from xlate.cli.commands import output_file
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

__all__ = ["report"]


def report(
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
    jobs: Jobs = 2,
    anchors_dir: AnchorsDir = None,
    as_json: Json = False,
) -> None:
    """Where the translator is wrong: a page or a picture to look at."""
    from xlate import engine, files
    from xlate.cli.anatomy import drawn, page
    from xlate.cli.picture import check_ending
    from xlate.cli.picture import drawn as in_bytes
    from xlate.errors import StorageError

    if out.suffix not in (".html", ".png"):
        raise StorageError(f"{out} is neither .html nor .png", "name one of them")
    # a minute is a long time to wait for the news that matplotlib is missing
    check_ending(out.with_suffix(".png"))
    output.talk(
        f"{anchor} → {target}: every network left out, then with fewer to learn from …"
    )
    with progress_bar("reading the corpus", as_json) as progress:
        found = engine.anatomy(
            anchor, target, data, split=split, seed=seed, n_jobs=jobs,
            anchors_dirs=anchors_dir or (), progress=progress,
        )  # fmt: skip
    picture = in_bytes(drawn(found), ".png")
    if out.suffix == ".png":
        files.write_bytes(out, picture)
    else:
        files.write_text(out, page(found, picture))
    output.talk(f"wrote {out}")
    if as_json:
        output.document(
            {
                "anchor": found.anchor, "target": found.target, "translator": found.translator,
                "step_mape": found.mape, "noise_floor": found.floor,
                "coverage": [list(c) for c in found.coverage],
                "learning_curve": [list(c) for c in found.curve],
                "ops": [{"op": o.name, "share_of_error": o.share, "bias": o.bias} for o in found.ops],
            }
        )  # fmt: skip
