"""This checkout against an earlier commit, in turns: ``benchmarks --against COMMIT``.

Every task runs in a separate process, once in the earlier tree and once in this
one, then in both again (A B A B …), so that what else the machine does meanwhile
slows both alike. Medians of CPU seconds (user and system, which a busy machine
changes little) and of wall seconds are reported, and the median of the ratio of each
pair of runs, after over before. Both trees run on one Python with one set of packages;
each has a separate data home, and the corpus in it is imported by that tree's code.
"""

from __future__ import annotations

import io
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from experiments.traces import write_trace

__all__ = ["TASKS", "Comparison", "Spent", "Task", "Tree", "compare_trees", "earlier"]

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "datasets/examples/g3s.xlarge-128dataset-ResNet18-SGD-64-simulated.csv"
PAIR = ("--anchor", "g3s.xlarge", "--target", "p3.2xlarge")
#: a task is slower where its CPU time grew by more than this share
SLOWER = 0.10

#: begins and ends the part of a process that counts
_WATCH = """
import os, time, sys
def spent():
    t = os.times()
    return t.user + t.system + t.children_user + t.children_system, time.perf_counter()
def counted(work):
    cpu, wall = spent()
    work()
    cpu, wall = spent()[0] - cpu, spent()[1] - wall
    print(cpu, wall)
"""
_WARM_TRANSLATE = """
import xlate
profile = xlate.read_profile(sys.argv[1])
def work():
    for _ in range(100):
        xlate.translate(profile, 'g3s.xlarge', 'p3.2xlarge')
xlate.translate(profile, 'g3s.xlarge', 'p3.2xlarge')
counted(work)
"""
_FIT = """
import xlate
counted(lambda: xlate.fit('g3s', 'p3', 'profet', translators=(), save=False))
"""
_BULK = """
import numpy as np, polars as pl, xlate
try:
    from xlate.data import corpus
except ImportError:
    from xlate import corpus
wide = corpus.load('profet').runs_on('g3s.xlarge')
ops = [c for c in wide.columns if c.startswith(('Device_', 'Host_'))]
frame = wide.select(*ops, 'step_time_us')[np.arange(100_000) % wide.height]
rng = np.random.default_rng(0)
frame = frame.with_columns(pl.col(ops) * pl.Series(rng.uniform(0.5, 2, frame.height)))
xlate.translate(frame[:2000], 'g3s.xlarge', 'p3.2xlarge')
counted(lambda: xlate.translate(frame, 'g3s.xlarge', 'p3.2xlarge'))
"""
_READ = "from xlate import readers; print(len(readers.read(sys.argv[1])[0].ops))"


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is timed: the program's arguments, or code that times a part of itself."""

    arguments: tuple[str, ...] = ()
    code: str = ""
    runs: int = 7
    needs_profet: bool = False
    trace_bytes: float = 0.0

    def command(self, trace: Path) -> list[str]:
        """Command line; a made trace or the example is the code's only argument."""
        if self.arguments:
            return [sys.executable, "-m", "xlate", *self.arguments]
        file = trace if self.trace_bytes else EXAMPLE
        return [sys.executable, "-c", _WATCH + self.code, str(file)]

    @property
    def times_itself(self) -> bool:
        """Whether the process prints the seconds that count, or all of it counts."""
        return "counted(" in self.code


TASKS: dict[str, Task] = {
    "help": Task(arguments=("--help",), runs=11),
    "translate_cold": Task(arguments=("translate", str(EXAMPLE), *PAIR), runs=11),
    "translate_warm": Task(code=_WARM_TRANSLATE),
    "fit": Task(code=_FIT, runs=3, needs_profet=True),
    "bulk": Task(code=_BULK, runs=5, needs_profet=True),
    "compare_one_pair": Task(
        arguments=("compare", *PAIR, "--data", "profet"), runs=3, needs_profet=True
    ),
    "trace": Task(code=_READ, runs=3, trace_bytes=1e9),
}


@dataclass(frozen=True)
class Spent:
    """Seconds of one run."""

    cpu_s: float
    wall_s: float


