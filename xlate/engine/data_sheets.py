"""Profiles that data sheets answer for: without a bundle, or unlike what it is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xlate import op_names
from xlate.engine.answer_intervals import Basis, Case, Examined, answered, over_both
from xlate.engine.fallback import ZERO_SHOT, why_not_fitted
from xlate.engine.pair import Pair
from xlate.engine.zero_shot import (
    beyond_bundles,
    borrowed,
    by_catalogue,
    extrapolated,
    shipped,
)
from xlate.hardware.catalogue import Gpu
from xlate.hardware.features import ZERO_SHOT_FACTS
from xlate.store.manifest import Manifest
from xlate.trust.domain import MOST_UNKNOWN, Finding
from xlate.trust.precision import shift_of
from xlate.values.profile import Profile
from xlate.values.reason import ADAPT, Reason
from xlate.values.translation import Translation
from xlate.values.vectors import Vectors

__all__ = ["in_place_of_bundle", "without_bundle"]


def without_bundle(profiles: Sequence[Profile], case: Case) -> list[Translation]:
    """Answers for a pair that no bundle is of."""
    fitted = case.session.manifest_of_same_gpus(case.pair)
    anchor, target = (side.require_gpu() for side in case.pair.sides)
    answers = []
    for p in profiles:
        finding = _beyond_bundles(p, (_missing(p, case.pair, fitted),), case)
        shift, vectors = shift_of(p, anchor, target), Vectors.of([p])
        checked = Examined(p, vectors, finding, ZERO_SHOT, shift)
        answers.append(_answer(checked, case))
    return answers


def in_place_of_bundle(checked: Examined, case: Case) -> Translation:
    """An answer for a profile that the fitted translator is not for."""
    finding = checked.finding
    why = why_not_fitted(finding, ZERO_SHOT)
    finding = _beyond_bundles(checked.profile, why, case, finding)
    return _answer(replace(checked, finding=finding), case)


def _beyond_bundles(
    profile: Profile, why: Sequence[str], case: Case, examined: Finding | None = None
) -> Finding:
    """What can be said of a profile, with why no fitted translator answers."""
    beyond = extrapolated(case.pair, case.catalogue)
    why = (*why, *([beyond] if beyond is not None else []))
    return beyond_bundles(profile, why, case.pair.anchor, case.catalogue, examined)


def _missing(profile: Profile, pair: Pair, fitted: Manifest | None) -> Reason:
    """Why data sheets answer for a pair without a bundle, and what would be better."""
    said = (
        f"no bundle from {pair.anchor.name} to {pair.target.name}: the answer comes from data sheets, "
        "learnt on other GPUs"
    )
    if fitted is not None:
        operations = set(fitted.operations)
        busy = [c for c in profile.ops if op_names.is_busy(c)]
        seen = sum(profile.ops[c] for c in busy if c in operations)
        if seen > (1 - MOST_UNKNOWN) * profile.busy_us:
            names = f"--anchor {fitted.anchor} --target {fitted.target}"
            return Reason(
                said, f"name the machines if they are these: {names} has a bundle"
            )
    return Reason(said, ADAPT)


def _answer(checked: Examined, case: Case) -> Translation:
    """An answer from data sheets, with the errors on GPUs left out."""
    source = "data sheets of both GPUs, corrected on other GPUs", _note_on(case.pair)

    def by_step(one: Examined) -> Translation:
        basis = Basis(
            ZERO_SHOT,
            by_catalogue(one.profile, one.vectors, case.pair),
            borrowed(),
            ZERO_SHOT,
            ", ".join(shipped().corpora),
            source=source,
            held_out_mape=shipped().step_mape,
        )
        return answered(one, basis, 0, case)

    answer, doubt = by_step(checked), checked.finding.step_doubt
    if doubt is None:
        return answer
    suggested = replace(checked.profile, step_time_us=doubt.suggested_us)
    again = replace(checked, profile=suggested, vectors=Vectors.of([suggested]))
    return over_both(answer, by_step(again))


def _note_on(pair: Pair) -> str:
    """What data sheets lack of a pair: runs of it, and figures that somebody checked."""
    note = f"no run of the pair to {pair.target.name} was used"
    gpus = [side.require_gpu() for side in pair.sides]
    if unchecked := [g.name for g in gpus if _unchecked(g)]:
        note += f", and nobody checked the figures of {' and '.join(unchecked)}"
    return note


def _unchecked(gpu: Gpu) -> bool:
    """Whether a figure that data sheets answer from is of standing U."""
    facts = (gpu.facts.get(k) for k in ZERO_SHOT_FACTS)
    return any(f is not None and f.standing == "U" for f in facts)
