"""What the user measured, checked: probes on the target, telemetry of the anchor."""

from __future__ import annotations

from collections.abc import Sequence

from xlate.catalog import Gpu
from xlate.clocks.features import PROBES, probe_shares
from xlate.clocks.legal import LegalClocks, snap
from xlate.clocks.probe import Probe
from xlate.errors import ProfileError, UnknownNameError, XlateError

__all__ = ["check_probes", "check_sure", "metered_shares"]

#: a probe this near the highest clock stands for it
_HIGHEST = 0.97


def check_sure(sure: float | None, bound: float | None) -> None:
    """A probability is demanded of a bound, and lies between 0 and 1."""
    if sure is None:
        return
    if bound is None:
        raise XlateError(
            "how sure the bound must be says nothing without a bound",
            "give --max-slowdown too, for instance 5%",
        )
    if not 0 < sure < 1:
        raise XlateError(
            f"the probability of the bound must be between 0 and 1, got {sure:g}",
            "0.9, for instance",
        )


def metered_shares(
    telemetry: Probe | None, gpu: Gpu
) -> tuple[float, float, float] | None:
    """Anchor telemetry as the hand-off wants it: shares from 0 to 1.

    Raises
    ------
    ProfileError
        If it lacks a utilisation, or nobody knows the anchor's power limit.
    """
    if telemetry is None:
        return None
    limit = gpu.limit_w
    busy = telemetry.metrics.get("gpu_utilization")
    memory = telemetry.metrics.get("memory_utilization")
    if limit is None or busy is None or memory is None:
        lacking = (
            f"a power limit for {gpu.name} in the catalogue"
            if limit is None
            else "GPU and memory utilisation in the telemetry"
        )
        raise ProfileError(
            f"the anchor's telemetry cannot be used without {lacking}",
            "record power.draw, utilization.gpu and utilization.memory, or leave "
            "--telemetry out",
        )
    return telemetry.power_w / limit, busy / 100, memory / 100


def check_probes(kind: str, probes: Sequence[Probe], legal: LegalClocks) -> None:
    """A tri-point probe has its three points, and probes stand for the highest clock."""
    if kind not in PROBES:
        raise UnknownNameError("probe", kind, PROBES)
    highest = legal.sm_mhz[-1]
    wanted = [snap(s * highest, legal.sm_mhz) for s in (1.0, *probe_shares(kind))]
    if kind != "max-only" and len(probes) < len(wanted):
        listed = ", ".join(f"{f:g}" for f in wanted)
        raise ProfileError(
            f"--probe {kind} needs runs at {listed} MHz, {len(probes)} given",
            "run the job there once each and give --probe-file for every one",
        )
    if probes and max(p.sm_mhz for p in probes) < _HIGHEST * highest:
        raise ProfileError(
            f"no probe ran at the highest clock, {highest:g} MHz",
            "everything is relative to it: probe it too",
        )
    for one in probes:
        if one.sm_mhz > 1.02 * highest:
            raise ProfileError(
                f"a probe ran at {one.sm_mhz:g} MHz, the target stops at {highest:g}",
                "it is of another GPU; name that one as --target",
            )
