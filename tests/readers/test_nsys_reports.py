"""Reports of ``nsys stats``: which count, in every layout nsys prints."""

from __future__ import annotations

import os
import statistics
from pathlib import Path
from typing import Any

import pytest

from tests.support import profiles_made as made
from xlate import readers
from xlate.errors import ProfileError
from xlate.readers import StepChoice
from xlate.readers.nsight.nsys_tables import reports
from xlate.values.profile import Profile
from xlate.values.reason import informs

CASES = Path(os.environ.get("XLATE_DATA_HOME", "datasets")).parent / "cases/traces"
API = made.KERN.replace("Instances", "Num Calls")
GEMM = '60,600000,3,1,1,1,1,0,"void sgemm_128x64<float>(int)"\n'
ADD = "40,400000,9,1,1,1,1,0,add_kernel\n"
HALF = {"Device_sgemm_128x64": 300, "Device_add_kernel": 200}


def named(report: str, text: str, run: str = "a.sqlite") -> str:
    return f"Processing [{run}] with [/opt/nsys/reports/{report}.py]... \n{text}\n"


def read(tmp_path: Path, text: str, **choice: Any) -> list[Profile]:
    path = tmp_path / "stats.csv"
    path.write_text(text)
    return readers.read(path, steps=StepChoice(**choice))


@pytest.mark.parametrize(
    "report",
    [
        named("cuda_api_sum", f"{API}\n99,9000000,3,1,1,1,1,0,cudaLaunchKernel\n"),
        named("osrt_sum", f"{API}\n99,9000000,3,1,1,1,1,0,poll\n"),
        named("openacc_sum", f"{API}\n99,9000000,3,1,1,1,1,0,Wait@a.c:3\n"),
        named("vulkan_api_sum", f"{made.KERN}\n99,9000000,3,1,1,1,1,0,vkQueueSubmit\n"),
        named(
            "mpi_event_sum",
            made.KERN.replace("Name", "Source,Name")
            + "\n99,9000000,3,1,1,1,1,0,MPI,MPI_Send\n",
        ),
        named(
            "nvtx_kern_sum",
            "NVTX Range,Style,PID,TID,NVTX Inst,Kern Inst,Total Time (ns),Avg (ns),Kernel Name\na,b,1,1,1,3,900000,1,sgemm\n",
        ),
        named(
            "cuda_gpu_mem_size_sum",
            "Total (MB),Count,Avg (MB),Med (MB),Min (MB),Max (MB),StdDev (MB),Operation\n9,3,3,3,3,3,0,[CUDA memset]\n",
        ),
    ],
    ids=lambda text: text.split("reports/")[1].split(".py")[0],
)
def test_only_the_work_of_a_gpu_counts(report: str, tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="holds no kernel"):
        read(tmp_path, report)
    kernels = named("cuda_gpu_kern_sum", f"{made.KERN}\n{GEMM}{ADD}")
    for text in (report + kernels, kernels + report):
        (p,) = read(tmp_path, text, count=2)
        assert dict(p.ops) == HALF


@pytest.mark.parametrize(
    ("report", "head"),
    [
        ("cuda_gpu_kern_sum", made.KERN),
        ("gpukernsum", made.KERN.replace("Name", "GridXYZ,BlockXYZ,Name")),
        ("cuda_gpu_kern_gb_sum", made.KERN.replace("Name", "GridXYZ,BlockXYZ,Name")),
        ("", "Time(%),Total Time,Instances,Average,Minimum,Maximum,Name"),
        ("", ",Time (%),Total Time (ns),Instances,Avg (ns),Name"),
        ("", "Time(%),Total Time (ns),Instances,Average,Minimum,Maximum,Kernel Name"),
    ],
)
def test_kernel_sums_of_every_version(report: str, head: str, tmp_path: Path) -> None:
    columns = head.split(",")
    rows = ""
    for total, name in ((600000, "sgemm_128x64"), (400000, "add_kernel")):
        said = {"Name": name, "Kernel Name": name, "GridXYZ": "1 1 1"}
        rows += ",".join(
            said.get(c, str(total) if c.startswith("Total") else "1") for c in columns
        )
        rows += "\n"
    text = f"{head}\n{rows}"
    (p,) = read(tmp_path, named(report, text) if report else text, count=2)
    assert dict(p.ops) == HALF


