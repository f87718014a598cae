"""What holds for every command: values are finite, not blank, and given once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from xlate.cli.shared_options import PROVIDED, verbose

__all__ = [
    "Command",
    "apply_to",
    "check_apart",
    "corpus_folder",
    "figures_or_picture",
    "output_file",
    "picture_file",
]


class Command(TyperCommand):
    """A command that refuses arguments which would otherwise be misread without a message.

    * An option that takes one value is given once. The last of two would win, so
      two are refused, the same value twice too. A flag may be repeated: it says the
      same; one with an opposite (``--pool/--no-pool``) may not.
    * No value is empty or blank: as a path it would be the current folder. Words
      that are handed on to another program (``profile record -- …``) may be.
    * Numbers are finite.

    An option that was not given has the value of the setting of its name, if there is
    one (:mod:`xlate.settings`).
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse, then check; a usage error names the option."""
        if not ctx.resilient_parsing:
            raw, _, order = self.make_parser(ctx).parse_args(args=list(args))
            self._check_repeats(ctx, order)
            self._check_blanks(ctx, raw)
            self._provide_settings(ctx, args)
        rest: list[str] = super().parse_args(ctx, args)
        if not ctx.resilient_parsing:
            self._check_finite(ctx)
        return rest

    @property
    def _parameters(self) -> list[Any]:
        # typer's own classes of them differ between its releases
        return list(self.params)

    @property
    def _hands_on(self) -> bool:
        """Whether its arguments are words of another program's command line."""
        return bool(self.context_settings.get("ignore_unknown_options"))

    def _provide_settings(self, ctx: Any, args: list[str]) -> None:
        """Settings as defaults of options; help is shown whatever the settings are."""
        wanted = {p.name for p in self._parameters} & set(PROVIDED)
        wanted -= set(getattr(self.callback, "sets", ()))
        if not wanted or set(args) & set(ctx.help_option_names):
            return
        from xlate import settings

        now = settings.current()
        ctx.default_map = {
            n: getattr(now, n) for n in wanted if now.origin(n).kind != "default"
        } | dict(ctx.default_map or {})

    def _check_repeats(self, ctx: Any, order: list[Any]) -> None:
        counted = Counter(p.name for p in order)
        for p in self._parameters:
            if p.param_type_name != "option" or p.multiple or p.count:
                continue
            if counted[p.name] < 2 or (p.is_flag and not p.secondary_opts):
                continue
            raise typer.BadParameter(
                f"it is given {counted[p.name]} times and takes one value"
                if not p.is_flag
                else "it is switched more than once",
                ctx=ctx,
                param=p,
            )

    def _check_blanks(self, ctx: Any, raw: Mapping[str, Any]) -> None:
        for p in self._parameters:
            if p.param_type_name == "argument" and self._hands_on:
                continue
            value = raw.get(p.name or "")
            given = value if isinstance(value, list | tuple) else [value]
            if any(isinstance(v, str) and not v.strip() for v in given):
                raise typer.BadParameter("it is empty", ctx=ctx, param=p)

    def _check_finite(self, ctx: Any) -> None:
        for p in self._parameters:
            value = ctx.params.get(p.name or "")
            given = value if isinstance(value, list | tuple) else [value]
            if any(isinstance(v, float) and not math.isfinite(v) for v in given):
                raise typer.BadParameter(
                    f"{value} is not a finite number", ctx=ctx, param=p
                )


def apply_to(app: typer.Typer) -> None:
    """Make every command of a program, and of the programs in it, a :class:`Command`."""
    for command in app.registered_commands:
        command.cls = Command
        # -v may be a word of the program that is run (profile record python -v)
        hands_on = (command.context_settings or {}).get("ignore_unknown_options")
        if command.callback is not None and not hands_on:
            command.callback = verbose(command.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            apply_to(group.typer_instance)


def check_apart(out: Path | None, inputs: Iterable[Path]) -> None:
    """Refuse to write over what is read: a file, or one in a folder of them.

    Raises
    ------
    typer.BadParameter
        Naming the file.
    """
    if out is None or not out.exists():
        return
    for path in inputs:
        if path.is_dir():
            same = out.parent.exists() and path.samefile(out.parent)
        else:
            same = path.exists() and path.samefile(out)
        if same:
            raise typer.BadParameter(
                f"{out} is one of the files to be read; write to another one"
            )


def output_file(path: Path | None) -> Path | None:
    """Callback of an option that names a file to write: checked before any work.

    Raises
    ------
    StorageError
        See :func:`xlate.files.check_file`.
    """
    if path is not None:
        from xlate.files import check_file

        check_file(path)
    return path


def picture_file(path: Path | None) -> Path | None:
    """The same for a picture; matplotlib and the ending are checked too.

    Raises
    ------
    StorageError
        If the file cannot be written, matplotlib is not installed, or it writes no
        file with that ending.
    """
    if output_file(path) is not None:
        from xlate.report.figures import check_ending

        assert path is not None
        check_ending(path)
    return path


def figures_or_picture(path: Path | None) -> Path | None:
    """The same for an option that writes figures (.csv, .json) or a picture of them.

    Raises
    ------
    StorageError
        As :func:`output_file` and :func:`picture_file`.
    """
    if path is not None and path.suffix.lower() in (".csv", ".json"):
        return output_file(path)
    return picture_file(path)


def corpus_folder(path: Path | None) -> Path | None:
    """The same for a folder of a corpus: a new or empty one, or one of a corpus.

    Raises
    ------
    StorageError
        See :func:`xlate.files.check_folder`.
    """
    if path is not None:
        from xlate.data.corpus import FILES
        from xlate.files import check_folder

        check_folder(path, FILES)
    return path
