"""How far a recording of a meter is to be trusted, and what an answer says of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from xlate.hardware.catalogue import Catalogue, Gpu
from xlate.hardware.identity import Likeness
from xlate.hardware.naming import with_article
from xlate.readers.traces.wallclock import recorded_at
from xlate.sweeps.probe import Probe
from xlate.values.profile import Verdict
from xlate.values.recommendation import MeterFacts

__all__ = [
    "Doubt",
    "anchor_doubts",
    "identity_doubts",
    "meter_facts",
    "reading_doubts",
    "sample_doubts",
    "time_doubts",
    "verdict_of",
]

#: level of a verdict, and the reason
Doubt = tuple[str, str]

#: fewer samples at work, or a smaller share of all, are doubted
_FEW_SAMPLES, _RARELY = 10, 0.1
#: a share of idle samples between those at work beyond which it may be two jobs
_MANY_WAITING = 0.1
#: a share of samples left out beyond which the rest is doubted too
_MANY_LEFT_OUT = 0.1
#: seconds that a profile and its telemetry may be apart: where the zone is said, and
#: where it is not (from UTC-12 to UTC+14)
_MINUTES_APART, _ZONES_APART = 600.0, 14.5 * 3600
#: mean power over the limit that no meter's rounding explains
_OVER_LIMIT = 1.05
#: memory in use over that of the card; sizes are rounded
_OVER_MEMORY = 1.05
#: memory cannot be busy much longer than the card is, in %, in this share of the samples
_SLACK, _THROUGHOUT = 5.0, 0.9
_LEVELS = ("ok", "widen", "refuse")


def sample_doubts(recording: Probe) -> list[Doubt]:
    """Too few samples, too much of them idle, too many that cannot be, or no time apart.

    Parameters
    ----------
    recording : Probe
        One without a trace is doubted for nothing here.
    """
    trace = recording.trace
    if trace is None:
        return []
    doubts = []
    work, n = int(trace.at_work.sum()), trace.samples.height
    if work < _FEW_SAMPLES:
        doubts.append(("widen", f"the recording has {work} samples of the GPU at work"))
    if work < _RARELY * n:
        doubts.append(
            ("widen", f"the GPU worked in {work} of {n} samples: record the job alone")
        )
    if trace.waiting:
        inside = trace.run.height
        level = "widen" if trace.waiting > _MANY_WAITING * inside else "ok"
        doubts.append(
            (
                level,
                f"the GPU was idle in {trace.waiting} of the {inside} samples from the first to the last at work: they count as waiting of the job",
            )
        )
    timed = "TIME" in trace.samples.columns
    if timed and n > 1 and trace.samples["TIME"].n_unique() == 1:
        doubts.append(
            (
                "widen",
                f"all {n} samples have one and the same time stamp: each counts alike, and how long the job ran is not known",
            )
        )
    for left in trace.left_out:
        level = "widen" if left.count > _MANY_LEFT_OUT * left.of else "ok"
        doubts.append((level, left.text))
    return doubts


def reading_doubts(recording: Probe, gpu: Gpu) -> list[Doubt]:
    """Readings that a card of this kind hardly shows: power, and memory busier than it.

    Parameters
    ----------
    recording : Probe
    gpu : Gpu
        On which it was recorded.
    """
    doubts, limit, trace = [], gpu.limit_w, recording.trace
    own = None if trace is None else trace.mean_of_run("LIMIT")
    limit = own or limit
    if limit and recording.power_w > _OVER_LIMIT * limit:
        doubts.append(
            (
                "widen",
                f"mean power of {recording.power_w:.0f} W is over the limit of {limit:g} W: of another GPU, or of several together",
            )
        )
    used, size = _used_mib(recording), gpu.number("memory_gib")
    if used and size and used > _OVER_MEMORY * 1024 * size:
        doubts.append(
            (
                "refuse",
                f"{used / 1024:.1f} GiB of memory are in use, more than the {size:.1f} GiB of {with_article(gpu.name)}: of another GPU",
            )
        )
    if _memory_busier(recording):
        doubts.append(
            (
                "widen",
                "memory utilisation is above GPU utilisation throughout: the two are mixed up, or only copies ran",
            )
        )
    return doubts


def _used_mib(recording: Probe) -> float | None:
    """Most memory in use in any sample, MiB; None where it was not recorded."""
    trace = recording.trace
    if trace is None or "MUSED" not in trace.samples.columns:
        return None
    most = trace.samples["MUSED"].cast(pl.Float64).max()
    return float(most) if isinstance(most, float) and math.isfinite(most) else None


def _memory_busier(recording: Probe) -> bool:
    """Whether memory is said to be busy when the card is not, nearly all the time."""
    trace = recording.trace
    pair = ("GPUTL", "MCUTL")
    if trace is not None and set(pair) <= set(trace.samples.columns):
        both = trace.active.select(pair).drop_nulls()
        over = both["MCUTL"] > both["GPUTL"] + _SLACK
        return both.height > 0 and float(over.mean() or 0.0) >= _THROUGHOUT  # type: ignore[arg-type]
    busy, memory = (
        recording.metrics.get(m) for m in ("gpu_utilization", "memory_utilization")
    )
    return busy is not None and memory is not None and memory > busy + _SLACK


def identity_doubts(recording: Probe, gpu: Gpu, catalogue: Catalogue) -> list[Doubt]:
    """That nothing says whose a recording is, or that its name is taken for a GPU's."""
    if recording.device is None:
        return [
            (
                "ok",
                f"nothing in the recording says that it is of {with_article(gpu.name)}",
            )
        ]
    likeness = catalogue.likeness(recording.device, gpu)
    named = f"the recording names {with_article(recording.device)}"
    if likeness is Likeness.NOTHING:
        return [
            (
                "widen",
                f"{named}, which is no GPU's name: nothing confirms the {gpu.name}",
            )
        ]
    if likeness is Likeness.VARIANT:
        return [("ok", f"{named}, taken as the {gpu.name} of the catalogue")]
    return []


