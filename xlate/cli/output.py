"""The one sink: stdout is data, stderr is talk.

Nothing here decides anything; it prints what it is given, for people or as
JSON.
"""

from __future__ import annotations

import csv
import json
import math
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlate.errors import StorageError

if TYPE_CHECKING:
    from xlate.clocks.figures import ClockRow
    from xlate.evaluate import Row

from xlate.translators import DEFAULT

__all__ = [
    "bullets",
    "comparison",
    "document",
    "figure",
    "pairs_table",
    "paragraph",
    "table",
    "talk",
    "time_text",
    "write_csv",
    "write_text",
]


_NAME_WIDTH = 34


def talk(message: str) -> None:
    """One line to the person, on stderr."""
    print(message, file=sys.stderr, flush=True)


def document(value: Any) -> None:
    """One JSON document on stdout; NaN becomes null."""
    print(json.dumps(_plain(value), indent=1, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on stdout; columns whose cells are numbers stand right."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    body = [["–" if c is None else str(c) for c in row] for row in rows]
    if title:
        above = "\n" if title.startswith("\n") else ""
        width = shutil.get_terminal_size().columns
        print(above + textwrap.fill(title.strip(), width, break_on_hyphens=False))
    # two spaces between columns, so that nine fit into 80
    grid = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for i, name in enumerate(columns):
        cells = [row[i] for row in body]
        number = bool(cells) and all(
            c[:1].isdigit() or c[:1] in "-–" or not c for c in cells
        )
        # the first column names the row, and is short enough to stay whole
        whole = i == 0 and max(map(len, cells), default=0) <= _NAME_WIDTH
        grid.add_column(
            name,
            justify="right" if number else "left",
            overflow="fold",
            no_wrap=whole,
        )
    for row in body:
        grid.add_row(*(Text(c) for c in row))
    Console(highlight=False).print(grid)


def bullets(items: Iterable[str]) -> None:
    """Sentences on stdout, wrapped to the terminal."""
    width = shutil.get_terminal_size().columns
    for item in items:
        # an option such as --step-time is not broken in two
        print(
            textwrap.fill(
                item, width, initial_indent="• ", subsequent_indent="  ",
                break_on_hyphens=False,
            )
        )  # fmt: skip


def paragraph(text: str) -> None:
    """Sentences on stdout, wrapped to the terminal, and an empty line."""
    width = shutil.get_terminal_size().columns
    print(textwrap.fill(text, width, break_on_hyphens=False) + "\n")


def figure(value: float | None, unit: str = "", digits: int = 3) -> str:
    """A number for people: ``–`` where it is not known."""
    if value is None or not math.isfinite(value):
        return "–"
    if unit == "%":
        return f"{value:.1f}" if abs(value) < 1000 else f"{value:.2g}"
    if value != 0 and (abs(value) < 10**-digits or abs(value) >= 1e5):
        return f"{value:.2g}"
    return f"{value:.{digits}f}"


def time_text(seconds: float) -> str:
    """A duration in the unit people would choose."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.4g} {unit}"
    return f"{seconds * 1e6:.4g} µs"


_SHOWN = (
    ("step_mape", "step %", "%"),
    ("step_mdape", "median", "%"),
    ("step_mape_window", "window", "%"),
    ("step_r2", "R²", ""),
    ("vector_wape", "WAPE", ""),
    ("op_sum_mape", "op sum", "%"),
    ("cosine", "cosine", ""),
    ("negative_share", "< 0", ""),
)


#: translators that a terminal of 80 columns has room for
_ABREAST = 6


def comparison(rows: Sequence[Row], by_model: bool = False) -> None:
    """Translators of one pair beside each other, then the error by model.

    Step MAPE, median and R² are of the step time, "window" is its MAPE without
    the anchor's step time; WAPE, op sum and cosine of
    the busy device vector; ``< 0`` is the share of negative cells before
    clamping.
    """
    whole: dict[str, dict[str, float | None]] = {}
    models: dict[str, dict[str, float | None]] = {}
    for r in rows:
        if r.held_out is None:
            whole.setdefault(r.translator, {})[r.metric] = r.value
        elif r.metric == "step_mape":
            models.setdefault(r.held_out, {})[r.translator] = r.value
    first = rows[0]
    table(
        f"{first.anchor} → {first.target}, {first.split}, {first.n} pairs of "
        f"{first.corpus}",
        ["translator", *(label for _, label, _ in _SHOWN)],
        [
            [name, *(figure(m.get(key), unit) for key, _, unit in _SHOWN)]
            for name, m in whole.items()
        ],
    )
    print("step (mean), median, window and op sum are errors in %, on held-out work")
    for name, m in whole.items():
        covered, width = m.get("coverage_90"), m.get("width_90")
        if name == DEFAULT and covered is not None and width is not None:
            print(
                f"90 % intervals of {name} hold {covered:.0%} of the step times, at a "
                f"median width of {width:.0%}"
            )
    print()
    if by_model and models:
        names = [n for n in whole if any(n in m for m in models.values())]
        kept = sorted(names, key=lambda n: whole[n].get("step_mape") or 0.0)[:_ABREAST]
        said = "" if len(kept) == len(names) else f", the {_ABREAST} that err least"
        names = [n for n in names if n in kept]
        table(
            f"step time MAPE % by held-out model{said}",
            ["model", *names],
            [
                [model, *(figure(m.get(n), "%") for n in names)]
                for model, m in models.items()
            ],
        )


def pairs_table(rows: Sequence[Row], metric: str, label: str, unit: str) -> None:
    """One metric of every pair (rows) and translator (columns), with the mean."""
    cells: dict[tuple[str, str], dict[str, float | None]] = {}
    for r in rows:
        if r.held_out is None and r.metric == metric:
            cells.setdefault((r.anchor, r.target), {})[r.translator] = r.value
    names = list(dict.fromkeys(r.translator for r in rows))
    names = [n for n in names if any(c.get(n) is not None for c in cells.values())]
    # g3s.xlarge → p3.2xlarge is too long beside eight columns of figures
    short = {i: i.partition(".")[0] for pair in cells for i in pair}
    if len(set(short.values())) < len(short):
        short = {i: i for i in short}
    body = [
        [f"{short[a]} → {short[t]}", *(figure(c.get(n), unit) for n in names)]
        for (a, t), c in cells.items()
    ]
    means = []
    for n in names:
        known = [v for c in cells.values() if (v := c.get(n)) is not None]
        means.append(figure(sum(known) / len(known), unit) if known else "–")
    first = rows[0]
    table(
        f"{label}, {first.split}, {first.corpus}",
        ["pair", *names],
        [*body, ["mean", *means]],
    )


def write_csv(rows: Sequence[Row] | Sequence[ClockRow], path: Path) -> None:
    """Rows of a comparison as csv.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    try:
        with path.open("w", newline="", encoding="utf-8") as f:
            writer = csv.DictWriter(f, list(asdict(rows[0])))
            writer.writeheader()
            writer.writerows(asdict(r) for r in rows)
    except OSError as e:
        raise _unwritable(path, e) from e


def write_text(path: Path, text: str) -> None:
    """A file, written beside its place first so that a half is never left.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    scratch = path.with_name(f".{path.name}.part")
    try:
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(path)
    except OSError as e:
        scratch.unlink(missing_ok=True)
        raise _unwritable(path, e) from e


def _unwritable(path: Path, e: OSError) -> StorageError:
    return StorageError(
        f"cannot write {path}: {e.strerror or e}", "name a file you can write"
    )
