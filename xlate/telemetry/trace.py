"""One recorded run: samples of one GPU, under DCGM's short names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate.errors import ProfileError

__all__ = ["CANONICAL", "Trace", "one_gpu"]

Floats = NDArray[np.float64]

#: canonical name -> what it is; those in use, others are kept as they are named
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


@dataclass(frozen=True, eq=False)
class Trace:
    """Samples of one run on one GPU.

    Attributes
    ----------
    samples : polars.DataFrame
        A row a sample, Float64, null where the meter had no value; ``TIME`` in
        seconds from the first sample where the file has time stamps.
    source : str
        File.
    notes : tuple of str
        What was dropped or odd.
    device : str or None
        GPU, as the driver prints it; None where the file does not say.
    """

    samples: pl.DataFrame
    source: str
    notes: tuple[str, ...] = ()
    device: str | None = None

    @property
    def active(self) -> pl.DataFrame:
        """Samples in which the GPU worked.

        By SM activity where it was recorded, else by utilisation; all samples
        where neither was, or none worked.
        """
        for name in ("SMACT", "GRACT", "GPUTL"):
            if name in self.samples.columns:
                working = self.samples.filter(pl.col(name) > 0)
                if working.height:
                    return working
        return self.samples

    def mean(self, name: str) -> float | None:
        """Mean of a metric over the active samples, or None where it is not known."""
        if name not in self.samples.columns:
            return None
        known = self.active[name].drop_nulls().to_numpy()
        return float(known.mean()) if len(known) else None

    @property
    def duration_s(self) -> float | None:
        """Seconds from first to last active sample; None without time stamps."""
        if "TIME" not in self.samples.columns:
            return None
        times = self.active["TIME"].to_numpy()
        return float(np.ptp(times)) if len(times) > 1 else None

    def energy_j(self) -> tuple[float | None, str]:
        """Energy over the whole recording, and where it is from.

        The energy counter's rise where it moves and never falls; else power
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
                why = "the energy counter wraps or was reset"
            elif counter[-1] > counter[0]:
                return float(counter[-1] - counter[0]) / 1e3, "counter"
            else:
                why = "the energy counter stands still"
        else:
            why = "no energy counter"
        if "TIME" in self.samples.columns and "POWER" in self.samples.columns:
            known = self.samples.select("TIME", "POWER").drop_nulls()
            if known.height > 1:
                time, power = known["TIME"].to_numpy(), known["POWER"].to_numpy()
                return float(np.trapezoid(power, time)), "integrated"
        return None, f"{why}, and no time stamps to integrate over"

    def _column(self, name: str) -> Floats | None:
        if name not in self.samples.columns:
            return None
        found = self.samples[name].drop_nulls().to_numpy()
        return found if len(found) else None


def one_gpu(found: dict[int, list[int]], gpu: int | None, source: str) -> list[int]:
    """Rows of the GPU asked for, or of the only one there is.

    Parameters
    ----------
    found : dict of int to list of int
        GPU number to its rows.

    Raises
    ------
    ProfileError
        If the file holds no sample, none of that GPU, or several and none was
        named.
    """
    if not found:
        raise ProfileError(f"{source} holds no sample", "record again, for longer")
    listed = ", ".join(map(str, sorted(found)))
    if gpu is None and len(found) > 1:
        raise ProfileError(
            f"{source} holds rows of GPUs {listed}", "say which: --gpu-index N"
        )
    if gpu is not None and gpu not in found:
        raise ProfileError(
            f"{source} has no row of GPU {gpu}, it has those of {listed}",
            "name one of these with --gpu-index",
        )
    return found[next(iter(found)) if gpu is None else gpu]
