from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlate.data.pairing import STEP, align, matrix
from xlate.data.schema import KEY
from xlate.errors import AlignmentError, UnknownNameError


def runs(instance: str, rows: list[tuple[str, int, int, int, int]]) -> pl.DataFrame:
    """A wide table from (model, batch, repeat, step, relu) tuples."""
    return pl.DataFrame(
        {
            "instance": [instance] * len(rows),
            "model": [r[0] for r in rows],
            "dataset": ["32px"] * len(rows),
            "batch_size": [r[1] for r in rows],
            "optimizer": ["SGD"] * len(rows),
            "mode": ["training"] * len(rows),
            "precision": ["fp32"] * len(rows),
            "framework": ["tensorflow"] * len(rows),
            "repeat": [r[2] for r in rows],
            STEP: [float(r[3]) for r in rows],
            "Device_Relu": [float(r[4]) for r in rows],
        }
    )


def grid(
    instance: str,
    repeats: int,
    models: tuple[str, ...] = ("a", "b", "c"),
    batches: tuple[int, ...] = (1, 2, 4, 8, 16),
) -> pl.DataFrame:
    return runs(
        instance,
        [
            (m, b, r, i * 100 + b + r, i * 10 + r)
            for i, m in enumerate(models, 1)
            for b in batches
            for r in range(1, repeats + 1)
        ],
    )


def test_cross_lets_one_repeat_meet_three() -> None:
    # the example of the design: 15 workloads, 15 rows meet 45, 45 pairs
    a = align(grid("x", 1), grid("y", 3), "cross")
    assert len(a) == 45
    assert set(a.keys["repeat_target"]) == {1, 2, 3}


def test_same_pairs_equal_repeats_only() -> None:
    a = align(grid("x", 2), grid("y", 3), "same")
    assert len(a) == 30
    assert (a.keys["repeat_anchor"] == a.keys["repeat_target"]).all()


def test_median_takes_the_median_of_each_side() -> None:
    a = align(grid("x", 1), grid("y", 3), "median")
    assert len(a) == 15
    first = a.keys.row(0, named=True)
    assert (first["model"], first["batch_size"]) == ("a", 1)
    # repeats 1, 2, 3 of model a: relu 11, 12, 13
    assert a.target_matrix(("Device_Relu",))[0, 0] == 12.0


def test_matrices_follow_the_keys() -> None:
    a = align(grid("x", 2), grid("y", 2), "same")
    expected = grid("y", 2).sort([*KEY, "repeat"])
    assert a.target_matrix((STEP,))[:, 0].tolist() == expected[STEP].to_list()


def test_unpaired_keys_are_listed() -> None:
    lonely = pl.concat([grid("x", 1), grid("x", 1, models=("z",), batches=(3,))])
    a = align(lonely, grid("y", 1))
    assert a.unpaired_anchor["model"].to_list() == ["z"]
    assert a.unpaired_target.is_empty()


@settings(max_examples=25, deadline=None)
@given(
    st.permutations(list(range(15))),
    st.permutations(list(range(45))),
    st.sampled_from(["same", "cross", "median"]),
)
def test_shuffling_the_input_changes_nothing(
    left: list[int], right: list[int], policy: str
) -> None:
    x, y = grid("x", 1), grid("y", 3)
    straight, shuffled = align(x, y, policy), align(x[left], y[right], policy)
    assert straight.keys.equals(shuffled.keys)
    assert np.array_equal(straight.anchor_matrix(), shuffled.anchor_matrix())
    assert np.array_equal(straight.target_matrix(), shuffled.target_matrix())


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_same_equals_a_polars_join(data: st.DataObject) -> None:
    """The oracle is the obvious join of whole tables."""
    row = st.tuples(
        st.sampled_from("abcd"), st.sampled_from([1, 2, 300]), st.integers(1, 3)
    )
    keys = [
        data.draw(st.lists(row, min_size=1, max_size=20, unique=True)) for _ in range(2)
    ]
    x, y = (
        runs(name, [(*k, i, i) for i, k in enumerate(side)])
        for name, side in zip("xy", keys, strict=True)
    )
    on = [*KEY, "repeat"]
    joined = x.join(y, on=on, how="inner", suffix="_y").sort(on)
    if joined["model"].n_unique() < 1:
        with pytest.raises(AlignmentError):
            align(x, y, "same", fewest_models=1)
        return
    a = align(x, y, "same", fewest_models=1)
    assert a.keys.select(KEY).equals(joined.select(KEY))
    assert a.anchor_matrix((STEP,))[:, 0].tolist() == joined[STEP].to_list()
    assert a.target_matrix((STEP,))[:, 0].tolist() == joined[f"{STEP}_y"].to_list()


def test_null_parts_of_a_key_match_each_other() -> None:
    x = grid("x", 1).with_columns(pl.lit(None, pl.String).alias("optimizer"))
    y = grid("y", 1).with_columns(pl.lit(None, pl.String).alias("optimizer"))
    assert len(align(x, y, "same")) == 15
    assert len(align(x, y, "median")) == 15
    with pytest.raises(AlignmentError, match="0 models in common"):
        align(x, grid("y", 1), "same")


def test_duplicate_keys_are_named() -> None:
    doubled = pl.concat([grid("x", 1), grid("x", 1)[:1]])
    with pytest.raises(AlignmentError, match=r"x: the workload key model=a.*repeat=1"):
        align(doubled, grid("y", 1), "same")


def test_too_few_models() -> None:
    with pytest.raises(AlignmentError, match="1 models in common, at least 2"):
        align(grid("x", 1, models=("a",)), grid("y", 1))


def test_anchor_must_differ_from_target() -> None:
    with pytest.raises(AlignmentError, match="both x"):
        align(grid("x", 1), grid("x", 1))


def test_unknown_policy() -> None:
    with pytest.raises(UnknownNameError, match="median"):
        align(grid("x", 1), grid("y", 1), "mediam")


def test_empty_side() -> None:
    with pytest.raises(AlignmentError, match="0 instances"):
        align(grid("x", 1)[:0], grid("y", 1))


def test_absent_columns_are_zero_and_absent_steps_nan() -> None:
    m = matrix(pl.DataFrame({"Device_A": [1.0, None]}), ("Device_A", "Device_B", STEP))
    assert m[:, :2].tolist() == [[1.0, 0.0], [0.0, 0.0]]
    assert np.isnan(m[:, 2]).all()


def test_many_distinct_values_do_not_overflow() -> None:
    n = 3000
    wide = {
        c: [f"{c}{(i * 7919) % n}" for i in range(n)]
        for c in ("model", "dataset", "optimizer", "mode", "precision", "framework")
    }
    base = pl.DataFrame(
        wide | {"batch_size": list(range(n)), "repeat": [1] * n, STEP: [1.0] * n}
    )
    x = base.with_columns(pl.lit("x").alias("instance"))
    y = base.reverse().with_columns(pl.lit("y").alias("instance"))
    assert len(align(x, y, "same")) == n
