"""rocprof, ONNX Runtime and TensorRT: sound files, files of the host's time, broken ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from tests.readers import test_onnx_profile as onnx
from tests.readers import test_rocprof as rocprof
from tests.readers import test_tensorrt_profile as tensorrt
from tests.soak.case import Cases
from tests.soak.checks import accepted, refused
from tests.soak.lab import Lab
from tests.soak.made import flipped

_VALID = "more profilers: each with its sniffing and broken files"
_DAMAGED = "no traceback, no hang, no silent wrong"
# a GPU by name has no price, so that a wrong rent (kind money) does not hide what else is wrong
ASK = ("--anchor", "g4dn.xlarge", "--target", "H100-SXM5-80GB", "--step-time", "1", "--json")  # fmt: skip

_DISPATCHES = rocprof.TRACE + "".join(
    rocprof.dispatch("Cijk_Ailk", k * 10**6, 400_000) for k in range(4)
)
_STATS = f"{rocprof.STATS}{rocprof.KERNEL}\n{rocprof.ADD}\n"
_OLD = rocprof.old_trace(rocprof.event("vector_add(float*)", 10, 10**9, 400_000))
_RUNS = json.dumps(onnx.runs(400, 500, 420))
_LAYERS = tensorrt.profile()
_SOUND = {
    "rocprof-trace": _DISPATCHES, "rocprof-stats": _STATS, "rocprof-json": _OLD,
    "rocprofv3-json": rocprof.tool(), "onnx": _RUNS, "tensorrt": _LAYERS,
}  # fmt: skip
#: files of the same tools that hold no time of a GPU -> what is said
_NO_DEVICE_TIME = {
    "hip-stats": (f"{rocprof.STATS}hipMemcpy,1,900000,1,99\n", "no kernel"),
    "agents": (rocprof.AGENTS, "describes the machine"),
    "onnx-on-a-cpu": (_RUNS.replace(onnx.CUDA, onnx.CPU), "no node ran on a GPU"),
    "layer-info": (json.dumps({"Layers": [{"Name": "a"}]}), "describes layers"),
}


def _sound(text: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        run = lab.xlate("profile", "show", lab.write("a.any", text), "--json")
        yield from accepted(run)
        if run.exit == 0 and any(p["step_time_us"] == 0 for p in run.document):
            yield "a step of 0 µs"
        lab.xlate("translate", "a.any", *ASK)

    return judge


def _refused(text: str, says: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        yield from refused(
            lab.xlate("translate", lab.write("a.any", text), *ASK), says, (1,)
        )

    return judge


def _quiet(*lot: bytes) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        for content in lot:
            lab.xlate("translate", lab.write("a.any", content), *ASK)
        yield from ()

    return judge


def cases() -> Cases:
    """About 45."""
    collected = Cases("other_profilers")
    for name, text in _SOUND.items():
        raw = text.encode()
        collected.add(name, _VALID, _sound(text))
        for seed in range(4):
            collected.add(f"{name}-flip-{seed}", _DAMAGED, _quiet(flipped(raw, seed)))
        cut = [raw[: int(len(raw) * s)] for s in (0.2, 0.6, 0.95)]
        collected.add(f"{name}-cut", _DAMAGED, _quiet(*cut))
    for name, (text, says) in _NO_DEVICE_TIME.items():
        collected.add(name, _VALID, _refused(text, says))
    return collected
