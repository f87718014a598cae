"""Models of how time and power respond to the clock.

The physics behind them, which the data confirm: the time in which the card waits (for
the host, for input) does not depend on its clock; the time bound by memory hardly does
until the clock falls below a knee; the rest is proportional to one over the clock. The
power that an idle card draws stays, and the rest falls as clock times voltage squared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from xlate.models.forests import forest_mean
from xlate.models.response.base import ResponseModel, Training

__all__ = [
    "BlendedResponse",
    "BusyForestResponse",
    "CombinedResponse",
    "ForestResponse",
    "LinearResponse",
    "ParametricResponse",
    "sound_weights",
]

Floats = NDArray[np.float64]

_TREES = 100
#: penalties tried by leaving applications out inside the training rows
_PENALTIES = np.logspace(-3, 1, 9)
#: lowest time ratio over the highest clock (below 1: thermal drift)
_LEAST_TIME = 0.97
#: lowest power ratio over the highest clock
_LEAST_POWER = 0.15
#: fewest applications among which outliers are weighted down
_FEWEST_TO_DOUBT = 5
#: lower limit of the busy share that growth of time is divided by
_LEAST_BUSY = 0.2


def _ridge(
    A: Floats, Y: Floats, weights: Floats, groups: NDArray[np.str_]
) -> tuple[Floats, Floats]:
    """A weighted ridge without intercept.

    The penalty is the one with the least mean absolute error when each
    application is left out, its rows taken from the normal equations. Columns
    are scaled to a mean size of 1 first.

    Returns
    -------
    coefficients : array, shape (k, n_outputs)
    left_out : array, shape (n, n_outputs)
        What each row would be predicted as without its application.
    """
    scale = np.abs(A).mean(axis=0) + 1e-12
    root = np.sqrt(weights)[:, None]
    H, T = A / scale * root, Y * root
    _, which = np.unique(groups, return_inverse=True)
    member = np.equal.outer(np.arange(which.max() + 1), which).astype(float)
    # of each application: Gram matrix and right-hand side, shape (g, k, ·)
    gram = np.einsum("gi,ij,ik->gjk", member, H, H, optimize=True)
    right = np.einsum("gi,ij,io->gjo", member, H, T, optimize=True)
    total_gram, total_right = gram.sum(axis=0), right.sum(axis=0)
    best, left_out, least = np.zeros((A.shape[1], Y.shape[1])), np.zeros_like(T), np.inf
    for penalty in _PENALTIES:
        ridge = penalty * np.eye(A.shape[1])
        without = np.linalg.solve(total_gram - gram + ridge, total_right - right)
        predicted = np.einsum("ij,ijo->io", H, without[which])
        error = float(np.abs(T - predicted).mean())
        if error < least:
            best = np.linalg.solve(total_gram + ridge, total_right)
            left_out, least = predicted, error
    return np.asarray(best / scale[:, None]), np.asarray(left_out / root)


def _least(
    error: Callable[[Floats], Floats], starts: Sequence[Sequence[float]]
) -> Floats:
    """Parameters of the least soft-L1 error, from several starts."""
    from scipy.optimize import least_squares

    solutions = [
        least_squares(error, np.array(s), loss="soft_l1", f_scale=0.05, max_nfev=100)
        for s in starts
    ]
    return np.asarray(min(solutions, key=lambda s: float(s.cost)).x)


class _Physical(ResponseModel):
    """Shared: which features are busy time, memory traffic and power."""

    def _parts(self, X: Floats) -> tuple[Floats, Floats, Floats]:
        column = {name: X[:, i] for i, name in enumerate(self.names_)}
        memory = column["dram"] if "dram" in column else column["memory"]
        power = np.clip(column["power_share"], 0.05, 1.5)
        return np.clip(column["busy"], 0, 1), np.clip(memory, 0, 1), power

    def _power_terms(self, X: Floats) -> Floats:
        """Terms of the power ratio; the idle power's share is one over the power."""
        _, memory, power = self._parts(X)
        return np.column_stack(
            [np.ones(len(X)), 1 / power, memory / power, memory, self._probed(X)]
        )

    def _probed(self, X: Floats) -> Floats:
        """Ratios measured at further clocks, where the probe has them."""
        extra = [i for i, name in enumerate(self.names_) if "@" in name]
        return X[:, extra]


