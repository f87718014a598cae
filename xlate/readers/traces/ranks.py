"""Traces of the ranks of one job, a file each: which of them stands for the job.

PyTorch's profiler writes one trace a process. In ``distributedInfo`` it says which rank
it was, and of how many; where that is missing, the file's name may say it
(``rank-3.….pt.trace.json.gz``). Files of one folder that are ranks of one job are one
answer: that of the slowest rank, since all others wait for it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from xlate import op_names
from xlate.errors import ProfileError, XlateError
from xlate.readers.source import Source
from xlate.readers.traces.chrome import is_trace
from xlate.values.profile import Profile
from xlate.values.reason import Reason

__all__ = ["Job", "Rank", "jobs_in", "joined", "rank_of", "slowest"]

_INFO = re.compile(rb'"distributedInfo"\s*:\s*\{')
_RANK = re.compile(rb'"rank"\s*:\s*"?(\d{1,7})\b')
_WORLD = re.compile(rb'"world_size"\s*:\s*"?(\d{1,7})\b')
_EVENTS = re.compile(rb'"traceEvents"\s*:\s*\[')
#: bytes looked at in front of the events, behind them, and of the information itself
_HEAD, _TAIL, _SAID = 4 << 20, 4 << 20, 4096
#: read at once on the way to the end of a packed file
_PIECE = 1 << 20
#: "rank-3.host.pt.trace.json.gz", "trace_rank_3.json", "rank3_step10.json"
_NAMED = re.compile(r"(?<![a-z])rank[-_. ]?(\d{1,7})(?!\d)", re.IGNORECASE)
#: ranks named one by one
_LISTED = 6
#: step times that differ by less are the same
_SAME = 0.005
#: step times that are more times apart than this are hardly of one job
_TWO_JOBS = 2.0
_APART = "put the traces of each job into a folder of its own"


@dataclass(frozen=True)
class Rank:
    """Which rank a trace is of.

    Attributes
    ----------
    file : Path
    number : int
    world : int or None
        Ranks of the job; None where only the file's name says the number.
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
        """How many ranks the job has, where a file says it."""
        return next((r.world for r in self.ranks if r.world), None)

    @property
    def missing(self) -> tuple[int, ...]:
        """Ranks of which there is no file."""
        there = {r.number for r in self.ranks}
        return tuple(k for k in range(self.world or max(there) + 1) if k not in there)

    @property
    def repeated(self) -> tuple[int, ...]:
        """Ranks of which there are several files."""
        numbers = [r.number for r in self.ranks]
        return tuple(sorted({n for n in numbers if numbers.count(n) > 1}))


def rank_of(file: Path) -> Rank | None:
    """Which rank a file is of; None where it is no trace, or nothing says it.

    Raises
    ------
    ProfileError
        If the file cannot be read.
    """
    source = Source(file)
    if not is_trace(source.head):
        return None
    said = _INFO.search(source.head)
    if said is not None:
        found = _told(file, source.head[said.end() : said.end() + _SAID])
    else:
        with source.open() as stream:
            found = _told(file, _elsewhere(stream, packed=source.packed))
    if found is not None:
        return found
    named = _NAMED.search(file.name)
    return Rank(file, int(named[1]), None) if named else None


def _told(file: Path, text: bytes) -> Rank | None:
    rank, world = _RANK.search(text), _WORLD.search(text)
    if rank is None or world is None:
        return None
    number, size = int(rank[1]), int(world[1])
    return Rank(file, number, size) if number < size else None


def _elsewhere(stream: IO[bytes], *, packed: bool) -> bytes:
    """What stands behind ``distributedInfo``, further on or at the end of the file."""
    head = b""
    while len(head) < _HEAD and (more := stream.read(_PIECE)):
        head += more
        if _EVENTS.search(head):
            break
    events = _EVENTS.search(head)
    said = _INFO.search(head, 0, events.start() if events else len(head))
    if said is not None:
        return head[said.end() : said.end() + _SAID]
    tail = head
    if not packed:
        end = stream.seek(0, 2)
        stream.seek(max(0, end - _TAIL))
        tail = stream.read(_TAIL)
    else:
        while more := stream.read(_PIECE):
            tail = (tail + more)[-_TAIL:]
    found = [m.end() for m in _INFO.finditer(tail)]
    return tail[found[-1] : found[-1] + _SAID] if found else b""


