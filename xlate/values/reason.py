"""Reasons that lower the confidence in an answer, each with a remedy.

A reason is a text, so that JSON, tables and comparisons use it as text; the remedy is an
attribute of it, given where the reason is made. Code never searches the text.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "ADAPT",
    "CHECK_ANCHOR",
    "GIVE_STEP",
    "MEASURE",
    "NEARER",
    "Reason",
    "informs",
    "remedies",
]

#: remedies that several reasons share
CHECK_ANCHOR = "check --anchor: name the machine that the profile was recorded on"
GIVE_STEP = "time a step on the anchor and give it: --step-time MS"
MEASURE = "take it as a rough figure: measure a step on the target before relying on it"
ADAPT = "measure a few runs on the target and adapt to them: xlate fit --shots"
NEARER = "profile a size nearer to those of training, or measure this one"


class Reason(str):
    """The text of a reason, with its remedy.

    Parameters
    ----------
    text : str
        Why confidence in the answer is lower.
    remedy : str, optional
        What the user can do about it.
    fitted_only : bool
        Whether it compares with the training of the pair's bundle: it does not concern
        an answer from data sheets.
    informs : bool
        Whether it only says how the answer was made, and does not lower confidence.
    unsound : bool
        Whether the recording itself is probably wrong: ``xlate profile check`` does not
        accept such a file.
    step_taken : bool
        Whether it says that a part of the recording was taken for a step that the file
        does not mark: a step time of the user then contradicts nothing.

    Examples
    --------
    >>> from xlate.values.reason import Reason
    >>> reason = Reason("no step time was given", "give --step-time MS")
    >>> reason, reason.remedy
    ('no step time was given', 'give --step-time MS')
    """

    remedy: str | None
    fitted_only: bool
    informs: bool
    unsound: bool
    step_taken: bool

    def __new__(
        cls,
        text: str,
        remedy: str | None = None,
        *,
        fitted_only: bool = False,
        informs: bool = False,
        unsound: bool = False,
        step_taken: bool = False,
    ) -> Reason:
        """See the class."""
        reason = super().__new__(cls, text)
        reason.remedy, reason.fitted_only = remedy, fitted_only
        reason.informs, reason.unsound = informs, unsound
        reason.step_taken = step_taken
        return reason

    @classmethod
    def of(cls, reason: str, before: str = "") -> Reason:
        """A reason with a text before it, with its remedy; plain text has no remedy."""
        if not isinstance(reason, Reason):
            return cls(before + reason)
        text = before + str(reason)
        return cls(
            text,
            reason.remedy,
            fitted_only=reason.fitted_only,
            informs=reason.informs,
            unsound=reason.unsound,
            step_taken=reason.step_taken,
        )


def remedies(reasons: Iterable[str]) -> tuple[str, ...]:
    """The remedies of some reasons, each once, in their order."""
    given = (r.remedy for r in reasons if isinstance(r, Reason))
    return tuple(dict.fromkeys(r for r in given if r))


def informs(reason: str) -> bool:
    """Whether a reason only says how the answer was made."""
    return isinstance(reason, Reason) and reason.informs
