"""ONNX Runtime's profile (``SessionOptions.enable_profiling``): a list of trace events.

Each run of the model is an event ``model_run`` of category ``Session``; within it lie
nodes (``…_kernel_time``, with ``op_name`` and ``provider``) and, where the runtime was
built with CUDA or ROCm profiling, kernels with the times of the GPU. Without these a
node's time is the time in which the host launched it, and a note says so. The vector is
that of the median run; operations are named by their ONNX type. Events of kernels are
read as the runtime's source writes them; no real file with them was available.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from xlate import op_names
from xlate.errors import ProfileError
from xlate.readers.json_document import decoded
from xlate.readers.source import Source
from xlate.readers.traces.steps import Step, Vector, Work, of_step
from xlate.readers.traces.work_mode import work_mode
from xlate.values.kernel_precision import kernel_precision
from xlate.values.profile import Profile, WorkloadKey
from xlate.values.reason import Reason

__all__ = ["read", "sniff"]

_ON_GPU = re.compile(
    r"^(?:CUDA|Tensorrt|TensorRT|ROCM|ROCm|MIGraphX|Dml|DML|NvTensorRtRtx|NvTensorRTRTX"
    r"|WebGpu|WebGPU|JS)(?:ExecutionProvider)?$"
)
#: operations of training that :func:`work_mode` does not recognise
_TRAINS = re.compile(r"Grad$|Optimizer|InPlaceAccumulator|YieldOp")
_RUN, _KERNEL_TIME = "model_run", "_kernel_time"
#: categories of events that a GPU timed
_KERNEL = "Kernel"
_HINT = (
    "options.enable_profiling = True; run the model some times on a GPU provider; "
    "session.end_profiling()"
)


class _Arguments(msgspec.Struct, gc=False):
    op_name: Any = None
    provider: Any = None


class _Event(msgspec.Struct, gc=False):
    cat: Any = None
    name: Any = None
    ts: Any = None
    dur: Any = None
    args: _Arguments | str | list[Any] | None = None


def sniff(head: bytes) -> bool:
    """Whether the head is that of ONNX Runtime's list of events."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return start[:1] == b"[" and (
        re.search(rb'"cat"\s*:\s*"Session"', head) is not None
        or (b'_kernel_time"' in head and b'ExecutionProvider"' in head)
    )


def read(source: Source) -> list[Profile]:
    """Read one profile: the GPU's work in the median run.

    Parameters
    ----------
    source : Source
        The file.

    Raises
    ------
    ProfileError
        If it cannot be read, or no node ran on a GPU.
    """
    path = source.path
    if source.steps.mark:
        raise ProfileError(
            f"{path} marks each run of the model itself, and no {source.steps.mark!r}",
            "leave --step-mark away",
            code="profile.steps",
        )
    events, cut = _events(path, source.content())
    nodes = [e for e in events if _is_node(e)]
    kernels = [e for e in events if e.cat == _KERNEL and e.dur is not None]
    on_gpu = [e for e in nodes if _ON_GPU.match(_provider(e))]
    if not on_gpu and not kernels:
        ran = ", ".join(sorted({_provider(e) for e in nodes} - {""})) or "none named"
        raise ProfileError(
            f"{path}: no node ran on a GPU (providers: {ran})",
            "create the session with providers=['CUDAExecutionProvider'], and install "
            "onnxruntime-gpu",
            code="profile.no-gpu-work",
        )
    notes: list[str] = []
    if cut:
        notes.append(f"{path.name} breaks off; it was read up to where it is whole")
    if not kernels:
        notes.append(
            "times are those in which the host launched each node, since the runtime "
            "was built without profiling of the GPU, which may have worked longer"
        )
    return [_profile(source, kernels or on_gpu, nodes, _runs(path, events), notes)]


def _events(path: Path, raw: bytes) -> tuple[list[_Event], bool]:
    """Events of a file, and whether it broke off."""
    return decoded(path, raw, list[_Event], begins=b'{"cat"', close=b"]", hint=_HINT)


