"""JSON profiles: the flat ``{op: µs}`` of PROFET's demo, and xlate's own form.

``xlate profile show --json`` prints xlate's own form: ``ops`` with the
times, beside ``workload``, ``instance`` and ``step_time_us``. Either form may
stand in a list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from xlate import op_names
from xlate.errors import ProfileError
from xlate.files.limits import read_text
from xlate.readers.source import Source
from xlate.readers.traces.chrome import is_trace
from xlate.readers.workload_from_name import from_name
from xlate.values import workload_size
from xlate.values.kernel_precision import PRECISIONS
from xlate.values.precision_mix import PrecisionMix
from xlate.values.profile import Profile, WorkloadKey

__all__ = [
    "read",
    "sniff",
]

#: further keys that the flat form may have, as in PROFET's tables
_FLAT_EXTRAS = {
    "instance_name",
    "dataset",
    "model",
    "optimizer",
    "batchsize",
    "exp_name",
    "batch_latency",
    "epoch_latency",
    "step_time_us",
}
#: formats whose files are Chrome traces, for what no reader recognises
_TRACES = ("kineto", "tensorflow_trace", "tensorflow_timeline", "rocprof_json", "onnx_profile")  # fmt: skip
_OWN_KEYS = {
    "instance",
    "workload",
    "step_time_us",
    "ops",
    "source",
    "notes",
    "device",
    "memory_bytes",
    "precision_us",
    "newest_kernel",
}


def sniff(raw: bytes) -> bool:
    """Whether the first character opens an object or a list."""
    return raw.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def read(source: Source) -> list[Profile]:
    """Read one or many profiles.

    Raises
    ------
    ProfileError
        If the text is not JSON, is a Chrome trace, or an entry is not a profile; it
        names the entry and the key.
    """
    if is_trace(source.head):
        raise _unknown_trace(source.path)
    path, raw = source.path, source.content()
    try:
        document = json.loads(read_text(path, raw), object_pairs_hook=_pairs)
    except json.JSONDecodeError as e:
        raise ProfileError(
            f"{path}, line {e.lineno}: not JSON: {e.msg}",
            "the file may break off; write it again",
            code="profile.damaged",
        ) from e
    except RecursionError as e:
        raise ProfileError(
            f"{path} is nested too deep to be a profile",
            'write {"Device_Relu": 12.5}',
            code="profile.damaged",
        ) from e
    except ValueError as e:  # a number of thousands of digits
        raise ProfileError(f"{path}: {e}", "times are numbers in microseconds") from e
    entries = document if isinstance(document, list) else [document]
    if any(isinstance(e, Mapping) and "traceEvents" in e for e in entries):
        raise _unknown_trace(path)
    if not entries:
        raise ProfileError(
            f"{path} holds an empty list", "put a profile in it", code="profile.empty"
        )
    many = len(entries) > 1
    return [
        _profile(path, f"{path}[{i}]" if many else str(path), entry)
        for i, entry in enumerate(entries)
    ]


def _unknown_trace(path: Path) -> ProfileError:
    """The error for a Chrome trace of which no other reader recognised the profiler."""
    return ProfileError(
        f"{path} is a Chrome trace, and nothing in its first bytes shows which profiler "
        "wrote it",
        f"say whose it is: --format {', '.join(_TRACES[:-1])} or {_TRACES[-1]}; traces of "
        "other tools are not read: xlate profile record says how to record one that is",
        code="profile.not-a-profile",
    )


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without repeated keys; ``json`` would keep the last of them."""
    unique = dict(pairs)
    if len(unique) < len(pairs):
        keys: set[str] = set()
        for key, _ in pairs:
            if key in keys:
                raise ProfileError(
                    f"the key {key!r} stands twice in one object",
                    "keep the one that is right; times of one operation are summed",
                    code="profile.bad-field",
                )
            keys.add(key)
    return unique


def _profile(path: Path, where: str, entry: Any) -> Profile:
    if not isinstance(entry, Mapping):
        raise ProfileError(
            f"{where} is {type(entry).__name__}, not an object",
            'write {"Device_Relu": 12.5, …}',
            code="profile.bad-field",
        )
    if isinstance(entry.get("ops"), Mapping):
        return _own(path, where, entry)
    return _flat(path, where, entry)


