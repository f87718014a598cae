"""What an answer says beside the step time: rent, memory, and what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from xlate import op_names
from xlate.engine.pair import Pair
from xlate.hardware.catalogue import Catalogue, Instance
from xlate.hardware.identity import Likeness, generic
from xlate.hardware.memory import memory_fit
from xlate.hardware.naming import squash, with_article
from xlate.hardware.prices import rent_of_instance, why_no_rent
from xlate.store.bundle import MODEL, Bundle
from xlate.trust.precision import Shift
from xlate.values.memory_need import MemoryFit
from xlate.values.precision_mix import PrecisionMix, on_tensor_cores
from xlate.values.profile import MODE_NOT_KNOWN, Estimate, Profile, Verdict
from xlate.values.reason import (
    CHECK_ANCHOR,
    GIVE_STEP,
    MEASURE,
    Reason,
    informs,
    remedies,
)
from xlate.values.rent import Rent
from xlate.values.translation import DOMAINS, BundleId, Facts, RestsOn, Translation

if TYPE_CHECKING:
    from xlate.engine.precision_interval import PrecisionReach

__all__ = ["bundle_id", "doubted", "rent_of", "with_facts", "with_memory", "with_step"]

#: levels of a verdict, from trust to none
_LEVELS = ("ok", "widen", "refuse")

#: whether the work fits -> what to do
_OF_MEMORY = {
    "no": "choose a GPU with more memory, or profile a smaller batch",
    "unsure": "try the job there for one step before renting it for long",
}


def bundle_id(bundle: Bundle) -> BundleId:
    """Name and version of a bundle: its pair, and the beginning of its checksum."""
    m = bundle.manifest
    digest = m.files.get(MODEL)
    return BundleId(f"{m.anchor}/to-{m.target}", digest[:12] if digest else None)


def with_facts(
    answer: Translation, profile: Profile, pair: Pair, catalogue: Catalogue,
    *, bundle: Bundle | None, guessed: bool, shift: Shift,
    source: tuple[str, str | None],
) -> Translation:  # fmt: skip
    """A bare translation with rent, memory and origins.

    Parameters
    ----------
    answer : Translation
        As the layer gave it.
    catalogue : Catalogue
        That of the session.
    bundle : Bundle or None
        The one whose layer answered; None where data sheets did.
    guessed : bool
        Whether the anchor's step time was taken from the window.
    shift : Shift
        How the run would compute on the target.
    source : (str, str or None)
        What translated, and a note on it.
    """
    a, t = pair.sides
    rent, no_rent = rent_of(t, catalogue)
    answer, reach = _in_precision(answer, profile, pair, bundle, shift)
    mix = profile.precision_mix
    facts = Facts(
        bundle=None if bundle is None else bundle_id(bundle),
        recorded_gpu=profile.device,
        anchor_gpu=a.require_gpu().name,
        target_gpu=t.require_gpu().name,
        mode=_mode(profile),
        precision=shift.anchor,
        precision_known=_how_known(mix, shift),
        precision_target=shift.target,
        precision_shares=mix.shares,
        precision_assumed=_assumed(shift, reach),
        precision_interval_scale=reach.step if reach and reach.changes else None,
        rent=rent,
        no_rent=no_rent,
        domain=DOMAINS[answer.verdict.level],
        step_from="window" if guessed else "given",
        rests_on=(
            _step_part(bundle, guessed),
            _translation_part(answer, *source),
            *_anchor_part(profile, a, catalogue),
        ),
    )
    window, step_us = profile.window_us, answer.anchor_step_time_s * 1e6
    answer = with_step(
        replace(
            answer, facts=facts, anchor_ops=dict(profile.ops),
            window_steps=window / step_us if step_us > 0 and window > 0 else None,
        ),
        answer.step_time_s,
    )  # fmt: skip
    answer = with_memory(answer, memory_fit(t.require_gpu(), profile.memory_bytes))
    return _anchor_memory_checked(
        answer, memory_fit(a.require_gpu(), profile.memory_bytes)
    )


def _anchor_memory_checked(answer: Translation, on_anchor: MemoryFit) -> Translation:
    """The answer, doubted where the profile used more memory than its anchor has."""
    if (on_anchor.need_bytes or 0) <= (on_anchor.have_bytes or float("inf")):
        return answer
    said = f"the profile used more memory than its anchor has: {on_anchor.text}"
    return doubted(answer, [Reason(said, CHECK_ANCHOR)], "widen")


def rent_of(target: Instance, catalogue: Catalogue) -> tuple[Rent | None, str | None]:
    """What a machine costs; without a price None, and why."""
    rent = rent_of_instance(target)
    return rent, None if rent is not None else why_no_rent(target, catalogue)


def with_step(answer: Translation, step: Estimate) -> Translation:
    """An answer with another step time, and with the money that follows from it."""
    rent = answer.facts.rent
    usd = None if rent is None else rent.for_steps(step)
    return replace(
        answer,
        step_time_s=step,
        usd_per_1000_steps=usd,
        usd_per_1000_steps_gpu_share=(
            None if rent is None or usd is None else rent.of_share(usd)
        ),
    )


def with_memory(answer: Translation, fit: MemoryFit) -> Translation:
    """An answer that says whether the work fits; doubt about it goes into the verdict."""
    answer = replace(answer, facts=replace(answer.facts, memory=fit))
    if fit.reason is None:
        return _advised(answer)
    reason = Reason(fit.reason, _OF_MEMORY.get(fit.fits or ""))
    return doubted(answer, [reason], "refuse" if fit.fits == "no" else "widen")


def doubted(answer: Translation, reasons: Sequence[str], level: str) -> Translation:
    """An answer with more reasons before those it has, and at least this level."""
    worst = max(answer.verdict.level, level, key=_LEVELS.index)
    verdict = Verdict(worst, (*reasons, *answer.verdict.reasons))
    return _advised(replace(answer, verdict=verdict))


def _advised(answer: Translation) -> Translation:
    advice = tuple(_what_to_do(answer))
    return replace(answer, facts=replace(answer.facts, what_to_do=advice))


def _what_to_do(answer: Translation) -> list[str]:
    """What would make the answer surer, or what to do in its place: each thing once."""
    facts, said = answer.facts, list(remedies(answer.verdict.reasons))
    if facts.step_from == "window" and GIVE_STEP not in said:
        said.append(GIVE_STEP)
    if facts.domain == "out_of_domain" and MEASURE not in said:
        said.append(MEASURE)
    if answer.verdict.level != "ok" and not said:
        said.append("use it with its interval, which is wider for these reasons")
    return said


def _mode(profile: Profile) -> str | None:
    """Training or inference, where the file or the operations say it.

    A profile is taken as one of training where nothing is said, so that only what
    differs from that, or work that only training does, is known.
    """
    mode = profile.workload.mode
    if mode == MODE_NOT_KNOWN:
        return None
    if mode != "training":
        return mode
    busy = [c for c in op_names.busy_columns(list(profile.ops)) if profile.ops[c] > 0]
    signs = ("backprop", "backward", "grad")
    trains = any(
        op_names.family(c) == "update" or any(s in c.lower() for s in signs)
        for c in busy
    )
    return "training" if trains else None


def _in_precision(
    answer: Translation, profile: Profile, pair: Pair, bundle: Bundle | None,
    shift: Shift,
) -> tuple[Translation, PrecisionReach | None]:  # fmt: skip
    """An answer whose reasons and bounds say that its target computes otherwise.

    What runs measured on the target show is in the fitted ratios, and only said; an
    answer from data sheets knows nothing of it. What it reaches for is returned beside it,
    None where the precision of the run is not known at all.
    """
    reasons: list[str] = [
        Reason(f"{r} (learnt from runs measured there)", informs=True)
        if shift.learnt
        else r
        for r in shift.reasons
    ]
    reasons += [] if shift.beyond_roofs is None else [shift.beyond_roofs]
    reach, level = None, "widen"
    if _in_known_precision(profile, shift):
        from xlate.engine.precision_interval import reach_of, stretched

        gpus = pair.anchor.require_gpu(), pair.target.require_gpu()
        reach = reach_of(answer, profile, gpus, bundle)
        answer = stretched(answer, reach)
        reasons += reach.reasons
        level = "refuse" if reach.refused else level
    said = answer.verdict.reasons
    if all(informs(r) for r in reasons):
        verdict = replace(answer.verdict, reasons=(*said, *reasons))
        return replace(answer, verdict=verdict), reach
    level = max(answer.verdict.level, level, key=_LEVELS.index)
    # why this layer answered stands first, what was only noted last
    place = 1 if said and not informs(said[0]) else 0
    verdict = Verdict(level, (*said[:place], *reasons, *said[place:]))
    return replace(answer, verdict=verdict), reach


def _in_known_precision(profile: Profile, shift: Shift) -> bool:
    """Whether a format stands for a run, or for what its tensor cores did."""
    shares = profile.precision_mix.known_shares
    return shift.anchor is not None or any(map(on_tensor_cores, shares))


def _assumed(shift: Shift, reach: PrecisionReach | None) -> str | None:
    """The precision that an answer holds for; None where that of the run is not known."""
    if reach is None:
        return None
    # measured there: what the program became is in the ratios
    return shift.target if shift.learnt else reach.assumed


def _how_known(mix: PrecisionMix, shift: Shift) -> str | None:
    """How the precision of a run is known."""
    if mix.dominant is not None:
        return f"from its kernels, {sum(mix.known_shares.values()):.0%} of their time"
    return None if shift.anchor is None else "the profile says so"


def _step_part(bundle: Bundle | None, guessed: bool) -> RestsOn:
    part = "step time on the anchor"
    if not guessed:
        return RestsOn(part, "given with the profile")
    if bundle is None:
        return RestsOn(
            part, "half of the profile window", note="a window is taken for two steps"
        )
    m = bundle.manifest
    return RestsOn(part, "estimated from the profile window", m.corpus, m.simulated)


def _anchor_part(
    profile: Profile, a: Instance, catalogue: Catalogue
) -> tuple[RestsOn, ...]:
    """What confirms the anchor, or that nothing does; nothing where the name is its own."""
    device, own = profile.device, a.require_gpu().name
    if device is not None and not generic(device):
        if squash(device) == squash(own):
            return ()
        source = f"the file names {with_article(device)}: the {own} of the catalogue"
        likeness = catalogue.likeness(device, a.require_gpu())
        if likeness in (Likeness.ANOTHER, Likeness.SHARE):
            source = f"taken to be {a.name} by --force: the file names {with_article(device)}"
    elif profile.instance is not None:
        return ()
    else:
        names = "no GPU" if device is None else f"no GPU but {device!r}"
        source = f"taken to be {a.name}, as was said: the file names {names}"
    return (RestsOn("anchor", source),)


def _translation_part(answer: Translation, source: str, note: str | None) -> RestsOn:
    return RestsOn("translation", source, answer.fitted_on, answer.simulated, note)
