"""The parallel layer: every backend gives the same answers."""

from __future__ import annotations

import os
import pickle
import threading
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from xlate import parallel, settings
from xlate.data.corpus import Corpus
from xlate.engine.fallback import Predicted
from xlate.errors import ProfileError, UnknownNameError, XlateError
from xlate.evaluation.held_out import Fold

BACKENDS = ["serial", "threads:2", "processes:2"]


def square(x: int) -> int:
    return x * x


def fail_at(x: int, at: int) -> int:
    if x == at:
        raise ProfileError(f"item {x}", "leave it out", code="profile.unreadable")
    return x


@pytest.mark.parametrize("name", BACKENDS)
def test_answers_are_in_the_order_of_the_items(name: str) -> None:
    assert parallel.backend(name).map(square, range(7)) == [0, 1, 4, 9, 16, 25, 36]
    assert parallel.backend(name).map(square, []) == []


@pytest.mark.parametrize("name", BACKENDS)
def test_an_error_comes_back_as_it_was(name: str) -> None:
    with pytest.raises(ProfileError) as caught:
        parallel.backend(name).map(partial(fail_at, at=3), range(6))
    assert caught.value == ProfileError(
        "item 3", "leave it out", code="profile.unreadable"
    )


def test_work_is_done_where_the_name_says() -> None:
    def where(_item: int) -> int:
        return threading.get_ident()

    assert set(parallel.backend("serial").map(where, range(4))) == {
        threading.get_ident()
    }
    assert threading.get_ident() not in parallel.backend("threads:2").map(
        where, range(4)
    )
    assert os.getpid() not in parallel.backend("processes:2").map(pid, range(4))


def pid(_item: int) -> int:
    return os.getpid()


def threads_of_blas(_item: int) -> int:
    from threadpoolctl import threadpool_info

    np.ones((2, 2)) @ np.ones((2, 2))
    return max((lib["num_threads"] for lib in threadpool_info()), default=1)


@pytest.mark.parametrize("name", BACKENDS)
def test_each_item_has_one_thread_of_blas(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    assert set(parallel.backend(name).map(threads_of_blas, range(3))) == {1}


def test_workers_are_the_cores_of_this_process() -> None:
    assert parallel.backend("threads").count == parallel.cores()
    if hasattr(os, "sched_getaffinity"):
        assert parallel.cores() == len(os.sched_getaffinity(0))
    assert parallel.backend("threads:3").count == 3
    assert parallel.backend("threads:3", 5).count == 5
    assert parallel.backend("serial:3").count == 1
    one = parallel.Processes(2)
    assert parallel.backend(one) is one
    assert str(one) == "processes:2"


def test_an_unknown_backend_names_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match="did you mean threads") as caught:
        parallel.backend("thread")
    assert caught.value.code == "parallel.unknown-backend"
    for wrong in (
        "threads:0",
        "threads:-1",
        "threads:two",
        "threads:",
        "threads:999",
        "threads:" + "9" * 5000,
    ):
        with pytest.raises(XlateError) as refused:
            parallel.backend(wrong)
        assert refused.value.code == "parallel.bad-workers"


def same(a: Any, b: Any) -> bool:
    """Whether two values hold the same bytes."""
    if isinstance(a, np.ndarray):
        return bool(a.dtype == b.dtype and a.tobytes() == b.tobytes())
    return bool(a == b)


def test_held_out_answers_are_the_same_bytes(
    simulated: Corpus, given_weight_once: None
) -> None:
    """Folds, so what compare and fit print and store."""
    from xlate.data.pairing import align
    from xlate.evaluation.held_out import held_out

    few = simulated.runs_on("g3s.xlarge")["model"].unique().sort()[:5]
    anchor_runs, target_runs = (
        simulated.runs_on(i).filter(pl.col("model").is_in(few.to_list()))
        for i in ("g3s.xlarge", "p3.2xlarge")
    )
    aligned = align(anchor_runs, target_runs, "median")

    def answers(name: str) -> tuple[Fold, ...]:
        with settings.using(parallel=name):
            return held_out(aligned, ["ratio", "tree"], "simulated").folds

    first, *others = [answers(name) for name in BACKENDS]
    assert first
    assert len(others) > 1
    for other in others:
        assert len(other) == len(first)
        for a, b in zip(first, other, strict=True):
            for f in fields(a):
                assert same(getattr(a, f.name), getattr(b, f.name)), f.name


def test_tables_are_translated_to_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch, empty_home: Path
) -> None:
    from xlate.engine import fallback
    from xlate.store import bundle as bundles
    from xlate.values.vectors import Vectors

    shipped = bundles.find("g3s.xlarge", "p3.2xlarge")

    monkeypatch.setattr(fallback, "CHUNK_ROWS", 20)
    rng = np.random.default_rng(0)
    ops = shipped.plan.names
    times = rng.uniform(1, 100, (70, len(ops)))
    steps = times.sum(axis=1)

    def answer(name: str) -> Predicted:
        with settings.using(parallel=name):
            return fallback.predict(shipped, Vectors(ops, times, steps))

    first, *others = [answer(name) for name in BACKENDS]
    assert len(others) > 1
    for other in others:
        for f in fields(first):
            assert same(getattr(first, f.name), getattr(other, f.name)), f.name


def test_a_backend_pickles() -> None:
    for kind in parallel.BACKENDS.values():
        assert pickle.loads(pickle.dumps(kind(2))) == kind(2)
