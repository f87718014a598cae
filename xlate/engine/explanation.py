"""Why a clock, how far to trust it, and what to do, in words."""

from __future__ import annotations

import numpy as np

from xlate.engine.clock_costs import StepCosts
from xlate.hardware.catalogue import Gpu
from xlate.models.anchor_power import AnchorMeans, Strangeness
from xlate.models.response.choice import WATCH_S
from xlate.models.response.draws import Draws
from xlate.store.clock_bundle import ClockManifest
from xlate.sweeps.probe import Probe
from xlate.values.memory_need import MemoryFit
from xlate.values.profile import WorkloadKey, input_size
from xlate.values.recommendation import Recommendation
from xlate.values.translation import RestsOn

__all__ = [
    "NOTHING_TO_MEASURE",
    "OBJECTIVE_NAMES",
    "OTHER_TIME",
    "SURE_BOUND",
    "clock_parts",
    "what_binds",
    "what_changed",
    "what_costs",
    "what_does_not_fit",
    "what_power_lacks",
    "what_rent_does",
    "what_telemetry_says",
    "what_to_do",
    "why_unmetered",
]

#: objectives as people write them
OBJECTIVE_NAMES = {"edp": "EDP", "ed2p": "ED²P", "energy": "energy", "cost": "dollars"}

#: memory is said to bind, and the card to wait, beyond these shares of the time
_MEMORY_BINDS, _CARD_WAITS = 0.6, 0.5
#: growth of time at a tenth less clock, beyond which memory gives no slack
_GROWS = 0.05
#: power over the limit, beyond which the card throttles itself
_NEAR_LIMIT = 0.97
#: a bound that holds no more often than this is said to be in doubt
SURE_BOUND = 0.8

#: what to do with a job that the target's memory does not hold
NOTHING_TO_MEASURE = (
    "it does not fit, so no clock can be measured there: take a smaller batch, a target "
    "with more memory, or several GPUs"
)

#: where the telemetry of the anchor is of another time than the profile
OTHER_TIME = (
    "telemetry: it is of another time than the profile, and may be of another job: "
    "intervals cover the answer without it too, and the confidence is lower"
)

_ADVICE = {
    "apply": "apply it",
    "apply-monitored": f"apply it, watch for {WATCH_S} s, fall back to the "
    "highest clock if time or power are off",
    "sweep": "sweep the {clocks} and take the best",
    "collect": "collect more: one run at each clock named, then give --probe-file",
}


def what_binds(first: Probe, gpu: Gpu, growth: float | None = None) -> list[str]:
    """What the job does to the card, as far as the probe at the highest clock says.

    Parameters
    ----------
    growth : float, optional
        Share by which time grows in the answer where the clock falls by a tenth: what
        is said must not be another thing.
    """
    said = []
    metrics = first.metrics
    busy = metrics.get("gpu_utilization", 100.0) / 100
    memory = metrics.get("dram_active", metrics.get("memory_utilization", np.nan) / 100)
    if not np.isfinite(memory):
        said.append(
            "memory activity is not recorded: whether compute or memory binds is not known"
        )
    if busy < _CARD_WAITS:
        said.append(
            f"the card waits: it is busy {100 * busy:.0f} % of the time, and waiting "
            "does not get longer at a lower clock"
        )
    if memory > _MEMORY_BINDS and growth is not None and growth > _GROWS:
        said.append(
            f"memory is {100 * memory:.0f} % active, but the jobs swept show no slack: at "
            f"a tenth less clock time is taken to grow by {100 * growth:.0f} %"
        )
    elif memory > _MEMORY_BINDS:
        said.append(
            f"memory binds ({100 * memory:.0f} % active): the clock falls some way "
            "before time grows"
        )
    elif busy >= _CARD_WAITS and np.isfinite(memory):
        said.append(
            f"compute binds (memory {100 * memory:.0f} % active): time grows as the "
            "clock falls"
        )
    limit = gpu.limit_w
    if limit and first.power_w > _NEAR_LIMIT * limit:
        said.append("at the highest clock the card draws all that its limit allows")
    return said


def clock_parts(
    manifest: ClockManifest, target: str, measured: bool, probes: int, metered: bool
) -> tuple[RestsOn, ...]:
    """What power and the response to the clock rest on.

    Parameters
    ----------
    target : str
        Instance asked for.
    measured : bool
        Whether a probe on the target measured power at the highest clock.
    probes : int
        Further probes at other clocks.
    metered : bool
        Whether the anchor's telemetry went into power.
    """
    if measured:
        power = RestsOn("power", "measured by the probe at the highest clock")
    else:
        origin, _, corpora = (manifest.handoff or "").partition(" (")
        corpora = corpora.removesuffix(")")
        source = f"the power model from operations, fitted on {origin}"
        if metered:
            source += ", with the telemetry of the anchor"
        note = None if origin == target else f"{target} has no telemetry"
        power = RestsOn("power", source, corpora, "simulated" in corpora, note)
    note = None
    if manifest.extrapolated:
        note = (
            f"extrapolated: {manifest.gpu} was never swept, errors are taken "
            f"{manifest.spread:g} times as large"
        )
    source = f"clock sweeps of {manifest.source_gpu}"
    if probes:
        source += f", bent to pass through {probes} more probes"
    simulated = "simulated" in manifest.corpus
    response = RestsOn(
        "response to the clock", source, manifest.corpus, simulated, note
    )
    return power, response


