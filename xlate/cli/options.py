"""Options that several commands share, named once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "AnchorsDir",
    "Columns",
    "Data",
    "Jobs",
    "Json",
    "Repeats",
    "Seed",
    "Split",
]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Data = Annotated[
    str | None,
    typer.Option(
        help="Corpus to learn from. Default: a measured one that holds both "
        "instances, else the simulated one.",
        show_default=False,
    ),
]
Split = Annotated[
    str,
    typer.Option(
        help="What is held out together: model, model+dataset, model+dataset+batch, "
        "or random (leaky: it measures memory)."
    ),
]
Columns = Annotated[
    str,
    typer.Option(
        help="Columns of the vector: all, a number K (the K largest), or clusters."
    ),
]
Repeats = Annotated[str, typer.Option(help="How repeats meet: median, same or cross.")]
Seed = Annotated[int, typer.Option(help="Seed of splits and translators.", min=0)]
Jobs = Annotated[int, typer.Option(help="Folds worked on at once.", min=1)]
AnchorsDir = Annotated[
    list[Path] | None,
    typer.Option(
        "--anchors-dir",
        help="A folder with more instances and GPUs; may be given again.",
        show_default=False,
    ),
]
