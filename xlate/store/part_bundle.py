"""Bundles of one model that others are made from: a scaler, or a power model.

A translator's bundle holds scalers of its anchor, and a clock model's the power model
of its target. Each can be kept and versioned by itself too, to be used with another
translator or clock model.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xlate.errors import BundleError
from xlate.store.bundle import Bundle
from xlate.store.bundle_kind import BundleKind
from xlate.store.bundle_store import MODEL, BundleStore
from xlate.store.clock_bundle import ClockBundle
from xlate.store.fields import (
    FORMAT,
    check_counts,
    check_digests,
    check_head,
    check_types,
)
from xlate.store.kinds import kind_of
from xlate.store.manifest import plain_name

__all__ = [
    "POWER_MODELS",
    "SCALERS",
    "PartBundle",
    "PartManifest",
    "power_model_of",
    "scalers_of",
]


@dataclass(frozen=True)
class PartManifest:
    """Data and settings of a scaler's or a power model's fit.

    Attributes
    ----------
    format : int
        Version of the bundle format.
    kind : str
        ``"scaler"`` or ``"power"``.
    versions : mapping
        xlate, Python and libraries at the time of the fit.
    instance : str
        Instance, or GPU, whose runs it was fitted on.
    corpus, corpus_sha256, licence : str
        Of the runs.
    simulated : bool
        Whether the corpus is simulated.
    seed : int
    files : mapping of str to str
        sha256 of every other file of the bundle.
    """

    format: int
    kind: str
    versions: Mapping[str, str]
    instance: str
    corpus: str
    corpus_sha256: str
    licence: str
    simulated: bool
    seed: int
    files: Mapping[str, str]

    def summary(self) -> dict[str, str | float | bool | None]:
        """Its main fields, as listings have them."""
        return {
            "instance": self.instance,
            "fitted_on": self.corpus,
            "simulated": self.simulated,
        }


@dataclass(frozen=True, eq=False)
class PartBundle:
    """A scaler for each axis of size, or a power model.

    Attributes
    ----------
    manifest : PartManifest
    models : mapping
        Axis of size to :class:`~xlate.models.scaling.Scaler`; or ``power`` to a power model.
    path : Path or None
        Where it lies.
    """

    manifest: PartManifest
    models: Mapping[str, Any]
    path: Path | None = None


class PartKind(BundleKind[PartBundle, PartManifest]):
    """Bundles of one instance that hold models of one kind.

    Parameters
    ----------
    name : str
        As in manifests.
    room : str
        Folder of the data home.
    part : str
        Kind of the models.
    refit : str
        Command, with ``{}`` for the instance, of which the model is a part.
    """

    def __init__(self, name: str, room: str, part: str, refit: str) -> None:
        self.name, self.room = name, room
        self._part, self._command = part, refit

    def slot(self, *names: str) -> str:
        """Path of the instance's folder."""
        (instance,) = names
        return f"{self.room}/{instance}"

    def names(self, manifest: PartManifest) -> tuple[str, ...]:
        """The instance."""
        return (manifest.instance,)

    def refit(self, *names: str) -> str:
        """Command that fits the model."""
        (instance,) = names
        return self._command.format(plain_name(instance, "INSTANCE"))

    def manifest(self, raw: Any, where: str) -> PartManifest:
        """The manifest of a scaler or power model."""
        named = raw.get("instance") if isinstance(raw, dict) else None
        refit = self._command.format(plain_name(named, "INSTANCE"))
        check_head(raw, PartManifest, self.name, where, refit)
        check_types(raw, PartManifest, where, refit)
        check_counts(raw, {"seed": 0}, where, refit)
        check_digests(raw, where, refit)
        return PartManifest(**raw)

    def manifest_text(self, manifest: PartManifest, files: Mapping[str, str]) -> str:
        """JSON of a manifest."""
        values = asdict(manifest) | {"format": FORMAT, "files": dict(files)}
        return json.dumps(values, indent=1, ensure_ascii=False) + "\n"

    def models(self, bundle: PartBundle) -> dict[str, Any]:
        """The models by name."""
        return dict(bundle.models)

    def built(self, manifest: PartManifest, models: Any, folder: Path) -> PartBundle:
        """A bundle that holds models of the kind only."""
        refit = self.refit(manifest.instance)
        if not isinstance(models, dict) or not models:
            raise BundleError(f"{folder / MODEL} holds no model", refit)
        for model in models.values():
            if kind_of(model) != self._part:
                raise BundleError(
                    f"{folder / MODEL} holds an object of type {type(model).__name__} where a "
                    f"{self._part} belongs",
                    refit,
                )
        return PartBundle(manifest, models, folder)

    def check(self, bundle: PartBundle, *names: str) -> None:
        """Refuse a bundle of another instance."""
        (instance,) = names
        if bundle.manifest.instance != instance:
            raise BundleError(
                f"{bundle.path} is for {bundle.manifest.instance}, not for {instance}; "
                "it was not used",
                self.refit(instance),
            )

    def log_line(self, bundle: PartBundle) -> str:
        """The bundle in use, as the log names it."""
        return f"the {self.name} that answers: {bundle.path}"

    def missing(self, *names: str) -> BundleError:
        """The error where none was kept for the instance."""
        (instance,) = names
        return BundleError(
            f"no {self._part.removeprefix('part/')} of {instance} was kept by itself",
            self.refit(instance),
        )


#: growth with batch and input size on an instance
SCALERS: BundleStore[PartBundle, PartManifest] = BundleStore(
    PartKind(
        "scaler",
        "scalers",
        "part/scaler",
        "fit a translator, and keep its scalers: xlate fit --anchor {} --target TARGET",
    )
)
#: power and utilisation on an instance
POWER_MODELS: BundleStore[PartBundle, PartManifest] = BundleStore(
    PartKind(
        "power",
        "power",
        "part/power-model",
        "fit a clock model, and keep its power model: xlate clocks fit --target {}",
    )
)


def scalers_of(bundle: Bundle) -> PartBundle:
    """The scalers of a translator's bundle, to be kept for its anchor.

    Examples
    --------
    >>> from xlate.store import bundle
    >>> from xlate.store.part_bundle import scalers_of
    >>> sorted(scalers_of(bundle.find("p2.xlarge", "p3.2xlarge")).models)
    ['batch-size', 'input-size']
    """
    m = bundle.manifest
    made = PartManifest(
        format=FORMAT,
        kind="scaler",
        versions=m.versions,
        instance=m.anchor,
        corpus=m.corpus,
        corpus_sha256=m.corpus_sha256,
        licence=m.licence,
        simulated=m.simulated,
        seed=m.seed,
        files={},
    )
    return PartBundle(made, bundle.model["scaling"])


def power_model_of(bundle: ClockBundle) -> PartBundle:
    """The power model of a clock model's bundle, to be kept for its target.

    Raises
    ------
    BundleError
        If it has none.
    """
    m = bundle.manifest
    if bundle.handoff is None:
        raise BundleError(
            f"the clock model of {m.target} has no power model",
            "it is fitted where a corpus has both op vectors and telemetry",
        )
    made = PartManifest(
        format=FORMAT,
        kind="power",
        versions=m.versions,
        instance=m.target,
        corpus=m.handoff or m.corpus,
        corpus_sha256="",
        licence=m.licence,
        simulated=m.simulated,
        seed=m.seed,
        files={},
    )
    return PartBundle(made, {"power": bundle.handoff})
