"""``--scale``: other batch and input sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from tests.soak.case import Cases
from tests.soak.checks import accepted, answers, refused, says
from tests.soak.kinds.catalogues import gpu, instance
from tests.soak.lab import Lab
from tests.soak.made import (
    ANCHOR,
    PAIR,
    base_step_us,
    dumps,
    given_all,
    run_of,
    stats_csv,
    xlate_json,
)

_RISES = "monotone in batch size for --scale"
_LOST = "--scale loses --anchors-dir, --strict, --out"


def _monotone(
    model: str, pixels: int, batch: int, sizes: str, target: str
) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        ops, step = run_of(ANCHOR, model, pixels, batch)
        value = xlate_json(
            {"model": model, "dataset": f"{pixels}px", "batch_size": batch},
            ops=ops,
            step_time_us=step,
        )
        run = lab.xlate(
            "translate",
            lab.write("a.json", dumps(value)),
            "--anchor",
            ANCHOR,
            "--target",
            target,
            "--scale",
            sizes,
            "--json",
        )
        given = run.document if run.exit == 0 else []
        for side in ("anchor_step_time_s", "there"):
            steps = [
                d["anchor_step_time_s"]["value"]
                if side == "anchor_step_time_s"
                else d["translation"]["step_time_s"]["value"]
                for d in given
            ]
            if any(b < a * (1 - 1e-9) for a, b in pairwise(steps)):
                yield f"{side}: {', '.join(f'{1e3 * s:.3g}' for s in steps)} ms as the size grows"
        # nobody learns twice as much in the same time a hundred times over
        steps = [d["translation"]["step_time_s"]["value"] for d in given]
        if (
            len(steps) > 4
            and steps[-1] < 1.5 * steps[0]
            and int(sizes.split("=")[1].split("..")[-1].split(",")[-1]) >= 64 * batch
        ):
            yield "a step of 64 times the batch takes hardly longer"

    return judge


def _measured(lab: Lab) -> Iterator[str]:
    """The size that was profiled gets the answer it gets without --scale."""
    lab.write("a.csv", stats_csv())
    run = lab.xlate(
        "translate", "a.csv", *given_all(), "--scale", "batch-size=16,32,64"
    )
    plain = lab.xlate("translate", "a.csv", *given_all())
    yield from accepted(run)
    measured = [
        a
        for d, a in zip(run.document or (), answers(run), strict=False)
        if d.get("measured")
    ]
    if (
        len(measured) != 1
        or abs(
            measured[0]["step_time_s"]["value"]
            / answers(plain)[0]["step_time_s"]["value"]
            - 1
        )
        > 1e-6
    ):
        yield f"the profiled size gets {[m['step_time_s']['value'] for m in measured]}, and {answers(plain)[0]['step_time_s']['value']} without --scale"


def _strict(lab: Lab) -> Iterator[str]:
    lab.write("a.csv", stats_csv())
    run = lab.xlate(
        "translate",
        "a.csv",
        *given_all(base_step_us() / 6),
        "--scale",
        "batch-size=16..512",
        "--strict",
    )
    yield from refused(run, codes=(2, 3))


def _out(lab: Lab) -> Iterator[str]:
    lab.write("a.csv", stats_csv())
    run = lab.xlate(
        "translate",
        "a.csv",
        *given_all(),
        "--scale",
        "batch-size=16..64",
        "--out",
        "out.json",
    )
    if run.exit == 0 and not (lab.dir / "out.json").is_file():
        yield "--out is passed over"


def _own(lab: Lab) -> Iterator[str]:
    lab.write("own/gpus/RTX6090.toml", gpu())
    lab.write("own/box/instance.toml", instance())
    run = lab.xlate(
        "translate",
        lab.write("a.csv", stats_csv()),
        "--anchor",
        ANCHOR,
        "--target",
        "box.4090",
        *given_all()[4:],
        "--scale",
        "batch-size=16,32",
        "--anchors-dir",
        "own",
    )
    if run.exit != 0 and "unknown" in run.said:
        yield "--anchors-dir is passed over"


def _too_large(lab: Lab) -> Iterator[str]:
    path = lab.write("a.json", dumps(xlate_json(memory_bytes=10 * 2**30)))
    run = lab.xlate(
        "translate", path, *PAIR, "--scale", "batch-size=32,64,128", "--json"
    )
    yield from accepted(run)
    for d in run.document or ():
        if (
            d["batch_size"] >= 64
            and not d["too_large_for"]
            and (d["translation"].get("memory") or {}).get("fits") == "yes"
        ):
            yield f"10 GiB at 32: batch {d['batch_size']} is said to fit into 16 GiB"
    yield from says(
        lab.xlate("translate", path, *PAIR, "--scale", "batch-size=32,64,128"),
        "OOM|memory|fit",
    )


def cases() -> Cases:
    """About 35."""
    collected = Cases("sizes")
    for model in ("ResNet34", "VGG16", "MobileNetV2", "AlexNet", "LeNet5"):
        for sizes in (
            "batch-size=4..256",
            "batch-size=16,32,64",
            "input-size=32,64,128,224",
        ):
            collected.add(
                f"{model}-{sizes}",
                _RISES,
                _monotone(model, 128, 32, sizes, "p3.2xlarge"),
            )
    for target in ("g4dn.xlarge", "g3s.xlarge", "H100-SXM5-80GB", "g5.xlarge"):
        collected.add(
            f"to-{target}",
            _RISES,
            _monotone("ResNet34", 128, 32, "batch-size=8..2048", target),
        )
    collected.add("measured-size", "no silent wrong", _measured)
    collected.add("strict", _LOST, _strict)
    collected.add("out", _LOST, _out)
    collected.add("anchors-dir", _LOST, _own)
    collected.add("memory", "the memory fits never yes when need > have", _too_large)
    return collected
