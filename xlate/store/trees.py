"""Range checks on loaded trees, so that no index can leave its array.

scikit-learn walks a tree's node array in C without bounds checks. A file made
to deceive could point a node outside it; this is checked once after loading.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xlate.errors import BundleError

__all__ = ["check_trees"]

_LEAF = -1


def check_trees(model: Any, where: str) -> int:
    """Check every tree inside an estimator.

    Parameters
    ----------
    model : estimator
        Anything; its attributes are searched.
    where : str
        Named in errors.

    Returns
    -------
    int
        Trees checked.

    Raises
    ------
    BundleError
        If a node points outside its tree or back to itself, splits on a
        feature the tree does not have, or its values do not fit.
    """
    checked = 0
    for value in list(vars(model).values()) if hasattr(model, "__dict__") else []:
        for item in value if isinstance(value, list | tuple) else [value]:
            if hasattr(item, "tree_"):
                _check(item.tree_, item, where)
                checked += 1
            elif hasattr(item, "get_params") or _own(item):
                checked += check_trees(item, where)
    return checked


def _own(item: Any) -> bool:
    return type(item).__module__.startswith("xlate.")


def _check(tree: Any, owner: Any, where: str) -> None:
    n = tree.node_count
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    own = np.arange(n)
    leaf = left == _LEAF
    inner = ~leaf
    n_features = getattr(owner, "n_features_in_", tree.n_features)
    fits = (
        n > 0
        and len(left) == len(right) == len(feature) == n
        and tree.value.shape[0] == n
        and tree.value.shape[1] == tree.n_outputs == getattr(owner, "n_outputs_", -1)
        and tree.n_features == n_features
        and bool((leaf == (right == _LEAF)).all())
        # children come after their parent, so a walk always ends
        and bool((left[inner] > own[inner]).all() and (left[inner] < n).all())
        and bool((right[inner] > own[inner]).all() and (right[inner] < n).all())
        and bool((feature[inner] >= 0).all() and (feature[inner] < n_features).all())
        and bool(np.isfinite(tree.value).all())
    )
    if not fits:
        raise BundleError(
            f"{where}: a tree has nodes outside its own range; it was not used",
            "the file was made or damaged elsewhere; fit again",
        )
