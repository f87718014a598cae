"""The answer of ``predict-freq``: a clock, its effects, and what to do next."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from xlate.values.memory_need import MemoryFit
from xlate.values.profile import DOMAINS, Estimate, Verdict, WorkloadKey
from xlate.values.rent import Rent
from xlate.values.tabular import Cell, Tabular
from xlate.values.translation import Facts, workload_document

__all__ = ["ClockChoice", "CurvePoint", "MeterFacts", "Recommendation"]


@dataclass(frozen=True)
class CurvePoint:
    """The expected response at one legal clock, relative to the highest one.

    Attributes
    ----------
    sm_mhz : float
        Core clock.
    power_w : float
        Mean power.
    time_ratio, energy_ratio, edp_ratio : float
        Ratios to the values at the highest clock.

    Examples
    --------
    >>> from xlate import CurvePoint
    >>> point = CurvePoint(1005.0, 1.08, 150.0, 0.81, 0.87)
    >>> round(point.time_ratio * point.energy_ratio, 2) == point.edp_ratio
    True
    """

    sm_mhz: float
    time_ratio: float
    power_w: float
    energy_ratio: float
    edp_ratio: float


@dataclass(frozen=True)
class ClockChoice:
    """Expected costs of one clock.

    Attributes
    ----------
    name : str
        ``this clock``, ``highest clock`` or ``cheapest clock``.
    step_time_s, energy_j : float or None
        Of one step; None where its length is not known.
    usd_per_1000_steps, usd_per_1000_steps_gpu_share : float or None
        Rent of the complete instance, or of the share of its GPUs in use, with
        electricity of the GPU where it is paid separately; None without a price.

    Examples
    --------
    >>> from xlate import ClockChoice
    >>> ClockChoice("highest clock", 1530.0, 0.02, 5.0, None, None).energy_j
    5.0
    """

    name: str
    sm_mhz: float
    step_time_s: float | None
    energy_j: float | None
    usd_per_1000_steps: float | None
    usd_per_1000_steps_gpu_share: float | None


@dataclass(frozen=True)
class MeterFacts:
    """A recording of a meter that was given with a request.

    Attributes
    ----------
    file : str
    of : str
        Where it was recorded: ``anchor`` or ``target``.
    device : str or None
        GPU in the recording.
    used : bool
        Whether the answer uses it; otherwise the reasons say why not.
    samples, at_work, left_out : int
        In the file, with the GPU at work, and left out because they are impossible.
    interval_s, seconds : float or None
        Between two samples, and from the first to the last at work; None where the file
        holds no time stamps.
    sm_mhz, power_w : float or None
        Means at work.
    notes : tuple of str
        What was left out, missing or unusual.

    Examples
    --------
    >>> from xlate import MeterFacts
    >>> MeterFacts(
    ...     "smi.csv", "anchor", "Tesla T4", True, 600, 580, 0, 0.1, 58.0, 1500.0, 68.0
    ... ).at_work
    580
    """

    file: str
    of: str
    device: str | None
    used: bool
    samples: int
    at_work: int
    left_out: int
    interval_s: float | None
    seconds: float | None
    sm_mhz: float | None
    power_w: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recommendation(Tabular):
    """The best clock of the target for one profile.

    As a table it is its curve, a row for each legal clock; several answers are a table with
    a row for each.

    Attributes
    ----------
    sm_mhz : float
        Recommended clock, legal on the target.
    best_mhz_range : (float, float)
        Where the best clock lies, at the level of the intervals.
    default_sm_mhz, fastest_sm_mhz : float
        Highest legal clock, to which all ratios refer, and the one that
        takes the least time.
    time_ratio, power_w, energy_ratio, edp_ratio, objective_ratio : Estimate
        At the recommended clock; ratios over the highest one.
    step_time_s, energy_j, usd_per_1000_steps : Estimate
        Of a step at that clock; None where its length is not known. Dollars are rent of
        the complete instance, which includes electricity (for an own machine: its price
        for an hour and electricity of the GPU); None without a price.
        ``usd_per_1000_steps_gpu_share`` counts only the share of the instance's GPUs in
        use. The interval is that of the clock's effect; it does not include that of the
        translated step time.
    confidence : float
        Probability that the objective is within 2 % of the best, and that the bound
        on slowdown holds where there is one.
    bound_probability : float or None
        Probability that the bound on slowdown holds; None without one.
    action : str
        ``apply``, ``apply-monitored``, ``sweep`` or ``collect``, for the given
        ``objective``.
    workload : WorkloadKey
        Workload, as far as known from the file and the options.
    choices : tuple of ClockChoice
        Costs of this clock, of the highest and of the cheapest one.
    verdict : Verdict
        How far to trust the translation that it uses.
    facts : Facts
        Facts of every answer: memory, rent, sources.
    neighbours : tuple of (float, float)
        Next legal clocks, and the gap of the objective at each.
    probes : tuple of float
        Clocks to measure next; empty where no measurement is needed.
    changed : str or None
        How measured probes changed the answer.
    telemetry : MeterFacts or None
        The recording of a meter that was given, whether or not it was used.

    Examples
    --------
    >>> import xlate
    >>> clocks = xlate.fit_clocks(
    ...     "p3.2xlarge", sweeps=["simulated"], model="response-linear", save=False
    ... )
    >>> (answer,) = xlate.predict_freq(
    ...     "examples/my_stats.csv", "g3s.xlarge", "p3.2xlarge", clock_bundle=clocks.bundle
    ... )
    >>> answer.to_polars().columns
    ['sm_mhz', 'time_ratio', 'power_w', 'energy_ratio', 'edp_ratio']
    """

    file: str
    anchor: str | None
    target: str
    gpu: str
    model: str
    fitted_on: str
    simulated: bool
    extrapolated: bool
    objective: str
    max_slowdown: float | None
    sm_mhz: float
    best_mhz_range: tuple[float, float]
    default_sm_mhz: float
    fastest_sm_mhz: float
    time_ratio: Estimate
    power_w: Estimate
    energy_ratio: Estimate
    edp_ratio: Estimate
    objective_ratio: Estimate
    power_at_default_w: Estimate
    step_time_s: Estimate | None
    energy_j: Estimate | None
    usd_per_1000_steps: Estimate | None
    default_usd_per_1000_steps: float | None
    confidence: float
    action: str
    reasons: tuple[str, ...]
    probes: tuple[float, ...]
    neighbours: tuple[tuple[float, float], ...]
    set_command: str
    reset_command: str
    curve: tuple[CurvePoint, ...]
    changed: str | None = None
    telemetry: MeterFacts | None = None
    bound_probability: float | None = None
    usd_per_1000_steps_gpu_share: Estimate | None = None
    workload: WorkloadKey = field(default_factory=WorkloadKey)
    choices: tuple[ClockChoice, ...] = ()
    verdict: Verdict = field(default_factory=lambda: Verdict("ok"))
    facts: Facts = field(default_factory=Facts)

    @property
    def memory(self) -> MemoryFit | None:
        """Memory that is needed, and memory of the target."""
        return self.facts.memory

    @property
    def rent(self) -> Rent | None:
        """Rent of the target."""
        return self.facts.rent

    def record(self) -> dict[str, Cell]:
        """The answer in one row."""
        usd = self.usd_per_1000_steps
        return {
            "file": self.file,
            "anchor": self.anchor,
            "target": self.target,
            "gpu": self.gpu,
            "objective": self.objective,
            "sm_mhz": self.sm_mhz,
            "default_sm_mhz": self.default_sm_mhz,
            "time_ratio": self.time_ratio.value,
            "power_w": self.power_w.value,
            "energy_ratio": self.energy_ratio.value,
            "edp_ratio": self.edp_ratio.value,
            "usd_per_1000_steps": None if usd is None else usd.value,
            "confidence": self.confidence,
            "action": self.action,
            "verdict": self.verdict.level,
            "domain": self.facts.domain or DOMAINS[self.verdict.level],
        }

    def records(self) -> list[dict[str, Cell]]:
        """The curve: time, power, energy and EDP at every legal clock."""
        return [asdict(point) for point in self.curve]

    def summary(self) -> str:
        """GPU, clock, its effect on time and energy, and the confidence."""
        return (
            f"{self.file}: {self.gpu} at {self.sm_mhz:g} of {self.default_sm_mhz:g} MHz "
            f"by {self.objective}, time × {self.time_ratio.value:.3f}, energy × "
            f"{self.energy_ratio.value:.3f}, confidence {self.confidence:.0%}: "
            f"{self.action}"
        )

    def remarks(self) -> tuple[str, ...]:
        """Reasons, of the clock and of the verdict."""
        return self.reasons

    def to_json(self) -> dict[str, object]:
        """The former name of :meth:`document`."""
        return self.document()

    def document(self) -> dict[str, object]:
        """The promised document of ``predict-freq --json``."""
        document = asdict(self)
        document["best_mhz_range"] = dict(
            zip(("low", "high"), self.best_mhz_range, strict=True)
        )
        document["neighbours"] = [{"sm_mhz": f, "gap": g} for f, g in self.neighbours]
        document["workload"] = workload_document(self.workload)
        document["verdict"] = {
            "level": self.verdict.level,
            "domain": self.facts.domain or DOMAINS[self.verdict.level],
            "reasons": list(self.verdict.reasons),
        }
        del document["facts"]
        return document | self.facts.document()

    def curve_document(self) -> dict[str, object]:
        """The promised document of ``clocks curve --json``."""
        document = self.document()
        shared = (
            "file", "target", "gpu", "sm_mhz", "objective", "max_slowdown",
            "bound_probability", "reasons", "workload", *self.facts.document(),
            "verdict", "simulated", "telemetry", "curve",
        )  # fmt: skip
        return {k: document[k] for k in shared}
