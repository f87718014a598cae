"""NVML as recorded on cards, for machines without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["RecordedNvml"]


class RecordedNvml:
    """Answers as recorded on a V100, and keeps the calls."""

    NVML_CLOCK_SM = 1

    def __init__(
        self,
        name: str = "Tesla V100-SXM2-16GB",
        clock: int = 1252,
        busy: int = 95,
        refuse: bool = False,
    ) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.name, self.clock, self.busy = name, clock, busy
        self.refuse = refuse

    def last_call(self) -> tuple[Any, ...]:
        """Name and arguments of what was asked last."""
        return self.calls[-1]

    def __getattr__(self, call: str) -> Callable[..., Any]:
        def answer(*args: int | str) -> Any:
            self.calls.append((call, *args[1:]))
            if call == "nvmlDeviceGetCount":
                return 1
            if call == "nvmlDeviceGetName":
                return self.name.encode()
            if call == "nvmlDeviceGetClockInfo":
                return self.clock
            if call == "nvmlDeviceGetUtilizationRates":
                return type("Rates", (), {"gpu": self.busy})()
            if self.refuse and call.startswith("nvmlDeviceSet"):
                raise RuntimeError("Insufficient Permissions")
            return "handle"

        return answer
