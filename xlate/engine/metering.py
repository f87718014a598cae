"""Recordings of a meter: from files, or of the card here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from xlate.errors import ProfileError, XlateError
from xlate.sweeps.probe import Probe, of_trace, read_probe, read_telemetry
from xlate.telemetry import is_telemetry
from xlate.values.translation import Failure

__all__ = [
    "are_recordings",
    "read_probes",
    "read_recordings",
    "read_telemetry",
    "sample_card",
]


def are_recordings(
    files: Sequence[Path], anchor: str | None, fields_given: bool = False
) -> bool:
    """Whether files are recordings of a meter, judged by their content.

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


def read_recordings(
    files: Iterable[Path], gpu_index: int | None, fields: Sequence[str] | None
) -> list[Probe | Failure]:
    """Recordings of files; one that cannot be read is a failure."""
    recordings: list[Probe | Failure] = []
    for file in files:
        try:
            recordings.append(read_telemetry(file, gpu_index, fields))
        except XlateError as e:
            recordings.append(Failure(str(file), e))
    return recordings


def read_probes(
    files: Iterable[Path], gpu_index: int | None, fields: Sequence[str] | None
) -> list[Probe]:
    """Runs at one clock each, as recorded telemetry or JSON.

    Raises
    ------
    ProfileError
        For the first that cannot be read.
    """
    return [read_probe(file, gpu_index, fields) for file in files]


def sample_card(
    seconds: float,
    interval_s: float,
    gpu_index: int | None,
    say: Callable[[], None] = lambda: None,
) -> Probe:
    """What the card here shows, for a number of seconds; it is only read.

    Parameters
    ----------
    seconds, interval_s : float
    gpu_index : int or None
        Which card; needed where there are several.
    say : callable
        Called once there is a card, before the first sample.

    Raises
    ------
    RefusedError
        If there is no card here, or NVML is not installed.
    """
    from xlate.hardware import control
    from xlate.telemetry import live

    nvml = control.load_nvml("--live")
    try:
        return of_trace(live.sample(nvml, seconds, interval_s, gpu_index, started=say))
    finally:
        nvml.nvmlShutdown()
