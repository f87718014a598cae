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
    held_out_mape : float or None
        Mean error of the translator's step time on held-out models, %.
    workload : WorkloadKey
        What ran.
    layer : str
        What answered: ``fitted`` translator, ``op ratio``, ``throughput ratio``, or
        ``zero-shot`` where there is no bundle of the pair.
    step_time_s : Estimate
        Seconds a step on the target; no interval where none is calibrated.
    op_sum_us : Estimate or None
        Busy device time on the target, µs over the window.
    ops : dict of str to float, or None
        Operations on the target, µs over the window; None where the translator
        answers for the step time only.
    op_intervals : dict of str to (float, float)
        Of the operations with a hundredth of the busy time or more, where calibrated.
    usd_per_1000_steps : Estimate or None
        Rent on the target for a thousand steps; None without a price.
    binds : str or None
        ``device`` or ``host``: the longer path of a step on the target, where the
        translator tells them apart.
    verdict : Verdict
        How far to trust it.
    """

    file: str
    anchor: str
    target: str
    translator: str
    fitted_on: str
    simulated: bool
    held_out_mape: float | None
    workload: WorkloadKey
    layer: str
    step_time_s: Estimate
    anchor_step_time_s: float
    op_sum_us: Estimate | None
    ops: dict[str, float] | None
    op_intervals: dict[str, tuple[float, float]]
    usd_per_1000_steps: Estimate | None
    binds: str | None
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
            "held_out_mape": self.held_out_mape,
            "workload": {
                "model": w.model,
                "dataset": w.dataset,
                "batch_size": w.batch_size,
                "optimizer": w.optimizer,
            },
            "layer": self.layer,
            "step_time_s": asdict(self.step_time_s),
            "anchor_step_time_s": self.anchor_step_time_s,
            "op_sum_us": _document(self.op_sum_us),
            "ops": self.ops,
            "op_intervals": {k: list(v) for k, v in self.op_intervals.items()},
            "usd_per_1000_steps": _document(self.usd_per_1000_steps),
            "binds": self.binds,
            "verdict": {
                "level": self.verdict.level,
                "reasons": list(self.verdict.reasons),
            },
        }


def _document(estimate: Estimate | None) -> dict[str, float | None] | None:
    return None if estimate is None else asdict(estimate)


@dataclass(frozen=True)
class Failure:
    """A file that could not be translated, and why."""

    file: str
    error: XlateError

    def to_json(self) -> dict[str, Any]:
        """The promised document of a broken file."""
        return {"file": self.file, "error": str(self.error)}
