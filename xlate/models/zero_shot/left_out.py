"""Predictions for GPUs that were left out of the fit, to measure errors by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate import op_names
from xlate.data.corpus import Corpus
from xlate.data.pairing import STEP, align
from xlate.data.schema import KEY
from xlate.hardware.catalogue import Catalogue
from xlate.models.zero_shot.translator import ZeroShot

__all__ = ["LeftOut", "leave_gpus_out"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Predictions for a GPU that was left out, from one anchor.

    Attributes
    ----------
    corpus, anchor, target : str
    models : ndarray of str, shape (n,)
    keys : polars.DataFrame
        Workload key of each run.
    step, step_hat, busy, busy_hat : ndarray of shape (n,)
        µs.
    """

    corpus: str
    anchor: str
    target: str
    models: NDArray[np.str_]
    keys: pl.DataFrame
    step: Floats
    step_hat: Floats
    busy: Floats
    busy_hat: Floats


def leave_gpus_out(
    corpora: Sequence[Corpus], catalogue: Catalogue, gpus: Iterable[str] = ()
) -> list[LeftOut]:
    """Every GPU left out in turn, translated to from every other of its corpus.

    Parameters
    ----------
    corpora : sequence of Corpus
        Measured ones; the runs of the left-out GPU are not used in any of them.
    catalogue : Catalogue
    gpus : iterable of str
        GPUs to leave out; all by default.

    Raises
    ------
    CatalogError
        If the catalogue lacks a fact of a GPU.
    """
    predictions = []
    measured = {catalogue.gpu(i).name for c in corpora for i in c.instances}
    for gpu in sorted(set(gpus) or measured):
        model = ZeroShot.fit(corpora, catalogue, without=gpu)
        for corpus in corpora:
            for target in corpus.instances:
                if catalogue.gpu(target).name != gpu:
                    continue
                for anchor in corpus.instances:
                    if catalogue.gpu(anchor).name == gpu:
                        continue
                    prediction = _predicted(model, corpus, anchor, target, catalogue)
                    if prediction is not None:
                        predictions.append(prediction)
    return predictions


def _predicted(
    model: ZeroShot, corpus: Corpus, anchor: str, target: str, catalogue: Catalogue
) -> LeftOut | None:
    """One anchor's predictions; None where the two instances share no workload."""
    sides = corpus.runs_on(anchor), corpus.runs_on(target)
    shared = sides[0].join(sides[1], on=KEY, how="semi", nulls_equal=True)
    if shared.is_empty():
        return None
    aligned = align(*sides, "median", fewest_models=1)
    ops = aligned.columns
    times, steps = aligned.anchor_matrix(), aligned.anchor_matrix((STEP,))[:, 0]
    translated, step_hat = model.predict(
        times, ops, steps, catalogue.gpu(anchor), catalogue.gpu(target)
    )
    work = np.array([op_names.is_busy(n) for n in ops], dtype=bool)
    return LeftOut(
        corpus=corpus.label,
        anchor=anchor,
        target=target,
        models=aligned.models,
        keys=aligned.keys,
        step=aligned.target_matrix((STEP,))[:, 0],
        step_hat=step_hat,
        busy=aligned.target_matrix()[:, work].sum(axis=1),
        busy_hat=translated[:, work].sum(axis=1),
    )
