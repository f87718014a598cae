"""One profile's answer: what a layer says of it, with intervals, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from xlate import op_names
from xlate.engine.facts import with_facts, with_step
from xlate.engine.fallback import FITTED, Predicted
from xlate.engine.pair import Pair
from xlate.engine.session import Session
from xlate.hardware.catalogue import Catalogue
from xlate.stats.calibration import MIN_OP_SHARE, Calibration
from xlate.stats.conformal import Scores
from xlate.store.bundle import Bundle
from xlate.trust.domain import Finding
from xlate.trust.precision import Shift
from xlate.values.profile import Estimate, Profile, Verdict
from xlate.values.reason import Reason
from xlate.values.translation import Translation
from xlate.values.vectors import Vectors

if TYPE_CHECKING:
    from xlate.parallel import Backend

__all__ = ["Basis", "Case", "Examined", "answered", "over_both"]

#: no interval that anybody could use is as wide as this many times its value
_UNBOUNDED = 1e3
_NO_INTERVAL = Reason(
    "no interval: errors on so few networks or GPUs left out say nothing at this level",
    "ask for a lower --level",
)


@dataclass(frozen=True, eq=False)
class Case:
    """What holds for every profile of a request.

    Attributes
    ----------
    session : Session
    pair : Pair
    bundle : Bundle or None
        The pair's; None where data sheets answer.
    level : float
        Of the intervals.
    """

    session: Session
    pair: Pair
    bundle: Bundle | None
    level: float

    @property
    def catalogue(self) -> Catalogue:
        """Says what names of GPUs and instances mean."""
        return self.session.catalogue

    def workers(self) -> Backend:
        """Where parts of large work are done; not asked for one profile."""
        return self.session.parallel


@dataclass(frozen=True, eq=False)
class Examined:
    """A profile after every check, before a layer answers.

    Attributes
    ----------
    profile : Profile
    vectors : Vectors
        Its own.
    finding : Finding
        How far it is from what the bundle was fitted on.
    layer : str
        That answers for it.
    shift : Shift
        How it would compute on the target.
    """

    profile: Profile
    vectors: Vectors
    finding: Finding
    layer: str
    shift: Shift


@dataclass(frozen=True, eq=False)
class Basis:
    """What a layer says of some profiles, and what that rests on.

    Attributes
    ----------
    layer : str
    predicted : Predicted
    calibration : Calibration or None
        Its errors on work left out; None without any.
    translator, fitted_on : str
        What answers, and the data it was fitted on.
    simulated : bool
        Whether these data are.
    source : (str, str or None)
        What translates, in words, and a note on it.
    held_out_mape : float or None
        Error of the step time on work left out.
    bundle : Bundle or None
        The one it is a layer of.
    """

    layer: str
    predicted: Predicted
    calibration: Calibration | None
    translator: str
    fitted_on: str
    source: tuple[str, str | None]
    simulated: bool = False
    held_out_mape: float | None = None
    bundle: Bundle | None = None

    @classmethod
    def of_bundle(
        cls, bundle: Bundle, layer: str, predicted: Predicted, calibration: Calibration
    ) -> Basis:
        """That of a layer of a bundle."""
        m = bundle.manifest
        what = f"the fitted {m.translator}" if layer == FITTED else f"layer {layer}"
        return cls(
            layer,
            predicted,
            calibration,
            m.translator,
            m.corpus,
            source=(what, None),
            simulated=m.simulated,
            held_out_mape=m.error("step_mape"),
            bundle=bundle,
        )


@dataclass(frozen=True)
class _Intervals:
    """Conformal intervals of one answer: their level, and how much wider they are here."""

    level: float
    scale: float

    def around(
        self, value: float, scores: Scores | None, difficulty: float = 1.0
    ) -> Estimate:
        """A value with its interval; without one where no scores are known, or they say nothing."""
        if scores is None:
            return Estimate(value)
        factor = scores.factor(self.level, difficulty * self.scale)
        if factor > _UNBOUNDED:
            return Estimate(value)
        return Estimate(value, value / factor, value * factor, self.level)


def answered(examined: Examined, basis: Basis, row: int, case: Case) -> Translation:
    """One profile's answer with its intervals.

    Parameters
    ----------
    examined : Examined
    basis : Basis
    row : int
        Of the profile in what the layer predicted.
    case : Case
    """
    predicted, calibration = basis.predicted, basis.calibration
    profile, finding = examined.profile, examined.finding
    intervals = _Intervals(case.level, finding.interval_scale)
    step_scores = None
    if calibration is not None:
        step_scores = calibration.window if predicted.guessed[row] else calibration.step
    step = intervals.around(
        float(predicted.step[row]) / 1e6, step_scores, float(predicted.difficulty[row])
    )
    ops = _ops(predicted, row, calibration, intervals)
    verdict = finding.verdict
    if step_scores is not None and step.low is None:
        verdict = Verdict(
            "widen" if verdict.level == "ok" else verdict.level,
            (*verdict.reasons, _NO_INTERVAL),
        )
    bare = Translation(
        file=profile.source,
        anchor=case.pair.anchor.name,
        target=case.pair.target.name,
        translator=basis.translator,
        fitted_on=basis.fitted_on,
        simulated=basis.simulated,
        held_out_mape=basis.held_out_mape,
        workload=profile.workload,
        layer=basis.layer,
        step_time_s=step,
        anchor_step_time_s=float(predicted.anchor_step[row]) / 1e6,
        op_sum_us=ops.busy,
        ops=ops.times,
        op_intervals=ops.intervals,
        usd_per_1000_steps=None,
        binds=_binds(predicted, row),
        verdict=verdict,
    )
    return with_facts(
        bare,
        profile,
        case.pair,
        case.catalogue,
        bundle=basis.bundle,
        guessed=bool(predicted.guessed[row]),
        shift=examined.shift,
        source=basis.source,
    )


def over_both(answer: Translation, alone: Translation) -> Translation:
    """An answer whose interval reaches over that without the step time given."""
    ends = answer.step_time_s, alone.step_time_s
    lows, highs = ([getattr(e, k) for e in ends] for k in ("low", "high"))
    if None in lows or None in highs:
        step = Estimate(answer.step_time_s.value)
    else:
        step = replace(answer.step_time_s, low=min(lows), high=max(highs))
    return with_step(answer, step)


@dataclass(frozen=True)
class _Ops:
    """Operations of an answer, µs: those that take any time, their busy sum, and intervals."""

    times: dict[str, float] | None = None
    busy: Estimate | None = None
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)


def _ops(
    predicted: Predicted, row: int, calibration: Calibration | None, by: _Intervals
) -> _Ops:
    """Operations with intervals of the large ones; nothing where none were predicted."""
    if predicted.ops is None:
        return _Ops()
    pairs = zip(predicted.names, predicted.ops[row], strict=True)
    times = {n: float(v) for n, v in pairs if v > 0}
    busy = {c: times[c] for c in op_names.busy_columns(list(times))}
    total = sum(busy.values())
    if calibration is None:
        return _Ops(times, Estimate(total))
    intervals = {}
    for name, value in busy.items():
        if value < MIN_OP_SHARE * total:
            continue
        e = by.around(value, calibration.of_op(name))
        if e.low is not None and e.high is not None:
            intervals[name] = (e.low, e.high)
    return _Ops(times, by.around(total, calibration.busy), intervals)


def _binds(predicted: Predicted, row: int) -> str | None:
    """The longer path of a step; None where they are not distinguished."""
    if predicted.device is None or predicted.host is None:
        return None
    return "device" if predicted.device[row] >= predicted.host[row] else "host"
