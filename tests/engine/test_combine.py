"""Two cheap profiles of one workload, one answer."""

from __future__ import annotations

import json
import math
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from tests.support.documents import Json
from tests.support.narrowing import present
from xlate import engine, op_names
from xlate.cli import app
from xlate.data.corpus import Corpus
from xlate.engine.fit_pair import FitResult
from xlate.errors import ProfileError
from xlate.values.profile import Profile, WorkloadKey

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("given_weight")]


@pytest.fixture(scope="module")
def pair(fitted: FitResult, simulated: Corpus) -> tuple[dict[str, Profile], float]:
    """Profiles of one job on g3s and g4dn, and the step time it has on p3."""
    engine.fit("g4dn", "p3", "simulated", translators=("ratio",))
    of: Json = {"model": "ResNet18", "dataset": "128px", "batch_size": 64}
    rows = simulated.wide.filter(pl.col("repeat") == 1, **of)
    profiles = {}
    for anchor in ("g3s.xlarge", "g4dn.xlarge"):
        row = rows.filter(pl.col("instance") == anchor).row(0, named=True)
        ops = {c: v for c, v in row.items() if op_names.is_op_column(c) and v}
        profiles[anchor] = Profile(ops, WorkloadKey(**of), None, row["step_time_us"])
    truth = rows.filter(pl.col("instance") == "p3.2xlarge")["step_time_us"][0] / 1e6
    return profiles, truth


def test_the_combined_answer_is_between_the_parts_and_contains_the_truth(
    pair: tuple[dict[str, Profile], float],
) -> None:
    profiles, truth = pair
    both = engine.translate_together(profiles, "p3")
    values = [p.step_time_s.value for p in both.parts]
    step = both.combined.step_time_s
    assert min(values) <= step.value <= max(values)
    assert truth is not None
    assert present(step.low) < truth < present(step.high)
    assert sum(both.weights) == pytest.approx(1)
    assert both.combined.anchor == "g3s.xlarge + g4dn.xlarge"
    assert present(both.combined.ops)["Device_Conv2D"] > 0
    low, high = both.combined.op_intervals["Device_Conv2D"]
    assert low < present(both.combined.ops)["Device_Conv2D"] < high


def test_the_anchor_with_the_narrower_interval_has_more_weight(
    pair: tuple[dict[str, Profile], float],
) -> None:
    profiles, _ = pair
    both = engine.translate_together(profiles, "p3")
    widths = [
        math.log(present(p.step_time_s.high) / present(p.step_time_s.low))
        for p in both.parts
    ]
    sure = widths.index(min(widths))
    assert both.weights[sure] == max(both.weights)


def test_what_cannot_be_combined_is_said(
    pair: tuple[dict[str, Profile], float],
) -> None:
    profiles, _ = pair
    one = {"g3s": profiles["g3s.xlarge"]}
    with pytest.raises(ProfileError, match="one anchor is no combination"):
        engine.translate_together(one, "p3")
    with pytest.raises(ProfileError, match="stands twice"):
        engine.translate_together(one | {"g3s.xlarge": profiles["g3s.xlarge"]}, "p3")
    other = Profile(profiles["g4dn.xlarge"].ops, WorkloadKey("VGG11", "128px", 64))
    with pytest.raises(ProfileError, match="model ResNet18 on g3s, VGG11 on g4dn"):
        engine.translate_together(one | {"g4dn": other}, "p3")


def test_the_command(pair: tuple[dict[str, Profile], float], tmp_path: Path) -> None:
    profiles, _ = pair
    given = []
    for anchor, p in profiles.items():
        path = tmp_path / f"{anchor}.json"
        document = {"ops": dict(p.ops), "step_time_us": p.step_time_us}
        path.write_text(json.dumps([document | {"workload": {"model": "ResNet18"}}]))
        given += ["--profile", f"{anchor}={path}"]
    done = CliRunner().invoke(app, ["translate", *given, "--target", "p3", "--json"])
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert set(printed) == {"combined", "parts", "weights"}
    done = CliRunner().invoke(app, ["translate", *given, "--target", "p3"])
    assert "one workload from 2 anchors" in done.stdout
    for wrong in (
        ["--target", "p3"],
        ["--profile", "g3s", "--target", "p3"],
        [*given, "--anchor", "g3s", "--target", "p3"],
    ):
        done = CliRunner().invoke(app, ["translate", *wrong])
        assert done.exit_code == 2


def test_one_run_under_two_names_of_its_gpu_is_refused() -> None:
    profile = Profile(
        {"Device_Conv2D": 9e4, "Device_Relu": 1e4},
        WorkloadKey("ResNet50", "64px", 32, "Adam"),
        step_time_us=5e4,
    )
    with pytest.raises(ProfileError, match="are the same run"):
        engine.translate_together({"p2.xlarge": profile, "K80": profile}, "p3.2xlarge")
