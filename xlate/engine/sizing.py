"""One profile at other sizes, on the anchor and on the target."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate import bounds, opnames
from xlate.answer import Failure, RestsOn, Translation
from xlate.conformal import LEVEL
from xlate.engine.facts import doubted, with_memory, with_step
from xlate.engine.naming import taken_as, with_anchor
from xlate.engine.pair import pair_of
from xlate.engine.translating import translate
from xlate.errors import BundleError, ProfileError
from xlate.hardware.memory import memory_fit
from xlate.profile import Estimate, Profile, Verdict, dataset_name, input_size
from xlate.reason import NEARER, Reason
from xlate.scaling import AXES, HOW, Scaler
from xlate.store import bundle as bundles
from xlate.store.bundle import Bundle
from xlate.trust.domain import CAREFUL_UNKNOWN

__all__ = ["AXIS_COLUMN", "Sized", "axis_sizes", "scale", "wanted_sizes"]

Floats = NDArray[np.float64]

#: axis -> column of the workload key that holds it
AXIS_COLUMN = {"batch-size": "batch_size", "input-size": "dataset"}
#: more sizes than this are a mistake
_MOST_SIZES = 64
#: factor outside the sizes of training that is answered, with a warning
_FARTHEST = 128


@dataclass(frozen=True)
class Sized:
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
    """

    size: int
    measured: bool
    anchor_step_time_s: Estimate
    translation: Translation
    memory_bytes: float | None = None
    too_large_for: tuple[str, ...] = ()


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
            found = [low * 2**k for k in range(int(math.log2(high / low)) + 1)]
            found += [high] if found[-1] < high else []
        else:
            found = [int(s) for s in sizes.split(",")]
    except ValueError:
        raise ProfileError(
            f"sizes must be whole numbers or a range, got {sizes!r}", hint
        ) from None
    if min(found) < 1 or len(found) > _MOST_SIZES:
        raise ProfileError(
            f"sizes must be at least 1 and at most {_MOST_SIZES} of them, got {sizes}",
            hint,
        )
    for size in found:
        if axis == "input-size":
            bounds.check_dataset(f"{size}px", axis)
        else:
            bounds.batch_size(size, axis)
    return axis, found


