"""Options that no command takes as an argument: they set a setting, or the log.

A decorator adds them to the signature, takes them out of the call, and has them in force
while the command runs. So a command has them by one line, and each reaches everything
the command calls.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer

__all__ = ["COMPUTING", "PRICED", "PROVIDED", "Verbose", "sets", "shown_log", "verbose"]

#: of commands that say what something costs
PRICED = ("region", "electricity")
#: of commands that compute much
COMPUTING = ("parallel",)

_KINDS: Mapping[str, Any] = {
    "region": Annotated[
        str | None,
        typer.Option(
            "--region",
            help="Region of the cloud whose prices count. Default: the newest price.",
            show_default=False,
        ),
    ],
    "electricity": Annotated[
        float | None,
        typer.Option(
            "--electricity",
            metavar="USD",
            help="Price of a kWh in US dollars, paid on top for own machines. "
            "Default: 0.1.",
            show_default=False,
        ),
    ],
    "parallel": Annotated[
        str | None,
        typer.Option(
            "--parallel",
            metavar="NAME[:WORKERS]",
            help="Where the work is done: serial, threads or processes. Default: "
            "threads, as many as there are cores. The answers are the same.",
            show_default=False,
        ),
    ],
    "level": Annotated[
        float | None,
        typer.Option("--level", help="Level of the intervals.", show_default=False),
    ],
    "objective": Annotated[
        str | None,
        typer.Option("--objective", help="What to minimise.", show_default=False),
    ],
}
#: option -> setting of another name
_SETTINGS = {"electricity": "electricity_usd_per_kwh"}
#: parameters of commands whose default a setting says
PROVIDED = ("level", "objective")


def sets(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command options that set settings while it runs.

    Parameters
    ----------
    *names : str
        ``region``, ``electricity``, ``parallel``, ``level``, ``objective``.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def command(**given: Any) -> None:
            from xlate import settings

            chosen = {_SETTINGS.get(n, n): given.pop(n, None) for n in names}
            with settings.using(**chosen):
                function(**given)

        # read where defaults are provided: none of these is given by a default
        command.sets = names  # type: ignore[attr-defined]
        return _with_options(command, function, {n: (_KINDS[n], None) for n in names})

    return decorate


Verbose = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        help="Say on standard error what the answer rests on; -vv: and how long it took.",
        show_default=False,
    ),
]


def verbose(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command ``-v``; one that has it is given back as it is."""
    if "verbose" in inspect.signature(function).parameters:
        return function

    @functools.wraps(function)
    def command(**given: Any) -> None:
        with shown_log(given.pop("verbose", 0)):
            function(**given)

    return _with_options(command, function, {"verbose": (Verbose, 0)})


def _with_options(
    command: Callable[..., None],
    function: Callable[..., None],
    added: Mapping[str, tuple[Any, Any]],
) -> Callable[..., None]:
    """``command`` with the signature of ``function`` and options at its end."""
    # annotations as values: their names are those of the module of ``function``
    signature = inspect.signature(function, eval_str=True)
    command.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[
            *signature.parameters.values(),
            *(
                inspect.Parameter(
                    name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=default,
                    annotation=kind,
                )
                for name, (kind, default) in added.items()
            ),
        ]
    )
    kinds = {n: p.annotation for n, p in signature.parameters.items()}
    kinds |= {name: kind for name, (kind, _) in added.items()}
    command.__annotations__ = {**kinds, "return": None}
    return command


@contextmanager
def shown_log(level: int) -> Iterator[None]:
    """Show the log on standard error for as long as a command runs.

    Parameters
    ----------
    level : int
        0: nothing more than before; 1: INFO; more: DEBUG.
    """
    if not level:
        yield
        return
    import logging

    from xlate.cli import output
    from xlate.settings.logs import ROOT, timed

    class Talk(logging.Handler):
        """Each message is one line of talk, without control characters."""

        def emit(self, record: logging.LogRecord) -> None:
            output.talk(f"{record.levelname.lower()}: {record.getMessage()}")

    log, handler = logging.getLogger(ROOT), Talk()
    before = log.level
    log.addHandler(handler)
    # -v of the program and of the command may both be given: the louder counts
    wanted = logging.INFO if level == 1 else logging.DEBUG
    log.setLevel(min(wanted, before) if before else wanted)
    try:
        _log_settings(log)
        with timed(log, "the command"):
            yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


def _log_settings(log: Any) -> None:
    """What was not said by an option, and where it is from."""
    from xlate import settings
    from xlate.errors import XlateError

    try:
        now = settings.current()
    except XlateError as e:
        # the command says so itself where it needs one
        log.info("settings cannot be used: %s", e.what)
        return
    given = [
        f"{name}={getattr(now, name)} ({origin})"
        for name, origin in now.origins
        if origin.kind != "default"
    ]
    log.info("settings: %s", ", ".join(given) or "as they are by default")
