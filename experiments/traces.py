"""A Kineto trace of any size, made: a transformer's steps, as PyTorch writes them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

#: operation, kernel, µs: one layer, forward
_LAYER = (
    ("aten::native_layer_norm", "void at::native::(anonymous namespace)::vectorized_layer_norm_kernel<float, float>(int, float, float const*, float const*, float const*, float*, float*, float*)", 30),
    ("aten::addmm", "void cutlass::Kernel2<cutlass_80_simt_sgemm_256x128_8x4_tn_align1>(cutlass_80_simt_sgemm_256x128_8x4_tn_align1::Params)", 300),
    ("aten::bmm", "ampere_sgemm_128x128_tn", 120),
    ("aten::div", "void at::native::vectorized_elementwise_kernel<4, at::native::BinaryFunctor<float, float, float, at::native::binary_internal::DivFunctor<float> >, at::detail::Array<char*, 2> >(int, at::native::BinaryFunctor<float, float, float, at::native::binary_internal::DivFunctor<float> >, at::detail::Array<char*, 2>)", 40),
    ("aten::_softmax", "void (anonymous namespace)::softmax_warp_forward<float, float, float, 10, false, false>(float*, float const*, int, int, int, bool const*, int, bool)", 60),
    ("aten::bmm", "ampere_sgemm_128x64_nn", 110),
    ("aten::addmm", "ampere_sgemm_128x64_tn", 100),
    ("aten::add", "void at::native::vectorized_elementwise_kernel<4, at::native::CUDAFunctor_add<float>, at::detail::Array<char*, 3> >(int, at::native::CUDAFunctor_add<float>, at::detail::Array<char*, 3>)", 25),
    ("aten::addmm", "ampere_sgemm_128x128_tn", 400),
    ("aten::gelu", "void at::native::vectorized_elementwise_kernel<4, at::native::GeluCUDAKernelImpl(at::TensorIteratorBase&, at::native::GeluType)::{lambda()#2}::operator()() const::{lambda()#2}::operator()() const::{lambda(float)#1}, at::detail::Array<char*, 2> >(int)", 60),
    ("aten::addmm", "ampere_sgemm_128x64_tn", 390),
)  # fmt: skip
_HEAD = '{\n  "schemaVersion": 1,\n  "deviceProperties": [\n    {\n      "id": 0, "name": "Tesla T4", "totalGlobalMem": 15655829504\n    }\n  ],\n  "traceName": "trace.json",\n  "traceEvents": [\n'
_OP = '  {{\n    "ph": "X", "cat": "cpu_op", "name": "{name}", "pid": 100, "tid": 100,\n    "ts": {ts:.3f}, "dur": 25.000,\n    "args": {{\n      "External id": {k}, "Record function id": 0, "Concrete Inputs": ["", "", ""], "Input type": ["float", "float", "float"], "Input Dims": [[3072], [8192, 768], [768, 3072]], "Ev Idx": {k}\n    }}\n  }},\n'
_LAUNCH = '  {{\n    "ph": "X", "cat": "cuda_runtime", "name": "cudaLaunchKernel", "pid": 100, "tid": 100,\n    "ts": {ts:.3f}, "dur": 5.000,\n    "args": {{\n      "External id": {k}, "cbid": 211, "correlation": {k}\n    }}\n  }},\n  {{\n    "ph": "s", "id": {k}, "pid": 100, "tid": 100, "ts": {ts:.3f},\n    "cat": "ac2g", "name": "ac2g"\n  }},\n'
_KERNEL = '  {{\n    "ph": "X", "cat": "kernel", "name": "{name}", "pid": 0, "tid": 7,\n    "ts": {ts:.3f}, "dur": {dur:.3f},\n    "args": {{\n      "External id": {k},\n      "queued": 0, "device": 0, "context": 1,\n      "stream": 7, "correlation": {k},\n      "registers per thread": 90,\n      "shared memory": 49152,\n      "blocks per SM": 4.5,\n      "warps per SM": 36.0,\n      "grid": [24, 64, 1],\n      "block": [256, 1, 1],\n      "est. achieved occupancy %": 42\n    }}\n  }},\n  {{\n    "ph": "f", "id": {k}, "pid": 0, "tid": 7, "ts": {ts:.3f},\n    "cat": "ac2g", "name": "ac2g", "bp": "e"\n  }},\n'
_STEP = '  {{\n    "ph": "X", "cat": "user_annotation", "name": "ProfilerStep#{n}", "pid": 100, "tid": 100,\n    "ts": {ts:.3f}, "dur": {dur:.3f},\n    "args": {{\n      "External id": {k}, "Ev Idx": {k}\n    }}\n  }},\n'
_TAIL = '  {\n    "name": "process_name", "ph": "M", "ts": 1, "pid": 100, "tid": 0,\n    "args": {\n      "name": "python"\n    }\n  }\n  ]\n}\n'


def _events(layers: int, seed: int) -> Iterator[str]:
    draw = random.Random(seed)
    ts, k, n = 1e9, 0, 0
    while True:
        begin = ts
        for _ in range(layers):
            for name, kernel, usual_us in _LAYER:
                k += 1
                dur = usual_us * draw.uniform(0.9, 1.1)
                yield _OP.format(name=name, ts=ts, k=k)
                yield _LAUNCH.format(ts=ts + 10, k=k)
                yield _KERNEL.format(name=kernel, ts=ts + 60, dur=dur, k=k)
                ts += dur + 5
        yield _STEP.format(n=n, ts=begin, dur=ts - begin, k=k + 10**9)
        n += 1


def write_trace(path: Path, size: float, layers: int = 48, seed: int = 0) -> None:
    """Write a trace of about ``size`` bytes."""
    with path.open("w", encoding="utf-8") as f:
        written = f.write(_HEAD)
        for event in _events(layers, seed):
            written += f.write(event)
            if written > size and "ProfilerStep" in event:
                break
        f.write(_TAIL)
