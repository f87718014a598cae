"""One run of a workload at one clock: from a sweep, a recording, or a JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from xlate.clocks.curve import METRICS, Curve
from xlate.errors import ProfileError
from xlate.readers.limits import read_bytes, read_text
from xlate.telemetry import Trace, read_trace
from xlate.telemetry.sweepdir import COLUMN_OF

__all__ = ["Probe", "read_probe", "read_telemetry", "view_of"]


#: what a meter can have measured; activities, which are not listed, from 0 to 1
_RANGES = {
    "gpu_utilization": (0.0, 100.0),
    "memory_utilization": (0.0, 100.0), "temperature_c": (-50.0, 200.0),
    "power_w": (0.0, 10_000.0), "observed_mhz": (0.0, 10_000.0), "mem_mhz": (0.0, 100_000.0),
}  # fmt: skip


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
        Those of :data:`xlate.clocks.curve.METRICS` that were measured;
        utilisations in %, activities from 0 to 1.
    device : str or None
        GPU it ran on, as the driver prints it; None where nobody said.
    """

    sm_mhz: float
    power_w: float
    time_s: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    device: str | None = None

    @classmethod
    def of(cls, curve: Curve, k: int = -1) -> Probe:
        """What the run at the k-th clock of a sweep showed, as measured there."""
        found = {m: float(v[k]) for m, v in curve.metrics.items() if np.isfinite(v[k])}
        return cls(
            float(curve.sm_mhz[k]),
            float(curve.power_w[k]),
            float(curve.time_s[k]),
            found,
        )


def view_of(probe: Probe) -> str:
    """The richest view that a probe allows: ``dcgm`` where DRAM activity is known."""
    return "dcgm" if "dram_active" in probe.metrics else "smi"


def read_probe(path: Path, gpu_index: int | None = None) -> Probe:
    """A run of the job at one clock of the target.

    Parameters
    ----------
    path : Path
        JSON ``{"sm_mhz": …, "time_s": …, "power_w": …}`` with any of
        :data:`xlate.clocks.curve.METRICS` beside, or a recorded trace whose
        time stamps give the time.

    Raises
    ------
    ProfileError
        If it is neither, or lacks clock, time or power.
    """
    raw = read_bytes(path)
    if raw.lstrip()[:1] == b"{":
        return _json_probe(path, read_text(path, raw))
    probe = read_telemetry(path, gpu_index)
    if not probe.sm_mhz or probe.time_s is None:
        lacking = "time stamps" if probe.sm_mhz else "core clock"
        raise ProfileError(
            f"{path} has no {lacking}",
            "record nvidia-smi --query-gpu=timestamp,clocks.sm,power.draw,"
            "utilization.gpu,utilization.memory, or write a JSON probe",
        )
    return probe


def read_telemetry(path: Path, gpu_index: int | None = None) -> Probe:
    """What a meter saw of a run, its clock (0 where not recorded) and time aside.

    Raises
    ------
    ProfileError
        If it is no recorded trace, holds no power, a value that cannot be, or no
        sample in which the GPU worked.
    """
    trace = read_trace(path, gpu_index)
    _check_samples(path, trace)
    metrics = {
        column: value
        for name, column in COLUMN_OF.items()
        if column in METRICS and (value := trace.mean(name)) is not None
    }
    power = trace.mean("POWER")
    if power is None:
        raise ProfileError(f"{path} has no power", "record power.draw, or field 155")
    return Probe(
        trace.mean("SMCLK") or 0.0, power, trace.duration_s, metrics, trace.device
    )


def _check_samples(path: Path, trace: Trace) -> None:
    """Refuse samples that no meter writes, and a recording of an idle GPU."""
    for name, column in COLUMN_OF.items():
        if name not in trace.samples.columns:
            continue
        values = trace.samples[name].drop_nulls().to_numpy()
        low, high = _RANGES.get(column, (0.0, 1.0))
        wrong = values[~((values >= low) & (values <= high))]
        if len(wrong):
            raise ProfileError(
                f"{path} has a sample of {column.replace('_', ' ')} of {wrong[0]:g}, "
                f"which lies from {low:g} to {high:g}",
                "record again",
            )
    busy = [
        trace.samples[name].drop_nulls().to_numpy()
        for name in ("SMACT", "GRACT", "GPUTL")
        if name in trace.samples.columns
    ]
    if any(len(b) for b in busy) and not any(b.any() for b in busy):
        raise ProfileError(
            f"{path}: the GPU was idle in every sample", "record while the job runs"
        )


def _json_probe(path: Path, text: str) -> Probe:
    try:
        found = json.loads(text)
        flags = [k for k, v in found.items() if isinstance(v, bool)]
        if flags:
            raise ValueError(f"{flags[0]} is a truth value, not a number")
        numbers = {k: float(v) for k, v in found.items() if v is not None}
    except (
        json.JSONDecodeError,
        TypeError,
        ValueError,
        RecursionError,
        OverflowError,
    ) as e:
        raise ProfileError(
            f"{path} is no probe: {e}",
            'write {"sm_mhz": 960, "time_s": 1.2, "power_w": 140}',
        ) from e
    for key in ("sm_mhz", "time_s", "power_w"):
        if not numbers.get(key, 0) > 0 or not np.isfinite(numbers[key]):
            raise ProfileError(
                f"{path}: {key} is {found.get(key)!r}", "a number over 0"
            )
    strange = sorted(set(numbers) - {"sm_mhz", "time_s", "power_w", *METRICS})
    if strange:
        raise ProfileError(
            f"{path} has unknown keys: {', '.join(strange)}",
            f"known beside sm_mhz, time_s and power_w: {', '.join(METRICS)}",
        )
    metrics = {k: v for k, v in numbers.items() if k in METRICS}
    for key, value in metrics.items():
        low, high = _RANGES.get(key, (0.0, 1.0))
        if not low <= value <= high:
            raise ProfileError(
                f"{path}: {key} is {value:g}", f"from {low:g} to {high:g}"
            )
    return Probe(numbers["sm_mhz"], numbers["power_w"], numbers["time_s"], metrics)
