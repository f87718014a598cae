"""Step time from two paths: the device's work, and the host's to launch it.

A step takes about the longer of D, the device's time, and H, the host's time, with a
soft knee: ``s = (D^k + H^k)^(1/k)``. The profiler slows the host by a factor φ, so the
profile window over its busy part gives their ratio:
``w / b = (1 + (φ H / D)^κ)^(1/κ)``. Solved for g = H / D the anchor's step time
splits into its paths,

    ``g = ((w / b)^κ - 1)^(1/κ) / φ``,  ``D = s / (1 + g^k)^(1/k)``,  ``H = g D``.

On the target D is the translated busy time of a step. How many steps a window
holds, and whether the profiler dropped operations, is carried over from the
anchor: b / 2D below 1 means that operations are missing on both; above 1 it means that
the anchor's clock was lower while profiled, which need not be so on the target (a K80).
The host's path on the target is ``H' = ρ D g^(1+η)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlate.models.state import Stateful

__all__ = ["Paths", "TwoPath"]

Floats = NDArray[np.float64]

#: steps in a profile window of PROFET's kind
_STEPS = 2.0
#: prior and first start of the search: both knees (log of the exponent - 1), log φ,
#: log ρ, η, log of a bias of D, and the share of a lower clock's excess that is absent
#: on the target
_PRIOR = np.array([0.7, 0.5, 0.7, 0.0, 0.0, 0.0, 0.0])
_STARTS = (_PRIOR, _PRIOR + np.array([-1.5, 0.5, 0.2, 0.1, -0.3, 0.0, -0.5]))
#: weight of the prior, in units of the root of a run's weight
_PULL = 0.3
#: beyond this (5 %) a run's error counts linearly
_SOFT = 0.05
_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Paths:
    """Step times on the target with the two paths they come from, µs, shape (n,)."""

    step: Floats
    device: Floats
    host: Floats


class TwoPath(Stateful):
    """Seven parameters, fitted to log step times (SciPy's ``least_squares``)."""

    kind = "two-path"

    @classmethod
    def unfitted(cls) -> TwoPath:
        """The priors alone, where nothing was measured."""
        paths = cls()
        paths.theta_ = _PRIOR.copy()
        return paths

    def fit(
        self,
        busy: Floats,
        idle: Floats,
        step: Floats,
        target_busy: Floats,
        target_step: Floats,
        weights: Floats,
    ) -> TwoPath:
        """Fit to measured pairs, all in µs and of shape (n,).

        Parameters
        ----------
        busy, idle, step : ndarray
            Of the anchor: busy and idle time of the window, and step time.
        target_busy, target_step : ndarray
            Measured on the target.
        weights : ndarray
            Of the runs; their mean counts as 1.
        """
        from scipy.optimize import least_squares

        root = np.sqrt(weights / weights.mean())
        goal = np.log(target_step)

        def error(theta: Floats) -> Floats:
            self.theta_ = theta
            guess = self._logs(busy, idle, step, target_busy)[0]
            return np.concatenate([(guess - goal) * root, _PULL * (theta - _PRIOR)])

        solutions = [
            least_squares(error, s, loss="soft_l1", f_scale=_SOFT, max_nfev=60)
            for s in _STARTS
        ]
        self.theta_ = np.asarray(min(solutions, key=lambda s: float(s.cost)).x)
        return self

    def predict(
        self, busy: Floats, idle: Floats, step: Floats, target_busy: Floats
    ) -> Paths:
        """Step times and both paths; ``target_busy`` is the translated busy time."""
        logs = self._logs(busy, idle, step, target_busy)
        return Paths(*(np.exp(v) for v in logs))

    def _logs(
        self, busy: Floats, idle: Floats, step: Floats, target_busy: Floats
    ) -> tuple[Floats, Floats, Floats]:
        """Logs of step time, device path and host path on the target."""
        theta = self.theta_
        knee, kappa = 1 + np.exp(np.clip(theta[:2], -5, 3))
        phi, rho, eta, bias, drop = theta[2:]
        log_busy, log_step = (
            np.log(np.maximum(busy, 1.0)),
            np.log(np.maximum(step, 1.0)),
        )
        window = np.log1p(idle / np.maximum(busy, 1.0))
        log_g = np.log(np.maximum(np.expm1(kappa * window), _TINY)) / kappa - phi
        device = log_step - np.logaddexp(0, knee * log_g) / knee
        excess = log_busy - np.log(_STEPS) - device
        target = np.log(np.maximum(target_busy, 1.0)) - np.log(_STEPS) + bias
        target = target - np.minimum(excess, 0) - (1 + drop) * np.maximum(excess, 0)
        host = device + (1 + eta) * log_g + rho
        return np.logaddexp(knee * target, knee * host) / knee, target, host
