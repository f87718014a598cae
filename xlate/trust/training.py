"""The training runs of a bundle, to which a profile is compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xlate import op_names
from xlate.models.state import Stateful
from xlate.trust.fingerprint import distances, traits
from xlate.trust.profile_window import StepDoubt, WindowBand, general_doubt
from xlate.trust.recorded_gpu import Origin, Recorded
from xlate.values.profile import Profile

__all__ = ["Domain"]

Floats = NDArray[np.float64]


class Domain(Stateful):
    """The training runs of a bundle, and runs of other instances, for comparison.

    Attributes
    ----------
    traits : ndarray of shape (n, k)
        Of the training runs, on the anchor (:func:`~xlate.trust.fingerprint.traits`).
    apart : ndarray of shape (n,)
        Distance of each to the nearest run of *another* model.
    weights : ndarray of shape (n,)
        Equal for all models; their sum is 1.
    always : list of str
        Busy operations that ran in every training run.
    window : float
        Shortest window over step time in training.
    frameworks : list of str
        Of the training runs, for which the band is valid.
    precisions : list of str
        Of the training runs.
    band : WindowBand
        Number of steps that a window holds.
    origin : Origin
        Distinguishes the anchor's GPU from others.
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
        """Fit to the anchor's side of training, and to other instances' runs.

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
            By default fitted to the rows given.
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
        self.always = sorted(n for n, rows in ran.items() if rows.all())
        device = [j for j, n in enumerate(ops) if n.startswith(op_names.DEVICE)]
        window = times[:, device].sum(axis=1)
        self.window = float((window / steps).min())
        self.frameworks = sorted(frameworks)
        self.precisions = sorted(precisions)
        self.band = WindowBand().fit(ops, times, steps) if band is None else band
        alone = {anchor: Recorded(ops, times, models)}
        self.origin = Origin().fit(runs or alone, anchor, seed)
        return self

    def distance(self, ops: Sequence[str], times: Floats, steps: Floats) -> Floats:
        """Distance to the nearest training run, shape (n,)."""
        return np.asarray(distances(traits(ops, times, steps), self.traits).min(axis=1))

    def probability(self, distance: float) -> float:
        """Probability that a network of the corpus is as far from the others."""
        return float(self.weights[self.apart >= distance].sum())

    def excess(self, distance: float) -> float:
        """Distance over the largest distance of a network of the corpus."""
        largest = self.apart[np.isfinite(self.apart)].max(initial=0.0)
        return distance / largest if largest > 0 else np.inf

    def step_check(self, framework: str) -> Callable[[Profile], StepDoubt | None]:
        """The check of step times for profiles of a framework."""
        return self.band.doubt if framework in self.frameworks else general_doubt
