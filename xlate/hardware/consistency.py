"""Facts of one GPU that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator

from xlate.hardware.values import Gpu

__all__ = ["of_gpu"]

#: fp32 peak over cores x 2 x highest clock. Every GPU of the catalogue is within 3 %;
#: data sheets of GPUs that issue two at once count them twice, and some give the peak at a
#: boost clock below the highest one
_PEAK = (0.6, 2.6)
#: legal clocks go above the boost clock of a data sheet: 24 % on consumer boards
_LEGAL = 1.4
#: TFLOP/s over TB/s: 10 to 106 in the catalogue; outside this one has another unit
_INTENSITY = (1.0, 1000.0)
_LANES = (4, 512)


def of_gpu(gpu: Gpu) -> Iterator[tuple[str, str]]:
    """Field and message of each contradiction."""
    yield from _powers(gpu)
    yield from _clocks(gpu)
    n = gpu.number
    cores, sms, clock = n("cuda_cores"), n("sm_count"), n("max_mhz")
    peak, bandwidth = n("fp32_tflop_per_s"), n("bandwidth_gb_per_s")
    if cores and sms and not (cores % sms == 0 and _LANES[0] <= cores / sms <= _LANES[1]):  # fmt: skip
        yield (
            "facts.cuda_cores",
            f"{cores:g} on {sms:g} SMs are {cores / sms:.4g} on each: "
            f"a whole number from {_LANES[0]} to {_LANES[1]} was expected",
        )
    if cores and clock and peak:
        expected = cores * 2 * clock / 1e6
        if not _PEAK[0] <= peak / expected <= _PEAK[1]:
            yield (
                "facts.fp32_tflop_per_s",
                f"{peak:g} contradicts cuda_cores and max_mhz, which make {expected:.3g} TFLOP/s",
            )
    if peak and bandwidth and not _INTENSITY[0] <= peak * 1e3 / bandwidth <= _INTENSITY[1]:  # fmt: skip
        yield (
            "facts.bandwidth_gb_per_s",
            f"{bandwidth:g} GB/s contradicts {peak:g} TFLOP/s: one of them has another unit",
        )
    for key in ("fp16_tflop_per_s", "fp32_matrix_tflop_per_s"):
        other = n(key)
        if peak and other and not 0.005 <= other / peak <= 200:
            yield f"facts.{key}", f"{other:g} contradicts fp32_tflop_per_s, {peak:g}"


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
