"""Impossible samples are left out of means, and are counted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.soak.kinds.telemetry_files import HEAD, smi
from tests.support.narrowing import present
from xlate.errors import ProfileError
from xlate.hardware.catalogue import catalogue
from xlate.sweeps.probe import read_telemetry
from xlate.telemetry import read_trace
from xlate.telemetry.sanity import Bounds


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "t.csv"


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("120.5 W", "nan W", "power of not a number"),
        ("120.5 W", "inf W", "power of not a number"),
        ("120.5 W", "-3 W", "power of -3"),
        ("120.5 W", "0.00 W", "power of 0"),
        ("120.5 W", "120500 W", "power of 120500"),
        ("95 %", "300 %", "GPU utilisation of 300"),
        ("95 %", "-1 %", "GPU utilisation of -1"),
        ("875 MHz", "99999 MHz", "core clock of 99999"),
        (", 60\n", ", 900\n", "temperature of 900"),
    ],
)
def test_a_sample_that_cannot_be_is_left_out_and_counted(
    path: Path, good: str, bad: str, said: str
) -> None:
    text = smi()
    path.write_text(text)
    clean = read_telemetry(path)
    path.write_text(text.replace(good, bad, 3))
    probe = read_telemetry(path)
    assert probe.power_w == pytest.approx(clean.power_w)
    assert probe.metrics == pytest.approx(clean.metrics)
    (left,) = present(probe.trace).left_out
    assert left.text.startswith(f"3 of 30 samples were left out: {said}")
    # over half of them: nothing to go by
    path.write_text(text.replace(good, bad, 16))
    with pytest.raises(ProfileError, match="16 of 30 samples cannot be"):
        read_telemetry(path)


def test_what_a_value_must_be_is_said_as_it_is_meant(path: Path) -> None:
    path.write_text(smi().replace("120.5 W", "-28.4 W", 5).replace("95 %", "300 %", 3))
    said = [left.text for left in read_trace(path).left_out]
    assert any("GPU utilisation of 300, which must be from 0 to 100" in t for t in said)
    assert any(
        "power of -28.4, which must be over 0 and at most 10000 W" in t for t in said
    )


def test_activities_lie_between_0_and_1(path: Path) -> None:
    head = "# Entity SMACT DRAMA POWER\n Id\n"
    path.write_text(head + "GPU 0 0.9 0.4 200\n" * 8 + "GPU 0 40.0 0.4 200\n")
    trace = read_trace(path)
    assert trace.mean("SMACT") == pytest.approx(0.9)
    assert trace.left_out[0].field == "SM activity"
    # a rounding over 1 is no fault
    path.write_text(head + "GPU 0 1.001 0.4 200\n" * 8)
    assert read_telemetry(path).metrics["sm_active"] == 1.0


def test_what_is_missing_is_counted_and_too_much_of_it_refused(path: Path) -> None:
    path.write_text(smi().replace("120.5 W", "[N/A]", 3))
    assert "power is missing in 3 of 30 samples" in read_trace(path).notes
    path.write_text(smi().replace("120.5 W", "[Not Supported]", 16))
    with pytest.raises(ProfileError, match="no power in 16 of 30 samples"):
        read_trace(path)
    path.write_text(smi().replace(" 40 %", " [N/A]", 20))
    trace = read_trace(path)
    assert trace.mean("MCUTL") is None
    assert (
        "memory utilisation is known in 10 of 30 samples and was not used"
        in trace.notes
    )


def test_the_files_own_limits_bound_power_and_clock(path: Path) -> None:
    head = HEAD.replace("temperature.gpu", "power.limit [W], clocks.max.sm [MHz]")
    rows = smi().removeprefix(HEAD).replace(", 60\n", ", 149.00 W, 875 MHz\n")
    rows = rows.replace("120.5 W", "310 W", 2).replace(
        "875 MHz, 2505", "1400 MHz, 2505", 4
    )
    path.write_text(head + rows)
    left = {x.field: x for x in read_trace(path).left_out}
    assert left["power"].count == 2
    assert left["core clock"].count == 2  # the other two fell with their power
    assert "over the highest clock (the file's own)" in left["core clock"].text


def test_the_card_bounds_power_and_clock(path: Path) -> None:
    t4 = catalogue().gpu("T4")
    path.write_text(
        smi(name="Tesla T4", mhz="1590 MHz", watts="60 W").replace(" 60 W", " 200 W", 4)
    )
    probe = read_telemetry(path)
    assert not present(probe.trace).left_out
    within = probe.within(t4)
    assert within.power_w == 60
    assert present(within.trace).left_out[0].text == (
        "4 of 30 samples were left out: power of 200, which is over twice the power "
        "limit (that of T4, 70 W)"
    )
    assert within.within(t4) is within
    path.write_text(smi(name="Tesla T4", mhz="1980 MHz", watts="60 W"))
    with pytest.raises(
        ProfileError, match="30 of 30 samples cannot be: core clock of 1980"
    ):
        read_telemetry(path).within(t4)
    assert read_trace(path).within(Bounds()).samples.height == 30


def test_one_sample_of_work_is_no_recording(path: Path) -> None:
    path.write_text(smi(1))
    with pytest.raises(ProfileError, match="1 sample of the GPU at work"):
        read_telemetry(path)
    path.write_text(smi().replace("95 %", "0 %", 29))
    with pytest.raises(ProfileError, match="1 sample of the GPU at work"):
        read_telemetry(path)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("telemetry_other_gpu_idle.xml", "the GPU was idle in every sample"),
        ("smi_repeated_header.csv", r"no power\.draw"),
    ],
)
def test_real_files_that_are_no_telemetry_of_a_job(name: str, said: str) -> None:
    home = os.environ.get("XLATE_DATA_HOME")
    path = Path(home or "").parent / "cases" / "traces" / name
    if home is None or not path.is_file():
        pytest.skip(f"{name} of other people's files is not here")
    with pytest.raises(ProfileError, match=said):
        read_telemetry(path)
