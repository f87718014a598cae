"""Whether a profile is of the kind a bundle was fitted on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xlate import op_names
from xlate.errors import XlateError
from xlate.hardware.catalogue import Catalogue
from xlate.hardware.catalogue import catalogue as shipped_catalogue
from xlate.models.scaling import AXES, Scaler
from xlate.store.bundle import Bundle
from xlate.trust.fingerprint import distances, look_of
from xlate.trust.precision import untrained
from xlate.trust.profile_window import StepDoubt
from xlate.trust.recorded_gpu import Doubt
from xlate.trust.training import Domain
from xlate.values.profile import Profile, Verdict, WorkloadKey, input_size
from xlate.values.reason import (
    CHECK_ANCHOR,
    GIVE_STEP,
    MEASURE,
    NEARER,
    Reason,
    informs,
)
from xlate.values.vectors import Vectors

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
    "unseen_in_training",
]

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


def unknown_ops(profile: Profile, bundle: Bundle) -> dict[str, float]:
    """Busy operations the bundle never saw, with their time, longest first."""
    busy = op_names.busy_columns(list(profile.ops))
    unseen = unseen_in_training(busy, bundle)
    unknown = {c: profile.ops[c] for c in busy if c in unseen and profile.ops[c] > 0}
    return dict(sorted(unknown.items(), key=lambda item: -item[1]))


def unseen_in_training(busy: Iterable[str], bundle: Bundle) -> set[str]:
    """Which busy operations the bundle never saw, of one profile or of a table's columns."""
    trained = set(bundle.manifest.operations)
    unseen = set(busy) - trained
    if bundle.manifest.columns == "families":
        # operations that were summed by family are seen by family
        families = {op_names.family(c) for c in trained} - {"other"}
        unseen = {c for c in unseen if op_names.family(c) not in families}
    return unseen


def examine(
    profile: Profile,
    bundle: Bundle,
    catalogue: Catalogue | None = None,
    vectors: Vectors | None = None,
) -> Finding:
    """How far the profile is from what the bundle was fitted on, with reasons.

    Parameters
    ----------
    profile : Profile
    bundle : Bundle
    catalogue : Catalogue, optional
        In which the instance named in the file is looked up.
    vectors : Vectors, optional
        The vector of this profile, if the caller has it.
    """
    m = bundle.manifest
    domain = bundle.model.get("domain")
    unknown = unknown_ops(profile, bundle)
    share = sum(unknown.values()) / profile.busy_us
    # a few models do not show how networks differ; a bundle fitted on few starts from
    # data sheets, which hold for any network
    few = len(m.models) < _FEW_MODELS
    unseen = _not_in_training(unknown, profile.busy_us, share)
    compared = _NOT_COMPARED
    if isinstance(domain, Domain):
        vectors = Vectors.of([profile]) if vectors is None else vectors
        compared = _compared(profile, vectors, domain, m.anchor, few)
    precision = untrained(profile, bundle)
    uncertain: list[str] = [n for n in profile.notes if not informs(n)]
    out_of_domain: list[str] = []
    if share > CAREFUL_UNKNOWN:
        (out_of_domain if share > MOST_UNKNOWN else uncertain).append(unseen)
    uncertain += _odd_amount(profile.busy_us, m.busy_range_us)
    uncertain += compared.uncertain
    out_of_domain += compared.out_of_domain
    uncertain += [] if precision is None else [precision]
    uncertain += _odd_sizes(profile.workload, bundle)
    uncertain += _recorded_elsewhere(profile.instance, m.anchor, catalogue)
    reasons = [*out_of_domain, *uncertain]
    level = "refuse" if out_of_domain else "widen" if uncertain else "ok"
    reasons += [n for n in profile.notes if informs(n)]
    if profile.step_time_us is None:
        reasons.append(NO_STEP)
    if m.simulated:
        reasons.append(_SIMULATED)
        level = "widen" if level == "ok" else level
    return Finding(
        verdict=Verdict(level, tuple(reasons)),
        probability=compared.probability,
        interval_scale=(1 + share if share > CAREFUL_UNKNOWN else 1.0)
        * compared.interval_scale,
        unknown=share,
        step_doubt=compared.doubt,
        other_gpu=compared.other_gpu,
    )


def _of_fit(text: str, remedy: str) -> Reason:
    """A reason that does not apply to an answer from data sheets."""
    return Reason(text, remedy, fitted_only=True)


_SIMULATED = _of_fit(
    "the bundle was fitted on simulated data",
    "import a measured corpus that holds both instances (xlate datasets list), and fit again",
)


