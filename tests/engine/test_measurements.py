"""What a user measured: recordings of the job, and of nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.kinds.clock_dumps import dump
from tests.soak.kinds.telemetry_files import HEAD, smi
from xlate.engine.measurements import (
    check_device,
    check_probes,
    metered_shares,
    probe_doubts,
)
from xlate.errors import CatalogError, ProfileError
from xlate.hardware.catalogue import catalogue
from xlate.hardware.legal_points import LegalClocks, from_dump
from xlate.hardware.naming import names_another
from xlate.sweeps.probe import Probe, read_probe, read_telemetry

LEGAL = LegalClocks(877, (765.0, 1071.0, 1530.0), "made here")


@pytest.mark.parametrize(
    ("device", "own", "another"),
    [
        ("NVIDIA GeForce RTX 2070", ["K80", "Tesla K80"], True),
        ("AMD Radeon Graphics", ["K80", "Tesla K80"], True),
        ("AMD Instinct MI250X/MI250", ["MI300X", "AMD Instinct MI300X"], True),
        ("NVIDIA A100-PG509-200", ["K80"], True),
        ("NVIDIA A100-PG509-200", ["A100-SXM4-40GB"], False),
        ("NVIDIA GRID V100D-16C", ["V100-SXM2-16GB"], False),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", ["A100-SXM4-40GB"], False),
        ("NVIDIA A10G", ["A100-SXM4-40GB"], True),
        ("NVIDIA Graphics Device", ["K80"], False),
        ("GPU-1234", ["K80"], False),
        ("Abacus 3", ["K80"], True),
        ("", ["K80"], False),
    ],
)
def test_a_name_is_anothers_where_vendor_or_model_differ(
    device: str, own: list[str], another: bool
) -> None:
    assert names_another(device, own) is another


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (smi(watts="26 W", busy="0 %"), "idle in every sample"),
        (smi(1, watts="4.61 W", busy="0 %"), "idle in every sample"),
        (smi(watts="-5 W"), "power of -5"),
        (smi(watts="120500 W"), "power of 120500"),
        (smi(busy="300 %"), "GPU utilisation of 300"),
        (smi(busy="-3 %"), "GPU utilisation of -3"),
    ],
)
def test_samples_outside_a_job_are_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(ProfileError, match=said):
        read_telemetry(path)


def test_a_header_before_every_sample_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(smi())
    once = read_telemetry(path)
    path.write_text(smi(each=True))
    assert path.read_text().count(HEAD) > 1
    assert read_telemetry(path) == once
    assert once.device == "Tesla K80"


def test_a_recording_of_another_gpu_is_refused() -> None:
    gpus = catalogue()
    k80 = gpus.gpu("K80")
    for name in ("Tesla V100-SXM2-16GB", "Quadro P2000", "NVIDIA GeForce RTX 4090"):
        with pytest.raises(ProfileError, match="another GPU than the K80"):
            check_device(Probe(800, 100, device=name), k80, gpus, "telemetry")
    for same in (None, "Tesla K80", "NVIDIA Graphics Device"):
        check_device(Probe(800, 100, device=same), k80, gpus, "telemetry")


def test_power_beyond_the_board_is_no_telemetry_of_it() -> None:
    shares = {"gpu_utilization": 90.0, "memory_utilization": 40.0}
    k80 = catalogue().gpu("K80")
    assert metered_shares(Probe(800, 120, metrics=shares), k80)
    with pytest.raises(ProfileError, match="drew 900 W"):
        metered_shares(Probe(800, 900, metrics=shares), k80)


@pytest.mark.parametrize(
    ("probes", "said"),
    [
        ([Probe(1530, 2000, 1.0)], "drew 2000 W, on a GPU that may draw 300 W"),
        ([Probe(1530, 0.2, 1.0)], "drew 0.2 W"),
        ([Probe(1530, 200, 1.0), Probe(1530, 50, 10.0)], "at the same clock"),
        ([Probe(1530, 200, 1.0), Probe(1530, 60, 1.0)], "at the same clock"),
        ([Probe(1530, 200, 1.0), Probe(765, 260, 0.2)], "faster at a lower clock"),
    ],
)
def test_probes_that_cannot_be_of_one_job_are_refused(
    probes: list[Probe], said: str
) -> None:
    with pytest.raises(ProfileError, match=said):
        check_probes("max-only", probes, LEGAL, 300.0)


def test_probes_that_repeat_within_noise_are_taken() -> None:
    check_probes(
        "max-only", [Probe(1530, 200, 1.0), Probe(1530, 205, 1.02)], LEGAL, 300.0
    )
    # what waits for memory or the host is as fast at a lower clock
    check_probes(
        "max-only", [Probe(1530, 200, 1.0), Probe(1071, 120, 0.99)], LEGAL, 300.0
    )


@pytest.mark.parametrize(
    "value", ["true", "1" + "0" * 400, "[1]"], ids=["true", "huge", "list"]
)
def test_a_json_probe_holds_numbers(tmp_path: Path, value: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(f'{{"sm_mhz": 1530, "time_s": {value}, "power_w": 200}}')
    with pytest.raises(ProfileError, match="is not a probe"):
        read_probe(path)


def test_a_metric_of_a_json_probe_lies_in_its_range(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    path.write_text('{"sm_mhz": 1530, "time_s": 1, "power_w": 200, "dram_active": 55}')
    with pytest.raises(ProfileError, match="dram_active is 55"):
        read_probe(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (dump(product="NVIDIA A100-PG509-200"), "not of V100-SXM2-16GB"),
        (dump(memory=-5), "gives no clock"),
        (dump((1530, "12OO", 900)), "gives no clock"),
    ],
)
def test_a_dump_of_another_card_or_with_a_broken_clock_is_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "clocks.txt"
    path.write_text(text)
    gpus = catalogue()
    with pytest.raises(CatalogError, match=said):
        from_dump(path, gpus.gpu("V100-SXM2-16GB"), gpus)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (
            (765, 40, 100),
            (1530, 10, 250),
            "4.00 times as long at a clock 2.00 times lower",
        ),
        ((765, 10, 250), (1530, 10, 250), "neither time nor power says that the clock"),
        ((765, 10, 150), (1530, 10, 250), "arithmetic binds"),
        ((1530, 10, 250), (1530, 10, 250), "one probe is given twice"),
    ],
)
def test_probes_that_no_clock_explains_are_refused(
    low: tuple[int, int, int], high: tuple[int, int, int], said: str
) -> None:
    arithmetic = {"gpu_utilization": 99.0, "memory_utilization": 10.0}
    probes = [Probe(f, w, t, arithmetic) for f, t, w in (low, high)]
    with pytest.raises(ProfileError, match=said):
        check_probes("max-only", probes, LEGAL, 300)


def test_a_little_slower_than_the_clock_is_doubted_and_memory_may_bind() -> None:
    slow = [Probe(765, 100, 24.0), Probe(1530, 250, 10.0)]
    check_probes("max-only", slow, LEGAL, 300)
    doubt = probe_doubts(slow)
    assert doubt[0][0] == "widen"
    assert "2.40 times as long" in doubt[0][1]
    memory = {"gpu_utilization": 99.0, "memory_utilization": 90.0}
    bound = [Probe(765, 100, 10.0, memory), Probe(1530, 250, 10.0, memory)]
    check_probes("max-only", bound, LEGAL, 300)
    assert probe_doubts(bound) == []
