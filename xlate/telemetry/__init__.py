"""Telemetry: samples of a run by a meter.

One module for each format; all give a :class:`~xlate.telemetry.trace.Trace` with DCGM's
short names: :mod:`dcgm` reads ``dcgmi dmon`` text, :mod:`smi` the csv of ``nvidia-smi
--query-gpu``, :mod:`smi_dmon` its ``dmon``, :mod:`smi_xml` its XML, :mod:`rocm_smi` and
:mod:`amd_smi` the files of AMD's tools. :mod:`sanity` leaves out impossible samples;
:mod:`live` samples the GPU of this machine.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from xlate.errors import ProfileError
from xlate.files import open_regular
from xlate.files.limits import read_bytes, read_text
from xlate.settings.logs import logger
from xlate.telemetry import amd_smi, dcgm, rocm_smi, smi, smi_dmon, smi_xml
from xlate.telemetry.trace import Trace

__all__ = ["TRACE_READERS", "Trace", "is_telemetry", "read_trace"]

TRACE_READERS: dict[str, ModuleType] = {
    "dcgm": dcgm,
    "smi_dmon": smi_dmon,
    "smi_xml": smi_xml,
    "rocm_smi": rocm_smi,
    "amd_smi": amd_smi,
    "smi": smi,
}

#: bytes at the top of a file by which it is recognised
_HEAD = 20_000


def is_telemetry(path: Path) -> bool:
    """Whether a file begins like one of a meter; only its head is read.

    False also where it cannot be read: reading the complete file then gives the error.
    """
    try:
        if path.is_dir():
            return False
        with open_regular(path) as f:
            head = f.read(_HEAD)
    except OSError:
        return False
    if head[:2] == b"\x1f\x8b":
        head = _unpacked(head)
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        head = head.decode("utf-16", "ignore").encode()
    if b"\0" in head:
        return False
    text = head.decode("utf-8-sig", "replace")
    return any(r.sniff(text) for r in TRACE_READERS.values()) or smi.headerless(text)


def _unpacked(head: bytes) -> bytes:
    """The unpacked head of a gzip file, up to where it ends."""
    import zlib

    try:
        return zlib.decompressobj(wbits=31).decompress(head, _HEAD)
    except zlib.error:
        return b""


_LOG = logger(__name__)


def read_trace(
    path: Path, gpu: int | None = None, fields: Sequence[str] | None = None
) -> Trace:
    """Read one recorded run, of any meter.

    Parameters
    ----------
    path : Path
        ``dcgmi dmon`` text, ``nvidia-smi`` csv, ``dmon`` or XML, ``rocm-smi`` or
        ``amd-smi`` csv, JSON or text.
    gpu : int, optional
        Which GPU's rows; needed where the file holds several.
    fields : sequence of str, optional
        Columns of an ``nvidia-smi`` csv without a header, by their names there.

    Raises
    ------
    ProfileError
        If it has no known form, no sample, several GPUs of which none was
        named, or mostly impossible samples.
    """
    text = read_text(path, read_bytes(path))
    if fields is not None:
        return smi.read(text, str(path), gpu, fields)
    for name, reader in TRACE_READERS.items():
        if reader.sniff(text):
            _LOG.info("%s is read as a recording of %s", path, name)
            trace: Trace = reader.read(text, str(path), gpu)
            return trace
    first = text.lstrip().splitlines()[0][:80] if text.strip() else ""
    if smi.headerless(text):
        raise ProfileError(
            f"{path} has no header; its first line is {first!r}",
            "name its columns in order, as given to --query-gpu: "
            "--fields timestamp,name,power.draw,…",
            code="profile.missing-column",
        )
    if "NVIDIA-SMI" in text[:2000]:
        raise ProfileError(
            f"{path} is the table that nvidia-smi prints for people",
            "record with --query-gpu=timestamp,index,name,power.draw,clocks.sm,"
            "utilization.gpu,utilization.memory --format=csv -lms 100",
            code="profile.not-a-profile",
        )
    raise ProfileError(
        f"{path} is not telemetry that xlate reads; its first line is {first!r}",
        "known: dcgmi dmon text (# Entity …), nvidia-smi --query-gpu csv, dmon and "
        "-q -x, rocm-smi and amd-smi csv and JSON",
        code="profile.not-a-profile",
    )
