from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.support.narrowing import present
from xlate.data.corpus import Corpus
from xlate.data.simulated import build, example_csv, machines, workloads
from xlate.data.simulated.layers import Step
from xlate.data.simulated.machine import Machine
from xlate.data.simulated.networks import step
from xlate.hardware.catalogue import catalogue
from xlate.settings.paths import shipped


@pytest.fixture(scope="module")
def built() -> dict[str, pl.DataFrame]:
    return build()


def machine(name: str) -> Machine:
    return Machine(catalogue().gpu(name))


@pytest.mark.slow
def test_what_ships_is_what_is_built(
    built: dict[str, pl.DataFrame], simulated: Corpus
) -> None:
    for name in ("runs", "ops", "telemetry", "sweeps"):
        ours = built[name].sort(built[name].columns)
        shipped_table = getattr(simulated, name)
        assert ours.equals(shipped_table.sort(shipped_table.columns)), name


def test_the_example_is_what_is_built(example: Path) -> None:
    name, text = example_csv()
    assert example.name == name
    assert example.read_text() == text


def test_it_is_small_and_broad() -> None:
    folder = shipped("datasets") / "simulated"
    assert sum(p.stat().st_size for p in folder.iterdir()) < 3_000_000
    assert len({w[0] for w in workloads()}) >= 12
    assert len(machines(catalogue())) >= 15


def test_convolution_counts_by_hand() -> None:
    s = Step(batch=2, h=8, w=8, c=3).conv(3, 16, norm=False, act=None, first=True)
    (conv,) = [k for k in s.kernels if k.op == "Conv2D"]
    assert conv.flops == 2 * 2 * 8 * 8 * 16 * 3 * 9
    assert conv.bytes == 4 * (2 * 8 * 8 * 3 + 2 * 8 * 8 * 16 + 3 * 9 * 16)


@pytest.mark.parametrize(
    ("model", "size", "gflops"),
    # forward operations of one sample as the papers state them (multiply and
    # add counted apart), within a fifth: heads have 10 classes here
    [
        ("VGG16", 224, 30.9),
        ("ResNet50", 224, 8.2),
        ("ResNet18", 224, 3.6),
        ("MobileNetV2", 224, 0.60),
    ],
)
def test_networks_have_the_size_of_their_papers(
    model: str, size: int, gflops: float
) -> None:
    kernels = step(model, 1, size).kernels
    forward = sum(
        k.flops for k in kernels if k.op in ("Conv2D", "DepthwiseConv2dNative")
    )
    forward += sum(k.flops for k in kernels if k.op == "MatMul")
    assert forward / 1e9 == pytest.approx(gflops, rel=0.2)


def test_a_larger_batch_takes_longer_and_a_faster_card_shorter() -> None:
    rng = np.random.default_rng
    small, large = (
        machine("T4").run(step("ResNet18", b, 128), rng(0)) for b in (16, 64)
    )
    assert large.step_time_us > 2 * small.step_time_us
    fast = machine("A100-SXM4-40GB").run(step("ResNet18", 64, 128), rng(0))
    assert fast.step_time_us < large.step_time_us / 2


def test_large_kernels_approach_the_roofline_and_small_ones_the_floor() -> None:
    v100 = machine("V100-SXM2-16GB")
    flops = 1e13
    time, _ = v100.kernel_us("MatMul", flops, 1e6)
    assert time == pytest.approx(flops / (15.7e6 * 0.75), rel=0.01)
    tiny, _ = v100.kernel_us("Mul", 10, 10)
    assert 2.6 <= tiny < 5


def test_operations_differ_between_generations(built: dict[str, pl.DataFrame]) -> None:
    on = (
        built["ops"]
        .join(built["runs"].select("run_id", "instance"), on="run_id")
        .group_by("op")
        .agg(pl.col("instance").unique())
    )
    where = {op: set(i) for op, i in on.iter_rows()}
    assert "p3.2xlarge" not in where["Device_ArgMax"]
    assert "p2.xlarge" in where["Device_ArgMax"]
    assert "p2.xlarge" not in where["Device__Send"]


def test_repeats_scatter_as_measured(built: dict[str, pl.DataFrame]) -> None:
    spread = (
        built["runs"]
        .filter(
            pl.col("repeat").max().over("instance", "model", "dataset", "batch_size")
            == 3
        )
        .group_by("instance", "model", "dataset", "batch_size")
        .agg((pl.col("step_time_us").std() / pl.col("step_time_us").mean()).alias("cv"))
        .group_by("instance")
        .agg(pl.col("cv").mean())
    )
    cv = dict(spread.iter_rows())
    for instance, measured in (
        ("g3s.xlarge", 0.005),
        ("p2.xlarge", 0.006),
        ("g4dn.xlarge", 0.016),
        ("p3.2xlarge", 0.025),
    ):
        assert cv[instance] == pytest.approx(measured, rel=0.6)


def test_power_stays_below_the_limit_and_falls_with_the_clock(
    built: dict[str, pl.DataFrame],
) -> None:
    sweeps = built["sweeps"]
    assert sweeps.height
    for (gpu, _), curve in sweeps.group_by("gpu", "workload"):
        ordered = curve.sort("sm_mhz")
        assert (ordered["power_w"].diff().drop_nulls() >= 0).all()
        assert (ordered["time_s"].diff().drop_nulls() <= 0).all()
        limit_w = present(catalogue().gpu(str(gpu)).number("tdp_w"))
        assert (ordered["power_w"] <= limit_w).all()


@pytest.mark.slow
def test_another_seed_gives_other_noise_only(built: dict[str, pl.DataFrame]) -> None:
    other = build(seed=1)
    assert not other["ops"].equals(built["ops"])
    ratio = other["runs"]["step_time_us"] / built["runs"]["step_time_us"]
    assert (ratio > 0.8).all()
    assert (ratio < 1.25).all()
    assert ratio.n_unique() > 1


def test_what_does_not_fit_in_memory_has_no_run(built: dict[str, pl.DataFrame]) -> None:
    assert not machine("M60").fits(step("VGG16", 64, 224))
    runs = built["runs"].filter(
        (pl.col("model") == "VGG16")
        & (pl.col("dataset") == "224px")
        & (pl.col("batch_size") == 64)
    )
    assert "g3s.xlarge" not in set(runs["instance"])


def test_a_gpu_without_facts_cannot_be_simulated() -> None:
    with pytest.raises(ValueError, match="Radeon-780M lacks"):
        machine("Radeon-780M")