def anchor_doubts(telemetry: Probe, gpu: Gpu, catalogue: Catalogue) -> list[Doubt]:
    """The same of telemetry beside a profile, and whose it may be.

    Parameters
    ----------
    telemetry : Probe
        Recorded on the anchor.
    gpu : Gpu
        The anchor's.
    catalogue : Catalogue
        Says what a name of a GPU means.
    """
    doubts = [
        *sample_doubts(telemetry),
        *reading_doubts(telemetry, gpu),
        *identity_doubts(telemetry, gpu, catalogue),
    ]
    return [(level, f"telemetry: {text}") for level, text in doubts]


def time_doubts(telemetry: Probe, profile: Path) -> list[Doubt]:
    """The telemetry is of another time than the profile, where both say theirs.

    Meters write local time without its zone, so that half a day and more proves
    nothing; where they say the zone, ten minutes do.

    Parameters
    ----------
    telemetry : Probe
        Recorded on the anchor.
    profile : Path
        The profile's file.
    """
    trace = telemetry.trace
    if trace is None or trace.start is None:
        return []
    at = recorded_at(profile)
    if at is None:
        return []
    slack = _MINUTES_APART if trace.zoned else _ZONES_APART
    end = trace.start + (trace.duration_s or 0.0)
    if trace.start - slack <= at <= end + slack:
        return []
    zone = "UTC" if trace.zoned else "local time"
    return [
        (
            "widen",
            f"telemetry: it is of {_date(trace.start)} {zone}, the profile of {_date(at)} UTC: not of one run",
        )
    ]


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def verdict_of(doubts: Sequence[Doubt]) -> Verdict:
    """The worst level, and every reason once."""
    level = max((_LEVELS.index(level) for level, _ in doubts), default=0)
    return Verdict(_LEVELS[level], tuple(dict.fromkeys(text for _, text in doubts)))


def meter_facts(probe: Probe, of: str, used: bool) -> MeterFacts | None:
    """What an answer says of a recording; None for a probe without a trace.

    Parameters
    ----------
    probe : Probe
    of : {"anchor", "target"}
        On which it was recorded.
    used : bool
        Whether the answer rests on it.
    """
    trace = probe.trace
    if trace is None:
        return None
    left = sum(x.count for x in trace.left_out)
    return MeterFacts(
        trace.source,
        of,
        probe.device,
        used,
        trace.samples.height + left,
        at_work=int(trace.at_work.sum()),
        left_out=left,
        interval_s=trace.interval_s,
        seconds=probe.time_s,
        sm_mhz=probe.sm_mhz or None,
        power_w=probe.power_w,
        notes=(*(x.text for x in trace.left_out), *trace.notes),
    )
