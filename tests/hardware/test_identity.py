"""Which GPU a file names: one GPU is never taken for another."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

import xlate
from tests.support.narrowing import as_type, present
from xlate.engine.recorded_gpu import of_anchor
from xlate.errors import UnknownNameError, XlateError
from xlate.hardware.catalogue import Catalogue, catalogue
from xlate.hardware.device_name import parse_device
from xlate.hardware.identity import Likeness, generic, likeness
from xlate.hardware.kernel_architecture import too_new
from xlate.hardware.naming import with_article
from xlate.hardware.near_names import nearest_gpus
from xlate.settings.paths import shipped
from xlate.values.profile import Profile
from xlate.values.reason import CHECK_ANCHOR, Reason
from xlate.values.translation import Failure

CATALOGUE = Catalogue([shipped("anchors")])
#: names that drivers and profilers print -> anchors whose GPU they mean
RIGHT = {
    "NVIDIA A100-SXM4-40GB": {"A100-SXM4-40GB"},
    "NVIDIA A100-PG509-200": {"A100-SXM4-40GB"},
    "NVIDIA PG509-210": {"A100-SXM4-80GB"},
    "NVIDIA A100 80GB PCIe": {"A100-PCIe-80GB"},
    "NVIDIA Corporation GA100 [A100 PCIe 40GB]": {"A100-PCIe-40GB"},
    "A100 SXM4 80 GB": {"A100-SXM4-80GB"},
    "NVIDIA A800-SXM4-80GB": {"A800-SXM4-80GB"},
    "Tesla V100-SXM2-16GB": {"V100-SXM2-16GB"},
    "Tesla V100-SXM2-32GB": {"V100-SXM2-32GB"},
    "Tesla V100-DGXS-32GB": {"V100-DGXS-32GB"},
    "Tesla V100-SXM2": {"V100-SXM2-16GB", "V100-SXM2-32GB"},
    "NVIDIA H100 80GB HBM3": {"H100-SXM5-80GB"},
    "NVIDIA H100 PCIe": {"H100-PCIe"},
    "NVIDIA H100 NVL": {"H100-NVL"},
    "NVIDIA H100": {"H100-NVL", "H100-PCIe", "H100-SXM5-80GB"},
    "NVIDIA H800": {"H800-SXM5"},
    "NVIDIA H20": {"H20"},
    "NVIDIA H200": {"H200-SXM"},
    "NVIDIA H200 NVL": {"H200-NVL"},
    "NVIDIA GH200 480GB": {"GH200"},
    "NVIDIA A10": {"A10"},
    "NVIDIA A10G": {"A10G"},
    "NVIDIA L40": {"L40"},
    "NVIDIA L40S": {"L40S"},
    "NVIDIA GeForce RTX 3060": {"RTX3060"},
    "NVIDIA GeForce RTX 3060 Ti": {"RTX3060-Ti"},
    "NVIDIA GeForce RTX 3060 Laptop GPU": {"RTX3060-Laptop"},
    "NVIDIA GeForce RTX 3080": {"RTX3080"},
    "GeForce RTX 2080 Ti": {"RTX2080-Ti"},
    "NVIDIA GeForce RTX 4060 Ti": {"RTX4060-Ti-8GB", "RTX4060-Ti-16GB"},
    "NVIDIA GeForce RTX 4090 D": {"RTX4090-D"},
    "Quadro RTX 5000": {"RTX5000-Turing"},
    "NVIDIA RTX 5000 Ada Generation": {"RTX5000-Ada"},
    "NVIDIA RTX A6000": {"RTX-A6000"},
    "NVIDIA RTX PRO 6000 Blackwell Server Edition": {"RTX-PRO-6000-Server"},
    "NVIDIA TITAN X (Pascal)": {"Titan-X-Pascal"},
    "GeForce GTX TITAN X": {"Titan-X-Maxwell"},
    "AMD Instinct MI300X": {"MI300X"},
    "AMD Instinct MI250X / MI250": {"MI250X-GCD", "MI250-GCD"},
    "AMD Radeon RX 7900 XT": {"RX7900-XT"},
    "AMD Radeon RX 7900 XTX": {"RX7900-XTX"},
    "gfx942": {"MI300A", "MI300X", "MI325X"},
    "gfx90a:sramecc+:xnack-": {"MI210", "MI250-GCD", "MI250X-GCD"},
    "Intel(R) Data Center GPU Max 1550": {"Max-1550"},
    # nobody's
    "NVIDIA A100-SXM-64GB": set(),
    "NVIDIA GeForce RTX 6090": set(),
    "NVIDIA T4G": set(),
    "AMD T4": set(),
    "TPU v4": set(),
    "Apple M2": set(),
    "CPU": set(),
    "lab box": set(),
}  # fmt: skip


@pytest.mark.parametrize("device", RIGHT)
def test_a_name_is_that_of_its_gpus_alone(device: str) -> None:
    fits = (Likeness.EXACT, Likeness.VARIANT)
    names = {
        g.name for g in CATALOGUE.gpus.values() if CATALOGUE.likeness(device, g) in fits
    }
    assert names == RIGHT[device]
    assert {g.name for g in CATALOGUE.gpus_of_device(device)} == RIGHT[device]


def test_every_name_of_the_catalogue_is_that_of_one_gpu() -> None:
    """Its own, or a short one that several share; never another one's alone."""
    assert CATALOGUE.gpus
    for gpu in CATALOGUE.gpus.values():
        for name in (gpu.name, *gpu.aliases):
            assert gpu.name in {g.name for g in CATALOGUE.gpus_of_device(name)}, name
        assert CATALOGUE.likeness(gpu.name, gpu) is Likeness.EXACT, gpu.name
        others = [g.name for g in CATALOGUE.gpus_of_device(gpu.name) if g is not gpu]
        assert others == [], gpu.name


