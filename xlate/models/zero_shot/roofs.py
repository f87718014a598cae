"""The rates a GPU reaches of its data sheet, for GPUs without a profile.

Two roofs limit most of a step. *Arithmetic*: the fp32 peak; less where a scheduler
has more lanes than one instruction fills, and where the board's power limit is too low
for all of them. The power at full speed falls with the size of the process, and under a
power limit the clock falls with a power of the missing share (P ∝ f·V²). *Memory*: the
bandwidth, limited by the requests of the multiprocessors: each keeps a number of bytes
a clock in flight.

Six parameters with physical priors, fitted to the rates of measured GPUs. An
operation's time on the target is its time on the anchor times the ratio of the roof for
its nature.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlate.errors import CatalogError
from xlate.hardware.catalogue import Gpu
from xlate.hardware.features import ZERO_SHOT_FACTS

__all__ = ["DEFAULT_ROOFS", "Observed", "Roofs", "log_ratios"]

Floats = NDArray[np.float64]

#: lanes that one instruction fills
_WARP = 32
_NAMES = ("lanes", "full_w_per_tflop", "process", "throttle", "bytes_per_clock", "knee")
#: log change for a doubling of lanes a scheduler; log W/TFLOP at full speed and 4 nm;
#: its exponent in the process size; exponent of the clock in the available power; log
#: of bytes a clock and multiprocessor; log of the knee's exponent
_PRIOR = np.array([-0.25, np.log(6.0), 1.0, 0.6, np.log(14.0), np.log(2.0)])
_PRIOR_SD = np.array([0.15, 0.6, 0.2, 0.3, 0.4, 0.4])
#: expected log error of a rate
_SPREAD = 0.12
#: sharpness of the knee at the power limit
_SHARP = 8.0


@dataclass(frozen=True, eq=False)
class Observed:
    """Rates of one GPU in one corpus, in logs, up to a constant of the corpus.

    Attributes
    ----------
    gpu : Gpu
    corpus : str
    compute, memory : float
    """

    gpu: Gpu
    corpus: str
    compute: float
    memory: float


@dataclass(frozen=True)
class Roofs:
    """Parameters of both roofs, as named in :data:`_PRIOR`'s order."""

    theta: tuple[float, ...]

    @classmethod
    def fit(cls, observed: Sequence[Observed]) -> Roofs:
        """Maximum a posteriori from measured rates (SciPy's ``least_squares``).

        Raises
        ------
        CatalogError
            If the catalogue lacks a fact of a GPU.
        """
        from scipy.optimize import least_squares

        facts = [_facts(o.gpu) for o in observed]
        rates = np.array([[o.compute, o.memory] for o in observed])
        corpora = np.array([o.corpus for o in observed])

        def error(theta: Floats) -> Floats:
            errors = [(theta - _PRIOR) / _PRIOR_SD]
            apart = np.array([_roofs(f, theta) for f in facts]) - rates
            for corpus in np.unique(corpora):
                of_corpus = apart[corpora == corpus]
                errors.append(((of_corpus - of_corpus.mean(axis=0)) / _SPREAD).ravel())
            return np.concatenate(errors)

        solution = least_squares(error, _PRIOR, loss="soft_l1")
        return cls(tuple(float(v) for v in solution.x))

    def rates(self, gpu: Gpu) -> tuple[float, float]:
        """Logs of both roofs: arithmetic (TFLOP/s) and memory (GB/s), fp32.

        Raises
        ------
        CatalogError
            If the catalogue lacks a fact of the GPU.
        """
        compute, memory = _roofs(_facts(gpu), np.array(self.theta))
        return float(compute), float(memory)

    def to_dict(self) -> dict[str, float]:
        """Parameters by name."""
        return dict(zip(_NAMES, self.theta, strict=True))

    @classmethod
    def from_dict(cls, named: Mapping[str, Any]) -> Roofs:
        """From the parameters :meth:`to_dict` wrote.

        Raises
        ------
        KeyError, TypeError, ValueError
            If a parameter is missing or is not a number.
        """
        return cls(tuple(float(named[n]) for n in _NAMES))


#: the priors alone, not fitted to any corpus
DEFAULT_ROOFS = Roofs(tuple(float(v) for v in _PRIOR))


def log_ratios(roofs: Roofs, anchor: Gpu, target: Gpu) -> dict[str, float]:
    """Log of an operation's time on the target over that on the anchor, by nature.

    Serial operations scale with the clock. Copies between host and devices, and the
    host's time, do not change.

    Raises
    ------
    CatalogError
        If the catalogue lacks a fact of either GPU.
    """
    anchor_rates, target_rates = roofs.rates(anchor), roofs.rates(target)
    clocks = [float(_facts(g)["max_mhz"]) for g in (anchor, target)]
    return {
        "compute": anchor_rates[0] - target_rates[0],
        "memory": anchor_rates[1] - target_rates[1],
        "serial": float(np.log(clocks[0] / clocks[1])),
    }


def _facts(gpu: Gpu) -> dict[str, float]:
    lacking = [n for n in ZERO_SHOT_FACTS if not gpu.number(n)]
    if lacking:
        raise CatalogError(
            f"without runs measured on {gpu.name}, its times come from facts that the "
            f"catalogue lacks: {', '.join(lacking)}",
            f"write them into the file of {gpu.name} (xlate anchors new writes one that "
            "explains each), or name a GPU that has them",
            code="catalog.missing-fact",
        )
    facts = {n: gpu.number(n) or 0.0 for n in ZERO_SHOT_FACTS}
    # matrix units that multiply fp32 at full precision, if the GPU has them
    facts["fp32_tflop_per_s"] = max(
        facts["fp32_tflop_per_s"], gpu.number("fp32_matrix_tflop_per_s") or 0.0
    )
    return facts


def _roofs(f: Mapping[str, float], theta: Floats) -> Floats:
    """Logs of both roofs."""
    lanes_slope, full_w, process, throttle, per_clock, knee = theta
    lanes = f["cuda_cores"] / f["sm_count"] / f["schedulers_per_sm"]
    # more lanes than a warp need two instructions in one clock
    issued = min(1.0, _WARP / lanes)
    slower = lanes_slope * np.log2(min(lanes, _WARP) / (_WARP / 2))
    needed = full_w + process * np.log(f["process_nm"] / 4)
    missing = np.log(f["tdp_w"] / f["fp32_tflop_per_s"]) - needed
    limited = -throttle * np.logaddexp(0, -_SHARP * missing) / _SHARP
    compute = np.log(f["fp32_tflop_per_s"] * issued) + slower + limited
    p = np.exp(knee)
    asked = f["sm_count"] * f["max_mhz"] / 1e3
    over = np.log(f["bandwidth_gb_per_s"] / asked) - per_clock
    memory = np.log(f["bandwidth_gb_per_s"]) - np.logaddexp(0, p * over) / p
    return np.array([compute, memory])
