"""The command line: names, options and printing; no logic of its own."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from xlate.cli import (
    advice,
    catalogue,
    clocks,
    datasets,
    models,
    profiles,
    report,
    sweeps,
    translating,
    work,
)

__all__ = ["app", "main"]

app = typer.Typer(
    name="xlate",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    # rich help loads a markdown parser: twice the time of everything else here
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Profile a workload once on a cheap GPU instance; know what it would do "
    "on the expensive one, before renting it.",
)
app.command()(work.fit)
app.command()(work.compare)
app.command()(report.report)
app.command()(translating.translate)
app.command()(advice.predict_freq)
app.add_typer(clocks.clocks, name="clocks")
app.add_typer(sweeps.app, name="sweep")
app.add_typer(profiles.app, name="profile")
app.add_typer(datasets.app, name="datasets")
app.add_typer(catalogue.anchors, name="anchors")
app.add_typer(models.models, name="models")


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"xlate {version('xlate')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the program; every deliberate error becomes a message and its exit code."""
    from xlate.errors import XlateError

    try:
        app()
    except XlateError as e:
        print(f"error: {e}", file=sys.stderr)
        sys.exit(e.exit_code)
    except KeyboardInterrupt:
        print("interrupted; nothing was left half-written", file=sys.stderr)
        sys.exit(130)