def _own(path: Path, where: str, entry: Mapping[str, Any]) -> Profile:
    strange = sorted(set(entry) - _OWN_KEYS)
    if strange:
        raise ProfileError(
            f"{where} has unknown keys: {', '.join(strange[:5])}",
            f"keys are {', '.join(sorted(_OWN_KEYS))}",
            code="profile.bad-field",
        )
    workload = entry.get("workload") or {}
    if not isinstance(workload, Mapping):
        raise ProfileError(
            f"{where}: workload is not an object", code="profile.bad-field"
        )
    size = workload.get("batch_size")
    step = entry.get("step_time_us")
    named_instance, named = from_name(path.name)
    memory = entry.get("memory_bytes")
    device = entry.get("device")
    newest = entry.get("newest_kernel")
    precision_us = _precisions(where, entry.get("precision_us"))
    defaults = WorkloadKey()
    # without a value in the workload, the kernels show the precision
    precision = PrecisionMix.of(precision_us).program or defaults.precision
    return Profile(
        _times(where, entry["ops"]),
        WorkloadKey(
            workload.get("model") or None,
            workload.get("dataset") or None,
            None
            if size is None
            else workload_size.batch_size(size, f"{where}: batch_size"),
            workload.get("optimizer") or None,
        ).filled(
            replace(
                named,
                mode=str(workload.get("mode") or defaults.mode),
                precision=str(workload.get("precision") or precision),
                framework=str(workload.get("framework") or defaults.framework),
            )
        ),
        entry.get("instance") or named_instance,
        None if step is None else _time(where, "step_time_us", step),
        where,
        device=None if device is None else str(device),
        memory_bytes=None if memory is None else _time(where, "memory_bytes", memory),
        precision_us=precision_us,
        newest_kernel=None if newest is None else str(newest),
    )


def _precisions(where: str, given: Any) -> dict[str, float]:
    """Device time by precision, µs.

    Raises
    ------
    ProfileError
        If it is not an object, or a name in it is not a precision.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ProfileError(
            f"{where}: precision_us is not an object",
            'write {"fp32": 12.5}',
            code="profile.bad-field",
        )
    strange = sorted(set(given) - PRECISIONS)
    if strange:
        raise ProfileError(
            f"{where}: {strange[0]!r} in precision_us is not a precision",
            f"one of {', '.join(sorted(PRECISIONS))}",
            code="profile.bad-field",
        )
    return {k: _time(where, f"precision_us {k}", v) for k, v in given.items()}


def _flat(path: Path, where: str, entry: Mapping[str, Any]) -> Profile:
    strange = [
        k for k in entry if not op_names.is_op_column(k) and k not in _FLAT_EXTRAS
    ]
    # PROFET's tables hold the step time on other instances under the instances' names
    strange = [k for k in strange if "." not in k]
    ops = {k: v for k, v in entry.items() if op_names.is_op_column(k)}
    if not ops or strange:
        raise ProfileError(
            f"{where} is not a profile: "
            + (f"unknown key {strange[0]!r}" if strange else "no operation in it"),
            "operations are written Device_<type> or Host_<type>, in microseconds",
            code="profile.bad-field",
        )
    instance, named = from_name(path.name)
    pixels = str(entry.get("dataset") or "").removesuffix("dataset")
    size = entry.get("batchsize")
    step = entry.get("step_time_us")
    if step is None and entry.get("batch_latency") is not None:
        step = _time(where, "batch_latency", entry["batch_latency"]) * 1e6
    return Profile(
        _times(where, ops),
        WorkloadKey(
            entry.get("model") or None,
            f"{pixels}px" if pixels.isdecimal() else pixels or None,
            None
            if size is None
            else workload_size.batch_size(size, f"{where}: batchsize"),
            entry.get("optimizer") or None,
        ).filled(named),
        entry.get("instance_name") or instance,
        None if step is None else _time(where, "step_time_us", step),
        where,
    )


def _times(where: str, ops: Mapping[str, Any]) -> dict[str, float]:
    strange = [k for k in ops if not op_names.is_op_column(k)]
    if strange:
        raise ProfileError(
            f"{where}: {strange[0]!r} is not an operation",
            "operations are written Device_<type> or Host_<type>",
            code="profile.bad-field",
        )
    return {k: _time(where, k, v) for k, v in ops.items()}


def _time(where: str, key: str, value: Any) -> float:
    return workload_size.time(value, f"{where}: {key}")
