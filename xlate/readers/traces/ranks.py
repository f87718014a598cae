"""Traces of the ranks of one job, one file each.

PyTorch's profiler writes one trace per process. ``distributedInfo`` holds the number of
the rank and of all ranks; where it is missing, the file's name may hold the rank
(``rank-3.….pt.trace.json.gz``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from xlate.errors import ProfileError
from xlate.readers.source import Source
from xlate.readers.traces.chrome import is_trace

__all__ = ["Job", "Rank", "jobs_in", "rank_of"]

_INFO = re.compile(rb'"distributedInfo"\s*:\s*\{')
_RANK = re.compile(rb'"rank"\s*:\s*"?(\d{1,7})\b')
_WORLD = re.compile(rb'"world_size"\s*:\s*"?(\d{1,7})\b')
_EVENTS = re.compile(rb'"traceEvents"\s*:\s*\[')
#: bytes searched before the events, after them, and bytes of ``distributedInfo`` itself
_HEAD, _TAIL, _SAID = 4 << 20, 4 << 20, 4096
#: bytes read at once up to the end of a packed file
_PIECE = 1 << 20
#: "rank-3.host.pt.trace.json.gz", "trace_rank_3.json", "rank3_step10.json"
_NAMED = re.compile(r"(?<![a-z])rank[-_. ]?(\d{1,7})(?!\d)", re.IGNORECASE)


@dataclass(frozen=True)
class Rank:
    """The rank that recorded a trace.

    Attributes
    ----------
    file : Path
    number : int
    world : int or None
        Ranks of the job; None where only the file's name holds the number.
    """

    file: Path
    number: int
    world: int | None


@dataclass(frozen=True)
class Job:
    """Traces of the ranks of one job.

    Attributes
    ----------
    ranks : tuple of Rank
        By number; several of one number where it was recorded several times.
    nameless : int
        Files of the folder that could not be read and may be of any rank.
    """

    ranks: tuple[Rank, ...]
    nameless: int = 0

    @property
    def world(self) -> int | None:
        """How many ranks the job has; None where no file holds it."""
        return next((r.world for r in self.ranks if r.world), None)

    @property
    def missing(self) -> tuple[int, ...]:
        """Ranks of which there is no file."""
        present = {r.number for r in self.ranks}
        return tuple(
            k for k in range(self.world or max(present) + 1) if k not in present
        )

    @property
    def repeated(self) -> tuple[int, ...]:
        """Ranks of which there are several files."""
        numbers = [r.number for r in self.ranks]
        return tuple(sorted({n for n in numbers if numbers.count(n) > 1}))


def rank_of(file: Path) -> Rank | None:
    """The rank that recorded a file; None where it is not a trace, or holds no rank.

    Raises
    ------
    ProfileError
        If the file cannot be read.
    """
    source = Source(file)
    if not is_trace(source.head):
        return None
    info = _INFO.search(source.head)
    if info is not None:
        rank = _from_info(file, source.head[info.end() : info.end() + _SAID])
    else:
        with source.open() as stream:
            rank = _from_info(file, _elsewhere(stream, packed=source.packed))
    if rank is not None:
        return rank
    named = _NAMED.search(file.name)
    return Rank(file, int(named[1]), None) if named else None


def _from_info(file: Path, text: bytes) -> Rank | None:
    rank, world = _RANK.search(text), _WORLD.search(text)
    if rank is None or world is None:
        return None
    number, size = int(rank[1]), int(world[1])
    return Rank(file, number, size) if number < size else None


def _elsewhere(stream: IO[bytes], *, packed: bool) -> bytes:
    """The text after ``distributedInfo``, further on or at the end of the file."""
    head = b""
    while len(head) < _HEAD and (more := stream.read(_PIECE)):
        head += more
        if _EVENTS.search(head):
            break
    events = _EVENTS.search(head)
    info = _INFO.search(head, 0, events.start() if events else len(head))
    if info is not None:
        return head[info.end() : info.end() + _SAID]
    tail = head
    if not packed:
        end = stream.seek(0, 2)
        stream.seek(max(0, end - _TAIL))
        tail = stream.read(_TAIL)
    else:
        while more := stream.read(_PIECE):
            tail = (tail + more)[-_TAIL:]
    ends = [m.end() for m in _INFO.finditer(tail)]
    return tail[ends[-1] : ends[-1] + _SAID] if ends else b""


def jobs_in(files: Sequence[Path], unread: Collection[Path] = ()) -> list[Job]:
    """Jobs whose ranks are among the files of one folder.

    Files belong to one job where they hold the same number of ranks and different rank
    numbers. Where only names hold the rank, they must be equal except for the rank and
    the run's suffix. A single rank is a job only where its file says that there are
    others.

    Parameters
    ----------
    files : sequence of Path
    unread : collection of Path
        Files without a readable profile: where they do not hold their rank, their names
        may, and they belong to the job that lacks that rank.
    """
    groups: dict[tuple[int | None, str], list[Rank]] = {}
    cut: list[Path] = []
    for file in files:
        try:
            rank = rank_of(file)
        except ProfileError:
            rank = None
        if file in unread and (rank is None or rank.world is None):
            cut.append(file)
        elif rank is not None and rank.world != 1:
            stem = "" if rank.world else _stem(file)
            groups.setdefault((rank.world, stem), []).append(rank)
    _join_by_name(groups)
    nameless = sum(not _claimed(file, groups) for file in cut)
    jobs = []
    for ranks in groups.values():
        ordered = sorted(ranks, key=lambda r: (r.number, r.file.name))
        if any(r.world for r in ordered) or len({r.number for r in ordered}) > 1:
            jobs.append(Job(tuple(ordered), nameless))
    return jobs


def _stem(file: Path) -> str:
    return _NAMED.split(file.name)[0].lower()


def _join_by_name(groups: dict[tuple[int | None, str], list[Rank]]) -> None:
    """Move ranks known by name only (as of cut files) to the one job that lacks them all."""
    for key in [k for k in groups if k[0] is None]:
        numbers = {r.number for r in groups[key]}
        lacking = [
            (world, stem)
            for (world, stem), ranks in groups.items()
            if world
            and max(numbers) < world
            and numbers.isdisjoint(r.number for r in ranks)
        ]
        if len(lacking) == 1:
            groups[lacking[0]] += groups.pop(key)


def _claimed(file: Path, groups: dict[tuple[int | None, str], list[Rank]]) -> bool:
    """Add an unread file to the one job that lacks its rank; whether its name holds one."""
    named = _NAMED.search(file.name)
    if named is None:
        return False
    number = int(named[1])
    lacking = [
        (world, stem)
        for (world, stem), ranks in groups.items()
        if number not in {r.number for r in ranks}
        and (number < world if world else stem == _stem(file))
    ]
    if len(lacking) == 1:
        groups[lacking[0]].append(Rank(file, number, lacking[0][0]))
    return True
