"""Telemetry: what a meter sampled during a run, and sweeps made of such runs.

:mod:`dcgm` reads ``dcgmi dmon`` text, :mod:`smi` ``nvidia-smi`` csv and
:mod:`smi_xml` its XML, all into a :class:`~xlate.telemetry.trace.Trace` with DCGM's short names;
:mod:`sweepdir` turns a folder of such runs into one aggregate a clock.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from xlate.errors import ProfileError
from xlate.readers.limits import read_bytes, read_text
from xlate.telemetry import dcgm, smi, smi_xml
from xlate.telemetry.trace import Trace

__all__ = ["TRACE_READERS", "Trace", "read_trace"]

TRACE_READERS: dict[str, ModuleType] = {"dcgm": dcgm, "smi": smi, "smi_xml": smi_xml}


def read_trace(path: Path, gpu: int | None = None) -> Trace:
    """Read one recorded run, whatever meter wrote it.

    Parameters
    ----------
    path : Path
        ``dcgmi dmon`` text, ``nvidia-smi --query-gpu`` csv or ``nvidia-smi -q -x``.
    gpu : int, optional
        Which GPU's rows; needed where the file holds several.

    Raises
    ------
    ProfileError
        If it is neither, holds no sample, or holds several GPUs and none was
        named.
    """
    text = read_text(path, read_bytes(path))
    for reader in TRACE_READERS.values():
        if reader.sniff(text):
            trace: Trace = reader.read(text, str(path), gpu)
            return trace
    first = text.lstrip().splitlines()[0][:80] if text.strip() else ""
    raise ProfileError(
        f"{path} is no telemetry that xlate reads; its first line is {first!r}",
        "known: dcgmi dmon text (# Entity …), nvidia-smi --query-gpu csv, "
        "nvidia-smi -q -x",
    )
