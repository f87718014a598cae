"""``dcgmi dmon`` text: a header that repeats, a line of units, rows of ``GPU 0``."""

from __future__ import annotations

import contextlib
import math

from xlate.errors import ProfileError
from xlate.telemetry.cells import number
from xlate.telemetry.recording import Reading, recorded
from xlate.telemetry.stamps import moment
from xlate.telemetry.trace import CANONICAL, Trace

__all__ = ["read", "sniff"]

#: DCGM field identifiers (dcgm_fields.h) under which a column may be headed
_IDS = {
    "50": "DVNAM", "54": "UUID#", "100": "SMCLK", "101": "MMCLK", "110": "SACLK",
    "113": "SMMAX", "140": "MMTMP", "150": "TMPTR", "155": "POWER", "156": "TOTEC",
    "160": "PMLMT", "190": "PSTAT", "203": "GPUTL", "204": "MCUTL",
    "1001": "GRACT", "1002": "SMACT", "1003": "SMOCC", "1004": "TENSO",
    "1005": "DRAMA", "1006": "FP64A", "1007": "FP32A", "1008": "FP16A",
}  # fmt: skip
#: other short names of the same fields, by release of DCGM
_ALIASES = {
    "GTEMP": "TMPTR", "MCLK": "MMCLK", "SCLK": "SMCLK", "POWERUSAGE": "POWER",
    "PWR": "POWER", "PMLMT": "LIMIT",
}  # fmt: skip
#: the field that is text and may hold spaces
_WORDS = "DVNAM"
#: entities of rows besides GPUs: instances of a GPU (MIG), processors, switches
_OTHERS = ("GPU-I", "GPU-CI", "CI", "CPU", "CORE", "Core", "Switch", "Link", "VGPU")
_NAMED = 3


def sniff(text: str) -> bool:
    """Whether a header of dcgmi dmon stands near the top."""
    return any(
        _header(_stamped(line.split())[1] or [""], [""]) != [""]
        for line in text[:4096].splitlines()
    )


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
        Without time stamps, since dcgmi prints none, unless another program put them
        before each row. Rows that break off are dropped and counted.

    Raises
    ------
    ProfileError
        If there is no header or no sample, a value is not a number, or several
        GPUs are in it and none was named.
    """
    columns: list[str] = []
    readings: list[Reading] = []
    broken: list[int] = []
    others = 0
    for number_of_line, line in enumerate(text.splitlines(), 1):
        stamp, words = _stamped(line.split())
        if not words:
            continue
        if words[0].startswith("#"):
            columns = _header(words, columns)
        elif words[0] in _OTHERS:
            others += 1
        elif words[0] == "GPU":
            cells = _cells(columns, words[2:])
            if cells is None or not words[1].isdigit():
                broken.append(number_of_line)
                continue
            where = f"{source}, line {number_of_line}"
            values = {
                c: _value(w, c, where)
                for c, w in zip(columns, cells, strict=True)
                if c not in (_WORDS, "UUID#")
            }
            named = dict(zip(columns, cells, strict=True)).get(_WORDS)
            readings.append(Reading(int(words[1]), values, stamp, _device(named)))
        elif words[0] in ("Id", "ID", "Name"):
            continue  # units
        else:
            broken.append(number_of_line)
    return recorded(readings, source, gpu, _notes(broken, others), vendor="NVIDIA")


def _notes(broken: list[int], others: int) -> list[str]:
    """Notes on incomplete lines, by number, and on rows that are not of a GPU."""
    notes = []
    if broken:
        listed = ", ".join(map(str, broken[:_NAMED]))
        more = "…" if len(broken) > _NAMED else ""
        notes.append(
            f"{len(broken)} lines break off and were left out ({listed}{more})"
        )
    if others:
        notes.append(
            f"{others} rows of parts of a GPU (MIG) or of others were left out"
        )
    return notes


def _stamped(words: list[str]) -> tuple[str | None, list[str]]:
    """A time stamp before the row, as ``ts`` puts it there, and the row."""
    for n in (2, 1):
        if len(words) > n and (words[n] in ("GPU", *_OTHERS) or words[n][:1] == "#"):
            stamp = " ".join(words[:n])
            if moment(stamp) is not None:
                return stamp, words[n:]
    return None, words


def _header(words: list[str], columns: list[str]) -> list[str]:
    """Columns of a header line; a comment leaves the columns unchanged."""
    if "Entity" not in words[0] and words[1:2] != ["Entity"]:
        return columns
    names = words[2:] if words[0] == "#" else words[1:]
    named = [_IDS.get(n, n) for n in names]
    named = [_ALIASES.get(n, n) for n in named]
    doubled = {n for n in named if named.count(n) > 1}
    # of two columns with one meaning, as of temperature, the first is read
    listed: set[str] = set()
    columns_of_header = []
    for name in named:
        columns_of_header.append(
            f"_{name}" if name in doubled and name in listed else name
        )
        listed.add(name)
    return columns_of_header


def _cells(columns: list[str], words: list[str]) -> list[str] | None:
    """A row's cells; the name of a GPU may hold spaces. None where it breaks off."""
    extra = len(words) - len(columns)
    if extra > 0 and _WORDS in columns:
        at = columns.index(_WORDS)
        return [
            *words[:at],
            " ".join(words[at : at + extra + 1]),
            *words[at + extra + 1 :],
        ]
    return None if extra else words


def _device(word: str | None) -> str | None:
    return None if word is None or word in ("N/A", "NA", "-") else word


def _value(word: str, column: str, where: str) -> float | None:
    """The number in a cell; None for text in a column that is not used."""
    if column in CANONICAL:
        return number(word, column, where)
    with contextlib.suppress(ProfileError):
        value = number(word, column, where)
        return None if value is None or math.isnan(value) else value
    return None
