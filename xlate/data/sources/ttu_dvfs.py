"""TTU's clock sweeps on A100 and V100: csv of means per clock to ``sweeps``."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from xlate.data.card import Card
from xlate.data.schema import sweeps_frame
from xlate.data.sources.files import located, read_csv

__all__ = ["read"]

#: lowest clock that a V100 follows
LOWEST_V100_MHZ = 540.0
#: the value of fp64_active in every application for which it was not measured
_FP64_FILL = 0.107983
#: applications whose memory utilisation is that of STREAM, while the DRAM is idle
_MEMORY_UTILIZATION_COPIED = ("tpacf",)

_NAMES = {
    "gr_engine_active": "engine_active",
    "tensor_activity": "tensor_active",
    "TENSO": "tensor_active",
    "FP16A": "fp16_active",
    "mem_copy_utilization": "memory_utilization",
    "MCUTL": "memory_utilization",
    "sm_clock": "observed_mhz",
    "gpu_temp": "temperature_c",
    "run_time": "time_s",
    "power_usage": "power_w",
    "sm_app_clock": "sm_mhz",
}


def read(card: Card, folder: Path) -> dict[str, pl.DataFrame]:
    """Read the files of the corpus.

    Parameters
    ----------
    card : Card
        Names the files.
    folder : Path
        Holds them, at the paths of the origin or side by side.

    Returns
    -------
    dict of str to polars.DataFrame
        Canonical ``sweeps``; the card's defects list what became null or was
        dropped.

    Raises
    ------
    CorpusError
        If a file is missing or is not the table expected.
    """
    paths = [located(card, folder, f.path) for f in card.files]
    named = {p.name: p for p in paths}
    a100 = [_renamed(p) for n, p in named.items() if n.startswith("GA100-")]
    sweeps = [
        sweeps_frame(t.with_columns(gpu=pl.lit("A100-SXM4-80GB"), mem_mhz=1593.0))
        for t in a100
        if t.height
    ]
    v100 = [_spec_v100(named), _renamed(named["mean_fp_data_HPC_apps.csv"])]
    sweeps += [sweeps_frame(_v100(t)) for t in v100]
    return {"sweeps": pl.concat(sweeps)}


def _renamed(path: Path) -> pl.DataFrame:
    table = read_csv(path, ("application", "sm_app_clock", "run_time", "power_usage"))
    table = table.rename({k: v for k, v in _NAMES.items() if k in table.columns})
    return table.with_columns(workload=pl.col("application"))


def _spec_v100(named: dict[str, Path]) -> pl.DataFrame:
    """Time and power of one table, activities of another, whose times are wrong."""
    key = ["application", "sm_mhz"]
    measured = _renamed(named["predicted_power_runtime_energy.csv"])
    activities = _renamed(named["mean_fp_data_21_apps.csv"])
    return measured.select(*key, "workload", "time_s", "power_w").join(
        activities.drop("time_s", "power_w", "workload"), on=key
    )


def _v100(table: pl.DataFrame) -> pl.DataFrame:
    filled = (pl.col("fp64_active") - _FP64_FILL).abs() < 1e-5
    copied = pl.col("application").is_in(_MEMORY_UTILIZATION_COPIED)
    return table.filter(pl.col("sm_mhz") >= LOWEST_V100_MHZ).with_columns(
        pl.lit("V100-PCIe-32GB").alias("gpu"),
        pl.lit(877.0).alias("mem_mhz"),
        # zero throughout: not measured on this card, not idle
        *(
            pl.lit(None).alias(c)
            for c in ("sm_active", "sm_occupancy", "tensor_active")
        ),
        pl.when(filled).then(None).otherwise("fp64_active").alias("fp64_active"),
        pl.when(copied)
        .then(None)
        .otherwise("memory_utilization")
        .alias("memory_utilization"),
    )
