"""Each meter's formats, in the variants that people record; all made here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.narrowing import present
from xlate.errors import ProfileError
from xlate.telemetry import is_telemetry, read_trace
from xlate.telemetry.json_stream import documents
from xlate.telemetry.stamps import moment, times_of
from xlate.telemetry.trace import Trace

#: reads a text as a meter's log
Reader = Callable[..., Trace]


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    def from_text(
        text: str, gpu: int | None = None, fields: list[str] | None = None
    ) -> Trace:
        path = tmp_path / "meter"
        path.write_text(text, encoding="utf-8")
        return read_trace(path, gpu, fields)

    return from_text


NAMES = "timestamp, index, name, power.draw [W], clocks.sm [MHz], utilization.gpu [%], utilization.memory [%]"
T4 = "0, Tesla T4, {w:.2f} W, 1590 MHz, 97 %, 41 %"


def rows(
    n: int = 4,
    stamp: str = "2024/05/01 12:00:{s:06.3f}",
    cells: str = T4,
    step: float = 0.1,
    watts: float = 60.0,
) -> list[str]:
    return [
        f"{stamp.format(s=k * step)}, {cells.format(w=watts + k)}" for k in range(n)
    ]


@pytest.mark.parametrize(
    "stamp",
    [
        "2024/05/01 12:00:{s:06.3f}",
        "2024-05-01 12:00:{s:09.6f}",
        "2024-05-01T12:00:{s:06.3f}",
        "2024-05-01T12:00:{s:06.3f}Z",
        "2024-05-01T12:00:{s:06.3f}+02:00",
        "20240501 12:00:{s:06.3f}",
    ],
)
def test_time_stamps_of_every_form_are_read(read: Reader, stamp: str) -> None:
    trace = read("\n".join([NAMES, *rows(stamp=stamp)]))
    assert trace.samples["TIME"].to_list() == pytest.approx([0, 0.1, 0.2, 0.3])
    assert trace.device == "Tesla T4"
    assert trace.zoned == (stamp.endswith(("Z", "+02:00")))
    assert trace.mean("POWER") == pytest.approx(61.5)
    assert trace.interval_s == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        ("1714564800", 1714564800),
        ("1714564800.25", 1714564800.25),
        ("1714564800250", 1714564800.25),
        ("1714564800250000000", 1714564800.25),
        ("Wed May  1 12:00:00 2024", 1714564800),
        ("2024-05-01T14:00:00+0200", 1714564800),
        ("12:00:01", 43201.0),
        ("2024/13/01 12:00:00", None),
        ("noon", None),
        ("17", None),
        ("2024/02/30 12:00:00", None),
    ],
)
def test_a_moment_is_the_same_in_every_form(stamp: str, seconds: float | None) -> None:
    parsed = moment(stamp)
    assert (None if parsed is None else parsed[0]) == (
        None if seconds is None else pytest.approx(seconds)
    )


def test_times_repeat_run_over_midnight_and_out_of_order() -> None:
    assert times_of([None, None], "x") is None
    over = times_of(["23:59:59", "00:00:00", "00:00:01"], "x")
    assert over is not None
    assert over.seconds.tolist() == [0, 1, 2]
    assert over.start is None
    few = times_of([f"2024/05/01 12:00:{s:02d}" for s in (*range(30), 28, 30)], "x")
    assert few is not None
    assert few.notes == ("1 samples were out of order and were put in order",)
    assert (few.seconds[1:] >= few.seconds[:-1]).all()
    twice = [f"2024/05/01 12:00:{s:02d}" for s in (*range(10), *range(10))]
    with pytest.raises(ProfileError, match="time goes backwards in 9 of 20"):
        times_of(twice, "x")


def test_the_mean_is_weighted_by_time(read: Reader) -> None:
    """10 s at 100 W in three samples, then 1 s at 200 W in ten."""
    lines = [f"2024/05/01 12:00:{s:06.3f}, 100 W, 90 %" for s in (0, 4.0, 8.0)]
    lines += [f"2024/05/01 12:00:{9.95 + k / 10:06.3f}, 200 W, 90 %" for k in range(10)]
    trace = read("\n".join(["timestamp, power.draw [W], utilization.gpu [%]", *lines]))
    assert present(trace.mean("POWER")) < 150  # a plain mean says 177
    # a row a tenth of a second under stamps of whole seconds: they share it
    lines = ["2024/05/01 12:00:00, 100 W, 90 %"] * 10
    lines += ["2024/05/01 12:00:01, 200 W, 90 %"]
    trace = read("\n".join(["timestamp, power.draw [W], utilization.gpu [%]", *lines]))
    assert trace.mean("POWER") == pytest.approx(150)


def test_a_csv_without_a_header_needs_the_names_of_its_columns(
    read: Reader, tmp_path: Path
) -> None:
    bare = "\n".join(rows())
    names = [n.split(" [")[0] for n in NAMES.split(", ")]
    trace = read(bare, None, names)
    assert trace.mean("POWER") == pytest.approx(61.5)
    assert trace.device == "Tesla T4"
    with pytest.raises(ProfileError, match=r"no header.*\n.*--fields timestamp"):
        read(bare)
    assert is_telemetry(tmp_path / "meter")
    with pytest.raises(ProfileError, match="have 7 columns, not 6 as named"):
        read(bare, None, names[:-1])
    with pytest.raises(ProfileError, match="has a header: "):
        read("\n".join([NAMES, *rows()]), None, names[::-1])
    assert read("\n".join([NAMES, *rows()]), None, names).device == "Tesla T4"
    nounits = bare.replace(" W", "").replace(" MHz", "").replace(" %", "")
    assert read(nounits, None, names).mean("GPUTL") == 97


@pytest.mark.parametrize(
    ("heading", "cell"),
    [
        ("power.draw [mW]", "61500"),
        ("power.draw [mW]", "61500 mW"),
        ("power.draw", "61500 mW"),
        ("power.draw [W]", "61.5"),
        ("power.draw (kW)", "0.0615"),
        ("power.draw [W]", "61500 mW"),
    ],
)
def test_power_is_read_in_the_unit_that_is_written(
    read: Reader, heading: str, cell: str
) -> None:
    text = (
        f"{heading}, clocks.sm [GHz], utilization.gpu [%]\n" + f"{cell}, 1.59, 97\n" * 3
    )
    trace = read(text)
    assert trace.mean("POWER") == pytest.approx(61.5)
    assert trace.mean("SMCLK") == pytest.approx(1590)


def test_power_in_another_unit_than_of_power_is_refused(read: Reader) -> None:
    for heading, cell in (("power.draw [J]", "61"), ("power.draw [W]", "61 %")):
        with pytest.raises(ProfileError, match=r"POWER is in '[J%]'"):
            read(f"{heading}, utilization.gpu [%]\n" + f"{cell}, 97\n" * 3)
    document = [{"gpu": 0, "power": {"socket_power": {"value": 612000, "unit": "mW"}}}]
    assert read(json.dumps(document * 3)).mean("POWER") == 612


def test_other_tables_of_nvidia_smi(read: Reader) -> None:
    repeated = "\n".join(f"{NAMES}\n{r}" for r in rows())
    assert read(repeated).samples.height == 4
    excel = "\n".join([NAMES, *rows()]).replace(", ", ";").replace(".", ",")
    excel = excel.replace("power,draw", "power.draw").replace("clocks,sm", "clocks.sm")
    excel = excel.replace("utilization,", "utilization.")
    assert read(excel).mean("POWER") == pytest.approx(61.5)
    records = [
        {"timestamp": f"2024-05-01T12:00:0{k}", "power.draw": 60 + k, "name": "Tesla T4",
         "utilization.gpu": "97 %"}
        for k in range(3)
    ]  # fmt: skip
    for text in (json.dumps(records), "\n".join(map(json.dumps, records))):
        trace = read(text)
        assert trace.mean("POWER") == 61
        assert trace.device == "Tesla T4"
    other_names = NAMES.replace("power.draw [W]", "power_draw (W)").upper()
    assert read("\n".join([other_names, *rows()])).mean("POWER") == pytest.approx(61.5)
    # of two powers the one of the moment, of two clocks the multiprocessors'
    both = "power.draw.average [W], power.draw.instant [W], clocks.gr, clocks.sm\n"
    trace = read(both + "1 W, 90 W, 7, 1590\n" * 3)
    assert trace.mean("POWER") == 90
    assert trace.mean("SMCLK") == 1590


def test_several_gpus_of_nvidia_smi(read: Reader) -> None:
    two = [
        f"2024/05/01 12:00:0{s}.{g:03d}, {g}, {name}, {60 + 40 * g} W, 1590 MHz, 97 %, 41 %"
        for s in range(5)
        for g, name in enumerate(("Tesla T4", "NVIDIA A10G"))
    ]
    with pytest.raises(ProfileError, match=r"GPUs 0, 1 \(NVIDIA A10G, Tesla T4\)"):
        read("\n".join([NAMES, *two]))
    trace = read("\n".join([NAMES, *two]), 1)
    assert (trace.device, trace.mean("POWER")) == ("NVIDIA A10G", 100)
    assert "5 rows of other GPUs were left out" in trace.notes
    unnumbered = [NAMES.replace(", index, name", "")]
    unnumbered += [
        f"2024/05/01 12:00:0{s}.{4 * g:03d}, {60 + g} W, 1590 MHz, 97 %, 41 %"
        for s in range(5)
        for g in range(4)
    ]
    with pytest.raises(ProfileError, match="rows come 4 at a time"):
        read("\n".join(unnumbered))


def test_one_number_with_two_names_is_refused(read: Reader) -> None:
    other = [
        r.replace("Tesla T4", "NVIDIA L4").replace(":00:", ":01:") for r in rows(2)
    ]
    with pytest.raises(ProfileError, match="of Tesla T4 and of NVIDIA L4"):
        read("\n".join([NAMES, *rows(2), *other]))


DMON = "# gpu   pwr gtemp mtemp    sm   mem   enc   dec  mclk  pclk\n# Idx     W     C     C     %     %     %     %   MHz   MHz\n"


def test_dmon_of_nvidia_smi(read: Reader) -> None:
    text = DMON + "    0    62    27     -    78    15   100     5  6250  1710\n" * 3
    trace = read(
        text
        + DMON
        + "    0    64    27     -    78    15   100     5  6250  1710\n    0  6"
    )
    assert trace.mean("POWER") == 62.5
    assert (trace.mean("SMCLK"), trace.mean("MCUTL"), trace.mean("MMCLK")) == (
        1710,
        15,
        6250,
    )
    assert trace.notes == ("1 lines break off and were left out",)
    dated = DMON.replace("# gpu", "#Date       Time        gpu").replace(
        "# Idx", "#YYYYMMDD   HH:MM:SS    Idx"
    )
    dated += "".join(
        f" 20240501   12:00:0{s}     {g}    {60 + g}    27     -    78    15     0     0  6250  1710\n"
        for s in range(3)
        for g in (0, 1)
    )
    with pytest.raises(ProfileError, match="GPUs 0, 1"):
        read(dated)
    trace = read(dated, 1)
    assert (trace.duration_s, trace.mean("POWER")) == (2, 61)
    assert (
        read(
            dated.replace("20240501   ", "").replace("#Date       ", "#"), 0
        ).duration_s
        == 2
    )
    csv = "#gpu, pwr, gtemp, sm, mem, mclk, pclk\n#Idx, W, C, %, %, MHz, MHz\n"
    assert read(csv + "0, 70, 40, 90, 30, 5000, 1590\n" * 2).mean("POWER") == 70


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "# gpu        pid  type    sm   mem   enc   dec   command\n    0   1  C 9 9 - - python\n",
            "pmon, which names processes",
        ),
        (
            "# gpu    sm   mem   enc   dec\n# Idx     %     %     %     %\n    0    90    10     0     0\n",
            r"no power \(pwr\)",
        ),
        ("| NVIDIA-SMI 535.54.03   Driver Version: 535.54.03 |\n", "prints for people"),
        (
            "timestamp, utilization.gpu [%]\n2024/05/01 12:00:00.000, 9 %\n",
            "no power.draw",
        ),
    ],
)
def test_what_holds_no_power_is_refused_by_name(
    read: Reader, text: str, said: str
) -> None:
    with pytest.raises(ProfileError, match=said):
        read(text)


def test_dcgm_with_any_fields(read: Reader) -> None:
    head = "#Entity   DVNAM   SMACT  DRAMA  POWER  SMCLK\nID                        W\n"
    body = "GPU 0     NVIDIA A100-SXM4-40GB   N/A  N/A  300.5  1410\n"
    body += "GPU 0     NVIDIA A100-SXM4-40GB   0.9  0.4  300.5  1410\n" * 3
    trace = read(head + body)
    assert trace.device == "NVIDIA A100-SXM4-40GB"
    assert trace.mean("DRAMA") == pytest.approx(0.4)
    parts = (
        "# Entity  GRACT  POWER\n      Id\n"
        + "    GPU 0  0.5  200\n  GPU-I 0  0.9  N/A\n  GPU-I 1  0.1  N/A\n" * 3
    )
    trace = read(parts)
    assert trace.samples.height == 3
    assert "6 rows of parts of a GPU (MIG) or of others were left out" in trace.notes
    stamped = "".join(
        f"2024-05-01 12:00:0{s} {line}\n"
        for s, line in enumerate(
            ["# Entity GRACT POWER", "GPU 0 0.5 200", "GPU 0 0.5 210", "GPU 0 0.5 220"]
        )
    )
    assert read(stamped).duration_s == 2
    words = (
        "#Entity  POWER  FBUSD  PSTAT  ARCH\nID\n" + "GPU 3  200  8192  0  Ampere\n" * 2
    )
    assert read(words).mean("POWER") == 200


@pytest.mark.parametrize(
    "blank", ["9223372036854775794", "9.22337e+18", "2147483632", "140737488355328.0"]
)
def test_blanks_of_dcgm_go_into_no_mean(read: Reader, blank: str) -> None:
    text = "# Entity GRACT POWER TOTEC\n Id\n" + "GPU 0 0.5 200 1000\n" * 3
    trace = read(text + f"GPU 0 0.5 {blank} {blank}\n")
    assert trace.mean("POWER") == 200
    assert "power is missing in 1 of 4 samples" in trace.notes


ROCM = {
    "Card Series": "AMD Instinct MI300X", "GPU use (%)": "98",
    "Current Socket Graphics Package Power (W)": "550.0",
    "Max Graphics Package Power (W)": "750.0",
    "GPU Memory Read/Write Activity (%)": "40", "GPU Memory Allocated (VRAM%)": "77",
    "sclk clock speed:": "(2100Mhz)", "sclk clock level:": "1",
    "mclk clock speed:": "(1300Mhz)", "Temperature (Sensor junction) (C)": "71.0",
}  # fmt: skip


def rocm_texts() -> dict[str, str]:
    """The same two samples as csv, JSON and text."""
    csv = "WARNING: AMD GPU device(s) is/are in a low-power state.\n\n"
    plain = "============ ROCm System Management Interface ============\n"
    for _ in range(2):
        csv += (
            "device," + ",".join(ROCM) + "\ncard0," + ",".join(ROCM.values()) + "\n\n"
        )
        plain += "".join(
            f"GPU[0]\t\t: {k}: {v}\n" for k, v in ROCM.items() if "speed" not in k
        )
        plain += "GPU[0]\t\t: sclk clock level: 3: (2100Mhz)\nGPU[0]\t\t: mclk clock level: 3: (1300Mhz)\n"
    document = json.dumps({"card0": ROCM, "system": {"Driver version": "6.7"}}) + "\n"
    return {"csv": csv, "json": document * 2, "text": plain}


@pytest.mark.parametrize("form", ["csv", "json", "text"])
def test_rocm_smi(read: Reader, form: str) -> None:
    trace = read(rocm_texts()[form])
    assert trace.samples.height == 2
    assert trace.device == "AMD Instinct MI300X"
    for name, value in {
        "POWER": 550,
        "GPUTL": 98,
        "MCUTL": 40,
        "SMCLK": 2100,
        "MMCLK": 1300,
        "TMPTR": 71,
    }.items():
        assert trace.mean(name) == value, name


def test_rocm_smi_in_older_and_other_forms(read: Reader) -> None:
    old = "device,GPU use (%)\ncard0,42\ncard1,17\n\ndevice,Average Graphics Package Power (W)\ncard0,210.0\ncard1,198.5\n\n"
    with pytest.raises(ProfileError, match="GPUs 0, 1"):
        read(old * 3)
    trace = read(old * 3, 1)
    assert trace.samples["POWER"].to_list() == [198.5] * 3
    assert trace.mean("GPUTL") == 17
    hexed = json.dumps(
        {
            "card0": {
                "Card model": "0xc1e",
                "Average Graphics Package Power (W)": "15.0",
                "GPU use (%)": "9",
            }
        }
    )
    assert read(hexed * 2).device is None
    timed = "timestamp,device,Average Graphics Package Power (W)\n" + "".join(
        f"17145648{k:02d},card0,200\n" for k in range(3)
    )
    assert read(timed).duration_s == 2
    with pytest.raises(ProfileError, match="no power of a card"):
        read("device,GPU use (%)\ncard0,42\n")


AMD_HEAD = "timestamp,gpu,gfx_activity,umc_activity,mm_activity,vcn_activity,socket_power,gfx_0_clk,gfx_1_clk,mem_0_clk,edge,hotspot,mem"


def test_amd_smi_metric(read: Reader) -> None:
    text = (
        AMD_HEAD
        + "\n"
        + "".join(
            f"17895155{24 + k},{g},95,80,N/A,\"['N/A', 'N/A']\",{700 + 100 * g},2100,2000,1300,N/A,78,60\n"
            for k in range(3)
            for g in (0, 1)
        )
    )
    trace = read(text, 1)
    for name, value in {
        "POWER": 800,
        "GPUTL": 95,
        "MCUTL": 80,
        "SMCLK": 2050,
        "MMCLK": 1300,
        "TMPTR": 78,
    }.items():
        assert trace.mean(name) == value, name
    assert (trace.duration_s, trace.zoned, trace.device) == (2, True, None)
    entry = {
        "gpu": 0, "usage": {"gfx_activity": {"value": 95, "unit": "%"}, "umc_activity": {"value": 80, "unit": "%"}},
        "power": {"socket_power": {"value": 700, "unit": "W"}, "gfx_voltage": "N/A"},
        "clock": {"gfx_0": {"clk": {"value": 2100, "unit": "MHz"}, "max_clk": {"value": 2100, "unit": "MHz"}}, "mem_0": {"clk": {"value": 1300, "unit": "MHz"}}},
        "temperature": {"edge": "N/A", "hotspot": {"value": 78, "unit": "C"}, "mem": {"value": 60, "unit": "C"}},
    }  # fmt: skip
    for document in ([entry], {"gpu_data": [entry]}):
        trace = read("WARNING: not in the render group\n" + json.dumps(document) * 3)
        assert trace.samples.height == 3
        for name, value in {
            "POWER": 700,
            "GPUTL": 95,
            "MCUTL": 80,
            "SMCLK": 2100,
            "MMCLK": 1300,
            "TMPTR": 78,
        }.items():
            assert trace.mean(name) == value, name


def test_amd_smi_monitor(read: Reader) -> None:
    csv = "timestamp,gpu,xcp,power_usage,max_power,hotspot_temperature,memory_temperature,gfx_clk,gfx,mem,mem_clock\n"
    csv += "".join(
        f"17895155{24 + k},0,{x},{'N/A' if x else 700},{'N/A' if x else 750},78,60,2100,95,40,1300\n"
        for k in range(3)
        for x in (0, 1)
    )
    trace = read(csv)
    assert (trace.mean("POWER"), trace.mean("MCUTL"), trace.mean("GPUTL")) == (
        700,
        40,
        95,
    )
    assert "3 rows of partitions of a GPU were left out" in trace.notes
    table = (
        "GPU  POWER  PWR_CAP   GPU_T   MEM_T   GFX_CLK   GFX%   MEM%  MEM_CLOCK\n"
        + "".join(
            f"  {g}  {251 + g} W   1000 W   55 °C   43 °C   2400 MHz   93 %   12 %   1900 MHz\n"
            for g in (0, 1)
        )
    )
    trace = read(table * 3, 1)
    assert (trace.mean("POWER"), trace.mean("SMCLK"), trace.mean("MCUTL")) == (
        252,
        2400,
        12,
    )
    entry = {"gpu": 0, "power_usage": {"value": 25, "unit": "W"}, "gfx": {"value": 7, "unit": "%"}, "gfx_clock": {"value": 900, "unit": "MHz"}, "mem": {"value": 1, "unit": "%"}}  # fmt: skip
    trace = read(json.dumps([entry], indent=4) * 2)
    assert (trace.mean("POWER"), trace.mean("MCUTL"), trace.mean("SMCLK")) == (
        25,
        1,
        900,
    )
    with pytest.raises(ProfileError, match="no power of a GPU"):
        read("gpu,gfx_activity\n0,9\n")


@pytest.mark.parametrize(
    "head", [NAMES, AMD_HEAD, "device,Average Graphics Package Power (W)"]
)
def test_a_quote_that_is_never_closed_is_no_traceback(read: Reader, head: str) -> None:
    with pytest.raises(ProfileError, match="not a csv of a meter"):
        read(head + '\n"' + "x," * 200_000)


@pytest.mark.parametrize("cell", ["+", "+-", "e", "warm", "W 5"])
def test_a_word_in_place_of_a_number_is_named_with_its_line(
    read: Reader, cell: str
) -> None:
    with pytest.raises(ProfileError, match="line 3: POWER is"):
        read("power.draw [W], utilization.gpu [%]\n60 W, 9 %\n" + f"{cell}, 9 %\n")


def test_documents_after_one_another_end_where_they_break_off() -> None:
    assert documents('[AMD] x\n{"a": 1}[2]\n{"a"') == ([{"a": 1}, [2]], 1)
    assert documents("{" * 5000) == ([], 1)
    assert documents("\n[" * 5000)[0] == []
    assert documents("none") == ([], 0)