def test_the_same_work_in_several_reports_counts_once(tmp_path: Path) -> None:
    execution = (
        "PID,TID,DevId,Count,QCount,TAvg (ns),AAvg (ns),QAvg (ns),KAvg (ns),API Name,Kernel Name\n"
        "1,1,0,3,3,1,1,1,200000,cudaLaunchKernel,sgemm_128x64\n"
    )
    both = (
        made.COPY.replace("Operation", "Category,Operation").replace(
            "Count", "Instances"
        )
        + "\n50,600000,3,1,1,1,1,0,CUDA_KERNEL,sgemm_128x64\n50,9,3,1,1,1,1,0,MEMORY_OPER,[CUDA memset]\n50,7000000,3,1,1,1,1,0,CUDA_API,cudaLaunchKernel\n"
    )
    kernels = f"{made.KERN}\n{GEMM}{ADD}"
    text = (
        named("cuda_api_gpu_sum", both)
        + named("cuda_gpu_kern_sum", kernels)
        + named("cuda_kern_exec_sum", execution)
        + named("cuda_gpu_kern_sum:base", kernels.replace("<float>", ""))
    )
    (p,) = read(tmp_path, text, count=2)
    assert p.busy_us == pytest.approx(500, abs=0.1)
    assert any("holds the work of that at line" in n for n in p.notes)
    # each alone is read too
    (p,) = read(tmp_path, named("cuda_kern_exec_sum", execution))
    assert dict(p.ops) == {"Device_sgemm_128x64": 600}
    (p,) = read(tmp_path, named("cuda_api_gpu_sum", both))
    assert p.busy_us == pytest.approx(600.009)


def test_two_runs_in_one_file_are_two_profiles_or_refused(tmp_path: Path) -> None:
    one, two = f"{made.KERN}\n{GEMM}", f"{made.KERN}\n{ADD}"
    runs = read(
        tmp_path,
        named("cuda_gpu_kern_sum", one, "a") + named("cuda_gpu_kern_sum", two, "b"),
    )
    assert [p.busy_us for p in runs] == [600, 400]
    assert "[b]" in runs[1].source
    with pytest.raises(ProfileError, match="two reports of kind cuda_gpu_kern_sum"):
        read(tmp_path, f"{one}\n{two}")


COLUMNS = """
[3/8] Executing 'nvtx_sum' stats report

 Time (%)  Total Time (ns)  Instances  Avg (ns)     Style      Range
 --------  ---------------  ---------  -----------  -------  ------------
     95.0        3,000,000          2  3,000,000.0  PushPop  :step
      5.0          100,000          1    100,000.0  PushPop  :warm up

[4/8] Executing 'osrt_sum' stats report

 Time (%)  Total Time (ns)  Num Calls    Avg (ns)       Name
 --------  ---------------  ---------  -------------  --------
     67.3      335,987,431          2  167,993,715.5  sem_wait

[6/8] Executing 'gpukernsum' stats report

 Time (%)  Total Time (ns)  Instances      GridXYZ          BlockXYZ            Name
 --------  ---------------  ---------  ----------------  --------------  ------------------------
     60.0          600,000          3  125000    1    1    32    1    1  void sgemm_128x64<float, c…
     40.0          400,000          9  3907    1    1      32    1    1  add_kernel

"""


def test_columns_under_dashes_are_read(tmp_path: Path) -> None:
    (p,) = read(tmp_path, COLUMNS)
    assert dict(p.ops) == HALF | {"Device_IDLE": 1000}
    assert p.step_time_us == 1500
    assert any("1 names of kernels are cut" in n for n in p.notes)
    # pasted into a document: each line moved by some blanks
    moved = COLUMNS.replace("\n     60.0  ", "\n   60.0  ")
    assert read(tmp_path, moved)[0].ops == p.ops
    assert read(tmp_path, "## Result\n```\n" + COLUMNS + "```\n")[0].ops == p.ops


def test_tables_in_boxes_are_read(tmp_path: Path) -> None:
    text = """
+----------+-----------------+-----------+----------------+
| Time (%) | Total Time (us) | Instances |      Name      |
+----------+-----------------+-----------+----------------+
|     60.0 |           600.0 |         3 | sgemm_128x64   |
|     40.0 |           400.0 |         9 | add_kernel     |
+----------+-----------------+-----------+----------------+
"""
    (p,) = read(tmp_path, named("cuda_gpu_kern_sum", text), count=2)
    assert dict(p.ops) == HALF


TRACE = (
    "Start (ns),Duration (ns),CorrId,GrdX,GrdY,GrdZ,BlkX,BlkY,BlkZ,Reg/Trd,StcSMem (MB),"
    "DymSMem (MB),Bytes (MB),Throughput (MB/s),SrcMemKd,DstMemKd,Device,Ctx,Strm,Name\n"
)
ROW = "{},{},1,,,,,,,,,,,,,,NVIDIA A100-SXM4-80GB ({}),1,7,{}\n"


