"""Recorded traces and folders of them, made here and TTU's own."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.meters_made import HEAD, dmon
from xlate.data.sources.ttu_dvfs import read as read_ttu
from xlate.errors import ProfileError, XlateError
from xlate.sweeps.describe import describe
from xlate.sweeps.sweep_folder import Run, aggregate, read_sweep
from xlate.telemetry import dcgm, read_trace, smi
from xlate.telemetry.trace import Trace


def test_dmon_text_is_read() -> None:
    text = dmon([(0.0, 80, 1000, 30, 210), (0.5, 150, 2000, 31, 1380)])
    # the header comes back, a value may be missing, the last line may break off
    text += HEAD + "    GPU 0  0.7 N/A 3000 32 1380\n    GPU 0  0.9 17"
    trace = dcgm.read(text, "t")
    assert trace.samples["POWER"].to_list() == [80.0, 150.0, None]
    assert trace.mean("POWER") == 150
    assert trace.mean("SMCLK") == 1380
    assert trace.energy_j() == (2.0, "counter")
    assert trace.notes == (
        "1 lines break off and were left out (8)",
        "power is missing in 1 of 3 samples",
    )
    assert trace.duration_s is None


def test_fields_by_number_and_by_other_names_are_the_same() -> None:
    by_id = dmon([(0.5, 150, 31)], head="#Entity  1002  155  150\nID\n")
    by_name = dmon([(0.5, 150, 31)], head="# Entity  SMACT  POWER  GTEMP\n Id\n")
    both = dmon([(0.5, 150, 31, 99)], head="# Entity  SMACT  POWER  GTEMP TMPTR\n Id\n")
    for text in (by_id, by_name, both):
        trace = dcgm.read(text, "t")
        assert trace.mean("TMPTR") == 31
        assert trace.mean("POWER") == 150


def test_fields_come_in_any_order() -> None:
    text = dmon([(1380, 0.5, 150)], head="# Entity SMCLK SMACT POWER\n Id\n")
    assert dcgm.read(text, "t").mean("SMCLK") == 1380


def test_several_gpus_must_be_distinguished() -> None:
    text = dmon([(0.5, 150, 1, 30, 1380)]) + "    GPU 3  0.5 90 1 30 1000\n"
    with pytest.raises(ProfileError, match=r"GPUs 0, 3.*\n.*--gpu-index"):
        dcgm.read(text, "t")
    trace = dcgm.read(text, "t", 3)
    assert trace.mean("POWER") == 90
    assert "1 rows of other GPUs" in trace.notes[0]
    with pytest.raises(ProfileError, match="no row of GPU 1"):
        dcgm.read(text, "t", 1)


def test_a_word_where_a_number_should_be() -> None:
    with pytest.raises(ProfileError, match="line 3: POWER is 'hot'"):
        dcgm.read(dmon([(0.5, "hot", 1, 30, 1380)]), "t")


def test_a_header_alone_is_no_recording() -> None:
    with pytest.raises(ProfileError, match="no sample"):
        dcgm.read(HEAD, "t")


def test_an_energy_counter_that_stops_or_wraps_is_reported() -> None:
    still = dcgm.read(dmon([(0.5, 150, 7, 30, 1380)] * 3), "t")
    assert still.energy_j() == (
        None,
        "the energy counter stands still, and no time stamps to integrate over",
    )
    wraps = dcgm.read(dmon([(0.5, 150, e, 30, 1380) for e in (9, 10, 2)]), "t")
    assert "wraps or was reset" in wraps.energy_j()[1]


SMI = "timestamp, index, power.draw [W], utilization.gpu [%], clocks.current.sm [MHz], temperature.gpu\n"


def smi_rows(seconds: list[float], power: list[float], busy: int = 90) -> str:
    return SMI + "".join(
        f"2024/01/31 12:00:{s:06.3f}, 0, {p:.2f} W, {busy} %, 1380 MHz, 50\n"
        for s, p in zip(seconds, power, strict=True)
    )


def test_energy_is_integrated_over_the_actual_time_stamps() -> None:
    """Uneven sampling: the oracle is the area under a ramp."""
    seconds = [0.0, 0.1, 0.5, 2.0, 2.1, 4.0]
    trace = smi.read(smi_rows(seconds, [100 + 10 * s for s in seconds]), "t")
    energy, origin = trace.energy_j()
    assert origin == "integrated"
    assert energy == pytest.approx(100 * 4 + 10 * 4**2 / 2, rel=1e-3)
    assert trace.duration_s == pytest.approx(4.0)
    assert trace.mean("SMCLK") == 1380


def test_smi_variants() -> None:
    text = (
        "power.draw [W], clocks.sm [MHz], utilization.memory [%]\n"
        "[N/A], 1380, 12\n90.5, 1380, [Not Supported]\n90.5, 13"
    )
    trace = smi.read(text, "t")
    assert trace.samples["POWER"].to_list() == [None, 90.5]
    assert trace.mean("MCUTL") == 12
    assert trace.notes == (
        "1 lines break off and were left out",
        "memory utilisation is missing in 1 of 2 samples",
        "power is missing in 1 of 2 samples",
    )
    with pytest.raises(ProfileError, match=r"no power\.draw"):
        smi.read("timestamp, utilization.gpu [%]\nx, 3\n", "t")
    with pytest.raises(ProfileError, match="line 2: POWER is 'warm'"):
        smi.read("power.draw [W], clocks.sm\nwarm, 3\n", "t")
    with pytest.raises(ProfileError, match="time goes backwards"):
        smi.read(smi_rows([2.0, 1.0], [90, 90]), "t")
    with pytest.raises(ProfileError, match="is not nvidia-smi's"):
        smi.read("timestamp, power.draw [W]\nnoon, 3 W\n", "t")


def test_two_gpus_of_an_smi_log_are_distinguished() -> None:
    text = SMI + "".join(
        f"2024/01/31 12:00:0{s}, {g}, {100 + g} W, 90 %, 1380 MHz, 50\n"
        for s in range(3)
        for g in (0, 1)
    )
    with pytest.raises(ProfileError, match="GPUs 0, 1"):
        smi.read(text, "t")
    assert smi.read(text, "t", 1).mean("POWER") == 101


def test_an_unknown_file_is_not_read_as_telemetry(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("hello\n")
    with pytest.raises(ProfileError, match="not telemetry that xlate reads"):
        read_trace(path)


@settings(max_examples=150, deadline=None)
@given(
    st.text(alphabet="# EntityGPU0123456789.N/A-\n ,[]WpowerdrSMCLK:/", max_size=300)
)
def test_any_text_gives_a_trace_or_an_xlate_error(text: str) -> None:
    for head in ("", HEAD, SMI):
        for reader in (dcgm, smi):
            trace = None
            if reader.sniff(head + text):
                with contextlib.suppress(XlateError):
                    trace = reader.read(head + text, "t")
            assert trace is None or isinstance(trace, Trace)


def test_a_run_in_numbers() -> None:
    """Against hand-made numbers: a ramp of 10 W/s, two clocks, one utilisation."""
    from xlate.hardware.catalogue import catalogue

    seconds = [0.0, 0.5, 2.0, 3.0]
    trace = smi.read(smi_rows(seconds, [100 + 10 * s for s in seconds]), "t")
    features = describe(trace, catalogue().gpu("V100-PCIe-32GB"))
    assert features["POWER_per_s"] == pytest.approx(10)
    assert features["POWER_mean"] == pytest.approx(100 + 10 * np.mean(seconds))
    assert features["POWER_max"] == 130
    assert features["POWER_p95"] == pytest.approx(
        np.quantile([100, 105, 120, 130], 0.95)
    )
    assert features["temperature_rise_per_min"] == pytest.approx(0, abs=1e-9)
    assert features["GPUTL_stability"] == 1
    assert features["SMCLK_over_max"] == 1
    assert features["POWER_over_limit"] == pytest.approx(features["POWER_mean"] / 250)
    assert features["GPUTL_over_POWER"] == pytest.approx(90 / features["POWER_mean"])
    assert not any(k.startswith(("TENSO", "TOTEC")) for k in features)
    # dcgmi prints no time, so it has no slopes
    assert "POWER_per_s" not in describe(
        dcgm.read(dmon([(0.5, 150, 1, 30, 1380)] * 3), "t")
    )


def run(
    mhz: int, k: int, power: float, time: float = 1.0, clock: int | None = None
) -> Run:
    samples = pl.DataFrame(
        {
            "SMACT": [0.0, 0.9, 0.9],
            "POWER": [50.0, power, power],
            "SMCLK": [210.0, clock or mhz, clock or mhz],
        }
    )
    return Run("V100", "job", mhz, (k,), Trace(samples, f"{mhz}-{k}"), time)


def test_the_cold_run_and_wild_runs_are_left_out() -> None:
    runs = [run(1000, 0, 500.0, 9.0)]  # cold
    runs += [run(1000, k, 100.0 + k) for k in range(1, 7)] + [run(1000, 7, 300.0)]
    table, notes = aggregate(runs)
    assert table["runs"].to_list() == [6]
    assert table["power_w"][0] == pytest.approx(103.5)
    assert table["time_s"][0] == 1.0
    assert table["power_cv"][0] == pytest.approx(np.std(range(101, 107)) / 103.5)
    assert notes == [
        "job at 1000 MHz: no energy counter, and no time stamps to integrate over"
    ]


def test_a_single_run_is_kept_and_a_clock_not_reached_is_flagged() -> None:
    table, notes = aggregate([run(1380, 0, 100.0, clock=1200)])
    assert table["runs"].to_list() == [1]
    assert table["followed"].to_list() == [False]
    assert (
        notes[0]
        == "job at 1380 MHz: the card ran at 1200 MHz, not at the clock requested"
    )


def test_the_folder_convention(tmp_path: Path) -> None:
    folder = tmp_path / "results_v100_resnet50_job_17"
    folder.mkdir()
    lines = []
    for seq, mhz in enumerate((1380, 1005), 1):
        for k in (1, 2, 3):
            name = f"run_{seq}_{k:02d}_freq_{mhz}_profile.csv"
            rows = [(0.9, 100 + k, 1000 * i, 30, mhz) for i in range(4)]
            (folder / name).write_text(dmon(rows))
            lines.append(f"{seq}_{k:02d},{mhz},{10.0 + k},0")
    (folder / "timing_summary.log").write_text("\n".join(lines))
    (folder / "README").write_text("notes")
    sweep = read_sweep(tmp_path)
    assert sweep.table.select("gpu", "workload", "sm_mhz", "runs").rows() == [
        ("v100", "resnet50", 1005.0, 2), ("v100", "resnet50", 1380.0, 2)
    ]  # fmt: skip
    assert sweep.table["time_s"].to_list() == [12.5, 12.5]
    assert sweep.table["energy_j"].to_list() == [3.0, 3.0]
    assert any("1 other files were not read, first: README" in n for n in sweep.notes)


def test_runs_of_another_gpu_and_of_an_idle_one(tmp_path: Path) -> None:
    folder = tmp_path / "results_v100_resnet50_job_17"
    folder.mkdir()
    names = [folder / f"run_1_{k}_freq_1380_profile.csv" for k in (1, 2, 3)]
    head = "name, power.draw [W], clocks.sm [MHz], utilization.gpu [%]\n"
    for name, busy in zip(names, (90, 0, 90), strict=True):
        name.write_text(head + f"Tesla V100-SXM2-16GB, 200 W, 1380 MHz, {busy} %\n" * 5)
    sweep = read_sweep(tmp_path)
    assert len(sweep.runs) == 2
    assert f"{names[1].name}: the GPU was idle in every sample: left out" in sweep.notes
    names[0].write_text(head + "Tesla T4, 60 W, 1380 MHz, 90 %\n" * 5)
    with pytest.raises(ProfileError, match="is of a Tesla T4, and its name says v100"):
        read_sweep(tmp_path)
    for name in names:
        name.write_text("Tesla V100-SXM2-16GB, 200 W, 1380 MHz, 90 %\n" * 5)
    fields = ("name", "power.draw", "clocks.sm", "utilization.gpu")
    assert read_sweep(tmp_path, fields=fields).table["power_w"].to_list() == [200.0]


def test_a_folder_without_runs(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="no run whose name"):
        read_sweep(tmp_path)
    with pytest.raises(ProfileError, match="no folder"):
        read_sweep(tmp_path / "absent")


def test_ttus_traces_agree_with_its_published_table(ttu_raw: Path) -> None:
    """Within 1 %, as published; the runs were recorded every 20 ms, cold run first."""
    from xlate.data.corpus import cards

    sweep = read_sweep(ttu_raw / "a100" / "dcgm_results").table
    published = read_ttu(cards()["ttu-dvfs"], ttu_raw)["sweeps"]
    both = sweep.join(published, on=["gpu", "workload", "sm_mhz"], suffix="_published")
    assert both.height == sweep.height == 14
    off = (both["power_w"] / both["power_w_published"] - 1).abs()
    assert (off < 0.01).all()
    assert (both["energy_from"] == "counter").all()
    assert both["followed"].all()


@pytest.fixture(scope="module")
def ttu_raw() -> Path:
    raw = os.environ.get("XLATE_DATA_HOME")
    folder = Path(raw) / "ttu-dvfs" if raw else None
    if folder is None or not folder.is_dir():
        pytest.skip("XLATE_DATA_HOME/ttu-dvfs is not here")
    return folder
