"""report: where a translator is wrong, on one page."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated

import typer

from xlate.cli import output
from xlate.cli.destination import check_destination, check_pictures
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
from xlate.cli.picture import save
from xlate.cli.progress import progress_bar

__all__ = ["report"]


def report(
    anchor: AnchorName,
    target: TargetName,
    out: Annotated[
        Path, typer.Option(help="The page (.html), or the picture alone (.png).")
    ],
    data: Data = None,
    split: Split = "model",
    seed: Seed = 0,
    jobs: Jobs = 2,
    anchors_dir: AnchorsDir = None,
    as_json: Json = False,
) -> None:
    """Where the translator is wrong: a page or a picture to look at."""
    from xlate import engine
    from xlate.cli.anatomy import drawn, page
    from xlate.errors import StorageError

    if out.suffix not in (".html", ".png"):
        raise StorageError(f"{out} is neither .html nor .png", "name one of them")
    # both would be too late after a minute's work
    check_destination(out)
    check_pictures()
    output.talk(
        f"{anchor} → {target}: every network left out, then with fewer to learn from …"
    )
    with progress_bar("reading the corpus", as_json) as progress:
        found = engine.anatomy(
            anchor, target, data, split=split, seed=seed, n_jobs=jobs,
            anchors_dirs=anchors_dir or (), progress=progress,
        )  # fmt: skip
    picture = io.BytesIO()
    save(drawn(found), picture, str(out))
    try:
        if out.suffix == ".png":
            out.write_bytes(picture.getvalue())
        else:
            out.write_text(page(found, picture.getvalue()), encoding="utf-8")
    except OSError as e:
        raise StorageError(
            f"cannot write {out}: {e}", "name a file you can write"
        ) from e
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
