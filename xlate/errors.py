"""The one error tree: what went wrong, with which value, and what to try.

Every error xlate raises on purpose derives from :class:`XlateError`, so the
faces (command line, later a server) turn one type into one message. Anything
else that escapes is a defect of xlate itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "AlignmentError",
    "BundleError",
    "CatalogError",
    "CorpusError",
    "DownloadError",
    "ProfileError",
    "RefusedError",
    "StorageError",
    "UnknownNameError",
    "XlateError",
    "all_of",
    "install_hint",
]


def install_hint(extra: str) -> str:
    """How to install an extra of xlate.

    The name on the package index belongs to somebody else, so that it is installed
    from a clone; every message and the README say it in these words.
    """
    return f'in a clone of xlate: pip install ".[{extra}]"'


class XlateError(Exception):
    """Base of all errors raised on purpose.

    Parameters
    ----------
    what : str
        What is wrong, naming the file, column or value.
    hint : str, optional
        What the user can try next.
    """

    exit_code = 1

    def __init__(self, what: str, hint: str | None = None) -> None:
        super().__init__(what if hint is None else f"{what}\n  try: {hint}")
        self.what = what
        self.hint = hint


class CatalogError(XlateError):
    """A fact about an instance or GPU is missing, contradictory or without a source."""


class ProfileError(XlateError):
    """A profile file cannot be read, or holds values that cannot be true."""


class CorpusError(XlateError):
    """A corpus on disk is missing, incomplete or contradicts its own card."""


class AlignmentError(XlateError):
    """Two instances share too little work to learn a translation from it."""


class BundleError(XlateError):
    """A fitted model on disk is foreign, damaged, tampered with or too new."""


class StorageError(XlateError):
    """The data home cannot be read or written."""


class DownloadError(XlateError):
    """A file could not be fetched whole, or is not the file that was expected."""


class RefusedError(XlateError):
    """The answer would not deserve trust, and ``--strict`` asked for refusal."""

    exit_code = 3


class UnknownNameError(XlateError):
    """A name that no catalogue, registry or folder knows.

    Parameters
    ----------
    kind : str
        What the name should have been, for example ``"instance"``.
    name : str
        The name given.
    known : iterable of str
        Names that would have been accepted; the nearest are shown.
    hint : str, optional
        What to try when nothing is near.
    near : sequence of str
        Names that are near for a reason other than their letters, shown first.
    owners : mapping of str to str, optional
        The full name of what each known name stands for: several names for one thing
        are shown as that one.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        known: Iterable[str],
        hint: str | None = None,
        *,
        near: Sequence[str] = (),
        owners: Mapping[str, str] | None = None,
    ) -> None:
        # only when a name is unknown, which is seldom
        import difflib

        every = sorted(set(known))
        full = {n: n for n in every} if owners is None else owners
        names = sorted({full[n] for n in every})
        folded = {n.lower(): full[n] for n in every}
        alike = difflib.get_close_matches(name.lower(), list(folded), n=12, cutoff=0.5)
        near = list(dict.fromkeys([*near, *(folded[n] for n in alike)]))[:3]
        if near:
            suggestion = "did you mean " + " or ".join(near) + "?"
        elif names:
            shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
            suggestion = f"one of: {shown}"
        else:
            suggestion = ""
        parts = [p for p in (suggestion, hint) if p]
        super().__init__(f"unknown {kind} {name!r}", "; ".join(parts) or None)
        self.nearest = near


def all_of(errors: Sequence[XlateError]) -> XlateError:
    """One error that says what is wrong with each of several files.

    Examples
    --------
    >>> from xlate.errors import ProfileError
    >>> print(all_of([ProfileError("a is empty"), ProfileError("b is empty")]).what)
    a is empty; b is empty
    """
    if len(errors) == 1:
        return errors[0]
    hints = dict.fromkeys(e.hint for e in errors if e.hint)
    return ProfileError("; ".join(e.what for e in errors), "; ".join(hints))
