"""A trace as PyTorch's profiler exports it, of a training loop on a T4."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from examples.workloads import GPUS, Op, duration_us, network, training_step

__all__ = ["trace"]

_PROPERTIES = {
    "id": 0, "name": "Tesla T4", "totalGlobalMem": 15655829504, "computeMajor": 7,
    "computeMinor": 5, "maxThreadsPerBlock": 1024, "maxThreadsPerMultiprocessor": 1024,
    "regsPerBlock": 65536, "warpSize": 32, "sharedMemPerBlock": 49152, "numSms": 40,
    "regsPerMultiprocessor": 65536, "sharedMemPerBlockOptin": 65536,
    "sharedMemPerMultiprocessor": 65536,
}  # fmt: skip
_PID, _FORWARD, _AUTOGRAD = 4242, 4242, 4310
_STREAM = 7
#: µs of the host for one operation, and until its kernel can begin
_HOST_US, _LATENCY_US = 21.0, 6.0
_PARENT = {
    "cudnn_convolution": ("aten::conv2d", "aten::convolution", "aten::_convolution"),
    "cudnn_batch_norm": ("aten::batch_norm", "aten::_batch_norm_impl_index"),
    "clamp_min_": ("aten::relu_",),
    "max_pool2d_with_indices": ("aten::max_pool2d",),
    "addmm": ("aten::linear",),
    "_log_softmax": ("aten::log_softmax",),
    "nll_loss_forward": ("aten::nll_loss_nd", "aten::nll_loss"),
    "convolution_backward": (
        "autograd::engine::evaluate_function: ConvolutionBackward0",
        "ConvolutionBackward0",
    ),
    "cudnn_batch_norm_backward": ("CudnnBatchNormBackward0",),
    "threshold_backward": ("ReluBackward0",),
}


class _Writer:
    """Events of one process, in the order they are written."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.events: list[dict[str, Any]] = []
        self.host = 1_000_000.0
        self.gpu = 0.0
        self.ids = 0
        self.allocated = 0

    def span(
        self, cat: str, name: str, ts: float, dur: float, tid: int, **args: Any
    ) -> None:
        where = 0 if "stream" in args else _PID
        event = {"ph": "X", "cat": cat, "name": name, "pid": where, "tid": tid}
        times = {"ts": round(ts, 3), "dur": round(dur, 3)}
        self.events.append({**event, **times, "args": args})

    def memory(self, change: float) -> None:
        self.allocated += int(change)
        args = {
            "Total Reserved": 512 * (int(1.1 * self.allocated) // 512 + 1),
            "Total Allocated": self.allocated,
            "Bytes": int(change),
            "Addr": 139_000_000_000_000 + 512 * self.ids,
            "Device Id": 0,
            "Device Type": 1,
        }
        event = {"ph": "i", "cat": "cpu_instant_event", "s": "t", "name": "[memory]", "pid": _PID}  # fmt: skip
        self.events.append({**event, "tid": _FORWARD, "ts": round(self.host, 3), "args": args})  # fmt: skip

    def launched(self, op: Op, dur: float, launch: str = "cudaLaunchKernel") -> None:
        """An operation on the host, its launch, and its kernel."""
        tid = _AUTOGRAD if op.backward else _FORWARD
        at, took = self.host, _HOST_US * self.random.uniform(0.8, 1.4)
        outer = _PARENT.get(op.torch, ())
        for depth, name in enumerate((*outer, f"aten::{op.torch}")):
            # each has an id; launch and kernel carry that of the innermost
            self.ids += 1
            self.span(
                "cpu_op",
                name,
                at + 1.5 * depth,
                took + 3 * (len(outer) - depth),
                tid,
                **{"External id": self.ids, "Ev Idx": self.ids},
            )
        begun = at + 1.5 * len(outer) + 0.6 * took
        self.span(
            "cuda_runtime",
            launch,
            begun,
            5.0,
            tid,
            **{"External id": self.ids, "cbid": 211, "correlation": self.ids},
        )
        self.gpu = max(self.gpu, begun + _LATENCY_US)
        kernel = "gpu_memcpy" if launch == "cudaMemcpyAsync" else "kernel"
        self.span(
            kernel, op.kernel, self.gpu, dur, _STREAM,
            **{"External id": self.ids, "device": 0, "context": 1, "stream": _STREAM, "correlation": self.ids},
        )  # fmt: skip
        self.gpu += dur
        self.host = at + took + 3 * len(outer) + 4.0


def _metadata() -> Iterator[dict[str, Any]]:
    for pid, name, label in ((_PID, "python", "CPU"), (0, "python", "GPU 0")):
        base = {"ph": "M", "pid": pid, "tid": 0, "ts": 1_000_000.0}
        yield {**base, "name": "process_name", "args": {"name": name}}
        yield {**base, "name": "process_labels", "args": {"labels": label}}


def trace(
    name: str = "ResNet18", side: int = 224, batch: int = 64, steps: int = 6
) -> str:
    """The text of a trace, one event a line.

    Parameters
    ----------
    name, side, batch
        Network, pixels and images of a step.
    steps : int
        Recorded steps; the first is slower, as first steps are.
    """
    out = _Writer(seed=11)
    gpu = GPUS["g4dn.xlarge"]
    ops = training_step(name, side, batch)
    layers = network(name, side)
    weights = 4 * sum(x.weights for x in layers)
    out.memory(2 * weights)
    kept = 4 * batch * sum(x.outputs for x in layers) / (len(ops) / 2)
    copy = Op(
        "copy_", "", "Memcpy HtoD (Pageable -> Device)", 0, 4.0 * batch * 3 * side**2
    )
    for step in range(steps):
        begun = out.host
        out.host += 2600 * out.random.uniform(
            0.95, 1.1
        )  # the loader hands a batch over
        out.gpu = max(out.gpu, out.host)
        out.launched(copy, 1e6 * copy.bytes / 11e9, "cudaMemcpyAsync")
        slower = 1.12 if step == 0 else 1.0
        for op in ops:
            out.launched(op, slower * duration_us(op, gpu) * out.random.gauss(1, 0.012))
            out.memory(-kept if op.backward else kept)
        # loss.item() waits for the card
        out.launched(
            Op("_local_scalar_dense", "", "Memcpy DtoH (Device -> Pageable)"),
            2.1,
            "cudaMemcpyAsync",
        )
        waited = max(out.gpu - out.host, 0.0)
        out.span(
            "cuda_runtime",
            "cudaStreamSynchronize",
            out.host,
            waited + 3,
            _FORWARD,
            cbid=131,
        )
        out.host += waited + 8
        if out.allocated > 2 * weights:
            out.memory(2 * weights - out.allocated)
        label = f"ProfilerStep#{7 + step}"
        out.span("user_annotation", label, begun, out.host - begun, _FORWARD)
        out.host += 5.0
    head = {
        "schemaVersion": 1,
        "deviceProperties": [_PROPERTIES],
        "cuda_runtime_version": 12040,
        "profile_memory": 1,
        "displayTimeUnit": "ms",
        "baseTimeNanoseconds": 1_700_000_000_000_000_000,
    }
    lines = ",\n".join(json.dumps(e) for e in [*_metadata(), *out.events])
    return f'{json.dumps(head)[:-1]},\n"traceEvents": [\n{lines}\n],\n"traceName": "trace.json"}}\n'
