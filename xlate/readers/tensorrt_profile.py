"""TensorRT's ``trtexec``: layers (``--exportProfile``) or times of runs (``--exportTimes``).

A profile is a list: the number of runs, then each layer with its time over all runs and
its mean, in ms. A step is one run of the engine, and takes the sum of its layers, which
run one after the other. Layers are named after the operations they were fused from
(``/conv1/Conv + /act1/Relu``); the column is the operation with the most arithmetic.
The file holds no names of kernels, and no precisions. Times of runs are read as
trtexec's documentation and its scripts describe them; no real file was available.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from xlate import op_names
from xlate.errors import ProfileError
from xlate.files.limits import read_text
from xlate.readers.source import Source
from xlate.values.profile import Profile, WorkloadKey
from xlate.values.reason import Reason

__all__ = ["layer_operation", "read", "sniff"]

_MS = 1e3
#: a sum and its mean may differ by this share: trtexec may not count the first run
_APART, _TINY_MS = 0.2, 1e-3
_HINT = "trtexec --loadEngine=FILE --dumpProfile --exportProfile=profile.json"
_LAYER = re.compile(rb'"(?:averageMs|timeMs)"\s*:')
_TIMES = re.compile(rb'"(?:computeMs|endComputeMs|latencyMs)"\s*:')
_INFO = re.compile(rb'^\s*\{\s*"Layers"\s*:')
_REFORMAT = re.compile(
    r"^Reformatting CopyNode|\bcopy$|^shuffle_between", re.IGNORECASE
)
_MYELIN = re.compile(r"^_*(?:gemm_)?_*myl_*([A-Za-z]+)_myl\d")
#: parts of a name that are not a type: a mark of fused elementwise work, a layer's number
_NO_TYPE = re.compile(r"PWN$|Unnamed Layer|\d+$")
#: short forms of types in names that TensorRT's compiler makes
_SHORT = {
    "Fc": "Gemm", "Move": "Reformat", "Res": "Reshape", "Resh": "Reshape", "Con": "Concat",
    "Conc": "Concat", "Tra": "Transpose", "Tran": "Transpose", "Sli": "Slice", "Cas": "Cast",
    "Repl": "Expand", "Fully Connected": "Gemm",
}  # fmt: skip
#: families of operations, first those that usually take most of a fused layer's time
_WEIGHT = ("attention", "conv", "rnn", "matmul", "depthwise", "norm", "pool", "reduce",
           "loss", "embedding", "copy", "elementwise")  # fmt: skip


def sniff(head: bytes) -> bool:
    """Whether the head is that of a file that ``trtexec`` exports."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if _INFO.match(start):
        return True
    if start[:1] != b"[":
        return False
    named = re.search(rb'"name"\s*:', head) is not None
    return (_LAYER.search(head) is not None and named) or _TIMES.search(
        head
    ) is not None


def read(source: Source) -> list[Profile]:
    """Read one profile: a run of the engine.

    Parameters
    ----------
    source : Source
        The file.

    Raises
    ------
    ProfileError
        If it holds no time, or a time that is not a number.
    """
    path = source.path
    if source.steps.mark or source.steps.count:
        raise ProfileError(
            f"{path} holds means of one run of an engine, which are not cut into steps",
            "leave --trace-steps and --step-mark away",
            code="profile.steps",
        )
    text = read_text(path, source.content())
    if _INFO.match(text[:4096].encode()):
        raise ProfileError(f"{path} describes layers, and holds no time of them", _HINT)
    try:
        listed = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as e:
        raise ProfileError(
            f"{path} breaks off, or is not JSON: {e}", _HINT, code="profile.damaged"
        ) from None
    if not isinstance(listed, list) or not all(isinstance(e, dict) for e in listed):
        raise ProfileError(
            f"{path} is not a list of layers or times",
            _HINT,
            code="profile.not-a-profile",
        )
    layers = [e for e in listed if "name" in e]
    return [_of_layers(path, layers, listed) if layers else _of_times(path, listed)]


def _of_layers(
    path: Path, layers: Sequence[Mapping[str, Any]], listed: Sequence[Mapping[str, Any]]
) -> Profile:
    counts = [e["count"] for e in listed if "count" in e and "name" not in e]
    runs = _runs(path, counts[0]) if counts else 1.0
    ops: dict[str, float] = {}
    for layer in layers:
        name = str(layer["name"])
        if layer.get("averageMs") is not None:
            time = _number(path, name, layer["averageMs"])
            _check_mean(path, name, time, layer.get("timeMs"), runs if counts else None)
        else:
            time = _number(path, name, layer.get("timeMs")) / runs
        column = op_names.column("device", layer_operation(name))
        ops[column] = ops.get(column, 0.0) + time * _MS
    length = sum(ops.values())
    if not length:
        raise ProfileError(
            f"{path}: no layer took any time", _HINT, code="profile.no-gpu-work"
        )
    notes: list[str] = [
        Reason(
            "a step is one run of the engine: the sum of its layers"
            + (f", the mean of {runs:g} runs" if counts else ""),
            informs=True,
        )
    ]
    hidden = sum(v for k, v in ops.items() if "ForeignNode" in k)
    if hidden:
        notes.append(
            f"{hidden / length:.0%} of the time is of subgraphs that TensorRT fused, whose "
            "operations have no times (--profilingVerbosity=detailed names some)"
        )
    return _engine(path, ops, length, notes)


