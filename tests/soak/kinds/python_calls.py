"""Calls from Python: profiles and frames with values that cannot be, pickles."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import polars as pl

from tests.soak.case import Cases
from tests.soak.lab import Lab
from tests.soak.made import (
    ANCHOR,
    BATCH,
    MODEL,
    OPTIMIZER,
    TARGET,
    base_ops,
    base_step_us,
)

_CHECKED = "a Profile made in Python is not checked (ZeroDivisionError, NaN answer)"


def _profile(**more: Any) -> Any:
    from xlate.values.profile import Profile, WorkloadKey

    fields: dict[str, Any] = {
        "ops": base_ops(),
        "workload": WorkloadKey(MODEL, "128px", BATCH, OPTIMIZER),
        "instance": ANCHOR,
        "step_time_us": base_step_us(),
    }
    return Profile(**{**fields, **more})


def _no(make: Callable[[], Any]) -> Callable[[Lab], Iterator[str]]:
    """Making it, or translating it, raises an error of ours (or a TypeError or ValueError on making)."""

    def judge(lab: Lab) -> Iterator[str]:
        import xlate
        from xlate.errors import XlateError

        try:
            made = make()
        except (XlateError, TypeError, ValueError):
            return
        try:
            given = xlate.translate(made, ANCHOR, TARGET)
        except XlateError:
            return
        except Exception as e:  # noqa: BLE001
            yield f"{type(e).__name__}: {str(e)[:120]}"
            return
        for a in given if isinstance(given, list) else []:
            if a.verdict.level == "ok":
                yield f"answered ok, a step of {a.step_time_s.value:g} s"
        if not isinstance(given, list):
            yield "a frame was answered"

    return judge


def _frame(**more: Any) -> Callable[[], pl.DataFrame]:
    return lambda: pl.DataFrame(
        {
            k: [v]
            for k, v in {
                "model": MODEL,
                "batch_size": BATCH,
                "step_time_us": base_step_us(),
                **base_ops(),
                **more,
            }.items()
        }
    )


def _yes(lab: Lab) -> Iterator[str]:
    import xlate

    (a,) = xlate.translate(_profile(), ANCHOR, TARGET)
    if a.verdict.level != "ok" or not math.isfinite(a.step_time_s.value):
        yield f"a good profile gets {a.verdict.level}"
    frame = xlate.translate(_frame()(), ANCHOR, TARGET)
    if not math.isclose(
        frame["step_time_us"][0] / 1e6, a.step_time_s.value, rel_tol=0.02
    ):
        yield f"the frame says {frame['step_time_us'][0] / 1e6} s, the profile {a.step_time_s.value} s"


def _pandas(lab: Lab) -> Iterator[str]:
    import pandas as pd

    import xlate

    frame = _frame()()
    given = xlate.translate(
        pd.DataFrame(frame.to_dict(as_series=False)), ANCHOR, TARGET
    )
    other = xlate.translate(frame, ANCHOR, TARGET)
    if not math.isclose(given["step_time_us"][0], other["step_time_us"][0]):
        yield "pandas and polars differ"


def _pickled(make: Callable[[], Any]) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        value = make()
        if pickle.loads(pickle.dumps(value)) != value:
            yield "another value after pickling"
        if copy.deepcopy(value) != value:
            yield "another value after copying"

    return judge


def _gpu() -> Any:
    from xlate.hardware.catalogue import catalogue

    return catalogue().gpu("T4")


def _instance() -> Any:
    from xlate.hardware.catalogue import catalogue

    return catalogue().instance("p3.2xlarge")


def _answer() -> Any:
    import xlate

    return xlate.translate(_profile(), ANCHOR, TARGET)[0]


def _frozen(lab: Lab) -> Iterator[str]:
    ops = base_ops()
    p = _profile(ops=ops)
    ops["Device_Conv2D"] = -1.0
    if p.ops["Device_Conv2D"] < 0:
        yield "the profile changes with the dict it was made of"


def _of_batch(size: Any) -> Any:
    return _profile(workload=_key(size))


def cases() -> Cases:
    """About 90."""
    from tests.soak.kinds.json_files import _FALSE

    collected = Cases("python_calls")
    collected.add("good", "valid variants must be accepted", _yes)
    collected.add("pandas", "valid variants must be accepted", _pandas)
    collected.add("frozen", "frozen values cross module borders", _frozen)
    for i, value in enumerate(_FALSE["ops.Device_Conv2D"]):
        collected.add(
            f"op-{i}",
            _CHECKED,
            _no(partial(_profile, ops={**base_ops(), "Device_Conv2D": value})),
        )
        collected.add(
            f"frame-op-{i}",
            _CHECKED,
            _no(
                _frame(
                    Device_Conv2D=value
                    if not isinstance(value, int) or abs(value) < 2**60
                    else None,
                    step_time_us=base_step_us() if i != 9 else -1.0,
                )
            )
            if value is not None
            else _no(_frame(step_time_us=float("nan"))),
        )
    for i, value in enumerate(
        (*_FALSE["step_time_us"], 0, 0.0, 1e-9, 1e300, 130.0, 0.13)
    ):
        collected.add(f"step-{i}", _CHECKED, _no(partial(_profile, step_time_us=value)))
        if not isinstance(value, int) or abs(value) < 2**60:
            collected.add(f"frame-step-{i}", _CHECKED, _no(_frame(step_time_us=value)))
    for i, ops in enumerate(
        (
            {},
            {"Conv2D": 5.0},
            {"Device_IDLE": 5.0},
            {"Host_x": 5.0},
            {"Device_Conv2D": 0.0},
            None,
            [1],
            "ops",
            {3: 5.0},
            {"": 5.0},
            {"Device_": 5.0},
        )
    ):
        collected.add(f"ops-{i}", _CHECKED, _no(partial(_profile, ops=ops)))
    for i, value in enumerate((0, -1, 1.5, float("nan"), "32", 10**23, True)):
        collected.add(f"batch-{i}", _CHECKED, _no(partial(_of_batch, value)))
    for i, value in enumerate((-1.0, float("nan"), float("inf"), "3 GiB")):
        collected.add(
            f"memory-{i}", _CHECKED, _no(partial(_profile, memory_bytes=value))
        )
    for i, level in enumerate((0, 1, -1, 2, 90, float("nan"), "0.9", None)):
        collected.add(
            f"level-{i}", "a value that is not checked where it enters", _level(level)
        )
    collected.add("frame-empty", _CHECKED, _no(lambda: pl.DataFrame()))
    collected.add("frame-no-row", _CHECKED, _no(lambda: _frame()().clear()))
    collected.add(
        "frame-texts",
        _CHECKED,
        _no(lambda: _frame()().with_columns(pl.col("Device_Conv2D").cast(pl.String))),
    )
    for name, make in {
        "profile": _profile,
        "gpu": _gpu,
        "instance": _instance,
        "answer": _answer,
    }.items():
        collected.add(
            f"pickle-{name}", "Profile, Gpu, Instance cannot be pickled", _pickled(make)
        )
    return collected


def _key(batch: Any) -> Any:
    from xlate.values.profile import WorkloadKey

    return WorkloadKey(MODEL, "128px", batch, OPTIMIZER)


def _level(level: Any) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        import xlate
        from xlate.errors import XlateError

        try:
            xlate.translate(_profile(), ANCHOR, TARGET, level=level)
        except (XlateError, TypeError):
            return
        yield f"a level of {level!r} is taken"

    return judge
