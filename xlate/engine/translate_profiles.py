"""Translate profiles: the bundle of the pair answers, else the layer below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xlate import op_names
from xlate.engine.facts import with_facts, with_step
from xlate.engine.fallback import (
    OP_RATIO,
    PARTS,
    ZERO_SHOT,
    Predicted,
    layer_of,
    predict,
    why_not_fitted,
)
from xlate.engine.machine_choice import names_taken, with_anchor
from xlate.engine.pair import Pair
from xlate.engine.recorded_gpu import of_anchor
from xlate.engine.session import Session
from xlate.engine.zero_shot import (
    beyond_bundles,
    borrowed,
    by_catalogue,
    extrapolated,
    in_catalogue,
    shipped,
)
from xlate.errors import ProfileError, XlateError
from xlate.hardware.catalogue import Catalogue
from xlate.stats.calibration import LARGE, Calibration
from xlate.stats.conformal import Scores
from xlate.store.bundle import Bundle
from xlate.store.manifest import Manifest
from xlate.trust.domain import MOST_UNKNOWN, Finding, examine
from xlate.trust.profile_window import with_idle
from xlate.values.answers import Answers
from xlate.values.prediction import Failure, Translation
from xlate.values.profile import Estimate, Profile, Verdict, check_times
from xlate.values.reason import ADAPT, Reason
from xlate.values.requests import TranslateRequest

if TYPE_CHECKING:
    from xlate.parallel import Backend

__all__ = ["check_level", "translate"]

Floats = NDArray[np.float64]

#: no interval that anybody could use is as wide as this many times its value
_UNBOUNDED = 1e3
_NO_INTERVAL = Reason(
    "no interval: errors on so few networks or GPUs left out say nothing at this level",
    "ask for a lower --level",
)


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
    anchor, profiles, notes = with_anchor(request.profiles, request.anchor, known)
    pair = session.pair(anchor, request.target)
    notes += names_taken(pair, anchor, request.target)
    profiles = of_anchor(profiles, pair.anchor, known, request.force)
    bundle = request.bundle
    if bundle is not None:
        session.bundles.check(bundle, *pair.names)
    elif session.bundles.exists(*pair.names):
        bundle = session.bundles.find(*pair.names)
    # those made in Python were not looked at by a reader
    profiles = [_timed(p) for p in profiles]
    good = [p for p in profiles if isinstance(p, Profile)]
    answers = iter(_answer(good, _Asked(session, pair, bundle, request.level)))
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


def _timed(profile: Profile | Failure) -> Profile | Failure:
    """A profile, or the failure of one whose times cannot be microseconds."""
    if isinstance(profile, Profile):
        try:
            check_times(profile)
        except ProfileError as e:
            return Failure(profile.source, e)
    return profile


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


@dataclass(frozen=True, eq=False)
class _Asked:
    """What is asked of every profile."""

    session: Session
    pair: Pair
    bundle: Bundle | None
    level: float

    @property
    def known(self) -> Catalogue:
        """Says what names of GPUs and instances mean."""
        return self.session.catalogue

    def workers(self) -> Backend:
        """Where parts of large work are done; not asked for one profile."""
        return self.session.parallel


@dataclass(frozen=True, eq=False)
class _Said:
    """What a layer says of some profiles, and what that rests on."""

    layer: str
    predicted: Predicted
    calibration: Calibration | None
    bundle: Bundle | None = None

    @property
    def manifest(self) -> Manifest | None:
        return None if self.bundle is None else self.bundle.manifest

    @property
    def translator(self) -> str:
        return ZERO_SHOT if self.manifest is None else self.manifest.translator

    @property
    def fitted_on(self) -> str:
        if self.manifest is None:
            return ", ".join(shipped().corpora)
        return self.manifest.corpus

    @property
    def simulated(self) -> bool:
        return self.manifest is not None and self.manifest.simulated

    @property
    def held_out_mape(self) -> float | None:
        if self.manifest is None:
            return shipped().step_mape
        return self.manifest.error("step_mape")


def _answer(profiles: Sequence[Profile], asked: _Asked) -> list[Translation]:
    bundle, pair = asked.bundle, asked.pair
    if bundle is None or op_names.DEVICE_IDLE in bundle.manifest.operations:
        profiles = [with_idle(p) for p in profiles]
    if bundle is None:
        fitted = asked.session.manifest_of_same_gpus(pair)
        return [_unseen(p, (_missing(p, pair, fitted),), asked) for p in profiles]
    findings = [examine(p, bundle, asked.known) for p in profiles]
    data_sheets = in_catalogue(pair)
    layers = [layer_of(f, data_sheets) for f in findings]
    answers: dict[int, Translation] = {}
    for layer in dict.fromkeys(layers):
        rows = [k for k, name in enumerate(layers) if name == layer]
        if layer == ZERO_SHOT:
            for k in rows:
                why = why_not_fitted(findings[k], layer)
                answers[k] = _unseen(profiles[k], why, asked, findings[k])
            continue
        found = _by_bundle(
            [profiles[k] for k in rows], [findings[k] for k in rows], layer, asked
        )
        answers |= dict(zip(rows, found, strict=True))
    return [answers[k] for k in range(len(profiles))]


def _by_bundle(
    profiles: Sequence[Profile], findings: Sequence[Finding], layer: str, asked: _Asked
) -> list[Translation]:
    """Answers of one layer of a bundle."""
    bundle = asked.bundle
    assert bundle is not None
    ops = sorted({c for p in profiles for c in p.ops})
    times = np.array([[p.ops.get(c, 0.0) for c in ops] for p in profiles])
    steps = np.array([p.step_time_us or np.nan for p in profiles])
    errors = _errors(bundle, PARTS[layer])
    said = _Said(
        layer,
        predict(bundle, times, ops, steps, layer, workers=asked.workers),
        errors,
        bundle,
    )
    doubted = [k for k, f in enumerate(findings) if f.step_doubt is not None]
    again: dict[int, Translation] = {}
    if doubted:
        # what the window alone says: a step time that cannot be right makes no
        # answer surer than none
        nothing = np.full(len(doubted), np.nan)
        alone = _Said(
            layer,
            predict(
                bundle,
                times[doubted],
                ops,
                nothing,
                layer,
                workers=asked.workers,
            ),
            errors,
            bundle,
        )
        again = {
            k: _one(profiles[k], findings[k], alone, row, asked)
            for row, k in enumerate(doubted)
        }
    answers = []
    for k, (profile, finding) in enumerate(zip(profiles, findings, strict=True)):
        if layer == OP_RATIO:
            reasons = why_not_fitted(finding, layer)
            finding = replace(finding, verdict=Verdict(finding.verdict.level, reasons))  # fmt: skip
        answer = _one(profile, finding, said, k, asked)
        answers.append(_over_both(answer, again[k]) if k in again else answer)
    return answers


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


def _errors(bundle: Bundle, part: str) -> Calibration:
    """Calibration of a part, made once for each bundle."""
    found = bundle.memo.get(part)
    if found is None:
        found = Calibration.from_arrays(bundle.model["calibration"][part])
        bundle.memo[part] = found
    known: Calibration = found
    return known


def _over_both(answer: Translation, alone: Translation) -> Translation:
    """An answer whose interval reaches over that without the step time given."""
    ends = answer.step_time_s, alone.step_time_s
    lows, highs = ([getattr(e, k) for e in ends] for k in ("low", "high"))
    if None in lows or None in highs:
        step = Estimate(answer.step_time_s.value)
    else:
        step = replace(answer.step_time_s, low=min(lows), high=max(highs))
    return with_step(answer, step)


def _unseen(
    profile: Profile, why: Sequence[str], asked: _Asked, examined: Finding | None = None
) -> Translation:
    """An answer from data sheets, with the errors on GPUs left out."""
    beyond = extrapolated(asked.pair, asked.known)
    why = (*why, *([beyond] if beyond is not None else []))
    finding = beyond_bundles(profile, why, asked.pair.anchor, asked.known, examined)

    def answered(p: Profile) -> Translation:
        said = _Said(ZERO_SHOT, by_catalogue(p, asked.pair), borrowed())
        return _one(p, finding, said, 0, asked)

    answer = answered(profile)
    if finding.step_doubt is None:
        return answer
    suggested = replace(profile, step_time_us=finding.step_doubt.suggested_us)
    return _over_both(answer, answered(suggested))


def _one(
    profile: Profile, finding: Finding, said: _Said, row: int, asked: _Asked
) -> Translation:
    """One profile's answer with its intervals."""
    found, calibration = said.predicted, said.calibration

    def interval(
        value: float, scores: Scores | None, difficulty: float = 1.0
    ) -> Estimate:
        if scores is None:
            return Estimate(value)
        factor = scores.factor(asked.level, difficulty * finding.widening)
        if factor > _UNBOUNDED:
            return Estimate(value)
        return Estimate(value, value / factor, value * factor, asked.level)

    step_scores = None
    if calibration is not None:
        step_scores = calibration.window if found.guessed[row] else calibration.step
    step = interval(
        float(found.step[row]) / 1e6, step_scores, float(found.difficulty[row])
    )
    vector, busy = _vector(found, row)
    op_sum = None
    op_intervals: dict[str, tuple[float, float]] = {}
    if vector is not None:
        total = sum(busy.values())
        op_sum = interval(total, calibration.busy if calibration else None)
        for name, value in busy.items():
            if calibration is None or value < LARGE * total:
                continue
            e = interval(value, calibration.of_op(name))
            if e.low is not None and e.high is not None:
                op_intervals[name] = (e.low, e.high)
    verdict = finding.verdict
    if step_scores is not None and step.low is None:
        verdict = Verdict(
            "widen" if verdict.level == "ok" else verdict.level,
            (*verdict.reasons, _NO_INTERVAL),
        )
    bare = Translation(
        file=profile.source,
        anchor=asked.pair.anchor.name,
        target=asked.pair.target.name,
        translator=said.translator,
        fitted_on=said.fitted_on,
        simulated=said.simulated,
        held_out_mape=said.held_out_mape,
        workload=profile.workload,
        layer=said.layer,
        step_time_s=step,
        anchor_step_time_s=float(found.anchor_step[row]) / 1e6,
        op_sum_us=op_sum,
        ops=vector,
        op_intervals=op_intervals,
        usd_per_1000_steps=None,
        binds=_binds(found, row),
        verdict=verdict,
    )
    return with_facts(
        bare, profile, asked.pair, asked.known,
        bundle=said.bundle, guessed=bool(found.guessed[row]),
    )  # fmt: skip


def _vector(
    found: Predicted, row: int
) -> tuple[dict[str, float] | None, dict[str, float]]:
    """Times of operations that take any, and the busy ones of them; None without them."""
    if found.ops is None:
        return None, {}
    times = zip(found.names, found.ops[row], strict=True)
    vector = {n: float(v) for n, v in times if v > 0}
    return vector, {c: vector[c] for c in op_names.busy_columns(list(vector))}


def _binds(found: Predicted, row: int) -> str | None:
    """The longer path of a step; None where they are not told apart."""
    if found.device is None or found.host is None:
        return None
    return "device" if found.device[row] >= found.host[row] else "host"
