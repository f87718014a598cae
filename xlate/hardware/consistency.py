"""Facts of one GPU that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator

from xlate.hardware.values import Gpu

__all__ = ["of_gpu"]

#: fp32 peak over cores x 2 x highest clock. Every GPU of the catalogue is within 3 %;
#: data sheets of GPUs with dual issue count operations twice, and some give the peak at a
#: boost clock below the highest one
_PEAK = (0.6, 2.6)
#: the same at the boost clock of a data sheet, without and with dual issue
_BOOST = ((0.93, 1.07), (1.86, 2.14))
#: rounding of data sheets: bandwidth against bus and rate, peaks against each other
_ROUNDED = 0.03
#: legal clocks go above the boost clock of a data sheet: 24 % on consumer boards
_LEGAL = 1.4
#: TFLOP/s over TB/s: 10 to 106 in the catalogue; outside this range a unit is wrong
_INTENSITY = (1.0, 1000.0)
_LANES = (4, 512)
#: seconds to read the whole memory once: 0.014 to 0.50 in the catalogue
_READ_S = (0.004, 1.0)


def of_gpu(gpu: Gpu) -> Iterator[tuple[str, str]]:
    """Field and message of each contradiction."""
    yield from _powers(gpu)
    yield from _clocks(gpu)
    yield from _memory(gpu)
    yield from _precisions(gpu)
    n = gpu.number
    cores, sms, clock = n("cuda_cores"), n("sm_count"), n("max_mhz")
    peak, bandwidth = n("fp32_tflop_per_s"), n("bandwidth_gb_per_s")
    if (
        cores
        and sms
        and not (cores % sms == 0 and _LANES[0] <= cores / sms <= _LANES[1])
    ):
        yield (
            "facts.cuda_cores",
            f"{cores:g} on {sms:g} SMs are {cores / sms:.4g} on each: "
            f"a whole number from {_LANES[0]} to {_LANES[1]} was expected",
        )
    boost = n("boost_mhz")
    if cores and peak and (boost or clock):
        expected = cores * 2 * (boost or clock or 0.0) / 1e6
        allowed = _BOOST if boost else (_PEAK,)
        if not any(low <= peak / expected <= high for low, high in allowed):
            named = "boost_mhz" if boost else "max_mhz"
            yield (
                "facts.fp32_tflop_per_s",
                f"{peak:g} contradicts cuda_cores and {named}, which make {expected:.3g} TFLOP/s",
            )
    if (
        peak
        and bandwidth
        and not _INTENSITY[0] <= peak * 1e3 / bandwidth <= _INTENSITY[1]
    ):
        yield (
            "facts.bandwidth_gb_per_s",
            f"{bandwidth:g} GB/s contradicts {peak:g} TFLOP/s: one of them has another unit",
        )
    for key in ("fp16_tflop_per_s", "fp32_matrix_tflop_per_s"):
        other = n(key)
        if peak and other and not 0.005 <= other / peak <= 200:
            yield f"facts.{key}", f"{other:g} contradicts fp32_tflop_per_s, {peak:g}"


def _memory(gpu: Gpu) -> Iterator[tuple[str, str]]:
    bits, rate = gpu.number("memory_bus_bits"), gpu.number("memory_gbit_per_s")
    bandwidth = gpu.number("bandwidth_gb_per_s")
    if bits and rate and bandwidth:
        expected = bits * rate / 8
        if abs(bandwidth / expected - 1) > _ROUNDED:
            yield (
                "facts.bandwidth_gb_per_s",
                f"{bandwidth:g} contradicts memory_bus_bits and memory_gbit_per_s, which "
                f"make {expected:.4g} GB/s",
            )
    memory = gpu.number("memory_gib")
    if memory and bandwidth:
        seconds = memory * 2**30 / (bandwidth * 1e9)
        if not _READ_S[0] <= seconds <= _READ_S[1]:
            yield (
                "facts.memory_gib",
                f"{memory:g} GiB contradicts bandwidth_gb_per_s, {bandwidth:g}: reading all "
                f"of it would take {seconds:.2g} s, {_READ_S[0]:g} to {_READ_S[1]:g} s was expected",
            )


#: pairs of dense peaks of which the first is at most the second
_AT_MOST = (
    ("fp64_tflop_per_s", "fp32_tflop_per_s"),
    ("fp64_tflop_per_s", "fp64_matrix_tflop_per_s"),
    ("fp32_tflop_per_s", "fp32_matrix_tflop_per_s"),
    ("fp16_vector_tflop_per_s", "fp16_tflop_per_s"),
    ("tf32_matrix_tflop_per_s", "fp16_tflop_per_s"),
    ("bf16_matrix_tflop_per_s", "fp16_tflop_per_s"),
    ("fp16_tflop_per_s", "fp8_matrix_tflop_per_s"),
)
_OF_MATRIX_UNITS = (
    "fp64_matrix_tflop_per_s", "fp32_matrix_tflop_per_s", "tf32_matrix_tflop_per_s",
    "bf16_matrix_tflop_per_s", "fp8_matrix_tflop_per_s", "int8_matrix_top_per_s",
)  # fmt: skip


def _precisions(gpu: Gpu) -> Iterator[tuple[str, str]]:
    """Contradictions between peaks of different precisions."""
    n = gpu.number
    for less, more in _AT_MOST:
        low, high = n(less), n(more)
        if low and high and low > high * (1 + _ROUNDED):
            yield f"facts.{less}", f"{low:g} is above {more}, {high:g}"
    units, sms = n("tensor_cores"), n("sm_count")
    if units == 0:
        for key in _OF_MATRIX_UNITS:
            if n(key):
                yield f"facts.{key}", "is given, but tensor_cores is 0"
        plain, fp16 = n("fp16_vector_tflop_per_s"), n("fp16_tflop_per_s")
        if plain and fp16 and abs(fp16 / plain - 1) > _ROUNDED:
            yield (
                "facts.fp16_tflop_per_s",
                f"{fp16:g} is not fp16_vector_tflop_per_s, {plain:g}, but tensor_cores is 0",
            )
    elif units and sms and units % sms:
        yield "facts.tensor_cores", f"{units:g} cannot be shared by {sms:g} SMs"


def _powers(gpu: Gpu) -> Iterator[tuple[str, str]]:
    low, high, tdp = (
        gpu.number(k) for k in ("power_limit_min_w", "power_limit_max_w", "tdp_w")
    )
    if low and high and low > high:
        yield (
            "facts.power_limit_min_w",
            f"{low:g} W is above power_limit_max_w, {high:g} W",
        )
    if low and tdp and low > tdp:
        yield "facts.power_limit_min_w", f"{low:g} W is above tdp_w, {tdp:g} W"
    if high and tdp and not 0.5 <= high / tdp <= 3:
        yield (
            "facts.power_limit_max_w",
            f"{high:g} W is not near tdp_w, {tdp:g} W",
        )


def _clocks(gpu: Gpu) -> Iterator[tuple[str, str]]:
    highest = gpu.number("max_mhz")
    if not highest:
        return
    for key in ("base_mhz", "default_application_mhz"):
        value = gpu.number(key)
        if value and value > highest:
            yield f"facts.{key}", f"{value:g} MHz is above max_mhz, {highest:g} MHz"
    for k, clocks in enumerate(gpu.clocks):
        top = clocks.graphics_mhz[-1]
        if top > _LEGAL * highest:
            yield (
                f"clocks[{k}]",
                f"goes up to {top:g} MHz, far above max_mhz, {highest:g} MHz",
            )
    if gpu.clocks and (top := gpu.legal_mhz()[-1]) < highest / _LEGAL:
        yield (
            "clocks",
            f"stop at {top:g} MHz at the highest memory clock, far below max_mhz, {highest:g} MHz",
        )
