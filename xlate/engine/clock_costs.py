"""What a step costs at each clock: seconds, joules and dollars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xlate.advice import ClockChoice
from xlate.clocks.objective import make_objective
from xlate.clocks.recommend import Draws
from xlate.hardware.rent import STEPS, Rent, usd_per_h
from xlate.profile import Estimate

__all__ = ["StepCosts"]


@dataclass(frozen=True)
class StepCosts:
    """Money for steps at other clocks than the highest.

    Attributes
    ----------
    step_s : float
        Seconds a step at the highest clock.
    rent : Rent or None
        Of the target; None without a price.
    """

    step_s: float
    rent: Rent | None

    @property
    def usd_per_h(self) -> float | None:
        """Rent of the whole instance, $/h."""
        return None if self.rent is None else self.rent.usd_per_h_instance

    @property
    def usd_per_kwh(self) -> float:
        """Price of electricity that is paid on top of the rent."""
        return 0.0 if self.rent is None else self.rent.usd_per_kwh

    def usd(
        self, time_ratio: float, power_w: float, share: bool = False
    ) -> float | None:
        """Dollars for a thousand steps: rent, and electricity where it is paid apart.

        Parameters
        ----------
        time_ratio : float
            Time over that at the highest clock.
        power_w : float
            Of the GPU.
        share : bool
            Only the share of the instance's GPUs that is used.
        """
        if self.rent is None:
            return None
        rent = self.rent.usd_per_h_gpu_share if share else self.rent.usd_per_h_instance
        hours = self.step_s * time_ratio * STEPS / 3600
        return hours * float(usd_per_h(rent, power_w, self.usd_per_kwh))

    def estimate(
        self, time: Estimate, power: Estimate, share: bool = False
    ) -> Estimate | None:
        """The same with the intervals of both."""
        value = self.usd(time.value, power.value, share)
        if value is None:
            return None
        low = self.usd(time.low or time.value, power.low or power.value, share)
        high = self.usd(time.high or time.value, power.high or power.value, share)
        return Estimate(value, low, high, time.level)

    def choices(self, draws: Draws, k: int) -> tuple[ClockChoice, ...]:
        """What the chosen clock, the highest and the cheapest one cost, expected."""
        places = {"this clock": k, "highest clock": len(draws.sm_mhz) - 1}
        cheapest = self.cheapest(draws)
        if cheapest is not None:
            places["cheapest clock"] = cheapest
        return tuple(self._choice(name, draws, j) for name, j in places.items())

    def cheapest(self, draws: Draws) -> int | None:
        """The clock with the least dollars; None without a price."""
        if self.usd_per_h is None:
            return None
        aim = make_objective(
            "cost", self.usd_per_h, draws.mean_power_w, self.usd_per_kwh
        )
        return int(np.argmin(aim.log_score(draws.mean_time, draws.mean_power)))

    def _choice(self, name: str, draws: Draws, j: int) -> ClockChoice:
        time = float(draws.mean_time[j])
        power = float(draws.mean_power[j]) * draws.mean_power_w
        seconds = self.step_s * time
        return ClockChoice(
            name,
            float(draws.sm_mhz[j]),
            seconds,
            seconds * power,
            self.usd(time, power),
            self.usd(time, power, share=True),
        )
