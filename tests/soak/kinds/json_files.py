"""Profiles as JSON: flat, and xlate's own form; each field broken in every way."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.soak.case import Cases
from tests.soak.checks import accepted, answers, doubted, refused, same_step
from tests.soak.lab import Lab
from tests.soak.made import (
    ANCHOR,
    KEY,
    PAIR,
    base_answer,
    base_ops,
    base_step_us,
    dumps,
    flat_json,
    flipped,
    xlate_json,
)

_VALID = "valid variants must be accepted, with the same answer"
_DAMAGED = "no traceback, no hang, no silent wrong"
_ENTERS = "a value that is not checked where it enters"
#: everything is in the file
ASK = (*PAIR, "--json")


def _same(content: bytes | str, name: str = "a.json") -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        run = lab.xlate("translate", lab.write(name, content), *ASK)
        yield from accepted(run)
        if run.exit == 0:
            yield from same_step(run, base_answer(lab), 1e-3)

    return judge


def _no(
    content: bytes | str, pattern: str | None = None
) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        yield from refused(
            lab.xlate("translate", lab.write("a.json", content), *ASK), pattern, (1,)
        )

    return judge


def _doubt(value: Any, pattern: str | None = None) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        yield from doubted(
            lab.xlate("translate", lab.write("a.json", dumps(value)), *ASK), pattern
        )

    return judge


def _several(lab: Lab) -> Iterator[str]:
    run = lab.xlate("translate", lab.write("a.json", dumps([xlate_json()] * 3)), *ASK)
    yield from accepted(run)
    if len(answers(run)) != 3:
        yield f"{len(answers(run))} answers to 3 profiles"


def _one_broken(lab: Lab) -> Iterator[str]:
    lab.write("in/a.json", dumps(xlate_json()))
    lab.write("in/b.json", dumps(xlate_json(ops={"Device_Conv2D": -1})))
    lab.write("in/c.json", dumps(xlate_json()))
    run = lab.xlate("translate", "in", *ASK)
    if (
        run.exit != 1
        or len(answers(run)) != 2
        or sum("error" in a for a in run.document or ()) != 1
    ):
        yield f"of two good files and a broken one: exit {run.exit}, {len(answers(run))} answers"


def _no_documents() -> Iterator[tuple[str, bytes | str]]:
    base = dumps(xlate_json())
    yield "empty-object", "{}"
    yield "empty-list", "[]"
    for text in (
        "null",
        "3",
        "true",
        '"profile"',
        "[null]",
        "[1, 2]",
        "[[]]",
        '{"ops": {}}',
        '{"ops": []}',
        '{"ops": null}',
        '{"ops": "a"}',
        '{"a": 1}',
    ):
        yield f"only-{text[:14]}", text
    yield "trailing", base + "x"
    yield "two-documents", base + base
    yield "comment", "// profile\n" + base
    yield "trailing-comma", base[:-1] + ",}"
    yield "single-quotes", base.replace('"', "'")
    yield "deep-lists", "[" * 100_000
    yield "deep-closed", "[" * 20_000 + "]" * 20_000
    yield "deep-objects", '{"a":' * 50_000
    yield "cut-half", base[: len(base) // 2]
    yield "cut-last", base[:-1]
    yield "nul", base.replace("Conv2D", "Conv\0", 1)
    yield (
        "lone-surrogate-bytes",
        base.encode().replace(b"ResNet34", b"Res\xed\xa0\x80Net"),
    )
    yield "latin-1", base.replace("ResNet34", "Réseau").encode("latin-1") + b"\xe9"
    yield "zeros", b"\0" * 5000
    yield (
        "pickle",
        b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94\x8c\x06system\x94\x93\x94.",
    )
    yield (
        "no-device",
        dumps(xlate_json(ops={k: v for k, v in base_ops().items() if k[0] == "H"})),
    )
    yield "no-ops", dumps(xlate_json(ops=...))
    yield "idle-only", dumps(xlate_json(ops={"Device_IDLE": 1e6}))
    yield "all-zero", dumps(xlate_json(ops=dict.fromkeys(base_ops(), 0)))
    yield "gz-cut", gzip.compress(base.encode())[:-20]
    yield "gz-of-nothing", gzip.compress(b"")
    yield "gz-zip", b"PK\x03\x04" + b"a" * 100


#: path to a field -> values that cannot be true of it; each must be refused
_FALSE: dict[str, tuple[Any, ...]] = {
    "ops.Device_Conv2D": (-1, float("nan"), float("inf"), "12", None, True, [1], {"a": 1}, -1e-9, 10**400),
    "step_time_us": (-1, float("nan"), float("inf"), "130024", True, [1], {}, 10**400),
    "memory_bytes": (-1, float("nan"), float("inf"), "3 GiB", [3], True),
    "precision_us": (3, ["fp16"], {"half": 5.0}, {"fp16": -1}, {"fp16": float("nan")}, {"fp16": "5"}),
    "batch_size": (0, -1, 1.5, float("nan"), float("inf"), "32 images", [32], {}),
    "workload": (3, "ResNet", [1]),
}  # fmt: skip
#: values that may be true of something, but not of a job that can be answered with "ok"
_ODD: dict[str, tuple[Any, ...]] = {
    "ops.Device_Conv2D": (1e15, 1e300),
    "step_time_us": (1, 130.0, 0.13, 1.3e8, 1.3e11, 0, 1e300),
    "batch_size": (1e23, 10**9, 10**23),
    "dataset": ("100000000px", "1px", "99999999999999999999px"),
}  # fmt: skip


def _with(path: str, value: Any) -> dict[str, Any]:
    if path.startswith("ops."):
        return xlate_json(ops={**base_ops(), path[4:]: value})
    if path in (
        "batch_size",
        "dataset",
        "model",
        "optimizer",
        "mode",
        "precision",
        "framework",
    ):
        return xlate_json({path: value})
    return {**xlate_json(), path: value}


def _text_fields() -> Iterator[tuple[str, dict[str, Any]]]:
    """Texts of the wrong type: any answer or refusal, but no traceback."""
    for key in ("model", "dataset", "optimizer", "mode", "precision", "framework"):
        for value in (3, [1], {"a": 1}, True, ""):
            yield f"{key}-{dumps(value)}", xlate_json({key: value})
    for key in ("instance", "device", "source"):
        for value in (3, [1], {"a": 1}):
            more: dict[str, Any] = {key: value}
            yield f"{key}-{dumps(value)}", xlate_json(**more)


def _universal(value: Any) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        lab.xlate(
            "translate",
            lab.write("a.json", value if isinstance(value, bytes) else dumps(value)),
            *ASK,
        )
        lab.xlate("profile", "show", "a.json")
        yield from ()

    return judge


def _key_twice(lab: Lab) -> Iterator[str]:
    text = dumps(xlate_json()).replace(
        '"Device_Conv2D":', '"Device_Conv2D": 1.0, "Device_Conv2D":', 1
    )
    yield from doubted(
        lab.xlate("translate", lab.write("a.json", text), *ASK),
        "twice|duplicate|more than once|repeat",
    )


def _step_twice(lab: Lab) -> Iterator[str]:
    text = dumps(xlate_json())[:-1] + ', "step_time_us": 260000.0}'
    yield from doubted(
        lab.xlate("translate", lab.write("a.json", text), *ASK),
        "twice|duplicate|more than once|repeat",
    )


def _elsewhere(lab: Lab) -> Iterator[str]:
    """The file names another instance than --anchor."""
    path = lab.write("a.json", dumps(xlate_json(instance="g4dn.xlarge")))
    yield from doubted(lab.xlate("translate", path, *ASK), "g4dn|T4")


def _other_gpu(name: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        path = lab.write("a.json", dumps(xlate_json(device=name)))
        yield from refused(lab.xlate("translate", path, *ASK), "force|K80", (1,))
        yield from accepted(lab.xlate("translate", path, *ASK, "--force"))

    return judge


def _contradicted(options: tuple[str, ...]) -> Callable[[Lab], Iterator[str]]:
    """An option says otherwise than the file: it is not ignored without a message."""

    def judge(lab: Lab) -> Iterator[str]:
        run = lab.xlate(
            "translate", lab.write("a.json", dumps(xlate_json())), *ASK, *options
        )
        same = lab.xlate("translate", "a.json", *ASK)
        if run.exit == 0 and answers(run) and answers(same):
            a, b = answers(run)[0], answers(same)[0]
            if (a["step_time_s"], a["workload"]) == (b["step_time_s"], b["workload"]):
                yield f"{options[0]} {options[1]} is passed over"

    return judge


def _many_ops(lab: Lab) -> Iterator[str]:
    ops = {**base_ops(), **{f"Device_Own{i}": 0.01 for i in range(50_000)}}
    lab.xlate("profile", "check", lab.write("a.json", dumps(xlate_json(ops=ops))))
    lab.xlate("translate", "a.json", *ASK)
    yield from ()


def cases() -> Cases:
    """About 190."""
    collected = Cases("json_files")
    plain, flat = xlate_json(), flat_json()
    good: dict[str, bytes | str] = {
        "own": dumps(plain), "own-indented": json.dumps(plain, indent=2), "own-list": dumps([plain]),
        "own-sorted": json.dumps(plain, sort_keys=True), "own-bom": b"\xef\xbb\xbf" + dumps(plain).encode(),
        "own-gz": gzip.compress(dumps(plain).encode()), "own-spaces": "\n\n  " + dumps(plain) + "\n\n",
        "own-crlf": json.dumps(plain, indent=1).replace("\n", "\r\n"),
        "own-escaped": dumps(plain).replace("Conv2D", "\\u0043onv2D"),
        "own-whole-batch": dumps(xlate_json({"batch_size": 32.0})),
        "own-null-memory": dumps(xlate_json(memory_bytes=None)),
        "own-memory": dumps(xlate_json(memory_bytes=3 * 2**30)),
        "own-precisions": dumps(xlate_json(precision_us={"fp32": 1e4, "not known": 1e3})),
        "own-null-precisions": dumps(xlate_json(precision_us=None)),
        "own-device": dumps(xlate_json(device="Tesla K80")),
        "own-zero-op": dumps(xlate_json(ops={**base_ops(), "Device_Softplus": 0})),
        "flat": dumps(flat), "flat-list": dumps([flat]), "flat-gz": gzip.compress(dumps(flat).encode()),
        "flat-latency": dumps(flat_json(step_time_us=..., batch_latency=base_step_us() / 1e6)),
    }  # fmt: skip
    for name, content in good.items():
        collected.add(f"valid-{name}", _VALID, _same(content))
    collected.add("valid-three", _VALID, _several)
    collected.add(
        "one-of-three-broken",
        "a broken one becomes an object with file and error, and the exit code is 1",
        _one_broken,
    )
    for name, text in _no_documents():
        collected.add(f"wrong-{name}", _DAMAGED, _no(text))
    for path, values in _FALSE.items():
        for i, value in enumerate(values):
            collected.add(f"false-{path}-{i}", _ENTERS, _no(dumps(_with(path, value))))
    for key in ("Device_Conv2D", "step_time_us", "batchsize"):
        for i, value in enumerate((-1, float("nan"), float("inf"), "x", [1])):
            collected.add(
                f"false-flat-{key}-{i}", _ENTERS, _no(dumps(flat_json(**{key: value})))
            )
    for path, values in _ODD.items():
        for i, value in enumerate(values):
            collected.add(
                f"odd-{path}-{i}",
                "sizes of 1e8 px and batches of 1e23 are ok; unit mistakes noticed",
                _doubt(_with(path, value)),
            )
    for name, value in _text_fields():
        collected.add(f"type-{name}", _DAMAGED, _universal(value))
    collected.add("key-twice", "a JSON key twice is ok", _key_twice)
    collected.add("step-twice", "a JSON key twice is ok", _step_twice)
    collected.add("another-instance", "a file that names another machine", _elsewhere)
    for gpu in (
        "Tesla T4",
        "NVIDIA A100-SXM4-40GB",
        "NVIDIA A100-PG509-200",
        "AMD Radeon Graphics",
        "NVIDIA GeForce RTX 2070",
        "AMD Instinct MI250X/MI250",
    ):
        collected.add(
            f"recorded-on-{gpu.replace(' ', '-').replace('/', '-')}",
            "another GPU than the anchor's is refused unless --force",
            _other_gpu(gpu),
        )
    for options in (
        ("--batch-size", "64"),
        ("--input-size", "224"),
        ("--step-time", "128"),
        ("--model", "VGG16"),
        ("--optimizer", "Adam"),
    ):
        collected.add(
            f"against-{options[0][2:]}",
            "every option acts, or it is refused",
            _contradicted(options),
        )
    for factor in (1e-3, 1e-6, 1e3):
        ops = {k: v * factor for k, v in base_ops().items()}
        collected.add(
            f"times-by-{factor:g}",
            "unit mistakes noticed",
            _doubt(xlate_json(ops=ops), "second|unit"),
        )
    for seed in range(15):
        collected.add(
            f"flip-{seed}", _DAMAGED, _universal(flipped(dumps(plain).encode(), seed))
        )
    collected.add("ops-50000", "300,000 operations do not end", _many_ops)
    for n in (ANCHOR, KEY[1]):
        collected.add(f"file-named-{n}", _VALID, _same(dumps(plain), f"{n}.json"))
    return collected
