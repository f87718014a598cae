"""From readings, one a GPU and time, to the trace of one GPU."""

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

#: what is read beside :data:`xlate.telemetry.trace.CANONICAL`: it bounds the rest
EXTRA = ("LIMIT", "SMMAX", "MUSED")
#: rows without a GPU's name that come in bursts this much shorter than the pause
#: after them are of several GPUs; tried up to this many
_BURST, _MOST_GPUS, _FEWEST_BURSTS = 0.1, 16, 3


@dataclass(frozen=True)
class Reading:
    """What a meter said of one GPU at one time.

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
    """The trace of one GPU, without the samples that cannot be.

    Parameters
    ----------
    readings : sequence of Reading
        In the order of the file.
    source : str
        File, for messages.
    gpu : int, optional
        Which GPU; needed where there are several.
    notes : sequence of str
        What the reader left out.
    numbered : bool
        Whether the file says which GPU each reading is of.
    vendor : str, optional
        Whose GPUs the tool reads.

    Raises
    ------
    ProfileError
        If there is no reading or no power in them, several GPUs and none was named,
        rows of several GPUs that nothing tells apart, or most samples cannot be.
    """
    of_gpu: dict[int, list[int]] = {}
    for i, r in enumerate(readings):
        of_gpu.setdefault(r.gpu, []).append(i)
    mine = [readings[i] for i in one_gpu(of_gpu, gpu, source, _names(readings))]
    left = len(readings) - len(mine)
    said = [*notes, *([f"{left} rows of other GPUs were left out"] if left else [])]
    fields = sorted({f for r in mine for f in r.values})
    samples = pl.DataFrame(
        [[r.values.get(f) for f in fields] for r in mine],
        schema=dict.fromkeys(fields, pl.Float64()),
        orient="row",
    )
    times = times_of([r.stamp for r in mine], source)
    if times is not None:
        if not numbered:
            _check_bursts(times.seconds, source)
        samples = samples[times.order].with_columns(TIME=pl.Series(times.seconds))
        said += times.notes
    devices = list(dict.fromkeys(r.device for r in mine if r.device))
    if len(devices) > 1:
        raise ProfileError(
            f"{source}: rows of one GPU number are of {' and of '.join(devices[:3])}",
            "record index too, one recording a file",
            code="profile.gpu",
        )
    found = sound(samples, source)
    return Trace(
        found.samples, source, (*said, *found.notes),
        devices[0] if devices else None,
        None if times is None else times.start,
        times is not None and times.zoned,
        found.left_out,
        vendor,
    )  # fmt: skip


def _names(readings: Sequence[Reading]) -> dict[int, str]:
    return {r.gpu: r.device for r in readings if r.device}


def _check_bursts(seconds: np.ndarray, source: str) -> None:
    """Refuse rows of several GPUs that nothing tells apart: they come in bursts."""
    if not (seconds % 1).any():
        return  # stamps of whole seconds say nothing of what happens inside one
    gaps = np.diff(seconds)
    for k in range(2, _MOST_GPUS + 1):
        whole = gaps[: len(gaps) // k * k].reshape(-1, k)
        if len(whole) < _FEWEST_BURSTS:
            return
        pause = float(np.median(whole[:, -1]))
        if pause > 0 and (np.median(whole[:, :-1], axis=0) < _BURST * pause).all():
            raise ProfileError(
                f"{source}: rows come {k} at a time, as those of {k} GPUs do, and "
                "nothing says which row is of which",
                "record index (nvidia-smi --query-gpu=index,…), or one GPU (-i 0)",
                code="profile.gpu",
            )
