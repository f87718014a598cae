"""Rates and paths of GPUs that were measured, from the corpora that hold them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate import op_names
from xlate.data.corpus import Corpus
from xlate.data.pairing import STEP, align, matrix, median_of_repeats
from xlate.data.schema import KEY
from xlate.hardware.catalogue import Catalogue
from xlate.models.translate.two_path import TwoPath
from xlate.models.zero_shot.roofs import Observed

__all__ = ["paths_of", "rates_of"]

Floats = NDArray[np.float64]


def rates_of(
    corpus: Corpus, catalogue: Catalogue, without: str | None
) -> list[Observed]:
    """Logs of each GPU's rates, from the workloads that GPUs share.

    Log time = log work - log rate, solved for both at once by least squares.
    """
    runs = corpus.wide
    ops = [c for c in runs.columns if op_names.is_op_column(c)]
    jobs = median_of_repeats(runs, ["instance"])
    gpus = [catalogue.gpu(i) for i in jobs["instance"]]
    names = np.array([g.name for g in gpus])
    work = jobs.select(pl.struct(KEY).rank("dense")).to_series().to_numpy()
    times = matrix(jobs, ops)
    natures = np.array([op_names.nature(c) for c in ops])
    kept = names != (without or "")
    listed = np.unique(names[kept])
    columns = {}
    for nature in ("compute", "memory"):
        busy = times[:, natures == nature].sum(axis=1)
        rows = np.flatnonzero(kept & (busy > 0))
        rate = (names[rows, None] == listed).astype(float)
        _, which = np.unique(work[rows], return_inverse=True)
        job = np.eye(which.max() + 1)[which]
        # a constant could be moved between rates and work: lstsq gives the solution
        # with the smallest norm
        solved = np.linalg.lstsq(
            np.hstack([-rate, job]), np.log(busy[rows]), rcond=None
        )[0]
        columns[nature] = solved[: len(listed)]
    of = {g.name: g for g in gpus}
    return [
        Observed(of[g], corpus.name, float(c), float(m))
        for g, c, m in zip(listed, columns["compute"], columns["memory"], strict=True)
    ]


def paths_of(
    corpora: Sequence[Corpus], catalogue: Catalogue, without: str | None
) -> TwoPath:
    """The two paths over all pairs of GPUs in corpora that recorded idle time."""
    parts: list[tuple[Floats, ...]] = []
    for corpus in corpora:
        if op_names.DEVICE_IDLE not in corpus.wide.columns:
            continue
        instances = [i for i in corpus.instances if catalogue.gpu(i).name != without]
        for a in instances:
            for t in instances:
                if a == t:
                    continue
                aligned = align(corpus.runs_on(a), corpus.runs_on(t), "median")
                work = op_names.busy_columns(aligned.columns)
                columns = (op_names.DEVICE_IDLE, STEP)
                X, Y = aligned.anchor_matrix(columns), aligned.target_matrix(columns)
                _, which, count = np.unique(
                    aligned.models, return_inverse=True, return_counts=True
                )
                parts.append(
                    (
                        aligned.anchor_matrix(work).sum(axis=1), X[:, 0], X[:, 1],
                        aligned.target_matrix(work).sum(axis=1), Y[:, 1],
                        1.0 / count[which],
                    )
                )  # fmt: skip
    if not parts:
        return TwoPath.unfitted()
    return TwoPath().fit(*(np.concatenate(p) for p in zip(*parts, strict=True)))
