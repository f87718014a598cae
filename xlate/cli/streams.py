"""Standard output and standard error, whatever they are connected to."""

from __future__ import annotations

import codecs
import os
import sys
from contextlib import suppress

from xlate.errors import StorageError

__all__ = [
    "ascii_only",
    "drop_output",
    "flush",
    "prepare",
    "talk",
    "unwritable",
    "write",
]

#: what is printed where an encoding has no such character; others become "?"
_PLAIN = {
    "→": "->", "◀": "<", "–": "-", "—": "-", "─": "-", "…": "...", "•": "*", "µ": "u",
    "²": "2", "±": "+-", "×": "x", "≥": ">=", "≤": "<=", "°": "deg", "·": ".",
}  # fmt: skip


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_PLAIN.get(c, "?") for c in text), error.end


def prepare() -> None:
    """Make both streams take any text; to be called once, before anything is printed."""
    # a file opened while one of the three is closed would take its number, and
    # receive what is printed
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    codecs.register_error("xlate", _replaced)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="xlate")


def ascii_only() -> bool:
    """Whether standard output cannot take every character."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return not encoding.lower().replace("_", "-").startswith("utf")


def write(text: str) -> None:
    """Text to standard output as it is; it must be safe to print.

    Raises
    ------
    StorageError
        If standard output is closed, or cannot take more.
    BrokenPipeError
        If nobody reads it.
    """
    if sys.stdout is None:
        raise StorageError("standard output is closed", "send it to a file or a pipe")
    try:
        sys.stdout.write(text)
    except BrokenPipeError:
        raise
    except OSError as e:
        raise unwritable(e) from e


def unwritable(e: OSError) -> StorageError:
    """What to say when standard output cannot take more."""
    return StorageError(
        f"standard output cannot be written: {e.strerror or e}", "send it elsewhere"
    )


def talk(text: str) -> None:
    """Text to standard error as it is; if that is closed or full, nobody is there."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print(text, file=sys.stderr, flush=True)


def flush() -> None:
    """Hand on what standard output still holds.

    Raises
    ------
    StorageError
        If it cannot take it.
    BrokenPipeError
        If nobody reads it.
    """
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as e:
            raise unwritable(e) from e


def drop_output() -> None:
    """Give up on what could not be printed, so that the interpreter ends quietly."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(devnull, stream.fileno())
    os.close(devnull)
