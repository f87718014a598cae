"""Translate profiles: the bundle of the pair answers, else the layer below it.

One straight pass: the machines and the bundle are resolved, each profile is checked,
made a vector and held against the training (:mod:`xlate.trust.domain`), a layer predicts
(:mod:`xlate.engine.fallback`), and intervals and facts make an answer of it
(:mod:`xlate.engine.profile_answer`). Each stage hands on a frozen value; what data sheets
answer for leaves the pass for :mod:`xlate.engine.data_sheets`, loaded only then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xlate import op_names
from xlate.engine.fallback import (
    OP_RATIO,
    PARTS,
    ZERO_SHOT,
    Predicted,
    layer_of,
    predict,
    why_not_fitted,
)
from xlate.engine.pair import names_taken
from xlate.engine.profile_answer import Basis, Case, Examined, answered, over_both
from xlate.engine.recorded_gpu import of_anchor
from xlate.engine.session import Session
from xlate.errors import XlateError
from xlate.stats.calibration import Calibration
from xlate.store.bundle import Bundle
from xlate.trust.domain import Finding, examine
from xlate.trust.precision import shift_of
from xlate.trust.profile_window import with_idle
from xlate.values.answers import Answers
from xlate.values.prediction import Failure, Translation
from xlate.values.profile import Profile, Verdict, times_fault
from xlate.values.requests import TranslateRequest
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
    known = session.catalogue
    anchor, profiles = request.anchor, list(request.profiles)
    notes: tuple[str, ...] = ()
    # those made in Python were not looked at by a reader
    faults = [times_fault(p) if isinstance(p, Profile) else None for p in profiles]
    if anchor is None:
        # else the files are not asked which machine they are of
        from xlate.engine.machine_choice import with_anchor

        anchor, profiles, notes = with_anchor(profiles, None, known)
    pair = session.pair(anchor, request.target)
    notes += names_taken(pair, anchor, request.target)
    profiles = of_anchor(profiles, pair.anchor, known, request.force)
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
    bundle, pair = case.bundle, case.pair
    if bundle is None or op_names.DEVICE_IDLE in bundle.manifest.operations:
        profiles = [with_idle(p) for p in profiles]
    if bundle is None:
        # what ships of data sheets is larger than everything else of an answer
        from xlate.engine import data_sheets

        return data_sheets.without_bundle(profiles, case)
    here, there = (side.require_gpu() for side in pair.sides)
    vectors, findings, shifts = [], [], []
    for p in profiles:
        vectors.append(Vectors.of([p]))
        findings.append(examine(p, bundle, case.known, vectors[-1]))
        shifts.append(shift_of(p, here, there, bundle))
    refused = any(f.verdict.level == "refuse" for f in findings)
    if refused:
        from xlate.engine import data_sheets
    layers = [layer_of(f, refused and data_sheets.suffice(pair)) for f in findings]
    answers: dict[int, Translation] = {}
    for layer in dict.fromkeys(layers):
        rows = [k for k, name in enumerate(layers) if name == layer]
        if layer == ZERO_SHOT:
            for k in rows:
                answers[k] = data_sheets.in_place_of_bundle(
                    profiles[k], findings[k], case
                )
            continue
        together = vectors[rows[0]]
        if len(rows) > 1:
            together = Vectors.of([profiles[k] for k in rows])
        said = predict(bundle, together, layer, workers=case.workers)
        doubted = [r for r, k in enumerate(rows) if findings[k].step_doubt is not None]
        alone = None
        if doubted:
            # what the window alone says: a step time that cannot be right makes no
            # answer surer than none
            unsure = together.rows(doubted).without_steps()
            alone = predict(bundle, unsure, layer, workers=case.workers)
        checked = [Examined(profiles[k], findings[k], shifts[k]) for k in rows]
        found = _by_bundle(checked, layer, (said, alone), doubted, case)
        answers |= dict(zip(rows, found, strict=True))
    return [answers[k] for k in range(len(profiles))]


def _by_bundle(
    checked: Sequence[Examined], layer: str, said: tuple[Predicted, Predicted | None],
    doubted: Sequence[int], case: Case,
) -> list[Translation]:  # fmt: skip
    """Answers of one layer of a bundle.

    Parameters
    ----------
    checked : sequence of Examined
    layer : str
    said : (Predicted, Predicted or None)
        What it says of all of them, and of those whose step time is doubted without it.
    doubted : sequence of int
        Which these are.
    case : Case
    """
    bundle = case.bundle
    assert bundle is not None
    errors = _errors(bundle, PARTS[layer])
    every, alone = (
        None if p is None else Basis.of_bundle(bundle, layer, p, errors) for p in said
    )
    assert every is not None
    again: dict[int, Translation] = {}
    if alone is not None:
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
    found = bundle.memo.get(part)
    if found is None:
        found = Calibration.from_arrays(bundle.model["calibration"][part])
        bundle.memo[part] = found
    known: Calibration = found
    return known
