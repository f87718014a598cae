"""PyTorch's traces of every version, with and without marks of steps."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import profiles_made as made
from tests.support.documents import Json
from tests.support.narrowing import all_as, as_type, present
from xlate import api, engine, readers
from xlate.cli import app
from xlate.errors import ProfileError
from xlate.readers import StepChoice
from xlate.readers.tensorflow.gpu_trace import is_training
from xlate.readers.traces import attribution, chrome
from xlate.readers.traces.step_marks import serving_kind
from xlate.readers.traces.steps import Step, Work, of_step
from xlate.values.profile import Profile
from xlate.values.reason import Reason, informs
from xlate.values.translation import Translation

#: real files of other people, beside the corpora; none of them is part of the project
REAL = Path(os.environ.get("XLATE_DATA_HOME", "nowhere")).parent / "cases" / "traces"


def read(
    tmp_path: Path,
    content: bytes | list[Json],
    steps: StepChoice | None = None,
    name: str = "trace.json",
) -> list[Profile]:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else made.trace(content))
    return readers.read(path, steps=steps)


def without_steps(events: list[Json]) -> list[Json]:
    return [e for e in events if "ProfilerStep" not in e["name"]]


def named(
    n: int = 4,
    name: str = "ProfilerStep#{}",
    cat: str = "user_annotation",
    **how: Any,
) -> list[Json]:
    """Steps of 1000 µs under another name."""
    return made.steps(n, name=name, cat=cat, **how)


def device_times(profile: Profile) -> dict[str, float]:
    return {c: v for c, v in profile.ops.items() if c.startswith("Device_")}


def said(profile: Profile) -> str:
    return " | ".join(profile.notes)


@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "step_ms", "busy_ms", "device"),
    [
        (
            "kineto_device_properties_last.json.gz",
            4.426,
            0.3094,
            "NVIDIA H100 80GB HBM3",
        ),
        (
            "kineto_unknown_gpu_any_anchor.json.gz",
            3.154,
            0.051,
            "NVIDIA A100-PG509-200",
        ),
        ("kineto_amd_as_t4.json.gz", 9.288, 0.149, "AMD Radeon Graphics"),
        ("kineto_capital_categories_tiny.json.gz", 1.629, 0.030, None),
        ("kineto_capital_categories.json", 13.41, 0.050, "Tesla V100-DGXS-32GB"),
        ("kineto_no_step_a100.json", 78.59, 78.59, "NVIDIA A100-SXM4-80GB"),
        (
            "kineto_no_step_mi300_compiled.json.gz",
            12.549,
            12.549,
            "AMD Instinct MI300X",
        ),
        ("kineto_no_step_b300.json.gz", 1.1215, 0.862, "NVIDIA B300 SXM6 AC"),
        (
            "kineto_100_percent_idle_ok.json.gz",
            13336.3,
            0.00176,
            "NVIDIA A100-PG509-200",
        ),
    ],
)
def test_a_real_file_is_read_right(
    file: str, step_ms: float, busy_ms: float, device: str | None
) -> None:
    if not REAL.is_dir():
        pytest.skip("the real traces are not here")
    (p,) = readers.read(REAL / file)
    assert p.step_time_us == pytest.approx(1e3 * step_ms, rel=1e-3)
    assert p.busy_us == pytest.approx(1e3 * busy_ms, rel=5e-3)
    assert p.device == device


@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "why"),
    [
        (
            "kineto_no_kernels_wrong_reason.json.gz",
            r"^\S+ holds no GPU kernel: CUPTI's range",
        ),
        (
            "autograd_profiler_trace.json",
            r"torch\.autograd\.profiler, of the CPU alone",
        ),
        (
            "kineto_cut_half.json.gz",
            r"in none of its 5 steps at least 95% .*breaks off",
        ),
    ],
)
def test_a_real_file_is_refused_for_what_is_wrong(file: str, why: str) -> None:
    if not REAL.is_dir():
        pytest.skip("the real traces are not here")
    with pytest.raises(ProfileError, match=why) as e:
        readers.read(REAL / file)
    assert "ProfilerStep" not in str(e.value)


@pytest.mark.data
def test_a_real_file_that_did_nothing_is_not_ok(
    capsys: pytest.CaptureFixture[str],
) -> None:
    if not REAL.is_dir():
        pytest.skip("the real traces are not here")
    with pytest.raises(SystemExit) as e:
        app(["profile", "check", str(REAL / "kineto_100_percent_idle_ok.json.gz")])
    assert e.value.code == 1
    assert ": doubtful" in capsys.readouterr().out.splitlines()[0]


# where the GPU's name stands

_H100 = [{"id": k, "name": "NVIDIA H100 80GB HBM3", "grid": [{}]} for k in range(8)]


@pytest.mark.parametrize("piece", [64, 700, 8 << 20])
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("packed", [False, True])
def test_the_gpu_is_found_behind_the_events(
    piece: int,
    indent: int | None,
    packed: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chrome, "PIECE_BYTES", piece)
    document = {
        "metadata": {"a": [{"b": 1}, {"b": 2}]}, "traceEvents": made.steps(),
        "schemaVersion": 1, "more": [{"x": [{}, {}]}] * 5, "deviceProperties": _H100,
        "traceName": "x",
    }  # fmt: skip
    content = json.dumps(document, indent=indent).encode()
    (p,) = read(tmp_path, gzip.compress(content) if packed else content)
    assert p.device == "NVIDIA H100 80GB HBM3"
    assert device_times(p) == pytest.approx(made.VECTOR)
    assert "breaks off" not in said(p)


def test_the_gpu_of_an_old_trace_is_found(tmp_path: Path) -> None:
    content = made.trace(made.steps()).replace(
        b"deviceProperties", b"computeProperties"
    )
    (p,) = read(tmp_path, content)
    assert p.device == "Tesla T4"


@pytest.mark.parametrize(
    ("names", "device", "note"),
    [
        (["Tesla T4"], "Tesla T4", r"GPU 5 is not in the file's list; all .* Tesla T4"),
        (["Tesla T4", " Tesla T4 "], "Tesla T4", r"all GPUs there are Tesla T4"),
        (
            ["Tesla T4", "Tesla V100"],
            None,
            r"is not known: GPU 5 .* Tesla T4, Tesla V100",
        ),
        ([], None, r"^((?!GPU 5).)*$"),
    ],
)
def test_a_gpu_that_is_not_listed_has_the_name_that_all_have(
    names: list[str], device: str | None, note: str, tmp_path: Path
) -> None:
    listed = [{"id": k, "name": n} for k, n in enumerate(names)]
    content = json.dumps(
        {
            "schemaVersion": 1,
            "deviceProperties": listed,
            "traceEvents": made.steps(device=5),
        }
    )
    (p,) = read(tmp_path, content.encode())
    assert p.device == device
    import re

    assert re.search(note, said(p))


def test_a_gpu_that_only_copies_is_not_a_separate_profile(tmp_path: Path) -> None:
    copies = [
        made.span(
            "gpu_memcpy",
            "Memcpy PtoP",
            1000 * i + 700,
            5,
            pid=3,
            device=3,
            correlation=-1,
        )
        for i in range(4)
    ]
    (p,) = read(tmp_path, made.steps() + copies)
    assert device_times(p) == pytest.approx(made.VECTOR)
    assert "GPU 3 ran no kernel" in said(p)
    assert p.source.endswith("trace.json")
    # where nothing else ran, copies are what there is
    (p,) = read(
        tmp_path,
        [e for e in made.steps() if e["cat"] != "kernel" and e["cat"] != "cuda_runtime"]
        + copies,
    )
    assert p.busy_us == 5


# what a file without ProfilerStep is cut by


def test_a_trace_without_marks_is_one_step_and_says_so(tmp_path: Path) -> None:
    (p,) = read(tmp_path, without_steps(made.steps()))
    # from the first kernel's start to the last one's end
    assert p.step_time_us == 3000 + 450 + 20 + 100 - 30
    assert p.busy_us == 2000
    (note,) = (n for n in p.notes if "whole recording" in n)
    assert not informs(note)
    assert "--trace-steps" in present(as_type(Reason, note).remedy)
    path = tmp_path / "trace.json"
    (given,) = all_as(Profile, engine.read_profiles([path], step_time_us=900.0))
    assert given.step_time_us == 900


def test_a_user_says_how_many_steps_there_are(tmp_path: Path) -> None:
    (one_step,) = read(tmp_path, without_steps(made.steps()))
    (p,) = read(tmp_path, without_steps(made.steps()), StepChoice(count=4))
    assert p.step_time_us == present(one_step.step_time_us) / 4
    assert p.ops == pytest.approx({c: v / 4 for c, v in one_step.ops.items()})
    assert "divided by 4" in said(p)
    again = api.read_profile(tmp_path / "trace.json", trace_steps=4)
    assert again == p


@pytest.mark.parametrize(
    "name",
    [
        "iteration {}",
        "Step {}",
        "train_step",
        "training_step#{}",
        "batch_{}",
        "iter",
        "## step {} ##",
        "execute_diffusion_{}_256x256",
        "iteration_{}_execute_diffusion_1_256x256",
        "inference",
        "forward",
    ],
)
def test_ranges_named_like_steps_are_steps(name: str, tmp_path: Path) -> None:
    layers = [
        made.span("user_annotation", f"layer {k}", 1000 * i + 500 * k, 480)
        for i in range(4)
        for k in range(2)
    ]
    (p,) = read(tmp_path, named(name=name) + layers)
    assert device_times(p) == pytest.approx(made.VECTOR)
    assert "were taken for steps" in said(p)


@pytest.mark.parametrize(
    "name",
    [
        "layer {}",
        "MoE[experts=16]",
        "aten_region",
        "DataLoader step",
        "lr_scheduler.step",
        "Optimizer.zero_grad#SGD.zero_grad",
    ],
)
def test_other_ranges_that_repeat_are_no_steps(name: str, tmp_path: Path) -> None:
    (p,) = read(tmp_path, named(name=name))
    assert "whole recording" in said(p)
    (p,) = read(tmp_path, named(name=name), StepChoice(mark=name.format(1)))
    assert p.step_time_us == 1000


def test_a_range_that_holds_half_of_the_work_is_no_step(tmp_path: Path) -> None:
    # forward in training: the sum runs outside
    events = [
        {**e, "dur": 440} if "forward" in e["name"] else e
        for e in named(name="forward")
    ]
    (p,) = read(tmp_path, events)
    assert "whole recording" in said(p)
    # asked for, each begins a step
    (p,) = read(tmp_path, events, StepChoice(mark="forward"))
    assert device_times(p) == pytest.approx(made.VECTOR)


def test_steps_go_from_one_optimizer_step_to_the_next(tmp_path: Path) -> None:
    events = without_steps(made.steps(5))
    events += [
        made.span("user_annotation", "Optimizer.step#AdamW.step", 1000 * i + 900, 50)
        for i in range(5)
    ]
    (p,) = read(tmp_path, events)
    assert p.step_time_us == 1000
    assert device_times(p) == pytest.approx(made.VECTOR)
    assert p.workload.mode == "training"


def optimizers(
    per_step: tuple[tuple[int, int], ...], n: int, length: int = 1000
) -> list[Json]:
    """Steps in which the optimizer runs at some moments, with work of different sizes."""
    events = without_steps(made.steps(n))
    k = 5000
    for i in range(n):
        for at, size in per_step:
            events.append(
                made.span(
                    "user_annotation", "Optimizer.step#Adam.step", length * i + at, 1
                )
            )
            for j in range(size):
                k += 1
                events += made.launched(
                    k, "aten::mul", made.ADD, length * i + at + 2 + 4 * j, 2
                )
    return events


@pytest.mark.parametrize(
    ("per_step", "period"),
    [
        (((900, 0),), 1),
        # a generator and a discriminator, of one length and not
        (((405, 0), (905, 0)), 2),
        (((300, 0), (950, 8)), 2),
        (((100, 3), (500, 9), (700, 20)), 3),
    ],
)
def test_several_optimizer_steps_may_be_one_iteration(
    per_step: tuple[tuple[int, int], ...], period: int, tmp_path: Path
) -> None:
    (p,) = read(tmp_path, optimizers(per_step, 8))
    assert p.step_time_us == 1000
    assert device_times(p)["Device_aten::addmm"] == 400
    assert any(f"every {period} of the" in n for n in p.notes) == (period > 1)


def test_optimizer_steps_without_a_pattern_are_no_steps(tmp_path: Path) -> None:
    events = without_steps(made.steps(9))
    for i, at in enumerate((420, 910, 1420, 3430, 3900, 4900, 7420, 7910, 8400)):
        events.append(made.span("user_annotation", "Optimizer.step#Adam.step", at, 1))
        for j in range(i * i % 7):
            events += made.launched(
                700 + 20 * i + j, "aten::mul", made.ADD, at + 3 * j, 1
            )
    (p,) = read(tmp_path, events)
    (note,) = (n for n in against(p) if "whole recording" in n)
    assert "between the 9 steps of optimizers shows no pattern" in note
    assert "Optimizer.step" in present(as_type(Reason, note).remedy)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("execute_context_2(14721)_generation_0(0)", "prefill"),
        ("execute_context_0(0)_generation_64(64)", "decode"),
        ("execute_context_2(6144)_generation_3(3)", "mixed"),
        (
            "execute_64_context_0(sq0sk0sqsq0sqsk0)_generation_64(sq64sk131072sqsq64sqsk131072)",
            "decode",
        ),
        ("execute_model context_2(512) generation_0(0)", "prefill"),
        ("execute_new_1_cached_0", "prefill"),
        ("execute_new_0_cached_8", "decode"),
        ("step[EXTEND bs=2 toks=14721]", "prefill"),
        ("step[DECODE bs=64 g_sq=128 g_sk=131072]", "decode"),
        ("step[MIXED bs=2]", "mixed"),
        ("prefill[bs=6 tok=17408 ctx=[4096, 4096]...+3]", "prefill"),
        ("decode[bs=117/128 tok=117 d=117]", "decode"),
        ("[Executor] _forward_step 12: 0 ctx reqs, 8 gen reqs", "decode"),
        ("execute_context_0(0)_generation_0(0)", None),
        ("capture_128_decode", None),
        ("iteration 3", None),
    ],
)
def test_a_serving_iteration_says_what_it_does(name: str, kind: str | None) -> None:
    assert serving_kind(name) == kind


def serving() -> list[Json]:
    """Two prefills, then five decodes of one graph launch and one kernel outside."""
    events, corr = [], 0
    for i in range(7):
        at = 1000 * i
        prefill = i < 2
        name = f"execute_context_{int(prefill)}(512)_generation_{int(not prefill)}(8)"
        events.append(made.span("user_annotation", name, at, 300))
        corr += 10
        events.append(
            made.span("cuda_runtime", "cudaGraphLaunch", at + 10, 5, correlation=corr)
        )
        for k in range(3):
            events.append(
                made.span(
                    "kernel",
                    "ampere_fp16_gemm",
                    at + 50 + 200 * k,
                    300 if prefill else 100,
                    pid=0,
                    tid=7,
                    device=0,
                    stream=7,
                    correlation=corr,
                )
            )
        # the sampling runs behind the annotation
        events += made.launched(corr + 1, "aten::argmax", made.ADD, at + 690, 20)
    return events


def test_a_serving_trace_is_cut_into_iterations_of_one_kind(tmp_path: Path) -> None:
    (p,) = read(tmp_path, serving())
    assert device_times(p) == pytest.approx(
        {"Device_ampere_fp16_gemm": 300, "Device_aten::argmax": 20, "Device_IDLE": 680}
    )
    assert "5 of decode, 2 of prefill; one of decode was taken" in said(p)
    (p,) = read(tmp_path, serving(), StepChoice(mark="prefill"))
    assert p.busy_us == pytest.approx(700)
    with pytest.raises(ProfileError, match="no annotation is named 'mixed'"):
        read(tmp_path, serving(), StepChoice(mark="mixed"))


def test_a_marked_step_says_which_iteration_it_holds(tmp_path: Path) -> None:
    steps = [
        made.span("user_annotation", f"ProfilerStep#{i}", 1000 * i, 1000)
        for i in range(7)
    ]
    (p,) = read(tmp_path, serving() + steps)
    assert "is an iteration of decode" in said(p)


def graphs(counts: list[int], period: int = 1000) -> list[Json]:
    """Launches of graphs, with the number of kernels that each has."""
    events = []
    for i, n in enumerate(counts):
        at = period * i
        events.append(
            made.span("cuda_runtime", "cudaGraphLaunch", at, 5, correlation=i + 1)
        )
        for k in range(n):
            events.append(
                made.span(
                    "kernel",
                    made.GEMM,
                    at + 20 + 50 * k,
                    40,
                    pid=0,
                    tid=7,
                    device=0,
                    stream=7,
                    correlation=i + 1,
                    **{"graph id": 3},
                )
            )
    return events


def test_graph_launches_that_repeat_are_steps(tmp_path: Path) -> None:
    (p,) = read(tmp_path, graphs([3] * 6))
    assert device_times(p) == pytest.approx(
        {"Device_cutlass::Kernel2": 120, "Device_IDLE": 880}
    )
    assert "each launch of a CUDA graph" in said(p)
    (p,) = read(tmp_path, graphs([3, 1] * 5))
    assert p.step_time_us == 2000
    assert "every 2 launches of a CUDA graph" in said(p)
    (p,) = read(tmp_path, graphs([3, 1, 4, 1, 5, 9, 2, 6]))
    assert "whole recording" in said(p)
    (p,) = read(
        tmp_path, graphs([3, 1, 4, 1, 5, 9, 2, 6]), StepChoice(mark="cudaGraphLaunch")
    )
    assert p.step_time_us == 1000


def test_kernels_of_a_graph_have_their_own_names(tmp_path: Path) -> None:
    events = [
        made.span(
            "cpu_op", "Torch-Compiled Region", 1000 * i, 30, **{"External id": 70 + i}
        )
        for i in range(5)
    ]
    launches = [
        {**e, "args": {**e["args"], "External id": 70 + e["ts"] // 1000}}
        if e["cat"] == "cuda_runtime"
        else e
        for e in graphs([2] * 5)
    ]
    (p,) = read(tmp_path, events + launches)
    assert "Device_cutlass::Kernel2" in p.ops
    assert "Device_Torch-Compiled Region" not in p.ops


def test_a_mark_that_is_not_there_is_refused_with_those_that_are(
    tmp_path: Path,
) -> None:
    events = named(name="epoch {}") + named(2, name="other")
    with pytest.raises(
        ProfileError, match=r"named 'foo'; there are epoch # \(4\), other \(2\)"
    ):
        read(tmp_path, events, StepChoice(mark="foo"))
    with pytest.raises(ProfileError, match="marks nothing by which it could be cut"):
        read(tmp_path, without_steps(made.steps()), StepChoice(mark="foo"))
    # by whole name, by name without its number, by beginning
    for mark in ("epoch 1", "epoch", "epoch 7"):
        (p,) = read(tmp_path, events, StepChoice(mark=mark))
        assert p.step_time_us == pytest.approx(1000, rel=0.001)
    (p,) = read(tmp_path, made.steps(), StepChoice(mark="ProfilerStep"))
    assert device_times(p) == pytest.approx(made.VECTOR)


@pytest.mark.parametrize(
    "choice",
    [
        {"count": 0},
        {"count": 2.5},
        {"count": True},
        {"mark": " "},
        {"count": 2, "mark": "a"},
    ],
)
def test_a_choice_of_steps_that_cannot_be_is_refused(choice: Json) -> None:
    with pytest.raises(ProfileError):
        StepChoice(**choice)


def test_a_choice_of_steps_acts_or_is_refused(tmp_path: Path) -> None:
    for content in (b"Device_Relu\n5000.0\n", b'{"Device_Relu": 5000.0}'):
        with pytest.raises(ProfileError, match="--trace-steps 3 is of recordings"):
            read(tmp_path, content, StepChoice(count=3), "a.txt")


# PyTorch before 1.12, and autograd's own trace

_OLD = {
    "cpu_op": "Operator", "kernel": "Kernel", "cuda_runtime": "Runtime", "gpu_memcpy": "Memcpy",
    "gpu_memset": "Memset", "user_annotation": "Operator",
}  # fmt: skip


def old(events: list[Json]) -> list[Json]:
    return [{**e, "cat": _OLD.get(e["cat"], e["cat"])} for e in events]


@pytest.mark.parametrize(
    "name", ["plain", "overlapping-streams", "copies", "one-step", "without-ids"]
)
def test_a_trace_of_an_old_pytorch_says_the_same(name: str, tmp_path: Path) -> None:
    content, wanted = made.KINETO[name]
    document = json.loads(content)
    document["traceEvents"] = old(document["traceEvents"])
    (p,) = read(tmp_path, json.dumps(document).encode())
    assert device_times(p) == pytest.approx(
        {k: v for k, v in wanted.items() if k[0] == "D"}
    )


def test_an_old_trace_without_anything_else_is_recognised(tmp_path: Path) -> None:
    events = [{"ph": "M", "name": "process_name", "pid": 0, "args": {"name": "python"}}]
    events += [e for e in old(made.steps()) if e["cat"] in ("Kernel", "Runtime")]
    (p,) = read(tmp_path, json.dumps({"traceEvents": events}).encode())
    assert p.workload.framework == "pytorch"
    assert p.busy_us == 2000


def test_an_annotation_of_an_old_trace_marks_steps(tmp_path: Path) -> None:
    (p,) = read(tmp_path, old(named(name="iteration {}")))
    assert device_times(p) == pytest.approx(made.VECTOR)


def functions(*pids: str, case: Callable[[str], str] = str) -> bytes:
    return json.dumps(
        [
            {"name": "aten::add", "ph": "X", "ts": 1.5 * k, "dur": 1.0, "tid": 1, "pid": case(pid), "args": {}}
            for k, pid in enumerate(pids)
        ]
    ).encode()  # fmt: skip


@pytest.mark.parametrize("case", [str, lambda s: s.replace("f", "F")])
def test_autograds_own_trace_is_named(
    case: Callable[[str], str], tmp_path: Path
) -> None:
    with pytest.raises(
        ProfileError, match=r"of the CPU alone.*no GPU kernel[\s\S]*torch\.profiler"
    ):
        read(tmp_path, functions("CPU functions", "CPU functions", case=case))
    with pytest.raises(ProfileError, match="operations that contain each other"):
        read(tmp_path, functions("CPU functions", "CUDA functions", case=case))
    # of some versions it was no JSON
    broken = functions("CPU functions", "CUDA functions", case=case).replace(
        b'"tid"', b'tid"'
    )
    with pytest.raises(ProfileError, match="operations that contain each other"):
        read(tmp_path, broken)


# traces without a kernel

_HOST = [e for e in made.steps() if e["cat"] != "kernel"]


@pytest.mark.parametrize(
    ("events", "why"),
    [
        (_HOST, "holds no GPU kernel, though 8 were launched"),
        (without_steps(_HOST), "holds no GPU kernel, though 8 were launched"),
        (
            [e for e in without_steps(_HOST) if e["cat"] == "cpu_op"],
            "only the host's side",
        ),
        (
            [*_HOST, made.span("cuda_profiler_range", "k", 5, 5)],
            "CUPTI's range profiler",
        ),
        ([*without_steps(_HOST), made.span("mtia_ccp_events", "k", 5, 5)], "MTIA"),
    ],
)
def test_a_trace_without_kernels_says_that_first(
    events: list[Json], why: str, tmp_path: Path
) -> None:
    with pytest.raises(ProfileError, match=why) as e:
        read(tmp_path, events)
    assert "ProfilerStep" not in str(e.value)
    assert "record" in str(e.value)


def test_the_hosts_side_alone_is_shown_and_not_ok(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (p,) = read(tmp_path, [e for e in _HOST if e["cat"] != "cuda_runtime"])
    assert p.ops == {"Host_aten::addmm": 8, "Host_aten::add": 8}
    assert "no GPU kernel was recorded" in p.notes[0]
    with pytest.raises(SystemExit) as e:
        app(["profile", "check", str(tmp_path / "trace.json"), "--json"])
    assert e.value.code == 1
    (document,) = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    assert "no GPU kernel" in document["doubts"][0]


# traces that break off, graphs that are captured


def cut(events: list[Json]) -> bytes:
    """A trace that breaks off behind some events."""
    content = made.trace(events, indent=1)
    return content[: content.rindex(b"{")].rstrip(b" \n,")


def in_kinetos_order(events: list[Json]) -> list[Json]:
    """The host's operations first, then launches and kernels, by time."""
    order = {"user_annotation": 0, "cpu_op": 0}
    return sorted(events, key=lambda e: (order.get(e["cat"], 1), e["ts"]))


