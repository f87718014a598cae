"""Where a case runs: a separate folder, and xlate in this process or in a separate one."""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

__all__ = ["LIMIT_S", "Hang", "Lab", "Outcome"]

#: the bound of the requirement: nothing takes longer, but for what fits something; it is
#: one of processor time, so that a busy machine fails nothing
LIMIT_S = 10
#: and what waits for ever is ended after this multiple of that
PATIENCE = 4
FIT_LIMIT_S = 300
ROOT = Path(__file__).resolve().parents[2]


class Hang(BaseException):
    """A command ran into its bound."""


@dataclass(frozen=True)
class Outcome:
    """What a command left behind; ``exit`` is None where it crashed."""

    args: tuple[str, ...]
    exit: int | None
    out: str
    err: str
    crash: str | None = None

    @property
    def said(self) -> str:
        return self.out + "\n" + self.err

    @property
    def document(self) -> Any:
        """The JSON document on stdout, or None."""
        try:
            return json.loads(self.out)
        except ValueError:
            return None


class Lab:
    """Runs commands for one case.

    Parameters
    ----------
    folder : Path
        Empty; commands run in it.
    home : Path
        Data home with what was fitted for all cases.
    process : bool
        Whether every command gets a separate process.
    limit_s : float
        Bound of one command.
    """

    def __init__(
        self, folder: Path, home: Path, process: bool = False, limit_s: float = LIMIT_S
    ) -> None:
        self.dir, self.home, self.given_home = folder, home, home
        self.process, self.limit_s = process, limit_s
        self.env: dict[str, str] = {}
        self.ran: list[Outcome] = []

    def write(self, name: str, content: bytes | str) -> str:
        """Write a file; gives its name, relative to the folder of the case."""
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    def own_home(self) -> Path:
        """A data home for this case alone."""
        self.home = self.dir / "home"
        self.home.mkdir(exist_ok=True)
        return self.home

    @property
    def command(self) -> str:
        """The last command, as typed."""
        if not self.ran:
            return ""
        more = " ".join(f"{k}={shlex.quote(v)}" for k, v in self.env.items())
        return f"{more} xlate {shlex.join(self.ran[-1].args)}".strip()

    def xlate(
        self,
        *args: str | Path,
        process: bool = False,
        stdout: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Run xlate; ``stdout`` names a file that takes its output."""
        words = tuple(str(a) for a in args)
        self.env = dict(env or {})
        outside = process or self.process or stdout is not None
        with self._surroundings():
            run = self._outside(words, stdout) if outside else self._inside(words)
        self.ran.append(run)
        return run

    @contextlib.contextmanager
    def _surroundings(self) -> Iterator[None]:
        before, there = dict(os.environ), Path.cwd()
        os.environ.update(
            {"XLATE_HOME": str(self.home), "NO_COLOR": "1", "COLUMNS": "100",
             "PYTHONUTF8": "1", **self.env}
        )  # fmt: skip
        os.chdir(self.dir)
        try:
            yield
        finally:
            os.chdir(there)
            os.environ.clear()
            os.environ.update(before)

    def _outside(self, args: tuple[str, ...], stdout: str | None) -> Outcome:
        env = {k: v for k, v in os.environ.items() if v != "\0unset"}
        env["PYTHONPATH"] = str(ROOT)
        begun = _spent_by_children()
        with contextlib.ExitStack() as stack:
            sink: Any = subprocess.PIPE
            if stdout is not None:
                sink = stack.enter_context(open(stdout, "wb", buffering=0))
            try:
                done = subprocess.run(
                    [sys.executable, "-m", "xlate", *args],
                    stdout=sink, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                    timeout=PATIENCE * self.limit_s, env=env,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                return Outcome(
                    args, None, "", "", f"hangs: over {PATIENCE * self.limit_s:g} s"
                )
            except ValueError as e:  # a NUL byte cannot be typed
                return Outcome(args, 2, "", f"not possible: {e}")
        spent = _spent_by_children() - begun
        out = (done.stdout or b"").decode("utf-8", "replace")
        err = done.stderr.decode("utf-8", "replace")
        if done.returncode < 0:
            name = signal.Signals(-done.returncode).name
            return Outcome(args, None, out, err, f"killed by {name}")
        crash = None
        # what importing takes on a slow machine is not the input's doing
        if spent > self.limit_s + 5:
            crash = f"hangs: {spent:.0f} s of work"
        return Outcome(args, done.returncode, out, err, crash)

    def _inside(self, args: tuple[str, ...]) -> Outcome:
        from xlate import cli

        code: int | None = 0
        crash = None
        argv, sys.argv = sys.argv, ["xlate", *args]
        with _left_by_exception(), _taken(1) as out, _taken(2) as err:
            try:
                with _bounded(self.limit_s):
                    cli.main()
            except SystemExit as e:
                code = e.code if isinstance(e.code, int) else int(bool(e.code))
            except Hang:
                code, crash = None, f"hangs: over {self.limit_s:g} s of work"
            except BaseException as e:  # noqa: BLE001 - a panic of a library is no Exception
                code = None
                crash = f"{type(e).__module__}.{type(e).__name__}: {str(e)[:4000]}"
            finally:
                sys.argv = argv
        return Outcome(args, code, out.read_text(), err.read_text(), crash)


@contextlib.contextmanager
def _left_by_exception() -> Iterator[None]:
    """Beside a thread at work xlate leaves by ``os._exit``, which would end the worker."""
    leave, worker_pid = os._exit, os.getpid()

    def raising(status: int) -> NoReturn:
        if os.getpid() == worker_pid:
            raise SystemExit(status)
        leave(status)

    os._exit = raising
    try:
        yield
    finally:
        os._exit = leave


@contextlib.contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    def ring(*_: Any) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, ring), signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE * seconds)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGALRM, before[0])
        signal.signal(signal.SIGPROF, before[1])


def _spent_by_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class _Taken:
    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 - read after the command

    def read_text(self) -> str:
        with self.file:
            self.file.seek(0)
            return self.file.read().decode("utf-8", "replace")


@contextlib.contextmanager
def _taken(number: int) -> Iterator[_Taken]:
    """What is written to a descriptor, by Python and by libraries below it."""
    name = {1: "stdout", 2: "stderr"}[number]
    python, taken = getattr(sys, name), _Taken()
    kept = os.dup(number)
    os.dup2(taken.file.fileno(), number)
    stream = io.TextIOWrapper(
        open(number, "wb", buffering=0, closefd=False),  # noqa: SIM115
        "utf-8",
        write_through=True,
    )
    setattr(sys, name, stream)
    try:
        yield taken
    finally:
        with contextlib.suppress(OSError, ValueError):
            stream.close()
        setattr(sys, name, python)
        os.dup2(kept, number)
        os.close(kept)
