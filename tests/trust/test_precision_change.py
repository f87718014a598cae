"""How far the precision of a run moves an answer's bounds, by the peaks of both GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.documents import document_of
from tests.support.narrowing import all_as, present
from xlate import engine
from xlate.hardware.catalogue import Gpu, catalogue
from xlate.hardware.product_rates import rates_elsewhere, recorded_rate
from xlate.store import bundle as bundles
from xlate.store.bundle import Bundle
from xlate.trust.precision_change import change_of
from xlate.values.kernel_precision import NOT_KNOWN
from xlate.values.profile import Profile, WorkloadKey
from xlate.values.translation import Translation

V100, A100, L4, K80, H100, P100, MI300X = (
    catalogue().gpu(n)
    for n in ("V100-SXM2-16GB", "A100-SXM4-40GB", "L4", "K80", "H100-SXM5-80GB",
              "P100-PCIe-16GB", "MI300X")
)  # fmt: skip
OPS = {
    "Device_aten::convolution": 60e3,
    "Device_aten::mm": 20e3,
    "Device_aten::relu": 20e3,
}


def profile(
    mix: dict[str, float],
    framework: str = "pytorch",
    precision: str = "fp32",
    ops: dict[str, float] = OPS,
) -> Profile:
    work = WorkloadKey(framework=framework, precision=precision)
    return Profile(ops, work, step_time_us=110e3, source="made", precision_us=mix)


def translated(
    mixes: Sequence[dict[str, float]], anchor: str, target: str
) -> list[Translation]:
    profiles = [profile(m) for m in mixes]
    return all_as(Translation, engine.translate(profiles, anchor, target))


@pytest.mark.parametrize(
    ("gpu", "label", "recorded_on", "rates"),
    [
        (A100, "fp16-tensor", V100, (312.0,)),
        (K80, "fp16-tensor", V100, (4.37,)),
        (P100, "fp16-tensor", V100, (9.5, 19.05)),
        (V100, "bf16-tensor", A100, (15.7,)),
        (V100, "tf32-tensor", A100, (15.7,)),
        # the next wider format
        (A100, "fp8-tensor", H100, (312.0,)),
        # tensor cores that the anchor did not have; where it had them, they were not used
        (V100, "fp16", P100, (15.7, 31.34, 125.0)),
        (A100, "fp16", V100, (19.5, 77.96)),
        (A100, "fp64", V100, (9.746, 19.5)),
        (L4, "fp64-tensor", A100, (0.4733,)),
        # AMD's libraries use TF32 only where a program asks for it
        (MI300X, "tf32-tensor", A100, (163.4, 653.7)),
        # never run without tensor cores at a rate that is known
        (V100, "int8-tensor", A100, ()),
    ],
)
def test_a_format_has_the_peaks_of_the_units_it_may_run_on(
    gpu: Gpu, label: str, recorded_on: Gpu, rates: tuple[float, ...]
) -> None:
    assert rates_elsewhere(gpu, label, recorded_on) == pytest.approx(rates)


def test_a_recorded_kernel_ran_at_one_peak() -> None:
    assert recorded_rate(A100, "tf32-tensor") == 156
    assert recorded_rate(MI300X, "fp32") == 163.4
    assert recorded_rate(P100, "fp16-tensor") is None


@pytest.mark.parametrize(
    ("mix", "anchor", "target", "low", "high"),
    [
        # 60 of 80 in convolutions, which become TF32; products of matrices do not
        ({"fp32": 1.0}, V100, A100, 1 - 0.75 * (1 - 15.7 / 156), 1.0),
        ({"fp32": 1.0}, A100, H100, 1.0, 1.0),
        ({"fp64": 1.0}, A100, L4, 1.0, 9.746 / 0.4733),
        ({"tf32-tensor": 0.8, "fp32": 0.2}, A100, V100, 1.0, 156 / 15.7),
        ({"bf16-tensor": 0.8, "bf16": 0.2}, A100, V100, 1.0, 312 / 15.7),
        ({"fp8-tensor": 0.8, "bf16": 0.2}, H100, A100, 1.0, 1979 / 312),
        ({"fp16": 1.0}, P100, V100, 19.05 / 125, 19.05 / 15.7),
        # 30 of 80 on tensor cores, 50 in fp32 of which three quarters may be TF32
        (
            {"fp16-tensor": 0.3, "fp32": 0.7},
            V100,
            A100,
            1 - 0.375 * (1 - 125 / 312) - 0.625 * 0.75 * (1 - 15.7 / 156),
            1.0,
        ),
        ({NOT_KNOWN: 1.0}, V100, A100, 1.0, 1.0),
        ({}, V100, A100, 1.0, 1.0),
        ({"fp64": 1.0}, A100, A100, 1.0, 1.0),
    ],
)
def test_peaks_say_how_far_products_may_change(
    mix: dict[str, float], anchor: Gpu, target: Gpu, low: float, high: float
) -> None:
    change = change_of(profile(mix), anchor, target, ratio=1.0)
    # one precision moves both bounds, and the value answered stays between them
    least = low if low < 1 else 1.0
    assert (change.low, change.high) == pytest.approx((least, max(high, 1.0)), rel=1e-3)


def test_a_precision_that_is_only_declared_counts_too() -> None:
    change = change_of(profile({}, precision="bf16"), A100, V100, ratio=1.0)
    assert change.high == pytest.approx(312 / 15.7)


def test_a_peak_that_is_not_known_is_named() -> None:
    change = change_of(profile({"int8-tensor": 1.0}), A100, V100, ratio=1.0)
    assert (change.low, change.high, change.not_known) == (1.0, 1.0, ("int8-tensor",))


def test_operations_that_memory_limits_do_not_follow_peaks(empty_home: Path) -> None:
    ops = {"Device_aten::relu": 60e3, "Device_aten::add": 40e3}
    run = profile({"fp64": 1.0}, ops=ops)
    (translation,) = all_as(
        Translation, engine.translate([run], "p4d.24xlarge", "g6.xlarge")
    )
    assert translation.facts.precision_interval_scale is None
    assert translation.facts.domain == "uncertain"


@pytest.mark.parametrize(
    ("mix", "anchor", "target", "moved", "domain"),
    [
        ({"fp32": 1.0}, "p3.2xlarge", "p4d.24xlarge", "low", "out_of_domain"),
        ({"fp64": 1.0}, "p4d.24xlarge", "g6.xlarge", "high", "out_of_domain"),
        ({"fp16-tensor": 1.0}, "p3.2xlarge", "p2.xlarge", "high", "out_of_domain"),
        ({"tf32-tensor": 1.0}, "p4d.24xlarge", "p3.2xlarge", "high", "out_of_domain"),
        # no library multiplies fp8 there
        ({"fp8-tensor": 1.0}, "p5.48xlarge", "p4d.24xlarge", "high", "out_of_domain"),
        # less than twofold
        ({"fp16-tensor": 1.0}, "p3.2xlarge", "g4dn.xlarge", "low", "uncertain"),
    ],
)
def test_an_interval_reaches_to_the_precision_of_the_run(
    empty_home: Path,
    mix: dict[str, float],
    anchor: str,
    target: str,
    moved: str,
    domain: str,
) -> None:
    changed, plain = translated([mix, {}], anchor, target)
    e, was = changed.step_time_s, plain.step_time_s
    assert e.value == was.value
    assert present(e.low) <= e.value <= present(e.high)
    scale = document_of(changed)["precision"]["interval_scale"]
    for side in ("low", "high"):
        assert getattr(e, side) == pytest.approx(getattr(was, side) * scale[side])
    assert (scale["low"] < 0.95) == (moved == "low")
    assert (scale["high"] > 1.05) == (moved == "high")
    assert changed.facts.domain == domain
    assert any("the answer holds for fp32" in r for r in changed.verdict.reasons)
    assert changed.facts.precision_assumed == "fp32"
    usd, usd_was = (
        present(changed.usd_per_1000_steps),
        present(plain.usd_per_1000_steps),
    )
    assert present(usd.high) == pytest.approx(present(usd_was.high) * scale["high"])


def test_four_precisions_have_four_intervals(empty_home: Path) -> None:
    """They had one: only the names of kernels differ."""
    mixes: list[dict[str, float]] = [
        {"fp32": 1.0}, {"fp16-tensor": 0.8, "fp16": 0.2}, {"fp64": 1.0}, {}
    ]  # fmt: skip
    translations = translated(mixes, "p3.2xlarge", "p4d.24xlarge")
    assert len({(t.step_time_s.low, t.step_time_s.high) for t in translations}) == 4
    assert len({t.step_time_s.value for t in translations}) == 1
    assert translations[-1].facts.precision_interval_scale is None


@pytest.mark.parametrize(
    ("mix", "changes"),
    [
        # too little is known for a format to stand for the run
        ({"fp32": 0.3, NOT_KNOWN: 0.7}, False),
        # what tensor cores did is products all the same
        ({"tf32-tensor": 0.3, NOT_KNOWN: 0.7}, True),
    ],
)
def test_a_run_of_unknown_precision_changes_nothing(
    empty_home: Path, mix: dict[str, float], changes: bool
) -> None:
    (answer,) = translated([mix], "p4d.24xlarge", "p3.2xlarge")
    assert (answer.facts.precision_interval_scale is not None) == changes


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return bundles.load(bundles.shipped_folder("g4dn.xlarge", "p3.2xlarge"))


def test_a_bundle_answers_in_the_precision_of_its_training(
    empty_home: Path, shipped: Bundle, example: Path
) -> None:
    (p,) = all_as(
        Profile, engine.read_profiles([example], batch_size=64, dataset="128px")
    )
    timed = replace(p, step_time_us=p.window_us / 2.05, instance=None)
    fp32, half = all_as(
        Translation,
        engine.translate(
            [
                replace(timed, precision_us={"fp32": 1.0}),
                replace(timed, precision_us={"fp16-tensor": 0.9, "fp32": 0.1}),
            ],
            "g4dn.xlarge",
            "p3.2xlarge",
            bundle=shipped,
        ),
    )
    assert fp32.facts.precision_assumed == half.facts.precision_assumed == "fp32"
    assert fp32.facts.precision_interval_scale is None
    assert fp32.verdict.level != "refuse"
    assert present(half.facts.precision_interval_scale)
    assert half.step_time_s.value == fp32.step_time_s.value
