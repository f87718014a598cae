"""The profile formats, and which of them are possible for a file's first bytes.

A reader is a module with ``sniff(head)`` and ``read(source)``. It is loaded only for a
file in its container (a database, JSON, text, …), because loading all readers takes
longer than translating a profile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from types import ModuleType

__all__ = ["FORMATS", "Container", "Format", "candidates", "containers_of"]


class Container(Enum):
    """The kind of file that a format is written in."""

    PARQUET = "parquet"
    SQLITE = "sqlite"
    JSON = "json"
    PROTOBUF = "protobuf"
    TEXT = "text"


@dataclass(frozen=True)
class Format:
    """One profile format.

    Attributes
    ----------
    name : str
        As ``--format`` takes it.
    module : str
        Full name of its reader.
    container : Container
        The kind of file it is written in.
    user_states_precision : bool
        Whether a person writes the precision into the file; in other formats it is
        read from the kernels.
    may_be_utf_16 : bool
        Whether it is text that a program prints, which a shell of Windows writes in
        UTF-16.
    """

    name: str
    module: str
    container: Container
    user_states_precision: bool = False
    may_be_utf_16: bool = False

    @property
    def reader(self) -> ModuleType:
        """The module of its reader, loaded when it is first used."""
        return import_module(self.module)


def _formats() -> Iterator[Format]:
    """In the order in which they are tried: the most specific first."""
    for name, module, container in (
        ("parquet", "tables.parquet", Container.PARQUET),
        ("tensorflow_stats", "tensorflow.tensorflow_stats", Container.TEXT),
        ("rocprof_csv", "rocm.rocprof_csv", Container.TEXT),
        ("rocprof_json", "rocm.rocprof_json", Container.JSON),
        ("tensorflow_stats_pb", "tensorflow.tensorflow_stats_pb", Container.PROTOBUF),
        ("tensorflow_timeline", "tensorflow.tensorflow_timeline", Container.JSON),
        ("onnx_profile", "onnx_profile", Container.JSON),
        ("tensorrt_profile", "tensorrt_profile", Container.JSON),
        ("tensorflow_trace", "tensorflow.tensorflow_trace", Container.JSON),
        ("xplane", "tensorflow.xplane", Container.PROTOBUF),
        ("kineto", "pytorch.kineto", Container.JSON),
        ("key_averages", "pytorch.key_averages", Container.TEXT),
        ("rocpd", "rocm.rocpd", Container.SQLITE),
        ("nsys_sqlite", "nsight.nsys_sqlite", Container.SQLITE),
        ("nsys_csv", "nsight.nsys_csv", Container.TEXT),
        ("csv", "tables.csv_table", Container.TEXT),
        ("json", "json_profile", Container.JSON),
    ):
        yield Format(
            name,
            f"xlate.readers.{module}",
            container,
            user_states_precision=name in ("parquet", "csv", "json"),
            may_be_utf_16=container is Container.TEXT or name == "json",
        )


#: by name, in the order of recognition
FORMATS: dict[str, Format] = {f.name: f for f in _formats()}

#: bytes that do not occur in text, and occur in the first fields of a protocol buffer
_CONTROL = frozenset(range(32)) - frozenset(b"\t\n\v\f\r\x1b")


def containers_of(head: bytes) -> frozenset[Container]:
    """Possible containers of a file with these first bytes: one, or two where unclear.

    Examples
    --------
    >>> [c.value for c in containers_of(b'{"traceEvents": [')]
    ['json']
    """
    if head[:4] == b"PAR1":
        return frozenset({Container.PARQUET})
    if head.startswith(b"SQLite format 3\x00"):
        return frozenset({Container.SQLITE})
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] == b"{" or (start[:1] == b"[" and start[1:].lstrip()[:1] in b"{]"):
        return frozenset({Container.JSON})
    if start[:1] == b"[":  # a list, or a line of a log before a printed table
        return frozenset({Container.JSON, Container.TEXT})
    if _CONTROL & frozenset(head[:256]):
        return frozenset({Container.PROTOBUF, Container.TEXT})
    return frozenset({Container.TEXT})


def candidates(head: bytes) -> Iterator[Format]:
    """Possible formats of a file with these first bytes, in the order they are tried."""
    containers = containers_of(head)
    return (f for f in FORMATS.values() if f.container in containers)
