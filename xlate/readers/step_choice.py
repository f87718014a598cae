"""What the user says of a recording's steps, where the file does not mark them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["StepChoice"]


@dataclass(frozen=True)
class StepChoice:
    """How a recording without marks is cut into steps; both None leaves it to the file.

    Attributes
    ----------
    count : int or None
        The whole recording holds so many steps of equal length (``--trace-steps``).
    mark : str or None
        Name of the annotation that begins each step (``--step-mark``).
    """

    count: int | None = None
    mark: str | None = None
