"""What TensorBoard, XProf and JAX leave on disk: protocol buffers, and folders of ranks."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator

from tests.soak.case import Cases
from tests.soak.checks import accepted, answers, doubted, refused, says
from tests.soak.lab import Lab
from tests.soak.made import flipped
from tests.support import profiles_made as pm
from tests.support import xplane_made as xm

_VALID = "valid variants must be accepted"
_DAMAGED = "no traceback, no hang, no silent wrong"
ASK = ("--anchor", "g4dn.xlarge", "--target", "p3.2xlarge", "--json")
SPACE = xm.space(xm.jax_gpu(), xm.jax_host())
TABLE = xm.stats()


def _good(name: str, content: bytes) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        run = lab.xlate("profile", "show", lab.write(name, content), "--json")
        yield from accepted(run)

    return judge


def _bad(content: bytes, said: str) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        run = lab.xlate("profile", "show", lab.write("a.pb", content), "--json")
        yield from refused(run, said, codes=(1,))

    return judge


def _quiet(content: bytes) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        lab.xlate("translate", lab.write("a.pb", content), *ASK)
        yield from ()

    return judge


def _other_gpu(lab: Lab) -> Iterator[str]:
    """The figures in the file are those of a V100; the anchor has a T4."""
    facts = {**xm.T4, "core_count": 80, "memory_size": 16_945_512_448, "memory_bandwidth": 898_048_000_000, "compute_cap_minor": 0}  # fmt: skip
    content = xm.space(xm.jax_gpu(facts=facts), xm.jax_host())
    run = lab.xlate("translate", lab.write("a.xplane.pb", content), *ASK)
    yield from refused(run, "V100", codes=(1,))


def _jax(lab: Lab) -> Iterator[str]:
    """No bundle was trained on JAX."""
    run = lab.xlate("translate", lab.write("a.xplane.pb", SPACE), *ASK)
    yield from doubted(run)


def _rank(number: int, world: int, length: int) -> bytes:
    document = json.loads(pm.trace(pm.steps(length=length)))
    said = {"backend": "nccl", "rank": number, "world_size": world}
    return json.dumps({"distributedInfo": said, **document}).encode()


def _ranks(
    numbers: tuple[int, ...], world: int, pattern: str
) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        for k, number in enumerate(numbers):
            lab.write(f"in/{k}.json", _rank(number, world, 400_000 + 10_000 * number))
        run = lab.xlate("translate", "in", *ASK)
        yield from accepted(run)
        yield from says(run, pattern)
        if len(answers(run)) != 1:
            yield f"{len(answers(run))} answers for one job"

    return judge


def cases() -> Cases:
    """About 60."""
    collected = Cases("tensorboard_files")
    for name, content in {
        "xplane": SPACE,
        "xplane-packed": gzip.compress(SPACE),
        "stats": TABLE,
        "xplane-host-first": xm.space(xm.jax_host(), xm.jax_gpu()),
        "xplane-two-gpus": xm.space(xm.jax_gpu(), xm.jax_gpu(index=1), xm.jax_host()),
        "xplane-no-steps": xm.space(xm.jax_gpu(), xm.jax_host(number=False)),
        "stats-without-idle": xm.stats(rows=()),
        "stats-packed": gzip.compress(TABLE),
    }.items():
        collected.add(name, _VALID, _good("a.pb", content))
    twice = [(*xm.ROWS[1][:4], 4e8, 2e5), *xm.ROWS[2:]]
    endless = xm.some(
        1, xm.varint_field(1, 1) + xm.some(2, "/device:GPU:0") + b"\x1a\xff\xff\xff\x07"
    )
    for name, content, said in (
        ("cpu-only", xm.space(xm.jax_host()), "no GPU kernel was recorded"),
        ("tpu", xm.space(xm.Plane("/device:TPU:0")), "TPU"),
        ("cut", SPACE[: len(SPACE) // 2], "breaks off"),
        ("endless", endless, "breaks off"),
        ("another-buffer", xm.some(1, xm.some(1, "a kernel")), "format"),
        ("stats-cut", TABLE[:-30], "breaks off"),
        ("stats-contradiction", xm.stats(twice, ()), "occurrences"),
    ):
        collected.add(name, _DAMAGED, _bad(content, said))
    for content, name in ((SPACE, "xplane"), (TABLE, "stats")):
        for seed in range(12):
            collected.add(
                f"{name}-flip-{seed}", _DAMAGED, _quiet(flipped(content, seed))
            )
        for share in (1, 3, 7, 9):
            cut = content[: len(content) * share // 10]
            collected.add(f"{name}-cut-{share}", _DAMAGED, _quiet(cut))
    collected.add("other-gpu", "never take one GPU for another", _other_gpu)
    collected.add("jax", "a framework that training never saw", _jax)
    for name, numbers, world, pattern in (
        ("all", (0, 1, 2), 3, "rank 2 is the slowest"),
        ("missing", (0, 3), 4, "ranks 1, 2 of the job are not in the folder"),
        ("repeated", (0, 0, 1), 2, "of rank 0 there are several recordings"),
        ("alone", (1,), 2, "rank 1 alone"),
    ):
        collected.add(
            f"ranks-{name}", "one answer for a job", _ranks(numbers, world, pattern)
        )
    return collected
