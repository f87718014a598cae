"""Which precision a kernel computes in, by its name and the types of its inputs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlate.values.kernel_precision import (
    INTEGER,
    NOT_KNOWN,
    PRECISIONS,
    kernel_precision,
)

#: names as profilers print them on many architectures, and what their schemes say
NAMES = [
    line.split(" | ", 1)
    for line in (Path(__file__).parents[1] / "fixtures/kernel_precisions.txt")
    .read_text("utf-8")
    .splitlines()
]


def test_every_name_is_classified_by_its_scheme() -> None:
    wrong = {name: (kernel_precision(name), p) for p, name in NAMES}
    assert {n: both for n, both in wrong.items() if both[0] != both[1]} == {}
    assert {p for p, _ in NAMES} <= PRECISIONS


@pytest.mark.parametrize(
    ("name", "dtypes", "precision"),
    [
        ("triton_poi_fused_add_0", ("c10::Half", "c10::Half"), "fp16"),
        ("triton_poi_fused_add_0", ("float", "long int"), "fp32"),
        ("triton_poi_fused_add_0", ("", "Scalar"), NOT_KNOWN),
        ("triton_poi_fused_add_0", ("long int", "bool"), INTEGER),
        ("triton_poi_fused_add_0", ["float", "c10::BFloat16"], "bf16"),
        # what it was fused from is no product
        ("triton_poi_fused_convolution_relu_0", ("float",), "fp32"),
        ("triton_tem_fused_mm_1", ("c10::BFloat16",), "bf16-tensor"),
        # fp32 or TF32: a switch that nothing shows
        ("triton_tem_fused_mm_1", ("float",), NOT_KNOWN),
        ("gemm_fusion_dot_1", ("f32",), NOT_KNOWN),
        ("gemm_fusion_dot_1", ("bf16",), "bf16-tensor"),
        ("fusion_12", ("f32", "pred"), "fp32"),
        ("fusion_12", ("s32",), INTEGER),
        ("k", ("double",), "fp64"),
        ("k", ("DT_HALF", "DT_FLOAT"), "fp16"),
        ("k", ("Half", "Float"), "fp16"),
        ("k", ("torch.bfloat16",), "bf16"),
        ("k", ("tensor(float16)",), "fp16"),
        ("k", ([["float", "float"], "Scalar"],), "fp32"),
        ("k", ("c10::complex<double>",), "fp64"),
        ("k", (None, 3), NOT_KNOWN),
        # computes in the float that it reads, writes fp8
        ("k", ("c10::Float8_e4m3fn", "float"), "fp32"),
        ("_scaled_mm", ("c10::Float8_e4m3fn", "float"), "fp8-tensor"),
        # the name says more than the types of the operation
        ("volta_sgemm_128x64_nn", ("c10::Half",), "fp32"),
        # cuDNN writes f16 for either 16-bit float
        (
            "cudnn_generated_fort_native_sdpa_sm90_flash_fprop_wgmma_f16_knob_7",
            ("c10::BFloat16",),
            "bf16-tensor",
        ),
        ("attn_fwd", ("c10::Half",), "fp16-tensor"),
        ("kernel_unified_attention_2d", ("c10::BFloat16", ""), "bf16-tensor"),
        # no product, whatever its name reminds of
        ("SubTensorOpWithScalar1d", ("c10::BFloat16",), "bf16"),
        ("batched_transpose_32x32_half", ("c10::BFloat16",), "bf16"),
    ],
)
def test_types_say_what_the_name_does_not(
    name: str,
    dtypes: list[str] | tuple[str | int | list[str | list[str]] | None, ...],
    precision: str,
) -> None:
    assert kernel_precision(name, dtypes) == precision


@settings(max_examples=30)
@given(st.text(max_size=80), st.lists(st.text(max_size=20), max_size=4))
def test_any_name_has_a_precision(name: str, dtypes: list[str]) -> None:
    assert kernel_precision(name, dtypes) in PRECISIONS


@pytest.mark.parametrize("piece", ["(", "<", "float ", "e4m3", "x_", "f16_", "mem"])
def test_a_name_of_any_length_takes_no_time(piece: str) -> None:
    begun = time.process_time()
    named = kernel_precision("xmma_" + piece * (50_000 // len(piece)))
    assert named in PRECISIONS
    # some milliseconds; a pattern that looks back at every letter takes minutes
    assert time.process_time() - begun < 2
