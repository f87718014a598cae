"""Corpora, looked at and fetched: listed, shown, checked, built."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlate.data import corpus as corpora
from xlate.data.card import Card
from xlate.data.corpus import Corpus
from xlate.engine.session import Session
from xlate.errors import CorpusError, UnknownNameError

__all__ = [
    "Dataset",
    "DatasetList",
    "StoredDataset",
    "build_dataset",
    "list_datasets",
    "show_dataset",
]


@dataclass(frozen=True)
class DatasetList:
    """Corpora that xlate knows, each with whether it is on this machine."""

    items: tuple[tuple[Card, bool], ...]

    def document(self) -> list[dict[str, Any]]:
        """The promised document of ``datasets list --json``."""
        return [
            {
                "name": card.name,
                "title": card.title,
                "licence": card.licence,
                "simulated": card.simulated,
                "installed": installed,
            }
            for card, installed in self.items
        ]


@dataclass(frozen=True, eq=False)
class Dataset:
    """A corpus: its card, and its tables where they are on this machine."""

    card: Card
    corpus: Corpus | None

    @property
    def models(self) -> list[str]:
        """Names of the models that were run."""
        if self.corpus is None:
            return []
        return sorted(self.corpus.runs["model"].unique().to_list())

    @property
    def sweep_counts(self) -> dict[str, dict[str, int]]:
        """Workloads and rows of each GPU in the sweeps."""
        if self.corpus is None or self.corpus.sweeps is None:
            return {}
        groups = self.corpus.sweeps.group_by("gpu", maintain_order=True)
        return {
            str(gpu): {"workloads": part["workload"].n_unique(), "rows": part.height}
            for (gpu,), part in groups
        }

    @property
    def counts(self) -> dict[str, Any] | None:
        """How much it holds; None where it is not on this machine."""
        corpus = self.corpus
        if corpus is None:
            return None
        return {
            "runs": corpus.runs.height,
            "instances": corpus.instances,
            "models": self.models,
            "operations": corpus.ops["op"].n_unique(),
            "telemetry": 0 if corpus.telemetry is None else corpus.telemetry.height,
            "sweeps": self.sweep_counts,
            "sha256": corpus.sha256,
        }

    def document(self) -> dict[str, Any]:
        """The promised document of ``datasets show --json``."""
        card = self.card
        return {
            "name": card.name,
            "title": card.title,
            "simulated": card.simulated,
            "licence": card.licence,
            "origin": card.origin,
            "commit": card.commit,
            "defects": list(card.defects),
            "counts": self.counts,
        }


@dataclass(frozen=True)
class StoredDataset:
    """A corpus that was written to a folder."""

    name: str
    folder: Path

    def document(self) -> dict[str, Any]:
        """The promised document of ``datasets import``, ``pull`` and ``build``."""
        return {"name": self.name, "folder": str(self.folder)}


def list_datasets() -> DatasetList:
    """Corpora xlate knows."""
    cards = corpora.cards().values()
    return DatasetList(tuple((c, corpora.installed(c.name) is not None) for c in cards))


def show_dataset(session: Session, name: str) -> Dataset:
    """A corpus by name, whether or not it is on this machine.

    Raises
    ------
    UnknownNameError
        If no corpus has that name.
    """
    installed = corpora.installed(name) is not None
    return Dataset(_card(name), session.corpus(name) if installed else None)


def build_dataset(name: str, seed: int = 0, out: Path | None = None) -> StoredDataset:
    """Build a simulated corpus.

    Raises
    ------
    UnknownNameError, CorpusError
        If no corpus has that name, or it was measured.
    """
    card = _card(name)
    if not card.simulated:
        raise CorpusError(
            f"corpus {name} was measured, it cannot be built",
            f"xlate datasets pull {name}",
        )
    from xlate.data.simulated import build

    return StoredDataset(name, corpora.save(card, build(seed), out))


def _card(name: str) -> Card:
    cards = corpora.cards()
    if name not in cards:
        raise UnknownNameError("corpus", name, cards, "see: xlate datasets list")
    return cards[name]
