"""Learn clock models: compare, fit, label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xlate import corpus as corpora
from xlate.catalog import Catalogue, Instance, catalogue
from xlate.clocks import study
from xlate.clocks.curve import grid_of
from xlate.clocks.features import VIEWS
from xlate.clocks.figures import ClockRow
from xlate.clocks.gpu_sweeps import Sweeps
from xlate.clocks.label import Label, check_slowdown, label
from xlate.clocks.models import CLOCK_MODELS, DEFAULT_CLOCK_MODEL, make_clock_model
from xlate.clocks.models.calibrated import CalibratedResponse
from xlate.clocks.objective import OBJECTIVES, make_objective
from xlate.clocks.teaching import of_others, pooled, training, trust_in
from xlate.engine.kinship import (
    HANDOFF_CORPORA,
    handoff_for,
    nearest_others,
    relative,
)
from xlate.engine.sweeps import default_view, matching_gpus, sweeps_of
from xlate.errors import (
    BundleError,
    CatalogError,
    UnknownNameError,
)
from xlate.store import clock_bundle as clock_bundles
from xlate.store.bundle import versions
from xlate.store.clock_bundle import ClockBundle, ClockManifest

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
class ClockFit:
    """A clock model, where it was saved, and what the user should know."""

    bundle: ClockBundle
    path: Path | None
    rows: tuple[ClockRow, ...]
    notes: tuple[str, ...]


def label_sweeps(
    names: Sequence[str] | None = None,
    gpu: str | None = None,
    objectives: Sequence[str] = tuple(OBJECTIVES),
    bound: float | None = None,
    usd_per_h: float | None = None,
    anchors_dirs: Iterable[Path] = (),
) -> list[Label]:
    """Ground truth of full sweeps.

    Parameters
    ----------
    bound : float, optional
        Slowdown against the fastest clock, 0.05 for 5 %.
    usd_per_h : float, optional
        Rent, for dollars; without it the ``cost`` objective is left out.

    Raises
    ------
    XlateError
        As :func:`sweeps_of`, and for a bound that is none.
    """
    check_slowdown(bound)
    aims = [o for o in objectives if o != "cost" or usd_per_h is not None]
    return [
        label(curve, make_objective(aim, usd_per_h), bound)
        for one in sweeps_of(names, gpu, anchors_dirs)
        for curve in one.curves
        for aim in aims
    ]


def compare_clocks(
    names: Sequence[str] | None = None,
    *,
    gpu: str | None = None,
    models: Sequence[str] = tuple(CLOCK_MODELS),
    split: str = "workload",
    view: str | None = None,
    probe: str = "max-only",
    bound: float | None = 0.05,
    pool: bool = True,
    seed: int = 0,
    anchors_dirs: Iterable[Path] = (),
    progress: Callable[[int, int, str], None] | None = None,
) -> list[ClockRow]:
    """Figures of clock models on applications (or GPUs) they were not fitted on.

    Parameters
    ----------
    view : str, optional
        ``smi`` or ``dcgm``; by default the richest that the sweeps have.
    pool : bool
        Whether the other GPUs' applications teach too, that held out apart.

    Raises
    ------
    XlateError
        As :func:`sweeps_of`; for an unknown model, split, view or probe.
    """
    check_slowdown(bound)
    for model in models:
        if model not in CLOCK_MODELS:
            raise UnknownNameError("clock model", model, CLOCK_MODELS)
    if view is not None and view not in VIEWS:
        raise UnknownNameError("view", view, VIEWS)
    sweeps = sweeps_of(names, gpu, anchors_dirs)
    return study.measure(
        sweeps,
        models,
        split=split,
        view=view or default_view(sweeps),
        kind=probe,
        bound=bound,
        seed=seed,
        pool=pool,
        progress=progress,
    )


def importance(
    names: Sequence[str] | None = None,
    *,
    gpu: str | None = None,
    model: str = DEFAULT_CLOCK_MODEL,
    view: str | None = None,
    seed: int = 0,
) -> list[ClockRow]:
    """Permutation importance of every feature, on applications left out."""
    return [
        row
        for one in sweeps_of(names, gpu)
        for row in study.importance(
            one, model, view=view or default_view([one]), seed=seed
        )
    ]


def fit_clocks(
    target: str | None = None,
    *,
    gpu: str | None = None,
    sweeps: Sequence[str] | None = None,
    model: str = DEFAULT_CLOCK_MODEL,
    seed: int = 0,
    save: bool = True,
    replace: bool = False,
    anchors_dirs: Iterable[Path] = (),
    progress: Callable[[int, int, str], None] | None = None,
) -> ClockFit:
    """Fit a clock model for an instance or a GPU, and save it.

    Parameters
    ----------
    target : str, optional
        Instance; op vectors can then be handed on to it.
    gpu : str, optional
        GPU alone.
    sweeps : sequence of str, optional
        Corpora to learn from; see :func:`sweeps_of`.
    save : bool
        Whether to write the clock model to the data home; what answered until then
        is kept under a number.
    replace : bool
        Let one that rests on simulated runs take the place of a measured one.

    Raises
    ------
    XlateError
        For an unknown name, a target without GPU or without a settable clock,
        or no sweeps at hand.
    """
    known = catalogue(anchors_dirs)
    everything = sweeps_of(sweeps, None, anchors_dirs)
    instance = _target(target, gpu, [s.gpu.name for s in everything], known)
    card = instance.require_gpu()
    if card.set_clock not in ("application", "locked"):
        raise CatalogError(
            f"the clock of {card.name} is not set through nvidia-smi",
            "choose a target whose clock can be set",
        )
    source, spread = relative(card, everything)
    notes = []
    if source.gpu.name != card.name:
        notes.append(
            f"extrapolated: no sweep of {card.name} here, so the response is that of "
            f"{source.gpu.name} on the clock-over-maximum axis, errors times {spread:g}"
        )
    others = nearest_others(source, everything)
    views = [
        v for v in VIEWS if v == "smi" or default_view([source, *others]) == "dcgm"
    ]
    grid = grid_of(source.curves)
    shares = np.linspace(grid[0], 1.0, min(_POINTS, len(grid)))
    responses: dict[str, Any] = {}
    for view in views:
        data = training(source, view, shares=shares)
        if others:
            elsewhere = of_others(others, data, frozenset(), view)
            data = pooled(data, elsewhere, trust_in(data, elsewhere, seed))
        responses[view] = _calibrated(model, seed)
        responses[view].fit(data)
    handoff, where, limit = handoff_for(instance, not _simulated(source), seed, known)
    if handoff is None:
        notes.append(
            "no hand-off: no corpus here has both op vectors and telemetry; import "
            f"{' and '.join(HANDOFF_CORPORA)}, or give probes (--probe-file)"
        )
    elif where and not where.startswith(f"{instance.name} "):
        notes.append(f"hand-off borrowed from {where}, power as a share of the limit")
    rows = study.measure(
        [source, *others], (model,), view=views[-1], objectives=("edp",), bound=None,
        tested=1, seed=seed, progress=progress,
    )  # fmt: skip
    manifest = _manifest(
        instance, source, others, spread, where, limit, model, views, seed, rows
    )
    bundle = ClockBundle(manifest, responses, handoff)
    if not save:
        return ClockFit(bundle, None, tuple(rows), tuple(notes))
    in_place = replace or not (manifest.simulated and _measured(instance.name))
    path = clock_bundles.keep(bundle, in_place=in_place)
    if not in_place:
        notes.append(
            "the clock model there rests on measurements and stays in place; to use "
            f"this one: xlate models use clocks/{path.name}"
        )
    return ClockFit(bundle, path, tuple(rows), tuple(notes))


def _measured(target: str) -> bool:
    """Whether the clock model that answers for a target rests on measured sweeps."""
    try:
        return not clock_bundles.find(target).manifest.simulated
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
    target: str | None, gpu: str | None, swept: Sequence[str], known: Catalogue
) -> Instance:
    if (target is None) == (gpu is None):
        raise CatalogError("name a target or a GPU, one of them", "--target or --gpu")
    if target is not None:
        return known.instance(target)
    named = matching_gpus(str(gpu), swept, known)
    return known.instance(named[0] if named else known.gpu(str(gpu)).name)


def _name(sweeps: Sweeps) -> str:
    return sweeps.corpus.removesuffix(" (simulated)")


def _simulated(sweeps: Sweeps) -> bool:
    card = corpora.cards().get(_name(sweeps))
    return card is not None and card.simulated


def _manifest(
    instance: Instance, source: Sweeps, others: Sequence[Sweeps], spread: float, where: str | None,
    limit: float | None, model: str, views: Sequence[str], seed: int,
    rows: Sequence[ClockRow],
) -> ClockManifest:  # fmt: skip
    corpus = corpora.load(_name(source)) if _name(source) in corpora.cards() else None
    simulated = _simulated(source) or "simulated" in (where or "")
    return ClockManifest(
        format=clock_bundles.FORMAT,
        versions=versions(),
        target=instance.name,
        gpu=instance.require_gpu().name,
        source_gpu=source.gpu.name,
        spread=spread,
        corpus=source.corpus,
        corpus_sha256=corpus.sha256 if corpus else "",
        taught_by=tuple(o.gpu.name for o in others),
        simulated=simulated,
        licence=corpus.card.licence if corpus else "the user's own",
        handoff=where,
        handoff_limit_w=limit,
        model=model,
        views=tuple(views),
        seed=seed,
        applications=tuple(sorted(set(source.applications.tolist()))),
        card=tuple(
            {k: v for k, v in asdict(r).items() if k in ("model", "held_out", "metric", "value", "n")}
            for r in rows
        ),
        files={},
    )  # fmt: skip
