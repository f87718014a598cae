"""Profiles named on the command line, with what the options say of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xlate.cli.start import pandas_left_out

if TYPE_CHECKING:
    from xlate.engine import Failure
    from xlate.profile import Profile

__all__ = ["profiles_given"]


def profiles_given(
    files: Sequence[Path],
    *,
    model: str | None,
    batch_size: int | None,
    input_size: int | None,
    optimizer: str | None,
    step_time: float | None,
    format: str | None,
) -> list[Profile | Failure]:
    """Read files and folders; ``step_time`` in milliseconds, ``input_size`` in pixels."""
    from xlate.profile import dataset_name

    with pandas_left_out():
        import skops.io  # noqa: F401 - imports all of scikit-learn

        from xlate import engine
    return engine.read_profiles(
        files,
        model=model,
        dataset=None if input_size is None else dataset_name(input_size),
        batch_size=batch_size,
        optimizer=optimizer,
        step_time_us=None if step_time is None else step_time * 1e3,
        format=format,
    )
