"""Roofs: physics that must hold after any fit, and known parameters recovered."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from xlate.errors import CatalogError
from xlate.hardware.catalogue import Fact, catalogue
from xlate.hardware.values import Gpu
from xlate.models.zero_shot.roofs import DEFAULT_ROOFS, Observed, Roofs, log_ratios

MEASURED = (
    "T4",
    "V100-PCIe-32GB",
    "A100-PCIe-40GB",
    "H100-SXM5-80GB",
    "L4",
    "P4",
    "M60",
)


def other(gpu: Gpu, **facts: int) -> Gpu:
    changed = {k: Fact(v, "U", "made") for k, v in facts.items()}
    return replace(gpu, facts=MappingProxyType({**gpu.facts, **changed}))


def test_the_ratio_of_a_reversed_pair_is_the_inverse() -> None:
    gpus = catalogue()
    t4, h100 = gpus.gpu("T4"), gpus.gpu("H100-SXM5-80GB")
    there, back = (log_ratios(DEFAULT_ROOFS, *p) for p in ((t4, h100), (h100, t4)))
    assert there.keys() == back.keys() == {"compute", "memory", "serial"}
    for nature in there:
        assert there[nature] == pytest.approx(-back[nature])
        assert there[nature] < 0


def test_watts_that_are_not_there_slow_arithmetic_and_leave_memory() -> None:
    t4 = catalogue().gpu("T4")
    fed = other(t4, tdp_w=700)
    (slow, memory), (fast, same) = (DEFAULT_ROOFS.rates(g) for g in (t4, fed))
    assert slow < fast - 0.2
    assert memory == same
    # at full power it is the peak
    assert fast == pytest.approx(np.log(8.1), abs=0.01)


def test_bandwidth_beyond_what_is_asked_for_is_of_little_use() -> None:
    v100 = catalogue().gpu("V100-PCIe-32GB")
    base = DEFAULT_ROOFS.rates(v100)[1]
    double, tenfold = (
        DEFAULT_ROOFS.rates(other(v100, bandwidth_gb_per_s=900 * k))[1] - base
        for k in (2, 10)
    )
    assert 0 < double < np.log(2)
    assert tenfold < np.log(3)


def test_parameters_are_found_again() -> None:
    true = Roofs((-0.35, np.log(7.0), 1.1, 0.5, np.log(11.0), np.log(1.7)))
    seen = [Observed(g, "made", *true.rates(g)) for g in map(catalogue().gpu, MEASURED)]
    # up to a constant of the corpus, which nobody knows
    seen = [replace(o, compute=o.compute + 5, memory=o.memory - 3) for o in seen]
    fitted = Roofs.fit(seen)
    left_out = catalogue().gpu("A10G")
    anchor = catalogue().gpu("T4")
    want, got = (log_ratios(r, anchor, left_out) for r in (true, fitted))
    for nature in want:
        assert got[nature] == pytest.approx(want[nature], abs=0.06)
    assert Roofs.from_dict(fitted.to_dict()) == fitted


def test_a_fact_that_nobody_knows_is_named() -> None:
    with pytest.raises(
        CatalogError, match=r"Max-1550.* lacks: process_nm, schedulers_per_sm"
    ):
        DEFAULT_ROOFS.rates(catalogue().gpu("Max-1550"))
