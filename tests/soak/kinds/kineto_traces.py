"""PyTorch's traces: those of the readers' tests, each field of an event broken, GPUs, steps."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.soak.case import Cases
from tests.soak.checks import accepted, answers, doubted, levels, refused
from tests.soak.lab import Lab
from tests.soak.made import flipped
from tests.support import profiles_made as pm

_DAMAGED = "no traceback, no hang, no silent wrong"
_VALID = "valid variants must be accepted"
_GPU = "a file that names another GPU than the anchor's is refused unless --force"
# a GPU by name has no price, so that a wrong rent (kind money) does not hide what else is wrong
ASK = ("--anchor", "g4dn.xlarge", "--target", "H100-SXM5-80GB", "--json")
SHIPPED = ("--anchor", "g4dn.xlarge", "--target", "p3.2xlarge", "--json")


def ask(lab: Lab, content: bytes, *more: str, name: str = "a.json") -> Any:
    return lab.xlate("translate", lab.write(name, content), *ASK, *more)


def _made(content: bytes, right: Any) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        run = lab.xlate("profile", "show", lab.write("a.json", content), "--json")
        if isinstance(right, str):
            # where it names a pattern the reader must refuse; what it says is tested elsewhere
            return
        yield from accepted(run)
        ask(lab, content)

    return judge


def _universal(content: bytes) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        ask(lab, content)
        yield from ()

    return judge


def _broken() -> Iterator[tuple[str, bytes]]:
    """Every field of every sort of event with a value it cannot have."""
    values: tuple[Any, ...] = (None, "x", -1, 1e30, [1], {"a": 1}, True, 10**400)
    events = pm.steps()
    for kind, k in (("step", 0), ("op", 1), ("launch", 2), ("kernel", 3)):
        for field in ("ph", "cat", "name", "pid", "tid", "ts", "dur", "args"):
            for i, value in enumerate(values):
                if (k + i + len(field)) % 2:  # half of them, spread evenly
                    yield (
                        f"{kind}-{field}-{i}",
                        pm.trace(
                            [
                                {**e, field: value} if j == k else e
                                for j, e in enumerate(events)
                            ]
                        ),
                    )
            yield (
                f"{kind}-{field}-lost",
                pm.trace(
                    [
                        {f: v for f, v in e.items() if f != field} if j == k else e
                        for j, e in enumerate(events)
                    ]
                ),
            )
    for i, value in enumerate(values):
        yield (
            f"correlation-{i}",
            pm.trace(
                [
                    {**e, "args": {**e["args"], "correlation": value}} if j == 3 else e
                    for j, e in enumerate(events)
                ]
            ),
        )


def _named(device: str, right: bool) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        content = pm.trace(pm.steps(length=10_000), device=device)
        run = ask(lab, content)
        if right:
            yield from accepted(run)
        else:
            yield from refused(run, "force|T4", (1,))
            yield from accepted(ask(lab, content, "--force"))

    return judge


def _properties_last(lab: Lab) -> Iterator[str]:
    content = json.dumps(
        {
            "traceEvents": pm.steps(),
            "schemaVersion": 1,
            "deviceProperties": [{"id": 0, "name": "NVIDIA H100 80GB HBM3"}],
        }
    )
    yield from refused(ask(lab, content.encode()), "H100", (1,))


def _capital(lab: Lab) -> Iterator[str]:
    names = {
        "cpu_op": "Operator",
        "kernel": "Kernel",
        "cuda_runtime": "Runtime",
        "user_annotation": "Operator",
    }
    events = [{**e, "cat": names.get(e["cat"], e["cat"])} for e in pm.steps()]
    yield from accepted(ask(lab, pm.trace(events)))


def _stepless(lab: Lab) -> Iterator[str]:
    events = [e for e in pm.steps() if "ProfilerStep" not in e["name"]]
    yield from accepted(ask(lab, pm.trace(events), "--step-time", "1"))


def _contradicted(step_ms: str) -> Callable[[Lab], Iterator[str]]:
    """--step-time far from the steps in the trace."""

    def judge(lab: Lab) -> Iterator[str]:
        yield from doubted(
            ask(lab, pm.trace(pm.steps()), "--step-time", step_ms), "step"
        )

    return judge


def _idle(lab: Lab) -> Iterator[str]:
    """One kernel of 2 µs in steps of 13 s."""
    events = pm.steps(2, length=13_000_000)
    events = [{**e, "dur": 2} if e["cat"] == "kernel" else e for e in events]
    yield from doubted(ask(lab, pm.trace(events)), "busy|idle|no kernel|device")


def _kernels_lost(lab: Lab) -> Iterator[str]:
    """Steps whose launches have no kernels, as in a file cut where GPU events begin."""
    events = pm.steps(4)
    lost = [
        e
        for e in events
        if not (
            e["cat"] == "kernel"
            and e["args"]["correlation"] > 25
            and e["args"]["correlation"] % 2
        )
    ]
    run = ask(lab, pm.trace(lost))
    complete = ask(lab, pm.trace(events))
    if (
        run.exit == 0
        and levels(run) == ["ok"]
        and answers(run)[0]["anchor_step_time_s"]
        != answers(complete)[0]["anchor_step_time_s"]
    ):
        yield "launches without kernels are not noticed"


def _scaled(sizes: str) -> Callable[[Lab], Iterator[str]]:
    """Time does not fall as the batch grows; or it is refused."""

    def judge(lab: Lab) -> Iterator[str]:
        content = pm.trace(pm.steps(length=10_000), device="Tesla T4")
        for pair in (ASK, SHIPPED):
            run = lab.xlate(
                "translate",
                lab.write("a.json", content),
                *pair,
                "--batch-size",
                "64",
                "--scale",
                sizes,
            )
            given = [a["step_time_s"]["value"] for a in answers(run)]
            if run.exit == 0 and any(
                b < a * (1 - 1e-9) for a, b in itertools.pairwise(given)
            ):
                yield f"{pair[3]}: steps of {', '.join(f'{1e3 * g:.3g}' for g in given)} ms as the batch grows"

    return judge


def _worse_with_bundle(lab: Lab) -> Iterator[str]:
    """A pair with a shipped bundle is not answered by a ratio of throughputs on such work."""
    content = pm.trace(pm.steps(length=10_000), device="Tesla T4")
    with_bundle = lab.xlate("translate", lab.write("a.json", content), *SHIPPED)
    by_gpu = lab.xlate(
        "translate", "a.json", "--anchor", "T4", "--target", "V100-SXM2-16GB", "--json"
    )
    yield from accepted(with_bundle)
    if with_bundle.exit == 0 and by_gpu.exit == 0:
        a, b = answers(with_bundle)[0], answers(by_gpu)[0]
        wide = [x["step_time_s"]["high"] / x["step_time_s"]["low"] for x in (a, b)]
        if wide[0] > 1.1 * wide[1]:
            yield f"by instances {a['layer']}, high over low {wide[0]:.2f}; by GPUs {b['layer']}, {wide[1]:.2f}"


def _large(n: int) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        yield from accepted(ask(lab, pm.trace(pm.steps(n))))

    return judge


def _nested_steps(lab: Lab) -> Iterator[str]:
    """Steps pushed and never popped: all end together."""
    events = [
        {**e, "dur": 4000 - e["ts"]} if "ProfilerStep" in e["name"] else e
        for e in pm.steps(4)
    ]
    run = ask(lab, pm.trace(events))
    if run.exit == 0 and not 0.9e-3 < answers(run)[0]["anchor_step_time_s"] < 1.1e-3:
        yield f"a step of {answers(run)[0]['anchor_step_time_s']} s where steps begin every 1 ms"


def _no_kernels(lab: Lab) -> Iterator[str]:
    events = [e for e in pm.steps() if e["cat"] not in ("kernel", "user_annotation")]
    run = ask(lab, pm.trace(events))
    yield from refused(run, "kernel|CUDA|GPU", (1,))


def _in_kinetos_order() -> bytes:
    """The host's operations first, then launches and kernels by time, as it writes them."""
    events = pm.steps(6)
    events.sort(key=lambda e: (e["cat"] not in ("user_annotation", "cpu_op"), e["ts"]))
    return pm.trace(events, indent=1)


