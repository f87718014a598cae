"""What every use case works with, resolved once: catalogue, corpora, bundles.

A face makes one session from what the user named, and asks it. Nothing else in the
engine says which folders, which corpus or which bundle is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from xlate.engine.pair import Pair
from xlate.errors import AlignmentError, CorpusError
from xlate.hardware.catalogue import Catalogue, catalogue

if TYPE_CHECKING:
    import polars as pl

    from xlate.data.corpus import Corpus
    from xlate.engine.bundles import TranslatorBundles
    from xlate.engine.clock_bundles import ClockBundles
    from xlate.engine.combine import Together
    from xlate.engine.error_breakdown import Anatomy
    from xlate.engine.fit_pair import FitResult
    from xlate.engine.fit_sweeps import ClockFit
    from xlate.engine.scale_sizes import Sizes
    from xlate.evaluation.figures import Row
    from xlate.evaluation.sweep_figures import ClockRow
    from xlate.parallel import Backend
    from xlate.store.manifest import Manifest
    from xlate.sweeps.gpu_sweeps import Sweeps
    from xlate.sweeps.labels import Label
    from xlate.values.answers import Answers
    from xlate.values.clock_requests import (
        ClockComparisonRequest,
        FitClocksRequest,
        ImportanceRequest,
        LabelRequest,
        PredictFreqRequest,
        RecordingsRequest,
    )
    from xlate.values.recommendation import Recommendation
    from xlate.values.requests import (
        AnatomyRequest,
        CombineRequest,
        CompareAllRequest,
        CompareRequest,
        FitRequest,
        ScaleRequest,
        ShotsRequest,
        TableRequest,
        TranslateRequest,
    )
    from xlate.values.tables import Rows
    from xlate.values.translation import Translation

__all__ = ["Progress", "Say", "Session"]

#: called with groups done, groups in all, and what is done
Progress = Callable[[int, int, str], None]
#: called with what the user should know, as soon as it is known
Say = Callable[[str], None]


class Session:
    """Catalogue, corpora and bundles of one command, notebook or server.

    Each is resolved when it is first asked for, and stays: all parts of an answer are
    by the same figures. Bundles are the exception, since a fit may put another one in
    place: a bundle whose files changed is loaded again.

    Parameters
    ----------
    anchors_dirs : iterable of Path
        Folders with more instances and GPUs than ship with xlate and stand in
        ``XLATE_ANCHORS``.

    Examples
    --------
    >>> session = Session()
    >>> str(session.pair("g3s", "p3"))
    'g3s.xlarge → p3.2xlarge'
    """

    def __init__(self, anchors_dirs: Iterable[Path] = ()) -> None:
        self.anchors_dirs = tuple(Path(p) for p in anchors_dirs)
        self._corpora: dict[str, Corpus] = {}

    def __reduce__(self) -> tuple[type[Session], tuple[tuple[Path, ...]]]:
        """In another process it resolves everything for itself."""
        return type(self), (self.anchors_dirs,)

    @cached_property
    def catalogue(self) -> Catalogue:
        """Instances and GPUs: what ships, ``XLATE_ANCHORS``, and the session's folders.

        Raises
        ------
        CatalogFaultsError
            If a file there is wrong.
        """
        return catalogue(self.anchors_dirs)

    @cached_property
    def bundles(self) -> TranslatorBundles:
        """Bundles of translators."""
        from xlate.engine.bundles import TranslatorBundles

        return TranslatorBundles()

    @cached_property
    def clock_bundles(self) -> ClockBundles:
        """Bundles of clock models."""
        from xlate.engine.clock_bundles import ClockBundles

        return ClockBundles()

    @cached_property
    def parallel(self) -> Backend:
        """Where parts of large work are done, as the settings say.

        Raises
        ------
        XlateError
            If the settings name no such place.
        """
        from xlate import settings
        from xlate.parallel import backend

        return backend(settings.current().parallel)

    def pair(self, anchor: str, target: str, among: Iterable[str] = ()) -> Pair:
        """Two machines by name or alias.

        Parameters
        ----------
        anchor, target : str
            What the user typed.
        among : iterable of str
            Instances of the corpus asked for: they settle what would be ambiguous.

        Raises
        ------
        UnknownNameError, CatalogError, AlignmentError
            If a name is unknown, has no GPU, or both are one instance.
        """
        among = list(among)
        pair = Pair(*(self.catalogue.instance(n, among) for n in (anchor, target)))
        if pair.is_one_machine:
            raise AlignmentError(
                f"anchor and target are both {pair.anchor.name}",
                "choose two instances",
            )
        return pair

    def corpus(self, data: Corpus | str) -> Corpus:
        """A corpus by name (loaded once) or by the path of a table.

        Raises
        ------
        UnknownNameError, CorpusError
            If it is unknown, not on this machine, or not what its card says.
        """
        from xlate.data import corpus as corpora

        if isinstance(data, corpora.Corpus):
            return data
        if corpora.is_table(data):
            return corpora.load(data)  # the user's own file may change
        if data not in self._corpora:
            self._corpora[data] = corpora.load(data)
        return self._corpora[data]

    def corpora(
        self, *, measured: bool = True, simulated: bool = True
    ) -> Iterable[Corpus]:
        """Corpora on this machine, measured ones first, each loaded when it is reached."""
        from xlate.data import corpus as corpora

        for card in corpora.preferred():
            if simulated if card.simulated else measured:
                yield self.corpus(card.name)

    def pair_and_corpus(
        self, anchor: str, target: str, data: Corpus | str | None = None
    ) -> tuple[Pair, Corpus]:
        """Two machines, and the corpus to learn the pair from.

        Parameters
        ----------
        anchor, target : str
            What the user typed.
        data : Corpus or str, optional
            The corpus asked for. By default one on this machine: measured ones that
            hold the instances come before measured ones that hold their GPUs, these
            before simulated ones.

        Raises
        ------
        UnknownNameError, CatalogError, AlignmentError
            As :meth:`pair`.
        CorpusError
            If no corpus holds both sides, or the one asked for holds no operations.
        """
        from xlate.data import corpus as corpora

        if data is not None:
            asked = self.corpus(data)
            if not asked.ops.height:
                raise CorpusError(
                    f"corpus {asked.name} holds no operations, only what meters recorded: "
                    "no translator can be fitted on it",
                    "name a corpus of op vectors with --data: xlate datasets list",
                )
            return self.pair(anchor, target, asked.instances), asked
        pair = self.pair(anchor, target)
        names = {*pair.names}
        holds: tuple[Callable[[Corpus], bool], ...] = (
            lambda c: names <= {*c.instances},
            pair.is_in,
        )
        for simulated in (False, True):
            for held in holds:
                candidates = self.corpora(measured=not simulated, simulated=simulated)
                for corpus in candidates:
                    # meters alone record no operations to learn from
                    if corpus.ops.height and held(corpus):
                        return pair, corpus
        return pair, corpora.find(*pair.names)

    def manifest_of_same_gpus(self, pair: Pair) -> Manifest | None:
        """Manifest of a bundle of two other machines that hold the GPUs of these two.

        The machines may differ in all but the GPU, so that it does not answer by
        itself.
        """
        anchors, targets = (
            self.catalogue.instances_with(s.require_gpu()) for s in pair.sides
        )
        for a in anchors:
            for t in targets:
                if a.name == t.name or {a.name, t.name} == {*pair.names}:
                    continue
                manifest = self.bundles.manifest(a.name, t.name)
                if manifest is not None:
                    return manifest
        return None

    def translate(self, request: TranslateRequest) -> Answers[Translation]:
        """Translate profiles with the bundle of a pair (:mod:`xlate.engine.translate_profiles`)."""
        from xlate.engine.translate_profiles import translate

        return translate(self, request)

    def translate_table(self, request: TableRequest) -> pl.DataFrame:
        """Translate a wide table of profiles in one go (:mod:`xlate.engine.table_translation`)."""
        from xlate.engine.table_translation import translate_table

        return translate_table(self, request)

    def translate_together(self, request: CombineRequest) -> Together:
        """Translate profiles from several anchors into one answer (:mod:`xlate.engine.combine`)."""
        from xlate.engine.combine import translate_together

        return translate_together(self, request)

    def scale(self, request: ScaleRequest) -> Sizes:
        """Translate a profile at other sizes (:mod:`xlate.engine.scale_sizes`)."""
        from xlate.engine.scale_sizes import scale

        return scale(self, request)

    def fit(
        self, request: FitRequest, *, progress: Progress | None = None
    ) -> FitResult:
        """Fit a translator, and save it (:mod:`xlate.engine.fit_pair`)."""
        from xlate.engine.fit_pair import fit

        return fit(self, request, progress=progress)

    def fit_shots(self, request: ShotsRequest) -> FitResult:
        """Fit a pair on a few runs of the target (:mod:`xlate.engine.few_shot`)."""
        from xlate.engine.few_shot import fit_shots

        return fit_shots(self, request)

    def compare(
        self,
        request: CompareRequest,
        *,
        say: Say | None = None,
        progress: Progress | None = None,
    ) -> Rows[Row]:
        """Compare translators on work left out (:mod:`xlate.engine.fit_pair`)."""
        from xlate.engine.fit_pair import compare

        return compare(self, request, say=say, progress=progress)

    def compare_all(
        self,
        request: CompareAllRequest,
        *,
        say: Say | None = None,
        progress: Progress | None = None,
    ) -> Rows[Row]:
        """Compare translators on every pair of a corpus (:mod:`xlate.engine.fit_pair`)."""
        from xlate.engine.fit_pair import compare_all

        return compare_all(self, request, say=say, progress=progress)

    def anatomy(
        self, request: AnatomyRequest, *, progress: Progress | None = None
    ) -> Anatomy:
        """Take a translator's errors apart (:mod:`xlate.engine.error_breakdown`)."""
        from xlate.engine.error_breakdown import anatomy

        return anatomy(self, request, progress=progress)

    def predict_freq(self, request: PredictFreqRequest) -> Answers[Recommendation]:
        """Recommend a clock for profiles (:mod:`xlate.engine.tune`)."""
        from xlate.engine.tune import predict_freq

        return predict_freq(self, request)

    def clocks_of_recordings(
        self, request: RecordingsRequest
    ) -> Answers[Recommendation]:
        """Recommend a clock for recorded jobs (:mod:`xlate.engine.tune_recording`)."""
        from xlate.engine.tune_recording import clocks_of_recordings

        return clocks_of_recordings(self, request)

    def sweeps(
        self, names: Sequence[str] | None = None, gpu: str | None = None
    ) -> list[Sweeps]:
        """Clock sweeps at hand (:mod:`xlate.engine.sweeps`)."""
        from xlate.engine.sweeps import sweeps_of

        return sweeps_of(self, names, gpu)

    def label_sweeps(self, request: LabelRequest) -> Rows[Label]:
        """Say which clock was best in full sweeps (:mod:`xlate.engine.fit_sweeps`)."""
        from xlate.engine.fit_sweeps import label_sweeps

        return label_sweeps(self, request)

    def compare_clocks(
        self, request: ClockComparisonRequest, *, progress: Progress | None = None
    ) -> Rows[ClockRow]:
        """Compare clock models on applications left out (:mod:`xlate.engine.fit_sweeps`)."""
        from xlate.engine.fit_sweeps import compare_clocks

        return compare_clocks(self, request, progress=progress)

    def importance(self, request: ImportanceRequest) -> Rows[ClockRow]:
        """Say which features matter to a clock model (:mod:`xlate.engine.fit_sweeps`)."""
        from xlate.engine.fit_sweeps import importance

        return importance(self, request)

    def fit_clocks(
        self, request: FitClocksRequest, *, progress: Progress | None = None
    ) -> ClockFit:
        """Fit a clock model, and save it (:mod:`xlate.engine.fit_sweeps`)."""
        from xlate.engine.fit_sweeps import fit_clocks

        return fit_clocks(self, request, progress=progress)

    def hold_clock(
        self,
        answer: Recommendation,
        clocks_file: Path | None = None,
        index: int = 0,
        *,
        say: Say = lambda _: None,
    ) -> None:
        """Set a recommended clock here until interrupted (:mod:`xlate.engine.holding`)."""
        from xlate.engine.holding import hold_clock

        hold_clock(self, answer, clocks_file, index, say=say)
