"""The architecture of NVIDIA that a kernel was built for, or its vendor, by its name.

Libraries name it: ``volta_sgemm_128x64_nn``, ``cutlass_80_tensorop_…``,
``sm90_xmma_fprop_…``, ``nvjet_sm100_…``. Such a kernel runs on that architecture and on
later ones, where libraries may choose it too: a name is never too old for a GPU.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from xlate.hardware.values import Gpu

__all__ = ["newest", "other_vendor", "too_new"]

#: architectures -> the earliest and the latest compute capability of each, times ten
_CAPABILITIES: Mapping[str, tuple[int, int]] = {
    "Fermi": (20, 21),
    "Kepler": (30, 37),
    "Maxwell": (50, 53),
    "Pascal": (60, 62),
    "Volta": (70, 72),
    "Turing": (75, 75),
    "Ampere": (80, 88),
    "Ada": (89, 89),
    "Hopper": (90, 90),
    "Blackwell": (100, 121),
}
_BY_WORD = re.compile(
    r"(?<![a-z0-9])(maxwell|volta|turing|ampere|hopper|blackwell)_(?=[a-z0-9])"
)
_BY_NUMBER = re.compile(r"(?<![a-z0-9])(?:cutlass3?x?_|sm_?)(\d{2,3})(?![0-9])")
#: cuBLAS has these from Hopper on
_NVJET = re.compile(r"nvjet_")

#: calls of the host that one vendor's software alone has, and AMD's library of products
_CALLS_OF = {
    "AMD": re.compile(r"hip[A-Z]\w+$|hsa_[a-z]\w+$"),
    "NVIDIA": re.compile(r"cuda[A-Z]\w+$|cu[A-Z][a-z]\w+$"),
    "Intel": re.compile(r"ze[A-Z][a-z]\w+$"),
}
_TENSILE = re.compile(r"Cijk_")
#: how names of the other vendors' architectures begin
_ARCHITECTURES_OF = {"AMD": ("CDNA", "RDNA", "GCN"), "Intel": ("Xe",)}


def newest(names: Iterable[str]) -> str | None:
    """The kernel that was built for the newest architecture.

    Parameters
    ----------
    names : iterable of str
        Names of kernels; other names are skipped.

    Returns
    -------
    str or None
        None where no name shows its architecture.

    Examples
    --------
    >>> from xlate.hardware.kernel_architecture import newest
    >>> newest(["add", "volta_sgemm_128x64_nn", "sm80_xmma_gemm_f16f16"])
    'sm80_xmma_gemm_f16f16'
    """
    name = max(names, key=_built_for, default="")
    return name if _built_for(name) else None


def too_new(name: str, gpu: Gpu) -> str | None:
    """The architecture for which a kernel was built, where it is newer than a GPU's.

    Parameters
    ----------
    name : str
        Name of a kernel.
    gpu : Gpu

    Returns
    -------
    str or None
        None where the kernel may run, or the GPU's architecture is not listed.

    Examples
    --------
    >>> from xlate.hardware.catalogue import catalogue
    >>> from xlate.hardware.kernel_architecture import too_new
    >>> too_new("ampere_sgemm_128x64_nn", catalogue().gpu("T4"))
    'Ampere'
    >>> too_new("volta_sgemm_128x64_nn", catalogue().gpu("T4")) is None
    True
    """
    if gpu.architecture not in _CAPABILITIES:
        return None
    built = _built_for(name)
    if built <= _CAPABILITIES[gpu.architecture][1]:
        return None
    return [a for a, (first, _) in _CAPABILITIES.items() if first <= built][-1]


def other_vendor(
    kernels: Iterable[str], calls: Iterable[str], gpu: Gpu
) -> tuple[str, str] | None:
    """A call or a kernel that another vendor's GPU ran, and that vendor.

    Parameters
    ----------
    kernels, calls : iterable of str
        Names of kernels, and of calls of the host.
    gpu : Gpu

    Returns
    -------
    tuple of (str, str) or None
        None where no name shows a vendor, they show several, or it is the GPU's.

    Examples
    --------
    >>> from xlate.hardware.catalogue import catalogue
    >>> from xlate.hardware.kernel_architecture import other_vendor
    >>> other_vendor([], ["hipLaunchKernel"], catalogue().gpu("T4"))
    ('hipLaunchKernel', 'AMD')
    >>> other_vendor([], ["cudaLaunchKernel"], catalogue().gpu("T4")) is None
    True
    """
    shown: dict[str, str] = {}
    for kernel in kernels:
        if _built_for(kernel):
            shown.setdefault("NVIDIA", kernel)
        elif _TENSILE.match(kernel):
            shown.setdefault("AMD", kernel)
    for call in calls:
        for vendor, pattern in _CALLS_OF.items():
            if pattern.match(call):
                shown.setdefault(vendor, call)
    own = _vendor(gpu)
    if own is None or len(shown) != 1 or own in shown:
        return None
    ((vendor, name),) = shown.items()
    return name, vendor


def _vendor(gpu: Gpu) -> str | None:
    if gpu.architecture in _CAPABILITIES:
        return "NVIDIA"
    of = (v for v, a in _ARCHITECTURES_OF.items() if gpu.architecture.startswith(a))
    return next(of, None)


def _built_for(name: str) -> int:
    """Compute capability times ten from which on a kernel runs; 0 where not known."""
    lower = name.lower()
    if by_number := _BY_NUMBER.search(lower):
        return int(by_number[1])
    if by_word := _BY_WORD.search(lower):
        return _CAPABILITIES[by_word[1].capitalize()][0]
    return _CAPABILITIES["Hopper"][0] if _NVJET.match(lower) else 0
