"""The vocabulary of operations covers the names of every framework."""

import pytest

from xlate import op_names


@pytest.mark.parametrize(
    ("op", "family", "nature"),
    [
        ("Conv2DBackpropFilter", "conv", "compute"),
        ("aten::addmm", "matmul", "compute"),
        ("aten::add_", "elementwise", "memory"),
        ("aten::mul_out", "elementwise", "memory"),
        ("aten::native_layer_norm_backward", "norm", "memory"),
        ("aten::convolution_backward", "conv", "compute"),
        ("aten::embedding_dense_backward", "embedding", "memory"),
        ("aten::_scaled_dot_product_flash_attention", "attention", "compute"),
        ("ampere_sgemm_128x64_tn", "matmul", "compute"),
        ("void cutlass::Kernel2<cutlass_80_tensorop>", "matmul", "compute"),
        ("void pytorch_flash::flash_fwd_kernel", "attention", "compute"),
        ("void cudnn::winograd_nonfused::winogradForwardData4x4", "conv", "compute"),
        ("ncclDevKernel_AllReduce_Sum_f32_RING_LL", "communication", "communication"),
        ("Memcpy HtoD (Pageable -> Device)", "transfer", "transfer"),
        ("[CUDA memcpy Device-to-Host]", "transfer", "transfer"),
        ("Memcpy PtoP (Device -> Device)", "communication", "communication"),
        ("Memset (Device)", "copy", "memory"),
        ("onednn_addmm(32760, 1536, 1536)", "matmul", "compute"),
        ("onednn_linear", "matmul", "compute"),
        ("triton_poi_fused_add_0", "elementwise", "memory"),
        ("triton_red_fused_sum_1", "reduce", "memory"),
        ("triton_tem_fused_mm_2", "matmul", "compute"),
        ("void at::native::vectorized_elementwise_kernel", "elementwise", "memory"),
        ("void at::native::reduce_kernel", "reduce", "memory"),
        ("nothing_anybody_knows", "other", "memory"),
        ("aten::nothing_anybody_knows", "other", "memory"),
    ],
)
def test_names_of_every_framework_have_a_family(
    op: str, family: str, nature: str
) -> None:
    column = op_names.column("device", op)
    assert (op_names.family(column), op_names.nature(column)) == (family, nature)


def test_host_and_idle_are_no_device_families() -> None:
    assert (
        op_names.nature(op_names.HOST_IDLE) == op_names.nature("Device_IDLE") == "idle"
    )
    assert op_names.nature("Host_aten::addmm") == "host"


def test_every_family_of_the_vocabulary_is_a_family() -> None:
    words = op_names._words()
    named = {
        *words["families"],
        *words["aten"],
        *(k["family"] for k in words["kernels"]),
    }
    assert named <= set(op_names.FAMILIES)
    assert set(words["natures"]) <= {*op_names.FAMILIES, "host", "idle"}


def test_no_operation_is_in_two_families() -> None:
    for section in ("families", "aten"):
        ops = [op for ops in op_names._words()[section].values() for op in ops]
        assert len(ops) == len(set(ops))