def big_steps(n: int = 4, kernels: int = 20) -> list[Json]:
    events, corr = [], 0
    for i in range(n):
        events.append(made.span("user_annotation", f"ProfilerStep#{i}", 1000 * i, 1000))
        for k in range(kernels):
            corr += 1
            events += made.launched(corr, "aten::add", made.ADD, 1000 * i + 45 * k, 10)
    return in_kinetos_order(events)


def test_a_step_counts_only_with_its_kernels(tmp_path: Path) -> None:
    events = big_steps()
    # the host's 84 events, two steps of 40, and half of the third
    (p,) = read(tmp_path, cut(events[: 84 + 100]))
    assert p.ops["Device_aten::add"] == pytest.approx(200)
    assert "2 of 4 steps were left out" in said(p)
    for n in (90, 105, 84 + 30):
        with pytest.raises(ProfileError, match=r"in none of its 4 steps|no GPU kernel"):
            read(tmp_path, cut(events[:n]))
    with pytest.raises(ProfileError, match="breaks off before the GPU's events"):
        read(tmp_path, cut(events[:80]))


def test_a_step_without_work_takes_no_lost_steps_place(tmp_path: Path) -> None:
    events = big_steps(1)
    last = made.span("user_annotation", "ProfilerStep#9", 1000, 50)
    with pytest.raises(ProfileError, match="in none of its 2 steps"):
        read(tmp_path, cut([last, *events[: 21 + 20]]))


