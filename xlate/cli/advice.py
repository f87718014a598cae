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
    FileAnchor,
    Force,
    Format,
    InputSize,
    Json,
    MaxSlowdown,
    ModelName,
    Optimizer,
    Seed,
    StepTime,
    TargetName,
    share_of,
)

if TYPE_CHECKING:
    from xlate.advice import Recommendation
    from xlate.profile import Estimate

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
    **options: Any,
) -> list[Any]:  # fmt: skip
    profiles = profiles_given(
        files, model=model, batch_size=batch_size, input_size=input_size,
        optimizer=optimizer, step_time=step_time, format=format,
    )  # fmt: skip
    from xlate import engine

    if len(profiles) > 1 and (
        step_time is not None or options.get("probes") or options.get("telemetry")
    ):
        raise typer.BadParameter(
            f"--step-time, --telemetry and --probe-file are of one profile, {len(profiles)} were given"
        )
    return engine.predict_freq(
        profiles, anchor, target, anchors_dirs=anchors_dirs, **options
    )


def predict_freq(
    files: Annotated[list[Path], typer.Argument(help="Profiles, or folders of them.")],
    target: TargetName,
    anchor: FileAnchor = None,
    model: ModelName = None,
    batch_size: BatchSize = None,
    input_size: InputSize = None,
    optimizer: Optimizer = None,
    step_time: StepTime = None,
    objective: Annotated[
        str, typer.Option(help="What to minimise: edp, ed2p, energy or cost.")
    ] = "edp",
    max_slowdown: MaxSlowdown = None,
    probe: Annotated[
        str,
        typer.Option(
            help="Runs on the target the answer may rest on: max-only, or tri-point."
        ),
    ] = "max-only",
    probe_file: Annotated[
        list[Path] | None,
        typer.Option(
            help="A run of the job at one clock of the target, as recorded telemetry "
            "or JSON; may be given again.",
            show_default=False,
        ),
    ] = None,
    telemetry: Annotated[
        Path | None,
        typer.Option(
            help="What nvidia-smi or DCGM recorded on the anchor; never needed, but "
            "it makes the guess of power surer.",
            show_default=False,
        ),
    ] = None,
    confidence: Annotated[
        float,
        typer.Option(help="Below it, the answer names clocks to probe.", min=0, max=1),
    ] = 0.7,
    clocks_file: Annotated[
        Path | None,
        typer.Option(
            help="Output of nvidia-smi -q -d SUPPORTED_CLOCKS on the target.",
            show_default=False,
        ),
    ] = None,
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
    gpu_index: Annotated[
        int | None, typer.Option(help="Which GPU.", show_default=False, min=0)
    ] = None,
    format: Format = None,
    force: Force = False,
    seed: Seed = 0,
    anchors_dir: AnchorsDir = None,
    as_json: Json = False,
) -> None:
    """The best core clock on the target, with an interval, reasons and commands."""
    from xlate.clocks.probe import read_probe, read_telemetry
    from xlate.errors import RefusedError

    if apply and not yes:
        raise RefusedError(
            "--apply sets the clock of a live GPU", "add --yes to mean it"
        )
    answers = _answers(
        files, anchor, target, model=model, batch_size=batch_size,
        input_size=input_size, optimizer=optimizer, step_time=step_time,
        format=format, anchors_dirs=anchors_dir or (), objective=objective,
        max_slowdown=share_of(max_slowdown), probe=probe,
        probes=[read_probe(p, gpu_index) for p in probe_file or ()],
        telemetry=None if telemetry is None else read_telemetry(telemetry, gpu_index),
        confidence=confidence, clocks_file=clocks_file, seed=seed, force=force,
    )  # fmt: skip
    from xlate.engine import Failure

    failures = [a for a in answers if isinstance(a, Failure)]
    good = [a for a in answers if not isinstance(a, Failure)]
    if as_json:
        output.document([a.to_json() for a in answers])
    elif len(good) == 1:
        _print_one(good[0], explain)
    elif good:
        _print_many(good)
    for failure in failures:
        output.talk(f"error: {failure.error}")
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


