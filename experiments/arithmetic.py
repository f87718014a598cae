"""The same last digits on every x86-64 machine with AVX2: arithmetic pinned by environment.

numpy and OpenBLAS choose their kernels by the CPU they find, and kernels round
differently: a fit on a machine with AVX-512 splits some trees elsewhere than the
same fit on one without. :data:`PINNED` makes both take the kernels that every
machine of the last ten years has, on one thread, since the order of a sum depends
on the number of threads. The variables are read when the libraries are loaded, so
a program that is to be repeatable is started again with them (:func:`pinned`).

:func:`fingerprint` says whether a machine computes as another did: two machines
with one fingerprint give the same bytes for the same fit.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence

__all__ = ["PINNED", "fingerprint", "pinned", "run_pinned"]

#: environment under which what ships is fitted
PINNED = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}


def pinned() -> bool:
    """Whether this process was started with the arithmetic pinned."""
    return all(os.environ.get(k) == v for k, v in PINNED.items())


def run_pinned(module: str, arguments: Sequence[str] = ()) -> None:
    """Replace this process by ``python -m module arguments`` with the arithmetic pinned."""
    command = [sys.executable, "-m", module, *arguments]
    os.execve(sys.executable, command, {**os.environ, **PINNED})


def fingerprint() -> str:
    """Digest of the last digits that this process computes.

    Products, factorisations, transcendental functions and sums of numbers that
    are the same everywhere (no generator's, whose own code might change), and
    the trees that scikit-learn grows on them.
    """
    import numpy as np
    from scipy import linalg
    from sklearn.ensemble import ExtraTreesRegressor
    from sklearn.linear_model import Ridge

    k = np.arange(1.0, 200 * 37 + 1)
    x = (k * 0.6180339887498949 % 1.0).reshape(200, 37) + 0.01
    y = np.log(x @ np.sqrt(np.arange(1.0, 38.0)))
    forest = ExtraTreesRegressor(20, random_state=0, n_jobs=1).fit(np.log(x), y)
    computed = [
        x.T @ x,
        linalg.svd(x, compute_uv=False),
        linalg.cho_factor(x.T @ x)[0],
        np.linalg.lstsq(x, y, rcond=None)[0],
        np.exp(x) + np.log1p(x) + np.tanh(x) + x**1.7,
        x.sum(axis=0) + x.std(axis=0),
        Ridge(0.1).fit(x, y).coef_,
        forest.predict(np.log(x)),
    ]
    digest = hashlib.sha256()
    for array in computed:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
