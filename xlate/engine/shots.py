"""Few-shot: adapt what is known of all GPUs to one target by a few measured runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl

from xlate import corpus as corpora
from xlate.align import Aligned, align
from xlate.catalog import Instance
from xlate.corpus import Corpus
from xlate.engine.assembly import Assembly, assemble
from xlate.engine.fitting import FitResult
from xlate.engine.naming import taken_as
from xlate.engine.pair import pair_of, prior, runs_of
from xlate.engine.unseen import ENOUGH_MODELS, borrowed, shipped
from xlate.errors import CatalogError, CorpusError
from xlate.evaluate import Row, rows_of
from xlate.heldout import held_out
from xlate.splits import split_label
from xlate.store import bundle as bundles
from xlate.store.bundle import Bundle
from xlate.translators import BASELINE, FEW
from xlate.trust.calibration import Calibration

__all__ = ["fit_shots", "read_shots"]


def read_shots(path: Path) -> Corpus:
    """Measured runs from a parquet file: one row a run, one column an operation.

    Raises
    ------
    CorpusError
        If the file is none, or lacks a column (see :func:`xlate.corpus.from_frame`).
    ProfileError
        If a time is not finite or negative.
    """
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as e:
        raise CorpusError(
            f"{path} cannot be read as parquet: {e}",
            "one row a run: instance, model, step_time_us and one column an operation (µs)",
        ) from e
    return corpora.from_frame(frame, path.stem)


def fit_shots(
    anchor: str,
    target: str,
    shots: Corpus | Path,
    data: Corpus | str | None = None,
    *,
    seed: int = 0,
    anchors_dirs: Iterable[Path] = (),
    save: bool = True,
) -> FitResult:
    """Fit a pair of which only a few runs were measured on the target.

    What data sheets and the other GPUs say (the zero-shot answer) is corrected by
    the runs, the more the more there are.

    Parameters
    ----------
    anchor, target : str
        Instances, by name or alias.
    shots : Corpus or Path
        Runs on the target, and their counterparts on the anchor unless a corpus
        holds these.
    data : Corpus or str, optional
        Corpus with the anchor's runs of the same work; by default the shots, then
        those on this machine.
    save : bool
        Whether to write the bundle to the data home.

    Raises
    ------
    CorpusError
        If there is no run on the target, or none of the same work on the anchor.
    XlateError
        For unknown names, or a table that is not what it should be.
    """
    measured = shots if isinstance(shots, Corpus) else read_shots(shots)
    asked = corpora.load(data) if isinstance(data, str) else data
    among = {*measured.instances, *(asked.instances if asked else ())}
    a, t = pair_of(anchor, target, anchors_dirs, sorted(among))
    there = _on(measured, t)
    if there is None:
        raise CorpusError(
            f"{measured.name} has no run on {t.name}",
            f"it has {', '.join(measured.instances)}",
        )
    home, here = _anchors(measured, asked, a)
    aligned = align(here, there, "median", fewest_models=1)
    try:
        told = shipped().log_ratios(a.require_gpu(), t.require_gpu())
    except CatalogError:
        told = prior(a, t) or {}
    errors, errors_of_ratio, rows = _errors(measured, aligned, told)
    manifest, fitted = assemble(
        Assembly(
            a, t, home, aligned, rows, translator=FEW, columns="all", repeats="median",
            split=split_label("model") if rows else "few-shot", seed=seed, told=told,
            known=here, label=f"{measured.name} and zero-shot",
        ),
        errors,
        errors_of_ratio,
    )  # fmt: skip
    path = bundles.folder_of(a.name, t.name) if save else None
    if path is not None:
        bundles.save(manifest, fitted, path)
    notes = [n for n in (taken_as(anchor, a), taken_as(target, t)) if n]
    notes.append(
        f"{len(aligned)} workloads of {len(set(aligned.models))} models measured"
    )
    if aligned.unpaired_target.height:
        notes.append(
            f"{aligned.unpaired_target.height} runs on {t.name} have no counterpart on "
            f"{a.name} and were left out"
        )
    if not rows:
        notes.append(
            f"fewer than {ENOUGH_MODELS} models: intervals are those of GPUs never seen"
        )
    return FitResult(Bundle(manifest, fitted, path), path, tuple(rows), tuple(notes))


def _on(corpus: Corpus, side: Instance) -> pl.DataFrame | None:
    names = {side.name, side.require_gpu().name}
    return runs_of(corpus, side) if names & {*corpus.instances} else None


def _anchors(
    measured: Corpus, asked: Corpus | None, a: Instance
) -> tuple[Corpus, pl.DataFrame]:
    """Runs on the anchor, and the corpus they are of."""
    tried = [measured] if asked is None else [asked]
    if asked is None:
        tried += [corpora.load(c.name) for c in corpora.preferred() if not c.simulated]
    for corpus in tried:
        runs = _on(corpus, a) if corpus.instances else None
        if runs is not None:
            return corpus, runs
    raise CorpusError(
        f"no run on {a.name} in {', '.join(c.name for c in tried)}",
        "put the anchor's runs of the same work into the file, or name a corpus by --data",
    )


def _errors(
    measured: Corpus, aligned: Aligned, told: dict[str, float]
) -> tuple[Calibration, Calibration, list[Row]]:
    """Errors on models left out; of GPUs never seen, where there are too few models."""
    if len(np.unique(aligned.models)) >= ENOUGH_MODELS:
        held = held_out(aligned, [FEW, BASELINE], measured.label, prior=told)
        return (
            Calibration.of(held, FEW), Calibration.of(held, BASELINE), rows_of(held),
        )  # fmt: skip
    return borrowed(), borrowed(), []
