"""An anchor and a target, looked up and checked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from xlate import corpus as corpora
from xlate.catalog import Catalogue, Instance, catalogue
from xlate.corpus import Corpus
from xlate.errors import AlignmentError, CatalogError
from xlate.roofs import DEFAULT_ROOFS, log_ratios
from xlate.store import bundle as bundles
from xlate.store.manifest import Manifest

__all__ = ["clock_ratio", "pair_of", "pair_with_bundle", "prior", "resolve", "runs_of"]


def pair_of(
    anchor: str,
    target: str,
    extra: Iterable[Path] = (),
    among: Iterable[str] = (),
) -> tuple[Instance, Instance]:
    """Both instances by name or alias.

    Parameters
    ----------
    anchor, target : str
        What the user typed.
    extra : iterable of Path
        More catalogue folders.
    among : iterable of str
        Instances of the corpus asked for: they settle what would be ambiguous.

    Raises
    ------
    UnknownNameError, CatalogError, AlignmentError
        If a name is unknown, has no GPU, or both are one instance.
    """
    known, among = catalogue(extra), list(among)
    a, t = known.instance(anchor, among), known.instance(target, among)
    for side in (a, t):
        side.require_gpu()
    if a.name == t.name:
        raise AlignmentError(
            f"anchor and target are both {a.name}", "choose two instances"
        )
    return a, t


def resolve(
    anchor: str,
    target: str,
    data: Corpus | str | None = None,
    extra: Iterable[Path] = (),
) -> tuple[Instance, Instance, Corpus]:
    """Both instances, and the corpus to learn the pair from.

    Parameters
    ----------
    anchor, target : str
        What the user typed.
    data : Corpus or str, optional
        The corpus asked for. By default one on this machine: measured ones that hold
        the instances come before measured ones that hold their GPUs, these before
        simulated ones.
    extra : iterable of Path
        More catalogue folders.

    Raises
    ------
    UnknownNameError, CatalogError, AlignmentError
        As :func:`pair_of`.
    CorpusError
        If no corpus holds both sides.
    """
    asked = corpora.load(data) if isinstance(data, str) else data
    a, t = pair_of(anchor, target, extra, asked.instances if asked else ())
    if asked is not None:
        return a, t, asked
    for simulated in (False, True):
        here = [
            corpora.load(c.name)
            for c in corpora.preferred()
            if c.simulated == simulated
        ]
        named = [c for c in here if {a.name, t.name} <= {*c.instances}]
        held = [c for c in here if _holds(c, a) and _holds(c, t)]
        for corpus in (*named, *held):
            return a, t, corpus
    return a, t, corpora.find(a.name, t.name)


def _holds(corpus: Corpus, side: Instance) -> bool:
    return bool({side.name, side.require_gpu().name} & {*corpus.instances})


def runs_of(corpus: Corpus, side: Instance) -> pl.DataFrame:
    """Wide rows of an instance in a corpus, or of its GPU where that is what was measured.

    Raises
    ------
    CorpusError
        If the corpus has neither.
    """
    gpu = side.require_gpu().name
    own = side.name in corpus.instances or gpu not in corpus.instances
    return corpus.runs_on(side.name if own else gpu)


def prior(anchor: Instance, target: Instance) -> dict[str, float] | None:
    """Log ratios by nature from data sheets alone; None where a figure is not known.

    Nothing that any corpus holds is in them, so that they leak nothing.
    """
    try:
        return log_ratios(DEFAULT_ROOFS, anchor.require_gpu(), target.require_gpu())
    except CatalogError:
        return None


def clock_ratio(anchor: Instance, target: Instance) -> float:
    """The anchor's highest clock over the target's; 1 where either is not known."""
    highest = [side.require_gpu().number("max_mhz") for side in (anchor, target)]
    return highest[0] / highest[1] if highest[0] and highest[1] else 1.0


def pair_with_bundle(
    anchor: Instance, target: Instance, known: Catalogue
) -> Manifest | None:
    """A bundle of two other instances that hold the GPUs of these two.

    Only its manifest is read. The machines may differ in all but the GPU, so that it
    does not answer by itself.
    """
    sides = [known.instances_with(s.require_gpu()) for s in (anchor, target)]
    for a in sides[0]:
        for t in sides[1]:
            named = {a.name, t.name} != {anchor.name, target.name}
            folder = bundles.location(a.name, t.name) if a.name != t.name else None
            if named and folder is not None:
                return bundles.read_manifest(folder)
    return None
