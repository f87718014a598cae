"""What a step costs at each clock: seconds, joules and dollars."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from xlate.models.response.draws import Draws
from xlate.objectives import make_objective
from xlate.values.profile import Estimate
from xlate.values.recommendation import ClockChoice
from xlate.values.rent import STEPS, Rent, usd_per_h

__all__ = ["StepCosts", "times"]


def times(base: Estimate, rate: Estimate) -> Estimate:
    """The product of two estimates whose errors are independent.

    Logs of their half widths add up in squares; one without an interval adds nothing.
    """
    value = base.value * rate.value

    def half(low: bool) -> float:
        wide = [(e.low if low else e.high, e.value) for e in (base, rate)]
        logs = [math.log(end / v) for end, v in wide if end and v > 0]
        return math.sqrt(sum(x * x for x in logs))

    return Estimate(
        value,
        value / math.exp(half(True)),
        value * math.exp(half(False)),
        rate.level or base.level,
    )


@dataclass(frozen=True)
class StepCosts:
    """Money for steps at other clocks than the highest.

    Attributes
    ----------
    step : Estimate or None
        Seconds a step at the highest clock, with the interval of the translation;
        None where nobody said it.
    rent : Rent or None
        Of the target; None without a price.
    """

    step: Estimate | None
    rent: Rent | None

    @property
    def step_s(self) -> float | None:
        """Seconds a step at the highest clock, expected."""
        return None if self.step is None else self.step.value

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
        if self.rent is None or self.step_s is None:
            return None
        rent = self.rent.usd_per_h_gpu_share if share else self.rent.usd_per_h_instance
        hours = self.step_s * time_ratio * STEPS / 3600
        return hours * float(usd_per_h(rent, power_w, self.usd_per_kwh))

    def estimate(
        self, time: Estimate, power: Estimate, share: bool = False
    ) -> Estimate | None:
        """The same with the intervals of both."""
        value = self.usd(time.value, power.value, share)
        if value is None or self.step is None:
            return None
        low = self.usd(time.low or time.value, power.low or power.value, share)
        high = self.usd(time.high or time.value, power.high or power.value, share)
        clock = Estimate(
            1.0, (low or value) / value, (high or value) / value, time.level
        )
        base = Estimate(
            value,
            self.step.low and value * self.step.low / self.step.value,
            self.step.high and value * self.step.high / self.step.value,
            self.step.level,
        )
        return times(base, clock)

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
        seconds = None if self.step_s is None else self.step_s * time
        return ClockChoice(
            name,
            sm_mhz=float(draws.sm_mhz[j]),
            step_time_s=seconds,
            energy_j=None if seconds is None else seconds * power,
            usd_per_1000_steps=self.usd(time, power),
            usd_per_1000_steps_gpu_share=self.usd(time, power, share=True),
        )
