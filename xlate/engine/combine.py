"""Profiles of one workload from several cheap instances, answered as one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from xlate.data.schema import KEY
from xlate.engine.facts import with_step
from xlate.engine.session import Session
from xlate.engine.translate_profiles import translate
from xlate.errors import ProfileError, XlateError, all_of
from xlate.values.profile import Estimate, Profile, Verdict
from xlate.values.reason import GIVE_STEP, Reason, remedies
from xlate.values.requests import CombineRequest, TranslateRequest
from xlate.values.tabular import Cell, Tabular
from xlate.values.translation import DOMAINS, Facts, Failure, Translation

__all__ = ["Together", "translate_together"]

_LEVELS = ("ok", "widen", "refuse")
_Said = TypeVar("_Said")


#: there is no one --step-time for several profiles
_STEP_INSIDE = (
    "give profiles that hold their step time (step_time_us in JSON or a table)"
)


@dataclass(frozen=True)
class Together(Tabular):
    """One answer from several anchors.

    As a table it has a row for the combined answer and one for each anchor's.

    Attributes
    ----------
    combined : Translation
        Weighted geometric means; its anchor names all anchors.
    parts : tuple of Translation
        What each anchor says by itself.
    weights : tuple of float
        Of the parts, in the step time; they sum to 1.

    Examples
    --------
    >>> import xlate
    >>> both = xlate.translate_together(
    ...     {"g3s": "examples/my_stats.csv", "g4dn": "examples/my_stats_g4dn.csv"},
    ...     "p3.2xlarge",
    ... )
    >>> both.to_polars().height
    3
    """

    combined: Translation
    parts: tuple[Translation, ...]
    weights: tuple[float, ...]

    def document(self) -> dict[str, object]:
        """The promised document of ``translate --profile … --json``."""
        return {
            "combined": self.combined.document(),
            "parts": [p.document() for p in self.parts],
            "weights": list(self.weights),
        }

    def records(self) -> list[dict[str, Cell]]:
        """The combined answer, then each anchor's with its weight."""
        each = zip(self.parts, self.weights, strict=True)
        return [
            {"weight": None, **self.combined.record()},
            *({"weight": weight, **part.record()} for part, weight in each),
        ]

    def summary(self) -> str:
        """That of the combined answer."""
        return self.combined.summary()

    def remarks(self) -> tuple[str, ...]:
        """Those of the combined answer."""
        return self.combined.remarks()


def translate_together(session: Session, request: CombineRequest) -> Together:
    """Translate profiles of the same workload from several anchors into one answer.

    Each anchor's bundle answers; logs are averaged with the inverse squares of
    their interval's log widths, as if errors were independent. How independent
    they are is not known, so that the interval keeps the weighted mean of the
    widths, which holds even if they are not.

    Raises
    ------
    XlateError
        As :func:`~xlate.engine.translate_profiles.translate`; ProfileError for a file that
        says it ran on another GPU, for fewer than
        two anchors, or for workloads that differ.
    """
    profiles = request.profiles
    if len(profiles) < 2:
        raise ProfileError(
            "one anchor is no combination", "give --profile A=FILE for two instances"
        )
    _same_work(profiles)
    parts: list[Translation] = []
    failed: list[XlateError] = []
    for anchor, profile in profiles.items():
        alone = TranslateRequest(
            [profile], anchor, request.target, level=request.level, force=request.force
        )
        (answer,) = translate(session, alone)
        if isinstance(answer, Failure):
            failed.append(answer.error)
        else:
            parts.append(answer)
    if failed:
        raise all_of(failed)
    if len({p.anchor for p in parts}) < len(parts):
        raise ProfileError(
            f"{parts[0].anchor} stands twice", "give each instance one profile"
        )
    if not request.force:
        _same_run_once(profiles)
    weights = _weights([p.step_time_s for p in parts])
    combined = _doubted_where_apart(_combined(parts, weights), parts)
    return Together(combined, tuple(parts), tuple(weights))


