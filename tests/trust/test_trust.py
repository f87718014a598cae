"""Step times, GPUs and sizes that cannot be right, and what answers then."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import xlate
from tests.support.documents import Json
from tests.support.narrowing import all_as, present
from xlate import engine
from xlate.data.corpus import Corpus
from xlate.data.pairing import median_of_repeats
from xlate.errors import ProfileError
from xlate.hardware.catalogue import catalogue
from xlate.store import bundle as bundles
from xlate.store.bundle import Bundle
from xlate.trust.domain import compare_names
from xlate.trust.profile_window import StepDoubt, WindowBand, general_doubt
from xlate.trust.recorded_gpu import Origin, Recorded
from xlate.values.profile import Profile, WorkloadKey
from xlate.values.reason import CHECK_ANCHOR, Reason, remedies
from xlate.values.translation import Translation

PAIR = ("g4dn.xlarge", "p3.2xlarge")
PYTORCH = WorkloadKey("BERT", "512tok", 8, "none", "inference", "fp32", "pytorch")


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return bundles.load(bundles.shipped_folder(*PAIR))


@pytest.fixture
def timed_profile(example: Path) -> Profile:
    """A TensorFlow profile with a step time that fits it."""
    (p,) = all_as(
        Profile, engine.read_profiles([example], batch_size=64, dataset="128px")
    )
    return replace(p, step_time_us=p.window_us / 2.05, instance=None)


def transformer(scale: float = 1.0) -> Profile:
    ops = {"addmm": 9e3, "bmm": 3e3, "_softmax": 8e2, "native_layer_norm": 6e2, "gelu": 5e2}  # fmt: skip
    vector = {f"Device_aten::{k}": v * scale for k, v in ops.items()}
    busy = sum(vector.values())
    return Profile(
        vector | {"Device_IDLE": 0.1 * busy}, PYTORCH, step_time_us=1.1 * busy
    )


@pytest.mark.parametrize("factor", [0.16, 0.25, 0.5, 2.2, 4.0])
def test_a_step_time_that_does_not_fit_is_reported_and_never_raises_confidence(
    shipped: Bundle, timed_profile: Profile, factor: float
) -> None:
    wrong = replace(
        timed_profile, step_time_us=present(timed_profile.step_time_us) * factor
    )
    alone = replace(timed_profile, step_time_us=None)
    answers = all_as(
        Translation,
        engine.translate([wrong, alone, timed_profile], *PAIR, bundle=shipped),
    )
    doubted, without, right = answers
    (said,) = [r for r in doubted.verdict.reasons if "does not fit" in r]
    assert doubted.verdict.level != "ok"
    suggested = float(said.partition("suggests about ")[2].split()[0]) * 1e3
    assert suggested == pytest.approx(timed_profile.step_time_us, rel=0.25)
    one, other = doubted.step_time_s, without.step_time_s
    assert (
        present(one.low)
        <= present(other.low)
        <= present(other.high)
        <= present(one.high)
    )
    rent = doubted.usd_per_1000_steps
    assert rent is not None
    assert present(rent.high) / present(rent.low) == pytest.approx(
        present(one.high) / present(one.low)
    )
    assert not any("does not fit" in r for r in right.verdict.reasons)


def test_profiles_of_one_step_have_a_separate_band() -> None:
    good = transformer()
    assert general_doubt(good) is None
    for factor in (0.1, 0.3, 4.0):
        doubt = general_doubt(
            replace(good, step_time_us=present(good.step_time_us) * factor)
        )
        assert doubt is not None
        assert doubt.suggested_us == pytest.approx(good.window_us)
    assert general_doubt(replace(good, step_time_us=None)) is None
    work = {k: v for k, v in good.ops.items() if k != "Device_IDLE"}
    bare = Profile(work, PYTORCH, step_time_us=good.step_time_us)
    assert general_doubt(bare) is None
    assert (
        general_doubt(replace(bare, step_time_us=present(bare.step_time_us) / 5))
        is not None
    )


def test_the_band_follows_how_long_the_device_waits() -> None:
    rng = np.random.default_rng(0)
    busy = rng.uniform(1e4, 1e6, 400)
    share = rng.uniform(0, 0.8, 400)
    window = busy / (1 - share)
    steps = window / (2 + 2 * share) * np.exp(rng.normal(0, 0.02, 400))
    ops = ["Device_Conv2D", "Device_IDLE"]
    band = WindowBand().fit(ops, np.column_stack([busy, window - busy]), steps)
    for k in range(0, 400, 7):
        ops_of = {"Device_Conv2D": busy[k], "Device_IDLE": window[k] - busy[k]}
        p = Profile(ops_of, step_time_us=steps[k])
        assert band.doubt(p) is None
        for factor in (0.6, 2.0):
            wrong = replace(p, step_time_us=steps[k] * factor)
            assert present(band.doubt(wrong)).suggested_us == pytest.approx(
                steps[k], rel=0.25
            )
    # how long it waited is not recorded: only what no run was like is doubted
    bare = Profile({"Device_Conv2D": 1e5}, step_time_us=1e5)
    assert band.doubt(bare) is None
    assert band.doubt(replace(bare, step_time_us=1e4)) is not None


def test_both_names_of_a_pair_give_one_answer_beyond_training(shipped: Bundle) -> None:
    by_instance, by_gpu = (
        all_as(Translation, engine.translate([transformer()], *pair))[0]
        for pair in (PAIR, ("T4", "V100-SXM2-16GB"))
    )
    assert by_instance.layer == by_gpu.layer == "zero-shot"
    assert by_instance.step_time_s == by_gpu.step_time_s
    assert by_instance.verdict.level == by_gpu.verdict.level == "widen"
    assert present(by_instance.step_time_s.low) < by_instance.step_time_s.value
    assert by_instance.ops == by_gpu.ops
    assert "answered by data sheets (zero-shot)" in by_instance.verdict.reasons[0]
    assert "not seen in training" in by_instance.verdict.reasons[0]


TRACE = Path(__file__).parents[2] / "examples/trace.json.gz"


@pytest.mark.parametrize("step_us", [None, 3e4, 2.06e5])
def test_an_answer_from_data_sheets_says_nothing_of_the_bundle_but_why(
    shipped: Bundle, step_us: float | None
) -> None:
    profile = replace(xlate.read_profile(TRACE), instance=None)
    if step_us:
        profile = replace(profile, step_time_us=step_us)
    by_instance, by_gpu = (
        all_as(Translation, engine.translate([profile], *pair))[0]
        for pair in (("g4dn.xlarge", "p3.2xlarge"), ("T4", "V100-SXM2-16GB"))
    )
    assert by_instance.layer == by_gpu.layer == "zero-shot"
    assert by_instance.step_time_s == by_gpu.step_time_s
    assert by_instance.verdict.level == by_gpu.verdict.level
    # each says why no fitted translator answers, and then the same
    why, *rest = by_instance.verdict.reasons
    assert why.startswith("answered by data sheets (zero-shot)")
    assert rest == list(by_gpu.verdict.reasons[1:])
    said = " ".join(rest)
    assert "training" not in said
    assert "missing here" not in said


def test_a_remedy_belongs_to_its_reason_not_to_its_words(
    shipped: Bundle, timed_profile: Profile
) -> None:
    # an operation whose name holds the words of a reason asks for nothing
    ops = {**timed_profile.ops, "Device_looks like a profile of outside training": 1e-3}
    (plain,) = all_as(
        Translation, engine.translate([replace(timed_profile, ops=ops)], *PAIR)
    )
    assert CHECK_ANCHOR not in plain.facts.what_to_do
    (elsewhere,) = all_as(
        Translation,
        engine.translate(
            [replace(timed_profile, instance="p2.xlarge")], *PAIR, force=True
        ),
    )
    assert elsewhere.facts.what_to_do.count(CHECK_ANCHOR) == 1
    (odd,) = all_as(
        Translation,
        engine.translate(
            [replace(timed_profile, step_time_us=timed_profile.window_us / 12)], *PAIR
        ),
    )
    doubt = next(r for r in odd.verdict.reasons if "does not fit the profile" in r)
    assert isinstance(doubt, Reason)
    assert doubt.remedy in odd.facts.what_to_do
    assert json.loads(json.dumps(odd.to_json()))["verdict"]["reasons"] == list(
        odd.verdict.reasons
    )
    assert pickle.loads(pickle.dumps(doubt)).remedy == doubt.remedy
    for answer in (plain, elsewhere, odd):
        said = answer.facts.what_to_do
        assert len(set(said)) == len(said)
        assert set(remedies(answer.verdict.reasons)) <= set(said)


def test_sizes_of_other_work_are_refused(
    shipped: Bundle, timed_profile: Profile
) -> None:
    with pytest.raises(ProfileError, match="pytorch/inference/fp32"):
        engine.scale(transformer(), *PAIR, "batch-size", [16], bundle=shipped)
    half = replace(
        timed_profile, workload=replace(timed_profile.workload, precision="fp16")
    )
    with pytest.raises(ProfileError, match="tensorflow/training/fp16"):
        engine.scale(half, *PAIR, "batch-size", [16], bundle=shipped)
    strange = replace(
        timed_profile,
        ops=dict(timed_profile.ops) | {"Device_Mine": timed_profile.busy_us},
    )
    with pytest.raises(ProfileError, match="Device_Mine"):
        engine.scale(strange, *PAIR, "batch-size", [16], bundle=shipped)
    with pytest.raises(ProfileError, match="far outside training"):
        engine.scale(timed_profile, *PAIR, "batch-size", [10**6], bundle=shipped)


def test_time_never_falls_as_work_grows(
    shipped: Bundle, timed_profile: Profile
) -> None:
    sizes = [8, 16, 24, 48, 64, 100, 256, 512, 1000]
    scaled = engine.scale(timed_profile, *PAIR, "batch-size", sizes, bundle=shipped)
    for steps in (
        [f.anchor_step_time_s.value for f in scaled],
        [f.translation.step_time_s.value for f in scaled],
    ):
        assert steps == sorted(steps)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mode", "inference"),
        ("precision", "fp16"),
        ("framework", "pytorch"),
        ("optimizer", "Adam"),
    ],
)
def test_profiles_of_different_work_are_not_averaged(
    timed_profile: Profile, field: str, value: str
) -> None:
    first = replace(
        timed_profile, workload=replace(timed_profile.workload, optimizer="SGD")
    )
    changed: Json = {field: value}
    other = replace(first, workload=replace(first.workload, **changed))
    with pytest.raises(ProfileError, match=f"{field}"):
        engine.translate_together({"g3s": first, "g4dn": other}, "p3")


def test_repeats_are_those_of_the_whole_key() -> None:
    run = {
        "instance": "x", "model": "A", "dataset": "32px", "batch_size": 8,
        "optimizer": "SGD", "framework": "tensorflow", "repeat": 1,
    }  # fmt: skip
    rows = [
        run | {"mode": m, "precision": p, "Device_Relu": t, "step_time_us": t}
        for m, p, t in (
            ("training", "fp32", 1.0), ("training", "fp32", 3.0),
            ("inference", "fp32", 10.0), ("training", "fp16", 20.0),
        )
    ]  # fmt: skip
    medians = median_of_repeats(pl.DataFrame(rows))
    assert sorted(medians["Device_Relu"].to_list()) == [2.0, 10.0, 20.0]
    assert median_of_repeats(pl.DataFrame(rows), ["instance"]).columns[0] == "instance"


def test_names_are_looked_up_in_the_catalogue_given(timed_profile: Profile) -> None:
    reasons: list[str] = []
    compare_names(
        replace(timed_profile, instance="g4dn"), PAIR[0], reasons, catalogue()
    )
    assert reasons == []
    compare_names(
        replace(timed_profile, instance="my-box"), PAIR[0], reasons, catalogue()
    )
    assert reasons == ["the file says it ran on my-box, not on g4dn.xlarge"]


def test_what_shows_no_sign_of_a_gpu_is_not_doubted(shipped: Bundle) -> None:
    p = transformer()
    ops = sorted(p.ops)
    times = np.array([[p.ops[c] for c in ops]])
    assert shipped.model["domain"].origin.doubts(ops, times) == [None]


def test_measured_profiles_of_networks_left_out_are_not_doubted(profet: Corpus) -> None:
    """Three networks that the check never saw, single runs, on each GPU."""
    from xlate.data.pairing import matrix

    out = ["ResNet18", "VGG16", "MNIST_CNN"]
    sides, asked = {}, {}
    for name in profet.instances:
        runs = profet.runs_on(name)
        ops = [c for c in runs.columns if c.startswith(("Device_", "Host_"))]
        times, models = (
            np.nan_to_num(matrix(runs, ops)),
            runs["model"].to_numpy().astype(str),
        )
        test = np.isin(models, out)
        sides[name] = Recorded(ops, times[~test], models[~test])
        asked[name] = ops, times[test]
    origin = Origin().fit(sides, "g4dn.xlarge")
    doubted = {
        name: np.mean([d is not None for d in origin.doubts(*rows)])
        for name, rows in asked.items()
    }
    assert doubted.pop("g4dn.xlarge") < 0.03
    assert min(doubted.values()) > 0.1


def test_what_was_loaded_is_saved_as_it_was(shipped: Bundle, tmp_path: Path) -> None:
    again = bundles.save(shipped.manifest, shipped.model, tmp_path / "again")
    for name in ("model.zip", "manifest.json"):
        assert (again / name).read_bytes() == (
            present(shipped.path) / name
        ).read_bytes()


def test_one_step_in_a_window_is_not_named_like_many() -> None:
    doubt = StepDoubt(ratio=1.0, low=1.3, high=4.0, suggested_us=5.0)
    assert "would hold 1 step, where" in doubt.reason(10.0)
    assert "would hold 5 steps, where" in StepDoubt(5.0, 1.3, 4.0, 5.0).reason(10.0)
