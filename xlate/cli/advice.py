"""predict-freq: the best clock for a profile, in words, or as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    Fields,
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
from xlate.cli.recordings import (
    field_names,
    live_recording,
    recordings_among,
    recordings_given,
)

if TYPE_CHECKING:
    from xlate.advice import Recommendation

__all__ = ["ask", "predict_freq"]

#: between two samples of the card here, where nobody says otherwise
_INTERVAL_MS = 100


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
    telemetry_file: Path | None = None, live: bool = False, fields: str | None = None,
    live_s: float | None = None, interval_ms: int | None = None, **options: Any,
) -> list[Any]:  # fmt: skip
    named = field_names(fields)
    if live_s is not None or recordings_among(
        files, anchor, named is not None and not (telemetry_file or probe_files)
    ):
        return _of_recordings(
            files, anchor, target, named, live_s, interval_ms, gpu_index, probe_files,
            step_time, telemetry_file, anchors_dirs=anchors_dirs,
            of_profiles={
                "--network": model, "--batch-size": batch_size, "--format": format,
                "--input-size": input_size, "--optimizer": optimizer,
            },
            **options,
        )  # fmt: skip
    if interval_ms is not None:
        raise typer.BadParameter("--interval-ms says how often --live samples, which was not given")  # fmt: skip
    if named is not None and not (telemetry_file or probe_files):
        raise typer.BadParameter(
            "--fields names the columns of a recording, and none was given: name it in "
            "place of a profile, or as --telemetry or --probe-file"
        )
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
        probes=[read_probe(p, gpu_index, named) for p in probe_files],
        telemetry=None if telemetry_file is None else read_telemetry(telemetry_file, gpu_index, named),
        **options,
    )  # fmt: skip


def _of_recordings(
    files: Sequence[Path], anchor: str | None, target: str,
    fields: Sequence[str] | None, live_s: float | None, interval_ms: int | None,
    gpu_index: int | None, probe_files: Sequence[Path], step_time: float | None,
    telemetry_file: Path | None, of_profiles: Mapping[str, object], **options: Any,
) -> list[Any]:  # fmt: skip
    """Answers from recordings on the target alone, of files or of the card here."""
    from xlate import engine
    from xlate.clocks.probe import read_probe

    given = [name for name, value in of_profiles.items() if value is not None]
    if given:
        raise typer.BadParameter(f"{given[0]} says something of a profile, and none was given: a recording needs it not")  # fmt: skip
    if telemetry_file is not None:
        raise typer.BadParameter("--telemetry is of the anchor of a profile, and none was given")  # fmt: skip
    if live_s is None:
        if interval_ms is not None:
            raise typer.BadParameter("--interval-ms says how often --live samples, which was not given")  # fmt: skip
        recordings: list[Any] = recordings_given(files, gpu_index, fields)
    else:
        for name, value in {
            "a file": files or None,
            "--fields": fields,
            "--anchor": anchor,
        }.items():
            if value is not None:
                raise typer.BadParameter(f"--live samples the card here in place of a recording: leave {name} out")  # fmt: skip
        recordings = [live_recording(live_s, interval_ms or _INTERVAL_MS, gpu_index)]
    if len(recordings) > 1 and (step_time is not None or probe_files):
        raise typer.BadParameter(f"--step-time and --probe-file are of one recording, {len(recordings)} were given")  # fmt: skip
    return engine.clocks_of_recordings(
        recordings, target,
        probes=[read_probe(p, None if live_s is not None else gpu_index, fields) for p in probe_files],
        step_time_s=None if step_time is None else step_time / 1e3,
        **options,
    )  # fmt: skip


def predict_freq(
    target: TargetName,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Profiles, or folders of them; or recordings of the job on the target "
            "itself (nvidia-smi, DCGM), at its highest clock and without --anchor.",
            show_default=False,
        ),
    ] = None,
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
    live: Annotated[
        float | None,
        typer.Option(
            help="Seconds to sample the card here, while the job runs at the "
            "highest clock, in place of a file; it only reads (extra gpu).",
            min=1,
            max=86400,
            show_default=False,
        ),
    ] = None,
    interval_ms: Annotated[
        int | None,
        typer.Option(
            help="Milliseconds between two samples of --live. Default: 100.",
            min=10,
            max=1000,
            show_default=False,
        ),
    ] = None,
    fields: Fields = None,
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
    if not files and live is None:
        raise typer.BadParameter(
            "name a profile, or a recording of the job on the target; --live 60 samples "
            "the card here"
        )
    answers = _answers(
        files or (), anchor, target, model=model, batch_size=batch_size,
        input_size=input_size, optimizer=optimizer, step_time=step_time,
        format=format, anchors_dirs=anchors_dir or (), gpu_index=gpu_index,
        fields=fields, live_s=live, interval_ms=interval_ms,
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
