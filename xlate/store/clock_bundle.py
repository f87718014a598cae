"""Clock models on disk: response, hand-off, and what is known of both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from xlate import paths
from xlate.errors import BundleError
from xlate.frozen import FrozenMap
from xlate.store import versions as slots
from xlate.store.archive import open_archive
from xlate.store.bundle import MANIFEST, MODEL, home
from xlate.store.cache import LoadedFolders
from xlate.store.canonical import canonical
from xlate.store.fields import (
    check_card,
    check_counts,
    check_digests,
    check_types,
    read_json,
)
from xlate.store.forests import pack_all, unpack_all
from xlate.store.trees import check_trees

__all__ = [
    "ClockBundle",
    "ClockManifest",
    "check_target",
    "find",
    "find_version",
    "folder_of",
    "keep",
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


@dataclass(frozen=True, eq=False)
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
    write = _writer(bundle)
    with paths.atomic_folder(folder) as scratch:
        write(scratch)
    return folder


def keep(bundle: ClockBundle, *, in_place: bool = True) -> Path:
    """Write a clock model of its target into the data home, beside those there.

    Parameters
    ----------
    bundle : ClockBundle
    in_place : bool
        Whether it answers from now on; what did until then keeps its number.

    Raises
    ------
    StorageError
        If the data home cannot be written.
    """
    slot = folder_of(bundle.manifest.target)
    return slots.keep(slot, _writer(bundle), in_place=in_place)


def _writer(bundle: ClockBundle) -> Callable[[Path], None]:
    import skops.io as sio

    model = {"responses": dict(bundle.responses), "handoff": bundle.handoff}
    archive = canonical(sio.dumps(pack_all(model)))
    digest = {MODEL: hashlib.sha256(archive).hexdigest()}
    text = json.dumps(asdict(replace(bundle.manifest, files=digest)), indent=1)

    def write(folder: Path) -> None:
        (folder / MODEL).write_bytes(archive)
        (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")

    return write


def read_manifest(folder: Path) -> ClockManifest:
    """Manifest of the clock model in a folder.

    Raises
    ------
    BundleError
        If there is none, it is from a newer xlate, or lacks a field.
    """
    path = folder / MANIFEST
    refit = f"xlate clocks fit --target {slots.slot_name(folder.name)}"
    raw = read_json(path, refit)
    form = raw.get("format") if isinstance(raw, dict) else None
    if not isinstance(form, int) or isinstance(form, bool):
        raise BundleError(f"{path} is no manifest of a clock model", refit)
    if form > FORMAT:
        raise BundleError(
            f"{path} has format {form}, this xlate reads up to {FORMAT}",
            "upgrade xlate, or fit again with this version",
        )
    if "gpu" not in raw and "translator" in raw:
        raise BundleError(f"{path} is that of a translator, no clock model", refit)
    known = {f.name for f in fields(ClockManifest)}
    wrong = sorted(known ^ set(raw))
    if wrong:
        raise BundleError(f"{path} lacks or has too much: {wrong[0]}", refit)
    where = str(path)
    check_types(raw, ClockManifest, where, refit)
    check_counts(raw, {"format": 1, "seed": 0}, where, refit)
    check_digests(raw, where, refit)
    check_card(raw["card"], "model", where, refit)
    if raw["spread"] <= 0:
        raise BundleError(f"{path}: spread is {raw['spread']}", refit)
    if raw["handoff_limit_w"] is not None and raw["handoff_limit_w"] <= 0:
        raise BundleError(f"{path}: handoff_limit_w is {raw['handoff_limit_w']}", refit)
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
    if not isinstance(model["responses"], dict) or set(model["responses"]) != set(
        manifest.views
    ):
        raise BundleError(f"{path} has other views than its manifest", refit)
    for response in model["responses"].values():
        check_trees(response, str(path))
    return ClockBundle(
        manifest, FrozenMap(model["responses"]), model["handoff"], folder
    )


def manifests() -> list[tuple[Path, ClockManifest]]:
    """Manifests of the clock models that answer, in the user's data home, by path."""
    folder = home() / "clocks"
    found = sorted(folder.glob(f"*/{MANIFEST}")) if folder.is_dir() else []
    return [
        (p.parent, read_manifest(p.parent))
        for p in found
        if not slots.is_numbered(p.parent)
    ]


def find(target: str, gpu: str | None = None) -> ClockBundle:
    """The clock model of a target.

    It is loaded once, and again when its files change.

    Parameters
    ----------
    target : str
        Instance, or GPU.
    gpu : str, optional
        Its GPU, which must be the one that was fitted for.

    Raises
    ------
    BundleError
        If there is none yet, it is of another target, or it is refused.
    """
    folder = slots.active(folder_of(target), MANIFEST)
    if folder is None:
        raise BundleError(
            f"no clock model for {target} yet", f"xlate clocks fit --target {target}"
        )
    found = _LOADED.get(folder)
    check_target(found, target, gpu)
    return found


def find_version(target: str, number: int | None = None) -> ClockBundle:
    """A numbered clock model of a target, or the one that answers.

    Raises
    ------
    BundleError
        If there is none, it is of another target, or it is refused.
    """
    if number is None:
        return find(target)
    folder = slots.version(folder_of(target), number)
    if folder is None:
        raise BundleError(
            f"no version {number} of clocks/{target}", "see: xlate models list"
        )
    found = _LOADED.get(folder)
    check_target(found, target)
    return found


def check_target(bundle: ClockBundle, target: str, gpu: str | None = None) -> None:
    """Refuse a clock model that is of another target, or no clock model at all.

    Raises
    ------
    BundleError
        Naming what it is of.
    """
    if not isinstance(bundle, ClockBundle):
        raise BundleError(
            f"an object of type {type(bundle).__name__} is no clock model",
            "give the bundle that xlate.fit_clocks returned",
        )
    m = bundle.manifest
    if m.target != target or (gpu is not None and m.gpu != gpu):
        where = bundle.path or "the clock model given"
        raise BundleError(
            f"{where} is for {m.target} ({m.gpu}), not for {target}"
            + (f" ({gpu})" if gpu else "")
            + "; it was not used",
            f"xlate clocks fit --target {target}",
        )


_LOADED = LoadedFolders(load, (MANIFEST, MODEL))
