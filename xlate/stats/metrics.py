"""How wrong a translation is: one function a figure, all on plain matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["METRICS", "score"]

Floats = NDArray[np.float64]

#: metric -> (what it is, unit)
METRICS: dict[str, tuple[str, str]] = {
    "step_mape": ("mean absolute percentage error of the step time", "%"),
    "step_mdape": ("median absolute percentage error of the step time", "%"),
    "step_r2": ("coefficient of determination of the step time", ""),
    "step_mape_window": (
        "the same as step_mape where the anchor's step time is not given and is "
        "taken from the profile window",
        "%",
    ),
    "vector_wape": ("sum of absolute errors over sum of times, busy device ops", ""),
    "op_sum_mape": ("mean absolute percentage error of the busy device time", "%"),
    "cosine": ("mean cosine between predicted and measured busy vector", ""),
    "negative_share": ("share of op cells below 0 before clamping", ""),
    "coverage_90": (
        "share of step times inside their 90 % interval, which comes from the errors "
        "on other models",
        "",
    ),
    "width_90": ("median width of these intervals, over the step time", ""),
}


def score(
    step: Floats,
    step_hat: Floats,
    step_hat_window: Floats | None,
    ops: Floats,
    ops_hat: Floats,
    raw_ops_hat: Floats | None = None,
) -> dict[str, float | None]:
    """All metrics over some rows.

    Parameters
    ----------
    step, step_hat : ndarray of shape (n,)
        Measured and predicted step times.
    step_hat_window : ndarray of shape (n,), optional
        Predicted without the anchor's step time.
    ops, ops_hat : ndarray of shape (n, k)
        Measured and predicted busy device ops; NaN in ``ops_hat`` where the
        translator gives no vector.
    raw_ops_hat : ndarray of shape (n, k), optional
        Prediction before clamping.

    Returns
    -------
    dict
        None where a metric does not apply: no vector, or R² of fewer than two
        different measured values.
    """
    relative = np.abs(step_hat / step - 1.0) * 100.0
    spread = float(((step - step.mean()) ** 2).sum())
    result: dict[str, float | None] = {
        "step_mape": float(relative.mean()),
        "step_mdape": float(np.median(relative)),
        "step_r2": 1.0 - float(((step - step_hat) ** 2).sum()) / spread
        if spread > 0
        else None,
        "step_mape_window": None
        if step_hat_window is None
        else float((np.abs(step_hat_window / step - 1.0) * 100.0).mean()),
        "vector_wape": None,
        "op_sum_mape": None,
        "cosine": None,
        "negative_share": None,
    }
    if ops.shape[1] and not np.isnan(ops_hat).any():
        norms = np.linalg.norm(ops, axis=1) * np.linalg.norm(ops_hat, axis=1)
        dots = (ops * ops_hat).sum(axis=1)
        cosine = np.divide(dots, norms, out=np.zeros_like(dots), where=norms > 0)
        result |= {
            "vector_wape": float(np.abs(ops - ops_hat).sum() / ops.sum()),
            "op_sum_mape": float(
                np.abs(ops_hat.sum(1) / ops.sum(1) - 1.0).mean() * 100.0
            ),
            "cosine": float(cosine.mean()),
        }
        if raw_ops_hat is not None:
            result["negative_share"] = float((raw_ops_hat < 0).mean())
    return result
