"""nvidia-smi's XML, by schema."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlate.errors import ProfileError, XlateError
from xlate.telemetry import read_trace, smi_xml

POWER = {
    "v10": "<power_readings><power_draw>{w:.2f} W</power_draw></power_readings>",
    "v11": "<power_readings><power_state>P0</power_state><power_draw>{w:.2f} W</power_draw></power_readings>",
    "v12": "<gpu_power_readings><power_draw>{w:.2f} W</power_draw></gpu_power_readings>",
    "v13": "<gpu_power_readings><average_power_draw>1.00 W</average_power_draw><instant_power_draw>{w:.2f} W</instant_power_draw></gpu_power_readings>",
    "v13-average": "<gpu_power_readings><average_power_draw>{w:.2f} W</average_power_draw><instant_power_draw>N/A</instant_power_draw></gpu_power_readings>",
}  # fmt: skip


def log(
    schema: str = "v12",
    watts: tuple[float, ...] = (60.0,),
    second: int = 0,
    util: str = "97 %",
    stamp: str = "Fri Nov 20 12:00:{:02d} 2026",
) -> str:
    cards = "".join(
        f"<gpu id='0'><product_name>Tesla T4</product_name>{POWER[schema].format(w=w)}"
        f"<utilization><gpu_util>{util}</gpu_util><memory_util>41 %</memory_util></utilization>"
        "<clocks><graphics_clock>1590 MHz</graphics_clock><sm_clock>1575 MHz</sm_clock>"
        "<mem_clock>5000 MHz</mem_clock></clocks><temperature><gpu_temp>66 C</gpu_temp></temperature></gpu>"
        for w in watts
    )
    return (
        f'<?xml version="1.0" ?>\n<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_{schema[:3]}.dtd">\n'
        f"<nvidia_smi_log><timestamp>{stamp.format(second)}</timestamp>{cards}</nvidia_smi_log>\n"
    )


@pytest.mark.parametrize("schema", POWER)
def test_every_schema_is_read(schema: str, tmp_path: Path) -> None:
    path = tmp_path / "log.xml"
    path.write_text("".join(log(schema, (60.0 + k,), 2 * k) for k in range(3)))
    samples = read_trace(path).samples
    assert samples["POWER"].to_list() == [60.0, 61.0, 62.0]
    assert samples["TIME"].to_list() == [0.0, 2.0, 4.0]
    assert samples.row(0, named=True) | {"POWER": 0} == {
        "POWER": 0, "GPUTL": 97.0, "MCUTL": 41.0, "SMCLK": 1575.0, "MMCLK": 5000.0,
        "TMPTR": 66.0, "TIME": 0.0,
    }  # fmt: skip


def test_what_is_not_measured_has_no_column() -> None:
    assert "GPUTL" not in smi_xml.read(log(util="N/A"), "x").samples.columns
    assert "TIME" not in smi_xml.read(log(stamp="today"), "x").samples.columns


def test_several_gpus_must_be_distinguished() -> None:
    text = log(watts=(50.0, 70.0))
    with pytest.raises(ProfileError, match="rows of GPUs 0, 1"):
        smi_xml.read(text, "x")
    assert smi_xml.read(text, "x", 1).samples["POWER"].to_list() == [70.0]


def test_a_document_that_breaks_off_is_counted() -> None:
    trace = smi_xml.read(log() + log(second=1)[:-40], "x")
    assert trace.samples.height == 1
    assert trace.notes == ("1 documents break off and were left out",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (log()[:-40], "no whole nvidia_smi_log"),
        (log().replace("power_draw", "power_drawn"), "no power in 1 of 1 samples"),
        (log(second=5) + log(second=1), "time goes backwards"),
        (log().replace("<gpu id", "<gpu & id"), "not XML"),
        ("<!ENTITY a 'aaaa'>" + log(), "entities"),
        (log(watts=()), "no whole nvidia_smi_log with a GPU"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str) -> None:
    with pytest.raises(ProfileError, match=said):
        smi_xml.read(text, "x")


@given(st.integers(0, 700), st.text(max_size=8))
@settings(deadline=None)
def test_a_damaged_log_is_read_or_refused(at: int, noise: str) -> None:
    text = log() + log(second=3)
    try:
        trace = smi_xml.read(text[:at] + noise + text[at + len(noise) :], "x")
    except XlateError:
        return
    assert trace.samples.height >= 1
