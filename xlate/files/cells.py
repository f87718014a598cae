"""Text in a csv cell that a spreadsheet would calculate: how it is quoted and read.

A text that begins like a formula gets one quote before it, which spreadsheets interpret
as "this is text". A text that already has quotes before a formula gets one more, so that
reading removes exactly the quote that writing added.
"""

from __future__ import annotations

import re

__all__ = ["quoted", "unquoted"]

#: characters that begin a formula in a spreadsheet, with their wide forms
_FORMULA = "=+-@＝＋－＠"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def quoted(text: str) -> str:
    """A text as it is written into a cell.

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
