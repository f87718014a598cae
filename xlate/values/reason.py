"""Reasons that hold against an answer, each with what to do about it.

A reason is a text, so that JSON, tables and comparisons take it as one; what to do is a
value beside the text, written where the reason is written. No wording is searched.
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

#: what to do, where several reasons ask for the same
CHECK_ANCHOR = "check --anchor: name the machine that the profile was recorded on"
GIVE_STEP = "time a step on the anchor and give it: --step-time MS"
MEASURE = "take it as a rough figure: measure a step on the target before relying on it"
ADAPT = "measure a few runs on the target and adapt to them: xlate fit --shots"
NEARER = "profile a size nearer to those of training, or measure this one"


class Reason(str):
    """A reason in words, with its remedy.

    Parameters
    ----------
    text : str
        What holds against the answer.
    remedy : str, optional
        What the user can do about it.
    fitted_only : bool
        Whether it compares with the training of the pair's bundle: it says nothing of
        an answer from data sheets.
    informs : bool
        Whether it says how the answer was made, and holds nothing against it.
    unsound : bool
        Whether the recording itself is likely not what was wanted, whatever is made of
        it: ``xlate profile check`` does not call such a file ok.
    step_taken : bool
        Whether it says that something was taken for a step which the file does not mark
        as one: a step time that the user gives contradicts nothing then.

    Examples
    --------
    >>> from xlate.values.reason import Reason
    >>> said = Reason("no step time was given", "give --step-time MS")
    >>> said, said.remedy
    ('no step time was given', 'give --step-time MS')
    """

    remedy: str | None
    fitted_only: bool
    informs: bool
    unsound: bool
    step_taken: bool

    def __new__(
        cls, text: str, remedy: str | None = None, *, fitted_only: bool = False,
        informs: bool = False, unsound: bool = False, step_taken: bool = False,
    ) -> Reason:  # fmt: skip
        """See the class."""
        reason = super().__new__(cls, text)
        reason.remedy, reason.fitted_only = remedy, fitted_only
        reason.informs, reason.unsound = informs, unsound
        reason.step_taken = step_taken
        return reason

    @classmethod
    def of(cls, reason: str, before: str = "") -> Reason:
        """A reason with a text before it, its remedy kept; plain text has none."""
        if not isinstance(reason, Reason):
            return cls(before + reason)
        text = before + str(reason)
        return cls(
            text, reason.remedy, fitted_only=reason.fitted_only, informs=reason.informs,
            unsound=reason.unsound, step_taken=reason.step_taken,
        )  # fmt: skip


def remedies(reasons: Iterable[str]) -> tuple[str, ...]:
    """What to do about some reasons, each remedy once, in their order."""
    given = (r.remedy for r in reasons if isinstance(r, Reason))
    return tuple(dict.fromkeys(r for r in given if r))


def informs(reason: str) -> bool:
    """Whether a reason only says how the answer was made."""
    return isinstance(reason, Reason) and reason.informs
