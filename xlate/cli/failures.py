"""One failure, said once: a message, a JSON document where asked for, an exit code."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from xlate.cli import output, streams
from xlate.errors import StorageError, XlateError
from xlate.report.escapes import error_text, message

__all__ = ["Failure", "run", "wants_json"]

INTERRUPTED = 130
#: base of all errors of options and arguments, under whatever name typer has it
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]
_ClickError: type[Exception] = _UsageError.__bases__[0]


@dataclass(frozen=True)
class Failure:
    """What went wrong.

    Attributes
    ----------
    what, hint : str, str or None
        As in :class:`~xlate.errors.XlateError`.
    code : int
        Exit code.
    kind : str
        Name of the class of error.
    usage : str
        Printed before the message, empty for most.
    error_code : str
        Which kind of error, in a word that stays (:mod:`xlate.cli.error_codes`).
    """

    what: str
    hint: str | None
    code: int
    kind: str
    usage: str = ""
    error_code: str = "system.failed"

    def to_json(self) -> dict[str, Any]:
        """The document that ``--json`` prints for it."""
        return {
            "error": self.what,
            "hint": self.hint,
            "code": self.code,
            "error_code": self.error_code,
            "type": self.kind,
        }

    def text(self) -> str:
        """The message for people."""
        if self.code == INTERRUPTED:
            return self.what
        if self.usage:
            return f"{self.usage}\n\nError: {message(self.what)}"
        return error_text(self.what, self.hint)


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether ``--json`` is among the options, as far as anybody can say so early."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return "--json" in arguments[:end]


def _interrupted() -> Failure:
    return Failure(
        "interrupted; nothing was left half-written",
        None,
        INTERRUPTED,
        "Interrupted",
        error_code="interrupted",
    )


def _of_usage(error: Any) -> Failure:
    context = getattr(error, "ctx", None)
    usage = hint = ""
    if context is not None:
        hint = f"{context.command_path} {context.help_option_names[0]}"
        usage = f"{context.get_usage()}\nTry '{hint}' for help."
    return Failure(
        what=error.format_message(),
        hint=hint or None,
        code=error.exit_code,
        kind=type(error).__name__,
        usage=usage,
        error_code="usage.invalid",
    )


def _of_system(error: OSError) -> Failure:
    named = "" if error.filename is None else f"{error.filename}: "
    hint = None
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        hint = "free some space, or write to another disk"
    return Failure(f"{named}{error.strerror or error}", hint, 1, "OSError")


def run(app: Callable[..., Any]) -> None:
    """Run the program and leave it with the exit code of what happened."""
    streams.prepare()
    code = 0
    try:
        code = _outcome(app)
        streams.flush()
    except BrokenPipeError:
        # the reader of the pipe closed it
        code = 1
    except StorageError as e:
        code = e.exit_code
        streams.talk(error_text(e.what, e.hint))
    _leave(code)


def _outcome(app: Callable[..., Any]) -> int:
    """Exit code of the program; a failure is printed.

    Raises
    ------
    StorageError, BrokenPipeError
        If standard output cannot be written.
    """
    failure = None
    try:
        answer = app(standalone_mode=False)
        code = answer if isinstance(answer, int) else 0
        if code == INTERRUPTED:
            failure = _interrupted()
    except XlateError as e:
        failure = Failure(
            e.what, e.hint, e.exit_code, type(e).__name__, error_code=e.code
        )
    except (KeyboardInterrupt, typer.Abort):
        failure = _interrupted()
    except _ClickError as e:
        if type(e).__name__ == "NoArgsIsHelpError":
            e.show()  # type: ignore[attr-defined]
            return int(e.exit_code)  # type: ignore[attr-defined]
        failure = _of_usage(e)
    except BrokenPipeError:
        raise
    except OSError as e:
        failure = _of_system(e)
    except MemoryError:
        failure = Failure(
            "there is not enough memory for this",
            None,
            1,
            "MemoryError",
            error_code="memory.exhausted",
        )
    except SystemExit as e:
        return e.code if isinstance(e.code, int) else 1
    if failure is None:
        return code
    streams.talk(failure.text())
    if wants_json(sys.argv[1:]) and not output.document_printed():
        output.document(failure.to_json())
    return failure.code


def _leave(code: int) -> None:
    """End the process.

    After a failure, workers may still be at work in threads of joblib. The
    interpreter must not be taken down under them: that ends in SIGABRT.
    """
    streams.drop_output()
    threading = sys.modules.get("threading")
    if code and threading is not None and threading.active_count() > 1:
        os._exit(code)
    sys.exit(code)
