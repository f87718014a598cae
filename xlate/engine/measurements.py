"""What the user measured, checked: probes on the target, telemetry of the anchor."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from xlate.errors import ProfileError, UnknownNameError, XlateError
from xlate.hardware.catalogue import Catalogue, Gpu
from xlate.hardware.identity import Likeness
from xlate.hardware.legal_points import LegalClocks, snap
from xlate.hardware.naming import with_article
from xlate.models.anchor_power import AnchorMeans
from xlate.sweeps.features import PROBES, probe_shares
from xlate.sweeps.probe import Probe
from xlate.sweeps.reference import reference_of

__all__ = [
    "check_device",
    "check_power",
    "check_probes",
    "check_sure",
    "metered_shares",
    "probe_doubts",
]

#: mean power at work, over the limit: less is another unit, more another GPU
_LEAST_POWER, _MOST_POWER = 0.03, 1.2
#: repeats at one clock differ by less than this factor; clocks this near are one
_ALIKE, _SAME_CLOCK = 1.3, 1.005
#: time grows no more than the clock falls: of measured sweeps all are within the first
#: factor but where a card does not keep to a clock, and none is beyond the second
_GROWS, _CANNOT_GROW = 1.1, 1.35
#: clocks this far apart, with times and powers this alike, are one clock
_APART, _EQUAL_TIME, _EQUAL_POWER = 1.2, 1.02, 1.03
#: memory less active than this, and the card busier than that: arithmetic binds
_LITTLE_MEMORY, _BUSY = 0.3, 90.0


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


def metered_shares(telemetry: Probe | None, gpu: Gpu) -> AnchorMeans | None:
    """Anchor telemetry as the power model takes it: watts, and shares from 0 to 1.

    Raises
    ------
    ProfileError
        If it lacks a utilisation, its power is not one of this GPU, or nobody knows the anchor's power limit.
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
    check_power("the anchor", telemetry.power_w, limit)
    return AnchorMeans(telemetry.power_w, limit, busy / 100, memory / 100, gpu.name)


def check_device(
    probe: Probe | None, gpu: Gpu, catalogue: Catalogue, what: str
) -> None:
    """A recording is of the GPU that it is given for, where it says of which.

    Parameters
    ----------
    probe : Probe or None
    gpu : Gpu
        That of the anchor or the target.
    catalogue : Catalogue
    what : str
        ``"telemetry"``, ``"probe"`` or ``"recording"``, for the message.

    Raises
    ------
    ProfileError
        If it names another GPU.
    """
    if probe is None or probe.shown_by is None:
        return
    if catalogue.likeness(probe.shown_by, gpu) in (Likeness.ANOTHER, Likeness.SHARE):
        raise ProfileError(
            f"the {what} is of {with_article(probe.shown_by)}, another GPU than the {gpu.name}",
            f"record it on the {gpu.name}, or leave it out",
        )


def check_probes(
    kind: str, probes: Sequence[Probe], legal: LegalClocks, limit_w: float | None = None
) -> None:
    """A tri-point probe has its three points, and probes stand for the highest clock.

    Parameters
    ----------
    kind : str
    probes : sequence of Probe
    legal : LegalClocks
        Of the target.
    limit_w : float, optional
        Most that the target may draw.

    Raises
    ------
    ProfileError
        If points are missing, a value is not one of this GPU, or two probes cannot
        be of the same work.
    """
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
    top = max(probes, key=lambda p: p.sm_mhz, default=None)
    reference = None
    if top is not None:
        reference = reference_of(top.sm_mhz, top.power_w, highest, limit_w)
    # a card at its power limit does not reach the highest clock, whoever asks
    if reference is not None and not reference.throttled:
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
        check_power("a probe", one.power_w, limit_w)
    _check_together(probes)


def check_power(what: str, power_w: float, limit_w: float | None) -> None:
    """Mean power at work is one of this GPU.

    Parameters
    ----------
    what : str
        Whose power it is, for the message.
    limit_w : float or None
        Power limit of the GPU; None where nobody knows it.

    Raises
    ------
    ProfileError
        If the GPU cannot have drawn it.
    """
    if limit_w is None or _LEAST_POWER * limit_w <= power_w <= _MOST_POWER * limit_w:
        return
    raise ProfileError(
        f"{what} drew {power_w:g} W, on a GPU that may draw {limit_w:g} W",
        "power is in W, and of this one GPU",
    )