def test_a_recording_that_breaks_off_is_no_whole_one(tmp_path: Path) -> None:
    events = without_steps(big_steps(2))
    count = StepChoice(count=2)
    with pytest.raises(ProfileError, match=r"only 50% of the launches .*breaks off"):
        read(tmp_path, cut(events[: 40 + 41]), count)
    (p,) = read(tmp_path, cut([*events, events[0]]), count)
    assert "breaks off" in said(p)


def test_launches_that_are_lost_with_their_kernels_are_noticed(tmp_path: Path) -> None:
    # CUPTI writes a buffer for each thread: of the second nothing is there
    events = big_steps(2, 10)
    second = [
        {**e, "tid": 2, "ts": e["ts"] + 480, "args": {**e["args"], "External id": 5 + e["args"]["External id"] * 10,
         "correlation": 5 + 10 * e["args"].get("correlation", 0)}}
        for e in events if e["cat"] != "user_annotation"
    ]  # fmt: skip
    host = [e for e in second if e["cat"] == "cpu_op"]
    with pytest.raises(ProfileError, match=r"50% in the best"):
        read(tmp_path, cut(in_kinetos_order(events + host)))


def lost(events: list[Json], kept: int) -> list[Json]:
    """Of 20 kernels only some were recorded."""
    return [
        e
        for e in events
        if e["cat"] != "kernel" or e["args"]["correlation"] % 20 < kept
    ]


