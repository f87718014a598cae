"""Traces changed at random: an independent reading agrees, or xlate doubts or refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from experiments import real_files
from tests.perturbed import CHANGES, changed, cuts
from tests.soak.case import Cases
from tests.soak.checks import says
from tests.soak.lab import Lab
from tests.support import profiles_made as pm
from xlate import readers
from xlate.errors import XlateError
from xlate.values.reason import informs

_ORIGIN = "nothing silently wrong on real files that are not here"
#: changed files are read within seconds
_LARGEST = 3_000_000
SEEDS = 3
CUTS = 10


def _wrong(path: Path) -> Iterator[str]:
    row = real_files.compared(path)
    if row.verdict != "wrong":
        return
    try:
        profiles = readers.read(path)
    except XlateError:
        return
    if not any(not informs(n) for p in profiles for n in p.notes):
        yield (
            f"read without a doubt, and wrong: step off by {row.step_error}, busy by "
            f"{row.busy_error}, GPU {row.gpu} {row.why}"
        )


def _after(
    content: Callable[[], bytes], change: str, seed: int
) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        name = lab.write("a.json", changed(content(), change, seed))
        lab.xlate("profile", "check", name)
        yield from _wrong(lab.dir / name)

    return judge


def _cut(content: Callable[[], bytes]) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        content_bytes = content()
        for piece in cuts(content_bytes, CUTS, 0):
            name = lab.write("a.json", piece)
            run = lab.xlate("profile", "check", name)
            # what follows the events may be lost without a word: nothing is read there
            if run.exit == 0 and len(piece) < 0.9 * len(content_bytes):
                yield from says(run, "breaks off|doubt|busy")
            yield from _wrong(lab.dir / name)

    return judge


def _sources() -> Iterator[tuple[str, Callable[[], bytes]]]:
    made = {
        "plain": pm.trace(pm.steps()),
        "two-gpus": pm.KINETO["two-gpus"][0],
        "streams": pm.KINETO["overlapping-streams"][0],
        "tensorflow": pm.TENSORFLOW_TRACE["two-gpus"][0],
    }
    for name, content in made.items():
        yield f"made-{name}", partial(bytes, content)
    for folder in real_files.folders_here():
        for pattern in ("kineto_*.json*", "tf_*.json*"):
            for path in sorted(folder.glob(pattern)):
                if path.stat().st_size <= _LARGEST and "cut" not in path.name:
                    yield path.name.partition(".")[0], path.read_bytes


def cases() -> Cases:
    """Every change of every trace, and cuts of each."""
    collected = Cases("two_readings")
    for name, content in _sources():
        for change in CHANGES:
            for seed in range(SEEDS if name.startswith("made") else 1):
                collected.add(
                    f"{name}-{change}-{seed}",
                    _ORIGIN,
                    _after(content, change, seed),
                    "slow",
                )
        collected.add(f"{name}-cuts", _ORIGIN, _cut(content), "slow")
    return collected
