"""Whether a profile is of the kind a bundle was fitted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xlate import op_names
from xlate.errors import XlateError
from xlate.hardware.catalogue import Catalogue, catalogue
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
]

#: share of busy time in operations the bundle never saw: above the first the
#: answer is to be taken with care, above the second the translator does not answer
CAREFUL_UNKNOWN, MOST_UNKNOWN = 0.10, 0.50
#: probability of being as far from its peers, for a network of the corpus: below
#: the first an answer gets wider, and beyond every one by the factor there is none
UNUSUAL, BEYOND = 0.05, 1.5
_FEW_MODELS = 6
#: factor outside the sizes of training from which on a size is doubted: two doublings
_FAR_SIZE = 4
#: said where the step time on the anchor is an estimate
NO_STEP = Reason(
    "no step time on the anchor was given; it was taken from the window", GIVE_STEP
)


@dataclass(frozen=True)
class Finding:
    """What the domain check found about a profile.

    Attributes
    ----------
    verdict : Verdict
        ``refuse`` where the fitted translator does not answer.
    probability : float or None
        That a network of the corpus is as far from its peers.
    widening : float
        Factor on the log width of intervals.
    unknown : float
        Share of busy time in operations the bundle never saw.
    step_doubt : StepDoubt or None
        What is wrong with the step time given.
    other_gpu : bool
        Whether the profile is refused since it looks like one of another GPU.
    """

    verdict: Verdict
    probability: float | None
    widening: float
    unknown: float
    step_doubt: StepDoubt | None = None
    other_gpu: bool = False


def unknown_ops(profile: Profile, bundle: Bundle) -> dict[str, float]:
    """Busy operations the bundle never saw, with their time, longest first."""
    known = set(bundle.manifest.operations)
    busy = op_names.busy_columns(list(profile.ops))
    if bundle.manifest.columns == "families":
        # what was summed by family is known by family
        families = {op_names.family(c) for c in known} - {"other"}
        known |= {c for c in busy if op_names.family(c) in families}
    strange = {c: profile.ops[c] for c in busy if c not in known and profile.ops[c] > 0}
    return dict(sorted(strange.items(), key=lambda item: -item[1]))


def examine(
    profile: Profile,
    bundle: Bundle,
    known: Catalogue | None = None,
    vectors: Vectors | None = None,
) -> Finding:
    """How far the profile is from what the bundle was fitted on, with reasons.

    Parameters
    ----------
    profile : Profile
    bundle : Bundle
    known : Catalogue, optional
        That the instance named in the file is looked up in.
    vectors : Vectors, optional
        That of the profile alone, where it was made already.
    """
    m = bundle.manifest
    domain = bundle.model.get("domain")
    strange = unknown_ops(profile, bundle)
    share = sum(strange.values()) / profile.busy_us
    # a handful of models cannot tell what a network is like: what was fitted on them
    # starts at data sheets, which hold for any
    few = len(m.models) < _FEW_MODELS
    near = _NOT_COMPARED
    if isinstance(domain, Domain):
        vectors = Vectors.of([profile]) if vectors is None else vectors
        near = _compared(profile, vectors, domain, m.anchor, few)
    another = untrained(profile, bundle)
    widen: list[str] = [n for n in profile.notes if not informs(n)]
    refuse: list[str] = []
    if share > CAREFUL_UNKNOWN:
        said = _not_in_training(strange, profile.busy_us, share)
        (refuse if share > MOST_UNKNOWN else widen).append(said)
    widen += _odd_amount(profile.busy_us, m.busy_range_us)
    widen += near.widen
    refuse += near.refuse
    widen += [] if another is None else [another]
    widen += _odd_sizes(profile.workload, bundle)
    widen += _recorded_elsewhere(profile.instance, m.anchor, known)
    reasons = [*refuse, *widen]
    level = "refuse" if refuse else "widen" if widen else "ok"
    reasons += [n for n in profile.notes if informs(n)]
    if profile.step_time_us is None:
        reasons.append(NO_STEP)
    if m.simulated:
        reasons.append(_SIMULATED)
        level = "widen" if level == "ok" else level
    return Finding(
        Verdict(level, tuple(reasons)), near.probability,
        (1 + share if share > CAREFUL_UNKNOWN else 1.0) * near.widening, share,
        near.doubt, near.other_gpu,
    )  # fmt: skip


def _of_fit(said: str, remedy: str) -> Reason:
    """A reason that says nothing of an answer from data sheets."""
    return Reason(said, remedy, fitted_only=True)


_SIMULATED = _of_fit(
    "the bundle was fitted on simulated data",
    "import a measured corpus that holds both instances (xlate datasets list), and fit again",
)


@dataclass(frozen=True)
class _Compared:
    """What a comparison with the training runs says of a profile."""

    widen: tuple[Reason, ...] = ()
    refuse: tuple[Reason, ...] = ()
    probability: float | None = None
    widening: float = 1.0
    doubt: StepDoubt | None = None
    other_gpu: bool = False


#: of a bundle that does not say what its training looked like
_NOT_COMPARED = _Compared()


def _compared(
    profile: Profile, vectors: Vectors, domain: Domain, anchor: str, few: bool
) -> _Compared:
    """A profile beside the training runs: its mix, its step time, its GPU."""
    missing = [n for n in domain.always if not profile.ops.get(n)]
    look = look_of(vectors)
    distance = float(distances(look.traits, domain.traits).min())
    doubt = domain.step_check(profile.workload.framework)(profile)
    (origin,) = domain.origin.doubts_of(look)
    probability, widening = domain.probability(distance), 1.0
    widen: list[Reason] = []
    refuse: list[Reason] = []
    if probability < UNUSUAL:
        excess = domain.excess(distance)
        one_in = 1 / max(probability, 1 / (len(domain.apart) + 1))
        said = _of_fit(
            "its mix of operations and size are unlike those of training: one network "
            f"in {one_in:.0f} is as far from the others",
            MEASURE,
        )
        # unlike the others, and without what each of them has: no such network
        other = excess > BEYOND or bool(missing)
        (refuse if other and not few else widen).append(said)
        widening = min(max(excess, 1.0), BEYOND) if few else max(excess, 1.0)
    widen += _other_framework(profile.workload.framework, domain.frameworks)
    widen += _not_whole(missing)
    if doubt is not None and profile.step_time_us:
        widen.append(doubt.reason(profile.step_time_us))
    other_gpu = origin is not None and origin.refused and not few
    if origin is not None:
        (refuse if other_gpu else widen).append(_unlike(origin, anchor))
    return _Compared(
        tuple(widen), tuple(refuse), probability, widening, doubt, other_gpu
    )


def _not_in_training(
    strange: Mapping[str, float], busy_us: float, share: float
) -> Reason:
    """Operations that the bundle never saw, in words."""
    named = ", ".join(f"{c} ({t / busy_us:.0%})" for c, t in list(strange.items())[:5])
    said = f"{share:.0%} of device time is in operations not seen in training: {named}"
    return _of_fit(said, MEASURE)


def _odd_amount(busy_us: float, trained: tuple[float, float]) -> list[Reason]:
    """Device time far outside that of training."""
    low, high = trained
    if low / 3 <= busy_us <= high * 3:
        return []
    said = (
        f"device time {busy_us:.4g} µs is far outside training "
        f"({low:.4g} to {high:.4g} µs)"
    )
    return [_of_fit(said, NEARER)]


def _other_framework(own: str, trained: Sequence[str]) -> list[Reason]:
    """A framework none of whose runs was in training, where the profile says its own."""
    if own == "unknown" or own in trained:
        return []
    said = (
        f"it was recorded with {own}, and the training's runs are of "
        f"{' and '.join(trained)}"
    )
    return [_of_fit(said, MEASURE)]


def _odd_sizes(work: WorkloadKey, bundle: Bundle) -> list[Reason]:
    """Sizes that the workload is said to have, far outside those of training."""
    said = []
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
            said.append(_of_fit(text, f"check --{axis}"))
    return said


def _not_whole(missing: Sequence[str]) -> list[Reason]:
    """Signs of a profile that was cut."""
    if not missing:
        return []
    said = (
        f"{', '.join(missing[:4])} ran in every training run and is missing here: "
        "is the profile whole, and of training?"
    )
    return [_of_fit(said, "record whole training steps")]


def _unlike(origin: Doubt, anchor: str) -> Reason:
    """Signs of a profile that was recorded elsewhere, in words."""
    return Reason(
        f"it looks like a profile of {origin.likely} ({origin.probability:.0%}), "
        f"not of {anchor}",
        CHECK_ANCHOR,
    )


def compare_names(
    profile: Profile, anchor: str, widen: list[str], known: Catalogue | None = None
) -> None:
    """Add to the reasons where the file says that it ran elsewhere.

    Parameters
    ----------
    profile : Profile
    anchor : str
        Canonical name.
    widen : list of str
        Reasons; one may be added.
    known : Catalogue, optional
        By default the one that ships with xlate.
    """
    widen += _recorded_elsewhere(profile.instance, anchor, known)


def _recorded_elsewhere(
    instance: str | None, anchor: str, known: Catalogue | None
) -> list[Reason]:
    """That the file names another machine than the anchor."""
    if instance is None:
        return []
    try:
        ran_on = (known or catalogue()).instance(instance).name
    except XlateError:
        ran_on = instance
    if ran_on == anchor:
        return []
    said = f"the file says it ran on {ran_on}, not on {anchor}"
    return [Reason(said, CHECK_ANCHOR)]
