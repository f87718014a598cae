"""Translate profiles: one anchor or several, printed for people or as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xlate.cli import output
from xlate.cli.given import profiles_given
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
    StepTime,
    TargetName,
)

if TYPE_CHECKING:
    from xlate.engine import Failure, Translation
    from xlate.profile import Estimate, Profile, WorkloadKey

__all__ = ["translate", "workload_text"]


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
    format: Format = None,
    anchors_dir: AnchorsDir = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write the translated profiles here, as JSON that xlate reads.",
            show_default=False,
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
    from xlate.errors import RefusedError

    key: dict[str, Any] = {"model": model, "batch_size": batch_size, "input_size": input_size, "optimizer": optimizer}  # fmt: skip
    if profile:
        if files or anchor or step_time is not None or out is not None:
            raise typer.BadParameter(
                "--profile goes without FILES, --anchor, --step-time and --out"
            )
        _together(
            profile, target, key, format, level, force, strict, anchors_dir, as_json
        )
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
        _scaled(profiles, anchor, target, scale, level, force, anchors_dir, as_json)
        return
    answers = engine.translate(
        profiles, anchor, target, level=level, force=force,
        anchors_dirs=anchors_dir or (),
    )  # fmt: skip
    failures = [a for a in answers if isinstance(a, engine.Failure)]
    good = [a for a in answers if isinstance(a, engine.Translation)]
    if out is not None and good:
        output.write_text(
            out,
            json.dumps(
                [
                    {
                        "source": a.file,
                        "instance": a.target,
                        "workload": a.to_json()["workload"],
                        "step_time_us": a.step_time_s.value * 1e6,
                        "ops": a.ops or {},
                        "notes": [
                            f"translated from {a.anchor} by {a.translator}, fitted on {a.fitted_on}"
                        ],
                    }
                    for a in good
                ],
                indent=1,
            )
            + "\n",
        )
        output.talk(f"wrote {len(good)} translated profiles to {out}")
    if as_json:
        output.document([a.to_json() for a in answers])
    elif good:
        _print_translations(good)
    for failure in failures:
        output.talk(f"error: {failure.error}")
    if failures:
        raise typer.Exit(1)
    doubtful = [a for a in good if a.verdict.level != "ok"]
    if strict and doubtful:
        raise RefusedError(
            f"{doubtful[0].file}: verdict {doubtful[0].verdict.level}: "
            + "; ".join(doubtful[0].verdict.reasons),
            "leave --strict out to see the answer",
        )


def _scaled(
    profiles: Sequence[Profile | Failure], anchor: str | None, target: str, wanted: str,
    level: float, force: bool, anchors_dir: list[Path] | None, as_json: bool,
) -> None:  # fmt: skip
    """One profile at several sizes, here and there."""
    from dataclasses import asdict

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
    if as_json:
        output.document(
            [
                {
                    axis.replace("-", "_"): f.size,
                    "measured": f.measured,
                    "memory_bytes": f.memory_bytes,
                    "too_large_for": list(f.too_large_for),
                    "anchor_step_time_s": asdict(f.anchor_step_time_s),
                    "translation": f.translation.to_json(),
                }
                for f in found
            ]
        )
        return
    first = found[0].translation
    output.table(
        f"{Path(first.file).name} at other sizes, {first.anchor} → {first.target}, "
        f"fitted on {first.fitted_on}",
        [axis, "step here", "step there", "from", "to", "$/1000", "bound by"],
        [
            [
                f"{f.size}{' *' if f.measured else ''}{' OOM?' if f.too_large_for else ''}",
                output.time_text(f.anchor_step_time_s.value),
                output.time_text(f.translation.step_time_s.value),
                _bound(f.translation.step_time_s.low),
                _bound(f.translation.step_time_s.high),
                output.figure(_value(f.translation.usd_per_1000_steps), digits=4),
                f.translation.binds or "–",
            ]
            for f in found
        ],
    )
    if any(f.measured for f in found):
        output.talk("* the size that was profiled")
    if any(f.too_large_for for f in found):
        output.talk("OOM? may be out of memory here or there, see the notes")
    for f in found:
        if f.translation.verdict.level != "ok":
            output.talk(f"note: {axis} {f.size}: {f.translation.verdict.reasons[0]}")


def _together(
    given: Sequence[str], target: str, key: Mapping[str, Any], format: str | None,
    level: float, force: bool, strict: bool, anchors_dir: list[Path] | None,
    as_json: bool,
) -> None:  # fmt: skip
    """One answer from the profiles of several anchors, and what each says alone."""
    from xlate import engine
    from xlate.errors import RefusedError

    profiles = {}
    for text in given:
        name, mark, file = text.partition("=")
        if not mark or not name or not file:
            raise typer.BadParameter(f"--profile {text} is not ANCHOR=FILE")
        (found,) = profiles_given([Path(file)], **key, step_time=None, format=format)
        if isinstance(found, engine.Failure):
            raise found.error
        profiles[name] = found
    answer = engine.translate_together(
        profiles, target, level=level, force=force, anchors_dirs=anchors_dir or ()
    )
    if as_json:
        output.document(
            {
                "combined": answer.combined.to_json(),
                "parts": [p.to_json() for p in answer.parts],
                "weights": list(answer.weights),
            }
        )
    else:
        output.table(
            f"one workload from {len(answer.parts)} anchors → {answer.combined.target}",
            ["anchor", "step there", "from", "to", "weight", "verdict"],
            [
                [
                    p.anchor,
                    output.time_text(p.step_time_s.value),
                    _bound(p.step_time_s.low),
                    _bound(p.step_time_s.high),
                    f"{w:.2f}",
                    p.verdict.level,
                ]
                for p, w in zip(answer.parts, answer.weights, strict=True)
            ],
        )
        _print_translations([answer.combined])
    verdict = answer.combined.verdict
    if strict and verdict.level != "ok":
        raise RefusedError(
            f"verdict {verdict.level}: " + "; ".join(verdict.reasons),
            "leave --strict out to see the answer",
        )


def workload_text(key: WorkloadKey) -> str:
    """What ran, in one line."""
    known = [
        key.model,
        key.dataset,
        key.batch_size and f"batch {key.batch_size}",
        key.optimizer,
    ]
    return ", ".join(str(k) for k in known if k) or "–"


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.value


def _per_cent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} % (mean, step time)"


def _bound(seconds: float | None) -> str:
    return "–" if seconds is None else output.time_text(seconds)


def _interval_row(e: Estimate, text: Callable[[float], str]) -> list[list[object]]:
    """A row for the interval of a value, where there is one."""
    if e.low is None or e.high is None or e.level is None:
        return []
    return [[f"  {e.level:.0%} interval", f"{text(e.low)} to {text(e.high)}"]]


def _print_translations(answers: Sequence[Translation]) -> None:
    first = answers[0]
    title = (
        f"{first.anchor} → {first.target} by {first.translator}, fitted on "
        f"{first.fitted_on}"
    )
    if len(answers) == 1:
        output.table(
            title,
            ["what", "value"],
            [
                ["profile", Path(first.file).name],
                ["workload", workload_text(first.workload)],
                [f"step on {first.anchor}", output.time_text(first.anchor_step_time_s)],
                [f"step on {first.target}", output.time_text(first.step_time_s.value)],
                *_interval_row(first.step_time_s, output.time_text),
                [
                    "speedup",
                    f"{first.anchor_step_time_s / first.step_time_s.value:.2f}",
                ],
                *([["bound by", first.binds]] if first.binds else []),
                [
                    "$ per 1000 steps there",
                    output.figure(_value(first.usd_per_1000_steps), digits=4),
                ],
                ["answered by", first.layer],
                [
                    f"error on {'GPUs' if first.translator == 'zero-shot' else 'networks'} left out",
                    _per_cent(first.held_out_mape),
                ],
                ["verdict", first.verdict.level],
            ],
        )
    else:
        output.table(
            title,
            [
                "step there",
                "from",
                "to",
                "here",
                "speedup",
                "$/1000",
                "verdict",
                "profile",
            ],
            [
                [
                    output.time_text(a.step_time_s.value),
                    _bound(a.step_time_s.low),
                    _bound(a.step_time_s.high),
                    output.time_text(a.anchor_step_time_s),
                    f"{a.anchor_step_time_s / a.step_time_s.value:.2f}",
                    output.figure(_value(a.usd_per_1000_steps), digits=4),
                    a.verdict.level,
                    Path(a.file).name,
                ]
                for a in answers
            ],
        )
    if len(answers) == 1 and first.ops:
        total = sum(v for k, v in first.ops.items() if k.startswith("Device_"))
        largest = sorted(
            ((k, v) for k, v in first.ops.items() if k.startswith("Device_")),
            key=lambda kv: -kv[1],
        )[:10]
        output.table(
            "where device time goes on the target, over the profile window",
            ["operation", "time", "from", "to", "share %"],
            [
                [
                    k,
                    output.time_text(v / 1e6),
                    *(
                        _bound(e / 1e6) if e else "–"
                        for e in first.op_intervals.get(k, (0.0, 0.0))
                    ),
                    f"{100 * v / total:.1f}",
                ]
                for k, v in largest
            ],
        )
    seen: dict[str, int] = {}
    for a in answers:
        for reason in a.verdict.reasons:
            seen[reason] = seen.get(reason, 0) + 1
    for reason, n in seen.items():
        output.talk(f"note: {reason}" + (f" ({n} profiles)" if n > 1 else ""))
