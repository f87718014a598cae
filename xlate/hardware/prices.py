"""The price of an instance: that of the region asked for, or why it is not known.

What work costs at that price is in :mod:`xlate.values.rent`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlate import settings
from xlate.hardware.values import Instance, Price
from xlate.values.rent import Rent

if TYPE_CHECKING:
    from xlate.hardware.catalogue import Catalogue

__all__ = ["USD_PER_KWH", "price_of", "rent_of_instance", "why_no_rent"]

#: list price of electricity, $/kWh, as in the hardware notes (D4), unless the setting
#: ``electricity_usd_per_kwh`` has another
USD_PER_KWH: float = settings.SETTINGS["electricity_usd_per_kwh"].default


def price_of(instance: Instance) -> Price | None:
    """The newest price of the region in the settings.

    The region is that of a cloud; the price of an own machine does not depend on it. None
    where no price of the region is known: a price of another region is not used.
    """
    region = settings.current().region
    if region is None or instance.provider == "own":
        return instance.price
    in_region = [p for p in instance.prices if p.region == region]
    return max(in_region, key=lambda p: p.date) if in_region else None


def why_no_rent(instance: Instance, catalogue: Catalogue) -> str:
    """Why there is no price, and which instances to name instead of a GPU."""
    if instance.price is not None:
        regions = ", ".join(sorted({p.region for p in instance.prices}))
        return (
            f"the catalogue has no price of {instance.name} in region "
            f"{settings.current().region}, only in {regions}"
        )
    if instance.gpu is None or instance.name in catalogue.instances:
        return f"the catalogue has no price of {instance.name}"
    priced = [
        i for i in catalogue.instances_with(instance.gpu) if price_of(i) is not None
    ]
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
        price.usd_per_h,
        instance.gpu_count,
        gpus_used,
        price.region,
        price.date,
        kind=price.kind,
        usd_per_kwh=electricity if instance.provider == "own" else 0.0,
    )
