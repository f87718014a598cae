"""Whether a profile is of the kind a bundle was fitted on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlate import op_names
from xlate.errors import XlateError
from xlate.hardware.catalogue import Catalogue
from xlate.hardware.catalogue import catalogue as shipped_catalogue
from xlate.models.scaling import AXES, Scaler
from xlate.store.bundle import Bundle
from xlate.store.manifest import Manifest
from xlate.trust.precision import untrained
from xlate.trust.profile_window import StepDoubt
from xlate.trust.recorded_gpu import Doubt
from xlate.trust.training_domain import Domain
from xlate.values.profile import Profile, Verdict, input_size
from xlate.values.reason import (
    CHECK_ANCHOR,
    GIVE_STEP,
    MEASURE,
    NEARER,
    Reason,
    informs,
)

__all__ = [
    "BEYOND",
    "CAREFUL_UNKNOWN",
    "MOST_UNKNOWN",
    "NO_STEP",
    "UNUSUAL",
    "Domain",
    "Finding",
    "compare_names",
    "examine",
    "unknown_ops",
]

Floats = NDArray[np.float64]

#: share of busy time in operations the bundle never saw: above the first the
#: answer is uncertain, above the second the translator does not answer
CAREFUL_UNKNOWN, MOST_UNKNOWN = 0.10, 0.50
#: below this probability of a network of the corpus to be as far from its peers, the
#: interval is wider; beyond the largest of their distances by the factor, the
#: translator does not answer
UNUSUAL, BEYOND = 0.05, 1.5
_FEW_MODELS = 6
#: factor beyond the sizes of training above which a size is doubted: two doublings
_FAR_SIZE = 4
#: reason where the step time on the anchor is an estimate
NO_STEP = Reason(
    "no step time on the anchor was given; it was taken from the window", GIVE_STEP
)
#: reason where the bundle was not fitted on measured data
_SIMULATED = Reason(
    "the bundle was fitted on simulated data",
    "import a measured corpus that holds both instances (xlate datasets "
    "list), and fit again",
    fitted_only=True,
)


@dataclass(frozen=True)
class Finding:
    """Result of the domain check of a profile.

    Attributes
    ----------
    verdict : Verdict
        ``refuse`` where the fitted translator does not answer.
    probability : float or None
        That a network of the corpus is as far from its peers.
    interval_scale : float
        Factor on the log width of intervals.
    unknown : float
        Share of busy time in operations the bundle never saw.
    step_doubt : StepDoubt or None
        Doubt about the step time given.
    other_gpu : bool
        Whether the profile is refused because it looks like one of another GPU.
    """

    verdict: Verdict
    probability: float | None
    interval_scale: float
    unknown: float
    step_doubt: StepDoubt | None = None
    other_gpu: bool = False

    @property
    def widening(self) -> float:
        """Earlier name of :attr:`interval_scale`."""
        return self.interval_scale


def unknown_ops(profile: Profile, bundle: Bundle) -> dict[str, float]:
    """Busy operations the bundle never saw, with their time, longest first."""
    trained = set(bundle.manifest.operations)
    busy = op_names.busy_columns(list(profile.ops))
    if bundle.manifest.columns == "families":
        # columns are sums over families: any operation of a trained family counts
        families = {op_names.family(c) for c in trained} - {"other"}
        trained |= {c for c in busy if op_names.family(c) in families}
    unknown = {
        c: profile.ops[c] for c in busy if c not in trained and profile.ops[c] > 0
    }
    return dict(sorted(unknown.items(), key=lambda item: -item[1]))


class _Reasons:
    """Reasons that an answer is uncertain or out of domain, and the interval scale."""

    def __init__(self, uncertain: Iterable[str]) -> None:
        self.uncertain = list(uncertain)
        self.out_of_domain: list[str] = []
        self.interval_scale = 1.0

    def add(self, reason: str, *, out_of_domain: bool = False) -> None:
        """Add a reason of either level."""
        (self.out_of_domain if out_of_domain else self.uncertain).append(reason)

    @property
    def level(self) -> str:
        """Level of a verdict with these reasons."""
        if self.out_of_domain:
            return "refuse"
        return "widen" if self.uncertain else "ok"


def examine(
    profile: Profile, bundle: Bundle, catalogue: Catalogue | None = None
) -> Finding:
    """How far the profile is from what the bundle was fitted on, with reasons.

    Parameters
    ----------
    profile : Profile
    bundle : Bundle
    catalogue : Catalogue, optional
        In which the instance named in the file is looked up.
    """
    m, domain = bundle.manifest, bundle.model.get("domain")
    reasons = _Reasons(n for n in profile.notes if not informs(n))
    unknown = _check_operations(profile, bundle, reasons)
    _check_busy_time(profile, m, reasons)
    probability, doubt, other_gpu = None, None, False
    if isinstance(domain, Domain):
        doubt = domain.step_doubt(profile)
        probability, other_gpu = _check_domain(profile, m, domain, doubt, reasons)
    precision = untrained(profile, bundle)
    reasons.uncertain += [] if precision is None else [precision]
    reasons.uncertain += _odd_sizes(profile, bundle)
    compare_names(profile, m.anchor, reasons.uncertain, catalogue)
    level = reasons.level
    texts = [*reasons.out_of_domain, *reasons.uncertain]
    texts += [n for n in profile.notes if informs(n)]
    if profile.step_time_us is None:
        texts.append(NO_STEP)
    if m.simulated:
        texts.append(_SIMULATED)
        level = "widen" if level == "ok" else level
    return Finding(
        verdict=Verdict(level, tuple(texts)),
        probability=probability,
        interval_scale=reasons.interval_scale,
        unknown=unknown,
        step_doubt=doubt,
        other_gpu=other_gpu,
    )


def _check_operations(profile: Profile, bundle: Bundle, reasons: _Reasons) -> float:
    """Share of busy time in operations the bundle never saw; a reason if it is large."""
    unknown = unknown_ops(profile, bundle)
    share = sum(unknown.values()) / profile.busy_us
    if share > CAREFUL_UNKNOWN:
        named = ", ".join(
            f"{c} ({t / profile.busy_us:.0%})" for c, t in list(unknown.items())[:5]
        )
        text = (
            f"{share:.0%} of device time is in operations not seen in training: {named}"
        )
        reasons.add(
            Reason(text, MEASURE, fitted_only=True), out_of_domain=share > MOST_UNKNOWN
        )
        reasons.interval_scale *= 1 + share
    return share


def _check_busy_time(profile: Profile, manifest: Manifest, reasons: _Reasons) -> None:
    """Device time far outside that of training."""
    low, high = manifest.busy_range_us
    if not low / 3 <= profile.busy_us <= high * 3:
        text = (
            f"device time {profile.busy_us:.4g} µs is far outside training "
            f"({low:.4g} to {high:.4g} µs)"
        )
        reasons.add(Reason(text, NEARER, fitted_only=True))


def _check_domain(
    profile: Profile,
    manifest: Manifest,
    domain: Domain,
    doubt: StepDoubt | None,
    reasons: _Reasons,
) -> tuple[float, bool]:
    """Reasons from the training runs.

    Returns
    -------
    probability : float
        That a network of the corpus is as far from its peers.
    other_gpu : bool
        Whether the profile is refused because it looks like one of another GPU.
    """
    # a few models do not show how networks differ; a bundle fitted on few starts from
    # data sheets, which hold for any network
    few = len(manifest.models) < _FEW_MODELS
    ops = sorted(profile.ops)
    times = np.array([[profile.ops[c] for c in ops]])
    step = np.array([profile.step_time_us or np.nan])
    distance = float(domain.distance(ops, times, step)[0])
    probability = domain.probability(distance)
    if probability < UNUSUAL:
        excess = domain.excess(distance)
        rarity = 1 / max(probability, 1 / (len(domain.apart) + 1))
        text = (
            "its mix of operations and size are unlike those of training: one network "
            f"in {rarity:.0f} is as far from the others"
        )
        # far from all, or without operations that each of them has
        other = excess > BEYOND or bool(domain.missing(profile))
        reasons.add(
            Reason(text, MEASURE, fitted_only=True), out_of_domain=other and not few
        )
        scale = max(excess, 1.0)
        reasons.interval_scale *= min(scale, BEYOND) if few else scale
    reasons.uncertain += _other_framework(profile, domain)
    _check_complete(domain, profile, doubt, reasons.uncertain)
    (origin,) = domain.origin.doubts(ops, times)
    other_gpu = origin is not None and origin.refused and not few
    if origin is not None:
        reasons.add(_unlike(origin, manifest.anchor), out_of_domain=other_gpu)
    return probability, other_gpu


def _other_framework(profile: Profile, domain: Domain) -> list[Reason]:
    """Reason where the profile's framework was not in training."""
    framework = profile.workload.framework
    if framework == "unknown" or framework in domain.frameworks:
        return []
    text = (
        f"it was recorded with {framework}, and the training's runs are of "
        f"{' and '.join(domain.frameworks)}"
    )
    return [Reason(text, MEASURE, fitted_only=True)]


