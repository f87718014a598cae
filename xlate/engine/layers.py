"""Who answers: the fitted translator, a ratio an operation, or the catalogue.

A layer answers where the one above it is not for the profile, and the answer
names it.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlate.reason import MEASURE, Reason
from xlate.store.bundle import Bundle
from xlate.translators.base import Translated
from xlate.trust.domain import Finding

__all__ = ["FITTED", "OP_RATIO", "PARTS", "ZERO_SHOT", "Predicted", "layer_of", "predict", "why_not_fitted"]  # fmt: skip

Floats = NDArray[np.float64]

FITTED, OP_RATIO, ZERO_SHOT = "fitted", "op ratio", "zero-shot"
#: layer -> part of the bundle that answers, and its calibration
PARTS = {FITTED: "translator", OP_RATIO: "ratio"}
#: rows predicted at once; bounds memory for large tables, and fits the cache
_CHUNK = 2048


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


def layer_of(finding: Finding, data_sheets: bool = True) -> str:
    """The layer that answers for a profile.

    What the fitted translator is not for is answered from data sheets: they are less
    wrong there than the bundle's ratios (``fallbacks`` in experiments/README.md). These
    answer where a figure of a GPU is not known, and for a profile that looks like one of
    another GPU, of which no data sheet can be right.

    Parameters
    ----------
    finding : Finding
    data_sheets : bool
        Whether the catalogue knows both GPUs well enough.
    """
    if finding.verdict.level != "refuse":
        return FITTED
    return ZERO_SHOT if data_sheets and not finding.other_gpu else OP_RATIO


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
    times: Floats,
    ops: Sequence[str],
    steps: Floats,
    layer: str = FITTED,
) -> Predicted:
    """What a layer of a bundle says.

    Parameters
    ----------
    times : ndarray of shape (n, len(ops))
        Anchor side, µs over the window.
    ops : sequence of str
        Its columns.
    steps : ndarray of shape (n,)
        The anchor's step times, µs; NaN where not known.
    """
    from threadpoolctl import threadpool_limits

    plan = bundle.plan
    X = plan.apply(times, ops)
    unknown = ~np.isfinite(steps) | (steps <= 0)
    steps = steps.copy()
    if unknown.any():
        steps[unknown] = bundle.model["window"].predict(X[unknown])
    inputs = np.column_stack([X, steps])
    model = bundle.model[PARTS[layer]]
    chunks = [inputs[i : i + _CHUNK] for i in range(0, len(inputs), _CHUNK)]
    if len(chunks) == 1:
        # one profile is waited for: starting threads takes longer than it does
        found = [model.translate(inputs)]
    else:
        with threadpool_limits(1), ThreadPoolExecutor(2) as pool:
            found = list(pool.map(model.translate, chunks))
    whole = _joined(found)
    names: tuple[str, ...] = ()
    out = None
    if model.predicts_vector:
        names, out = plan.expand(times, ops, whole.values[:, :-1])
    return Predicted(
        names, out, whole.values[:, -1], steps, unknown, whole.difficulty,
        whole.device, whole.host,
    )  # fmt: skip


def _joined(parts: Sequence[Translated]) -> Translated:
    if len(parts) == 1:
        return parts[0]
    device, host = (
        None if a[0] is None else np.concatenate([v for v in a if v is not None])
        for a in ([p.device for p in parts], [p.host for p in parts])
    )
    return Translated(
        np.vstack([p.values for p in parts]),
        np.concatenate([p.difficulty for p in parts]),
        device,
        host,
    )
