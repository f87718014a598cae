"""Errors of a bundle on held-out models, and intervals from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xlate.stats.conformal import Scores

if TYPE_CHECKING:
    from xlate.evaluation.held_out import HeldOut

__all__ = ["MIN_OP_SHARE", "Calibration"]

Floats = NDArray[np.float64]

#: share of busy time from which an operation counts as large
MIN_OP_SHARE = 0.01

#: an operation that fewer models have large takes the errors of all operations
_FEWEST_MODELS = 6


class Calibration:
    """Scores of one translator on held-out models.

    Attributes
    ----------
    step, window, busy : Scores
        Of the step time, the step time without the anchor's, and the op sum.
    ops : dict of str to Scores
        Of each operation, where it was large.
    """

    def __init__(
        self, step: Scores, window: Scores, busy: Scores, ops: Mapping[str, Scores]
    ) -> None:
        self.step, self.window, self.busy = step, window, busy
        self.ops = dict(ops)
        self._of_op: dict[str, Scores] = {}
        self.any_op = Scores(
            np.concatenate([s.scores for s in ops.values()] or [np.zeros(0)]),
            np.concatenate([s.groups for s in ops.values()] or [np.zeros(0, str)]),
        )

    @classmethod
    def of(cls, held: HeldOut, translator: str) -> Calibration:
        """From answers about work left out."""
        vector = all(not np.isnan(p.ops_hat).any() for p in held.of(translator))
        nothing = Scores(np.zeros(0), np.zeros(0, dtype=str))
        return cls(
            held.step_scores(translator),
            held.step_scores(translator, window=True),
            held.sum_scores(translator) if vector else nothing,
            held.op_scores(translator) if vector else {},
        )

    def of_op(self, name: str) -> Scores:
        """Scores that hold for an operation."""
        if name not in self._of_op:
            own = self.ops.get(name)
            enough = own is not None and own.n_groups >= _FEWEST_MODELS
            self._of_op[name] = own if own is not None and enough else self.any_op
        return self._of_op[name]

    def to_arrays(self) -> dict[str, Any]:
        """Plain arrays for an archive; scores to six digits."""
        named = {"step": self.step, "window": self.window, "busy": self.busy}
        named |= {f"op:{k}": v for k, v in self.ops.items()}
        models = sorted({m for s in named.values() for m in s.groups.tolist()})
        place = {m: k for k, m in enumerate(models)}
        return {
            "models": models,
            "scores": {k: s.scores.astype(np.float32) for k, s in named.items()},
            "groups": {
                k: np.array([place[m] for m in s.groups.tolist()], dtype=np.int16)
                for k, s in named.items()
            },
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> Calibration:
        """What :meth:`to_arrays` wrote.

        Raises
        ------
        KeyError, IndexError, ValueError, TypeError
            If it is something else.
        """
        models = np.array(arrays["models"], dtype=str)
        named = {
            k: Scores(
                np.asarray(arrays["scores"][k], dtype=np.float64),
                models[np.asarray(arrays["groups"][k])],
            )
            for k in arrays["scores"]
        }
        if any(len(s.scores) != len(s.groups) for s in named.values()):
            raise ValueError("scores and groups do not agree")
        ops = {k[3:]: v for k, v in named.items() if k.startswith("op:")}
        return cls(named["step"], named["window"], named["busy"], ops)
