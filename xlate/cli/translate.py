"""Translate profiles: one anchor or several, printed for people or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlate.cli import output
from xlate.cli.commands import check_apart, output_file
from xlate.cli.inputs import ProfileFlags, session_of
from xlate.cli.options import (
    AnchorsDir,
    BatchSize,
    FileAnchor,
    Force,
    Format,
    InputSize,
    Json,
    ModelName,
    Optimizer,
    StepMark,
    StepTime,
    TargetName,
    TraceSteps,
)
from xlate.cli.shared_options import PRICED, sets

if TYPE_CHECKING:
    from xlate.engine.combine import Together
    from xlate.engine.scale_sizes import Sizes
    from xlate.engine.session import Session
    from xlate.values.answers import Answers
    from xlate.values.profile import Profile
    from xlate.values.translation import Failure, Translation

__all__ = ["translate"]


@sets(*PRICED)
def translate(
    *,
    target: TargetName,
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Profiles, or folders of them.", show_default=False),
    ] = None,
    anchor: FileAnchor = None,
    profile: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ANCHOR=FILE",
            help="Profiles of one workload from several instances, in place of FILES "
            "and --anchor; repeat it.",
            show_default=False,
        ),
    ] = None,
    model: ModelName = None,
    batch_size: BatchSize = None,
    input_size: InputSize = None,
    optimizer: Optimizer = None,
    step_time: StepTime = None,
    trace_steps: TraceSteps = None,
    step_mark: StepMark = None,
    format: Format = None,
    anchors_dir: AnchorsDir = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write the translated profiles here, as JSON that xlate reads.",
            show_default=False,
            callback=output_file,
        ),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(
            metavar="AXIS=SIZES",
            help="One profile at other sizes too: batch-size=16..256, input-size=128,224.",
            show_default=False,
        ),
    ] = None,
    level: Annotated[
        float, typer.Option(help="Level of the intervals, 0.9 for 90 %.")
    ] = 0.9,
    force: Force = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 3 unless the verdict is ok.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Translate profiles to the target: vector, step time, rent."""
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
    if out is not None and out.suffix.lower() not in ("", ".json"):
        raise typer.BadParameter(
            f"--out {out}: translated profiles are written as JSON, name a .json file"
        )
    check_apart(
        out, [*(files or ()), *(Path(p.partition("=")[2]) for p in profile or ())]
    )
    asked = _Asked(anchor, target, flags, session_of(anchors_dir), level, force)
    if profile:
        if files or anchor or step_time is not None or scale is not None:
            raise typer.BadParameter(
                "--profile goes without FILES, --anchor, --scale and --step-time (each "
                "profile has its own step: write step_time_us into the file)"
            )
        _print(asked.together(profile), out, strict, as_json)
        return
    if not files:
        raise typer.BadParameter(
            "give FILES, or --profile ANCHOR=FILE for each instance"
        )
    profiles = flags.read(files)
    if step_time is not None and len(profiles) > 1:
        raise typer.BadParameter(
            f"--step-time is that of one profile, {len(profiles)} were given"
        )
    if scale is not None:
        _print(asked.scaled(profiles, scale), out, strict, as_json)
        return
    _print(asked.translated(profiles), out, strict, as_json)


@dataclass(frozen=True)
class _Asked:
    """What is asked of every profile."""

    anchor: str | None
    target: str
    flags: ProfileFlags
    session: Session
    level: float
    force: bool

    def translated(self, profiles: Sequence[Profile | Failure]) -> Answers[Translation]:
        """Each profile on the target."""
        from xlate.values.requests import TranslateRequest

        return self.session.translate(
            TranslateRequest(
                profiles, self.anchor, self.target, level=self.level, force=self.force
            )
        )

    def scaled(self, profiles: Sequence[Profile | Failure], wanted: str) -> Sizes:
        """One profile at several sizes, here and there."""
        from xlate.engine.scale_sizes import wanted_sizes
        from xlate.values.requests import ScaleRequest
        from xlate.values.translation import Failure

        if len(profiles) != 1:
            raise typer.BadParameter(f"--scale takes one profile, not {len(profiles)}")
        (profile,) = profiles
        if isinstance(profile, Failure):
            raise profile.error
        return self.session.scale(
            ScaleRequest(
                profile,
                self.anchor,
                self.target,
                *wanted_sizes(wanted),
                level=self.level,
                force=self.force,
            )
        )

    def together(self, given: Sequence[str]) -> Together:
        """One answer from the profiles of several anchors, and what each says alone."""
        from xlate.errors import ProfileError, XlateError, all_of
        from xlate.values.requests import CombineRequest

        files: dict[str, Path] = {}
        for text in given:
            name, mark, file = text.partition("=")
            if not mark or not name or not file:
                raise typer.BadParameter(f"--profile {text} is not ANCHOR=FILE")
            if name in files:
                raise typer.BadParameter(f"--profile {name}=… is given twice")
            files[name] = Path(file)
        profiles: dict[str, Profile] = {}
        failed: list[XlateError] = []
        for name, path in files.items():
            try:
                profiles[name] = self.flags.read_one(path)
            except ProfileError as e:
                failed.append(e)
        if failed:
            raise all_of(failed)
        return self.session.translate_together(
            CombineRequest(profiles, self.target, level=self.level, force=self.force)
        )


def _print(
    answer: Answers[Translation] | Sizes | Together,
    out: Path | None,
    strict: bool,
    as_json: bool,
) -> None:
    """What was answered, printed or written; exit with 1 for a file that failed."""
    from xlate.cli import answers as texts
    from xlate.engine.combine import Together
    from xlate.engine.scale_sizes import Sizes
    from xlate.values.answers import Answers

    failures = answer.failures if isinstance(answer, Answers) else []
    if isinstance(answer, Together):
        good = [answer.combined]
    else:
        good = answer.good if isinstance(answer, Answers) else answer.translations
    _write(out, good)
    if as_json:
        output.document(answer.document())
    elif isinstance(answer, Together):
        texts.print_together(answer)
    elif isinstance(answer, Sizes):
        texts.print_sized(answer)
    elif good:
        texts.print_translations(good)
    for failure in failures:
        output.error(failure.error)
    if failures:
        raise typer.Exit(1)
    _refuse_doubtful(strict, good)


def _write(out: Path | None, answers: Sequence[Translation]) -> None:
    """Translated profiles as a file that xlate reads again."""
    if out is None or not answers:
        return
    output.write_document(out, [a.profile_document() for a in answers])
    output.talk(f"wrote {len(answers)} translated profiles to {out}")


def _refuse_doubtful(strict: bool, answers: Sequence[Translation]) -> None:
    """With ``--strict``, exit with 3 unless every verdict is ok."""
    from xlate.errors import RefusedError

    doubtful = [a for a in answers if a.verdict.level != "ok"]
    if strict and doubtful:
        first = doubtful[0]
        raise RefusedError(
            f"{first.file}: verdict {first.verdict.level}: "
            + "; ".join(first.verdict.reasons),
            "--strict takes this verdict for a failure: what to do stands with the answer "
            "above; without --strict the same answer exits with 0",
        )
