"""Intervals that reach to the precision of a run, where the answer holds for another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from xlate import op_names
from xlate.hardware.catalogue import Gpu
from xlate.store.bundle import Bundle
from xlate.trust.precision import PRODUCTS
from xlate.trust.precision_change import PrecisionChange, assumed_of, change_of
from xlate.values.profile import Estimate, Profile
from xlate.values.reason import MEASURE, Reason
from xlate.values.translation import Translation

__all__ = ["PrecisionReach", "reach_of", "stretched"]

#: change of the products from which on no ratio of another precision stands for them
_MOST = 2.0
#: change of the step from which on a reason names it
_NAMED = 0.05
#: change of the step that errors on GPUs left out cover
_COVERED = 1.25


@dataclass(frozen=True)
class PrecisionReach:
    """How far an answer must reach for the precision of its run.

    Attributes
    ----------
    assumed : str or None
        Precision that the answer holds for; None where it is not known.
    products, busy, step : (float, float)
        Factors on the lower and the upper bound of the time of products, of all
        operations, and of a step: at most, and at least, 1.
    reasons : tuple of Reason
        What to say of it; empty where nothing changes.
    refused : bool
        Whether the change is too large for an interval to cover.
    """

    assumed: str | None = None
    products: tuple[float, float] = (1.0, 1.0)
    busy: tuple[float, float] = (1.0, 1.0)
    step: tuple[float, float] = (1.0, 1.0)
    reasons: tuple[Reason, ...] = ()
    refused: bool = False

    @property
    def changes(self) -> bool:
        """Whether a bound of the step moves."""
        return self.step != (1.0, 1.0)


def reach_of(
    answer: Translation, profile: Profile, gpus: tuple[Gpu, Gpu], bundle: Bundle | None
) -> PrecisionReach:
    """How far the precision of a profile moves the bounds of its answer.

    Parameters
    ----------
    answer : Translation
        As the layer gave it.
    profile : Profile
    gpus : (Gpu, Gpu)
        Anchor and target.
    bundle : Bundle or None
        The one that answers; None where data sheets do.
    """
    formats = assumed_of(profile, *gpus, bundle)
    assumed = " or ".join(sorted(formats)) or None
    anchor_us, target_us = _products(profile.ops), _products(answer.ops or {})
    if answer.ops is None:
        # a layer that answers for the step only: as the step as a whole
        target_us = anchor_us * answer.step_time_s.value / answer.anchor_step_time_s
    if not anchor_us or not target_us:
        return PrecisionReach(assumed)
    change = change_of(profile, *gpus, target_us / anchor_us, bundle)
    products = change.low, change.high
    share = _share(answer, profile)
    busy = _moved(products, share)
    step = _moved(busy, _busy_share(answer, profile))
    beyond = _beyond(products, _MOST) and _beyond(step, _COVERED)
    refused = beyond or change.lost
    reasons = _reasons(change, step, assumed, beyond)
    return PrecisionReach(
        assumed, products, busy, step, reasons=reasons, refused=refused
    )


def stretched(answer: Translation, reach: PrecisionReach) -> Translation:
    """An answer whose intervals reach that far; its values stay."""
    if not reach.changes:
        return answer
    low, high = reach.products
    intervals = {
        c: (lo * low, hi * high) if op_names.family(c) in PRODUCTS else (lo, hi)
        for c, (lo, hi) in answer.op_intervals.items()
    }
    total = answer.op_sum_us
    return replace(
        answer,
        step_time_s=_wider(answer.step_time_s, reach.step),
        op_sum_us=None if total is None else _wider(total, reach.busy),
        op_intervals=intervals,
    )


def _wider(e: Estimate, factors: tuple[float, float]) -> Estimate:
    if e.low is None or e.high is None:
        return e
    return replace(e, low=e.low * factors[0], high=e.high * factors[1])


def _products(ops: Mapping[str, float]) -> float:
    """Time in products, µs."""
    busy = op_names.busy_columns(list(ops))
    return sum(ops[c] for c in busy if op_names.family(c) in PRODUCTS)


def _share(answer: Translation, profile: Profile) -> float:
    """Share of products in the work of the device on the target."""
    ops = profile.ops if answer.ops is None else answer.ops
    busy = sum(ops[c] for c in op_names.busy_columns(list(ops)))
    return _products(ops) / busy if busy > 0 else 0.0


def _busy_share(answer: Translation, profile: Profile) -> float:
    """Share of a step on the target in which the device works; at most 1."""
    step_us = answer.anchor_step_time_s * 1e6
    if answer.ops is None or not step_us or not profile.window_us:
        return 1.0
    busy = sum(answer.ops[c] for c in op_names.busy_columns(list(answer.ops)))
    per_step = busy * step_us / profile.window_us
    return min(per_step / (answer.step_time_s.value * 1e6), 1.0)


def _moved(factors: tuple[float, float], share: float) -> tuple[float, float]:
    """Factors on a whole of which a share changes by some factors."""
    low, high = (1 + share * (f - 1) for f in factors)
    return low, high


def _beyond(factors: tuple[float, float], limit: float) -> bool:
    return factors[0] < 1 / limit or factors[1] > limit


def _reasons(
    change: PrecisionChange,
    step: tuple[float, float],
    assumed: str | None,
    beyond: bool,
) -> tuple[Reason, ...]:
    """What peaks say of an answer, in words."""
    reasons = []
    held = assumed or "the precision of training"
    moved = _factor_text(step)
    if change.peaks and moved is not None:
        said = (
            f"the answer holds for {held}; by the peaks of both GPUs ({'; '.join(change.peaks)}) "
            f"the step may take {moved} times as long: "
        )
        said += (
            "its products change more than twofold, for which no errors were measured"
            if beyond
            else "the interval reaches there"
        )
        reasons.append(Reason(said, MEASURE))
    if change.not_known:
        said = (
            f"the answer holds for {held}; the peaks of {' and '.join(change.not_known)} are not "
            "known on both GPUs, so the interval says nothing of that"
        )
        reasons.append(Reason(said, MEASURE))
    return tuple(reasons)


def _factor_text(factors: tuple[float, float]) -> str | None:
    """Factors on a time in words; None where they are too near to 1 to be named."""
    low, high = (f"{f:.2g}" for f in factors)
    shorter, longer = 1 - factors[0] >= _NAMED, factors[1] - 1 >= _NAMED
    if shorter and longer:
        return f"{low} to {high}"
    return f"down to {low}" if shorter else f"up to {high}" if longer else None
