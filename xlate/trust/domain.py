"""Whether a profile is of the kind a bundle was fitted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlate import opnames
from xlate.catalog import Catalogue, catalogue
from xlate.ensemble import forest_mean
from xlate.errors import XlateError
from xlate.profile import Profile, Verdict
from xlate.store.bundle import Bundle
from xlate.trust.likeness import distances, signature, traits

__all__ = [
    "BEYOND",
    "CAREFUL_UNKNOWN",
    "MOST_UNKNOWN",
    "STRANGER",
    "UNLIKE",
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
#: probability that the profile is of the anchor: below the first wider, below the
#: second no answer (experiments/README.md has how often each is right)
UNLIKE, STRANGER = 0.20, 0.05
_TREES = 40
_FEW_MODELS = 6


class Domain:
    """What training looked like, and what other instances look like.

    Attributes
    ----------
    traits : ndarray of shape (n, k)
        Of the training runs, on the anchor (:func:`~xlate.trust.likeness.traits`).
    apart : ndarray of shape (n,)
        Distance of each to the nearest run of *another* model.
    weights : ndarray of shape (n,)
        Models count alike; their sum is 1.
    always : list of str
        Busy operations that ran in every training run.
    window : float
        Shortest window over step time in training.
    instances : list of str
        That the forest tells apart; empty where the corpus has one only.
    """

    def fit(
        self,
        ops: Sequence[str],
        times: Floats,
        steps: Floats,
        models: NDArray[np.str_],
        others: Mapping[str, tuple[Sequence[str], Floats]] | None = None,
        anchor: str = "",
        seed: int = 0,
    ) -> Domain:
        """Learn from the anchor's side of training, and from other instances' runs.

        Parameters
        ----------
        ops, times, steps
            As for :func:`~xlate.trust.likeness.traits`.
        models : ndarray of shape (n,)
        others : mapping, optional
            Instance to columns and times of its runs.
        anchor : str
            Name of the anchor.
        """
        from sklearn.ensemble import ExtraTreesRegressor

        self.traits = traits(ops, times, steps)
        apart = distances(self.traits, self.traits)
        apart[np.equal.outer(models, models)] = np.inf
        self.apart = apart.min(axis=1)
        _, which, count = np.unique(models, return_inverse=True, return_counts=True)
        self.weights = 1.0 / (count[which] * len(count))
        busy = opnames.busy_columns(ops)
        ran = {n: times[:, j] > 0 for j, n in enumerate(ops) if n in busy}
        self.always = sorted(n for n, there in ran.items() if there.all())
        device = opnames.device_columns(ops)
        window = times[:, [j for j, n in enumerate(ops) if n in device]].sum(axis=1)
        self.window = float((window / steps).min())
        self.instances: list[str] = []
        self.forest_: Any = None
        if others:
            self.instances = sorted({anchor, *others})
            known = {**others, anchor: (ops, times)}
            X = np.vstack([signature(*known[i]) for i in self.instances])
            label = np.repeat(
                np.arange(len(self.instances)),
                [len(known[i][1]) for i in self.instances],
            )
            self.forest_ = ExtraTreesRegressor(
                _TREES, min_samples_leaf=3, random_state=seed
            ).fit(X, np.eye(len(self.instances))[label])
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

    def origin(self, ops: Sequence[str], times: Floats) -> list[dict[str, float]]:
        """Probability of each known instance, for each profile."""
        if self.forest_ is None:
            return [{} for _ in range(len(times))]
        found = forest_mean(self.forest_, signature(ops, times))
        return [
            dict(zip(self.instances, map(float, row), strict=True)) for row in found
        ]


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
    """

    verdict: Verdict
    probability: float | None
    widening: float
    unknown: float


def unknown_ops(profile: Profile, bundle: Bundle) -> dict[str, float]:
    """Busy operations the bundle never saw, with their time, longest first."""
    known = set(bundle.manifest.operations)
    busy = opnames.busy_columns(list(profile.ops))
    if bundle.manifest.columns == "families":
        # what was summed by family is known by family
        families = {opnames.family(c) for c in known} - {"other"}
        known |= {c for c in busy if opnames.family(c) in families}
    strange = {c: profile.ops[c] for c in busy if c not in known and profile.ops[c] > 0}
    return dict(sorted(strange.items(), key=lambda item: -item[1]))


