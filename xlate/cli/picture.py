"""Pictures; matplotlib is the extra ``report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xlate.errors import StorageError

if TYPE_CHECKING:
    from xlate.advice import Recommendation

__all__ = ["curve_picture"]


def curve_picture(answer: Recommendation, path: Path) -> None:
    """Time, power, energy and EDP over the clock, the choice marked.

    Raises
    ------
    StorageError
        If matplotlib is not installed, the ending is none it writes, or the file
        cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as e:
        raise StorageError(
            "pictures need matplotlib, which is not installed",
            'pip install "xlate[report]"',
        ) from e
    clocks = [p.sm_mhz for p in answer.curve]
    lines = {
        "time": [p.time_ratio for p in answer.curve],
        "power": [p.power_w / answer.power_at_default_w.value for p in answer.curve],
        "energy": [p.energy_ratio for p in answer.curve],
        "EDP": [p.edp_ratio for p in answer.curve],
    }
    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    axes = figure.subplots()
    # colours that are told apart without red and green (Okabe and Ito, 2008)
    colours = ("#0072B2", "#E69F00", "#009E73", "#000000")
    for (name, values), colour in zip(lines.items(), colours, strict=True):
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
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as e:
        raise StorageError(
            f"cannot write {path}: {e}", "name a .png or .svg you can write"
        ) from e
