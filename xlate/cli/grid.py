"""Tables on a terminal: cells stay whole or are folded between words, never inside one.

Where the terminal is too narrow even for the longest words beside each other, each row
is printed as a separate block: one line for each column, with its header before it.
A table of facts, of two columns, stays one: its paths are folded between their parts.
"""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterable, Sequence

from xlate.cli import streams
from xlate.report.escapes import escaped

__all__ = ["table"]

#: a first column that is no wider is not folded, it names the rows; nor are numbers
_NAME_WIDTH = 34
_NUMBER_WIDTH = 16
#: fewest characters that a name keeps when it is cut
_LEAST_NAME = 12
#: words joined by hyphens, which a line may end after; names with digits, points or
#: underscores in them (a date, "us-east-1", "H100-SXM5-80GB") are not that
_HYPHENED = re.compile(r"[^\w]*[^\W\d_]+(?:-[^\W\d_]+)+[^\w]*")
#: signs that join the parts of a path or of a file's name; a date is one part
_JOINT = re.compile(r"(?<=[/_@+=,:;\\])(?=[^ ])|(?<=[^ \d]-)(?=[^ ])|(?<=-)(?=[^ \d])")


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    names: int | None = None,
) -> None:
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
    body = [["–" if c is None else escaped(str(c)) for c in row] for row in rows]
    heads = [escaped(name) for name in columns]
    if title:
        # a title may stand off from what is above it
        bare = title.lstrip("\n")
        width = shutil.get_terminal_size().columns
        streams.write("\n" * (len(title) - len(bare)))
        streams.write(
            textwrap.fill(escaped(bare), width, break_on_hyphens=False) + "\n"
        )
    if names is not None:
        _cut_names(body, heads, names)
    for in_parts in (False, True) if len(heads) == 2 else (False,):
        widths = _widths(heads, body, in_parts)
        if widths is not None:
            _print_grid(heads, body, widths, in_parts)
            return
    _print_blocks(heads, body)


