"""Text in a csv cell that a spreadsheet would calculate: quoted here, and read back.

A text that begins like a formula gets one quote before it, which spreadsheets take for
"this is text". So does a text that is one of these with quotes before it already, so that
reading takes away exactly what writing added.
"""

from __future__ import annotations

import re

__all__ = ["quoted", "unquoted"]

#: what a spreadsheet takes for the beginning of a formula, wide forms included
_FORMULA = "=+-@＝＋－＠"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def quoted(text: str) -> str:
    """A text as it stands in a cell.

    Examples
    --------
    >>> from xlate.files.cells import quoted
    >>> quoted("=1+1"), quoted("-3.5"), quoted("it's")
    ("'=1+1", '-3.5', "it's")
    """
    return f"'{text}" if _is_formula(text.lstrip("'")) else text


def unquoted(cell: str) -> str:
    """The text of a cell: without the quote where :func:`quoted` would have added it."""
    if cell[:1] == "'" and _is_formula(cell.lstrip("'")):
        return cell[1:]
    return cell


def _is_formula(text: str) -> bool:
    return text.lstrip()[:1] in tuple(_FORMULA) and not _NUMBER.fullmatch(text)
