"""Set a clock on a live GPU, and reset it in every case.

The GPU is controlled through NVML (``nvidia-ml-py``, the extra ``gpu``); any object with
the same functions can replace it, such as a recording in the tests.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from xlate.errors import RefusedError, install_hint
from xlate.hardware.catalogue import Catalogue, Gpu
from xlate.hardware.legal_points import LegalClocks

__all__ = ["applied", "device_of", "load_nvml", "watch"]

#: relative distance from the set clock above which the GPU does not follow it
_FOLLOWED = 0.03
#: utilisation (%) below which a card may idle at any clock
_WORKING = 10


def load_nvml(option: str = "--apply") -> Any:
    """The NVML module, initialised.

    Parameters
    ----------
    option : str
        Option that needs it, for messages.

    Raises
    ------
    RefusedError
        If it is not installed, or there is no driver.
    """
    without = (
        "or type the command shown"
        if option == "--apply"
        else "or record with nvidia-smi there and give the file"
    )
    try:
        import pynvml
    except ImportError as e:
        raise RefusedError(
            f"{option} needs NVML, and nvidia-ml-py is not installed",
            f"{install_hint('gpu')}; {without}",
            code="gpu.refused",
        ) from e
    try:
        pynvml.nvmlInit()
    # NVML's errors derive directly from Exception
    except Exception as e:
        raise RefusedError(
            f"{option} needs a live GPU, and NVML finds none: {e}",
            f"run it on the target, {without}",
            code="gpu.refused",
        ) from e
    return pynvml


def device_of(nvml: Any, gpu: Gpu, gpus: Catalogue, index: int = 0) -> Any:
    """Handle of a live GPU of the target's model.

    Raises
    ------
    RefusedError
        If the user is not root, there is no such GPU, or it is another model.
    """
    if os.geteuid() != 0:
        raise RefusedError(
            "setting a clock needs root",
            "run with sudo, or type the command shown",
            code="gpu.refused",
        )
    count = int(nvml.nvmlDeviceGetCount())
    if index >= count:
        raise RefusedError(
            f"there is no GPU {index} here, NVML counts {count}",
            "--gpu-index N",
            code="gpu.refused",
        )
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    name = nvml.nvmlDeviceGetName(handle)
    name = name.decode() if isinstance(name, bytes) else str(name)
    # a clock is set only on a GPU whose name identifies its model
    named = gpus.gpu_of_device(name)
    if named is not None and named.name == gpu.name:
        return handle
    raise RefusedError(
        f"GPU {index} here is {name}, the answer is for {gpu.name}",
        "run it on the target",
        code="gpu.refused",
    )


@contextmanager
def applied(
    nvml: Any, handle: Any, gpu: Gpu, mhz: float, legal: LegalClocks
) -> Iterator[None]:
    """Set a clock; it is reset on exit, on any error and on Ctrl-C.

    Volta and newer GPUs have locked clocks, older ones application clocks.

    Raises
    ------
    RefusedError
        If the driver refuses; the clock is then reset.
    """
    locked = gpu.set_clock == "locked"
    try:
        if locked:
            nvml.nvmlDeviceSetGpuLockedClocks(handle, int(mhz), int(mhz))
        else:
            nvml.nvmlDeviceSetApplicationsClocks(
                handle, int(legal.memory_mhz or 0), int(mhz)
            )
    except Exception as e:
        _reset(nvml, handle, locked)
        raise RefusedError(
            f"the driver refuses {mhz:g} MHz: {e}",
            "some machines forbid it",
            code="gpu.refused",
        ) from e
    try:
        yield
    finally:
        _reset(nvml, handle, locked)


def _reset(nvml: Any, handle: Any, locked: bool) -> None:
    if locked:
        nvml.nvmlDeviceResetGpuLockedClocks(handle)
    else:
        nvml.nvmlDeviceResetApplicationsClocks(handle)


def watch(
    nvml: Any,
    handle: Any,
    mhz: float,
    seconds: float,
    sleep: Callable[[float], None] | None = None,
) -> tuple[bool, str]:
    """Check the clock of a working GPU once a second.

    Parameters
    ----------
    nvml : module
        NVML, initialised.
    handle : object
        The GPU's handle of NVML.
    mhz : float
        Clock that was set, MHz.
    seconds : float
        For how long.
    sleep : callable, optional
        Waits a number of seconds. Default: ``time.sleep``.

    Returns
    -------
    followed : bool
        False as soon as the GPU, while it works, runs at another clock.
    message : str
        What was observed.
    """
    sleep = sleep or time.sleep
    working = 0
    for _ in range(int(seconds)):
        sleep(1.0)
        busy = nvml.nvmlDeviceGetUtilizationRates(handle).gpu
        if busy < _WORKING:
            continue
        working += 1
        now = float(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM))
        if abs(now / mhz - 1) > _FOLLOWED:
            return False, f"the card runs at {now:g} MHz, not at {mhz:g} MHz"
    if not working:
        return True, f"the card did no work in {seconds:g} s"
    return True, f"the card kept to {mhz:g} MHz in {working} samples"
