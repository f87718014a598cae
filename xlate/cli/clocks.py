"""clocks label, fit, compare, curve."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from xlate.cli import completion, output
from xlate.cli.commands import check_apart, figures_or_picture, output_file
from xlate.cli.inputs import ProfileFlags, session_of
from xlate.cli.options import (
    AnchorsDir,
    BatchSize,
    ClockModelName,
    ClockModelNames,
    ClocksFile,
    Fields,
    FiguresOut,
    FileAnchor,
    Force,
    Format,
    GpuIndex,
    InputSize,
    Json,
    MaxSlowdown,
    ModelName,
    Objective,
    Optimizer,
    ProbeFiles,
    ProbeKind,
    Seed,
    StepMark,
    StepTime,
    Sure,
    SweepNames,
    TargetName,
    Telemetry,
    TraceSteps,
    share_of,
)
from xlate.cli.progress import progress_bar
from xlate.cli.shared_options import PRICED, sets

__all__ = ["clocks"]

clocks = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Best clocks: label sweeps, fit models of them, compare these.",
)

GpuName = Annotated[
    str | None,
    typer.Option(
        "--gpu",
        help="GPU, by name or alias.",
        autocompletion=completion.gpus,
        show_default=False,
    ),
]


def _names(sweeps: str | None) -> tuple[str, ...] | None:
    return None if sweeps is None else tuple(sweeps.split(","))


@clocks.command("label")
def label(
    *,
    sweeps: SweepNames = None,
    gpu: GpuName = None,
    max_slowdown: MaxSlowdown = None,
    rent: Annotated[
        float | None,
        typer.Option(
            help="Rent in $ per hour, for the dollars objective.",
            min=0,
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write the labels here: csv if it ends in .csv, else JSON.",
            show_default=False,
            callback=output_file,
        ),
    ] = None,
    anchors_dir: AnchorsDir = None,
    as_json: Json = False,
) -> None:
    """Ground truth of full sweeps: the best clock by each objective."""
    from xlate.values.clock_requests import LabelRequest

    check_apart(out, [Path(n) for n in _names(sweeps) or ()])
    labels = session_of(anchors_dir).label_sweeps(
        LabelRequest(_names(sweeps), gpu, bound=share_of(max_slowdown), usd_per_h=rent)
    )
    if out is not None:
        output.write_figures(labels.items, out, default=".json")
        output.talk(f"wrote {len(labels)} labels to {out}")
    if as_json:
        output.document(labels.document())
        return
    for name in dict.fromkeys(x.gpu for x in labels):
        output.table(
            name,
            ["workload", "by", "best", "band", "bounded", "at max", "saved", "slower"],
            [
                [
                    x.workload, x.objective, f"{x.best_mhz:g}",
                    f"{x.band_mhz[0]:g} to {x.band_mhz[1]:g}",
                    None if x.bounded_mhz is None else f"{x.bounded_mhz:g}",
                    output.figure(100 * x.gap_at_max, "%"),
                    output.figure(100 * x.energy_saving, "%"),
                    output.figure(100 * x.slowdown, "%"),
                ]
                for x in labels
                if x.gpu == name
            ],
        )  # fmt: skip
    output.lines(
        "MHz on smoothed curves; band: clocks that noise does not separate from the best;\n"
        "in %: at max: gap of the highest clock to the best; saved: energy, against the\n"
        "highest clock; slower: than the fastest one"
    )


@clocks.command("fit")
def fit(
    *,
    target: Annotated[
        str | None,
        typer.Option(help="Instance to predict clocks for.", show_default=False),
    ] = None,
    gpu: GpuName = None,
    sweeps: SweepNames = None,
    model: ClockModelName = "response-calibrated",
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Let it answer from now on even where it rests on simulated runs and "
            "what answers now on measured ones.",
        ),
    ] = False,
    seed: Seed = 0,
    anchors_dir: AnchorsDir = None,
    as_json: Json = False,
) -> None:
    """Fit a clock model for an instance or a GPU, and save it.

    It answers from then on, unless it rests on simulated runs and what answers now on
    measured ones: then it is kept beside that, under a number.
    """
    from xlate.values.clock_requests import FitClocksRequest

    if (target is None) == (gpu is None):
        raise typer.BadParameter("give --target or --gpu, one of them")
    request = FitClocksRequest(
        target, gpu=gpu, sweeps=_names(sweeps), model=model, seed=seed, replace=replace
    )
    with progress_bar("fitting", as_json) as progress:
        done = session_of(anchors_dir).fit_clocks(request, progress=progress)
    for note in done.notes:
        output.talk(f"note: {note}")
    if as_json:
        output.document(done.document())
        return
    m = done.bundle.manifest
    from xlate.cli.clock_comparison import comparison

    comparison(done.rows)
    output.talk(
        f"saved {m.model} for {m.target}, fitted on {len(m.applications)} applications "
        f"of {m.corpus} on {m.source_gpu}, to {done.path}"
    )
    if "simulated" in m.corpus:
        output.talk("note: the response to the clock is fitted on simulated data")
    if m.handoff is not None and "simulated" in m.handoff:
        output.talk(f"note: power comes from simulated data, {m.handoff}")


@clocks.command("compare")
def compare(
    *,
    sweeps: SweepNames = None,
    gpu: GpuName = None,
    split: Annotated[
        str,
        typer.Option(
            help="What is held out: workload (whole applications), gpu (a GPU, and "
            "the application on the others), or random (leaky)."
        ),
    ] = "workload",
    models: ClockModelNames = None,
    view: Annotated[
        str | None,
        typer.Option(
            help="Features: smi, or dcgm (activities too). Default: the richest here.",
            show_default=False,
        ),
    ] = None,
    probe: Annotated[
        str, typer.Option(help="Runs looked at: max-only, or tri-point.")
    ] = "max-only",
    max_slowdown: MaxSlowdown = "5%",
    importance: Annotated[
        bool,
        typer.Option(
            "--importance",
            help="Also say which features mattered, to the default model or the last one.",
        ),
    ] = False,
    pool: Annotated[
        bool,
        typer.Option(
            help="Whether applications of other GPUs are used in the fit as donors."
        ),
    ] = True,
    seed: Seed = 0,
    anchors_dir: AnchorsDir = None,
    out: FiguresOut = None,
    as_json: Json = False,
) -> None:
    """Compare clock models on applications, or GPUs, they were not fitted on."""
    from xlate.models.response import CLOCK_MODELS, DEFAULT_CLOCK_MODEL
    from xlate.values.clock_requests import ClockComparisonRequest, ImportanceRequest
    from xlate.values.tables import Rows

    session = session_of(anchors_dir)
    named = tuple(CLOCK_MODELS) if models is None else tuple(models.split(","))
    request = ClockComparisonRequest(
        _names(sweeps),
        gpu,
        models=named,
        split=split,
        view=view,
        probe=probe,
        bound=share_of(max_slowdown),
        pool=pool,
        seed=seed,
    )
    with progress_bar("reading the sweeps", as_json) as progress:
        rows = session.compare_clocks(request, progress=progress)
    if importance:
        looked_at = DEFAULT_CLOCK_MODEL if DEFAULT_CLOCK_MODEL in named else named[-1]
        mattered = session.importance(
            ImportanceRequest(
                _names(sweeps), gpu, model=looked_at, view=view, seed=seed
            )
        )
        rows = Rows((*rows, *mattered))
    if out is not None:
        output.write_figures(rows.items, out)
        output.talk(f"wrote {len(rows)} figures to {out}")
    if as_json:
        output.document(rows.document())
    else:
        from xlate.cli.clock_comparison import comparison

        comparison(rows.items)


@clocks.command("curve")
@sets(*PRICED)
def curve(
    *,
    file: Annotated[
        Path,
        typer.Argument(
            help="Profile; or a recording of the job on the target itself, at its "
            "highest clock and without --anchor."
        ),
    ],
    target: TargetName,
    anchor: FileAnchor = None,
    model: ModelName = None,
    batch_size: BatchSize = None,
    input_size: InputSize = None,
    optimizer: Optimizer = None,
    step_time: StepTime = None,
    trace_steps: TraceSteps = None,
    step_mark: StepMark = None,
    objective: Objective = "edp",
    max_slowdown: MaxSlowdown = None,
    sure: Sure = None,
    probe: ProbeKind = "max-only",
    probe_file: ProbeFiles = None,
    telemetry: Telemetry = None,
    clocks_file: ClocksFile = None,
    fields: Fields = None,
    gpu_index: GpuIndex = None,
    format: Format = None,
    force: Force = False,
    seed: Seed = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "--plot",
            help="Write the curve here: a picture (.png, .svg, .pdf), or its points "
            "(.csv, .json).",
            show_default=False,
            callback=figures_or_picture,
        ),
    ] = None,
    anchors_dir: AnchorsDir = None,
    as_json: Json = False,
) -> None:
    """Predicted time, power, energy and EDP of a profile at every legal clock."""
    from xlate.cli.clock_answers import OBJECTIVE_NAMES, print_grounds
    from xlate.cli.predict_freq import ClockFlags

    check_apart(out, [file])
    flags = ProfileFlags(
        model=model,
        batch_size=batch_size,
        input_size=input_size,
        optimizer=optimizer,
        step_time=step_time,
        format=format,
        trace_steps=trace_steps,
        step_mark=step_mark,
    )
    aim: dict[str, Any] = {
        "objective": objective, "max_slowdown": share_of(max_slowdown), "sure": sure,
        "probe": probe, "clocks_file": clocks_file, "seed": seed, "force": force,
    }  # fmt: skip
    answers = (
        ClockFlags(
            files=[file],
            anchor=anchor,
            target=target,
            flags=flags,
            aim=aim,
            anchors_dir=anchors_dir,
            probe_files=probe_file or (),
            telemetry=telemetry,
            fields=fields,
            gpu_index=gpu_index,
        )
        .answers()
        .sound()
    )
    if len(answers) != 1:
        raise typer.BadParameter(
            f"a curve is of one profile, {file} holds {len(answers)}"
        )
    (answer,) = answers
    if out is not None:
        if out.suffix.lower() in (".csv", ".json"):
            output.write_figures(answer.curve, out)
        else:
            from xlate.report.figures import curve_picture

            curve_picture(answer, out)
        output.talk(f"wrote {out}")
    if as_json:
        output.document(answer.curve_document())
        return
    output.table(
        f"{answer.target}, {answer.gpu}: ratios over {answer.default_sm_mhz:g} MHz; "
        f"best by {OBJECTIVE_NAMES[answer.objective]} at {answer.sm_mhz:g} MHz",
        ["MHz", "time", "power W", "energy", "EDP", ""],
        [
            [
                f"{p.sm_mhz:g}", f"{p.time_ratio:.3f}", f"{p.power_w:.1f}",
                f"{p.energy_ratio:.3f}", f"{p.edp_ratio:.3f}",
                "◀" if p.sm_mhz == answer.sm_mhz else "",
            ]
            for p in answer.curve
        ],
    )  # fmt: skip
    output.bullets(answer.reasons)
    print_grounds(answer)
