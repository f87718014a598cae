"""Fit a translator on measured runs, and compare translators on held-out work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, overload

import polars as pl

from xlate import engine
from xlate.api.corpora import as_data
from xlate.api.frames import is_pandas
from xlate.data.corpus import Corpus
from xlate.errors import XlateError
from xlate.models.translate import COMPARED, FEW

if TYPE_CHECKING:
    import pandas as pd

    from xlate.engine import FitResult

__all__ = ["compare", "fit"]


def fit(
    anchor: str,
    target: str,
    data: str | Corpus | pl.DataFrame | pd.DataFrame | None = None,
    *,
    shots: str | Path | Corpus | pl.DataFrame | pd.DataFrame | None = None,
    translator: str | None = None,
    translators: Sequence[str] | None = None,
    split: str = "model",
    columns: str = "all",
    repeats: str = "median",
    seed: int = 0,
    n_jobs: int = 2,
    save: bool = True,
    replace: bool = False,
    anchors_dirs: Iterable[Path] = (),
    progress: Callable[[int, int, str], None] | None = None,
) -> FitResult:
    """Cross-validate translators on held-out models, fit one, save it.

    Parameters
    ----------
    anchor, target : str
        Instances, by name or alias.
    data : str, Corpus, polars.DataFrame or pandas.DataFrame, optional
        Corpus by name, or a wide table: one row a run with ``instance``,
        ``model``, ``step_time_us`` and one column an operation, in µs. By default
        a measured corpus on this machine, else the simulated one.
    shots : path, Corpus, polars.DataFrame or pandas.DataFrame, optional
        A few runs measured on the target: what is known of all GPUs is adapted to it
        by them (:func:`xlate.engine.fit_shots`).
    translator : str, optional
        Key of :data:`xlate.models.translate.TRANSLATORS`: the one to save. By default the
        one that serves best for that number of models.
    translators : sequence of str, optional
        Those to compare for the accuracy card; by default all.
    split : str
        What is held out together: ``model``, ``family``, ``model+dataset``,
        ``model+dataset+batch`` or ``random``.
    columns : str
        Columns of the vector: ``all``, a number, ``clusters`` or ``families``.
    repeats : {"median", "same", "cross"}
        How repeated runs are paired.
    seed : int
        Of splits and translators.
    n_jobs : int
        Folds worked on at once.
    save : bool
        Whether to write the bundle to the data home.
    replace : bool
        Let the fit answer from now on even where it is not shown to be better than
        what answers now.
    anchors_dirs : iterable of Path
        Folders with more instances and GPUs.
    progress : callable, optional
        Called with parts done, parts in all, and what is being done; not with shots.

    Returns
    -------
    FitResult
        ``bundle`` (to hand to :func:`xlate.translate`), ``path``, ``rows`` (accuracy
        card; ``*_mape`` in %), ``notes``, ``succession`` (whether it answers from now
        on, and why).

    Raises
    ------
    UnknownNameError, CatalogError, AlignmentError
        If a name is unknown, or the two share too little work.
    CorpusError, ProfileError
        If the corpus is not on this machine, or the table is not one of runs.
    StorageError
        If the bundle cannot be written.
    XlateError
        If ``shots`` come with another translator than the one they fit.

    Examples
    --------
    >>> import polars as pl
    >>> import xlate
    >>> runs = pl.DataFrame(
    ...     [
    ...         {"instance": i, "model": f"net{m}", "batch_size": b,
    ...          "step_time_us": f * b * 1000.0 * m, "Device_Conv2D": f * b * 900.0 * m}
    ...         for i, f in (("g3s.xlarge", 1.0), ("p3.2xlarge", 0.25))
    ...         for m in (1, 2, 3)
    ...         for b in (16, 32)
    ...     ]
    ... )
    >>> done = xlate.fit(
    ...     "g3s.xlarge", "p3.2xlarge", runs, translator="ratio", translators=(), save=False
    ... )
    >>> done.bundle.manifest.translator, done.bundle.manifest.n_pairs
    ('ratio', 6)
    """
    if shots is not None:
        others = {translator, *(translators or ())} - {None, FEW}
        if others:
            raise XlateError(
                f"shots fit {FEW}, not {', '.join(sorted(map(str, others)))}",
                "give the runs as data to fit another translator on them alone",
            )
        few = Path(shots) if isinstance(shots, str | Path) else as_data(shots)
        assert isinstance(few, Path | Corpus)
        return engine.fit_shots(
            anchor,
            target,
            few,
            as_data(data),
            split=split,
            columns=columns,
            repeats=repeats,
            seed=seed,
            n_jobs=n_jobs,
            anchors_dirs=anchors_dirs,
            save=save,
            replace=replace,
        )
    return engine.fit(
        anchor,
        target,
        as_data(data),
        translator=translator,
        translators=COMPARED if translators is None else translators,
        split=split,
        columns=columns,
        repeats=repeats,
        seed=seed,
        n_jobs=n_jobs,
        anchors_dirs=anchors_dirs,
        save=save,
        replace=replace,
        progress=progress,
    )


@overload
def compare(
    anchor: str,
    target: str,
    data: str | Corpus | pl.DataFrame | None = ...,
    *,
    translators: Sequence[str] | None = ...,
    split: str = ...,
    columns: str = ...,
    repeats: str = ...,
    seed: int = ...,
    n_jobs: int = ...,
    anchors_dirs: Iterable[Path] = ...,
    say: Callable[[str], None] | None = ...,
    progress: Callable[[int, int, str], None] | None = ...,
) -> pl.DataFrame: ...
@overload
def compare(
    anchor: str,
    target: str,
    data: pd.DataFrame,
    *,
    translators: Sequence[str] | None = ...,
    split: str = ...,
    columns: str = ...,
    repeats: str = ...,
    seed: int = ...,
    n_jobs: int = ...,
    anchors_dirs: Iterable[Path] = ...,
    say: Callable[[str], None] | None = ...,
    progress: Callable[[int, int, str], None] | None = ...,
) -> pd.DataFrame: ...
def compare(
    anchor: str,
    target: str,
    data: str | Corpus | pl.DataFrame | pd.DataFrame | None = None,
    *,
    translators: Sequence[str] | None = None,
    split: str = "model",
    columns: str = "all",
    repeats: str = "median",
    seed: int = 0,
    n_jobs: int = 2,
    anchors_dirs: Iterable[Path] = (),
    say: Callable[[str], None] | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> pl.DataFrame | pd.DataFrame:
    """Error of every translator on work it was not fitted on.

    Parameters
    ----------
    anchor, target, data, split, columns, repeats, seed, n_jobs, anchors_dirs
        As :func:`fit`.
    translators : sequence of str, optional
        Keys of :data:`xlate.models.translate.TRANSLATORS`; by default all that are
        compared.
    say : callable, optional
        Called with each note.
    progress : callable, optional
        Called with parts done, parts in all, and what is being done.

    Returns
    -------
    polars.DataFrame, or pandas.DataFrame when ``data`` is one
        One row a figure, with columns ``anchor, target, translator, corpus, split,
        held_out`` (null: all), ``metric, value, n``; ``*_mape`` in %.

    Raises
    ------
    UnknownNameError, CatalogError, AlignmentError, CorpusError, ProfileError
        As :func:`fit`.

    Examples
    --------
    >>> import polars as pl
    >>> import xlate
    >>> runs = pl.DataFrame(
    ...     [
    ...         {"instance": i, "model": f"net{m}", "batch_size": b,
    ...          "step_time_us": f * b * 1000.0 * m, "Device_Conv2D": f * b * 900.0 * m}
    ...         for i, f in (("g3s.xlarge", 1.0), ("p3.2xlarge", 0.25))
    ...         for m in (1, 2, 3)
    ...         for b in (16, 32)
    ...     ]
    ... )
    >>> table = xlate.compare("g3s.xlarge", "p3.2xlarge", runs, translators=("ratio",))
    >>> errors = table.filter(pl.col("metric") == "step_mape", pl.col("held_out").is_null())
    >>> errors["value"].item() < 1e-6
    True
    """
    rows = engine.compare(
        anchor,
        target,
        as_data(data),
        translators=COMPARED if translators is None else translators,
        split=split,
        columns=columns,
        repeats=repeats,
        seed=seed,
        n_jobs=n_jobs,
        anchors_dirs=anchors_dirs,
        say=say,
        progress=progress,
    )
    frame = pl.DataFrame([asdict(r) for r in rows], infer_schema_length=None)
    if is_pandas(data):
        import pandas as pd

        return pd.DataFrame(frame.to_dict(as_series=False))
    return frame
