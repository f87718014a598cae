"""The one error tree: what went wrong, with which value, and what to try.

Every error xlate raises on purpose derives from :class:`XlateError`, so the
faces (command line, later a server) turn one type into one message. Anything
else that escapes is a defect of xlate itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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

#: options in hints -> arguments of the public functions with the same meaning
_ARGUMENTS = {
    "--anchor": "anchor", "--target": "target", "--force": "force",
    "--trace-steps": "trace_steps", "--step-mark": "step_mark", "--level": "level",
    "--objective": "objective", "--max-slowdown": "max_slowdown", "--sure": "sure",
    "--probe-file": "probes", "--telemetry": "telemetry", "--clocks-file": "clocks_file",
    "--data": "data", "--replace": "replace", "--parallel": "parallel",
}  # fmt: skip
#: those that take no value
_FLAGS = ("--force", "--replace")
#: an option, and the value after it: a word in capitals, or a number
_OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*)(?![\w=-])(?: ([A-Z]+\b|\d[\d.]*%?))?")

#: a command line of ours, up to the end of the clause
_COMMAND = re.compile(r"(\bxlate [a-z][^;,()]*)")


def _argument(option: re.Match[str]) -> str:
    """An option of a hint as an argument of Python; that of another program as it is."""
    name, value = option.group(1), option.group(2)
    if name not in _ARGUMENTS:
        return option.group(0)
    if name in _FLAGS:
        return f"{_ARGUMENTS[name]}=True" + (f" {value}" if value else "")
    return f"{_ARGUMENTS[name]}={value}" if value else f"{_ARGUMENTS[name]}="


def install_hint(extra: str) -> str:
    """How to install an extra of xlate.

    The name on the package index belongs to another project, so xlate is installed
    from a clone; every message and the README use these words.
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
    code : str, optional
        Name of this kind of error, for programs: it stays the same when the words of
        the message change (:mod:`xlate.cli.error_codes` lists all). That of the class by
        default.

    Examples
    --------
    >>> from xlate.errors import ProfileError
    >>> ProfileError("run.csv holds no operation").code
    'profile.invalid'
    """

    exit_code = 1
    code = "request.invalid"

    def __init__(
        self, what: str, hint: str | None = None, *, code: str | None = None
    ) -> None:
        self.what = what
        self.hint = hint
        if code is not None:
            self.code = code
        super().__init__(self.text("python"))

    def __reduce__(self) -> tuple[Any, ...]:
        """By its attributes, since subclasses take other arguments than the message."""
        return _restored, (type(self), self.args, self.__dict__)

    def __eq__(self, other: object) -> bool:
        """Whether the other is the same error: its class, its words and its code."""
        if not isinstance(other, XlateError) or type(other) is not type(self):
            return NotImplemented
        return (self.args, self.__dict__) == (other.args, other.__dict__)

    def __hash__(self) -> int:
        """By class and words."""
        return hash((type(self), self.args))

    def hint_for(self, face: str) -> str | None:
        """The hint in the words of a face.

        Parameters
        ----------
        face : {"cli", "python"}
            Hints are written with the options of the command line (``--trace-steps
            N``); in Python those are arguments (``trace_steps=N``). Commands, and
            options of other programs, stay as they are.

        Examples
        --------
        >>> from xlate.errors import XlateError
        >>> XlateError("no steps", "give --trace-steps N").hint_for("python")
        'give trace_steps=N'
        """
        if self.hint is None or face == "cli":
            return self.hint
        # what follows the name of the program, up to the end of the clause, is a command
        parts = _COMMAND.split(self.hint)
        parts[::2] = [_OPTION.sub(_argument, part) for part in parts[::2]]
        return "".join(parts)

    def text(self, face: str = "python") -> str:
        """What is wrong and what to try, in the words of a face (:meth:`hint_for`)."""
        hint = self.hint_for(face)
        return self.what if hint is None else f"{self.what}\n  try: {hint}"


def _restored(
    kind: type[XlateError], args: tuple[Any, ...], state: dict[str, Any]
) -> XlateError:
    """An error that was pickled."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class CatalogError(XlateError):
    """A fact about an instance or GPU is missing, contradictory or without a source."""

    code = "catalog.invalid"


class ProfileError(XlateError):
    """A profile file cannot be read, or holds values that cannot be true."""

    code = "profile.invalid"


class CorpusError(XlateError):
    """A corpus on disk is missing, incomplete or contradicts its own card."""

    code = "corpus.invalid"


class AlignmentError(XlateError):
    """Two instances share too little work to learn a translation from it."""

    code = "alignment.too-little"


class BundleError(XlateError):
    """A fitted model on disk is foreign, damaged, tampered with or too new."""

    code = "bundle.unusable"


class StorageError(XlateError):
    """The data home cannot be read or written."""

    code = "storage.failed"


class DownloadError(XlateError):
    """A file could not be fetched completely, or is not the expected file."""

    code = "download.failed"


class RefusedError(XlateError):
    """The answer is out of domain, and ``--strict`` makes that an error."""

    exit_code = 3
    code = "answer.refused"


class UnknownNameError(XlateError):
    """A name that is in no catalogue, registry or folder.

    Parameters
    ----------
    kind : str
        What the name should have been, for example ``"instance"``.
    name : str
        The name given.
    accepted : iterable of str
        Names that would have been accepted; the nearest are shown.
    hint : str, optional
        What to try when nothing is near.
    code : str, optional
        As :class:`XlateError`; ``unknown.`` and the kind by default:
        ``unknown.instance``.
    near : sequence of str
        Names that are near for a reason other than their letters, shown first.
    owners : mapping of str to str, optional
        The full name of each accepted name: several names of one thing are shown as
        its full name.
    """

    code = "unknown.name"

    def __init__(
        self,
        kind: str,
        name: str,
        accepted: Iterable[str],
        hint: str | None = None,
        *,
        near: Sequence[str] = (),
        owners: Mapping[str, str] | None = None,
        code: str | None = None,
    ) -> None:
        # imported here, since names are seldom unknown
        import difflib

        every = sorted(set(accepted))
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
        super().__init__(
            f"unknown {kind} {name!r}",
            "; ".join(parts) or None,
            code=code or "unknown." + kind.lower().replace(" ", "-"),
        )
        self.nearest = near


def all_of(errors: Sequence[XlateError]) -> XlateError:
    """One error with the faults of several files.

    Examples
    --------
    >>> from xlate.errors import ProfileError
    >>> print(all_of([ProfileError("a is empty"), ProfileError("b is empty")]).what)
    a is empty; b is empty
    """
    if len(errors) == 1:
        return errors[0]
    hints = dict.fromkeys(e.hint for e in errors if e.hint)
    codes = {e.code for e in errors}
    return ProfileError(
        "; ".join(e.what for e in errors),
        "; ".join(hints),
        code=codes.pop() if len(codes) == 1 else None,
    )
