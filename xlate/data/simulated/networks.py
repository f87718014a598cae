"""Layer tables of fifteen networks, at any batch and input size.

Convolutional networks take the side of square images, the others the length of
sequences. Sizes of layers are those of the papers named at each.
"""

from __future__ import annotations

from collections.abc import Callable

from xlate.data.simulated.layers import Step

__all__ = ["IMAGE_NETWORKS", "SEQUENCE_NETWORKS", "step"]

CLASSES = 10


def _lenet5(s: Step) -> Step:
    """LeCun et al., 1998."""
    s.conv(5, 6, norm=False, first=True).pool("AvgPool")
    s.conv(5, 16, norm=False).pool("AvgPool")
    return s.dense(120, "Relu").dense(84, "Relu").dense(CLASSES)


def _cifar_cnn(s: Step) -> Step:
    """The small network of many tutorials: two blocks of 32 and 64 channels."""
    s.conv(3, 32, norm=False, first=True).conv(3, 32, norm=False).pool()
    s.conv(3, 64, norm=False).conv(3, 64, norm=False).pool()
    return s.dense(512, "Relu").dense(CLASSES)


def _alexnet(s: Step) -> Step:
    """Krizhevsky et al., 2012."""
    s.conv(11, 96, 4, norm=False, first=True).pool()
    s.conv(5, 256, norm=False).pool()
    s.conv(3, 384, norm=False).conv(3, 384, norm=False).conv(3, 256, norm=False).pool()
    return s.dense(4096, "Relu").dense(4096, "Relu").dense(CLASSES)


def _vgg(blocks: tuple[int, ...]) -> Callable[[Step], Step]:
    """Simonyan and Zisserman, 2014."""

    def build(s: Step) -> Step:
        first = True
        for n, channels in zip(blocks, (64, 128, 256, 512, 512), strict=True):
            for _ in range(n):
                s.conv(3, channels, norm=False, first=first)
                first = False
            s.pool()
        return s.dense(4096, "Relu").dense(4096, "Relu").dense(CLASSES)

    return build


def _resnet(blocks: tuple[int, ...], bottleneck: bool) -> Callable[[Step], Step]:
    """He et al., 2015."""

    def build(s: Step) -> Step:
        s.conv(7, 64, 2, first=True).pool()
        for stage, (n, channels) in enumerate(
            zip(blocks, (64, 128, 256, 512), strict=True)
        ):
            for i in range(n):
                stride = 2 if i == 0 and stage > 0 else 1
                if bottleneck:
                    s.conv(1, channels).conv(3, channels, stride)
                    s.conv(1, 4 * channels, act=None)
                else:
                    s.conv(3, channels, stride).conv(3, channels, act=None)
                s.add()
                s.activation()
        return s.mean().dense(CLASSES)

    return build


def _squeezenet(s: Step) -> Step:
    """Iandola et al., 2016."""
    s.conv(3, 64, 2, norm=False, first=True).pool()
    for i, (squeeze, expand) in enumerate(
        (
            (16, 64),
            (16, 64),
            (32, 128),
            (32, 128),
            (48, 192),
            (48, 192),
            (64, 256),
            (64, 256),
        )
    ):
        s.conv(1, squeeze, norm=False).conv(1, expand, norm=False)
        s.conv(3, expand, norm=False).concat(2 * expand)
        if i in (1, 3):
            s.pool()
    return s.conv(1, CLASSES, norm=False).mean()


def _mobilenet_v2(s: Step) -> Step:
    """Sandler et al., 2018, table 2."""
    s.conv(3, 32, 2, act="Relu6", first=True)
    for expand, channels, n, stride in (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ):
        for i in range(n):
            wide = s.c * expand
            if expand > 1:
                s.conv(1, wide, act="Relu6")
            s.conv(3, wide, stride if i == 0 else 1, depthwise=True, act="Relu6")
            s.conv(1, channels, act=None)
            if i > 0:
                s.add()
    return s.conv(1, 1280, act="Relu6").mean().dense(CLASSES)


def _inception_v3(s: Step) -> Step:
    """Szegedy et al., 2015, with branches laid one after the other."""
    s.conv(3, 32, 2, first=True).conv(3, 32).conv(3, 64).pool()
    s.conv(1, 80).conv(3, 192).pool()
    for width, n in ((288, 3), (768, 5), (2048, 3)):
        for _ in range(n):
            into = s.c
            branch = width // 4
            for sizes in ((1,), (1, 3), (1, 3, 3), (1,)):
                s.c = into
                for size in sizes:
                    s.conv(size, branch)
            s.elementwise("AvgPool")
            s.elementwise("AvgPoolGrad", 2)
            s.concat(width)
        if width < 2048:
            s.pool()
    return s.mean().dense(CLASSES)


