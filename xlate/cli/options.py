"""Options that several commands share, named once.

One thing has one name in every command: ``--network`` is the network that was
profiled, ``--translator(s)`` and ``--clock-model(s)`` what is fitted or compared,
``--out`` the file that is written, in the format its ending names. The names
before those, ``--model(s)``, ``--csv`` and ``--plot``, stand behind them in the
help and mean the same.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from xlate.cli import completion
from xlate.cli.commands import output_file

__all__ = [
    "AnchorName",
    "AnchorsDir",
    "BatchSize",
    "ClockModelName",
    "ClockModelNames",
    "ClocksFile",
    "Columns",
    "Confidence",
    "Data",
    "Fields",
    "FiguresOut",
    "FileAnchor",
    "Force",
    "Format",
    "GpuIndex",
    "InputSize",
    "Jobs",
    "Json",
    "MaxSlowdown",
    "ModelName",
    "Objective",
    "Optimizer",
    "ProbeFiles",
    "ProbeKind",
    "Repeats",
    "Seed",
    "Split",
    "StepMark",
    "StepTime",
    "Sure",
    "SweepNames",
    "TargetName",
    "Telemetry",
    "TraceSteps",
    "share_of",
]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Data = Annotated[
    str | None,
    typer.Option(
        autocompletion=completion.corpora,
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
Seed = Annotated[
    int, typer.Option(help="Seed of splits and translators.", min=0, max=2**32 - 1)
]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="Folds worked on at once. Default: as --parallel says, else as many as "
        "there are cores.",
        min=1,
        max=256,
        show_default=False,
    ),
]
AnchorsDir = Annotated[
    list[Path] | None,
    typer.Option(
        "--anchors-dir",
        help="A folder with more instances and GPUs; may be given again.",
        show_default=False,
    ),
]
AnchorName = Annotated[
    str,
    typer.Option(
        "--anchor",
        help="Instance the profile was taken on.",
        autocompletion=completion.instances,
    ),
]
TargetName = Annotated[
    str,
    typer.Option(
        "--target",
        help="Instance to translate to.",
        autocompletion=completion.instances,
    ),
]
FileAnchor = Annotated[
    str | None,
    typer.Option(
        "--anchor",
        help="Instance the profile was taken on; may be left out where the file names "
        "its GPU and one instance has it.",
        autocompletion=completion.instances,
        show_default=False,
    ),
]
ModelName = Annotated[
    str | None,
    typer.Option(
        "--network", "--model", help="Name of the network.", show_default=False
    ),
]
ClockModelName = Annotated[
    str,
    typer.Option(
        "--clock-model",
        "--model",
        help="Clock model to save.",
        autocompletion=completion.clock_models,
    ),
]
ClockModelNames = Annotated[
    str | None,
    typer.Option(
        "--clock-models",
        "--models",
        help="Clock models, separated by commas; all by default.",
        autocompletion=completion.clock_models,
        show_default=False,
    ),
]
FiguresOut = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "--csv",
        help="Write all figures to this file: JSON if it ends in .json, else csv.",
        show_default=False,
        callback=output_file,
    ),
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
TraceSteps = Annotated[
    int | None,
    typer.Option(
        help="Number of steps of equal length in the trace; by default what it marks.",
        min=1,
        show_default=False,
    ),
]
StepMark = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Each annotation of this name in the trace begins a step; also prefill or "
        "decode, where a serving engine was traced.",
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
Objective = Annotated[
    str,
    typer.Option(
        help="What to minimise: edp, ed2p, energy or cost.",
        autocompletion=completion.objectives,
    ),
]
Sure = Annotated[
    float | None,
    typer.Option(
        help="Probability with which --max-slowdown must hold, for example 0.9. "
        "Default: the expected curve keeps it.",
        min=0,
        max=1,
        show_default=False,
    ),
]
ProbeKind = Annotated[
    str,
    typer.Option(
        help="Runs on the target the answer may rest on: max-only, or tri-point."
    ),
]
ProbeFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--probe-file",
        help="A run of the job at one clock of the target, as recorded telemetry "
        "or JSON; may be given again.",
        show_default=False,
    ),
]
Telemetry = Annotated[
    Path | None,
    typer.Option(
        help="What nvidia-smi or DCGM recorded on the anchor; never needed. It makes "
        "the guess of power surer where power was learned from recordings of the anchor's "
        "GPU; of another GPU, it may make it less sure.",
        show_default=False,
    ),
]
Confidence = Annotated[
    float,
    typer.Option(help="Below it, the answer names clocks to probe.", min=0, max=1),
]
ClocksFile = Annotated[
    Path | None,
    typer.Option(
        help="Output of nvidia-smi -q -d SUPPORTED_CLOCKS on the target.",
        show_default=False,
    ),
]
GpuIndex = Annotated[
    int | None, typer.Option(help="Which GPU.", show_default=False, min=0)
]
Fields = Annotated[
    str | None,
    typer.Option(
        help="Columns of an nvidia-smi csv without a header, separated by commas, as "
        "given to --query-gpu.",
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
        If it is no finite number.
    """
    if text is None:
        return None
    bare = text.strip()
    try:
        share = float(bare[:-1]) / 100 if bare.endswith("%") else float(bare)
    except ValueError as e:
        raise typer.BadParameter(f"{text!r} is no share; write 5% or 0.05") from e
    if not math.isfinite(share):
        raise typer.BadParameter(f"{text!r} is not a finite number")
    return share