def capture(begins: int = 0, ends: int = 4000, name: str = "cuda") -> list[Json]:
    return [
        made.span("cuda_runtime", f"{name}StreamBeginCapture", begins, 1),
        made.span("cuda_runtime", f"{name}StreamEndCapture", ends, 1),
    ]


@pytest.mark.parametrize(
    "calls",
    [
        capture(),
        capture(name="hip"),
        capture()[1:],
        [*capture(100, 2100), *capture(2101)],
        [made.span("cuda_runtime", "cudaGraphInstantiate_v12000", 4000, 9)],
    ],
)
def test_a_trace_of_a_capture_is_not_ok(calls: list[Json], tmp_path: Path) -> None:
    # launches while a graph is captured run no kernel
    (p,) = read(tmp_path, [*lost(big_steps(), 2), *calls])
    (doubt,) = (n for n in p.notes if isinstance(n, Reason) and n.unsound)
    assert "10% of the launches have a kernel" in doubt
    assert "graphs were captured" in doubt


def test_one_step_of_a_capture_among_sound_ones_is_left_out(tmp_path: Path) -> None:
    some = [
        e
        for e in big_steps()
        if e["cat"] != "kernel" or e["args"]["correlation"] > 15 * 3
    ]
    (p,) = read(tmp_path, some)
    assert "3 of 4 steps were left out" in said(p)
    assert p.ops["Device_aten::add"] == pytest.approx(200)


