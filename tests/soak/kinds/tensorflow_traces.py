"""TensorBoard's trace viewer json."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.soak.case import Cases
from tests.soak.checks import accepted, answers, doubted, refused
from tests.soak.lab import Lab
from tests.soak.made import flipped
from tests.support import profiles_made as pm

_VALID = "valid variants must be accepted"
_DAMAGED = "no traceback, no hang, no silent wrong"
ASK = ("--anchor", "g4dn.xlarge", "--target", "p3.2xlarge", "--json")


def _made(content: bytes, right: Any) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        run = lab.xlate("profile", "show", lab.write("a.json", content), "--json")
        yield from refused(run, codes=(1,)) if isinstance(right, str) else accepted(run)
        lab.xlate("translate", "a.json", *ASK)

    return judge


def _quiet(content: bytes) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        lab.xlate("translate", lab.write("a.json", content), *ASK)
        yield from ()

    return judge


def _events() -> list[dict[str, Any]]:
    return json.loads(pm.tf_trace())["traceEvents"]  # type: ignore[no-any-return]


def _of(events: list[dict[str, Any]]) -> bytes:
    return json.dumps(
        {"displayTimeUnit": "ns", "metadata": {}, "traceEvents": events}
    ).encode()


def _named_step(lab: Lab) -> Iterator[str]:
    events = [
        {**e, "name": f"EagerKernelExecute {e['name']}"}
        if e.get("tid") == 1 and e["ph"] == "X"
        else e
        for e in _events()
    ]
    run = lab.xlate("profile", "show", lab.write("a.json", _of(events)), "--json")
    yield from accepted(run)


def _annotated(lab: Lab) -> Iterator[str]:
    """The operation of a kernel stands in ``annotation`` where there is no tf_op."""
    events = []
    for e in _events():
        args = dict(e.get("args") or {})
        if "tf_op" in args:
            args = {"annotation": f"{args['tf_op']}#id=1#"}
        events.append({**e, "args": args} if "args" in e else e)
    run = lab.xlate("profile", "show", lab.write("a.json", _of(events)), "--json")
    yield from accepted(run)
    if run.exit == 0 and "Device_Conv2D" not in run.document[0]["ops"]:
        yield "kernels with an annotation are counted under their own names"


def _step(ms: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        run = lab.xlate(
            "translate", lab.write("a.json", pm.tf_trace()), *ASK, "--step-time", ms
        )
        yield from doubted(run, "step")
        if (
            run.exit == 0
            and answers(run)
            and not answers(run)[0]["step_time_s"]["value"] > 1e-6
        ):
            yield "a step of less than a microsecond"

    return judge


def cases() -> Cases:
    """About 90."""
    collected = Cases("tensorflow_traces")
    for name, (content, right) in pm.TENSORFLOW_TRACE.items():
        collected.add(f"made-{name}", _VALID, _made(content, right))
    collected.add(
        "named-step", "cases/traces: steps named EagerKernelExecute 0", _named_step
    )
    collected.add(
        "annotation", "cases/traces: annotation in place of tf_op", _annotated
    )
    for ms in ("0.001", "0.05", "30", "1e5"):
        collected.add(f"step-time-{ms}", "--step-time far from the window", _step(ms))
    kernel = next(i for i, e in enumerate(_events()) if "sgemm" in e["name"])
    for field in ("ph", "pid", "tid", "ts", "dur", "name", "args"):
        for i, value in enumerate((None, "x", -1, 1e30, [1], {"a": 1}, 10**400)):
            collected.add(
                f"broken-{field}-{i}",
                _DAMAGED,
                _quiet(
                    _of(
                        [
                            {**e, field: value} if j == kernel else e
                            for j, e in enumerate(_events())
                        ]
                    )
                ),
            )
    for seed in range(10):
        collected.add(f"flip-{seed}", _DAMAGED, _quiet(flipped(pm.tf_trace(), seed)))
    return collected
