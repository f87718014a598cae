"""Rent of a machine for an hour, and the cost of work on it.

An instance is rented as a unit. Work on one of its GPUs pays for all of them; the rent of
the share of the GPUs in use is a figure for comparison, and is named so.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from xlate.errors import CatalogError
from xlate.values.profile import Estimate

__all__ = ["STEPS", "Rent", "usd_per_h"]

#: dollars are given for this number of steps
STEPS = 1000


@dataclass(frozen=True)
class Rent:
    """Rent of an instance for an hour, and the part of it in use.

    Attributes
    ----------
    usd_per_h_instance : float
        Dollars per hour for the complete instance, which must be paid.
    gpus_in_instance, gpus_used : int
        Number of its GPUs, and number of those that the work runs on.
    region, date, kind : str
        Region, date and kind of the price.
    usd_per_kwh : float
        Price of electricity that is paid in addition: 0 for a rented machine, whose rent
        includes it; for an own machine the value of the settings, by default
        :data:`xlate.hardware.prices.USD_PER_KWH`.

    Raises
    ------
    CatalogError
        If the price is not a positive number, or the GPUs cannot be counted.

    Examples
    --------
    >>> from xlate import Rent
    >>> rent = Rent(12.24, 4, 1, "us-east-1", "2026-01-01", "on-demand")
    >>> rent.usd_per_h_instance * rent.gpus_used / rent.gpus_in_instance
    3.06
    """

    usd_per_h_instance: float
    gpus_in_instance: int
    gpus_used: int
    region: str
    date: str
    kind: str
    usd_per_kwh: float = 0.0

    def __post_init__(self) -> None:
        price = self.usd_per_h_instance
        if not (math.isfinite(price) and price > 0):
            raise CatalogError(
                f"a price of {price:g} $ per hour cannot be paid",
                "a price is more than 0; leave it out where nothing is paid",
                code="catalog.price",
            )
        if not 1 <= self.gpus_used <= self.gpus_in_instance:
            raise CatalogError(
                f"{self.gpus_used} of {self.gpus_in_instance} GPUs cannot be used",
                "check gpu_count of the instance",
                code="catalog.price",
            )

    @property
    def share(self) -> float:
        """Share of the instance's GPUs in use, 0 to 1."""
        return self.gpus_used / self.gpus_in_instance

    @property
    def usd_per_h_gpu_share(self) -> float:
        """Dollars per hour for the GPUs in use, as if they could be rented separately."""
        return self.usd_per_h_instance * self.share

    def for_steps(self, step_s: Estimate, steps: int = STEPS) -> Estimate:
        """Dollars for a number of steps on the complete instance.

        Parameters
        ----------
        step_s : Estimate
            Seconds of a step; its interval is kept.
        """
        return _times(step_s, self.usd_per_h_instance * steps / 3600)

    def of_share(self, usd: Estimate) -> Estimate:
        """The share of the GPUs in use, of dollars for the complete instance."""
        return _times(usd, self.share)

    def document(self) -> dict[str, object]:
        """The promised document: fields, and the share of the GPUs used."""
        return {**asdict(self), "usd_per_h_gpu_share": self.usd_per_h_gpu_share}


def usd_per_h(rent: float, power_w: Any, usd_per_kwh: float = 0.0) -> Any:
    """Dollars per hour for a machine, with electricity that is paid separately.

    Parameters
    ----------
    rent : float
        Dollars per hour for the complete instance.
    power_w : float or array
        Watts of the GPU in use; the power of the others is not known.
    usd_per_kwh : float
        Price of electricity; 0 where the rent includes it.
    """
    return rent + usd_per_kwh * power_w / 1000


def _times(e: Estimate, factor: float) -> Estimate:
    return Estimate(
        e.value * factor,
        None if e.low is None else e.low * factor,
        None if e.high is None else e.high * factor,
        e.level,
    )
