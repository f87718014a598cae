"""Fits from a few runs: units, worse fits, corpora keyed by GPU names. These take minutes."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import polars as pl

from tests.soak.case import Cases
from tests.soak.checks import accepted, doubted, refused
from tests.soak.lab import Lab
from tests.soak.made import dumps, run_of, xlate_json

MODELS = ("ResNet18", "ResNet34", "VGG16", "MobileNetV2", "AlexNet", "VGG11")


def shots(
    factor: float = 1.0,
    models: tuple[str, ...] = MODELS,
    anchor: str = "p2.xlarge",
    target: str = "p3.2xlarge",
    ops_factor: float = 1.0,
) -> bytes:
    """Runs on both machines as ``fit --shots`` takes them; factors make units wrong."""
    rows = []
    for instance in (anchor, target):
        for model in models:
            for batch in (16, 32, 64):
                ops, step = run_of(instance, model, 128, batch)
                rows.append(
                    {
                        "instance": instance,
                        "model": model,
                        "dataset": "128px",
                        "batch_size": batch,
                        "optimizer": "SGD",
                        "step_time_us": step * factor,
                        **{k: v * ops_factor for k, v in ops.items()},
                    }
                )
    out = io.BytesIO()
    pl.DataFrame(rows, infer_schema_length=None).fill_null(0.0).write_parquet(out)
    return out.getvalue()


def _no(raw: bytes, pattern: str | None = None) -> Callable[[Lab], Iterator[str]]:
    """The fit is refused; where it is not, the answer that follows is doubted."""

    def judge(lab: Lab) -> Iterator[str]:
        lab.own_home()
        run = lab.xlate(
            "fit",
            "--anchor",
            "p2.xlarge",
            "--target",
            "p3.2xlarge",
            "--shots",
            lab.write("s.parquet", raw),
        )
        if run.exit != 0:
            yield from refused(run, pattern, (1,))
            return
        yield from doubted(
            lab.xlate(
                "translate",
                lab.write("a.json", dumps(xlate_json())),
                "--anchor",
                "p2.xlarge",
                "--target",
                "p3.2xlarge",
                "--json",
            )
        )
        yield "a fit on wrong times is saved"

    return judge


def _worse(lab: Lab) -> Iterator[str]:
    """What is worse on the same runs does not take the place of what answered."""
    lab.own_home()
    for name, models in (("few", MODELS[:2]), ("more", MODELS[:3])):
        run = lab.xlate(
            "fit",
            "--anchor",
            "p2.xlarge",
            "--target",
            "p3.2xlarge",
            "--json",
            "--shots",
            lab.write(f"{name}.parquet", shots(models=models)),
        )
        if run.exit != 0:
            continue
        document = run.document
        was, now = (document[k]["step_mape"] for k in ("before", "after"))
        if document["in_place"] and (was is None or now is None or now > 1.05 * was):
            yield f"{document['before']['answers']} at {was} % was replaced at {now} %"


def _shown(lab: Lab) -> Iterator[str]:
    lab.own_home()
    run = lab.xlate(
        "fit",
        "--anchor",
        "p2.xlarge",
        "--target",
        "g5.xlarge",
        "--shots",
        lab.write(
            "s.parquet",
            shots(target="g5.xlarge", models=("ResNet50",) if False else MODELS[:3]),
        ),
    )
    for command in (
        ("models", "list"),
        ("models", "list", "--json"),
        ("models", "show", "p2.xlarge/to-g5.xlarge"),
        ("models", "show", "p2.xlarge/to-g5.xlarge", "--json"),
    ):
        shown = lab.xlate(*command)
        if run.exit == 0:
            yield from accepted(shown)


def _by_gpu(command: str) -> Callable[[Lab], Iterator[str]]:
    """Corpora keyed by GPU names."""

    def judge(lab: Lab) -> Iterator[str]:
        more = {
            "compare": ("--translators", "ratio"),
            "report": ("--out", "r.html"),
            "fit": ("--translator", "ratio"),
        }[command]
        run = lab.xlate(
            command,
            "--anchor",
            "A40",
            "--target",
            "A100-PCIe-40GB",
            "--data",
            "simulated",
            *more,
        )
        if "matplotlib" not in run.said:
            yield from accepted(run)

    return judge


def _bogus(lab: Lab) -> Iterator[str]:
    yield from refused(
        lab.xlate(
            "compare",
            "--anchor",
            "p2.xlarge",
            "--target",
            "p3.2xlarge",
            "--data",
            "simulated",
            "--translators",
            "bogus",
            process=True,
        ),
        "bogus",
    )


def cases() -> Cases:
    """About 12."""
    collected = Cases("fits")
    units = (
        "fit --shots with step times in seconds is saved, and then answers 0.06 µs ok"
    )
    for name, factor in (("s", 1e-6), ("ms", 1e-3), ("ns", 1e3)):
        collected.add(
            f"shots-in-{name}", units, _no(shots(factor), "second|unit|µs"), "slow"
        )
        collected.add(
            f"shots-ops-in-{name}",
            units,
            _no(shots(ops_factor=factor), "second|unit|µs"),
            "slow",
        )
    collected.add(
        "shots-empty", "no traceback", _no(shots(models=MODELS[:1])[:50]), "slow"
    )
    collected.add(
        "shots-worse",
        "a fit that is worse on held-out work is not put in its place unless asked",
        _worse,
        "slow",
    )
    collected.add(
        "shots-shown",
        "models show of a bundle from fit --shots is a traceback",
        _shown,
        "slow",
    )
    for command in ("compare", "report", "fit"):
        collected.add(
            f"by-gpu-{command}",
            "compare and report fail on corpora keyed by GPU names where fit works",
            _by_gpu(command),
            "slow",
        )
    collected.add(
        "translators-bogus",
        "compare --translators bogus once died with SIGABRT",
        _bogus,
        "slow",
    )
    return collected