@pytest.mark.parametrize("steps", [True, False])
@pytest.mark.parametrize("kept", [2, 10, 14, 17])
def test_kernels_that_are_missing_everywhere_are_refused(
    kept: int, steps: bool, tmp_path: Path
) -> None:
    events = lost(big_steps(), kept)
    # a capture that ended before the steps explains nothing
    events += capture(-50, -40)
    events = events if steps else without_steps(events)
    with pytest.raises(ProfileError, match=rf"{5 * kept}%.*kernels are missing"):
        read(tmp_path, events)


def test_a_few_kernels_that_are_missing_are_doubted(tmp_path: Path) -> None:
    (p,) = read(tmp_path, lost(big_steps(), 18))
    (doubt,) = (n for n in p.notes if isinstance(n, Reason) and n.unsound)
    assert "90% of the launches have a kernel" in doubt


def network(n: int = 4, kernels: int = 20) -> list[Json]:
    """As :func:`big_steps`, of products of matrices."""
    events = big_steps(n, kernels)
    for e in events:
        e["name"] = {"aten::add": "aten::addmm", made.ADD: made.GEMM}.get(
            e["name"], e["name"]
        )
    return events


@pytest.mark.parametrize("steps", [True, False])
def test_a_file_that_was_cut_and_closed_is_no_whole_one(
    steps: bool, tmp_path: Path
) -> None:
    events_all = network()
    # all of the host's operations, and GPU events of half a step, or of one and a half
    for gpu_events in (20, 60):
        events = events_all[: 84 + gpu_events]
        events = events if steps else without_steps(events)
        if steps and gpu_events > 40:
            (p,) = read(tmp_path, events)
            assert p.busy_us == 200
            assert "3 of 4 steps were left out" in said(p)
            continue
        with pytest.raises(ProfileError, match="kernels are missing from the file"):
            read(tmp_path, events)
    (p,) = read(tmp_path, events_all)
    assert p.busy_us == 200


def test_steps_of_the_host_alone_are_said_and_most_of_them_doubted(
    tmp_path: Path,
) -> None:
    def some(n: int) -> Profile:
        ran = [
            e for e in made.steps(n) if e["ts"] < 2000 or e["cat"] == "user_annotation"
        ]
        (p,) = read(tmp_path, ran)
        return p

    assert "in 1 of 3 steps" in said(some(3))
    assert not against(some(3))
    (doubt,) = (n for n in some(5).notes if isinstance(n, Reason) and n.unsound)
    assert "in 3 of 5 steps" in doubt


def test_a_step_that_alone_is_left_of_a_cut_file_is_doubted(tmp_path: Path) -> None:
    events_all = big_steps()
    for events in (
        events_all[: 84 + 50],
        sorted(big_steps(), key=lambda e: e["ts"])[:90],
    ):
        (p,) = read(tmp_path, cut(events))
        (doubt,) = (n for n in p.notes if isinstance(n, Reason) and n.unsound)
        assert "the only step left in it is the first" in doubt
    (p,) = read(tmp_path, cut([*events_all, events_all[0]]))
    assert not any(isinstance(n, Reason) and n.unsound for n in p.notes)


def test_work_outside_the_marked_steps_is_doubted(tmp_path: Path) -> None:
    events = [
        e
        for e in made.steps(5)
        if e["name"] not in {f"ProfilerStep#{k}" for k in (0, 2, 4)}
    ]
    (p,) = read(tmp_path, events)
    (doubt,) = (n for n in p.notes if isinstance(n, Reason) and n.unsound)
    assert "6 GPU events lie in no step" in doubt


def test_ids_that_join_nothing_say_nothing_of_what_was_recorded(tmp_path: Path) -> None:
    events = [
        {**e, "args": {**e["args"], "correlation": 0}} if e["cat"] == "kernel" else e
        for e in made.steps()
    ]
    (p,) = read(tmp_path, events)
    assert p.busy_us == 500
    assert not any(isinstance(n, Reason) and n.unsound for n in p.notes)


