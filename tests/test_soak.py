"""The part of ``make soak`` that runs in CI, and that the cases can fail at all."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from tests.soak.case import Case
from tests.soak.kinds import every_case
from tests.soak.lab import Lab, Outcome
from tests.soak.runner import run, sampled, table
from tests.soak.truths import complaints
from tests.soak.worker import judge
from tests.support.documents import Json

pytestmark = pytest.mark.slow

#: one case of each kind in this number: some 90 inputs, under a minute on two cores
ONE_IN = 40


def test_there_are_cases_enough() -> None:
    cases = every_case()
    assert len(cases) >= 700
    assert all(c.origin for c in cases)


@pytest.mark.soak
def test_one_input_in_forty(tmp_path: Path) -> None:
    chosen = [c for c in sampled(every_case(), ONE_IN) if "clocks" not in c.needs]
    results = run(chosen, tmp_path / "home")
    assert not [r for r in results if r.wrong], "\n" + table(results)


GOOD = Outcome(
    ("translate", "a.csv", "--json"),
    0,
    '[{"target": "p3.2xlarge", "step_time_s": {"value": 0.1, "low": 0.05, "high": 0.2}, "usd_per_1000_steps": {"value": 0.085, "low": 0.04, "high": 0.17}, "verdict": {"level": "ok", "reasons": []}}]',
    "",
)


def test_a_good_answer_has_no_complaint() -> None:
    assert list(complaints(GOOD)) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"crash": "x.PanicException"}, "crashed"),
        ({"exit": 134}, "exit code 134"),
        ({"err": "Traceback (most recent call last):\n  x\nKeyError: 3"}, "KeyError"),
        ({"err": "a.py:3: RuntimeWarning: divide by zero"}, "warning"),
        ({"err": "safe\x1b[31m"}, "control character"),
        ({"out": GOOD.out + "{}"}, "not one JSON document"),
        ({"out": GOOD.out.replace("0.1,", "NaN,")}, "NaN"),
        ({"out": GOOD.out.replace('"low": 0.05', '"low": 0.15')}, "not within"),
        ({"out": GOOD.out.replace('"value": 0.1', '"value": -0.1')}, "negative"),
        (
            {
                "out": GOOD.out.replace('"value": 0.1', '"value": 6e-9').replace(
                    "0.05", "1e-9"
                )
            },
            "a step of",
        ),
        (
            {"out": GOOD.out.replace("0.085", "0.0106").replace("0.04", "0.005")},
            "instance costs",
        ),
        ({"out": GOOD.out.replace('"ok"', '"widen"')}, "without a reason"),
    ],
)
def test_what_is_never_true_is_noticed(change: Json, says: str) -> None:
    assert any(says in c for c in complaints(replace(GOOD, **change)))


def test_memory_that_does_not_fit_is_noticed() -> None:
    out = '{"memory": {"need_bytes": 20, "have_bytes": 10, "fits": "yes"}}'
    assert list(complaints(Outcome((), 0, out, "")))


def test_good_inputs_pass_in_a_worker(tmp_path: Path) -> None:
    chosen = [
        c
        for c in every_case()
        if c.id in ("stats_csv/valid-plain", "stats_csv/valid-bom")
    ]
    results = run(chosen, tmp_path / "home", workers=1)
    assert [r.wrong for r in results] == [(), ()]
    assert math.isfinite(results[0].seconds)
    assert "stats_csv" in table(results)


def test_a_case_that_raises_is_wrong(tmp_path: Path) -> None:
    def broken(_: Lab) -> list[str]:
        raise KeyError("a")

    assert "KeyError" in judge(Case("a/b", "c", broken), tmp_path)["wrong"][0]
