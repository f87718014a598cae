"""Peak rates at which a GPU multiplies, by the number format that a program asks for.

A program keeps its number format from GPU to GPU, its kernels do not: where tensor cores
lack a format, libraries multiply on the general units, and where they have it and the
recording GPU did not, they may use them. So a format has one rate where it was recorded
and one or several on another GPU.
"""

from __future__ import annotations

from xlate.hardware.precisions import NVIDIA, multiplies
from xlate.hardware.values import Gpu
from xlate.values.precision_mix import TENSOR, format_of, on_tensor_cores

__all__ = ["rates_elsewhere", "recorded_rate"]

#: formats that exist on tensor cores only -> the next wider one that a program can use
_WIDER = {"fp4": "fp6", "fp6": "fp8", "fp8": "bf16"}
_HALVES = frozenset({"fp16", "bf16"})


def recorded_rate(gpu: Gpu, label: str) -> float | None:
    """Peak of the units that a recorded kernel ran on.

    Parameters
    ----------
    gpu : Gpu
        The GPU that the kernel ran on.
    label : str
        Precision of the kernel (:mod:`xlate.values.kernel_precision`).

    Returns
    -------
    float or None
        TFLOP/s (integers: TOP/s), dense; None where the catalogue does not know it.

    Examples
    --------
    >>> from xlate.hardware.catalogue import catalogue
    >>> from xlate.hardware.product_rates import recorded_rate
    >>> recorded_rate(catalogue().gpu("A100-SXM4-40GB"), "tf32-tensor")
    156.0
    """
    if on_tensor_cores(label):
        return gpu.peak_tflop_per_s(label)
    return max(_general(gpu, format_of(label)), default=None)


def rates_elsewhere(gpu: Gpu, label: str, recorded_on: Gpu) -> tuple[float, ...]:
    """Peaks at which the program of a recorded kernel may multiply on another GPU.

    TF32 for fp32 is not among them: it depends on the framework and the operation.

    Parameters
    ----------
    gpu : Gpu
        The other GPU.
    label : str
        Precision of the kernel where it was recorded.
    recorded_on : Gpu
        What its tensor cores lack, those of ``gpu`` may take over.

    Returns
    -------
    tuple of float
        TFLOP/s (integers: TOP/s), ascending; empty where they are not known.

    Examples
    --------
    >>> from xlate.hardware.catalogue import catalogue
    >>> from xlate.hardware.product_rates import rates_elsewhere
    >>> v100, p100 = (catalogue().gpu(n) for n in ("V100-SXM2-16GB", "P100-PCIe-16GB"))
    >>> rates_elsewhere(p100, "fp16-tensor", v100)
    (9.5, 19.05)
    """
    number_format = format_of(label)
    if on_tensor_cores(label):
        return _from_tensor_cores(gpu, number_format, recorded_on)
    rates = set(_general(gpu, number_format))
    tensor = number_format + TENSOR
    used_there = number_format in _HALVES | {"fp64"}
    if used_there and not _multiplies(recorded_on, number_format):
        if _multiplies(gpu, number_format):
            peak = gpu.peak_tflop_per_s(tensor)
            rates = set() if peak is None else rates | {peak}
        elif multiplies(gpu, number_format) is None and number_format in _HALVES:
            return ()
    return tuple(sorted(rates))


def only_elsewhere(gpu: Gpu, label: str) -> bool:
    """Whether kernels of a precision exist, but cannot run on a GPU in any way.

    Examples
    --------
    >>> from xlate.hardware.catalogue import catalogue
    >>> from xlate.hardware.product_rates import only_elsewhere
    >>> only_elsewhere(catalogue().gpu("A100-SXM4-40GB"), "fp8-tensor")
    True
    """
    number_format = format_of(label)
    return number_format in _WIDER and multiplies(gpu, number_format) is False


def _from_tensor_cores(
    gpu: Gpu, number_format: str, recorded_on: Gpu
) -> tuple[float, ...]:
    peak = gpu.peak_tflop_per_s(number_format + TENSOR)
    has = multiplies(gpu, number_format)
    if has:
        rates = set() if peak is None else {peak}
        if number_format == "tf32":  # a program may have asked for it, or not
            rates |= (
                set() if _same_maker(gpu, recorded_on) else {*_general(gpu, "fp32")}
            )
        return tuple(sorted(rates))
    if has is None and number_format != "fp64":
        return ()
    if number_format in _WIDER:
        return _from_tensor_cores(gpu, _WIDER[number_format], recorded_on)
    return _general(gpu, number_format)


def _general(gpu: Gpu, number_format: str) -> tuple[float, ...]:
    """Rates of a format without tensor cores; fp32 also with those that keep it exact."""
    fp32 = gpu.peak_tflop_per_s("fp32")
    exact = gpu.peak_tflop_per_s("fp32-tensor")
    if fp32 is None:
        return ()
    if number_format in ("fp32", "tf32"):
        return (max(fp32, exact or 0.0),)
    if number_format == "fp64":
        fp64 = gpu.peak_tflop_per_s("fp64")
        return () if fp64 is None else (fp64,)
    if number_format == "fp16":
        # libraries convert to fp32 where halves are slower
        half = gpu.peak_tflop_per_s("fp16") or 0.0
        return (fp32, half) if half > fp32 else (fp32,)
    return (fp32,) if number_format == "bf16" else ()


def _multiplies(gpu: Gpu, number_format: str) -> bool:
    return multiplies(gpu, number_format) is True


def _same_maker(one: Gpu, other: Gpu) -> bool:
    """Whether both GPUs are NVIDIA's, or neither: AMD's libraries use no TF32 unasked."""
    return (one.architecture in NVIDIA) == (other.architecture in NVIDIA)
