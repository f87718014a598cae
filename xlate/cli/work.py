"""fit, compare, translate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlate.cli import output
from xlate.cli.given import profiles_given
from xlate.cli.options import (
    AnchorName,
    AnchorsDir,
    BatchSize,
    Columns,
    Data,
    Format,
    InputSize,
    Jobs,
    Json,
    ModelName,
    Optimizer,
    Repeats,
    Seed,
    Split,
    StepTime,
    TargetName,
)

if TYPE_CHECKING:
    from xlate.engine import Translation
    from xlate.profile import WorkloadKey

__all__ = ["compare", "fit", "translate", "workload_text"]


def fit(
    anchor: AnchorName,
    target: TargetName,
    data: Data = None,
    translator: Annotated[
        str, typer.Option(help="The translator to save.")
    ] = "ratio-forest",
    split: Split = "model",
    columns: Columns = "all",
    repeats: Repeats = "median",
    seed: Seed = 0,
    jobs: Jobs = 2,
    anchors_dir: AnchorsDir = None,
    as_json: Json = False,
) -> None:
    """Fit a translator, compare all on held-out models, save a bundle."""
    from dataclasses import asdict

    from xlate import engine

    output.talk(f"fitting {anchor} → {target}: every translator on held-out models …")
    done = engine.fit(
        anchor,
        target,
        data,
        translator=translator,
        split=split,
        columns=columns,
        repeats=repeats,
        seed=seed,
        n_jobs=jobs,
        anchors_dirs=anchors_dir or (),
    )
    for note in done.notes:
        output.talk(f"note: {note}")
    m = done.bundle.manifest
    if as_json:
        output.document(
            {
                "bundle": str(done.path),
                "anchor": m.anchor,
                "target": m.target,
                "translator": m.translator,
                "fitted_on": m.corpus,
                "simulated": m.simulated,
                "n_pairs": m.n_pairs,
                "models": list(m.models),
                "notes": list(done.notes),
                "rows": [asdict(r) for r in done.rows],
            }
        )
        return
    output.comparison(done.rows)
    output.talk(
        f"saved {m.translator}, fitted on {m.n_pairs} pairs of {m.corpus}, to {done.path}"
    )
    output.talk(
        f"next: xlate translate PROFILE --anchor {m.anchor} --target {m.target}"
    )


def compare(
    anchor: Annotated[
        str | None, typer.Option(help="Instance translated from.", show_default=False)
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Instance translated to.", show_default=False)
    ] = None,
    all_pairs: Annotated[
        bool, typer.Option("--all-pairs", help="Every pair the corpus holds.")
    ] = False,
    data: Data = None,
    translators: Annotated[
        str | None,
        typer.Option(
            help="Translators to compare, separated by commas; all by default.",
            show_default=False,
        ),
    ] = None,
    split: Split = "model",
    columns: Columns = "all",
    repeats: Repeats = "median",
    seed: Seed = 0,
    jobs: Jobs = 2,
    anchors_dir: AnchorsDir = None,
    csv: Annotated[
        Path | None,
        typer.Option(help="Write all figures to this file.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare translators on work they were not fitted on."""
    from dataclasses import asdict

    from xlate import engine
    from xlate.translators import COMPARED

    names = COMPARED if translators is None else tuple(translators.split(","))
    options = {
        "translators": names,
        "split": split,
        "columns": columns,
        "repeats": repeats,
        "seed": seed,
        "n_jobs": jobs,
        "anchors_dirs": anchors_dir or (),
    }
    if all_pairs:
        if anchor or target:
            raise typer.BadParameter("--all-pairs goes without --anchor and --target")
        rows = engine.compare_all(data, progress=output.talk, **options)
    elif anchor and target:
        rows = engine.compare(anchor, target, data, say=output.talk, **options)  # type: ignore[arg-type]
    else:
        raise typer.BadParameter("give --anchor and --target, or --all-pairs")
    if csv is not None:
        output.write_csv(rows, csv)
        output.talk(f"wrote {len(rows)} figures to {csv}")
    if as_json:
        output.document([asdict(r) for r in rows])
    elif all_pairs:
        output.pairs_table(rows, "step_mape", "step time MAPE %", "%")
        output.pairs_table(rows, "vector_wape", "vector WAPE", "")
    else:
        output.comparison(rows, by_model=True)


def translate(
    files: Annotated[list[Path], typer.Argument(help="Profiles, or folders of them.")],
    anchor: AnchorName,
    target: TargetName,
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
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 3 unless the verdict is ok.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Translate profiles to the target: vector, step time, rent."""
    from xlate.errors import RefusedError

    profiles = profiles_given(
        files, model=model, batch_size=batch_size, input_size=input_size,
        optimizer=optimizer, step_time=step_time, format=format,
    )  # fmt: skip
    from xlate import engine

    if step_time is not None and len(profiles) > 1:
        raise typer.BadParameter(
            f"--step-time is that of one profile, {len(profiles)} were given"
        )
    answers = engine.translate(profiles, anchor, target, anchors_dirs=anchors_dir or ())
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


def workload_text(key: WorkloadKey) -> str:
    """What ran, in one line."""
    known = [
        key.model,
        key.dataset,
        key.batch_size and f"batch {key.batch_size}",
        key.optimizer,
    ]
    return ", ".join(str(k) for k in known if k) or "–"


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
                [
                    "speedup",
                    f"{first.anchor_step_time_s / first.step_time_s.value:.2f}",
                ],
                [
                    "$ per 1000 steps there",
                    output.figure(first.usd_per_1000_steps, digits=4),
                ],
                ["verdict", first.verdict.level],
            ],
        )
    else:
        output.table(
            title,
            ["step there", "step here", "speedup", "$/1000", "verdict", "profile"],
            [
                [
                    output.time_text(a.step_time_s.value),
                    output.time_text(a.anchor_step_time_s),
                    f"{a.anchor_step_time_s / a.step_time_s.value:.2f}",
                    output.figure(a.usd_per_1000_steps, digits=4),
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
            ["operation", "time", "share %"],
            [
                [k, output.time_text(v / 1e6), f"{100 * v / total:.1f}"]
                for k, v in largest
            ],
        )
    seen: dict[str, int] = {}
    for a in answers:
        for reason in a.verdict.reasons:
            seen[reason] = seen.get(reason, 0) + 1
    for reason, n in seen.items():
        output.talk(f"note: {reason}" + (f" ({n} profiles)" if n > 1 else ""))
