"""Use what was learnt: read profiles, translate them one by one or as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate import opnames, readers
from xlate.align import STEP, matrix
from xlate.answer import Failure, Translation
from xlate.catalog import Catalogue, Instance, catalogue
from xlate.conformal import LEVEL, Scores
from xlate.engine.layers import (
    PARTS,
    THROUGHPUT,
    Predicted,
    layer_of,
    predict,
)
from xlate.engine.naming import taken_as, with_anchor
from xlate.engine.origin import of_anchor
from xlate.engine.pair import pair_of
from xlate.engine.unseen import ZERO_SHOT, borrowed, by_catalogue, shipped
from xlate.errors import ProfileError, XlateError
from xlate.heldout import LARGE
from xlate.profile import Estimate, Profile, Verdict, WorkloadKey, check_times
from xlate.store import bundle as bundles
from xlate.store.bundle import Bundle
from xlate.trust.calibration import Calibration
from xlate.trust.domain import (
    CAREFUL_UNKNOWN,
    MOST_UNKNOWN,
    Finding,
    compare_names,
    examine,
)

__all__ = ["check_level", "read_profiles", "translate", "translate_table"]

Floats = NDArray[np.float64]

#: no interval that anybody could use is as wide as this many times its value
_UNBOUNDED = 1e6


def read_profiles(
    paths: Iterable[Path | str],
    *,
    model: str | None = None,
    dataset: str | None = None,
    batch_size: int | None = None,
    optimizer: str | None = None,
    step_time_us: float | None = None,
    format: str | None = None,
) -> list[Profile | Failure]:
    """Read files and folders; what the options say goes before the file.

    Returns
    -------
    list
        A profile, or the failure of a file, in the order given.
    """
    given = WorkloadKey(model, dataset, batch_size, optimizer)
    answers: list[Profile | Failure] = []
    for named in paths:
        try:
            files = readers.expand([Path(named)])
        except ProfileError as e:
            answers.append(Failure(str(named), e))
            continue
        for file in files:
            try:
                found = readers.read(file, format)
                for p in found:
                    profile = replace(
                        p,
                        workload=given.filled(p.workload),
                        step_time_us=step_time_us or p.step_time_us,
                    )
                    check_times(profile)
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
    anchor, profiles, notes = with_anchor(profiles, anchor, anchors_dirs)
    a, t = pair_of(anchor, target, anchors_dirs)
    notes += tuple(n for n in (taken_as(anchor, a), taken_as(target, t)) if n)
    profiles = of_anchor(profiles, a, force, anchors_dirs)
    if bundle is None and bundles.exists(a.name, t.name):
        bundle = bundles.find(a.name, t.name)
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


def check_level(level: float) -> None:
    """Refuse a level that is none.

    Raises
    ------
    XlateError
        Outside 0 to 1.
    """
    if not 0 < level < 1:
        raise XlateError(
            f"a level of {level:g} is none: it lies between 0 and 1",
            "0.9, for instance",
        )


@dataclass(frozen=True)
class _Origin:
    """What an answer rests on."""

    translator: str
    fitted_on: str
    simulated: bool
    held_out_mape: float | None

    @classmethod
    def of(cls, bundle: Bundle) -> _Origin:
        m = bundle.manifest
        return cls(m.translator, m.corpus, m.simulated, m.error("step_mape"))

    @classmethod
    def data_sheets(cls) -> _Origin:
        known = shipped()
        return cls(ZERO_SHOT, ", ".join(known.corpora), False, known.step_mape)


def _answer(
    profiles: Sequence[Profile], a: Instance, t: Instance, bundle: Bundle | None,
    level: float, known: Catalogue,
) -> list[Translation]:  # fmt: skip
    if bundle is None:
        return [_unseen(p, _unbundled(p, a, t, known), ZERO_SHOT, a, t, level) for p in profiles]  # fmt: skip
    findings = [examine(p, bundle, known) for p in profiles]
    layers = [layer_of(f) for f in findings]
    answers: dict[int, Translation] = {}
    for layer in dict.fromkeys(layers):
        mine = [k for k, name in enumerate(layers) if name == layer]
        if layer == THROUGHPUT:
            for k in mine:
                answers[k] = _unseen(profiles[k], findings[k], layer, a, t, level)
            continue
        ops = sorted({c for k in mine for c in profiles[k].ops})
        times = np.array([[profiles[k].ops.get(c, 0.0) for c in ops] for k in mine])
        steps = np.array([profiles[k].step_time_us or np.nan for k in mine])
        found = predict(bundle, times, ops, steps, layer)
        errors = Calibration.from_arrays(bundle.model["calibration"][PARTS[layer]])
        origin = _Origin.of(bundle)
        for row, k in enumerate(mine):
            answers[k] = _one(profiles[k], findings[k], layer, found, row, a, t, origin, errors, level)  # fmt: skip
    return [answers[k] for k in range(len(profiles))]


def _unseen(
    profile: Profile, finding: Finding, layer: str, a: Instance, t: Instance,
    level: float,
) -> Translation:  # fmt: skip
    """An answer from data sheets, with the errors on GPUs left out."""
    found = by_catalogue(profile, a, t)
    return _one(profile, finding, layer, found, 0, a, t, _Origin.data_sheets(), borrowed(), level)  # fmt: skip


def _unbundled(profile: Profile, a: Instance, t: Instance, known: Catalogue) -> Finding:
    """What can be said of a profile where no bundle says what training looked like."""
    reasons = [
        f"no bundle from {a.name} to {t.name}: the answer comes from data sheets, "
        "learnt on other GPUs",
        *profile.notes,
    ]
    busy = opnames.busy_columns(list(profile.ops))
    strange = {c: profile.ops[c] for c in busy if opnames.family(c) == "other"}
    share = sum(strange.values()) / profile.busy_us
    if share > CAREFUL_UNKNOWN:
        named = ", ".join(sorted(strange, key=lambda c: -strange[c])[:3])
        reasons.append(
            f"{share:.0%} of device time is in operations that nobody knows ({named}): "
            "memory is taken to limit them"
        )
    compare_names(profile, a.name, reasons, known)
    return Finding(Verdict("widen", tuple(reasons)), None, 1 + share, share)


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
    binds = None
    if found.device is not None and found.host is not None:
        binds = "device" if found.device[row] >= found.host[row] else "host"
    return Translation(
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
        usd_per_1000_steps=_rent(step, t),
        binds=binds,
        verdict=finding.verdict,
    )


def _rent(step: Estimate, t: Instance) -> Estimate | None:
    """Dollars for a thousand steps on the target, with the step time's interval."""
    if t.price is None:
        return None
    each = t.price.usd_per_h / max(t.gpu_count, 1) * 1000 / 3600
    return Estimate(
        step.value * each,
        None if step.low is None else step.low * each,
        None if step.high is None else step.high * each,
        step.level,
    )


