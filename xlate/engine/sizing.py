"""One profile at other sizes, on the anchor and on the target."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate.answer import Failure, Translation
from xlate.catalog import Instance
from xlate.conformal import LEVEL
from xlate.engine.naming import with_anchor
from xlate.engine.pair import pair_of
from xlate.engine.translating import translate
from xlate.errors import BundleError, ProfileError
from xlate.profile import Estimate, Profile, Verdict, dataset_name, input_size
from xlate.scaling import AXES, Scaler
from xlate.store import bundle as bundles

__all__ = ["AXIS_COLUMN", "Sized", "axis_sizes", "scale", "wanted_sizes"]

Floats = NDArray[np.float64]

#: axis -> column of the workload key that holds it
AXIS_COLUMN = {"batch-size": "batch_size", "input-size": "dataset"}
#: more sizes than this are a mistake
_MOST_SIZES = 64
_GIB = 1024**3


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
        GPUs that have less.
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
        raise ProfileError(f"{axis or text} is no axis of size", hint)
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
        raise ProfileError(f"{sizes!r} are no sizes", hint) from None
    if min(found) < 1 or len(found) > _MOST_SIZES:
        raise ProfileError(f"{sizes} are no sizes that can be answered", hint)
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
) -> list[Sized]:
    """Step time and vector at other sizes.

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

    Raises
    ------
    XlateError
        As :func:`~xlate.engine.translating.translate`; ProfileError where size or
        step time of the profile are not known, BundleError where the bundle has not
        learnt this axis.
    """
    anchor, _, notes = with_anchor([profile], anchor, anchors_dirs)
    a, t = pair_of(anchor, target, anchors_dirs)
    bundle = bundles.find(a.name, t.name)
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
    ops = np.array([profile.ops.get(c, 0.0) for c in scaler.ops])
    made, octaves = [], []
    for size in sizes:
        scaled = scaler.predict(ops, profile.step_time_us, own**power, size**power)
        octaves.append(abs(math.log2(size / own)) * power)
        ratio = dict(zip(scaler.ops, scaled.ops, strict=True))
        vector = {c: ratio.get(c, v) for c, v in profile.ops.items()}
        key = (
            replace(work, batch_size=size) if axis == "batch-size"
            else replace(work, dataset=dataset_name(size))
        )  # fmt: skip
        made.append(
            replace(
                profile, ops={c: v for c, v in vector.items() if v > 0}, workload=key,
                step_time_us=scaled.step,
            )
        )  # fmt: skip
    low, high = (limit ** (1 / power) for limit in scaler.range_)
    answers = translate(
        made,
        a.name,
        t.name,
        bundle=bundle,
        level=level,
        force=force,
        anchors_dirs=anchors_dirs,
    )
    found = []
    for size, far, p, answer in zip(sizes, octaves, made, answers, strict=True):
        if isinstance(answer, Failure):
            raise answer.error
        here = (p.step_time_us or 0.0) / 1e6
        factor = scaler.factor(far, level) if far else 1.0
        reasons = [*answer.verdict.reasons, *notes]
        need = _memory(profile, (size / own) ** power)
        small = _too_small(need, a, t)
        if small:
            reasons.insert(
                0,
                f"{axis} {size} may need {(need or 0.0) / _GIB:.1f} GiB, and {' and '.join(small)} "
                "may be out of memory",
            )
        if not low <= size <= high:
            unknown = (
                "; whether it fits into memory is not known: the profile has no memory column"
                if need is None
                else ""
            )
            reasons.insert(
                0, f"{axis} {size} is outside training ({low:g} to {high:g}){unknown}"
            )
        worse = len(reasons) > len(answer.verdict.reasons)
        verdict = Verdict(
            "widen" if worse and answer.verdict.level == "ok" else answer.verdict.level,
            tuple(reasons),
        )
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


def _memory(profile: Profile, growth: float) -> float | None:
    """Most memory at another size: smaller jobs may keep all of it."""
    if profile.memory_bytes is None:
        return None
    return profile.memory_bytes * max(growth, 1.0)


def _too_small(need: float | None, *sides: Instance) -> tuple[str, ...]:
    """GPUs with less memory than may be needed."""
    if need is None:
        return ()
    gpus = [s.require_gpu() for s in sides]
    return tuple(
        g.name for g in gpus if (g.number("memory_gib") or math.inf) * _GIB < need
    )


def _wider(answer: Translation, factor: float) -> Translation:
    """A translation whose anchor side is itself uncertain by a factor."""

    def wider(e: Estimate | None) -> Estimate | None:
        if e is None or e.low is None or e.high is None:
            return e
        return Estimate(e.value, e.low / factor, e.high * factor, e.level)

    step = wider(answer.step_time_s)
    assert step is not None
    return replace(
        answer,
        step_time_s=step,
        op_sum_us=wider(answer.op_sum_us),
        usd_per_1000_steps=wider(answer.usd_per_1000_steps),
        op_intervals={
            c: (lo / factor, hi * factor) for c, (lo, hi) in answer.op_intervals.items()
        },
    )
