"""Translators: scikit-learn estimators from the anchor's vector to the target's.

A new one is a new module, a line in :data:`TRANSLATORS`, and a test file. The
registry names modules and classes as strings, so that listing it loads nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from xlate.errors import UnknownNameError

if TYPE_CHECKING:
    from xlate.models.translate.base import Translator

__all__ = [
    "BASELINE",
    "COMPARED",
    "DEFAULT",
    "FEW",
    "TRANSLATORS",
    "default_for",
    "make",
]

#: name -> (module, class, what it is in a few words)
TRANSLATORS: dict[str, tuple[str, str, str]] = {
    "linear": (
        "xlate.models.translate.levels",
        "LinearTranslator",
        "least squares on levels",
    ),
    "knn": (
        "xlate.models.translate.levels",
        "KnnTranslator",
        "five nearest neighbours",
    ),
    "tree": ("xlate.models.translate.levels", "TreeTranslator", "one tree on levels"),
    "forest": (
        "xlate.models.translate.levels",
        "ForestTranslator",
        "random forest on levels",
    ),
    "profet": (
        "xlate.models.translate.profet",
        "ProfetTranslator",
        "PROFET's median of three",
    ),
    "ratio": (
        "xlate.models.translate.ratio",
        "RatioTranslator",
        "median ratio of each op",
    ),
    "ratio-forest": (
        "xlate.models.translate.ratio_forest",
        "RatioForestTranslator",
        "forest on log ratios",
    ),
    "physics": (
        "xlate.models.translate.physics",
        "PhysicsTranslator",
        "pooled ratios, step from two paths",
    ),
    "roofline": (
        "xlate.models.translate.roofline",
        "RooflineTranslator",
        "data sheets, corrected",
    ),
    "shares-forest": (
        "xlate.models.translate.ratio_forest",
        "SharesForestTranslator",
        "the same on shares and log scale",
    ),
}

#: those in a comparison by default; the others are research, used only by their name
COMPARED = tuple(n for n in TRANSLATORS if n != "shares-forest")

DEFAULT = "physics"
#: more accurate than the default with fewer training models than this
#: (experiments/README.md, few-shot)
FEW, _ENOUGH_MODELS = "roofline", 6
BASELINE = "ratio"


def default_for(n_models: int) -> str:
    """The most accurate translator for this number of training models."""
    return DEFAULT if n_models >= _ENOUGH_MODELS else FEW


def make(
    name: str,
    columns: Sequence[str] | None = None,
    seed: int = 0,
    clock_ratio: float = 1.0,
    prior: Mapping[str, float] | None = None,
) -> Translator:
    """A translator by its name.

    Parameters
    ----------
    name : str
        Key of :data:`TRANSLATORS`.
    columns : sequence of str, optional
        Columns of the matrices it will be fitted on.
    seed : int
        For translators that draw random numbers.
    clock_ratio : float
        The anchor's highest clock over the target's, for those that use it.
    prior : mapping of str to float, optional
        Nature -> log ratio of times from data sheets, for those that use it.

    Returns
    -------
    Translator
        Not fitted yet; ``fit`` takes matrices (n_pairs, n_columns) in µs.

    Raises
    ------
    UnknownNameError
        With the nearest names.

    Examples
    --------
    >>> import xlate
    >>> xlate.make_translator("ratio").predicts_vector
    True
    """
    if name not in TRANSLATORS:
        raise UnknownNameError("translator", name, TRANSLATORS)
    module, cls, _ = TRANSLATORS[name]
    kind: Any = getattr(import_module(module), cls)
    options = {"random_state": seed, "clock_ratio": clock_ratio, "prior": prior}
    params = {k: v for k, v in options.items() if k in kind().get_params()}
    translator: Translator = kind(
        columns=None if columns is None else list(columns), **params
    )
    return translator
