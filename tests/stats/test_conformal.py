"""Group conformal intervals: against a library, and on models never seen."""

from __future__ import annotations

import math

import numpy as np
import pytest

from xlate.stats.conformal import Scores, group_quantile
from xlate.stats.splits import SPLITS, folds, split_label


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("n", [30, 101])
def test_with_one_row_a_group_it_is_split_conformal_prediction(
    level: float, n: int
) -> None:
    """The oracle: MAPIE's split conformal regressor around the same prediction."""
    from mapie.regression import SplitConformalRegressor
    from sklearn.dummy import DummyRegressor

    rng = np.random.default_rng(n)
    X, y = np.zeros((n, 1)), rng.gamma(2.0, size=n)
    guess = DummyRegressor(strategy="constant", constant=0.0).fit(X, y)
    oracle = SplitConformalRegressor(guess, confidence_level=level, prefit=True)
    oracle.conformalize(X, y)
    _, interval = oracle.predict_interval(X[:1])
    ours = group_quantile(np.abs(y), np.arange(n), level)
    assert ours == pytest.approx(interval[0, 1, 0])


def test_groups_have_equal_weight_at_any_size() -> None:
    scores = np.concatenate([np.full(1000, 0.1), [1.0], [2.0], [3.0]])
    groups = np.concatenate([np.zeros(1000), [1, 2, 3]])
    assert group_quantile(scores, groups, 0.2) == 0.1
    assert group_quantile(scores, groups, 0.6) == 2.0
    assert group_quantile(scores, groups, 0.9) == 3.0


def test_too_few_rows_give_no_interval() -> None:
    assert group_quantile(np.array([1.0, 2.0]), np.arange(2), 0.9) == math.inf
    assert group_quantile(np.array([]), np.array([]), 0.5) == math.inf
    with pytest.raises(ValueError, match="between 0 and 1"):
        group_quantile(np.array([1.0]), np.arange(1), 1.0)


@pytest.mark.parametrize("level", [0.8, 0.9])
def test_a_group_never_seen_is_covered(level: float) -> None:
    """Each group has its own bias; the next group has another."""
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(300):
        bias = rng.normal(0, 0.1, 13)
        error = np.abs(bias[:, None] + rng.normal(0, 0.05, (13, 20)))
        seen, new = error[:12].ravel(), error[12]
        limit = group_quantile(seen, np.repeat(np.arange(12), 20), level)
        covered.append((new <= limit).mean())
    # a dozen groups know their own spread a little less well than they should
    assert level - 0.04 < np.mean(covered) < level + 0.03


def test_scores_are_relative_and_divided_by_difficulty() -> None:
    groups = np.array(["a", "b", "c"])
    scores = Scores.of(
        np.array([2.0, 1.0, 0.0]),
        np.array([1.0, 1.0, 1.0]),
        np.array([2.0, 1, 1]),
        groups,
    )
    # the last row has no time to be wrong about
    np.testing.assert_allclose(scores.scores, [np.log(2) / 2, 0])
    assert scores.n_groups == 2
    assert scores.without("a").groups.tolist() == ["b"]
    assert scores.factor(0.5, difficulty=4.0) == pytest.approx(4.0)
    assert scores.factor(0.99) > 1e300


def test_families_are_left_out_whole() -> None:
    import polars as pl

    keys = pl.DataFrame({"model": ["VGG11", "VGG16", "ResNet18", "Own"]})
    for column in ("dataset", "batch_size"):
        keys = keys.with_columns(pl.lit(1).alias(column))
    fold = folds(keys, "family", families={"VGG": ["VGG11", "VGG16"]})
    assert fold[0] == fold[1]
    assert len(set(fold.tolist())) == 3
    assert "family" in SPLITS
    assert split_label("family") == "leave-one-family-out"
