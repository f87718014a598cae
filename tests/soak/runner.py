"""Gives cases to workers, restarts workers that end, and repeats what failed."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.soak.case import Case
from tests.soak.lab import FIT_LIMIT_S, ROOT

__all__ = ["Result", "prepare", "run", "sampled", "table"]

#: a case runs several commands, each with a separate bound
_CASE_LIMIT_S = 150.0
#: every n-th case is judged in separate processes from the start
_OUTSIDE_EVERY = 25


@dataclass(frozen=True)
class Result:
    """What came of a case."""

    case: Case
    wrong: tuple[str, ...]
    command: str
    seconds: float
    commands: int = 0
    #: what is wrong of a case that waits for what is not built yet
    waits: tuple[str, ...] = ()


def sampled(cases: Sequence[Case], one_in: int) -> list[Case]:
    """Every n-th case of each kind, those that fit something left out."""
    quick = [c for c in cases if "slow" not in c.needs]
    kinds = dict.fromkeys(c.kind for c in quick)
    return [c for kind in kinds for c in [c for c in quick if c.kind == kind][::one_in]]


def prepare(home: Path) -> str | None:
    """Fit the clock model that cases of kind ``clocks`` need; gives what went wrong."""
    if (home / "models/clocks/p3.2xlarge/manifest.json").is_file():
        return None
    done = subprocess.run(
        [sys.executable, "-m", "xlate", "clocks", "fit", "--target", "p3.2xlarge",
         "--sweeps", "simulated", "--model", "response-linear"],
        env=_environment(home), capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    return None if done.returncode == 0 else done.stderr.strip()[-300:]


def _environment(home: Path) -> dict[str, str]:
    more = {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "POLARS_MAX_THREADS": "2",
    }
    kept = {k: v for k, v in os.environ.items() if k != "XLATE_ANCHORS"}
    return {**more, **kept, "XLATE_HOME": str(home), "NO_COLOR": "1", "COLUMNS": "100"}


class _Worker:
    """A process of :mod:`tests.soak.worker`."""

    def __init__(self, home: Path, log: Path) -> None:
        self.home, self.log = home, log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.soak.worker", str(self.home)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                cwd=ROOT, env=_environment(self.home),
            )  # fmt: skip
        if self._line(120.0) != "ready":
            raise RuntimeError(f"no worker starts; see {self.log}")

    def _line(self, seconds: float) -> str | None:
        """Next line of the answers; "" when the process died, None when time is over."""
        assert self.process is not None
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        if not ready:
            return None
        return self.process.stdout.readline().decode().rstrip("\n")

    def ask(self, case: Case, outside: bool) -> Result:
        begun = time.monotonic()
        if self.process is None or self.process.poll() is not None:
            self.stop()
            self.start()
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(
            f"{case.id}\t{'process' if outside else ''}\n".encode()
        )
        self.process.stdin.flush()
        limit = FIT_LIMIT_S * 2 if "slow" in case.needs else _CASE_LIMIT_S
        line = self._line(limit)
        spent = time.monotonic() - begun
        if line:
            answer = json.loads(line)
            return Result(
                case,
                tuple(answer["wrong"]),
                answer["command"],
                spent,
                answer["commands"],
                tuple(answer["waits"]),
            )
        end = self.process.poll() if line == "" else None
        self.stop()
        said = (
            f"hangs (over {limit:g} s)"
            if line is None
            else f"ends the process (status {end})"
        )
        return Result(case, (said,), "", spent)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            self.process = None


def run(
    cases: Sequence[Case],
    home: Path,
    workers: int = 2,
    say: Callable[[str], None] | None = None,
) -> list[Result]:
    """Judge cases; a failure is judged again in separate processes, which decides.

    A case whose command took the worker down is in any case wrong in its second run,
    or reported as such.
    """
    waiting: queue.SimpleQueue[tuple[int, Case]] = queue.SimpleQueue()
    for k, case in enumerate(cases):
        waiting.put((k, case))
    results: dict[int, Result] = {}

    def work(n: int) -> None:
        worker = _Worker(home, home / f"worker-{n}.log")
        with contextlib.suppress(queue.Empty):
            while True:
                k, case = waiting.get_nowait()
                outside = k % _OUTSIDE_EVERY == _OUTSIDE_EVERY - 1
                result = worker.ask(case, outside)
                if result.wrong and not outside:
                    again = worker.ask(case, True)
                    # in a separate process it does not happen: the state of the worker
                    result = again if result.command else result
                results[k] = result
                if result.wrong and say:
                    say(f"{case.id}: {result.wrong[0]}")
        worker.stop()

    home.mkdir(parents=True, exist_ok=True)
    threads = [threading.Thread(target=work, args=(n,)) for n in range(workers)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if len(results) < len(cases):
        raise RuntimeError(f"{len(cases) - len(results)} cases were not judged")
    return [results[k] for k in sorted(results)]


def table(results: Sequence[Result]) -> str:
    """Kind, cases, passed, failed, and below it each failure with its command."""
    lines = [
        f"{'kind':<18}{'cases':>7}{'passed':>8}{'failed':>8}{'waiting':>9}{'seconds':>9}"
    ]
    for kind in [*dict.fromkeys(r.case.kind for r in results), "all"]:
        of_kind = [r for r in results if kind in (r.case.kind, "all")]
        bad = sum(bool(r.wrong) for r in of_kind)
        waiting = sum(bool(r.waits) for r in of_kind)
        spent = sum(r.seconds for r in of_kind)
        lines.append(
            f"{kind:<18}{len(of_kind):>7}{len(of_kind) - bad - waiting:>8}{bad:>8}{waiting:>9}{spent:>9.0f}"
        )
    for r in results:
        lines += [f"waits: {r.case.id}: {w}" for w in r.waits[:1]]
    for r in results:
        if r.wrong:
            lines += ["", f"{r.case.id}   ({r.case.origin})"]
            lines += [f"    wrong: {w}" for w in r.wrong]
            lines += [f"    again: python -m tests.soak --case {r.case.id}"]
            if r.command:
                lines += [f"    which ran: {r.command}"]
    return "\n".join(lines)
