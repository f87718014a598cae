"""What is asked about clocks, and a job of which only a recording is known."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from xlate.hardware.catalogue import Gpu, Instance
from xlate.hardware.legal_points import LegalClocks
from xlate.store.clock_bundle import ClockBundle
from xlate.values.memory_need import MemoryFit
from xlate.values.profile import Estimate, Verdict, WorkloadKey
from xlate.values.rent import Rent
from xlate.values.translation import Facts

__all__ = ["MeteredJob", "Question"]


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of every job: the target, what to minimise, and by which model.

    Attributes
    ----------
    instance, gpu : Instance, Gpu
        The target and its GPU.
    fitted : ClockBundle
        Clock model that answers.
    legal : LegalClocks
        Of the target.
    objective : str
        Key of :data:`xlate.objectives.OBJECTIVES`.
    bound : float or None
        Slowdown against the fastest clock; 0.05 is 5 %.
    sure : float or None
        Probability with which the bound must hold.
    confidence : float
        Below it the answer names clocks to probe.
    seed : int
        Of the draws.
    """

    instance: Instance
    gpu: Gpu
    fitted: ClockBundle
    legal: LegalClocks
    objective: str
    _: KW_ONLY
    bound: float | None = None
    sure: float | None = None
    confidence: float = 0.7
    seed: int = 0


@dataclass(frozen=True, eq=False)
class MeteredJob:
    """A job of which a recording on the target is all that is known.

    It stands where a translation stands for a profile; there are no operations.

    Attributes
    ----------
    file : str
        Recording.
    verdict : Verdict
        How far to trust the recording.
    step_time_s : Estimate or None
        Of one step at the highest clock, where the user said it.
    """

    file: str
    workload: WorkloadKey
    verdict: Verdict
    facts: Facts
    step_time_s: Estimate | None = None
    anchor: None = None
    ops: None = None

    @property
    def memory(self) -> MemoryFit | None:
        """Not known of a recording: the job ran there, so it fits."""
        return self.facts.memory

    @property
    def rent(self) -> Rent | None:
        """Rent of the target."""
        return self.facts.rent
