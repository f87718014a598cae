"""What the user measured, checked: probes on the target, telemetry of the anchor."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from xlate.catalog import Catalogue, Gpu
from xlate.clocks.anchor_power import AnchorMeans
from xlate.clocks.features import PROBES, probe_shares
from xlate.clocks.legal import LegalClocks, snap
from xlate.clocks.probe import Probe
from xlate.clocks.reference import reference_of
from xlate.errors import ProfileError, UnknownNameError, XlateError
from xlate.hardware.identity import Likeness

__all__ = [
    "check_device",
    "check_power",
    "check_probes",
    "check_sure",
    "metered_shares",
]

#: mean power at work, over the limit: less is another unit, more another GPU
_LEAST_POWER, _MOST_POWER = 0.03, 1.25
#: repeats at one clock differ by less than this factor; clocks this near are one
_ALIKE, _SAME_CLOCK = 1.3, 1.005


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
    """Anchor telemetry as the hand-off wants it: watts, and shares from 0 to 1.

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


def check_device(probe: Probe | None, gpu: Gpu, known: Catalogue, what: str) -> None:
    """A recording is of the GPU that it is given for, where it says of which.

    Parameters
    ----------
    probe : Probe or None
    gpu : Gpu
        That of the anchor or the target.
    known : Catalogue
    what : str
        ``"telemetry"``, ``"probe"`` or ``"recording"``, for the message.

    Raises
    ------
    ProfileError
        If it names another GPU.
    """
    if probe is None or probe.shown_by is None:
        return
    if known.likeness(probe.shown_by, gpu) in (Likeness.ANOTHER, Likeness.SHARE):
        raise ProfileError(
            f"the {what} is of a {probe.shown_by}, another GPU than the {gpu.name}",
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
    """Probes of one work: alike at one clock, and not faster at a lower one."""
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