def _doubted_where_apart(
    combined: Translation, parts: Sequence[Translation]
) -> Translation:
    """An answer that covers those of its parts where they contradict each other."""
    lows, highs = ([getattr(p.step_time_s, k) for p in parts] for k in ("low", "high"))
    if None in lows or None in highs or max(lows) <= min(highs):
        return combined
    said = Reason(
        "the profiles contradict each other: their intervals do not overlap",
        "check that both are of the same workload, each recorded on its --profile anchor",
    )
    verdict = Verdict(
        max(combined.verdict.level, "widen", key=_LEVELS.index),
        (said, *combined.verdict.reasons),
    )
    facts = combined.facts
    facts = replace(
        facts,
        domain=max(
            facts.domain or DOMAINS["widen"],
            DOMAINS["widen"],
            key=list(DOMAINS.values()).index,
        ),
        what_to_do=(*remedies([said]), *facts.what_to_do),
    )
    step = replace(combined.step_time_s, low=min(lows), high=max(highs))
    return with_step(replace(combined, verdict=verdict, facts=facts), step)


def _same_run_once(profiles: Mapping[str, Profile]) -> None:
    """One run under two names, of its GPU or of two machines, is one measurement."""
    names: dict[str, str] = {}
    for name, profile in profiles.items():
        times = str(sorted(profile.ops.items()))
        first = names.setdefault(times, name)
        if first != name:
            raise ProfileError(
                f"the profiles of {first} and {name} are the same run: every time is the "
                "same",
                "give each instance a profile that was recorded on it",
            )


def _same_work(profiles: Mapping[str, Profile]) -> None:
    """Refuse workload keys that contradict each other; unknown parts do not."""
    for field in KEY:
        said = {
            a: v
            for a, p in profiles.items()
            if (v := getattr(p.workload, field)) not in (None, "unknown")
        }
        if len(set(said.values())) > 1:
            named = ", ".join(f"{v} on {a}" for a, v in said.items())
            raise ProfileError(
                f"the profiles are of different work: {field.replace('_', ' ')} {named}",
                "profile one workload on both instances",
            )


def _weights(estimates: Sequence[Estimate]) -> list[float]:
    widths = [math.log(e.high / e.low) if e.low and e.high else None for e in estimates]
    if any(w is None or w <= 0 for w in widths):
        return [1 / len(estimates)] * len(estimates)
    inverse = [1 / w**2 for w in widths if w]
    return [i / sum(inverse) for i in inverse]


def _mean(estimates: Sequence[Estimate], weights: Sequence[float]) -> Estimate:
    def mean(values: Iterable[float | None]) -> float | None:
        logs = [None if not v else math.log(v) for v in values]
        if any(v is None for v in logs):
            return None
        return math.exp(
            sum(w * v for w, v in zip(weights, logs, strict=True) if v is not None)
        )

    value = mean([e.value for e in estimates])
    low, high = mean([e.low for e in estimates]), mean([e.high for e in estimates])
    if value is None or low is None or high is None:
        return Estimate(value or 0.0)
    return Estimate(value, low, high, estimates[0].level)


