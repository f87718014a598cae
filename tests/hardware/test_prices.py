"""What must be paid: the whole instance, and the share of its GPUs beside it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import xlate
from tests.support.documents import document_of
from tests.support.narrowing import all_as, present
from xlate import engine
from xlate.cli import app
from xlate.engine.clock_costs import StepCosts
from xlate.errors import CatalogError, XlateError
from xlate.hardware.catalogue import catalogue
from xlate.hardware.prices import rent_of_instance, why_no_rent
from xlate.objectives import Cost, make_objective
from xlate.values.profile import Estimate, Profile

CATALOGUE = catalogue()


def asked(*args: str | Path) -> str:
    done = CliRunner().invoke(app, [str(a) for a in args])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("name", ["p3.2xlarge", "p4d.24xlarge", "p5.48xlarge"])
def test_the_whole_instance_is_paid(empty_home: Path, example: Path, name: str) -> None:
    (t,) = xlate.translate(example, "g3s.xlarge", name)
    instance = CATALOGUE.instance(name)
    an_hour = present(instance.price).usd_per_h
    assert present(t.usd_per_1000_steps).value == pytest.approx(
        t.step_time_s.value * 1000 / 3600 * an_hour
    )
    assert present(t.usd_per_1000_steps_gpu_share).value == pytest.approx(
        present(t.usd_per_1000_steps).value / instance.gpu_count
    )
    rent = t.to_json()["rent"]
    assert rent == {
        "usd_per_h_instance": an_hour,
        "gpus_in_instance": instance.gpu_count,
        "gpus_used": 1,
        "region": "us-east-1",
        "date": present(instance.price).date,
        "kind": "on-demand",
        "usd_per_kwh": 0.0,
        "usd_per_h_gpu_share": an_hour / instance.gpu_count,
    }


def test_eight_gpus_are_not_cheaper_than_one(empty_home: Path, example: Path) -> None:
    dollars = {
        n: present(
            xlate.translate(example, "g3s.xlarge", n)[0].usd_per_1000_steps
        ).value
        for n in ("p3.2xlarge", "p5.48xlarge")
    }
    assert dollars["p5.48xlarge"] > dollars["p3.2xlarge"]


@pytest.mark.parametrize("columns", ["80", "200"])
def test_people_see_price_place_date_and_share(
    empty_home: Path, example: Path, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    command = ("translate", example, "--anchor", "g3s.xlarge", "--target", "p5.48xlarge")  # fmt: skip
    out = " ".join(asked(*command).split())
    assert "$ 55.04 an hour for 8 GPUs, on-demand, us-east-1, 2026-09-24" in out
    assert "share of 1 of 8 GPUs" in out
    many = " ".join(asked("translate", example, *command[1:]).split())
    assert "55.04" in many
    assert max(map(len, asked(*command).splitlines())) <= int(columns)


def test_a_gpu_alone_has_no_price_and_says_so(empty_home: Path, example: Path) -> None:
    (t,) = xlate.translate(example, "g3s.xlarge", "H100-SXM5")
    assert t.usd_per_1000_steps is None
    assert t.usd_per_1000_steps_gpu_share is None
    document = document_of(t)
    assert document["rent"] is None
    assert "is a GPU" in document["no_rent"]
    assert "p5.48xlarge" in document["no_rent"]
    out = asked("translate", example, "--anchor", "g3s.xlarge", "--target", "H100-SXM5")
    assert "is a GPU" in out
    assert "has no price" not in why_no_rent(CATALOGUE.instance("H100-SXM5"), CATALOGUE)


@pytest.mark.parametrize("price", [0.0, -5.0, math.nan, math.inf])
def test_a_price_that_cannot_be_is_not_printed(price: float) -> None:
    instance = CATALOGUE.instance("p5.48xlarge")
    wrong = replace(
        instance, prices=(replace(present(instance.price), usd_per_h=price),)
    )
    with pytest.raises(CatalogError, match="cannot be paid"):
        rent_of_instance(wrong)
    with pytest.raises(CatalogError, match="9 of 8 GPUs"):
        rent_of_instance(instance, 9)


@pytest.mark.parametrize("rent", [-1.0, math.nan, math.inf])
def test_an_objective_refuses_a_rent_that_cannot_be(rent: float) -> None:
    with pytest.raises(XlateError, match="cannot be"):
        Cost(rent)


def test_sizes_and_two_anchors_pay_the_same(empty_home: Path, example: Path) -> None:
    (profile,) = all_as(Profile, engine.read_profiles([example], step_time_us=1e5))
    for f in xlate.scale(profile, "g3s", "p3", "batch-size=32..128"):
        t = f.translation
        for bound in ("value", "low", "high"):
            seconds = getattr(t.step_time_s, bound)
            assert getattr(t.usd_per_1000_steps, bound) == pytest.approx(
                present(t.rent).for_steps(Estimate(seconds)).value
            )
        assert document_of(t)["rent"]["usd_per_h_instance"] == 3.06
    faster = {c: 0.7 * v for c, v in profile.ops.items()}
    other = replace(profile, ops=faster, step_time_us=7e4, instance=None)
    both = xlate.translate_together({"g3s": profile, "g4dn": other}, "p5.48xlarge")
    t = both.combined
    assert t.usd_per_1000_steps == present(t.rent).for_steps(t.step_time_s)
    assert document_of(t)["rent"]["gpus_in_instance"] == 8


def test_clocks_are_paid_by_the_instance() -> None:
    costs = StepCosts(
        Estimate(0.1), rent_of_instance(CATALOGUE.instance("p5.48xlarge"))
    )
    hours = 0.1 * 1000 / 3600
    # who rents a machine does not pay for its electricity again
    assert costs.usd(1.0, 500.0) == pytest.approx(hours * 55.04)
    assert costs.usd(1.0, 500.0, share=True) == pytest.approx(hours * 6.88)
    own = replace(CATALOGUE.instance("p5.48xlarge"), provider="own")
    costs = StepCosts(Estimate(0.1), rent_of_instance(own))
    # 500 W at 0.10 $/kWh
    assert costs.usd(1.0, 500.0) == pytest.approx(hours * (55.04 + 0.05))
    assert costs.usd(1.0, 500.0, share=True) == pytest.approx(hours * (6.88 + 0.05))
    assert StepCosts(Estimate(0.1), None).usd(1.0, 500.0) is None


def test_the_objective_of_dollars_is_what_is_paid() -> None:
    """A clock that is 2 % slower and draws half is cheaper only where power is paid."""
    time, power = np.array([1.02, 1.0]), np.array([150.0, 300.0])
    rented = rent_of_instance(CATALOGUE.instance("p3.2xlarge"))
    own = rent_of_instance(
        replace(
            CATALOGUE.instance("p3.2xlarge"),
            provider="own",
            prices=(
                replace(
                    present(CATALOGUE.instance("p3.2xlarge").price), usd_per_h=0.20
                ),
            ),
        )
    )
    for rent, best in ((rented, 1), (own, 0)):
        costs = StepCosts(Estimate(0.1), rent)
        aim = make_objective("cost", costs.usd_per_h, 1.0, costs.usd_per_kwh)
        score = aim.log_score(time, power)
        paid = [present(costs.usd(t, p)) for t, p in zip(time, power, strict=True)]
        assert int(score.argmin()) == int(np.argmin(paid)) == best
        np.testing.assert_allclose(np.exp(score[0] - score[1]), paid[0] / paid[1])


def test_many_profiles_show_rent_and_fit(empty_home: Path, example: Path) -> None:
    out = asked(
        "translate",
        example,
        example,
        "--anchor",
        "g3s.xlarge",
        "--target",
        "p4d.24xlarge",
    )
    assert "$/1000" in out
    assert "fits" in out
    assert "$ 21.9576 an hour for 8 GPUs" in " ".join(out.split())
    document = json.loads(
        asked(
            "translate",
            example,
            "--anchor",
            "g3s.xlarge",
            "--target",
            "p4d.24xlarge",
            "--json",
        )
    )
    assert document[0]["usd_per_1000_steps_gpu_share"]["value"] > 0
