"""The best clock for profiles: translate, hand on, respond, choose, explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from xlate.engine.clock_case import Case, Question
from xlate.engine.facts import doubted
from xlate.engine.machine_choice import with_anchor
from xlate.engine.measurements import (
    check_device,
    check_probes,
    check_sure,
    metered_shares,
    probe_doubts,
)
from xlate.engine.recording_trust import (
    Doubt,
    anchor_doubts,
    meter_facts,
    time_doubts,
    verdict_of,
)
from xlate.engine.session import Session
from xlate.engine.translate_profiles import translate
from xlate.errors import XlateError
from xlate.hardware.catalogue import Catalogue
from xlate.hardware.legal_points import legal_clocks
from xlate.objectives import make_objective
from xlate.sweeps.labels import check_slowdown
from xlate.sweeps.probe import Probe
from xlate.values.answers import Answers
from xlate.values.clock_requests import ClockAim, PredictFreqRequest
from xlate.values.recommendation import Recommendation
from xlate.values.requests import TranslateRequest
from xlate.values.translation import DOMAINS, Failure, Translation

__all__ = ["checked_probes", "predict_freq", "question"]


def predict_freq(
    session: Session, request: PredictFreqRequest
) -> Answers[Recommendation]:
    """The best clock on the target for each profile taken on the anchor.

    Raises
    ------
    XlateError
        For unknown names, a target without GPU or settable clock, a bound outside 0
        to 1, a bundle that is missing, probes that do not fit.
    """
    catalogue = session.catalogue
    asked = question(session, request.target, request)
    probes = checked_probes(request, asked, catalogue)
    anchor, profiles, taken = with_anchor(request.profiles, request.anchor, catalogue)
    own = catalogue.instance(anchor).require_gpu()
    telemetry = request.telemetry
    check_device(telemetry, own, catalogue, "telemetry")
    telemetry = None if telemetry is None else telemetry.within(own)
    metered = metered_shares(telemetry, own)
    doubts = [] if telemetry is None else anchor_doubts(telemetry, own, catalogue)
    doubts += probe_doubts(probes)
    answers: list[Recommendation | Failure] = []
    translated = TranslateRequest(
        profiles, anchor, request.target, bundle=request.bundle, force=request.force
    )
    for one in translate(session, translated):
        if isinstance(one, Failure):
            answers.append(one)
            continue
        try:
            late = [] if telemetry is None else time_doubts(telemetry, Path(one.file))
            case = Case(_doubted(one, [*doubts, *late]), asked)
            case.metered, case.of_another_time = metered, bool(late)
            if telemetry is not None:
                used = not probes and case.by_telemetry
                case.meter = meter_facts(telemetry, "anchor", used)
            said = case.answer(list(probes))
            # the last reason is what to do
            answers.append(replace(said, reasons=(*taken, *said.reasons)))
        except XlateError as e:
            answers.append(Failure(one.file, e))
    return Answers(tuple(answers))


def _doubted(one: Translation, doubts: Sequence[Doubt]) -> Translation:
    """A translation whose telemetry is doubted: its reasons, and the verdict with it."""
    if not doubts:
        return one
    said = verdict_of(doubts)
    marked = doubted(one, said.reasons, said.level)
    if said.level != "ok" and marked.facts.domain == DOMAINS["ok"]:
        marked = replace(
            marked, facts=replace(marked.facts, domain=DOMAINS[said.level])
        )
    return marked


def question(session: Session, target: str, aim: ClockAim) -> Question:
    """What is asked of every job, checked before any work.

    Raises
    ------
    XlateError
        As :func:`predict_freq`.
    """
    instance = session.catalogue.instance(target)
    gpu = instance.require_gpu()
    bound = check_slowdown(aim.max_slowdown)
    check_sure(aim.sure, bound)
    legal = legal_clocks(gpu, aim.clocks_file, session.catalogue)
    if not 0 <= aim.confidence <= 1:
        raise XlateError(f"confidence must be between 0 and 1, got {aim.confidence:g}")
    make_objective(aim.objective, 1.0)  # an unknown name is said before the work
    fitted = aim.clock_bundle
    if fitted is None:
        fitted = session.clock_bundles.find(instance.name, gpu.name)
    session.clock_bundles.check(fitted, instance.name, gpu.name)
    return Question(
        instance,
        gpu,
        fitted,
        legal,
        aim.objective,
        bound=bound,
        sure=aim.sure,
        confidence=aim.confidence,
        seed=aim.seed,
    )


def checked_probes(aim: ClockAim, asked: Question, catalogue: Catalogue) -> list[Probe]:
    """Probes that are of the target and of one work, without samples that cannot be."""
    for one in aim.probes:
        check_device(one, asked.gpu, catalogue, "probe")
    kept = [p.within(asked.gpu) for p in aim.probes]
    check_probes(aim.probe, kept, asked.legal, asked.gpu.limit_w)
    return kept
