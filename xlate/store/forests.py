"""Forests packed into a handful of arrays, and rebuilt.

skops writes every tree of a forest as objects of its own, hundreds of small
files whose audit takes longer than importing scikit-learn does in part. All
trees in a few arrays load in a tenth of the time, and are checked for range
(:mod:`xlate.store.trees`) once rebuilt. What predicting does not need (impurity,
counts, values of inner nodes) is left out; a left child comes right after its
parent, so that only the step to the right one is kept.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

__all__ = ["pack_all", "unpack_all"]

_MARK = "packed_forest"
#: scikit-learn's marks of a leaf: no child, no feature
_LEAF, _UNDEFINED = -1, -2
#: a step to the right child is written in two bytes
_MOST_NODES = 2**16 - 1
_KINDS = ("ExtraTreesRegressor", "RandomForestRegressor")


def pack_all(value: Any) -> Any:
    """Copy a model of models with every forest in it packed, at any depth.

    Parameters
    ----------
    value : object
        Dicts, lists and xlate's own objects are walked; forests of regression
        trees are packed, all else is left as it is.
    """
    if isinstance(value, dict):
        return {k: pack_all(v) for k, v in value.items()}
    if isinstance(value, list):
        return [pack_all(v) for v in value]
    if type(value).__name__ in _KINDS and hasattr(value, "estimators_"):
        return _packed(value)
    if type(value).__module__.startswith("xlate."):
        packed = copy.copy(value)
        for name, part in vars(value).items():
            setattr(packed, name, pack_all(part))
        return packed
    return value


def unpack_all(value: Any) -> Any:
    """Rebuild every forest that :func:`pack_all` packed.

    Objects are changed in place; dicts and lists are made anew.

    Raises
    ------
    ValueError, KeyError, TypeError, IndexError
        If the arrays do not make trees; scikit-learn checks shapes and types.
    """
    if isinstance(value, dict):
        if value.get("kind") == _MARK:
            return _rebuilt(value)
        return {k: unpack_all(v) for k, v in value.items()}
    if isinstance(value, list):
        return [unpack_all(v) for v in value]
    if type(value).__module__.startswith("xlate."):
        for name, part in list(vars(value).items()):
            setattr(value, name, unpack_all(part))
    return value


def _packed(forest: Any) -> dict[str, Any]:
    trees = [tree.tree_ for tree in forest.estimators_]
    n_outputs = int(forest.n_outputs_)
    if any(t.node_count > _MOST_NODES for t in trees):
        raise ValueError(f"a tree has more than {_MOST_NODES} nodes")
    right = np.concatenate([t.children_right for t in trees])
    left = np.concatenate([t.children_left for t in trees])
    own = np.concatenate([np.arange(t.node_count) for t in trees])
    inner = right != _LEAF
    if not np.array_equal(left[inner], own[inner] + 1):
        raise ValueError("nodes are not in the order they are walked in")
    threshold = np.concatenate([t.threshold for t in trees])[inner]
    values = np.concatenate([t.value for t in trees])[~inner]
    return {
        "kind": _MARK,
        "forest": type(forest).__name__,
        "params": forest.get_params(deep=False),
        "n_features": int(forest.n_features_in_),
        "n_outputs": n_outputs,
        "node_counts": np.array([t.node_count for t in trees]),
        "max_depths": np.array([t.max_depth for t in trees]),
        "steps": np.where(inner, right - own, 0).astype(np.uint16),
        "features": np.concatenate([t.feature for t in trees])[inner].astype(np.uint16),
        "thresholds": _floored(threshold),
        "values": values.reshape(-1, n_outputs).astype(np.float32),
    }


def _floored(threshold: Any) -> Any:
    """Largest single-precision number not above each threshold.

    Trees compare single-precision features, so that the walk stays the same.
    """
    single = threshold.astype(np.float32)
    above = single.astype(np.float64) > threshold
    return np.where(above, np.nextafter(single, np.float32(-np.inf)), single)


def _rebuilt(packed: dict[str, Any]) -> Any:
    from sklearn import ensemble
    from sklearn.tree import DecisionTreeRegressor, ExtraTreeRegressor
    from sklearn.tree._tree import NODE_DTYPE, Tree

    if packed["forest"] not in _KINDS:
        raise ValueError(f"unknown forest {packed['forest']!r}")
    forest = getattr(ensemble, packed["forest"])(**packed["params"])
    kind = (
        ExtraTreeRegressor
        if packed["forest"] == "ExtraTreesRegressor"
        else DecisionTreeRegressor
    )
    n_features, n_outputs = packed["n_features"], packed["n_outputs"]
    steps = packed["steps"].astype(np.int64)
    inner = steps > 0
    counts = packed["node_counts"]
    if counts.min() < 1 or counts.sum() != len(steps):
        raise ValueError("node counts and nodes do not agree")
    nodes = np.zeros(len(steps), dtype=NODE_DTYPE)
    own = np.concatenate([np.arange(n) for n in counts])
    nodes["left_child"] = np.where(inner, own + 1, _LEAF)
    nodes["right_child"] = np.where(inner, own + steps, _LEAF)
    nodes["feature"] = _UNDEFINED
    nodes["threshold"] = _UNDEFINED
    nodes["feature"][inner] = packed["features"]
    nodes["threshold"][inner] = packed["thresholds"]
    nodes["n_node_samples"] = 1
    nodes["weighted_n_node_samples"] = 1.0
    values = np.zeros((len(steps), n_outputs, 1))
    values[~inner, :, 0] = packed["values"]
    ends = np.cumsum(counts)
    trees = []
    for end, n, depth in zip(ends, counts, packed["max_depths"], strict=True):
        tree = Tree(n_features, np.ones(n_outputs, dtype=np.intp), n_outputs)
        tree.__setstate__(
            {
                "max_depth": int(depth),
                "node_count": int(n),
                "nodes": np.ascontiguousarray(nodes[end - n : end]),
                "values": np.ascontiguousarray(values[end - n : end]),
            }
        )
        member = kind(random_state=0)
        member.tree_ = tree
        member.n_features_in_, member.n_outputs_ = n_features, n_outputs
        member.max_features_ = n_features
        trees.append(member)
    forest.estimators_ = trees
    forest.estimator_ = kind()
    forest.n_features_in_, forest.n_outputs_ = n_features, n_outputs
    return forest
