"""What an answer says beside the step time: rent, memory, and what it rests on."""

from __future__ import annotations

from dataclasses import replace

from xlate import opnames
from xlate.answer import DOMAINS, BundleId, Facts, RestsOn, Translation
from xlate.catalog import Catalogue, Instance, catalogue
from xlate.hardware.memory import MemoryFit, memory_fit
from xlate.hardware.rent import Rent, why_no_rent
from xlate.profile import Estimate, Profile, Verdict
from xlate.store.bundle import MODEL, Bundle

__all__ = ["bundle_id", "with_facts", "with_memory", "with_step"]

#: levels of a verdict, from trust to none
_LEVELS = ("ok", "widen", "refuse")


#: words of a reason -> what to do about it
_REMEDIES = (
    (("looks like a profile of", "says it ran on"), "check --anchor: name the machine that the profile was recorded on"),
    (("not seen in training", "nobody knows"), "look at the operations named: time that nobody knows is only estimated"),
    (("missing here", "profile cut"), "record whole training steps, and check --step-time"),
    (("outside training",), "profile a size nearer to those of training, or measure this one"),
)  # fmt: skip


def bundle_id(bundle: Bundle) -> BundleId:
    """Name and version of a bundle: its pair, and the beginning of its checksum."""
    m = bundle.manifest
    digest = m.files.get(MODEL)
    return BundleId(f"{m.anchor}/to-{m.target}", digest[:12] if digest else None)


def with_facts(
    answer: Translation, profile: Profile, a: Instance, t: Instance,
    bundle: Bundle | None, guessed: bool, known: Catalogue | None = None,
) -> Translation:  # fmt: skip
    """A bare translation with rent, memory and origins.

    Parameters
    ----------
    answer : Translation
        As the layer gave it.
    bundle : Bundle or None
        The one whose layer answered; None where data sheets did.
    guessed : bool
        Whether the anchor's step time was taken from the window.
    known : Catalogue, optional
        The one the command was given; by default the one that ships.
    """
    rent = Rent.of(t)
    precision = _precision(profile)
    facts = Facts(
        bundle=None if bundle is None else bundle_id(bundle),
        recorded_gpu=profile.device,
        mode=_mode(profile),
        precision=precision,
        precision_known=None if precision is None else "the profile says so",
        rent=rent,
        no_rent=None if rent is not None else why_no_rent(t, known or catalogue()),
        domain=DOMAINS[answer.verdict.level],
        step_from="window" if guessed else "given",
        rests_on=(_step_part(bundle, guessed), _translation_part(answer, t)),
    )
    window = profile.window_us
    step_us = answer.anchor_step_time_s * 1e6
    found = with_step(
        replace(
            answer, facts=facts, anchor_ops=dict(profile.ops),
            window_steps=window / step_us if step_us > 0 and window > 0 else None,
        ),
        answer.step_time_s,
    )  # fmt: skip
    found = with_memory(found, memory_fit(t.require_gpu(), profile.memory_bytes))
    here = memory_fit(a.require_gpu(), profile.memory_bytes)
    if (here.need_bytes or 0) > (here.have_bytes or float("inf")):
        said = f"the profile used more memory than its anchor has: {here.text}"
        found = _doubted(found, said, "widen")
    return found


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
    return _doubted(answer, fit.reason, "refuse" if fit.fits == "no" else "widen")


def _doubted(answer: Translation, reason: str, level: str) -> Translation:
    worst = max(answer.verdict.level, level, key=_LEVELS.index)
    reasons = (reason, *answer.verdict.reasons)
    return _advised(replace(answer, verdict=Verdict(worst, reasons)))


def _advised(answer: Translation) -> Translation:
    advice = tuple(_what_to_do(answer))
    return replace(answer, facts=replace(answer.facts, what_to_do=advice))


def _what_to_do(answer: Translation) -> list[str]:
    """What would make the answer surer, or what to do in its place."""
    facts, said = answer.facts, []
    memory = facts.memory
    if memory is not None and memory.fits == "no":
        said.append("choose a GPU with more memory, or profile a smaller batch")
    elif memory is not None and memory.fits == "unsure":
        said.append("try the job there for one step before renting it for long")
    if facts.step_from == "window":
        said.append("time a step on the anchor and give it: --step-time MS")
    if answer.simulated:
        said.append(
            "import a measured corpus that holds both instances (xlate datasets list), "
            "and fit again"
        )
    text = " ".join(answer.verdict.reasons)
    said += [do for words, do in _REMEDIES if any(w in text for w in words)]
    if facts.domain == "out_of_domain" and not answer.layer.startswith("zero-shot"):
        said.append(
            "take it as a rough figure: measure a step on the target before relying on it"
        )
    elif facts.bundle is None and facts.domain != "in_domain":
        said.append(
            "measure a few runs on the target and adapt to them: xlate fit --shots"
        )
    elif facts.domain == "uncertain" and answer.verdict.level != "ok" and not said:
        said.append("use it with its interval, which is wider for these reasons")
    return said


def _mode(profile: Profile) -> str | None:
    """Training or inference, where the file or the operations say it.

    A profile is taken as one of training where nothing is said, so that only what
    differs from that, or work that only training does, is known.
    """
    mode = profile.workload.mode
    if mode != "training":
        return mode
    busy = [c for c in opnames.busy_columns(list(profile.ops)) if profile.ops[c] > 0]
    signs = ("backprop", "backward", "grad")
    trains = any(
        opnames.family(c) == "update" or any(s in c.lower() for s in signs)
        for c in busy
    )
    return "training" if trains else None


def _precision(profile: Profile) -> str | None:
    """As the file says it; fp32 is also what stands where nothing was said."""
    found = profile.workload.precision
    return None if found == "fp32" else found


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


def _translation_part(answer: Translation, t: Instance) -> RestsOn:
    if answer.facts.bundle is None and answer.translator == "zero-shot":
        source = "data sheets of both GPUs, corrected on other GPUs"
        note = f"no run of the pair to {t.name} was used"
    else:
        fitted = answer.layer == "fitted"
        source = (
            f"the fitted {answer.translator}" if fitted else f"layer {answer.layer}"
        )
        note = None
    return RestsOn("translation", source, answer.fitted_on, answer.simulated, note)
