"""Tables, picture and page of where a translator is wrong."""

from __future__ import annotations

import base64
import html
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xlate import files
from xlate.report import figures
from xlate.report.escapes import escaped, plot_text
from xlate.report.figures import COLOURS, figure_of

if TYPE_CHECKING:
    from xlate.engine import Anatomy

__all__ = ["anatomy_tables", "drawn", "heat", "page", "write"]

#: edges of the bands of size, megapixels a batch
_BANDS = (0.1, 0.3, 1.0, 3.0, 10.0)
_OPS = 10


def bands(found: Anatomy) -> tuple[list[str], Any]:
    """Names of the bands of size, and the band of each row (-1 where not known)."""
    edges = ("0", *(f"{e:g}" for e in _BANDS))
    names = [f"{a}–{b}" for a, b in pairwise(edges)] + [f"> {edges[-1]}"]
    band = np.digitize(found.sizes, _BANDS)
    return names, np.where(np.isfinite(found.sizes), band, -1)


def heat(found: Anatomy) -> tuple[list[str], list[str], Any]:
    """Mean absolute error by model and band; NaN where nothing ran."""
    names, band = bands(found)
    models = sorted(set(found.models.tolist()))
    cells = np.full((len(models), len(names)), np.nan)
    for i, m in enumerate(models):
        for j in range(len(names)):
            mine = (found.models == m) & (band == j)
            if mine.any():
                cells[i, j] = np.abs(found.error[mine]).mean()
    return models, names, cells