def test_another_vendor_never_passes() -> None:
    vendors = {
        g.name: parse_device(g.aliases[0] if g.aliases else g.name)[0].vendors
        for g in CATALOGUE.gpus.values()
    }
    assert vendors
    for gpu in CATALOGUE.gpus.values():
        other = "AMD" if "nvidia" in vendors[gpu.name] else "NVIDIA"
        for device in (f"{other} {gpu.name}", f"{other} Graphics"):
            assert likeness(device, gpu) is Likeness.ANOTHER, device


@pytest.mark.parametrize(
    ("device", "anchor", "share"),
    [
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", "A100-SXM4-40GB", True),
        ("NVIDIA A100-SXM4-40GB MIG 7g.40gb", "A100-SXM4-40GB", False),
        ("NVIDIA A100-SXM4-80GB MIG 3g.40gb", "A100-SXM4-80GB", True),
        ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", "H100-SXM5-80GB", True),
        ("GRID V100D-16Q", "V100-SXM2-32GB", True),
        ("GRID T4-8Q", "T4", True),
        ("NVIDIA A40-48Q", "A40", True),
        ("AMD Instinct MI300X CPX", "MI300X", True),
        ("AMD Instinct MI300X-NPS1-SPX-192GB-750W", "MI300X", False),
    ],
)
def test_a_share_of_a_gpu_is_not_the_whole(
    device: str, anchor: str, share: bool
) -> None:
    likeness = CATALOGUE.likeness(device, CATALOGUE.gpu(anchor))
    assert likeness is (Likeness.SHARE if share else Likeness.VARIANT)
    assert CATALOGUE.likeness(device, CATALOGUE.gpu("K80")) is Likeness.ANOTHER
    answer = checked(device, anchor)
    assert isinstance(answer, Failure) is share


def checked(device: str, anchor: str, **more: bool) -> Failure | Profile:
    profile = Profile(ops={"Device_aten::mm": 100.0}, source="x.json", device=device)
    (answer,) = of_anchor([profile], CATALOGUE.instance(anchor), CATALOGUE, **more)
    return answer


