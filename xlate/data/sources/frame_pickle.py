"""Old pandas pickles, read without trusting them.

This is the only module that imports :mod:`pickle`. The unpickler resolves only
the constructors that a DataFrame of numbers and strings needs; any other name in
the file raises an error before it is looked up.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from xlate.errors import CorpusError
from xlate.files import read_bytes

__all__ = ["read_frame"]

#: module of numpy's constructors; pickles may name either of the two
_CORE = "numpy._core" if int(np.__version__.partition(".")[0]) >= 2 else "numpy.core"
_CORES = ("numpy.core", "numpy._core")

#: global in the file -> (module, name) that exists in today's pandas and numpy
_ALLOWED: dict[tuple[str, str], tuple[str, str]] = {
    ("builtins", "slice"): ("builtins", "slice"),
    ("__builtin__", "slice"): ("builtins", "slice"),
    ("_codecs", "encode"): ("_codecs", "encode"),
    ("numpy", "dtype"): ("numpy", "dtype"),
    ("numpy", "ndarray"): ("numpy", "ndarray"),
    ("pandas._libs.internals", "_unpickle_block"): (
        "pandas._libs.internals",
        "_unpickle_block",
    ),
    ("pandas.core.indexes.base", "_new_Index"): (
        "pandas.core.indexes.base",
        "_new_Index",
    ),
    ("pandas.core.internals.managers", "BlockManager"): (
        "pandas.core.internals.managers",
        "BlockManager",
    ),
}
for _core in _CORES:
    for _place, _name in (
        ("multiarray", "_reconstruct"),
        ("multiarray", "scalar"),
        ("numeric", "_frombuffer"),
    ):
        _ALLOWED[f"{_core}.{_place}", _name] = (f"{_CORE}.{_place}", _name)
for _module, _name, _now in (
    ("pandas", "DataFrame", "DataFrame"),
    ("pandas", "Index", "Index"),
    ("pandas", "RangeIndex", "RangeIndex"),
    ("pandas.core.frame", "DataFrame", "DataFrame"),
    ("pandas.core.indexes.base", "Index", "Index"),
    ("pandas.core.indexes.numeric", "Int64Index", "Index"),
    ("pandas.core.indexes.range", "RangeIndex", "RangeIndex"),
):
    _ALLOWED[_module, _name] = ("pandas", _now)


#: PROFET's largest holds 30 MB
_MOST_BYTES = 512 * 1024 * 1024


class _FrameUnpickler(pickle.Unpickler):
    """Resolves the names in ``_ALLOWED`` and nothing else."""

    def __init__(self, data: bytes, path: Path) -> None:
        super().__init__(io.BytesIO(data))
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        """Resolve one global of the pickle.

        Raises
        ------
        CorpusError
            If it is not on the allow-list.
        """
        place = _ALLOWED.get((module, name))
        if place is None:
            raise CorpusError(
                f"{self._path} asks for {module}.{name}, which a table of numbers "
                "does not need; it was not loaded",
                "fetch the file from its origin again",
                code="corpus.damaged",
            )
        return super().find_class(*place)


def read_frame(path: Path) -> pl.DataFrame:
    """Read a pickled pandas DataFrame.

    Raises
    ------
    CorpusError
        If the file is missing, truncated, not a pickle, needs a name outside
        the allow-list, or does not hold a DataFrame.
    """
    import pandas as pd

    try:
        data = read_bytes(path, _MOST_BYTES)
    except OSError as e:
        raise CorpusError(
            f"{path} cannot be read: {e.strerror or e}",
            "name the folder that holds the corpus as it was downloaded",
            code="corpus.damaged",
        ) from e
    try:
        frame = _FrameUnpickler(data, path).load()
    except CorpusError:
        raise
    # a damaged pickle can raise anything at all from inside a constructor
    except Exception as e:
        raise CorpusError(
            f"{path} is a damaged pickle: {type(e).__name__}: {e}",
            "fetch the file from its origin again",
            code="corpus.damaged",
        ) from e
    if not isinstance(frame, pd.DataFrame):
        raise CorpusError(
            f"{path} holds an object of type {type(frame).__name__}, not a DataFrame",
            "fetch the file from its origin again",
            code="corpus.damaged",
        )
    return pl.DataFrame({str(c): frame[c].to_numpy().tolist() for c in frame.columns})
