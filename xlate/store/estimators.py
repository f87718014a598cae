"""scikit-learn's own estimators in a bundle: skops archives of listed types only.

skops trusts every estimator of scikit-learn, and functions and types of SciPy and
numpy too. A model of ours needs few of them: what is not on :data:`ALLOWED` is
refused before anything is built, whether skops trusts it or not.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

from xlate.store.canonical import canonical

__all__ = ["ALLOWED", "dumped", "loaded"]

#: every type that an estimator in a bundle may hold
ALLOWED = frozenset(
    {
        "builtins.bool", "builtins.dict", "builtins.float", "builtins.int",
        "builtins.list", "builtins.str", "builtins.tuple",
        "numpy.bool", "numpy.bool_", "numpy.float32", "numpy.float64", "numpy.int64",
        "numpy.ndarray", "numpy.random.mtrand.RandomState",
        "sklearn.gaussian_process._gpr.GaussianProcessRegressor",
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.RBF",
        "sklearn.gaussian_process.kernels.Sum",
        "sklearn.gaussian_process.kernels.WhiteKernel",
        "sklearn.linear_model._base.LinearRegression",
        "sklearn.neural_network._multilayer_perceptron.MLPRegressor",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.StandardScaler",
    }
)  # fmt: skip
#: skops's ways to make an object that are used: none of them calls a function that a
#: file names
_LOADERS = {
    "CachedNode", "DictNode", "JsonNode", "ListNode", "NdArrayNode", "ObjectNode",
    "RandomStateNode", "TupleNode", "TypeNode",
}  # fmt: skip
#: files of an archive and bytes of its description, at most
_MOST_FILES, _MOST_SCHEMA = 4096, 8 * 2**20


def dumped(estimator: Any) -> bytes:
    """An estimator as an archive, the same bytes for the same estimator.

    Raises
    ------
    TypeError
        If it holds a type that would not be loaded again.
    """
    import skops.io as sio

    archive = canonical(sio.dumps(estimator))
    strange = _strange(archive)
    if strange:
        raise TypeError(
            f"an object of type {type(estimator).__name__} holds a {strange[0]}, which no bundle holds"
        )
    return archive


def loaded(archive: bytes) -> Any:
    """The estimator in an archive.

    Raises
    ------
    ValueError
        If it holds a type that is not on the list, or is packed in a way that
        :func:`dumped` does not write.
    Exception
        Whatever zip, JSON, numpy and skops raise for a damaged archive.
    """
    import skops.io as sio

    strange = _strange(archive)
    if strange:
        raise ValueError(f"it holds a type that no model needs: {strange[0]}")
    return sio.loads(archive, trusted=sorted(ALLOWED))


def _strange(archive: bytes) -> list[str]:
    """Types and loaders in an archive that are on no list."""
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        entries = file.infolist()
        # stored plainly, nothing is larger unpacked than it is in the file
        plain = all(
            e.compress_type == zipfile.ZIP_STORED and e.file_size == e.compress_size
            for e in entries
        )
        if not plain or len(entries) > _MOST_FILES:
            raise ValueError("an estimator is packed in another way")
        if len({e.filename for e in entries}) != len(entries):
            raise ValueError("a file of an estimator stands twice")
        text = file.read("schema.json")
    if len(text) > _MOST_SCHEMA:
        raise ValueError("the description of an estimator is too long")
    return sorted(set(_types(json.loads(text))))


def _types(node: Any) -> Iterator[str]:
    """Types of a description that are not allowed, and ways of making objects."""
    if isinstance(node, list):
        for inner in node:
            yield from _types(inner)
    if not isinstance(node, dict):
        return
    if "__class__" in node or "__module__" in node:
        of = f"{node.get('__module__')}.{node.get('__class__')}"
        if of not in ALLOWED:
            yield of
    if "__loader__" in node and node["__loader__"] not in _LOADERS:
        yield str(node["__loader__"])
    for inner in node.values():
        yield from _types(inner)