def test_a_trace_says_which_gpu_and_counts_overlap_once(tmp_path: Path) -> None:
    text = TRACE + "".join(
        ROW.format(*r)
        for r in (
            (0, 400000, 0, "sgemm_128x64"),
            (200000, 400000, 0, "add_kernel"),
            (800000, 200000, 0, "[CUDA memcpy Host-to-Device]"),
            (0, 100000, 1, "add_kernel"),
        )
    )
    one, two = read(tmp_path, text, count=2)
    assert one.device == two.device == "NVIDIA A100-SXM4-80GB"
    assert one.busy_us == pytest.approx(400)
    assert one.step_time_us == pytest.approx(500)
    assert two.busy_us == pytest.approx(50)
    # a trace of API calls looks alike, and is not one of kernels
    calls = (
        "Start (ns),Duration (ns),Name,Result,CorrID,Pid,Tid\n1,2,cudaMalloc,0,1,1,1\n"
    )
    with pytest.raises(ProfileError, match="holds no kernel"):
        read(tmp_path, named("cuda_api_trace", calls))


def test_ranges_of_a_trace_cut_it_into_steps(tmp_path: Path) -> None:
    rows = "".join(ROW.format(1000000 * k + 10, 400000, 0, "sgemm") for k in range(3))
    marks = (
        "Start (ns),End (ns),Duration (ns),DurChild (ns),Name,PID,TID,Lvl\n"
        + "".join(
            f"{1000000 * k},{1000000 * k + 900000},900000,0,:iteration {k},1,1,0\n"
            for k in range(3)
        )
    )
    text = named("cuda_gpu_trace", TRACE + rows) + named("nvtx_pushpop_trace", marks)
    (p,) = read(tmp_path, text)
    assert p.step_time_us == 900
    assert p.busy_us == 400


def test_a_mark_is_taken_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    ranges = (
        made.NVTX
        + "\n50,3000000,3,1,1,1,1,0,PushPop,:forward\n50,9000000,2,1,1,1,1,0,PushPop,:epoch 1\n"
    )
    text = f"{made.KERN}\n{GEMM}\n{ranges}"
    (p,) = read(tmp_path, text)
    assert p.step_time_us is None
    # it begins each step, and does not say how long one takes
    (p,) = read(tmp_path, text, mark="forward")
    assert (p.step_time_us, p.busy_us) == (None, 200)
    with pytest.raises(ProfileError, match=r"no NVTX range named 'backward'"):
        read(tmp_path, text, mark="backward")


@pytest.mark.parametrize(
    ("kernel", "mode"),
    [
        ("void cudnn::bn_bw_1C11_kernel<float>", "training"),
        ("multi_tensor_apply_kernel<AdamFunctor>", "training"),
        ("sm80_xmma_wgrad_implicit_gemm_f32", "training"),
        ("ampere_sgemm_64x64_nn", "inference"),
        # transposed convolutions run it in inference
        ("sm80_xmma_dgrad_implicit_gemm_f32", "unknown"),
        ("lambda_kernel", "unknown"),
    ],
)
def test_training_is_known_by_its_work(kernel: str, mode: str, tmp_path: Path) -> None:
    (p,) = read(tmp_path, f'{made.KERN}\n60,600000,3,1,1,1,1,0,"{kernel}"\n')
    assert p.workload.mode == mode
    words = {"inference": "taken for inference", "unknown": "trained"}
    assert mode == "training" or any(words[mode] in n for n in p.notes)


def test_sums_longer_than_their_steps_are_noted(tmp_path: Path) -> None:
    ranges = f"{made.NVTX}\n50,300000,3,1,1,1,1,0,PushPop,:step\n"
    (p,) = read(tmp_path, f"{made.KERN}\n{GEMM}\n{ranges}")
    assert any("overlap on several streams" in n for n in p.notes)


def test_a_quoted_name_over_two_lines_is_one_field() -> None:
    text = f'{made.KERN}\n1,2,3,1,1,1,1,0,"a\nb"\n1,3,3,1,1,1,1,0,c\n'
    (r,) = reports(Path("x"), text)
    assert [cells[-1] for _, cells in r.rows] == ["a b", "c"]


@pytest.mark.data
def test_the_real_file_without_kernels_is_refused() -> None:
    path = CASES / "nsys_stats_osrt.csv"
    if not path.exists():
        pytest.skip(f"{path} is absent")
    with pytest.raises(ProfileError, match=r"holds no kernel.*osrt_sum"):
        readers.read(path)