class LinearResponse(_Physical):
    """Ridge at each clock on the terms of the physical model.

    Time grows with busy time, and less where memory binds. There is no intercept: a
    card that only waits does not slow down. Applications that the physical terms do not
    explain have a lower weight (:func:`sound_weights`).
    """

    kind = "response-linear"

    def _time_terms(self, X: Floats) -> Floats:
        busy, memory, _ = self._parts(X)
        return np.column_stack([busy, busy * memory, busy * memory**2, self._probed(X)])

    def _ridges(
        self, data: Training, weights: Floats
    ) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
        """Ridges of time growth and power, each with its held-out predictions."""
        growth, power = np.expm1(data.time), np.exp(data.power)
        return (
            _ridge(self._time_terms(data.X), growth, weights, data.groups),
            _ridge(self._power_terms(data.X), power, weights, data.groups),
        )

    def _fit(self, data: Training) -> None:
        time, power = self._ridges(data, sound_weights(self, data))
        self.time_, self.power_ = time[0], power[0]

    def left_out(self, data: Training) -> tuple[Floats, Floats]:
        """Log curves of each row, predicted without its application."""
        time, power = self._ridges(data, data.weights)
        return _logs(1 + time[1], power[1])

    def _curves(self, X: Floats) -> tuple[Floats, Floats]:
        time = 1 + self._time_terms(X) @ self.time_
        power = self._power_terms(X) @ self.power_
        return _logs(time, power)


def _logs(time: Floats, power: Floats) -> tuple[Floats, Floats]:
    """Logs of ratios, limited to values that cards can have."""
    return (
        np.log(np.maximum(time, _LEAST_TIME)),
        np.log(np.maximum(power, _LEAST_POWER)),
    )


def sound_weights(like: ResponseModel, data: Training) -> Floats:
    """Weights of training rows, less where the physical terms do not explain them.

    Some jobs spend most of their wall time in parts that no meter records (starting up,
    copying): their time hardly depends on the clock although the card was busy in every
    sample, and predictions for similar jobs must not follow them. Each application is
    predicted by the linear response fitted without it; weights fall with the error in
    log EDP as Cauchy weights, with twice the median error as scale.

    Parameters
    ----------
    like : ResponseModel
        The model with these features and clocks.
    data : Training

    Returns
    -------
    array, shape (n,)
        At most :attr:`Training.weights`.
    """
    if len(np.unique(data.groups)) < _FEWEST_TO_DOUBT:
        return data.weights
    linear = LinearResponse(like.seed)
    linear.names_, linear.shares_, linear.fill_ = like.names_, like.shares_, like.fill_
    time, power = linear.left_out(data)
    off = (power - data.power) + 2 * (time - data.time)
    error = np.sqrt((off**2).mean(axis=1))
    scale = 2 * float(np.median(error)) + 1e-9
    return np.asarray(data.weights / (1 + (error / scale) ** 2))


class ParametricResponse(_Physical):
    """Time as serial + memory + compute over the clock, power with a voltage knee.

    ``time = 1 + busy · a · (((1-c)^k + (c/x)^k)^(1/k) - 1)`` with x the clock
    over the highest one, c the compute share, a logistic function of memory
    traffic, and a and k common to the card. ``power = s + (1-s) · x · V(x)²``
    with the static share s proportional to one over the power drawn, and
    ``V = max(v, v + (1-v)·(x-k)/(1-k))``: flat below a knee, linear above.
    Common parameters are fitted to all training curves (SciPy's
    ``least_squares``, soft-L1 loss).
    """

    kind = "response-parametric"

    def _time(self, theta: Floats, busy: Floats, memory: Floats) -> Floats:
        slope, offset, sharpness, scale = theta
        compute = 1 / (1 + np.exp(-(offset - slope * memory)))[:, None]
        k = 1 + np.exp(np.clip(sharpness, -3, 3))
        share = np.clip(1 - compute**k, 1e-9, None)
        bent = (share + (compute / self.shares_) ** k) ** (1 / k)
        bent = bent / bent[:, -1:]
        growth = (busy / (1 + np.exp(-scale)))[:, None] * (bent - 1)
        return np.asarray(1 + growth)

    def _power(self, theta: Floats, memory: Floats, power: Floats) -> Floats:
        idle, traffic, floor, knee = theta
        floor, knee = 1 / (1 + np.exp(-floor)), 0.95 / (1 + np.exp(-knee))
        static = np.clip((idle + traffic * memory) / power, 0.02, 0.95)[:, None]
        x = self.shares_
        voltage = np.maximum(floor, floor + (1 - floor) * (x - knee) / (1 - knee))
        return np.asarray(static + (1 - static) * x * voltage**2)

    def _fit(self, data: Training) -> None:
        busy, memory, power = self._parts(data.X)
        root = np.sqrt(data.weights / len(self.shares_))[:, None]

        def time_error(theta: Floats) -> Floats:
            return (
                (np.log(self._time(theta, busy, memory)) - data.time) * root
            ).ravel()

        def power_error(theta: Floats) -> Floats:
            return (
                (np.log(self._power(theta, memory, power)) - data.power) * root
            ).ravel()

        self.time_ = _least(time_error, ([3, 2, 1, 2], [6, 4, 0, 1]))
        self.power_ = _least(power_error, ([0.1, 0.1, 0.5, 0.5], [0.2, 0.0, 1.0, 1.0]))

    def _curves(self, X: Floats) -> tuple[Floats, Floats]:
        busy, memory, power = self._parts(X)
        return (
            np.log(self._time(self.time_, busy, memory)),
            np.log(self._power(self.power_, memory, power)),
        )


