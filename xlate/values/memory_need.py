"""Memory that work needs, memory of a GPU, and whether it fits, as text and document."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GIB", "RESERVE", "MemoryFit"]

GIB = 1024**3
#: the reserve in words
RESERVE = (
    "reserve assumed: 0.3 to 1 GiB for the CUDA context (PyTorch issues 107667, 28394) "
    "and up to 10 % for gaps between allocations"
)


@dataclass(frozen=True)
class MemoryFit:
    """Memory that work needs, and memory of a GPU.

    Attributes
    ----------
    need_bytes : float or None
        Most memory that the work allocates; None where the profile does not hold it.
    have_bytes : float or None
        Memory of one GPU; None where the catalogue does not hold it.
    fits : str or None
        ``yes``, ``no`` or ``unsure`` (it depends on the reserve); None where one of the
        two is not known.
    gpu : str
        Name of the GPU.

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
        """Both amounts and whether it fits, in one line."""
        have = "not known" if self.have_bytes is None else _gib(self.have_bytes)
        if self.need_bytes is None:
            return f"need not known (the profile does not say), {self.gpu} has {have}"
        verdicts = {"yes": "fits", "no": "does not fit", "unsure": "may not fit"}
        verdict = verdicts[self.fits] if self.fits else "whether it fits is not known"
        return f"{verdict}: needs {_gib(self.need_bytes)}, {self.gpu} has {have}"

    @property
    def reason(self) -> str | None:
        """Reason to lower the confidence; None where memory is sufficient or not known."""
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


def _gib(n: float) -> str:
    return f"{n / GIB:.1f} GiB"
