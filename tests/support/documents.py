"""The type of a JSON document that a test reads or makes, and that of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

__all__ = ["Json", "document_of"]

#: an object of JSON: its values are of every kind, which only its reader can say
Json = dict[str, Any]


class _Answer(Protocol):
    def to_json(self) -> Mapping[str, object]: ...


def document_of(answer: _Answer) -> Json:
    """What ``--json`` prints of an answer, as a document whose values can be looked into."""
    return dict(answer.to_json())
