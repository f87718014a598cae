"""The command line: names, options and printing, without other logic."""

from __future__ import annotations

from typing import Annotated

import typer

from xlate.cli import failures, output
from xlate.cli.program import Program
from xlate.cli.shared_options import Verbose, shown_log

__all__ = ["app", "main"]

app = typer.Typer(
    name="xlate",
    no_args_is_help=True,
    cls=Program,
    pretty_exceptions_enable=False,
    # rich help loads a markdown parser: twice the time of everything else here
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Profile a workload once on a cheap GPU instance; know what it would do "
    "on the expensive one, before renting it.",
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        output.line(f"xlate {version('xlate')}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    verbose: Verbose = 0,
) -> None:
    del version  # its callback has printed it
    if verbose:
        # for as long as the command runs
        context.with_resource(shown_log(verbose))


def main() -> None:
    """Run the program; every deliberate error becomes a message and its exit code."""
    failures.run(app)
