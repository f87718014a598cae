"""Values and errors pickle and come back equal, so that they can cross processes."""

from __future__ import annotations

import importlib
import inspect
import pickle
import pkgutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import xlate
from xlate import errors, settings
from xlate.errors import UnknownNameError, XlateError
from xlate.evaluation.held_out import Fold, HeldOut
from xlate.values.translation import Failure

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PROFILE = EXAMPLES / "my_stats.csv"


def copy_of(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


def collect(value: Any, by_class: dict[type[Any], Any]) -> dict[type[Any], Any]:
    """Each dataclass value in a value, by its class."""
    if is_dataclass(value) and not isinstance(value, type):
        by_class.setdefault(type(value), value)
        for f in fields(value):
            collect(getattr(value, f.name), by_class)
    elif isinstance(value, tuple | list):
        for item in value:
            collect(item, by_class)
    return by_class


@pytest.fixture(scope="module")
def values() -> dict[type[Any], Any]:
    """Answers of the public functions, and every value in them."""
    from xlate.engine import FitResult, Incumbent, Succession
    from xlate.evaluation.figures import Row
    from xlate.hardware.catalogue import catalogue
    from xlate.store import bundle
    from xlate.telemetry import read_trace

    read = xlate.read_profile(PROFILE)
    timed = replace(
        read,
        step_time_us=128_000.0,
        workload=replace(read.workload, model="ResNet18", batch_size=64),
    )
    pair = ("g3s.xlarge", "p3.2xlarge")
    both = {"g3s.xlarge": PROFILE, "g4dn.xlarge": EXAMPLES / "my_stats_g4dn.csv"}
    machines = catalogue()
    shipped = bundle.find(*pair)
    row = Row(*pair, "ratio", "simulated", "model", None, "step_mape", 12.5, 3)
    before = Incumbent("the bundle", "ratio", "simulated", True)
    succession = Succession(False, "it is not better", before, 3.0, 4.0, 5, False, ())
    by_class: dict[type[Any], Any] = {}
    for value in (
        read,
        xlate.translate(timed, *pair),
        xlate.translate(timed, "g3s.xlarge", "g6.xlarge"),
        xlate.scale(timed, *pair, "batch-size=32,64"),
        xlate.translate_together(both, "p3.2xlarge"),
        read_trace(EXAMPLES / "probe_1530.csv"),
        machines.gpu("T4"),
        machines.instance("p3.2xlarge"),
        FitResult(shipped, None, (row,), ("a note",), succession),
        settings.current(),
    ):
        collect(value, by_class)
    return by_class


def test_values_come_back_equal(values: dict[type[Any], Any]) -> None:
    names = {kind.__name__ for kind in values}
    assert {
        "Profile", "WorkloadKey", "Translation", "Facts", "Verdict", "Estimate",
        "Rent", "Sized", "Together", "Gpu", "Instance", "Price", "FitResult",
        "Row", "Bundle", "Manifest", "Succession", "Incumbent", "Settings", "Origin",
    } <= names  # fmt: skip
    for kind, value in values.items():
        assert copy_of(value) == value, kind
        assert type(copy_of(value)) is kind


def dataclasses_of_xlate() -> dict[str, type[Any]]:
    by_class: dict[str, type[Any]] = {}
    for module in pkgutil.walk_packages(xlate.__path__, "xlate."):
        if module.name.endswith("__main__") or ".serve" in module.name:
            continue
        there = importlib.import_module(module.name)
        for _, kind in inspect.getmembers(there, inspect.isclass):
            if not is_dataclass(kind) or not kind.__module__.startswith("xlate"):
                continue
            by_class.setdefault(f"{kind.__module__}.{kind.__name__}", kind)
    return by_class


def test_every_dataclass_pickles_by_its_name() -> None:
    """With text in each field, whatever its type: no lambda, lock or local class in it."""
    kinds = dataclasses_of_xlate()
    assert len(kinds) > 100
    for kind in kinds.values():
        value = object.__new__(kind)
        for f in fields(kind):
            object.__setattr__(value, f.name, f.name)
        again = copy_of(value)
        assert type(again) is kind
        assert all(getattr(again, f.name) == f.name for f in fields(kind))


def test_arrays_and_frames_are_compared_by_what_is_in_them() -> None:
    import numpy as np
    import polars as pl

    from xlate.evaluation.held_out import Fold, HeldOut

    def fold(times: list[float]) -> Fold:
        step = np.asarray(times)
        return Fold(
            "t", np.arange(2), step, step, step, step, step, ("a",), step, step, None
        )

    def held(step: list[float]) -> HeldOut:
        keys = pl.DataFrame({"model": ["a", None]})
        return HeldOut(
            "a", "b", "c", "model", np.array(["a", "b"]), keys, (fold(step),)
        )

    one = held([1.0, np.nan])
    assert copy_of(one) == one
    assert hash(copy_of(one)) == hash(one)
    assert one != held([1.0, 2.0])
    assert one != held([1, 2])
    assert one != held([1.0])
    assert one != "another"


def every_error(kind: type[XlateError] = XlateError) -> Iterator[type[XlateError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from every_error(below)


def test_every_error_comes_back_equal() -> None:
    from xlate.hardware.faults import CatalogFaultsError, Fault

    made: dict[type[XlateError], Any] = {
        UnknownNameError: UnknownNameError("gpu", "T5", ["T4", "K80"], "look"),
        CatalogFaultsError: CatalogFaultsError([Fault("a.toml", "x", "is wrong")]),
    }
    kinds = list(every_error())
    assert {getattr(errors, n) for n in errors.__all__ if n.endswith("Error")} <= set(
        kinds
    )
    for kind in kinds:
        error = made.get(kind) or kind("what", "give --trace-steps N", code="a.b")
        again = copy_of(error)
        assert again == error
        assert (type(again), str(again)) == (kind, str(error))
        assert (again.what, again.hint, again.code) == (
            error.what,
            error.hint,
            error.code,
        )
        assert again != kind.__new__(kind)
    assert copy_of(made[UnknownNameError]).nearest == ["T4"]


def test_a_failure_of_a_file_comes_back_equal() -> None:
    from xlate import engine

    (failure,) = engine.read_profiles([Path("nowhere.csv")])
    assert copy_of(failure) == failure
    assert isinstance(failure, Failure)
    assert failure.to_json()["error_code"] == failure.error.code