def examine(
    profile: Profile, bundle: Bundle, known: Catalogue | None = None
) -> Finding:
    """How far the profile is from what the bundle was fitted on, with reasons."""
    widen: list[str] = list(profile.notes)
    refuse: list[str] = []
    widening, probability = 1.0, None

    strange = unknown_ops(profile, bundle)
    share = sum(strange.values()) / profile.busy_us
    if share > CAREFUL_UNKNOWN:
        named = ", ".join(
            f"{c} ({t / profile.busy_us:.0%})" for c, t in list(strange.items())[:5]
        )
        said = (
            f"{share:.0%} of device time is in operations not seen in training: {named}"
        )
        (refuse if share > MOST_UNKNOWN else widen).append(said)
        widening *= 1 + share

    m = bundle.manifest
    low, high = m.busy_range_us
    if not low / 3 <= profile.busy_us <= high * 3:
        widen.append(
            f"device time {profile.busy_us:.4g} µs is far outside training "
            f"({low:.4g} to {high:.4g} µs)"
        )
    # a handful of models cannot tell what a network is like: what was fitted on them
    # starts at data sheets, which hold for any
    few = len(m.models) < _FEW_MODELS
    domain = bundle.model.get("domain")
    if isinstance(domain, Domain):
        ops = sorted(profile.ops)
        times = np.array([[profile.ops[c] for c in ops]])
        step = np.array([profile.step_time_us or np.nan])
        distance = float(domain.distance(ops, times, step)[0])
        probability = domain.probability(distance)
        if probability < UNUSUAL:
            excess = domain.excess(distance)
            said = (
                "its mix of operations and size are unlike those of training: one network "
                f"in {1 / max(probability, 1 / (len(domain.apart) + 1)):.0f} is as far "
                "from the others"
            )
            (refuse if excess > BEYOND and not few else widen).append(said)
            widening *= min(max(excess, 1.0), BEYOND) if few else max(excess, 1.0)
        _look_whole(domain, profile, widen)
        _look_at_origin(domain, ops, times, m.anchor, widen, widen if few else refuse)
    compare_names(profile, m.anchor, widen, known)
    reasons = [*refuse, *widen]
    level = "refuse" if refuse else "widen" if widen else "ok"
    if profile.step_time_us is None:
        reasons.append(
            "no step time on the anchor was given; it was taken from the window "
            "(--step-time gives it)"
        )
    if m.simulated:
        reasons.append("the bundle was fitted on simulated data")
        level = "widen" if level == "ok" else level
    return Finding(Verdict(level, tuple(reasons)), probability, widening, share)


def _look_whole(domain: Domain, profile: Profile, widen: list[str]) -> None:
    """Signs of a profile that was cut."""
    missing = [n for n in domain.always if not profile.ops.get(n)]
    if missing:
        widen.append(
            f"{', '.join(missing[:4])} ran in every training run and is missing here: "
            "is the profile whole, and of training?"
        )
    if profile.step_time_us:
        device = sum(profile.ops[c] for c in opnames.device_columns(list(profile.ops)))
        window = device / profile.step_time_us
        if window < 0.9 * domain.window:
            widen.append(
                f"the window holds {window:.2g} steps, in training at least "
                f"{domain.window:.2g}: is the profile cut, or the step time wrong?"
            )


def _look_at_origin(
    domain: Domain, ops: Sequence[str], times: Floats, anchor: str,
    widen: list[str], refuse: list[str],
) -> None:  # fmt: skip
    """Signs of a profile that was recorded elsewhere."""
    (origin,) = domain.origin(ops, times)
    if not origin or origin[anchor] >= UNLIKE:
        return
    likely = max(origin, key=lambda i: origin[i])
    said = (
        f"it looks like a profile of {likely} ({origin[likely]:.0%}), not of {anchor}"
    )
    (refuse if origin[anchor] < STRANGER else widen).append(said)


def compare_names(
    profile: Profile, anchor: str, widen: list[str], known: Catalogue | None = None
) -> None:
    """Add to the reasons where the file says that it ran elsewhere.

    ``known`` says which instance a name in the file is; default: the catalogue
    without folders of the user's own.
    """
    if profile.instance is None:
        return
    try:
        ran_on = (known or catalogue()).instance(profile.instance).name
    except XlateError:
        ran_on = profile.instance
    if ran_on != anchor:
        widen.append(f"the file says it ran on {ran_on}, not on {anchor}")