def drawn(found: Anatomy) -> Any:
    """The picture: six panels."""
    figure = figure_of((15, 9))
    (a, b, c), (d, e, f) = figure.subplots(2, 3)
    figure.suptitle(
        plot_text(
            f"{found.anchor} → {found.target}: step time by {found.translator}, "
            f"{found.split}, {found.corpus}"
        ),
        fontsize=12,
    )
    models = sorted(set(found.models.tolist()))
    marks = "osD^vP"
    for k, m in enumerate(models):
        mine = found.models == m
        a.plot(
            found.step[mine] / 1e3, found.step_hat[mine] / 1e3, marks[k // len(COLOURS) % len(marks)],
            ms=4, alpha=0.75, color=COLOURS[k % len(COLOURS)],
            label=plot_text(m),
        )  # fmt: skip
    line = np.array([found.step.min(), found.step.max()]) / 1e3
    a.plot(line, line, color="#444444", lw=1)
    a.fill_between(
        line, line / 1.1, line * 1.1, color="#888888", alpha=0.2, lw=0, label="±10 %"
    )
    a.set(xscale="log", yscale="log", xlabel="measured, ms", ylabel="predicted, ms")
    a.set_title(
        f"predicted against measured: {found.mape:.1f} % mean error", fontsize=10
    )
    a.legend(fontsize=6.5, ncols=2)

    rows, columns, cells = heat(found)
    image = b.imshow(cells, cmap="cividis", vmin=0, vmax=30, aspect="auto")
    b.set_xticks(range(len(columns)), columns, fontsize=8)
    b.set_yticks(range(len(rows)), [plot_text(r) for r in rows], fontsize=8)
    for i in range(len(rows)):
        for j in range(len(columns)):
            if np.isfinite(cells[i, j]):
                shade = "black" if cells[i, j] > 17 else "white"
                b.text(
                    j,
                    i,
                    f"{cells[i, j]:.0f}",
                    ha="center",
                    va="center",
                    fontsize=8,
                    color=shade,
                )
    b.set_xlabel("megapixels a batch")
    b.set_title("mean error by model and size, %", fontsize=10)
    figure.colorbar(image, ax=b, shrink=0.8)

    worst = found.ops[:_OPS][::-1]
    c.barh(
        [plot_text(o.name.removeprefix("Device_")) for o in worst],
        [100 * o.share for o in worst],
        color=COLOURS[0],
    )
    for i, o in enumerate(worst):
        bias = f"{o.bias:+.0%}" if np.isfinite(o.bias) else ""
        c.text(
            100 * o.share,
            i,
            f" {bias}, most in {plot_text(o.worst_model)}",
            va="center",
            fontsize=7,
        )
    c.set_xlim(0, 1.7 * max(100 * o.share for o in worst))
    c.tick_params(axis="y", labelsize=7)
    c.set_xlabel("share of the vector's error, %")
    c.set_title("operations that cost most, and their bias", fontsize=10)

    if found.device is not None and found.host is not None:
        ahead = found.device / found.host
        for mine, name, colour in (
            (ahead >= 1, "device binds", COLOURS[0]), (ahead < 1, "host binds", COLOURS[1]),
        ):  # fmt: skip
            if mine.any():
                size = np.abs(found.error[mine]).mean()
                d.plot(ahead[mine], found.error[mine], "o", ms=4, alpha=0.7, color=colour,
                       label=f"{name}: {mine.sum()} jobs, {size:.1f} %")  # fmt: skip
        d.axvline(1, color="#444444", lw=1)
        d.set(
            xscale="log",
            xlabel="device path over host path",
            ylabel="error of the step time, %",
        )
        d.legend(fontsize=8)
    d.axhline(0, color="#444444", lw=1)
    d.set_title("which path binds", fontsize=10)

    asked, got = zip(*found.coverage, strict=True)
    e.plot([0.45, 1], [0.45, 1], color="#444444", lw=1, label="as asked")
    e.plot(asked, got, "o-", color=COLOURS[0], label="measured")
    e.axvspan(0.895, 0.905, ymin=0, ymax=1, color="#888888", alpha=0.25, lw=0)
    e.set(
        xlabel="level asked for",
        ylabel="step times inside, models left out",
        xlim=(0.45, 1),
        ylim=(0.3, 1.01),
    )
    e.legend(fontsize=8)
    e.set_title("coverage of the intervals", fontsize=10)

    if found.curve:
        n, error = zip(*found.curve, strict=True)
        f.plot(n, error, "o-", color=COLOURS[0], label=plot_text(found.translator))
        base = 100 * float(np.abs(found.baseline / found.step - 1).mean())
        f.axhline(
            base,
            color=COLOURS[1],
            lw=1.5,
            ls="--",
            label="ratio of each operation, all models",
        )
        if found.floor is not None:
            f.axhline(
                found.floor,
                color="#444444",
                lw=1.5,
                ls=":",
                label="noise floor: one repeat",
            )
        f.set(
            xlabel="models to learn from",
            ylabel="mean error of the step time, %",
            ylim=(0, None),
        )
        f.legend(fontsize=8)
    f.set_title("learning curve", fontsize=10)
    for axes in (a, c, d, e, f):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _shown(text: str) -> str:
    """A text as HTML, on one line."""
    return html.escape(escaped(text))


def page(found: Anatomy, picture: bytes) -> str:
    """One file: the picture and the tables, nothing from elsewhere."""
    tables = []
    for title, head, rows in anatomy_tables(found):
        cells = "".join(
            "<tr>" + "".join(f"<td>{_shown(str(c))}</td>" for c in row) + "</tr>"
            for row in rows
        )
        heads = "".join(f"<th>{_shown(h)}</th>" for h in head)
        tables.append(f"<h2>{_shown(title)}</h2><table><tr>{heads}</tr>{cells}</table>")
    title = _shown(
        f"{found.anchor} → {found.target}: where {found.translator} is wrong"
    )
    floor = "" if found.floor is None else f"; noise floor {found.floor:.1f} %"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #222 }}
img {{ width: 100% }}
table {{ border-collapse: collapse; margin-bottom: 2rem }}
td, th {{ padding: .2rem .8rem; border-bottom: 1px solid #ddd; text-align: right }}
td:first-child, th:first-child {{ text-align: left }}
</style></head><body>
<h1>{title}</h1>
<p>{_shown(found.split)}, {len(found.step)} pairs of {_shown(found.corpus)}. Mean error of the
step time {found.mape:.1f} %{floor}.</p>
<img alt="six panels: predicted against measured, error by model and size, worst operations, binding path, coverage, learning curve" src="data:image/png;base64,{base64.b64encode(picture).decode()}">
{"".join(tables)}
</body></html>
"""


def anatomy_tables(found: Anatomy) -> list[tuple[str, list[str], list[list[object]]]]:
    """Title, head and rows of the tables of an anatomy."""
    rows, columns, cells = heat(found)
    whole = {m: float(np.abs(found.error[found.models == m]).mean()) for m in rows}
    bias = {m: float(found.error[found.models == m].mean()) for m in rows}
    tables: list[tuple[str, list[str], list[list[object]]]] = [
        (
            "step time error by model (left out) and megapixels a batch, %",
            ["model", "all", "bias", *columns],
            [
                [m, f"{whole[m]:.1f}", f"{bias[m]:+.1f}",
                 *("–" if np.isnan(v) else f"{v:.0f}" for v in cells[i])]
                for i, m in enumerate(rows)
            ],
        ),
        (
            "operations that cost most of the vector's error",
            ["operation", "of error %", "of time %", "bias %", "most in"],
            [
                [o.name, f"{100 * o.share:.1f}", f"{100 * o.of_time:.1f}",
                 f"{100 * o.bias:+.0f}" if np.isfinite(o.bias) else "–", o.worst_model]
                for o in found.ops[:_OPS]
            ],
        ),
    ]  # fmt: skip
    if found.device is not None and found.host is not None:
        binds = np.where(found.device >= found.host, "device", "host")
        tables.append(
            (
                "which path binds on the target",
                ["path", "jobs", "error %", "bias %"],
                [
                    [p, int((binds == p).sum()), f"{np.abs(found.error[binds == p]).mean():.1f}",
                     f"{found.error[binds == p].mean():+.1f}"]
                    for p in ("device", "host")
                    if (binds == p).any()
                ],
            )
        )  # fmt: skip
    tables.append(
        (
            "intervals: share of step times inside",
            ["level", "measured"],
            [[f"{a:.0%}", f"{b:.0%}"] for a, b in found.coverage],
        )
    )
    if found.curve:
        tables.append(
            (
                "error with fewer models to learn from",
                ["models", "step time error %"],
                [[n, f"{v:.1f}"] for n, v in found.curve],
            )
        )
    return tables


def write(found: Anatomy, path: Path) -> None:
    """The page (``.html``), or the picture alone (``.png``), whole or not at all.

    Raises
    ------
    StorageError
        If matplotlib is not installed, or the file cannot be written.
    """
    picture = figures.drawn(drawn(found), ".png")
    if path.suffix == ".png":
        files.write_bytes(path, picture)
    else:
        files.write_text(path, page(found, picture))
