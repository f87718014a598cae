"""The use cases as plain calls, each on a separate session.

For notebooks and scripts: ``engine.translate(profiles, anchor, target, level=0.8)``
makes the session and the request that :meth:`~xlate.engine.session.Session.translate`
takes. What is named beside anchor, target and data are the fields of the request, and
``anchors_dirs``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

from xlate.engine.session import Progress, Say, Session
from xlate.values import clock_requests as clocks_asked
from xlate.values import requests as asked

if TYPE_CHECKING:
    import polars as pl

    from xlate.data.corpus import Corpus
    from xlate.engine.combine import Together
    from xlate.engine.error_breakdown import Anatomy
    from xlate.engine.fit_pair import FitResult
    from xlate.engine.fit_sweeps import ClockFit
    from xlate.engine.scale_sizes import Sizes
    from xlate.evaluation.figures import Row
    from xlate.evaluation.sweep_figures import ClockRow
    from xlate.store.bundle import Bundle
    from xlate.store.clock_bundle import ClockBundle
    from xlate.sweeps.gpu_sweeps import Sweeps
    from xlate.sweeps.labels import Label
    from xlate.sweeps.probe import Probe
    from xlate.values.profile import Profile
    from xlate.values.recommendation import Recommendation
    from xlate.values.translation import Failure, Translation

__all__ = [
    "anatomy",
    "clocks_of_recordings",
    "compare",
    "compare_all",
    "compare_clocks",
    "fit",
    "fit_clocks",
    "fit_shots",
    "importance",
    "label_sweeps",
    "predict_freq",
    "scale",
    "sweeps_of",
    "translate",
    "translate_table",
    "translate_together",
]

R = TypeVar("R")


class SessionOptions(TypedDict, total=False):
    """What a session is made from."""

    anchors_dirs: Iterable[Path]


class TableOptions(SessionOptions, total=False):
    """Fields of :class:`~xlate.values.requests.TableRequest`."""

    bundle: Bundle | None


class CombineOptions(SessionOptions, total=False):
    """Fields of :class:`~xlate.values.requests.CombineRequest`."""

    level: float
    force: bool


class TranslateOptions(CombineOptions, total=False):
    """Fields of :class:`~xlate.values.requests.TranslateRequest`."""

    bundle: Bundle | None


class StudyOptions(SessionOptions, total=False):
    """Fields of :class:`~xlate.values.requests.Study`."""

    split: str
    columns: str
    repeats: str
    seed: int
    n_jobs: int | None


class CompareOptions(StudyOptions, total=False):
    """Fields of :class:`~xlate.values.requests.CompareRequest`."""

    translators: Sequence[str] | None


class ShotsOptions(StudyOptions, total=False):
    """Fields of :class:`~xlate.values.requests.ShotsRequest`."""

    save: bool
    replace: bool


class FitOptions(CompareOptions, total=False):
    """Fields of :class:`~xlate.values.requests.FitRequest`."""

    translator: str | None
    save: bool
    replace: bool


class AnatomyOptions(StudyOptions, total=False):
    """Fields of :class:`~xlate.values.requests.AnatomyRequest`."""

    translator: str | None
    curve: bool


class ClockOptions(SessionOptions, total=False):
    """Fields of :class:`~xlate.values.clock_requests.ClockAim`."""

    objective: str
    max_slowdown: float | None
    sure: float | None
    probe: str
    probes: Sequence[Probe]
    confidence: float
    clocks_file: Path | None
    clock_bundle: ClockBundle | None
    force: bool
    seed: int


class PredictFreqOptions(ClockOptions, total=False):
    """Fields of :class:`~xlate.values.clock_requests.PredictFreqRequest`."""

    telemetry: Probe | None
    bundle: Bundle | None


class RecordingsOptions(ClockOptions, total=False):
    """Fields of :class:`~xlate.values.clock_requests.RecordingsRequest`."""

    step_time_s: float | None


class LabelOptions(SessionOptions, total=False):
    """Fields of :class:`~xlate.values.clock_requests.LabelRequest`."""

    objectives: Sequence[str] | None
    bound: float | None
    usd_per_h: float | None


class ClockComparisonOptions(SessionOptions, total=False):
    """Fields of :class:`~xlate.values.clock_requests.ClockComparisonRequest`."""

    gpu: str | None
    models: Sequence[str] | None
    split: str
    view: str | None
    probe: str
    bound: float | None
    pool: bool
    seed: int


class ImportanceOptions(SessionOptions, total=False):
    """Fields of :class:`~xlate.values.clock_requests.ImportanceRequest`."""

    gpu: str | None
    model: str | None
    view: str | None
    seed: int


class FitClocksOptions(SessionOptions, total=False):
    """Fields of :class:`~xlate.values.clock_requests.FitClocksRequest`."""

    gpu: str | None
    sweeps: Sequence[str] | None
    model: str | None
    seed: int
    save: bool
    replace: bool


def _asked(
    kind: Callable[..., R], options: Mapping[str, Any], *what: Any
) -> tuple[Session, R]:
    """A session, and a request of a kind, from what stands beside a call."""
    fields = dict(options)
    session = Session(fields.pop("anchors_dirs", ()))
    return session, kind(*what, **fields)


def translate(
    profiles: Sequence[Profile | Failure],
    anchor: str | None,
    target: str,
    **options: Unpack[TranslateOptions],
) -> list[Translation | Failure]:
    """Translate profiles with the bundle of a pair."""
    session, request = _asked(asked.TranslateRequest, options, profiles, anchor, target)
    return list(session.translate(request))


def translate_table(
    frame: pl.DataFrame, anchor: str, target: str, **options: Unpack[TableOptions]
) -> pl.DataFrame:
    """Translate a wide table of profiles in one go."""
    session, request = _asked(asked.TableRequest, options, frame, anchor, target)
    return session.translate_table(request)


def translate_together(
    profiles: Mapping[str, Profile], target: str, **options: Unpack[CombineOptions]
) -> Together:
    """Translate profiles of the same workload from several anchors into one answer."""
    session, request = _asked(asked.CombineRequest, options, profiles, target)
    return session.translate_together(request)


def scale(
    profile: Profile,
    anchor: str | None,
    target: str,
    axis: str,
    sizes: Sequence[int],
    **options: Unpack[TranslateOptions],
) -> Sizes:
    """Step time and vector at other sizes."""
    session, request = _asked(
        asked.ScaleRequest,
        {**options, "axis": axis, "sizes": sizes},
        profile,
        anchor,
        target,
    )
    return session.scale(request)


def fit(
    anchor: str,
    target: str,
    data: Corpus | str | None = None,
    *,
    progress: Progress | None = None,
    **options: Unpack[FitOptions],
) -> FitResult:
    """Cross-validate translators, fit one on everything, and save it."""
    session, request = _asked(asked.FitRequest, options, anchor, target, data)
    return session.fit(request, progress=progress)


def fit_shots(
    anchor: str,
    target: str,
    shots: Corpus | Path,
    data: Corpus | str | None = None,
    **options: Unpack[ShotsOptions],
) -> FitResult:
    """Fit a pair of which only a few runs were measured on the target."""
    session, request = _asked(
        asked.ShotsRequest, {**options, "data": data}, anchor, target, shots
    )
    return session.fit_shots(request)


def compare(
    anchor: str,
    target: str,
    data: Corpus | str | None = None,
    *,
    say: Say | None = None,
    progress: Progress | None = None,
    **options: Unpack[CompareOptions],
) -> list[Row]:
    """Error of translators on held-out work, beside the floor of noise."""
    session, request = _asked(asked.CompareRequest, options, anchor, target, data)
    return list(session.compare(request, say=say, progress=progress))


def compare_all(
    data: Corpus | str | None = None,
    *,
    say: Say | None = None,
    progress: Progress | None = None,
    **options: Unpack[CompareOptions],
) -> list[Row]:
    """:func:`compare` for every anchor and target a corpus holds."""
    session, request = _asked(asked.CompareAllRequest, options, data)
    return list(session.compare_all(request, say=say, progress=progress))


def anatomy(
    anchor: str,
    target: str,
    data: Corpus | str | None = None,
    *,
    progress: Progress | None = None,
    **options: Unpack[AnatomyOptions],
) -> Anatomy:
    """Take a translator's errors on work left out apart."""
    session, request = _asked(asked.AnatomyRequest, options, anchor, target, data)
    return session.anatomy(request, progress=progress)


