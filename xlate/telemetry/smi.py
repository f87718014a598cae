"""``nvidia-smi --query-gpu=… --format=csv``: units in brackets, ``[N/A]``, any order."""

from __future__ import annotations

import csv
import re
from datetime import datetime
from itertools import pairwise

import polars as pl

from xlate.errors import ProfileError
from xlate.telemetry.trace import Trace, one_gpu

__all__ = ["read", "sniff"]

_NAMES = {
    "power.draw": "POWER",
    "power.draw.instant": "POWER",
    "power.draw.average": "POWER",
    "utilization.gpu": "GPUTL",
    "utilization.memory": "MCUTL",
    "clocks.sm": "SMCLK",
    "clocks.current.sm": "SMCLK",
    "clocks.mem": "MMCLK",
    "clocks.current.memory": "MMCLK",
    "temperature.gpu": "TMPTR",
}
_STAMPS = ("%Y/%m/%d %H:%M:%S.%f", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f")
_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)")


def _bare(name: str) -> str:
    return re.sub(r"\s*\[.*\]\s*$", "", name).strip().lower()


def sniff(text: str) -> bool:
    """Whether the first line names fields of nvidia-smi."""
    lines = text.lstrip("\ufeff").strip().splitlines()
    names = {_bare(n) for n in lines[0].split(",")} if lines else set()
    return bool(names & (set(_NAMES) | {"timestamp"})) and len(names & set(_NAMES)) > 0


def read(text: str, source: str, gpu: int | None = None) -> Trace:
    """Read a recording.

    Parameters
    ----------
    text : str
        Content, header line first.
    source : str
        File, for messages.
    gpu : int, optional
        Which GPU's rows, by the field ``index``.

    Returns
    -------
    Trace
        With ``TIME`` where ``timestamp`` was recorded. Rows that break off are
        dropped and counted.

    Raises
    ------
    ProfileError
        If power is not among the fields, a value cannot be understood, time
        goes backwards, or several GPUs are in it and none was named.
    """
    lines = list(csv.reader(text.lstrip("\ufeff").strip().splitlines()))
    header = [_bare(n) for n in lines[0]]
    fields = [_NAMES.get(n, n) for n in header]
    if "POWER" not in fields:
        raise ProfileError(
            f"{source} has no power.draw",
            "record with --query-gpu=timestamp,power.draw,…",
        )
    key = next((k for k in ("index", "uuid", "pci.bus_id") if k in header), None)
    rows: list[dict[str, float | None]] = []
    stamps: list[str | None] = []
    devices: list[str | None] = []
    of_gpu: dict[int, list[int]] = {}
    known: dict[str, int] = {}
    broken = 0
    for number, cells in enumerate(lines[1:], 2):
        if [_bare(c) for c in cells] == header:
            continue  # a loop that appends one sample at a time repeats it
        if len(cells) != len(header):
            broken += 1
            continue
        named = dict(zip(header, (c.strip() for c in cells), strict=True))
        label = named.get(key, "0") if key else "0"
        which = int(label) if label.isdigit() else known.setdefault(label, len(known))
        of_gpu.setdefault(which, []).append(len(rows))
        stamps.append(named.get("timestamp"))
        devices.append(named.get("name") or named.get("gpu_name"))
        rows.append(
            {
                f: _value(c, f, source, number)
                for f, c in zip(fields, cells, strict=True)
                if f in _NAMES.values()
            }
        )
    mine = one_gpu(of_gpu, gpu, source)
    names = sorted({f for f in fields if f in _NAMES.values()})
    samples = pl.DataFrame(
        [rows[i] for i in mine], schema=dict.fromkeys(names, pl.Float64()), orient="row"
    )
    times = [stamps[i] for i in mine]
    if all(times):
        samples = samples.with_columns(_seconds([t or "" for t in times], source))
    notes = [f"{broken} lines break off and were left out"] if broken else []
    return Trace(samples, source, tuple(notes), devices[mine[0]])


def _value(cell: str, field: str, source: str, line: int) -> float | None:
    cell = cell.strip()
    if cell.startswith("[") or cell in ("", "N/A"):
        return None
    found = _NUMBER.match(cell)
    if found is None:
        raise ProfileError(
            f"{source}, line {line}: {field} is {cell!r}, not a number",
            "record with --format=csv or --format=csv,nounits",
        )
    return float(found.group())


def _seconds(stamps: list[str], source: str) -> pl.Series:
    """Seconds from the first time stamp."""
    form = next((f for f in _STAMPS if _fits(stamps[0], f)), None)
    if form is None:
        raise ProfileError(
            f"{source}: time stamp {stamps[0]!r} is not nvidia-smi's",
            "it writes 2024/01/31 12:00:00.000",
        )
    try:
        times = [datetime.strptime(s, form).timestamp() for s in stamps]
    except ValueError as e:
        raise ProfileError(f"{source}: {e}", "one form of time stamp a file") from e
    seconds = [t - times[0] for t in times]
    if any(b < a for a, b in pairwise(seconds)):
        raise ProfileError(
            f"{source}: time goes backwards", "one recording a file; record again"
        )
    return pl.Series("TIME", seconds)


def _fits(stamp: str, form: str) -> bool:
    try:
        datetime.strptime(stamp, form)
    except ValueError:
        return False
    return True
