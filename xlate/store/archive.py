"""The file of a bundle's models: a zip of JSON, arrays and estimators.

``model.json`` holds the tree (:mod:`xlate.store.codec`) and the type and shape of each
array, ``arrays.bin`` the arrays one after the other, ``estimators/000.skops`` … the
scikit-learn estimators. The same models give the same bytes: entries are sorted, with
fixed dates and one level of compression.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlate.errors import BundleError
from xlate.files import read_bytes
from xlate.store.codec import Encoded, decode, order_of
from xlate.store.fields import parse

__all__ = ["open_archive", "written"]

#: limit of the file, and of its content unpacked; the largest fitted bundle has 40 MB
MOST_BYTES = 512 * 1024 * 1024
#: limit of the tree of values, bytes
_MOST_TREE = 32 * 2**20
_MOST_ESTIMATORS = 1000
_TREE, _ARRAYS = "model.json", "arrays.bin"
_ESTIMATOR = "estimators/{:03d}.skops"
_LEVEL = 6
#: each array begins at a multiple of this number of bytes
_ALIGNED = 16
#: numbers and texts in little-endian order
_DTYPE = re.compile(r"\|b1|\|i1|\|u1|<[iu][248]|<f[248]|<U\d{1,6}")
_HIGHEST_CHARACTER = 0x10FFFF


def written(encoded: Encoded) -> bytes:
    """The file of a bundle's models, from what :func:`~xlate.store.codec.encode` gives."""
    # imported here, since a bundle is read far more often than written
    from xlate.store.canonical import plain_entry

    table, blob = [], bytearray()
    for array in encoded.arrays:
        blob += b"\0" * (-len(blob) % _ALIGNED)
        order = order_of(array)
        table.append([array.dtype.str, list(array.shape), order])
        blob += array.tobytes(order)
    text = json.dumps(
        {"arrays": table, "model": encoded.tree},
        allow_nan=False,
        ensure_ascii=False,
        separators=(",", ":"),
    )
    files = {_TREE: text.encode(), _ARRAYS: bytes(blob)}
    files |= {_ESTIMATOR.format(i): e for i, e in enumerate(encoded.estimators)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out:
        for name in sorted(files):
            entry = plain_entry(name, zipfile.ZIP_DEFLATED)
            out.writestr(entry, files[name], zipfile.ZIP_DEFLATED, _LEVEL)
    return buffer.getvalue()


def open_archive(path: Path, digest: str | None, refit: str) -> Any:
    """The models of a bundle, after checking everything that can be checked.

    Parameters
    ----------
    path : Path
        The file.
    digest : str or None
        sha256 that the manifest gives for it.
    refit : str
        Command that makes it anew.

    Raises
    ------
    BundleError
        If it cannot be read, was changed since the fit, holds a value that is not of a
        registered kind of model, or is damaged.
    """
    try:
        archive = read_bytes(path, MOST_BYTES)
    except OSError as e:
        raise BundleError(f"{path} cannot be read: {e.strerror or e}", refit) from e
    computed = hashlib.sha256(archive).hexdigest()
    if computed != digest:
        raise BundleError(
            f"{path} was changed or cut off after the fit (sha256 {computed[:12]}…, the "
            f"manifest says {str(digest)[:12]}…); it was not loaded",
            refit,
        )
    try:
        tree, blob, estimators = _unpacked(archive, str(path), refit)
        arrays = list(_arrays(tree["arrays"], blob))
        return decode(tree["model"], arrays, estimators, str(path))
    except BundleError:
        raise
    # a damaged file fails anywhere inside zip, zlib, numpy, skops or a model
    except Exception as e:
        raise BundleError(
            f"{path} cannot be built, it is damaged or was made elsewhere: "
            f"{type(e).__name__}: {e}",
            refit,
        ) from e


def _unpacked(archive: bytes, where: str, refit: str) -> tuple[Any, bytes, list[bytes]]:
    """The tree, the arrays' bytes and the estimators of an archive."""
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        entries = file.infolist()
        names = [e.filename for e in entries]
        count = len(entries) - 2
        expected = [_ESTIMATOR.format(i) for i in range(count)]
        if count > _MOST_ESTIMATORS or names != sorted([_TREE, _ARRAYS, *expected]):
            raise ValueError("the archive holds other files than a model's")
        # no entry is read beyond the size it declares
        if sum(e.file_size for e in entries) > MOST_BYTES:
            raise ValueError(f"the archive unpacks to over {MOST_BYTES:,} bytes")
        if file.getinfo(_TREE).file_size > _MOST_TREE:
            raise ValueError("the tree of models is too large")
        tree = parse(file.read(_TREE).decode(), where, refit)
        if not isinstance(tree, dict) or set(tree) != {"arrays", "model"}:
            raise ValueError("the tree of models has another form")
        return tree, file.read(_ARRAYS), [file.read(n) for n in expected]


def _arrays(table: Any, blob: bytes) -> Iterator[NDArray[Any]]:
    """Read-only views of the arrays."""
    start = 0
    for kind, shape, order in table:
        if not isinstance(kind, str) or not _DTYPE.fullmatch(kind) or order not in "CF":
            raise ValueError(f"an array of {kind!r} in the order {order!r}")
        dtype = np.dtype(kind)
        if not all(type(n) is int and n >= 0 for n in shape):
            raise ValueError(f"an array of the shape {shape}")
        count = math.prod(shape)
        start += -start % _ALIGNED
        if start + count * dtype.itemsize > len(blob):
            raise ValueError("the arrays are longer than their file")
        flat = np.frombuffer(blob, dtype, count, start) if count else np.empty(0, dtype)
        _check_bytes(flat)
        yield flat.reshape(shape, order=order)
        start += count * dtype.itemsize
    if start != len(blob):
        raise ValueError("the arrays are shorter than their file")


def _check_bytes(flat: NDArray[Any]) -> None:
    """Refuse truth values other than 0 and 1, and codes that are not characters."""
    if flat.dtype.kind == "b" and flat.view(np.uint8).max(initial=0) > 1:
        raise ValueError("an array of truth values holds something else")
    if flat.dtype.kind == "U" and flat.size and flat.dtype.itemsize:
        codes = flat.view(np.uint32)
        if codes.max(initial=0) > _HIGHEST_CHARACTER:
            raise ValueError("an array of texts holds something else")