@dataclass(frozen=True)
class _Compared:
    """Result of comparing a profile with the training runs."""

    uncertain: tuple[Reason, ...] = ()
    out_of_domain: tuple[Reason, ...] = ()
    probability: float | None = None
    interval_scale: float = 1.0
    doubt: StepDoubt | None = None
    other_gpu: bool = False


#: of a bundle without a record of its training runs
_NOT_COMPARED = _Compared()


def _compared(
    profile: Profile, vectors: Vectors, domain: Domain, anchor: str, few: bool
) -> _Compared:
    """Compare a profile with the training runs: mix of operations, step time, GPU."""
    missing = [n for n in domain.always if not profile.ops.get(n)]
    look = look_of(vectors)
    distance = float(distances(look.traits, domain.traits).min())
    doubt = domain.step_check(profile.workload.framework)(profile)
    (origin,) = domain.origin.doubts_of(look)
    probability, interval_scale = domain.probability(distance), 1.0
    uncertain: list[Reason] = []
    out_of_domain: list[Reason] = []
    if probability < UNUSUAL:
        excess = domain.excess(distance)
        one_in = 1 / max(probability, 1 / (len(domain.apart) + 1))
        reason = _of_fit(
            "its mix of operations and size are unlike those of training: one network "
            f"in {one_in:.0f} is as far from the others",
            MEASURE,
        )
        # far from all, or without operations that each of them has
        other = excess > BEYOND or bool(missing)
        (out_of_domain if other and not few else uncertain).append(reason)
        interval_scale = min(max(excess, 1.0), BEYOND) if few else max(excess, 1.0)
    uncertain += _other_framework(profile.workload.framework, domain.frameworks)
    uncertain += _incomplete(missing)
    if doubt is not None and profile.step_time_us:
        uncertain.append(doubt.reason(profile.step_time_us))
    other_gpu = origin is not None and origin.refused and not few
    if origin is not None:
        (out_of_domain if other_gpu else uncertain).append(_unlike(origin, anchor))
    return _Compared(
        uncertain=tuple(uncertain),
        out_of_domain=tuple(out_of_domain),
        probability=probability,
        interval_scale=interval_scale,
        doubt=doubt,
        other_gpu=other_gpu,
    )


def _not_in_training(
    unknown: Mapping[str, float], busy_us: float, share: float
) -> Reason:
    """Reason that names operations the bundle never saw."""
    named = ", ".join(f"{c} ({t / busy_us:.0%})" for c, t in list(unknown.items())[:5])
    text = f"{share:.0%} of device time is in operations not seen in training: {named}"
    return _of_fit(text, MEASURE)


def _odd_amount(busy_us: float, trained: tuple[float, float]) -> list[Reason]:
    """Reason where the device time is far outside that of training."""
    low, high = trained
    if low / 3 <= busy_us <= high * 3:
        return []
    text = (
        f"device time {busy_us:.4g} µs is far outside training "
        f"({low:.4g} to {high:.4g} µs)"
    )
    return [_of_fit(text, NEARER)]


def _other_framework(own: str, trained: Sequence[str]) -> list[Reason]:
    """Reason where the profile's framework was not in training."""
    if own == "unknown" or own in trained:
        return []
    text = (
        f"it was recorded with {own}, and the training's runs are of "
        f"{' and '.join(trained)}"
    )
    return [_of_fit(text, MEASURE)]


def _odd_sizes(work: WorkloadKey, bundle: Bundle) -> list[Reason]:
    """Reasons for stated sizes that are far outside those of training."""
    reasons = []
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
            reasons.append(_of_fit(text, f"check --{axis}"))
    return reasons


def _incomplete(missing: Sequence[str]) -> list[Reason]:
    """Reason where the profile lacks operations of every training run."""
    if not missing:
        return []
    text = (
        f"{', '.join(missing[:4])} ran in every training run and is missing here: "
        "is the profile whole, and of training?"
    )
    return [_of_fit(text, "record whole training steps")]


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
    reasons += _recorded_elsewhere(profile.instance, anchor, catalogue)


def _recorded_elsewhere(
    instance: str | None, anchor: str, catalogue: Catalogue | None
) -> list[Reason]:
    """Reason where the file names another machine than the anchor."""
    if instance is None:
        return []
    try:
        ran_on = (catalogue or shipped_catalogue()).instance(instance).name
    except XlateError:
        ran_on = instance
    if ran_on == anchor:
        return []
    text = f"the file says it ran on {ran_on}, not on {anchor}"
    return [Reason(text, CHECK_ANCHOR)]
