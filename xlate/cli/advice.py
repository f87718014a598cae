"""predict-freq: the best clock for a profile, in words, or as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xlate.cli import output
from xlate.cli.given import profiles_given
from xlate.cli.options import (
    AnchorsDir,
    BatchSize,
    ClocksFile,
    Confidence,
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
    TargetName,
    Telemetry,
    TraceSteps,
    share_of,
)

if TYPE_CHECKING:
    from xlate.advice import Recommendation

__all__ = ["ask", "predict_freq"]


def ask(
    files: Sequence[Path],
    anchor: str | None,
    target: str,
    *,
    model: str | None = None,
    batch_size: int | None = None,
    input_size: int | None = None,
    optimizer: str | None = None,
    step_time: float | None = None,
    format: str | None = None,
    anchors_dirs: Iterable[Path] = (),
    **options: Any,
) -> list[Recommendation]:
    """Recommendations for files; the first failure is raised."""
    from xlate.engine import Failure

    answers = _answers(
        files, anchor, target, model=model, batch_size=batch_size,
        input_size=input_size, optimizer=optimizer, step_time=step_time,
        format=format, anchors_dirs=anchors_dirs, **options,
    )  # fmt: skip
    good: list[Recommendation] = []
    for a in answers:
        if isinstance(a, Failure):
            raise a.error
        good.append(a)
    return good


def _answers(
    files: Sequence[Path], anchor: str | None, target: str, *, model: str | None,
    batch_size: int | None, input_size: int | None, optimizer: str | None,
    step_time: float | None, format: str | None, anchors_dirs: Iterable[Path],
    trace_steps: int | None = None, step_mark: str | None = None,
    gpu_index: int | None = None, probe_files: Sequence[Path] = (),
    telemetry_file: Path | None = None, live: bool = False, **options: Any,
) -> list[Any]:  # fmt: skip
    profiles = profiles_given(
        files, model=model, batch_size=batch_size, input_size=input_size,
        optimizer=optimizer, step_time=step_time, format=format,
        trace_steps=trace_steps, step_mark=step_mark,
    )  # fmt: skip
    from xlate import engine
    from xlate.clocks.probe import read_probe, read_telemetry

    if gpu_index is not None and not (probe_files or telemetry_file or live):
        raise typer.BadParameter(
            "--gpu-index says which GPU of a recording is meant, and none was given: "
            "--telemetry or --probe-file"
        )
    if len(profiles) > 1 and (
        step_time is not None or probe_files or telemetry_file is not None
    ):
        raise typer.BadParameter(
            f"--step-time, --telemetry and --probe-file are of one profile, {len(profiles)} were given"
        )
    return engine.predict_freq(
        profiles, anchor, target, anchors_dirs=anchors_dirs,
        probes=[read_probe(p, gpu_index) for p in probe_files],
        telemetry=None if telemetry_file is None else read_telemetry(telemetry_file, gpu_index),
        **options,
    )  # fmt: skip


def predict_freq(
    files: Annotated[list[Path], typer.Argument(help="Profiles, or folders of them.")],
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
    confidence: Confidence = 0.7,
    clocks_file: ClocksFile = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also the curve, and where it is from.")
    ] = False,
    apply: Annotated[
        bool,
        typer.Option(
            "--apply", help="Set the clock here until Ctrl-C (root, on the target)."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Yes, set it.")] = False,
    gpu_index: GpuIndex = None,
    format: Format = None,
    force: Force = False,
    seed: Seed = 0,
    anchors_dir: AnchorsDir = None,
    as_json: Json = False,
) -> None:
    """The best core clock on the target, with an interval, reasons and commands."""
    from xlate.errors import RefusedError

    if yes and not apply:
        raise typer.BadParameter("--yes means --apply, which was not given")
    if apply and not yes:
        raise RefusedError(
            "--apply sets the clock of a live GPU", "add --yes to mean it"
        )
    answers = _answers(
        files, anchor, target, model=model, batch_size=batch_size,
        input_size=input_size, optimizer=optimizer, step_time=step_time,
        format=format, anchors_dirs=anchors_dir or (), gpu_index=gpu_index,
        probe_files=probe_file or (), telemetry_file=telemetry, objective=objective,
        max_slowdown=share_of(max_slowdown), sure=sure, probe=probe,
        confidence=confidence, clocks_file=clocks_file, seed=seed, force=force,
        live=apply, trace_steps=trace_steps, step_mark=step_mark,
    )  # fmt: skip
    from xlate.engine import Failure

    failures = [a for a in answers if isinstance(a, Failure)]
    good = [a for a in answers if not isinstance(a, Failure)]
    from xlate.cli.clock_answers import print_recommendation, print_recommendations

    if as_json:
        output.document([a.to_json() for a in answers])
    elif len(good) == 1:
        print_recommendation(good[0], explain)
    elif good:
        print_recommendations(good, explain)
    for failure in failures:
        output.error(failure.error)
    if failures:
        raise typer.Exit(1)
    if apply:
        if len(good) > 1:
            raise typer.BadParameter("--apply takes one profile")
        _apply(good[0], clocks_file, gpu_index or 0, anchors_dir or ())


def _apply(
    answer: Recommendation, clocks_file: Path | None, index: int, extra: Iterable[Path]
) -> None:
    """Hold the clock until Ctrl-C; fall back when a watched card does not follow."""
    from xlate.catalog import catalogue
    from xlate.clocks.legal import legal_clocks
    from xlate.clocks.recommend import WATCH_S
    from xlate.clocks.setter import applied, device_of, load_nvml, watch
    from xlate.errors import RefusedError

    known = catalogue(tuple(extra))
    gpu = known.gpu(answer.gpu)
    if answer.action not in ("apply", "apply-monitored"):
        raise RefusedError(
            f"the answer is {100 * answer.confidence:.0f} % sure: {answer.reasons[-1]}",
            f"to set it all the same: {answer.set_command}",
        )
    nvml = load_nvml()
    handle = device_of(nvml, gpu, known, index)
    with applied(nvml, handle, gpu, answer.sm_mhz, legal_clocks(gpu, clocks_file)):
        output.talk(f"{answer.sm_mhz:g} MHz set; Ctrl-C takes it back")
        if answer.action == "apply-monitored":
            followed, said = watch(nvml, handle, answer.sm_mhz, WATCH_S)
            output.talk(said)
            if not followed:
                raise RefusedError(
                    f"{said}; the clock was taken back", "see its power and heat limits"
                )
        while True:
            watch(nvml, handle, answer.sm_mhz, 60)
