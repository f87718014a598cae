"""Translation to a GPU without a run in any corpus.

Two roofs are fitted to the rates of the measured GPUs
(:mod:`~xlate.models.zero_shot.roofs`) and give the rates of a GPU with other facts. An
operation's time scales with the roof for its nature. The step time follows from the
busy time and the host's path where idle time was recorded; where it was not, from the
anchor's step time and the sum of its operations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xlate import op_names
from xlate.hardware.catalogue import Catalogue, Gpu
from xlate.models.translate.two_path import TwoPath
from xlate.models.zero_shot.roofs import Roofs, log_ratios
from xlate.stats.conformal import Scores

if TYPE_CHECKING:
    from xlate.data.corpus import Corpus
    from xlate.models.zero_shot.left_out import LeftOut

__all__ = ["ZeroShot", "sum_is_step"]

Floats = NDArray[np.float64]

#: weight of a GPU's measured rate against the roof (1 = no shrinkage towards the roof)
_SHRINKAGE = 0.8
#: sum of operations over the step time between which the sum measures the step too
_NEAR = (2 / 3, 3 / 2)
#: busy and idle time over the step time between which the window is one step
_ONE_STEP = (0.95, 1.05)


@dataclass(frozen=True, eq=False)
class ZeroShot:
    """Roofs, the deviations of measured GPUs from them, and the host's path.

    Attributes
    ----------
    roofs : Roofs
    own : mapping of str to (float, float)
        GPU -> logs of its measured rates over the roofs (compute, memory).
    paths : TwoPath
        For profiles with idle time.
    scores : Scores or None
        Errors of the step time on GPUs left out, by GPU.
    step_mape : float or None
        Mean absolute percentage error of these; all GPUs have the same weight.
    corpora, models : tuple of str
        Corpora it was fitted on, and the models in them.
    """

    roofs: Roofs
    own: Mapping[str, tuple[float, float]]
    paths: TwoPath
    scores: Scores | None = None
    step_mape: float | None = None
    corpora: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def calibrated(self, left_out: Sequence[LeftOut], catalogue: Catalogue) -> ZeroShot:
        """With the errors on GPUs left out (:mod:`xlate.models.zero_shot.left_out`)."""
        gpus = np.concatenate(
            [np.repeat(catalogue.gpu(p.target).name, len(p.step)) for p in left_out]
        )
        hat, true = (
            np.concatenate([getattr(p, k) for p in left_out])
            for k in ("step_hat", "step")
        )
        error = 100 * np.abs(hat / true - 1)
        mape = np.mean([error[gpus == g].mean() for g in np.unique(gpus)])
        scores = Scores.of(true, hat, np.ones(len(true)), gpus)
        return replace(self, scores=scores, step_mape=float(mape))

    @classmethod
    def fit(
        cls, corpora: Sequence[Corpus], catalogue: Catalogue, without: str | None = None
    ) -> ZeroShot:
        """Fit to corpora of several GPUs.

        Parameters
        ----------
        corpora : sequence of Corpus
            Measured ones.
        catalogue : Catalogue
        without : str, optional
            A GPU whose runs are left out.

        Raises
        ------
        CatalogError
            If the catalogue lacks a fact of a GPU.
        """
        # what answers reads no corpus
        from xlate.models.zero_shot.measured import paths_of, rates_of

        observed = [o for c in corpora for o in rates_of(c, catalogue, without)]
        roofs = Roofs.fit(observed)
        deviations: dict[str, list[Floats]] = {}
        for name in {o.corpus for o in observed}:
            of_corpus = [o for o in observed if o.corpus == name]
            off = np.array([[o.compute, o.memory] for o in of_corpus]) - np.array(
                [roofs.rates(o.gpu) for o in of_corpus]
            )
            for o, row in zip(of_corpus, off - off.mean(axis=0), strict=True):
                deviations.setdefault(o.gpu.name, []).append(row)
        own = {
            g: tuple(float(v) for v in _SHRINKAGE * np.mean(rows, axis=0))
            for g, rows in sorted(deviations.items())
        }
        return cls(
            roofs,
            {g: (v[0], v[1]) for g, v in own.items()},
            paths_of(corpora, catalogue, without),
            corpora=tuple(c.label for c in corpora),
            models=tuple(sorted({m for c in corpora for m in c.runs["model"]})),
        )

    def log_ratios(self, anchor: Gpu, target: Gpu) -> dict[str, float]:
        """Log of time on the target over that on the anchor, by nature.

        Raises
        ------
        CatalogError
            If the catalogue lacks a fact of either GPU.
        """
        ratios = log_ratios(self.roofs, anchor, target)
        own = [self.own.get(g.name, (0.0, 0.0)) for g in (anchor, target)]
        for k, nature in enumerate(("compute", "memory")):
            ratios[nature] += own[0][k] - own[1][k]
        return ratios

    def predict(
        self,
        times: Floats,
        ops: Sequence[str],
        steps: Floats,
        anchor: Gpu,
        target: Gpu,
    ) -> tuple[Floats, Floats]:
        """Vectors and step times on the target.

        Parameters
        ----------
        times : ndarray of shape (n, len(ops))
            Anchor side, µs over the window.
        ops : sequence of str
            Its columns.
        steps : ndarray of shape (n,)
            The anchor's step times, µs.
        anchor, target : Gpu

        Returns
        -------
        ndarray of shape (n, len(ops)), ndarray of shape (n,)
            µs.

        Raises
        ------
        CatalogError
            If the catalogue lacks a fact of either GPU.
        """
        ratios = self.log_ratios(anchor, target)
        grown = np.exp([ratios.get(op_names.nature(c), 0.0) for c in ops])
        translated = times * grown
        work = np.array([op_names.is_busy(n) for n in ops], dtype=bool)
        busy, target_busy = times[:, work].sum(axis=1), translated[:, work].sum(axis=1)
        if op_names.DEVICE_IDLE in ops:
            idle = times[:, list(ops).index(op_names.DEVICE_IDLE)]
        else:
            idle = np.zeros(len(times))
        scaled = steps * target_busy / np.maximum(busy, 1e-9)
        # the geometric mean of the scaled step and the sum of operations
        both = np.sqrt(scaled * target_busy)
        without_idle = np.where(sum_is_step(busy, steps), both, scaled)
        paths = self.paths.predict(busy, idle, steps, target_busy).step
        # a window that is one step, of a profiler that does not slow the host: the
        # device waits as long on the target as on the anchor
        one_step = sum_is_step(busy + idle, steps, _ONE_STEP)
        with_idle = np.where(one_step, idle + target_busy, paths)
        return translated, np.where(idle > 0, with_idle, without_idle)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a file; scores to four digits."""
        scores = self.scores
        return {
            "roofs": self.roofs.to_dict(),
            "own": {g: [round(x, 6) for x in v] for g, v in self.own.items()},
            "paths": [round(float(v), 9) for v in self.paths.theta_],
            "corpora": list(self.corpora),
            "step_mape": None if self.step_mape is None else round(self.step_mape, 2),
            "models": list(self.models),
            "scores": {}
            if scores is None
            else {
                str(g): [round(float(v), 4) for v in scores.scores[scores.groups == g]]
                for g in np.unique(scores.groups)
            },
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> ZeroShot:
        """From the values :meth:`to_dict` wrote.

        Raises
        ------
        KeyError, TypeError, ValueError
            If a value is missing or has another form.
        """
        paths = TwoPath()
        paths.theta_ = np.array(raw["paths"], dtype=np.float64)
        if paths.theta_.shape != (7,):
            raise ValueError(f"paths must hold 7 parameters, got {paths.theta_.size}")
        scores = [(v, g) for g, values in raw["scores"].items() for v in values]
        return cls(
            Roofs.from_dict(raw["roofs"]),
            {g: (float(v[0]), float(v[1])) for g, v in raw["own"].items()},
            paths,
            Scores(np.array([v for v, _ in scores]), np.array([g for _, g in scores])),
            step_mape=raw["step_mape"],
            corpora=tuple(raw["corpora"]),
            models=tuple(raw["models"]),
        )


def sum_is_step(
    busy: Floats, steps: Floats, near: tuple[float, float] = _NEAR
) -> NDArray[np.bool_]:
    """Whether the sum of operations is close enough to the step time to measure it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = busy / steps
    return np.asarray((share > near[0]) & (share < near[1]))
