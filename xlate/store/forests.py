"""Forests packed into a handful of arrays, and rebuilt.

skops writes every tree of a forest as objects of its own, hundreds of small
files whose audit takes longer than importing scikit-learn does in part. Nodes
and values of all trees in one array each hold the same, load in a tenth of the
time, and are checked for range (:mod:`xlate.store.trees`) once rebuilt.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

__all__ = ["pack", "pack_all", "unpack", "unpack_all"]

_MARK = "packed_forest"
_KINDS = ("ExtraTreesRegressor", "RandomForestRegressor")


def pack(estimator: Any) -> Any:
    """Copy an estimator with each of its forests packed.

    Parameters
    ----------
    estimator : estimator
        Fitted; attributes that are forests of regression trees are packed, all
        else is left as it is.
    """
    packed = copy.copy(estimator)
    for name, value in vars(estimator).items():
        if type(value).__name__ in _KINDS and hasattr(value, "estimators_"):
            setattr(packed, name, _packed(value))
    return packed


def unpack(estimator: Any) -> Any:
    """Rebuild the forests of an estimator that :func:`pack` made; in place.

    Raises
    ------
    ValueError, KeyError, TypeError
        If the arrays do not make trees; scikit-learn checks shapes and types.
    """
    for name, value in list(vars(estimator).items()):
        if isinstance(value, dict) and value.get("kind") == _MARK:
            setattr(estimator, name, _rebuilt(value))
    return estimator


def pack_all(value: Any) -> Any:
    """Copy a model of models with every forest in it packed, at any depth.

    Parameters
    ----------
    value : object
        Dicts, lists and xlate's own objects are walked.
    """
    if isinstance(value, dict):
        return {k: pack_all(v) for k, v in value.items()}
    if isinstance(value, list):
        return [pack_all(v) for v in value]
    if type(value).__module__.startswith("xlate."):
        packed = pack(value)
        for name, part in vars(packed).items():
            setattr(packed, name, pack_all(part))
        return packed
    return value


def unpack_all(value: Any) -> Any:
    """Rebuild every forest that :func:`pack_all` packed; in place.

    Raises
    ------
    ValueError, KeyError, TypeError
        As :func:`unpack`.
    """
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            unpack_all(part)
    elif type(value).__module__.startswith("xlate."):
        unpack(value)
        for part in vars(value).values():
            unpack_all(part)
    return value


def _packed(forest: Any) -> dict[str, Any]:
    states = [tree.tree_.__getstate__() for tree in forest.estimators_]
    return {
        "kind": _MARK,
        "forest": type(forest).__name__,
        "params": forest.get_params(deep=False),
        "n_features": int(forest.n_features_in_),
        "n_outputs": int(forest.n_outputs_),
        "node_counts": np.array([s["node_count"] for s in states]),
        "max_depths": np.array([s["max_depth"] for s in states]),
        "nodes": np.concatenate([s["nodes"] for s in states]),
        "values": np.concatenate([s["values"] for s in states]),
    }


def _rebuilt(packed: dict[str, Any]) -> Any:
    from sklearn import ensemble
    from sklearn.tree import DecisionTreeRegressor, ExtraTreeRegressor
    from sklearn.tree._tree import Tree

    if packed["forest"] not in _KINDS:
        raise ValueError(f"unknown forest {packed['forest']!r}")
    forest = getattr(ensemble, packed["forest"])(**packed["params"])
    kind = (
        ExtraTreeRegressor
        if packed["forest"] == "ExtraTreesRegressor"
        else DecisionTreeRegressor
    )
    n_features, n_outputs = packed["n_features"], packed["n_outputs"]
    ends = np.cumsum(packed["node_counts"])
    if ends[-1] != len(packed["nodes"]) or ends[-1] != len(packed["values"]):
        raise ValueError("node counts and nodes do not agree")
    trees = []
    for end, n, depth in zip(
        ends, packed["node_counts"], packed["max_depths"], strict=True
    ):
        tree = Tree(n_features, np.ones(n_outputs, dtype=np.intp), n_outputs)
        tree.__setstate__(
            {
                "max_depth": int(depth),
                "node_count": int(n),
                "nodes": np.ascontiguousarray(packed["nodes"][end - n : end]),
                "values": np.ascontiguousarray(packed["values"][end - n : end]),
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