def test_an_idle_device_is_doubted_in_every_format(tmp_path: Path) -> None:
    (p,) = read(tmp_path, made.steps(length=2_000_000))
    assert "the device is 0.0 % busy" in said(p)
    (t,) = all_as(Translation, engine.translate([p], "g4dn.xlarge", "p5.48xlarge"))
    assert t.verdict.level != "ok"
    (p,) = read(tmp_path, b'{"Device_Relu": 5.0, "Device_IDLE": 1e6}', name="a.json")
    assert "the device is 0.0 % busy" in said(p)
    (p,) = read(tmp_path, b'{"Device_Relu": 5000.0, "Device_IDLE": 1e6}', name="a.json")
    assert not p.notes


def test_columns_of_one_name_are_added_up() -> None:
    # other readers number the same name more than once
    numbers, times = np.array([0, 1, 2]), np.array([0.0, 10.0, 20.0])
    work = Work(times, times + 5, times, numbers, ("Device_a", "Device_b", "Device_a"))
    step_times = of_step(work, [Step(0, 0.0, 40.0)])
    assert step_times is not None
    assert step_times.ops == {"Device_a": 10, "Device_b": 5, "Device_IDLE": 25}


# where the host runs ahead of the GPU


def ahead(n: int = 4, took: int = 900, host: int = 100) -> list[Json]:
    """Steps that the host queues in 100 µs, and that take 900 µs on the GPU."""
    events = []
    for i in range(n):
        events.append(made.span("user_annotation", f"ProfilerStep#{i}", host * i, host))
        e = made.launched(i + 1, "aten::add", made.ADD, host * i + 5, took)
        e[-1]["ts"] = 50 + took * i
        events += e
    return events


def test_a_step_is_timed_on_the_gpu_where_the_host_runs_ahead(tmp_path: Path) -> None:
    (p,) = read(tmp_path, ahead())
    assert p.step_time_us == 900
    assert device_times(p) == {"Device_aten::add": 900}
    assert "timed on the GPU, since the host ran ahead" in said(p)
    assert p.ops["Host_aten::add"] == 5


def test_work_past_the_end_of_its_step_belongs_to_it_once(tmp_path: Path) -> None:
    # 2 % longer than the step: no matter of the host
    (p,) = read(tmp_path, ahead(took=102))
    assert p.step_time_us == 100
    assert p.busy_us == pytest.approx(100)
    assert "runs past its end" in said(p)


def test_steps_that_are_never_closed_go_from_start_to_start(tmp_path: Path) -> None:
    events = [
        {**e, "dur": 4000 - e["ts"]} if "ProfilerStep" in e["name"] else e
        for e in made.steps(4)
    ]
    (p,) = read(tmp_path, events)
    assert p.step_time_us == 1000
    assert device_times(p) == pytest.approx(made.VECTOR)
    assert "from start to start" in said(p)


@given(
    kernels=st.lists(
        st.tuples(
            st.integers(0, 5000),
            st.integers(0, 3000),
            st.integers(0, 3000),
            st.integers(0, 2),
        ),
        min_size=1,
        max_size=25,
    ),
    marks=st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 3000)), max_size=6),
    name=st.sampled_from(
        [
            "ProfilerStep#{}",
            "iteration {}",
            "Optimizer.step#A.step",
            "step[DECODE bs={}]",
            "x",
        ]
    ),
    choice=st.sampled_from([None, StepChoice(count=3), StepChoice(mark="x")]),
)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_step_is_busier_than_it_is_long(
    kernels: list[tuple[int, int, int, int]],
    marks: list[tuple[int, int]],
    name: str,
    choice: StepChoice | None,
    tmp_path: Path,
) -> None:
    events = [
        made.span("user_annotation", name.format(i), at, dur)
        for i, (at, dur) in enumerate(sorted(marks))
    ]
    for k, (asked, later, dur, stream) in enumerate(kernels):
        op, launch, kernel = made.launched(k + 1, "aten::add", made.ADD, asked, dur)
        events += [op, launch, {**kernel, "ts": asked + later, "tid": stream}]
    try:
        profiles = read(tmp_path, events, choice)
    except ProfileError:
        return
    union = sum(d for _, _, d, _ in kernels)
    assert profiles
    for p in profiles:
        assert p.busy_us <= present(p.step_time_us) * (1 + 1e-9)
        assert p.busy_us <= union * (1 + 1e-9)
        assert p.window_us == pytest.approx(p.step_time_us)


# documents that are not quite JSON


@pytest.mark.parametrize("piece", [300, 8 << 20])
@pytest.mark.parametrize(
    "odd",
    [
        b'"warps": nan',
        b'"warps": -inf',
        b'"warps": Infinity',
        b'"warps": NaN',
        b'"a": "x\ty"',
        b'"a": "C:\\Users\\me"',
        b'"a": "caf\xe9"',
        b'"a": [nan, inf]',
    ],
)
def test_known_faults_of_old_profilers_are_read(
    odd: bytes, piece: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chrome, "PIECE_BYTES", piece)
    content = made.trace(made.steps())
    for at in (b'"External id": 1020', b'"External id": 1040'):
        assert content.count(at) == 3
        content = content.replace(at, odd + b", " + at)
    name = b'"name": "aten::addmm"'
    if b'"a": "' in odd:
        content = content.replace(name, name[:-1] + odd[6:], 1)
    (p,) = read(tmp_path, content)
    assert device_times(p) == pytest.approx(made.VECTOR)
    assert p.device == "Tesla T4"


@pytest.mark.parametrize("piece", [300, 1500, 8 << 20])
def test_an_event_with_quotes_in_its_name_is_left_out(
    piece: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chrome, "PIECE_BYTES", piece)
    events = made.steps()
    amiss = made.span("python_function", "XXX", 500, 10)
    content = made.trace([*events[:9], amiss, *events[9:], amiss, events[-1]], indent=1)
    content = content.replace(
        b"XXX", b'_lib = Library("_inductor_test", "IMPL")\n(1): <module>'
    )
    (p,) = read(tmp_path, content)
    assert device_times(p) == pytest.approx(made.VECTOR)
    assert "2 events are not JSON and were left out" in said(p)
    assert "breaks off" not in said(p)
    # where most are, it is no trace
    with pytest.raises(ProfileError):
        read(tmp_path, content.replace(b'"name"', b'"na"me"'))


# precision