def _combined(parts: Sequence[Translation], weights: Sequence[float]) -> Translation:
    first = parts[0]
    ops = None
    intervals: dict[str, tuple[float, float]] = {}
    if all(p.ops is not None for p in parts):
        vectors = [p.ops or {} for p in parts]
        ops = {}
        for name in sorted({c for v in vectors for c in v}):
            there = [k for k, v in enumerate(vectors) if v.get(name)]
            total = sum(weights[k] for k in there)
            share = [weights[k] / total for k in there]
            bounds = [parts[k].op_intervals.get(name) for k in there]
            average = _mean(
                [
                    Estimate(vectors[k][name], *(i or (None, None)))
                    for k, i in zip(there, bounds, strict=True)
                ],
                share,
            )
            ops[name] = average.value
            if average.low is not None and average.high is not None:
                intervals[name] = (average.low, average.high)
    sums = [p.op_sum_us for p in parts if p.op_sum_us is not None]
    reasons = [
        r if shared else Reason.of(r, f"{p.anchor}: ")
        for p, r, shared in _said(parts, lambda p: p.verdict.reasons)
    ]
    worst = max((p.verdict.level for p in parts), key=_LEVELS.index)
    binds = {p.binds for p in parts}
    errors = [p.held_out_mape for p in parts if p.held_out_mape is not None]
    step = _mean([p.step_time_s for p in parts], weights)
    combined = replace(
        first,
        file=" + ".join(p.file for p in parts),
        anchor=" + ".join(p.anchor for p in parts),
        fitted_on=" + ".join(dict.fromkeys(p.fitted_on for p in parts)),
        simulated=any(p.simulated for p in parts),
        # better than the best of them is not promised
        held_out_mape=min(errors) if len(errors) == len(parts) else None,
        layer=" + ".join(dict.fromkeys(p.layer for p in parts)),
        op_sum_us=_mean(sums, weights) if len(sums) == len(parts) else None,
        ops=ops,
        op_intervals=intervals,
        binds=binds.pop() if len(binds) == 1 else None,
        verdict=Verdict(worst, tuple(reasons)),
        facts=_facts(parts),
        # a window an anchor: there is no one column of times here
        anchor_ops=None,
        window_steps=None,
    )
    return with_step(combined, step)


def _facts(parts: Sequence[Translation]) -> Facts:
    """What holds for all parts; what they do not share is not known."""
    first = parts[0].facts

    def same(values: Sequence[str | None]) -> str | None:
        return values[0] if len(set(values)) == 1 else None

    # the part that needs most decides whether the work fits
    memory = max(
        (p.facts.memory for p in parts if p.facts.memory is not None),
        key=lambda m: m.need_bytes or 0.0,
        default=None,
    )
    domains = [p.facts.domain or DOMAINS[p.verdict.level] for p in parts]
    windows = any(p.facts.step_from == "window" for p in parts)
    return replace(
        first,
        bundle=None,
        recorded_gpu=" + ".join(p.facts.recorded_gpu or "not known" for p in parts)
        if any(p.facts.recorded_gpu for p in parts)
        else None,
        anchor_gpu=" + ".join(p.facts.anchor_gpu or "not known" for p in parts),
        mode=same([p.facts.mode for p in parts]),
        precision=same([p.facts.precision for p in parts]),
        precision_known=same([p.facts.precision_known for p in parts]),
        precision_target=same([p.facts.precision_target for p in parts]),
        precision_assumed=same([p.facts.precision_assumed for p in parts]),
        # each anchor has separate shares
        precision_shares={},
        memory=memory,
        domain=max(domains, key=list(DOMAINS.values()).index),
        step_from="window" if windows else "given",
        rests_on=tuple(
            r if shared else replace(r, part=f"{p.anchor}: {r.part}")
            for p, r, shared in _said(parts, lambda p: p.facts.rests_on)
        ),
        what_to_do=tuple(
            dict.fromkeys(
                _STEP_INSIDE if w == GIVE_STEP else w
                for p in parts
                for w in p.facts.what_to_do
            )
        ),
    )


def _said(
    parts: Sequence[Translation], of: Callable[[Translation], Iterable[_Said]]
) -> list[tuple[Translation, _Said, bool]]:
    """What parts say, with whether all say it; that stands once, where it first does."""
    said = [list(of(p)) for p in parts]
    statements, stated = [], []
    for p, items in zip(parts, said, strict=True):
        for item in items:
            shared = all(item in others for others in said)
            if not (shared and item in stated):
                statements.append((p, item, shared))
                stated.append(item)
    return statements
