"""config show, path: what is set, and where each value is from."""

from __future__ import annotations

import typer

from xlate.cli import output
from xlate.cli.options import Json
from xlate.cli.shared_options import COMPUTING, PRICED, PROVIDED, sets

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Settings: which there are, and where each is from.",
)


@app.command("show")
@sets(*PROVIDED, *PRICED, *COMPUTING)
def show(as_json: Json = False) -> None:
    """Every setting, its value, and where it is from.

    An option counts before the environment, that before the file, that before the
    default. The options are those of other commands; here they show what would count.
    """
    from xlate import settings
    from xlate.settings.answers import SettingsInUse

    answer = SettingsInUse(settings.current(), settings.file_in_use())
    if as_json:
        output.document(answer.document())
        return
    now, path = answer.settings.document(), answer.file
    output.table(
        "",
        ["setting", "value", "from"],
        [
            [
                name,
                "–" if s["value"] is None else str(s["value"]),
                s["from"] + ("" if s["name"] is None else f" {s['name']}"),
            ]
            for name, s in now.items()
        ],
    )
    output.line(f"file: {path if path is not None else 'none (xlate config path)'}")


@app.command("path")
def path(as_json: Json = False) -> None:
    """Which file of settings is read, and where one is looked for.

    The file that XLATE_CONFIG names; else xlate.toml in this folder or the nearest one
    above it; else the user's. The first that is there is read, and no other.
    """
    from xlate import settings
    from xlate.settings.answers import SettingsFile

    answer = SettingsFile(settings.file_in_use(), tuple(settings.places()))
    if as_json:
        output.document(answer.document())
        return
    if answer.in_use is not None:
        output.line(str(answer.in_use))
        return
    output.talk("no file of settings is read; looked for, in this order:")
    for place in answer.places:
        output.talk(f"  {place}")
