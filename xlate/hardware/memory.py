"""Whether work fits into a GPU's memory: the one place that compares need and have.

A profile says what the framework allocated for tensors. The card must hold more:
the CUDA context with its kernels takes 0.3 GiB since CUDA 11.7 and up to 1 GiB
before (PyTorch's issues 107667 and 28394), and an allocator leaves gaps, for
which a tenth of the need is assumed. A data sheet's figure is up to 8 % more than
the device reports (T4: 16 against 14.755 GiB, the widest gap in the catalogue).
"""

from __future__ import annotations

from dataclasses import dataclass

from xlate.hardware.values import Gpu

__all__ = ["GIB", "RESERVE", "MemoryFit", "memory_fit"]

GIB = 1024**3
#: GiB of a CUDA context: least and most
_CONTEXT_GIB = (0.3, 1.0)
#: share of the need that gaps between allocations may take on top (assumed)
_GAPS = 0.10
#: share by which a data sheet may name more memory than the device reports
_SHEET = 0.08
#: the reserve in words
RESERVE = (
    "reserve assumed: 0.3 to 1 GiB for the CUDA context (PyTorch issues 107667, 28394) "
    "and up to 10 % for gaps between allocations"
)


@dataclass(frozen=True)
class MemoryFit:
    """Need against have.

    Attributes
    ----------
    need_bytes : float or None
        Most memory that the work allocates; None where the profile does not say.
    have_bytes : float or None
        Memory of one GPU; None where the catalogue does not say.
    fits : str or None
        ``yes``, ``no`` or ``unsure`` (it depends on the reserve); None where need or
        have is not known.
    gpu : str
        Whose memory.

    Examples
    --------
    >>> from xlate import MemoryFit
    >>> MemoryFit(12e9, 16e9, "yes", "V100-SXM2-16GB").fits
    'yes'
    """

    need_bytes: float | None
    have_bytes: float | None
    fits: str | None
    gpu: str

    @property
    def text(self) -> str:
        """Need, have and whether it fits, in one line."""
        have = "not known" if self.have_bytes is None else _gib(self.have_bytes)
        if self.need_bytes is None:
            return f"need not known (the profile does not say), {self.gpu} has {have}"
        says = {"yes": "fits", "no": "does not fit", "unsure": "may not fit"}
        verdict = says[self.fits] if self.fits else "whether it fits is not known"
        return f"{verdict}: needs {_gib(self.need_bytes)}, {self.gpu} has {have}"

    @property
    def reason(self) -> str | None:
        """What to hold against an answer; None where memory is no doubt."""
        if self.fits not in ("no", "unsure"):
            return None
        return f"memory: {self.text} ({RESERVE})"

    def document(self) -> dict[str, object]:
        """The promised document."""
        return {
            "need_bytes": self.need_bytes,
            "have_bytes": self.have_bytes,
            "fits": self.fits,
        }


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
    >>> from xlate.catalog import catalogue
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


def _gib(n: float) -> str:
    return f"{n / GIB:.1f} GiB"
