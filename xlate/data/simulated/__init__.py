"""A small first-principles simulator, which gives a corpus with known true values.

Layer tables (:mod:`xlate.data.simulated.networks`) give operations and bytes per
kernel; a roofline with the catalogue's figures (:mod:`xlate.data.simulated.machine`)
gives times, power and the response to the clock on each GPU. Models that are fitted on it
are for demos and tests, and are labelled as simulated everywhere.
"""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from xlate.data.schema import TABLES, sweeps_frame
from xlate.data.simulated.machine import Machine
from xlate.data.simulated.networks import IMAGE_NETWORKS, SEQUENCE_NETWORKS, step
from xlate.hardware.catalogue import Catalogue, Gpu
from xlate.settings.paths import shipped

__all__ = ["build", "example_csv", "machines", "workloads"]

BATCHES = (16, 32, 64)
PIXELS = (32, 64, 128, 224)
TOKENS = (64, 128)
#: simulated machines: instances for their GPUs, else GPUs, each with legal clocks. The
#: list is fixed, so that the corpus does not change when the catalogue grows
MACHINES = (
    "A100-PCIe-40GB", "A100-PCIe-80GB", "A40", "H100-NVL", "H100-PCIe", "P100-PCIe-16GB",
    "RTX6000-Turing", "RTX8000-Turing", "V100-PCIe-32GB", "g3s.xlarge", "g4dn.xlarge",
    "g5.xlarge", "g6.xlarge", "g6e.xlarge", "p2.xlarge", "p3.2xlarge", "p4d.24xlarge",
    "p4de.24xlarge", "p5.48xlarge", "p5e.48xlarge",
)  # fmt: skip
#: instances with three repeats; the others have one
REPEATED = ("g3s.xlarge", "g4dn.xlarge", "p2.xlarge", "p3.2xlarge")
#: optimizer, mode, precision and framework of every run
_FRAMEWORK = ("SGD", "training", "fp32", "tensorflow")


def workloads() -> list[tuple[str, str, int, int]]:
    """(model, dataset, batch size, input size) of every simulated workload."""
    images = [
        (m, f"{p}px", b, p) for m in IMAGE_NETWORKS for p in PIXELS for b in BATCHES
    ]
    sequences = [
        (m, f"{t}tok", b, t) for m in SEQUENCE_NETWORKS for t in TOKENS for b in BATCHES
    ]
    return images + sequences


def machines(catalogue: Catalogue) -> list[tuple[str, Gpu]]:
    """(name, GPU) of every simulated machine, by name; one for each GPU."""
    return [(name, catalogue.instance(name).require_gpu()) for name in MACHINES]


def _generator(seed: int, *parts: object) -> np.random.Generator:
    """A separate generator for each run, so that adding a run changes no other run."""
    digest = hashlib.sha256(repr((seed, *parts)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def build(seed: int = 0) -> dict[str, pl.DataFrame]:
    """Simulate every workload on every machine.

    Parameters
    ----------
    seed : int
        Seed of the noise between repeats.

    Returns
    -------
    dict of str to polars.DataFrame
        ``runs``, ``ops``, ``telemetry`` and ``sweeps``; the same for the same
        seed. A workload that does not fit a GPU's memory has no run there.
    """
    # the shipped catalogue only: the corpus must not depend on the user's own
    catalogue = Catalogue([shipped("anchors")])
    runs: list[tuple[object, ...]] = []
    ops: list[tuple[object, ...]] = []
    telemetry: list[tuple[object, ...]] = []
    sweeps: list[dict[str, object]] = []
    run_id = 0
    for model, dataset, batch, size in workloads():
        work, key = step(model, batch, size), (model, dataset, batch)
        for instance, gpu in machines(catalogue):
            machine = Machine(gpu)
            if not machine.fits(work):
                continue
            for repeat in range(1, 4 if instance in REPEATED else 2):
                rng = _generator(seed, *key, gpu.name, repeat)
                run = machine.run(work, rng)
                runs.append(
                    (run_id, instance, *key, *_FRAMEWORK, repeat, run.step_time_us)
                )  # fmt: skip
                ops += [(run_id, op, t) for op, t in sorted(run.ops.items())]
                telemetry.append(
                    (run_id, run.power_w, run.gpu_utilization, run.memory_utilization,
                     gpu.legal_mhz()[-1] if gpu.clocks else None)
                )  # fmt: skip
                run_id += 1
            if gpu.clocks and batch == BATCHES[1] and size in (TOKENS[1], PIXELS[2]):
                clean = machine.run(work, _generator(seed, "sweep", model, gpu.name))
                sweeps += [
                    {
                        "gpu": gpu.name,
                        "workload": f"{model}-{dataset}-{batch}",
                        "application": model,
                        "sm_mhz": float(f),
                        "time_s": float(f"{t:.5g}"),
                        "power_w": round(float(p), 2),
                        "gpu_utilization": clean.gpu_utilization,
                        "memory_utilization": clean.memory_utilization,
                    }
                    for f, t, p in zip(*machine.sweep(clean), strict=True)
                ]
    rows = {"runs": runs, "ops": ops, "telemetry": telemetry}
    tables = {
        name: pl.DataFrame(table_rows, schema=TABLES[name], orient="row")
        for name, table_rows in rows.items()
    }
    return tables | {"sweeps": sweeps_frame(pl.DataFrame(sweeps))}


def example_csv(
    model: str = "ResNet18",
    instance: str = "g3s.xlarge",
    batch: int = 64,
    size: int = 128,
) -> tuple[str, str]:
    """A ``tensorflow_stats`` csv as TensorBoard would export it, simulated.

    Returns
    -------
    name : str
        File name in PROFET's pattern.
    text : str
        Content.
    """
    catalogue = Catalogue([shipped("anchors")])
    run = Machine(catalogue.instance(instance).require_gpu()).run(
        step(model, batch, size), _generator(0, "example", model, instance)
    )
    header = (
        "Rank,Host/device,Type,Operation,#Occurrences,Total time (us),Avg. time (us)"
    )
    lines = [header]
    ordered = sorted(run.ops.items(), key=lambda item: -item[1])
    for rank, (column, time) in enumerate(ordered, 1):
        side, _, op = column.partition("_")
        lines.append(f"{rank},{side},{op},{model}/{op},2,{time:.3f},{time / 2:.3f}")
    pixels = f"{size}dataset"
    name = f"{instance}-{pixels}-{model}-SGD-{batch}-simulated.csv"
    return name, "\n".join(lines) + "\n"