def _check_together(probes: Sequence[Probe]) -> None:
    """Probes of one work: alike at one clock, and not faster at a lower one.

    Nor slower there than the clock is lower, nor as fast where arithmetic binds.
    """
    for one, other in combinations(probes, 2):
        if one == other and one.trace == other.trace:
            raise ProfileError(
                f"one probe is given twice: {one.sm_mhz:g} MHz, {one.time_s:g} s, {one.power_w:g} W",
                "give each run once",
            )
    timed = sorted((p for p in probes if p.time_s), key=lambda p: p.sm_mhz)
    for low, high in combinations(timed, 2):
        slow, fast = low.time_s or 0.0, high.time_s or 0.0
        if high.sm_mhz <= _SAME_CLOCK * low.sm_mhz:
            if not 1 / _ALIKE <= slow / fast <= _ALIKE or (
                not 1 / _ALIKE <= low.power_w / high.power_w <= _ALIKE
            ):
                raise ProfileError(
                    f"two probes at the same clock, {high.sm_mhz:g} MHz, differ: "
                    f"{slow:g} s at {low.power_w:g} W and {fast:g} s at {high.power_w:g} W",
                    "give runs of one and the same work",
                )
        elif slow * _ALIKE < fast:
            raise ProfileError(
                f"a probe at {low.sm_mhz:g} MHz took {slow:g} s, one at {high.sm_mhz:g} MHz "
                f"{fast:g} s: the same work is not that much faster at a lower clock",
                "give runs of one and the same work",
            )
        else:
            _check_response(low, high)


def _check_response(low: Probe, high: Probe) -> None:
    """What a lower clock can do to the same work.

    Raises
    ------
    ProfileError
        If it took longer than the clock is lower, or the clock was not set.
    """
    clocks = high.sm_mhz / low.sm_mhz
    times = (low.time_s or 0.0) / (high.time_s or 1.0)
    seen = (
        f"a probe at {low.sm_mhz:g} MHz took {low.time_s:g} s at {low.power_w:g} W, one at "
        f"{high.sm_mhz:g} MHz {high.time_s:g} s at {high.power_w:g} W"
    )
    if times > _CANNOT_GROW * clocks:
        raise ProfileError(
            f"{seen}: {times:.2f} times as long at a clock {clocks:.2f} times lower",
            "give runs of one and the same work, with nothing else on the GPU",
        )
    if times >= _EQUAL_TIME:
        return
    if clocks > _APART and high.power_w / low.power_w < _EQUAL_POWER:
        raise ProfileError(
            f"{seen}: neither time nor power says that the clock was another",
            "check that it was set (nvidia-smi -q -d CLOCK) while the job ran",
        )
    if clocks > _ALIKE and _arithmetic_binds(high):
        raise ProfileError(
            f"{seen}: as fast at a lower clock, though its activities say that arithmetic "
            "binds",
            "give runs of one and the same work, and check that the clock was set",
        )


def _arithmetic_binds(probe: Probe) -> bool:
    """Whether a probe says that the card is busy, and memory is not."""
    shares = [probe.metrics.get("dram_active"), probe.metrics.get("memory_utilization")]
    memory = shares[0] if shares[0] is not None else (shares[1] or 100.0) / 100
    busy = probe.metrics.get("gpu_utilization", 100 * probe.metrics.get("sm_active", 0))
    return memory < _LITTLE_MEMORY and busy > _BUSY


def probe_doubts(probes: Sequence[Probe]) -> list[tuple[str, str]]:
    """Level and reason where time grew more than the clock fell, as it rarely does."""
    timed = sorted((p for p in probes if p.time_s), key=lambda p: p.sm_mhz)
    return [
        (
            "widen",
            f"probes: {times:.2f} times as long at {low.sm_mhz:g} MHz as at {high.sm_mhz:g}, more than the clock is lower ({clocks:.2f} times): the card may not have kept to the clock",
        )
        for low, high in combinations(timed, 2)
        if (times := (low.time_s or 0.0) / (high.time_s or 1.0))
        > _GROWS * (clocks := high.sm_mhz / low.sm_mhz)
    ]
