"""Readers: one module for each file format, with ``sniff`` and ``read``.

A format is recognised by its content, never by its ending. A new format needs a new
module in this package, a line in :mod:`xlate.readers.formats`, and a test file.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from xlate.errors import ProfileError, UnknownNameError, XlateError
from xlate.readers.formats import FORMATS, Format, candidates
from xlate.readers.source import Source
from xlate.readers.step_choice import StepChoice
from xlate.settings.logs import logger, timed
from xlate.values.profile import Profile, WorkloadKey
from xlate.values.reason import Reason

__all__ = [
    "FORMATS",
    "StepChoice",
    "contents",
    "expand",
    "inside_of",
    "read",
    "with_idle_doubt",
]

_LOG = logger(__name__)
#: endings of the files that are read in a folder
_ENDINGS = (
    ".csv", ".csv.gz", ".json", ".json.gz", ".parquet", ".sqlite", ".sqlite.gz", "_results.db",
    ".tensorflow_stats.pb", ".txt", ".xplane.pb",
)  # fmt: skip

#: a device that works less than this share of a step computes no job
_LEAST_BUSY = 0.001


def read(
    path: str | Path, format: str | None = None, steps: StepChoice | None = None
) -> list[Profile]:
    """Read the profiles in one file.

    Parameters
    ----------
    path : str or Path
        File; gzip is unpacked.
    format : str, optional
        Key of :data:`FORMATS`; recognised by content when not given.
    steps : StepChoice, optional
        How a trace that does not mark its steps is cut into them.

    Returns
    -------
    list of Profile
        At least one.

    Raises
    ------
    ProfileError
        If the file cannot be read as a profile; the message names file, line
        and column or key.
    UnknownNameError
        If ``format`` is not the name of a format.
    """
    source = Source(Path(path), steps or StepChoice())
    path, head = source.path, source.head
    if format is not None and format not in FORMATS:
        raise UnknownNameError("profile format", format, FORMATS)
    if format is not None:
        return _profiles(FORMATS[format], source)
    for candidate in candidates(head):
        if candidate.reader.sniff(head):
            return _profiles(candidate, source)
    if b"\x00" in head:
        raise ProfileError(
            f"{path} is binary, and no profile format that xlate reads",
            "xlate profile record says how to record one that it reads",
            code="profile.not-a-profile",
        )
    first = head[:80].split(b"\n")[0].decode("utf-8", "replace")
    raise ProfileError(
        f"{path} is in no format that xlate reads; its first line is {first!r}",
        f"known: {', '.join(FORMATS)}; xlate profile record says how to record one",
        code="profile.not-a-profile",
    )


def _profiles(format: Format, source: Source) -> list[Profile]:
    """Profiles that the reader of a format reads; an error names the file."""
    if source.utf_16 and not format.may_be_utf_16:
        raise ProfileError(
            f"{source.path} is text in UTF-16, which this format never is",
            "save it as UTF-8; a shell of Windows writes UTF-16 for PROGRAM > FILE",
        )
    _LOG.info("%s is read as %s", source.path, format.name)
    try:
        with timed(_LOG, f"reading {source.path}"):
            profiles: list[Profile] = format.reader.read(source)
        source.check_steps_used()
    except ProfileError as e:
        if str(source.path) in e.what:
            raise
        # raised by the constructor of a value, which does not know the file
        raise ProfileError(f"{source.path}: {e.what}", e.hint, code=e.code) from e
    if not format.user_states_precision:
        profiles = [_with_precision(p) for p in profiles]
    return [with_idle_doubt(p) for p in profiles]


def _with_precision(profile: Profile) -> Profile:
    """A profile whose workload has the precision of its kernels, where they show one."""
    precision = profile.precision_mix.program
    workload = profile.workload
    if precision is None or workload.precision != WorkloadKey().precision:
        return profile
    return replace(profile, workload=replace(workload, precision=precision))


def with_idle_doubt(profile: Profile) -> Profile:
    """The profile, with a note where the device was idle all but a thousandth of it.

    Examples
    --------
    >>> from xlate.readers import with_idle_doubt
    >>> from xlate.values.profile import Profile
    >>> with_idle_doubt(Profile({"Device_Relu": 2.0, "Device_IDLE": 1e6})).notes
    ('the device is 0.0 % busy: 2 µs of 1 s',)
    """
    busy, window = profile.busy_us, profile.window_us
    if not 0 < busy < _LEAST_BUSY * window:
        return profile
    # few files need it
    from xlate.values.duration import duration_text

    note = Reason(
        f"the device is {100 * busy / window:.1f} % busy: {duration_text(busy)} of "
        f"{duration_text(window)}",
        "record steps in which the job computes, after warm-up and compilation",
        unsound=True,
    )
    return replace(profile, notes=(note, *profile.notes))


def expand(paths: list[Path]) -> list[Path]:
    """Files named, and the profile files in folders named, sorted within a folder.

    Raises
    ------
    ProfileError
        If a folder holds no file with a profile's ending.
    """
    files: list[Path] = []
    for path in paths:
        if not _is_folder(path):
            files.append(path)
            continue
        inside, _ = inside_of(path)
        if not inside:
            raise ProfileError(
                f"{path} holds no profile",
                f"files there should end in {', '.join(_ENDINGS)}; "
                "name its subfolders one by one",
                code="profile.empty",
            )
        files += inside
    return files


def contents(
    named: Path, format: str | None = None, steps: StepChoice | None = None
) -> list[tuple[Path, list[Profile] | XlateError]]:
    """The files of a path, each with its profiles, or the error that it raised.

    In a folder, ranks of one job give one profile
    (:mod:`xlate.readers.traces.slowest_rank`): the lists of the other ranks are empty.
    """
    try:
        files = expand([named])
    except ProfileError as e:
        return [(named, e)]
    by_file: dict[Path, list[Profile]] = {}
    failed: dict[Path, XlateError] = {}
    for file in files:
        try:
            by_file[file] = read(file, format, steps)
        except XlateError as e:
            failed[file] = e
    if files != [named]:
        # imported only here: a single file of another format does not need traces
        from xlate.readers.traces.slowest_rank import joined

        by_file = joined(files, by_file, failed)
    return [(file, failed[file] if file in failed else by_file[file]) for file in files]


def inside_of(folder: Path) -> tuple[list[Path], list[Path]]:
    """Profile files of a folder, sorted, and the other entries in it.

    Subfolders are not read: they may be of other instances.

    Raises
    ------
    ProfileError
        If the folder cannot be listed.
    """
    try:
        listed = sorted(folder.iterdir())
        files = [
            p for p in listed if p.name.lower().endswith(_ENDINGS) and not p.is_dir()
        ]
    except OSError as e:
        raise ProfileError(
            f"{folder} cannot be listed: {e.strerror or e}",
            "check its rights",
            code="profile.unreadable",
        ) from e
    taken = set(files)
    return files, [p for p in listed if p not in taken]


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long; opening the file reports it
        return False
