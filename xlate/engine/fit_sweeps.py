"""Learn clock models: compare, fit, label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from xlate.data import corpus as corpora
from xlate.engine.donor_gpus import (
    HANDOFF_CORPORA,
    handoff_for,
    nearest_others,
    relative,
)
from xlate.engine.session import Progress, Session
from xlate.engine.sweeps import default_view, matching_gpus, sweeps_of
from xlate.errors import (
    BundleError,
    CatalogError,
    UnknownNameError,
)
from xlate.evaluation import sweep_study
from xlate.evaluation.sweep_figures import ClockRow
from xlate.hardware.catalogue import Catalogue, Instance
from xlate.models.forests import round_leaves
from xlate.models.power import PowerModel
from xlate.models.response import CLOCK_MODELS, DEFAULT_CLOCK_MODEL, make_clock_model
from xlate.models.response.calibrated import CalibratedResponse
from xlate.models.response.donors import (
    choose_donor_weight,
    donor_rows,
    training,
    with_donors,
)
from xlate.objectives import OBJECTIVES, make_objective
from xlate.store import clock_bundle as clock_bundles
from xlate.store.bundle import versions
from xlate.store.clock_bundle import ClockBundle, ClockManifest
from xlate.sweeps.curve import grid_of
from xlate.sweeps.features import VIEWS
from xlate.sweeps.gpu_sweeps import Sweeps
from xlate.sweeps.labels import Label, check_slowdown, label
from xlate.values.clock_requests import (
    ClockComparisonRequest,
    FitClocksRequest,
    ImportanceRequest,
    LabelRequest,
)
from xlate.values.tables import Rows
from xlate.values.tabular import Cell, Tabular

__all__ = [
    "ClockFit",
    "compare_clocks",
    "fit_clocks",
    "importance",
    "label_sweeps",
]

#: points of the clock axis that a saved model keeps
_POINTS = 48


@dataclass(frozen=True)
class ClockFit(Tabular):
    """A clock model, where it was saved, and what the user should know.

    As a table it is its accuracy card.

    Attributes
    ----------
    bundle : ClockBundle
    path : Path or None
        Where it was saved.
    rows : tuple of ClockRow
        Accuracy card, on applications left out.
    notes : tuple of str
        What the user should know.

    Examples
    --------
    >>> import xlate
    >>> done = xlate.fit_clocks(
    ...     gpu="T4", sweeps=["simulated"], model="response-linear", save=False
    ... )
    >>> set(done.to_polars()["model"]) >= {"response-linear"}
    True
    """

    bundle: ClockBundle
    path: Path | None
    rows: tuple[ClockRow, ...]
    notes: tuple[str, ...]

    def document(self) -> dict[str, object]:
        """The promised document of ``clocks fit --json``."""
        m = self.bundle.manifest
        return {
            "bundle": str(self.path),
            "target": m.target,
            "gpu": m.gpu,
            "source_gpu": m.source_gpu,
            "extrapolated": m.extrapolated,
            "model": m.model,
            "fitted_on": m.corpus,
            "simulated": m.simulated,
            "handoff": m.handoff,
            "notes": list(self.notes),
            "rows": [asdict(r) for r in self.rows],
        }

    def records(self) -> list[dict[str, Cell]]:
        """Figures on applications left out, one row each."""
        return [asdict(row) for row in self.rows]

    def summary(self) -> str:
        """Clock model, GPU and corpora."""
        m = self.bundle.manifest
        return f"{m.model} for {m.target or m.gpu}, fitted on {m.corpus}"

    def remarks(self) -> tuple[str, ...]:
        """Notes."""
        return self.notes


def label_sweeps(session: Session, request: LabelRequest) -> Rows[Label]:
    """Ground truth of full sweeps.

    Raises
    ------
    XlateError
        As :func:`sweeps_of`, and for a bound outside 0 to 1.
    """
    check_slowdown(request.bound)
    objectives = tuple(OBJECTIVES) if request.objectives is None else request.objectives
    rent = request.usd_per_h
    aims = [o for o in objectives if o != "cost" or rent is not None]
    return Rows(
        tuple(
            label(curve, make_objective(aim, rent), request.bound)
            for one in sweeps_of(session, request.sweeps, request.gpu)
            for curve in one.curves
            for aim in aims
        )
    )


def compare_clocks(
    session: Session, request: ClockComparisonRequest, *,
    progress: Progress | None = None,
) -> Rows[ClockRow]:  # fmt: skip
    """Figures of clock models on applications (or GPUs) they were not fitted on.

    Raises
    ------
    XlateError
        As :func:`sweeps_of`; for an unknown model, split, view or probe.
    """
    check_slowdown(request.bound)
    models = tuple(CLOCK_MODELS) if request.models is None else request.models
    for model in models:
        if model not in CLOCK_MODELS:
            raise UnknownNameError("clock model", model, CLOCK_MODELS)
    if request.view is not None and request.view not in VIEWS:
        raise UnknownNameError("view", request.view, VIEWS)
    sweeps = sweeps_of(session, request.sweeps, request.gpu)
    rows = sweep_study.measure(
        sweeps,
        models,
        split=request.split,
        view=request.view or default_view(sweeps),
        kind=request.probe,
        bound=request.bound,
        seed=request.seed,
        pool=request.pool,
        progress=progress,
    )
    return Rows(tuple(rows))


def importance(session: Session, request: ImportanceRequest) -> Rows[ClockRow]:
    """Permutation importance of every feature, on applications left out."""
    model = request.model or DEFAULT_CLOCK_MODEL
    return Rows(
        tuple(
            row
            for one in sweeps_of(session, request.sweeps, request.gpu)
            for row in sweep_study.importance(
                one, model, view=request.view or default_view([one]), seed=request.seed
            )
        )
    )


def fit_clocks(
    session: Session, request: FitClocksRequest, *, progress: Progress | None = None
) -> ClockFit:
    """Fit a clock model for an instance or a GPU, and save it.

    Raises
    ------
    XlateError
        For an unknown name, a target without GPU or without a settable clock,
        or no sweeps at hand.
    """
    everything = sweeps_of(session, request.sweeps)
    instance = _target(request, [s.gpu.name for s in everything], session.catalogue)
    card = instance.require_gpu()
    if card.set_clock not in ("application", "locked"):
        raise CatalogError(
            f"the clock of {card.name} is not set through nvidia-smi",
            "choose a target whose clock can be set",
        )
    source, spread = relative(card, everything)
    others = nearest_others(source, everything)
    learned = _Learned(instance, source, tuple(others), spread)
    model = request.model or DEFAULT_CLOCK_MODEL
    views, responses = _responses(learned, model, request.seed)
    power = _Power(
        *handoff_for(session, instance, not _simulated(source), request.seed)
    )
    notes = _fit_notes(learned, power)
    rows = sweep_study.measure(
        [source, *others], (model,), view=views[-1], objectives=("edp",), bound=None,
        tested=1, seed=request.seed, progress=progress,
    )  # fmt: skip
    manifest = replace(
        _manifest(session, learned, power, rows),
        model=model, views=views, seed=request.seed,
    )  # fmt: skip
    bundle = ClockBundle(manifest, responses, power.handoff)
    if not request.save:
        return ClockFit(bundle, None, tuple(rows), tuple(notes))
    measured_there = manifest.simulated and _measured(session, instance.name)
    in_place = request.replace or not measured_there
    kept = session.clock_bundles.keep(bundle, in_place=in_place)
    if not in_place:
        assert kept.path is not None
        notes.append(
            "the clock model there rests on measurements and stays in place; to use "
            f"this one: xlate models use clocks/{kept.path.name}"
        )
    return ClockFit(kept, kept.path, tuple(rows), tuple(notes))


@dataclass(frozen=True, eq=False)
class _Learned:
    """Sweeps that a clock model is learned from.

    Attributes
    ----------
    instance : Instance
        Target.
    source : Sweeps
        Its own, or those of the nearest GPU.
    others : tuple of Sweeps
        Of other GPUs, learned from too.
    spread : float
        Factor on errors: 1 where the source is the target's own.
    """

    instance: Instance
    source: Sweeps
    others: tuple[Sweeps, ...]
    spread: float


@dataclass(frozen=True, eq=False)
class _Power:
    """How power is predicted: a power model, whose it is, and the limit of its board (W)."""

    handoff: PowerModel | None
    origin: str | None
    limit_w: float | None


def _responses(
    learned: _Learned, model: str, seed: int
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """A fitted response for each view that the sweeps have."""
    source, others = learned.source, learned.others
    views = tuple(
        v for v in VIEWS if v == "smi" or default_view([source, *others]) == "dcgm"
    )
    grid = grid_of(source.curves)
    shares = np.linspace(grid[0], 1.0, min(_POINTS, len(grid)))
    responses: dict[str, Any] = {}
    for view in views:
        data = training(source, view, shares=shares)
        if others:
            donors = donor_rows(others, data, frozenset(), view)
            weight = choose_donor_weight(data, donors, seed)
            data = with_donors(data, donors, weight)
        responses[view] = _calibrated(model, seed)
        responses[view].fit(data)
    round_leaves(responses)
    return views, responses


def _fit_notes(learned: _Learned, power: _Power) -> list[str]:
    """What the user should know of a fit: what was borrowed, and what is lacking."""
    name, source = learned.instance.require_gpu().name, learned.source.gpu.name
    notes = []
    if source != name:
        notes.append(
            f"extrapolated: no sweep of {name} here, so the response is that of "
            f"{source} on the clock-over-maximum axis, errors times {learned.spread:g}"
        )
    if power.handoff is None:
        notes.append(
            "no power model: no corpus here has both op vectors and telemetry; import "
            f"{' and '.join(HANDOFF_CORPORA)}, or give probes (--probe-file)"
        )
    elif power.origin and not power.origin.startswith(f"{learned.instance.name} "):
        notes.append(
            f"power model borrowed from {power.origin}, power as a share of the limit"
        )
    return notes


def _measured(session: Session, target: str) -> bool:
    """Whether the clock model that answers for a target rests on measured sweeps."""
    try:
        return not session.clock_bundles.find(target).manifest.simulated
    except BundleError:
        return False


def _calibrated(model: str, seed: int) -> CalibratedResponse:
    """A model that knows its errors; others are wrapped to learn theirs."""
    made = make_clock_model(model, seed)
    return (
        made
        if isinstance(made, CalibratedResponse)
        else CalibratedResponse(seed, model)
    )


def _target(
    request: FitClocksRequest, swept: Sequence[str], catalogue: Catalogue
) -> Instance:
    target, gpu = request.target, request.gpu
    if (target is None) == (gpu is None):
        raise CatalogError("name a target or a GPU, one of them", "--target or --gpu")
    if target is not None:
        return catalogue.instance(target)
    named = matching_gpus(str(gpu), swept, catalogue)
    return catalogue.instance(named[0] if named else catalogue.gpu(str(gpu)).name)


def _name(sweeps: Sweeps) -> str:
    return sweeps.corpus.removesuffix(" (simulated)")


def _simulated(sweeps: Sweeps) -> bool:
    card = corpora.cards().get(_name(sweeps))
    return card is not None and card.simulated


def _manifest(
    session: Session, learned: _Learned, power: _Power, rows: Sequence[ClockRow]
) -> ClockManifest:
    """What a clock model rests on; model, views and seed are the caller's."""
    instance, source, where = learned.instance, learned.source, power.origin
    name = _name(source)
    corpus = session.corpus(name) if name in corpora.cards() else None
    kept = ("model", "held_out", "metric", "value", "n")
    return ClockManifest(
        format=clock_bundles.FORMAT,
        versions=versions(),
        target=instance.name,
        gpu=instance.require_gpu().name,
        source_gpu=source.gpu.name,
        spread=learned.spread,
        corpus=source.corpus,
        corpus_sha256=corpus.sha256 if corpus else "",
        taught_by=tuple(o.gpu.name for o in learned.others),
        simulated=_simulated(source) or "simulated" in (where or ""),
        licence=corpus.card.licence if corpus else "the user's own",
        handoff=where,
        handoff_limit_w=power.limit_w,
        model="",
        views=(),
        seed=0,
        applications=tuple(sorted(set(source.applications.tolist()))),
        card=tuple({k: v for k, v in asdict(r).items() if k in kept} for r in rows),
        files={},
    )
