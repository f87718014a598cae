"""Clock models on disk: response, hand-off, and what is known of both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from xlate import paths
from xlate.errors import BundleError
from xlate.files import read_bytes
from xlate.store.archive import open_archive
from xlate.store.bundle import MANIFEST, MODEL, home
from xlate.store.canonical import canonical
from xlate.store.forests import pack_all, unpack_all
from xlate.store.trees import check_trees

__all__ = [
    "ClockBundle",
    "ClockManifest",
    "find",
    "folder_of",
    "load",
    "manifests",
    "save",
]

FORMAT = 1

#: types a clock model may hold beyond those skops trusts by itself
ALLOWED = (
    "sklearn.gaussian_process._gpr.GaussianProcessRegressor",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF",
    "sklearn.gaussian_process.kernels.Sum",
    "sklearn.gaussian_process.kernels.WhiteKernel",
    "xlate.clocks.handoff.Handoff",
    "xlate.clocks.models.calibrated.CalibratedResponse",
    "xlate.clocks.models.response.BlendedResponse",
    "xlate.clocks.models.response.BusyForestResponse",
    "xlate.clocks.models.response.CombinedResponse",
    "xlate.clocks.models.response.ForestResponse",
    "xlate.clocks.models.response.LinearResponse",
    "xlate.clocks.models.response.ParametricResponse",
)


@dataclass(frozen=True)
class ClockManifest:
    """Everything about a clock model that is not the model.

    Attributes
    ----------
    target, gpu : str
        Instance (or GPU) it was fitted for, and its GPU.
    source_gpu : str
        GPU whose sweeps it learnt from; another one means extrapolated.
    spread : float
        Factor on the response's errors for being borrowed.
    taught_by : tuple of str
        Other GPUs whose sweeps taught too, at less weight.
    corpus, corpus_sha256, licence : str
        Of the sweeps.
    handoff : str or None
        Instance and corpora that the hand-off learnt from.
    handoff_limit_w : float or None
        Power limit of that instance's GPU.
    model : str
        Key of :data:`xlate.clocks.models.CLOCK_MODELS`.
    views : tuple of str
        Feature views it can answer from.
    applications : tuple of str
        In training.
    card : list of mapping
        model, metric, value, n: on applications left out.
    """

    format: int
    versions: Mapping[str, str]
    target: str
    gpu: str
    source_gpu: str
    spread: float
    taught_by: tuple[str, ...]
    corpus: str
    corpus_sha256: str
    simulated: bool
    licence: str
    handoff: str | None
    handoff_limit_w: float | None
    model: str
    views: tuple[str, ...]
    seed: int
    applications: tuple[str, ...]
    card: tuple[Mapping[str, Any], ...]
    files: Mapping[str, str]

    @property
    def extrapolated(self) -> bool:
        """Whether the response is that of another GPU."""
        return self.gpu != self.source_gpu

    def error(self, metric: str) -> float | None:
        """Overall figure of the model on applications left out, or None."""
        for row in self.card:
            mine = row["model"] == self.model and row["held_out"] is None
            if mine and row["metric"] == metric:
                return None if row["value"] is None else float(row["value"])
        return None


@dataclass(frozen=True)
class ClockBundle:
    """A fitted clock model: a response for each view, and the hand-off."""

    manifest: ClockManifest
    responses: Mapping[str, Any]
    handoff: Any
    path: Path | None = None


def folder_of(target: str) -> Path:
    """Where the clock model of a target lies."""
    return home() / "clocks" / target


def save(bundle: ClockBundle, folder: Path) -> Path:
    """Write a clock model, whole or not at all; the same fit gives the same bytes.

    Raises
    ------
    StorageError
        If the folder cannot be written.
    """
    import skops.io as sio

    model = {"responses": dict(bundle.responses), "handoff": bundle.handoff}
    archive = canonical(sio.dumps(pack_all(model)))
    digest = {MODEL: hashlib.sha256(archive).hexdigest()}
    text = json.dumps(asdict(replace(bundle.manifest, files=digest)), indent=1)
    with paths.atomic_folder(folder) as scratch:
        (scratch / MODEL).write_bytes(archive)
        (scratch / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return folder


def read_manifest(folder: Path) -> ClockManifest:
    """Manifest of the clock model in a folder.

    Raises
    ------
    BundleError
        If there is none, it is from a newer xlate, or lacks a field.
    """
    path = folder / MANIFEST
    refit = f"xlate clocks fit --target {folder.name}"
    try:
        raw = json.loads(read_bytes(path))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as e:
        raise BundleError(f"{path} cannot be read: {e}", refit) from e
    if not isinstance(raw, dict) or not isinstance(raw.get("format"), int):
        raise BundleError(f"{path} is no manifest of a clock model", refit)
    if raw["format"] > FORMAT:
        raise BundleError(
            f"{path} has format {raw['format']}, this xlate reads up to {FORMAT}",
            "upgrade xlate, or fit again with this version",
        )
    known = {f.name for f in fields(ClockManifest)}
    wrong = sorted(known ^ set(raw))
    if wrong:
        raise BundleError(f"{path} lacks or has too much: {wrong[0]}", refit)
    for name in ("views", "applications", "card", "taught_by"):
        raw[name] = tuple(raw[name])
    return ClockManifest(**raw)


def load(folder: Path) -> ClockBundle:
    """Load a clock model after checking everything that can be checked.

    Raises
    ------
    BundleError
        With the reason: none there, a newer format, changed since the fit, a
        type that is not on the list, damaged content.
    """
    manifest = read_manifest(folder)
    path = folder / MODEL
    refit = f"xlate clocks fit --target {manifest.target}"
    model = open_archive(path, manifest.files.get(MODEL), ALLOWED, "clock model", refit)
    if not isinstance(model, dict) or set(model) != {"responses", "handoff"}:
        raise BundleError(f"{path} holds something other than a clock model", refit)
    try:
        model = unpack_all(model)
    except (ValueError, KeyError, TypeError, IndexError) as e:
        raise BundleError(f"{path} cannot be built: {e}", refit) from e
    for response in model["responses"].values():
        check_trees(response, str(path))
    return ClockBundle(manifest, model["responses"], model["handoff"], folder)


def manifests() -> list[tuple[Path, ClockManifest]]:
    """Manifests of all clock models in the user's data home, sorted by path."""
    folder = home() / "clocks"
    found = sorted(folder.glob(f"*/{MANIFEST}")) if folder.is_dir() else []
    return [(p.parent, read_manifest(p.parent)) for p in found]


def find(target: str) -> ClockBundle:
    """The clock model of a target.

    Raises
    ------
    BundleError
        If there is none yet, or it is refused.
    """
    folder = folder_of(target)
    if not (folder / MANIFEST).is_file():
        raise BundleError(
            f"no clock model for {target} yet", f"xlate clocks fit --target {target}"
        )
    return load(folder)
