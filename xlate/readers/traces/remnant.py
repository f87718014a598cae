"""A trace that breaks off before any step is marked in it."""

from __future__ import annotations

from pathlib import Path

from xlate.errors import ProfileError

__all__ = ["remnant"]


def remnant(path: Path) -> ProfileError:
    """The error for such a trace: how much of a step is left is not known.

    Parameters
    ----------
    path : Path

    Examples
    --------
    >>> from pathlib import Path
    >>> from xlate.readers.traces.remnant import remnant
    >>> remnant(Path("a.json")).code
    'profile.damaged'
    """
    return ProfileError(
        f"{path} breaks off before any step is marked: what is left of it is no whole step",
        "copy the whole file, or say how many steps it holds: --trace-steps N",
        code="profile.damaged",
    )