def test_time_is_reported_by_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def precision(name: str, dtypes: tuple[str, ...] = ()) -> str:
        asked.append((name, tuple(dtypes)))
        return "fp16-tensor" if "c10::Half" in dtypes else "fp32"

    monkeypatch.setattr(attribution, "kernel_precision", precision)
    events = made.steps()
    for e in events:
        if e["cat"] == "cpu_op" and "addmm" in e["name"]:
            e["args"]["Input type"] = [
                "c10::Half",
                ["c10::Half", "float"],
                "",
                "Scalar",
            ]
    events += [
        made.span(
            "gpu_memcpy", "Memcpy HtoD", 1000 * i + 700, 50, device=0, correlation=-1
        )
        for i in range(4)
    ]
    (p,) = read(tmp_path, events)
    assert p.precision_us == pytest.approx({"fp16-tensor": 400, "fp32": 100})
    assert p.newest_kernel == made.GEMM
    # asked once for each kernel and types of its inputs
    inputs = ("c10::Half", "c10::Half", "float", "", "Scalar")
    assert (made.GEMM, inputs) in asked
    assert len(asked) == len(set(asked)) <= 3
    # an iteration of several takes its share
    (p,) = read(tmp_path, events, StepChoice(count=8))
    assert p.precision_us == pytest.approx({"fp16-tensor": 200, "fp32": 50})


# what lowers the confidence in an answer


def against(profile: Profile) -> list[str]:
    return [n for n in profile.notes if not informs(n)]


def uneven(*lengths: int) -> list[Json]:
    events, at = [], 0
    for i, length in enumerate(lengths):
        one = made.steps(1, start=at, length=length, name=f"ProfilerStep#{i}")
        for e in one:
            if "correlation" in e.get("args", {}):
                e["args"]["correlation"] += 100 * i
            if "External id" in e.get("args", {}):
                e["args"]["External id"] += 100 * i
        events += one
        at += length
    return events


@pytest.mark.parametrize(
    ("lengths", "differ"),
    [
        ((3000, 1000, 3000, 1000, 3000, 1000), True),
        ((1000, 1000, 1000, 1000, 1000, 1000, 2000), True),
        ((1000, 1020, 980, 1010, 1300), False),
        # the warm-up is not one of them
        ((9000, 1000, 1010, 1000), False),
    ],
)
def test_steps_that_differ_are_doubted(
    lengths: tuple[int, ...], differ: bool, tmp_path: Path
) -> None:
    (p,) = read(tmp_path, uneven(*lengths))
    said_of = [n for n in against(p) if "steps differ" in n]
    assert len(said_of) == differ
    if differ:
        (note,) = said_of
        assert "1 to " in note
        assert "on average" in note
        assert "--step-mark" in present(as_type(Reason, note).remedy)


def test_what_is_left_of_a_trace_is_no_whole_step(tmp_path: Path) -> None:
    events = without_steps(made.steps(20))
    content = made.trace(events)
    with pytest.raises(ProfileError, match="breaks off before any step") as e:
        read(tmp_path, content[: content.rfind(b'"ph"')])
    assert "--trace-steps" in str(e.value.hint)
    # the user may know better
    (p,) = read(tmp_path, content[: content.rfind(b'"ph"')], StepChoice(count=6))
    assert not any(isinstance(n, Reason) and n.unsound for n in p.notes)


def test_a_mark_that_is_not_there_is_refused_with_profilerstep(tmp_path: Path) -> None:
    events = [*made.steps(6), made.span("user_annotation", "load", 0, 5)]
    with pytest.raises(ProfileError, match=r"there are ProfilerStep \(6\), load \(1\)"):
        read(tmp_path, events, StepChoice(mark="nope"))
    with pytest.raises(ProfileError) as e:
        read(tmp_path, without_steps(made.steps()), StepChoice(mark="nope"))
    assert "one of these" not in str(e.value.hint)


def test_a_count_of_steps_is_held_against_the_file(tmp_path: Path) -> None:
    (p,) = read(tmp_path, made.steps(6), StepChoice(count=7))
    assert any("7 contradicts" in n and "marks 6" in n for n in against(p))
    (p,) = read(tmp_path, made.steps(6), StepChoice(count=6))
    assert not any("contradicts" in n for n in p.notes)
    # two events a step
    with pytest.raises(ProfileError, match="more than the 12 GPU events"):
        read(tmp_path, made.steps(6), StepChoice(count=13))
    read(tmp_path, made.steps(6), StepChoice(count=12))


@pytest.mark.parametrize("piece", [64, 700, 8 << 20])
@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize(
    ("behind", "unread"),
    [("twice", None), ("garbage", 7), ("\n", 0), ("\x00\x00", 0), ("\n\n{}", 2)],
)
def test_what_follows_a_trace_is_not_read_in_silence(
    behind: str,
    unread: int | None,
    listed: bool,
    piece: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chrome, "PIECE_BYTES", piece)
    more: Json = {} if listed else {"traceName": 'C:\\a "}]}', "x": [{"y": []}]}
    content = made.trace(made.steps(), listed=listed, **more)
    other = content if behind == "twice" else behind.encode()
    (p,) = read(tmp_path, content + other)
    assert device_times(p) == pytest.approx(made.VECTOR)
    n = len(other) if unread is None else unread
    said_of = [x for x in against(p) if "behind the trace" in x]
    assert len(said_of) == (n > 0)
    if n:
        assert said_of[0].startswith(f"{n} bytes")
    # a second member of the same archive
    if behind == "twice":
        (p,) = read(tmp_path, gzip.compress(content) * 2)
        assert any("behind the trace" in x for x in against(p))


# training or inference

_ADAM = (
    "void at::native::(anonymous namespace)::multi_tensor_apply_kernel<at::native::(anonymous "
    "namespace)::FusedOptimizerTensorListMetadata<4>, at::native::(anonymous namespace)::"
    "FusedAdamMathFunctor<float, 4, (at::native::ADAM_MODE)0, false>>(int)"
)
_SDPA = (
    "cudnn_generated_fort_native_sdpa_sm90_flash_{}_wgmma_f16_knob_3_64x64x64_kernel0_0"
)
_NOTED = "taken for inference"