def predict_freq(
    profiles: Sequence[Profile | Failure],
    anchor: str | None,
    target: str,
    **options: Unpack[PredictFreqOptions],
) -> list[Recommendation | Failure]:
    """The best clock on the target for each profile taken on the anchor."""
    session, request = _asked(
        clocks_asked.PredictFreqRequest, options, profiles, anchor, target
    )
    return list(session.predict_freq(request))


def clocks_of_recordings(
    recordings: Sequence[Probe | Failure],
    target: str,
    **options: Unpack[RecordingsOptions],
) -> list[Recommendation | Failure]:
    """The best clock on the target for each recording of a job made on it."""
    session, request = _asked(
        clocks_asked.RecordingsRequest, options, recordings, target
    )
    return list(session.clocks_of_recordings(request))


def sweeps_of(
    names: Sequence[str] | None = None,
    gpu: str | None = None,
    **options: Unpack[SessionOptions],
) -> list[Sweeps]:
    """Clock sweeps at hand, by corpus and GPU."""
    return Session(options.get("anchors_dirs", ())).sweeps(names, gpu)


def label_sweeps(
    names: Sequence[str] | None = None,
    gpu: str | None = None,
    **options: Unpack[LabelOptions],
) -> list[Label]:
    """Ground truth of full sweeps."""
    session, request = _asked(clocks_asked.LabelRequest, options, names, gpu)
    return list(session.label_sweeps(request))


def compare_clocks(
    names: Sequence[str] | None = None,
    *,
    progress: Progress | None = None,
    **options: Unpack[ClockComparisonOptions],
) -> list[ClockRow]:
    """Figures of clock models on applications (or GPUs) they were not fitted on."""
    session, request = _asked(clocks_asked.ClockComparisonRequest, options, names)
    return list(session.compare_clocks(request, progress=progress))


def importance(
    names: Sequence[str] | None = None, **options: Unpack[ImportanceOptions]
) -> list[ClockRow]:
    """Permutation importance of every feature, on applications left out."""
    session, request = _asked(clocks_asked.ImportanceRequest, options, names)
    return list(session.importance(request))


def fit_clocks(
    target: str | None = None,
    *,
    progress: Progress | None = None,
    **options: Unpack[FitClocksOptions],
) -> ClockFit:
    """Fit a clock model for an instance or a GPU, and save it."""
    session, request = _asked(clocks_asked.FitClocksRequest, options, target)
    return session.fit_clocks(request, progress=progress)
