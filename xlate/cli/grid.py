"""Tables on a terminal: what fits stays whole, and what does not is folded or cut."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Sequence

from xlate.cli import streams
from xlate.report.escapes import escaped

__all__ = ["table"]

#: a column of names that is no wider is not folded
_NAME_WIDTH = 34
#: fewest characters that a name keeps when it is cut
_LEAST_NAME = 12


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]],
    names: int | None = None,
) -> None:  # fmt: skip
    """A table on stdout; columns whose cells are numbers stand right.

    Parameters
    ----------
    title : str
    columns : sequence of str
    rows : iterable of sequences
        Cells; None is shown as a dash.
    names : int, optional
        Column of names (files, operations) that are cut in the middle, rather than
        folded, where the terminal has no room for them.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    body = [["–" if c is None else escaped(str(c)) for c in row] for row in rows]
    if title:
        # a title may stand off from what is above it
        bare = title.lstrip("\n")
        width = shutil.get_terminal_size().columns
        streams.write("\n" * (len(title) - len(bare)))
        streams.write(
            textwrap.fill(escaped(bare), width, break_on_hyphens=False) + "\n"
        )
    if names is not None:
        _cut_names(body, columns, names)
    # two spaces between columns, so that nine fit into 80
    grid = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    widths = _widths(columns, body)
    for i, name in enumerate(columns):
        cells = [row[i] for row in body]
        number = bool(cells) and all(
            c[:1].isdigit() or c[:1] in "-–" or not c for c in cells
        )
        # the first column names the row, and is short enough to stay whole
        whole = i == 0 and max(map(len, cells), default=0) <= _NAME_WIDTH
        grid.add_column(
            Text(escaped(name)),
            justify="right" if number else "left",
            overflow="fold",
            no_wrap=whole,
            width=widths[i],
        )
    for row in body:
        pairs = zip(row, widths, strict=True)
        grid.add_row(*(Text("\n".join(_wrapped(c, w)) if w else c) for c, w in pairs))
    console = Console(highlight=False)
    try:
        with console.capture() as printed:
            console.print(grid)
    except BrokenPipeError:
        raise
    except OSError as e:
        # it touches the stream even then
        raise streams.unwritable(e) from e
    streams.write(printed.get())


def _wrapped(cell: str, width: int) -> list[str]:
    """Lines of a cell, broken at blanks and hyphens; a date, or a GPU's name, at neither."""
    return textwrap.wrap(cell, width, break_long_words=False) or [""]


def _room(columns: Sequence[str]) -> int:
    """Characters that a line has for cells: a space at each edge, two between columns."""
    return shutil.get_terminal_size().columns - 2 * len(columns)


def _widths(columns: Sequence[str], body: Sequence[Sequence[str]]) -> list[int | None]:
    """Widths at which no word is broken, where the terminal has room for that.

    None leaves a column to rich, which narrows the widest ones first, between letters
    too.
    """
    texts = [[name, *(row[i] for row in body)] for i, name in enumerate(columns)]
    whole = [max(map(len, t)) for t in texts]
    least = [max(len(w) for c in t for w in _wrapped(c, 1)) for t in texts]
    # names of rows are not folded; heads are
    if whole and max(map(len, texts[0][1:]), default=0) <= _NAME_WIDTH:
        least[0] = max(least[0], *map(len, texts[0][1:]), 1)
    spare = _room(columns) - sum(least)
    if spare < 0 or sum(whole) <= _room(columns):
        return [None] * len(columns)
    widths = []
    for most, fewest in zip(whole, least, strict=True):
        widths.append(fewest + min(most - fewest, spare))
        spare -= widths[-1] - fewest
    return list(widths)


def _cut_names(body: list[list[str]], columns: Sequence[str], at: int) -> None:
    """Shorten a column's cells to what the others leave, where they stay different."""
    if not body:
        return
    widths = [
        max(len(c), *(len(row[i]) for row in body)) for i, c in enumerate(columns)
    ]
    room = _room(columns) - sum(widths) + widths[at]
    cut = [_cut(row[at], room) for row in body]
    if room >= _LEAST_NAME and len(set(cut)) == len({row[at] for row in body}):
        for row, cell in zip(body, cut, strict=True):
            row[at] = cell


def _cut(name: str, room: int) -> str:
    """The beginning and the end of a name that is longer than the room."""
    if len(name) <= room:
        return name
    end = (room - 1) // 2
    return f"{name[: room - 1 - end]}…{name[len(name) - end :]}"
