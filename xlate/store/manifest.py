"""The manifest of a translator's bundle, the file beside the model."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from xlate.errors import BundleError
from xlate.store.fields import (
    FORMAT,
    check_card,
    check_counts,
    check_digests,
    check_head,
    check_types,
    parse,
)

__all__ = ["FORMAT", "Manifest", "plain_name", "refit_of"]

#: names of instances and GPUs, which a person may copy into a shell
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


def refit_of(anchor: object = None, target: object = None) -> str:
    """The command that makes the bundle of a pair anew.

    Examples
    --------
    >>> from xlate.store.manifest import refit_of
    >>> refit_of("p2.xlarge", "p3.2xlarge")
    'fit again: xlate fit --anchor p2.xlarge --target p3.2xlarge'
    """
    a, t = plain_name(anchor, "A"), plain_name(target, "B")
    return f"fit again: xlate fit --anchor {a} --target {t}"


def plain_name(name: object, otherwise: str) -> str:
    """A name from a file if it can be part of a command; else the word given."""
    plain = isinstance(name, str) and _PLAIN.fullmatch(name)
    return str(name) if plain else otherwise


@dataclass(frozen=True)
class Manifest:
    """Data, settings and accuracy of a translator's fit.

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
    kind : str
        Kind of bundle.

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
    kind: str = "translator"

    def to_json(self, files: Mapping[str, str] | None = None) -> str:
        """The manifest as indented JSON, in today's format.

        Parameters
        ----------
        files : mapping of str to str, optional
            sha256 of the files beside it; by default its own.
        """
        own = self.files if files is None else files
        values = asdict(self) | {"format": FORMAT, "files": dict(own)}
        return json.dumps(values, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str) -> Manifest:
        """Read a manifest.

        Raises
        ------
        BundleError
            If it is not a manifest, is from another version of xlate, lacks a field, or
            a field has a value that is not allowed.
        """
        return cls.from_raw(parse(text, where, refit_of()), where)

    @classmethod
    def from_raw(cls, raw: Any, where: str) -> Manifest:
        """Read a manifest from the value of its JSON.

        Raises
        ------
        BundleError
            As :meth:`from_json`.
        """
        pair = raw if isinstance(raw, dict) else {}
        refit = refit_of(pair.get("anchor"), pair.get("target"))
        check_head(raw, cls, "translator", where, refit)
        check_types(raw, cls, where, refit)
        check_counts(raw, {"n_pairs": 1, "seed": 0}, where, refit)
        check_digests(raw, where, refit)
        check_card(raw["card"], "translator", where, refit)
        low, high = raw["busy_range_us"]
        if not 0 <= low <= high:
            raise BundleError(f"{where}: busy_range_us is {[low, high]}", refit)
        if not raw["groups"] or not all(raw["groups"].values()):
            raise BundleError(f"{where}: groups has a column of nothing", refit)
        raw["models"], raw["card"] = tuple(raw["models"]), tuple(raw["card"])
        raw["operations"] = tuple(raw["operations"])
        raw["busy_range_us"] = tuple(raw["busy_range_us"])
        return cls(**raw)

    def summary(self) -> dict[str, str | float | bool | None]:
        """Its main fields, as listings have them."""
        return {
            "anchor": self.anchor,
            "target": self.target,
            "translator": self.translator,
            "fitted_on": self.corpus,
            "simulated": self.simulated,
            "step_mape": self.error("step_mape"),
            "vector_wape": self.error("vector_wape"),
        }

    def error_on(self, model: str) -> tuple[float, int] | None:
        """Step time error (%) on a model left out and its runs, or None."""
        for row in self.card:
            own_row = row["translator"] == self.translator and row["held_out"] == model
            if own_row and row["metric"] == "step_mape" and row["value"] is not None:
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
