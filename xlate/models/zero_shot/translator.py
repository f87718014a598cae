"""Translation to a GPU that no run of any corpus was made on.

The rates of the GPUs that were measured teach two roofs (:mod:`~xlate.models.zero_shot.roofs`), and
the roofs say what a GPU with other facts would reach. An operation's time goes with
the roof that its nature names; the step time follows from the busy time and the
host's path where idle time was recorded, and from the step and the sum of its
operations, two measurements of one thing, where it was not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from xlate import op_names
from xlate.data.corpus import Corpus
from xlate.data.pairing import STEP, align, matrix, median_of_repeats
from xlate.data.schema import KEY
from xlate.hardware.catalogue import Catalogue, Gpu
from xlate.models.translate.two_path import TwoPath
from xlate.models.zero_shot.roofs import Observed, Roofs, log_ratios
from xlate.stats.conformal import Scores

__all__ = ["LeftOut", "ZeroShot", "leave_gpus_out", "sum_is_step"]

Floats = NDArray[np.float64]

#: how far a GPU's own measured rate is believed, against the roof
_BELIEF = 0.8
#: a sum of operations this near to the step time measures it too
_NEAR = (2 / 3, 3 / 2)
#: busy and idle time that make one step
_ONE_STEP = (0.95, 1.05)


@dataclass(frozen=True, eq=False)
class ZeroShot:
    """Roofs, what measured GPUs are off them by, and the host's path.

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
        Their mean, %, each GPU counting alike.
    corpora, models : tuple of str
        What it was fitted on.
    """

    roofs: Roofs
    own: Mapping[str, tuple[float, float]]
    paths: TwoPath
    scores: Scores | None = None
    step_mape: float | None = None
    corpora: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def calibrated(self, left_out: Sequence[LeftOut], known: Catalogue) -> ZeroShot:
        """With the errors that :func:`leave_gpus_out` found."""
        gpus = np.concatenate(
            [np.repeat(known.gpu(p.target).name, len(p.step)) for p in left_out]
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
        cls, corpora: Sequence[Corpus], known: Catalogue, without: str | None = None
    ) -> ZeroShot:
        """Learn from corpora of several GPUs.

        Parameters
        ----------
        corpora : sequence of Corpus
            Measured ones.
        known : Catalogue
        without : str, optional
            A GPU none of whose runs may be looked at.

        Raises
        ------
        CatalogError
            If the catalogue lacks a fact of a GPU.
        """
        observed = [o for c in corpora for o in _rates(c, known, without)]
        roofs = Roofs.fit(observed)
        apart: dict[str, list[Floats]] = {}
        for name in {o.corpus for o in observed}:
            mine = [o for o in observed if o.corpus == name]
            off = np.array([[o.compute, o.memory] for o in mine]) - np.array(
                [roofs.rates(o.gpu) for o in mine]
            )
            for o, row in zip(mine, off - off.mean(axis=0), strict=True):
                apart.setdefault(o.gpu.name, []).append(row)
        own = {
            g: tuple(float(v) for v in _BELIEF * np.mean(rows, axis=0))
            for g, rows in sorted(apart.items())
        }
        return cls(
            roofs,
            {g: (v[0], v[1]) for g, v in own.items()},
            _paths(corpora, known, without),
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
        here, there = (self.own.get(g.name, (0.0, 0.0)) for g in (anchor, target))
        for k, nature in enumerate(("compute", "memory")):
            ratios[nature] += here[k] - there[k]
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
        there = times * grown
        work = np.array([op_names.is_busy(n) for n in ops], dtype=bool)
        busy, busy_there = times[:, work].sum(axis=1), there[:, work].sum(axis=1)
        if op_names.DEVICE_IDLE in ops:
            idle = times[:, list(ops).index(op_names.DEVICE_IDLE)]
        else:
            idle = np.zeros(len(times))
        plain = steps * busy_there / np.maximum(busy, 1e-9)
        # the sum of operations times the same ratio
        both = np.sqrt(plain * busy_there)
        untold = np.where(sum_is_step(busy, steps), both, plain)
        paths = self.paths.predict(busy, idle, steps, busy_there).step
        # a window that is one step, of a profiler that does not slow the host: what
        # the device waits for here it waits for there
        waits = sum_is_step(busy + idle, steps, _ONE_STEP)
        told = np.where(waits, idle + busy_there, paths)
        return there, np.where(idle > 0, told, untold)

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
        """What :meth:`to_dict` wrote.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is something else.
        """
        paths = TwoPath()
        paths.theta_ = np.array(raw["paths"], dtype=np.float64)
        if paths.theta_.shape != (7,):
            raise ValueError("seven parameters are needed")
        scores = [(v, g) for g, values in raw["scores"].items() for v in values]
        return cls(
            Roofs.from_dict(raw["roofs"]),
            {g: (float(v[0]), float(v[1])) for g, v in raw["own"].items()},
            paths,
            Scores(np.array([v for v, _ in scores]), np.array([g for _, g in scores])),
            raw["step_mape"],
            tuple(raw["corpora"]),
            tuple(raw["models"]),
        )


def sum_is_step(
    busy: Floats, steps: Floats, near: tuple[float, float] = _NEAR
) -> NDArray[np.bool_]:
    """Where the sum of operations is near enough to the step to be a measurement of it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = busy / steps
    return np.asarray((share > near[0]) & (share < near[1]))


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Answers about a GPU that was left out, from one anchor.

    Attributes
    ----------
    corpus, anchor, target : str
    models : ndarray of str, shape (n,)
    keys : polars.DataFrame
        Workload key of each run.
    step, step_hat, busy, busy_hat : ndarray of shape (n,)
        µs.
    """

    corpus: str
    anchor: str
    target: str
    models: NDArray[np.str_]
    keys: pl.DataFrame
    step: Floats
    step_hat: Floats
    busy: Floats
    busy_hat: Floats


def leave_gpus_out(
    corpora: Sequence[Corpus], known: Catalogue, asked: Iterable[str] = ()
) -> list[LeftOut]:
    """Every GPU left out in turn, translated to from every other of its corpus.

    Parameters
    ----------
    corpora : sequence of Corpus
        Measured ones; no run of the GPU is looked at in any of them.
    known : Catalogue
    asked : iterable of str
        GPUs to leave out; all by default.

    Raises
    ------
    CatalogError
        If the catalogue lacks a fact of a GPU.
    """
    found = []
    gpus = {known.gpu(i).name for c in corpora for i in c.instances}
    for gpu in sorted(set(asked) or gpus):
        model = ZeroShot.fit(corpora, known, without=gpu)
        for corpus in corpora:
            for target in corpus.instances:
                if known.gpu(target).name != gpu:
                    continue
                for anchor in corpus.instances:
                    if known.gpu(anchor).name == gpu:
                        continue
                    answer = _asked(model, corpus, anchor, target, known)
                    if answer is not None:
                        found.append(answer)
    return found


def _asked(
    model: ZeroShot, corpus: Corpus, anchor: str, target: str, known: Catalogue
) -> LeftOut | None:
    sides = corpus.runs_on(anchor), corpus.runs_on(target)
    shared = sides[0].join(sides[1], on=KEY, how="semi", nulls_equal=True)
    if shared.is_empty():
        return None
    aligned = align(*sides, "median", fewest_models=1)
    ops = aligned.columns
    times, steps = aligned.anchor_matrix(), aligned.anchor_matrix((STEP,))[:, 0]
    there, step_hat = model.predict(
        times, ops, steps, known.gpu(anchor), known.gpu(target)
    )
    work = np.array([op_names.is_busy(n) for n in ops], dtype=bool)
    return LeftOut(
        corpus.label, anchor, target, aligned.models, aligned.keys,
        aligned.target_matrix((STEP,))[:, 0], step_hat,
        aligned.target_matrix()[:, work].sum(axis=1), there[:, work].sum(axis=1),
    )  # fmt: skip


def _rates(corpus: Corpus, known: Catalogue, without: str | None) -> list[Observed]:
    """Logs of each GPU's rates, from what workloads they share.

    Log time = log work - log rate, solved for both at once by least squares.
    """
    runs = corpus.wide
    ops = [c for c in runs.columns if op_names.is_op_column(c)]
    jobs = median_of_repeats(runs, ["instance"])
    gpus = [known.gpu(i) for i in jobs["instance"]]
    names = np.array([g.name for g in gpus])
    work = jobs.select(pl.struct(KEY).rank("dense")).to_series().to_numpy()
    times = matrix(jobs, ops)
    natures = np.array([op_names.nature(c) for c in ops])
    kept = names != (without or "")
    listed = np.unique(names[kept])
    columns = {}
    for nature in ("compute", "memory"):
        busy = times[:, natures == nature].sum(axis=1)
        rows = np.flatnonzero(kept & (busy > 0))
        rate = (names[rows, None] == listed).astype(float)
        _, which = np.unique(work[rows], return_inverse=True)
        job = np.eye(which.max() + 1)[which]
        # the constant that both sides share is nobody's: the shortest solution
        solved = np.linalg.lstsq(
            np.hstack([-rate, job]), np.log(busy[rows]), rcond=None
        )[0]
        columns[nature] = solved[: len(listed)]
    of = {g.name: g for g in gpus}
    return [
        Observed(of[g], corpus.name, float(c), float(m))
        for g, c, m in zip(listed, columns["compute"], columns["memory"], strict=True)
    ]


def _paths(corpora: Sequence[Corpus], known: Catalogue, without: str | None) -> TwoPath:
    """The two paths over all pairs of GPUs in corpora that recorded idle time."""
    parts: list[tuple[Floats, ...]] = []
    for corpus in corpora:
        if op_names.DEVICE_IDLE not in corpus.wide.columns:
            continue
        here = [i for i in corpus.instances if known.gpu(i).name != without]
        for a in here:
            for t in here:
                if a == t:
                    continue
                aligned = align(corpus.runs_on(a), corpus.runs_on(t), "median")
                work = op_names.busy_columns(aligned.columns)
                columns = (op_names.DEVICE_IDLE, STEP)
                X, Y = aligned.anchor_matrix(columns), aligned.target_matrix(columns)
                _, which, count = np.unique(
                    aligned.models, return_inverse=True, return_counts=True
                )
                parts.append(
                    (
                        aligned.anchor_matrix(work).sum(axis=1), X[:, 0], X[:, 1],
                        aligned.target_matrix(work).sum(axis=1), Y[:, 1],
                        1.0 / count[which],
                    )
                )  # fmt: skip
    if not parts:
        return TwoPath.unfitted()
    return TwoPath().fit(*(np.concatenate(p) for p in zip(*parts, strict=True)))