def scale(
    profile: Profile,
    anchor: str | None,
    target: str,
    axis: str,
    sizes: Sequence[int],
    *,
    level: float = LEVEL,
    force: bool = False,
    anchors_dirs: Iterable[Path] = (),
    bundle: Bundle | None = None,
) -> list[Sized]:
    """Step time and vector at other sizes.

    A step time never falls as the work grows, on either side.

    Parameters
    ----------
    profile : Profile
        With its size in the workload key, and a step time.
    anchor : str or None
        None where the file says which GPU it ran on and one instance has it.
    target : str
    axis : str
        Key of :data:`xlate.scaling.AXES`.
    sizes : sequence of int
        Batch sizes, or sides in pixels.
    force : bool
        Answer though the file says that it ran on another GPU.
    anchors_dirs : iterable of Path
        More catalogue folders.
    bundle : Bundle, optional
        Default: the pair's.

    Raises
    ------
    XlateError
        As :func:`~xlate.engine.translating.translate`; ProfileError where size or
        step time of the profile are not known, where the profile is of another kind
        of work than the scaler was learnt on, or a size is far outside of it;
        BundleError where the bundle has not learnt this axis.
    """
    anchors_dirs = tuple(anchors_dirs)
    anchor, _, notes = with_anchor([profile], anchor, anchors_dirs)
    a, t = pair_of(anchor, target, anchors_dirs)
    notes += tuple(n for n in (taken_as(anchor, a), taken_as(target, t)) if n)
    if bundle is None and not bundles.exists(a.name, t.name):
        raise BundleError(
            f"sizes cannot be scaled from {a.name} to {t.name}: there is no bundle of the "
            "pair, which says how such work grows",
            "profile the job at the size wanted",
        )
    bundle = bundle or bundles.find(a.name, t.name)
    scaler = bundle.model["scaling"].get(axis)
    if not isinstance(scaler, Scaler):
        raise BundleError(
            f"the bundle from {a.name} has not learnt {axis}",
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
    power = AXES[axis]
    _check_kind(profile, scaler, axis, [own, *sizes])
    made, octaves = [], []
    # the profile itself is where both directions start
    for size in [own, *sizes]:
        octaves.append(abs(math.log2(size / own)) * power)
        made.append(_resized(profile, scaler, axis, own, size))
    low, high = (limit ** (1 / power) for limit in scaler.range_)
    given = translate(
        made, a.name, t.name, bundle=bundle, level=level, force=force,
        anchors_dirs=anchors_dirs,
    )  # fmt: skip
    steps = []
    for answer in given:
        if isinstance(answer, Failure):
            raise answer.error
        steps.append(answer)
    _check_layers(axis, sizes, steps)
    answers = _never_falling(own, sizes, steps)
    found = []
    for size, far, p, answer in zip(sizes, octaves[1:], made[1:], answers, strict=True):
        here = (p.step_time_us or 0.0) / 1e6
        factor = scaler.factor(far, level) if far else 1.0
        reasons: list[str] = []
        growth = (size / own) ** power
        need = _memory(profile, growth)
        least = (
            None if need is None else (profile.memory_bytes or 0.0) * min(growth, 1.0)
        )
        here_fit, there_fit = (
            memory_fit(
                side.require_gpu(), need, least if growth < 1 else profile.memory_bytes
            )
            for side in (a, t)
        )
        small = tuple(f.gpu for f in (here_fit, there_fit) if f.reason is not None)
        if size != own:
            answer = _grown(with_memory(answer, there_fit), own, axis, bundle)
            if here_fit.reason is not None:
                reasons.insert(0, f"on the anchor, {axis} {size}: {here_fit.text}")
        if not low <= size <= high:
            unknown = (
                "; whether it fits into memory is not known: the profile has no memory column"
                if need is None
                else ""
            )
            outside = (
                f"{axis} {size} is outside training ({low:g} to {high:g}){unknown}"
            )
            reasons.insert(0, Reason(outside, NEARER))
        if reasons:
            answer = doubted(answer, reasons, "widen")
        level_of, said = answer.verdict.level, (*answer.verdict.reasons, *notes)
        verdict = Verdict(level_of, said)
        found.append(
            Sized(
                size, size == own,
                Estimate(here, here / factor, here * factor, level),
                _wider(replace(answer, verdict=verdict), factor),
                need,
                small,
            )
        )  # fmt: skip
    return found


def _check_kind(
    profile: Profile, scaler: Scaler, axis: str, sizes: Sequence[int]
) -> None:
    """Refuse work that the scaler was not learnt on.

    Raises
    ------
    ProfileError
        For another framework, mode or precision, for mostly unknown operations, and
        for sizes far outside training.
    """
    hint = "profile the job at the size wanted, or fit on a corpus of such work"
    kind = "/".join(getattr(profile.workload, field) for field in HOW)
    if kind not in scaler.kinds_:
        raise ProfileError(
            f"{axis} cannot be scaled: the profile is of {kind}, growth was learnt on "
            f"{' and '.join(scaler.kinds_) or 'nothing that says so'}",
            hint,
        )
    busy = opnames.busy_columns(list(profile.ops))
    strange = {c: profile.ops[c] for c in busy if c not in scaler.seen_}
    share = sum(strange.values()) / profile.busy_us
    if share > CAREFUL_UNKNOWN:
        named = ", ".join(sorted(strange, key=lambda c: -strange[c])[:3])
        raise ProfileError(
            f"{axis} cannot be scaled: {share:.0%} of device time is in operations whose "
            f"growth was not learnt ({named})",
            hint,
        )
    power = AXES[axis]
    low, high = (limit ** (1 / power) for limit in scaler.range_)
    far = [s for s in sizes if not low / _FARTHEST <= s <= high * _FARTHEST]
    if far:
        raise ProfileError(
            f"{axis} {far[0]} is far outside training ({low:g} to {high:g}): nothing "
            "says how the job grows there",
            f"ask for {axis} from {max(low / _FARTHEST, 1):g} to {high * _FARTHEST:g}",
        )


def _resized(
    profile: Profile, scaler: Scaler, axis: str, own: int, size: int
) -> Profile:
    """The profile as it would be on the anchor at another size."""
    power = AXES[axis]
    work, step = profile.workload, profile.step_time_us
    assert step is not None
    ops = np.array([profile.ops.get(c, 0.0) for c in scaler.ops])
    scaled = scaler.predict(ops, step, own**power, size**power)
    ratio = dict(zip(scaler.ops, scaled.ops, strict=True))
    vector = {c: ratio.get(c, v) for c, v in profile.ops.items()}
    key = (
        replace(work, batch_size=size) if axis == "batch-size"
        else replace(work, dataset=dataset_name(size))
    )  # fmt: skip
    return replace(
        profile, ops={c: v for c, v in vector.items() if v > 0}, workload=key,
        step_time_us=scaled.step,
        # memory at another size is another one, and said by the caller
        memory_bytes=profile.memory_bytes if size == own else None,
    )  # fmt: skip


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
    found = list(answers[1:])
    for up in (True, False):
        nearest = answers[0]
        order = sorted(range(len(sizes)), key=lambda k: sizes[k], reverse=not up)
        for k in order:
            if (sizes[k] < own) if up else (sizes[k] > own):
                continue
            wrong = (found[k].step_time_s.value < nearest.step_time_s.value) == up
            if wrong and found[k].step_time_s.value != nearest.step_time_s.value:
                found[k] = with_step(found[k], nearest.step_time_s)
            nearest = found[k]
    return found


def _memory(profile: Profile, growth: float) -> float | None:
    """Most memory at another size: smaller jobs may keep all of it."""
    if profile.memory_bytes is None:
        return None
    return profile.memory_bytes * max(growth, 1.0)


def _grown(answer: Translation, own: int, axis: str, bundle: Bundle) -> Translation:
    """A translation that says its anchor's step was scaled, not given."""
    m = bundle.manifest
    source = f"scaled from {axis} {own}, growth as learnt"
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
