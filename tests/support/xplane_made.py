"""Made files of TensorFlow's and JAX's profilers, encoded here by hand.

What is encoded was decoded with XProf's own classes and converted by its own trace
viewer while these tests were written; see the readers for the fields.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from tests.support.documents import Json


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def varint_field(field: int, number: int) -> bytes:
    return varint(field << 3) + varint(number)


def real(field: int, number: float) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<d", number)


def some(field: int, content: bytes | str) -> bytes:
    raw = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(raw)) + raw


class Plane:
    """A plane whose tables fill up as names are used."""

    def __init__(self, name: str, number: int = 1) -> None:
        self.name, self.number = name, number
        self.lines, self.facts = b"", b""
        self.events: dict[str, int] = {}
        self.stats: dict[str, int] = {}

    def stat(self, name: str, value: int | str, field: int = 4) -> bytes:
        key = varint_field(1, self.stats.setdefault(name, len(self.stats) + 1))
        if isinstance(value, str):
            return key + some(5, value)
        return key + (
            real(2, value) if isinstance(value, float) else varint_field(4, value)
        )

    def event(
        self, name: str, start_us: float, length_us: float, **stats: int | str
    ) -> bytes:
        said = b"".join(some(4, self.stat(k, v)) for k, v in stats.items())
        number = self.events.setdefault(name, len(self.events) + 1)
        times = varint_field(2, round(start_us * 1e6)) + varint_field(
            3, round(length_us * 1e6)
        )
        return some(4, varint_field(1, number) + times + said)

    def line(
        self, name: str, *events: bytes, at_ns: int = 1_700_000_000_000_000_000
    ) -> None:
        head = varint_field(1, 7) + some(2, name) + varint_field(3, at_ns)
        self.lines += some(3, head + b"".join(events))

    def fact(self, name: str, value: str | int) -> None:
        self.facts += some(6, self.stat(name, value))

    def content(self) -> bytes:
        entry = b"".join(
            some(4, varint_field(1, k) + some(2, varint_field(1, k) + some(2, n)))
            for n, k in self.events.items()
        )
        stats = b"".join(
            some(5, varint_field(1, k) + some(2, varint_field(1, k) + some(2, n)))
            for n, k in self.stats.items()
        )
        head = varint_field(1, self.number) + some(2, self.name)
        return some(1, head + self.lines + entry + stats + self.facts)


T4 = {"device_vendor": "Nvidia", "core_count": 40, "memory_size": 15_843_721_216,
      "memory_bandwidth": 320_064_000_000, "compute_cap_major": 7, "compute_cap_minor": 5}  # fmt: skip
GEMM, ADD = "volta_sgemm_128x64_nn", "loop_add_fusion_3"


def jax_gpu(
    steps: int = 4,
    *,
    index: int = 0,
    facts: Json = T4,
    shift: float = 0.0,
    launched: bool = True,
) -> Plane:
    """A GPU on which each step, of 1000 µs, has 400 µs of a product and 100 µs of a sum."""
    gpu = Plane(f"/device:GPU:{index}")
    events = []
    for i in range(steps):
        at = 1000.0 * i + shift
        module = {"hlo_module": "jit_train_step"}
        ids = [{"correlation_id": 10 * i + k + 1} if launched else {} for k in (0, 1)]
        events.append(
            gpu.event(
                GEMM,
                at + 100,
                400,
                hlo_op="cublas-gemm.1",
                tf_op="jit(train_step)/dot_general:",
                **module,
                **ids[0],
            )
        )
        events.append(
            gpu.event(
                ADD, at + 600, 100, hlo_op="loop_add_fusion.3", **module, **ids[1]
            )
        )
    gpu.line("Stream #13(Compute)", *events)
    for name, value in facts.items():
        gpu.fact(name, value)
    return gpu


def jax_host(
    steps: int = 4, *, length: float = 990.0, apart: float = 1000.0, number: bool = True
) -> Plane:
    """The host, which launches both kernels early in each step."""
    host = Plane("/host:CPU", 2)
    events = []
    for i in range(steps):
        at = apart * i
        said = {"step_num": i, "_r": 1} if number else {}
        events.append(host.event("train", at, length, **said))
        events.append(host.event("PjitFunction(train_step)", at + 1, 2))
        for k in (0, 1):
            events.append(
                host.event(
                    "cuLaunchKernel", at + 5 + k, 0.5, correlation_id=10 * i + k + 1
                )
            )
    host.line("python", *events)
    return host


def space(*planes: Plane) -> bytes:
    return b"".join(p.content() for p in planes) + some(4, "a-host")


def record(
    rank: int, side: str, kind: str, name: str, count: int, total: float, average: float
) -> bytes:
    return (
        varint_field(1, rank)
        + some(2, side)
        + some(3, kind)
        + some(4, name)
        + varint_field(5, count)
        + real(6, total)
        + real(7, average)
        + some(17, "Memory")
    )


#: side, kind, name, occurrences, total µs, average µs
StatsRow = tuple[str, str, str, int, float, float]

ROWS: list[StatsRow] = [
    ("Device", "IDLE", "IDLE", 0, 500_000.0, 0.0),
    ("Device", "Conv2D", "net/conv", 2, 400_000.0, 200_000.0),
    ("Device", "Relu", "net/relu", 4, 100_000.0, 25_000.0),
    ("Host", "Dataset", "it", 3, 33.3, 11.1),
]


def stats(
    rows: Sequence[StatsRow] = ROWS,
    without: Sequence[StatsRow] = ROWS[1:],
) -> bytes:
    """``tensorflow_stats.pb``, with and without idle time."""
    tables = [
        b"".join(some(1, record(k + 1, *row)) for k, row in enumerate(some_rows))
        for some_rows in (rows, without)
    ]
    return b"".join(
        some(f, t) for f, t in zip((4, 5), tables, strict=True) if t
    ) + some(6, "GPU")
