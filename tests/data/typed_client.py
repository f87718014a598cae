"""What a user's own typed code does with xlate: it is checked, never run by a test."""

from __future__ import annotations

from pathlib import Path

import polars as pl

import xlate


def step_ms(path: Path) -> float:
    """Use answers: their fields have types."""
    answers = xlate.translate(path, "g3s.xlarge", "p3.2xlarge", level=0.8)
    first: xlate.Translation = answers[0]
    step: xlate.Estimate = first.step_time_s
    frame: pl.DataFrame = answers.to_polars()
    low: float | None = step.low
    return step.value * 1e3 + frame.height + (low or 0.0)


def table(frame: pl.DataFrame) -> pl.DataFrame:
    """Give a frame: a frame of the same kind comes back."""
    return xlate.translate(frame, "g3s.xlarge", "p3.2xlarge")


def clock(profile: xlate.Profile) -> float:
    """Fit, ask, and read a recommendation."""
    done: xlate.ClockFit = xlate.fit_clocks("p3.2xlarge", save=False)
    probe: xlate.Probe = xlate.read_probe("probe.json")
    answers = xlate.predict_freq(
        profile, None, "p3.2xlarge", clock_bundle=done.bundle, probes=[probe]
    )
    best: xlate.Recommendation = answers[0]
    curve: tuple[xlate.CurvePoint, ...] = best.curve
    return best.sm_mhz + len(curve)


def fitted(runs: pl.DataFrame) -> str:
    """Fit on a frame, and compare on one."""
    result: xlate.FitResult = xlate.fit("T4", "L4", runs, translators=("ratio",))
    rows: pl.DataFrame = xlate.compare("T4", "L4", runs)
    succession: xlate.Succession | None = result.succession
    return f"{rows.height} {succession is None}"


def failures(path: str) -> str:
    """An error says what, and what to try."""
    try:
        xlate.read_profile(path)
    except xlate.ProfileError as error:
        what: str = error.what
        hint: str | None = error.hint
        return f"{what} {hint}"
    return ""
