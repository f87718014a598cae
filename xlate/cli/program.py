"""The commands of the program, each loaded when it is asked for.

Loading all of them takes half of the time that a command takes to begin, and a line
asks for one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer

from xlate.cli import commands
from xlate.cli.examples import Group, complete
from xlate.cli.shared_options import verbose

__all__ = ["PARTS", "Part", "Program"]


@dataclass(frozen=True)
class Part:
    """The place of a command, or of a group of commands, in the code.

    Attributes
    ----------
    module : str
        In :mod:`xlate.cli`.
    attribute : str
        Name in it of a function, or a ``typer.Typer``.
    help : str
        First sentence of its help, for the list of commands (a test compares them).
    """

    module: str
    attribute: str
    help: str

    def load(self) -> Callable[..., Any] | typer.Typer:
        """The function or group itself."""
        loaded: Callable[..., Any] | typer.Typer = getattr(
            import_module(f"xlate.cli.{self.module}"), self.attribute
        )
        return loaded


#: name -> its place, in the order of the help
PARTS: Mapping[str, Part] = {
    "fit": Part("fit_compare", "fit", "Fit a translator, compare all on held-out models, save a bundle."),
    "compare": Part("fit_compare", "compare", "Compare translators on work they were not fitted on."),
    "report": Part("report", "report", "Where the translator is wrong: a page or a picture to look at."),
    "translate": Part("translate", "translate", "Translate profiles to the target: vector, step time, rent."),
    "predict-freq": Part("predict_freq", "predict_freq", "The best core clock on the target, with an interval, reasons and commands."),
    "clocks": Part("clocks", "clocks", "Best clocks: label sweeps, fit models of them, compare these."),
    "sweep": Part("sweep", "app", "Recorded clock sweeps."),
    "profile": Part("profiles", "app", "Look at a profile file."),
    "datasets": Part("datasets", "app", "Corpora: list, look at, fetch."),
    "anchors": Part("anchors", "anchors", "The catalogue of instances and GPUs."),
    "config": Part("config", "app", "Settings: which there are, and where each is from."),
    "models": Part("models", "models", "Bundles fitted on this machine."),
}  # fmt: skip


class Program(Group):
    """The whole of it: names and first sentences are known, the rest is loaded."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = _Commands()

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The list of commands, without loading them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, part.help) for name, part in PARTS.items()])


class _Commands(MutableMapping[str, Any]):
    """Commands by name, built once, when they are looked up."""

    def __init__(self) -> None:
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            self._built[name] = _built(name, PARTS[name])
        return self._built[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._built[name] = command

    def __delitem__(self, name: str) -> None:
        del self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(PARTS)

    def __len__(self) -> int:
        return len(PARTS)


def _built(name: str, part: Part) -> Any:
    loaded = part.load()
    if isinstance(loaded, typer.Typer):
        commands.apply_to(loaded)
        command: Any = typer.main.get_group(loaded)
        command.name = name
    else:
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name, cls=commands.Command)(verbose(loaded))
        command = typer.main.get_command(alone)
    complete(command, name)
    return command
