"""The one sink: stdout is data, stderr is talk.

Nothing here decides anything; it prints what it is given, for people or as
JSON.
"""

from __future__ import annotations

import json
import math
import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlate.cli import streams
from xlate.cli.grid import table
from xlate.report.escapes import csv_line, error_text, escaped, json_escaped, message
from xlate.values.duration import duration_text

if TYPE_CHECKING:
    from xlate.errors import XlateError
    from xlate.evaluation.figures import Row

from xlate.models.translate import DEFAULT

__all__ = [
    "bullets",
    "comparison",
    "document",
    "document_printed",
    "error",
    "figure",
    "json_text",
    "line",
    "lines",
    "pairs_table",
    "paragraph",
    "table",
    "talk",
    "time_text",
    "write_cells",
    "write_csv",
    "write_document",
    "write_figures",
    "write_text",
]


_printed: list[bool] = []


def talk(text: str) -> None:
    """A message to the person, on stderr."""
    streams.talk(message(text))


def error(failure: XlateError) -> None:
    """An error that does not end the command, on stderr."""
    streams.talk(error_text(failure.what, failure.hint))


def line(text: str = "") -> None:
    """One line on stdout."""
    streams.write(escaped(text) + "\n")


def lines(text: str) -> None:
    """Lines of ours on stdout: each break in the text is one."""
    for one in text.split("\n"):
        line(one)


def document(value: Any) -> None:
    """One JSON document on stdout; NaN becomes null."""
    text = json_text(value)
    _printed.append(True)
    streams.write(text if not streams.ascii_only() else _in_ascii(text))


def document_printed() -> bool:
    """Whether a JSON document was printed, or begun."""
    return bool(_printed)


def json_text(value: Any) -> str:
    """A JSON document, NaN as null, without control characters of a terminal."""
    text = json.dumps(_plain(value), indent=1, ensure_ascii=False)
    return json_escaped(text) + "\n"


def _in_ascii(document: str) -> str:
    return json.dumps(json.loads(document), indent=1) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def bullets(items: Iterable[str]) -> None:
    """Sentences on stdout, wrapped to the terminal."""
    width = shutil.get_terminal_size().columns
    for item in items:
        # an option such as --step-time is not broken in two
        text = textwrap.fill(
            escaped(item),
            width,
            initial_indent="• ",
            subsequent_indent="  ",
            break_on_hyphens=False,
        )
        streams.write(text + "\n")


def paragraph(text: str) -> None:
    """Sentences on stdout, wrapped to the terminal, and an empty line."""
    width = shutil.get_terminal_size().columns
    streams.write(textwrap.fill(escaped(text), width, break_on_hyphens=False) + "\n\n")


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
    return duration_text(1e6 * seconds)


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


#: number of translators that fit a terminal of 80 columns
_ABREAST = 6


def comparison(rows: Sequence[Row], by_model: bool = False) -> None:
    """Translators of one pair beside each other, then the error by model.

    Step MAPE, median and R² are of the step time, "window" is its MAPE without
    the anchor's step time; WAPE, op sum and cosine of
    the busy device vector; ``< 0`` is the share of negative cells before
    clamping.
    """
    overall: dict[str, dict[str, float | None]] = {}
    models: dict[str, dict[str, float | None]] = {}
    for r in rows:
        if r.held_out is None:
            overall.setdefault(r.translator, {})[r.metric] = r.value
        elif r.metric == "step_mape":
            models.setdefault(r.held_out, {})[r.translator] = r.value
    first = rows[0]
    table(
        f"{first.anchor} → {first.target}, {first.split}, {first.n} pairs of "
        f"{first.corpus}",
        ["translator", *(label for _, label, _ in _SHOWN)],
        [
            [name, *(figure(m.get(key), unit) for key, _, unit in _SHOWN)]
            for name, m in overall.items()
        ],
    )
    line("step (mean), median, window and op sum are errors in %, on held-out work")
    for name, m in overall.items():
        covered, width = m.get("coverage_90"), m.get("width_90")
        if name == DEFAULT and covered is not None and width is not None:
            line(
                f"90 % intervals of {name} hold {covered:.0%} of the step times, at a "
                f"median width of {width:.0%}"
            )
    line()
    if by_model and models:
        names = [n for n in overall if any(n in m for m in models.values())]
        kept = sorted(names, key=lambda n: overall[n].get("step_mape") or 0.0)[
            :_ABREAST
        ]
        selection = "" if len(kept) == len(names) else f", the {_ABREAST} most accurate"
        names = [n for n in names if n in kept]
        table(
            f"step time MAPE % by held-out model{selection}",
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
        values = [v for c in cells.values() if (v := c.get(n)) is not None]
        means.append(figure(sum(values) / len(values), unit) if values else "–")
    first = rows[0]
    table(
        f"{label}, {first.split}, {first.corpus}",
        ["pair", *names],
        [*body, ["mean", *means]],
    )


def write_csv(rows: Sequence[Any], path: Path) -> None:
    """Rows of a comparison as csv, see :func:`write_cells`.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    if rows:
        records = [_flat(asdict(r)) for r in rows]
        write_cells(list(records[0]), (r.values() for r in records), path)
    else:
        write_text(path, "")


def write_cells(
    columns: Sequence[str], rows: Iterable[Iterable[object]], path: Path
) -> None:
    """A table as csv, without formulas: see :func:`xlate.report.escapes.cell`.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    import csv
    import io

    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(csv_line(columns))
    writer.writerows(csv_line(row) for row in rows)
    write_text(path, buffer.getvalue())


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row whose ranges are two columns, since a csv cell holds one value."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, tuple) and len(value) == 2:
            flat |= {f"{name}_low": value[0], f"{name}_high": value[1]}
        else:
            flat[name] = value
    return flat


def write_figures(rows: Sequence[Any], path: Path, default: str = ".csv") -> None:
    """Frozen rows to a file, as JSON or csv by its ending, else as ``default``.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    ending = path.suffix.lower()
    if (ending if ending in (".csv", ".json") else default) == ".json":
        document = json.dumps(
            _plain([asdict(r) for r in rows]), indent=1, ensure_ascii=False
        )
        write_text(path, document + "\n")
    else:
        write_csv(rows, path)


def write_document(path: Path, value: Any) -> None:
    """A JSON document to a file, NaN as it is: what xlate reads again.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    write_text(path, json.dumps(value, indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """A file, whole or not at all, see :func:`xlate.files.write_text`.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    from xlate import files

    files.write_text(path, text)
