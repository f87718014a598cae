"""``nvidia-smi -q -x``: XML of schemas v10 to v13, once or in a loop (``-l 1``).

A loop writes one document after the other; each is a sample. The names of power
changed between schemas: ``power_readings/power_draw`` (v10, v11),
``gpu_power_readings/power_draw`` (v12), ``…/instant_power_draw`` or
``average_power_draw`` (v13).
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from xlate.errors import ProfileError
from xlate.telemetry.cells import is_missing, number
from xlate.telemetry.recording import Reading, recorded
from xlate.telemetry.stamps import moment
from xlate.telemetry.trace import Trace

__all__ = ["read", "sniff"]

#: DCGM's short name -> places of the value under <gpu>, of which the first is read
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
    "LIMIT": (
        "gpu_power_readings/current_power_limit", "gpu_power_readings/power_limit",
        "power_readings/enforced_power_limit", "power_readings/power_limit",
    ),
    "SMMAX": ("max_clocks/sm_clock", "max_clocks/graphics_clock"),
}  # fmt: skip
_LOG = re.compile(r"<nvidia_smi_log[\s>].*?</nvidia_smi_log\s*>", re.DOTALL)
_HINT = "nvidia-smi -q -x -l 1 > FILE while the job runs"


def sniff(text: str) -> bool:
    """Whether the text begins like nvidia-smi's XML."""
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
        If there is no complete document, no power in it, time goes backwards, or
        several GPUs are in it and none was named.
    """
    if "<!ENTITY" in text:
        raise ProfileError(
            f"{source} defines entities, which nvidia-smi never does",
            _HINT,
            code="profile.damaged",
        )
    complete = _LOG.findall(text)
    readings: list[Reading] = []
    for document in complete:
        try:
            # entities raise an error above, and nothing else expands
            log = ElementTree.fromstring(document)  # noqa: S314
        except ElementTree.ParseError as e:
            raise ProfileError(
                f"{source} is not XML: {e}", _HINT, code="profile.damaged"
            ) from e
        stamp = log.findtext("timestamp")
        readings += [
            Reading(
                k,
                {n: _value(card, n, places, source) for n, places in _PLACES.items()},
                stamp if stamp and moment(stamp) else None,
                card.findtext("product_name"),
            )
            for k, card in enumerate(log.findall("gpu"))
        ]
    if not readings:
        raise ProfileError(
            f"{source} holds no whole nvidia_smi_log with a GPU",
            _HINT,
            code="profile.not-a-profile",
        )
    broken = text.count("<nvidia_smi_log") - len(complete)
    notes = [f"{broken} documents break off and were left out"] if broken else []
    return recorded(readings, source, gpu, notes, vendor="NVIDIA")


def _value(
    card: ElementTree.Element, name: str, places: tuple[str, ...], source: str
) -> float | None:
    for place in places:
        text = card.findtext(place)
        if text is not None and not is_missing(text):
            return number(text, name, source)
    return None
