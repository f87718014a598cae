"""Floating-point operations and bytes of each kernel in a training step.

Counting rules, fp32 (4 bytes a value):

* A convolution of k×k over c_in channels (g groups) to c_out channels and
  h×w positions takes 2·B·h·w·c_out·(c_in/g)·k² operations; each of the two
  gradients takes the same number. (Sze et al., "Efficient Processing of Deep Neural
  Networks", 2017, section III.)
* A matrix product of (m, k) and (k, n) takes 2·m·k·n operations.
* Everything else is limited by memory: it reads and writes each tensor once
  (Williams, Waterman and Patterson, "Roofline", 2009).
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Kernel", "Step"]

BYTES = 4


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kind of kernel launch of a step.

    Attributes
    ----------
    op : str
        TensorFlow op type.
    flops : float
        Floating-point operations of one launch.
    bytes : float
        Bytes moved by one launch.
    launches : int
        Launches a step.
    """

    op: str
    flops: float
    bytes: float
    launches: int = 1


@dataclass
class Step:
    """A training step under construction: a tensor walks through layers.

    Attributes
    ----------
    batch : int
        Samples a step.
    h, w, c : int
        Shape of the current tensor; sequences use ``h`` for their length.
    """

    batch: int
    h: int
    w: int
    c: int
    kernels: list[Kernel] = field(default_factory=list)
    parameters: float = 0.0
    activations: float = 0.0
    variables: int = 0

    @property
    def values(self) -> float:
        """Values in the current tensor."""
        return float(self.batch * self.h * self.w * self.c)

    def emit(self, op: str, flops: float, values: float, launches: int = 1) -> None:
        """Add a kernel that moves ``values`` numbers."""
        self.kernels.append(Kernel(op, flops, BYTES * values, launches))

    def weight(self, values: float) -> None:
        """Add a variable, and its update by gradient descent."""
        self.parameters += values
        self.variables += 1
        self.emit("ResourceApplyGradientDescent", 2 * values, 3 * values)

    def elementwise(self, op: str, reads: int = 1, flops: float = 1.0) -> None:
        """An operation that reads ``reads`` tensors of this shape and writes one."""
        self.emit(op, flops * self.values, (reads + 1) * self.values)

    def conv(
        self,
        size: int,
        channels: int,
        stride: int = 1,
        *,
        depthwise: bool = False,
        norm: bool = True,
        act: str | None = "Relu",
        first: bool = False,
    ) -> Step:
        """Convolution, its two gradients, and batch norm or bias."""
        before, c_in = self.values, self.c
        per_output = size * size * (1 if depthwise else c_in)
        self.h, self.w = max(1, -(-self.h // stride)), max(1, -(-self.w // stride))
        self.c = c_in if depthwise else channels
        weights = per_output * self.c
        flops = 2.0 * self.values * per_output
        name = "DepthwiseConv2dNative" if depthwise else "Conv2D"
        moved = before + self.values + weights
        self.emit(name, flops, moved)
        self.emit(f"{name}BackpropFilter", flops, moved)
        if not first:
            self.emit(f"{name}BackpropInput", flops, moved)
        self.weight(weights)
        self.activations += self.values
        if norm:
            self.elementwise("FusedBatchNormV3", 2, 6)
            self.elementwise("FusedBatchNormGradV3", 4, 10)
            self.weight(self.c)
            self.weight(self.c)
            # moving averages: all launch, no work
            for op in ("Sub", "Mul", "AssignSubVariableOp"):
                self.emit(op, self.c, 3 * self.c, 2)
        else:
            self.bias()
        if act is not None:
            self.activation(act)
        return self

    def bias(self) -> None:
        """Bias and its gradient."""
        self.elementwise("BiasAdd")
        self.emit("BiasAddGrad", self.values, self.values)
        self.weight(self.c)

    def activation(self, op: str = "Relu") -> None:
        """An activation and its gradient."""
        self.elementwise(op)
        self.elementwise(f"{op}Grad", 2)
        self.activations += self.values

    def pool(self, kind: str = "MaxPool", stride: int = 2) -> Step:
        """Pooling and its gradient."""
        before = self.values
        self.h, self.w = max(1, self.h // stride), max(1, self.w // stride)
        self.emit(kind, before, before + self.values)
        self.emit(f"{kind}Grad", before, 2 * before + 2 * self.values)
        self.activations += self.values
        return self

    def mean(self) -> Step:
        """Global average and its gradient."""
        before = self.values
        self.h = self.w = 1
        self.emit("Mean", before, before + self.values)
        self.emit("Tile", 0.0, before + self.values)
        return self

    def dense(self, units: int, act: str | None = None) -> Step:
        """Matrix product over all inputs of a sample, two gradients, bias."""
        rows = self.batch
        inputs = self.h * self.w * self.c
        self.matmul(rows, inputs, units, weights=True)
        self.h = self.w = 1
        self.c = units
        self.activations += self.values
        self.bias()
        if act is not None:
            self.activation(act)
        return self

    def matmul(
        self,
        m: int,
        k: int,
        n: int,
        *,
        weights: bool,
        op: str = "MatMul",
        copies: int = 1,
    ) -> None:
        """``copies`` products (m, k)·(k, n) in one launch, with both gradients."""
        flops = 2.0 * m * k * n * copies
        moved = float(m * k + k * n + m * n) * copies
        self.emit(op, flops, moved, 3)
        if weights:
            self.weight(float(k * n))

    def add(self) -> Step:
        """Residual sum and the sum of its gradients."""
        self.elementwise("AddV2", 2)
        self.elementwise("AddN", 2)
        return self

    def concat(self, channels: int) -> Step:
        """Concatenation to a number of channels, and its slices in the backward pass."""
        self.c = channels
        self.elementwise("ConcatV2")
        self.emit("Slice", 0.0, 2 * self.values, 3)
        return self

    def loss(self, classes: int) -> Step:
        """Softmax, cross entropy, accuracy and bookkeeping of a classifier."""
        values = float(self.batch * classes)
        self.emit("Softmax", 5 * values, 2 * values)
        self.emit("ArgMax", values, values)
        self.emit("SoftmaxCrossEntropyWithLogits", 8 * values, 4 * values)
        for op, launches in (
            ("Equal", 1),
            ("Cast", 3),
            ("Sum", 3),
            ("DivNoNan", 3),
            ("Mul", 3),
            ("AssignAddVariableOp", 4),
            ("LogicalAnd", 1),
        ):
            self.emit(op, float(self.batch), 2.0 * self.batch, launches)
        return self
