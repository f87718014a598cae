"""Profiles looked at, not translated: what was recognised, and whether it is sound."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlate import op_names, readers
from xlate.errors import XlateError
from xlate.values.profile import Profile, WorkloadKey, check_times
from xlate.values.profile_document import to_json
from xlate.values.reason import Reason

__all__ = [
    "CheckedFiles",
    "ProfileCheck",
    "ReadFiles",
    "Recipe",
    "UnreadFile",
    "check_profiles",
    "precision_text",
    "read_files",
    "recording_lines",
]

#: operations without a family that are named one by one
_NAMED = 5
#: parts of the workload that a file may leave out
_KEY = ("model", "dataset", "batch_size", "optimizer")


@dataclass(frozen=True)
class UnreadFile:
    """A file that could not be read, and why."""

    file: Path
    error: XlateError

    def document(self) -> dict[str, Any]:
        """As of a command that failed, with the file."""
        return {
            "file": str(self.file),
            "error": self.error.what,
            "hint": self.error.hint,
            "code": self.error.exit_code,
            "type": type(self.error).__name__,
        }


@dataclass(frozen=True)
class ReadFiles:
    """Profiles of a file or of a folder, ranks of one job as one, and what failed."""

    profiles: tuple[Profile, ...]
    failures: tuple[UnreadFile, ...]

    def document(self) -> list[dict[str, Any]]:
        """The promised document of ``profile show --json``."""
        return [*map(to_json, self.profiles), *(f.document() for f in self.failures)]


@dataclass(frozen=True)
class ProfileCheck:
    """Whether a profile is sound and can be translated.

    Attributes
    ----------
    file : str
    problems : tuple of str
        Why it cannot be translated.
    doubts : tuple of str
        What was recorded is likely not what was wanted, though it can be translated.
    remarks : tuple of str
        What else is worth knowing.
    """

    file: str
    problems: tuple[str, ...]
    doubts: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.problems and not self.doubts

    @property
    def verdict(self) -> str:
        """The same in a word or two."""
        if self.ok:
            return "ok"
        return "cannot be translated" if self.problems else "doubtful"

    def document(self) -> dict[str, Any]:
        """One object of ``profile check --json``."""
        return {
            "file": self.file,
            "ok": self.ok,
            "problems": list(self.problems),
            "doubts": list(self.doubts),
            "remarks": list(self.remarks),
        }


@dataclass(frozen=True)
class CheckedFiles:
    """The checks of some profiles, and the files that could not be read."""

    checks: tuple[ProfileCheck, ...]
    failures: tuple[UnreadFile, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with any that was read."""
        return all(c.ok for c in self.checks)

    def document(self) -> list[dict[str, Any]]:
        """The promised document of ``profile check --json``."""
        unread = [{**f.document(), "ok": False} for f in self.failures]
        return [*(c.document() for c in self.checks), *unread]


@dataclass(frozen=True)
class Recipe:
    """Lines to add to a job, and the framework that they are for."""

    framework: str
    lines: str

    def document(self) -> dict[str, Any]:
        """The promised document of ``profile record --json``."""
        return {"framework": self.framework, "lines": self.lines}


def read_files(
    path: Path, format: str | None = None, steps: readers.StepChoice | None = None
) -> ReadFiles:
    """Profiles of a file or of a folder.

    Raises
    ------
    XlateError
        If there is no profile; for a file, why.
    """
    profiles: list[Profile] = []
    failures: list[UnreadFile] = []
    for file, content in readers.contents(path, format, steps):
        if isinstance(content, XlateError):
            failures.append(UnreadFile(file, content))
        else:
            profiles += content
    if not profiles and failures:
        raise failures[0].error
    return ReadFiles(tuple(profiles), tuple(failures))


def check_profiles(read: ReadFiles) -> CheckedFiles:
    """Every finding about profiles that were read."""
    return CheckedFiles(tuple(_checked(p) for p in read.profiles), read.failures)


def recording_lines(command: list[str], framework: str | None = None) -> Recipe:
    """The lines that record a profile of a job; nothing is run.

    Raises
    ------
    UnknownNameError
        If the framework is unknown.
    """
    from xlate.engine.recording_help import recipe

    return Recipe(*recipe(command, framework))


def _checked(profile: Profile) -> ProfileCheck:
    problems = []
    doubts = [n for n in profile.notes if isinstance(n, Reason) and n.unsound]
    try:
        check_times(profile)
    except XlateError as e:
        # documents, and what is printed of them, name options, not arguments
        problems.append(e.text("cli"))
    notes = [n for n in profile.notes if n not in doubts]
    remarks = [*notes, *_remarks(profile), *_precision_remarks(profile)]
    lacking = [name for name in _KEY if getattr(profile.workload, name) is None]
    if lacking:
        remarks.append(f"not in the file: {', '.join(lacking)}")
    return ProfileCheck(profile.source, tuple(problems), tuple(doubts), tuple(remarks))


def _remarks(profile: Profile) -> list[str]:
    """What the operations and times lack."""
    remarks = []
    busy = op_names.busy_columns(list(profile.ops))
    unknown = [c for c in busy if op_names.family(c) == "other"]
    if unknown:
        busy_us = profile.busy_us
        share = sum(profile.ops[c] for c in unknown) / busy_us if busy_us else 0.0
        remarks.append(
            f"{len(unknown)} operations have no known family, {share:.1%} of busy "
            f"time: {', '.join(unknown[:_NAMED])}"
        )
    if op_names.DEVICE_IDLE not in profile.ops:
        remarks.append(
            "no Device_IDLE: the window cannot be distinguished from busy time"
        )
    if profile.step_time_us is None:
        remarks.append("no step time: it will be taken from the window")
    return remarks


def _precision_remarks(profile: Profile) -> list[str]:
    """Where the precision that was declared is not that of the kernels."""
    mix, said = profile.precision_mix, profile.workload.precision
    if not mix.shares:
        return []
    if mix.program is None:
        return [f"the precision of most kernels is not known: {mix.text}"]
    if said in (mix.program, mix.dominant):
        return []
    return [
        f"the workload is said to be in {said}, its kernels are in {mix.dominant}: {mix.text}"
    ]


def precision_text(profile: Profile) -> str:
    """Shares of kernel time by precision, copies apart; else what the file says."""
    mix, said = profile.precision_mix, profile.workload.precision
    if not mix.shares:
        return said if said != WorkloadKey().precision else "not known"
    # readers may leave copies out of the times by precision; their columns have them
    moved = sum(
        profile.ops[c]
        for c in profile.ops
        if op_names.is_busy(c) and op_names.family(c) in ("transfer", "communication")
    )
    apart = max(mix.copy_share, moved / profile.busy_us if profile.busy_us else 0.0)
    copies = f"{100 * apart:.0f} % of device time is copies and communication"
    stands = f"{mix.dominant}: " if mix.dominant else ""
    return f"{stands}{mix.text} of kernel time" + (
        f"; {copies}" if apart >= 0.005 else ""
    )
