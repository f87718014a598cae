"""Translator bundles: one fitted translator, with its manifest and accuracy card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from xlate.data.columns import ColumnPlan, suits
from xlate.errors import BundleError
from xlate.settings import paths
from xlate.store.bundle_kind import BundleKind
from xlate.store.bundle_store import (
    MANIFEST,
    MODEL,
    BundleStore,
    home,
    versions,
)
from xlate.store.kinds import kind_of
from xlate.store.manifest import Manifest, refit_of
from xlate.values.frozen import FrozenMap

__all__ = [
    "MANIFEST",
    "MODEL",
    "STORE",
    "Bundle",
    "check_pair",
    "exists",
    "find",
    "find_version",
    "folder_of",
    "home",
    "keep",
    "load",
    "location",
    "manifests",
    "read_manifest",
    "save",
    "shipped_folder",
    "versions",
]

#: models of a bundle -> their kind; a translator is of the kind its manifest says
_PARTS = {
    "window": "part/step-from-window",
    "ratio": "translator/ratio",
    "domain": "part/domain",
}
#: and what is a mapping
_MAPPINGS = ("calibration", "scaling")
_ALL = {"translator", *_PARTS, *_MAPPINGS}


@dataclass(frozen=True, eq=False)
class Bundle:
    """A fitted translator and what is known about it.

    Attributes
    ----------
    manifest : Manifest
        What it was fitted on and how good it is.
    model : mapping
        ``translator``: maps plan columns and step time; ``window``: gives the
        anchor's step time where a profile has none; ``ratio``: the baseline, for
        profiles that the translator is not for; ``calibration``: arrays of errors
        on held-out models, of both; ``domain``: what training looked like;
        ``scaling``: growth with batch and input size on the anchor.
    path : Path or None
        Where it lies.

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
    >>> bundle = xlate.fit(
    ...     "g3s.xlarge", "p3.2xlarge", runs, translator="ratio", translators=(), save=False
    ... ).bundle
    >>> xlate.translate(runs.head(1), "g3s.xlarge", "p3.2xlarge", bundle=bundle).height
    1
    """

    manifest: Manifest
    model: Mapping[str, Any]
    path: Path | None = None

    def __eq__(self, other: object) -> bool:
        """Whether both were made from the same: the manifest says from what."""
        if not isinstance(other, Bundle):
            return NotImplemented
        return self.manifest == other.manifest

    def __hash__(self) -> int:
        """As equality, by what is short of the manifest."""
        return hash((self.manifest.anchor, self.manifest.target, self.manifest.seed))

    @cached_property
    def memo(self) -> dict[str, Any]:
        """What is made of the model once and asked for by every answer; never saved."""
        return {}

    @cached_property
    def plan(self) -> ColumnPlan:
        """The column plan the translator was fitted with."""
        groups = self.manifest.groups
        return ColumnPlan(
            self.manifest.columns,
            tuple(groups),
            tuple(tuple(g) for g in groups.values()),
        )


class TranslatorKind(BundleKind[Bundle, Manifest]):
    """Bundles of a pair: ``ANCHOR/to-TARGET``."""

    name = "translator"
    room = ""
    pattern = "*/to-*"

    def slot(self, *names: str) -> str:
        """Path of the pair's folder."""
        anchor, target = names
        return f"{anchor}/to-{target}"

    def names(self, manifest: Manifest) -> tuple[str, ...]:
        """Anchor and target."""
        return manifest.anchor, manifest.target

    def refit(self, *names: str) -> str:
        """Command that fits the pair."""
        return refit_of(*names)

    def manifest(self, raw: Any, where: str) -> Manifest:
        """The manifest of a translator."""
        return Manifest.from_raw(raw, where)

    def manifest_text(self, manifest: Manifest, files: Mapping[str, str]) -> str:
        """JSON of a manifest."""
        return manifest.to_json(files)

    def models(self, bundle: Bundle) -> dict[str, Any]:
        """The parts of a translator."""
        return dict(bundle.model)

    def built(self, manifest: Manifest, models: Any, folder: Path) -> Bundle:
        """A bundle whose parts agree with its manifest, and which answers."""
        path, refit = folder / MODEL, refit_of(manifest.anchor, manifest.target)
        if not isinstance(models, dict) or set(models) != _ALL:
            raise BundleError(f"{path} holds something other than a translator", refit)
        for name, kind in _PARTS.items():
            _check_kind(models[name], kind, path, refit)
        for name in _MAPPINGS:
            if not isinstance(models[name], dict):
                raise BundleError(
                    f"{path} holds an object of type {type(models[name]).__name__}",
                    refit,
                )
        for scaler in models["scaling"].values():
            _check_kind(scaler, "part/scaler", path, refit)
        bundle = Bundle(manifest, FrozenMap(models), folder)
        _check_fit(bundle, folder / MANIFEST, refit)
        _try_out(bundle, path, refit)
        return bundle

    def check(self, bundle: Bundle, *names: str) -> None:
        """Refuse a bundle of another pair."""
        check_pair(bundle, *names)

    def log_line(self, bundle: Bundle) -> str:
        """The bundle in use, as the log names it."""
        m = bundle.manifest
        return (
            f"the bundle that answers: {bundle.path} ({m.translator}, fitted on "
            f"{m.corpus})"
        )

    def missing(self, *names: str) -> BundleError:
        """The error where no bundle of the pair was fitted."""
        anchor, target = names
        return BundleError(
            f"no bundle from {anchor} to {target} yet",
            "xlate datasets list shows which corpora hold both; where one does: "
            f"xlate fit --anchor {anchor} --target {target}",
        )

    def shipped(self, *names: str) -> Path | None:
        """Folder of the pair among those that ship."""
        return paths.shipped("anchors") / self.slot(*names)


