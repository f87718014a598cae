"""Profiles named on the command line, with what the options say of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xlate.cli import output
from xlate.cli.start import pandas_left_out

if TYPE_CHECKING:
    from xlate.engine import Failure
    from xlate.profile import Profile

__all__ = ["one_profile_given", "profiles_given"]


def profiles_given(
    files: Sequence[Path],
    *,
    model: str | None,
    batch_size: int | None,
    input_size: int | None,
    optimizer: str | None,
    step_time: float | None,
    format: str | None,
    trace_steps: int | None = None,
    step_mark: str | None = None,
) -> list[Profile | Failure]:
    """Read files and folders; ``step_time`` in milliseconds, ``input_size`` in pixels."""
    from xlate.profile import dataset_name
    from xlate.readers import StepChoice, inside_of

    with pandas_left_out():
        import skops.io  # noqa: F401 - imports all of scikit-learn

        from xlate import engine
    for folder in files:
        if not folder.is_dir():
            continue
        taken, left = inside_of(folder)
        if taken and left:
            named = ", ".join(p.name for p in left[:3]) + (
                ", …" if len(left) > 3 else ""
            )
            output.talk(
                f"note: {len(left)} in {folder} are no profiles and were left out ({named})"
            )
    return engine.read_profiles(
        files,
        model=model,
        dataset=None if input_size is None else dataset_name(input_size),
        batch_size=batch_size,
        optimizer=optimizer,
        step_time_us=None if step_time is None else step_time * 1e3,
        format=format,
        steps=StepChoice(trace_steps, step_mark),
    )


def one_profile_given(
    file: Path, *, model: str | None, batch_size: int | None, input_size: int | None,
    optimizer: str | None, format: str | None, trace_steps: int | None = None,
    step_mark: str | None = None,
) -> Profile:  # fmt: skip
    """The one profile of a file.

    Raises
    ------
    ProfileError
        If it cannot be read, is a folder, or holds several profiles.
    """
    from xlate.errors import ProfileError

    if file.is_dir():
        raise ProfileError(
            f"{file} is a folder, where one profile is asked for", "name a file in it"
        )
    found = profiles_given(
        [file], model=model, batch_size=batch_size, input_size=input_size,
        optimizer=optimizer, step_time=None, format=format,
        trace_steps=trace_steps, step_mark=step_mark,
    )  # fmt: skip
    if len(found) > 1:
        named = sorted({d for f in found if (d := getattr(f, "device", None))})
        raise ProfileError(
            f"{file} holds {len(found)} profiles, where one is asked for"
            + (f" (on {', '.join(named)})" if named else ""),
            "write the one that is meant to a file of its own: xlate profile show FILE "
            "--json prints each as one",
        )
    (profile,) = found
    from xlate.engine import Failure

    if isinstance(profile, Failure):
        raise profile.error
    return profile