@dataclass(frozen=True)
class Comparison:
    """Medians of one task in both trees, and of the ratio after/before run by run."""

    before: Spent
    after: Spent
    cpu_ratio: float
    wall_ratio: float
    runs: int

    @classmethod
    def of(cls, pairs: list[tuple[Spent, Spent]]) -> Comparison:
        """From runs in turns, the earlier tree first."""
        before, after = zip(*pairs, strict=True)
        return cls(
            _middle(before),
            _middle(after),
            statistics.median(b.cpu_s / a.cpu_s for a, b in pairs),
            statistics.median(b.wall_s / a.wall_s for a, b in pairs),
            len(pairs),
        )

    @property
    def slower(self) -> bool:
        """Whether the task takes a tenth more CPU time than before."""
        return self.cpu_ratio > 1 + SLOWER

    def document(self) -> dict[str, float | bool]:
        """Figures for JSON, seconds to the millisecond."""
        return {
            "cpu_s_before": round(self.before.cpu_s, 4),
            "cpu_s": round(self.after.cpu_s, 4),
            "cpu_ratio": round(self.cpu_ratio, 3),
            "wall_s_before": round(self.before.wall_s, 4),
            "wall_s": round(self.after.wall_s, 4),
            "wall_ratio": round(self.wall_ratio, 3),
            "runs": self.runs,
            "slower": self.slower,
        }


def _middle(runs: tuple[Spent, ...]) -> Spent:
    return Spent(
        statistics.median(r.cpu_s for r in runs),
        statistics.median(r.wall_s for r in runs),
    )


@dataclass(frozen=True)
class Tree:
    """A checkout whose code runs, and the data home that only it writes to."""

    root: Path
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """Variables under which a process imports this tree's code."""
        own = {"PYTHONPATH": str(self.root), "XLATE_HOME": str(self.home)}
        return os.environ | own | {"XLATE_CONFIG": os.devnull, "NO_COLOR": "1"}

    def check(self) -> None:
        """See that this tree's code runs, not what is installed.

        Raises
        ------
        ValueError
            If a process imports xlate from elsewhere.
        """
        code = "import xlate; print(xlate.__file__)"
        imported = self._output([sys.executable, "-c", code]).strip()
        if not Path(imported).is_relative_to(self.root):
            raise ValueError(f"{imported} is imported, not {self.root}/xlate")

    def import_profet(self) -> None:
        """Import the corpus into this tree's data home by its own code."""
        self._output([sys.executable, "-m", "xlate", "datasets", "import", "profet"])

    def run(self, task: Task, trace: Path) -> Spent:
        """One run of a task.

        Raises
        ------
        subprocess.CalledProcessError
            If the process fails.
        """
        cpu, wall = _children_cpu(), time.perf_counter()
        text = self._output(task.command(trace))
        of_process = Spent(_children_cpu() - cpu, time.perf_counter() - wall)
        return (
            Spent(*map(float, text.split()[-2:])) if task.times_itself else of_process
        )

    def _output(self, command: list[str]) -> str:
        done = subprocess.run(
            command,
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.stderr.write(done.stderr)
            done.check_returncode()
        return done.stdout


def _children_cpu() -> float:
    times = os.times()
    return times.children_user + times.children_system


@contextmanager
def earlier(commit: str) -> Iterator[Path]:
    """Files of a commit, unpacked for as long as the block lasts.

    Raises
    ------
    subprocess.CalledProcessError
        If the repository has no such commit.
    """
    packed = subprocess.run(
        ["git", "archive", "--format=tar", commit],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder)


def compare_trees(
    before: Path, names: list[str], after: Path = ROOT
) -> Iterator[tuple[str, Comparison]]:
    """Each task named, run in both trees in turns.

    Parameters
    ----------
    before, after : Path
        Roots of the two checkouts.
    names : list of str
        Tasks of :data:`TASKS`; all of them where the list is empty.

    Yields
    ------
    tuple of str and Comparison
        A task's name and what it took, as soon as it is done.

    Raises
    ------
    ValueError
        If a name is not a task's, or a tree's code is not what runs.
    """
    if unknown := set(names) - set(TASKS):
        names_of_all = ", ".join(TASKS)
        raise ValueError(f"no task is called {min(unknown)}; there are {names_of_all}")
    asked = {name: TASKS[name] for name in names or TASKS}
    with tempfile.TemporaryDirectory() as folder:
        trees = tuple(
            Tree(root, Path(folder) / side)
            for root, side in ((before, "before"), (after, "after"))
        )
        for tree in trees:
            tree.home.mkdir()
            tree.check()
            if any(task.needs_profet for task in asked.values()):
                tree.import_profet()
        trace = Path(folder) / "trace.json"
        for name, task in asked.items():
            if task.trace_bytes:
                write_trace(trace, task.trace_bytes)
            if task.runs > 3:  # what is slow is not run for nothing
                for tree in trees:
                    tree.run(task, trace)
            pairs = [
                (trees[0].run(task, trace), trees[1].run(task, trace))
                for _ in range(task.runs)
            ]
            yield name, Comparison.of(pairs)