class ForestResponse(ResponseModel):
    """A multi-output forest on the points of both curves."""

    kind = "response-forest"

    def _fit(self, data: Training) -> None:
        from sklearn.ensemble import ExtraTreesRegressor

        self.forest_ = ExtraTreesRegressor(
            _TREES, max_features=0.5, random_state=self.seed
        )
        self.forest_.fit(
            data.X, np.hstack([data.time, data.power]), sample_weight=data.weights
        )

    def _curves(self, X: Floats) -> tuple[Floats, Floats]:
        both = forest_mean(self.forest_, X)
        n = len(self.shares_)
        return both[:, :n], both[:, n:]


class BusyForestResponse(_Physical):
    """A forest on the growth of *busy* time, and on power.

    The forest averages the growth of the time in which the card works over similar
    jobs; multiplied by the job's own busy share it is the growth of the total time.
    Similar jobs that wait less therefore do not make a waiting job slow. Weights as in
    :class:`LinearResponse`.
    """

    kind = "response-busy-forest"

    def _fit(self, data: Training) -> None:
        from sklearn.ensemble import ExtraTreesRegressor

        busy, _, _ = self._parts(data.X)
        growth = np.expm1(data.time) / np.maximum(busy, _LEAST_BUSY)[:, None]
        self.forest_ = ExtraTreesRegressor(
            _TREES, max_features=0.5, random_state=self.seed
        )
        self.forest_.fit(
            data.X,
            np.hstack([growth, data.power]),
            sample_weight=sound_weights(self, data),
        )

    def _curves(self, X: Floats) -> tuple[Floats, Floats]:
        both = forest_mean(self.forest_, X)
        n = len(self.shares_)
        busy, _, _ = self._parts(X)
        time = 1 + both[:, :n] * busy[:, None]
        return np.log(np.maximum(time, _LEAST_TIME)), both[:, n:]


class _MeanResponse(ResponseModel):
    """The geometric mean of some models' curves."""

    members: tuple[type[ResponseModel], ...]

    def _fit(self, data: Training) -> None:
        self.parts_ = [member(self.seed) for member in self.members]
        for part in self.parts_:
            part.fit(data)

    def _curves(self, X: Floats) -> tuple[Floats, Floats]:
        curves = [part.curves(X) for part in self.parts_]
        return (
            np.mean([time for time, _ in curves], axis=0),
            np.mean([power for _, power in curves], axis=0),
        )


class CombinedResponse(_MeanResponse):
    """The parametric and the forest's curves."""

    kind = "response-combined"

    members = (ParametricResponse, ForestResponse)


class BlendedResponse(_MeanResponse):
    """The linear and the busy forest's curves.

    The linear one follows the physical terms where no similar job was swept, the forest
    follows similar jobs where those terms are too simple. Weighting the two by their
    errors within the training rows was tried and gave worse choices: with fewer than
    twenty applications such weights are mostly noise.
    """

    kind = "response-blend"

    members = (LinearResponse, BusyForestResponse)
