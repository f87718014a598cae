"""The slowest rank of a job, which represents it: all others wait for it.

Files of one folder that are ranks of one job give one answer, that of the slowest rank;
its notes say how the others differ.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from xlate import op_names
from xlate.errors import XlateError
from xlate.readers.traces.ranks import Job, Rank, jobs_in
from xlate.values.profile import Profile
from xlate.values.reason import Reason

__all__ = ["joined", "slowest"]

#: ranks that a message lists by number
_LISTED = 6
#: step times that differ by less are the same
_SAME = 0.005
#: a larger ratio of step times is unlikely within one job
_TWO_JOBS = 2.0
_APART = "put the traces of each job into a separate folder"


def joined(
    files: Sequence[Path],
    read: Mapping[Path, Sequence[Profile]],
    failed: Mapping[Path, XlateError] | None = None,
) -> dict[Path, list[Profile]]:
    """Profiles of the files of a folder, with one of each job in place of its ranks.

    Parameters
    ----------
    files : sequence of Path
        All files of the folder, also those that could not be read.
    read : mapping of Path to profiles
    failed : mapping of Path to XlateError, optional
        Why the others could not be read.

    Returns
    -------
    dict of Path to list of Profile
        Empty for ranks that do not represent their job.
    """
    by_file = {file: list(profiles) for file, profiles in read.items()}
    failed = failed or {}
    for job in jobs_in(files, failed):
        chosen = slowest(job, read, failed)
        for rank in job.ranks:
            if rank.file in by_file:
                by_file[rank.file] = [p for file, p in chosen if file == rank.file]
    return by_file


def slowest(
    job: Job,
    read: Mapping[Path, Sequence[Profile]],
    failed: Mapping[Path, XlateError] | None = None,
) -> list[tuple[Path, Profile]]:
    """File and profile of the slowest rank; its notes say how the others differ.

    Parameters
    ----------
    job : Job
    read : mapping of Path to profiles
        Profiles of the files; a rank that could not be read has none.
    failed : mapping of Path to XlateError, optional
        Why files could not be read.

    Returns
    -------
    list of tuple
        One entry; more where the ranks ran on GPUs of different kinds, or some train and
        others do not: one of each kind. Empty where no rank could be read.
    """
    recorded = [(r, p) for r in job.ranks for p in read.get(r.file, ())]
    kinds: dict[tuple[str | None, str], list[tuple[Rank, Profile]]] = {}
    for rank, profile in recorded:
        kind = (profile.device, profile.workload.mode)
        kinds.setdefault(kind, []).append((rank, profile))
    apart = _of_kinds(list(kinds))
    lost = _lost(job, {r.number for r, _ in recorded}, failed or {})
    files = [r.file for r, _ in recorded]
    return [
        _of_kind(job, of_kind, files, [*apart, *lost]) for of_kind in kinds.values()
    ]


def _of_kinds(kinds: Sequence[tuple[str | None, str]]) -> list[str]:
    """Notes where ranks ran on different GPUs, or in different modes."""
    notes: list[str] = []
    devices, modes = {device for device, _ in kinds}, {mode for _, mode in kinds}
    if len(devices) > 1:
        notes.append(
            f"the job's ranks ran on {len(devices)} kinds of GPUs: each kind has an answer, of its slowest rank"
        )
    if len(modes) > 1:
        notes.append(
            Reason(
                f"the ranks are likely not of one job: some are of {' and some of '.join(sorted(modes))}",
                _APART,
                unsound=True,
            )
        )
    return notes


def _lost(
    job: Job, read_numbers: Collection[int], failed: Mapping[Path, XlateError]
) -> list[str]:
    """Notes on ranks that could not be read, and on ranks without a file."""
    notes: list[str] = []
    unread = {r.number: r.file for r in job.ranks if r.number not in read_numbers}
    for number, file in list(unread.items())[:_LISTED]:
        error = failed.get(file)
        reason = "" if error is None else f" ({error.what})"
        hint = None if error is None else error.hint
        notes.append(
            Reason(
                f"rank {number} could not be read{reason}: it may be the slowest", hint
            )
        )
    if len(unread) > _LISTED:
        notes.append(f"{len(unread) - _LISTED} more ranks could not be read")
    if job.missing:
        where = "in a file" if job.nameless == 1 else f"among {job.nameless} files"
        lost = f", or {where} that could not be read," if job.nameless else ""
        notes.append(
            Reason(
                f"{_named(job.missing)} of the job {'is' if len(job.missing) == 1 else 'are'} "
                f"not in the folder{lost} and may be slower",
                "put the traces of all ranks into the folder",
            )
        )
    return notes


def _of_kind(
    job: Job,
    recorded: list[tuple[Rank, Profile]],
    read: Collection[Path],
    notes_of_all: Sequence[str],
) -> tuple[Path, Profile]:
    # where steps are equally long, take the rank for which the others wait
    rank, profile = max(recorded, key=lambda f: (_length(f[1]), -_talk(f[1])))
    rank_name = f"rank {rank.number}" + (f" of {job.world}" if job.world else "")
    other_kinds = {r.file for r, _ in recorded} != set(read)
    notes = [_apart(job, recorded, rank, profile, other_kinds), *notes_of_all]
    shortest = min(_length(p) for _, p in recorded)
    if _length(profile) > _TWO_JOBS * shortest:
        note = (
            f"steps of these ranks are {_length(profile) / shortest:.3g} times apart, while "
            "ranks of one job wait for each other in every step: they are likely of several"
        )
        notes.append(Reason(note, _APART, unsound=True))
    if job.repeated:
        note = f"of {_named(job.repeated)} there are several recordings; the slowest counts"
        notes.append(Reason(note, informs=True))
    source = f"{profile.source} [{rank_name}]"
    return rank.file, replace(profile, source=source, notes=(*notes, *profile.notes))


def _apart(
    job: Job,
    recorded: list[tuple[Rank, Profile]],
    rank: Rank,
    profile: Profile,
    other_kinds: bool,
) -> str:
    """Which rank was taken, and how much the step times of the ranks differ."""
    count = len({r.number for r, _ in recorded})
    if count == 1 and other_kinds:
        return Reason(f"rank {rank.number} is the only one of its kind that was read")
    if count == 1:
        return Reason(
            f"rank {rank.number} alone of the {job.world or 'several'} of the job was read",
            "put the traces of all ranks into the folder",
        )
    best = min(recorded, key=lambda f: _length(f[1]))
    longest, least = _length(profile), _length(best[1])
    note = (
        f"{count} ranks of one job: rank {rank.number} is the slowest and stands for it, "
        f"with {longest / 1e3:.4g} ms a step; "
    )
    if longest <= (1 + _SAME) * least:
        note += "the others take as long"
    else:
        note += (
            f"the fastest, rank {best[0].number}, takes {least / 1e3:.4g} ms "
            f"({1 - least / longest:.1%} less)"
        )
    shares = [(_talk(p), r.number) for r, p in recorded]
    (low, waits_least), (high, _) = min(shares), max(shares)
    if high > 0:
        note += f"; communication is {low:.0%} to {high:.0%} of busy time, least on rank {waits_least}"
    return Reason(note, informs=True)


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
