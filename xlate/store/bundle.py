"""Bundles: one fitted translator on disk, with its manifest and accuracy card.

Models are skops archives. Before anything of one is built, its sha256 must be
the manifest's and every type in it must stand on a closed list.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from xlate import paths
from xlate.columns import ColumnPlan, suits
from xlate.errors import BundleError
from xlate.frozen import FrozenMap
from xlate.store import versions as slots
from xlate.store.archive import open_archive
from xlate.store.cache import LoadedFolders
from xlate.store.canonical import canonical
from xlate.store.fields import read_json
from xlate.store.forests import pack_all, unpack_all
from xlate.store.manifest import Manifest
from xlate.store.trees import check_trees
from xlate.translators import TRANSLATORS

__all__ = [
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
    "save",
    "shipped_folder",
    "versions",
]

MANIFEST, MODEL = "manifest.json", "model.skops"
_PARTS = {"translator", "window", "ratio", "calibration", "domain", "scaling"}
#: of these, plain dicts
_PLAIN = {"calibration", "scaling"}

#: types a model may hold beyond those skops trusts by itself
ALLOWED = (
    "sklearn.tree._tree.Tree",
    "xlate.scaling.Scaler",
    "xlate.translators.levels.ForestTranslator",
    "xlate.translators.levels.KnnTranslator",
    "xlate.translators.levels.LinearTranslator",
    "xlate.translators.levels.TreeTranslator",
    "xlate.translators.physics.PhysicsTranslator",
    "xlate.translators.pooled.PooledRatios",
    "xlate.translators.profet.ProfetTranslator",
    "xlate.translators.ratio.RatioTranslator",
    "xlate.translators.ratio_forest.RatioForestTranslator",
    "xlate.translators.ratio_forest.SharesForestTranslator",
    "xlate.translators.roofline.RooflineTranslator",
    "xlate.translators.transfers.Transfers",
    "xlate.translators.two_path.TwoPath",
    "xlate.translators.window.StepFromWindow",
    "xlate.trust.domain.Domain",
    "xlate.trust.origin.Origin",
    "xlate.trust.window.WindowBand",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
)


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
    """

    manifest: Manifest
    model: Mapping[str, Any]
    path: Path | None = None

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


def home() -> Path:
    """Folder of the user's own bundles."""
    return paths.data_home() / "models"


def folder_of(anchor: str, target: str) -> Path:
    """Where the bundle of a pair lies."""
    return home() / anchor / f"to-{target}"


