"""Pictures; matplotlib is the extra ``report``."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlate.errors import StorageError, install_hint

if TYPE_CHECKING:
    from xlate.advice import Recommendation

__all__ = ["COLOURS", "curve_picture", "figure_of", "save"]

#: colours that are told apart without red and green (Okabe and Ito, 2008)
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#000000", "#CC79A7", "#56B4E9", "#D55E00")


def figure_of(size: tuple[float, float]) -> Any:
    """An empty figure of so many inches.

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
        ) from e
    return Figure(figsize=size, layout="constrained")


def save(figure: Any, target: Path | BytesIO, named: str) -> None:
    """Write a figure.

    Raises
    ------
    StorageError
        If the ending is none it writes, or the file cannot be written.
    """
    try:
        figure.savefig(target, dpi=150)
    except (OSError, ValueError) as e:
        raise StorageError(
            f"cannot write {named}: {e}", "name a .png or .svg you can write"
        ) from e


def curve_picture(answer: Recommendation, path: Path) -> None:
    """Time, power, energy and EDP over the clock, the choice marked.

    Raises
    ------
    StorageError
        If matplotlib is not installed, the ending is none it writes, or the file
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
        f"{answer.sm_mhz:g} MHz", (answer.sm_mhz, axes.get_ylim()[1]), xytext=(4, -4),
        textcoords="offset points", va="top", color="#D55E00",
    )  # fmt: skip
    axes.set_xlabel("core clock, MHz")
    axes.set_ylabel(f"over that at {answer.default_sm_mhz:g} MHz")
    axes.set_title(
        f"{Path(answer.file).stem} on {answer.target} ({answer.gpu})", fontsize=10
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="best", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    save(figure, path, str(path))
