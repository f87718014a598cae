"""The command line: names, options and printing; no logic of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from xlate.cli import failures, output
from xlate.cli.program import Program

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
    failures.run(app)
