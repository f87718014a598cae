"""Questions: what a session is asked, each a frozen value.

What a request names is looked up and checked by the session that is asked; a request
itself holds what the user said. Every use case has one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xlate.conformal import LEVEL

if TYPE_CHECKING:
    import polars as pl

    from xlate.answer import Failure
    from xlate.clocks.probe import Probe
    from xlate.corpus import Corpus
    from xlate.profile import Profile
    from xlate.store.bundle import Bundle
    from xlate.store.clock_bundle import ClockBundle

__all__ = [
    "AnatomyRequest",
    "ClockAim",
    "ClockComparisonRequest",
    "CombineRequest",
    "CompareAllRequest",
    "CompareRequest",
    "FitClocksRequest",
    "FitRequest",
    "ImportanceRequest",
    "LabelRequest",
    "PredictFreqRequest",
    "RecordingsRequest",
    "ScaleRequest",
    "ShotsRequest",
    "Study",
    "TableRequest",
    "TranslateRequest",
]


@dataclass(frozen=True, eq=False)
class TranslateRequest:
    """Ask what profiles would be on the target.

    Attributes
    ----------
    profiles : sequence of Profile or Failure
        Failures are handed through.
    anchor : str or None
        Instance, by name or alias; None where the files say which GPU they ran on
        and one instance has it.
    target : str
        Instance, by name or alias.
    level : float
        Of the intervals, between 0 and 1.
    force : bool
        Answer though a file says that it ran on another GPU.
    bundle : Bundle or None
        By default the pair's in the data home, else the one that ships with xlate;
        where there is none, the answer comes from data sheets (``zero-shot``).
    """

    profiles: Sequence[Profile | Failure]
    anchor: str | None
    target: str
    _: KW_ONLY
    level: float = LEVEL
    force: bool = False
    bundle: Bundle | None = None


@dataclass(frozen=True, eq=False)
class TableRequest:
    """Ask what the rows of a wide table would be on the target.

    Attributes
    ----------
    frame : polars.DataFrame
        One row a profile: operations in µs over the window, and ``step_time_us``
        where known. Other columns are kept. Errors number rows from 0.
    anchor, target : str
        Instances, by name or alias.
    bundle : Bundle or None
        By default the pair's; a table is not answered from data sheets.
    """

    frame: pl.DataFrame
    anchor: str
    target: str
    _: KW_ONLY
    bundle: Bundle | None = None


@dataclass(frozen=True, eq=False)
class CombineRequest:
    """Ask what a workload, profiled on several anchors, would be on the target.

    Attributes
    ----------
    profiles : mapping of str to Profile
        Anchor to its profile, two or more.
    target : str
        Instance, by name or alias.
    level, force
        As :class:`TranslateRequest`; with ``force`` two may be the same run too.
    """

    profiles: Mapping[str, Profile]
    target: str
    _: KW_ONLY
    level: float = LEVEL
    force: bool = False


@dataclass(frozen=True, eq=False)
class ScaleRequest:
    """Ask what a profile would be at other sizes, on the anchor and on the target.

    Attributes
    ----------
    profile : Profile
        With its size in the workload key, and a step time.
    anchor : str or None
        As :class:`TranslateRequest`.
    target : str
    axis : str
        Key of :data:`xlate.scaling.AXES`.
    sizes : sequence of int
        Batch sizes, or sides in pixels.
    level, force, bundle
        As :class:`TranslateRequest`.
    """

    profile: Profile
    anchor: str | None
    target: str
    axis: str
    sizes: Sequence[int]
    _: KW_ONLY
    level: float = LEVEL
    force: bool = False
    bundle: Bundle | None = None


@dataclass(frozen=True, eq=False)
class Study:
    """How errors on work left out are measured: what compares and fits has it.

    Attributes
    ----------
    split, columns, repeats : str
        See :data:`xlate.evaluate.SPLITS`, :func:`xlate.columns.plan` and
        :data:`xlate.align.POLICIES`.
    seed : int
        Of splits and translators.
    n_jobs : int, optional
        Folds worked on at the same time; as many as there are cores by default.
    """

    _: KW_ONLY
    split: str = "model"
    columns: str = "all"
    repeats: str = "median"
    seed: int = 0
    n_jobs: int | None = None


@dataclass(frozen=True, eq=False)
class CompareRequest(Study):
    """Ask how wrong translators are on work they were not fitted on.

    Attributes
    ----------
    anchor, target : str
        Instances, by name or alias.
    data : Corpus or str or None
        By default a measured corpus that holds both, else the simulated one.
    translators : sequence of str or None
        All by default; the baseline, ``ratio``, is always among them.
    """

    anchor: str
    target: str
    data: Corpus | str | None = None
    _: KW_ONLY
    translators: Sequence[str] | None = None


@dataclass(frozen=True, eq=False)
class CompareAllRequest(Study):
    """Ask the same for every anchor and target that a corpus holds.

    Attributes
    ----------
    data : Corpus or str or None
        By default a measured corpus on this machine, else the simulated one.
    translators : sequence of str or None
        All by default.
    """

    data: Corpus | str | None = None
    _: KW_ONLY
    translators: Sequence[str] | None = None


@dataclass(frozen=True, eq=False)
class FitRequest(CompareRequest):
    """Fit a translator of a pair, and save it.

    Attributes
    ----------
    translators : sequence of str or None
        Those to cross-validate for the accuracy card; ``translator`` is always among
        them.
    translator : str or None
        The one to fit; by default what serves best for so many models
        (:func:`xlate.translators.default_for`).
    save : bool
        Whether to write the bundle to the data home.
    replace : bool
        Let it answer from now on even where it is not shown to be better than what
        answers now (:mod:`xlate.engine.incumbent`); otherwise such a fit is kept
        beside it under a number.
    """

    _: KW_ONLY
    translator: str | None = None
    save: bool = True
    replace: bool = False


@dataclass(frozen=True, eq=False)
class ShotsRequest(Study):
    """Fit a pair of which only a few runs were measured on the target.

    Attributes
    ----------
    anchor, target : str
        Instances, by name or alias.
    shots : Corpus or Path
        Runs on the target, and their counterparts on the anchor unless a corpus
        holds these.
    data : Corpus or str or None
        Corpus with the anchor's runs of the same work; by default the shots, then
        those on this machine.
    save, replace
        As :class:`FitRequest`.
    """

    anchor: str
    target: str
    shots: Corpus | Path
    data: Corpus | str | None = None
    _: KW_ONLY
    save: bool = True
    replace: bool = False


@dataclass(frozen=True, eq=False)
class AnatomyRequest(Study):
    """Ask where a translator is wrong on work left out, and why.

    Attributes
    ----------
    anchor, target, data
        As :class:`CompareRequest`.
    translator : str or None
        One that answers with a vector; by default the one that a fit would take for
        so many models.
    curve : bool
        Whether to fit on fewer models too, which takes a few times as long.
    """

    anchor: str
    target: str
    data: Corpus | str | None = None
    _: KW_ONLY
    translator: str | None = None
    curve: bool = True


@dataclass(frozen=True, eq=False)
class ClockAim:
    """What the best clock is: what is minimised, within which bound, and how sure.

    Attributes
    ----------
    objective : str
        Key of :data:`xlate.clocks.objective.OBJECTIVES`.
    max_slowdown : float or None
        Against the fastest clock; 0.05 is 5 %.
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
        Answer though a file says that it is of another GPU.
    seed : int
        Of the draws.
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
        What a meter saw of the job on the *anchor*; narrows the guess of power.
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
        Of :func:`xlate.clocks.probe.read_telemetry` or of the card here; failures
        are handed through.
    target : str
        Instance, by name or alias, with the GPU that was recorded.
    step_time_s : float or None
        Seconds a step takes at the highest clock, for seconds, joules and dollars of
        one.
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
    """Ask how wrong clock models are on applications, or GPUs, left out.

    Attributes
    ----------
    sweeps, gpu
        As :class:`LabelRequest`.
    models : sequence of str or None
        All by default.
    split, probe : str
        What is held out together; which runs are looked at.
    view : str or None
        ``smi`` or ``dcgm``; by default the richest that the sweeps have.
    bound : float or None
        Slowdown against the fastest clock.
    pool : bool
        Whether the other GPUs' applications are learned from too, that held out apart.
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
    """Ask which features matter to a clock model, on applications left out.

    Attributes
    ----------
    sweeps, gpu, view, seed
        As :class:`ClockComparisonRequest`.
    model : str or None
        The default clock model where none is named.
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
        Instance; op vectors can then be handed on to it.
    gpu : str or None
        GPU alone; one of both is named.
    sweeps : sequence of str or None
        Corpora to learn from, as :class:`LabelRequest`.
    model : str or None
        The default clock model where none is named.
    seed : int
    save : bool
        Whether to write the clock model to the data home; what answered until then
        is kept under a number.
    replace : bool
        Let one that rests on simulated runs take the place of a measured one.
    """

    target: str | None = None
    _: KW_ONLY
    gpu: str | None = None
    sweeps: Sequence[str] | None = None
    model: str | None = None
    seed: int = 0
    save: bool = True
    replace: bool = False
