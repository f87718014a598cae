"""The public functions: paths, profiles, polars or pandas frames in, the same out."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from xlate import corpus as corpora
from xlate import engine, readers
from xlate.corpus import Corpus
from xlate.errors import ProfileError, XlateError
from xlate.profile import Profile, check_times
from xlate.translators import FEW

if TYPE_CHECKING:
    from xlate.engine import (
        ClockFit,
        FitResult,
        Recommendation,
        Sized,
        Together,
        Translation,
    )

__all__ = [
    "compare",
    "fit",
    "fit_clocks",
    "predict_freq",
    "read_profile",
    "scale",
    "translate",
    "translate_together",
]


def _is_pandas(value: Any) -> bool:
    # a pandas frame can only exist where pandas was imported already
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def _polars(value: Any) -> pl.DataFrame:
    """A polars frame of a pandas or polars one.

    Raises
    ------
    ProfileError
        If it is neither, two columns have one name, or a column mixes types.
    """
    if isinstance(value, pl.DataFrame):
        return value
    if not _is_pandas(value):
        raise ProfileError(
            f"an object of type {type(value).__name__} is no table",
            "give a polars or pandas DataFrame",
        )
    names = [str(c) for c in value.columns]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ProfileError(
            f"the table has column {twice[0]!r} twice", "every column has its own name"
        )
    # column by column, since polars.from_pandas would need pyarrow
    return pl.DataFrame([_column(n, value.iloc[:, k]) for k, n in enumerate(names)])


def _column(name: str, column: Any) -> pl.Series:
    """A column of a pandas frame; in a column of objects NaN and None are no value."""
    values = column.to_list()
    if str(column.dtype)[:5] != "float":
        # pandas has several values that say "missing"; none equals itself but None
        missing = column.isna().to_list()
        values = [None if m else v for v, m in zip(values, missing, strict=True)]
    try:
        return pl.Series(name, values, strict=True)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as e:
        kinds = sorted({type(v).__name__ for v in values if v is not None})
        raise ProfileError(
            f"column {name} of the table mixes {', '.join(kinds)}",
            "one type a column: numbers, or text",
        ) from e


def _like(frame: pl.DataFrame, given: Any) -> Any:
    """``frame`` as the library of ``given`` has it."""
    if not _is_pandas(given):
        return frame
    import pandas as pd

    return pd.DataFrame(frame.to_dict(as_series=False), index=given.index)


def _data(data: Any) -> Corpus | str | None:
    if data is None or isinstance(data, str | Corpus):
        return data
    return corpora.from_frame(_polars(data))


def fit(
    anchor: str, target: str, data: Any = None, *, shots: Any = None, **options: Any
) -> FitResult:
    """Cross-validate translators on held-out models, fit one, save it.

    Parameters
    ----------
    anchor, target : str
        Instances, by name or alias.
    data : str, Corpus, polars.DataFrame or pandas.DataFrame, optional
        Corpus by name, or a wide table: one row a run with ``instance``,
        ``model``, ``step_time_us`` and one column an operation in µs. Default:
        a measured corpus on this machine, else the simulated one.
    shots : path, Corpus, polars.DataFrame or pandas.DataFrame, optional
        A few runs measured on the target: what is known of all GPUs is adapted to it
        by them (:func:`xlate.engine.fit_shots`).
    **options
        As :func:`xlate.engine.fit`: ``translator``, ``translators``, ``split``,
        ``columns``, ``repeats``, ``seed``, ``n_jobs``, ``save``, ``replace``.

    Returns
    -------
    FitResult
        ``bundle`` (to hand to :func:`translate`), ``path``, ``rows``, ``notes``,
        ``succession`` (whether it answers from now on, and why).

    Raises
    ------
    XlateError
        With what is wrong, which value, and what to try.
    """
    if shots is None:
        return engine.fit(anchor, target, _data(data), **options)
    wanted = {
        options.pop("translator", None),
        *(options.pop("translators", None) or ()),
    }
    if wanted - {None, FEW}:
        raise XlateError(
            f"shots fit {FEW}, not {', '.join(sorted(map(str, wanted - {None, FEW})))}",
            "give the runs as data to fit another translator on them alone",
        )
    few = Path(shots) if isinstance(shots, str | Path) else _data(shots)
    return engine.fit_shots(anchor, target, few, _data(data), **options)  # type: ignore[arg-type]


def compare(anchor: str, target: str, data: Any = None, **options: Any) -> Any:
    """Error of every translator on work it was not fitted on.

    Parameters
    ----------
    anchor, target, data
        As :func:`fit`.
    **options
        As :func:`xlate.engine.compare`.

    Returns
    -------
    polars.DataFrame, or pandas.DataFrame when ``data`` is one
        Columns ``anchor, target, translator, corpus, split, held_out`` (null:
        all), ``metric, value, n``.
    """
    rows = engine.compare(anchor, target, _data(data), **options)
    frame = pl.DataFrame([asdict(r) for r in rows], infer_schema_length=None)
    if _is_pandas(data):
        import pandas as pd

        return pd.DataFrame(frame.to_dict(as_series=False))
    return frame


def read_profile(
    path: str | Path, format: str | None = None, *,
    trace_steps: int | None = None, step_mark: str | None = None,
) -> Profile:  # fmt: skip
    """Read and check the one profile in a file.

    Parameters
    ----------
    path : str or Path
        File; gzip is unpacked.
    format : str, optional
        Recognised by content when not given.
    trace_steps : int, optional
        Number of steps of equal length in the trace; default: what it marks.
    step_mark : str, optional
        Name of the annotation in the trace that begins each step.

    Raises
    ------
    ProfileError
        If the file is no profile, its times cannot be µs, it holds several
        (use :func:`xlate.readers.read`), or its steps cannot be told as was asked.
    """
    steps = readers.StepChoice(trace_steps, step_mark)
    found = readers.read(path, format, steps)
    if len(found) > 1:
        raise ProfileError(
            f"{path} holds {len(found)} profiles", "xlate.readers.read gives them all"
        )
    check_times(found[0])
    return found[0]


def translate(
    profiles: Any, anchor: str | None, target: str, **options: Any
) -> list[Translation] | Any:
    """Translate profiles to the target.

    Parameters
    ----------
    profiles : path, Profile, sequence of these, polars or pandas DataFrame
        A frame has one row a profile: operations in µs, ``step_time_us`` where
        known; other columns are kept.
    anchor : str or None
        Instance, by name or alias; None where the profile says which GPU it ran on
        and one instance has it (not for frames).
    target : str
        Instance, by name or alias.
    **options
        ``bundle`` (default: the pair's in the data home, else the one that ships),
        ``level`` of the intervals (not for frames), ``anchors_dirs``.

    Returns
    -------
    list of Translation, or a frame of the kind given
        In a frame, operations and ``step_time_us`` are those on the target.

    Raises
    ------
    XlateError
        For the first profile that cannot be translated.
    """
    if isinstance(profiles, pl.DataFrame) or _is_pandas(profiles):
        if anchor is None:
            raise ProfileError("a table does not say where it was recorded", "name the anchor")  # fmt: skip
        frame = engine.translate_table(_polars(profiles), anchor, target, **options)
        return _like(frame, profiles)
    return _sound(engine.translate(_read(profiles), anchor, target, **options))


def translate_together(
    profiles: Mapping[str, Any], target: str, **options: Any
) -> Together:
    """Translate profiles of one workload from several anchors into one answer.

    Parameters
    ----------
    profiles : mapping of str to path or Profile
        Anchor to the profile recorded there.
    target : str
        Instance, by name or alias.
    **options
        ``level`` of the intervals, ``anchors_dirs``.

    Raises
    ------
    XlateError
        With what is wrong, which value, and what to try.
    """
    read = {a: _one(p) for a, p in profiles.items()}
    return engine.translate_together(read, target, **options)


def scale(
    profile: Any, anchor: str | None, target: str, sizes: str, **options: Any
) -> list[Sized]:
    """One profile at other sizes, on the anchor and on the target.

    Parameters
    ----------
    profile : path or Profile
        With its size and step time known.
    anchor : str or None
        Instance, by name or alias; None where the profile says which GPU it ran on
        and one instance has it (not for frames).
    target : str
        Instance, by name or alias.
    sizes : str
        ``"batch-size=16..256"`` (doublings) or ``"input-size=128,224"``.
    **options
        ``level`` of the intervals, ``anchors_dirs``.

    Raises
    ------
    XlateError
        With what is wrong, which value, and what to try.
    """
    axis, wanted = engine.wanted_sizes(sizes)
    return list(engine.scale(_one(profile), anchor, target, axis, wanted, **options))


def _one(profile: Any) -> Profile:
    return profile if isinstance(profile, Profile) else read_profile(profile)


def fit_clocks(target: str, **options: Any) -> ClockFit:
    """Fit and save a model of the best clock on an instance.

    Parameters
    ----------
    target : str
        Instance, by name or alias.
    **options
        As :func:`xlate.engine.fit_clocks`: ``sweeps``, ``model``, ``seed``, ``save``.

    Raises
    ------
    XlateError
        With what is wrong, which value, and what to try.
    """
    return engine.fit_clocks(target, **options)


def predict_freq(
    profiles: Any, anchor: str | None, target: str, **options: Any
) -> list[Recommendation]:
    """The best core clock on the target for each profile.

    Parameters
    ----------
    profiles : path, Profile, or a sequence of these
    anchor : str or None
        Instance, by name or alias; None where the profile says which GPU it ran on
        and one instance has it (not for frames).
    target : str
        Instance, by name or alias.
    **options
        As :func:`xlate.engine.predict_freq`: ``objective``, ``max_slowdown``
        (0.05 is 5 %), ``probes``, ``confidence``, ``bundle``, ``clock_bundle``.

    Returns
    -------
    list of Recommendation

    Raises
    ------
    XlateError
        For the first profile that has no answer.
    """
    return _sound(engine.predict_freq(_read(profiles), anchor, target, **options))


def _read(profiles: Any) -> list[Profile | engine.Failure]:
    """Profiles of paths, of profiles, or of a sequence of either."""
    several: Sequence[Any] = (
        [profiles] if isinstance(profiles, str | Path | Profile) else list(profiles)
    )
    read: list[Profile | engine.Failure] = []
    for p in several:
        read += [p] if isinstance(p, Profile) else engine.read_profiles([p])
    return read


def _sound(answers: Sequence[Any]) -> list[Any]:
    """Answers; the first failure among them is raised."""
    for answer in answers:
        if isinstance(answer, engine.Failure):
            raise answer.error
    return list(answers)
