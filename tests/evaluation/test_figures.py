from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests.support.narrowing import present
from xlate.data.columns import plan
from xlate.data.corpus import Corpus
from xlate.data.pairing import Aligned, align
from xlate.errors import AlignmentError, UnknownNameError
from xlate.evaluation.figures import cross_validate, noise_floor
from xlate.models.translate import make
from xlate.stats.metrics import METRICS, score
from xlate.stats.splits import LEAKY, SPLITS, folds, split_label

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def aligned(simulated: Corpus) -> Aligned:
    return align(simulated.runs_on("g3s.xlarge"), simulated.runs_on("p3.2xlarge"))


def test_a_perfect_answer_scores_perfectly() -> None:
    step, ops = np.array([1.0, 2.0]), np.array([[1.0, 2.0], [3.0, 4.0]])
    s = score(step, step, step, ops, ops, ops)
    assert s == {
        "step_mape": 0,
        "step_mdape": 0,
        "step_r2": 1,
        "step_mape_window": 0,
        "vector_wape": 0,
        "op_sum_mape": 0,
        "cosine": pytest.approx(1),
        "negative_share": 0,
    }
    assert set(s) | {"coverage_90", "width_90"} == set(METRICS)


def test_metrics_by_hand() -> None:
    s = score(
        np.array([100.0, 200.0]),
        np.array([110.0, 160.0]),
        np.array([100.0, 100.0]),
        np.array([[1.0, 3.0]]),
        np.array([[2.0, 3.0]]),
        np.array([[-1.0, 3.0]]),
    )
    assert s["step_mape"] == pytest.approx(15)
    assert s["step_mape_window"] == pytest.approx(25)
    assert s["vector_wape"] == pytest.approx(0.25)
    assert s["op_sum_mape"] == pytest.approx(25)
    assert s["negative_share"] == 0.5


def test_no_vector_means_null_not_zero() -> None:
    nan = np.full((2, 2), np.nan)
    s = score(np.ones(2), np.ones(2), None, np.ones((2, 2)), nan)
    assert s["vector_wape"] is None
    assert s["cosine"] is None
    assert s["step_r2"] is None


@pytest.mark.parametrize("split", SPLITS)
def test_groups_stay_together(aligned: Aligned, split: str) -> None:
    fold = folds(aligned.keys, split)
    assert len(np.unique(fold)) >= 2
    for columns in [SPLITS[split]] if SPLITS[split] else []:
        if "family" in columns:
            continue
        together = aligned.keys.select(columns).with_columns(pl.Series("fold", fold))
        assert together.unique().height == together.select(columns).unique().height


def test_each_model_is_left_out_once(aligned: Aligned) -> None:
    fold = folds(aligned.keys, "model")
    assert len(np.unique(fold)) == aligned.keys["model"].n_unique()


def test_a_random_split_says_that_it_leaks() -> None:
    assert {s for s in SPLITS if "leaky" in split_label(s)} == set(LEAKY) == {"random"}


def test_only_models_are_left_out_one_by_one(aligned: Aligned) -> None:
    assert split_label("model") == "leave-one-model-out"
    for split in ("model+dataset", "model+dataset+batch"):
        assert len(np.unique(folds(aligned.keys, split))) == 12
        assert split_label(split) == f"grouped by {split}"


def test_unknown_split(aligned: Aligned) -> None:
    with pytest.raises(UnknownNameError, match="model"):
        folds(aligned.keys, "modle")
    with pytest.raises(AlignmentError, match="one group"):
        folds(aligned.keys.head(1), "model")


def test_cross_validation_equals_the_obvious_loop(aligned: Aligned) -> None:
    """The oracle leaves each model out by hand and scores at the end."""
    rows = cross_validate(aligned, ["ratio"], "simulated")
    figures = {(r.held_out, r.metric): r.value for r in rows}
    X = aligned.anchor_matrix((*aligned.columns, "step_time_us"))
    Y = aligned.target_matrix((*aligned.columns, "step_time_us"))
    ops = aligned.columns
    errors = {}
    for model in np.unique(aligned.models):
        test = aligned.models == model
        chosen = plan("all", ops, np.vstack([X[~test, :-1], Y[~test, :-1]]))
        A, B = (
            np.column_stack([chosen.apply(M[:, :-1], ops), M[:, -1]]) for M in (X, Y)
        )
        hat = (
            make("ratio", [*chosen.names, "step_time_us"])
            .fit(A[~test], B[~test])
            .predict(A[test])
        )
        errors[model] = np.abs(hat[:, -1] / Y[test, -1] - 1) * 100
        assert figures[model, "step_mape"] == pytest.approx(errors[model].mean())
    assert figures[None, "step_mape"] == pytest.approx(
        np.concatenate(list(errors.values())).mean()
    )


def test_the_default_beats_the_baseline_where_the_truth_is_known(
    aligned: Aligned,
) -> None:
    rows = cross_validate(aligned, ["ratio", "ratio-forest"], "simulated")
    wape = {
        r.translator: r.value
        for r in rows
        if r.held_out is None and r.metric == "vector_wape"
    }
    step = {
        r.translator: r.value
        for r in rows
        if r.held_out is None and r.metric == "step_mape"
    }
    assert present(wape["ratio-forest"]) < present(wape["ratio"])
    assert present(step["ratio-forest"]) < present(step["ratio"])


@pytest.mark.parametrize("columns", ["10", "clusters"])
def test_column_plans_can_be_compared(aligned: Aligned, columns: str) -> None:
    rows = cross_validate(aligned, ["ratio"], "simulated", columns=columns)
    values = [r.value for r in rows if r.metric == "vector_wape"]
    assert values
    assert None not in values


def test_noise_floor_by_hand() -> None:
    frame = pl.DataFrame(
        {
            "instance": ["y"] * 3, "model": ["a"] * 3, "dataset": ["d"] * 3, "batch_size": [1] * 3,
            "optimizer": ["s"] * 3, "mode": ["t"] * 3, "precision": ["p"] * 3, "framework": ["f"] * 3,
            "repeat": [1, 2, 3], "step_time_us": [100.0, 110.0, 90.0], "Device_Relu": [10.0, 11.0, 9.0],
        }
    )  # fmt: skip
    figures = {r.metric: r.value for r in noise_floor(frame, "c", "x")}
    expected = np.mean([abs(100 / 100 - 1), abs(110 / 95 - 1), abs(90 / 105 - 1)]) * 100
    assert figures["step_mape"] == pytest.approx(expected)
    assert noise_floor(frame[:1], "c", "x") == []


def test_threads_give_the_same_figures_as_one(aligned: Aligned) -> None:
    one, two = (cross_validate(aligned, ["tree"], "s", n_jobs=n) for n in (1, 2))
    assert one == two