def what_costs(costs: StepCosts, draws: Draws, k: int, objective: str) -> list[str]:
    """That another clock costs fewer dollars, where the objective is not dollars."""
    cheapest = costs.cheapest(draws)
    if cheapest is None or cheapest == k or objective == "cost":
        return []
    this, least = (
        costs.usd(
            float(draws.mean_time[j]), float(draws.mean_power[j]) * draws.mean_power_w
        )
        for j in (k, cheapest)
    )
    if not this or not least or this / least - 1 < 0.0005:
        return []
    return [
        f"by dollars the best is {draws.sm_mhz[cheapest]:g} MHz: this clock costs "
        f"{100 * (this / least - 1):.1f} % more"
        + (", since the rent is paid by the hour" if not costs.usd_per_kwh else "")
        + "; "
        "--objective cost minimises dollars"
    ]


def what_does_not_fit(memory: MemoryFit | None) -> list[str]:
    """That the job cannot run on the target, and what that means for the answer."""
    why = None if memory is None else memory.reason
    return [
        f"{why or 'memory: does not fit'}: the job cannot run there as it is, and the "
        "clock is that of a job like it that would fit"
    ]


def what_rent_does(costs: StepCosts, time_ratio: float) -> list[str]:
    """What the clock changes in rent, where no step time makes dollars of it."""
    if costs.step is not None:
        return []
    if costs.usd_per_h is None:
        return ["rent: what a step costs is not known, there is no price of the target"]
    longer = 100 * (time_ratio - 1)
    change = f"{abs(longer):.1f} % {'more' if longer >= 0 else 'less'}"
    return [
        f"rent: the same work costs {change} than at the highest clock, since the rent is "
        "paid by the hour; dollars a step are not known without --step-time"
    ]


def _sizes_lacking(workload: WorkloadKey) -> list[str]:
    """Options that would say a size which the power model uses and nobody gave."""
    lacking = [] if workload.batch_size is not None else ["--batch-size"]
    return lacking if input_size(workload.dataset) else [*lacking, "--input-size"]


def what_power_lacks(workload: WorkloadKey) -> list[str]:
    """That the work's size is not known, and which options say it."""
    lacking = _sizes_lacking(workload)
    if not lacking:
        return []
    return [
        f"power rests on the op vector alone: say {' and '.join(lacking)} to make it "
        "surer"
    ]


def what_telemetry_says(
    strange: Strangeness | None, metered: AnchorMeans | None, gpu: Gpu
) -> list[str]:
    """Where the anchor's telemetry, or power with it, is beyond what was learned from.

    Parameters
    ----------
    strange : Strangeness or None
        None where the telemetry went into nothing.
    metered : AnchorMeans or None
    gpu : Gpu
        The target's.
    """
    if strange is None or metered is None:
        return []
    said = []
    if strange.telemetry > 1:
        said.append(
            f"telemetry: {metered.power_w:.0f} W of {metered.limit_w:g} W at "
            f"{100 * metered.busy:.0f} % GPU and {100 * metered.memory:.0f} % memory "
            "utilisation is unlike every recording that power was learned from: "
            "intervals are wider; check that it is of this job and of this GPU"
        )
    if strange.answer > 1:
        factor = gpu.limit_w / strange.limit_w if gpu.limit_w else 1.0
        said.append(
            f"telemetry: with it power at the highest clock is {factor * strange.with_w:.0f} W, "
            f"without it {factor * strange.without_w:.0f} W, farther apart than in 95 % of "
            "the jobs left out: intervals cover both; one run on the target decides"
        )
    if strange.new_gpu:
        said.append(
            f"telemetry: power was learned from none of {metered.gpu}: intervals are "
            "those of jobs on GPUs left out, and may be wider than without --telemetry"
        )
    return said


def why_unmetered(workload: WorkloadKey, measured: bool) -> list[str]:
    """Why the telemetry of the anchor went into nothing, where that was given."""
    lacking = _sizes_lacking(workload)
    if measured:
        why = "the probe at the highest clock measured power on the target"
    elif lacking:
        why = f"without {' and '.join(lacking)} it cannot be compared with known runs"
    else:
        why = (
            "the clock model was fitted without telemetry of other instances, or of too "
            "few to answer for this anchor"
        )
    return [f"--telemetry was not used: {why}"]


def what_to_do(
    confidence: float,
    action: str,
    objective: str = "edp",
    *,
    bound: float | None = None,
    holds: float | None = None,
    clocks: int = 0,
) -> str:
    """The action, by which objective it is meant, and how sure it is.

    Parameters
    ----------
    bound, holds : float, optional
        On slowdown, and the probability with which it holds.
    clocks : int
        How many are named to measure next.
    """
    inside = "" if bound is None else f" and within {100 * bound:g} % of slowdown"
    said = (
        f"{100 * confidence:.0f} % sure to be within 2 % of the best by "
        f"{OBJECTIVE_NAMES[objective]}{inside}: {_ADVICE[action].format(clocks=_named(clocks))}"
    )
    if holds is not None and holds <= SURE_BOUND:
        said += (
            f"; the bound holds with a probability of {100 * holds:.0f} % only: "
            "--sure 0.9 takes a clock that keeps it in 90 %"
        )
    return said


def _named(clocks: int) -> str:
    """Number of clocks that an answer names, in words."""
    words = ("", "one", "two", "three", "four", "five")
    if clocks == 1:
        return "one clock named"
    return f"{words[clocks] if clocks < len(words) else clocks} clocks named".strip()


def what_changed(before: Recommendation, after: Recommendation) -> str:
    """What measured probes changed."""
    moved = (
        f"the clock stays at {after.sm_mhz:g} MHz"
        if before.sm_mhz == after.sm_mhz
        else f"the clock moves from {before.sm_mhz:g} to {after.sm_mhz:g} MHz"
    )
    return (
        f"{moved}; confidence from {before.confidence:.2f} to {after.confidence:.2f}; "
        f"power at the highest clock from {before.power_at_default_w.value:.0f} "
        f"(predicted) to {after.power_at_default_w.value:.0f} W (measured)"
    )
