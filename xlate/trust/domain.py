"""Whether a profile is of the kind a bundle was fitted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlate import op_names
from xlate.errors import XlateError
from xlate.hardware.catalogue import Catalogue, catalogue
from xlate.models.scaling import AXES, Scaler
from xlate.models.state import Stateful
from xlate.store.bundle import Bundle
from xlate.trust.fingerprint import distances, traits
from xlate.trust.precision import untrained
from xlate.trust.profile_window import StepDoubt, WindowBand, general_doubt
from xlate.trust.recorded_gpu import Doubt, Origin, Recorded
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


class Domain(Stateful):
    """What training looked like, and what other instances look like.

    Attributes
    ----------
    traits : ndarray of shape (n, k)
        Of the training runs, on the anchor (:func:`~xlate.trust.fingerprint.traits`).
    apart : ndarray of shape (n,)
        Distance of each to the nearest run of *another* model.
    weights : ndarray of shape (n,)
        Models count alike; their sum is 1.
    always : list of str
        Busy operations that ran in every training run.
    window : float
        Shortest window over step time in training.
    frameworks : list of str
        Of the training runs: the band of steps in a window holds for these.
    precisions : list of str
        Of the training runs.
    band : WindowBand
        How many steps a window holds.
    origin : Origin
        What tells the anchor's GPU from others.
    """

    kind = "domain"
    kept = (
        "traits", "apart", "weights", "always", "window", "frameworks", "precisions",
        "band", "origin",
    )  # fmt: skip

    def fit(
        self,
        ops: Sequence[str],
        times: Floats,
        steps: Floats,
        models: NDArray[np.str_],
        runs: Mapping[str, Recorded] | None = None,
        anchor: str = "",
        seed: int = 0,
        *,
        band: WindowBand | None = None,
        frameworks: Sequence[str] = ("tensorflow",),
        precisions: Sequence[str] = ("fp32",),
    ) -> Domain:
        """Learn from the anchor's side of training, and from other instances' runs.

        Parameters
        ----------
        ops, times, steps
            As for :func:`~xlate.trust.fingerprint.traits`.
        models : ndarray of shape (n,)
        runs : mapping, optional
            Instance to its runs, the anchor's among them.
        anchor : str
            Name of the anchor in ``runs``.
        band : WindowBand, optional
            By default learnt from the rows given.
        frameworks, precisions : sequence of str
            Of the runs.
        """
        self.traits = traits(ops, times, steps)
        apart = distances(self.traits, self.traits)
        apart[np.equal.outer(models, models)] = np.inf
        self.apart = apart.min(axis=1)
        _, which, count = np.unique(models, return_inverse=True, return_counts=True)
        self.weights = 1.0 / (count[which] * len(count))
        ran = {n: times[:, j] > 0 for j, n in enumerate(ops) if op_names.is_busy(n)}
        self.always = sorted(n for n, there in ran.items() if there.all())
        device = [j for j, n in enumerate(ops) if n.startswith(op_names.DEVICE)]
        window = times[:, device].sum(axis=1)
        self.window = float((window / steps).min())
        self.frameworks = sorted(frameworks)
        self.precisions = sorted(precisions)
        self.band = WindowBand().fit(ops, times, steps) if band is None else band
        none = {anchor: Recorded(ops, times, models)}
        self.origin = Origin().fit(runs or none, anchor, seed)
        return self

    def distance(self, ops: Sequence[str], times: Floats, steps: Floats) -> Floats:
        """Distance to the nearest training run, shape (n,)."""
        return np.asarray(distances(traits(ops, times, steps), self.traits).min(axis=1))

    def probability(self, distance: float) -> float:
        """That a network of the corpus is as far from the others as this."""
        return float(self.weights[self.apart >= distance].sum())

    def excess(self, distance: float) -> float:
        """Distance over the largest of a network of the corpus."""
        largest = self.apart[np.isfinite(self.apart)].max(initial=0.0)
        return distance / largest if largest > 0 else np.inf

    def missing(self, profile: Profile) -> list[str]:
        """Operations that ran in every training run, and not in the profile."""
        return [n for n in self.always if not profile.ops.get(n)]

    def step_doubt(self, profile: Profile) -> StepDoubt | None:
        """What is wrong with the step time; None where it fits or there is none."""
        known = profile.workload.framework in self.frameworks
        return self.band.doubt(profile) if known else general_doubt(profile)


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
    profile: Profile, bundle: Bundle, known: Catalogue | None = None
) -> Finding:
    """How far the profile is from what the bundle was fitted on, with reasons.

    Parameters
    ----------
    profile : Profile
    bundle : Bundle
    known : Catalogue, optional
        That the instance named in the file is looked up in.
    """
    widen: list[str] = [n for n in profile.notes if not informs(n)]
    refuse: list[str] = []
    widening, probability = 1.0, None

    strange = unknown_ops(profile, bundle)
    share = sum(strange.values()) / profile.busy_us
    if share > CAREFUL_UNKNOWN:
        named = ", ".join(
            f"{c} ({t / profile.busy_us:.0%})" for c, t in list(strange.items())[:5]
        )
        said = Reason(
            f"{share:.0%} of device time is in operations not seen in training: {named}",
            MEASURE,
            fitted_only=True,
        )
        (refuse if share > MOST_UNKNOWN else widen).append(said)
        widening *= 1 + share

    m = bundle.manifest
    low, high = m.busy_range_us
    if not low / 3 <= profile.busy_us <= high * 3:
        widen.append(
            Reason(
                f"device time {profile.busy_us:.4g} µs is far outside training "
                f"({low:.4g} to {high:.4g} µs)",
                NEARER,
                fitted_only=True,
            )
        )
    # a handful of models cannot tell what a network is like: what was fitted on them
    # starts at data sheets, which hold for any
    few = len(m.models) < _FEW_MODELS
    domain = bundle.model.get("domain")
    doubt: StepDoubt | None = None
    other_gpu = False
    if isinstance(domain, Domain):
        ops = sorted(profile.ops)
        times = np.array([[profile.ops[c] for c in ops]])
        step = np.array([profile.step_time_us or np.nan])
        distance = float(domain.distance(ops, times, step)[0])
        probability = domain.probability(distance)
        if probability < UNUSUAL:
            excess = domain.excess(distance)
            said = Reason(
                "its mix of operations and size are unlike those of training: one network "
                f"in {1 / max(probability, 1 / (len(domain.apart) + 1)):.0f} is as far "
                "from the others",
                MEASURE,
                fitted_only=True,
            )
            # unlike the others, and without what each of them has: no such network
            other = excess > BEYOND or bool(domain.missing(profile))
            (refuse if other and not few else widen).append(said)
            widening *= min(max(excess, 1.0), BEYOND) if few else max(excess, 1.0)
        widen += _other_framework(profile, domain)
        doubt = domain.step_doubt(profile)
        _look_whole(domain, profile, doubt, widen)
        (origin,) = domain.origin.doubts(ops, times)
        if origin is not None:
            other_gpu = origin.refused and not few
            (refuse if other_gpu else widen).append(_unlike(origin, m.anchor))
    another = untrained(profile, bundle)
    widen += [] if another is None else [another]
    widen += _odd_sizes(profile, bundle)
    compare_names(profile, m.anchor, widen, known)
    reasons = [*refuse, *widen]
    level = "refuse" if refuse else "widen" if widen else "ok"
    reasons += [n for n in profile.notes if informs(n)]
    if profile.step_time_us is None:
        reasons.append(NO_STEP)
    if m.simulated:
        reasons.append(
            Reason(
                "the bundle was fitted on simulated data",
                "import a measured corpus that holds both instances (xlate datasets "
                "list), and fit again",
                fitted_only=True,
            )
        )
        level = "widen" if level == "ok" else level
    verdict = Verdict(level, tuple(reasons))
    return Finding(verdict, probability, widening, share, doubt, other_gpu)


def _other_framework(profile: Profile, domain: Domain) -> list[Reason]:
    """A framework none of whose runs was in training, where the profile says its own."""
    mine = profile.workload.framework
    if mine == "unknown" or mine in domain.frameworks:
        return []
    said = (
        f"it was recorded with {mine}, and the training's runs are of "
        f"{' and '.join(domain.frameworks)}"
    )
    return [Reason(said, MEASURE, fitted_only=True)]


def _odd_sizes(profile: Profile, bundle: Bundle) -> list[Reason]:
    """Sizes that the workload is said to have, far outside those of training."""
    said = []
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
            said.append(Reason(text, f"check --{axis}", fitted_only=True))
    return said


def _look_whole(
    domain: Domain, profile: Profile, doubt: StepDoubt | None, widen: list[str]
) -> None:
    """Signs of a profile that was cut, or of a step time of something else."""
    missing = domain.missing(profile)
    if missing:
        widen.append(
            Reason(
                f"{', '.join(missing[:4])} ran in every training run and is missing here: "
                "is the profile whole, and of training?",
                "record whole training steps",
                fitted_only=True,
            )
        )
    if doubt is not None and profile.step_time_us:
        widen.append(doubt.reason(profile.step_time_us))


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
    if profile.instance is None:
        return
    try:
        ran_on = (known or catalogue()).instance(profile.instance).name
    except XlateError:
        ran_on = profile.instance
    if ran_on != anchor:
        said = f"the file says it ran on {ran_on}, not on {anchor}"
        widen.append(Reason(said, CHECK_ANCHOR))
