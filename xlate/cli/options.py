"""Options that several commands share, named once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "AnchorName",
    "AnchorsDir",
    "BatchSize",
    "Columns",
    "Data",
    "FileAnchor",
    "Force",
    "Format",
    "InputSize",
    "Jobs",
    "Json",
    "MaxSlowdown",
    "ModelName",
    "Optimizer",
    "Repeats",
    "Seed",
    "Split",
    "StepTime",
    "SweepNames",
    "TargetName",
    "share_of",
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
        help="What is held out together: model, family (whole families of models), "
        "model+dataset, model+dataset+batch, or random (leaky: it measures memory)."
    ),
]
Columns = Annotated[
    str,
    typer.Option(
        help="Columns of the vector: all, a number K (the K largest), clusters, or families."
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
AnchorName = Annotated[
    str, typer.Option("--anchor", help="Instance the profile was taken on.")
]
FileAnchor = Annotated[
    str | None,
    typer.Option(
        "--anchor",
        help="Instance the profile was taken on; may be left out where the file names "
        "its GPU and one instance has it.",
        show_default=False,
    ),
]
TargetName = Annotated[str, typer.Option("--target", help="Instance to translate to.")]
ModelName = Annotated[
    str | None,
    typer.Option("--model", help="Name of the network.", show_default=False),
]
BatchSize = Annotated[
    int | None, typer.Option(help="Batch size.", min=1, show_default=False)
]
InputSize = Annotated[
    int | None,
    typer.Option(help="Side of the images in pixels.", min=1, show_default=False),
]
Optimizer = Annotated[str | None, typer.Option(help="Optimizer.", show_default=False)]
StepTime = Annotated[
    float | None,
    typer.Option(
        help="Time of one step on the anchor, in milliseconds; better than "
        "taking it from the window.",
        min=0,
        show_default=False,
    ),
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Answer though a file says it ran on another GPU."),
]
Format = Annotated[
    str | None,
    typer.Option(
        help="Format of the files; recognised by default.", show_default=False
    ),
]
MaxSlowdown = Annotated[
    str | None,
    typer.Option(
        help="Bound on slowdown against the fastest clock, for example 5%.",
        show_default=False,
    ),
]
SweepNames = Annotated[
    str | None,
    typer.Option(
        "--sweeps",
        help="Corpora with clock sweeps, separated by commas. Default: the measured "
        "ones here whose licence allows it, else the simulated one.",
        show_default=False,
    ),
]


def share_of(text: str | None) -> float | None:
    """A share from ``5%`` or ``0.05``.

    Raises
    ------
    typer.BadParameter
        If it is no number.
    """
    if text is None:
        return None
    bare = text.strip()
    try:
        if bare.endswith("%"):
            return float(bare[:-1]) / 100
        return float(bare)
    except ValueError as e:
        raise typer.BadParameter(f"{text!r} is no share; write 5% or 0.05") from e
