"""The GPU of a corpus on which a profile was recorded, estimated from the profile.

A forest distinguishes instances by a profile's
:func:`~xlate.trust.fingerprint.signature`. Its thresholds are chosen on networks left
out, several at a time, because a user's network was not in training either: a profile is
doubted if the odds of the stated GPU against the most probable other one are lower than
for 199 of 200 correctly labelled profiles of networks left out (experiments/README.md
has the share of files of another GPU that are missed).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlate import op_names
from xlate.models.forests import forest_mean
from xlate.models.state import Stateful
from xlate.trust.fingerprint import FEWEST_SIGNS, Look, look_of, signature
from xlate.values.vectors import Vectors

__all__ = ["Doubt", "Origin", "Recorded"]

Floats = NDArray[np.float64]

_TREES, _LEAF, _FEATURES = 25, 8, 0.4
#: digits of a probability in a leaf, few to keep bundles small
_DIGITS = 2
#: most training rows over all instances and models
_MOST_ROWS = 2250
#: copies of each row without some operations, as another network may lack them, and
#: the largest share of operations removed
_COPIES, _MOST_TAKEN = 2, 0.6
#: folds over models, and draws of folds, in which thresholds are chosen
_FOLDS, _DRAWS = 4, 2
_FEWEST_MODELS = 3
#: share of correctly labelled profiles that may be doubted
_FALSE_ALARMS = 0.005
#: log odds of the anchor: highest threshold of doubt, its distance from the threshold
#: of refusal, and the highest threshold of refusal
_DOUBT, _FURTHER, _REFUSE = -0.5, -0.4, -1.2
#: distance of the threshold below that of networks left out, of which there are few
_MARGIN = 0.3
_TINY = 1e-3


@dataclass(frozen=True, eq=False)
class Recorded:
    """Runs of one instance.

    Attributes
    ----------
    ops : sequence of str
        Columns.
    times : ndarray of shape (n, len(ops))
        µs over the window.
    models : ndarray of str, shape (n,)
    """

    ops: Sequence[str]
    times: Floats
    models: NDArray[np.str_]

    def thinned(self, most: int) -> Recorded:
        """A bounded number of rows of each model, evenly over their order."""
        rows: list[int] = []
        for model in np.unique(self.models):
            of_model = np.flatnonzero(self.models == model)
            rows += of_model[:: max(-(-len(of_model) // most), 1)].tolist()
        kept = np.array(sorted(rows), dtype=np.int64)
        return Recorded(self.ops, self.times[kept], self.models[kept])


@dataclass(frozen=True)
class Doubt:
    """That a profile is of the anchor, with what it looks like instead.

    Attributes
    ----------
    likely : str
        Instance that it looks like.
    probability : float
        Of that instance, among those of the corpus.
    refused : bool
        Whether the probability is so high that the fitted translator is not used.
    """

    likely: str
    probability: float
    refused: bool


class Origin(Stateful):
    """Distinguishes the instances of a corpus by profiles.

    Attributes
    ----------
    instances : list of str
        Empty where they cannot be distinguished.
    doubt_, refuse_ : float
        Thresholds on the log of the anchor's probability over the likeliest other's.
    """

    kind = "origin"
    kept = ("anchor", "instances")

    def fit(self, runs: Mapping[str, Recorded], anchor: str, seed: int = 0) -> Origin:
        """Fit to the runs of an anchor and of other instances.

        Parameters
        ----------
        runs : mapping of str to Recorded
            Instance to its runs, the anchor's among them.
        anchor : str
            Its name in ``runs``.
        seed : int
        """
        self.anchor = anchor
        self.instances: list[str] = []
        self.forest_: Any = None
        self.doubt_ = self.refuse_ = -np.inf
        models = np.unique(runs[anchor].models)
        if len(runs) < 2 or len(models) < _FEWEST_MODELS:
            return self
        self.instances = sorted(runs)
        most = max(_MOST_ROWS // (len(runs) * len(models)), 1)
        few = [runs[i].thinned(most) for i in self.instances]
        label = np.repeat(np.arange(len(few)), [len(r.models) for r in few])
        of = np.concatenate([r.models for r in few])
        parts = self._copies(few, seed)
        held, held_models = [], []
        own = self.instances.index(anchor)
        for draw in range(_DRAWS):
            drawn = np.random.default_rng([seed, draw]).permutation(models)
            for k in range(min(_FOLDS, len(models))):
                test = np.isin(of, drawn[k::_FOLDS])
                forest = self._grown(parts, label, of, ~test, seed)
                asked = test & (label == own)
                held.append(self._odds(forest_mean(forest, parts[0][asked]))[0])
                held_models.append(of[asked])
        usual = _quantile(np.concatenate(held), np.concatenate(held_models))
        self.doubt_ = min(usual, _DOUBT) - _MARGIN
        self.refuse_ = min(self.doubt_ + _FURTHER, _REFUSE)
        self.forest_ = self._grown(parts, label, of, np.ones(len(of), bool), seed)
        return self

    def doubts(self, ops: Sequence[str], times: Floats) -> list[Doubt | None]:
        """Doubts about the anchor, for each profile; None where there is no doubt.

        Parameters
        ----------
        ops : sequence of str
        times : ndarray of shape (n, len(ops))
            µs over the window.
        """
        steps = np.full(len(times), np.nan)
        return self.doubts_of(look_of(Vectors(tuple(ops), times, steps)))

    def doubts_of(self, look: Look) -> list[Doubt | None]:
        """:meth:`doubts`, for profiles that were looked at already."""
        n = len(look.signature)
        if self.forest_ is None:
            return [None] * n
        enough = look.signs >= FEWEST_SIGNS
        chance = forest_mean(self.forest_, look.signature).reshape(n, -1)
        odds, likely = self._odds(chance)
        return [
            Doubt(self.instances[j], float(p[j]), bool(o < self.refuse_))
            if there and o < self.doubt_
            else None
            for there, o, j, p in zip(enough, odds, likely, chance, strict=True)
        ]

    def _odds(self, chance: Floats) -> tuple[Floats, NDArray[np.int64]]:
        """Log odds of the anchor against the most probable other instance, and which."""
        own = self.instances.index(self.anchor)
        rest = chance.copy()
        rest[:, own] = -1.0
        likely = rest.argmax(axis=1)
        best = rest[np.arange(len(rest)), likely]
        return np.log((chance[:, own] + _TINY) / (best + _TINY)), likely

    def _copies(self, runs: Sequence[Recorded], seed: int) -> list[Floats]:
        """Signatures of all rows, complete and with operations removed."""
        rng = np.random.default_rng(seed)
        parts = [np.vstack([signature(r.ops, r.times) for r in runs])]
        for _ in range(_COPIES):
            cut = []
            for r in runs:
                busy = set(op_names.busy_columns(r.ops))
                work = np.array([c in busy for c in r.ops])
                share = rng.uniform(0, _MOST_TAKEN, (len(r.times), 1))
                gone = (rng.random(r.times.shape) < share) & work
                cut.append(signature(r.ops, np.where(gone, 0.0, r.times)))
            parts.append(np.vstack(cut))
        return parts

    def _grown(
        self,
        parts: Sequence[Floats],
        label: NDArray[np.int64],
        models: NDArray[np.str_],
        keep: NDArray[np.bool_],
        seed: int,
    ) -> Any:
        """A forest on some rows, with equal weights of instances, and of models in them."""
        from sklearn.ensemble import ExtraTreesRegressor

        groups = np.array([f"{i} {m}" for i, m in zip(label, models, strict=True)])
        _, which, count = np.unique(groups, return_inverse=True, return_counts=True)
        weight = 1.0 / count[which]
        one = np.eye(len(self.instances))
        forest = ExtraTreesRegressor(
            _TREES, min_samples_leaf=_LEAF, max_features=_FEATURES, random_state=seed
        ).fit(
            np.vstack([p[keep] for p in parts]),
            one[np.tile(label[keep], len(parts))],
            sample_weight=np.tile(weight[keep], len(parts)),
        )
        for tree in forest.estimators_:
            tree.tree_.value[...] = tree.tree_.value.round(_DIGITS)
        return forest


def _quantile(values: Floats, models: NDArray[np.str_]) -> float:
    """Value below which a share of :data:`_FALSE_ALARMS` lies; equal weights of models."""
    _, which, count = np.unique(models, return_inverse=True, return_counts=True)
    weight = 1.0 / (count[which] * len(count))
    order = np.argsort(values, kind="stable")
    place = int(np.searchsorted(np.cumsum(weight[order]), _FALSE_ALARMS))
    return float(values[order[min(place, len(order) - 1)]])
