"""Whether the name of a device means a GPU: what a file says against what a user says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum

from xlate.hardware.device_name import DeviceName, parse_device
from xlate.hardware.naming import squash
from xlate.hardware.values import Gpu

__all__ = ["Likeness", "generic", "likeness", "likeness_of_names"]

#: memory that the system reports over what the name says
_REPORTED = (0.88, 1.05)
#: models whose name alone stands for several: a Jetson names itself Orin
_FAMILIES = ("orin", "xavier", "titan")


class Likeness(Enum):
    """What the name of a device says of a GPU.

    Attributes
    ----------
    EXACT
        It is a name of the GPU.
    VARIANT
        Its chip, memory and form factor are those of the GPU, as far as it says them.
    SHARE
        It is a part of such a GPU: a MIG slice, a virtual GPU, a compute partition.
    NOTHING
        It names no GPU, or its vendor alone.
    ANOTHER
        It is another GPU.
    """

    EXACT = "exact"
    VARIANT = "variant"
    SHARE = "share"
    NOTHING = "nothing"
    ANOTHER = "another"


def likeness(device: str, gpu: Gpu) -> Likeness:
    """What the name of a device says of a GPU of the catalogue.

    Parameters
    ----------
    device : str
        What a profiler or a driver printed; the catalogue need not know it.
    gpu : Gpu

    Examples
    --------
    >>> from xlate.hardware.catalogue import catalogue
    >>> from xlate.hardware.identity import likeness
    >>> likeness("Tesla V100-SXM2", catalogue().gpu("V100-SXM2-16GB")).value
    'variant'
    >>> likeness("NVIDIA GeForce RTX 3060 Ti", catalogue().gpu("RTX3060")).value
    'another'
    """
    return likeness_of_names(
        device, (gpu.name, *gpu.aliases), gpu.chip, gpu.architecture,
        gpu.number("memory_gib"),
    )  # fmt: skip


def likeness_of_names(
    device: str, names: Iterable[str], chip: str | None = None,
    architecture: str | None = None, memory_gib: float | None = None,
) -> Likeness:  # fmt: skip
    """As :func:`likeness`, of a GPU of which its names are known.

    Parameters
    ----------
    device : str
    names : iterable of str
        Name and aliases of the GPU.
    chip, architecture : str, optional
        As the catalogue has them: ``gfx942``, ``Turing``.
    memory_gib : float, optional
        Memory of the GPU, GiB.
    """
    own = list(names)
    said = parse_device(device)
    known = [p for n in own for p in parse_device(n)]
    if _other_vendor(said, known):
        return Likeness.ANOTHER
    if squash(device) in {squash(n) for n in own}:
        return Likeness.EXACT
    if not any(d.names_a_gpu for d in said):
        return Likeness.NOTHING
    if not any(_fits(d, known, chip, architecture, memory_gib) for d in said):
        return Likeness.ANOTHER
    return Likeness.SHARE if any(d.share for d in said) else Likeness.VARIANT


def generic(device: str) -> bool:
    """Whether a device's name names no GPU: ``"AMD Radeon Graphics"``, ``"cuda:0"``.

    Examples
    --------
    >>> from xlate.hardware.identity import generic
    >>> generic("NVIDIA Graphics Device"), generic("Tesla T4")
    (True, False)
    """
    return not any(d.names_a_gpu for d in parse_device(device))


def _other_vendor(said: Iterable[DeviceName], own: Iterable[DeviceName]) -> bool:
    theirs = frozenset[str]().union(*(d.vendors for d in said))
    mine = frozenset[str]().union(*(d.vendors for d in own))
    return bool(theirs and mine and not theirs <= mine)


def _fits(
    said: DeviceName, own: list[DeviceName], chip: str | None,
    architecture: str | None, memory_gib: float | None,
) -> bool:  # fmt: skip
    """Whether nothing that a name says is otherwise on the GPU."""
    if _other_vendor([said], own):
        return False
    if said.generation and architecture and not architecture.lower().startswith(said.generation):  # fmt: skip
        return False
    of_chip = chip is not None and said.model == chip.lower()
    alike = own if of_chip else [o for o in own if _same_model(said, o)]
    if not alike:
        return False
    if not of_chip and not any(said.variants == o.variants for o in alike):
        return False
    forms = frozenset[str]().union(*(o.forms for o in own))
    if not all(_has_form(f, forms) for f in said.forms):
        return False
    sizes = {o.memory_gb for o in own if o.memory_gb is not None}
    if said.memory_gb is None:
        return True
    if sizes:
        return said.memory_gb in sizes
    if memory_gib is None:
        return True
    return _REPORTED[0] <= memory_gib / said.memory_gb <= _REPORTED[1]


def _same_model(said: DeviceName, own: DeviceName) -> bool:
    if not said.model:
        return False
    if said.model == own.model:
        return True
    return said.model in _FAMILIES and said.model in own.model


def _has_form(said: str, forms: frozenset[str]) -> bool:
    """Whether a GPU is built in this way, as far as its names say."""
    if said in forms:
        return True
    if said == "sxm":
        return any(f.startswith("sxm") for f in forms)
    # a board's number says nothing that names say
    return re.fullmatch(r"pg\d+", said) is not None or (said == "pcie" and not forms)