def _cut_at(share: float) -> Callable[[Lab], Iterator[str]]:
    """What is left answers as the whole file does, or is refused."""

    def judge(lab: Lab) -> Iterator[str]:
        content = _in_kinetos_order()
        run = ask(lab, content[: int(share * len(content))])
        if run.exit == 0:
            steps = [
                answers(r)[0]["anchor_step_time_s"] for r in (run, ask(lab, content))
            ]
            if steps[0] != steps[1]:
                yield f"a step of {steps[0]} s, where the whole file has one of {steps[1]} s"

    return judge


def _named_steps(name: str, *options: str) -> Callable[[Lab], Iterator[str]]:
    """Steps of 10 ms under another name."""

    def judge(lab: Lab) -> Iterator[str]:
        content = pm.trace(pm.steps(length=10_000, name=name, device=0))
        run = ask(lab, content, *options)
        yield from accepted(run)
        if run.exit == 0 and answers(run)[0]["anchor_step_time_s"] != 0.01:
            yield f"a step of {answers(run)[0]['anchor_step_time_s']} s, where they take 0.01 s"

    return judge


def _autograd(lab: Lab) -> Iterator[str]:
    events = [
        {"name": "aten::add", "ph": "X", "ts": 1.5 * k, "dur": 1.0, "tid": 1, "pid": "CPU functions", "args": {}}
        for k in range(20)
    ]  # fmt: skip
    yield from refused(ask(lab, json.dumps(events).encode()), "autograd", (1,))


