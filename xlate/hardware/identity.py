"""Whether the name of a device in a file can be that of a GPU of the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum

from xlate.hardware.device_name import DeviceName, parse_device
from xlate.hardware.naming import squash
from xlate.hardware.values import Gpu

__all__ = ["Likeness", "generic", "likeness", "likeness_of_names"]

#: ratio of the memory that the system reports to that in the name
_REPORTED = (0.88, 1.05)
#: models whose name is shared by several GPUs: a Jetson reports only "Orin"
_FAMILIES = ("orin", "xavier", "titan")


class Likeness(Enum):
    """How the name of a device agrees with a GPU.

    Attributes
    ----------
    EXACT
        It is a name of the GPU.
    VARIANT
        The chip, memory and form factor in it, as far as given, are those of the GPU.
    SHARE
        It names a part of such a GPU: a MIG slice, a virtual GPU, a compute partition.
    NOTHING
        It names no GPU, or only its vendor.
    ANOTHER
        It names another GPU.
    """

    EXACT = "exact"
    VARIANT = "variant"
    SHARE = "share"
    NOTHING = "nothing"
    ANOTHER = "another"


def likeness(device: str, gpu: Gpu) -> Likeness:
    """How the name of a device agrees with a GPU of the catalogue.

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
        device,
        (gpu.name, *gpu.aliases),
        chip=gpu.chip,
        architecture=gpu.architecture,
        memory_gib=gpu.number("memory_gib"),
    )


def likeness_of_names(
    device: str,
    names: Iterable[str],
    chip: str | None = None,
    architecture: str | None = None,
    memory_gib: float | None = None,
) -> Likeness:
    """As :func:`likeness`, for a GPU given by its names.

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
    given = parse_device(device)
    names_of_gpu = [p for n in own for p in parse_device(n)]
    if _other_vendor(given, names_of_gpu):
        return Likeness.ANOTHER
    if squash(device) in {squash(n) for n in own}:
        return Likeness.EXACT
    if not any(d.names_a_gpu for d in given):
        return Likeness.NOTHING
    if not any(_fits(d, names_of_gpu, chip, architecture, memory_gib) for d in given):
        return Likeness.ANOTHER
    return Likeness.SHARE if any(d.share for d in given) else Likeness.VARIANT


def generic(device: str) -> bool:
    """Whether a device name is not that of any GPU: ``"AMD Radeon Graphics"``, ``"cuda:0"``.

    Examples
    --------
    >>> from xlate.hardware.identity import generic
    >>> generic("NVIDIA Graphics Device"), generic("Tesla T4")
    (True, False)
    """
    return not any(d.names_a_gpu for d in parse_device(device))


def _other_vendor(given: Iterable[DeviceName], own: Iterable[DeviceName]) -> bool:
    vendors_given = frozenset[str]().union(*(d.vendors for d in given))
    vendors_of_gpu = frozenset[str]().union(*(d.vendors for d in own))
    return bool(
        vendors_given and vendors_of_gpu and not vendors_given <= vendors_of_gpu
    )


def _fits(
    given: DeviceName,
    own: list[DeviceName],
    chip: str | None,
    architecture: str | None,
    memory_gib: float | None,
) -> bool:
    """Whether no part of a name contradicts the GPU."""
    if _other_vendor([given], own):
        return False
    if (
        given.generation
        and architecture
        and not architecture.lower().startswith(given.generation)
    ):
        return False
    of_chip = chip is not None and given.model == chip.lower()
    alike = own if of_chip else [o for o in own if _same_model(given, o)]
    if not alike:
        return False
    if not of_chip and not any(given.variants == o.variants for o in alike):
        return False
    forms = frozenset[str]().union(*(o.forms for o in own))
    if not all(_has_form(f, forms) for f in given.forms):
        return False
    sizes = {o.memory_gb for o in own if o.memory_gb is not None}
    if given.memory_gb is None:
        return True
    if sizes:
        return given.memory_gb in sizes
    if memory_gib is None:
        return True
    return _REPORTED[0] <= memory_gib / given.memory_gb <= _REPORTED[1]


def _same_model(given: DeviceName, own: DeviceName) -> bool:
    if not given.model:
        return False
    if given.model == own.model:
        return True
    return given.model in _FAMILIES and given.model in own.model


def _has_form(form: str, forms: frozenset[str]) -> bool:
    """Whether a GPU may have this form factor, by its names."""
    if form in forms:
        return True
    if form == "sxm":
        return any(f.startswith("sxm") for f in forms)
    # names do not hold the number of a board
    return re.fullmatch(r"pg\d+", form) is not None or (form == "pcie" and not forms)
