"""From the kind that a bundle names to the class that answers for it today.

A kind is written ``family/name``: ``translator/physics``, ``clock-model/response-blend``,
``part/two-path``. Translators and clock models are those of their registries; what
stands inside them, or beside them in a bundle, is listed here. Classes are named by
text, so that loading one model imports no other.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

from xlate.models.translate import TRANSLATORS

__all__ = ["PARTS", "class_of", "kind_of"]

#: name of a part -> (module, class); a frozen dataclass may stand here too
PARTS: dict[str, tuple[str, str]] = {
    "domain": ("xlate.trust.training", "Domain"),
    "origin": ("xlate.trust.recorded_gpu", "Origin"),
    "pooled-ratios": ("xlate.models.translate.pooled", "PooledRatios"),
    "power-model": ("xlate.models.power", "PowerModel"),
    "scaler": ("xlate.models.scaling", "Scaler"),
    "scores": ("xlate.stats.conformal", "Scores"),
    "step-from-window": ("xlate.models.translate.window", "StepFromWindow"),
    "transfers": ("xlate.models.translate.transfers", "Transfers"),
    "two-path": ("xlate.models.translate.two_path", "TwoPath"),
    "window-band": ("xlate.trust.profile_window", "WindowBand"),
}


def class_of(kind: str) -> type[Any] | None:
    """Class of a kind, or None where there is none of the name."""
    family, _, name = kind.partition("/")
    if family == "translator" and name in TRANSLATORS:
        module, cls, _ = TRANSLATORS[name]
    elif family == "part" and name in PARTS:
        module, cls = PARTS[name]
    elif family == "clock-model":
        return _clock_model(name)
    else:
        return None
    model_class: type[Any] = getattr(import_module(module), cls)
    return model_class


def _clock_model(name: str) -> type[Any] | None:
    # not above: a translator is loaded without the clock models
    from xlate.models.response import CLOCK_MODELS

    made = CLOCK_MODELS.get(name)
    model_class: Any = made.func if isinstance(made, partial) else made
    return model_class if isinstance(model_class, type) else None


def kind_of(value: Any) -> str | None:
    """Kind of a model, or None where its class is registered under none."""
    kind = getattr(value, "kind", None)
    family = getattr(value, "family", None)
    if isinstance(kind, str) and isinstance(family, str):
        named = f"{family}/{kind}"
        return named if class_of(named) is type(value) else None
    return next((f"part/{n}" for n in PARTS if _is_part(value, n)), None)


def _is_part(value: Any, name: str) -> bool:
    """Whether a value is of a part's class, which is not imported to find out."""
    module, cls = PARTS[name]
    of = type(value)
    return of.__qualname__ == cls and of.__module__ == module
