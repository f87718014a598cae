"""Sample the GPU of this machine while a job runs, through NVML, only reading.

No setting of the GPU is changed. NVML has power, utilisations and clocks, but not
DCGM's activities. Any object with NVML's functions can replace it, such as a
recording in the tests.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from xlate.errors import ProfileError, RefusedError
from xlate.telemetry.recording import Reading, recorded
from xlate.telemetry.trace import Trace

__all__ = ["FASTEST_S", "SLOWEST_S", "device_here", "sample"]

#: seconds between two samples: sensors are not faster, and slower ones miss the job
FASTEST_S, SLOWEST_S = 0.01, 1.0
_MW_PER_W = 1e3


def device_here(nvml: Any, index: int | None = None) -> tuple[Any, str]:
    """Handle and name of the GPU to sample.

    Parameters
    ----------
    nvml : module
        NVML, initialised.
    index : int, optional
        Which GPU; needed where there are several.

    Raises
    ------
    RefusedError
        If there is no GPU, no GPU of that number, or several and no number is given.
    """
    count = int(nvml.nvmlDeviceGetCount())
    if not count:
        raise RefusedError(
            "NVML counts no GPU here", "run it on the target", code="gpu.refused"
        )
    handles = [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(count)]
    names = [_name(nvml, h) for h in handles]
    if index is None and count > 1:
        listed = ", ".join(f"{i} ({n})" for i, n in enumerate(names))
        raise RefusedError(
            f"there are several GPUs here: {listed}",
            "say which: --gpu-index N",
            code="gpu.refused",
        )
    at = index or 0
    if at >= count:
        raise RefusedError(
            f"there is no GPU {at} here, NVML counts {count}",
            "--gpu-index N",
            code="gpu.refused",
        )
    return handles[at], names[at]


def _name(nvml: Any, handle: Any) -> str:
    name = nvml.nvmlDeviceGetName(handle)
    return name.decode() if isinstance(name, bytes) else str(name)


def sample(
    nvml: Any,
    seconds: float,
    interval_s: float = 0.1,
    index: int | None = None,
    *,
    sleep: Callable[[float], None] | None = None,
    clock: Callable[[], float] | None = None,
    started: Callable[[], None] = lambda: None,
) -> Trace:
    """Samples of the GPU of this machine.

    Parameters
    ----------
    nvml : module
        NVML, initialised.
    seconds : float
        For how long.
    interval_s : float
        Seconds between two samples, 0.01 to 1.
    index : int, optional
        Which GPU; needed where there are several.
    sleep, clock : callable, optional
        Waits a number of seconds; seconds since 1970. Default: those of ``time``.
    started : callable
        Called once the GPU is there and the arguments are checked, before the first
        sample.

    Raises
    ------
    ProfileError
        If the interval or the time is out of range, or the GPU gives no power.
    RefusedError
        If there is no such GPU, or it is lost during sampling.
    """
    _check_times(seconds, interval_s)
    sleep, clock = sleep or time.sleep, clock or time.time
    handle, name = device_here(nvml, index)
    readings: list[Reading] = []
    started()
    start = now = clock()
    while now - start < seconds:
        readings.append(Reading(index or 0, _values(nvml, handle), f"{now:.6f}", name))
        # the next whole interval, so that a slow reading does not shift the rest
        due = start + (int((now - start) / interval_s) + 1) * interval_s
        sleep(max(0.0, due - clock()))
        now = max(clock(), now)
    return _with_power(readings, f"the {name} here")


def _with_power(readings: list[Reading], source: str) -> Trace:
    """The samples as a trace, if any of them has power."""
    if not any(r.values.get("POWER") is not None for r in readings):
        hint = "use a recording of DCGM"
        raise ProfileError(f"{source} gives no power", hint, code="telemetry.no-power")
    return recorded(readings, source, vendor="NVIDIA")


def _check_times(seconds: float, interval_s: float) -> None:
    if not FASTEST_S <= interval_s <= SLOWEST_S:
        raise ProfileError(
            f"the interval must be between {1e3 * FASTEST_S:g} and {1e3 * SLOWEST_S:g} ms, "
            f"got {1e3 * interval_s:g}",
            code="telemetry.unsound",
        )
    if not 2 * interval_s <= seconds:
        raise ProfileError(
            f"{seconds:g} s is too short for two samples {1e3 * interval_s:g} ms apart",
            "--live 60",
            code="telemetry.unsound",
        )


def _values(nvml: Any, handle: Any) -> dict[str, float | None]:
    """Current values of NVML; None for values that this GPU does not give."""

    def ask(function: str, *rest: Any) -> Any:
        try:
            return getattr(nvml, function)(handle, *rest)
        # NVML's errors derive directly from Exception
        except Exception as e:
            if "lost" in str(e).lower():
                raise RefusedError(
                    f"the GPU was lost: {e}", "see dmesg", code="gpu.refused"
                ) from e
            return None

    power = ask("nvmlDeviceGetPowerUsage")
    limit = ask("nvmlDeviceGetEnforcedPowerLimit")
    use = ask("nvmlDeviceGetUtilizationRates")
    values = {
        "POWER": None if power is None else power / _MW_PER_W,
        "LIMIT": None if limit is None else limit / _MW_PER_W,
        "GPUTL": None if use is None else use.gpu,
        "MCUTL": None if use is None else use.memory,
        "SMCLK": ask("nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_SM),
        "SMMAX": ask("nvmlDeviceGetMaxClockInfo", nvml.NVML_CLOCK_SM),
        "MMCLK": ask("nvmlDeviceGetClockInfo", nvml.NVML_CLOCK_MEM),
        "TMPTR": ask("nvmlDeviceGetTemperature", nvml.NVML_TEMPERATURE_GPU),
        "TOTEC": ask("nvmlDeviceGetTotalEnergyConsumption"),
    }
    return {k: None if v is None else float(v) for k, v in values.items()}
