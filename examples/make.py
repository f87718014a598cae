"""Make the files of this folder anew: ``python -m examples.make [FOLDER]``.

Nothing here was measured. The files have the form of real ones, so that every
command of the README runs as typed; what they say of a GPU is a plain estimate
(:mod:`examples.workloads`). The same text comes out each time.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import sys
from collections.abc import Mapping
from pathlib import Path

from examples.recordings import dmon_sweep, seconds, smi_csv, supported_clocks
from examples.torch_trace import trace
from examples.workloads import GPUS, duration_us, training_step

__all__ = ["files", "main", "runs_table"]

FOLDER = Path(__file__).resolve().parent
SWEEP = "recorded_runs/results_v100_resnet18_job_1"
#: TensorFlow's small operations, and how many launches each is worth
_SMALL = {"ArgMax": 8, "AssignAddVariableOp": 6, "AvgPool": 5, "AvgPoolGrad": 20, "Cast": 4,
          "DivNoNan": 4, "Equal": 1, "LogicalAnd": 1, "Square": 120, "Sum": 80, "Tile": 60, "Transpose": 45, "_Recv": 60}  # fmt: skip
#: operations over all that the convolutions put out: share of what Relu moves
_BIAS = {"BiasAdd": 1.14, "BiasAddGrad": 0.58}
_HOST = {"IDLE": 600_000, "GatherV2": 3000, "Dataset": 600, "IteratorGetNext": 30, "_Send": 11}  # fmt: skip
_STATS_HEAD = ("Rank", "Host/device", "Type", "Operation", "#Occurrences", "Total time (us)", "Avg. time (us)")  # fmt: skip
_RUNS = tuple(
    (name, batch)
    for name in ("ResNet18", "ResNet34", "VGG11", "VGG13", "VGG16", "VGG19")
    for batch in (16, 32, 64)
)


def _stats(instance: str, seed: int) -> str:
    """A ``tensorflow_stats`` table: ResNet18, 128 px, batch 64, a window of two steps."""
    noise, gpu = random.Random(seed), GPUS[instance]
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(2):
        for op in training_step("ResNet18", 128, 64):
            took = duration_us(op, gpu) * noise.gauss(1, 0.01)
            times.setdefault(("Device", op.tensorflow), []).append(took)
        for name, launches in _SMALL.items():
            took = launches * gpu.launch_us * noise.gauss(1, 0.02)
            times.setdefault(("Device", name), []).append(took)
    for name, share in _BIAS.items():
        times["Device", name] = [share * t for t in times["Device", "Relu"]]
    busy = sum(sum(v) for v in times.values())
    times["Device", "IDLE"] = [0.06 * busy]
    for name, took in _HOST.items():
        times["Host", name] = [took * noise.gauss(1, 0.02)]
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(_STATS_HEAD)
    ordered = sorted(times.items(), key=lambda kv: -sum(kv[1]))
    for rank, ((side, name), each) in enumerate(ordered, 1):
        total = sum(each)
        table.writerow(
            [rank, side, name, f"resnet18/{name}", len(each), f"{total:.3f}", f"{total / len(each):.3f}"]
        )  # fmt: skip
    return out.getvalue()


def _run(
    instance: str, name: str, batch: int, noise: random.Random
) -> dict[str, float]:
    """Operations (µs) and step time (µs) of one step in PyTorch."""
    ops: dict[str, float] = {}
    for op in training_step(name, 224, batch):
        column = f"Device_aten::{op.torch}"
        ops[column] = ops.get(column, 0.0) + duration_us(op, GPUS[instance])
    # images go over the bus, the loss comes back
    ops["Device_Memcpy HtoD"] = 1e6 * 4.0 * batch * 3 * 224**2 / 11e9
    ops["Device_Memcpy DtoH"] = 2.1
    ops = {k: round(v * noise.gauss(1, 0.015), 3) for k, v in ops.items()}
    busy = sum(ops.values())
    idle = round(0.01 * busy + 900, 3)
    return {"step_time_us": round(busy + idle, 3), **ops, "Device_IDLE": idle}


def runs_table() -> list[dict[str, object]]:
    """Runs of six networks in PyTorch on a T4 and an H100: one row a run."""
    noise = random.Random(7)
    return [
        {
            "instance": instance, "model": name, "dataset": "224px", "batch_size": batch,
            "optimizer": "SGD", "framework": "pytorch", **_run(instance, name, batch, noise),
        }
        for instance in ("g4dn.xlarge", "p5.48xlarge")
        for name, batch in _RUNS
    ]  # fmt: skip


def _rows_csv() -> str:
    rows = runs_table()
    out = io.StringIO()
    table = csv.DictWriter(out, list(rows[0]), restval="0", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return out.getvalue()


_TRAIN = '''"""A training loop: what ``xlate profile record`` looks into. It needs PyTorch."""

import torch
import torchvision

model = torchvision.models.resnet18().cuda()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loss_of = torch.nn.CrossEntropyLoss()

for _ in range(20):
    images = torch.randn(64, 3, 224, 224).cuda()
    labels = torch.randint(1000, (64,)).cuda()
    optimizer.zero_grad()
    loss = loss_of(model(images), labels)
    loss.backward()
    optimizer.step()
    print(loss.item())
'''


def files() -> Mapping[str, str]:
    """Path in this folder -> text, for all but the packed trace and the parquet."""
    return {
        "train.py": _TRAIN,
        "my_stats.csv": _stats("g3s.xlarge", 1),
        "my_stats_g4dn.csv": _stats("g4dn.xlarge", 2),
        "my_runs.csv": _rows_csv(),
        **{f"{SWEEP}/{name}": text for name, text in dmon_sweep()},
        "telemetry_g4dn.csv": smi_csv(1290, 68.5, 20, 97, 55, 3),
        "probe_1530.csv": smi_csv(1530, 231, 0.1 * seconds(1530) * 15, 97, 42, 4),
        "probe_1080.json": json.dumps({"sm_mhz": 1080, "time_s": round(0.1 * seconds(1080) * 15, 3), "power_w": 137.0}) + "\n",
        "supported_clocks.txt": supported_clocks(),
    }  # fmt: skip


def main(folder: Path = FOLDER) -> None:
    """Write every file."""
    import polars as pl

    for name, text in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    # no time stamp and no name in the header, so that the same bytes come out
    packed = gzip.compress(trace().encode(), compresslevel=9, mtime=0)
    (folder / "trace.json.gz").write_bytes(packed)
    pl.read_csv(folder / "my_runs.csv", infer_schema_length=None).write_parquet(
        folder / "my_runs.parquet"
    )


if __name__ == "__main__":
    main(*(Path(a) for a in sys.argv[1:2]))
