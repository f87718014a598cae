"""Profiles as arrays: the one form in which they are computed with."""

from __future__ import annotations

import pickle

import numpy as np

from xlate.values.profile import Profile, WorkloadKey
from xlate.values.vectors import Vectors

RELU = Profile({"Device_Relu": 3.0, "Device_IDLE": 1.0}, step_time_us=2.0)
ADD = Profile({"Device_Add": 5.0, "Host_Add": 7.0}, WorkloadKey("Net"))


def test_columns_are_all_operations_by_name_and_a_missing_one_takes_no_time() -> None:
    both = Vectors.of([RELU, ADD])
    assert both.columns == ("Device_Add", "Device_IDLE", "Device_Relu", "Host_Add")
    assert both.times.tolist() == [[0.0, 1.0, 3.0, 0.0], [5.0, 0.0, 0.0, 7.0]]
    assert both.steps[0] == 2.0
    assert np.isnan(both.steps[1])


def test_rows_keep_the_columns() -> None:
    both = Vectors.of([RELU, ADD])
    assert both.rows([1]) == Vectors(both.columns, both.times[1:], both.steps[1:])
    assert both.rows([0]) == both.rows(slice(0, 1)) != both.rows([1])
    assert len(both.rows([1, 0])) == 2


def test_a_step_time_can_be_left_out() -> None:
    alone = Vectors.of([RELU]).without_steps()
    assert np.isnan(alone.steps).all()
    assert alone.times.tolist() == Vectors.of([RELU]).times.tolist()


def test_it_pickles() -> None:
    both = Vectors.of([RELU, ADD])
    assert pickle.loads(pickle.dumps(both)) == both


def test_a_profile_says_its_sums_and_precisions_without_computing_them_again() -> None:
    halves = Profile(
        {"Device_Relu": 3.0, "Device_IDLE": 1.0}, precision_us={"fp16": 3.0}
    )
    assert (halves.window_us, halves.busy_us) == (4.0, 3.0)
    first, second = halves.precision_mix, halves.precision_mix
    assert first is second
    assert first.dominant == "fp16"
    again = pickle.loads(pickle.dumps(halves))
    assert (again, again.busy_us) == (halves, 3.0)
    assert again.precision_mix == halves.precision_mix
    assert RELU.precision_mix.dominant is None
