"""Traces of TensorFlow and JAX as JSON: the trace viewer's, and TensorFlow 1's timeline."""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path

import pytest

from tests.support import profiles_made as made
from tests.support.documents import Json
from xlate import op_names, readers
from xlate.errors import ProfileError
from xlate.readers import StepChoice
from xlate.values.profile import Profile

#: real traces lie beside the data, or beside the project
SHARED = [
    Path(os.environ.get("XLATE_DATA_HOME", "")).parent,
    Path(__file__).resolve().parents[2] / "shared",
]


def read(
    tmp_path: Path,
    events: list[Json],
    *,
    steps: StepChoice | None = None,
    **document: dict[str, bool],
) -> list[Profile]:
    path = tmp_path / "t.trace.json"
    path.write_text(
        json.dumps({"displayTimeUnit": "ns", "traceEvents": events, **document})
    )
    return readers.read(path, None, steps)


def meta(pid: int, name: str, tid: int | None = None) -> Json:
    what = "process_name" if tid is None else "thread_name"
    return {"ph": "M", "pid": pid, "name": what, "args": {"name": name}} | (
        {} if tid is None else {"tid": tid}
    )


def case(name: str) -> Profile:
    paths = [p for s in SHARED if (p := s / "cases" / "traces" / name).exists()]
    if not paths:
        pytest.skip("the real trace is not on this machine")
    (profile,) = readers.read(paths[0])
    return profile


@pytest.mark.data
def test_a_real_step_named_otherwise_than_by_a_number() -> None:
    p = case("tf_trace_named_step.json.gz")
    assert p.step_time_us == pytest.approx(16_767, rel=1e-4)
    assert p.busy_us == pytest.approx(747, rel=0.005)
    assert p.workload.mode == "training"


@pytest.mark.data
def test_real_kernels_are_counted_under_their_annotation() -> None:
    p = case("tf_trace_annotation.json.gz")
    assert p.step_time_us == pytest.approx(164_083, rel=1e-4)
    assert p.busy_us == pytest.approx(157_911, rel=1e-4)
    wanted = {
        "Conv2DBackpropFilter": 36.6, "Conv2DBackpropInput": 34.9, "_Send": 25.0,
        "_FusedConv2D": 22.0, "FusedBatchNormGradV3": 10.2,
    }  # fmt: skip
    for name, ms in wanted.items():
        assert p.ops[f"Device_{name}"] / 1e3 == pytest.approx(ms, abs=0.06), name
    families = {op_names.family(c) for c in op_names.busy_columns(list(p.ops))}
    assert "other" not in {op_names.family("Device__FusedConv2D")}
    assert {"conv", "norm", "transfer"} <= families


