"""Clock models: from one probe to the best clock.

A new one is a class with ``_fit`` and either ``_curves`` (it predicts how time
and power respond, and the rest follows) or ``_scores`` (it predicts the clock
directly), and a line in :data:`CLOCK_MODELS`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from xlate.errors import UnknownNameError
from xlate.models.response.base import ClockModel, Training
from xlate.models.response.calibrated import CalibratedResponse
from xlate.models.response.constant import ConstantShare, MaximumClock
from xlate.models.response.curves import (
    BlendedResponse,
    BusyForestResponse,
    CombinedResponse,
    ForestResponse,
    LinearResponse,
    ParametricResponse,
)
from xlate.models.response.direct import (
    BoostedOptimum,
    ForestClassifier,
    ForestOptimum,
    MlpEnsemble,
    Stack,
)

__all__ = [
    "CLOCK_MODELS",
    "DEFAULT_CLOCK_MODEL",
    "ClockModel",
    "Training",
    "make_clock_model",
]

CLOCK_MODELS: dict[str, Callable[[int], ClockModel]] = {
    "max-clock": MaximumClock,
    "constant-share": ConstantShare,
    "forest-classifier": ForestClassifier,
    "forest-regressor": ForestOptimum,
    "boosting": BoostedOptimum,
    "mlp-ensemble": MlpEnsemble,
    "stack": Stack,
    "response-forest": ForestResponse,
    "response-linear": LinearResponse,
    "response-parametric": ParametricResponse,
    "response-busy-forest": BusyForestResponse,
    "response-combined": CombinedResponse,
    "response-blend": BlendedResponse,
    "response-cautious": partial(CalibratedResponse, cautious=True),
    "response-calibrated": CalibratedResponse,
}

#: response-blend, which has the smallest mean EDP gap on held-out applications
#: (experiments/README.md), with residuals for confidence and intervals
DEFAULT_CLOCK_MODEL = "response-calibrated"


def make_clock_model(name: str, seed: int = 0) -> ClockModel:
    """An unfitted clock model.

    Raises
    ------
    UnknownNameError
        If the name is unknown.
    """
    if name not in CLOCK_MODELS:
        raise UnknownNameError("clock model", name, CLOCK_MODELS)
    return CLOCK_MODELS[name](seed)
