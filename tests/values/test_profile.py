"""Values that cross the borders between rooms: checked, frozen, copied, pickled."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from typing import Any

import numpy as np
import pytest

from tests.support.documents import Json
from tests.support.narrowing import as_type, present
from xlate import engine
from xlate.errors import ProfileError
from xlate.values.profile import Estimate, Profile, Verdict, WorkloadKey
from xlate.values.time_faults import unit_fault
from xlate.values.translation import Failure

OPS: Json = {
    "Device_Conv2D": 30_000.0,
    "Device_IDLE": 9_000,
    "Host_Read": np.float32(5),
}
VALUES: list[Any] = [
    WorkloadKey("ResNet50", "224px", 64, "SGD"),
    Estimate(1.0, 0.5, 2.0, 0.9),
    Verdict("widen", ("why",)),
    Profile(OPS, WorkloadKey("net"), "p3", 2e4, "file", ("note",), "V100", 2**30),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda v: type(v).__name__)
@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))]
)
def test_values_can_be_copied_and_pickled(
    value: Any, copied: Callable[[Any], Any]
) -> None:
    again = copied(value)
    assert again == value
    assert hash(again) == hash(value)
    first = fields(again)[0].name
    with pytest.raises(FrozenInstanceError):
        setattr(again, first, 1)


def test_a_copy_keeps_what_was_summed() -> None:
    profile = copy.deepcopy(VALUES[-1])
    assert profile.window_us == 39_000
    assert profile.busy_us == 30_000
    with pytest.raises(TypeError):
        profile.ops["Device_Conv2D"] = 1


@pytest.mark.parametrize(
    ("ops", "said"),
    [
        ({"Device_Relu": float("nan")}, "Device_Relu is nan"),
        ({"Device_Relu": float("inf")}, "Device_Relu is inf"),
        ({"Device_Relu": 10**400}, "Device_Relu is 1000"),
        ({"Device_Relu": -1}, "Device_Relu is -1"),
        ({"Device_Relu": True}, "Device_Relu is True"),
        ({"Device_Relu": "5"}, "Device_Relu is '5'"),
        ({"Device_Relu": None}, "Device_Relu is None"),
        ({"Relu": 5.0}, "'Relu' is not the name of an operation"),
        ({"Device_": 5.0}, "'Device_' is not the name"),
        ({"": 5.0}, "'' is not the name"),
        ({5: 5.0}, "5 is not the name"),
        ([("Device_Relu", 5.0)], "ops is list"),
        (None, "ops is NoneType"),
    ],
)
def test_operations_are_checked(ops: Any, said: str) -> None:
    with pytest.raises(ProfileError, match=said):
        Profile(ops)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("step_time_us", [0, -1.0, float("nan"), float("inf"), True, "5"]),
        ("memory_bytes", [-1, float("nan"), True, "5"]),
        ("workload", [None, "ResNet50", {}]),
        ("instance", ["", 5, " "]),
        ("device", ["", 5]),
        ("source", [None, 5]),
        ("notes", [(5,)]),
    ],
)
def test_what_is_known_of_a_run_is_checked(field: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(ProfileError, match=field):
            Profile(OPS, **{field: value})


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("batch_size", [0, -1, 64.5, 1e23, 1_000_001, "64", True, float("nan")]),
        ("model", ["", 5, b"net"]),
        ("dataset", ["", 224, "100000000px", "0px", "-5px", f"{'9' * 5000}px"]),
        ("mode", [None, "", 1]),
        ("precision", [None, 32]),
        ("framework", [None, ""]),
    ],
)
def test_a_workload_is_checked(field: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(ProfileError, match=field):
            WorkloadKey(**{field: value})


def test_whole_numbers_of_any_kind_are_batch_sizes() -> None:
    sizes: list[Any] = [64, 64.0, np.int64(64), np.float32(64)]
    for size in sizes:
        key = WorkloadKey(batch_size=size)
        assert key.batch_size == 64
        assert type(key.batch_size) is int


def test_a_profile_without_busy_time_is_refused_when_translated() -> None:
    idle = Profile({"Device_IDLE": 5e4, "Host_Read": 5.0}, step_time_us=2e4)
    seconds = Profile({"Device_Conv2D": 0.04}, step_time_us=2e4)
    good = Profile({"Device_Conv2D": 4e4}, step_time_us=2e4)
    answers = engine.translate([idle, good, seconds], "T4", "V100-SXM2-16GB")
    assert "no device operation" in str(as_type(Failure, answers[0]).error)
    assert isinstance(answers[1], engine.Translation)
    assert "look like seconds" in str(as_type(Failure, answers[2]).error)


@pytest.mark.parametrize(
    ("window", "step", "said"),
    [
        (2.1e6, 1.0, "the step times look like seconds"),
        (2.1e6, 1e3, "the step times look like milliseconds"),
        (2.1, 1e6, "the op times look like seconds"),
        (2100.0, 1e6, "the op times look like milliseconds"),
    ],
)
def test_the_unit_is_named(window: float, step: float, said: str) -> None:
    assert said in present(unit_fault(window, step))[1]
    assert unit_fault(window, window / 2) is None


@pytest.mark.parametrize("size", ["0px", "1px", "3px", "65537px", "-32px"])
def test_an_image_has_a_side_that_can_be(size: str) -> None:
    with pytest.raises(ProfileError, match="side of an image"):
        Profile({"Device_Relu": 1.0}, WorkloadKey(dataset=size))


def test_the_smallest_image_is_taken() -> None:
    assert WorkloadKey(dataset="4px").dataset == "4px"
