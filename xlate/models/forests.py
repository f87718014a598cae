"""What is shared about scikit-learn's forests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlate.models.state import Stateful

__all__ = ["forest_mean", "round_leaves"]


def forest_mean(forest: Any, X: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """``forest.predict`` without the job scheduling that takes longer than trees do.

    Parameters
    ----------
    forest : fitted forest of regression trees
    X : ndarray of shape (n, n_features)

    Returns
    -------
    ndarray of shape (n,) or (n, n_outputs)
        As ``predict`` gives it.
    """
    rows = X.astype(np.float32, copy=False)
    trees = forest.estimators_
    total = trees[0].tree_.predict(rows)
    for tree in trees[1:]:
        total += tree.tree_.predict(rows)
    mean = np.asarray(total / len(trees)).reshape(len(rows), -1)
    return mean[:, 0] if mean.shape[1] == 1 else mean


def round_leaves(value: Any) -> None:
    """Round the leaves of every tree in some models to single precision, in place.

    A bundle keeps single-precision leaves in half the space. Rounded once, when it is
    fitted, a model answers to the bit as the one that is loaded from the bundle.

    Parameters
    ----------
    value : object
        Models, and lists and mappings of them, at any depth.
    """
    if isinstance(value, dict):
        inner = list(value.values())
    elif isinstance(value, list | tuple):
        inner = list(value)
    elif isinstance(value, Stateful):
        inner = list(vars(value).values())
    elif hasattr(value, "tree_"):
        leaves = value.tree_.value
        leaves[...] = leaves.astype(np.float32)
        return
    else:
        inner = list(getattr(value, "estimators_", ()))
    for one in inner:
        round_leaves(one)
