"""Time, power and profile of a step on a simulated GPU.

All values are computed from facts of the catalogue:

* **Roofline** (Williams, Waterman and Patterson, 2009): a kernel takes the
  larger of operations / throughput and bytes / bandwidth, plus a launch floor.
* **Size-dependent efficiency** (Hockney's n½, 1982): a kernel reaches
  e·s/(s + s½) of the peak, where s½ is the work that half fills the GPU; it
  grows with the number of SMs.
* **Two paths**: the step takes about the longer of device time and the host's
  time to launch, with a soft knee (a p-norm).
* **Power** at full clock: idle + (limit − idle) times how busy the card is and
  how much of that is arithmetic.
* **Clock** (Mei, Wang and Chu, "A survey and measurement study of GPU DVFS on
  energy conservation", 2017): time = fixed + compute·(f_max/f); power = static
  + dynamic·(f/f_max)·(V/V_max)², with V constant below a knee.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlate.data.simulated.layers import Step
from xlate.hardware.catalogue import Gpu

__all__ = ["Machine", "Run"]

Floats = NDArray[np.float64]

#: share of the roofline that a large, well-shaped kernel reaches, by family
_COMPUTE_SHARE = {"Conv2D": 0.62, "MatMul": 0.75, "DepthwiseConv2dNative": 0.10}
_OTHER_COMPUTE_SHARE = 0.5
_BANDWIDTH_SHARE = 0.78
#: microseconds of a kernel that does nothing (Zhang et al., "Characterizing
#: and modeling kernel launch latency", 2019, measured 2 to 8)
_FLOOR_US = {"Kepler": 6.0, "Maxwell": 4.5, "Pascal": 3.5, "Volta": 2.6}
_FLOOR_NEWER_US = 2.2
#: microseconds of host time a launch, of the hosts the instances have
_HOST_LAUNCH_US = {"Kepler": 34.0, "Maxwell": 26.0, "Pascal": 24.0, "Volta": 45.0}
_HOST_NEWER_US = 18.0
_HOST_STEP_US = 3000.0
_INPUT_BYTES_PER_US = 2500.0
#: share of busy time in which the device waits even when the host does not limit
#: it; PROFET's slow GPUs idle for 4.7 to 6.7 % of the window
_STALL_SHARE = 0.05
#: backward convolutions use other algorithms than forward ones, and other
#: generations choose differently
_BACKWARD_SHARE = {
    "Kepler": (0.70, 0.80),
    "Maxwell": (0.85, 0.90),
    "Pascal": (0.90, 0.92),
    "Volta": (1.00, 0.95),
    "Turing": (0.80, 0.90),
}
_BACKWARD_NEWER = (0.95, 0.97)
#: coefficient of variation between repeats, measured on PROFET's corpus
_NOISE = {"M60": 0.005, "K80": 0.006, "T4": 0.016, "V100-SXM2-16GB": 0.025}
_NOISE_OTHER = 0.015
_IDLE_POWER_SHARE = 0.17
_VOLTAGE_KNEE = 0.62
_VOLTAGE_FLOOR = 0.72
_KNEE = 6.0
_STEPS_IN_WINDOW = 2.03


@dataclass(frozen=True)
class Run:
    """One simulated run.

    Attributes
    ----------
    ops : dict of str to float
        Microseconds over the profile window.
    step_time_us : float
        One step.
    compute_share : float
        Share of the step that scales with the core clock.
    gpu_utilization, memory_utilization : float
        Percent, as nvidia-smi counts them.
    power_w : float
        Mean power.
    """

    ops: dict[str, float]
    step_time_us: float
    compute_share: float
    gpu_utilization: float
    memory_utilization: float
    power_w: float


class Machine:
    """One GPU of the catalogue, which simulates steps.

    Parameters
    ----------
    gpu : Gpu
        Needs SM count, bandwidth, fp32 throughput, TDP and memory.
    """

    NEEDED = (
        "sm_count",
        "bandwidth_gb_per_s",
        "fp32_tflop_per_s",
        "tdp_w",
        "memory_gib",
    )

    def __init__(self, gpu: Gpu) -> None:
        facts = {k: gpu.number(k) for k in self.NEEDED}
        missing = [k for k, v in facts.items() if v is None]
        if missing:
            raise ValueError(f"{gpu.name} lacks {', '.join(missing)}")
        self.gpu = gpu
        self.arch = gpu.architecture
        self.sm = float(facts["sm_count"] or 0)
        self.flops_per_us = float(facts["fp32_tflop_per_s"] or 0) * 1e6
        self.bytes_per_us = float(facts["bandwidth_gb_per_s"] or 0) * 1e3
        self.tdp_w = float(facts["tdp_w"] or 0)
        self.memory_bytes = float(facts["memory_gib"] or 0) * 2**30
        self.noise = _NOISE.get(gpu.name, _NOISE_OTHER)

    def fits(self, step: Step) -> bool:
        """Whether activations (kept for the backward pass) and weights fit in memory."""
        return (
            4 * (2 * step.activations + 3 * step.parameters) < 0.9 * self.memory_bytes
        )

    def kernel_us(self, op: str, flops: float, moved: float) -> tuple[float, float]:
        """Time of one launch, and the part of it that arithmetic limits."""
        base = op.removesuffix("BackpropFilter").removesuffix("BackpropInput")
        share = _COMPUTE_SHARE.get(base, _OTHER_COMPUTE_SHARE)
        if "Backprop" in op:
            back = _BACKWARD_SHARE.get(self.arch, _BACKWARD_NEWER)
            share *= back[0] if op.endswith("Filter") else back[1]
        # the work that half fills the card: a wave of blocks on every SM
        half_flops, half_bytes = 2.0e6 * self.sm, 4.0e4 * self.sm
        compute = (
            flops / (self.flops_per_us * share) * (1 + half_flops / max(flops, 1e3))
        )
        memory = moved / (self.bytes_per_us * _BANDWIDTH_SHARE)
        memory *= 1 + half_bytes / max(moved, 1e2)
        # the time of tiny kernels is the launch floor
        compute = min(compute, 1e3 * flops / self.flops_per_us + 2.0)
        memory = min(memory, 1e3 * moved / self.bytes_per_us + 2.0)
        floor = _FLOOR_US.get(self.arch, _FLOOR_NEWER_US)
        return floor + max(compute, memory), compute if compute > memory else 0.0

    def run(self, step: Step, rng: np.random.Generator) -> Run:
        """Simulate one run of a step.

        Parameters
        ----------
        step : Step
            What is computed.
        rng : numpy.random.Generator
            Source of the noise between repeats.
        """
        device: dict[str, float] = {}
        arithmetic = traffic = 0.0
        launches = 0
        for k in step.kernels:
            time, compute = self.kernel_us(k.op, k.flops, k.bytes)
            device[k.op] = device.get(k.op, 0.0) + time * k.launches
            arithmetic += compute * k.launches
            traffic += k.bytes * k.launches
            launches += k.launches
        self._dress(device, step)
        host = _HOST_STEP_US + launches * _HOST_LAUNCH_US.get(self.arch, _HOST_NEWER_US)
        transfer = 4.0 * step.batch * 3 * 64 * 64 / _INPUT_BYTES_PER_US
        # host and device share the noise of a run, each operation has its own noise
        wobble = float(np.exp(rng.normal(0.0, self.noise)))
        device = {
            op: t * wobble * float(np.exp(rng.normal(0.0, self.noise)))
            for op, t in device.items()
        }
        host *= float(np.exp(rng.normal(0.0, 2 * self.noise)))
        busy = sum(device.values())
        device_path = (1 + _STALL_SHARE) * busy
        time = (device_path**_KNEE + (host + transfer) ** _KNEE) ** (1 / _KNEE)
        utilization = busy / time
        window = _STEPS_IN_WINDOW
        ops = {f"Device_{op}": t * window for op, t in device.items()}
        ops["Device_IDLE"] = (time - busy) * window
        ops["Host_IDLE"] = max(0.0, time - 0.2 * host) * window * 4
        ops["Host_GatherV2"] = 0.4 * transfer * window
        ops["Host_Dataset"] = 0.02 * transfer * window + 300.0
        ops["Host__Send"] = 40.0 + 0.01 * host
        ops["Host_IteratorGetNext"] = 35.0
        memory_busy = min(1.0, traffic / (self.bytes_per_us * time))
        dynamic = utilization * (0.45 + 0.55 * min(1.0, arithmetic / max(busy, 1.0)))
        power = self.tdp_w * (_IDLE_POWER_SHARE + (1 - _IDLE_POWER_SHARE) * dynamic)
        return Run(
            ops={op: round(t, 2) for op, t in ops.items() if t > 0},
            step_time_us=round(time, 2),
            compute_share=arithmetic / time,
            gpu_utilization=round(100 * utilization, 1),
            memory_utilization=round(100 * memory_busy, 1),
            power_w=round(min(power, self.tdp_w), 2),
        )

    def _dress(self, device: dict[str, float], step: Step) -> None:
        """Add and remove operations that only some generations run for the same work."""
        floor = _FLOOR_US.get(self.arch, _FLOOR_NEWER_US)
        copied = 4.0 * step.batch * 3 * 64 * 64
        if self.arch in ("Kepler", "Maxwell", "Pascal"):
            device["_Recv"] = copied / 8e3 + 2 * floor
        else:
            # newer stacks fold softmax and argmax of the metrics into the loss
            if step.c == 10 and device.get("Softmax", 0.0) < 3 * floor:
                device.pop("Softmax", None)
            device.pop("ArgMax", None)
            device["_Send"] = copied / 11e3 + 2 * floor
        if self.arch in ("Volta", "Ampere", "Hopper") and "Conv2D" in device:
            # these generations convert tensor layouts around cuDNN's kernels
            device["Transpose"] = device.get("Transpose", 0.0) + 0.02 * device["Conv2D"]

    def sweep(self, run: Run) -> tuple[Floats, Floats, Floats]:
        """Clock (MHz), step time (s) and power (W) at every legal clock.

        Parameters
        ----------
        run : Run
            Measured at the highest clock.
        """
        clocks = np.array(self.gpu.legal_mhz())
        clocks = clocks[clocks >= 0.3 * clocks[-1]]
        x = clocks / clocks[-1]
        time = run.step_time_us / 1e6 * (1 + run.compute_share * (1 / x - 1))
        voltage = np.maximum(
            _VOLTAGE_FLOOR,
            _VOLTAGE_FLOOR
            + (1 - _VOLTAGE_FLOOR) * (x - _VOLTAGE_KNEE) / (1 - _VOLTAGE_KNEE),
        )
        static = self.tdp_w * _IDLE_POWER_SHARE
        # a slower clock stretches compute, so the card is a little busier
        power = static + (run.power_w - static) * x * voltage**2
        return clocks, time, power