def _between(e: Estimate, form: str, factor: float = 1.0) -> str:
    middle = format(e.value * factor, form)
    if e.low is None or e.high is None:
        return middle
    return f"{middle}  ({e.low * factor:{form}} to {e.high * factor:{form}})"


def _print_one(a: Recommendation, explain: bool) -> None:
    low, high = a.best_mhz_range
    rows: list[list[object]] = [
        ["profile", Path(a.file).name],
        ["model", f"{a.model}, fitted on {a.fitted_on}"],
        ["clock", f"{a.sm_mhz:g} MHz of {a.default_sm_mhz:g}"],
        ["best lies in", f"{low:g} to {high:g} MHz"],
        ["step time", _between(a.step_time_s, ".4g", 1e3) + " ms"],
        ["time / max", _between(a.time_ratio, ".3f")],
        ["power", _between(a.power_w, ".0f") + f" W, {a.power_at_default_w.value:.0f} at max"],
        ["energy", _between(a.energy_j, ".3g") + " J a step"],
        ["energy / max", _between(a.energy_ratio, ".3f")],
        ["EDP / max", _between(a.edp_ratio, ".3f")],
    ]  # fmt: skip
    if a.usd_per_1000_steps is not None:
        at_max = output.figure(a.default_usd_per_1000_steps, digits=5)
        rows.append(
            [
                "$ / 1000 steps",
                _between(a.usd_per_1000_steps, ".5f") + f", {at_max} at max",
            ]
        )
    rows += [
        ["gap next door", ", ".join(f"{100 * g:+.2f} % at {f:g}" for f, g in a.neighbours)],
        ["confidence", f"{100 * a.confidence:.0f} %"],
        ["action", a.action],
    ]  # fmt: skip
    if a.probes:
        rows.append(["measure next", ", ".join(f"{f:g}" for f in a.probes) + " MHz"])
    rows += [["set", a.set_command], ["reset", a.reset_command]]
    bound = (
        "" if a.max_slowdown is None else f", slowdown up to {100 * a.max_slowdown:g} %"
    )
    output.table(
        f"{a.target} ({a.gpu}): best clock by {a.objective}{bound}", ["what", "value"], rows
    )  # fmt: skip
    print("in brackets: 90 % intervals; max: the highest clock")
    changed = [f"with the probes {a.changed}"] if a.changed else []
    output.bullets([*a.reasons, *changed])
    if explain:
        step = max(1, len(a.curve) // 16)
        shown = sorted({*range(0, len(a.curve), step), len(a.curve) - 1})
        output.table(
            f"\n{a.model}, fitted on {a.fitted_on}: ratios over the highest clock",
            ["MHz", "time", "power W", "energy", "EDP"],
            [
                [
                    f"{p.sm_mhz:g}", f"{p.time_ratio:.3f}", f"{p.power_w:.1f}",
                    f"{p.energy_ratio:.3f}", f"{p.edp_ratio:.3f}",
                ]
                for p in (a.curve[i] for i in shown)
            ],
        )  # fmt: skip
    if a.simulated:
        output.talk("note: rests on simulated data")


def _print_many(answers: Sequence[Recommendation]) -> None:
    first = answers[0]
    output.table(
        f"{first.target} ({first.gpu}): best clocks by {first.objective}",
        ["MHz", "time / max", "power W", "energy / max", "sure", "action", "profile"],
        [
            [
                f"{a.sm_mhz:g}", f"{a.time_ratio.value:.3f}", f"{a.power_w.value:.0f}",
                f"{a.energy_ratio.value:.3f}", f"{a.confidence:.2f}", a.action,
                Path(a.file).name,
            ]
            for a in answers
        ],
    )  # fmt: skip
    for reason in dict.fromkeys(r for a in answers for r in a.reasons[:-1]):
        output.talk(f"note: {reason}")
    if any(a.simulated for a in answers):
        output.talk("note: rests on simulated data")
