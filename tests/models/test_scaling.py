"""One profile at other sizes: physics that is known, and the simulated corpus."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

import xlate
from tests.support.narrowing import all_as, present
from xlate import engine
from xlate.cli import app
from xlate.engine.fit_pair import FitResult
from xlate.errors import AlignmentError, BundleError, ProfileError, UnknownNameError
from xlate.models.scaling import Scaler, polynomial_between
from xlate.values.profile import Profile, WorkloadKey
from xlate.values.profile_document import to_json
from xlate.values.reason import NEARER

pytestmark = pytest.mark.slow

OPS = ["Device_Conv2D", "Device_IDLE", "Device_Relu"]


def runs(
    models: int = 8, sizes: tuple[int, ...] = (16, 32, 64, 128, 256)
) -> tuple[
    NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.str_]
]:
    """Launch time plus work in proportion to the batch; a host path that stays."""
    rows = []
    for m in range(models):
        for b in sizes:
            conv, relu = 40 + 3.0 * (m + 1) * b, 20 + 0.4 * (m + 1) * b
            host = 900.0
            busy = 2 * (conv + relu)
            window = (busy**3 + (4 * host) ** 3) ** (1 / 3)
            step = ((busy / 2) ** 3 + host**3) ** (1 / 3)
            rows.append((2 * conv, window - busy, 2 * relu, step, b, m))
    table = np.array(rows)
    models_of = np.array([f"m{int(m)}" for m in table[:, 5]])
    return table[:, :3], table[:, 3], table[:, 4], models_of


def test_a_model_left_out_is_scaled_up_and_down() -> None:
    times, steps, sizes, models = runs()
    test = models == "m4"
    scaler = Scaler(OPS, "batch-size").fit(
        times[~test], steps[~test], sizes[~test], models[~test], models[~test]
    )
    errors, naive = [], []
    for a in np.flatnonzero(test):
        for b in np.flatnonzero(test):
            hat = scaler.predict(times[a], steps[a], sizes[a], sizes[b])
            errors.append(abs(hat.step / steps[b] - 1))
            naive.append(abs(steps[a] * sizes[b] / sizes[a] / steps[b] - 1))
    assert np.mean(errors) < 0.10 < np.mean(naive)
    same = scaler.predict(times[0], steps[0], 16, 16)
    assert same.step == steps[0]
    np.testing.assert_array_equal(same.ops, times[0])


def test_errors_grow_with_every_octave() -> None:
    times, steps, sizes, models = runs()
    scaler = Scaler(OPS, "batch-size").calibrate(times, steps, sizes, models, models)
    one, two = scaler.factor(1, 0.9), scaler.factor(2, 0.9)
    assert 1 < one < two
    assert two == pytest.approx(one**2)
    assert scaler.range_ == (16, 256)


def test_too_few_sizes_are_not_fitted() -> None:
    times, steps, sizes, models = runs(sizes=(16,))
    with pytest.raises(AlignmentError, match="0 pairs of runs differ in batch-size"):
        Scaler(OPS, "batch-size").fit(times, steps, sizes, models, models)
    with pytest.raises(UnknownNameError, match="axis of size"):
        Scaler(OPS, "batch")


def test_the_peer_puts_a_polynomial_between_two_ends() -> None:
    _, steps, sizes, models = runs()
    c = polynomial_between(sizes, steps, models)
    assert np.polyval(c, 0) == pytest.approx(0, abs=0.02)
    assert np.polyval(c, 1) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("batch-size=16..256", [16, 32, 64, 128, 256]),
        ("batch-size=16..100", [16, 32, 64, 100]),
        ("input-size=128,224", [128, 224]),
    ],
)
def test_sizes_wanted(text: str, sizes: list[int]) -> None:
    assert engine.wanted_sizes(text) == (text.partition("=")[0], sizes)


@pytest.mark.parametrize(
    "text",
    ["", "batch=3", "batch-size", "batch-size=x", "batch-size=64..16", "batch-size=0"],
)
def test_invalid_sizes_are_refused(text: str) -> None:
    with pytest.raises(ProfileError, match="size"):
        engine.wanted_sizes(text)


def test_here_and_there(fitted: FitResult, example: Path, tmp_path: Path) -> None:
    command = ["translate", str(example), "--anchor", "g3s", "--target", "p3"]
    command += ["--step-time", "105", "--scale", "batch-size=32..128"]
    done = CliRunner().invoke(app, [*command, "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert [f["batch_size"] for f in document] == [32, 64, 128]
    assert [f["measured"] for f in document] == [False, True, False]
    anchor_s = [f["anchor_step_time_s"]["value"] for f in document]
    there = [f["translation"]["step_time_s"] for f in document]
    assert anchor_s == sorted(anchor_s)
    assert anchor_s[1] == pytest.approx(0.105)
    assert there[0]["value"] < there[2]["value"]
    assert there[1]["value"] < there[2]["value"]
    widths = [t["high"] / t["low"] for t in there]
    assert min(widths) == widths[1]
    done = CliRunner().invoke(app, command)
    assert "64 *" in done.stdout


def test_from_python(fitted: FitResult, example: Path) -> None:
    (profile,) = all_as(Profile, engine.read_profiles([example], step_time_us=1e5))
    scaled = xlate.scale(profile, "g3s", "p3", "batch-size=32..128")
    assert [f.size for f in scaled] == [32, 64, 128]
    faster = {c: 0.7 * v for c, v in profile.ops.items()}
    other = replace(profile, ops=faster, step_time_us=7e4, instance=None)
    both = xlate.translate_together({"g3s": profile, "g4dn": other}, "p3")
    assert len(both.parts) == 2


def test_what_scaling_needs_is_said(fitted: FitResult, example: Path) -> None:
    (profile,) = all_as(Profile, engine.read_profiles([example], step_time_us=1e5))
    bare = Profile(profile.ops, WorkloadKey("ResNet18"), None, 1e5, "x.csv")
    with pytest.raises(ProfileError, match="does not say its batch-size"):
        engine.scale(bare, "g3s", "p3", "batch-size", [32])
    (unknown,) = all_as(Profile, engine.read_profiles([example]))
    with pytest.raises(ProfileError, match="no step time"):
        engine.scale(unknown, "g3s", "p3", "batch-size", [32])
    with pytest.raises(BundleError, match="not learnt colour"):
        engine.scale(profile, "g3s", "p3", "colour", [32])
    with pytest.raises(ProfileError, match="16384 is far outside training"):
        engine.scale(profile, "g3s", "p3", "batch-size", [16384])
    (far,) = engine.scale(profile, "g3s", "p3", "batch-size", [128])
    assert NEARER in far.translation.facts.what_to_do
    assert far.translation.verdict.level != "ok"
    assert "outside training" in far.translation.verdict.reasons[0]


def test_sizes_that_may_not_fit_are_marked(
    fitted: FitResult, example: Path, tmp_path: Path
) -> None:
    profile = replace(
        xlate.read_profile(example), step_time_us=1.05e5, memory_bytes=3 * 1024**3
    )
    small, own, double, four = engine.scale(
        profile, "g3s", "p3", "batch-size", [16, 64, 128, 256]
    )
    large = replace(profile, memory_bytes=6 * 1024**3)
    (most,) = engine.scale(large, "g3s", "p3", "batch-size", [256])
    # weights stay, so that a smaller job may need as much
    assert small.memory_bytes == own.memory_bytes == 3 * 1024**3
    # an M60 has 8 GiB, a V100 16; 6 GiB leave an M60 less than the reserve
    assert own.too_large_for == ()
    assert double.too_large_for == ("M60",)
    assert present(double.translation.memory).fits == "yes"
    assert four.too_large_for == ("M60",)
    assert most.too_large_for == ("M60", "V100-SXM2-16GB")
    assert any("needs 12.0 GiB, M60 has" in r for r in four.translation.verdict.reasons)
    assert present(most.translation.memory).fits == "unsure"
    assert four.translation.verdict.level != "ok"
    path = tmp_path / "p.json"
    path.write_text(json.dumps(to_json(profile)))
    command = ["translate", str(path), "--anchor", "g3s", "--target", "p3"]
    done = CliRunner().invoke(app, [*command, "--scale", "batch-size=64..256"])
    assert "256 OOM?" in done.stdout
    assert "may be out of memory" in done.stdout
    assert "may not fit: needs 12.0 GiB" in done.stdout
