"""Which GPU is the most similar to another."""

from __future__ import annotations

import pytest

from xlate.hardware.catalogue import catalogue
from xlate.hardware.similarity import distance


@pytest.mark.parametrize(
    ("gpu", "others", "nearest"),
    [
        # the architecture decides before the board
        ("T4", ("L4", "A10", "H100-SXM5-80GB"), "A10"),
        # of one architecture the board does
        ("A100-SXM4-40GB", ("A10", "A100-PCIE-40GB"), "A100-PCIE-40GB"),
        ("V100-SXM2-16GB", ("V100-SXM2-16GB", "V100-PCIE-16GB"), "V100-SXM2-16GB"),
    ],
)
def test_the_nearest_gpu(gpu: str, others: tuple[str, ...], nearest: str) -> None:
    gpus = catalogue().gpu
    assert min(others, key=lambda n: distance(gpus(gpu), gpus(n))) == nearest


def test_distances_are_the_same_both_ways() -> None:
    a, b = (catalogue().gpu(n) for n in ("T4", "H100-SXM5-80GB"))
    there, back = distance(a, b), distance(b, a)
    assert there[:2] == pytest.approx(back[:2])
    assert there[0] == 3
