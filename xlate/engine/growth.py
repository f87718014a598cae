"""How a profile grows along an axis of size, as a bundle learnt it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from xlate import op_names
from xlate.errors import BundleError, ProfileError
from xlate.models.scaling import AXES, HOW, Scaler
from xlate.store.bundle import Bundle
from xlate.trust.domain import CAREFUL_UNKNOWN
from xlate.values.profile import Profile, dataset_name, input_size

__all__ = ["Growth", "check_kind", "growth_of", "resized"]

#: factor outside the sizes of training that is answered, with a warning
_FARTHEST = 128


@dataclass(frozen=True, eq=False)
class Growth:
    """How work grows along an axis of size, from the size of the profile.

    Attributes
    ----------
    scaler : Scaler
        What the bundle learnt.
    axis : str
        Key of :data:`xlate.models.scaling.AXES`.
    own : int
        Size of the profile.
    """

    scaler: Scaler
    axis: str
    own: int

    @property
    def power(self) -> float:
        """Power of the size that is the amount of work."""
        return AXES[self.axis]

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest size of training."""
        low, high = (limit ** (1 / self.power) for limit in self.scaler.range_)
        return low, high

    def octaves(self, size: int) -> float:
        """How far a size is from that of the profile, in doublings of work."""
        return abs(math.log2(size / self.own)) * self.power

    def factor(self, size: int, level: float) -> float:
        """Factor on the interval that scaling to a size adds; 1 at the profile's own."""
        far = self.octaves(size)
        return self.scaler.factor(far, level) if far else 1.0


def growth_of(profile: Profile, axis: str, bundle: Bundle) -> Growth:
    """What a bundle learnt of an axis, from the size of a profile.

    Raises
    ------
    BundleError
        If it has not learnt the axis.
    ProfileError
        If the profile lacks its size or its step time.
    """
    scaler = bundle.model["scaling"].get(axis)
    if not isinstance(scaler, Scaler):
        raise BundleError(
            f"the bundle from {bundle.manifest.anchor} has not learnt {axis}",
            "fit on a corpus with several sizes of each network",
        )
    work = profile.workload
    own = work.batch_size if axis == "batch-size" else input_size(work.dataset)
    if own is None:
        raise ProfileError(
            f"{profile.source} does not say its {axis}", f"give --{axis}"
        )
    if profile.step_time_us is None:
        raise ProfileError(
            f"{profile.source} has no step time",
            "give --step-time: scaling starts there",
        )
    return Growth(scaler, axis, own)


def check_kind(profile: Profile, growth: Growth, sizes: Sequence[int]) -> None:
    """Refuse work that the scaler was not learnt on.

    Raises
    ------
    ProfileError
        For another framework, mode or precision, for mostly unknown operations, and
        for sizes far outside training.
    """
    hint = "profile the job at the size wanted, or fit on a corpus of such work"
    scaler, axis = growth.scaler, growth.axis
    kind = "/".join(getattr(profile.workload, field) for field in HOW)
    if kind not in scaler.kinds_:
        raise ProfileError(
            f"{axis} cannot be scaled: the profile is of {kind}, growth was learnt on "
            f"{' and '.join(scaler.kinds_) or 'nothing that says so'}",
            hint,
        )
    busy = op_names.busy_columns(list(profile.ops))
    strange = {c: profile.ops[c] for c in busy if c not in scaler.seen_}
    share = sum(strange.values()) / profile.busy_us
    if share > CAREFUL_UNKNOWN:
        named = ", ".join(sorted(strange, key=lambda c: -strange[c])[:3])
        raise ProfileError(
            f"{axis} cannot be scaled: {share:.0%} of device time is in operations whose "
            f"growth was not learnt ({named})",
            hint,
        )
    low, high = growth.range
    far = [
        s for s in (growth.own, *sizes) if not low / _FARTHEST <= s <= high * _FARTHEST
    ]
    if far:
        raise ProfileError(
            f"{axis} {far[0]} is far outside training ({low:g} to {high:g}): nothing "
            "says how the job grows there",
            f"ask for {axis} from {max(low / _FARTHEST, 1):g} to {high * _FARTHEST:g}",
        )


def resized(profile: Profile, growth: Growth, size: int) -> Profile:
    """The profile as it would be on the anchor at another size."""
    scaler, own, power = growth.scaler, growth.own, growth.power
    work, step = profile.workload, profile.step_time_us
    assert step is not None
    ops = np.array([profile.ops.get(c, 0.0) for c in scaler.ops])
    scaled = scaler.predict(ops, step, own**power, size**power)
    ratio = dict(zip(scaler.ops, scaled.ops, strict=True))
    vector = {c: ratio.get(c, v) for c, v in profile.ops.items()}
    key = (
        replace(work, batch_size=size)
        if growth.axis == "batch-size"
        else replace(work, dataset=dataset_name(size))
    )
    return replace(
        profile,
        ops={c: v for c, v in vector.items() if v > 0},
        workload=key,
        step_time_us=scaled.step,
        # memory at another size is another one, and said by the caller
        memory_bytes=profile.memory_bytes if size == own else None,
    )