#: the bundles of pairs
STORE: BundleStore[Bundle, Manifest] = BundleStore(TranslatorKind())

read_manifest = STORE.read_manifest
load = STORE.load
location = STORE.location
exists = STORE.exists
manifests = STORE.manifests
folder_of = STORE.slot


def save(manifest: Manifest, model: Mapping[str, Any], folder: Path) -> Path:
    """Write a bundle into a folder: :meth:`BundleStore.save`."""
    return STORE.save(Bundle(manifest, model), folder)


def keep(manifest: Manifest, model: Mapping[str, Any], *, in_place: bool) -> Path:
    """Write a bundle into the data home: :meth:`BundleStore.keep`."""
    return STORE.keep(Bundle(manifest, model), in_place=in_place)


def find(anchor: str, target: str) -> Bundle:
    """The bundle that answers for a pair: :meth:`BundleStore.find`."""
    return STORE.find(anchor, target)


def find_version(anchor: str, target: str, number: int | None = None) -> Bundle:
    """A numbered bundle of a pair, or the one that answers: :meth:`BundleStore.find`."""
    return STORE.find(anchor, target, number=number)


def shipped_folder(anchor: str, target: str) -> Path:
    """Where the bundle of a pair that ships with xlate lies, if there is one."""
    return paths.shipped("anchors") / anchor / f"to-{target}"


def check_pair(bundle: Bundle, anchor: str, target: str) -> None:
    """Refuse a bundle that is of another pair, or no translator at all.

    Raises
    ------
    BundleError
        Naming what it is of.
    """
    where = "the bundle given"
    manifest = getattr(bundle, "manifest", None)
    if isinstance(manifest, Manifest) and bundle.path is not None:
        where = str(bundle.path)
    if not isinstance(bundle, Bundle) or not isinstance(manifest, Manifest):
        raise BundleError(
            f"{where} is an object of type {type(bundle).__name__}, not a translator's",
            "give the bundle that xlate.fit returned",
        )
    if (manifest.anchor, manifest.target) != (anchor, target):
        raise BundleError(
            f"{where} holds a bundle from {manifest.anchor} to {manifest.target}, not "
            f"from {anchor} to {target}; it was not used",
            f"ask for {manifest.anchor} and {manifest.target}, or fit this pair: "
            f"xlate fit --anchor {anchor} --target {target}",
        )


def _check_kind(part: Any, kind: str, path: Path, refit: str) -> None:
    if kind_of(part) != kind:
        raise BundleError(
            f"{path} holds an object of type {type(part).__name__} where a {kind} belongs",
            refit,
        )


def _check_fit(bundle: Bundle, where: Path, refit: str) -> None:
    """Refuse a manifest that describes another fit than the model beside it."""
    manifest, plan = bundle.manifest, bundle.plan
    translator = bundle.model["translator"]
    if kind_of(translator) != f"translator/{manifest.translator}":
        raise BundleError(
            f"{where} says that the translator is {manifest.translator!r}, the model holds "
            f"an object of type {type(translator).__name__}",
            refit,
        )
    if not set(manifest.operations) & set(plan.place):
        raise BundleError(
            f"{where} names no operation of training that a column counts", refit
        )
    if not suits(plan):
        raise BundleError(
            f"{where} says that the column plan is {manifest.columns!r}, its groups are of "
            "another",
            refit,
        )


def _try_out(bundle: Bundle, path: Path, refit: str) -> None:
    """Ask for one answer, so that a model of another version fails here."""
    import numpy as np

    n = len(bundle.manifest.groups)
    try:
        bundle.model["window"].predict(np.ones((1, n)))
        bundle.model["translator"].predict(np.ones((1, n + 1)))
    # a model from other code can lack anything
    except Exception as e:
        made = bundle.manifest.versions.get("xlate", "an unknown version")
        raise BundleError(
            f"{path} was written by xlate {made} and does not answer in this one "
            f"({type(e).__name__}: {e})",
            refit,
        ) from e