def jobs_in(files: Sequence[Path], unread: Collection[Path] = ()) -> list[Job]:
    """Jobs whose ranks are among the files of one folder.

    Files are of one job where they say the same number of ranks and different ranks of
    it; by name alone, where their names are the same but for the rank and what a run
    adds. One rank alone is a job only where its file says that there are others.

    Parameters
    ----------
    files : sequence of Path
    unread : collection of Path
        Those of which no profile could be read: where they do not say their rank any
        more, their names may, and they are of the job that lacks it.
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
    """Move ranks known by name alone, as of cut files, to the one job that lacks all of them."""
    for key in [k for k in groups if k[0] is None]:
        numbers = {r.number for r in groups[key]}
        lacking = [
            (world, stem)
            for (world, stem), ranks in groups.items()
            if world and max(numbers) < world and numbers.isdisjoint(r.number for r in ranks)
        ]  # fmt: skip
        if len(lacking) == 1:
            groups[lacking[0]] += groups.pop(key)


def _claimed(file: Path, groups: dict[tuple[int | None, str], list[Rank]]) -> bool:
    """Add an unread file to the one job that lacks the rank of its name; whether it says one."""
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


def joined(
    files: Sequence[Path], read: Mapping[Path, Sequence[Profile]],
    failed: Mapping[Path, XlateError] | None = None,
) -> dict[Path, list[Profile]]:  # fmt: skip
    """Profiles of the files of a folder, with one of each job in place of its ranks.

    Parameters
    ----------
    files : sequence of Path
        All of the folder, those that could not be read too.
    read : mapping of Path to profiles
    failed : mapping of Path to XlateError, optional
        Why the others could not be read.

    Returns
    -------
    dict of Path to list of Profile
        Empty for ranks that do not stand for their job.
    """
    found = {file: list(profiles) for file, profiles in read.items()}
    failed = failed or {}
    for job in jobs_in(files, failed):
        chosen = slowest(job, read, failed)
        for rank in job.ranks:
            if rank.file in found:
                found[rank.file] = [p for file, p in chosen if file == rank.file]
    return found


def slowest(
    job: Job, read: Mapping[Path, Sequence[Profile]],
    failed: Mapping[Path, XlateError] | None = None,
) -> list[tuple[Path, Profile]]:  # fmt: skip
    """File and profile of the slowest rank, with what the others say in its notes.

    Parameters
    ----------
    job : Job
    read : mapping of Path to profiles
        What the files hold; a rank that could not be read has none.
    failed : mapping of Path to XlateError, optional
        Why it could not.

    Returns
    -------
    list of tuple
        One; more where the ranks ran on GPUs of different kinds, or some train and
        others do not: one of each kind. Empty where no rank could be read.
    """
    there = [(r, p) for r in job.ranks for p in read.get(r.file, ())]
    kinds: dict[tuple[str | None, str], list[tuple[Rank, Profile]]] = {}
    for rank, profile in there:
        kind = (profile.device, profile.workload.mode)
        kinds.setdefault(kind, []).append((rank, profile))
    apart = _of_kinds(list(kinds))
    lost = _lost(job, {r.number for r, _ in there}, failed or {})
    files = [r.file for r, _ in there]
    return [_of_kind(job, found, files, [*apart, *lost]) for found in kinds.values()]


def _of_kinds(kinds: Sequence[tuple[str | None, str]]) -> list[str]:
    """What is said where ranks differ in what they ran on, or in what they did."""
    said: list[str] = []
    devices, modes = {device for device, _ in kinds}, {mode for _, mode in kinds}
    if len(devices) > 1:
        said.append(f"the job's ranks ran on {len(devices)} kinds of GPUs: each kind has an answer, of its slowest rank")  # fmt: skip
    if len(modes) > 1:
        said.append(
            Reason(
                f"the ranks are likely not of one job: some are of {' and some of '.join(sorted(modes))}",
                _APART,
                unsound=True,
            )
        )
    return said


def _lost(
    job: Job, there: Collection[int], failed: Mapping[Path, XlateError]
) -> list[str]:
    """Ranks that could not be read and why, and ranks of which there is no file."""
    said: list[str] = []
    unread = {r.number: r.file for r in job.ranks if r.number not in there}
    for number, file in list(unread.items())[:_LISTED]:
        error = failed.get(file)
        why = "" if error is None else f" ({error.what})"
        hint = None if error is None else error.hint
        said.append(
            Reason(f"rank {number} could not be read{why}: it may be the slowest", hint)
        )
    if len(unread) > _LISTED:
        said.append(f"{len(unread) - _LISTED} more ranks could not be read")
    if job.missing:
        where = "in a file" if job.nameless == 1 else f"among {job.nameless} files"
        lost = f", or {where} that could not be read," if job.nameless else ""
        said.append(
            Reason(
                f"{_named(job.missing)} of the job {'is' if len(job.missing) == 1 else 'are'} "
                f"not in the folder{lost} and may be slower",
                "put the traces of all ranks into the folder",
            )
        )
    return said


def _of_kind(
    job: Job, found: list[tuple[Rank, Profile]], read: Collection[Path],
    said_of_all: Sequence[str],
) -> tuple[Path, Profile]:  # fmt: skip
    # of equally long steps, that of the rank for which the others wait
    rank, profile = max(found, key=lambda f: (_length(f[1]), -_talk(f[1])))
    of = f"rank {rank.number}" + (f" of {job.world}" if job.world else "")
    others = {r.file for r, _ in found} != set(read)
    notes = [_apart(job, found, rank, profile, others), *said_of_all]
    least = min(_length(p) for _, p in found)
    if _length(profile) > _TWO_JOBS * least:
        said = (
            f"steps of these ranks are {_length(profile) / least:.3g} times apart, while "
            "ranks of one job wait for each other in every step: they are likely of several"
        )
        notes.append(Reason(said, _APART, unsound=True))
    if job.repeated:
        said = f"of {_named(job.repeated)} there are several recordings; the slowest counts"
        notes.append(Reason(said, informs=True))
    source = f"{profile.source} [{of}]"
    return rank.file, replace(profile, source=source, notes=(*notes, *profile.notes))


def _apart(
    job: Job, found: list[tuple[Rank, Profile]], rank: Rank, profile: Profile,
    others: bool,
) -> str:  # fmt: skip
    """Which rank was taken, and how far the ranks are apart."""
    count = len({r.number for r, _ in found})
    if count == 1 and others:
        return Reason(f"rank {rank.number} is the only one of its kind that was read")
    if count == 1:
        return Reason(
            f"rank {rank.number} alone of the {job.world or 'several'} of the job was read",
            "put the traces of all ranks into the folder",
        )
    best = min(found, key=lambda f: _length(f[1]))
    longest, least = _length(profile), _length(best[1])
    said = (
        f"{count} ranks of one job: rank {rank.number} is the slowest and stands for it, "
        f"with {longest / 1e3:.4g} ms a step; "
    )
    if longest <= (1 + _SAME) * least:
        said += "the others take as long"
    else:
        said += (
            f"the fastest, rank {best[0].number}, takes {least / 1e3:.4g} ms "
            f"({1 - least / longest:.1%} less)"
        )
    shares = [(_talk(p), r.number) for r, p in found]
    (low, waits_least), (high, _) = min(shares), max(shares)
    if high > 0:
        said += f"; communication is {low:.0%} to {high:.0%} of busy time, least on rank {waits_least}"
    return Reason(said, informs=True)


def _length(profile: Profile) -> float:
    return profile.step_time_us or profile.window_us


def _talk(profile: Profile) -> float:
    """Share of busy time in communication between GPUs (NCCL, RCCL)."""
    if not profile.busy_us:
        return 0.0
    columns = op_names.busy_columns(list(profile.ops))
    time = sum(profile.ops[c] for c in columns if op_names.nature(c) == "communication")
    return time / profile.busy_us


def _named(numbers: Sequence[int]) -> str:
    """Ranks in words: ``rank 3``, ``ranks 3, 4 and 9 more``."""
    listed = ", ".join(map(str, numbers[:_LISTED]))
    rest = len(numbers) - _LISTED
    more = f" and {rest} more" if rest > 0 else ""
    return f"rank{'s' if len(numbers) > 1 else ''} {listed}{more}"
