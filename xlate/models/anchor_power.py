"""What a meter saw of a job on the anchor says about its power on the target.

Whatever the cards are, a step takes about as much energy on the one as on the other:
the anchor's power, times its step over the target's, over the target's limit. A card
that is at its limit says less, so the shares of the time in which either is busy stand
beside it. All three act upwards only (non-negative ridge regression), and what is
learnt on top does not look at the anchor's power: all else equal, more power on the
anchor is never less on the target.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "AnchorMeans",
    "MeteredShares",
    "Strangeness",
    "Trend",
    "farthest",
    "fit_trend",
    "nearest",
    "trend_features",
]

Floats = NDArray[np.float64]

#: ridge penalty a row, on standardised features (experiments/results/handoff-power.csv)
_PENALTY = 1.0
#: share of the training jobs that lie nearer to those of other models than the reach
_WITHIN = 0.99
#: shares lower than this are taken for it, before their logs
_LEAST = 1e-3


@dataclass(frozen=True)
class AnchorMeans:
    """Means of a recording on the anchor.

    Attributes
    ----------
    power_w, limit_w : float
        Mean power at work, and the power limit of the anchor's GPU.
    busy, memory : float
        GPU and memory utilisation, 0 to 1.
    gpu : str or None
        Canonical name of the anchor's GPU.
    """

    power_w: float
    limit_w: float
    busy: float
    memory: float
    gpu: str | None = None

    def beside(
        self, anchor_us: float, target_us: float, limit_w: float
    ) -> MeteredShares:
        """The same, held against the target.

        Parameters
        ----------
        anchor_us, target_us : float
            Step times on both, µs.
        limit_w : float
            Power limit of the target's GPU.
        """
        speedup = anchor_us / target_us
        return MeteredShares(
            self.power_w / self.limit_w, self.busy, self.memory, speedup,
            self.power_w * speedup / limit_w, self.gpu,
        )  # fmt: skip


@dataclass(frozen=True)
class MeteredShares:
    """Telemetry of a job on the anchor, as the hand-off looks at it.

    Attributes
    ----------
    power_share : float
        Power over the limit of the anchor's GPU.
    busy, memory : float
        GPU and memory utilisation on the anchor, 0 to 1.
    speedup : float
        Step time on the anchor over that on the target.
    energy_share : float
        Power over the target's limit if a step took the same energy on both.
    gpu : str or None
        The anchor's GPU.
    """

    power_share: float
    busy: float
    memory: float
    speedup: float
    energy_share: float
    gpu: str | None = None

    @property
    def seen(self) -> tuple[float, float, float]:
        """What the meter alone says: the space in which recordings are near or far."""
        return self.power_share, self.busy, self.memory


@dataclass(frozen=True)
class Strangeness:
    """How far a job's telemetry, and the answer with it, are from what was learned from.

    Attributes
    ----------
    telemetry : float
        Distance from the nearest recording over the reach of those learned from.
    answer : float
        Distance (logit) of power with telemetry from that without, over the one
        which 95 % of the jobs left out keep to.
    with_w, without_w : float
        Power of the board learned from, with and without the telemetry.
    limit_w : float
        Power limit of that board.
    new_gpu : bool
        Whether no telemetry of the anchor's GPU was learned from.
    """

    telemetry: float
    answer: float
    with_w: float
    without_w: float
    limit_w: float
    new_gpu: bool

    @property
    def beyond(self) -> float:
        """0 inside what was seen, else how far beyond."""
        return max(self.telemetry - 1, self.answer - 1, 0.0)


@dataclass(frozen=True, eq=False)
class Trend:
    """A sum of effects that are never negative, on standardised features."""

    weights: Floats
    mean: Floats
    scale: Floats
    level: float

    def at(self, T: Floats) -> Floats:
        """Values for rows of :func:`trend_features`, shape (n,)."""
        return np.asarray((T - self.mean) / self.scale @ self.weights + self.level)

    @classmethod
    def flat(cls) -> Trend:
        """One without effects."""
        return cls(np.zeros(3), np.zeros(3), np.ones(3), 0.0)

    def arrays(self) -> dict[str, Floats]:
        """The same as plain arrays, to be saved."""
        return {
            "weights": self.weights, "mean": self.mean, "scale": self.scale,
            "level": np.array([self.level]),
        }  # fmt: skip

    @classmethod
    def of(cls, arrays: dict[str, Floats]) -> Trend:
        """From :meth:`arrays`."""
        return cls(
            arrays["weights"], arrays["mean"], arrays["scale"],
            float(arrays["level"][0]),
        )  # fmt: skip


def trend_features(busy: Floats, metered: Sequence[MeteredShares]) -> Floats:
    """What acts upwards on power: energy a step, and both busy shares; shape (n, 3).

    Parameters
    ----------
    busy : array, shape (n,)
        Busy share on the target, from the op vector.
    metered : sequence of MeteredShares
    """
    energy = np.log(np.maximum([m.energy_share for m in metered], _LEAST))
    return np.column_stack([energy, busy, [m.busy for m in metered]])


def fit_trend(T: Floats, y: Floats) -> Trend:
    """Non-negative ridge regression of power on :func:`trend_features`.

    Parameters
    ----------
    T : array, shape (n, 3)
    y : array, shape (n,)
        Logit of power's share of the limit.
    """
    from scipy.optimize import nnls

    mean, scale = T.mean(axis=0), T.std(axis=0) + 1e-9
    Z, level = (T - mean) / scale, float(y.mean())
    ridge = np.sqrt(_PENALTY * len(y)) * np.eye(T.shape[1])
    weights = nnls(np.vstack([Z, ridge]), np.r_[y - level, np.zeros(T.shape[1])])[0]
    return Trend(np.asarray(weights), mean, scale, level)


def nearest(seen: Floats, one: Sequence[float]) -> float:
    """Distance of telemetry from the nearest that was learned from."""
    return float(np.sqrt(((seen - np.asarray(one)) ** 2).sum(axis=1)).min())


def farthest(seen: Floats, models: NDArray[np.str_]) -> float:
    """How far a job's telemetry lies from that of other models, nearly always.

    Parameters
    ----------
    seen : array, shape (n, 3)
        :attr:`MeteredShares.seen` of the jobs learned from.
    models : array of str, shape (n,)
    """
    apart = [
        nearest(seen[models != model], one)
        for one, model in zip(seen, models, strict=True)
    ]
    return float(np.quantile(apart, _WITHIN))
