"""Use what was learnt: read profiles, translate them one by one or as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlate import bounds, opnames, readers
from xlate.answer import Failure, Translation
from xlate.catalog import Catalogue, Instance, catalogue
from xlate.conformal import LEVEL, Scores
from xlate.engine.facts import with_facts, with_step
from xlate.engine.layers import (
    OP_RATIO,
    PARTS,
    ZERO_SHOT,
    Predicted,
    layer_of,
    predict,
    why_not_fitted,
)
from xlate.engine.naming import taken_as, with_anchor
from xlate.engine.origin import of_anchor
from xlate.engine.pair import pair_of, pair_with_bundle
from xlate.engine.unseen import (
    beyond_bundles,
    borrowed,
    by_catalogue,
    in_catalogue,
    shipped,
)
from xlate.errors import ProfileError, XlateError
from xlate.heldout import LARGE
from xlate.profile import Estimate, Profile, Verdict, WorkloadKey, check_times
from xlate.reason import ADAPT, Reason
from xlate.store import bundle as bundles
from xlate.store.bundle import Bundle
from xlate.store.manifest import Manifest
from xlate.trust.calibration import Calibration
from xlate.trust.domain import MOST_UNKNOWN, Finding, examine
from xlate.trust.window import with_given_step, with_idle

__all__ = ["check_level", "read_profiles", "translate"]

Floats = NDArray[np.float64]

#: no interval that anybody could use is as wide as this many times its value
_UNBOUNDED = 1e3
_NO_INTERVAL = Reason(
    "no interval: errors on so few networks or GPUs left out say nothing at this level",
    "ask for a lower --level",
)


def read_profiles(
    paths: Iterable[Path | str],
    *,
    model: str | None = None,
    dataset: str | None = None,
    batch_size: int | None = None,
    optimizer: str | None = None,
    step_time_us: float | None = None,
    format: str | None = None,
    steps: readers.StepChoice | None = None,
) -> list[Profile | Failure]:
    """Read files and folders; what the options say goes before the file.

    ``steps`` says how a trace without marks is cut into them.

    Returns
    -------
    list
        A profile, or the failure of a file, in the order given.

    Raises
    ------
    ProfileError
        If an option cannot be: a size out of :mod:`xlate.bounds`, a step time that
        is no finite number above 0.
    """
    given = WorkloadKey(model, dataset, batch_size, optimizer)
    if step_time_us is not None and bounds.time(step_time_us, "the step time") == 0:
        raise ProfileError("the step time is 0", "leave it out where it is not known")
    answers: list[Profile | Failure] = []
    for named in paths:
        for file, found in readers.contents(Path(named), format, steps):
            try:
                if isinstance(found, XlateError):
                    raise found
                for p in found:
                    profile = with_given_step(p, step_time_us)
                    profile = replace(profile, workload=given.filled(p.workload))
                    check_times(profile, step_given=step_time_us is not None)
                    answers.append(profile)
            except XlateError as e:
                answers.append(Failure(str(file), e))
    return answers


def translate(
    profiles: Sequence[Profile | Failure],
    anchor: str | None,
    target: str,
    *,
    bundle: Bundle | None = None,
    level: float = LEVEL,
    force: bool = False,
    anchors_dirs: Iterable[Path] = (),
) -> list[Translation | Failure]:
    """Translate profiles with the bundle of a pair.

    Parameters
    ----------
    profiles : sequence of Profile or Failure
        Failures are handed through.
    anchor : str or None
        Instance, by name or alias; None where the files say which GPU they ran on
        and one instance has it.
    target : str
        Instance, by name or alias.
    bundle : Bundle, optional
        Default: the pair's in the data home, else the one that ships with xlate;
        where there is none, the answer comes from data sheets (``zero-shot``).
    level : float
        Of the intervals.
    force : bool
        Answer though a file says that it ran on another GPU.

    Raises
    ------
    XlateError
        For unknown instances, a level that is none, a bundle that is refused, or
        a GPU without bundle of which the catalogue knows too little.
    """
    check_level(level)
    anchors_dirs = tuple(anchors_dirs)
    anchor, profiles, notes = with_anchor(profiles, anchor, anchors_dirs)
    a, t = pair_of(anchor, target, anchors_dirs)
    notes += tuple(n for n in (taken_as(anchor, a), taken_as(target, t)) if n)
    profiles = of_anchor(profiles, a, force, anchors_dirs)
    if bundle is not None:
        bundles.check_pair(bundle, a.name, t.name)
    elif bundles.exists(a.name, t.name):
        bundle = bundles.find(a.name, t.name)
    # those made in Python were not looked at by a reader
    profiles = [_timed(p) for p in profiles]
    good = [p for p in profiles if isinstance(p, Profile)]
    known = catalogue(anchors_dirs)
    answers = iter(_answer(good, a, t, bundle, level, known))
    return [
        p if isinstance(p, Failure) else _noted(next(answers), notes) for p in profiles
    ]


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


@dataclass(frozen=True)
class _Origin:
    """What an answer rests on."""

    translator: str
    fitted_on: str
    simulated: bool
    held_out_mape: float | None
    bundle: Bundle | None = None
    known: Catalogue | None = None

    @classmethod
    def of(cls, bundle: Bundle, known: Catalogue) -> _Origin:
        m = bundle.manifest
        error = m.error("step_mape")
        return cls(m.translator, m.corpus, m.simulated, error, bundle, known)

    @classmethod
    def data_sheets(cls, known: Catalogue) -> _Origin:
        sheets = shipped()
        corpora = ", ".join(sheets.corpora)
        return cls(ZERO_SHOT, corpora, False, sheets.step_mape, None, known)


def _answer(
    profiles: Sequence[Profile], a: Instance, t: Instance, bundle: Bundle | None,
    level: float, known: Catalogue,
) -> list[Translation]:  # fmt: skip
    if bundle is None or opnames.DEVICE_IDLE in bundle.manifest.operations:
        profiles = [with_idle(p) for p in profiles]
    if bundle is None:
        fitted = pair_with_bundle(a, t, known)
        return [
            _unseen(p, (_missing(p, a, t, fitted),), a, t, level, known)
            for p in profiles
        ]
    findings = [examine(p, bundle, known) for p in profiles]
    data_sheets = in_catalogue(a, t)
    layers = [layer_of(f, data_sheets) for f in findings]
    answers: dict[int, Translation] = {}
    for layer in dict.fromkeys(layers):
        mine = [k for k, name in enumerate(layers) if name == layer]
        if layer == ZERO_SHOT:
            for k in mine:
                why = why_not_fitted(findings[k], layer)
                answers[k] = _unseen(profiles[k], why, a, t, level, known, findings[k])
            continue
        ops = sorted({c for k in mine for c in profiles[k].ops})
        times = np.array([[profiles[k].ops.get(c, 0.0) for c in ops] for k in mine])
        steps = np.array([profiles[k].step_time_us or np.nan for k in mine])
        found = predict(bundle, times, ops, steps, layer)
        known_errors = _errors(bundle, PARTS[layer])
        origin = _Origin.of(bundle, known)
        doubted = [r for r, k in enumerate(mine) if findings[k].step_doubt is not None]
        again: dict[int, Translation] = {}
        if doubted:
            # what the window alone says: a step time that cannot be right makes no
            # answer surer than none
            nothing = np.full(len(doubted), np.nan)
            alone = predict(bundle, times[doubted], ops, nothing, layer)
            for row, r in enumerate(doubted):
                k = mine[r]
                again[k] = _one(profiles[k], findings[k], layer, alone, row, a, t, origin, known_errors, level)  # fmt: skip
        for row, k in enumerate(mine):
            finding = findings[k]
            if layer == OP_RATIO:
                reasons = why_not_fitted(finding, layer)
                finding = replace(finding, verdict=Verdict(finding.verdict.level, reasons))  # fmt: skip
            answer = _one(profiles[k], finding, layer, found, row, a, t, origin, known_errors, level)  # fmt: skip
            answers[k] = _over_both(answer, again[k]) if k in again else answer
    return [answers[k] for k in range(len(profiles))]


def _missing(
    profile: Profile, a: Instance, t: Instance, fitted: Manifest | None
) -> Reason:
    """Why data sheets answer for a pair without a bundle, and what would be better."""
    said = (
        f"no bundle from {a.name} to {t.name}: the answer comes from data sheets, "
        "learnt on other GPUs"
    )
    if fitted is not None:
        operations = set(fitted.operations)
        busy = [c for c in profile.ops if opnames.is_busy(c)]
        seen = sum(profile.ops[c] for c in busy if c in operations)
        if seen > (1 - MOST_UNKNOWN) * profile.busy_us:
            pair = f"--anchor {fitted.anchor} --target {fitted.target}"
            return Reason(
                said, f"name the machines if they are these: {pair} has a bundle"
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
    profile: Profile, why: Sequence[str], a: Instance, t: Instance, level: float,
    known: Catalogue, examined: Finding | None = None,
) -> Translation:  # fmt: skip
    """An answer from data sheets, with the errors on GPUs left out."""
    finding = beyond_bundles(profile, why, a, known, examined)

    def asked(p: Profile) -> Translation:
        found = by_catalogue(p, a, t)
        return _one(p, finding, ZERO_SHOT, found, 0, a, t, _Origin.data_sheets(known), borrowed(), level)  # fmt: skip

    answer = asked(profile)
    if finding.step_doubt is None:
        return answer
    suggested = replace(profile, step_time_us=finding.step_doubt.suggested_us)
    return _over_both(answer, asked(suggested))


def _one(
    profile: Profile, finding: Finding, layer: str, found: Predicted, row: int,
    a: Instance, t: Instance, origin: _Origin, calibration: Calibration | None,
    level: float,
) -> Translation:  # fmt: skip
    """One profile's answer with its intervals."""

    def interval(
        value: float, scores: Scores | None, difficulty: float = 1.0
    ) -> Estimate:
        if scores is None:
            return Estimate(value)
        factor = scores.factor(level, difficulty * finding.widening)
        if factor > _UNBOUNDED:
            return Estimate(value)
        return Estimate(value, value / factor, value * factor, level)

    step_scores = None
    if calibration is not None:
        step_scores = calibration.window if found.guessed[row] else calibration.step
    step = interval(
        float(found.step[row]) / 1e6, step_scores, float(found.difficulty[row])
    )
    vector: dict[str, float] | None = None
    op_sum = None
    op_intervals: dict[str, tuple[float, float]] = {}
    if found.ops is not None:
        vector = {
            n: float(v)
            for n, v in zip(found.names, found.ops[row], strict=True)
            if v > 0
        }
        busy = {c: vector[c] for c in opnames.busy_columns(list(vector))}
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
    binds = None
    if found.device is not None and found.host is not None:
        binds = "device" if found.device[row] >= found.host[row] else "host"
    bare = Translation(
        file=profile.source,
        anchor=a.name,
        target=t.name,
        translator=origin.translator,
        fitted_on=origin.fitted_on,
        simulated=origin.simulated,
        held_out_mape=origin.held_out_mape,
        workload=profile.workload,
        layer=layer,
        step_time_s=step,
        anchor_step_time_s=float(found.anchor_step[row]) / 1e6,
        op_sum_us=op_sum,
        ops=vector,
        op_intervals=op_intervals,
        usd_per_1000_steps=None,
        binds=binds,
        verdict=verdict,
    )
    return with_facts(
        bare, profile, a, t, origin.bundle, bool(found.guessed[row]), origin.known
    )
