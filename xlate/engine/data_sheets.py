"""Profiles that data sheets answer for: without a bundle, or unlike what it is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xlate import op_names
from xlate.engine.fallback import ZERO_SHOT, why_not_fitted
from xlate.engine.pair import Pair
from xlate.engine.profile_answer import Basis, Case, Examined, answered, over_both
from xlate.engine.zero_shot import (
    beyond_bundles,
    borrowed,
    by_catalogue,
    extrapolated,
    in_catalogue,
    shipped,
)
from xlate.hardware.catalogue import Gpu
from xlate.hardware.features import ZERO_SHOT_FACTS
from xlate.store.manifest import Manifest
from xlate.trust.domain import MOST_UNKNOWN, Finding
from xlate.trust.precision import shift_of
from xlate.values.prediction import Translation
from xlate.values.profile import Profile
from xlate.values.reason import ADAPT, Reason

__all__ = ["in_place_of_bundle", "suffice", "without_bundle"]


def suffice(pair: Pair) -> bool:
    """Whether data sheets say enough of both GPUs for an answer."""
    return in_catalogue(pair)


def without_bundle(profiles: Sequence[Profile], case: Case) -> list[Translation]:
    """Answers for a pair that no bundle is of."""
    fitted = case.session.manifest_of_same_gpus(case.pair)
    return [_answer(p, (_missing(p, case.pair, fitted),), case) for p in profiles]


def in_place_of_bundle(profile: Profile, finding: Finding, case: Case) -> Translation:
    """An answer for a profile that the fitted translator is not for."""
    return _answer(profile, why_not_fitted(finding, ZERO_SHOT), case, finding)


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


def _answer(
    profile: Profile, why: Sequence[str], case: Case, examined: Finding | None = None
) -> Translation:
    """An answer from data sheets, with the errors on GPUs left out."""
    pair = case.pair
    beyond = extrapolated(pair, case.known)
    why = (*why, *([beyond] if beyond is not None else []))
    finding = beyond_bundles(profile, why, pair.anchor, case.known, examined)
    here, there = (side.require_gpu() for side in pair.sides)
    checked = Examined(profile, finding, shift_of(profile, here, there))

    source = "data sheets of both GPUs, corrected on other GPUs", _note_on(pair)

    def by_step(p: Profile) -> Translation:
        basis = Basis(
            ZERO_SHOT, by_catalogue(p, pair), borrowed(), ZERO_SHOT,
            ", ".join(shipped().corpora), source, held_out_mape=shipped().step_mape,
        )  # fmt: skip
        return answered(replace(checked, profile=p), basis, 0, case)

    answer = by_step(profile)
    if finding.step_doubt is None:
        return answer
    suggested = replace(profile, step_time_us=finding.step_doubt.suggested_us)
    return over_both(answer, by_step(suggested))


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