def _print_grid(
    heads: Sequence[str],
    body: Sequence[Sequence[str]],
    widths: Sequence[int],
    in_parts: bool,
) -> None:
    """The rows below each other, a column for each header."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # two spaces between columns, so that nine fit into 80
    grid = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for i, (name, width) in enumerate(zip(heads, widths, strict=True)):
        grid.add_column(
            Text("\n".join(_folded(name, width, in_parts))),
            justify="right" if _numbers([row[i] for row in body]) else "left",
            no_wrap=True,
            width=width,
        )
    for row in body:
        cells = zip(row, widths, strict=True)
        grid.add_row(*(Text("\n".join(_folded(c, w, in_parts))) for c, w in cells))
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


def _print_blocks(heads: Sequence[str], body: Sequence[Sequence[str]]) -> None:
    """Each row as a block: a line for each column, and an empty one after it."""
    label = max(map(_cells, heads), default=0)
    room = max(shutil.get_terminal_size().columns - label - 3, 1)
    lines = [""]
    for row in body:
        for head, cell in zip(heads, row, strict=True):
            if not cell:
                continue
            first, *rest = _folded(cell, room)
            lines.append(f" {head}{' ' * (label - _cells(head))}  {first}")
            lines += [f" {' ' * label}  {line}" for line in rest]
        lines.append("")
    streams.write("\n".join(lines) + "\n")


def _cells(text: str) -> int:
    """Places that a text takes on a terminal; some letters take two, or none."""
    from rich.cells import cell_len

    return cell_len(text)


def _pieces(cell: str, in_parts: bool) -> list[str]:
    """What stands on one line whatever the width: words, or the parts of their names."""
    words = re.split(r"(?<= )(?=[^ ])", cell)
    if in_parts:
        return [part for word in words for part in _JOINT.split(word)]
    return [
        part
        for word in words
        for part in (
            re.split(r"(?<=-)(?=\w)", word) if _HYPHENED.fullmatch(word) else [word]
        )
    ]


def _folded(cell: str, width: int, in_parts: bool = False) -> list[str]:
    """Lines of a cell; a piece stays whole, even where it is wider."""
    lines = [""]
    for piece in _pieces(cell, in_parts):
        joined = lines[-1] + piece
        if lines[-1] and _cells(joined.rstrip()) > width:
            lines.append(piece)
        else:
            lines[-1] = joined
    return [line.rstrip() for line in lines]


def _numbers(cells: Sequence[str]) -> bool:
    """Whether each cell of a column is a number, a range of numbers, or unknown."""
    return bool(cells) and all(c[:1].isdigit() or c[:1] in "-–" or not c for c in cells)


def _widest(lines: Iterable[str]) -> int:
    return max(map(_cells, lines), default=0)


def _room(columns: Sequence[str]) -> int:
    """Characters that a line has for cells: a space at each edge, two between columns."""
    return shutil.get_terminal_size().columns - 2 * len(columns)


def _widths(
    heads: Sequence[str], body: Sequence[Sequence[str]], in_parts: bool
) -> list[int] | None:
    """Widths of the columns at which no piece of a cell is broken.

    Each column starts with the width of its longest piece. What the terminal has left
    goes, step by step, where it saves the most lines for each character.

    Returns
    -------
    list of int or None
        None where the terminal has no room for that.
    """
    texts = [[name, *(row[i] for row in body)] for i, name in enumerate(heads)]
    full = [max(_widest(t), 1) for t in texts]
    if sum(full) <= _room(heads):
        return full
    columns = [_Column([_sizes(_pieces(c, in_parts)) for c in t]) for t in texts]
    widths = [max(c.least, 1) for c in columns]
    # names of rows, and numbers, are not folded; their headers may be
    for i, (_, *cells) in enumerate(texts):
        most = _NUMBER_WIDTH if _numbers(cells) else _NAME_WIDTH if i == 0 else 0
        if _widest(cells) <= most:
            widths[i] = max(widths[i], _widest(cells))
    spare = _room(heads) - sum(widths)
    if spare < 0:
        return None
    while True:
        steps = [
            (saved / more, -i, more)
            for i, column in enumerate(columns)
            for more, saved in [column.next_step(widths[i], spare)]
            if saved
        ]
        if not steps:
            break
        _, at, more = max(steps)
        widths[-at] += more
        spare -= more
    # what saves no line makes lines fuller, of the widest column first
    for i in sorted(range(len(full)), key=lambda i: widths[i] - full[i]):
        wide = min(full[i], widths[i] + spare)
        wide = _widest(x for c in texts[i] for x in _folded(c, wide, in_parts))
        spare -= max(wide - widths[i], 0)
        widths[i] = max(wide, widths[i])
    return widths


class _Column:
    """Heights of a column's cells at each width it may have."""

    def __init__(self, cells: Sequence[Sequence[tuple[int, int]]]) -> None:
        #: places of the widest piece, which is not broken
        self.least = max((bare for c in cells for _, bare in c), default=0)
        self._cells = [c for c in cells if len(c) > 1]
        self._heights: dict[int, int] = {}

    def height(self, width: int) -> int:
        """Lines of all cells that can be folded."""
        if width not in self._heights:
            self._heights[width] = sum(_line_count(c, width) for c in self._cells)
        return self._heights[width]

    def next_step(self, width: int, spare: int) -> tuple[int, int]:
        """The fewest characters more that save lines, and how many lines they save."""
        now = self.height(width)
        for more in range(1, spare + 1):
            if self.height(width + more) < now:
                return more, now - self.height(width + more)
            if now == len(self._cells):
                break
        return 1, 0


def _sizes(pieces: Iterable[str]) -> list[tuple[int, int]]:
    """Places that each piece of a cell takes, with the blanks after it and without."""
    return [(_cells(p), _cells(p.rstrip())) for p in pieces]


def _line_count(pieces: Sequence[tuple[int, int]], width: int) -> int:
    """Lines that :func:`_folded` makes of these pieces."""
    lines, used = 1, 0
    for full, bare in pieces:
        if used and used + bare > width:
            lines, used = lines + 1, 0
        used += full
    return lines


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