@pytest.mark.parametrize(
    ("device", "anchor", "hints"),
    [
        (
            "NVIDIA A100-PG509-200",
            "p2.xlarge",
            ["--anchor A100-SXM4-40GB", "--anchor p4d.24xlarge"],
        ),
        (
            "Tesla V100-SXM2-32GB",
            "p3.2xlarge",
            ["--anchor V100-SXM2-32GB", "--anchor p3dn.24xlarge"],
        ),
        ("AMD Radeon Graphics", "g4dn.xlarge", ["--force"]),
        (
            "NVIDIA A100-SXM-64GB",
            "p4d.24xlarge",
            ["does not know it", "A100-SXM4-40GB (p4d.24xlarge"],
        ),
        ("NVIDIA GeForce RTX 6090", "T4", ["does not know it"]),
        ("NVIDIA GeForce RTX 3080 Laptop GPU", "RTX3080", ["--anchor RTX3080-Laptop"]),
        ("Apple M2", "T4", ["does not know it"]),
    ],
)
def test_another_gpu_is_refused_with_what_to_name(
    device: str, anchor: str, hints: list[str]
) -> None:
    answer = checked(device, anchor)
    assert isinstance(answer, Failure)
    assert device in answer.error.what
    assert all(h in present(answer.error.hint) for h in hints)
    forced = checked(device, anchor, force=True)
    assert any(
        "(forced)" in n and not as_type(Reason, n).informs
        for n in as_type(Profile, forced).notes
    )


def test_the_answer_says_which_entry_a_name_was_taken_as() -> None:
    assert (
        as_type(Profile, checked("NVIDIA A100-SXM4-40GB", "p4d.24xlarge")).notes == ()
    )
    (note,) = as_type(Profile, checked("NVIDIA A100", "p4d.24xlarge")).notes
    assert isinstance(note, Reason)
    assert note.informs
    assert "taken as the A100-SXM4-40GB of the catalogue" in note
    assert "A100-PCIe-80GB" in note
    (note,) = as_type(Profile, checked("gfx942", "MI300X")).notes
    assert "it may be MI300A or MI325X" in note


@pytest.mark.parametrize(
    "device",
    [
        "NVIDIA Graphics Device",
        "cuda:0",
        "GPU 0",
        "/device:GPU:0",
        "NVIDIA",
        "GPU-06c7b23d-6a59-60a6-78ee-82310fd08348",
    ],
)
def test_a_name_that_names_no_gpu_confirms_nothing(device: str) -> None:
    assert generic(device)
    (note,) = as_type(Profile, checked(device, "g4dn.xlarge")).notes
    assert isinstance(note, Reason)
    assert not note.informs
    assert "nothing in it confirms g4dn.xlarge" in note


def test_nearest_are_of_the_chip_first() -> None:
    assert next(g.name for g in nearest_gpus("NVIDIA T4 32GB", CATALOGUE)) == "T4"
    assert all(
        g.chip == "GA100" for g in nearest_gpus("NVIDIA A100-SXM-64GB", CATALOGUE)
    )
    assert nearest_gpus("TPU v4", CATALOGUE) == ()


#: how corpora of measured runs write their GPUs -> entry of the catalogue
CORPORA = {
    "GeForce_GTX_1080_TI": "GTX1080-Ti", "GeForce_RTX_2060_MaxQ": "RTX2060-Max-Q",
    "GeForce_RTX_2080_TI": "RTX2080-Ti", "GeForce_RTX_3090": "RTX3090",
    "GeForce_RTX_4060_TI_16GB": "RTX4060-Ti-16GB", "TITAN_RTX": "Titan-RTX",
    "TITAN_V": "Titan-V", "TITAN_XP": "Titan-Xp", "AMD_Radeon_680M": "Radeon-680M",
    "AMD_Radeon_780M": "Radeon-780M", "AMD_Radeon_RX_5700": "RX5700",
    "AMD_Radeon_RX_6800": "RX6800", "AMD_Radeon_RX_7700S": "RX7700S",
    "AMD_Radeon_RX_7800_XT": "RX7800-XT", "AMD_Radeon_RX_7900_XTX": "RX7900-XTX",
    "Quadro RTX 5000": "RTX5000-Turing", "RTX 4070 Ti": "RTX4070-Ti", "MI210": "MI210",
    "B200": "B200", "GTX 1080 Ti": "GTX1080-Ti", "M40": "M40", "MI25": "MI25",
    "Titan X (Maxwell)": "Titan-X-Maxwell", "Titan X (Pascal)": "Titan-X-Pascal",
    "Vega FE": "Vega-FE", "RTX 3090": "RTX3090", "RTX 4090": "RTX4090",
    "RTX PRO 6000 Max-Q": "RTX-PRO-6000-Max-Q", "3080Ti": "RTX3080-Ti", "3090": "RTX3090",
    "5080": "RTX5080", "OrinAGX-64GB": "Orin-AGX", "OrinNano-8GB": "Orin-Nano-8GB",
    "TitanRTX": "Titan-RTX", "XavierNX-8GB": "Xavier-NX", "A40": "A40",
    "AMD Instinct MI300X-NPS1-SPX-192GB-750W": "MI300X", "NVIDIA GeForce RTX 4090": "RTX4090",
    "NVIDIA H100-NVL-94GB": "H100-NVL", "NVIDIA H100-PCIe-80GB": "H100-PCIe",
    "NVIDIA H100-SXM-80GB": "H100-SXM5-80GB", "NVIDIA H200-SXM-141GB": "H200-SXM",
    "NVIDIA Jetson AGX Orin 64G": "Orin-AGX", "NVIDIA L4": "L4", "NVIDIA L40S": "L40S",
    "NVIDIA RTX A5000 GPU": "RTX-A5000", "Tesla T4": "T4", "NVIDIA B200-SXM-180GB": "B200",
    "NVIDIA GH200 Grace Hopper Superchip 96GB": "GH200", "TeslaP100-PCIE-16GB": "P100-PCIe-16GB",
    "TeslaV100-SXM2-16GB": "V100-SXM2-16GB",
}  # fmt: skip


