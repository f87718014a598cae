"""``dcgmi dmon`` text: a header that comes back, a units line, ``GPU 0`` rows."""

from __future__ import annotations

import polars as pl

from xlate.errors import ProfileError
from xlate.telemetry.trace import Trace, one_gpu

__all__ = ["read", "sniff"]

#: DCGM field identifiers (dcgm_fields.h) under which a column may be headed
_IDS = {
    "100": "SMCLK", "101": "MMCLK", "110": "SACLK", "140": "MMTMP", "150": "TMPTR",
    "155": "POWER", "156": "TOTEC", "190": "PSTAT", "203": "GPUTL", "204": "MCUTL",
    "1001": "GRACT", "1002": "SMACT", "1003": "SMOCC", "1004": "TENSO",
    "1005": "DRAMA", "1006": "FP64A", "1007": "FP32A", "1008": "FP16A",
}  # fmt: skip
#: other short names of the same fields, by release of DCGM
_ALIASES = {"GTEMP": "TMPTR", "MCLK": "MMCLK", "SCLK": "SMCLK", "POWERUSAGE": "POWER"}
_MISSING = frozenset({"N/A", "NA", "-", "nan"})
_NAMED = 3


def sniff(text: str) -> bool:
    """Whether a header of dcgmi dmon stands near the top."""
    return any(
        line.lstrip().startswith("#") and "Entity" in line
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
        Without time stamps: dcgmi prints none. Rows that break off are dropped
        and counted.

    Raises
    ------
    ProfileError
        If there is no header or no sample, a value is no number, or several
        GPUs are in it and none was named.
    """
    columns: list[str] = []
    rows: list[dict[str, float | None]] = []
    of_gpu: dict[int, list[int]] = {}
    broken: list[int] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if words[0].startswith("#"):
            columns = _header(words, columns)
        elif words[0] == "GPU":
            if len(words) != len(columns) + 2 or not words[1].isdigit():
                broken.append(number)
                continue
            of_gpu.setdefault(int(words[1]), []).append(len(rows))
            rows.append(_values(columns, words[2:], source, number))
        elif words[0] in ("Id", "ID", "Name"):
            continue  # units
        else:
            broken.append(number)
    mine = one_gpu(of_gpu, gpu, source)
    notes = []
    if broken:
        listed = ", ".join(map(str, broken[:_NAMED]))
        more = "…" if len(broken) > _NAMED else ""
        notes.append(
            f"{len(broken)} lines break off and were left out ({listed}{more})"
        )
    if len(of_gpu) > 1:
        notes.append(f"{len(rows) - len(mine)} rows of other GPUs were left out")
    names = sorted({name for i in mine for name in rows[i]})
    samples = pl.DataFrame(
        [rows[i] for i in mine], schema=dict.fromkeys(names, pl.Float64()), orient="row"
    )
    return Trace(samples, source, tuple(notes))


def _header(words: list[str], columns: list[str]) -> list[str]:
    """Columns of a header line; a comment that is none changes nothing."""
    if "Entity" not in words[0] and words[1:2] != ["Entity"]:
        return columns
    names = words[2:] if words[0] == "#" else words[1:]
    named = [_IDS.get(n, _ALIASES.get(n, n)) for n in names]
    doubled = {n for n in named if named.count(n) > 1}
    # temperature by two names is one temperature: the first column speaks
    seen: set[str] = set()
    out = []
    for name in named:
        out.append(f"_{name}" if name in doubled and name in seen else name)
        seen.add(name)
    return out


def _values(
    columns: list[str], words: list[str], source: str, line: int
) -> dict[str, float | None]:
    values: dict[str, float | None] = {}
    for column, word in zip(columns, words, strict=True):
        try:
            values[column] = None if word in _MISSING else float(word)
        except ValueError as e:
            raise ProfileError(
                f"{source}, line {line}: {column} is {word!r}, not a number",
                "record again; values are numbers or N/A",
            ) from e
    return values
