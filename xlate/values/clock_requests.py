"""Requests about clocks: the best clock, and the errors of clock models.

Each is a frozen value, as in :mod:`xlate.values.requests`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xlate.store.bundle import Bundle
    from xlate.store.clock_bundle import ClockBundle
    from xlate.sweeps.probe import Probe
    from xlate.values.profile import Profile
    from xlate.values.translation import Failure

__all__ = [
    "ClockAim",
    "ClockComparisonRequest",
    "FitClocksRequest",
    "ImportanceRequest",
    "LabelRequest",
    "PredictFreqRequest",
    "RecordingsRequest",
]


@dataclass(frozen=True, eq=False)
class ClockAim:
    """What defines the best clock: the objective, the bound, and the probability.

    Attributes
    ----------
    objective : str
        Key of :data:`xlate.objectives.OBJECTIVES`.
    max_slowdown : float or None
        Relative to the fastest clock; 0.05 is 5 %.
    sure : float or None
        Probability with which the bound must hold, 0.9 for instance; by default the
        expected curve keeps it.
    probe : {"max-only", "tri-point"}
        ``tri-point`` demands probes at about 0.7 and 0.5 of the highest clock.
    probes : sequence of Probe
        Runs of the job on the target itself.
    confidence : float
        Below it the answer names two clocks to probe.
    clocks_file : Path or None
        Dump of the target's supported clocks.
    clock_bundle : ClockBundle or None
        By default the one of the target in the data home.
    force : bool
        Answer even where a file is of another GPU.
    seed : int
        Seed of the draws.
    """

    _: KW_ONLY
    objective: str = "edp"
    max_slowdown: float | None = None
    sure: float | None = None
    probe: str = "max-only"
    probes: Sequence[Probe] = ()
    confidence: float = 0.7
    clocks_file: Path | None = None
    clock_bundle: ClockBundle | None = None
    force: bool = False
    seed: int = 0


@dataclass(frozen=True, eq=False)
class PredictFreqRequest(ClockAim):
    """Ask for the best clock of the target for each profile taken on the anchor.

    Attributes
    ----------
    profiles, anchor, target, bundle
        As :class:`TranslateRequest`.
    telemetry : Probe or None
        Recording of the job on the *anchor*; it narrows the estimate of power.
    """

    profiles: Sequence[Profile | Failure]
    anchor: str | None
    target: str
    _: KW_ONLY
    telemetry: Probe | None = None
    bundle: Bundle | None = None


@dataclass(frozen=True, eq=False)
class RecordingsRequest(ClockAim):
    """Ask for the best clock of the target for each job that was recorded on it.

    Attributes
    ----------
    recordings : sequence of Probe or Failure
        From :func:`xlate.sweeps.probe.read_telemetry` or from the GPU of this machine;
        failures are passed through.
    target : str
        Instance, by name or alias, with the GPU that was recorded.
    step_time_s : float or None
        Seconds of a step at the highest clock, for its seconds, joules and dollars at
        others.
    """

    recordings: Sequence[Probe | Failure]
    target: str
    _: KW_ONLY
    step_time_s: float | None = None


@dataclass(frozen=True, eq=False)
class LabelRequest:
    """Ask which clock was the best in full sweeps.

    Attributes
    ----------
    sweeps : sequence of str or None
        Corpora, or csv or parquet files of sweeps; by default the measured ones on
        this machine whose licence lets a fit be kept, else the simulated one.
    gpu : str or None
        Only those of this GPU.
    objectives : sequence of str or None
        All by default.
    bound : float or None
        Slowdown against the fastest clock, 0.05 for 5 %.
    usd_per_h : float or None
        Rent, for dollars; without it the ``cost`` objective is left out.
    """

    sweeps: Sequence[str] | None = None
    gpu: str | None = None
    _: KW_ONLY
    objectives: Sequence[str] | None = None
    bound: float | None = None
    usd_per_h: float | None = None


@dataclass(frozen=True, eq=False)
class ClockComparisonRequest:
    """Ask for the errors of clock models on held-out applications, or GPUs.

    Attributes
    ----------
    sweeps, gpu
        As :class:`LabelRequest`.
    models : sequence of str or None
        All by default.
    split, probe : str
        What is held out together; which runs are probes.
    view : str or None
        ``smi`` or ``dcgm``; by default the richest that the sweeps have.
    bound : float or None
        Slowdown against the fastest clock.
    pool : bool
        Whether applications on other GPUs are used in the fit, except the held-out one.
    seed : int
    """

    sweeps: Sequence[str] | None = None
    gpu: str | None = None
    _: KW_ONLY
    models: Sequence[str] | None = None
    split: str = "workload"
    view: str | None = None
    probe: str = "max-only"
    bound: float | None = 0.05
    pool: bool = True
    seed: int = 0


@dataclass(frozen=True, eq=False)
class ImportanceRequest:
    """Ask which features matter to a clock model, on held-out applications.

    Attributes
    ----------
    sweeps, gpu, view, seed
        As :class:`ClockComparisonRequest`.
    model : str or None
        By default the default clock model.
    """

    sweeps: Sequence[str] | None = None
    gpu: str | None = None
    _: KW_ONLY
    model: str | None = None
    view: str | None = None
    seed: int = 0


@dataclass(frozen=True, eq=False)
class FitClocksRequest:
    """Fit a clock model for an instance or a GPU, and save it.

    Attributes
    ----------
    target : str or None
        Instance; the clock model can then be applied to op vectors.
    gpu : str or None
        GPU; either this or ``target`` is given.
    sweeps : sequence of str or None
        Corpora used in the fit, as :class:`LabelRequest`.
    model : str or None
        By default the default clock model.
    seed : int
    save : bool
        Whether to write the clock model to the data home; the one before it is kept
        under a number.
    replace : bool
        Replace a clock model of measured runs also by one of simulated runs.
    """

    target: str | None = None
    _: KW_ONLY
    gpu: str | None = None
    sweeps: Sequence[str] | None = None
    model: str | None = None
    seed: int = 0
    save: bool = True
    replace: bool = False
