"""Networks as lists of operations, and how long each takes on a GPU.

A plain estimate: an operation takes the longer of its arithmetic and its memory
traffic, at the share of the data sheet's rates that such kernels reach, plus a
launch. It is good enough for files that look like real ones; nothing is fitted on
them and no figure of accuracy rests on them.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GPUS", "Gpu", "Op", "duration_us", "network", "training_step"]


@dataclass(frozen=True)
class Gpu:
    """Rates that kernels reach: FLOP/s of products forward and backward, bytes/s."""

    flops: float
    backward_flops: float
    bandwidth: float
    launch_us: float


#: instance -> its GPU
GPUS = {
    "g3s.xlarge": Gpu(3.7e12, 3.0e12, 118e9, 6.0),
    "g4dn.xlarge": Gpu(4.1e12, 4.8e12, 240e9, 4.0),
    "p3.2xlarge": Gpu(11.0e12, 11.5e12, 720e9, 4.0),
    "p5.48xlarge": Gpu(90e12, 80e12, 2600e9, 3.0),
}


@dataclass(frozen=True)
class Op:
    """One kernel of a step: its name in PyTorch and in TensorFlow, work, traffic."""

    torch: str
    tensorflow: str
    kernel: str
    flops: float = 0.0
    bytes: float = 0.0
    backward: bool = False


@dataclass(frozen=True)
class _Layer:
    kind: str
    flops: float
    inputs: float
    outputs: float
    weights: float = 0.0


def duration_us(op: Op, gpu: Gpu) -> float:
    """Time of one operation in µs."""
    rate = gpu.backward_flops if op.backward else gpu.flops
    return 1e6 * max(op.flops / rate, op.bytes / gpu.bandwidth) + gpu.launch_us


def network(name: str, side: int) -> list[_Layer]:
    """Layers of ``ResNet18``, ``ResNet34`` or ``VGG11`` to ``VGG19``, for one image.

    Parameters
    ----------
    name : str
        One of those.
    side : int
        Height and width of the image in pixels.
    """
    layers: list[_Layer] = []
    channels, size = 3, side

    def convolve(out: int, kernel: int, stride: int = 1) -> None:
        nonlocal channels, size
        before = channels * size * size
        size = -(-size // stride)
        after = out * size * size
        weights = channels * out * kernel * kernel
        flops = 2.0 * weights * size * size
        layers.append(_Layer("conv", flops, before, after, weights))
        layers.append(_Layer("norm", 0, after, after))
        layers.append(_Layer("relu", 0, after, after))
        channels = out

    def pool() -> None:
        nonlocal size
        before, size = channels * size * size, size // 2
        layers.append(_Layer("pool", 0, before, channels * size * size))

    if name.startswith("ResNet"):
        convolve(64, 7, 2)
        pool()
        blocks = {"ResNet18": (2, 2, 2, 2), "ResNet34": (3, 4, 6, 3)}[name]
        for stage, repeats in enumerate(blocks):
            for k in range(repeats):
                convolve(64 << stage, 3, 2 if k == 0 and stage else 1)
                convolve(64 << stage, 3)
                layers.append(_Layer("add", 0, layers[-1].outputs, layers[-1].outputs))
    else:
        counts = {
            "VGG11": (1, 1, 2, 2, 2),
            "VGG13": (2, 2, 2, 2, 2),
            "VGG16": (2, 2, 3, 3, 3),
            "VGG19": (2, 2, 4, 4, 4),
        }[name]
        for stage, repeats in enumerate(counts):
            for _ in range(repeats):
                convolve(min(64 << stage, 512), 3)
            pool()
    layers.append(_Layer("mean", 0, channels * size * size, channels))
    layers.append(
        _Layer("linear", 2.0 * channels * 1000, channels, 1000, channels * 1000)
    )
    return layers


_CONV, _GRAD = "implicit_convolve_sgemm", "cudnn::cnn::{}_alg0_engine"
#: kind -> (forward, backward) names in PyTorch, TensorFlow, and kernels; reads and
#: writes of activations, forward and backward
_KINDS = {
    "norm": ("cudnn_batch_norm", "FusedBatchNormV3", "cudnn::bn_fw_tr_1C11_kernel_NCHW", 3.0,
             "cudnn_batch_norm_backward", "FusedBatchNormGradV3", "cudnn::bn_bw_1C11_kernel_new", 5.0),
    "relu": ("clamp_min_", "Relu", "at::native::vectorized_elementwise_kernel<4, clamp_min>", 2.0,
             "threshold_backward", "ReluGrad", "at::native::vectorized_elementwise_kernel<4, threshold>", 3.0),
    "add": ("add_", "AddV2", "at::native::vectorized_elementwise_kernel<4, CUDAFunctor_add<float>>", 3.0,
            "add_", "AddN", "at::native::vectorized_elementwise_kernel<4, CUDAFunctor_add<float>>", 3.0),
    "pool": ("max_pool2d_with_indices", "MaxPool", "at::native::max_pool_forward_nchw", 1.5,
             "max_pool2d_with_indices_backward", "MaxPoolGrad", "at::native::max_pool_backward_nchw", 3.0),
    "mean": ("mean", "AvgPool", "at::native::reduce_kernel<512, MeanOps<float>>", 1.0,
             "div", "AvgPoolGrad", "at::native::vectorized_elementwise_kernel<4, DivFunctor<float>>", 1.0),
}  # fmt: skip
_LOSS = (
    ("_log_softmax", "Softmax", "softmax_warp_forward", False),
    ("nll_loss_forward", "SoftmaxCrossEntropyWithLogits", "nll_loss_forward_reduce_cuda_kernel_2d", False),
    ("nll_loss_backward", "Sum", "nll_loss_backward_reduce_cuda_kernel_2d", True),
    ("_log_softmax_backward_data", "Mul", "softmax_warp_backward", True),
)  # fmt: skip


def training_step(name: str, side: int, batch: int) -> list[Op]:
    """Operations of one step of training in fp32 with SGD, in the order they run."""
    forward: list[Op] = []
    backward: list[Op] = []
    layers = network(name, side)
    for layer in layers:
        traffic = 4.0 * batch * (layer.inputs + layer.outputs) + 4.0 * layer.weights
        flops = layer.flops * batch
        if layer.kind == "conv":
            forward.append(
                Op(
                    "cudnn_convolution",
                    "Conv2D",
                    f"{_CONV}<1024, 5, 5>",
                    flops,
                    traffic,
                )
            )
            for kind, name_there in (
                ("dgrad", "Conv2DBackpropInput"),
                ("wgrad", "Conv2DBackpropFilter"),
            ):
                if kind == "dgrad" and layer is layers[0]:
                    continue  # the image itself needs no gradient
                backward.append(
                    Op(
                        "convolution_backward",
                        name_there,
                        _GRAD.format(kind),
                        1.1 * flops,
                        traffic,
                        True,
                    )
                )
        elif layer.kind == "linear":
            forward.append(
                Op("addmm", "MatMul", "volta_sgemm_128x64_tn", flops, traffic)
            )
            backward += 2 * [
                Op("mm", "MatMul", "volta_sgemm_128x64_nt", flops, traffic, True)
            ]
        else:
            there, tf, kernel, n, back, tf_back, kernel_back, n_back = _KINDS[layer.kind]  # fmt: skip
            size = 4.0 * batch * layer.inputs
            forward.append(Op(there, tf, kernel, 0, n * size))
            backward.append(Op(back, tf_back, kernel_back, 0, n_back * size, True))
    small = 4.0 * batch * 1000
    forward += [Op(*names[:3], 0, small) for names in _LOSS if not names[3]]
    ahead = [Op(*names[:3], 0, small, True) for names in _LOSS if names[3]]
    weights = 4.0 * sum(x.weights for x in layers)
    update = [
        Op(
            "_foreach_mul_",
            "Mul",
            "multi_tensor_apply_kernel<BinaryOpScalar>",
            0,
            2 * weights,
        ),
        Op(
            "_foreach_add_",
            "ResourceApplyGradientDescent",
            "multi_tensor_apply_kernel<BinaryOpList>",
            0,
            3 * weights,
        ),
    ]
    return [*forward, *ahead, *reversed(backward), *update]
