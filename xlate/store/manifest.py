"""What a bundle says about itself: the manifest beside the model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from xlate.errors import BundleError
from xlate.store.fields import (
    check_card,
    check_counts,
    check_digests,
    check_types,
    parse,
)

__all__ = ["FORMAT", "Manifest"]

#: format of bundles written today; 1 had neither intervals nor domain, 2 did not say
#: how many steps a window holds, nor of what work its scalers were learnt
FORMAT = 3
_REFIT = "fit again: xlate fit --anchor A --target B"


@dataclass(frozen=True)
class Manifest:
    """Everything about a bundle that is not the model.

    Attributes
    ----------
    format : int
        Version of the bundle format.
    versions : mapping
        xlate, Python and libraries at the time of the fit.
    anchor, target, translator, policy, split : str
        What was fitted, on which repeats, and how the card was measured.
    seed : int
        Seed of translator and splits.
    corpus, corpus_sha256 : str
        Corpus fitted on; its label says when it is simulated.
    simulated : bool
        Whether the corpus is simulated.
    licence : str
        Licence of the corpus.
    models : tuple of str
        Models in training.
    n_pairs : int
        Pairs fitted on.
    columns : str
        Kind of column plan.
    groups : mapping of str to list of str
        Plan columns and the operations in each, in order.
    operations : tuple of str
        Operations that ran in training, on either side.
    busy_range_us : tuple of float
        Smallest and largest busy device time in training on the anchor.
    card : list of mapping
        Accuracy table: translator, held_out, metric, value, n.
    files : mapping of str to str
        sha256 of every other file of the bundle.

    Examples
    --------
    >>> import polars as pl
    >>> import xlate
    >>> runs = pl.DataFrame(
    ...     [
    ...         {"instance": i, "model": f"net{m}", "batch_size": b,
    ...          "step_time_us": f * b * 1000.0 * m, "Device_Conv2D": f * b * 900.0 * m}
    ...         for i, f in (("g3s.xlarge", 1.0), ("p3.2xlarge", 0.25))
    ...         for m in (1, 2, 3)
    ...         for b in (16, 32)
    ...     ]
    ... )
    >>> manifest = xlate.fit(
    ...     "g3s.xlarge", "p3.2xlarge", runs, translator="ratio", translators=(), save=False
    ... ).bundle.manifest
    >>> manifest.models, manifest.seed
    (('net1', 'net2', 'net3'), 0)
    """

    format: int
    versions: Mapping[str, str]
    anchor: str
    target: str
    translator: str
    policy: str
    split: str
    seed: int
    corpus: str
    corpus_sha256: str
    simulated: bool
    licence: str
    models: tuple[str, ...]
    n_pairs: int
    columns: str
    groups: Mapping[str, list[str]]
    operations: tuple[str, ...]
    busy_range_us: tuple[float, float]
    card: tuple[Mapping[str, Any], ...]
    files: Mapping[str, str]

    def to_json(self) -> str:
        """The manifest as sorted, indented JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str) -> Manifest:
        """Read a manifest.

        Raises
        ------
        BundleError
            If it is no manifest, is from another version of xlate, lacks a field, or
            a field holds what it cannot hold.
        """
        return cls.from_raw(parse(text, where, _REFIT), where)

    @classmethod
    def from_raw(cls, raw: Any, where: str) -> Manifest:
        """The same from what stood in the JSON.

        Raises
        ------
        BundleError
            As :meth:`from_json`.
        """
        if not isinstance(raw, dict) or not _is_count(raw.get("format")):
            raise BundleError(f"{where} is no manifest of an xlate bundle", _REFIT)
        if raw["format"] > FORMAT:
            written = raw.get("versions")
            made = written.get("xlate") if isinstance(written, dict) else None
            raise BundleError(
                f"{where} has bundle format {raw['format']}, written by xlate "
                f"{made or 'of a newer version'}; this xlate reads up to {FORMAT}",
                "upgrade xlate, or fit again with this version",
            )
        if raw["format"] < FORMAT:
            raise BundleError(
                f"{where} has bundle format {raw['format']}, which lacks what a verdict "
                "needs today",
                _REFIT,
            )
        missing = [f.name for f in fields(cls) if f.name not in raw]
        strange = sorted(set(raw) - {f.name for f in fields(cls)})
        if "gpu" in strange:
            raise BundleError(f"{where} is that of a clock model", _REFIT)
        if missing or strange:
            problem = f"lacks {missing[0]}" if missing else f"has unknown {strange[0]}"
            raise BundleError(f"{where} {problem}", _REFIT)
        check_types(raw, cls, where, _REFIT)
        check_counts(raw, {"n_pairs": 1, "seed": 0}, where, _REFIT)
        check_digests(raw, where, _REFIT)
        check_card(raw["card"], "translator", where, _REFIT)
        low, high = raw["busy_range_us"]
        if not 0 <= low <= high:
            raise BundleError(f"{where}: busy_range_us is {[low, high]}", _REFIT)
        if not raw["groups"] or not all(raw["groups"].values()):
            raise BundleError(f"{where}: groups has a column of nothing", _REFIT)
        raw["models"], raw["card"] = tuple(raw["models"]), tuple(raw["card"])
        raw["operations"] = tuple(raw["operations"])
        raw["busy_range_us"] = tuple(raw["busy_range_us"])
        return cls(**raw)

    def error_on(self, model: str) -> tuple[float, int] | None:
        """Step time error (%) on a model left out and its runs, or None."""
        for row in self.card:
            mine = row["translator"] == self.translator and row["held_out"] == model
            if mine and row["metric"] == "step_mape" and row["value"] is not None:
                return float(row["value"]), int(row["n"])
        return None

    def error(self, metric: str, translator: str | None = None) -> float | None:
        """Overall figure of the accuracy card, or None where it has none."""
        name = translator or self.translator
        for row in self.card:
            if (
                row["translator"] == name
                and row["held_out"] is None
                and row["metric"] == metric
            ):
                value = row["value"]
                return None if value is None else float(value)
        return None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
