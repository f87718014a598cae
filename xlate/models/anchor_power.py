"""Power on the target, predicted from telemetry of the job on the anchor.

A step takes about the same energy on two GPUs: the anchor's power, times its step time
over the target's, over the target's limit, is the first feature. A card at its power
limit carries less information, so the shares of the time in which each card is busy
are features too. All three weights are non-negative (ridge regression), and the process
that corrects this trend does not use the anchor's power: all else equal, more power on
the anchor never predicts less power on the target.
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
    "fit_trend",
    "nearest",
    "reach",
    "trend_features",
]

Floats = NDArray[np.float64]

#: ridge penalty a row, on standardised features (experiments/results/handoff-power.csv)
_PENALTY = 1.0
#: share of the training jobs within the reach of those of other models
_WITHIN = 0.99
#: lower limit of shares before their logs are taken
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
        """The same relative to the target.

        Parameters
        ----------
        anchor_us, target_us : float
            Step times on both, µs.
        limit_w : float
            Power limit of the target's GPU.
        """
        speedup = anchor_us / target_us
        return MeteredShares(
            power_share=self.power_w / self.limit_w,
            busy=self.busy,
            memory=self.memory,
            speedup=speedup,
            energy_share=self.power_w * speedup / limit_w,
            gpu=self.gpu,
        )


@dataclass(frozen=True)
class MeteredShares:
    """Telemetry of a job on the anchor, as features of the power model.

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
    def position(self) -> tuple[float, float, float]:
        """The values of the meter alone, between which distances are measured."""
        return self.power_share, self.busy, self.memory


@dataclass(frozen=True)
class Strangeness:
    """How far a job's telemetry, and the power with it, are from those fitted on.

    Attributes
    ----------
    telemetry : float
        Distance from the nearest recording over the reach of those fitted on.
    answer : float
        Distance (logit) of power with telemetry from that without, over the distance
        that 95 % of the held-out jobs stay within.
    with_w, without_w : float
        Power of the board fitted on, with and without the telemetry, W.
    limit_w : float
        Power limit of that board, W.
    new_gpu : bool
        Whether the fit had no telemetry of the anchor's GPU.
    """

    telemetry: float
    answer: float
    with_w: float
    without_w: float
    limit_w: float
    new_gpu: bool

    @property
    def beyond(self) -> float:
        """0 within the reach of those fitted on, else the distance beyond it."""
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
        """A trend without effects."""
        return cls(np.zeros(3), np.zeros(3), np.ones(3), 0.0)

    def arrays(self) -> dict[str, Floats]:
        """Its parameters as plain arrays, to be saved."""
        return {
            "weights": self.weights, "mean": self.mean, "scale": self.scale,
            "level": np.array([self.level]),
        }  # fmt: skip

    @classmethod
    def of(cls, arrays: dict[str, Floats]) -> Trend:
        """From :meth:`arrays`."""
        return cls(
            arrays["weights"],
            arrays["mean"],
            arrays["scale"],
            float(arrays["level"][0]),
        )


def trend_features(busy: Floats, metered: Sequence[MeteredShares]) -> Floats:
    """Features that only raise power: energy a step, and both busy shares; (n, 3).

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


def nearest(telemetry: Floats, point: Sequence[float]) -> float:
    """Distance of a point from the nearest telemetry that was fitted on."""
    return float(np.sqrt(((telemetry - np.asarray(point)) ** 2).sum(axis=1)).min())


def reach(telemetry: Floats, models: NDArray[np.str_]) -> float:
    """Distance within which 99 % of the jobs have telemetry of another model.

    Parameters
    ----------
    telemetry : array, shape (n, 3)
        :attr:`MeteredShares.position` of the jobs fitted on.
    models : array of str, shape (n,)
    """
    distances = [
        nearest(telemetry[models != model], point)
        for point, model in zip(telemetry, models, strict=True)
    ]
    return float(np.quantile(distances, _WITHIN))
