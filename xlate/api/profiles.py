"""Profiles in: from a file, from Python, one or several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from xlate import readers
from xlate.engine.reading import read_profiles
from xlate.errors import ProfileError
from xlate.values.profile import Profile, check_times
from xlate.values.translation import Failure

__all__ = ["as_profile", "as_profiles", "read_profile", "without_failures"]

T = TypeVar("T")


def read_profile(
    path: str | Path,
    format: str | None = None,
    *,
    trace_steps: int | None = None,
    step_mark: str | None = None,
) -> Profile:
    """Read and check the one profile in a file.

    Parameters
    ----------
    path : str or Path
        File; gzip is unpacked.
    format : str, optional
        Key of :data:`xlate.readers.READERS`; by default recognised by content.
    trace_steps : int, optional
        Number of steps of equal length in the trace; by default what it marks.
    step_mark : str, optional
        Name of the annotation in the trace that begins each step.

    Returns
    -------
    Profile
        Times in µs over the profile window, ``step_time_us`` where the file has it.

    Raises
    ------
    ProfileError
        If the file is not a profile, its times cannot be µs, it holds several
        profiles (use :func:`xlate.readers.read`), or it has no such steps.

    Examples
    --------
    >>> import xlate
    >>> profile = xlate.read_profile("examples/trace.json.gz")
    >>> profile.device, round(profile.step_time_us / 1e3)
    ('Tesla T4', 206)
    """
    steps = readers.StepChoice(trace_steps, step_mark)
    profiles = readers.read(path, format, steps)
    if len(profiles) > 1:
        raise ProfileError(
            f"{path} holds {len(profiles)} profiles",
            "xlate.readers.read gives them all",
        )
    check_times(profiles[0])
    return profiles[0]


def as_profile(profile: Profile | str | Path) -> Profile:
    """A profile as it is, or that of a file."""
    return profile if isinstance(profile, Profile) else read_profile(profile)


def as_profiles(
    profiles: Profile | str | Path | Iterable[Profile | str | Path],
) -> list[Profile | Failure]:
    """Profiles of paths, of profiles, or of several of either."""
    several: Iterable[Profile | str | Path] = (
        [profiles] if isinstance(profiles, str | Path | Profile) else profiles
    )
    read: list[Profile | Failure] = []
    for p in several:
        if isinstance(p, Profile):
            read.append(p)
        else:
            read += read_profiles([Path(p)])
    return read


def without_failures(answers: Sequence[T | Failure]) -> list[T]:
    """Answers; the first failure among them is raised.

    Raises
    ------
    XlateError
        That of the first file that could not be read or answered.
    """
    sound: list[T] = []
    for answer in answers:
        if isinstance(answer, Failure):
            raise answer.error
        sound.append(answer)
    return sound
