"""Shares of a run's device time by precision, and the precision that represents it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xlate.values.frozen import FrozenMap

__all__ = [
    "INTEGER",
    "MIXED",
    "NOT_KNOWN",
    "NO_ARITHMETIC",
    "NO_MIX",
    "TENSOR",
    "PrecisionMix",
    "dominant_precision",
    "format_of",
    "on_tensor_cores",
]

#: where neither the name of a kernel nor the types of its inputs show it
NOT_KNOWN = "not known"
#: copies, fills and communication between GPUs
NO_ARITHMETIC = "no arithmetic"
#: indices, masks and other integers; int8 products are ``int8``
INTEGER = "integer"
#: where no single precision represents a run
MIXED = "mixed"
#: end of a precision of tensor cores
TENSOR = "-tensor"
#: from this share of known kernel time on, tensor cores represent the run: elementwise
#: kernels and optimizers stay in fp32 where products are in fp16
_TENSOR_DECIDES = 0.2
#: share of the deciding time that one format must have
_MOST = 2 / 3
#: share of kernel time that must be known for a run to have a precision
_LEAST_KNOWN = 1 / 3
#: least share that is listed separately
_SHOWN = 0.01


def format_of(label: str) -> str:
    """Number format of a precision, without the suffix of tensor cores."""
    return label.removesuffix(TENSOR)


def on_tensor_cores(label: str) -> bool:
    """Whether a precision is one of tensor cores (matrix cores of AMD)."""
    return label.endswith(TENSOR)


@dataclass(frozen=True)
class PrecisionMix:
    """Shares of kernel time by precision.

    Attributes
    ----------
    shares : mapping of str to float
        Precision to its share of kernel time, largest first, :data:`NOT_KNOWN` among
        them; copies and communication are not part of the total. Empty where no kernel
        time was recorded by precision.
    copy_share : float
        Copies and communication, over all device time recorded by precision.

    Examples
    --------
    >>> from xlate.values.precision_mix import PrecisionMix
    >>> mix = PrecisionMix.of({"fp16-tensor": 60.0, "fp32": 20.0, "no arithmetic": 20.0})
    >>> mix.text
    'fp16-tensor 75 %, fp32 25 %'
    """

    shares: Mapping[str, float]
    copy_share: float = 0.0

    @classmethod
    def of(cls, precision_us: Mapping[str, float]) -> PrecisionMix:
        """From device time by precision, µs."""
        kernels = {
            p: t for p, t in precision_us.items() if p != NO_ARITHMETIC and t > 0
        }
        total_us, copies = sum(kernels.values()), precision_us.get(NO_ARITHMETIC, 0.0)
        if not total_us:
            return cls({}, 1.0 if copies else 0.0)
        order = sorted(kernels, key=lambda p: (-kernels[p], p))
        shares = {p: kernels[p] / total_us for p in order}
        return cls(shares, copies / (total_us + copies))

    @property
    def known_shares(self) -> dict[str, float]:
        """Shares of kernel time in floats, and in int8 and narrower products."""
        return {p: s for p, s in self.shares.items() if p not in (NOT_KNOWN, INTEGER)}

    @property
    def text(self) -> str:
        """One line for people; shares under one per cent are summed."""
        if not self.shares:
            return NOT_KNOWN
        shown = {p: s for p, s in self.shares.items() if s >= _SHOWN}
        parts = [f"{p} {100 * s:.0f} %" for p, s in shown.items()]
        if len(shown) < len(self.shares):
            parts.append(f"others {100 * (1 - sum(shown.values())):.1f} %")
        return ", ".join(parts)

    @property
    def dominant(self) -> str | None:
        """The format that represents the run; None where too little is known."""
        shares = self.known_shares
        total = sum(shares.values())
        if not total or total < _LEAST_KNOWN * (1 - self.shares.get(INTEGER, 0.0)):
            return None
        products = {p: s for p, s in shares.items() if on_tensor_cores(p)}
        deciding = (
            products if sum(products.values()) >= _TENSOR_DECIDES * total else shares
        )
        formats: dict[str, float] = {}
        for label, share in deciding.items():
            formats[format_of(label)] = formats.get(format_of(label), 0.0) + share
        first = max(formats, key=lambda f: (formats[f], f))
        return first if formats[first] >= _MOST * sum(formats.values()) else MIXED

    @property
    def program(self) -> str | None:
        """The format of the program's tensors; None where too little is known.

        Some GPUs multiply fp32 as TF32: on others the same program runs in fp32.
        """
        dominant = self.dominant
        return "fp32" if dominant == "tf32" else dominant


#: of a run whose kernels were not recorded by precision
NO_MIX = PrecisionMix(FrozenMap())


def dominant_precision(precision_us: Mapping[str, float]) -> str | None:
    """The precision that represents a run: that of its products, as far as known.

    Parameters
    ----------
    precision_us : mapping of str to float
        Device time by the precision of its kernels, µs (``Profile.precision_us``).

    Returns
    -------
    str or None
        ``fp32``, ``tf32``, ``fp16``, ``bf16``, ``fp8``, ``int8`` and so on,
        :data:`MIXED` where two share the products, None where two thirds of kernel time
        are in no known precision.

    Examples
    --------
    >>> from xlate.values.precision_mix import dominant_precision
    >>> dominant_precision({"fp16-tensor": 40.0, "fp32": 35.0, "fp16": 25.0})
    'fp16'
    """
    return PrecisionMix.of(precision_us).dominant
