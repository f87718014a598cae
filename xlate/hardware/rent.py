"""Money: the one place where a price becomes dollars for work.

What one rents is a whole instance. Work on one of its GPUs pays for all of them;
the share of the GPUs used is a figure for comparison, and is named so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlate import settings
from xlate.hardware.values import Instance, Price
from xlate.values.rent import Rent

if TYPE_CHECKING:
    from xlate.hardware.catalogue import Catalogue

__all__ = ["USD_PER_KWH", "price_of", "rent_of_instance", "why_no_rent"]

#: list price of electricity, $/kWh, as in the hardware notes (D4), unless a setting says
#: another (``electricity_usd_per_kwh``)
USD_PER_KWH: float = settings.SETTINGS["electricity_usd_per_kwh"].default


def price_of(instance: Instance) -> Price | None:
    """The price that counts: the newest, of the region that the settings name.

    The region is that of a cloud: an own machine has its price everywhere. None
    where no price is known there; a price of another region is not what will be paid.
    """
    region = settings.current().region
    if region is None or instance.provider == "own":
        return instance.price
    there = [p for p in instance.prices if p.region == region]
    return max(there, key=lambda p: p.date) if there else None


def why_no_rent(instance: Instance, known: Catalogue) -> str:
    """Why there is no price, and which instance to name in place of a GPU."""
    if instance.price is not None:
        regions = ", ".join(sorted({p.region for p in instance.prices}))
        return (
            f"the catalogue has no price of {instance.name} in region "
            f"{settings.current().region}, only in {regions}"
        )
    if instance.gpu is None or instance.name in known.instances:
        return f"the catalogue has no price of {instance.name}"
    priced = [i for i in known.instances_with(instance.gpu) if price_of(i) is not None]
    holding = sorted(i.name for i in priced)
    named = f" (with this GPU and a price: {', '.join(holding)})" if holding else ""
    return f"{instance.name} is a GPU: what is rented is an instance{named}"


def rent_of_instance(instance: Instance, gpus_used: int = 1) -> Rent | None:
    """Rent of an instance (:func:`price_of`); None where no price is known.

    Raises
    ------
    CatalogError
        As the class.

    Examples
    --------
    >>> from xlate.hardware.catalogue import catalogue
    >>> rent_of_instance(catalogue().instance("p5.48xlarge")).gpus_in_instance
    8
    """
    price = price_of(instance)
    if price is None:
        return None
    electricity = settings.current().electricity_usd_per_kwh
    return Rent(
        price.usd_per_h, instance.gpu_count, gpus_used, price.region, price.date,
        price.kind, electricity if instance.provider == "own" else 0.0,
    )  # fmt: skip
