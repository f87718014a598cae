"""Use what was learnt: read profiles, translate them one by one or as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate import opnames, readers
from xlate.align import STEP, matrix
from xlate.answer import Failure, Translation
from xlate.catalog import Instance
from xlate.engine.pair import pair_of
from xlate.errors import ProfileError, XlateError
from xlate.profile import Estimate, Profile, WorkloadKey, check_times
from xlate.store import bundle as bundles
from xlate.store.bundle import Bundle
from xlate.trust.domain import MOST_UNKNOWN, refuse_strangers, verdict

__all__ = ["read_profiles", "translate", "translate_table"]

Floats = NDArray[np.float64]

#: rows predicted at once; bounds memory for large tables
_CHUNK = 8192


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
    anchor: str,
    target: str,
    *,
    bundle: Bundle | None = None,
    anchors_dirs: Iterable[Path] = (),
) -> list[Translation | Failure]:
    """Translate profiles with the bundle of a pair.

    Parameters
    ----------
    profiles : sequence of Profile or Failure
        Failures are handed through.
    anchor, target : str
        Instances, by name or alias.
    bundle : Bundle, optional
        Default: the pair's in the data home.

    Raises
    ------
    XlateError
        For unknown instances, or a bundle that is missing or refused.
    """
    a, t = pair_of(anchor, target, anchors_dirs)
    bundle = bundle or bundles.find(a.name, t.name)
    answers: dict[int, Translation | Failure] = {}
    good: dict[int, Profile] = {}
    for i, p in enumerate(profiles):
        if isinstance(p, Failure):
            answers[i] = p
            continue
        try:
            refuse_strangers(p, bundle)
            good[i] = p
        except ProfileError as e:
            answers[i] = Failure(p.source, e)
    if good:
        for i, answer in zip(
            good, _answer(list(good.values()), a, t, bundle), strict=True
        ):
            answers[i] = answer
    return [answers[i] for i in range(len(profiles))]


def _answer(
    profiles: Sequence[Profile], a: Instance, t: Instance, bundle: Bundle
) -> list[Translation]:
    ops = sorted({c for p in profiles for c in p.ops})
    times = np.array([[p.ops.get(c, 0.0) for c in ops] for p in profiles])
    steps = np.array([p.step_time_us or np.nan for p in profiles])
    names, out, out_steps, in_steps = _predict(bundle, times, ops, steps)
    price = t.price
    answers = []
    for k, profile in enumerate(profiles):
        step_s = float(out_steps[k]) / 1e6
        vector = None
        if out is not None:
            vector = {n: float(v) for n, v in zip(names, out[k], strict=True) if v > 0}
        rent = None
        if price is not None:
            rent = price.usd_per_h / max(t.gpu_count, 1) * step_s * 1000 / 3600
        answers.append(
            Translation(
                file=profile.source,
                anchor=a.name,
                target=t.name,
                translator=bundle.manifest.translator,
                fitted_on=bundle.manifest.corpus,
                simulated=bundle.manifest.simulated,
                workload=profile.workload,
                step_time_s=Estimate(step_s),
                anchor_step_time_s=float(in_steps[k]) / 1e6,
                ops=vector,
                usd_per_1000_steps=rent,
                verdict=verdict(profile, bundle),
            )
        )
    return answers


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
    names, out, steps, _ = _predict(bundle, times, ops, matrix(frame, (STEP,))[:, 0])
    answer = {c: frame[c] for c in frame.columns if c not in ops and c != STEP}
    answer[STEP] = pl.Series(STEP, steps)
    if out is not None:
        answer |= {n: pl.Series(n, out[:, j]) for j, n in enumerate(names)}
    # a table has no place for a title: what it was made from stands in each row
    return pl.DataFrame(answer).with_columns(
        pl.lit(bundle.manifest.corpus).alias("fitted_on")
    )


def _predict(
    bundle: Bundle, times: Floats, ops: Sequence[str], steps: Floats
) -> tuple[tuple[str, ...], Floats | None, Floats, Floats]:
    """Operations and step times on the target, and the anchor's step times used."""
    from concurrent.futures import ThreadPoolExecutor

    from threadpoolctl import threadpool_limits

    plan_ = bundle.plan
    X = plan_.apply(times, ops)
    unknown = ~np.isfinite(steps) | (steps <= 0)
    steps = steps.copy()
    if unknown.any():
        steps[unknown] = bundle.model["window"].predict(X[unknown])
    inputs = np.column_stack([X, steps])
    model = bundle.model["translator"]
    chunks = [inputs[i : i + _CHUNK] for i in range(0, len(inputs), _CHUNK)]
    if len(chunks) == 1:
        # one profile is waited for: starting threads takes longer than it does
        Y = model.predict(inputs)
    else:
        with threadpool_limits(1), ThreadPoolExecutor(2) as pool:
            Y = np.vstack(list(pool.map(model.predict, chunks)))
    if not model.predicts_vector:
        return (), None, Y[:, -1], steps
    names, out = plan_.expand(times, ops, Y[:, :-1])
    return names, out, Y[:, -1], steps
