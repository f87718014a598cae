"""The GPUs of the catalogue whose names are nearest to an unknown name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from xlate.hardware.device_name import parse_device
from xlate.hardware.naming import squash
from xlate.hardware.values import Gpu, Instance

if TYPE_CHECKING:
    from xlate.hardware.catalogue import Catalogue

__all__ = ["nearest_gpus", "nearest_text", "surest_first"]

_MOST = 3
#: least share of equal letters of two similar names
_ALIKE = 0.6


def nearest_gpus(device: str, gpus: Catalogue, most: int = _MOST) -> tuple[Gpu, ...]:
    """GPUs with names similar to that of a device, of its vendor where it is given.

    Parameters
    ----------
    device : str
        What a profiler or a driver printed.
    gpus : Catalogue
    most : int

    Examples
    --------
    >>> from xlate.hardware.catalogue import catalogue
    >>> [g.name for g in nearest_gpus("NVIDIA A100-SXM-64GB", catalogue())][0]
    'A100-SXM4-40GB'
    """
    given = parse_device(device)
    vendors = frozenset[str]().union(*(d.vendors for d in given))
    models = {d.model for d in given if d.model}
    names: dict[str, Gpu] = {}
    same: list[Gpu] = []
    for gpu in gpus.gpus.values():
        own = [p for n in (gpu.name, *gpu.aliases) for p in parse_device(n)]
        vendors_of_gpu = frozenset[str]().union(*(p.vendors for p in own))
        if vendors and vendors_of_gpu and not vendors & vendors_of_gpu:
            continue
        if models & {p.model for p in own}:
            same.append(gpu)
        names.update({squash(n): gpu for n in (gpu.name, *gpu.aliases)})
    wanted = squash(device)
    same.sort(
        key=lambda g: -difflib.SequenceMatcher(None, wanted, squash(g.name)).ratio()
    )
    alike = difflib.get_close_matches(wanted, names, 2 * most, _ALIKE)
    nearest = {g.name: g for g in [*same, *(names[n] for n in alike)]}
    return tuple(nearest.values())[:most]


def nearest_text(device: str, gpus: Catalogue) -> str:
    """``"; nearest to it: X (instances), Y"``; empty where no name is near."""
    listed = []
    for gpu in nearest_gpus(device, gpus):
        instances = [i.name for i in surest_first(gpus.instances_with(gpu))[:2]]
        listed.append(f"{gpu.name} ({', '.join(instances)})" if instances else gpu.name)
    return f"; nearest to it: {', '.join(listed)}" if listed else ""


def surest_first(instances: Iterable[Instance]) -> list[Instance]:
    """Instances sorted: first those with a price, then those with fewer GPUs.

    Examples
    --------
    >>> from xlate.hardware.catalogue import catalogue
    >>> [i.name for i in surest_first(catalogue().instances_with("L4"))][0]
    'g6.xlarge'
    """
    return sorted(instances, key=lambda i: (i.price is None, i.gpu_count, i.name))
