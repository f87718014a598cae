"""Rows as HTML for a notebook: small, without script, every text escaped."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from xlate.values.tabular.table import Cell

__all__ = ["html_table"]

#: rows that are shown
_SHOWN_ROWS = 12
_PLAIN = "text-align:left;padding:0 .8em 0 0"
_NUMBER = "text-align:right;padding:0 .8em 0 0"


def html_table(records: Sequence[Mapping[str, Cell]]) -> str:
    """Rows as an HTML table, escaped; columns without a value are left out.

    Parameters
    ----------
    records : sequence of mapping of str to value
        Rows with the same columns; the first twelve are shown.

    Examples
    --------
    >>> html_table([{"file": "<b>.csv", "ratio": 0.25}])[-45:]
    '&lt;b&gt;.csv</td><td style="text-align:right...
    """
    columns = [
        c
        for c in (records[0] if records else ())
        if any(r[c] is not None for r in records)
    ]
    if not columns:
        return ""
    style = {
        c: _NUMBER if all(_is_number(r[c]) for r in records) else _PLAIN
        for c in columns
    }
    head = "".join(f'<th style="{style[c]}">{html.escape(c)}</th>' for c in columns)
    body = "".join(
        "<tr>"
        + "".join(f'<td style="{style[c]}">{_text(r[c])}</td>' for c in columns)
        + "</tr>"
        for r in records[:_SHOWN_ROWS]
    )
    left = len(records) - _SHOWN_ROWS
    more = f"<p>and {left} more rows: to_polars() has all</p>" if left > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _is_number(value: Cell) -> bool:
    return value is None or (
        isinstance(value, int | float) and not isinstance(value, bool)
    )


def _text(value: Cell) -> str:
    """A cell: four digits of a number, – where there is no value."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e5 else f"{value:.0f}"
    return html.escape(str(value))
