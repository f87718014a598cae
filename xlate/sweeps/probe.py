"""One run of a workload at one clock: from a sweep, a recording, or a JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from xlate.data.schema import METER_COLUMNS
from xlate.errors import ProfileError
from xlate.files.limits import read_bytes, read_text
from xlate.hardware.catalogue import Gpu
from xlate.sweeps.curve import METRICS, Curve
from xlate.telemetry import Trace, is_telemetry, read_trace
from xlate.telemetry.sanity import Bounds

__all__ = [
    "Probe",
    "check_work",
    "means_of",
    "of_trace",
    "read_probe",
    "read_telemetry",
    "view_of",
]


#: what a JSON probe may say; activities, which are not listed, from 0 to 1
_RANGES = {
    "gpu_utilization": (0.0, 100.0),
    "memory_utilization": (0.0, 100.0),
    "temperature_c": (-50.0, 200.0),
}
#: fewer samples at work than this are no recording of a job, nor is a larger share of
#: idle samples among them, nor a lower mean utilisation in %
_FEWEST_SAMPLES, _MOST_WAITING, _LEAST_BUSY = 2, 0.5, 5.0
_HOW = (
    "record nvidia-smi --query-gpu=timestamp,name,clocks.sm,power.draw,"
    "utilization.gpu,utilization.memory"
)


@dataclass(frozen=True)
class Probe:
    """One run of a workload at one clock.

    Attributes
    ----------
    sm_mhz : float
        Core clock.
    power_w : float
        Mean power.
    time_s : float or None
        Time the work took; only ratios between probes are looked at.
    metrics : mapping of str to float
        Those of :data:`xlate.sweeps.curve.METRICS` that were measured;
        utilisations in %, activities from 0 to 1.
    device : str or None
        GPU it ran on, as the driver prints it; None where nobody said.
    trace : Trace or None
        The recording that it is the mean of; None where there is none.

    Examples
    --------
    >>> from xlate import Probe
    >>> Probe(sm_mhz=1080.0, power_w=140.0, time_s=0.021).power_w
    140.0
    """

    sm_mhz: float
    power_w: float
    time_s: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    device: str | None = None
    trace: Trace | None = field(default=None, repr=False, compare=False)

    @property
    def shown_by(self) -> str | None:
        """The GPU it ran on; where nobody said, whose GPUs the meter reads."""
        vendor = None if self.trace is None else self.trace.vendor
        return self.device or (None if vendor is None else f"{vendor} GPU")

    def within(self, gpu: Gpu) -> Probe:
        """Without the samples of its recording that this GPU cannot have shown.

        Over twice its power limit, or over its highest clock where the catalogue
        holds that.

        Raises
        ------
        ProfileError
            If these are more than half, as they are where it is of another GPU.
        """
        if self.trace is None:
            return self
        highest = gpu.legal_mhz()[-1] if gpu.clocks else None
        kept = self.trace.within(Bounds(gpu.limit_w, highest, gpu.name))
        return self if kept is self.trace else of_trace(kept)

    @classmethod
    def of(cls, curve: Curve, k: int = -1) -> Probe:
        """The run at the k-th clock of a sweep, as it was measured."""
        metrics = {
            m: float(v[k]) for m, v in curve.metrics.items() if np.isfinite(v[k])
        }
        return cls(
            float(curve.sm_mhz[k]),
            float(curve.power_w[k]),
            float(curve.time_s[k]),
            metrics,
        )


def view_of(probe: Probe) -> str:
    """The richest view that a probe allows: ``dcgm`` where DRAM activity is known."""
    return "dcgm" if "dram_active" in probe.metrics else "smi"


def read_probe(
    path: Path, gpu_index: int | None = None, fields: Sequence[str] | None = None
) -> Probe:
    """A run of the job at one clock of the target.

    Parameters
    ----------
    path : Path
        JSON ``{"sm_mhz": …, "time_s": …, "power_w": …}`` with any of
        :data:`xlate.sweeps.curve.METRICS` beside, or a recorded trace whose
        time stamps give the time.
    gpu_index : int, optional
        Which GPU's rows, where the recording holds several.
    fields : sequence of str, optional
        Columns of an ``nvidia-smi`` csv without a header.

    Raises
    ------
    ProfileError
        If it is neither, or lacks clock, time or power.
    """
    raw = read_bytes(path)
    if raw.lstrip()[:1] == b"{" and not is_telemetry(path):
        return _json_probe(path, read_text(path, raw))
    probe = read_telemetry(path, gpu_index, fields)
    if not probe.sm_mhz or probe.time_s is None:
        lacking = "time stamps" if probe.sm_mhz else "core clock"
        raise ProfileError(f"{path} has no {lacking}", f"{_HOW}, or write a JSON probe")
    return probe


def read_telemetry(
    path: Path, gpu_index: int | None = None, fields: Sequence[str] | None = None
) -> Probe:
    """What a meter saw of a run, its clock (0 where not recorded) and time aside.

    Raises
    ------
    ProfileError
        If it is no recorded trace, holds no power, mostly values that cannot be, or
        fewer than two samples in which the GPU worked.
    """
    return of_trace(read_trace(path, gpu_index, fields))


def of_trace(trace: Trace) -> Probe:
    """What a recording shows of the run: means from the first to the last work of the GPU.

    Raises
    ------
    ProfileError
        If it holds no power, or is no recording of a job: of an idle GPU, of one
        that was idle most of the time, or of one sample.
    """
    check_work(trace)
    return means_of(trace)


def check_work(trace: Trace) -> None:
    """Check that a recording is one of a GPU at work.

    Raises
    ------
    ProfileError
        If the GPU was idle in all samples or in most, or worked in fewer than two.
    """
    fault = _idleness(trace)
    if fault is not None:
        raise ProfileError(
            f"{trace.source}: {fault}",
            "record while the job runs, and nothing else",
            code="telemetry.unsound",
        )
    working = int(trace.at_work.sum())
    if working < _FEWEST_SAMPLES:
        raise ProfileError(
            f"{trace.source} has {working} sample of the GPU at work, which is no "
            "recording of a job",
            "record while the job runs, ten samples or more",
            code="telemetry.unsound",
        )


def _idleness(trace: Trace) -> str | None:
    """How far the GPU was idle, where that is too much for a recording of a job."""
    busy = trace.mean_of_run("GPUTL")
    if trace.idle:
        nearly = f", {busy:.1f} % busy on average" if busy else ""
        return f"the GPU was idle in every sample{nearly}"
    inside, waiting = trace.run.height, trace.waiting
    if waiting > _MOST_WAITING * inside:
        return (
            f"the GPU was idle in {waiting} of the {inside} samples from the first to the "
            "last at work: their means are those of no job"
        )
    if busy is not None and busy < _LEAST_BUSY:
        return f"the GPU was {busy:.1f} % busy on average: nearly idle"
    return None


def means_of(trace: Trace) -> Probe:
    """The means of a recording, or of a part of one, whether or not the GPU worked.

    Raises
    ------
    ProfileError
        If it holds no power.
    """
    metrics = {
        column: value
        for name, column in METER_COLUMNS.items()
        if column in METRICS and (value := trace.mean_of_run(name)) is not None
    }
    power = trace.mean_of_run("POWER")
    if power is None:
        raise ProfileError(
            f"{trace.source} has no power",
            "record power.draw, or field 155",
            code="telemetry.no-power",
        )
    return Probe(
        trace.mean_of_run("SMCLK") or 0.0,
        power,
        _seconds(trace),
        metrics={
            k: min(v, 1.0) if k.endswith(("active", "occupancy")) else v
            for k, v in metrics.items()
        },
        device=trace.device,
        trace=trace,
    )


def _seconds(trace: Trace) -> float | None:
    """Seconds from the first to the last sample at work; None without time stamps."""
    if "TIME" not in trace.samples.columns:
        return None
    times = trace.run["TIME"].to_numpy()
    return float(np.ptp(times)) if len(times) > 1 else None


def _json_probe(path: Path, text: str) -> Probe:
    try:
        values = json.loads(text)
        flags = [k for k, v in values.items() if isinstance(v, bool)]
        if flags:
            raise ValueError(f"{flags[0]} is a truth value, not a number")
        numbers = {k: float(v) for k, v in values.items() if v is not None}
    except (
        json.JSONDecodeError,
        TypeError,
        ValueError,
        RecursionError,
        OverflowError,
    ) as e:
        raise ProfileError(
            f"{path} is not a probe: {e}",
            'write {"sm_mhz": 960, "time_s": 1.2, "power_w": 140}',
            code="profile.not-a-profile",
        ) from e
    for key in ("sm_mhz", "time_s", "power_w"):
        if not numbers.get(key, 0) > 0 or not np.isfinite(numbers[key]):
            raise ProfileError(
                f"{path}: {key} is {values.get(key)!r}",
                "a number over 0",
                code="profile.bad-value",
            )
    strange = sorted(set(numbers) - {"sm_mhz", "time_s", "power_w", *METRICS})
    if strange:
        raise ProfileError(
            f"{path} has unknown keys: {', '.join(strange)}",
            f"known beside sm_mhz, time_s and power_w: {', '.join(METRICS)}",
            code="profile.bad-field",
        )
    metrics = {k: v for k, v in numbers.items() if k in METRICS}
    for key, value in metrics.items():
        low, high = _RANGES.get(key, (0.0, 1.0))
        if not low <= value <= high:
            raise ProfileError(
                f"{path}: {key} is {value:g}",
                f"from {low:g} to {high:g}",
                code="profile.bad-value",
            )
    return Probe(numbers["sm_mhz"], numbers["power_w"], numbers["time_s"], metrics)
