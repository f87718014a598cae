"""Learn clock models: gather sweeps, compare, fit, label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from xlate import corpus as corpora
from xlate.card import Card
from xlate.catalog import Catalogue, Instance, catalogue
from xlate.clocks import study
from xlate.clocks.curve import curves_of, grid_of
from xlate.clocks.features import VIEWS
from xlate.clocks.figures import ClockRow, Sweeps
from xlate.clocks.label import Label, check_slowdown, label
from xlate.clocks.models import CLOCK_MODELS, DEFAULT_CLOCK_MODEL, make_clock_model
from xlate.clocks.models.calibrated import CalibratedResponse
from xlate.clocks.objective import OBJECTIVES, make_objective
from xlate.clocks.teaching import of_others, pooled, training, trust_in
from xlate.corpus import Corpus
from xlate.engine.kinship import (
    HANDOFF_CORPORA,
    handoff_for,
    nearest_others,
    relative,
)
from xlate.errors import CatalogError, CorpusError, UnknownNameError
from xlate.files import check_regular
from xlate.readers.limits import MAX_BYTES
from xlate.schema import TABLES, sweeps_frame
from xlate.store import clock_bundle as clock_bundles
from xlate.store.bundle import versions
from xlate.store.clock_bundle import ClockBundle, ClockManifest

__all__ = [
    "ClockFit",
    "compare_clocks",
    "default_view",
    "fit_clocks",
    "importance",
    "label_sweeps",
    "sweeps_of",
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


def sweeps_of(
    names: Sequence[str] | None = None,
    gpu: str | None = None,
    anchors_dirs: Iterable[Path] = (),
) -> list[Sweeps]:
    """Clock sweeps at hand, by corpus and GPU.

    Parameters
    ----------
    names : sequence of str, optional
        Corpora, or csv or parquet files of sweeps; by default the measured ones on this machine whose licence lets
        something fitted from them be kept, else the simulated one.
    gpu : str, optional
        Only those of this GPU, by name, alias, or the beginning of a name that
        only one swept GPU has.

    Raises
    ------
    UnknownNameError, CorpusError
        If a corpus is unknown, not here, or holds no clock sweep (of the GPU).
    """
    known = catalogue(anchors_dirs)
    found: list[Sweeps] = []
    for corpus in _corpora(names):
        if corpus.sweeps is None:
            raise CorpusError(
                f"corpus {corpus.name} holds no sweep", "see: xlate datasets list"
            )
        swept = corpus.sweeps.drop_nulls("sm_mhz")["gpu"].unique().sort().to_list()
        if not swept:
            raise CorpusError(
                f"corpus {corpus.name} sweeps power limits, not clocks",
                "name one with clocks: ttu-dvfs",
            )
        wanted = swept if gpu is None else _matching(gpu, swept, known)
        found += [
            Sweeps(corpus.label, known.gpu(g), tuple(curves_of(corpus.sweeps, g)))
            for g in wanted
        ]
    if not found:
        looked = ", ".join(c.name for c in _corpora(names))
        raise CorpusError(f"no sweep of {gpu} in {looked}", "xlate datasets show NAME")
    return found


def _corpora(names: Sequence[str] | None) -> list[Corpus]:
    if names is not None:
        return [_named(n) for n in names]
    here = [corpora.load(c.name) for c in corpora.preferred()]
    swept = [c for c in here if c.sweeps is not None and _kept(c)]
    measured = [c for c in swept if not c.card.simulated]
    return measured or swept


def _named(name: str) -> Corpus:
    """A corpus by name, or a user's own sweeps from a csv or parquet file."""
    path = Path(name)
    if path.suffix not in (".csv", ".parquet"):
        return corpora.load(name)
    read = pl.read_csv if path.suffix == ".csv" else pl.read_parquet
    try:
        check_regular(path, MAX_BYTES)
        frame = sweeps_frame(read(path, glob=False))
    except (OSError, pl.exceptions.PolarsError) as e:
        raise CorpusError(
            f"{path} cannot be read as sweeps: {e}", "xlate sweep read DIR --csv FILE"
        ) from e
    card = Card(path.name, "sweeps given by the user", False, "the user's own", "", "", "")  # fmt: skip
    empty = {t: pl.DataFrame(schema=TABLES[t]) for t in ("runs", "ops")}
    return Corpus(card, **empty, sweeps=frame, sha256=corpora.sha256_of(path))


def _kept(corpus: Corpus) -> bool:
    """Whether it sweeps clocks and its licence lets a fit be kept."""
    assert corpus.sweeps is not None
    clocks = corpus.sweeps["sm_mhz"].is_not_null().any()
    return clocks and not corpus.card.licence.startswith("none")


def _matching(name: str, swept: Sequence[str], known: Catalogue) -> list[str]:
    """Swept GPUs that a name means; "A100-SXM" is the one A100-SXM4 swept."""
    starting = [g for g in swept if g.lower().startswith(name.lower())]
    if len(starting) == 1:
        return starting
    wanted = known.gpu(name).name
    return [g for g in swept if g == wanted]


def default_view(sweeps: Sequence[Sweeps]) -> str:
    """``dcgm`` where every sweep has DRAM activity, else ``smi``."""
    rich = all(
        np.isfinite(c.metrics["dram_active"]).any() for s in sweeps for c in s.curves
    )
    return "dcgm" if rich else "smi"


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
    progress: Callable[[str], None] | None = None,
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
    anchors_dirs: Iterable[Path] = (),
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
        tested=1, seed=seed,
    )  # fmt: skip
    manifest = _manifest(
        instance, source, others, spread, where, limit, model, views, seed, rows
    )
    bundle = ClockBundle(manifest, responses, handoff)
    path = clock_bundles.folder_of(instance.name) if save else None
    if path is not None:
        clock_bundles.save(bundle, path)
    return ClockFit(bundle, path, tuple(rows), tuple(notes))


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
    named = _matching(str(gpu), swept, known)
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
