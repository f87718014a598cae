"""``nvidia-smi -q -d SUPPORTED_CLOCKS`` as ``--clocks-file``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tests.soak.case import Cases
from tests.soak.checks import accepted, refused
from tests.soak.lab import Lab
from tests.soak.made import KEY, PAIR, flipped, stats_csv

_FALSE = "a value that is not checked where it enters"


def dump(
    clocks: Sequence[object] = tuple(range(1530, 500, -15)),
    *,
    product: str = "Tesla V100-SXM2-16GB",
    memory: object = 877,
) -> str:
    """The text of the tool."""
    lines = [
        "==============NVSMI LOG==============",
        "",
        "Attached GPUs                     : 1",
        "GPU 00000000:00:1E.0",
    ]
    if product:
        lines.append(f"    Product Name                  : {product}")
    lines += [
        "    Supported Clocks",
        f"        Memory                    : {memory} MHz",
    ]
    return "\n".join(
        [*lines, *(f"            Graphics              : {c} MHz" for c in clocks), ""]
    )


def _given(text: str | bytes, right: bool | None) -> Callable[[Lab], Iterator[str]]:
    def judge(lab: Lab) -> Iterator[str]:
        run = lab.xlate(
            "predict-freq",
            lab.write("a.csv", stats_csv()),
            *PAIR,
            *KEY,
            "--json",
            "--clocks-file",
            lab.write("clocks.txt", text),
        )
        if right is False:
            yield from refused(run, None, (1,))
        elif right:
            yield from accepted(run)
            listed = {
                float(c)
                for line in str(text).splitlines()
                if "Graphics" in line
                for c in [line.split(":")[1].split()[0]]
            }
            for d in run.document or ():
                if d.get("sm_mhz") not in listed:
                    yield f"{d.get('sm_mhz')} MHz is not in the dump"

    return judge


def cases() -> Cases:
    """About 30."""
    collected = Cases("clock_dumps")
    for name, text in {
        "plain": dump(),
        "crlf": dump().replace("\n", "\r\n"),
        "ascending": dump(tuple(range(510, 1531, 15))),
        "few": dump((1530, 1200, 900)),
        "twice": dump((1530, 1530, 1200, 900)),
        "no-product": dump(product=""),
    }.items():
        collected.add(
            f"valid-{name}",
            "valid variants must be accepted",
            _given(text, True),
            "clocks",
        )
    for name, text in {
        "other-gpu": dump(product="Tesla T4"),
        "amd": dump(product="AMD Instinct MI250"),
        "unknown-gpu": dump(product="NVIDIA A100-PG509-200"),
        "empty": "",
        "no-clocks": dump(()),
        "not-available": dump(()) + "    N/A\n",
        "negative": dump((-1530, -1200)),
        "zero": dump((0,)),
        "words": dump(("fast", "slow")),
        "khz": dump(tuple(range(1_530_000, 500_000, -15_000))),
        "ghz": dump(("1.53", "1.2")),
        "binary": "\0\1\2",
        "prose": "Clocks are fine, thank you.",
        "memory-negative": dump(memory=-5),
    }.items():
        collected.add(f"wrong-{name}", _FALSE, _given(text, False), "clocks")
    for seed in range(8):
        collected.add(
            f"flip-{seed}",
            "no traceback",
            _given(flipped(dump().encode(), seed, 20), None),
            "clocks",
        )
    return collected
