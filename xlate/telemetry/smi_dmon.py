"""``nvidia-smi dmon`` text: ``# gpu pwr gtemp …``, units, a row for each GPU and second.

With date and time (``-o DT``), or as csv (``--format csv``; from its documentation, without
a real file). ``pmon`` names processes and holds no power; it gives an error that says so.
"""

from __future__ import annotations

from xlate.errors import ProfileError
from xlate.telemetry.cells import number
from xlate.telemetry.recording import Reading, recorded
from xlate.telemetry.trace import Trace

__all__ = ["read", "sniff"]

#: column of dmon -> DCGM's short name
_NAMES = {
    "pwr": "POWER", "gtemp": "TMPTR", "temp": "TMPTR", "sm": "GPUTL", "mem": "MCUTL",
    "mclk": "MMCLK", "pclk": "SMCLK",
}  # fmt: skip
_HINT = "record with: nvidia-smi dmon -s puc -o DT > FILE"


def _words(line: str) -> list[str]:
    return line.replace(",", " ").replace("#", " ").split()


def _is_header(line: str) -> bool:
    words = [w.lower() for w in _words(line)]
    return (
        line.lstrip().startswith("#")
        and "gpu" in words[:3]
        and bool({*_NAMES, "pid", "fb"} & set(words))
    )


def sniff(text: str) -> bool:
    """Whether a header of dmon or pmon stands near the top."""
    return any(_is_header(line) for line in text[:4096].splitlines())


def read(text: str, source: str, gpu: int | None = None) -> Trace:
    """Read a recording.

    Parameters
    ----------
    text : str
        Content.
    source : str
        File, for messages.
    gpu : int, optional
        Which GPU's rows.

    Returns
    -------
    Trace
        With ``TIME`` where it was recorded with ``-o T`` or ``-o DT``. Rows that
        break off are dropped and counted.

    Raises
    ------
    ProfileError
        If it is of processes, holds no power or no sample, a value is not a number, or
        several GPUs are in it and none was named.
    """
    columns: list[str] = []
    readings: list[Reading] = []
    broken = 0
    for line_number, line in enumerate(text.splitlines(), 1):
        words = _words(line)
        if not words:
            continue
        if line.lstrip().startswith("#"):
            if _is_header(line):
                columns = [w.lower() for w in words]
                _check_columns(columns, source)
            continue
        at = columns.index("gpu") if columns else 0
        if len(words) != len(columns) or not words[at].isdigit():
            broken += 1
            continue
        where = f"{source}, line {line_number}"
        values = {
            _NAMES[c]: number(w, _NAMES[c], where)
            for c, w in zip(columns, words, strict=True)
            if c in _NAMES
        }
        readings.append(Reading(int(words[at]), values, " ".join(words[:at]) or None))
    notes = [f"{broken} lines break off and were left out"] if broken else []
    return recorded(readings, source, gpu, notes, vendor="NVIDIA")


def _check_columns(columns: list[str], source: str) -> None:
    if "pid" in columns:
        raise ProfileError(
            f"{source} is of nvidia-smi pmon, which names processes and no power",
            _HINT,
            code="profile.not-a-profile",
        )
    if "pwr" not in columns:
        raise ProfileError(
            f"{source} has no power (pwr)", _HINT, code="telemetry.no-power"
        )
