"""Set a clock on a live card, and take it back whatever happens.

The card is spoken to through NVML (``nvidia-ml-py``, the extra ``gpu``); any
object with the same functions does, such as a recording in the tests.
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

#: a card that runs further from its clock than this does not follow
_FOLLOWED = 0.03
#: utilisation (%) below which a card may idle at any clock
_WORKING = 10


def load_nvml(option: str = "--apply") -> Any:
    """The NVML module, initialised.

    Parameters
    ----------
    option : str
        What needs it, for messages.

    Raises
    ------
    RefusedError
        If it is not installed, or finds no driver.
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
    # NVML's own errors derive from Exception alone
    except Exception as e:
        raise RefusedError(
            f"{option} needs a live GPU, and NVML finds none: {e}",
            f"run it on the target, {without}",
            code="gpu.refused",
        ) from e
    return pynvml


def device_of(nvml: Any, gpu: Gpu, known: Catalogue, index: int = 0) -> Any:
    """Handle of a live card of the target's kind.

    Raises
    ------
    RefusedError
        If we are not root, there is no such card, or it is of another kind.
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
    # a clock is set on a card only where its name says for certain what it is
    found = known.gpu_of_device(name)
    if found is not None and found.name == gpu.name:
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
    """Hold a clock; it is taken back on exit, on any error and on Ctrl-C.

    Locked clocks on Volta and newer, application clocks before.

    Raises
    ------
    RefusedError
        If the driver refuses; nothing is then left set.
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
        _take_back(nvml, handle, locked)
        raise RefusedError(
            f"the driver refuses {mhz:g} MHz: {e}",
            "some machines forbid it",
            code="gpu.refused",
        ) from e
    try:
        yield
    finally:
        _take_back(nvml, handle, locked)


def _take_back(nvml: Any, handle: Any, locked: bool) -> None:
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
    """Look at a working card once a second.

    Parameters
    ----------
    nvml : module
        NVML, initialised.
    handle : object
        The card, as NVML names it.
    mhz : float
        Clock that was set, MHz.
    seconds : float
        For how long.
    sleep : callable, optional
        Waits a number of seconds. Default: ``time.sleep``.

    Returns
    -------
    followed : bool
        False as soon as the card, while it works, runs off the clock.
    said : str
        What was seen.
    """
    sleep = sleep or time.sleep
    seen = 0
    for _ in range(int(seconds)):
        sleep(1.0)
        busy = nvml.nvmlDeviceGetUtilizationRates(handle).gpu
        if busy < _WORKING:
            continue
        seen += 1
        now = float(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM))
        if abs(now / mhz - 1) > _FOLLOWED:
            return False, f"the card runs at {now:g} MHz, not at {mhz:g} MHz"
    if not seen:
        return True, f"the card did no work in {seconds:g} s"
    return True, f"the card kept to {mhz:g} MHz in {seen} samples"
