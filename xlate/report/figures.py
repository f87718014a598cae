"""Pictures; matplotlib is the extra ``report``."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlate import files
from xlate.errors import StorageError, install_hint
from xlate.report.escapes import plot_text

if TYPE_CHECKING:
    from xlate.values.recommendation import Recommendation

__all__ = ["COLOURS", "check_ending", "curve_picture", "drawn", "figure_of", "save"]

#: colours that can be distinguished without red and green (Okabe and Ito, 2008)
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#000000", "#CC79A7", "#56B4E9", "#D55E00")


def figure_of(size: tuple[float, float]) -> Any:
    """An empty figure of a width and a height in inches.

    Raises
    ------
    StorageError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as e:
        raise StorageError(
            "pictures need matplotlib, which is not installed",
            install_hint("report"),
            code="storage.picture",
        ) from e
    return Figure(figsize=size, layout="constrained")


def check_ending(path: Path) -> None:
    """Check that a picture can be written with a file's ending.

    Raises
    ------
    StorageError
        If matplotlib is not installed, or writes no file with that ending.
    """
    endings = figure_of((1, 1)).canvas.get_supported_filetypes()
    if path.suffix.lower().removeprefix(".") not in endings:
        raise StorageError(
            f"cannot write {path}: no picture has the ending {path.suffix or 'of none'}",
            "name a .png or .svg you can write",
            code="storage.picture",
        )


def drawn(figure: Any, ending: str) -> bytes:
    """A figure as a file of that ending (``.png``)."""
    buffer = BytesIO()
    figure.savefig(buffer, dpi=150, format=ending.lower().removeprefix("."))
    return buffer.getvalue()


def save(figure: Any, path: Path) -> None:
    """Write a figure, completely or not at all.

    Raises
    ------
    StorageError
        If matplotlib writes no file with that ending, or it cannot be written.
    """
    check_ending(path)
    files.write_bytes(path, drawn(figure, path.suffix))


def curve_picture(answer: Recommendation, path: Path) -> None:
    """Time, power, energy and EDP over the clock, the choice marked.

    Raises
    ------
    StorageError
        If matplotlib is not installed, cannot write files of that ending, or the file
        cannot be written.
    """
    clocks = [p.sm_mhz for p in answer.curve]
    lines = {
        "time": [p.time_ratio for p in answer.curve],
        "power": [p.power_w / answer.power_at_default_w.value for p in answer.curve],
        "energy": [p.energy_ratio for p in answer.curve],
        "EDP": [p.edp_ratio for p in answer.curve],
    }
    figure = figure_of((7.5, 4.5))
    axes = figure.subplots()
    for (name, values), colour in zip(lines.items(), COLOURS, strict=False):
        axes.plot(
            clocks, values, color=colour, lw=2.4 if name == "EDP" else 1.6, label=name
        )
    low, high = answer.best_mhz_range
    axes.axvspan(
        low, high, color="#888888", alpha=0.15, lw=0, label="best lies here (90 %)"
    )
    axes.axvline(answer.sm_mhz, color="#D55E00", lw=1.5, ls="--")
    axes.annotate(
        f"{answer.sm_mhz:g} MHz",
        (answer.sm_mhz, axes.get_ylim()[1]),
        xytext=(4, -4),
        textcoords="offset points",
        va="top",
        color="#D55E00",
    )
    axes.set_xlabel("core clock, MHz")
    axes.set_ylabel(f"over that at {answer.default_sm_mhz:g} MHz")
    axes.set_title(
        plot_text(f"{Path(answer.file).stem} on {answer.target} ({answer.gpu})"),
        fontsize=10,
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="best", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    save(figure, path)