NAMES = ["EagerKernelExecute {}", "train {}", "train#{}", "TraceContext #step_num={}#", "step_{}", "FunctionRun", "{}"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_step_may_have_any_name(name: str, tmp_path: Path) -> None:
    events = json.loads(made.tf_trace())["traceEvents"]
    for e in events:
        if e.get("tid") == 1 and e["ph"] == "X":
            e["name"] = name.format(int(e["name"]) + 7)
    (p,) = read(tmp_path, events)
    assert {k: v for k, v in p.ops.items() if v} == made.TF
    number = "2" if name == "FunctionRun" else "9"
    assert any(f"step {number} stands for the job" in n for n in p.notes), p.notes


def test_a_trace_without_steps_is_one_step_and_says_so(tmp_path: Path) -> None:
    (p,) = read(tmp_path, json.loads(made.tf_trace(steps=False))["traceEvents"])
    assert p.step_time_us == 3590
    assert any("the whole recording" in n for n in p.notes)
    (p,) = read(
        tmp_path,
        json.loads(made.tf_trace(steps=False))["traceEvents"],
        steps=StepChoice(count=4),
    )
    assert p.step_time_us == pytest.approx(897.5)
    assert p.ops["Device_Conv2D"] == pytest.approx(400)


@pytest.mark.parametrize(
    ("process", "device"),
    [
        ("/device:GPU:0", None),
        ("/device:GPU:0 (Tesla T4)", "Tesla T4"),
        ("/device:GPU:0 (pid 1)", None),
        ("/job:worker/replica:0/task:1/device:GPU:0", None),
    ],
)
def test_the_name_of_the_gpu_is_read_where_it_stands(
    process: str, device: str | None, tmp_path: Path
) -> None:
    events = json.loads(made.tf_trace())["traceEvents"]
    events[0]["args"]["name"] = process
    (p,) = read(tmp_path, events)
    assert p.device == device


def test_inference_is_recognised_by_the_work(tmp_path: Path) -> None:
    events = json.loads(made.tf_trace())["traceEvents"]
    assert read(tmp_path, events)[0].workload.mode == "inference"
    for e in events:
        if "Relu" in str(e.get("args", {}).get("tf_op")):
            e["args"]["tf_op"] = "gradient_tape/net/relu:ReluGrad"
    assert read(tmp_path, events)[0].workload.mode == "training"


def jax_events(
    steps: int = 4,
    *,
    annotated: bool = True,
    line: bool = True,
    module: str = "jit_train_step",
) -> list[Json]:
    """As jax.profiler.trace writes them, ``{}`` at the end."""
    events = [
        meta(2, "/device:GPU:0"), meta(2, "Stream #20(Compute)", 20), meta(2, "XLA Ops", 5),
        meta(2, "XLA Modules", 4), meta(701, "/host:CPU"), meta(701, "python", 9),
    ]  # fmt: skip
    if line:
        events.append(meta(2, "Steps", 3735928559))
    for i in range(steps):
        at = 1000.0 * i
        named = {"step_num": str(i)} if annotated else {}
        events.append(
            made.tf_event(f"train {i}" if line else "train", at, 990, 9, 701, **named)
        )
        events.append(made.tf_event("PjitFunction(train_step)", at + 1, 3, 9, 701))
        for k, (name, op, origin, start, length) in enumerate(
            [
                (
                    "gemm_fusion_dot_3",
                    "gemm_fusion_dot.3",
                    "jit(train_step)/dot_general:",
                    100,
                    400,
                ),
                (
                    "fusion_12",
                    "fusion.12",
                    "jit(train_step)/transpose(jvp(net))/tanh:",
                    600,
                    100,
                ),
            ]
        ):
            ids = {"correlation_id": str(10 * i + k + 1)}
            events.append(made.tf_event("cuLaunchKernel", at + 5 + k, 1, 9, 701, **ids))
            events.append(
                made.tf_event(
                    name,
                    at + start,
                    length,
                    20,
                    2,
                    hlo_op=op,
                    hlo_module=module,
                    tf_op=origin,
                    **ids,
                )
            )
            events.append(made.tf_event(op, at + start, length, 5, 2))
        events.append(made.tf_event(f"{module}(7)", at + 100, 600, 4, 2))
        if line:
            events.append(made.tf_event(f"train {i}", at + 100, 600, 3735928559, 2))
    return [*events, {}]


JAX = {"Device_gemm_fusion_dot": 400, "Device_tanh": 100}


@pytest.mark.parametrize(
    ("how", "step", "said"),
    [
        ({}, 600, "begin 1 ms apart and are 0.6 ms long"),
        ({"line": False}, 990, "annotated 'train' on the host"),
        (
            {"line": False, "annotated": False},
            1000,
            "each of the 4 executions of jit_train_step",
        ),
        ({"line": False, "annotated": False, "steps": 1}, 600, "the whole recording"),
    ],
)
def test_jax_is_read_with_or_without_steps(
    how: Json, step: int, said: str, tmp_path: Path
) -> None:
    (p,) = read(tmp_path, jax_events(**how))
    assert dict(p.ops) == pytest.approx(JAX | {"Device_IDLE": step - 500})
    assert p.step_time_us == pytest.approx(step)
    assert (p.workload.framework, p.workload.mode) == ("jax", "training")
    assert any(said in n for n in p.notes), p.notes


def test_a_perfetto_trace_of_jax_is_the_same(tmp_path: Path) -> None:
    (a,) = read(tmp_path, jax_events(), metadata={"highres-ticks": True})
    path = tmp_path / "perfetto_trace.json.gz"
    path.write_bytes(
        gzip.compress(
            json.dumps({"displayTimeUnit": "ns", "traceEvents": jax_events()}).encode()
        )
    )
    (b,) = readers.read(path)
    assert (a.ops, a.notes, a.workload) == (b.ops, b.notes, b.workload)


def test_a_mark_of_the_users_begins_each_step(tmp_path: Path) -> None:
    (p,) = read(
        tmp_path, jax_events(), steps=StepChoice(mark="PjitFunction(train_step)")
    )
    assert p.step_time_us == pytest.approx(1000)
    with pytest.raises(ProfileError, match="no annotation named 'x'"):
        read(tmp_path, jax_events(), steps=StepChoice(mark="x"))


@pytest.mark.parametrize(
    ("hlo_op", "origin", "family"),
    [
        ("loop_add_fusion.3", "", "elementwise"),
        ("wrapped_convert", "", "elementwise"),
        ("input_reduce_fusion.1", "", "reduce"),
        ("triton_softmax.2", "", "loss"),
        ("gemm_fusion_dot.1", "", "matmul"),
        ("cublas-lt-matmul.4", "", "matmul"),
        ("cudnn-conv-bw-filter.1", "", "conv"),
        ("all-reduce-start.1", "", "communication"),
        ("reduce-scatter.3", "", "communication"),
        ("collective-permute-start", "", "communication"),
        ("loop_transpose_fusion", "", "copy"),
        ("input_scatter_fusion", "", "copy"),
        ("select-and-scatter.1", "", "pool"),
        ("reduce-window.9", "", "pool"),
        ("copy.3", "", "copy"),
        ("sort.1", "", "reduce"),
        ("rng-bit-generator.2", "", "random"),
        ("fusion.7", "jit(f)/jit(main)/reduce_sum[axes=(1,)]", "reduce"),
        ("fusion.7", "jit(f)/dot_general:", "matmul"),
        ("fusion.7", "jit(f)/conv_general_dilated:", "conv"),
        ("fusion.7", "jit(f)/convert_element_type:", "elementwise"),
        ("fusion.7", "jit(f)/broadcast_in_dim:", "copy"),
        ("fusion.7", "jit(f)/mul:", "elementwise"),
        ("fusion.7", "", "other"),
    ],
)
def test_instructions_of_xla_have_families(
    hlo_op: str, origin: str, family: str, tmp_path: Path
) -> None:
    events = jax_events(1)
    for e in events:
        args = e.get("args", {})
        if args.get("hlo_op") == "fusion.12":
            args.update(hlo_op=hlo_op, tf_op=origin)
            e["name"] = hlo_op.replace(".", "_").replace("-", "_")
    (p,) = read(tmp_path, events)
    busy_us = {c: v for c, v in p.ops.items() if op_names.is_busy(c)}
    (column,) = [c for c in busy_us if "gemm_fusion_dot" not in c] or busy_us
    assert op_names.family(column) == family, column


def test_a_library_call_is_counted_under_its_kernel(tmp_path: Path) -> None:
    events = jax_events(1)
    for e in events:
        if e.get("name") == "fusion_12":
            e["name"] = "ampere_sgemm_32x128_nn"
            e["args"].update(hlo_op="custom-call.3", tf_op="")
    (p,) = read(tmp_path, events)
    assert p.ops["Device_ampere_sgemm_32x128_nn"] == 100


def test_a_trace_of_a_tpu_or_a_cpu_says_so(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"recorded on a TPU"):
        read(tmp_path, [meta(1, "/device:TPU:0"), made.tf_event("fusion", 0, 5, 1, 1)])
    events = [e for e in jax_events() if e.get("pid") != 2]
    with pytest.raises(ProfileError, match="no GPU kernel was recorded"):
        read(tmp_path, events)


def timeline(
    prefix: str = "/device:GPU:0", *, streams: bool = True, gpu: bool = True
) -> list[Json]:
    """As TensorFlow 1's Timeline writes one session.run."""
    names = [
        "Allocators",
        "/job:localhost/replica:0/task:0/device:GPU:0 Compute",
        "/job:localhost/replica:0/task:0/device:CPU:0 Compute",
    ]
    if gpu:
        names += [
            f"{prefix}/stream:all Compute",
            f"{prefix}/stream:all Tensors",
            f"{prefix}/memcpy Compute",
        ]
        if streams:
            names += [f"{prefix}/stream:12 Compute", f"{prefix}/stream:13 Compute"]
    pids = {name: k for k, name in enumerate(names)}
    events = [meta(k, name) for name, k in pids.items()]

    def op(process: str, name: str, ts: int, dur: int, path: str) -> None:
        if process in pids:
            events.append({"cat": "Op", "ph": "X", "tid": 0, "pid": pids[process], "ts": ts, "dur": dur, "name": name, "args": {"name": path, "op": name}})  # fmt: skip

    begin = 1_490_280_136_435_393
    op(names[1], "Const", begin, 9, "c")
    op(names[1], "Conv2D", begin + 100, 60, "conv")
    for line in ("stream:all", "stream:12"):
        op(f"{prefix}/{line} Compute", "Conv2D", begin + 200, 400, "conv")
        op(f"{prefix}/{line} Compute", "ReluGrad", begin + 700, 100, "gradients/relu")
    for line in ("memcpy", "stream:13"):
        op(f"{prefix}/{line} Compute", "MEMCPYHtoD", begin + 150, 50, "edge_1")
    op(names[2], "NoOp", begin + 990, 10, "done")
    return events


ONE_RUN = {"Device_Conv2D": 400, "Device_ReluGrad": 100, "Device_MEMCPYHtoD": 50, "Device_IDLE": 450}  # fmt: skip


@pytest.mark.parametrize(
    "prefix", ["/device:GPU:0", "/gpu:0", "/job:worker/replica:0/task:3/device:GPU:0"]
)
@pytest.mark.parametrize("streams", [True, False])
def test_a_timeline_of_tensorflow_1_counts_each_kernel_once(
    prefix: str, streams: bool, tmp_path: Path
) -> None:
    (p,) = read(tmp_path, timeline(prefix, streams=streams))
    assert dict(p.ops) == ONE_RUN
    assert p.step_time_us == 1000
    assert p.workload.mode == "training"
    assert p.precision_us == {}
    assert any("one session.run" in n for n in p.notes)


def test_a_timeline_without_a_gpu_is_refused_for_that(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="no GPU kernel was recorded"):
        read(tmp_path, timeline(gpu=False))
    with pytest.raises(ProfileError, match="has no annotations"):
        read(tmp_path, timeline(), steps=StepChoice(mark="train"))


def test_a_broken_timeline_says_what_is_wrong(tmp_path: Path) -> None:
    events = timeline()
    events[-1]["dur"] = -4
    with pytest.raises(ProfileError, match="takes -4 µs"):
        read(tmp_path, events)
    text = json.dumps({"traceEvents": timeline()}).encode()
    path = tmp_path / "cut.json"
    path.write_bytes(text[: len(text) - 60])
    with pytest.raises(ProfileError, match="breaks off before any step"):
        readers.read(path)


def test_several_kernels_of_one_operation_are_summed(tmp_path: Path) -> None:
    events = json.loads(made.tf_trace())["traceEvents"]
    for k, e in enumerate(events):
        if "Relu" in str(e.get("args", {}).get("tf_op")):
            e["name"], e["args"]["tf_op"] = f"kernel_{k}", "net/b/Conv2D:Conv2D"
    (p,) = read(tmp_path, events)
    assert {k: v for k, v in p.ops.items() if v} == {
        "Device_Conv2D": 500,
        "Device_IDLE": 500,
    }


def test_a_trace_cut_among_the_kernels_is_refused_or_keeps_whole_steps(
    tmp_path: Path,
) -> None:
    # the host's events stand first, so steps look whole while kernels are missing
    events = jax_events(8, line=False)
    events.sort(
        key=lambda e: (e.get("ph") != "M", e.get("pid") != 701, e.get("tid") != 20)
    )
    text = json.dumps({"traceEvents": events}).encode()
    kernels = [m.start() for m in re.finditer(rb'"name": "fusion_12"', text)]
    path = tmp_path / "t.json"
    path.write_bytes(text[: kernels[5] + 40])
    (p,) = readers.read(path)
    assert dict(p.ops) == pytest.approx(JAX | {"Device_IDLE": 490})
    assert any("left out" in n for n in p.notes), p.notes
    path.write_bytes(text[: kernels[0] + 40])
    with pytest.raises(ProfileError, match="breaks off"):
        readers.read(path)


def test_a_trace_as_long_as_the_viewer_keeps_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xlate.readers.tensorflow import tensorflow_trace

    monkeypatch.setattr(tensorflow_trace, "MOST_SHOWN", 20)
    (p,) = read(tmp_path, jax_events())
    assert any("the most that the trace viewer keeps" in n for n in p.notes)


def test_gpus_of_two_hosts_stay_apart(tmp_path: Path) -> None:
    events = json.loads(made.tf_trace(gpus=2))["traceEvents"]
    for e in events:
        if e["name"] == "process_name" and "GPU" in e["args"]["name"]:
            e["args"]["name"] = f"host{e['pid']} /device:GPU:0"
    one, two = read(tmp_path, events)
    assert one.ops == two.ops == made.TF
    assert any("GPU 1 is 'host2 /device:GPU:0' of the file" in n for n in two.notes)


def test_a_label_of_tensorflow_2_0_says_the_operation(tmp_path: Path) -> None:
    label = "volta_sgemm_128x64_nn grid:1 @@net/dense/MatMul:MatMul#id=1#"
    events = [
        meta(1, "/device:GPU:0/stream:all"), meta(2, "/job:localhost/replica:0/task:0/device:GPU:0"),
        {"ph": "X", "pid": 1, "tid": 0, "ts": 10, "dur": 40, "name": "x", "args": {"label": label}},
        {"ph": "X", "pid": 2, "tid": 0, "ts": 0, "dur": 100, "name": "MatMul", "args": {}},
    ]  # fmt: skip
    (p,) = read(tmp_path, events)
    assert dict(p.ops) == {"Device_MatMul": 40, "Device_IDLE": 60}
    assert p.precision_us == {"fp32": 40}


def test_what_is_left_of_a_trace_without_steps_is_no_whole_step(
    tmp_path: Path,
) -> None:
    content = made.tf_trace(8, steps=False)
    path = tmp_path / "a.trace.json"
    path.write_bytes(content[: content.rindex(b'"ph"')])
    with pytest.raises(ProfileError, match="breaks off before any step"):
        readers.read(path)
    readers.read(path, steps=StepChoice(count=7))


def test_kernels_shorter_than_any_gpus_are_doubted(tmp_path: Path) -> None:
    document = json.loads(made.tf_trace(4))
    path = tmp_path / "a.trace.json"
    for by, doubted in ((1.0, False), (1e-4, True)):
        for e in document["traceEvents"]:
            e.update({k: e[k] * by for k in ("ts", "dur") if k in e})
        path.write_text(json.dumps(document))
        (p,) = readers.read(path)
        assert any("likely in ms or s" in n for n in p.notes) == doubted
