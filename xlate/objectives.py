"""What a good clock minimises: one class an objective, one verb."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlate.errors import UnknownNameError, XlateError
from xlate.values.rent import usd_per_h

__all__ = ["OBJECTIVES", "Cost", "Ed2p", "Edp", "Energy", "Objective", "make_objective"]

Floats = NDArray[np.float64]


class Objective:
    """Something to minimise over clocks."""

    name: str

    def log_score(self, time: Floats, power: Floats) -> Floats:
        """Logarithm of the score; lower is better.

        Parameters
        ----------
        time, power : array
            Seconds and watts, or both relative to one clock, of any shape.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Edp(Objective):
    """Energy × time (Horowitz and others, 1994): power × time²."""

    name: str = "edp"

    def log_score(self, time: Floats, power: Floats) -> Floats:
        """See the base class."""
        return np.asarray(np.log(power) + 2 * np.log(time))


@dataclass(frozen=True)
class Ed2p(Objective):
    """Energy × time², which does not change with the supply voltage: power × time³."""

    name: str = "ed2p"

    def log_score(self, time: Floats, power: Floats) -> Floats:
        """See the base class."""
        return np.asarray(np.log(power) + 3 * np.log(time))


@dataclass(frozen=True)
class Energy(Objective):
    """Energy: power × time."""

    name: str = "energy"

    def log_score(self, time: Floats, power: Floats) -> Floats:
        """See the base class."""
        return np.asarray(np.log(power) + np.log(time))


@dataclass(frozen=True)
class Cost(Objective):
    """Dollars: rent, and electricity where it is paid apart, over the time it takes.

    Parameters
    ----------
    usd_per_h : float
        Rent of the whole machine: what must be paid, however many GPUs are used.
    power_w : float
        Watts that a power of 1 stands for; 1 where powers are in watts.
    usd_per_kwh : float
        Price of electricity on top of the rent; 0 where the rent includes it.
    """

    usd_per_h: float
    power_w: float = 1.0
    usd_per_kwh: float = 0.0
    name: str = "cost"

    def __post_init__(self) -> None:
        rent, power = self.usd_per_h, self.power_w
        if not (np.isfinite(rent) and rent >= 0 and np.isfinite(power) and power > 0):
            raise XlateError(
                f"rent {rent:g} $/h or power {power:g} W cannot be",
                "prices are not negative and power is positive",
                code="request.out-of-range",
            )

    def log_score(self, time: Floats, power: Floats) -> Floats:
        """See the base class."""
        an_hour = usd_per_h(self.usd_per_h, power * self.power_w, self.usd_per_kwh)
        return np.asarray(np.log(time) + np.log(an_hour))


#: name -> how one is made from the rent of the whole machine ($/h), the power (W) that 1
#: stands for, and the price of electricity that is paid apart ($/kWh)
OBJECTIVES: dict[str, Callable[[float, float, float], Objective]] = {
    "edp": lambda _rent, _power, _kwh: Edp(),
    "ed2p": lambda _rent, _power, _kwh: Ed2p(),
    "energy": lambda _rent, _power, _kwh: Energy(),
    "cost": Cost,
}


def make_objective(
    name: str,
    usd_per_h: float | None = None,
    power_w: float = 1.0,
    usd_per_kwh: float = 0.0,
) -> Objective:
    """An objective by name.

    Parameters
    ----------
    name : str
        Key of :data:`OBJECTIVES`.
    usd_per_h : float, optional
        Rent; needed for ``cost``.
    power_w : float
        Watts that a power of 1 stands for.
    usd_per_kwh : float
        Price of electricity that is paid on top of the rent.

    Raises
    ------
    UnknownNameError
        If the name is unknown.
    XlateError
        If ``cost`` is asked for and there is no rent.
    """
    if name not in OBJECTIVES:
        raise UnknownNameError("objective", name, OBJECTIVES)
    if name == "cost" and usd_per_h is None:
        raise XlateError(
            "objective cost needs a rent, and none is known here",
            "name an instance with a price (xlate anchors list), or another objective",
            code="request.no-rent",
        )
    return OBJECTIVES[name](usd_per_h or 0.0, power_w, usd_per_kwh)
