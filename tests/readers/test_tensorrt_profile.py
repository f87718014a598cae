"""What ``trtexec`` exports: layers by their operation, and times of runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.documents import Json
from xlate import op_names, readers
from xlate.errors import ProfileError
from xlate.readers import StepChoice
from xlate.readers.tensorrt_profile import layer_operation
from xlate.values.profile import Profile

LAYERS = [
    ("Reformatting CopyNode for Input Tensor 0 to Conv_0 + PWN(Clip_3)", 0.1),
    ("Conv_0 + PWN(Clip_3)", 0.5),
    ("/model.9/m_1/MaxPool", 0.2),
    ("PWN(PWN(/model.0/act/Sigmoid), /model.0/act/Mul)", 0.2),
]


def profile(
    layers: list[tuple[str, float]] = LAYERS, count: float = 100, **more: str | None
) -> str:
    """As trtexec prints it."""
    rows: list[Json] = [{"count": count}] if count else []
    rows += [
        {"name": n, "timeMs": t * (count or 1), "averageMs": t, "medianMs": t, "percentage": 1} | more
        for n, t in layers
    ]  # fmt: skip
    return "[\n  " + "\n, ".join(json.dumps(r) for r in rows) + "\n]\n"


def read(tmp_path: Path, text: str, **choice: Any) -> list[Profile]:
    path = tmp_path / "profile.json"
    path.write_text(text)
    return readers.read(path, steps=StepChoice(**choice))


@pytest.mark.parametrize(
    "text",
    [
        profile(),
        profile(count=0),
        profile().replace("averageMs", "averageUs"),
        profile().replace("medianMs", "old"),
    ],
    ids=["full", "IProfiler", "sums-alone", "before-medians"],
)
def test_a_step_is_the_sum_of_the_layers(text: str, tmp_path: Path) -> None:
    (p,) = read(tmp_path, text)
    assert p.step_time_us == pytest.approx(1000)
    assert p.ops == pytest.approx(
        {"Device_Reformat": 100, "Device_Conv": 500, "Device_MaxPool": 200, "Device_Sigmoid": 200}
    )  # fmt: skip
    assert p.workload.mode == "inference"
    assert p.workload.framework == "tensorrt"
    assert not p.precision_us


@pytest.mark.parametrize(
    ("name", "operation", "family"),
    [
        ("/layers.0/attn/MatMul", "MatMul", "matmul"),
        ("node_MatMul_92_myl0_5", "MatMul", "matmul"),
        ("fc1/MatMul + GELU + fc1/Add", "MatMul", "matmul"),
        ("conv1 + relu1", "conv1", "conv"),
        ("resnet/conv1/Conv2D + resnet/Relu || resnet/conv2/Conv2D", "Conv2D", "conv"),
        ("__myl_FcMulAdd_myl0_3", "Gemm", "matmul"),
        ("__myl_Move_myl2_0", "Reformat", "copy"),
        ("__myl_CastMulMean_myl1_7", "Mean", "reduce"),
        ("/model.2/cv1/act/Mul_output_0 copy", "Reformat", "copy"),
        ("(Unnamed Layer* 5) [Fully Connected]", "Gemm", "matmul"),
        ("(Unnamed Layer* 6) [Activation]", "Activation", "elementwise"),
        ("(Unnamed Layer* 7) [Shuffle] + Transpose_3", "Shuffle", "copy"),
        ("PWN(3)", "PWN", "elementwise"),
        ("{ForeignNode[/layers.0/Add.../layers.9/Mul]}", "ForeignNode", "other"),
        ("/model.13/Resize", "Resize", "copy"),
        ("", "unnamed", "other"),
    ],
)
def test_a_layer_is_counted_as_its_operation(
    name: str, operation: str, family: str
) -> None:
    assert layer_operation(name) == operation
    assert op_names.family(op_names.column("device", operation)) == family


def test_fused_subgraphs_are_noted_with_their_share(tmp_path: Path) -> None:
    (p,) = read(tmp_path, profile([*LAYERS, ("{ForeignNode[a...b]}", 1.0)]))
    assert any(n.startswith("50% of the time is of subgraphs") for n in p.notes)


@pytest.mark.parametrize(
    "run",
    [
        {
            "startInMs": 0,
            "endInMs": 0.1,
            "startComputeMs": 0.1,
            "endComputeMs": 0.9,
            "startOutMs": 0.9,
            "endOutMs": 1.0,
            "inMs": 0.1,
            "computeMs": 0.8,
            "outMs": 0.1,
            "latencyMs": 1.1,
            "endToEndMs": 2,
        },
        {
            "startEnqMs": 0,
            "endEnqMs": 1,
            "startH2dMs": 0,
            "endH2dMs": 0.1,
            "startComputeMs": 0.1,
            "endComputeMs": 0.9,
            "startD2hMs": 0.9,
            "endD2hMs": 1.0,
            "latencyMs": 1.1,
        },
    ],
)
def test_times_of_runs_are_a_step_without_layers(run: Json, tmp_path: Path) -> None:
    slow = {k: v * 9 for k, v in run.items()}
    (p,) = read(tmp_path, json.dumps([run, slow, run]))
    assert p.step_time_us == pytest.approx(1100)
    assert p.ops["Device_TensorRT engine"] == pytest.approx(800)
    assert p.ops["Device_Memcpy HtoD"] == pytest.approx(100)
    assert any("no times of layers" in n for n in p.notes)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            json.dumps(
                {"Layers": [{"Name": "a", "LayerType": "Convolution"}], "Bindings": []}
            ),
            "describes layers",
        ),
        (profile()[:-40], "breaks off"),
        (profile([("a", -1.0)]), "a time of -1.0"),
        (profile([("a", 0.0)]), "no layer took any time"),
        (profile(averageMs="fast"), "a time of 'fast'"),
        (profile(averageMs=None, timeMs=None), "a time of None"),
        (profile(count=0.5, averageMs=None), "'count' is 0.5"),
        # also where every layer has its mean
        (profile().replace('"count": 100', '"count": 0'), "'count' is 0"),
        (profile().replace('"count": 100', '"count": "many"'), "'count' is 'many'"),
        (profile().replace('"count": 100', '"count": 1'), "in 1 runs, and its mean is"),
        ('[{"computeMs": "x", "latencyMs": 1}]', "a time of 'x'"),
        ('[{"latencyMs": 1}]', "holds no layer, and no run"),
    ],
)
def test_files_without_times_or_broken_are_refused(
    text: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(ProfileError, match=says):
        read(tmp_path, text)


def test_steps_are_not_cut(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="not cut into steps"):
        read(tmp_path, profile(), count=3)


def test_types_of_onnx_have_families() -> None:
    for family, ops in {
        "conv": "Conv FusedConv QLinearConv ConvTranspose",
        "matmul": "Gemm MatMul FusedMatMul MatMulNBits",
        "rnn": "LSTM GRU",
        "transfer": "MemcpyFromHost MemcpyToHost",
        "copy": "Flatten Unsqueeze Expand Resize Where Reformat Gather Transpose",
        "elementwise": "Clip HardSwish QuantizeLinear DequantizeLinear Sin PWN Relu",
        "reduce": "NonZero CumSum ReduceMean TopK",
    }.items():
        for op in ops.split():
            assert op_names.family(f"Device_{op}") == family, op
