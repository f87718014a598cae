"""The trace of one GPU, made of readings of one GPU at one time each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from xlate.errors import ProfileError
from xlate.telemetry.sanity import sound
from xlate.telemetry.stamps import times_of
from xlate.telemetry.trace import Trace, one_gpu

__all__ = ["EXTRA", "Reading", "recorded"]

#: fields read besides :data:`xlate.telemetry.trace.CANONICAL`: upper bounds of others
EXTRA = ("LIMIT", "SMMAX", "MUSED")
#: rows without a GPU's name are of several GPUs where they come in bursts that are
#: shorter than the following pause by this factor; tried up to this number of GPUs
_BURST, _MOST_GPUS, _FEWEST_BURSTS = 0.1, 16, 3


@dataclass(frozen=True)
class Reading:
    """Values of one GPU at one time, from a meter.

    Attributes
    ----------
    gpu : int
        Its number in the file.
    values : mapping of str to float or None
        By DCGM's short names; None where the meter had no value.
    stamp : str or None
        Time stamp as written.
    device : str or None
        Name of the GPU as written.
    """

    gpu: int
    values: Mapping[str, float | None]
    stamp: str | None = None
    device: str | None = None


def recorded(
    readings: Sequence[Reading], source: str, gpu: int | None = None,
    notes: Sequence[str] = (), *, numbered: bool = True, vendor: str | None = None,
) -> Trace:  # fmt: skip
    """The trace of one GPU, without impossible samples.

    Parameters
    ----------
    readings : sequence of Reading
        In the order of the file.
    source : str
        File, for messages.
    gpu : int, optional
        Which GPU; needed where there are several.
    notes : sequence of str
        Notes on what the reader left out.
    numbered : bool
        Whether the file holds the GPU of each reading.
    vendor : str, optional
        Vendor whose GPUs the tool reads.

    Raises
    ------
    ProfileError
        If there is no reading or no power, several GPUs and none was named, rows of
        several GPUs that cannot be distinguished, or mostly impossible samples.
    """
    of_gpu: dict[int, list[int]] = {}
    for i, r in enumerate(readings):
        of_gpu.setdefault(r.gpu, []).append(i)
    own_readings = [readings[i] for i in one_gpu(of_gpu, gpu, source, _names(readings))]
    left = len(readings) - len(own_readings)
    all_notes = [
        *notes,
        *([f"{left} rows of other GPUs were left out"] if left else []),
    ]
    samples = _samples(own_readings)
    times = times_of([r.stamp for r in own_readings], source)
    if times is not None:
        if not numbered:
            _check_bursts(times.seconds, source)
        samples = samples[times.order].with_columns(TIME=pl.Series(times.seconds))
        all_notes += times.notes
    devices = list(dict.fromkeys(r.device for r in own_readings if r.device))
    if len(devices) > 1:
        fault = f"rows of one GPU number are of {' and of '.join(devices[:3])}"
        hint = "record index too, one recording a file"
        raise ProfileError(f"{source}: {fault}", hint, code="profile.gpu")
    possible = sound(samples, source)
    return Trace(
        possible.samples,
        source,
        (*all_notes, *possible.notes),
        device=devices[0] if devices else None,
        start=None if times is None else times.start,
        zoned=times is not None and times.zoned,
        left_out=possible.left_out,
        vendor=vendor,
    )


def _samples(readings: Sequence[Reading]) -> pl.DataFrame:
    """A row for each reading, a column for each field."""
    fields = sorted({f for r in readings for f in r.values})
    return pl.DataFrame(
        [[r.values.get(f) for f in fields] for r in readings],
        schema=dict.fromkeys(fields, pl.Float64()),
        orient="row",
    )


def _names(readings: Sequence[Reading]) -> dict[int, str]:
    return {r.gpu: r.device for r in readings if r.device}


def _check_bursts(seconds: np.ndarray, source: str) -> None:
    """Raise an error if rows of several GPUs cannot be distinguished: they come in bursts."""
    if not (seconds % 1).any():
        return  # stamps in whole seconds do not show bursts
    gaps = np.diff(seconds)
    for k in range(2, _MOST_GPUS + 1):
        bursts = gaps[: len(gaps) // k * k].reshape(-1, k)
        if len(bursts) < _FEWEST_BURSTS:
            return
        pause = float(np.median(bursts[:, -1]))
        if pause > 0 and (np.median(bursts[:, :-1], axis=0) < _BURST * pause).all():
            raise ProfileError(
                f"{source}: rows come {k} at a time, as those of {k} GPUs do, and "
                "no column shows the GPU of a row",
                "record index (nvidia-smi --query-gpu=index,…), or one GPU (-i 0)",
                code="profile.gpu",
            )
