"""Impossible samples: values outside the range of any GPU.

A meter that fails writes NaN, a negative power or an activity of 40. One such sample
changes a mean more than an hour of correct ones, so it is left out and counted; a
recording with more than half of such samples is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate.errors import ProfileError

__all__ = ["Bounds", "LeftOut", "Sound", "sound"]

Bools = NDArray[np.bool_]

#: field -> quantity, unit, and range of any GPU, a little wider because meters round
_GENERAL: Mapping[str, tuple[str, str, float, float]] = {
    "POWER": ("power", "W", 0.0, 10_000.0),
    "GPUTL": ("GPU utilisation", "%", 0.0, 100.5),
    "MCUTL": ("memory utilisation", "%", 0.0, 100.5),
    "SMCLK": ("core clock", "MHz", 0.0, 10_000.0),
    "MMCLK": ("memory clock", "MHz", 0.0, 100_000.0),
    "TMPTR": ("temperature", "°C", -50.0, 200.0),
    "TOTEC": ("energy", "mJ", 0.0, 1e18),
    **{
        name: (f"{what} activity", "", 0.0, 1.005)
        for name, what in (
            ("GRACT", "engine"), ("SMACT", "SM"), ("SMOCC", "occupancy"),
            ("DRAMA", "DRAM"), ("TENSO", "tensor"), ("FP64A", "fp64"),
            ("FP32A", "fp32"), ("FP16A", "fp16"),
        )
    },
}  # fmt: skip
#: a sample with more than this multiple of the power limit is impossible
_OVER_LIMIT = 2.0
#: a clock above this multiple of the highest one is that of another card
_OVER_CLOCK = 1.02
#: largest share of samples that may be left out; fields with fewer values are not used
_MOST_LEFT_OUT = 0.5


@dataclass(frozen=True)
class Bounds:
    """Limits of one card; None where they are not known.

    Attributes
    ----------
    limit_w : float or None
        Power limit, W.
    max_mhz : float or None
        Highest core clock, MHz.
    whose : str
        Where both are from, for messages.
    """

    limit_w: float | None = None
    max_mhz: float | None = None
    whose: str = "the card"


@dataclass(frozen=True)
class LeftOut:
    """Samples that were left out because the value of one field is impossible.

    Attributes
    ----------
    field : str
        ``power`` and the like.
    count, of : int
        Samples left out for it, and in the recording.
    example : float
        The first value; NaN where the meter wrote that.
    lies : str
        Possible values, with the unit.
    """

    field: str
    count: int
    of: int
    example: float
    lies: str

    @property
    def text(self) -> str:
        """The note, with the number of samples."""
        value = "not a number" if np.isnan(self.example) else f"{self.example:g}"
        return (
            f"{self.count} of {self.of} samples were left out: {self.field} of {value}, "
            f"which {self.lies}"
        )


@dataclass(frozen=True, eq=False)
class Sound:
    """Possible samples, and what was left out.

    Attributes
    ----------
    samples : polars.DataFrame
        Without impossible rows, and without fields that rarely have a value.
    left_out : tuple of LeftOut
        One for each field.
    notes : tuple of str
        Notes on missing values.
    """

    samples: pl.DataFrame
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()


def sound(samples: pl.DataFrame, source: str, bounds: Bounds | None = None) -> Sound:
    """Leave out impossible samples.

    Parameters
    ----------
    samples : polars.DataFrame
        Under DCGM's short names; ``LIMIT`` (W) and ``SMMAX`` (MHz), where the file
        holds them, bound power and clock.
    source : str
        File, for messages.
    bounds : Bounds, optional
        Limits of the card by the catalogue.

    Raises
    ------
    ProfileError
        If more than half of the samples are impossible, or power is missing in more
        than half.
    """
    wrong = np.zeros(samples.height, dtype=bool)
    left: list[LeftOut] = []
    for field in samples.columns:
        for outside, lies in _outside(samples, field, bounds):
            new = outside & ~wrong
            if new.any():
                first = float(samples[field].to_numpy()[new][0])
                left.append(
                    LeftOut(_name(field), int(new.sum()), samples.height, first, lies)
                )
                wrong |= new
    if wrong.sum() > _MOST_LEFT_OUT * samples.height:
        worst = max(left, key=lambda x: x.count)
        raise ProfileError(
            f"{source}: {int(wrong.sum())} of {samples.height} samples cannot be: "
            f"{worst.field} of {'NaN' if np.isnan(worst.example) else format(worst.example, 'g')}, "
            f"which {worst.lies}",
            "record again; if it is of another GPU, name that one",
            code="telemetry.unsound",
        )
    kept = samples.filter(pl.Series(~wrong)) if wrong.any() else samples
    return _without_rare(kept, source, tuple(left))


def _outside(
    samples: pl.DataFrame, field: str, bounds: Bounds | None
) -> list[tuple[Bools, str]]:
    """Rows in which a field is impossible, by each of its bounds."""
    if field not in _GENERAL:
        return []
    _, unit, low, high = _GENERAL[field]
    values = samples[field].cast(pl.Float64).to_numpy()
    has_value = samples[field].is_not_null().to_numpy()
    most = f"{round(high):g} {unit}".rstrip()
    span = (
        f"over 0 and at most {most}" if field == "POWER" else f"from {low:g} to {most}"
    )
    lies = f"must be {span}"
    outside = ~(values >= low) | ~(values <= high)
    if field == "POWER":
        # a card that runs draws something: 0 W is a sensor that fails
        outside |= values == 0
    outside_bounds = [(has_value & outside, lies)]
    bound_of_file = {
        "POWER": ("LIMIT", _OVER_LIMIT),
        "SMCLK": ("SMMAX", _OVER_CLOCK),
    }.get(field)
    if bound_of_file is None:
        return outside_bounds
    column, times = bound_of_file
    if column in samples.columns:
        top = samples[column].cast(pl.Float64).to_numpy()
        outside_bounds.append(
            (_over(values, top, times), _reason(field, "the file's own"))
        )
    if bounds is not None:
        of_card = bounds.limit_w if field == "POWER" else bounds.max_mhz
        if of_card:
            over = _over(values, np.full(len(values), of_card), times)
            outside_bounds.append(
                (over, _reason(field, f"that of {bounds.whose}", of_card))
            )
    return outside_bounds


def _over(values: NDArray[np.float64], top: NDArray[np.float64], times: float) -> Bools:
    with np.errstate(invalid="ignore"):
        return np.asarray((values > times * top) & (top > 0))


def _reason(field: str, whose: str, top: float | None = None) -> str:
    size = "" if top is None else f", {top:g} {'W' if field == 'POWER' else 'MHz'}"
    if field == "POWER":
        return f"is over twice the power limit ({whose}{size})"
    return f"is over the highest clock ({whose}{size})"


def _name(field: str) -> str:
    return _GENERAL[field][0]


def _without_rare(
    samples: pl.DataFrame, source: str, left: tuple[LeftOut, ...]
) -> Sound:
    """Samples without the fields that have a value in less than half of the rows."""
    notes, rare, n = [], [], samples.height
    for field in samples.columns:
        missing = samples[field].null_count()
        if field not in _GENERAL:
            rare += [field] if missing == n else []
            continue
        if not missing:
            continue
        if missing > (1 - _MOST_LEFT_OUT) * n:
            if field == "POWER":
                raise ProfileError(
                    f"{source} has no power in {missing} of {n} samples",
                    "record power.draw (nvidia-smi), field 155 (dcgmi dmon -e 155), "
                    "--showpower (rocm-smi) or metric -p (amd-smi)",
                    code="telemetry.no-power",
                )
            rare.append(field)
            if missing < n:
                notes.append(
                    f"{_name(field)} is known in {n - missing} of {n} samples and was "
                    "not used"
                )
        else:
            notes.append(f"{_name(field)} is missing in {missing} of {n} samples")
    return Sound(samples.drop(rare), left, tuple(notes))
