"""Splits that keep whole models apart, and how tables name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate.errors import AlignmentError, UnknownNameError

__all__ = ["LEAKY", "SPLITS", "folds", "split_label"]

#: split -> columns of the key that are kept together; none: a random split
SPLITS: dict[str, tuple[str, ...]] = {
    "model": ("model",),
    "family": ("family",),
    "model+dataset": ("model", "dataset"),
    "model+dataset+batch": ("model", "dataset", "batch_size"),
    "random": (),
}
#: a split by row lets repeats and neighbours of a workload into training
LEAKY = frozenset({"random"})
#: splits in which every group gets a separate fold
_ONE_OUT = frozenset({"model", "family"})
#: finer groups than this many are put together into this number of folds
MOST_FOLDS = 12


def split_label(split: str) -> str:
    """Name of a split for tables; a leaky one says so."""
    if split in LEAKY:
        return f"{split} (leaky)"
    # finer groups are dealt over twelve folds, which is not leaving one out
    return f"leave-one-{split}-out" if split in _ONE_OUT else f"grouped by {split}"


def folds(
    keys: pl.DataFrame,
    split: str,
    seed: int = 0,
    families: Mapping[str, Sequence[str]] | None = None,
) -> NDArray[np.int64]:
    """Fold number of each pair.

    Parameters
    ----------
    keys : polars.DataFrame
        Workload keys.
    split : str
        Key of :data:`SPLITS`. Groups get a fold each while there are at most
        twelve, else they are dealt out over twelve folds.
    seed : int
        For the deal.
    families : mapping of str to sequence of str, optional
        Family of networks to its models, from the corpus card; a model that is in
        no family is a separate family.

    Raises
    ------
    UnknownNameError
        If the split is unknown.
    AlignmentError
        If there is only one group.
    """
    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)
    together = SPLITS[split]
    family = {m: f for f, members in (families or {}).items() for m in members}
    keys = keys.with_columns(pl.col("model").replace(family).alias("family"))
    if together:
        groups = keys.select(pl.struct(together).rank("dense") - 1).to_series()
        group = groups.to_numpy().astype(np.int64)
    else:
        group = np.arange(keys.height)
    n_groups = int(group.max()) + 1
    if n_groups < 2:
        raise AlignmentError(
            f"split {split} has one group only", "use a finer split or more models"
        )
    if n_groups <= MOST_FOLDS or split in _ONE_OUT:
        return group
    deal = np.random.default_rng(seed).permutation(n_groups) % MOST_FOLDS
    return np.asarray(deal[group], dtype=np.int64)
