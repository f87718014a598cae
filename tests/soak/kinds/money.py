"""Rent, memory and names: what must hold on every target."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from tests.soak.case import Cases
from tests.soak.checks import accepted, answers, refused, same_step, says
from tests.soak.lab import Lab
from tests.soak.made import ANCHOR, KEY, dumps, stats_csv, xlate_json
from tests.soak.truths import price_usd_per_h, shipped_instances
from tests.support import profiles_made as pm

_RENT = (
    "the rent is divided by 8 without a word; what must be paid is the whole instance"
)
_MEMORY = "say need, have and whether it fits in every answer"
_SAME = "the same answer by instance or GPU name"


def _whole_rent(target: str) -> Callable[[Lab], Iterator[str]]:
    """The rent of truths.py, and that the share of the GPUs stands beside it."""

    def judge(lab: Lab) -> Iterator[str]:
        run = lab.xlate(
            "translate",
            lab.write("a.csv", stats_csv()),
            "--anchor",
            ANCHOR,
            "--target",
            target,
            *KEY,
            "--json",
        )
        yield from accepted(run)
        for a in answers(run):
            rent = a.get("rent")
            if rent is None:
                yield "no rent object"
                continue
            count = shipped_instances()[target]["gpu_count"]["value"]
            if rent.get("usd_per_h_instance") != price_usd_per_h(target):
                yield f"usd_per_h_instance is {rent.get('usd_per_h_instance')}"
            if rent.get("gpus_in_instance") != count:
                yield f"gpus_in_instance is {rent.get('gpus_in_instance')}, of {count}"
            if not 1 <= (rent.get("gpus_used") or 0) <= count:
                yield f"gpus_used is {rent.get('gpus_used')}"

    return judge


def _scaled_rent(target: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        # truths.py holds every answer in the document to the instance's price
        lab.xlate(
            "translate",
            lab.write("a.csv", stats_csv()),
            "--anchor",
            ANCHOR,
            "--target",
            target,
            *KEY,
            "--scale",
            "batch-size=32,64",
            "--json",
        )
        yield from ()

    return judge


def _memory(need_gib: float, target: str, right: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        path = lab.write("a.json", dumps(xlate_json(memory_bytes=need_gib * 2**30)))
        run = lab.xlate(
            "translate", path, "--anchor", ANCHOR, "--target", target, "--json"
        )
        yield from accepted(run)
        for a in answers(run):
            memory = a.get("memory") or {}
            if memory.get("fits") != right:
                yield f"{need_gib} GiB on {target}: fits is {memory.get('fits')}, {right} is right"
        text = lab.xlate("translate", path, "--anchor", ANCHOR, "--target", target)
        yield from says(text, "memory|GiB")

    return judge


def _memory_unknown(lab: Lab) -> Iterator[str]:
    run = lab.xlate(
        "translate",
        lab.write("a.csv", stats_csv()),
        "--anchor",
        ANCHOR,
        "--target",
        "p3.2xlarge",
        *KEY,
        "--json",
    )
    for a in answers(run):
        memory = a.get("memory")
        if (
            memory is None
            or memory.get("need_bytes") is not None
            or memory.get("fits") is not None
        ):
            yield f"memory is {memory} where the profile says nothing of it"
    yield from says(
        lab.xlate(
            "translate", "a.csv", "--anchor", ANCHOR, "--target", "p3.2xlarge", *KEY
        ),
        "memory.*not known",
    )


def _aliases(instance: str, other: str) -> Callable[[Lab], Iterator[str]]:
    """Two names of one machine answer alike."""

    def judge(lab: Lab) -> Iterator[str]:
        path = lab.write("a.csv", stats_csv())
        given = [
            lab.xlate(
                "translate", path, "--anchor", ANCHOR, "--target", t, *KEY, "--json"
            )
            for t in (instance, other)
        ]
        for run in given:
            yield from accepted(run)
        if run_names_gpu(other):
            # the machine around the GPU is not known: data sheets answer, and say that
            # a measured bundle of the instance is at hand
            yield from says(given[1], f"--target {instance} has a bundle")
        else:
            yield from same_step(given[1], given[0], 0.02)

    return judge


def run_names_gpu(name: str) -> bool:
    """Whether a name is one of a GPU alone."""
    return name in {"V100-SXM2-16GB", "T4", "M60", "K80"}


def _trace_aliases(lab: Lab) -> Iterator[str]:
    path = lab.write("a.json", pm.trace(pm.steps(length=10_000), device="Tesla T4"))
    given = [
        lab.xlate("translate", path, "--anchor", a, "--target", t, "--json")
        for a, t in (("g4dn.xlarge", "p3.2xlarge"), ("T4", "V100-SXM2-16GB"))
    ]
    yield from same_step(given[1], given[0], 0.02)


def _ambiguous(name: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        run = lab.xlate(
            "translate",
            lab.write("a.csv", stats_csv()),
            "--anchor",
            ANCHOR,
            "--target",
            name,
            *KEY,
            "--json",
        )
        if run.exit == 0:
            yield from says(run, "SXM|PCIe|taken|stands for|ambiguous")

    return judge


def _better(lab: Lab) -> Iterator[str]:
    """A newer, larger GPU of the same sort is not slower."""
    path = lab.write("a.csv", stats_csv())
    steps = {}
    for t in (
        "p2.xlarge",
        "V100-SXM2-16GB",
        "A100-SXM4-40GB",
        "A100-SXM4-80GB",
        "H100-SXM5-80GB",
    ):
        run = lab.xlate(
            "translate", path, "--anchor", "K80", "--target", t, *KEY, "--json"
        )
        if run.exit == 0:
            steps[t] = answers(run)[0]["step_time_s"]["value"]
    if len(steps) < 4:
        yield f"only {', '.join(steps)} answered"
    given = list(steps.values())
    if any(b > 1.05 * a for a, b in itertools.pairwise(given)):
        yield "; ".join(f"{t} {1e3 * v:.3g} ms" for t, v in steps.items())


def _clock_money(lab: Lab) -> Iterator[str]:
    """Dearer by a quarter, and "apply" with 95 %: the action answers what was asked."""
    run = lab.xlate(
        "predict-freq",
        lab.write("a.csv", stats_csv()),
        "--anchor",
        ANCHOR,
        "--target",
        "p3.2xlarge",
        *KEY,
        "--json",
    )
    yield from accepted(run)
    for a in run.document or ():
        dearer = a["usd_per_1000_steps"]["value"] / a["default_usd_per_1000_steps"] - 1
        if dearer > 0.05 and "cost" not in " ".join(a["reasons"]):
            yield f"{dearer:.0%} dearer, and --objective cost is not offered"
    cost = lab.xlate(
        "predict-freq",
        "a.csv",
        "--anchor",
        ANCHOR,
        "--target",
        "p3.2xlarge",
        *KEY,
        "--objective",
        "cost",
        "--json",
    )
    for a in cost.document or ():
        if a["usd_per_1000_steps"]["value"] > 1.001 * a["default_usd_per_1000_steps"]:
            yield "by --objective cost the clock chosen is dearer than the highest"


def _slowdown(share: str, bound: float) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        run = lab.xlate(
            "predict-freq",
            lab.write("a.csv", stats_csv()),
            "--anchor",
            ANCHOR,
            "--target",
            "p3.2xlarge",
            *KEY,
            "--max-slowdown",
            share,
            "--json",
        )
        yield from accepted(run)
        for a in run.document or ():
            if a["time_ratio"]["value"] > 1 + bound + 1e-6:
                yield f"slower by {a['time_ratio']['value'] - 1:.1%} where {share} was the bound"
            if a["time_ratio"]["high"] > 1 + bound and not any(
                "%" in r and ("bound" in r or "slow" in r) for r in a["reasons"]
            ):
                yield f"the interval reaches {a['time_ratio']['high']:.3f}, and no probability of the bound is said"

    return judge


def _provenance(lab: Lab) -> Iterator[str]:
    run = lab.xlate(
        "predict-freq",
        lab.write("a.csv", stats_csv()),
        "--anchor",
        ANCHOR,
        "--target",
        "p3.2xlarge",
        *KEY,
        "--json",
    )
    yield from accepted(run)
    yield from says(run, "window")
    yield from says(run, "simulated")


def cases() -> Cases:
    """About 65."""
    collected = Cases("money")
    with_gpu = [
        n
        for n, raw in shipped_instances().items()
        if raw.get("gpu") and raw.get("prices")
    ]
    for name in with_gpu:
        if name != ANCHOR:
            collected.add(f"rent-{name}", _RENT, _whole_rent(name))
    for name in ("p5.48xlarge", "p4d.24xlarge", "p3.2xlarge"):
        collected.add(f"scaled-rent-{name}", _RENT, _scaled_rent(name))
    for need, target, right in (
        (30, "p3.2xlarge", "no"),
        (2, "p3.2xlarge", "yes"),
        (16.5, "p3.2xlarge", "no"),
        (30, "p5.48xlarge", "yes"),
        (100, "p5.48xlarge", "no"),
        (30, "g4dn.xlarge", "no"),
        (23, "g5.xlarge", "unsure"),
        (7.9, "g3s.xlarge", "no"),
    ):
        if target != "g3s.xlarge" and right != "unsure":
            collected.add(
                f"memory-{need:g}-{target}", _MEMORY, _memory(need, target, right)
            )
    collected.add("memory-unknown", _MEMORY, _memory_unknown)
    for a, b in (
        ("p3.2xlarge", "V100-SXM2-16GB"),
        ("p3.2xlarge", "p3"),
        ("p5.48xlarge", "H100-SXM5-80GB"),
        ("g4dn.xlarge", "T4"),
        ("g5.xlarge", "A10G"),
        ("g3s.xlarge", "M60"),
        ("p4d.24xlarge", "A100-SXM4-40GB"),
        ("p3.2xlarge", "P3.2XLARGE"),
        ("p3.2xlarge", " p3.2xlarge "),
    ):
        collected.add(
            f"alias-{b.strip()}{'-spaced' if b != b.strip() else ''}-of-{a}",
            _SAME,
            _aliases(a, b),
        )
    collected.add("alias-in-a-trace", _SAME, _trace_aliases)
    for name in ("H100", "A100", "V100", "h100", "RTX"):
        collected.add(
            f"ambiguous-{name}",
            "H100 is SXM5 without a word while A100 is unknown",
            _ambiguous(name),
        )
    for name in (
        "",
        " ",
        "p3",
        "nowhere",
        "c5.4xlarge",
        "p3.2xlarge\n",
        "../p3.2xlarge",
        "p" * 5000,
        "Orin-NX",
    ):
        if name != "p3":
            collected.add(
                f"target-{name[:12].strip().replace('/', '_') or f'blank{len(name)}'}",
                "a value that is not checked where it enters",
                _target(name),
            )
    collected.add("newer-is-not-slower", "no silent wrong", _better)
    collected.add(
        "clock-and-rent",
        "the action must answer the question the user asked",
        _clock_money,
        "clocks",
    )
    for share, bound in (
        ("5%", 0.05),
        ("0.05", 0.05),
        ("0", 0.0),
        ("20%", 0.2),
        ("1%", 0.01),
    ):
        collected.add(
            f"slowdown-{share}",
            "say with which probability the bound holds",
            _slowdown(share, bound),
            "clocks",
        )
    collected.add(
        "clock-provenance",
        "predict-freq says neither that the step came from the window nor where power came from",
        _provenance,
        "clocks",
    )
    return collected


def _target(name: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        run = lab.xlate(
            "translate",
            lab.write("a.csv", stats_csv()),
            "--anchor",
            ANCHOR,
            "--target",
            name,
            *KEY,
            "--json",
        )
        if name.strip() != "p3.2xlarge" and name != "Orin-NX":
            yield from refused(run)

    return judge
