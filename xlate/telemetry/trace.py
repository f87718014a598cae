"""One recorded run: samples of one GPU, under DCGM's short names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate.errors import ProfileError
from xlate.telemetry.sanity import Bounds, LeftOut, sound
from xlate.values.frozen import EqualByContent

__all__ = ["CANONICAL", "Trace", "one_gpu"]

Floats = NDArray[np.float64]

#: canonical name -> quantity; columns with other names are kept unchanged
CANONICAL: dict[str, str] = {
    "POWER": "power, W",
    "GPUTL": "GPU utilisation, %",
    "MCUTL": "memory copy utilisation, %",
    "SMCLK": "core clock, MHz",
    "MMCLK": "memory clock, MHz",
    "TMPTR": "GPU temperature, °C",
    "GRACT": "graphics engine active, 0 to 1",
    "SMACT": "share of SMs with a warp, 0 to 1",
    "SMOCC": "occupancy, 0 to 1",
    "DRAMA": "memory interface active, 0 to 1",
    "TENSO": "tensor pipe active, 0 to 1",
    "FP64A": "fp64 pipe active, 0 to 1",
    "FP32A": "fp32 pipe active, 0 to 1",
    "FP16A": "fp16 pipe active, 0 to 1",
    "TOTEC": "energy since the driver was loaded, mJ",
}
#: fields that show that the GPU worked; the first that was recorded is used
_WORK = ("SMACT", "GRACT", "GPUTL")
#: least of each in a job: less is that of a display, or of a program that only holds
#: memory; few SMs may be enough for a small job
_AT_WORK = {"GPUTL": 5.0, "GRACT": 0.05, "SMACT": 0.005}
#: largest gap, in usual intervals, that counts as time of its neighbouring samples; the
#: usual interval is this quantile, since the interval may change during a recording
_PAUSE, _USUAL = 5.0, 0.9


@dataclass(frozen=True, eq=False)
class Trace(EqualByContent):
    """Samples of one run on one GPU.

    Attributes
    ----------
    samples : polars.DataFrame
        A row for each sample, Float64, null where the meter had no value; ``TIME`` in
        seconds from the first sample where the file has time stamps.
    source : str
        File.
    notes : tuple of str
        Notes on what was left out or unusual.
    device : str or None
        GPU, as the driver prints it; None where the file does not hold it.
    start : float or None
        Seconds since 1970 at the first sample: of UTC where ``zoned``, else of the
        local clock; None where the file does not hold it.
    zoned : bool
        Whether its time stamps hold their zone.
    left_out : tuple of LeftOut
        Impossible samples, which are not in ``samples``.
    vendor : str or None
        Vendor of the recording tool, ``NVIDIA`` or ``AMD``, and so of the GPU.
    """

    samples: pl.DataFrame
    source: str
    notes: tuple[str, ...] = ()
    device: str | None = None
    start: float | None = None
    zoned: bool = False
    left_out: tuple[LeftOut, ...] = ()
    vendor: str | None = None

    def within(self, bounds: Bounds) -> Trace:
        """The trace without samples that are impossible on this card.

        Raises
        ------
        ProfileError
            If more than half of the samples are impossible.
        """
        possible = sound(self.samples, self.source, bounds)
        if not possible.left_out:
            return self
        return replace(
            self,
            samples=possible.samples,
            left_out=(*self.left_out, *possible.left_out),
        )

    @cached_property
    def _working(self) -> NDArray[np.bool_]:
        for name in _WORK:
            if name in self.samples.columns:
                working = self.samples[name].fill_null(0.0).to_numpy() > 0
                if working.any():
                    return np.asarray(working)
        return np.ones(self.samples.height, dtype=bool)

    @property
    def active(self) -> pl.DataFrame:
        """Samples in which the GPU worked.

        By SM activity where it was recorded, else by utilisation; all samples where
        neither was recorded, or the GPU worked in no sample.
        """
        return self.samples.filter(pl.Series(self._working))

    @cached_property
    def at_work(self) -> NDArray[np.bool_]:
        """Whether a job ran in each sample; True for all where no activity was recorded.

        Utilisation, engine or SM activity, whichever shows it.
        """
        recorded = [n for n in _AT_WORK if self._column(n) is not None]
        if not recorded:
            return np.ones(self.samples.height, dtype=bool)
        shown = [self._numbers(n) >= _AT_WORK[n] for n in recorded]
        return np.asarray(np.any(shown, axis=0))

    @cached_property
    def _in_run(self) -> NDArray[np.bool_]:
        at = np.flatnonzero(self.at_work)
        inside = np.zeros(self.samples.height, dtype=bool)
        if len(at):
            inside[at[0] : at[-1] + 1] = True
        return inside if len(at) else ~inside

    @property
    def run(self) -> pl.DataFrame:
        """Samples from the first to the last at work; all where none is.

        What lies before and after is not of the job. A pause in between is: the job
        waits there, for its data or for other GPUs.
        """
        return self.samples.filter(pl.Series(self._in_run))

    @property
    def waiting(self) -> int:
        """Number of samples of :attr:`run` in which the GPU was idle."""
        return int((self._in_run & ~self.at_work).sum())

    @property
    def idle(self) -> bool:
        """Whether activity was recorded, and shows a job in no sample."""
        return not self.at_work.any()

    @cached_property
    def weights(self) -> Floats:
        """Seconds that each sample represents; 1 for each without time stamps.

        Half of the gap on each side, divided among samples with one time stamp; a pause
        in the recording counts as :data:`_PAUSE` usual intervals at most.
        """
        n = self.samples.height
        if "TIME" not in self.samples.columns:
            return np.ones(n)
        time, which, count = np.unique(
            self.samples["TIME"].to_numpy(), return_inverse=True, return_counts=True
        )
        if len(time) < 2:
            return np.ones(n)
        gaps = np.diff(time)
        gaps = np.minimum(gaps, _PAUSE * np.quantile(gaps, _USUAL))
        # the first and the last sample get the same time outside as inside
        wide = (np.append(gaps[0], gaps) + np.append(gaps, gaps[-1])) / 2
        return np.asarray((wide / count)[which])

    @property
    def interval_s(self) -> float | None:
        """Usual time between two samples; None without time stamps."""
        if "TIME" not in self.samples.columns or self.samples.height < 2:
            return None
        time = self.samples["TIME"].to_numpy()
        return float(np.ptp(time)) / (len(time) - 1)

    def mean(self, name: str) -> float | None:
        """Mean of a metric over the active samples, or None where it is not known.

        Weighted by the time that each sample represents.
        """
        return self._mean(name, self._working)

    def mean_of_run(self, name: str) -> float | None:
        """Mean of a metric over :attr:`run`, with the pauses in it; else as :meth:`mean`."""
        alone = self._run_alone
        return alone._mean(name, np.ones(alone.samples.height, dtype=bool))

    @cached_property
    def _run_alone(self) -> Trace:
        """The recording without what lies around the run: gaps to it have no weight."""
        return self if self._in_run.all() else replace(self, samples=self.run)

    def _mean(self, name: str, counted: NDArray[np.bool_]) -> float | None:
        if name not in self.samples.columns:
            return None
        values = self._numbers(name)
        used = counted & np.isfinite(values)
        weights = self.weights[used]
        if not used.any() or not weights.sum() > 0:
            return None
        return float(np.average(values[used], weights=weights))

    @property
    def duration_s(self) -> float | None:
        """Seconds from first to last active sample; None without time stamps."""
        if "TIME" not in self.samples.columns:
            return None
        times = self.active["TIME"].to_numpy()
        return float(np.ptp(times)) if len(times) > 1 else None

    def energy_j(self) -> tuple[float | None, str]:
        """Energy over the complete recording, and its origin.

        The increase of the energy counter where it never falls; else power
        integrated over the time stamps (trapezoids); else None.

        Returns
        -------
        energy : float or None
            Joules.
        origin : str
            ``counter``, ``integrated`` or the reason why there is none.
        """
        counter = self._column("TOTEC")
        if counter is not None and len(counter) > 1:
            if (np.diff(counter) < 0).any():
                reason = "the energy counter wraps or was reset"
            elif counter[-1] > counter[0]:
                return float(counter[-1] - counter[0]) / 1e3, "counter"
            else:
                reason = "the energy counter stands still"
        else:
            reason = "no energy counter"
        if "TIME" in self.samples.columns and "POWER" in self.samples.columns:
            powers = self.samples.select("TIME", "POWER").drop_nulls()
            if powers.height > 1:
                time, power = powers["TIME"].to_numpy(), powers["POWER"].to_numpy()
                # numpy 1 has only np.trapz, numpy 2 only np.trapezoid
                areas = np.diff(time) * (power[1:] + power[:-1]) / 2
                return float(areas.sum()), "integrated"
        return None, f"{reason}, and no time stamps to integrate over"

    def _numbers(self, name: str) -> Floats:
        """Values of a field, NaN where the meter had none."""
        return np.asarray(self.samples[name].cast(pl.Float64).to_numpy())

    def _column(self, name: str) -> Floats | None:
        if name not in self.samples.columns:
            return None
        values = self.samples[name].drop_nulls().to_numpy()
        return values if len(values) else None


def one_gpu(
    rows_by_gpu: Mapping[int, list[int]],
    gpu: int | None,
    source: str,
    names: Mapping[int, str] | None = None,
) -> list[int]:
    """Rows of the given GPU, or of the only one.

    Parameters
    ----------
    rows_by_gpu : mapping of int to list of int
        GPU number to its rows.
    names : mapping of int to str, optional
        GPU number to its name, for the message.

    Raises
    ------
    ProfileError
        If the file holds no sample, no sample of that GPU, or several GPUs and none is
        given.
    """
    if not rows_by_gpu:
        raise ProfileError(
            f"{source} holds no sample",
            "record again, for longer",
            code="profile.empty",
        )
    listed = ", ".join(map(str, sorted(rows_by_gpu)))
    if gpu is None and len(rows_by_gpu) > 1:
        kinds = sorted(set((names or {}).values()))
        raise ProfileError(
            f"{source} holds rows of GPUs {listed}"
            + (f" ({', '.join(kinds[:4])})" if kinds else ""),
            "say which: --gpu-index N",
            code="profile.gpu",
        )
    if gpu is not None and gpu not in rows_by_gpu:
        raise ProfileError(
            f"{source} has no row of GPU {gpu}, it has those of {listed}",
            "name one of these with --gpu-index",
            code="profile.gpu",
        )
    return rows_by_gpu[next(iter(rows_by_gpu)) if gpu is None else gpu]
