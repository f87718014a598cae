"""ONNX Runtime's profile: what ran on a GPU, run by run of the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.documents import Json
from xlate import readers
from xlate.errors import ProfileError, XlateError
from xlate.readers import StepChoice
from xlate.readers.formats import candidates
from xlate.values.profile import Profile

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


def event(
    cat: str,
    name: str,
    ts: int | str,
    dur: int | None,
    **args: str | list[dict[str, list[int]]],
) -> Json:
    return {"cat": cat, "pid": 1, "tid": 2, "dur": dur, "ts": ts, "ph": "X", "name": name, "args": args}  # fmt: skip


def node(op: str, ts: int | str, dur: int | None, provider: str = CUDA) -> Json:
    return event(
        "Node",
        f"{op}_1_kernel_time",
        ts,
        dur,
        op_name=op,
        provider=provider,
        input_type_shape=[{"float": [1, 3]}],
        parameter_size="3",
    )


def kernel(name: str, op: str, ts: int, dur: int) -> Json:
    return event("Kernel", name, ts, dur, op_name=op, stream="7", grid_x="3")


def runs(*lengths: int, first: int = 900) -> list[Json]:
    """Runs of a model, the first with its start-up."""
    events = [
        event("Session", "model_loading_uri", 0, 500),
        event("Session", "session_initialization", 500, 500),
    ]
    at = 10_000
    for length in (first, *lengths):
        events += [
            event("Node", "Conv_1_fence_before", at, 0, op_name="Conv"),
            node("Conv", at + 10, length // 2),
            node("Relu", at + 10 + length // 2, 40),
            node("Shape", at + length - 20, 10, CPU),
            event("Session", "SequentialExecutor::Execute", at + 5, length - 10),
            event("Session", "model_run", at, length),
        ]
        at += 10_000
    return events


def read(tmp_path: Path, events: str | list[Json], **choice: Any) -> list[Profile]:
    path = tmp_path / "profile.json"
    text = (
        events
        if isinstance(events, str)
        else "[\n" + ",\n".join(json.dumps(e) for e in events) + "\n]\n"
    )
    path.write_text(text)
    return readers.read(path, steps=StepChoice(**choice))


def test_a_step_is_the_median_run_without_its_start(tmp_path: Path) -> None:
    (p,) = read(tmp_path, runs(400, 500, 420))
    assert p.step_time_us == 420
    assert dict(p.ops) == {"Device_Conv": 210, "Device_Relu": 40, "Device_IDLE": 170}
    assert p.workload.framework == "onnxruntime"
    assert p.workload.mode == "inference"
    assert any("host launched each node" in n for n in p.notes)
    assert any(f"ran on {CPU}" in n for n in p.notes)
    assert not p.precision_us


def test_kernels_are_the_times_where_they_are_recorded(tmp_path: Path) -> None:
    events = runs(400, 500, 420)
    for k in range(4):
        at = 10_000 * (k + 1)
        events += [
            kernel("void cudnn::conv<float>(int)", "Conv", at + 30, 300),
            kernel("Memcpy HtoD", "", at + 12, 15),
        ]
    (p,) = read(tmp_path, events)
    assert p.ops["Device_Conv"] == 300
    assert p.ops["Device_Memcpy HtoD"] == 15
    assert p.ops["Device_IDLE"] == 105
    assert sum(p.precision_us.values()) == 315
    assert not any("host launched" in n for n in p.notes)


@pytest.mark.parametrize(
    "provider",
    [
        "TensorrtExecutionProvider",
        "ROCMExecutionProvider",
        "MIGraphXExecutionProvider",
        "DmlExecutionProvider",
    ],
)
def test_every_provider_of_a_gpu_counts(provider: str, tmp_path: Path) -> None:
    text = json.dumps(runs(400, 420)).replace(CUDA, provider)
    assert read(tmp_path, text)[0].busy_us > 0


@pytest.mark.parametrize(
    "provider", [CPU, "CoreMLExecutionProvider", "OpenVINOExecutionProvider"]
)
def test_a_run_without_a_gpu_is_refused_with_its_reason(
    provider: str, tmp_path: Path
) -> None:
    text = json.dumps(runs(400)).replace(CUDA, provider)
    with pytest.raises(
        ProfileError, match=rf"no node ran on a GPU \(providers: .*{provider}"
    ):
        read(tmp_path, text)


def test_without_runs_everything_is_one_step_or_as_many_as_said(tmp_path: Path) -> None:
    events = [e for e in runs(400) if e["name"] != "model_run"]
    (p,) = read(tmp_path, events)
    assert p.step_time_us is None
    (p,) = read(tmp_path, events, count=2)
    assert p.busy_us == (450 + 40 + 200 + 40) / 2
    with pytest.raises(ProfileError, match="marks each run"):
        read(tmp_path, events, mark="x")


def test_a_profile_that_was_never_ended_is_read_up_to_there(tmp_path: Path) -> None:
    text = "[\n" + ",\n".join(json.dumps(e) for e in runs(400, 500, 420))
    (p,) = read(
        tmp_path,
        text + ',\n{"cat" : "Node","pid" :3,"args" : {"input_type_shape" : [{"fl',
    )
    assert p.step_time_us == 420
    assert any("breaks off" in n for n in p.notes)


def test_it_is_no_trace_of_another_tool(tmp_path: Path) -> None:
    for events in (runs(400), runs(400)[2:]):
        path = tmp_path / "p.json"
        path.write_text(json.dumps(events))
        head = path.read_bytes()
        names = [f.name for f in candidates(head) if f.reader.sniff(head)]
        assert names[0] == "onnx_profile"


def test_training_is_known_by_its_operations(tmp_path: Path) -> None:
    events = [*runs(400, 420), node("ConvGrad", 20_100, 5)]
    assert read(tmp_path, events)[0].workload.mode == "training"


@pytest.mark.parametrize(
    "events",
    [
        [*runs(400), node("Conv", "soon", 3)],
        [*runs(400), node("Conv", 3, -3)],
        [*runs(400), node("Conv", 3, None)],
        [event("Session", "model_run", 0, 5)],
        [node("Conv", 90, 5), event("Session", "model_run", 0, 5)],
        '[{"cat":"Session","name":',
        '[{"cat":"Session"}, 5]',
    ],
    ids=range(7),
)
def test_broken_profiles_are_refused(events: str | list[Json], tmp_path: Path) -> None:
    with pytest.raises(XlateError):
        read(tmp_path, events)