@pytest.mark.parametrize(
    ("kernel", "mode"),
    [
        (_ADAM, "training"),
        (
            "void multi_tensor_apply_kernel<TensorListMetadata<3>, LAMBStage2Functor<float>>(int)",
            "training",
        ),
        (
            "void multi_tensor_apply_kernel<TensorListMetadata<3>, SGDFunctor<3, float>>(int)",
            "training",
        ),
        (
            "void cudnn::bn_bw_1C11_kernel_new<float, float, float2, 512, true, 1>(float)",
            "training",
        ),
        (
            "void cudnn::cnn::wgrad_alg0_engine<float, 128, 5, 5, 3, 3, 3, false, 512>(int)",
            "training",
        ),
        (
            "void pytorch_flash::flash_bwd_dq_dk_dv_loop_seqk_parallel_kernel<T>(int)",
            "training",
        ),
        ("_attn_bwd_dkdv_inner", "training"),
        (_SDPA.format("bprop"), "training"),
        ("fmha_v2_dgrad_flash_attention_fp16_S_64_sm90_kernel", "training"),
        ("triton_poi_fused_native_layer_norm_backward_3", "training"),
        (_SDPA.format("fprop"), "inference"),
        ("ampere_sgemm_128x64_nn", "inference"),
        # transposed convolutions run this in inference too
        (
            "sm80_xmma_dgrad_implicit_gemm_tf32f32_tf32f32_f32_nhwckcrs_nhwc_tilesize128x128x16",
            "unknown",
        ),
        ("vecAdd(float*, float*)", "unknown"),
    ],
)
@pytest.mark.parametrize("graph", [False, True])
def test_kernels_without_operations_say_whether_it_trained(
    kernel: str, mode: str, graph: bool, tmp_path: Path
) -> None:
    events = [
        made.span(
            "kernel",
            kernel,
            1000 * i + 50 + 100 * j,
            90,
            pid=0,
            device=0,
            correlation=i + 1,
        )
        for i in range(4)
        for j in range(3)
    ]
    if graph:
        events += [
            e
            for i in range(4)
            for e in (
                made.span("user_annotation", f"ProfilerStep#{i}", 1000 * i, 1000),
                made.span("user_annotation", "torch.no_grad", 1000 * i + 1, 30),
                made.span(
                    "cuda_runtime",
                    "cudaGraphLaunch",
                    1000 * i + 5,
                    9,
                    correlation=i + 1,
                ),
            )
        ]
    (p,) = read(tmp_path, events)
    assert p.workload.mode == mode
    assert (_NOTED in said(p)) == (mode == "inference")
    assert ("whether it trained" in said(p)) == (mode == "unknown")


def test_operations_say_outright_what_ran(tmp_path: Path) -> None:
    (p,) = read(tmp_path, made.steps())
    assert p.workload.mode == "inference"
    assert _NOTED not in said(p)
    # the optimizer's kernels, launched by no operation of PyTorch
    launches = [
        e
        for i in range(4)
        for e in made.launched(900 + i, "x", _ADAM, 1000 * i + 600, 9)[1:]
    ]
    for e in launches:
        e["args"].pop("External id")
    (p,) = read(tmp_path, made.steps() + launches)
    assert p.workload.mode == "training"


def test_tensorflow_reads_optimizers_by_the_same_rule() -> None:
    assert is_training(["FusedSgdMathFunctor<float>"])
    assert is_training(["void cudnn::bn_bw_1C11_kernel_new<float>"])
    assert is_training(["gradient_tape/dense/MatMul"])
    assert not is_training(["ampere_sgemm_128x64_nn", "model/dense/MatMul"])


# times in another unit


def scaled(events: list[Json], by: float) -> list[Json]:
    return [{**e, "ts": e["ts"] * by, "dur": e["dur"] * by} for e in events]


def without(events: list[Json], *cats: str) -> list[Json]:
    return [e for e in events if e["cat"] not in cats]


@pytest.mark.parametrize(
    "lost_events", [(), ("cuda_runtime",), ("cpu_op",), ("cuda_runtime", "cpu_op")]
)
def test_times_in_milliseconds_or_seconds_are_refused(
    lost_events: tuple[str, ...], tmp_path: Path
) -> None:
    events = without(big_steps(), *lost_events)
    for by in (1e-3, 1e-6):
        with pytest.raises(ProfileError, match="likely in ms or s") as e:
            read(tmp_path, scaled(events, by))
        assert "µs" in str(e.value.hint)
    (p,) = read(tmp_path, events)
    assert "likely in" not in said(p)


@pytest.mark.parametrize("lost_events", [(), ("cuda_runtime",), ("cpu_op",)])
def test_times_in_nanoseconds_are_refused_or_doubted(
    lost_events: tuple[str, ...], tmp_path: Path
) -> None:
    with pytest.raises(ProfileError, match="likely in ns"):
        read(tmp_path, scaled(without(big_steps(), *lost_events), 1e3))
    (p,) = read(tmp_path, scaled(without(made.steps(), *lost_events), 1e3))
    (doubt,) = (n for n in p.notes if isinstance(n, Reason) and n.unsound)
    assert "likely in ns" in doubt


def test_launches_that_wait_for_a_full_queue_are_no_other_unit(tmp_path: Path) -> None:
    # most launches block until an earlier kernel ends; the first ones do not
    events = big_steps()
    for k, e in enumerate(e for e in events if e["cat"] == "cuda_runtime"):
        e["dur"] = 3 if k < 6 else 4000
    (p,) = read(tmp_path, events)
    assert "likely in" not in said(p)


# what else a file says of itself


def test_processes_that_share_a_gpu_have_labels_of_their_own(tmp_path: Path) -> None:
    profiles = read(tmp_path, made.steps() + made.steps(pid=2))
    assert [p.source.rpartition(" [")[2] for p in profiles] == [
        "process 1, GPU 0]",
        "process 2, GPU 0]",
    ]


def test_a_second_document_is_not_ok(tmp_path: Path) -> None:
    content = made.trace(made.steps())
    (p,) = read(tmp_path, content + content)
    (doubt,) = (n for n in p.notes if isinstance(n, Reason) and n.unsound)
    assert "behind the trace were not read" in doubt


def test_events_that_stand_twice_are_doubted_and_counted_once(tmp_path: Path) -> None:
    for events in (
        made.steps() * 2,
        made.steps() + [e for e in made.steps() if e["cat"] == "kernel"],
    ):
        (p,) = read(tmp_path, events)
        assert device_times(p) == pytest.approx(made.VECTOR)
        (doubt,) = (n for n in p.notes if isinstance(n, Reason) and n.unsound)
        assert "8 of 16 GPU events stand in the file twice" in doubt


def test_one_thing_is_not_named_like_many(tmp_path: Path) -> None:
    late = made.launched(77, "aten::add", made.ADD, 9000, 10)
    (p,) = read(tmp_path, [*made.steps(), *late])
    assert "1 GPU event lies in no step and was left out" in said(p)
    with pytest.raises(ProfileError, match="more than the 1 GPU event that"):
        read(tmp_path, late, StepChoice(count=2))
    (p,) = read(tmp_path, b'{"Device_Relu": 2.0, "Device_IDLE": 2e7}', name="a.json")
    assert p.notes == ("the device is 0.0 % busy: 2 µs of 20 s",)
