"""Number formats that a GPU's tensor cores (AMD: matrix cores) multiply."""

from __future__ import annotations

import re
from collections.abc import Mapping

from xlate.hardware.values import Gpu

__all__ = ["NVIDIA", "multiplies"]

#: NVIDIA's architectures, old to new -> number formats of their tensor cores
NVIDIA: Mapping[str, frozenset[str]] = {
    "Fermi": frozenset(),
    "Kepler": frozenset(),
    "Maxwell": frozenset(),
    "Pascal": frozenset(),
    "Volta": frozenset({"fp16"}),
    "Turing": frozenset({"fp16", "int8", "int4"}),
    "Ampere": frozenset({"tf32", "fp16", "bf16", "int8", "int4"}),
    "Ada": frozenset({"tf32", "fp16", "bf16", "fp8", "int8", "int4"}),
    "Hopper": frozenset({"tf32", "fp16", "bf16", "fp8", "int8"}),
    "Blackwell": frozenset({"tf32", "fp16", "bf16", "fp8", "fp6", "fp4", "int8"}),
}
#: AMD's architectures -> number formats of their matrix cores; TF32 is called xf32
_AMD: Mapping[str, frozenset[str]] = {
    "GCN": frozenset(),
    "Vega": frozenset(),
    "RDNA": frozenset(),
    "RDNA2": frozenset(),
    "RDNA3": frozenset({"fp16", "bf16", "int8", "int4"}),
    "RDNA4": frozenset({"fp16", "bf16", "fp8", "int8", "int4"}),
    "CDNA": frozenset({"fp32", "fp16", "bf16", "int8"}),
    "CDNA2": frozenset({"fp64", "fp32", "fp16", "bf16", "int8"}),
    "CDNA3": frozenset({"fp64", "fp32", "tf32", "fp16", "bf16", "fp8", "int8"}),
    "CDNA4": frozenset({"fp64", "fp32", "fp16", "bf16", "fp8", "fp6", "fp4", "int8"}),
}
#: format -> fact of the catalogue that holds its peak rate on matrix units
_FACTS = {
    "fp64": "fp64_matrix_tflop_per_s",
    "fp32": "fp32_matrix_tflop_per_s",
    "tf32": "tf32_matrix_tflop_per_s",
    "bf16": "bf16_matrix_tflop_per_s",
    "fp8": "fp8_matrix_tflop_per_s",
    "int8": "int8_matrix_top_per_s",
}
#: Turing without tensor cores
_WITHOUT = re.compile(r"GTX ?-?16\d\d|\bMX4[05]0|\bT(?:400|500|550|600|1000)\b")


def multiplies(gpu: Gpu, number_format: str) -> bool | None:
    """Whether a GPU's tensor cores multiply a number format.

    Parameters
    ----------
    gpu : Gpu
    number_format : str
        ``tf32``, ``fp16``, ``bf16``, ``fp8``, ``int8`` and so on.

    Returns
    -------
    bool or None
        By the facts of the catalogue, else by the architecture; None where neither is
        known.

    Examples
    --------
    >>> from xlate.hardware.catalogue import catalogue
    >>> from xlate.hardware.precisions import multiplies
    >>> multiplies(catalogue().gpu("T4"), "tf32")
    False
    >>> multiplies(catalogue().gpu("A100-SXM4-40GB"), "tf32")
    True
    """
    if gpu.number(_FACTS.get(number_format, "")):
        return True
    if gpu.number("tensor_cores") == 0 or _WITHOUT.search(gpu.name):
        return False
    formats = {**NVIDIA, **_AMD}.get(gpu.architecture)
    if formats is None:
        return None
    # the architecture does not show which of NVIDIA's chips have fp64 tensor cores
    if number_format == "fp64" and gpu.architecture in (
        "Ampere",
        "Hopper",
        "Blackwell",
    ):
        return None
    return number_format in formats
