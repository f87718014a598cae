"""profile show, profile check."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlate.cli import output
from xlate.cli.options import Json, StepMark, TraceSteps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlate.engine.checking import UnreadFile

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Look at a profile file."
)

File = Annotated[Path, typer.Argument(help="Profile, or a folder of them.")]
Format = Annotated[
    str | None,
    typer.Option(help="Format of the file; recognised by default.", show_default=False),
]


@app.command()
def show(
    file: File,
    format: Format = None,
    trace_steps: TraceSteps = None,
    step_mark: StepMark = None,
    as_json: Json = False,
) -> None:
    """What was recognised in a profile: workload, window, operations."""
    from xlate import op_names, readers
    from xlate.engine.checking import precision_text, read_files

    read = read_files(file, format, readers.StepChoice(trace_steps, step_mark))
    if as_json:
        output.document(read.document())
        _report(read.failures)
        return
    for p in read.profiles:
        w = p.workload
        busy = op_names.busy_columns(list(p.ops))
        unknown = sum(p.ops[c] for c in busy if op_names.family(c) == "other")
        host = sum(v for c, v in p.ops.items() if op_names.nature(c) == "host")
        output.table(
            p.source,
            ["what", "value"],
            [
                ["instance", p.instance or "–"],
                ["GPU", p.device or "–"],
                ["framework", f"{w.framework}, {w.mode}"],
                ["precision", precision_text(p)],
                ["model", w.model or "–"],
                ["dataset", w.dataset or "–"],
                ["batch size", w.batch_size or "–"],
                ["optimizer", w.optimizer or "–"],
                ["step time", output.time_text(p.step_time_us / 1e6) if p.step_time_us else "–"],
                ["window (device time)", output.time_text(p.window_us / 1e6)],
                ["busy device time", output.time_text(p.busy_us / 1e6)],
                ["idle share", f"{100 * (1 - p.busy_us / p.window_us):.1f} %" if p.window_us else "–"],
                ["host time over step", f"{100 * host / p.step_time_us:.1f} %" if p.step_time_us and host else "–"],
                ["unknown operations", f"{100 * unknown / p.busy_us:.1f} % of busy time" if p.busy_us else "–"],
                ["most memory", f"{p.memory_bytes / 1024**3:.2f} GiB" if p.memory_bytes else "–"],
                ["operations", f"{len(p.ops)}"],
            ],
        )  # fmt: skip
        for note in p.notes:
            output.talk(_wrapped(f"note: {note}"))
        sums: dict[str, float] = {}
        for c in busy:
            sums[op_names.family(c)] = sums.get(op_names.family(c), 0.0) + p.ops[c]
        output.table(
            "op families",
            ["family", "limited by", "time", "share %"],
            [
                [
                    name,
                    op_names.nature_of(name),
                    output.time_text(t / 1e6),
                    f"{100 * t / p.busy_us:.1f}",
                ]
                for name, t in sorted(sums.items(), key=lambda kv: -kv[1])
                if t > 0
            ],
        )
    _report(read.failures)


@app.command(context_settings={"ignore_unknown_options": True})
def record(
    command: Annotated[
        list[str] | None,
        typer.Argument(
            help="How the job is started, after --: python train.py",
            show_default=False,
        ),
    ] = None,
    framework: Annotated[
        str | None,
        typer.Option(
            help="pytorch, tensorflow, jax or any; found in the script by default.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """The few lines that record a profile xlate can read; nothing is run."""
    from xlate.engine.checking import recording_lines

    result = recording_lines(command or [], framework)
    if as_json:
        output.document(result.document())
    else:
        output.lines(result.lines)


@app.command()
def check(
    file: File,
    format: Format = None,
    trace_steps: TraceSteps = None,
    step_mark: StepMark = None,
    as_json: Json = False,
) -> None:
    """Whether a profile is sound and can be translated; every finding, exit code 1 if not."""
    from xlate import readers
    from xlate.engine.checking import check_profiles, read_files

    steps = readers.StepChoice(trace_steps, step_mark)
    result = check_profiles(read_files(file, format, steps))
    if as_json:
        output.document(result.document())
    else:
        for one in result.checks:
            output.line(f"{one.file}: {one.verdict}")
            for line in (*one.problems, *one.doubts, *one.remarks):
                what, _, hint = line.partition("\n  try: ")
                output.line(f"  {what}")
                if hint:
                    output.line(f"    try: {hint}")
    _report(result.failures)
    if not result.ok:
        raise typer.Exit(1)


def _wrapped(text: str) -> str:
    """A sentence in lines of the terminal's width; names and paths stay whole."""
    width = shutil.get_terminal_size().columns
    return textwrap.fill(
        text,
        width,
        subsequent_indent="  ",
        break_on_hyphens=False,
        break_long_words=False,
    )


def _report(failures: Sequence[UnreadFile]) -> None:
    """Print what could not be read of a folder, and end with exit code 1."""
    for failure in failures:
        output.error(failure.error)
    if failures:
        raise typer.Exit(1)
