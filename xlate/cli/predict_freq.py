"""predict-freq: the best clock for a profile, in words, or as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xlate.cli import output
from xlate.cli.inputs import ProfileFlags, field_names, metering, session_of
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
from xlate.cli.shared_options import PRICED, sets

if TYPE_CHECKING:
    from xlate.engine.session import Session
    from xlate.sweeps.probe import Probe
    from xlate.values.answers import Answers
    from xlate.values.profile import Profile
    from xlate.values.recommendation import Recommendation
    from xlate.values.translation import Failure

__all__ = ["ClockFlags", "predict_freq"]

#: between two samples of the card here, where nobody says otherwise
_INTERVAL_MS = 100
_MS_PER_S = 1e3
_NOT_LIVE = "--interval-ms says how often --live samples, which was not given"


@dataclass(frozen=True, kw_only=True)
class ClockFlags:
    """What the command line says of a clock: of which files, measured by what.

    Attributes
    ----------
    files : sequence of Path
        Profiles, or recordings of the job on the target.
    flags : ProfileFlags
        Of the profiles.
    aim : dict
        Fields of :class:`~xlate.values.clock_requests.ClockAim`.
    fields : str or None
        As it was typed.
    live : float or None
        Seconds to sample the card here, in place of files.
    applies : bool
        Whether the clock is set here afterwards, on a GPU of an index.
    """

    files: Sequence[Path]
    anchor: str | None
    target: str
    flags: ProfileFlags
    aim: Mapping[str, Any]
    anchors_dir: Sequence[Path] | None
    probe_files: Sequence[Path]
    telemetry: Path | None
    fields: str | None
    gpu_index: int | None
    live: float | None = None
    interval_ms: int | None = None
    applies: bool = False

    @cached_property
    def session(self) -> Session:
        """The session that is asked."""
        return session_of(self.anchors_dir)

    @property
    def named_fields(self) -> tuple[str, ...] | None:
        """Names of the columns of a recording."""
        return field_names(self.fields)

    def answers(self) -> Answers[Recommendation]:
        """What is answered to each file."""
        metered = bool(self.telemetry or self.probe_files)
        named = self.named_fields is not None and not metered
        if self.live is not None or metering().are_recordings(
            self.files, self.anchor, named
        ):
            return self._of_recordings()
        if self.interval_ms is not None:
            raise typer.BadParameter(_NOT_LIVE)
        if named:
            raise typer.BadParameter(
                "--fields names the columns of a recording, and none was given: name it in "
                "place of a profile, or as --telemetry or --probe-file"
            )
        profiles = self.flags.read(self.files)
        if self.gpu_index is not None and not (metered or self.applies):
            raise typer.BadParameter(
                "--gpu-index says which GPU of a recording is meant, and none was given: "
                "--telemetry or --probe-file"
            )
        if len(profiles) > 1 and (self.flags.step_time is not None or metered):
            raise typer.BadParameter(
                f"--step-time, --telemetry and --probe-file are of one profile, {len(profiles)} were given"
            )
        return self._of_profiles(profiles)

    def _of_profiles(
        self, profiles: Sequence[Profile | Failure]
    ) -> Answers[Recommendation]:
        from xlate.values.clock_requests import PredictFreqRequest

        index, names = self.gpu_index, self.named_fields
        meter = self.telemetry
        return self.session.predict_freq(
            PredictFreqRequest(
                profiles,
                self.anchor,
                self.target,
                probes=metering().read_probes(self.probe_files, index, names),
                telemetry=None
                if meter is None
                else metering().read_telemetry(meter, index, names),
                **self.aim,
            )
        )

    def _of_recordings(self) -> Answers[Recommendation]:
        """Answers from recordings on the target alone, of files or of the card here."""
        from xlate.values.clock_requests import RecordingsRequest

        step_time, live = self.flags.step_time, self.live is not None
        self._check_recordings()
        recordings = self._recordings()
        if len(recordings) > 1 and (step_time is not None or self.probe_files):
            raise typer.BadParameter(
                f"--step-time and --probe-file are of one recording, {len(recordings)} were given"
            )
        index = None if live else self.gpu_index
        return self.session.clocks_of_recordings(
            RecordingsRequest(
                recordings,
                self.target,
                probes=metering().read_probes(
                    self.probe_files, index, self.named_fields
                ),
                step_time_s=None if step_time is None else step_time / _MS_PER_S,
                **self.aim,
            )
        )

    def _check_recordings(self) -> None:
        """Refuse options that say something of a profile, or of files that are not given."""
        said = self.flags
        of_profiles = {
            "--network": said.model, "--batch-size": said.batch_size,
            "--format": said.format, "--input-size": said.input_size,
            "--optimizer": said.optimizer,
        }  # fmt: skip
        given = [name for name, value in of_profiles.items() if value is not None]
        if given:
            raise typer.BadParameter(
                f"{given[0]} says something of a profile, and none was given: a recording needs it not"
            )
        if self.telemetry is not None:
            raise typer.BadParameter(
                "--telemetry is of the anchor of a profile, and none was given"
            )
        if self.live is None:
            if self.interval_ms is not None:
                raise typer.BadParameter(_NOT_LIVE)
            return
        of_files = {
            "a file": self.files or None,
            "--fields": self.fields,
            "--anchor": self.anchor,
        }
        for name, value in of_files.items():
            if value is not None:
                raise typer.BadParameter(
                    f"--live samples the card here in place of a recording: leave {name} out"
                )

    def _recordings(self) -> Sequence[Probe | Failure]:
        if self.live is None:
            recordings: list[Probe | Failure] = metering().read_recordings(
                self.files, self.gpu_index, self.named_fields
            )
            return recordings
        interval_ms = self.interval_ms or _INTERVAL_MS
        started = f"sampling the card here for {self.live:g} s; Ctrl-C stops"
        return [
            metering().sample_card(
                self.live,
                interval_ms / _MS_PER_S,
                self.gpu_index,
                say=lambda: output.talk(started),
            )
        ]


@sets(*PRICED)
def predict_freq(
    *,
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
        "probe": probe, "confidence": confidence, "clocks_file": clocks_file,
        "seed": seed, "force": force,
    }  # fmt: skip
    asked = ClockFlags(
        files=files or (),
        anchor=anchor,
        target=target,
        flags=flags,
        aim=aim,
        anchors_dir=anchors_dir,
        probe_files=probe_file or (),
        telemetry=telemetry,
        fields=fields,
        gpu_index=gpu_index,
        live=live,
        interval_ms=interval_ms,
        applies=apply,
    )
    answers = asked.answers()
    _print(answers, explain, as_json)
    if apply:
        if len(answers.good) > 1:
            raise typer.BadParameter("--apply takes one profile")
        asked.session.hold_clock(
            answers.good[0], clocks_file, gpu_index or 0, say=output.talk
        )


def _print(answers: Answers[Recommendation], explain: bool, as_json: bool) -> None:
    """What was answered; exit with 1 for a file that failed."""
    from xlate.cli.clock_answers import print_recommendation, print_recommendations

    if as_json:
        output.document(answers.document())
    elif len(answers.good) == 1:
        print_recommendation(answers.good[0], explain)
    elif answers.good:
        print_recommendations(answers.good, explain)
    for failure in answers.failures:
        output.error(failure.error)
    if answers.failures:
        raise typer.Exit(1)
