"""Who answers: the fitted translator, a ratio an operation, or the catalogue.

A layer answers where the one above it is not for the profile, and the answer
names it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xlate.settings.logs import logger, timed
from xlate.store.bundle import Bundle
from xlate.trust.domain import Finding
from xlate.values.reason import MEASURE, Reason
from xlate.values.vectors import Vectors

if TYPE_CHECKING:
    from xlate.parallel import Backend

__all__ = ["FITTED", "OP_RATIO", "PARTS", "ZERO_SHOT", "Predicted", "layer_of", "predict", "why_not_fitted"]  # fmt: skip

Floats = NDArray[np.float64]

_LOG = logger(__name__)

FITTED, OP_RATIO, ZERO_SHOT = "fitted", "op ratio", "zero-shot"
#: layer -> part of the bundle that answers, and its calibration
PARTS = {FITTED: "translator", OP_RATIO: "ratio"}
#: rows predicted at once; bounds memory for large tables, and fits the cache
CHUNK_ROWS = 2048


@dataclass(frozen=True, eq=False)
class Predicted:
    """Answers of one layer for some profiles.

    Attributes
    ----------
    names : tuple of str
        Columns of ``ops``; empty where the layer answers for the step time only.
    ops : ndarray of shape (n, len(names)), or None
        µs over the window, on the target.
    step, anchor_step : ndarray of shape (n,)
        µs a step on the target, and that of the anchor which was used.
    guessed : ndarray of bool, shape (n,)
        Whether the anchor's step time was taken from the window.
    difficulty : ndarray of shape (n,)
    device, host : ndarray of shape (n,), or None
        Paths of a step on the target, µs.
    """

    names: tuple[str, ...]
    ops: Floats | None
    step: Floats
    anchor_step: Floats
    guessed: NDArray[np.bool_]
    difficulty: Floats
    device: Floats | None = None
    host: Floats | None = None


def layer_of(finding: Finding, data_sheets: Callable[[], bool]) -> str:
    """The layer that answers for a profile.

    What the fitted translator is not for is answered from data sheets: they are less
    wrong there than the bundle's ratios (``fallbacks`` in experiments/README.md). These
    answer where a figure of a GPU is not known, and for a profile that looks like one of
    another GPU, of which no data sheet can be right.

    Parameters
    ----------
    finding : Finding
    data_sheets : callable
        Says whether the catalogue knows both GPUs well enough; asked only where the
        fitted translator does not answer.
    """
    if finding.verdict.level != "refuse":
        return FITTED
    return OP_RATIO if finding.other_gpu or not data_sheets() else ZERO_SHOT


def why_not_fitted(finding: Finding, layer: str) -> tuple[str, ...]:
    """Reasons of a verdict, with the layer that answers instead before them.

    Those that compare with the training of the bundle say nothing of an answer from data
    sheets: there only the first stays, that the fitted translator is not for the profile.
    """
    by = {
        ZERO_SHOT: "data sheets (zero-shot)",
        OP_RATIO: "the median ratio of each operation (op ratio)",
    }[layer]
    first, *rest = finding.verdict.reasons
    if layer == ZERO_SHOT:
        rest = [r for r in rest if not (isinstance(r, Reason) and r.fitted_only)]
    said = f"answered by {by}, not by the fitted translator: {first}"
    remedy = first.remedy if isinstance(first, Reason) else None
    return Reason(said, remedy or MEASURE), *rest


def predict(
    bundle: Bundle,
    vectors: Vectors,
    layer: str = FITTED,
    *,
    workers: Callable[[], Backend] | None = None,
) -> Predicted:
    """What a layer of a bundle says.

    Parameters
    ----------
    vectors : Vectors
        Anchor side.
    layer : str
        Key of :data:`PARTS`.
    workers : callable
        Gives the place where parts of a large table are worked on: that of the
        session. Called for such a table only; by default what the settings say.
    """
    n = len(vectors.times)
    _LOG.info("%d profiles are answered by: %s", n, layer)
    with timed(_LOG, f"translating {n} profiles"):
        if n <= CHUNK_ROWS:
            # one profile is waited for: starting workers takes longer than it does
            return _predicted(bundle, vectors, layer)
        parts = [slice(k, k + CHUNK_ROWS) for k in range(0, n, CHUNK_ROWS)]
        one_part = partial(_part, bundle=bundle, vectors=vectors, layer=layer)
        return _joined((workers or _by_settings)().map(one_part, parts))


def _by_settings() -> Backend:
    """Where the settings say that large work is done."""
    from xlate import parallel, settings

    return parallel.backend(settings.current().parallel)


def _part(rows: slice, *, bundle: Bundle, vectors: Vectors, layer: str) -> Predicted:
    """:func:`_predicted` for some rows: a function of the module, so that it pickles."""
    return _predicted(bundle, vectors.rows(rows), layer)


def _predicted(bundle: Bundle, vectors: Vectors, layer: str) -> Predicted:
    """:func:`predict` for as many rows as the cache holds."""
    plan, times, ops, steps = (
        bundle.plan, vectors.times, vectors.columns, vectors.steps,
    )  # fmt: skip
    X = plan.apply(times, ops)
    unknown = ~np.isfinite(steps) | (steps <= 0)
    if unknown.any():
        steps = steps.copy()
        steps[unknown] = bundle.model["window"].predict(X[unknown])
    model = bundle.model[PARTS[layer]]
    translated = model.translate(np.column_stack([X, steps]))
    names: tuple[str, ...] = ()
    out = None
    if model.predicts_vector:
        names, out = plan.expand(times, ops, translated.values[:, :-1], X)
    return Predicted(
        names,
        out,
        translated.values[:, -1],
        steps,
        unknown,
        difficulty=translated.difficulty,
        device=translated.device,
        host=translated.host,
    )


def _joined(parts: Sequence[Predicted]) -> Predicted:
    """Rows of several answers, one below the other."""
    names = tuple(sorted({n for p in parts for n in p.names}))
    device, host = (
        None if a[0] is None else np.concatenate([v for v in a if v is not None])
        for a in ([p.device for p in parts], [p.host for p in parts])
    )
    return Predicted(
        names,
        _ops_joined(parts, names),
        step=np.concatenate([p.step for p in parts]),
        anchor_step=np.concatenate([p.anchor_step for p in parts]),
        guessed=np.concatenate([p.guessed for p in parts]),
        difficulty=np.concatenate([p.difficulty for p in parts]),
        device=device,
        host=host,
    )


def _ops_joined(parts: Sequence[Predicted], names: tuple[str, ...]) -> Floats | None:
    """Operations of several answers; one that a part does not have takes no time there."""
    matrices = [p.ops for p in parts if p.ops is not None]
    if not matrices:
        return None
    if all(p.names == names for p in parts):
        return np.vstack(matrices)
    place = {n: k for k, n in enumerate(names)}
    out = np.zeros((sum(map(len, matrices)), len(names)))
    first = 0
    for part, ops in zip(parts, matrices, strict=True):
        out[first : first + len(ops), [place[n] for n in part.names]] = ops
        first += len(ops)
    return out