def versions() -> dict[str, str]:
    """Versions that decide what a fit gives."""
    found = {"python": platform.python_version()}
    for package in ("xlate", "numpy", "scikit-learn", "skops", "polars"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def save(manifest: Manifest, model: Mapping[str, Any], folder: Path) -> Path:
    """Write a bundle into a folder, whole or not at all; the same fit gives the same bytes.

    Raises
    ------
    StorageError
        If the folder cannot be written.
    """
    write = _writer(manifest, model)
    with paths.atomic_folder(folder) as scratch:
        write(scratch)
    return folder


def keep(manifest: Manifest, model: Mapping[str, Any], *, in_place: bool) -> Path:
    """Write a fit of its pair into the data home, beside those that are there.

    Parameters
    ----------
    manifest : Manifest
    model : mapping
    in_place : bool
        Whether it answers from now on; what did until then keeps its number.

    Raises
    ------
    StorageError
        If the data home cannot be written.
    """
    slot = folder_of(manifest.anchor, manifest.target)
    return slots.keep(slot, _writer(manifest, model), in_place=in_place)


def _writer(manifest: Manifest, model: Mapping[str, Any]) -> Callable[[Path], None]:
    import skops.io as sio

    archive = canonical(sio.dumps(pack_all(dict(model))))
    manifest = replace(manifest, files={MODEL: hashlib.sha256(archive).hexdigest()})

    def write(folder: Path) -> None:
        (folder / MODEL).write_bytes(archive)
        (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")

    return write


def read_manifest(folder: Path) -> Manifest:
    """Manifest of the bundle in a folder.

    Raises
    ------
    BundleError
        If there is none, or it cannot be understood.
    """
    path = folder / MANIFEST
    raw = read_json(path, "fit again: xlate fit --anchor A --target B")
    return Manifest.from_raw(raw, str(path))


def load(folder: Path) -> Bundle:
    """Load a bundle after checking everything that can be checked.

    Raises
    ------
    BundleError
        With the reason: not a bundle, from a newer version, a file missing or
        changed since the fit, a type that is not on the list, damaged content,
        or tree nodes out of range.
    """
    manifest = read_manifest(folder)
    path = folder / MODEL
    refit = f"xlate fit --anchor {manifest.anchor} --target {manifest.target}"
    if set(manifest.files) != {MODEL}:
        raise BundleError(
            f"{folder}: the manifest lists {sorted(manifest.files)}", refit
        )
    model = open_archive(path, manifest.files[MODEL], ALLOWED, "translator", refit)
    bundle = Bundle(manifest, FrozenMap(_built(model, path, refit)), folder)
    _check_fit(bundle, folder / MANIFEST, refit)
    _try_out(bundle, path, refit)
    return bundle


def _check_fit(bundle: Bundle, where: Path, refit: str) -> None:
    """Refuse a manifest that describes another fit than the model beside it."""
    said, plan = bundle.manifest, bundle.plan
    kind = type(bundle.model["translator"]).__name__
    named = TRANSLATORS.get(said.translator)
    if named is None or named[1] != kind:
        raise BundleError(
            f"{where} says that the translator is {said.translator!r}, the model holds "
            f"an object of type {kind}",
            refit,
        )
    if not set(said.operations) & set(plan.place):
        raise BundleError(
            f"{where} names no operation of training that a column counts", refit
        )
    if not suits(plan):
        raise BundleError(
            f"{where} says that the column plan is {said.columns!r}, its groups are of "
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


def _built(model: Any, path: Path, refit: str) -> dict[str, Any]:
    """The parts of a translator, their forests rebuilt and checked."""
    if not isinstance(model, dict) or set(model) != _PARTS:
        raise BundleError(f"{path} holds something other than a translator", refit)
    for name, part in model.items():
        if name in _PLAIN:
            if not isinstance(part, dict):
                raise BundleError(
                    f"{path} holds an object of type {type(part).__name__}", refit
                )
        elif type(part).__module__.partition(".")[0] != "xlate":
            raise BundleError(
                f"{path} holds an object of type {type(part).__name__}", refit
            )
        try:
            model[name] = part = unpack_all(part)
        except (ValueError, KeyError, TypeError, IndexError) as e:
            raise BundleError(f"{path} cannot be built: {e}", refit) from e
        for inner in part.values() if name == "scaling" else [part]:
            check_trees(inner, str(path))
    return model


def manifests() -> list[tuple[Path, Manifest]]:
    """Manifests of the bundles that answer, by path: the user's own, then the shipped.

    Raises
    ------
    BundleError
        If one of them is damaged.
    """
    found = []
    for root in (home(), paths.shipped("anchors")):
        folders = sorted(root.glob(f"*/to-*/{MANIFEST}")) if root.is_dir() else []
        found += [
            (p.parent, read_manifest(p.parent))
            for p in folders
            if not slots.is_numbered(p.parent)
        ]
    return found


def exists(anchor: str, target: str) -> bool:
    """Whether there is a bundle of the pair, the user's own or a shipped one."""
    return location(anchor, target) is not None


def location(anchor: str, target: str) -> Path | None:
    """Folder of the bundle that answers for a pair: the user's own, else the shipped one."""
    own = slots.active(folder_of(anchor, target), MANIFEST)
    if own is not None:
        return own
    shipped = shipped_folder(anchor, target)
    return shipped if (shipped / MANIFEST).exists() else None


def find(anchor: str, target: str) -> Bundle:
    """The bundle of a pair: the user's own, else the one that ships with xlate.

    It is loaded once, and again when its files change.

    Raises
    ------
    BundleError
        If there is none, it is of another pair, or it is refused.
    """
    folder = location(anchor, target)
    if folder is None:
        raise BundleError(
            f"no bundle from {anchor} to {target} yet",
            "xlate datasets list shows which corpora hold both; where one does: "
            f"xlate fit --anchor {anchor} --target {target}",
        )
    found = _LOADED.get(folder)
    check_pair(found, anchor, target)
    return found


def find_version(anchor: str, target: str, number: int | None = None) -> Bundle:
    """A numbered bundle of a pair, or the one that answers.

    Raises
    ------
    BundleError
        If there is none, it is of another pair, or it is refused.
    """
    if number is None:
        return find(anchor, target)
    folder = slots.version(folder_of(anchor, target), number)
    if folder is None:
        raise BundleError(
            f"no version {number} of {anchor}/to-{target}", "see: xlate models list"
        )
    found = _LOADED.get(folder)
    check_pair(found, anchor, target)
    return found


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


def shipped_folder(anchor: str, target: str) -> Path:
    """Where the bundle of a pair that ships with xlate lies, if there is one."""
    return paths.shipped("anchors") / anchor / f"to-{target}"


_LOADED = LoadedFolders(load, (MANIFEST, MODEL))
