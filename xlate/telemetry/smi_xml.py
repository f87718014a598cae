"""``nvidia-smi -q -x``: XML of schemas v10 to v13, once or in a loop (``-l 1``).

A loop writes one document after the other; each is a sample. The names of power
changed between schemas: ``power_readings/power_draw`` (v10, v11),
``gpu_power_readings/power_draw`` (v12), ``…/instant_power_draw`` or
``average_power_draw`` (v13).
"""

from __future__ import annotations

import re
from datetime import datetime
from itertools import pairwise
from xml.etree import ElementTree

import polars as pl

from xlate.errors import ProfileError
from xlate.telemetry.trace import Trace, one_gpu

__all__ = ["read", "sniff"]

#: DCGM's short name -> places of the value under <gpu>, the first that is there
_PLACES = {
    "POWER": (
        "gpu_power_readings/instant_power_draw", "gpu_power_readings/power_draw",
        "gpu_power_readings/average_power_draw", "power_readings/power_draw",
        "module_power_readings/power_draw",
    ),
    "GPUTL": ("utilization/gpu_util",),
    "MCUTL": ("utilization/memory_util",),
    "SMCLK": ("clocks/sm_clock", "clocks/graphics_clock"),
    "MMCLK": ("clocks/mem_clock",),
    "TMPTR": ("temperature/gpu_temp",),
}  # fmt: skip
_LOG = re.compile(r"<nvidia_smi_log[\s>].*?</nvidia_smi_log\s*>", re.DOTALL)
_NUMBER = re.compile(r"^\s*([+-]?\d+(?:\.\d+)?)")
_STAMPS = ("%a %b %d %H:%M:%S %Y", "%Y-%m-%d %H:%M:%S")
_HINT = "nvidia-smi -q -x -l 1 > FILE while the job runs"


def sniff(text: str) -> bool:
    """Whether the text begins as nvidia-smi's XML does."""
    return "<nvidia_smi_log" in text[:2000]


def read(text: str, source: str, gpu: int | None = None) -> Trace:
    """Read a recording.

    Parameters
    ----------
    text : str
        Content; a last document that breaks off is left out and counted.
    source : str
        File, for messages.
    gpu : int, optional
        Which GPU, in the order of the documents.

    Returns
    -------
    Trace
        With ``TIME`` where every document has a time stamp.

    Raises
    ------
    ProfileError
        If there is no whole document, no power in it, time goes backwards, or
        several GPUs are in it and none was named.
    """
    if "<!ENTITY" in text:
        raise ProfileError(
            f"{source} defines entities, which nvidia-smi never does", _HINT
        )
    whole = _LOG.findall(text)
    rows: list[dict[str, float | None]] = []
    stamps: list[str | None] = []
    devices: list[str | None] = []
    of_gpu: dict[int, list[int]] = {}
    for document in whole:
        try:
            # entities were refused above, and nothing else expands
            log = ElementTree.fromstring(document)  # noqa: S314
        except ElementTree.ParseError as e:
            raise ProfileError(f"{source} is no XML: {e}", _HINT) from e
        stamp = log.findtext("timestamp")
        for k, card in enumerate(log.findall("gpu")):
            of_gpu.setdefault(k, []).append(len(rows))
            stamps.append(stamp)
            devices.append(card.findtext("product_name"))
            rows.append({n: _value(card, places) for n, places in _PLACES.items()})
    if not rows:
        raise ProfileError(f"{source} holds no whole nvidia_smi_log with a GPU", _HINT)
    mine = one_gpu(of_gpu, gpu, source)
    samples = pl.DataFrame(
        [rows[i] for i in mine],
        schema=dict.fromkeys(_PLACES, pl.Float64()),
        orient="row",
    )
    if samples["POWER"].null_count() == samples.height:
        raise ProfileError(f"{source} has no power draw", _HINT)
    samples = samples.select(
        c for c in samples.columns if samples[c].null_count() < samples.height
    )
    times = _seconds([stamps[i] for i in mine], source)
    if times is not None:
        samples = samples.with_columns(times)
    broken = text.count("<nvidia_smi_log") - len(whole)
    notes = [f"{broken} documents break off and were left out"] if broken else []
    return Trace(samples, source, tuple(notes), devices[mine[0]])


def _value(card: ElementTree.Element, places: tuple[str, ...]) -> float | None:
    for place in places:
        found = _NUMBER.match(card.findtext(place) or "")
        if found:
            return float(found[1])
    return None


def _seconds(stamps: list[str | None], source: str) -> pl.Series | None:
    """Seconds from the first time stamp; None where one has none."""
    times = []
    for stamp in stamps:
        moment = _moment(stamp or "")
        if moment is None:
            return None
        times.append(moment.timestamp())
    if any(b < a for a, b in pairwise(times)):
        raise ProfileError(
            f"{source}: time goes backwards", "one recording a file; record again"
        )
    return pl.Series("TIME", [t - times[0] for t in times])


def _moment(stamp: str) -> datetime | None:
    for form in _STAMPS:
        try:
            return datetime.strptime(stamp.strip(), form)
        except ValueError:
            continue
    return None
