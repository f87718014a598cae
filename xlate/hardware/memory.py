"""Whether work fits into a GPU's memory: what it needs against what the GPU has.

A profile holds the memory that the framework allocated for tensors. A GPU needs more:
the CUDA context with its kernels takes 0.3 GiB since CUDA 11.7 and up to 1 GiB
before (PyTorch's issues 107667 and 28394), and an allocator leaves gaps, for
which a tenth of the need is assumed. A data sheet's figure is up to 8 % more than
the device reports (T4: 16 against 14.755 GiB, the widest gap in the catalogue).
"""

from __future__ import annotations

from xlate.hardware.values import Gpu
from xlate.values.memory_need import GIB, MemoryFit

__all__ = ["memory_fit"]

#: GiB of a CUDA context: least and most
_CONTEXT_GIB = (0.3, 1.0)
#: share of the need that gaps between allocations may take on top (assumed)
_GAPS = 0.10
#: share by which a data sheet may name more memory than the device reports
_SHEET = 0.08


def memory_fit(
    gpu: Gpu, need_bytes: float | None, least_bytes: float | None = None
) -> MemoryFit:
    """Whether work fits into a GPU.

    Parameters
    ----------
    gpu : Gpu
        Of the catalogue.
    need_bytes : float or None
        Most that the work allocates on one GPU.
    least_bytes : float, optional
        Least that it allocates, where ``need_bytes`` is an upper bound.

    Examples
    --------
    >>> from xlate.hardware.catalogue import catalogue
    >>> memory_fit(catalogue().gpu("V100-SXM2-16GB"), 30 * GIB).fits
    'no'
    """
    fact = gpu.facts.get("memory_gib")
    have = None if fact is None else float(fact.value) * GIB
    if need_bytes is None or fact is None or have is None:
        return MemoryFit(need_bytes, have, None, gpu.name)
    least = need_bytes if least_bytes is None else least_bytes
    surely = have if fact.standing == "D" else have * (1 - _SHEET)
    if least + _CONTEXT_GIB[0] * GIB > have:
        fits = "no"
    elif need_bytes * (1 + _GAPS) + _CONTEXT_GIB[1] * GIB <= surely:
        fits = "yes"
    else:
        fits = "unsure"
    return MemoryFit(need_bytes, have, fits, gpu.name)