def _runs(path: Path, count: Any) -> float:
    """How often the engine ran, by the file.

    Raises
    ------
    ProfileError
        If it is no whole number from 1 up.
    """
    numeric = isinstance(count, int | float) and not isinstance(count, bool)
    if not (numeric and math.isfinite(count) and count >= 1 and count == int(count)):
        raise ProfileError(
            f"{path}: 'count' is {count!r}: the engine ran a whole number of times, from "
            "1 up",
            _HINT,
            code="profile.bad-value",
        )
    return float(count)


def _check_mean(
    path: Path, name: str, mean_ms: float, sum_ms: Any, runs: float | None
) -> None:
    """Raise an error if the time of a layer, its mean and the runs contradict each other."""
    if sum_ms is None or runs is None:
        return
    total = _number(path, name, sum_ms)
    of_mean = mean_ms * runs
    if abs(total - of_mean) > _APART * max(total, of_mean) + _TINY_MS * runs:
        raise ProfileError(
            f"{path}: {name!r} took {total:g} ms in {runs:g} runs, and its mean is "
            f"{mean_ms:g} ms",
            "the file was changed, or holds layers of two recordings; export it again",
            code="profile.bad-value",
        )


def layer_operation(name: str) -> str:
    """The operation that represents a layer, by the name TensorRT gave it.

    Parameters
    ----------
    name : str
        As printed; of several operations the one with the most arithmetic.

    Examples
    --------
    >>> from xlate.readers.tensorrt_profile import layer_operation
    >>> layer_operation("/model.1/conv/Conv + PWN(PWN(/model.1/act/Sigmoid), /m/Mul)")
    'Conv'
    >>> layer_operation("Reformatting CopyNode for Input Tensor 0 to /conv1/Conv")
    'Reformat'
    """
    if _REFORMAT.search(name):
        return "Reformat"
    if "ForeignNode" in name:
        return "ForeignNode"
    parts: list[str]
    if myelin := _MYELIN.match(name):
        words: list[str] = re.findall(r"[A-Z][a-z0-9]*|[a-z0-9]+", myelin[1])
        parts = [_SHORT.get(w, w) for w in words]
    else:
        split = re.split(r"\s*(?:\+|\|\||,|[()\[\]{}])\s*", name)
        parts = [
            _SHORT.get(p, p) for p in map(_type, split) if p and not _NO_TYPE.match(p)
        ]
        parts = parts or ["PWN" if "PWN" in name else "unnamed"]
    families = [op_names.family(op_names.column("device", p)) for p in parts]
    return next(
        (p for w in _WEIGHT for p, f in zip(parts, families, strict=True) if f == w),
        parts[0],
    )


def _type(part: str) -> str:
    """Type of an operation in its path: ``/a/conv/Conv_12`` is ``Conv``."""
    last = re.split(r"[/:.]", part.strip().strip("/"))[-1]
    last = re.sub(r"_myl\d\w*$|_clone$", "", last)
    last = re.sub(r"(?:_output)?(?:_\d+)+$", "", last)
    return re.sub(r"^(?:node_|onnx_)", "", last).strip("_ ")


#: key of a time of a run -> name of the work on the device
_PARTS = {
    "inMs": "Memcpy HtoD", "h2dMs": "Memcpy HtoD", "h2DMs": "Memcpy HtoD",
    "computeMs": "TensorRT engine",
    "outMs": "Memcpy DtoH", "d2hMs": "Memcpy DtoH", "d2HMs": "Memcpy DtoH",
}  # fmt: skip
_SPANS = {
    "Memcpy HtoD": (("startInMs", "endInMs"), ("startH2dMs", "endH2dMs")),
    "TensorRT engine": (("startComputeMs", "endComputeMs"),),
    "Memcpy DtoH": (("startOutMs", "endOutMs"), ("startD2hMs", "endD2hMs")),
}


def _of_times(path: Path, listed: Sequence[Mapping[str, Any]]) -> Profile:
    runs = [_run(path, e) for e in listed]
    runs = [r for r in runs if r.get("TensorRT engine")]
    if not runs:
        raise ProfileError(
            f"{path} holds no layer, and no run with its times",
            _HINT,
            code="profile.empty",
        )
    ops = {
        op_names.column("device", p): median(r.get(p, 0.0) for r in runs) * _MS
        for p in _SPANS
    }
    latencies = [
        _number(path, "latencyMs", e["latencyMs"]) for e in listed if "latencyMs" in e
    ]
    length = median(latencies) * _MS if latencies else sum(ops.values())
    ops[op_names.DEVICE_IDLE] = max(length - sum(ops.values()), 0.0)
    notes = (
        Reason(
            f"a step is one run of the engine: the median of {len(runs)} runs",
            informs=True,
        ),
        f"it holds no times of layers: {_HINT}",
    )
    return _engine(path, ops, length or sum(ops.values()), notes)


def _run(path: Path, entry: Mapping[str, Any]) -> dict[str, float]:
    """Parts of one run, ms."""
    parts = {p: _number(path, k, entry[k]) for k, p in _PARTS.items() if k in entry}
    for part, names in _SPANS.items():
        for begin, end in names:
            if part not in parts and begin in entry and end in entry:
                a, b = (_number(path, k, entry[k]) for k in (begin, end))
                parts[part] = _number(path, end, b - a)
    return parts


def _engine(
    path: Path, ops: Mapping[str, float], length: float, notes: Sequence[str]
) -> Profile:
    return Profile(
        {k: v for k, v in ops.items() if v > 0},
        WorkloadKey(mode="inference", framework="tensorrt"),
        step_time_us=length,
        source=str(path),
        notes=tuple(notes),
    )


def _number(path: Path, name: str, value: Any) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or value < 0
    ):
        raise ProfileError(
            f"{path}: {name!r} has a time of {value!r}",
            "times are in ms, from 0 up",
            code="profile.bad-value",
        )
    return float(value)
