"""The op vocabulary: columns, the two sides of a profile, and op families.

A column of an op vector is ``Device_<type>`` or ``Host_<type>``, the form
PROFET's public vectors use. ``Device_IDLE`` and ``Host_IDLE`` are time in
which that side did nothing; they are columns, but no work.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

__all__ = [
    "DEVICE",
    "DEVICE_IDLE",
    "FAMILIES",
    "HOST",
    "HOST_IDLE",
    "busy_columns",
    "column",
    "device_columns",
    "family",
    "is_op_column",
    "nature",
    "vocabulary",
]

DEVICE = "Device_"
HOST = "Host_"
DEVICE_IDLE = "Device_IDLE"
HOST_IDLE = "Host_IDLE"


def column(side: str, op: str) -> str:
    """Column name of an operation: ``column("Device", "Relu")`` is ``Device_Relu``."""
    return f"{side.capitalize()}_{op}"


def is_op_column(name: str) -> bool:
    """Whether a column of a table is an operation's time."""
    return name.startswith((DEVICE, HOST))


def device_columns(names: Sequence[str]) -> list[str]:
    """Columns of the device side, idle included, in the order given."""
    return [n for n in names if n.startswith(DEVICE)]


def busy_columns(names: Sequence[str]) -> list[str]:
    """Columns in which the device works: device side without idle."""
    return [n for n in names if n.startswith(DEVICE) and n != DEVICE_IDLE]


@lru_cache(maxsize=1)
def _family_of() -> Mapping[str, str]:
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    families = tomllib.loads(text)["families"]
    return {op: name for name, ops in families.items() for op in ops}


#: names of all op families a device column can belong to
FAMILIES: tuple[str, ...] = (
    "conv",
    "depthwise",
    "serial",
    "matmul",
    "rnn",
    "norm",
    "pool",
    "reduce",
    "update",
    "copy",
    "transfer",
    "loss",
    "random",
    "elementwise",
    "other",
)


def vocabulary() -> tuple[str, ...]:
    """Device columns of every operation that has a family, sorted."""
    return tuple(sorted(DEVICE + op for op in _family_of()))


def family(name: str) -> str:
    """Family of a column: one of :data:`FAMILIES`, ``"host"`` or ``"idle"``."""
    if name in (DEVICE_IDLE, HOST_IDLE):
        return "idle"
    if name.startswith(HOST):
        return "host"
    return _family_of().get(name.removeprefix(DEVICE), "other")


#: what limits a family, where it is not memory
_NATURES = {
    "conv": "compute",
    "matmul": "compute",
    "rnn": "compute",
    "serial": "serial",
    "transfer": "transfer",
    "host": "host",
    "idle": "idle",
}


def nature(name: str) -> str:
    """What limits a column.

    ``"compute"``, ``"memory"``, ``"serial"`` (one thing after the other, so the
    clock), ``"transfer"`` (the link to the host), ``"host"`` or ``"idle"``.
    """
    return _NATURES.get(family(name), "memory")
