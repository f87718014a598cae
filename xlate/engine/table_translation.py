"""Translate a wide table of profiles in one go."""

from __future__ import annotations

import numpy as np
import polars as pl

from xlate import op_names
from xlate.data.pairing import STEP, matrix
from xlate.engine.fallback import predict
from xlate.engine.session import Session
from xlate.errors import ProfileError
from xlate.readers.tables.frames import check_frame
from xlate.readers.tables.runs import check_runs
from xlate.store.bundle import Bundle
from xlate.trust.domain import MOST_UNKNOWN, unseen_in_training
from xlate.trust.precision import trained
from xlate.values.requests import TableRequest
from xlate.values.vectors import Vectors

__all__ = ["translate_table"]


def translate_table(session: Session, request: TableRequest) -> pl.DataFrame:
    """Translate a wide table of profiles in one go.

    Returns
    -------
    polars.DataFrame
        Same rows; operations and ``step_time_us`` are those on the target,
        ``fitted_on`` names the corpus the answer rests on.

    Raises
    ------
    XlateError
        As :func:`translate`, and ProfileError naming column and row of a time
        that cannot be, or the row of a run in another precision than training's:
        a table has no place for a verdict.
    """
    pair = session.pair(request.anchor, request.target)
    bundle = request.bundle or session.bundles.find(*pair.names)
    session.bundles.check(bundle, *pair.names)
    frame = check_frame(request.frame, "the table")
    check_runs(frame, "the table")
    ops = [c for c in frame.columns if op_names.is_op_column(c)]
    times = matrix(frame, ops)
    unseen = unseen_in_training(op_names.busy_columns(ops), bundle)
    work = [k for k, c in enumerate(ops) if op_names.is_busy(c)]
    busy = times[:, work].sum(axis=1)
    strange = times[:, [k for k in work if ops[k] in unseen]].sum(axis=1)
    bad = np.flatnonzero((busy <= 0) | (strange > MOST_UNKNOWN * busy))
    if len(bad):
        named = ", ".join([c for c in ops if c in unseen][:5]) or "there are none here"
        raise ProfileError(
            f"row {bad[0]} of the table has no busy device time, or most of it in "
            f"operations the bundle never saw ({named})",
            "leave such rows out",
        )
    _check_precision(frame, bundle)
    vectors = Vectors(tuple(ops), times, matrix(frame, (STEP,))[:, 0])
    predicted = predict(bundle, vectors, workers=lambda: session.parallel)
    taken = {*ops, STEP}
    answer = {c: frame[c] for c in frame.columns if c not in taken}
    answer[STEP] = pl.Series(STEP, predicted.step)
    if predicted.ops is not None:
        answer |= {
            n: pl.Series(n, predicted.ops[:, j]) for j, n in enumerate(predicted.names)
        }
    # a table has no place for a title: what it was made from stands in each row
    return pl.DataFrame(answer).with_columns(
        pl.lit(bundle.manifest.corpus).alias("fitted_on")
    )


def _check_precision(frame: pl.DataFrame, bundle: Bundle) -> None:
    """Refuse rows that are said to be in a precision which training did not have."""
    if "precision" not in frame.columns:
        return
    column, precisions = frame["precision"], trained(bundle)
    # TF32 is how some GPUs multiply fp32
    fits = {None, *precisions, *(["tf32"] if "fp32" in precisions else [])}
    wrong = [p for p in column.unique() if p not in fits]
    if precisions and wrong:
        row = int(column.is_in(wrong).arg_true()[0])
        raise ProfileError(
            f"row {row} of the table is in {column[row]}; the bundle was trained in "
            f"{' and '.join(precisions)}",
            "leave such rows out, or translate them one by one: these answers have a "
            "verdict",
        )
