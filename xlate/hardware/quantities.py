"""The facts of the catalogue, their units and their ranges.

The ranges contain every board sold since 2006 and leave room for some years, but are
narrow enough that a value in a wrong unit (TB/s for GB/s, GFLOP/s for TFLOP/s,
MiB for GiB, mW for W) lies outside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = [
    "GPU_FACTS",
    "INSTANCE_FACTS",
    "PRICE_KINDS",
    "UNKNOWN",
    "USD_PER_H",
    "Quantity",
    "shown",
]

#: placeholder of a template for a value that has not been filled in
UNKNOWN = "?"


@dataclass(frozen=True)
class Quantity:
    """Kind, unit and range of a fact.

    Attributes
    ----------
    kind : {"number", "count", "flag", "choice"}
    about : str
        Description for the template.
    unit : str
        Empty for flags, choices and plain counts.
    low, high : float
        Range of numbers and counts, both bounds included.
    choices : tuple of str
        Possible values of a choice.
    """

    kind: str
    about: str
    unit: str = ""
    low: float = 0.0
    high: float = 0.0
    choices: tuple[str, ...] = ()

    @property
    def wanted(self) -> str:
        """The condition on a value, as text."""
        if self.kind == "choice":
            return f"must be one of {', '.join(self.choices)}"
        if self.kind == "flag":
            return "must be true or false"
        form = "a whole number" if self.kind == "count" else "a number"
        unit = f" in {self.unit}" if self.unit else ""
        return f"must be {form}{unit} from {self.low:g} to {self.high:g}"

    def fault_of(self, value: object) -> str | None:
        """Why a value is not possible; None where it is."""
        return None if self._holds(value) else f"{self.wanted}, got {shown(value)}"

    def _holds(self, value: object) -> bool:
        if self.kind == "choice":
            return value in self.choices if isinstance(value, str) else False
        if self.kind == "flag":
            return isinstance(value, bool)
        # a bool is an int in Python, and True must not pass for 1
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        integral = self.kind != "count" or (
            isinstance(value, int) or (math.isfinite(value) and value == int(value))
        )
        return integral and self.low <= value <= self.high


def shown(value: object) -> str:
    """A value of a TOML file for a message, cut where it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to print integers of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= 60 else text[:57] + "..."


_MHZ = ("MHz", 50, 6000)
_WATT = ("W", 1, 5000)

GPU_FACTS: dict[str, Quantity] = {
    "set_clock": Quantity(
        "choice",
        "how the core clock is set: locked (NVIDIA, Volta and newer), application "
        "(NVIDIA before that), sysfs (Jetson, AMD)",
        choices=("application", "locked", "sysfs"),
    ),
    "energy_counter": Quantity("flag", "whether the board counts energy"),
    "dcgm_profiling": Quantity("flag", "whether DCGM reports activities of it"),
    "sm_count": Quantity(
        "count", "streaming multiprocessors (compute units of AMD)", "", 1, 1024
    ),
    "cuda_cores": Quantity(
        "count", "fp32 lanes (CUDA cores, stream processors)", "", 8, 200_000
    ),
    "schedulers_per_sm": Quantity("count", "warp schedulers of one SM", "", 1, 16),
    "process_nm": Quantity("number", "size of the process it is made in", "nm", 1, 130),
    "base_mhz": Quantity("number", "base clock", *_MHZ),
    "max_mhz": Quantity("number", "highest (boost) clock", *_MHZ),
    "boost_mhz": Quantity(
        "number",
        "boost clock of the data sheet, where legal clocks end elsewhere",
        *_MHZ,
    ),
    "default_application_mhz": Quantity(
        "number", "clock the driver sets by default", *_MHZ
    ),
    "bandwidth_gb_per_s": Quantity(
        "number", "peak memory bandwidth", "GB/s", 10, 100_000
    ),
    "memory_bus_bits": Quantity("count", "width of the memory bus", "bits", 32, 65_536),
    "memory_gbit_per_s": Quantity(
        "number", "rate of one memory pin", "Gbit/s", 0.1, 64
    ),
    "l2_mib": Quantity("number", "second-level cache of one GPU", "MiB", 0.05, 2048),
    "tensor_cores": Quantity(
        "count",
        "matrix units of any vendor (tensor cores); 0 where it has none",
        "",
        0,
        10_000,
    ),
    "fp64_tflop_per_s": Quantity(
        "number", "peak fp64 without matrix units", "TFLOP/s", 0.001, 1500
    ),
    "fp64_matrix_tflop_per_s": Quantity(
        "number", "peak fp64 of matrix units", "TFLOP/s", 0.05, 5000
    ),
    "fp32_tflop_per_s": Quantity(
        "number", "peak fp32 without matrix units", "TFLOP/s", 0.05, 1500
    ),
    "fp32_matrix_tflop_per_s": Quantity(
        "number", "peak fp32 of matrix units at full precision", "TFLOP/s", 0.05, 5000
    ),
    "tf32_matrix_tflop_per_s": Quantity(
        "number", "peak TF32 of matrix units, dense", "TFLOP/s", 0.05, 10_000
    ),
    "fp16_vector_tflop_per_s": Quantity(
        "number", "peak fp16 without matrix units", "TFLOP/s", 0.005, 5000
    ),
    "fp16_tflop_per_s": Quantity(
        "number",
        "peak fp16, with matrix units where there are any, dense, sums in fp32",
        "TFLOP/s",
        0.005,
        50_000,
    ),
    "bf16_matrix_tflop_per_s": Quantity(
        "number",
        "peak bf16 of matrix units, dense, sums in fp32",
        "TFLOP/s",
        0.05,
        50_000,
    ),
    "fp8_matrix_tflop_per_s": Quantity(
        "number",
        "peak fp8 of matrix units, dense, sums in fp32",
        "TFLOP/s",
        0.05,
        100_000,
    ),
    "int8_matrix_top_per_s": Quantity(
        "number", "peak int8 of matrix units, dense", "TOP/s", 0.05, 100_000
    ),
    "gpu_link_gb_per_s": Quantity(
        "number",
        "links from this GPU to others (NVLink, Infinity Fabric), both directions summed",
        "GB/s",
        1,
        20_000,
    ),
    "host_link_gb_per_s": Quantity(
        "number",
        "link to the host (PCIe or NVLink-C2C), one direction",
        "GB/s",
        0.1,
        2000,
    ),
    # the largest in the catalogue is 288 GiB
    "memory_gib": Quantity("number", "memory of one GPU", "GiB", 0.25, 512),
    "tdp_w": Quantity("number", "thermal design power of the board", *_WATT),
    "power_limit_min_w": Quantity("number", "lowest power limit it accepts", *_WATT),
    "power_limit_max_w": Quantity("number", "highest power limit it accepts", *_WATT),
}

INSTANCE_FACTS: dict[str, Quantity] = {
    "gpu_count": Quantity("count", "GPUs in one instance", "", 1, 1024),
    "vcpus": Quantity("count", "virtual CPUs", "", 1, 8192),
    "host_memory_gib": Quantity("number", "memory of the host", "GiB", 0.25, 131_072),
}

#: rent of a complete instance; the bounds exclude 0 and wrong units
USD_PER_H = Quantity("number", "rent of the whole instance", "$ per hour", 1e-4, 10_000)

PRICE_KINDS = ("on-demand", "spot", "reserved", "capacity-block", "own")
