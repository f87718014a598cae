"""What a translation answers: one value a profile, or the failure of a file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from xlate.errors import XlateError
from xlate.profile import Estimate, Verdict, WorkloadKey

__all__ = ["Failure", "Translation"]


@dataclass(frozen=True)
class Translation:
    """One profile on the target.

    Attributes
    ----------
    file : str
        Source of the profile.
    anchor, target, translator, fitted_on : str
        Which bundle answered.
    simulated : bool
        Whether the bundle was fitted on simulated data.
    workload : WorkloadKey
        What ran.
    step_time_s : Estimate
        Seconds a step on the target; no interval where none is calibrated.
    ops : dict of str to float, or None
        Operations on the target, µs over the window; None where the translator
        answers for the step time only.
    usd_per_1000_steps : float or None
        Rent on the target for a thousand steps; None without a price.
    verdict : Verdict
        How far to trust it.
    """

    file: str
    anchor: str
    target: str
    translator: str
    fitted_on: str
    simulated: bool
    workload: WorkloadKey
    step_time_s: Estimate
    anchor_step_time_s: float
    ops: dict[str, float] | None
    usd_per_1000_steps: float | None
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """The promised document of ``translate --json``."""
        w = self.workload
        return {
            "file": self.file,
            "anchor": self.anchor,
            "target": self.target,
            "translator": self.translator,
            "fitted_on": self.fitted_on,
            "simulated": self.simulated,
            "workload": {
                "model": w.model,
                "dataset": w.dataset,
                "batch_size": w.batch_size,
                "optimizer": w.optimizer,
            },
            "step_time_s": asdict(self.step_time_s),
            "anchor_step_time_s": self.anchor_step_time_s,
            "ops": self.ops,
            "usd_per_1000_steps": self.usd_per_1000_steps,
            "verdict": {
                "level": self.verdict.level,
                "reasons": list(self.verdict.reasons),
            },
        }


@dataclass(frozen=True)
class Failure:
    """A file that could not be translated, and why."""

    file: str
    error: XlateError

    def to_json(self) -> dict[str, Any]:
        """The promised document of a broken file."""
        return {"file": self.file, "error": str(self.error)}
