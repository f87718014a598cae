"""Clock models on disk: response to the clock, power model, and their manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xlate.errors import BundleError
from xlate.store.bundle_kind import BundleKind
from xlate.store.bundle_store import MANIFEST, MODEL, BundleStore
from xlate.store.fields import (
    FORMAT,
    check_card,
    check_counts,
    check_digests,
    check_head,
    check_types,
)
from xlate.store.kinds import class_of, kind_of
from xlate.store.manifest import plain_name
from xlate.values.frozen import FrozenMap

__all__ = [
    "FORMAT",
    "STORE",
    "ClockBundle",
    "ClockManifest",
    "check_target",
    "find",
    "find_version",
    "folder_of",
    "keep",
    "load",
    "manifests",
    "read_manifest",
    "save",
]


@dataclass(frozen=True)
class ClockManifest:
    """Data, settings and accuracy of a clock model's fit.

    Attributes
    ----------
    target, gpu : str
        Instance (or GPU) it was fitted for, and its GPU.
    source_gpu : str
        GPU whose sweeps it was fitted on; another one means extrapolated.
    spread : float
        Factor on the response's errors; over 1 where it is extrapolated.
    taught_by : tuple of str
        Donor GPUs (:attr:`donor_gpus`), under the key of the bundle's format.
    corpus, corpus_sha256, licence : str
        Of the sweeps.
    handoff : str or None
        Instance and corpora that the power model was fitted on.
    handoff_limit_w : float or None
        Power limit of that instance's GPU.
    model : str
        Key of :data:`xlate.models.response.CLOCK_MODELS`.
    views : tuple of str
        Feature views it can answer from.
    applications : tuple of str
        In training.
    card : list of mapping
        model, metric, value, n: on applications left out.
    kind : str
        Kind of bundle.

    Examples
    --------
    >>> import xlate
    >>> done = xlate.fit_clocks(
    ...     gpu="T4", sweeps=["simulated"], model="response-linear", save=False
    ... )
    >>> done.bundle.manifest.gpu, done.bundle.manifest.simulated
    ('T4', True)
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
    kind: str = "clocks"

    @property
    def donor_gpus(self) -> tuple[str, ...]:
        """Other GPUs whose sweeps were used in the fit, with a lower weight."""
        return self.taught_by

    @property
    def extrapolated(self) -> bool:
        """Whether the response is that of another GPU."""
        return self.gpu != self.source_gpu

    def summary(self) -> dict[str, str | float | bool | None]:
        """Its main fields, as listings have them."""
        return {
            "target": self.target,
            "gpu": self.gpu,
            "model": self.model,
            "fitted_on": self.corpus,
            "simulated": self.simulated,
            "extrapolated": self.extrapolated,
            "edp_gap": self.error("edp_gap"),
        }

    def error(self, metric: str) -> float | None:
        """Overall figure of the model on applications left out, or None."""
        for row in self.card:
            own_total = row["model"] == self.model and row["held_out"] is None
            if own_total and row["metric"] == metric:
                return None if row["value"] is None else float(row["value"])
        return None


@dataclass(frozen=True, eq=False)
class ClockBundle:
    """A fitted clock model: a response for each view, and the power model.

    Attributes
    ----------
    manifest : ClockManifest
        What it was fitted on and how good it is.
    responses : mapping of str to clock model
        Response to the clock for each view of the features, ``smi`` or ``dcgm``.
    handoff : PowerModel or None
        Power from operations; None for a GPU alone.
    path : Path or None
        Where it lies.

    Examples
    --------
    >>> import xlate
    >>> done = xlate.fit_clocks(
    ...     gpu="T4", sweeps=["simulated"], model="response-linear", save=False
    ... )
    >>> sorted(done.bundle.responses)
    ['smi']
    """

    manifest: ClockManifest
    responses: Mapping[str, Any]
    handoff: Any
    path: Path | None = None

    def __eq__(self, other: object) -> bool:
        """Whether both have the same manifest, which says what they were made from."""
        if not isinstance(other, ClockBundle):
            return NotImplemented
        return self.manifest == other.manifest

    def __hash__(self) -> int:
        """Hash of the short fields of the manifest, consistent with equality."""
        return hash((self.manifest.target, self.manifest.seed))


def _refit(target: object) -> str:
    return f"xlate clocks fit --target {plain_name(target, 'TARGET')}"


