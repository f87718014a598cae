"""Two machines: where work was profiled, and where it is to run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xlate.errors import CatalogError
from xlate.hardware.catalogue import Instance
from xlate.hardware.naming import bare, squash

if TYPE_CHECKING:
    import polars as pl

    from xlate.data.corpus import Corpus

__all__ = ["Pair", "names_taken", "runs_of", "taken_as"]


@dataclass(frozen=True)
class Pair:
    """An anchor and a target, each with a GPU.

    Several targets are several pairs. The anchor itself may be one of the machines
    compared: then both sides are one machine, and nothing differs between them.

    Attributes
    ----------
    anchor, target : Instance
        Where work was profiled, and where it is to run.

    Raises
    ------
    CatalogError
        If one of them has no GPU.

    Examples
    --------
    >>> from xlate.hardware.catalogue import catalogue
    >>> known = catalogue()
    >>> pair = Pair(known.instance("g3s.xlarge"), known.instance("p3.2xlarge"))
    >>> str(pair)
    'g3s.xlarge → p3.2xlarge'
    >>> round(pair.clock_ratio, 2)
    0.77
    """

    anchor: Instance
    target: Instance

    def __post_init__(self) -> None:
        for side in self.sides:
            side.require_gpu()

    def __str__(self) -> str:
        return f"{self.anchor.name} → {self.target.name}"

    @property
    def sides(self) -> tuple[Instance, Instance]:
        """Anchor and target."""
        return self.anchor, self.target

    @property
    def names(self) -> tuple[str, str]:
        """Names of anchor and target."""
        return self.anchor.name, self.target.name

    @property
    def is_one_machine(self) -> bool:
        """Whether anchor and target are the same instance."""
        return self.anchor.name == self.target.name

    @property
    def clock_ratio(self) -> float:
        """The anchor's highest clock over the target's; 1 where either is not known."""
        here, there = (s.require_gpu().number("max_mhz") for s in self.sides)
        return here / there if here and there else 1.0

    def prior(self) -> dict[str, float] | None:
        """Log ratios by nature from data sheets alone; None where a figure is not known.

        Nothing that any corpus holds is in them, so that they leak nothing.
        """
        from xlate.models.zero_shot.roofs import DEFAULT_ROOFS, log_ratios

        gpus = (side.require_gpu() for side in self.sides)
        try:
            return log_ratios(DEFAULT_ROOFS, *gpus)
        except CatalogError:
            return None

    def runs(self, corpus: Corpus) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Wide rows of both sides in a corpus (:func:`runs_of`).

        Raises
        ------
        CorpusError
            If the corpus lacks a side.
        """
        return runs_of(corpus, self.anchor), runs_of(corpus, self.target)

    def is_in(self, corpus: Corpus) -> bool:
        """Whether a corpus has runs on both sides, or on their GPUs."""
        held = {*corpus.instances}
        return all({s.name, s.require_gpu().name} & held for s in self.sides)


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


def names_taken(pair: Pair, *typed: str) -> tuple[str, ...]:
    """What short names of anchor and target were taken as, for the user to see."""
    both = zip(typed, pair.sides, strict=True)
    return tuple(said for name, side in both if (said := taken_as(name, side)))


def taken_as(typed: str, found: Instance) -> str | None:
    """What a short name was taken as, for the user to see; None where it is a full one."""
    full = [found.name, *found.aliases]
    if found.gpu is None or found.gpu.name != found.name:
        return None  # names of instances are not shortened
    if squash(typed) in {squash(n) for n in full} or bare(typed) == bare(found.name):
        return None
    return f"{typed} was taken as {found.name}"