def test_a_report_of_a_newer_version_is_read_or_refused_never_left_out(
    tmp_path: Path,
) -> None:
    more = made.KERN.replace("Name", "Energy (mJ),Name")
    row = "60,600000,3,1,1,1,1,0,7,sgemm_128x64\n"
    (p,) = read(tmp_path, named("cuda_gpu_kern_sum", f"{more}\n{row}"))
    assert p.busy_us == 600
    other = made.KERN.replace("Total Time", "Sum of Time")
    with pytest.raises(
        ProfileError, match=r"cuda_gpu_kern_sum has no headings that are known"
    ):
        read(tmp_path, named("cuda_gpu_kern_sum", f"{other}\n{GEMM}"))


def ranges(*rows: tuple[str, int, int, int, int, float]) -> str:
    """A summary of ranges: name, how many, total, shortest, longest, deviation, in µs."""
    return made.NVTX + "\n" + "".join(
        f"1,{total * 1000},{n},{total * 1000 / n},1,{low * 1000},{high * 1000},{deviation * 1000},PushPop,:{name}\n"
        for name, n, total, low, high, deviation in rows
    )  # fmt: skip


def test_ranges_never_popped_are_known_by_their_lengths(tmp_path: Path) -> None:
    kernels = f"{made.KERN}\n10,6000000,3,1,1,1,1,0,sgemm\n"
    lengths = [9000 - 1000 * k + 20 * (k % 3) for k in range(8)]
    numbered = ranges(*((f"iteration {k}", 1, t, t, t, 0) for k, t in enumerate(lengths)))  # fmt: skip
    (p,) = read(tmp_path, f"{kernels}\n{numbered}")
    assert p.step_time_us == pytest.approx(1000, rel=0.03)
    assert p.busy_us == 750
    assert any("overlap their successor" in n for n in p.notes)
    even = [1000 * (k + 1) for k in range(8)]
    same = ranges(("step", 8, sum(even), 1000, 8000, statistics.stdev(even)))
    (p,) = read(tmp_path, f"{kernels}\n{same}")
    assert p.step_time_us == pytest.approx(1000)


@pytest.mark.parametrize(
    "rows",
    [
        # warming up: shorter one after the other, and not evenly
        [
            (f"step {k}", 1, t, t, t, 0)
            for k, t in enumerate((5000, 1400, 1100, 1010, 1000, 1000, 990, 1000))
        ],
        [(f"step {k}", 1, t, t, t, 0) for k, t in enumerate(range(1007, 999, -1))],
        [("step", 8, 12500, 1000, 5000, 1380)],
        [("step", 8, 8000, 900, 1100, 65)],
    ],
    ids=["warm-up", "a-little", "one-name", "even"],
)
def test_steps_that_only_differ_are_steps(
    rows: list[tuple[str, int, int, int, int, int]], tmp_path: Path
) -> None:
    kernels = f"{made.KERN}\n10,6000000,3,1,1,1,1,0,sgemm\n"
    (p,) = read(tmp_path, f"{kernels}\n{ranges(*rows)}")
    assert p.step_time_us == pytest.approx(sum(r[2] for r in rows) / 8)
    assert not any("overlap" in n for n in p.notes)


def test_a_part_of_a_step_counts_steps_and_is_not_their_length(tmp_path: Path) -> None:
    kernels = f"{made.KERN}\n10,6000000,3,1,1,1,1,0,sgemm\n"
    text = ranges(("optimizer step", 3, 300, 100, 100, 0), ("forward", 3, 900, 300, 300, 0))  # fmt: skip
    (p,) = read(tmp_path, f"{kernels}\n{text}")
    assert (p.step_time_us, p.busy_us) == (None, 2000)


@pytest.mark.parametrize(
    ("share", "only_informs"), [("59.9", None), ("57", True), ("40", False)]
)
def test_what_share_is_in_no_line_is_said(
    share: str, only_informs: bool | None, tmp_path: Path
) -> None:
    text = f"{made.KERN}\n{GEMM.replace('60,', f'{share},', 1)}{ADD}"
    (p,) = read(tmp_path, text, count=2)
    said = [n for n in p.notes if "is missing" in n]
    assert [informs(n) for n in said] == (
        [] if only_informs is None else [only_informs]
    )
    assert all(
        f"{60 - float(share):.1f}% of the time of cuda_gpu_kern_sum" in n for n in said
    )


def test_what_template_arguments_say_of_the_gpu_is_kept(tmp_path: Path) -> None:
    kernel = "void cutlass::Kernel2<cutlass_80_tensorop_s1688gemm_128x64_nn>"
    text = f'{made.KERN}\n{GEMM}40,400000,9,1,1,1,1,0,"{kernel}(T1::Params)"\n'
    (p,) = read(tmp_path, text, count=2)
    assert p.newest_kernel == f"{kernel}(T1::Params)"
    assert "Device_cutlass::Kernel2" in p.ops
