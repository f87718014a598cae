"""The GPU whose figures a profile holds, where the profile does not name it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xlate.hardware.catalogue import catalogue
from xlate.hardware.values import Gpu
from xlate.values.reason import Reason

__all__ = ["device_of"]

#: architecture of each compute capability of NVIDIA's GPUs
_ARCHITECTURES = {
    (3, 7): "Kepler", (5, 2): "Maxwell", (6, 0): "Pascal", (6, 1): "Pascal",
    (7, 0): "Volta", (7, 2): "Volta", (7, 5): "Turing", (8, 0): "Ampere", (8, 6): "Ampere",
    (8, 7): "Ampere", (8, 9): "Ada", (9, 0): "Hopper", (10, 0): "Blackwell",
    (10, 3): "Blackwell", (12, 0): "Blackwell",
}  # fmt: skip
#: how names of AMD's architectures begin
_AMD = ("CDNA", "RDNA", "GCN")
#: measured over listed: a driver reserves some memory, and rounds the bandwidth
_MEMORY, _BANDWIDTH = (0.86, 1.08), 0.06


def device_of(facts: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Name of the GPU with these figures, and a note that says how it was identified.

    Parameters
    ----------
    facts : mapping
        As ``xplane.pb`` names them: ``compute_cap_major``, ``core_count``,
        ``memory_size`` (bytes), ``memory_bandwidth`` (bytes/s), ``device_vendor``.

    Returns
    -------
    tuple of str or None
        The catalogue's name where one GPU has these figures; the chip where several GPUs
        with one chip have them; the figures as text where no GPU of the catalogue has
        them, so that it matches no name; None where several chips have them, or the
        file has no figures.

    Examples
    --------
    >>> from xlate.readers.traces.gpu_facts import device_of
    >>> device_of({"core_count": 40, "memory_size": 15_843_721_216, "compute_cap_major": 7,
    ...            "compute_cap_minor": 5, "memory_bandwidth": 320_064_000_000})[0]
    'T4'
    >>> device_of({})
    (None, None)
    """
    cores = _number(facts, "core_count")
    memory = _number(facts, "memory_size") / 1024**3
    if not cores or not memory:
        return None, None
    bandwidth = _number(facts, "memory_bandwidth") / 1e9
    major, minor = (int(_number(facts, f"compute_cap_{k}")) for k in ("major", "minor"))
    vendor = str(facts.get("device_vendor") or "")
    figures = f"{cores:.0f} multiprocessors and {memory:.1f} GiB"
    if major:
        figures = f"compute capability {major}.{minor}, {figures}"
    amd = vendor.upper() == "AMD"
    makers = _AMD if amd else tuple(set(_ARCHITECTURES.values()))
    architecture = None
    if major and not amd:
        # an unlisted compute capability is newer than the catalogue
        architecture = _ARCHITECTURES.get((major, minor), "newer")
    candidates = [
        g
        for g in catalogue().gpus.values()
        if g.architecture.startswith(makers) and _fits(g, cores, memory, architecture)
    ]
    # the bandwidth that drivers report differs by memory and driver: it chooses among
    # several GPUs, and does not exclude the only one
    candidates = [g for g in candidates if _as_fast(g, bandwidth)] or candidates
    names = [g.name for g in candidates]
    if not names:
        # a name that matches no GPU of the catalogue
        note = f"the file names no GPU; none of the catalogue has {figures}"
        return f"{vendor or 'unnamed'} GPU with {figures}", Reason(note, informs=True)
    common = names[0] if len(names) == 1 else _common(candidates)
    which = common if len(names) == 1 else f"one of {', '.join(names)}"
    note = f"the file names no GPU; by {figures} it is {which}"
    return common, Reason(note, informs=True)


def _number(facts: Mapping[str, Any], key: str) -> float:
    value = facts.get(key)
    return float(value) if isinstance(value, int | float) else 0.0


def _fits(gpu: Gpu, cores: float, memory: float, architecture: str | None) -> bool:
    has, holds = gpu.number("sm_count"), gpu.number("memory_gib")
    if has != cores or holds is None:
        return False
    if not _MEMORY[0] <= memory / holds <= _MEMORY[1]:
        return False
    return architecture is None or gpu.architecture.startswith(architecture)


def _as_fast(gpu: Gpu, bandwidth: float) -> bool:
    listed = gpu.number("bandwidth_gb_per_s")
    return listed is not None and abs(bandwidth / listed - 1) <= _BANDWIDTH


def _common(gpus: list[Gpu]) -> str | None:
    """A name for several GPUs: how their names begin, or their chip, with the memory."""
    names = {g.name.partition("-")[0] for g in gpus}
    chips = {g.chip for g in gpus}
    shared = names if len(names) == 1 else chips
    if len(shared) != 1 or None in shared:
        return None
    memory = max(g.number("memory_gib") or 0.0 for g in gpus)
    return f"{shared.pop()} {memory:.0f}GB"
