"""Trees and forests of regression trees as a handful of arrays, and rebuilt.

A tree is not taken from a file as an object: its nodes are arrays, from which
scikit-learn's trees are built. It walks them in C without bounds checks, and a file
made to deceive could point a node outside its tree: each is checked once built.
What predicting does not need (impurity, counts, values of inner nodes) is left
out; a left child comes right after its parent, so that only the step to the right
one is kept. Answers are the same to the bit: thresholds are kept as the
single-precision numbers that decide alike, and the values of leaves in single
precision only where they are such numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from xlate.errors import BundleError

__all__ = ["check_trees", "is_forest", "packed", "rebuilt"]

#: scikit-learn's marks of a leaf: no child, no feature
_LEAF, _UNDEFINED = -1, -2
_FORESTS = ("ExtraTreesRegressor", "RandomForestRegressor")
_TREES = ("DecisionTreeRegressor", "ExtraTreeRegressor")
#: fields of a packed forest
_FIELDS = {
    "of", "params", "n_features", "n_outputs", "node_counts", "max_depths", "steps",
    "features", "thresholds", "values",
}  # fmt: skip


def is_forest(value: Any) -> bool:
    """Whether a value is a fitted tree or forest of scikit-learn's that can be packed."""
    of = type(value)
    if not of.__module__.startswith("sklearn."):
        return False
    fitted = "estimators_" if of.__name__ in _FORESTS else "tree_"
    return of.__name__ in (*_FORESTS, *_TREES) and hasattr(value, fitted)


def packed(forest: Any) -> dict[str, Any]:
    """Arrays and numbers from which :func:`rebuilt` makes the same answers.

    Raises
    ------
    ValueError
        If its nodes are in another order than scikit-learn's depth-first one.
    """
    trees = [t.tree_ for t in getattr(forest, "estimators_", [forest])]
    n_outputs = int(forest.n_outputs_)
    right = np.concatenate([t.children_right for t in trees])
    left = np.concatenate([t.children_left for t in trees])
    own = np.concatenate([np.arange(t.node_count) for t in trees])
    inner = right != _LEAF
    if not np.array_equal(left[inner], own[inner] + 1):
        raise ValueError("nodes are not in the order they are walked in")
    values = np.concatenate([t.value for t in trees])[~inner].reshape(-1, n_outputs)
    single = values.astype(np.float32)
    exact = np.array_equal(single.astype(np.float64), values)
    return {
        "of": type(forest).__name__,
        "params": forest.get_params(deep=False),
        "n_features": int(forest.n_features_in_),
        "n_outputs": n_outputs,
        "node_counts": np.array([t.node_count for t in trees]),
        "max_depths": np.array([t.max_depth for t in trees]),
        "steps": _small(np.where(inner, right - own, 0)),
        "features": _small(np.concatenate([t.feature for t in trees])[inner]),
        "thresholds": _floored(np.concatenate([t.threshold for t in trees])[inner]),
        "values": single if exact else values,
    }


def _small(counts: Any) -> Any:
    """Whole numbers in two bytes each where they fit, else in four."""
    fits = counts.max(initial=0) < 2**16
    return counts.astype(np.uint16 if fits else np.uint32)


def _floored(threshold: Any) -> Any:
    """Largest single-precision number not above each threshold.

    Trees compare single-precision features, so that the walk stays the same.
    """
    single = threshold.astype(np.float32)
    above = single.astype(np.float64) > threshold
    return np.where(above, np.nextafter(single, np.float32(-np.inf)), single)


def rebuilt(fields: Mapping[str, Any], where: str) -> Any:
    """The estimator that was packed.

    Parameters
    ----------
    fields : mapping
        As :func:`packed` gave it.
    where : str
        Named in errors.

    Raises
    ------
    ValueError, KeyError, TypeError, IndexError
        If the arrays do not make trees; scikit-learn checks shapes and types.
    BundleError
        If a node points outside its tree.
    """
    from sklearn import ensemble, tree

    if set(fields) != _FIELDS:
        raise ValueError("a packed forest lacks a field or has one more")
    of = fields["of"]
    if of in _FORESTS:
        forest = getattr(ensemble, of)(**fields["params"])
        member = (
            tree.ExtraTreeRegressor if of == _FORESTS[0] else tree.DecisionTreeRegressor
        )
        forest.estimators_ = [member(random_state=0) for _ in fields["node_counts"]]
        forest.estimator_ = member()
        members = forest.estimators_
    elif of in _TREES:
        forest = getattr(tree, of)(**fields["params"])
        members = [forest]
    else:
        raise ValueError(f"unknown forest {of!r}")
    n_features, n_outputs = int(fields["n_features"]), int(fields["n_outputs"])
    if fields["values"].shape[1:] != (n_outputs,):
        raise ValueError("values and outputs do not agree")
    built = _trees(fields, n_features, n_outputs)
    for one, nodes in zip(members, built, strict=True):
        one.tree_ = nodes
        one.max_features_ = n_features
        one.n_features_in_, one.n_outputs_ = n_features, n_outputs
    forest.n_features_in_, forest.n_outputs_ = n_features, n_outputs
    check_trees(forest, where)
    return forest


def _trees(fields: Mapping[str, Any], n_features: int, n_outputs: int) -> list[Any]:
    """scikit-learn's trees, one after the other."""
    from sklearn.tree._tree import NODE_DTYPE, Tree

    steps = fields["steps"].astype(np.int64)
    counts = fields["node_counts"]
    sound = len(counts) and counts.min() >= 1 and counts.max() <= len(steps)
    if not sound or counts.sum() != len(steps):
        raise ValueError("node counts and nodes do not agree")
    inner = steps > 0
    nodes = np.zeros(len(steps), dtype=NODE_DTYPE)
    own = np.concatenate([np.arange(n) for n in counts])
    nodes["left_child"] = np.where(inner, own + 1, _LEAF)
    nodes["right_child"] = np.where(inner, own + steps, _LEAF)
    nodes["feature"] = _UNDEFINED
    nodes["threshold"] = _UNDEFINED
    nodes["feature"][inner] = fields["features"]
    nodes["threshold"][inner] = fields["thresholds"]
    nodes["n_node_samples"] = 1
    nodes["weighted_n_node_samples"] = 1.0
    values = np.zeros((len(steps), n_outputs, 1))
    values[~inner, :, 0] = fields["values"]
    trees = []
    ends = np.cumsum(counts)
    for end, n, depth in zip(ends, counts, fields["max_depths"], strict=True):
        one = Tree(n_features, np.ones(n_outputs, dtype=np.intp), n_outputs)
        one.__setstate__(
            {
                "max_depth": int(depth),
                "node_count": int(n),
                "nodes": np.ascontiguousarray(nodes[end - n : end]),
                "values": np.ascontiguousarray(values[end - n : end]),
            }
        )
        trees.append(one)
    return trees


def check_trees(model: Any, where: str) -> int:
    """Check every tree of an estimator.

    Parameters
    ----------
    model : tree or forest of scikit-learn's
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
    trees = getattr(model, "estimators_", [model])
    for one in trees:
        _check(one.tree_, one, where)
    return len(trees)


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