def _densenet(s: Step) -> Step:
    """Huang et al., 2016: DenseNet-121."""
    s.conv(7, 64, 2, first=True).pool()
    for n, last in ((6, False), (12, False), (24, False), (16, True)):
        for _ in range(n):
            into = s.c
            s.conv(1, 128).conv(3, 32).concat(into + 32)
        if not last:
            s.conv(1, s.c // 2).pool("AvgPool")
    return s.mean().dense(CLASSES)


def _lstm(s: Step) -> Step:
    """Two layers of 512 units over embedded tokens (Zaremba et al., 2014)."""
    units, length = 512, s.h
    s.emit("GatherV2", 0.0, 2.0 * s.batch * length * units)
    for _ in range(2):
        cells = float(s.batch * length)
        flops = 2.0 * cells * 2 * units * 4 * units
        moved = cells * 8 * units + length * 8.0 * units * units
        s.emit("CudnnRNNV3", flops, moved)
        s.emit("CudnnRNNBackpropV3", 2 * flops, 2 * moved)
        s.weight(8.0 * units * units)
        s.activations += cells * 6 * units
    s.h, s.w, s.c = 1, 1, units
    return s.dense(CLASSES)


def _transformer(
    layers: int, width: int, heads: int, vocabulary: int, causal: bool
) -> Callable[[Step], Step]:
    """Vaswani et al., 2017; BERT-base: Devlin et al., 2018; GPT-2: Radford et al., 2019."""

    def norm(s: Step) -> None:
        for op, reads in (
            ("Mean", 1),
            ("SquaredDifference", 2),
            ("Mul", 2),
            ("AddV2", 2),
        ):
            s.elementwise(op, reads)
        s.elementwise("RsqrtGrad", 2)
        s.weight(2.0 * width)

    def build(s: Step) -> Step:
        length = s.h
        s.w, s.c = 1, width
        rows = s.batch * length
        s.emit("GatherV2", 0.0, 2 * s.values)
        for _ in range(layers):
            norm(s)
            for _ in range(4):
                s.matmul(rows, width, width, weights=True)
                s.elementwise("BiasAdd")
            head = width // heads
            many = s.batch * heads
            s.matmul(
                length, head, length, weights=False, op="BatchMatMulV2", copies=many
            )
            scores = float(many * length * length)
            s.emit("Softmax", 5 * scores, 2 * scores, 2)
            if causal:
                s.emit("SelectV2", scores, 3 * scores)
            s.matmul(
                length, length, head, weights=False, op="BatchMatMulV2", copies=many
            )
            s.activations += 2 * scores + 6 * s.values
            s.elementwise("Transpose")
            s.add()
            norm(s)
            s.matmul(rows, width, 4 * width, weights=True)
            s.emit("Tanh" if causal else "Erf", 8 * 4 * s.values, 2 * 4 * s.values)
            s.emit("TanhGrad" if causal else "Exp", 8 * 4 * s.values, 3 * 4 * s.values)
            s.matmul(rows, 4 * width, width, weights=True)
            s.activations += 10 * s.values
            s.add()
        if causal:
            s.matmul(rows, width, vocabulary, weights=False)
        s.h = 1
        return s.dense(CLASSES)

    return build


IMAGE_NETWORKS: dict[str, Callable[[Step], Step]] = {
    "LeNet5": _lenet5,
    "CifarCNN": _cifar_cnn,
    "AlexNet": _alexnet,
    "VGG11": _vgg((1, 1, 2, 2, 2)),
    "VGG16": _vgg((2, 2, 3, 3, 3)),
    "ResNet18": _resnet((2, 2, 2, 2), False),
    "ResNet34": _resnet((3, 4, 6, 3), False),
    "ResNet50": _resnet((3, 4, 6, 3), True),
    "SqueezeNet": _squeezenet,
    "MobileNetV2": _mobilenet_v2,
    "InceptionV3": _inception_v3,
    "DenseNet121": _densenet,
}

SEQUENCE_NETWORKS: dict[str, Callable[[Step], Step]] = {
    "LSTM": _lstm,
    "BERT-base": _transformer(12, 768, 12, 30522, causal=False),
    "GPT-2": _transformer(12, 768, 12, 50257, causal=True),
}


def step(model: str, batch: int, size: int) -> Step:
    """One training step of a network.

    Parameters
    ----------
    model : str
        Key of :data:`IMAGE_NETWORKS` or :data:`SEQUENCE_NETWORKS`.
    batch : int
        Samples a step.
    size : int
        Side of the images in pixels, or length of the sequences in tokens.
    """
    if model in IMAGE_NETWORKS:
        built = IMAGE_NETWORKS[model](Step(batch, size, size, 3))
    else:
        built = SEQUENCE_NETWORKS[model](Step(batch, size, 1, 1))
    return built.loss(CLASSES)
