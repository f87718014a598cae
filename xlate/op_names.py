"""The op vocabulary: columns, the two sides of a profile, and op families.

A column of an op vector is ``Device_<type>`` or ``Host_<type>``, the form
PROFET's public vectors use; a type is TensorFlow's, an aten operation's or a
kernel's name. ``Device_IDLE`` and ``Host_IDLE`` are time in
which that side did nothing; they are columns, but no work.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = [
    "ATEN",
    "DEVICE",
    "DEVICE_IDLE",
    "FAMILIES",
    "HOST",
    "HOST_IDLE",
    "busy_columns",
    "column",
    "device_columns",
    "family",
    "is_busy",
    "is_op_column",
    "nature",
    "nature_of",
    "vocabulary",
]

DEVICE = "Device_"
HOST = "Host_"
#: before the name of a PyTorch operation
ATEN = "aten::"
DEVICE_IDLE = "Device_IDLE"
HOST_IDLE = "Host_IDLE"
_ENDINGS = ("_", "_out", "_backward", "_backward_data", "_forward", "_double_backward")


def column(side: str, op: str) -> str:
    """Column name of an operation: ``column("Device", "Relu")`` is ``Device_Relu``."""
    return f"{side.capitalize()}_{op}"


@lru_cache(maxsize=65536)
def is_op_column(name: str) -> bool:
    """Whether a column of a table is an operation's time."""
    return name.startswith((DEVICE, HOST)) and name not in (DEVICE, HOST)


def is_busy(name: str) -> bool:
    """Whether a column is work of the device: on its side, and not idle."""
    return name.startswith(DEVICE) and name != DEVICE_IDLE


def device_columns(names: Sequence[str]) -> list[str]:
    """Columns of the device side, idle included, in the order given."""
    return [n for n in names if n.startswith(DEVICE)]


def busy_columns(names: Sequence[str]) -> list[str]:
    """Columns in which the device works: device side without idle."""
    return [n for n in names if n.startswith(DEVICE) and n != DEVICE_IDLE]


@lru_cache(maxsize=1)
def _words() -> Mapping[str, Any]:
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))


@lru_cache(maxsize=2)
def _family_of(section: str) -> Mapping[str, str]:
    return {op: name for name, ops in _words()[section].items() for op in ops}


@lru_cache(maxsize=1)
def _kernels() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(k["pattern"]), k["family"]) for k in _words()["kernels"])


#: names of all op families a device column can belong to
FAMILIES: tuple[str, ...] = (
    "conv",
    "depthwise",
    "serial",
    "matmul",
    "attention",
    "rnn",
    "norm",
    "pool",
    "reduce",
    "update",
    "copy",
    "embedding",
    "transfer",
    "communication",
    "loss",
    "random",
    "elementwise",
    "other",
)


def vocabulary(names: Sequence[str] = ()) -> tuple[str, ...]:
    """Device columns of every operation that has a family, sorted.

    TensorFlow's always, PyTorch's where one of ``names`` is PyTorch's.
    """
    columns = [DEVICE + op for op in _family_of("families")]
    if any(n.startswith(DEVICE + ATEN) for n in names):
        aten = [DEVICE + ATEN + op for op in _family_of("aten")]
        columns += [*aten, *(f"{c}_backward" for c in aten)]
    return tuple(sorted(columns))


@lru_cache(maxsize=65536)
def family(name: str) -> str:
    """Family of a column: one of :data:`FAMILIES`, ``"host"`` or ``"idle"``.

    A device column names a TensorFlow op type, an aten operation
    (``Device_aten::addmm``), a kernel or a copy; ``"other"`` where its family is not
    known.
    """
    if name in (DEVICE_IDLE, HOST_IDLE):
        return "idle"
    if name.startswith(HOST):
        return "host"
    op = name.removeprefix(DEVICE)
    if op in FAMILIES:
        return op  # the column is the sum of a family
    if op in _family_of("families"):
        return _family_of("families")[op]
    if op.startswith(ATEN):
        return _family_of("aten").get(_stem(op.removeprefix(ATEN)), "other")
    small = op.lower()
    return next((f for pattern, f in _kernels() if pattern.search(small)), "other")


def _stem(op: str) -> str:
    """An aten operation without the endings for in-place, output and backward variants."""
    families = _family_of("aten")
    for ending in ("", *_ENDINGS):
        short = op.removesuffix(ending)
        if short in families:
            return short
    # convolution_backward_overrideable, native_layer_norm_backward_out …
    first = op.partition("_backward")[0].rstrip("_")
    return first if first in families else op


def nature(name: str) -> str:
    """What limits a column.

    ``"compute"``, ``"memory"``, ``"serial"`` (one thing after the other, so the
    clock), ``"transfer"`` (the link to the host), ``"communication"`` (the links
    between GPUs), ``"host"`` or ``"idle"``.
    """
    return nature_of(family(name))


def nature_of(family_name: str) -> str:
    """What limits a family, in the words of :func:`nature`."""
    limit: str = _words()["natures"].get(family_name, "memory")
    return limit
