"""Requests to a session, each a frozen value.

A request holds the user's input; the session looks up the names in it and checks them.
Every use case has one request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xlate.stats.conformal import LEVEL

if TYPE_CHECKING:
    import polars as pl

    from xlate.data.corpus import Corpus
    from xlate.store.bundle import Bundle
    from xlate.values.profile import Profile
    from xlate.values.translation import Failure

__all__ = [
    "AnatomyRequest",
    "CombineRequest",
    "CompareAllRequest",
    "CompareRequest",
    "FitRequest",
    "ScaleRequest",
    "ShotsRequest",
    "Study",
    "TableRequest",
    "TranslateRequest",
]


@dataclass(frozen=True, eq=False)
class TranslateRequest:
    """Ask for the profiles on the target.

    Attributes
    ----------
    profiles : sequence of Profile or Failure
        Failures are passed through.
    anchor : str or None
        Instance, by name or alias; None where the files hold the GPU they ran on
        and one instance has it.
    target : str
        Instance, by name or alias.
    level : float
        Level of the intervals, between 0 and 1.
    force : bool
        Answer even where a file holds another GPU.
    bundle : Bundle or None
        By default the pair's in the data home, else the one that ships with xlate;
        where there is none, the answer comes from data sheets (``zero-shot``).
    """

    profiles: Sequence[Profile | Failure]
    anchor: str | None
    target: str
    _: KW_ONLY
    level: float = LEVEL
    force: bool = False
    bundle: Bundle | None = None


@dataclass(frozen=True, eq=False)
class TableRequest:
    """Ask for the rows of a wide table on the target.

    Attributes
    ----------
    frame : polars.DataFrame
        A row for each profile: operations in µs over the window, and ``step_time_us``
        where known. Other columns are kept. Errors number rows from 0.
    anchor, target : str
        Instances, by name or alias.
    bundle : Bundle or None
        By default the pair's; a table is not answered from data sheets.
    """

    frame: pl.DataFrame
    anchor: str
    target: str
    _: KW_ONLY
    bundle: Bundle | None = None


@dataclass(frozen=True, eq=False)
class CombineRequest:
    """Ask for a workload on the target that was profiled on several anchors.

    Attributes
    ----------
    profiles : mapping of str to Profile
        Anchor to its profile, two or more.
    target : str
        Instance, by name or alias.
    level, force
        As :class:`TranslateRequest`; with ``force`` two profiles may be the same run.
    """

    profiles: Mapping[str, Profile]
    target: str
    _: KW_ONLY
    level: float = LEVEL
    force: bool = False


@dataclass(frozen=True, eq=False)
class ScaleRequest:
    """Ask for a profile at other sizes, on the anchor and on the target.

    Attributes
    ----------
    profile : Profile
        With its size in the workload key, and a step time.
    anchor : str or None
        As :class:`TranslateRequest`.
    target : str
    axis : str
        Key of :data:`xlate.models.scaling.AXES`.
    sizes : sequence of int
        Batch sizes, or sides in pixels.
    level, force, bundle
        As :class:`TranslateRequest`.
    """

    profile: Profile
    anchor: str | None
    target: str
    axis: str
    sizes: Sequence[int]
    _: KW_ONLY
    level: float = LEVEL
    force: bool = False
    bundle: Bundle | None = None


@dataclass(frozen=True, eq=False)
class Study:
    """How errors on held-out work are measured, in comparisons and fits.

    Attributes
    ----------
    split, columns, repeats : str
        See :data:`xlate.evaluation.figures.SPLITS`, :func:`xlate.data.columns.plan` and
        :data:`xlate.data.pairing.POLICIES`.
    seed : int
        Seed of splits and translators.
    n_jobs : int, optional
        Folds computed at the same time; by default the number of cores.
    """

    _: KW_ONLY
    split: str = "model"
    columns: str = "all"
    repeats: str = "median"
    seed: int = 0
    n_jobs: int | None = None


@dataclass(frozen=True, eq=False)
class CompareRequest(Study):
    """Ask for the errors of translators on work that was not in their fit.

    Attributes
    ----------
    anchor, target : str
        Instances, by name or alias.
    data : Corpus or str or None
        By default a measured corpus that holds both, else the simulated one.
    translators : sequence of str or None
        All by default; the baseline, ``ratio``, is always among them.
    """

    anchor: str
    target: str
    data: Corpus | str | None = None
    _: KW_ONLY
    translators: Sequence[str] | None = None


@dataclass(frozen=True, eq=False)
class CompareAllRequest(Study):
    """Ask the same for every anchor and target that a corpus holds.

    Attributes
    ----------
    data : Corpus or str or None
        By default a measured corpus on this machine, else the simulated one.
    translators : sequence of str or None
        All by default.
    """

    data: Corpus | str | None = None
    _: KW_ONLY
    translators: Sequence[str] | None = None


@dataclass(frozen=True, eq=False)
class FitRequest(CompareRequest):
    """Fit a translator of a pair, and save it.

    Attributes
    ----------
    translators : sequence of str or None
        Translators to cross-validate for the accuracy card; ``translator`` is always one of
        them.
    translator : str or None
        The one to fit; by default the best for the number of models
        (:func:`xlate.models.translate.default_for`).
    save : bool
        Whether to write the bundle to the data home.
    replace : bool
        Whether the new fit answers from now on even where it is not shown to be better
        than the current one (:mod:`xlate.engine.succession`); otherwise such a fit is
        kept under a number.
    """

    _: KW_ONLY
    translator: str | None = None
    save: bool = True
    replace: bool = False


@dataclass(frozen=True, eq=False)
class ShotsRequest(Study):
    """Fit a pair with only a few runs measured on the target.

    Attributes
    ----------
    anchor, target : str
        Instances, by name or alias.
    shots : Corpus or Path
        Runs on the target, and their counterparts on the anchor unless a corpus
        holds these.
    data : Corpus or str or None
        Corpus with the anchor's runs of the same work; by default the shots, then
        those on this machine.
    save, replace
        As :class:`FitRequest`.
    """

    anchor: str
    target: str
    shots: Corpus | Path
    data: Corpus | str | None = None
    _: KW_ONLY
    save: bool = True
    replace: bool = False


@dataclass(frozen=True, eq=False)
class AnatomyRequest(Study):
    """Ask where a translator has errors on held-out work, and why.

    Attributes
    ----------
    anchor, target, data
        As :class:`CompareRequest`.
    translator : str or None
        One that answers with a vector; by default the one that a fit would use for
        the number of models.
    curve : bool
        Whether to fit on fewer models too, which takes several times as long.
    """

    anchor: str
    target: str
    data: Corpus | str | None = None
    _: KW_ONLY
    translator: str | None = None
    curve: bool = True
