"""Profiles from files and folders, with what the user says of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from xlate import readers
from xlate.errors import ProfileError, XlateError
from xlate.trust.profile_window import with_given_step
from xlate.values import workload_size
from xlate.values.profile import Profile, WorkloadKey, check_times
from xlate.values.translation import Failure

__all__ = [
    "notes_on_folders",
    "read_one_profile",
    "read_profiles",
]

#: files left out of a folder that are named one by one
_NAMED = 3


def read_profiles(
    paths: Iterable[Path | str],
    *,
    model: str | None = None,
    dataset: str | None = None,
    batch_size: int | None = None,
    optimizer: str | None = None,
    step_time_us: float | None = None,
    format: str | None = None,
    steps: readers.StepChoice | None = None,
) -> list[Profile | Failure]:
    """Read files and folders; what the options say goes before the file.

    ``steps`` says how a trace without marks is cut into them.

    Returns
    -------
    list
        A profile, or the failure of a file, in the order given.

    Raises
    ------
    ProfileError
        If an option cannot be: a size out of :mod:`xlate.values.workload_size`, a step time that
        is no finite number above 0.
    """
    given = WorkloadKey(model, dataset, batch_size, optimizer)
    if (
        step_time_us is not None
        and workload_size.time(step_time_us, "the step time") == 0
    ):
        raise ProfileError("the step time is 0", "leave it out where it is not known")
    answers: list[Profile | Failure] = []
    for named in paths:
        for file, content in readers.contents(Path(named), format, steps):
            try:
                if isinstance(content, XlateError):
                    raise content
                for p in content:
                    profile = p
                    if step_time_us is not None:
                        profile = with_given_step(profile, step_time_us)
                    work = given.filled(p.workload)
                    if work != p.workload:
                        profile = replace(profile, workload=work)
                    check_times(profile, step_given=step_time_us is not None)
                    answers.append(profile)
            except XlateError as e:
                answers.append(Failure(str(file), e))
    return answers


def read_one_profile(file: Path, **said: Any) -> Profile:
    """The one profile of a file; ``said`` as for :func:`read_profiles`.

    Raises
    ------
    ProfileError
        If it cannot be read, is a folder, or holds several profiles.
    """
    if file.is_dir():
        raise ProfileError(
            f"{file} is a folder, where one profile is asked for", "name a file in it"
        )
    profiles = read_profiles([file], **said)
    if len(profiles) > 1:
        named = sorted({d for f in profiles if (d := getattr(f, "device", None))})
        raise ProfileError(
            f"{file} holds {len(profiles)} profiles, where one is asked for"
            + (f" (on {', '.join(named)})" if named else ""),
            "write the one that is meant to a separate file: xlate profile show FILE "
            "--json prints each as one",
        )
    (profile,) = profiles
    if isinstance(profile, Failure):
        raise profile.error
    return profile


def notes_on_folders(paths: Iterable[Path]) -> list[str]:
    """What in the folders among some paths is no profile, and is left out."""
    notes = []
    for folder in paths:
        if not folder.is_dir():
            continue
        taken, left = readers.inside_of(folder)
        if taken and left:
            more = ", …" if len(left) > _NAMED else ""
            named = ", ".join(p.name for p in left[:_NAMED]) + more
            notes.append(
                f"{len(left)} in {folder} are no profiles and were left out ({named})"
            )
    return notes
