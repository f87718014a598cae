"""Translation to a GPU without a run in any corpus.

Two roofs are fitted to the rates of the measured GPUs
(:mod:`~xlate.models.zero_shot.roofs`) and give the rates of a GPU with other facts. An
operation's time scales with the roof for its nature. The step time follows from the
busy time and the host's path where idle time was recorded; where it was not, from the
anchor's step time and the sum of its operations.
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
        """With the errors that :func:`leave_gpus_out` measured."""
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
        observed = [o for c in corpora for o in _rates(c, catalogue, without)]
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
            _paths(corpora, catalogue, without),
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


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Predictions for a GPU that was left out, from one anchor.

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
    corpora: Sequence[Corpus], catalogue: Catalogue, gpus: Iterable[str] = ()
) -> list[LeftOut]:
    """Every GPU left out in turn, translated to from every other of its corpus.

    Parameters
    ----------
    corpora : sequence of Corpus
        Measured ones; the runs of the left-out GPU are not used in any of them.
    catalogue : Catalogue
    gpus : iterable of str
        GPUs to leave out; all by default.

    Raises
    ------
    CatalogError
        If the catalogue lacks a fact of a GPU.
    """
    predictions = []
    measured = {catalogue.gpu(i).name for c in corpora for i in c.instances}
    for gpu in sorted(set(gpus) or measured):
        model = ZeroShot.fit(corpora, catalogue, without=gpu)
        for corpus in corpora:
            for target in corpus.instances:
                if catalogue.gpu(target).name != gpu:
                    continue
                for anchor in corpus.instances:
                    if catalogue.gpu(anchor).name == gpu:
                        continue
                    prediction = _predicted(model, corpus, anchor, target, catalogue)
                    if prediction is not None:
                        predictions.append(prediction)
    return predictions


def _predicted(
    model: ZeroShot, corpus: Corpus, anchor: str, target: str, catalogue: Catalogue
) -> LeftOut | None:
    """One anchor's predictions; None where the two instances share no workload."""
    sides = corpus.runs_on(anchor), corpus.runs_on(target)
    shared = sides[0].join(sides[1], on=KEY, how="semi", nulls_equal=True)
    if shared.is_empty():
        return None
    aligned = align(*sides, "median", fewest_models=1)
    ops = aligned.columns
    times, steps = aligned.anchor_matrix(), aligned.anchor_matrix((STEP,))[:, 0]
    translated, step_hat = model.predict(
        times, ops, steps, catalogue.gpu(anchor), catalogue.gpu(target)
    )
    work = np.array([op_names.is_busy(n) for n in ops], dtype=bool)
    return LeftOut(
        corpus=corpus.label,
        anchor=anchor,
        target=target,
        models=aligned.models,
        keys=aligned.keys,
        step=aligned.target_matrix((STEP,))[:, 0],
        step_hat=step_hat,
        busy=aligned.target_matrix()[:, work].sum(axis=1),
        busy_hat=translated[:, work].sum(axis=1),
    )


def _rates(corpus: Corpus, catalogue: Catalogue, without: str | None) -> list[Observed]:
    """Logs of each GPU's rates, from the workloads that GPUs share.

    Log time = log work - log rate, solved for both at once by least squares.
    """
    runs = corpus.wide
    ops = [c for c in runs.columns if op_names.is_op_column(c)]
    jobs = median_of_repeats(runs, ["instance"])
    gpus = [catalogue.gpu(i) for i in jobs["instance"]]
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
        # a constant could be moved between rates and work: lstsq gives the solution
        # with the smallest norm
        solved = np.linalg.lstsq(
            np.hstack([-rate, job]), np.log(busy[rows]), rcond=None
        )[0]
        columns[nature] = solved[: len(listed)]
    of = {g.name: g for g in gpus}
    return [
        Observed(of[g], corpus.name, float(c), float(m))
        for g, c, m in zip(listed, columns["compute"], columns["memory"], strict=True)
    ]


def _paths(
    corpora: Sequence[Corpus], catalogue: Catalogue, without: str | None
) -> TwoPath:
    """The two paths over all pairs of GPUs in corpora that recorded idle time."""
    parts: list[tuple[Floats, ...]] = []
    for corpus in corpora:
        if op_names.DEVICE_IDLE not in corpus.wide.columns:
            continue
        instances = [i for i in corpus.instances if catalogue.gpu(i).name != without]
        for a in instances:
            for t in instances:
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
