"""Clocks that a GPU accepts, and the commands that set and reset them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xlate.errors import CatalogError
from xlate.files.limits import read_bytes, read_text
from xlate.hardware.catalogue import Catalogue, Gpu
from xlate.hardware.identity import Likeness

__all__ = ["LegalClocks", "commands", "from_dump", "legal_clocks", "snap"]

_MEMORY = re.compile(r"^\s*Memory\s*:\s*(\d+)\s*MHz\s*$")
_GRAPHICS = re.compile(r"^\s*Graphics\s*:\s*(\d+)\s*MHz\s*$")
#: a line whose clock is not an integer number of MHz
_NO_CLOCK = re.compile(r"^\s*(?:Memory|Graphics)\s*:\s*(.*\S)\s*MHz\s*$")
_PRODUCT = re.compile(r"^\s*Product Name\s*:\s*(.+?)\s*$")


@dataclass(frozen=True)
class LegalClocks:
    """Legal core clocks at one memory clock.

    Attributes
    ----------
    memory_mhz : float or None
        Memory clock; None where the card has one state.
    sm_mhz : tuple of float
        Ascending.
    source : str
        Origin of the list.
    """

    memory_mhz: float | None
    sm_mhz: tuple[float, ...]
    source: str


def legal_clocks(
    gpu: Gpu, dump: Path | None = None, gpus: Catalogue | None = None
) -> LegalClocks:
    """Clocks of the target at its highest memory clock.

    Parameters
    ----------
    gpu : Gpu
        The target's.
    dump : Path, optional
        Output of ``nvidia-smi -q -d SUPPORTED_CLOCKS`` from the card itself; it
        has priority over the catalogue.
    gpus : Catalogue, optional
        Used to identify the product name in the dump.

    Raises
    ------
    CatalogError
        If no list is known, the card's clock cannot be set, or the dump is of
        another GPU.
    ProfileError
        If the dump cannot be read.
    """
    if gpu.set_clock not in ("application", "locked"):
        raise CatalogError(
            f"the clock of {gpu.name} is not set through nvidia-smi",
            "choose a target whose clock can be set (xlate anchors show NAME)",
            code="clock.not-settable",
        )
    if dump is not None:
        return from_dump(dump, gpu, gpus)
    lists = gpu.clocks
    sm_mhz = gpu.legal_mhz()
    chosen = next(c for c in lists if c.graphics_mhz == sm_mhz)
    return LegalClocks(chosen.memory_mhz, sm_mhz, chosen.source)


def from_dump(path: Path, gpu: Gpu, gpus: Catalogue | None = None) -> LegalClocks:
    """Clocks in a pasted ``nvidia-smi -q -d SUPPORTED_CLOCKS`` dump.

    Raises
    ------
    CatalogError
        If it holds no clock, or is of another GPU: by its product name, or by a
        highest clock that is not this card's.
    """
    text = read_text(path, read_bytes(path))
    memory: float | None = None
    by_memory_clock: dict[float | None, list[float]] = {}
    for line in text.splitlines():
        if m := _MEMORY.match(line):
            memory = float(m[1])
        elif m := _GRAPHICS.match(line):
            by_memory_clock.setdefault(memory, []).append(float(m[1]))
        elif _NO_CLOCK.match(line):
            raise CatalogError(
                f"{path} has a line that gives no clock: {line.strip()[:60]!r}",
                "paste the output of: nvidia-smi -q -d SUPPORTED_CLOCKS",
                code="catalog.clocks",
            )
        elif gpus is not None and (m := _PRODUCT.match(line)):
            _same(path, m[1], gpu, gpus)
    if not by_memory_clock:
        raise CatalogError(
            f"{path} lists no graphics clock",
            "paste the output of: nvidia-smi -q -d SUPPORTED_CLOCKS",
            code="catalog.clocks",
        )
    best = max(by_memory_clock, key=lambda m: m or 0.0)
    clocks = tuple(sorted(set(by_memory_clock[best])))
    if gpu.clocks and clocks[-1] != gpu.legal_mhz()[-1]:
        raise CatalogError(
            f"{path} goes up to {clocks[-1]:g} MHz, {gpu.name} to "
            f"{gpu.legal_mhz()[-1]:g} MHz: it is of another GPU",
            "paste the dump of the target, or name the GPU it is of as --target",
            code="catalog.clocks",
        )
    return LegalClocks(best, clocks, str(path))


def _same(path: Path, product: str, gpu: Gpu, gpus: Catalogue) -> None:
    if gpus.likeness(product, gpu) is not Likeness.ANOTHER:
        return  # a name without a GPU does not contradict it
    named = gpus.gpus_of_device(product)
    targets = " or ".join(g.name for g in named)
    raise CatalogError(
        f"{path} is of {product}, not of {gpu.name}",
        f"name {targets} as --target, or paste the target's own dump"
        if targets
        else "paste the target's own dump",
        code="catalog.clocks",
    )


def snap(mhz: float, legal: tuple[float, ...]) -> float:
    """The legal clock nearest to a given one; of two equally near, the lower."""
    clocks = np.array(legal)
    return float(clocks[np.abs(clocks - mhz).argmin()])


def commands(gpu: Gpu, mhz: float, legal: LegalClocks) -> tuple[str, str]:
    """The commands that set the clock on this GPU, and reset it.

    Volta and newer have locked clocks (``-lgc``); before that application
    clocks (``-ac``), a pair with the memory clock. Both need root.
    """
    if gpu.set_clock == "locked":
        return f"sudo nvidia-smi -lgc {mhz:.0f},{mhz:.0f}", "sudo nvidia-smi -rgc"
    if legal.memory_mhz is None:
        raise CatalogError(
            f"{gpu.name} takes a pair of memory and core clock, and no memory clock "
            "is known for it",
            "give --clocks-file with its nvidia-smi -q -d SUPPORTED_CLOCKS",
            code="catalog.clocks",
        )
    return (
        f"sudo nvidia-smi -ac {legal.memory_mhz:.0f},{mhz:.0f}",
        "sudo nvidia-smi -rac",
    )
