"""Profiles made from the simulated corpus of the repository."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import polars as pl

from tests.soak.lab import ROOT, Lab, Outcome

__all__ = [
    "ANCHOR",
    "KEY",
    "PAIR",
    "TARGET",
    "base_answer",
    "base_ops",
    "base_step_us",
    "dumps",
    "flat_json",
    "flipped",
    "given_all",
    "kept",
    "rows_of",
    "run_of",
    "stats_csv",
    "table",
    "xlate_json",
]  # fmt: skip

ANCHOR, TARGET = "p2.xlarge", "p3.2xlarge"
PAIR = ("--anchor", ANCHOR, "--target", TARGET)
MODEL, PIXELS, BATCH, OPTIMIZER = "ResNet34", 128, 32, "SGD"
KEY = ("--model", MODEL, "--batch-size", str(BATCH), "--input-size", str(PIXELS), "--optimizer", OPTIMIZER)  # fmt: skip
HEADER = ("Rank", "Host/device", "Type", "Operation", "#Occurrences", "Total time (us)", "Avg. time (us)")  # fmt: skip


@lru_cache(maxsize=32)
def run_of(
    instance: str = ANCHOR, model: str = MODEL, pixels: int = PIXELS, batch: int = BATCH
) -> tuple[dict[str, float], float]:
    """Operations (µs over the window) and step time (µs) of a simulated run."""
    folder = ROOT / "datasets/simulated"
    runs = pl.read_parquet(folder / "runs.parquet").filter(
        (pl.col("instance") == instance)
        & (pl.col("model") == model)
        & (pl.col("dataset") == f"{pixels}px")
        & (pl.col("batch_size") == batch)
    )
    row = runs.sort("run_id").row(0, named=True)
    ops = pl.read_parquet(folder / "ops.parquet").filter(
        pl.col("run_id") == row["run_id"]
    )
    return dict(zip(ops["op"], ops["time_us"], strict=True)), row["step_time_us"]


def base_ops() -> dict[str, float]:
    """Vector of the profile that every case starts from."""
    return dict(run_of()[0])


def base_step_us() -> float:
    """Its step time; the window is 2.03 steps."""
    return run_of()[1]


def given_all(step_us: float | None = None) -> tuple[str, ...]:
    """Options with everything there is to know of the base profile."""
    return (*PAIR, *KEY, "--step-time", f"{(step_us or base_step_us()) / 1e3:.6g}", "--json")  # fmt: skip


def rows_of(ops: Mapping[str, float]) -> list[list[str]]:
    """Rows of a tensorflow_stats table."""
    rows = []
    for i, (name, us) in enumerate(ops.items()):
        side, _, kind = name.partition("_")
        rows.append(
            [str(i + 1), side, kind, f"net/{kind}", "2", f"{us:.3f}", f"{us / 2:.3f}"]
        )
    return rows


def table(
    rows: Sequence[Sequence[str]], head: Sequence[str] = HEADER, **how: Any
) -> str:
    """A csv of rows."""
    out = io.StringIO()
    csv.writer(out, **{"lineterminator": "\n", **how}).writerows([head, *rows])
    return out.getvalue()


def stats_csv(ops: Mapping[str, float] | None = None) -> str:
    """The base profile as TensorBoard exports it."""
    return table(rows_of(base_ops() if ops is None else ops))


def flat_json(**more: Any) -> dict[str, Any]:
    """The base profile as flat JSON; a value of None leaves the key out."""
    document = {**base_ops(), "model": MODEL, "dataset": "128dataset", "batchsize": BATCH,
             "optimizer": OPTIMIZER, "step_time_us": base_step_us(), **more}  # fmt: skip
    return {k: v for k, v in document.items() if v is not ...}


def xlate_json(
    workload: Mapping[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """The base profile in xlate's own form; a value of ... leaves the key out."""
    key = {
        "model": MODEL,
        "dataset": "128px",
        "batch_size": BATCH,
        "optimizer": OPTIMIZER,
    }
    document = {"instance": ANCHOR, "workload": {**key, **(workload or {})},
             "step_time_us": base_step_us(), "ops": base_ops(), **more}  # fmt: skip
    return {k: v for k, v in document.items() if v is not ...}


def flipped(raw: bytes, seed: int, most: int = 3) -> bytes:
    """The same bytes but for one to ``most``."""
    chance = random.Random(seed)
    changed = bytearray(raw)
    for _ in range(chance.randint(1, most)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    if bytes(changed) == raw:
        # a byte drawn may be the one that stands there
        changed[-1] ^= 1
    return bytes(changed)


def base_answer(lab: Lab) -> Outcome:
    """The answer for the base profile as csv, everything given."""
    return kept(
        lab,
        "base",
        lambda: lab.xlate(
            "translate", lab.write("same.csv", stats_csv()), *given_all()
        ),
    )


_KEPT: dict[str, Outcome] = {}


def kept(lab: Lab, name: str, ask: Callable[[], Outcome]) -> Outcome:
    """An answer that several cases are compared with, asked for once in a process."""
    if name not in _KEPT:
        _KEPT[name] = ask()
    return _KEPT[name]


def dumps(value: Any) -> str:
    """JSON as Python writes it: NaN and Infinity too."""
    return json.dumps(value)
