"""Options of the user about a recording's steps, where the file does not mark them."""

from __future__ import annotations

from dataclasses import dataclass

from xlate.errors import ProfileError

__all__ = ["StepChoice"]


@dataclass(frozen=True)
class StepChoice:
    """How a recording without marks is cut into steps; with both None the file decides.

    Attributes
    ----------
    count : int or None
        Number of steps of equal length in the recording (``--trace-steps``).
    mark : str or None
        Name of the annotation that begins each step (``--step-mark``).

    Raises
    ------
    ProfileError
        If both are given, the count is not a whole number from 1 up, or the mark is empty.

    Examples
    --------
    >>> from xlate.readers.step_choice import StepChoice
    >>> StepChoice(count=5).named
    '--trace-steps 5'
    """

    count: int | None = None
    mark: str | None = None

    def __post_init__(self) -> None:
        if self.count is not None and self.mark is not None:
            raise ProfileError(
                f"--trace-steps {self.count} and --step-mark {self.mark} cannot both hold",
                "give one of them",
                code="profile.steps",
            )
        is_integer = isinstance(self.count, int) and not isinstance(self.count, bool)
        if self.count is not None and (not is_integer or self.count < 1):
            raise ProfileError(
                f"a recording of {self.count!r} steps",
                "give a whole number from 1 up",
                code="profile.steps",
            )
        if self.mark is not None and (
            not isinstance(self.mark, str) or not self.mark.strip()
        ):
            raise ProfileError(
                f"a step mark is the name of an annotation, got {self.mark!r}",
                code="profile.steps",
            )

    def check_count(self, where: object, events: int) -> None:
        """Raise an error if there are more steps than GPU events.

        Parameters
        ----------
        where : object
            File, for the message.
        events : int
            Kernels and copies in the recording.

        Raises
        ------
        ProfileError
            If ``count`` is larger.
        """
        if (self.count or 0) > events:
            held = "1 GPU event" if events == 1 else f"{events} GPU events"
            raise ProfileError(
                f"{where}: --trace-steps {self.count} is more than the {held} that it holds",
                "a step runs something on the GPU: give the number of iterations",
                code="profile.steps",
            )

    @property
    def named(self) -> str:
        """The option as the user gave it; empty where no option was given."""
        if self.count is not None:
            return f"--trace-steps {self.count}"
        return "" if self.mark is None else f"--step-mark {self.mark}"
