"""One profile at other sizes, on the anchor and on the target."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate.engine.facts import doubted, with_memory, with_step
from xlate.engine.growth import Growth, check_kind, growth_of, resized
from xlate.engine.machine_choice import with_anchor
from xlate.engine.pair import Pair, names_taken
from xlate.engine.session import Session
from xlate.engine.translate_profiles import translate
from xlate.errors import BundleError, ProfileError
from xlate.hardware.memory import memory_fit
from xlate.models.scaling import AXES
from xlate.store.bundle import Bundle
from xlate.values import workload_size
from xlate.values.memory_need import MemoryFit
from xlate.values.profile import Estimate, Profile, Verdict, input_size
from xlate.values.reason import NEARER, Reason
from xlate.values.requests import ScaleRequest, TranslateRequest
from xlate.values.tabular.translations import SizeTable
from xlate.values.translation import RestsOn, Translation

__all__ = ["AXIS_COLUMN", "Sized", "Sizes", "axis_sizes", "scale", "wanted_sizes"]

Floats = NDArray[np.float64]

#: axis -> column of the workload key that holds it
AXIS_COLUMN = {"batch-size": "batch_size", "input-size": "dataset"}
#: more sizes than this are a mistake
_MOST_SIZES = 64


@dataclass(frozen=True)
class Sized(SizeTable):
    """The workload at one size.

    Attributes
    ----------
    size : int
        Batch size, or side of the input in pixels.
    measured : bool
        Whether it is the size of the profile itself.
    anchor_step_time_s : Estimate
        On the anchor.
    translation : Translation
        On the target; its interval holds the errors of both stages.
    memory_bytes : float or None
        Most memory it can need, where the profile says what it took: all of it grows
        with the size, though a part (the weights) stays.
    too_large_for : tuple of str
        GPUs whose memory is surely or possibly too small.

    Examples
    --------
    >>> import xlate
    >>> profile = xlate.Profile(
    ...     {"Device_Conv2D": 90_000.0, "Device_IDLE": 9_000.0},
    ...     xlate.WorkloadKey("MyNet", "128px", 32),
    ...     step_time_us=60_000.0,
    ... )
    >>> sized = xlate.scale(profile, "g3s.xlarge", "p3.2xlarge", "batch-size=32,64")
    >>> sized.to_polars()["size"].to_list()
    [32, 64]
    """

    size: int
    measured: bool
    anchor_step_time_s: Estimate
    translation: Translation
    memory_bytes: float | None = None
    too_large_for: tuple[str, ...] = ()

    def document(self) -> dict[str, object]:
        """The promised document of one size, without the size."""
        return {
            "measured": self.measured,
            "memory_bytes": self.memory_bytes,
            "too_large_for": list(self.too_large_for),
            "anchor_step_time_s": asdict(self.anchor_step_time_s),
            "translation": self.translation.document(),
        }


def axis_sizes(jobs: pl.DataFrame, axis: str) -> Floats:
    """Amount of work along an axis for each row; NaN where it is not known."""
    if axis == "batch-size":
        return jobs["batch_size"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    sides = [input_size(d) or np.nan for d in jobs["dataset"]]
    return np.asarray(np.array(sides, dtype=float) ** AXES[axis])


def wanted_sizes(text: str) -> tuple[str, list[int]]:
    """Axis and sizes of ``batch-size=16..256`` (doublings) or ``batch-size=16,48``.

    Raises
    ------
    ProfileError
        If it says something else.
    """
    axis, _, sizes = text.partition("=")
    hint = "for instance batch-size=16..256, or input-size=128,224"
    if axis not in AXES:
        raise ProfileError(f"{axis or text} is not an axis of size", hint)
    try:
        if ".." in sizes:
            low, high = (int(s) for s in sizes.split(".."))
            if not 0 < low <= high:
                raise ValueError
            wanted = [low * 2**k for k in range(int(math.log2(high / low)) + 1)]
            wanted += [high] if wanted[-1] < high else []
        else:
            wanted = [int(s) for s in sizes.split(",")]
    except ValueError:
        raise ProfileError(
            f"sizes must be whole numbers or a range, got {sizes!r}", hint
        ) from None
    if min(wanted) < 1 or len(wanted) > _MOST_SIZES:
        raise ProfileError(
            f"sizes must be at least 1 and at most {_MOST_SIZES} of them, got {sizes}",
            hint,
        )
    for size in wanted:
        if axis == "input-size":
            workload_size.check_dataset(f"{size}px", axis)
        else:
            workload_size.batch_size(size, axis)
    return axis, wanted


@dataclass(frozen=True)
class Sizes:
    """One profile at several sizes.

    Attributes
    ----------
    axis : str
        Key of :data:`xlate.models.scaling.AXES`.
    items : tuple of Sized
        In the order asked for.
    """

    axis: str
    items: tuple[Sized, ...]

    def __iter__(self) -> Iterator[Sized]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def translations(self) -> list[Translation]:
        """The answer at each size."""
        return [one.translation for one in self.items]

    def document(self) -> list[dict[str, Any]]:
        """The promised document of ``translate --scale … --json``."""
        name = self.axis.replace("-", "_")
        return [{name: one.size, **one.document()} for one in self.items]


def scale(session: Session, request: ScaleRequest) -> Sizes:
    """Step time and vector at other sizes.

    A step time never falls as the work grows, on either side.

    Raises
    ------
    XlateError
        As :func:`~xlate.engine.translate_profiles.translate`; ProfileError where size or
        step time of the profile are not known, where the profile is of another kind
        of work than the scaler was learnt on, or a size is far outside of it;
        BundleError where the bundle has not learnt this axis.
    """
    profile, sizes = request.profile, request.sizes
    catalogue = session.catalogue
    anchor, _, notes = with_anchor([profile], request.anchor, catalogue)
    pair = session.pair(anchor, request.target)
    notes += names_taken(pair, anchor, request.target)
    bundle = request.bundle or _bundle(session, pair)
    growth = growth_of(profile, request.axis, bundle)
    check_kind(profile, growth, sizes)
    # the profile itself is where both directions start
    made = [resized(profile, growth, size) for size in (growth.own, *sizes)]
    given = TranslateRequest(
        made, *pair.names, level=request.level, force=request.force, bundle=bundle
    )
    steps = translate(session, given).sound()
    _check_layers(request.axis, sizes, steps)
    answers = _never_falling(growth.own, sizes, steps)
    answered = []
    for size, p, answer in zip(sizes, made[1:], answers, strict=True):
        fits = _fits(profile, pair, growth, size)
        if size != growth.own:
            answer = _grown(with_memory(answer, fits.on_target), growth, bundle)
        reasons = _doubts(growth, size, fits)
        if reasons:
            answer = doubted(answer, reasons, "widen")
        level_of, said = answer.verdict.level, (*answer.verdict.reasons, *notes)
        answer = replace(answer, verdict=Verdict(level_of, said))
        step, factor = (p.step_time_us or 0.0) / 1e6, growth.factor(size, request.level)
        answered.append(
            Sized(
                size=size,
                measured=size == growth.own,
                anchor_step_time_s=Estimate(
                    step, step / factor, step * factor, request.level
                ),
                translation=_wider(answer, factor),
                memory_bytes=fits.need,
                too_large_for=fits.too_small,
            )
        )
    return Sizes(request.axis, tuple(answered))


def _bundle(session: Session, pair: Pair) -> Bundle:
    """The bundle of a pair, which says how work grows."""
    if not session.bundles.exists(*pair.names):
        raise BundleError(
            f"sizes cannot be scaled from {pair.anchor.name} to {pair.target.name}: there "
            "is no bundle of the pair, which says how such work grows",
            "profile the job at the size wanted",
        )
    return session.bundles.find(*pair.names)


@dataclass(frozen=True)
class _Fits:
    """Whether the work fits at a size, on the anchor and on the target."""

    need: float | None
    on_anchor: MemoryFit
    on_target: MemoryFit

    @property
    def too_small(self) -> tuple[str, ...]:
        return tuple(
            f.gpu for f in (self.on_anchor, self.on_target) if f.reason is not None
        )


def _fits(profile: Profile, pair: Pair, growth: Growth, size: int) -> _Fits:
    times = (size / growth.own) ** growth.power
    need = _memory(profile, times)
    least = None if need is None else (profile.memory_bytes or 0.0) * min(times, 1.0)
    surely = least if times < 1 else profile.memory_bytes
    on_anchor, on_target = (
        memory_fit(s.require_gpu(), need, surely) for s in pair.sides
    )
    return _Fits(need, on_anchor, on_target)


def _doubts(growth: Growth, size: int, fits: _Fits) -> list[str]:
    """What makes the answer at a size less sure than that of the profile."""
    reasons: list[str] = []
    axis, (low, high) = growth.axis, growth.range
    if size != growth.own and fits.on_anchor.reason is not None:
        reasons.append(f"on the anchor, {axis} {size}: {fits.on_anchor.text}")
    if not low <= size <= high:
        unknown = (
            "; whether it fits into memory is not known: the profile has no memory column"
            if fits.need is None
            else ""
        )
        outside = f"{axis} {size} is outside training ({low:g} to {high:g}){unknown}"
        reasons.insert(0, Reason(outside, NEARER))
    return reasons


def _check_layers(
    axis: str, sizes: Sequence[int], answers: Sequence[Translation]
) -> None:
    """Refuse sizes that another layer answers for than for the profile's own size.

    Raises
    ------
    ProfileError
        Naming the first; the two are not on one curve.
    """
    own = answers[0].layer
    other = [s for s, p in zip(sizes, answers[1:], strict=True) if p.layer != own]
    if other:
        same = [s for s in sizes if s not in other]
        raise ProfileError(
            f"{axis} {other[0]} is beyond what the {own} answer of this profile is for: "
            "another layer would answer there, and the two are no one curve",
            f"ask for {', '.join(map(str, same))}" if same else "profile that size",
        )


def _never_falling(
    own: int, sizes: Sequence[int], answers: Sequence[Translation]
) -> list[Translation]:
    """Answers at ``sizes`` that do not fall as the size grows, from the profile's outwards.

    Parameters
    ----------
    own : int
        Size of the profile.
    sizes : sequence of int
    answers : sequence of Translation
        At the profile's own size, then at ``sizes``.
    """
    adjusted = list(answers[1:])
    for up in (True, False):
        nearest = answers[0]
        order = sorted(range(len(sizes)), key=lambda k: sizes[k], reverse=not up)
        for k in order:
            if (sizes[k] < own) if up else (sizes[k] > own):
                continue
            wrong = (adjusted[k].step_time_s.value < nearest.step_time_s.value) == up
            if wrong and adjusted[k].step_time_s.value != nearest.step_time_s.value:
                adjusted[k] = with_step(adjusted[k], nearest.step_time_s)
            nearest = adjusted[k]
    return adjusted


def _memory(profile: Profile, growth: float) -> float | None:
    """Most memory at another size: smaller jobs may keep all of it."""
    if profile.memory_bytes is None:
        return None
    return profile.memory_bytes * max(growth, 1.0)


def _grown(answer: Translation, growth: Growth, bundle: Bundle) -> Translation:
    """A translation that says its anchor's step was scaled, not given."""
    m = bundle.manifest
    source = f"scaled from {growth.axis} {growth.own}, growth as learnt"
    first = RestsOn("step time on the anchor", source, m.corpus, m.simulated)
    rest = answer.facts.rests_on[1:]
    return replace(answer, facts=replace(answer.facts, rests_on=(first, *rest)))


def _wider(answer: Translation, factor: float) -> Translation:
    """A translation whose anchor side is itself uncertain by a factor."""

    def wider(e: Estimate | None) -> Estimate | None:
        if e is None or e.low is None or e.high is None:
            return e
        return Estimate(e.value, e.low / factor, e.high * factor, e.level)

    step = wider(answer.step_time_s)
    assert step is not None
    return replace(
        with_step(answer, step),
        op_sum_us=wider(answer.op_sum_us),
        op_intervals={
            c: (lo / factor, hi * factor) for c, (lo, hi) in answer.op_intervals.items()
        },
    )
