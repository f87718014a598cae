"""The operation that a kernel of TensorFlow or JAX is counted under.

TensorFlow writes the operation as ``scope/conv/Conv2D:Conv2D`` into ``tf_op`` or, in
older versions, ``annotation``. JAX writes the instruction that XLA made
(``loop_add_fusion.3``) into ``hlo_op`` and its origin
(``jit(step)/dot_general:``) into ``tf_op`` or ``name``.
"""

from __future__ import annotations

import re
from typing import Any

from xlate import op_names
from xlate.readers.tensorflow.gpu_trace import Operation, is_training
from xlate.readers.traces.attribution import clean_kernel

__all__ = ["is_jax", "operation_of"]

#: programs that jax.jit, pjit and pmap compile
_JAX_PROGRAM = re.compile(r"(?:jit|pjit|pmap|xmap|shard_map)[_(]")
#: events that only JAX has on the host
_JAX_HOST = re.compile(
    r"PjitFunction\(|\$?pjit\.py:|CommonPjRt|\$profiler\.py:\d+ start_trace"
)
#: "jit_train_step", "a_inference_train_function_12__XlaMustCompile"
_TRAIN_PROGRAM = re.compile(r"(?:^|_)train(?:ing)?(?:_|$)")
_COUNTER = re.compile(r"(?:[._]\d+)+$")


def operation_of(
    kernel: str,
    *,
    operation: Any = None,
    annotation: Any = None,
    instruction: Any = None,
    program: Any = None,
    origin: Any = None,
) -> Operation:
    """The operation that a kernel is counted under.

    Parameters
    ----------
    kernel : str
        Name of the kernel or the copy.
    operation, annotation : optional
        ``tf_op`` and ``annotation``.
    instruction, program : optional
        ``hlo_op`` and ``hlo_module``.
    origin : optional
        ``name``, in newer versions of JAX.

    Examples
    --------
    >>> from xlate.readers.tensorflow.operation_names import operation_of
    >>> operation_of("volta_sgemm_128x64_nn", operation="dense/MatMul:MatMul").name
    'MatMul'
    >>> operation_of("fusion_7", instruction="fusion.7", operation="jit(f)/tanh:").name
    'tanh'
    """
    texts = [t for t in (operation, annotation, origin) if isinstance(t, str)]
    module = program if isinstance(program, str) else ""
    training = is_training([kernel, *texts]) or bool(_TRAIN_PROGRAM.search(module))
    for text in texts:
        # in an annotation "#id=1,step=2#" follows
        _, colon, kind = text.partition("#")[0].rpartition(":")
        if colon and kind.isidentifier():
            return Operation(kind, kernel, module, training)
    own = clean_kernel(kernel)
    if not isinstance(instruction, str) or not instruction:
        return Operation(own, kernel, module, training)
    short = _COUNTER.sub("", instruction.rpartition("/")[2].lstrip("%")) or instruction
    names = [short, _COUNTER.sub("", own) or own, *map(_primitive, texts)]
    for name in names:
        if name and op_names.family(op_names.column("device", name)) != "other":
            return Operation(name, kernel, module, training)
    return Operation(short, kernel, module, training)


def _primitive(path: str) -> str:
    """The last part of an instruction's origin: ``jit(f)/jit(main)/add`` → add."""
    last = path.rstrip(":").rpartition("/")[2]
    return last.partition("[")[0]


def is_jax(program: str = "", host: str = "") -> bool:
    """Whether a compiled program or an event of the host is JAX's.

    Examples
    --------
    >>> from xlate.readers.tensorflow.operation_names import is_jax
    >>> is_jax("jit_train_step"), is_jax("a_inference_train_step_12__XlaMustCompile")
    (True, False)
    """
    return bool(_JAX_PROGRAM.match(program) or _JAX_HOST.match(host))
