"""The precision of a run: its mix, how it is read and shown, and what doubts an answer."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import polars as pl
import pytest
from typer.testing import CliRunner

from tests.support.documents import Json, document_of
from tests.support.narrowing import all_as, present
from xlate import engine, readers
from xlate.cli import app
from xlate.engine.facts import with_facts
from xlate.engine.pair import Pair
from xlate.errors import ProfileError
from xlate.hardware.catalogue import catalogue
from xlate.hardware.precisions import multiplies
from xlate.readers.formats import Container, Format
from xlate.store import bundle as bundles
from xlate.store.bundle import Bundle
from xlate.trust.precision import learnt, shift_of, trained, untrained
from xlate.values.kernel_precision import NO_ARITHMETIC, NOT_KNOWN
from xlate.values.precision_mix import PrecisionMix, dominant_precision
from xlate.values.profile import Profile, WorkloadKey
from xlate.values.profile_document import to_json
from xlate.values.translation import Translation

PAIR = ("g4dn.xlarge", "p3.2xlarge")
OPS = {
    "Device_aten::convolution": 40e3,
    "Device_aten::addmm": 20e3,
    "Device_aten::relu": 10e3,
}
HALF = {"fp16-tensor": 40e3, "fp16": 20e3, "fp32": 8e3, NOT_KNOWN: 2e3}
FP32 = {"fp32": 70e3}
TF32 = {"tf32-tensor": 40e3, "fp32": 30e3}


def asked(*args: str | Path, code: int = 0) -> str:
    done = CliRunner().invoke(app, [str(a) for a in args])
    assert done.exit_code == code, done.output
    return done.output


def profile(
    mix: dict[str, float] = FP32,
    framework: str = "pytorch",
    precision: str = "fp32",
    ops: dict[str, float] = OPS,
) -> Profile:
    work = WorkloadKey(framework=framework, precision=precision)
    return Profile(ops, work, step_time_us=80e3, source="made", precision_us=mix)


@pytest.fixture
def timed_profile(example: Path) -> Profile:
    """A TensorFlow profile whose step time fits the pairs that ship with xlate."""
    (p,) = all_as(
        Profile, engine.read_profiles([example], batch_size=64, dataset="128px")
    )
    return replace(p, step_time_us=p.window_us / 2.05, instance=None)


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return bundles.load(bundles.shipped_folder(*PAIR))


@pytest.mark.parametrize(
    ("mix", "stands"),
    [
        (FP32, "fp32"),
        (TF32, "tf32"),
        # optimizers and norms stay in fp32 where products are in 16 bits
        ({"fp16-tensor": 30.0, "fp32": 60.0, "fp16": 10.0}, "fp16"),
        ({"bf16-tensor": 45.0, "bf16": 40.0, NO_ARITHMETIC: 500.0}, "bf16"),
        ({"fp8-tensor": 50.0, "bf16-tensor": 10.0, "bf16": 30.0}, "fp8"),
        ({"fp8-tensor": 30.0, "bf16-tensor": 30.0}, "mixed"),
        ({"fp16": 70.0, "fp32": 20.0}, "fp16"),
        ({"fp32": 50.0, "fp64": 50.0}, "mixed"),
        ({"fp32": 10.0, NOT_KNOWN: 90.0}, None),
        ({"fp32": 30.0, "integer": 70.0}, "fp32"),
        ({NOT_KNOWN: 5.0}, None),
        ({NO_ARITHMETIC: 5.0}, None),
        ({}, None),
    ],
)
def test_the_precision_of_a_run_is_that_of_its_matrix_products(
    mix: dict[str, float], stands: str | None
) -> None:
    assert dominant_precision(mix) == stands


def test_a_mix_names_what_is_not_known_and_leaves_copies_out() -> None:
    mix = PrecisionMix.of({**HALF, NO_ARITHMETIC: 30e3, "fp64": 1.0})
    assert list(mix.shares) == ["fp16-tensor", "fp16", "fp32", NOT_KNOWN, "fp64"]
    assert sum(mix.shares.values()) == pytest.approx(1)
    assert mix.copy_share == pytest.approx(0.3, rel=1e-3)
    assert (
        mix.text
        == "fp16-tensor 57 %, fp16 29 %, fp32 11 %, not known 3 %, others 0.0 %"
    )
    assert PrecisionMix.of({}).text == NOT_KNOWN


def test_a_profile_keeps_its_precisions_in_json(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text(json.dumps(to_json(profile(HALF, precision="fp16"))))
    (again,) = readers.read(path)
    assert dict(again.precision_us) == HALF
    assert again.workload.precision == "fp16"
    assert to_json(profile({}))["precision_us"] is None
    path.write_text(json.dumps(to_json(replace(again, newest_kernel="sm80_gemm"))))
    assert readers.read(path)[0].newest_kernel == "sm80_gemm"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([1], "precision_us is not an object"),
        ({"float16": 1.0}, "'float16' in precision_us is not a precision"),
        ({"fp16": -1.0}, "precision_us fp16"),
        ({"fp16": "x"}, "precision_us fp16"),
    ],
)
def test_precisions_that_cannot_be_are_refused(
    tmp_path: Path, given: list[int] | Json, said: str
) -> None:
    path = tmp_path / "p.json"
    path.write_text(json.dumps({"ops": OPS, "precision_us": given}))
    with pytest.raises(ProfileError, match=said):
        readers.read(path)


@pytest.mark.parametrize(
    ("mix", "said", "program"),
    [
        (HALF, "fp32", "fp16"),
        (TF32, "fp32", "fp32"),
        (HALF, "int8", "int8"),
        ({}, "fp32", "fp32"),
    ],
)
def test_a_trace_says_its_precision_by_its_kernels(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mix: dict[str, float],
    said: str,
    program: str,
) -> None:
    """TF32 is how some GPUs multiply the fp32 of the same program."""
    reader = SimpleNamespace(read=lambda _: [profile(mix, precision=said)])
    monkeypatch.setitem(sys.modules, "made_reader", reader)
    made = Format("made", "made_reader", Container.TEXT)
    monkeypatch.setitem(readers.FORMATS, "made", made)
    path = tmp_path / "x"
    path.write_bytes(b"x")
    (read,) = readers.read(path, "made")
    assert read.workload.precision == program


def test_a_precision_that_a_person_gives_is_used_and_contradicted_in_words(
    tmp_path: Path,
) -> None:
    path = tmp_path / "p.json"
    document = {"ops": OPS, "step_time_us": 80e3, "precision_us": HALF}
    path.write_text(json.dumps(document))
    assert readers.read(path)[0].workload.precision == "fp16"
    assert "said to be" not in asked("profile", "check", path)
    path.write_text(json.dumps({**document, "workload": {"precision": "fp32"}}))
    assert readers.read(path)[0].workload.precision == "fp32"
    assert "said to be in fp32, its kernels are in fp16" in asked(
        "profile", "check", path
    )
    path.write_text(
        json.dumps({**document, "precision_us": {NOT_KNOWN: 9.0, "fp32": 1.0}})
    )
    assert "the precision of most kernels is not known" in asked(
        "profile", "check", path
    )


def test_profile_show_names_the_shares(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    document = {
        "ops": OPS,
        "step_time_us": 80e3,
        "precision_us": {**HALF, NO_ARITHMETIC: 70e3},
    }
    path.write_text(json.dumps(document))
    out = " ".join(asked("profile", "show", path).split())
    assert "fp16: fp16-tensor 57 %, fp16 29 %, fp32 11 %, not known 3 %" in out
    assert "50 % of device time is copies and communication" in out
    (shown,) = json.loads(asked("profile", "show", path, "--json"))
    assert shown["precision_us"]["fp16-tensor"] == 40e3
    path.write_text(json.dumps({"ops": OPS}))
    assert "not known" in asked("profile", "show", path)


@pytest.mark.parametrize(
    ("gpu", "has", "lacks"),
    [
        ("K80", "", "fp16 tf32 bf16 fp8 int8"),
        ("P100-PCIe-16GB", "", "fp16 tf32 bf16 fp8 int8"),
        ("V100-SXM2-16GB", "fp16", "tf32 bf16 fp8"),
        ("T4", "fp16 int8", "tf32 bf16 fp8"),
        ("A100-SXM4-40GB", "fp16 tf32 bf16 int8", "fp8 fp4"),
        ("L4", "fp16 tf32 bf16 int8 fp8", "fp4"),
        ("H100-SXM5-80GB", "fp16 tf32 bf16 int8 fp8", "fp4"),
        ("B200", "fp16 tf32 bf16 int8 fp8 fp4", "fp2"),
        ("MI210", "fp32 fp16 bf16 int8", "tf32 fp8"),
    ],
)
def test_which_formats_a_gpu_multiplies(gpu: str, has: str, lacks: str) -> None:
    gpu_entry = catalogue().gpu(gpu)
    assert all(multiplies(gpu_entry, f) for f in has.split())
    assert not any(multiplies(gpu_entry, f) for f in lacks.split())


def test_every_gpu_of_the_catalogue_is_known_to_have_tf32_or_not() -> None:
    unknown = [
        g.name for g in catalogue().gpus.values() if multiplies(g, "tf32") is None
    ]
    assert unknown == []
    other = replace(catalogue().gpu("T4"), architecture="Rubin", name="X")
    assert multiplies(other, "tf32") is None
    assert multiplies(replace(catalogue().gpu("T4"), name="GTX 1650"), "fp16") is False


@pytest.mark.parametrize(
    ("made", "anchor", "target", "formats", "said"),
    [
        (
            profile(),
            "V100-SXM2-16GB",
            "A100-SXM4-40GB",
            ("fp32", "tf32"),
            r"convolutions and recurrent layers \(57%\) in TF32 unless",
        ),
        (profile(), "V100-SXM2-16GB", "H100-PCIe", ("fp32", "tf32"), "in TF32 unless"),
        (
            profile(ops={"Device_aten::addmm": 5e4}),
            "T4",
            "L4",
            ("fp32", "fp32"),
            "TF32 where the program allows it",
        ),
        (
            profile(framework="tensorflow", ops={"Device_MatMul": 5e4}),
            "T4",
            "L4",
            ("fp32", "tf32"),
            "in TF32 unless",
        ),
        (
            profile({}),
            "P100-PCIe-16GB",
            "A100-SXM4-40GB",
            (None, None),
            "as far as is known",
        ),
        (
            profile(TF32),
            "A100-SXM4-40GB",
            "V100-SXM2-16GB",
            ("tf32", "fp32"),
            "V100-SXM2-16GB computes that in fp32",
        ),
        (
            profile(TF32),
            "A100-SXM4-40GB",
            "MI210",
            ("tf32", "fp32"),
            "MI210 computes that in fp32",
        ),
        (profile({}), "A100-SXM4-40GB", "T4", (None, None), "may be in TF32"),
        (
            profile(TF32),
            "T4",
            "A100-SXM4-40GB",
            ("tf32", "tf32"),
            "was it recorded there",
        ),
        (
            profile(HALF),
            "V100-SXM2-16GB",
            "P100-PCIe-16GB",
            ("fp16", None),
            "no tensor cores for fp16",
        ),
        (
            profile({"bf16-tensor": 9.0}),
            "A100-SXM4-40GB",
            "T4",
            ("bf16", None),
            "no tensor cores for bf16",
        ),
        (
            profile({"fp8-tensor": 9.0}),
            "H100-PCIe",
            "A100-SXM4-40GB",
            ("fp8", None),
            "no tensor cores for fp8",
        ),
        (
            profile({}, precision="bf16"),
            "H100-PCIe",
            "V100-SXM2-16GB",
            ("bf16", None),
            "no tensor cores for bf16",
        ),
        (
            profile({"fp16": 9.0}),
            "P100-PCIe-16GB",
            "V100-SXM2-16GB",
            ("fp16", "fp16"),
            "without tensor cores",
        ),
    ],
)
def test_a_target_that_computes_otherwise_is_said(
    made: Profile,
    anchor: str,
    target: str,
    formats: tuple[str | None, str | None],
    said: str,
) -> None:
    shift = shift_of(made, catalogue().gpu(anchor), catalogue().gpu(target))
    assert (shift.anchor, shift.target) == formats
    (reason,) = shift.reasons
    assert re.search(said, reason)
    assert reason.remedy


@pytest.mark.parametrize(
    ("made", "anchor", "target"),
    [
        (profile(), "K80", "V100-SXM2-16GB"),
        (profile({}, "tensorflow", ops={"Device_Conv2D": 5e4}), "M60", "T4"),
        (profile(), "V100-SXM2-16GB", "MI210"),
        # its program forbids TF32 here, and so there
        (profile(), "A100-SXM4-40GB", "H100-PCIe"),
        (profile({}), "A100-SXM4-40GB", "H100-PCIe"),
        (profile(TF32), "A100-SXM4-40GB", "L4"),
        (profile(HALF), "V100-SXM2-16GB", "A100-SXM4-40GB"),
        (profile(HALF), "T4", "V100-SXM2-16GB"),
        (profile(ops={"Device_aten::relu": 5e4}), "V100-SXM2-16GB", "A100-SXM4-40GB"),
        (profile(HALF), "V100-SXM2-16GB", "V100-SXM2-16GB"),
    ],
)
def test_a_target_with_the_same_precision_is_not_doubted(
    made: Profile, anchor: str, target: str
) -> None:
    assert (
        shift_of(made, catalogue().gpu(anchor), catalogue().gpu(target)).reasons == ()
    )


def test_fp32_of_the_shipped_pairs_is_not_doubted() -> None:
    """Of K80, M60, T4 and V100 none has TF32: their answers stay as they were."""
    made = profile({}, "tensorflow", ops={"Device_Conv2D": 5e4, "Device_MatMul": 2e4})
    gpus = [
        catalogue().gpu(n)
        for n in ("p2.xlarge", "g3s.xlarge", "g4dn.xlarge", "p3.2xlarge")
    ]
    said = [shift_of(made, a, t).reasons for a in gpus for t in gpus]
    assert said == [()] * 16


def test_what_is_not_known_of_a_target_is_said() -> None:
    new = replace(catalogue().gpu("B200"), architecture="Rubin", name="R100", facts={})
    for made in (profile(), profile(HALF)):
        (reason,) = shift_of(made, catalogue().gpu("V100-SXM2-16GB"), new).reasons
        assert "not known" in reason


def test_what_runs_on_the_target_showed_is_only_noted(
    shipped: Bundle, timed_profile: Profile
) -> None:
    """A bundle fitted on runs of V100 and A100 has learnt what TF32 does there."""
    known_gpus = catalogue()
    v100, a100 = known_gpus.instance("p3.2xlarge"), known_gpus.instance("p4d.24xlarge")
    (bare,) = all_as(
        Translation, engine.translate([timed_profile], *PAIR, bundle=shipped)
    )
    sure = replace(bare, verdict=replace(bare.verdict, level="ok", reasons=()))
    in_fp32 = replace(timed_profile, precision_us=FP32)
    shift = shift_of(in_fp32, present(v100.gpu), present(a100.gpu), shipped)
    answer = with_facts(
        sure,
        in_fp32,
        Pair(v100, a100),
        known_gpus,
        bundle=shipped,
        guessed=False,
        shift=shift,
        source=("the fitted physics", None),
    )
    assert answer.verdict.level == "ok"
    assert "learnt from runs measured there" in answer.verdict.reasons[-1]
    made = replace(shipped.manifest, simulated=True)
    guess = cast(Bundle, SimpleNamespace(manifest=made, model=shipped.model))
    assert learnt(timed_profile, shipped)
    assert not learnt(timed_profile, guess)
    assert not learnt(timed_profile, None)
    assert not learnt(replace(timed_profile, precision_us=HALF), shipped)
    assert not learnt(
        replace(timed_profile, workload=WorkloadKey(framework="jax")), shipped
    )


def test_half_precision_is_not_in_domain_of_fp32_training(
    empty_home: Path, shipped: Bundle, timed_profile: Profile
) -> None:
    half = replace(timed_profile, precision_us=HALF)
    plain, fp32, doubted = all_as(
        Translation,
        engine.translate(
            [timed_profile, replace(timed_profile, precision_us=FP32), half],
            *PAIR,
            bundle=shipped,
        ),
    )
    assert plain.verdict == fp32.verdict
    assert doubted.verdict.level != "ok"
    assert doubted.facts.domain != "in_domain"
    assert any(
        "computes in fp16" in r and "training was in fp32" in r
        for r in doubted.verdict.reasons
    )
    said = document_of(doubted)["precision"]
    assert (said["anchor"], said["target"]) == ("fp16", "fp16")
    assert said["shares"]["fp16-tensor"] == pytest.approx(40 / 70)
    assert said["how_known"] == "from its kernels, 97% of their time"
    assert doubted.facts.precision_text.startswith("fp16-tensor 57 %")


def test_a_table_in_another_precision_is_refused(
    shipped: Bundle, timed_profile: Profile
) -> None:
    row = {
        **timed_profile.ops,
        "step_time_us": timed_profile.step_time_us,
        "framework": "tensorflow",
    }
    frame = pl.DataFrame([{**row, "precision": p} for p in ("fp32", "tf32", None)])
    assert engine.translate_table(frame, *PAIR, bundle=shipped).height == 3
    half = pl.concat([frame, frame[:1].with_columns(precision=pl.lit("bf16"))])
    with pytest.raises(ProfileError, match="row 3 of the table is in bf16"):
        engine.translate_table(half, *PAIR, bundle=shipped)


def test_training_precisions_come_from_the_bundle(
    shipped: Bundle, timed_profile: Profile
) -> None:
    assert trained(shipped) == ["fp32"]
    own = SimpleNamespace(precisions=["bf16", "fp16"])
    other = cast(Bundle, SimpleNamespace(model={"domain": own, "scaling": {}}))
    assert untrained(replace(timed_profile, precision_us=HALF), other) is None
    assert "computes in fp32" in present(
        untrained(replace(timed_profile, precision_us=FP32), other)
    )
    assert "does not say in which precision" in present(untrained(timed_profile, other))
    both = {"fp16-tensor": 1.0, "fp8-tensor": 1.0}
    assert "in mixed precision" in present(
        untrained(replace(timed_profile, precision_us=both), other)
    )
    old = cast(
        Bundle, SimpleNamespace(model={"domain": SimpleNamespace(precisions=[])})
    )
    assert untrained(timed_profile, old) is None
    assert "was not recorded" in present(
        untrained(replace(timed_profile, precision_us=HALF), old)
    )


def test_data_sheets_doubt_another_precision_and_tf32(empty_home: Path) -> None:
    half, plain = all_as(
        Translation,
        engine.translate([profile(HALF), profile(FP32)], "p3.2xlarge", "p4d.24xlarge"),
    )
    assert any(
        "data sheets answer with rates of fp32" in r for r in half.verdict.reasons
    )
    assert not any("TF32" in r for r in half.verdict.reasons)
    assert any(
        "in TF32 unless the program forbids it" in r for r in plain.verdict.reasons
    )
    assert plain.facts.domain != "in_domain"
    assert document_of(plain)["precision"]["target"] == "tf32"
    assert any("forbid TF32" in w for w in plain.facts.what_to_do)
    # why data sheets answer stands first
    assert "no bundle" in plain.verdict.reasons[0]


def test_answers_show_the_precision(empty_home: Path, tmp_path: Path) -> None:
    paths = []
    for name, mix in (("a", HALF), ("b", FP32)):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(to_json(profile(mix))))
        paths.append(path)
    pair = ("--anchor", "p3.2xlarge", "--target", "p4d.24xlarge")
    one = " ".join(asked("translate", paths[1], *pair).split())
    said = "precision fp32 100 % of kernel time; there assumed fp32; may run in tf32"
    assert said in one
    many = asked("translate", *paths, *pair)
    assert "precision: fp16 (1 of 2), fp32 (1 of 2)" in many
