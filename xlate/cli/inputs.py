"""Options about profiles and recordings, and the session that reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from xlate.cli import output
from xlate.cli.start import pandas_left_out

if TYPE_CHECKING:
    from xlate.engine import Failure
    from xlate.engine.session import Session
    from xlate.values.profile import Profile

__all__ = ["ProfileFlags", "field_names", "metering", "reading", "session_of"]


def session_of(anchors_dir: Sequence[Path] | None) -> Session:
    """A session with the folders of the command line."""
    from xlate.engine.session import Session

    return Session(anchors_dir or ())


@dataclass(frozen=True, kw_only=True)
class ProfileFlags:
    """Values of options about profiles, which override those in their files.

    Attributes
    ----------
    input_size : int or None
        Pixels.
    step_time : float or None
        Milliseconds.
    """

    model: str | None
    batch_size: int | None
    input_size: int | None
    optimizer: str | None
    step_time: float | None
    format: str | None
    trace_steps: int | None
    step_mark: str | None

    def read(self, files: Sequence[Path]) -> list[Profile | Failure]:
        """The profiles of files and folders; a note for what was left out of these."""
        for note in reading().notes_on_folders(files):
            output.talk(f"note: {note}")
        profiles: list[Profile | Failure] = reading().read_profiles(
            files, **self._said()
        )
        return profiles

    def read_one(self, file: Path) -> Profile:
        """The one profile of a file.

        Raises
        ------
        ProfileError
            If it cannot be read, is a folder, or holds several profiles.
        """
        profile: Profile = reading().read_one_profile(file, **self._said())
        return profile

    def _said(self) -> dict[str, Any]:
        from xlate.readers import StepChoice
        from xlate.values.profile import dataset_name

        size, step = self.input_size, self.step_time
        return {
            "model": self.model,
            "dataset": None if size is None else dataset_name(size),
            "batch_size": self.batch_size,
            "optimizer": self.optimizer,
            "step_time_us": None if step is None else step * 1e3,
            "format": self.format,
            "steps": StepChoice(self.trace_steps, self.step_mark),
        }


def reading() -> Any:
    """The readers of profiles, without pandas, which scikit-learn would load."""
    with pandas_left_out():
        import sklearn.ensemble  # noqa: F401 - and with it what models are made of

        from xlate.engine import reading as readers
    return readers


def metering() -> Any:
    """The readers of recordings, without pandas."""
    with pandas_left_out():
        import skops.io  # noqa: F401 - imports all of scikit-learn

        from xlate.engine import metering as readers
    return readers


def field_names(text: str | None) -> tuple[str, ...] | None:
    """The names in ``--fields``.

    Raises
    ------
    typer.BadParameter
        If one is empty, or stands twice.
    """
    if text is None:
        return None
    names = tuple(n.strip() for n in text.split(","))
    if not all(names):
        raise typer.BadParameter("--fields has an empty name; write a,b,c")
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise typer.BadParameter(f"--fields names {twice[0]} twice")
    return names
