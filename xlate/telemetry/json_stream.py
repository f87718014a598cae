"""JSON documents one after another, as a tool in a loop writes them."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["documents"]


#: after this number of places that hold no document, the rest is not searched
_MOST_BROKEN = 1000


def documents(text: str) -> tuple[list[Any], int]:
    r"""Every complete document of a text, and the number of incomplete ones.

    Text between them (warnings, commas) is skipped. A document that breaks off counts
    once; complete documents inside it are read where they begin a line.

    Examples
    --------
    >>> from xlate.telemetry.json_stream import documents
    >>> documents('WARNING: x\n{"a": 1}\n{"a": 2}\n{"a":')
    ([{'a': 1}, {'a': 2}], 1)
    """
    decoder = json.JSONDecoder()
    parsed: list[Any] = []
    at, broken = 0, 0
    while broken < _MOST_BROKEN:
        start = _next(text, ("{", "["), at)
        if start is None:
            break
        try:
            document, at = decoder.raw_decode(text, start)
        except (json.JSONDecodeError, RecursionError):
            # a bracket may only open a word of a warning: [AMD]
            broken += not text[start + 1 : start + 2].isalpha()
            # go on where a line begins a document, not inside this one
            line = _next(text, ("\n{", "\n["), start + 1)
            if line is None:
                break
            at = line + 1
            continue
        parsed.append(document)
    return parsed, broken


def _next(text: str, marks: tuple[str, ...], at: int) -> int | None:
    places = [i for m in marks if (i := text.find(m, at)) >= 0]
    return min(places, default=None)