def _is_node(event: _Event) -> bool:
    name = event.name
    return event.cat == "Node" and isinstance(name, str) and name.endswith(_KERNEL_TIME)


def _arguments(event: _Event) -> _Arguments:
    return event.args if isinstance(event.args, _Arguments) else _Arguments()


def _provider(event: _Event) -> str:
    return str(_arguments(event).provider or "")


def _operation(event: _Event) -> str:
    """ONNX type of a node or of a kernel's node; else the name."""
    named = _arguments(event).op_name
    if isinstance(named, str) and named.strip():
        return named.strip()
    return str(event.name).removesuffix(_KERNEL_TIME) or "unnamed"


def _runs(path: Path, events: Sequence[_Event]) -> list[Step]:
    spans = sorted(_span(path, e) for e in events if e.name == _RUN)
    return [Step(k, a, b - a) for k, (a, b) in enumerate(spans) if b > a]


def _span(path: Path, event: _Event) -> tuple[float, float]:
    try:
        begin, length = float(event.ts), float(event.dur)
    except (TypeError, ValueError, OverflowError):
        begin = length = math.nan
    if not (math.isfinite(begin) and math.isfinite(length)) or length < 0:
        raise ProfileError(
            f"{path}: {event.name!r} begins at {event.ts!r} and takes {event.dur!r}",
            "times are numbers in µs from 0 up; profile again",
            code="profile.bad-value",
        )
    return begin, begin + length


def _profile(
    source: Source, events: Sequence[_Event], nodes: Sequence[_Event],
    runs: list[Step], notes: list[str],
) -> Profile:  # fmt: skip
    path, count = source.path, source.steps.count
    source.steps.check_count(path, len(events))
    spans = np.array([_span(path, e) for e in events])
    start, end = spans[:, 0], spans[:, 1]
    operations = [_operation(e) for e in events]

    def of(names: Sequence[str], steps: list[Step]) -> Vector | None:
        places: dict[str, int] = {}
        at = np.array([places.setdefault(n, len(places)) for n in names])
        return of_step(Work(start, end, start, at, tuple(places)), steps)

    divided, length = 1, None
    recording = [Step(0, float(start.min()), float((end - start.min()).max()) + 1e-3)]
    steps = recording if count or not runs else runs
    vector = of([op_names.column("device", n) for n in operations], steps)
    if vector is None:
        raise ProfileError(
            f"{path}: no node of a GPU lies in any of its {len(runs)} runs",
            _HINT,
            code="profile.no-gpu-work",
        )
    if count:
        divided, length = count, recording[0].length / count
        notes.append(Reason(f"the whole is taken for {count} steps of equal length", informs=True))  # fmt: skip
    elif runs:
        length = vector.step.length
        notes.append(Reason(f"a step is a run of the model: the median of {len(runs)} runs", informs=True))  # fmt: skip
    else:
        notes.append("no run of the model is marked: everything is taken for one step")
    kinds = [kernel_precision(str(e.name)) if e.cat == _KERNEL else "" for e in events]
    precision = of(kinds, steps) if any(kinds) else None
    host = [e for e in nodes if not _ON_GPU.match(_provider(e))]
    if host:
        providers = ", ".join(sorted({_provider(e) or "no provider" for e in host}))
        notes.append(Reason(f"{len(host)} events of nodes ran on {providers}, and are not the GPU's time", informs=True))  # fmt: skip
    trains = any(_TRAINS.search(n) for n in operations)
    return Profile(
        {k: v / divided for k, v in vector.ops.items() if v > 0},
        WorkloadKey(
            mode="training" if trains or work_mode(operations) == "training" else "inference",
            framework="onnxruntime",
        ),
        step_time_us=length,
        source=str(path),
        notes=(*notes, *vector.notes),
        precision_us={
            k: v / divided
            for k, v in (precision.ops if precision else {}).items()
            if k not in ("", op_names.DEVICE_IDLE) and v > 0
        },
    )  # fmt: skip