def _odd_sizes(profile: Profile, bundle: Bundle) -> list[Reason]:
    """Reasons for stated sizes that are far outside those of training."""
    reasons = []
    work = profile.workload
    for axis, size in (
        ("batch-size", work.batch_size),
        ("input-size", input_size(work.dataset)),
    ):
        scaler = bundle.model["scaling"].get(axis)
        if size is None or not isinstance(scaler, Scaler):
            continue
        low, high = (limit ** (1 / AXES[axis]) for limit in scaler.range_)
        if not low / _FAR_SIZE <= size <= high * _FAR_SIZE:
            text = f"{axis} {size} is far outside training ({low:g} to {high:g})"
            reasons.append(Reason(text, f"check --{axis}", fitted_only=True))
    return reasons


def _check_complete(
    domain: Domain, profile: Profile, doubt: StepDoubt | None, reasons: list[str]
) -> None:
    """Add reasons where the profile may be incomplete, or the step time of another job."""
    missing = domain.missing(profile)
    if missing:
        reasons.append(
            Reason(
                f"{', '.join(missing[:4])} ran in every training run and is missing here: "
                "is the profile whole, and of training?",
                "record whole training steps",
                fitted_only=True,
            )
        )
    if doubt is not None and profile.step_time_us:
        reasons.append(doubt.reason(profile.step_time_us))


def _unlike(origin: Doubt, anchor: str) -> Reason:
    """Reason where a profile looks like one of another instance."""
    return Reason(
        f"it looks like a profile of {origin.likely} ({origin.probability:.0%}), "
        f"not of {anchor}",
        CHECK_ANCHOR,
    )


def compare_names(
    profile: Profile,
    anchor: str,
    reasons: list[str],
    catalogue: Catalogue | None = None,
) -> None:
    """Add a reason where the file names another instance than the anchor.

    Parameters
    ----------
    profile : Profile
    anchor : str
        Canonical name.
    reasons : list of str
        One may be added.
    catalogue : Catalogue, optional
        By default the one that ships with xlate.
    """
    if profile.instance is None:
        return
    try:
        ran_on = (catalogue or shipped_catalogue()).instance(profile.instance).name
    except XlateError:
        ran_on = profile.instance
    if ran_on != anchor:
        text = f"the file says it ran on {ran_on}, not on {anchor}"
        reasons.append(Reason(text, CHECK_ANCHOR))
