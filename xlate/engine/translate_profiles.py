"""Translate profiles: the bundle of the pair answers, else the layer below it.

One straight pass: the machines and the bundle are resolved, each profile is checked,
made a vector and compared with the training (:mod:`xlate.trust.domain`), a layer predicts
(:mod:`xlate.engine.fallback`), and intervals and facts make an answer of it
(:mod:`xlate.engine.answer_intervals`). Each stage hands on a frozen value; what data sheets
answer for leaves the pass for :mod:`xlate.engine.data_sheets`, loaded only then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from xlate import op_names
from xlate.engine.answer_intervals import Basis, Case, Examined, answered, over_both
from xlate.engine.fallback import (
    OP_RATIO,
    PARTS,
    ZERO_SHOT,
    layer_of,
    predict,
    why_not_fitted,
)
from xlate.engine.pair import names_taken
from xlate.engine.recorded_gpu import of_anchor
from xlate.engine.session import Session
from xlate.errors import XlateError
from xlate.stats.calibration import Calibration
from xlate.store.bundle import Bundle
from xlate.trust.domain import Finding, examine
from xlate.trust.precision import shift_of
from xlate.trust.profile_window import with_idle
from xlate.values.answers import Answers
from xlate.values.profile import Profile, Verdict, times_fault
from xlate.values.requests import TranslateRequest
from xlate.values.translation import Failure, Translation
from xlate.values.vectors import Vectors

__all__ = ["check_level", "translate"]


def translate(session: Session, request: TranslateRequest) -> Answers[Translation]:
    """Translate profiles with the bundle of a pair.

    Raises
    ------
    XlateError
        For unknown instances, a level outside 0 to 1, a bundle that is refused, or
        a GPU without bundle of which the catalogue knows too little.
    """
    check_level(request.level)
    catalogue = session.catalogue
    anchor, profiles = request.anchor, list(request.profiles)
    notes: tuple[str, ...] = ()
    # those made in Python were not looked at by a reader
    faults = [times_fault(p) if isinstance(p, Profile) else None for p in profiles]
    if anchor is None:
        # else the files are not asked which machine they are of
        from xlate.engine.machine_choice import with_anchor

        anchor, profiles, notes = with_anchor(profiles, None, catalogue)
    pair = session.pair(anchor, request.target)
    notes += names_taken(pair, anchor, request.target)
    profiles = of_anchor(profiles, pair.anchor, catalogue, request.force)
    bundle = request.bundle
    if bundle is not None:
        session.bundles.check(bundle, *pair.names)
    elif session.bundles.exists(*pair.names):
        bundle = session.bundles.find(*pair.names)
    profiles = [
        p if fault is None or isinstance(p, Failure) else Failure(p.source, fault)
        for p, fault in zip(profiles, faults, strict=True)
    ]
    good = [p for p in profiles if isinstance(p, Profile)]
    answers = iter(_answers(good, Case(session, pair, bundle, request.level)))
    return Answers(
        tuple(
            p if isinstance(p, Failure) else _noted(next(answers), notes)
            for p in profiles
        )
    )


def _noted(answer: Translation, notes: tuple[str, ...]) -> Translation:
    """An answer that says what was taken for names; its verdict stays."""
    if not notes:
        return answer
    verdict = answer.verdict
    return replace(answer, verdict=replace(verdict, reasons=(*verdict.reasons, *notes)))


def check_level(level: float) -> None:
    """Refuse a level that no interval can have.

    Raises
    ------
    XlateError
        Outside 0 to 1.
    """
    if not 0 < level < 1:
        raise XlateError(
            f"level must be between 0 and 1, got {level:g}", "0.9, for instance"
        )


def _answers(profiles: Sequence[Profile], case: Case) -> list[Translation]:
    """An answer a profile, each by the layer that is for it."""
    bundle = case.bundle
    if bundle is None or op_names.DEVICE_IDLE in bundle.manifest.operations:
        profiles = [with_idle(p) for p in profiles]
    if bundle is None:
        # what ships of data sheets is larger than everything else of an answer
        from xlate.engine.data_sheets import without_bundle

        return without_bundle(profiles, case)
    anchor, target = (side.require_gpu() for side in case.pair.sides)
    checked = []
    for p in profiles:
        vectors = Vectors.of([p])
        finding = examine(p, bundle, case.catalogue, vectors)
        layer = layer_of(finding, partial(_data_sheets_suffice, case))
        answers_by = None if layer == ZERO_SHOT else bundle
        shift = shift_of(p, anchor, target, answers_by)
        checked.append(Examined(p, vectors, finding, layer, shift))
    answers: dict[int, Translation] = {}
    for layer in dict.fromkeys(e.layer for e in checked):
        rows = [k for k, e in enumerate(checked) if e.layer == layer]
        layer_answers = _by_data_sheets if layer == ZERO_SHOT else _by_bundle
        of_layer = layer_answers([checked[k] for k in rows], case)
        answers |= dict(zip(rows, of_layer, strict=True))
    return [answers[k] for k in range(len(profiles))]


def _data_sheets_suffice(case: Case) -> bool:
    """Whether data sheets say enough of both GPUs for an answer."""
    from xlate.engine.zero_shot import in_catalogue

    return in_catalogue(case.pair)


def _by_data_sheets(checked: Sequence[Examined], case: Case) -> list[Translation]:
    """Answers for profiles that the fitted translator is not for."""
    from xlate.engine.data_sheets import in_place_of_bundle

    return [in_place_of_bundle(e, case) for e in checked]


def _by_bundle(checked: Sequence[Examined], case: Case) -> list[Translation]:
    """Answers of one layer of a bundle."""
    bundle, layer = case.bundle, checked[0].layer
    assert bundle is not None
    errors = _errors(bundle, PARTS[layer])
    said_of = partial(predict, bundle, layer=layer, workers=case.workers)
    vectors = checked[0].vectors
    if len(checked) > 1:
        vectors = Vectors.of([e.profile for e in checked])
    every = Basis.of_bundle(bundle, layer, said_of(vectors), errors)
    doubted = [k for k, e in enumerate(checked) if e.finding.step_doubt is not None]
    again: dict[int, Translation] = {}
    if doubted:
        # what the window alone says: a step time that cannot be right makes no
        # answer surer than none
        by_window = said_of(vectors.rows(doubted).without_steps())
        alone = Basis.of_bundle(bundle, layer, by_window, errors)
        again = {
            k: answered(checked[k], alone, row, case) for row, k in enumerate(doubted)
        }
    answers = []
    for k, one in enumerate(checked):
        if layer == OP_RATIO:
            one = replace(one, finding=_by_ratio(one.finding))
        answer = answered(one, every, k, case)
        answers.append(over_both(answer, again[k]) if k in again else answer)
    return answers


def _by_ratio(finding: Finding) -> Finding:
    """A finding whose reasons say that the ratio of each operation answers."""
    reasons = why_not_fitted(finding, OP_RATIO)
    return replace(finding, verdict=Verdict(finding.verdict.level, reasons))


def _errors(bundle: Bundle, part: str) -> Calibration:
    """Calibration of a part, made once for each bundle."""
    if part not in bundle.memo:
        arrays = bundle.model["calibration"][part]
        bundle.memo[part] = Calibration.from_arrays(arrays)
    calibration: Calibration = bundle.memo[part]
    return calibration
