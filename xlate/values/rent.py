"""What an hour on a machine costs, and what follows for work on it.

What one rents is a whole instance. Work on one of its GPUs pays for all of them;
the share of the GPUs used is a figure for comparison, and is named so.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from xlate.errors import CatalogError
from xlate.values.profile import Estimate

__all__ = ["STEPS", "Rent", "usd_per_h"]

#: dollars are said for this number of steps
STEPS = 1000


@dataclass(frozen=True)
class Rent:
    """What an hour on an instance costs, and how much of it is used.

    Attributes
    ----------
    usd_per_h_instance : float
        Dollars an hour for the whole instance: what must be paid.
    gpus_in_instance, gpus_used : int
        How many GPUs it has, and how many of them the work runs on.
    region, date, kind : str
        Where, when and how the price was asked for.
    usd_per_kwh : float
        Price of electricity that is paid on top of it: 0 for a machine that somebody
        rents out, whose rent includes it; for one's own what the settings say,
        :data:`xlate.hardware.rent.USD_PER_KWH` by default.

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
        """Part of the instance's GPUs that is used, 0 to 1."""
        return self.gpus_used / self.gpus_in_instance

    @property
    def usd_per_h_gpu_share(self) -> float:
        """Dollars an hour of the GPUs used, as if they could be rented alone."""
        return self.usd_per_h_instance * self.share

    def for_steps(self, step_s: Estimate, steps: int = STEPS) -> Estimate:
        """Dollars of the whole instance for a number of steps.

        Parameters
        ----------
        step_s : Estimate
            Seconds a step; its interval is kept.
        """
        return _times(step_s, self.usd_per_h_instance * steps / 3600)

    def of_share(self, usd: Estimate) -> Estimate:
        """Of dollars for the whole instance, the share of the GPUs used."""
        return _times(usd, self.share)

    def document(self) -> dict[str, object]:
        """The promised document: fields, and the share of the GPUs used."""
        return {**asdict(self), "usd_per_h_gpu_share": self.usd_per_h_gpu_share}


def usd_per_h(rent: float, power_w: Any, usd_per_kwh: float = 0.0) -> Any:
    """Dollars an hour of a machine, with the electricity that is paid apart.

    Parameters
    ----------
    rent : float
        Dollars an hour of the whole instance.
    power_w : float or array
        Watts of the GPU used; that of the others is not known.
    usd_per_kwh : float
        What electricity costs on top; 0 where the rent includes it.
    """
    return rent + usd_per_kwh * power_w / 1000


def _times(e: Estimate, factor: float) -> Estimate:
    return Estimate(
        e.value * factor,
        None if e.low is None else e.low * factor,
        None if e.high is None else e.high * factor,
        e.level,
    )