@pytest.mark.parametrize("name", CORPORA)
def test_corpora_name_entries_of_the_catalogue(name: str) -> None:
    names = {g.name for g in CATALOGUE.gpus_of_device(name)}
    assert names == {CORPORA[name]}


@pytest.mark.parametrize(
    ("kernel", "anchor", "built_for"),
    [
        ("volta_sgemm_128x64_nn", "K80", "Volta"),
        ("turing_fp16_s1688gemm_fp16_128x128_ldg8_f2f_tn", "V100-SXM2-16GB", "Turing"),
        ("ampere_sgemm_128x64_nn", "T4", "Ampere"),
        ("fmha_cutlassF_f16_aligned_64x64_rf_sm80(PyTorchMemEf...", "T4", "Ampere"),
        ("void cutlass::Kernel2<cutlass_80_tensorop_s1688gemm_...", "T4", "Ampere"),
        ("sm89_xmma_gemm_e4m3bf16_e4m3f32", "A10G", "Ada"),
        ("sm90_xmma_gemm_bf16bf16_bf16f32", "A100-SXM4-40GB", "Hopper"),
        ("void flash::enable_sm90_or_later<flash::Fwd>", "A100-SXM4-40GB", "Hopper"),
        ("nvjet_tst_128x256_64x4_2x1_v_bz_coopA_TNT", "L4", "Hopper"),
        ("nvjet_sm100_tst_128x256", "H100-SXM5-80GB", "Blackwell"),
    ],
)
def test_a_kernel_built_for_newer_gpus_refuses_the_anchor(
    kernel: str, anchor: str, built_for: str
) -> None:
    gpu = CATALOGUE.gpu(anchor)
    assert too_new(kernel, gpu) == built_for
    for profile in (
        Profile(ops={f"Device_{kernel}": 100.0, "Device_add": 1.0}),
        Profile(ops={"Device_aten::mm": 100.0}, newest_kernel=kernel),
    ):
        (refused,) = of_anchor([profile], CATALOGUE.instance(anchor), CATALOGUE)
        assert isinstance(refused, Failure)
        assert f"was built for {built_for} and later" in str(refused.error)
        assert "--force" in as_type(XlateError, refused.error).text("cli")
        (forced,) = of_anchor(
            [profile], CATALOGUE.instance(anchor), CATALOGUE, force=True
        )
        assert isinstance(forced, Profile)
        assert any("(forced)" in n for n in forced.notes)
        # where the file names the anchor's GPU, the name is surer
        named = replace(profile, device=gpu.name)
        (doubted,) = of_anchor([named], CATALOGUE.instance(anchor), CATALOGUE)
        assert isinstance(doubted, Profile)
        (said,) = doubted.notes
        assert f"was built for {built_for} and later" in said
        assert isinstance(said, Reason)
        assert said.remedy == CHECK_ANCHOR


