"""Recordings of a meter in place of a profile: from files, or of the card here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from xlate.cli import output

if TYPE_CHECKING:
    from xlate.clocks.probe import Probe
    from xlate.engine import Failure

__all__ = ["field_names", "live_recording", "recordings_among", "recordings_given"]

_MS_PER_S = 1e3


def field_names(text: str | None) -> tuple[str, ...] | None:
    """The names in ``--fields``.

    Raises
    ------
    typer.BadParameter
        If one is empty, or stands twice.
    """
    if text is None:
        return None
    names = tuple(n.strip() for n in text.split(","))
    if not all(names):
        raise typer.BadParameter("--fields has an empty name; write a,b,c")
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise typer.BadParameter(f"--fields names {twice[0]} twice")
    return names


def recordings_among(
    files: Sequence[Path], anchor: str | None, fields_given: bool = False
) -> bool:
    """Whether the files are recordings of a meter, told by their content.

    Parameters
    ----------
    files : sequence of Path
    anchor : str or None
        Named by the user.
    fields_given : bool
        Whether the user names their columns: then they are, whatever they hold.

    Raises
    ------
    ProfileError
        If some are and some are profiles, or an anchor is named for a recording.
    """
    from xlate.errors import ProfileError
    from xlate.telemetry import is_telemetry

    named = fields_given and anchor is None
    metered = [f for f in files if named or is_telemetry(f)]
    if not metered:
        return False
    if anchor is not None:
        raise ProfileError(
            f"{metered[0]} is telemetry, no profile, and --anchor says where a profile "
            "was taken",
            "for a recording on the target leave --anchor out; what was recorded on the "
            "anchor is given as --telemetry beside a profile",
        )
    if len(metered) < len(files):
        other = next(f for f in files if f not in metered)
        raise ProfileError(
            f"{metered[0]} is telemetry, {other} is not", "ask for each by itself"
        )
    return True


def recordings_given(
    files: Sequence[Path], gpu_index: int | None, fields: Sequence[str] | None
) -> list[Probe | Failure]:
    """Recordings of files; one that cannot be read is a failure."""
    from xlate.clocks.probe import read_telemetry
    from xlate.engine import Failure
    from xlate.errors import XlateError

    found: list[Probe | Failure] = []
    for file in files:
        try:
            found.append(read_telemetry(file, gpu_index, fields))
        except XlateError as e:
            found.append(Failure(str(file), e))
    return found


def live_recording(seconds: float, interval_ms: int, gpu_index: int | None) -> Probe:
    """What the card here shows, for a number of seconds."""
    from xlate.clocks.live import sample
    from xlate.clocks.probe import of_trace
    from xlate.clocks.setter import load_nvml

    nvml = load_nvml("--live")
    try:
        output.talk(f"sampling the card here for {seconds:g} s; Ctrl-C stops")
        return of_trace(sample(nvml, seconds, interval_ms / _MS_PER_S, gpu_index))
    finally:
        nvml.nvmlShutdown()
