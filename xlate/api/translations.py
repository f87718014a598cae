"""Translate a profile to another machine: alone, from several anchors, at other sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast, overload

from xlate.api.frames import as_polars, is_frame, like
from xlate.api.profiles import as_profile, as_profiles
from xlate.engine.session import Session
from xlate.errors import ProfileError
from xlate.stats.conformal import LEVEL
from xlate.values.profile import Profile
from xlate.values.requests import (
    CombineRequest,
    ScaleRequest,
    TableRequest,
    TranslateRequest,
)
from xlate.values.tabular import Results

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from xlate.engine import Sized, Together, Translation
    from xlate.store.bundle import Bundle

__all__ = ["scale", "translate", "translate_together"]


@overload
def translate(
    profiles: Profile | str | Path | Iterable[Profile | str | Path],
    anchor: str | None,
    target: str,
    *,
    bundle: Bundle | None = ...,
    level: float = ...,
    force: bool = ...,
    anchors_dirs: Iterable[Path] = ...,
) -> Results[Translation]: ...
@overload
def translate(
    profiles: pl.DataFrame,
    anchor: str,
    target: str,
    *,
    bundle: Bundle | None = ...,
    anchors_dirs: Iterable[Path] = ...,
) -> pl.DataFrame: ...
@overload
def translate(
    profiles: pd.DataFrame,
    anchor: str,
    target: str,
    *,
    bundle: Bundle | None = ...,
    anchors_dirs: Iterable[Path] = ...,
) -> pd.DataFrame: ...
def translate(
    profiles: Profile
    | str
    | Path
    | Iterable[Profile | str | Path]
    | pl.DataFrame
    | pd.DataFrame,
    anchor: str | None,
    target: str,
    *,
    bundle: Bundle | None = None,
    level: float = LEVEL,
    force: bool = False,
    anchors_dirs: Iterable[Path] = (),
) -> Results[Translation] | pl.DataFrame | pd.DataFrame:
    """Translate profiles from the machine they were taken on to another one.

    The pair's bundle answers; without one, the ratio of what both GPUs reach by their
    data sheets does. The interval of a step time is conformal: the quantile of the
    errors on networks left out of the fit, wider for a profile unlike those.

    Parameters
    ----------
    profiles : path, Profile, iterable of these, polars or pandas DataFrame
        A frame has one row a profile: operations in µs over the window, and
        ``step_time_us`` where known; other columns are kept.
    anchor : str or None
        Instance, by name or alias; None where the profile says which GPU it ran on
        and one instance has it (not for frames).
    target : str
        Instance, by name or alias.
    bundle : Bundle, optional
        By default the pair's in the data home, else the one that ships with xlate.
    level : float
        Of the intervals, between 0 and 1 (not for frames).
    force : bool
        Answer though a file says that it ran on another GPU (not for frames).
    anchors_dirs : iterable of Path
        Folders with more instances and GPUs.

    Returns
    -------
    Results of Translation, or a frame of the kind given
        A list with one answer a profile, step times in seconds, operations in µs. In
        a frame, operations and ``step_time_us`` are those on the target.

    Raises
    ------
    ProfileError
        For the first file that is not a profile, or a frame that is not a table of
        them.
    UnknownNameError, CatalogError, AlignmentError
        If an instance is unknown, has no GPU, or is both anchor and target.
    BundleError
        If the bundle is damaged, or of another pair.
    XlateError
        For a level that is not between 0 and 1.

    References
    ----------
    Angelopoulos and Bates, "A gentle introduction to conformal prediction" (2021),
    https://arxiv.org/abs/2107.07511

    Examples
    --------
    >>> import xlate
    >>> profile = xlate.Profile(
    ...     {"Device_Conv2D": 90_000.0, "Device_Relu": 21_000.0, "Device_IDLE": 9_000.0},
    ...     xlate.WorkloadKey("MyNet", "128px", 32),
    ...     step_time_us=60_000.0,
    ... )
    >>> (answer,) = xlate.translate(profile, "g3s.xlarge", "p3.2xlarge")
    >>> 0 < answer.step_time_s.low < answer.step_time_s.value < 0.06
    True
    >>> answer.verdict.level in ("ok", "widen", "refuse")
    True
    >>> import polars as pl
    >>> frame = pl.DataFrame({"Device_Conv2D": [9e4, 4e4], "step_time_us": [6e4, 3e4]})
    >>> on_target = xlate.translate(frame, "g3s.xlarge", "p3.2xlarge")
    >>> on_target.height, on_target["step_time_us"].max() < 6e4
    (2, True)
    """
    if is_frame(profiles):
        if anchor is None:
            raise ProfileError(
                "a table does not say where it was recorded", "name the anchor"
            )
        table = TableRequest(as_polars(profiles), anchor, target, bundle=bundle)
        frame = Session(anchors_dirs).translate_table(table)
        return like(frame, profiles)
    # what is not a frame, which a type guard cannot say
    several = cast("Profile | str | Path | Iterable[Profile | str | Path]", profiles)
    request = TranslateRequest(
        as_profiles(several), anchor, target, bundle=bundle, level=level, force=force
    )
    answers = Session(anchors_dirs).translate(request)
    return Results(answers.sound())


def translate_together(
    profiles: Mapping[str, Profile | str | Path],
    target: str,
    *,
    level: float = LEVEL,
    force: bool = False,
    anchors_dirs: Iterable[Path] = (),
) -> Together:
    """Translate profiles of one workload from several anchors into one answer.

    The step time is the weighted geometric mean of the anchors' answers, with the
    inverse squares of the log widths of their intervals as weights.

    Parameters
    ----------
    profiles : mapping of str to path or Profile
        Anchor to the profile recorded there; two or more.
    target : str
        Instance, by name or alias.
    level : float
        Of the intervals, between 0 and 1.
    force : bool
        Answer though a file says that it ran on another GPU, or two files are of the
        same run.
    anchors_dirs : iterable of Path
        Folders with more instances and GPUs.

    Returns
    -------
    Together
        ``combined``, ``parts`` and ``weights``; step times in seconds.

    Raises
    ------
    ProfileError
        If a file is not a profile, or the profiles are not of the same work.
    UnknownNameError, CatalogError, AlignmentError, BundleError, XlateError
        As :func:`translate`.

    Examples
    --------
    >>> import xlate
    >>> both = xlate.translate_together(
    ...     {"g3s": "examples/my_stats.csv", "g4dn": "examples/my_stats_g4dn.csv"},
    ...     "p3.2xlarge",
    ... )
    >>> len(both.parts), round(sum(both.weights), 6)
    (2, 1.0)
    """
    read = {a: as_profile(p) for a, p in profiles.items()}
    request = CombineRequest(read, target, level=level, force=force)
    return Session(anchors_dirs).translate_together(request)


def scale(
    profile: Profile | str | Path,
    anchor: str | None,
    target: str,
    sizes: str,
    *,
    bundle: Bundle | None = None,
    level: float = LEVEL,
    force: bool = False,
    anchors_dirs: Iterable[Path] = (),
) -> Results[Sized]:
    """One profile at other sizes, on the anchor and on the target.

    Parameters
    ----------
    profile : path or Profile
        With its size and step time known.
    anchor : str or None
        Instance, by name or alias; None where the profile says which GPU it ran on
        and one instance has it.
    target : str
        Instance, by name or alias.
    sizes : str
        ``"batch-size=16..256"`` (doublings) or ``"input-size=128,224"`` (pixels).
    bundle : Bundle, optional
        As :func:`translate`.
    level : float
        Of the intervals, between 0 and 1.
    force : bool
        Answer though a file says that it ran on another GPU.
    anchors_dirs : iterable of Path
        Folders with more instances and GPUs.

    Returns
    -------
    Results of Sized
        One a size, smallest first; step times in seconds, memory in bytes.

    Raises
    ------
    ProfileError
        If the file is not a profile, or does not say its size or step time.
    UnknownNameError, CatalogError, AlignmentError, BundleError, XlateError
        As :func:`translate`; for sizes that cannot be read.

    Examples
    --------
    >>> import xlate
    >>> profile = xlate.Profile(
    ...     {"Device_Conv2D": 90_000.0, "Device_Relu": 21_000.0, "Device_IDLE": 9_000.0},
    ...     xlate.WorkloadKey("MyNet", "128px", 32),
    ...     step_time_us=60_000.0,
    ... )
    >>> sized = xlate.scale(profile, "g3s.xlarge", "p3.2xlarge", "batch-size=16..64")
    >>> [(s.size, s.measured) for s in sized]
    [(16, False), (32, True), (64, False)]
    """
    from xlate.engine.scale_sizes import wanted_sizes

    axis, wanted = wanted_sizes(sizes)
    request = ScaleRequest(
        as_profile(profile),
        anchor,
        target,
        axis,
        wanted,
        level=level,
        force=force,
        bundle=bundle,
    )
    return Results(Session(anchors_dirs).scale(request))
