"""A folder of recorded runs at many clocks: one aggregate a clock.

Two conventions are read: ``results_<gpu>_<workload>_job_<id>/`` with
``run_<seq>_<run>_freq_<MHz>_profile.csv`` and ``timing_summary.log``, and TTU's
flat ``GA100-<app>-<clock>-<run>``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate.data.schema import METER_COLUMNS, sweeps_frame
from xlate.errors import ProfileError
from xlate.files import read_bytes
from xlate.hardware.naming import names_another, with_article
from xlate.telemetry import Trace, read_trace

__all__ = ["Run", "SweepRead", "aggregate", "read_sweep"]

Floats = NDArray[np.float64]

_JOB = re.compile(r"^results_(?P<gpu>[^_]+)_(?P<workload>.+)_job_(?P<job>[^_]+)$")
_RUN = re.compile(r"^run_(?P<seq>\d+)_(?P<run>\d+)_freq_(?P<mhz>\d+)_profile\.csv$")
_TTU = re.compile(r"^(?P<gpu>G[AV]100)-(?P<workload>.+)-(?P<mhz>\d+)-(?P<run>\d+)$")
#: a line of timing_summary.log: run id, clock and seconds, in that order
_TIMING = re.compile(
    r"(?P<seq>\d+)_(?P<run>\d+)\D+(?P<mhz>\d{3,4})\b\D+(?P<time>\d+(?:\.\d+)?)"
)
_GPU_OF = {"GA100": "A100-SXM4-80GB", "GV100": "V100-PCIe-32GB"}

#: fences of the box plot (Tukey, 1977)
_FENCE = 1.5
#: fewest runs for which quartiles mean anything
_FEWEST_FOR_FENCE = 4
#: observed and requested clock may differ by this share
_FOLLOWED = 0.03


@dataclass(frozen=True, eq=False)
class Run:
    """One recorded run of a sweep.

    Attributes
    ----------
    order : tuple of int
        Sorts runs of one clock by when they ran; the first may be cold.
    time_s : float or None
        Wall time, from the summary beside the traces or the time stamps.
    """

    gpu: str
    workload: str
    sm_mhz: float
    order: tuple[int, ...]
    trace: Trace
    time_s: float | None


@dataclass(frozen=True, eq=False)
class SweepRead:
    """What a folder held.

    Attributes
    ----------
    table : polars.DataFrame
        Canonical ``sweeps`` with ``runs`` (used), ``power_cv``, ``time_cv``
        (dispersion over runs), ``energy_from`` and ``followed`` (whether the
        observed clock was the requested one) beside.
    notes : tuple of str
        What was dropped, and what is missing.
    runs : tuple of Run
        Every run read, dropped ones too.
    """

    table: pl.DataFrame
    notes: tuple[str, ...]
    runs: tuple[Run, ...] = ()


def read_sweep(
    folder: Path, gpu_index: int | None = None, fields: Sequence[str] | None = None
) -> SweepRead:
    """Read every run below a folder and aggregate by clock.

    Parameters
    ----------
    folder : Path
        Holds runs, or folders of runs.
    gpu_index : int, optional
        Which GPU's rows, where traces hold several.
    fields : sequence of str, optional
        Columns of ``nvidia-smi`` csv files without a header.

    Raises
    ------
    ProfileError
        If it is no folder, nothing in it is named by a convention, or a trace is of
        another GPU than its name says.
    """
    if not folder.is_dir():
        raise ProfileError(
            f"{folder} is no folder",
            "name a folder of recorded runs",
            code="profile.unreadable",
        )
    runs: list[Run] = []
    strange: list[str] = []
    notes: list[str] = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        named = _named(path)
        if named is None:
            if path.name != "timing_summary.log" and not path.name.startswith("."):
                strange.append(path.name)
            continue
        gpu, workload, mhz, order = named
        trace = read_trace(path, gpu_index, fields)
        _check_device(path, trace, gpu)
        if trace.idle:
            notes.append(f"{path.name}: the GPU was idle in every sample: left out")
            continue
        notes += [f"{path.name}: {n}" for n in trace.notes if "break off" not in n]
        notes += [f"{path.name}: {left.text}" for left in trace.left_out]
        time = _timings(path.parent).get((order, mhz), trace.duration_s)
        runs.append(Run(gpu, workload, mhz, order, trace, time_s=time))
    broken = sum("break off" in n for r in runs for n in r.trace.notes)
    if broken:
        notes.append(f"{broken} of {len(runs)} traces have lines that break off")
    if not runs:
        raise ProfileError(
            f"{folder} holds no run whose name xlate knows",
            "names are results_<gpu>_<workload>_job_<id>/run_<seq>_<run>_freq_<MHz>_"
            "profile.csv or GA100-<app>-<clock>-<run>",
            code="profile.not-a-profile",
        )
    if strange:
        notes.append(f"{len(strange)} other files were not read, first: {strange[0]}")
    table, more = aggregate(runs)
    return SweepRead(table, tuple(notes + more), tuple(runs))


def _check_device(path: Path, trace: Trace, gpu: str) -> None:
    """Refuse a trace of another GPU than the one its name, or its folder's, says."""
    # a folder's name is short: it is asked whether it can mean the device
    if trace.device is not None and names_another(gpu, (trace.device,)):
        raise ProfileError(
            f"{path} is of {with_article(trace.device)}, and its name says {gpu}",
            "put it where runs of that GPU are",
            code="profile.gpu",
        )


