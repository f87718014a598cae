"""Values of the catalogue: facts, clock lists, prices, GPUs, instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xlate.errors import CatalogError
from xlate.values.frozen import FrozenMap

__all__ = ["PEAKS", "ClockList", "Fact", "Gpu", "Instance", "Price"]

#: precision of arithmetic, as :mod:`xlate.values.kernel_precision` names it -> fact
PEAKS = {
    "fp64": "fp64_tflop_per_s",
    "fp64-tensor": "fp64_matrix_tflop_per_s",
    "fp32": "fp32_tflop_per_s",
    "fp32-tensor": "fp32_matrix_tflop_per_s",
    "tf32-tensor": "tf32_matrix_tflop_per_s",
    "fp16": "fp16_vector_tflop_per_s",
    "fp16-tensor": "fp16_tflop_per_s",
    "bf16-tensor": "bf16_matrix_tflop_per_s",
    "fp8-tensor": "fp8_matrix_tflop_per_s",
    "int8-tensor": "int8_matrix_top_per_s",
}


@dataclass(frozen=True)
class Fact:
    """One figure with its provenance."""

    value: float | int | str | bool
    standing: str
    source: str


@dataclass(frozen=True)
class ClockList:
    """Legal graphics clocks at one memory clock.

    Attributes
    ----------
    memory_mhz : float or None
        Memory clock of the list; None where the board has one memory clock.
    graphics_mhz : tuple of float
        Legal graphics clocks in MHz, ascending.
    floor_known : bool
        False where no dump shows the lowest clock; the list then starts at the lowest
        clock of the family.
    """

    memory_mhz: float | None
    graphics_mhz: tuple[float, ...]
    floor_known: bool
    standing: str
    source: str


@dataclass(frozen=True)
class Price:
    """Rent for an hour, in a region, on a date."""

    usd_per_h: float
    region: str
    date: str
    kind: str
    standing: str
    source: str


@dataclass(frozen=True)
class Gpu:
    """Facts of one GPU (per GPU, not per board).

    Attributes
    ----------
    name : str
        Name in the catalogue.
    architecture : str
        Generation: ``Ampere``, ``CDNA3``.
    aliases : tuple of str
        Other names, of drivers and people.
    facts : mapping of str to Fact
        Known figures (:mod:`xlate.hardware.quantities`).
    clocks : tuple of ClockList
        Legal clocks; empty where they are not known.
    """

    name: str
    architecture: str
    aliases: tuple[str, ...]
    facts: Mapping[str, Fact]
    clocks: tuple[ClockList, ...]
    note: str | None = None
    #: name of the chip, which several boards share: GA100, gfx942
    chip: str | None = None

    def __post_init__(self) -> None:
        """Copy the facts into a map that cannot be changed and can be pickled."""
        object.__setattr__(self, "facts", FrozenMap(self.facts))

    def number(self, key: str) -> float | None:
        """Value of a numeric fact; None where it is not known."""
        fact = self.facts.get(key)
        return None if fact is None else float(fact.value)

    def peak_tflop_per_s(self, precision: str) -> float | None:
        """Peak of arithmetic in a precision, dense, TFLOP/s (int8: TOP/s).

        Parameters
        ----------
        precision : str
            ``fp64``, ``fp32``, ``fp16``; with matrix units ``fp64-tensor``,
            ``fp32-tensor``, ``tf32-tensor``, ``fp16-tensor``, ``bf16-tensor``,
            ``fp8-tensor``, ``int8-tensor``.

        Returns
        -------
        float or None
            None where it is not known, or the GPU has no such units.

        Examples
        --------
        >>> from xlate.hardware.catalogue import catalogue
        >>> catalogue().gpu("A100-SXM4-40GB").peak_tflop_per_s("tf32-tensor")
        156.0
        >>> catalogue().gpu("P100-PCIe-16GB").peak_tflop_per_s("fp16-tensor") is None
        True
        """
        key = PEAKS.get(precision)
        if key is None:
            return None
        # the only fact that holds the rate without matrix units where there are none
        if precision == "fp16-tensor" and not self.number("tensor_cores"):
            return None
        return self.number(key)

    @property
    def limit_w(self) -> float | None:
        """Most that the board may draw: its highest power limit, else its TDP."""
        return self.number("power_limit_max_w") or self.number("tdp_w")

    @property
    def set_clock(self) -> str:
        """How the core clock is set: ``application``, ``locked``, ``sysfs`` or ``unknown``."""
        fact = self.facts.get("set_clock")
        return "unknown" if fact is None else str(fact.value)

    def legal_mhz(self, memory_mhz: float | None = None) -> tuple[float, ...]:
        """Legal graphics clocks in MHz at a memory clock (default: the highest).

        Raises
        ------
        CatalogError
            If no list is known, or no list for that memory clock.
        """
        if not self.clocks:
            raise CatalogError(
                f"no legal clocks are known for {self.name}",
                "paste the output of nvidia-smi -q -d SUPPORTED_CLOCKS into the catalogue",
                code="catalog.clocks",
            )
        if memory_mhz is None:
            return max(self.clocks, key=lambda c: c.memory_mhz or 0.0).graphics_mhz
        for clocks in self.clocks:
            if clocks.memory_mhz == memory_mhz:
                return clocks.graphics_mhz
        memory_clocks = ", ".join(
            f"{c.memory_mhz:g}" for c in self.clocks if c.memory_mhz
        )
        raise CatalogError(
            f"{self.name} has no clock list for memory clock {memory_mhz:g} MHz",
            f"one of {memory_clocks}",
            code="catalog.clocks",
        )


@dataclass(frozen=True)
class Instance:
    """A type of machine to rent or own."""

    name: str
    provider: str
    aliases: tuple[str, ...]
    gpu: Gpu | None
    gpu_count: int
    prices: tuple[Price, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    note: str | None = None

    def __post_init__(self) -> None:
        """Copy the facts into a map that cannot be changed and can be pickled."""
        object.__setattr__(self, "facts", FrozenMap(self.facts))

    @property
    def price(self) -> Price | None:
        """The newest price; None where no price is known."""
        return max(self.prices, key=lambda p: p.date) if self.prices else None

    def require_gpu(self) -> Gpu:
        """The GPU of this instance.

        Raises
        ------
        CatalogError
            If the instance has no GPU.
        """
        if self.gpu is None:
            raise CatalogError(
                f"{self.name} has no GPU",
                "choose an instance that has one",
                code="catalog.no-gpu",
            )
        return self.gpu