def _odd_json(piece: bytes) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        content = pm.trace(pm.steps()).replace(
            b'"External id": 1010', piece + b', "External id": 1010'
        )
        yield from accepted(ask(lab, content))

    return judge


def cases() -> Cases:
    """About 250."""
    collected = Cases("kineto_traces")
    for name, (content, right) in pm.KINETO.items():
        collected.add(f"made-{name}", _VALID, _made(content, right))
    for name, content in _broken():
        collected.add(f"broken-{name}", _DAMAGED, _universal(content))
    for device, right in {
        "Tesla T4": True,
        "NVIDIA T4": True,
        "Tesla V100-SXM2-16GB": False,
        "NVIDIA A100-SXM4-40GB": False,
        "NVIDIA A100-PG509-200": False,
        "AMD Radeon Graphics": False,
        "NVIDIA GeForce RTX 2070": False,
        "NVIDIA H100 80GB HBM3": False,
        "AMD Instinct MI300X": False,
        "Intel(R) Data Center GPU Max 1550": False,
        "Quadro P2000": False,
        "Tesla K80": False,
    }.items():
        # of GPUs that the catalogue does not know it cannot say yet that they are others
        collected.add(
            f"recorded-on-{device.replace(' ', '-')}", _GPU, _named(device, right)
        )
    collected.add("properties-last", _GPU, _properties_last)
    collected.add(
        "capital-categories",
        "cases/traces: categories of PyTorch 1.11 and before",
        _capital,
    )
    collected.add(
        "step-given",
        "cases/traces: no ProfilerStep, --step-time given",
        _stepless,
    )
    for ms in ("0.0001", "0.01", "0.1", "20", "1000", "1e6"):
        collected.add(
            f"step-time-{ms}", "--step-time far from the window", _contradicted(ms)
        )
    collected.add("idle", "cases/traces: the device is 0.0 % busy", _idle)
    collected.add(
        "kernels-lost",
        "cases/traces: a cut trace has steps of host work alone",
        _kernels_lost,
    )
    collected.add(
        "nested-steps",
        "cases/traces: steps that overlap cannot be steps",
        _nested_steps,
    )
    collected.add(
        "no-kernels",
        "cases/traces: say first that no GPU kernel was recorded",
        _no_kernels,
    )
    for percent in range(10, 100, 10):
        collected.add(
            f"cut-at-{percent}",
            "cases/traces: a cut trace has steps of host work alone",
            _cut_at(percent / 100),
        )
    for name, options in {
        "iteration {}": (),
        "step[DECODE bs={}]": (),
        "execute_context_0(0)_generation_8({})": (),
        "range {}": ("--step-mark", "range"),
        "ProfilerStep#{}": ("--step-mark", "ProfilerStep"),
    }.items():
        collected.add(
            f"marked-{name.split()[0].rstrip('{}#')}{len(options)}",
            "traces without ProfilerStep are cut by their own marks",
            _named_steps(name, *options),
        )
    collected.add(
        "autograd", "cases/traces: autograd's older trace is named", _autograd
    )
    for name, piece in {
        "nan": b'"warps": nan',
        "inf": b'"warps": -inf',
        "backslash": b'"a": "C:\\me"',
        "tab": b'"a": "x\ty"',
        "latin-1": b'"a": "caf\xe9"',
    }.items():
        collected.add(f"odd-{name}", _VALID, _odd_json(piece))
    for sizes in ("batch-size=64..4096", "batch-size=8..64", "batch-size=64,128"):
        collected.add(
            f"scale-{sizes[11:]}",
            "--scale on a PyTorch trace goes down in time as the batch grows",
            _scaled(sizes),
        )
    collected.add(
        "bundle-or-zero-shot",
        "a pair with a shipped bundle answers a PyTorch trace worse than a pair without one",
        _worse_with_bundle,
    )
    for n in (1000, 10_000):
        collected.add(f"steps-{n}", "no hang over 10 s", _large(n))
    raw = pm.trace(pm.steps(), indent=1)
    for seed in range(15):
        collected.add(f"flip-{seed}", _DAMAGED, _universal(flipped(raw, seed)))
        collected.add(
            f"packed-flip-{seed}",
            _DAMAGED,
            _universal(flipped(gzip.compress(raw), seed)),
        )
    return collected