def _named(path: Path) -> tuple[str, str, float, tuple[int, ...]] | None:
    """GPU, workload, clock and order in a run's name."""
    flat = _TTU.match(path.name)
    if flat:
        gpu = _GPU_OF[flat["gpu"]]
        return gpu, flat["workload"], float(flat["mhz"]), (int(flat["run"]),)
    run = _RUN.match(path.name)
    job = _JOB.match(path.parent.name)
    if run and job:
        order = (int(run["seq"]), int(run["run"]))
        return job["gpu"], job["workload"], float(run["mhz"]), order
    return None


def _timings(folder: Path) -> dict[tuple[tuple[int, ...], float], float]:
    """Seconds by run, from ``timing_summary.log`` where there is one."""
    path = folder / "timing_summary.log"
    if not path.is_file():
        return {}
    seconds: dict[tuple[tuple[int, ...], float], float] = {}
    for line in read_bytes(path).decode("utf-8", "replace").splitlines():
        m = _TIMING.search(line)
        if m:
            order = (int(m["seq"]), int(m["run"]))
            seconds[order, float(m["mhz"])] = float(m["time"])
    return seconds


def aggregate(runs: Sequence[Run]) -> tuple[pl.DataFrame, list[str]]:
    """One row a (GPU, workload, clock).

    The first run of a clock is dropped as cold where there are two or more,
    then runs outside Tukey's fences of power or time, where there are four or
    more; what is left is averaged, power over the samples in which the GPU
    worked.

    Returns
    -------
    table : polars.DataFrame
        See :class:`SweepRead`.
    notes : list of str
        Clocks that were not followed, energy that is missing.
    """
    together: dict[tuple[str, str, float], list[Run]] = {}
    for run in runs:
        together.setdefault((run.gpu, run.workload, run.sm_mhz), []).append(run)
    rows, notes = [], []
    for (gpu, workload, mhz), same in sorted(together.items()):
        warm = sorted(same, key=lambda r: r.order)
        warm = warm[1:] if len(warm) > 1 else warm
        row, missing = _one_clock(_inside(warm))
        where = f"{workload} at {mhz:g} MHz"
        if not row["followed"]:
            notes.append(
                f"{where}: the card ran at {row['observed_mhz']:.0f} MHz, not at the "
                "clock requested"
            )
        notes += [f"{where}: {m}" for m in missing]
        rows.append(
            {"gpu": gpu, "workload": workload, "application": workload, "sm_mhz": mhz}
            | row
        )
    extra = ["runs", "power_cv", "time_cv", "energy_from", "followed"]
    table = pl.DataFrame(rows, infer_schema_length=None)
    return pl.concat(
        [sweeps_frame(table), table.select(extra)], how="horizontal"
    ), notes


def _inside(runs: list[Run]) -> list[Run]:
    """Runs inside the fences of power and of time."""
    keep = np.ones(len(runs), dtype=bool)
    if len(runs) >= _FEWEST_FOR_FENCE:
        for values in (
            [r.trace.mean("POWER") for r in runs],
            [r.time_s for r in runs],
        ):
            v = np.array([np.nan if x is None else x for x in values])
            if np.isfinite(v).all():
                low, high = np.quantile(v, [0.25, 0.75])
                reach = _FENCE * (high - low)
                keep &= (v >= low - reach) & (v <= high + reach)
    return [r for r, k in zip(runs, keep, strict=True) if k]


def _one_clock(
    runs: list[Run],
) -> tuple[dict[str, float | int | str | bool | None], list[str]]:
    row: dict[str, float | int | str | bool | None] = {
        column: _mean([r.trace.mean(name) for r in runs])
        for name, column in METER_COLUMNS.items()
    }
    energies = [r.trace.energy_j() for r in runs]
    power, time = [r.trace.mean("POWER") for r in runs], [r.time_s for r in runs]
    origins = sorted({origin for _, origin in energies})
    row["energy_j"] = _mean([e for e, _ in energies])
    row["time_s"] = _mean(time)
    row["runs"], row["power_cv"], row["time_cv"] = len(runs), _cv(power), _cv(time)
    row["energy_from"] = origins[0] if row["energy_j"] is not None else None
    observed = row["observed_mhz"]
    row["followed"] = (
        observed is None or abs(float(observed) / runs[0].sm_mhz - 1) <= _FOLLOWED
    )
    missing = [o for e, o in energies if e is None][:1]
    if "power_w" in row and row["power_w"] is None:
        missing.append("no power was sampled")
    return row, missing


def _mean(values: Sequence[float | None]) -> float | None:
    recorded = [v for v in values if v is not None]
    return float(np.mean(recorded)) if recorded else None


def _cv(values: Sequence[float | None]) -> float | None:
    recorded = [v for v in values if v is not None]
    return float(np.std(recorded) / np.mean(recorded)) if len(recorded) > 1 else None
