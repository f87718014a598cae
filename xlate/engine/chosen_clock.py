"""What a recommendation starts from, and the clock that was chosen from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xlate.models.response.draws import Draws
from xlate.objectives import Objective
from xlate.sweeps.probe import Probe
from xlate.values.recommendation import CurvePoint

__all__ = ["ChosenClock", "ClockStart"]


@dataclass(frozen=True, eq=False)
class ClockStart:
    """A job at the highest clock of the target, and what else is known of it.

    Attributes
    ----------
    first : Probe
        The job at the highest clock, measured or predicted.
    drawn : sequence of Probe
        The same under each error.
    further : sequence of Probe
        Runs at other clocks.
    measured : bool
        Whether ``first`` was measured on the target.
    """

    first: Probe
    drawn: Sequence[Probe]
    further: Sequence[Probe]
    measured: bool


@dataclass(frozen=True, eq=False)
class ChosenClock:
    """A clock among those of the draws, and how sure it is.

    Attributes
    ----------
    draws : Draws
    aim : Objective
        What the clock minimises.
    k : int
        Its place among the clocks of the draws.
    sure : float
        Probability from 0 to 1 that it is right.
    span : (float, float)
        MHz between which the best clock is.
    holds : float or None
        Probability that the bound on the slowdown holds; None without a bound.
    action : str
        What to do.
    """

    draws: Draws
    aim: Objective
    k: int
    sure: float
    span: tuple[float, float]
    holds: float | None
    action: str

    @property
    def neighbours(self) -> tuple[tuple[float, float], ...]:
        """The clocks beside it (MHz), with how much worse each is, as a share."""
        score = self.aim.log_score(self.draws.mean_time, self.draws.mean_power)
        return tuple(
            (float(self.draws.sm_mhz[j]), float(np.expm1(score[j] - score[self.k])))
            for j in (self.k - 1, self.k + 1)
            if 0 <= j < len(score)
        )

    @property
    def curve(self) -> tuple[CurvePoint, ...]:
        """Time, power and energy at every clock, expected."""
        draws = self.draws
        energy = draws.mean_time * draws.mean_power
        columns = (
            draws.sm_mhz,
            draws.mean_time,
            draws.mean_power * draws.mean_power_w,
            energy,
            energy * draws.mean_time,
        )
        return tuple(CurvePoint(*map(float, row)) for row in zip(*columns, strict=True))
