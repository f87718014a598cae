"""profile show, profile check."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlate.cli import output
from xlate.cli.failures import Failure
from xlate.cli.options import Json, StepMark, TraceSteps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlate.errors import XlateError
    from xlate.profile import Profile
    from xlate.readers import StepChoice

    #: a file, and why it could not be read
    Failed = tuple[Path, XlateError]

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
    from xlate import opnames, readers
    from xlate.readers.json_profile import to_json

    steps = readers.StepChoice(trace_steps, step_mark)
    profiles, failures = _read(file, format, steps)
    if as_json:
        output.document([*map(to_json, profiles), *map(_document, failures)])
        _report(failures)
        return
    for p in profiles:
        w = p.workload
        busy = opnames.busy_columns(list(p.ops))
        unknown = sum(p.ops[c] for c in busy if opnames.family(c) == "other")
        host = sum(v for c, v in p.ops.items() if opnames.nature(c) == "host")
        output.table(
            p.source,
            ["what", "value"],
            [
                ["instance", p.instance or "–"],
                ["GPU", p.device or "–"],
                ["framework", f"{w.framework}, {w.mode}"],
                ["precision", _precision_text(p)],
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
            sums[opnames.family(c)] = sums.get(opnames.family(c), 0.0) + p.ops[c]
        output.table(
            "op families",
            ["family", "limited by", "time", "share %"],
            [
                [
                    name,
                    opnames.nature_of(name),
                    output.time_text(t / 1e6),
                    f"{100 * t / p.busy_us:.1f}",
                ]
                for name, t in sorted(sums.items(), key=lambda kv: -kv[1])
                if t > 0
            ],
        )
    _report(failures)


def _precision_text(profile: Profile) -> str:
    """Shares of kernel time by precision, copies apart; else what the file says."""
    from xlate import opnames
    from xlate.precision_mix import PrecisionMix
    from xlate.profile import WorkloadKey

    mix, said = PrecisionMix.of(profile.precision_us), profile.workload.precision
    if not mix.shares:
        return said if said != WorkloadKey().precision else "not known"
    # readers may leave copies out of the times by precision; their columns have them
    moved = sum(
        profile.ops[c]
        for c in profile.ops
        if opnames.is_busy(c) and opnames.family(c) in ("transfer", "communication")
    )
    apart = max(mix.copy_share, moved / profile.busy_us if profile.busy_us else 0.0)
    copies = f"{100 * apart:.0f} % of device time is copies and communication"
    stands = f"{mix.dominant}: " if mix.dominant else ""
    return f"{stands}{mix.text} of kernel time" + (f"; {copies}" if apart >= 0.005 else "")  # fmt: skip


def _precision_remarks(profile: Profile) -> list[str]:
    """Where the precision that was declared is not that of the kernels."""
    from xlate.precision_mix import PrecisionMix

    mix, said = PrecisionMix.of(profile.precision_us), profile.workload.precision
    if not mix.shares:
        return []
    if mix.program is None:
        return [f"the precision of most kernels is not known: {mix.text}"]
    if said in (mix.program, mix.dominant):
        return []
    return [
        f"the workload is said to be in {said}, its kernels are in {mix.dominant}: {mix.text}"
    ]


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
    from xlate.engine.recipes import recipe

    found, lines = recipe(command or (), framework)
    if as_json:
        output.document({"framework": found, "lines": lines})
    else:
        output.lines(lines)


@app.command()
def check(
    file: File,
    format: Format = None,
    trace_steps: TraceSteps = None,
    step_mark: StepMark = None,
    as_json: Json = False,
) -> None:
    """Whether a profile is sound and can be translated; every finding, exit code 1 if not."""
    from xlate import opnames, readers
    from xlate.errors import XlateError
    from xlate.profile import check_times
    from xlate.reason import Reason

    results = []
    steps = readers.StepChoice(trace_steps, step_mark)
    profiles, failures = _read(file, format, steps)
    for p in profiles:
        problems, remarks = [], []
        # what was recorded is likely not what was wanted, though it can be translated
        doubts = [n for n in p.notes if isinstance(n, Reason) and n.unsound]
        try:
            check_times(p)
        except XlateError as e:
            problems.append(e.text("cli"))
        unknown = [
            c for c in opnames.busy_columns(list(p.ops)) if opnames.family(c) == "other"
        ]
        if unknown:
            share = sum(p.ops[c] for c in unknown) / p.busy_us if p.busy_us else 0.0
            remarks.append(
                f"{len(unknown)} operations have no known family, {share:.1%} of busy "
                f"time: {', '.join(unknown[:5])}"
            )
        if opnames.DEVICE_IDLE not in p.ops:
            remarks.append("no Device_IDLE: the window cannot be told from busy time")
        if p.step_time_us is None:
            remarks.append("no step time: it will be taken from the window")
        remarks += _precision_remarks(p)
        unknown_parts = [
            name
            for name in ("model", "dataset", "batch_size", "optimizer")
            if getattr(p.workload, name) is None
        ]
        if unknown_parts:
            remarks.append(f"not in the file: {', '.join(unknown_parts)}")
        results.append(
            {
                "file": p.source,
                "ok": not problems and not doubts,
                "problems": problems,
                "doubts": doubts,
                "remarks": [*(n for n in p.notes if n not in doubts), *remarks],
            }
        )
    if as_json:
        unread = [{**_document(f), "ok": False} for f in failures]
        output.document([*results, *unread])
    else:
        for r in results:
            verdict = (
                "ok"
                if r["ok"]
                else "cannot be translated"
                if r["problems"]
                else "doubtful"
            )
            output.line(f"{r['file']}: {verdict}")
            for line in (*r["problems"], *r["doubts"], *r["remarks"]):  # type: ignore[misc]
                what, _, hint = line.partition("\n  try: ")
                output.line(f"  {what}")
                if hint:
                    output.line(f"    try: {hint}")
    _report(failures)
    if not all(r["ok"] for r in results):
        raise typer.Exit(1)


def _wrapped(text: str) -> str:
    """A sentence in lines of the terminal's width; names and paths stay whole."""
    width = shutil.get_terminal_size().columns
    return textwrap.fill(
        text, width, subsequent_indent="  ", break_on_hyphens=False,
        break_long_words=False,
    )  # fmt: skip


def _document(failed: Failed) -> dict[str, object]:
    """What JSON says of a file that could not be read: as of a command that failed."""
    file, error = failed
    document = Failure(
        error.what, error.hint, error.exit_code, type(error).__name__
    ).to_json()
    return {"file": str(file), **document}


def _read(
    file: Path, format: str | None, steps: StepChoice
) -> tuple[list[Profile], list[Failed]]:
    """Profiles of a file or of a folder, ranks of one job as one, and what failed.

    Raises
    ------
    XlateError
        If there is no profile; for a file, why.
    """
    from xlate import errors, readers

    profiles: list[Profile] = []
    failures: list[Failed] = []
    for path, found in readers.contents(file, format, steps):
        if isinstance(found, errors.XlateError):
            failures.append((path, found))
        else:
            profiles += found
    if not profiles and failures:
        raise failures[0][1]
    return profiles, failures


def _report(failures: Sequence[Failed]) -> None:
    """Print what could not be read of a folder, and end with exit code 1."""
    for _, failure in failures:
        output.error(failure)
    if failures:
        raise typer.Exit(1)
