"""rocprof of three generations: csv and JSON, whose GPU it is, and what is no kernel."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.documents import Json
from tests.support.narrowing import as_type
from xlate import readers
from xlate.engine.recorded_gpu import of_anchor
from xlate.errors import ProfileError, XlateError
from xlate.hardware.catalogue import catalogue
from xlate.readers import StepChoice
from xlate.readers.rocm.rocprof_names import UNNAMED
from xlate.values.profile import Profile
from xlate.values.reason import CHECK_ANCHOR, Reason
from xlate.values.translation import Failure

STATS = '"Name","Calls","TotalDurationNs","AverageNs","Percentage"\n'
V3_STATS = '"Name","Calls","TotalDurationNs","AverageNs","Percentage","MinNs","MaxNs","StdDev"\n'
KERNEL = '"Cijk_Ailk_Bljk_HHS_BH_MT64x64x64",2,600000,300000,60.0'
ADD = '"vector_add(float*, int) [clone .kd]",2,400000,200000,40.0'
HALF = {"Device_Cijk_Ailk_Bljk_HHS_BH_MT64x64x64": 300, "Device_vector_add": 200}
TRACE = '"Kind","Agent_Id","Queue_Id","Thread_Id","Dispatch_Id","Kernel_Id","Kernel_Name","Correlation_Id","Start_Timestamp","End_Timestamp","Grid_Size_X"\n'
AGENTS = (
    '"Node_Id","Logical_Node_Id","Agent_Type","Name","Vendor_Name","Product_Name"\n'
    '0,0,"CPU","AMD EPYC 9654","CPU","AMD EPYC 9654"\n'
    '4,4,"GPU","gfx942","AMD","AMD Instinct MI300A"\n'
    '5,5,"GPU","gfx90a","AMD","AMD Instinct MI250X"\n'
)


def dispatch(
    name: str, begin: int, length: int, agent: str = '"Agent 4"', at: int = 1
) -> str:
    return (
        f'"KERNEL_DISPATCH",{agent},1,7,{at},3,"{name}",9,{begin},{begin + length},64\n'
    )


def read(
    tmp_path: Path,
    text: str | bytes,
    name: str = "a_kernel_trace.csv",
    **choice: Any,
) -> list[Profile]:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return readers.read(path, steps=StepChoice(**choice))


@pytest.mark.parametrize("head", [STATS, V3_STATS])
def test_sums_of_kernels_are_read(head: str, tmp_path: Path) -> None:
    more = ",1,2,0.5" if head == V3_STATS else ""
    text = head + f"{KERNEL}{more}\n{ADD}{more}\n"
    (p,) = read(tmp_path, text, "results.stats.csv", count=2)
    assert dict(p.ops) == HALF
    assert p.workload.mode == "inference"
    (p,) = read(tmp_path, gzip.compress(text.encode()), "results.stats.csv.gz")
    assert p.busy_us == 1000
    assert any("everything is taken for one step" in n for n in p.notes)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (
            ["hipMemcpy,2,900000,1,9", "__hipPushCallConfiguration,1,9,9,1"],
            "calls of HIP",
        ),
        (["hsa_signal_wait_scacquire,9,900000,1,99"], "calls of HIP or HSA"),
        (
            ['"KERNEL_DISPATCH",9,900000,1,50', '"HIP_API",9,900000,1,50'],
            "sums of kinds",
        ),
        ([], "no line"),
    ],
)
def test_calls_and_domains_are_no_kernels(
    rows: list[str], says: str, tmp_path: Path
) -> None:
    text = STATS + "".join(f"{r}\n" for r in rows)
    with pytest.raises(ProfileError, match=f"holds no kernel, but .*{says}"):
        read(tmp_path, text, "results.hip_stats.csv")
    # beside kernels they are left out
    (p,) = read(tmp_path, f"{text}{KERNEL}\n{ADD}\n", "results.stats.csv", count=2)
    assert dict(p.ops) == HALF


def test_barriers_are_no_work(tmp_path: Path) -> None:
    text = (
        f'{STATS}"<barrier packet>",85112,142976988030,1679868,35.7\n{KERNEL}\n{ADD}\n'
    )
    (p,) = read(tmp_path, text, "results.stats.csv", count=2)
    assert dict(p.ops) == HALF
    assert any("barriers" in n for n in p.notes)


def test_copies_alone_are_said_to_be_copies(tmp_path: Path) -> None:
    names = ("CopyDeviceToHost", "MEMORY_COPY_HOST_TO_DEVICE", "DEVICE_TO_DEVICE")
    text = STATS + "".join(f'"{n}",1,50000,1,1\n' for n in names)
    (p,) = read(tmp_path, text, "results.copy_stats.csv")
    assert dict(p.ops) == {f"Device_Memcpy {w}": 50 for w in ("DtoH", "HtoD", "DtoD")}
    assert not p.precision_us
    assert any("copies and no kernel" in n for n in p.notes)


def test_dispatches_are_of_their_gpu_which_is_named_beside_them(tmp_path: Path) -> None:
    text = (
        TRACE
        + dispatch("gemm<float>(int)", 10**15, 400_000)
        + dispatch("add(float*)", 10**15 + 200_000, 400_000)
        + dispatch("add(float*)", 10**15, 100_000, agent="5")
    )
    one, two = read(tmp_path, text, count=2)
    assert (one.device, two.device) == ("AMD GPU", "AMD GPU")
    (tmp_path / "a_agent_info.csv").write_text(AGENTS)
    one, two = read(tmp_path, text, count=2)
    assert (one.device, two.device) == ("AMD Instinct MI300A", "AMD Instinct MI250X")
    assert one.busy_us == pytest.approx(300, abs=0.2)
    assert one.step_time_us == pytest.approx(300, abs=0.2)
    assert set(one.ops) >= {"Device_gemm", "Device_add"}


def test_a_target_is_no_name_of_a_gpu(tmp_path: Path) -> None:
    (tmp_path / "a_agent_info.csv").write_text(
        AGENTS.replace("AMD Instinct", "").replace(" MI300A", "")
    )
    (p,) = read(tmp_path, TRACE + dispatch("gemm", 0, 400_000))
    assert p.device != "gfx942"


def test_the_first_generation_is_read_and_wants_times(tmp_path: Path) -> None:
    head = '"Index","KernelName","gpu-id","queue-id","sig","obj","DispatchNs","BeginNs","EndNs","CompleteNs","DurationNs"\n'
    row = '0,"bodyForce(Body*, float, int) [clone .kd]",2,0,"0x0","0x7",1,2000000,2400000,3,400000\n'
    (p,) = read(tmp_path, head + row, "results.csv")
    assert p.ops["Device_bodyForce"] == 400
    counters = '"Index","KernelName","gpu-id","queue-id","Wavefronts"\n0,"a",2,0,64\n'
    with pytest.raises(ProfileError, match="holds counters, and no times"):
        read(tmp_path, counters, "results.csv")


def test_a_kernel_with_several_counter_lines_counts_once(
    tmp_path: Path,
) -> None:
    head = '"Correlation_Id","Dispatch_Id","Agent_Id","Process_Id","Kernel_Name","Counter_Name","Counter_Value","Start_Timestamp","End_Timestamp"\n'
    rows = "".join(
        f'1,{at},"Agent 4",7,"gemm","{c}",5,{at * 10**6},{at * 10**6 + 300_000}\n'
        for at in (1, 2)
        for c in ("SQ_WAVES", "GRBM_COUNT")
    )
    (p,) = read(tmp_path, head + rows, "1_counter_collection.csv")
    assert p.busy_us == 600
    assert any("counters were read" in n for n in p.notes)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '"Domain","Function","Process_Id","Thread_Id","Correlation_Id","Start_Timestamp","End_Timestamp"\n"HIP_API","hipMalloc",1,1,1,5,9\n',
            "holds calls of HIP or HSA",
        ),
        (AGENTS, "describes the machine"),
        (TRACE, "holds no kernel"),
        (TRACE + dispatch("a", 5, 9) + "1,2,3\n", "3 fields where the header has 11"),
        (
            TRACE + dispatch("a", 5, 9).replace(",14,", ",soon,"),
            "'soon' is not a number",
        ),
        (TRACE + dispatch("a", 50, -9), "before it begins"),
        (STATS + '"a",1,many,1,1\n', "'many' is not a number"),
        (STATS + '"a",1,-5,1,1\n', "a time of -5"),
    ],
)
def test_a_broken_csv_or_one_of_another_tool_is_refused(
    text: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(ProfileError, match=says):
        read(tmp_path, text)


def test_a_mark_that_no_csv_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="holds no range that 'step' could be"):
        read(tmp_path, TRACE + dispatch("a", 0, 5), mark="step")


def event(name: str, pid: int, begin: int, length: int) -> str:
    return (
        f',{{"ph":"X","name":"{name}","pid":"{pid}","tid":"0","ts":"{begin // 1000}","dur":"{length // 1000}",\n'
        f'  "args":{{\n    "BeginNs":"{begin}",\n    "EndNs":"{begin + length}",\n    "dev-id":"4",\n    "DurationNs":"{length}"\n  }}\n}}\n'
    )


def old_trace(*events: str, agents: bool = True, end: bool = True) -> str:
    text = '{ "traceEvents":[{}\n' + "".join(
        f',{{"args":{{"name":"{n}"}},"ph":"M","pid":{p},"name":"process_name"}}\n'
        for n, p in (("CPU HIP API", 2), ("COPY", 1), ("Markers and Ranges", 0), ("GPU4", 10), ("GPU5", 11))
    )  # fmt: skip
    text += "".join(events)
    other = {
        "Agent1.DeviceType": "CPU",
        "Agent1.MarketingName": "AMDEPYC",
        "Agent1.Node": "0",
    }
    for node, name in ((4, "AMDInstinctMI300A"), (5, "AMDRadeonRX7900XTX")):
        other |= {
            f"Agent{node}.DeviceType": "GPU",
            f"Agent{node}.MarketingName": name,
            f"Agent{node}.Node": str(node),
        }
    if end:
        text += "],\n" + f'"otherData": {json.dumps(other if agents else {})}' + "\n}\n"
    return text


def test_the_trace_of_old_versions_is_read_to_the_nanosecond(tmp_path: Path) -> None:
    text = old_trace(
        event("CopyHostToDevice", 1, 10**9, 250_500),
        event("hipMalloc", 2, 10**9, 9_000_000),
        event("vector_add(float*, int)", 10, 2 * 10**9, 1_920),
        event("vector_add(float*, int)", 11, 2 * 10**9, 5_000),
    )
    one, two = read(tmp_path, text, "results.json")
    assert (one.device, two.device) == ("AMD Instinct MI300A", "AMD Radeon RX 7900 XTX")
    assert one.ops["Device_vector_add"] == pytest.approx(1.92)
    assert one.ops["Device_Memcpy HtoD"] == pytest.approx(250.5)
    assert "Device_hipMalloc" not in one.ops
    assert two.busy_us == pytest.approx(5)


def test_ranges_of_roctx_are_steps(tmp_path: Path) -> None:
    events = [
        e
        for k in range(4)
        for e in (
            event(f"iteration {k}", 0, (k + 1) * 10**6, 900_000),
            event("gemm", 10, (k + 1) * 10**6 + 100, 400_000),
        )
    ]
    (p,) = read(tmp_path, old_trace(*events), "results.json")
    assert (p.step_time_us, p.busy_us) == (900, 400)
    # one that broke off is read up to there
    (p,) = read(tmp_path, old_trace(*events, end=False)[:-40], "results.json")
    assert p.step_time_us == 900
    assert any("breaks off" in n for n in p.notes)


def tool(**changes: int | Json) -> str:
    gpu = {"handle": 22}
    process = {
        "agents": [
            {"id": {"handle": 11}, "type": 1, "name": "CPU"},
            {"id": gpu, "type": 2, "name": "gfx942", "product_name": "AMD Instinct MI300X", "logical_node_id": 2},
        ],
        "kernel_symbols": [{"kernel_id": 0}, {"kernel_id": 7, "formatted_kernel_name": "gemm<float>(int)"}],
        "strings": {"marker_api": [{"key": k, "value": f"step {k}"} for k in range(3)]},
        "buffer_records": {
            "kernel_dispatch": [
                {"start_timestamp": k * 10**6, "end_timestamp": k * 10**6 + 400_000, "dispatch_info": {"kernel_id": 7, "agent_id": gpu}}
                for k in range(3)
            ],
            "memory_copy": [
                {"start_timestamp": k * 10**6 + 500_000, "end_timestamp": k * 10**6 + 600_000, "src_agent_id": {"handle": 11}, "dst_agent_id": gpu}
                for k in range(3)
            ],
            "marker_api": [
                {"start_timestamp": k * 10**6, "end_timestamp": k * 10**6 + 900_000, "correlation_id": {"internal": k}, "thread_id": 3}
                for k in range(3)
            ],
        },
    } | changes  # fmt: skip
    return json.dumps({"rocprofiler-sdk-tool": [process]})


def test_the_document_of_rocprofv3_is_read(tmp_path: Path) -> None:
    (p,) = read(tmp_path, tool(), "1_results.json")
    assert p.device == "AMD Instinct MI300X"
    assert p.ops["Device_gemm"] == 400
    assert p.ops["Device_Memcpy HtoD"] == 100
    assert p.step_time_us == 900
    (p,) = read(tmp_path, tool(strings={}), "1_results.json")
    assert p.step_time_us is None
    # arguments of calls hold paths that are no UTF-8
    broken = tool().encode().replace(b'"CPU"', b'"C\xff\xfe"')
    assert read(tmp_path, broken, "1_results.json")[0].busy_us == 500


@pytest.mark.parametrize(
    "text",
    [
        tool(buffer_records={}),
        tool()[:-60],
        tool(
            buffer_records={
                "kernel_dispatch": [{"start_timestamp": "soon", "end_timestamp": 3}]
            }
        ),
        tool(buffer_records={"kernel_dispatch": [{}]}),
        tool(agents=5),
        '{"rocprofiler-sdk-tool": ' + "[" * 100_000,
        '{"rocprofiler-sdk-tool": []}',
        old_trace(),
        old_trace(event("gemm", 10, 5, 9).replace('"5"', '"soon"')),
        old_trace(event("gemm", 10, 5, 9).replace('"5"', "null").replace('"0"', "[]")),
        old_trace(event("gemm", 10, 5, -9)),
    ],
    ids=range(11),
)
def test_a_broken_document_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(XlateError):
        read(tmp_path, text, "x.json")


def test_a_file_that_names_no_gpu_is_of_one_of_amd(tmp_path: Path) -> None:
    text = f"{STATS}{KERNEL}\n"
    files = [
        (text, "results.stats.csv"),
        (TRACE + dispatch("gemm", 10**15, 4000), "a_kernel_trace.csv"),
        (old_trace(event("gemm", 10, 10**6, 2000), agents=False), "a.json"),
    ]
    for given, name in files:
        profiles = read(tmp_path, given, name, count=1)
        (failed,) = of_anchor(
            profiles, catalogue().instance("g4dn.xlarge"), catalogue()
        )
        assert isinstance(failed, Failure)
        assert "names no GPU but 'AMD GPU'" in str(failed.error)
        (doubted,) = of_anchor(profiles, catalogue().instance("MI300X"), catalogue())
        (said,) = [
            n for n in as_type(Profile, doubted).notes if "nothing in it confirms" in n
        ]
        assert isinstance(said, Reason)
        assert said.remedy == CHECK_ANCHOR
        assert isinstance(doubted, Profile)
        assert UNNAMED in doubted.notes


def test_what_is_left_of_a_trace_without_ranges_is_no_whole_step(
    tmp_path: Path,
) -> None:
    events = [event("gemm", 10, (k + 1) * 10**6, 400_000) for k in range(4)]
    text = old_trace(*events, end=False)[:-40]
    with pytest.raises(ProfileError, match="breaks off before any step"):
        read(tmp_path, text, "results.json")
    path = tmp_path / "results.json"
    (p,) = readers.read(path, steps=readers.StepChoice(count=3))
    assert p.busy_us == 400


@pytest.mark.parametrize("place", ["", "{} "])
@pytest.mark.parametrize("quoted", [False, True])
def test_a_trace_is_recognised_however_it_names_its_processes(
    place: str, quoted: bool, tmp_path: Path
) -> None:
    events = [event("gemm", 10, (k + 1) * 10**6, 400_000) for k in range(3)]
    text = old_trace(event("CopyHostToDevice", 1, 10**9, 250_500), *events)
    for number, name in enumerate(
        ("CPU HIP API", "COPY", "GPU4", "Markers and Ranges")
    ):
        text = text.replace(f'"{name}"', f'"{place.format(number)}{name}"')
    if quoted:
        for pid in (1, 2, 10, 11):
            text = text.replace(f'"pid":{pid},', f'"pid":"{pid}",')
    (p,) = read(tmp_path, text, "results.json")
    assert p.ops["Device_gemm"] == pytest.approx(1200)
    assert p.ops["Device_Memcpy HtoD"] == pytest.approx(250.5)


@pytest.mark.parametrize(
    "text",
    [
        '{"traceEvents":[{"ph":"X","name":"foo","ts":1,"dur":2,"pid":1,"tid":1}]}',
        '[{"ph":"X","name":"foo","ts":1,"dur":2,"pid":1,"tid":1}]',
        '{"note": "' + "x" * 70_000 + '", "traceEvents": []}',
    ],
)
def test_a_trace_of_another_tool_is_named_for_what_it_is(
    text: str, tmp_path: Path
) -> None:
    with pytest.raises(ProfileError, match="is a Chrome trace") as e:
        read(tmp_path, text, "a.json")
    assert "--format kineto" in str(e.value.hint)
    assert "rocprof_json" in str(e.value.hint)
