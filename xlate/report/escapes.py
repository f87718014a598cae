"""Text from outside, made safe to print: names in files, file names, corpora, options.

A name can hold control characters of a terminal, characters that reverse the rest of a
line, or a formula of a spreadsheet. Everything printed is escaped by this module.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = [
    "cell",
    "csv_line",
    "error_text",
    "escaped",
    "json_escaped",
    "message",
    "plot_text",
]

#: control, format (bidi overrides are among them), half a character, and what ends a
#: line or a paragraph
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
#: a break that lays out a message of ours, as against one in a name: the next line is
#: indented, and does not pass for a line of another kind
_LAYOUT = re.compile(r"\n(?=  )(?!\s*(?:try|error|note|warning)\s*:)", re.IGNORECASE)


def _code(character: str) -> str:
    if character in "\n\r\t":
        return {"\n": r"\n", "\r": r"\r", "\t": r"\t"}[character]
    point = ord(character)
    # a byte of a file name that is not UTF-8
    if 0xDC80 <= point <= 0xDCFF:
        return f"\\x{point - 0xDC00:02x}"
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def escaped(text: str) -> str:
    r"""A text on one line, with a terminal's control characters written out.

    Examples
    --------
    >>> escaped("conv\x1b[31m\nrelu")
    'conv\\x1b[31m\\nrelu'
    """
    # nearly every text, and quick to see
    if text.isprintable():
        return text
    return "".join(_code(c) if _unsafe(c) else c for c in text)


def _unsafe(character: str) -> bool:
    from unicodedata import category

    return category(character) in _UNSAFE


def message(text: str) -> str:
    """A message of xlate that may hold names: its indented lines stay separate lines."""
    return "\n".join(escaped(part) for part in _LAYOUT.split(text))


def error_text(what: str, hint: str | None) -> str:
    """An error in words, with what to try on a separate line."""
    text = f"error: {message(what)}"
    return text if hint is None else f"{text}\n  try: {message(hint)}"


def json_escaped(document: str) -> str:
    r"""A JSON document whose strings hold no control character of a terminal.

    The document means the same: every such character becomes ``\\uXXXX``. Line breaks
    between the values stay.
    """
    if document.replace("\n", "").isprintable():
        return document
    pieces = []
    for c in document:
        if c == "\n" or not _unsafe(c):
            pieces.append(c)
        elif ord(c) < 0x10000:
            pieces.append(f"\\u{ord(c):04x}")
        else:
            high, low = divmod(ord(c) - 0x10000, 0x400)
            pieces.append(f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}")
    return "".join(pieces)


def cell(value: object) -> object:
    """A cell of a csv file: a text that a spreadsheet would calculate gets a quote.

    Numbers stay numbers, negative ones too; None is an empty cell.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, int | float):
        return value
    from xlate.files.cells import quoted

    return quoted(escaped(str(value)))


def csv_line(values: Iterable[object]) -> list[object]:
    """Cells of one row, see :func:`cell`."""
    return [cell(v) for v in values]


def plot_text(text: str) -> str:
    """A text for a picture: not read as a formula, and shown in a legend."""
    plain = escaped(text).replace("$", r"\$")
    # matplotlib leaves labels with a leading underscore out of a legend
    return f" {plain}" if plain.startswith("_") else plain
