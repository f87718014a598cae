"""Tables, picture and page of a translator's errors."""

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


def bands(breakdown: Anatomy) -> tuple[list[str], Any]:
    """Names of the bands of size, and the band of each row (-1 where not known)."""
    edges = ("0", *(f"{e:g}" for e in _BANDS))
    names = [f"{a}–{b}" for a, b in pairwise(edges)] + [f"> {edges[-1]}"]
    band = np.digitize(breakdown.sizes, _BANDS)
    return names, np.where(np.isfinite(breakdown.sizes), band, -1)


def heat(breakdown: Anatomy) -> tuple[list[str], list[str], Any]:
    """Mean absolute error by model and band; NaN where nothing ran."""
    names, band = bands(breakdown)
    models = sorted(set(breakdown.models.tolist()))
    cells = np.full((len(models), len(names)), np.nan)
    for i, m in enumerate(models):
        for j in range(len(names)):
            cell = (breakdown.models == m) & (band == j)
            if cell.any():
                cells[i, j] = np.abs(breakdown.error[cell]).mean()
    return models, names, cells


def _predictions(axes: Any, breakdown: Anatomy) -> None:
    """Predicted against measured step times, by model."""
    models = sorted(set(breakdown.models.tolist()))
    marks = "osD^vP"
    for k, m in enumerate(models):
        rows = breakdown.models == m
        axes.plot(
            breakdown.step[rows] / 1e3,
            breakdown.step_hat[rows] / 1e3,
            marks[k // len(COLOURS) % len(marks)],
            ms=4,
            alpha=0.75,
            color=COLOURS[k % len(COLOURS)],
            label=plot_text(m),
        )
    line = np.array([breakdown.step.min(), breakdown.step.max()]) / 1e3
    axes.plot(line, line, color="#444444", lw=1)
    axes.fill_between(
        line, line / 1.1, line * 1.1, color="#888888", alpha=0.2, lw=0, label="±10 %"
    )
    axes.set(xscale="log", yscale="log", xlabel="measured, ms", ylabel="predicted, ms")
    axes.set_title(
        f"predicted against measured: {breakdown.mape:.1f} % mean error", fontsize=10
    )
    axes.legend(fontsize=6.5, ncols=2)


def _by_model_and_size(axes: Any, breakdown: Anatomy) -> None:
    """Mean error by model and size."""
    rows, columns, cells = heat(breakdown)
    image = axes.imshow(cells, cmap="cividis", vmin=0, vmax=30, aspect="auto")
    axes.set_xticks(range(len(columns)), columns, fontsize=8)
    axes.set_yticks(range(len(rows)), [plot_text(r) for r in rows], fontsize=8)
    for i in range(len(rows)):
        for j in range(len(columns)):
            if np.isfinite(cells[i, j]):
                shade = "black" if cells[i, j] > 17 else "white"
                axes.text(
                    j,
                    i,
                    f"{cells[i, j]:.0f}",
                    ha="center",
                    va="center",
                    fontsize=8,
                    color=shade,
                )
    axes.set_xlabel("megapixels a batch")
    axes.set_title("mean error by model and size, %", fontsize=10)
    axes.figure.colorbar(image, ax=axes, shrink=0.8)


def _costliest_operations(axes: Any, breakdown: Anatomy) -> None:
    """Operations with the largest shares of the error."""
    worst = breakdown.ops[:_OPS][::-1]
    axes.barh(
        [plot_text(o.name.removeprefix("Device_")) for o in worst],
        [100 * o.share for o in worst],
        color=COLOURS[0],
    )
    for i, o in enumerate(worst):
        bias = f"{o.bias:+.0%}" if np.isfinite(o.bias) else ""
        axes.text(
            100 * o.share,
            i,
            f" {bias}, most in {plot_text(o.worst_model)}",
            va="center",
            fontsize=7,
        )
    axes.set_xlim(0, 1.7 * max(100 * o.share for o in worst))
    axes.tick_params(axis="y", labelsize=7)
    axes.set_xlabel("share of the vector's error, %")
    axes.set_title("operations that cost most, and their bias", fontsize=10)


def _by_path(axes: Any, breakdown: Anatomy) -> None:
    """Error over the ratio of the device path to the host path."""
    if breakdown.device is not None and breakdown.host is not None:
        ahead = breakdown.device / breakdown.host
        for rows, name, colour in (
            (ahead >= 1, "device binds", COLOURS[0]),
            (ahead < 1, "host binds", COLOURS[1]),
        ):
            if rows.any():
                size = np.abs(breakdown.error[rows]).mean()
                axes.plot(
                    ahead[rows],
                    breakdown.error[rows],
                    "o",
                    ms=4,
                    alpha=0.7,
                    color=colour,
                    label=f"{name}: {rows.sum()} jobs, {size:.1f} %",
                )
        axes.axvline(1, color="#444444", lw=1)
        axes.set(
            xscale="log",
            xlabel="device path over host path",
            ylabel="error of the step time, %",
        )
        axes.legend(fontsize=8)
    axes.axhline(0, color="#444444", lw=1)
    axes.set_title("which path binds", fontsize=10)


def _coverage(axes: Any, breakdown: Anatomy) -> None:
    """Measured coverage of intervals over their level."""
    levels, measured = zip(*breakdown.coverage, strict=True)
    axes.plot([0.45, 1], [0.45, 1], color="#444444", lw=1, label="as asked")
    axes.plot(levels, measured, "o-", color=COLOURS[0], label="measured")
    axes.axvspan(0.895, 0.905, ymin=0, ymax=1, color="#888888", alpha=0.25, lw=0)
    axes.set(
        xlabel="level asked for",
        ylabel="step times inside, models left out",
        xlim=(0.45, 1),
        ylim=(0.3, 1.01),
    )
    axes.legend(fontsize=8)
    axes.set_title("coverage of the intervals", fontsize=10)


def _learning_curve(axes: Any, breakdown: Anatomy) -> None:
    """Error over the number of training models."""
    if breakdown.curve:
        n, error = zip(*breakdown.curve, strict=True)
        axes.plot(
            n, error, "o-", color=COLOURS[0], label=plot_text(breakdown.translator)
        )
        base = 100 * float(np.abs(breakdown.baseline / breakdown.step - 1).mean())
        axes.axhline(
            base,
            color=COLOURS[1],
            lw=1.5,
            ls="--",
            label="ratio of each operation, all models",
        )
        if breakdown.floor is not None:
            axes.axhline(
                breakdown.floor,
                color="#444444",
                lw=1.5,
                ls=":",
                label="noise floor: one repeat",
            )
        axes.set(
            xlabel="models to learn from",
            ylabel="mean error of the step time, %",
            ylim=(0, None),
        )
        axes.legend(fontsize=8)
    axes.set_title("learning curve", fontsize=10)


def drawn(breakdown: Anatomy) -> Any:
    """The picture, with six panels."""
    figure = figure_of((15, 9))
    figure.suptitle(
        plot_text(
            f"{breakdown.anchor} → {breakdown.target}: step time by {breakdown.translator}, "
            f"{breakdown.split}, {breakdown.corpus}"
        ),
        fontsize=12,
    )
    panels = (
        _predictions, _by_model_and_size, _costliest_operations,
        _by_path, _coverage, _learning_curve,
    )  # fmt: skip
    for axes, panel in zip(figure.subplots(2, 3).ravel(), panels, strict=True):
        panel(axes, breakdown)
        if panel is not _by_model_and_size:
            axes.grid(alpha=0.25)
            axes.spines[["top", "right"]].set_visible(False)
    return figure


def _shown(text: str) -> str:
    """A text as HTML, on one line."""
    return html.escape(escaped(text))


def page(breakdown: Anatomy, picture: bytes) -> str:
    """The picture and the tables in one HTML file that loads no other."""
    tables = []
    for title, head, rows in anatomy_tables(breakdown):
        cells = "".join(
            "<tr>" + "".join(f"<td>{_shown(str(c))}</td>" for c in row) + "</tr>"
            for row in rows
        )
        heads = "".join(f"<th>{_shown(h)}</th>" for h in head)
        tables.append(f"<h2>{_shown(title)}</h2><table><tr>{heads}</tr>{cells}</table>")
    title = _shown(
        f"{breakdown.anchor} → {breakdown.target}: where {breakdown.translator} is wrong"
    )
    floor = "" if breakdown.floor is None else f"; noise floor {breakdown.floor:.1f} %"
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
<p>{_shown(breakdown.split)}, {len(breakdown.step)} pairs of {_shown(breakdown.corpus)}. Mean error of the
step time {breakdown.mape:.1f} %{floor}.</p>
<img alt="six panels: predicted against measured, error by model and size, worst operations, binding path, coverage, learning curve" src="data:image/png;base64,{base64.b64encode(picture).decode()}">
{"".join(tables)}
</body></html>
"""


def anatomy_tables(
    breakdown: Anatomy,
) -> list[tuple[str, list[str], list[list[object]]]]:
    """Title, head and rows of the tables of an error breakdown."""
    rows, columns, cells = heat(breakdown)
    mean = {
        m: float(np.abs(breakdown.error[breakdown.models == m]).mean()) for m in rows
    }
    bias = {m: float(breakdown.error[breakdown.models == m].mean()) for m in rows}
    tables: list[tuple[str, list[str], list[list[object]]]] = [
        (
            "step time error by model (left out) and megapixels a batch, %",
            ["model", "all", "bias", *columns],
            [
                [m, f"{mean[m]:.1f}", f"{bias[m]:+.1f}",
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
                for o in breakdown.ops[:_OPS]
            ],
        ),
    ]  # fmt: skip
    if breakdown.device is not None and breakdown.host is not None:
        binds = np.where(breakdown.device >= breakdown.host, "device", "host")
        tables.append(
            (
                "which path binds on the target",
                ["path", "jobs", "error %", "bias %"],
                [
                    [p, int((binds == p).sum()), f"{np.abs(breakdown.error[binds == p]).mean():.1f}",
                     f"{breakdown.error[binds == p].mean():+.1f}"]
                    for p in ("device", "host")
                    if (binds == p).any()
                ],
            )
        )  # fmt: skip
    tables.append(
        (
            "intervals: share of step times inside",
            ["level", "measured"],
            [[f"{a:.0%}", f"{b:.0%}"] for a, b in breakdown.coverage],
        )
    )
    if breakdown.curve:
        tables.append(
            (
                "error with fewer models to learn from",
                ["models", "step time error %"],
                [[n, f"{v:.1f}"] for n, v in breakdown.curve],
            )
        )
    return tables


def write(breakdown: Anatomy, path: Path) -> None:
    """Write the page (``.html``), or the picture alone (``.png``), completely or not at all.

    Raises
    ------
    StorageError
        If matplotlib is not installed, or the file cannot be written.
    """
    picture = figures.drawn(drawn(breakdown), ".png")
    if path.suffix == ".png":
        files.write_bytes(path, picture)
    else:
        files.write_text(path, page(breakdown, picture))
