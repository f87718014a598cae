"""Legal graphics clocks in closed form.

NVIDIA drivers offer clocks on a fixed grid for each family; boards differ in
the first and the last clock. Rules and the dumps they were checked
against are in the hardware notes (D1).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from xlate.errors import CatalogError

__all__ = ["RULES", "legal_clocks"]

#: upper bound of any clock, MHz; it also limits the length of a list
MOST_MHZ = 10_000.0

#: k-th grid clock in MHz, before the floor that the driver reports
RULES: dict[str, Callable[[int], float]] = {
    "pascal": lambda k: 139.21875 + 12.65625 * k,
    "volta": lambda k: 135.0 + 7.5 * k,
    # 15 is a divisor of every floor seen (210, 300, 345), so the grid is 15 k
    "step15": lambda k: 15.0 * k,
}


def legal_clocks(rule: str, min_mhz: float | None, max_mhz: float) -> tuple[float, ...]:
    """Grid clocks between two bounds, both included, ascending.

    Parameters
    ----------
    rule : {"pascal", "volta", "step15"}
        Grid of the GPU family.
    min_mhz : float or None
        Lowest legal clock in MHz; None where it is not known, in which case
        the grid's own start is used (for ``step15``, 210 MHz, the lowest floor
        seen on any dumped board).
    max_mhz : float
        Highest legal clock in MHz.

    Returns
    -------
    tuple of float
        Clocks in MHz as the driver prints them (rounded down).

    Raises
    ------
    CatalogError
        If the rule is unknown, a bound cannot be a clock, or an end is not on its
        grid.
    """
    if rule not in RULES:
        raise CatalogError(
            f"unknown clock rule {rule!r}",
            f"one of {', '.join(sorted(RULES))}, list",
            code="catalog.clocks",
        )
    for bound in (max_mhz,) if min_mhz is None else (min_mhz, max_mhz):
        # written so that NaN, for which every comparison is false, is an error too
        if not 0 < bound <= MOST_MHZ:
            raise CatalogError(
                f"a clock must be a number in MHz from 0 to {MOST_MHZ:g}, got {bound!r}",
                code="catalog.clocks",
            )
    point = RULES[rule]
    low = min_mhz if min_mhz is not None else (210.0 if rule == "step15" else 0.0)
    clocks: list[float] = []
    k = 0
    while (mhz := math.floor(point(k))) <= max_mhz:
        if mhz >= low:
            clocks.append(float(mhz))
        k += 1
    if (
        not clocks
        or clocks[-1] != max_mhz
        or (min_mhz is not None and clocks[0] != min_mhz)
    ):
        raise CatalogError(
            f"clock range {min_mhz}…{max_mhz} MHz does not end on the {rule} grid",
            code="catalog.clocks",
        )
    return tuple(clocks)
