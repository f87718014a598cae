"""Why a clock, how far to trust it, and what to do, in words."""

from __future__ import annotations

from xlate.advice import Recommendation
from xlate.catalog import Gpu
from xlate.clocks.probe import Probe
from xlate.clocks.recommend import WATCH_S
from xlate.store.clock_bundle import ClockManifest

__all__ = ["what_binds", "what_changed", "what_to_do", "whence"]

#: memory is said to bind, and the card to wait, beyond these shares of the time
_MEMORY_BINDS, _CARD_WAITS = 0.6, 0.5
#: power over the limit, beyond which the card throttles itself
_NEAR_LIMIT = 0.97

_ADVICE = {
    "apply": "apply it",
    "apply-monitored": f"apply it, watch for {WATCH_S} s, fall back to the "
    "highest clock if time or power are off",
    "sweep": "sweep the five clocks named and take the best",
    "collect": "collect more: one run at each clock named, then give --probe-file",
}


def what_binds(first: Probe, gpu: Gpu) -> list[str]:
    """What the job does to the card, as far as the probe at the highest clock says."""
    said = []
    metrics = first.metrics
    busy = metrics.get("gpu_utilization", 100.0) / 100
    memory = metrics.get("dram_active", metrics.get("memory_utilization", 0.0) / 100)
    if busy < _CARD_WAITS:
        said.append(
            f"the card waits: it is busy {100 * busy:.0f} % of the time, and waiting "
            "does not get longer at a lower clock"
        )
    if memory > _MEMORY_BINDS:
        said.append(
            f"memory binds ({100 * memory:.0f} % active): the clock falls some way "
            "before time grows"
        )
    elif busy >= _CARD_WAITS:
        said.append(
            f"compute binds (memory {100 * memory:.0f} % active): time grows as the "
            "clock falls"
        )
    limit = gpu.limit_w
    if limit and first.power_w > _NEAR_LIMIT * limit:
        said.append("at the highest clock the card draws all that its limit allows")
    return said


def whence(manifest: ClockManifest, target: str, measured: bool) -> list[str]:
    """What the answer is borrowed from."""
    said = []
    if manifest.extrapolated:
        said.append(
            f"extrapolated: {manifest.gpu} was never swept, the response is that of "
            f"{manifest.source_gpu}; errors are taken {manifest.spread:g} times as large"
        )
    own = manifest.handoff is not None and manifest.handoff.startswith(f"{target} ")
    if manifest.handoff is not None and not own and not measured:
        said.append(f"power and utilisation are borrowed from {manifest.handoff}")
    return said


def what_to_do(confidence: float, action: str) -> str:
    """The action, and how sure it is."""
    return (
        f"{100 * confidence:.0f} % sure to be within 2 % of the best: {_ADVICE[action]}"
    )


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