def translate_table(
    frame: pl.DataFrame,
    anchor: str,
    target: str,
    *,
    bundle: Bundle | None = None,
    anchors_dirs: Iterable[Path] = (),
) -> pl.DataFrame:
    """Translate a wide table of profiles in one go.

    Parameters
    ----------
    frame : polars.DataFrame
        One row a profile: operations in µs over the window, and
        ``step_time_us`` where known. Other columns are kept.

    Returns
    -------
    polars.DataFrame
        Same rows; operations and ``step_time_us`` are those on the target,
        ``fitted_on`` names the corpus the answer rests on.

    Raises
    ------
    XlateError
        As :func:`translate`, and ProfileError naming column and row of a time
        that cannot be.
    """
    a, t = pair_of(anchor, target, anchors_dirs)
    bundle = bundle or bundles.find(a.name, t.name)
    frame = readers.parquet.check_frame(frame, "the table")
    ops = [c for c in frame.columns if opnames.is_op_column(c)]
    times = matrix(frame, ops)
    unknown = [
        c for c in opnames.busy_columns(ops) if c not in bundle.manifest.operations
    ]
    busy = times[:, np.isin(ops, opnames.busy_columns(ops))].sum(axis=1)
    strange = times[:, np.isin(ops, unknown)].sum(axis=1)
    bad = np.flatnonzero((busy <= 0) | (strange > MOST_UNKNOWN * busy))
    if len(bad):
        named = ", ".join(unknown[:5]) or "there are none here"
        raise ProfileError(
            f"row {bad[0]} of the table has no busy device time, or most of it in "
            f"operations the bundle never saw ({named})",
            "leave such rows out",
        )
    found = predict(bundle, times, ops, matrix(frame, (STEP,))[:, 0])
    answer = {c: frame[c] for c in frame.columns if c not in ops and c != STEP}
    answer[STEP] = pl.Series(STEP, found.step)
    if found.ops is not None:
        answer |= {n: pl.Series(n, found.ops[:, j]) for j, n in enumerate(found.names)}
    # a table has no place for a title: what it was made from stands in each row
    return pl.DataFrame(answer).with_columns(
        pl.lit(bundle.manifest.corpus).alias("fitted_on")
    )
