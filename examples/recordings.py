"""Recordings of clocks and power: dcgmi dmon, nvidia-smi csv, and what it lists."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

__all__ = ["dmon_sweep", "smi_csv", "supported_clocks"]

#: V100-SXM2: highest core clock (MHz), idle and full power (W)
_TOP, _IDLE_W, _FULL_W = 1530, 52.0, 268.0
_FIELDS = ("GRACT", "SMACT", "SMOCC", "DRAMA", "FP32A", "POWER", "TOTEC", "TMPTR", "SMCLK", "GPUTL", "MCUTL")  # fmt: skip
_START = datetime(2024, 3, 5, 10, 0, 0)


def _watts(mhz: float) -> float:
    share = mhz / _TOP
    return _IDLE_W + (_FULL_W - _IDLE_W) * (0.35 * share + 0.65 * share**3)


def seconds(mhz: float) -> float:
    """Time of the job at a clock: four fifths of it follow the clock."""
    return 8.0 * (0.2 + 0.8 * _TOP / mhz)


def dmon_sweep(
    clocks: tuple[int, ...] = (990, 1125, 1260, 1395, 1530), runs: int = 2
) -> Iterator[tuple[str, str]]:
    """File names and texts of a sweep: a run a clock and repeat, and their times."""
    noise = random.Random(5)
    times = []
    for seq, mhz in enumerate(clocks, 1):
        for run in range(1, runs + 1):
            took = seconds(mhz) * noise.gauss(1, 0.004)
            times.append(f"{seq}_{run:02d},{mhz},{took:.3f},0")
            energy = 1_000_000_000.0
            lines = ["#Entity  " + "  ".join(_FIELDS), "ID"]
            for k in range(int(took)):
                watts = _watts(mhz) * noise.gauss(1, 0.01)
                energy += 1000 * watts
                row = (0.96, 0.88, 0.41, 0.37 * mhz / _TOP, 0.52)
                shown = [f"{v + noise.gauss(0, 0.004):.3f}" for v in row]
                shown += [f"{watts:.3f}", f"{energy:.0f}", str(48 + k // 3), str(mhz), "97", str(round(44 * mhz / _TOP))]  # fmt: skip
                lines.append("GPU 0    " + "  ".join(shown))
            yield f"run_{seq}_{run:02d}_freq_{mhz}_profile.csv", "\n".join(lines) + "\n"
    yield "timing_summary.log", "\n".join(times) + "\n"


def smi_csv(
    mhz: float, watts: float, took: float, utilization: float, memory: float, seed: int
) -> str:
    """What nvidia-smi writes twice a second over a run of ``took`` seconds."""
    noise = random.Random(seed)
    lines = [
        "timestamp, power.draw [W], utilization.gpu [%], utilization.memory [%], "
        "clocks.current.sm [MHz], temperature.gpu"
    ]
    for k in range(int(2 * took) + 1):
        at = _START + timedelta(seconds=min(k / 2, took))
        stamp = at.strftime("%Y/%m/%d %H:%M:%S.%f")[:-3]
        lines.append(
            f"{stamp}, {watts * noise.gauss(1, 0.012):.2f} W, {utilization:.0f} %, "
            f"{memory:.0f} %, {mhz:.0f} MHz, {52 + k // 8}"
        )
    return "\n".join(lines) + "\n"


def supported_clocks() -> str:
    """What ``nvidia-smi -q -d SUPPORTED_CLOCKS`` prints on a V100-SXM2."""
    steps = [int(_TOP - 7.5 * k) for k in range(187)]
    graphics = "\n".join(
        f"            Graphics                      : {c} MHz" for c in steps
    )
    return (
        "\n==============NVSMI LOG==============\n\n"
        "Timestamp                                 : Tue Mar  5 10:00:00 2024\n"
        "Driver Version                            : 550.54.15\n"
        "CUDA Version                              : 12.4\n\n"
        "Attached GPUs                             : 1\n"
        "GPU 00000000:00:1E.0\n"
        "    Supported Clocks\n"
        "        Memory                            : 877 MHz\n"
        f"{graphics}\n"
    )