@pytest.mark.parametrize(
    ("column", "anchor", "vendor"),
    [
        ("Host_hipLaunchKernel", "T4", "AMD"),
        ("Device_Cijk_Ailk_Bljk_HHS_BH_MT64x64x64", "H100-SXM5-80GB", "AMD"),
        ("Host_cudaLaunchKernel", "MI300X", "NVIDIA"),
        ("Device_ampere_sgemm_128x64_nn", "MI300X", "NVIDIA"),
        ("Host_cudaLaunchKernel", "T4", None),
        ("Host_hipLaunchKernel", "MI300X", None),
        ("Host_aten::cudnn_convolution", "MI300X", None),
    ],
)
def test_calls_of_another_vendor_refuse_an_anchor_that_nothing_confirms(
    column: str, anchor: str, vendor: str | None
) -> None:
    profile = Profile(ops={column: 5.0, "Device_add": 1.0}, device="GPU")
    (answer,) = of_anchor([profile], CATALOGUE.instance(anchor), CATALOGUE)
    assert isinstance(answer, Failure) == (vendor is not None)
    if isinstance(answer, Failure):
        assert f"runs on GPUs of {vendor} alone" in str(answer.error)


@pytest.mark.parametrize(
    ("kernel", "anchor"),
    [
        ("volta_sgemm_128x64_nn", "T4"),
        ("ampere_sgemm_128x64_nn", "H100-SXM5-80GB"),
        ("cutlass_80_tensorop_s1688gemm", "L4"),
        ("void flash::enable_sm80_to_sm89<flash::Fwd>", "A100-SXM4-40GB"),
        ("sm86_xmma_fprop", "A100-SXM4-40GB"),
        ("Cijk_Ailk_Bljk_HHS_BH_MT64x64x64", "T4"),
        ("ampere", "T4"),
        ("triton_poi_fused_sm_90", "H100-SXM5-80GB"),
    ],
)
def test_a_kernel_built_for_older_gpus_runs_on_newer_ones(
    kernel: str, anchor: str
) -> None:
    assert too_new(kernel, CATALOGUE.gpu(anchor)) is None


@pytest.mark.parametrize(
    ("name", "spoken"),
    [
        ("NVIDIA A100-SXM4-40GB", "an"),
        ("nvidia l4", "an"),
        ("AMD Radeon RX 7600", "an"),
        ("A10G", "an"),
        ("H100", "an"),
        ("L40S", "an"),
        ("MI300X", "an"),
        ("RTX3090", "an"),
        ("rtx3090", "an"),
        ("Intel Arc", "an"),
        ("Instinct MI25", "an"),
        ("Orin-AGX", "an"),
        ("8800 GT", "an"),
        ("T4", "a"),
        ("V100", "a"),
        ("Tesla T4", "a"),
        ("GH200", "a"),
        ("RADEON VII", "a"),
        ("Radeon-VII", "a"),
        ("TITAN V", "a"),
        ("GTX1080", "a"),
        ("UHD Graphics", "a"),
        ("unknown GPU", "an"),
        ("3090", "a"),
    ],
)
def test_a_name_has_the_article_it_is_spoken_with(name: str, spoken: str) -> None:
    assert with_article(name) == f"{spoken} {name}"


def test_no_message_puts_a_bare_article_before_a_name() -> None:
    """Where one is inserted, its first letter decides: ``with_article`` does."""
    wrong = []
    for path in sorted(Path(xlate.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.expr):
                continue
            for text, value in pairwise(getattr(node, "values", [])):
                inserted = isinstance(value, ast.FormattedValue) and ast.unparse(
                    value.value
                )
                if (
                    inserted
                    and isinstance(text, ast.Constant)
                    and re.search(r"\b[Aa]n? ['\"(]?$", str(text.value))
                    and re.search(r"device|gpu|name|vendor|shown_by", inserted)
                    and "with_article" not in inserted
                ):
                    wrong.append(f"{path.name}:{node.lineno}: a {inserted}")
    assert not wrong


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("3090", ["RTX3090", "RTX3090-Ti"]),
        ("nvidia-3090", ["RTX3090", "RTX3090-Ti"]),
        ("GeForce 4070", ["RTX4070"]),
        ("p3.2xlrge", ["p3.2xlarge"]),
    ],
)
def test_near_names_are_of_different_things(asked: str, near: list[str]) -> None:
    with pytest.raises(UnknownNameError) as raised:
        catalogue().instance(asked)
    assert raised.value.nearest[: len(near)] == near
    owners = [catalogue().owner_of(n) for n in raised.value.nearest]
    assert len(owners) == len(set(owners))
