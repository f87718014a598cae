"""Bundles: one fitted translator on disk, with its manifest and accuracy card.

Models are skops archives. Before anything of one is built, its sha256 must be
the manifest's and every type in it must stand on a closed list.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from xlate import paths
from xlate.columns import ColumnPlan
from xlate.errors import BundleError
from xlate.files import read_bytes
from xlate.store.archive import open_archive
from xlate.store.canonical import canonical
from xlate.store.forests import pack_all, unpack_all
from xlate.store.manifest import Manifest
from xlate.store.trees import check_trees

__all__ = [
    "Bundle",
    "exists",
    "find",
    "folder_of",
    "home",
    "load",
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
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
)


@dataclass(frozen=True)
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

    @property
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
    """Write a bundle, whole or not at all; the same fit gives the same bytes.

    Raises
    ------
    StorageError
        If the folder cannot be written.
    """
    import skops.io as sio

    archive = canonical(sio.dumps(pack_all(dict(model))))
    manifest = replace(manifest, files={MODEL: hashlib.sha256(archive).hexdigest()})
    with paths.atomic_folder(folder) as scratch:
        (scratch / MODEL).write_bytes(archive)
        (scratch / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    return folder


def read_manifest(folder: Path) -> Manifest:
    """Manifest of the bundle in a folder.

    Raises
    ------
    BundleError
        If there is none, or it cannot be understood.
    """
    path = folder / MANIFEST
    try:
        text = read_bytes(path).decode()
    except (OSError, UnicodeDecodeError) as e:
        raise BundleError(
            f"{path} cannot be read: {e}", "fit again: xlate fit --anchor A --target B"
        ) from e
    return Manifest.from_json(text, str(path))


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
    bundle = Bundle(manifest, _built(model, path, refit), folder)
    _try_out(bundle, path, refit)
    return bundle


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
                raise BundleError(f"{path} holds a {type(part).__name__}", refit)
        elif type(part).__module__.partition(".")[0] != "xlate":
            raise BundleError(f"{path} holds a {type(part).__name__}", refit)
        try:
            model[name] = part = unpack_all(part)
        except (ValueError, KeyError, TypeError, IndexError) as e:
            raise BundleError(f"{path} cannot be built: {e}", refit) from e
        for inner in part.values() if name == "scaling" else [part]:
            check_trees(inner, str(path))
    return model


def manifests() -> list[tuple[Path, Manifest]]:
    """Manifests of all bundles, by path: the user's own, then those that ship."""
    found = []
    for root in (home(), paths.shipped("anchors")):
        folders = sorted(root.glob(f"*/to-*/{MANIFEST}")) if root.is_dir() else []
        found += [(p.parent, read_manifest(p.parent)) for p in folders]
    return found


def exists(anchor: str, target: str) -> bool:
    """Whether there is a bundle of the pair, the user's own or a shipped one."""
    folders = folder_of(anchor, target), shipped_folder(anchor, target)
    return any((f / MANIFEST).is_file() for f in folders)


def find(anchor: str, target: str) -> Bundle:
    """The bundle of a pair: the user's own, else the one that ships with xlate.

    Raises
    ------
    BundleError
        If there is none, or it is refused.
    """
    for folder in (folder_of(anchor, target), shipped_folder(anchor, target)):
        if (folder / MANIFEST).is_file():
            return load(folder)
    raise BundleError(
        f"no bundle from {anchor} to {target} yet",
        f"xlate fit --anchor {anchor} --target {target}",
    )


def shipped_folder(anchor: str, target: str) -> Path:
    """Where the bundle of a pair that ships with xlate lies, if there is one."""
    return paths.shipped("anchors") / anchor / f"to-{target}"