class ClockKind(BundleKind[ClockBundle, ClockManifest]):
    """Clock models of a target: ``clocks/TARGET``."""

    name = "clocks"
    room = "clocks"

    def slot(self, *names: str) -> str:
        """Path of the target's folder."""
        (target,) = names
        return f"{self.room}/{target}"

    def names(self, manifest: ClockManifest) -> tuple[str, ...]:
        """The target."""
        return (manifest.target,)

    def refit(self, *names: str) -> str:
        """Command that fits the clock model."""
        return _refit(*names)

    def manifest(self, raw: Any, where: str) -> ClockManifest:
        """The manifest of a clock model."""
        refit = _refit(raw.get("target") if isinstance(raw, dict) else None)
        check_head(raw, ClockManifest, self.name, where, refit)
        check_types(raw, ClockManifest, where, refit)
        check_counts(raw, {"seed": 0}, where, refit)
        check_digests(raw, where, refit)
        check_card(raw["card"], "model", where, refit)
        if raw["spread"] <= 0:
            raise BundleError(f"{where}: spread is {raw['spread']}", refit)
        if raw["handoff_limit_w"] is not None and raw["handoff_limit_w"] <= 0:
            raise BundleError(
                f"{where}: handoff_limit_w is {raw['handoff_limit_w']}", refit
            )
        for name in ("views", "applications", "card", "taught_by"):
            raw[name] = tuple(raw[name])
        return ClockManifest(**raw)

    def manifest_text(self, manifest: ClockManifest, files: Mapping[str, str]) -> str:
        """JSON of a manifest."""
        values = asdict(manifest) | {"format": FORMAT, "files": dict(files)}
        return json.dumps(values, indent=1) + "\n"

    def models(self, bundle: ClockBundle) -> dict[str, Any]:
        """The responses and the power model."""
        return {"responses": dict(bundle.responses), "handoff": bundle.handoff}

    def built(self, manifest: ClockManifest, models: Any, folder: Path) -> ClockBundle:
        """A clock model whose views and kinds are those of its manifest."""
        path, refit = folder / MODEL, _refit(manifest.target)
        if not isinstance(models, dict) or set(models) != {"responses", "handoff"}:
            raise BundleError(f"{path} holds something other than a clock model", refit)
        responses, handoff = models["responses"], models["handoff"]
        if not isinstance(responses, dict) or set(responses) != set(manifest.views):
            raise BundleError(f"{path} has other views than its manifest", refit)
        for response in responses.values():
            if not _is_of(response, manifest.model):
                raise BundleError(
                    f"{folder / MANIFEST} says that the clock model is "
                    f"{manifest.model!r}, the model holds an object of type {type(response).__name__}",
                    refit,
                )
        if handoff is not None and kind_of(handoff) != "part/power-model":
            raise BundleError(
                f"{path} holds an object of type {type(handoff).__name__} where a power model belongs",
                refit,
            )
        return ClockBundle(manifest, FrozenMap(responses), handoff, folder)

    def check(self, bundle: ClockBundle, *names: str) -> None:
        """Refuse a clock model of another target."""
        check_target(bundle, *names)

    def log_line(self, bundle: ClockBundle) -> str:
        """The bundle in use, as the log names it."""
        return f"the clock model that answers: {bundle.path}"

    def missing(self, *names: str) -> BundleError:
        """The error where no clock model of the target was fitted."""
        (target,) = names
        return BundleError(f"no clock model for {target} yet", _refit(target))


def _is_of(response: object, model: str) -> bool:
    """Whether a response is of a kind, or calibrated on one of that kind."""
    inner = getattr(response, "member", None)
    return type(response) is class_of(f"clock-model/{model}") or inner == model


#: the clock models of targets
STORE: BundleStore[ClockBundle, ClockManifest] = BundleStore(ClockKind())

read_manifest = STORE.read_manifest
load = STORE.load
save = STORE.save
keep = STORE.keep
manifests = STORE.manifests
folder_of = STORE.slot


def find(target: str, gpu: str | None = None) -> ClockBundle:
    """The clock model of a target: :meth:`BundleStore.find`.

    Parameters
    ----------
    target : str
        Instance, or GPU.
    gpu : str, optional
        Its GPU, which must be the one that was fitted for.

    Raises
    ------
    BundleError
        If it was not fitted yet, is of another target, or is refused.
    """
    bundle = STORE.find(target)
    check_target(bundle, target, gpu)
    return bundle


def find_version(target: str, number: int | None = None) -> ClockBundle:
    """A numbered clock model, or the one that answers: :meth:`BundleStore.find`."""
    return STORE.find(target, number=number)


def check_target(bundle: ClockBundle, target: str, gpu: str | None = None) -> None:
    """Refuse a clock model of another target, or a value that is not a clock model.

    Raises
    ------
    BundleError
        With the target it is for.
    """
    if not isinstance(bundle, ClockBundle):
        raise BundleError(
            f"an object of type {type(bundle).__name__} is not a clock model",
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
