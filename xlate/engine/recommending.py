"""The best clock for profiles: translate, hand on, respond, choose, explain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from xlate.advice import Recommendation
from xlate.answer import DOMAINS, Failure, Translation
from xlate.catalog import Catalogue, catalogue
from xlate.clocks.label import check_slowdown
from xlate.clocks.legal import legal_clocks
from xlate.clocks.objective import make_objective
from xlate.clocks.probe import Probe
from xlate.engine.clock_case import Case, Question
from xlate.engine.facts import doubted
from xlate.engine.measurements import (
    check_device,
    check_probes,
    check_sure,
    metered_shares,
    probe_doubts,
)
from xlate.engine.meters import (
    Doubt,
    anchor_doubts,
    meter_facts,
    time_doubts,
    verdict_of,
)
from xlate.engine.naming import with_anchor
from xlate.engine.translating import translate
from xlate.errors import XlateError
from xlate.profile import Profile
from xlate.store import clock_bundle as clock_bundles
from xlate.store.bundle import Bundle
from xlate.store.clock_bundle import ClockBundle

__all__ = ["checked_probes", "predict_freq", "question"]


def predict_freq(
    profiles: Sequence[Profile | Failure],
    anchor: str | None,
    target: str,
    *,
    objective: str = "edp",
    max_slowdown: float | None = None,
    sure: float | None = None,
    probe: str = "max-only",
    probes: Sequence[Probe] = (),
    telemetry: Probe | None = None,
    confidence: float = 0.7,
    clocks_file: Path | None = None,
    bundle: Bundle | None = None,
    clock_bundle: ClockBundle | None = None,
    force: bool = False,
    anchors_dirs: Iterable[Path] = (),
    seed: int = 0,
) -> list[Recommendation | Failure]:
    """The best clock on the target for each profile taken on the anchor.

    Parameters
    ----------
    profiles : sequence of Profile or Failure
        Failures are handed through.
    anchor : str or None
        Instance, by name or alias; None where the files say which GPU they ran on
        and one instance has it.
    target : str
        Instance, by name or alias.
    objective : str
        Key of :data:`xlate.clocks.objective.OBJECTIVES`.
    max_slowdown : float, optional
        Against the fastest clock; 0.05 is 5 %.
    sure : float, optional
        Probability with which the bound must hold, 0.9 for instance; by default the
        expected curve keeps it.
    probe : {"max-only", "tri-point"}
        ``tri-point`` demands probes at about 0.7 and 0.5 of the highest clock.
    probes : sequence of Probe
        Runs of the job on the target itself.
    telemetry : Probe, optional
        What a meter saw of the job on the *anchor*; narrows the guess of power.
    confidence : float
        Below it the answer names two clocks to probe.
    force : bool
        Answer though a file says that it ran on another GPU.
    clocks_file : Path, optional
        Dump of the target's supported clocks.

    Raises
    ------
    XlateError
        For unknown names, a target without GPU or settable clock, a bound that
        is none, a bundle that is missing, probes that do not fit.
    """
    known = catalogue(anchors_dirs)
    asked = question(
        target, known, objective=objective, max_slowdown=max_slowdown, sure=sure,
        confidence=confidence, clocks_file=clocks_file, clock_bundle=clock_bundle,
        seed=seed,
    )  # fmt: skip
    probes = checked_probes(probe, probes, asked, known)
    anchor, profiles, taken = with_anchor(profiles, anchor, anchors_dirs)
    own = known.instance(anchor).require_gpu()
    check_device(telemetry, own, known, "telemetry")
    telemetry = None if telemetry is None else telemetry.within(own)
    metered = metered_shares(telemetry, own)
    doubts = [] if telemetry is None else anchor_doubts(telemetry, own, known)
    doubts += probe_doubts(probes)
    answers: list[Recommendation | Failure] = []
    translated = translate(
        profiles, anchor, target, bundle=bundle, force=force, anchors_dirs=anchors_dirs
    )
    for one in translated:
        if isinstance(one, Failure):
            answers.append(one)
            continue
        try:
            late = [] if telemetry is None else time_doubts(telemetry, Path(one.file))
            case = Case(_doubted(one, [*doubts, *late]), asked)
            case.metered = metered
            if telemetry is not None:
                used = not probes and case.by_telemetry
                case.meter = meter_facts(telemetry, "anchor", used)
            said = case.answer(list(probes))
            # the last reason is what to do
            answers.append(replace(said, reasons=(*taken, *said.reasons)))
        except XlateError as e:
            answers.append(Failure(one.file, e))
    return answers


def _doubted(one: Translation, doubts: Sequence[Doubt]) -> Translation:
    """A translation whose telemetry is doubted: its reasons, and the verdict with it."""
    if not doubts:
        return one
    said = verdict_of(doubts)
    found = doubted(one, said.reasons, said.level)
    if said.level != "ok" and found.facts.domain == DOMAINS["ok"]:
        found = replace(found, facts=replace(found.facts, domain=DOMAINS[said.level]))
    return found


def question(
    target: str, known: Catalogue, *, objective: str, max_slowdown: float | None,
    sure: float | None, confidence: float, clocks_file: Path | None,
    clock_bundle: ClockBundle | None, seed: int,
) -> Question:  # fmt: skip
    """What is asked of every job, checked before any work.

    Raises
    ------
    XlateError
        As :func:`predict_freq`.
    """
    instance = known.instance(target)
    gpu = instance.require_gpu()
    bound = check_slowdown(max_slowdown)
    check_sure(sure, bound)
    legal = legal_clocks(gpu, clocks_file, known)
    if not 0 <= confidence <= 1:
        raise XlateError(f"confidence must be between 0 and 1, got {confidence:g}")
    make_objective(objective, 1.0)  # an unknown name is said before the work
    fitted = clock_bundle
    if fitted is None:
        fitted = clock_bundles.find(instance.name, gpu.name)
    clock_bundles.check_target(fitted, instance.name, gpu.name)
    return Question(
        instance, gpu, fitted, legal, objective, bound, sure, confidence, seed
    )


def checked_probes(
    kind: str, probes: Sequence[Probe], asked: Question, known: Catalogue
) -> list[Probe]:
    """Probes that are of the target and of one work, without samples that cannot be."""
    for one in probes:
        check_device(one, asked.gpu, known, "probe")
    kept = [p.within(asked.gpu) for p in probes]
    check_probes(kind, kept, asked.legal, asked.gpu.limit_w)
    return kept
