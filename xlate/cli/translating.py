"""Translate profiles: one anchor or several, printed for people or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xlate.cli import output
from xlate.cli.commands import check_apart, output_file
from xlate.cli.given import one_profile_given, profiles_given
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

if TYPE_CHECKING:
    from xlate.engine import Failure, Translation
    from xlate.profile import Profile

__all__ = ["translate"]


def translate(
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
    key: dict[str, Any] = {"model": model, "batch_size": batch_size, "input_size": input_size, "optimizer": optimizer, "trace_steps": trace_steps, "step_mark": step_mark}  # fmt: skip
    if out is not None and out.suffix.lower() not in ("", ".json"):
        raise typer.BadParameter(
            f"--out {out}: translated profiles are written as JSON, name a .json file"
        )
    check_apart(
        out, [*(files or ()), *(Path(p.partition("=")[2]) for p in profile or ())]
    )
    if profile:
        if files or anchor or step_time is not None or scale is not None:
            raise typer.BadParameter(
                "--profile goes without FILES, --anchor, --scale and --step-time (each "
                "profile has its own step: write step_time_us into the file)"
            )
        _together(profile, target, key, format, level, force, strict, anchors_dir, out, as_json)  # fmt: skip
        return
    if not files:
        raise typer.BadParameter(
            "give FILES, or --profile ANCHOR=FILE for each instance"
        )
    profiles = profiles_given(files, **key, step_time=step_time, format=format)
    from xlate import engine

    if step_time is not None and len(profiles) > 1:
        raise typer.BadParameter(
            f"--step-time is that of one profile, {len(profiles)} were given"
        )
    if scale is not None:
        _scaled(profiles, anchor, target, scale, level, force, strict, anchors_dir, out, as_json)  # fmt: skip
        return
    answers = engine.translate(
        profiles, anchor, target, level=level, force=force,
        anchors_dirs=anchors_dir or (),
    )  # fmt: skip
    failures = [a for a in answers if isinstance(a, engine.Failure)]
    good = [a for a in answers if isinstance(a, engine.Translation)]
    _write(out, good)
    if as_json:
        output.document([a.to_json() for a in answers])
    elif good:
        from xlate.cli.answers import print_translations

        print_translations(good)
    for failure in failures:
        output.error(failure.error)
    if failures:
        raise typer.Exit(1)
    _refuse_doubtful(strict, good)


def _write(out: Path | None, answers: Sequence[Translation]) -> None:
    """Translated profiles as a file that xlate reads again."""
    if out is None or not answers:
        return
    from xlate.profile import Profile
    from xlate.readers.json_profile import to_json

    made = [
        Profile(
            ops=a.ops or {},
            workload=a.workload,
            instance=a.target,
            step_time_us=a.step_time_s.value * 1e6,
            source=a.file,
            notes=(
                f"translated from {a.anchor} by {a.translator}, fitted on {a.fitted_on}",
            ),
            memory_bytes=None if a.memory is None else a.memory.need_bytes,
        )
        for a in answers
    ]
    text = json.dumps([to_json(p) for p in made], indent=1)
    output.write_text(out, text + "\n")
    output.talk(f"wrote {len(made)} translated profiles to {out}")


def _refuse_doubtful(strict: bool, answers: Sequence[Translation]) -> None:
    """With ``--strict``, exit with 3 unless every verdict is ok."""
    from xlate.errors import RefusedError

    doubtful = [a for a in answers if a.verdict.level != "ok"]
    if strict and doubtful:
        first = doubtful[0]
        raise RefusedError(
            f"{first.file}: verdict {first.verdict.level}: "
            + "; ".join(first.verdict.reasons),
            "leave --strict out to see the answer",
        )


def _scaled(
    profiles: Sequence[Profile | Failure], anchor: str | None, target: str, wanted: str,
    level: float, force: bool, strict: bool, anchors_dir: list[Path] | None,
    out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """One profile at several sizes, here and there."""
    from xlate import engine

    if len(profiles) != 1:
        raise typer.BadParameter(f"--scale takes one profile, not {len(profiles)}")
    (profile,) = profiles
    if isinstance(profile, engine.Failure):
        raise profile.error
    axis, sizes = engine.wanted_sizes(wanted)
    found = engine.scale(
        profile,
        anchor,
        target,
        axis,
        sizes,
        level=level,
        force=force,
        anchors_dirs=anchors_dir or (),
    )
    translations = found.translations
    _write(out, translations)
    if as_json:
        output.document(found.document())
    else:
        from xlate.cli.answers import print_sized

        print_sized(found)
    _refuse_doubtful(strict, translations)


def _together(
    given: Sequence[str], target: str, key: Mapping[str, Any], format: str | None,
    level: float, force: bool, strict: bool, anchors_dir: list[Path] | None,
    out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """One answer from the profiles of several anchors, and what each says alone."""
    from xlate import engine

    profiles = {}
    for text in given:
        name, mark, file = text.partition("=")
        if not mark or not name or not file:
            raise typer.BadParameter(f"--profile {text} is not ANCHOR=FILE")
        if name in profiles:
            raise typer.BadParameter(f"--profile {name}=… is given twice")
        profiles[name] = one_profile_given(Path(file), **key, format=format)
    answer = engine.translate_together(
        profiles, target, level=level, force=force, anchors_dirs=anchors_dir or ()
    )
    _write(out, [answer.combined])
    if as_json:
        output.document(answer.document())
    else:
        from xlate.cli.answers import print_together

        print_together(answer)
    _refuse_doubtful(strict, [answer.combined])
