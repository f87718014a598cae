"""``key_averages()``: what of a printed table is work of the device, and what is missing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.support import profiles_made as made
from xlate import readers
from xlate.errors import ProfileError
from xlate.readers import StepChoice
from xlate.values.profile import Profile
from xlate.values.reason import informs

CASES = Path(os.environ.get("XLATE_DATA_HOME", "datasets")).parent / "cases/traces"
HEADS = ("Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg", "Self CUDA", "Self CUDA %", "CUDA total", "CUDA time avg", "# of Calls")  # fmt: skip
MM = ("aten::mm", 30, 6000)
ADD = ("aten::add", 15, 4000)
SGEMM = ("ampere_sgemm_64x64_nn", 0, 6000)
KERNEL = ("add_kernel", 0, 4000)


def table(
    *rows: tuple[Any, ...],
    total: int = 10_000,
    heads: tuple[str, ...] = HEADS,
    middle: bool = True,
    closed: bool = True,
    before: str = "",
) -> str:
    """A table: name, self CPU and self device time in µs, and calls."""
    widths = [40] + [14] * (len(heads) - 1)
    rule = "  ".join("-" * w for w in widths)
    cells = []
    for name, cpu, device, *calls in rows:
        at = {
            "Name": name, "Self CPU": f"{cpu:.3f}us", "CPU total": f"{cpu * 2:.3f}us",
            "CPU time avg": "1.000us", "CUDA total": "9.000us", "CUDA time avg": "1.000us",
            "Self CUDA %": f"{100 * device / (total or 10_000):.2f}%", "Self CPU %": "1.00%",
            "CPU total %": "1.00%", "CUDA Mem": "9.58 Mb", "Self CPU Mem": "0 b",
            "# of Calls": calls[0] if calls else 3, "Input Shapes": "[[2048], [], []]",
        }  # fmt: skip
        at |= {h: f"{device:.3f}us" for h in heads if h.startswith("Self ") and h[5:] in ("CUDA", "XPU", "HIP", "MTIA")}  # fmt: skip
        cells.append([str(at.get(h, "1.000us")) for h in heads])
    lines = [rule]
    lines.append("  ".join(h.rjust(w) for h, w in zip(heads, widths, strict=True)))
    lines.append(rule if middle else "")
    lines += [
        "  ".join(c.rjust(w) for c, w in zip(r, widths, strict=True)) for r in cells
    ]
    if closed:
        lines += [rule, "Self CPU time total: 9.000ms"]
    if closed and total:
        lines.append(f"Self CUDA time total: {total / 1e3:.3f}ms")
    return before + "\n".join(lines) + "\n"


def read(tmp_path: Path, text: str, **choice: Any) -> list[Profile]:
    path = tmp_path / "a.txt"
    path.write_text(text)
    return readers.read(path, steps=StepChoice(**choice))


def device(profile: Profile) -> dict[str, float]:
    return {
        k.removeprefix("Device_"): v
        for k, v in profile.ops.items()
        if k.startswith("Device_")
    }


@pytest.mark.parametrize(
    "row",
    [
        ("Unrecognized", 600, 60_000),
        ("Unrecognized", 600, 6_000),
        ("Activity Buffer Request", 600, 2_000),
        ("cudaLaunchKernel", 600, 3_000),
        ("cudaDeviceSynchronize", 600, 30_000),
        ("cuLaunchKernelEx", 600, 3_000),
        ("hipExtModuleLaunchKernel", 600, 3_000),
        ("urEnqueueKernelLaunch", 600, 3_000),
        # ranges that stand over kernels, on the device's side
        ("ProfilerStep*", 0, 9_900),
        ("ProfilerStep*", 0, 20_700),
        ("Optimizer.step#AdamW.step", 0, 2_000),
        ("## Call CompiledFxGraph abc", 0, 5_000),
        ("nccl:all_reduce", 0, 5_000),
        ("my_forward_pass", 0, 14_600),
    ],
    ids=lambda r: f"{r[0]}-{r[2]}",
)
def test_what_no_kernel_did_is_no_work(
    row: tuple[str, int, int], tmp_path: Path
) -> None:
    for rows in ((MM, ADD, SGEMM, KERNEL), (SGEMM, KERNEL)):
        (p,) = read(tmp_path, table(*rows, row))
        assert p.busy_us == pytest.approx(10_000)
        assert row[0] not in device(p)


def test_a_range_is_known_by_its_side_on_the_host(tmp_path: Path) -> None:
    rows = (SGEMM, KERNEL, ("my_loss", 0, 5000), ("my_loss", 40, 0))
    (p,) = read(tmp_path, table(*rows))
    assert "my_loss" not in device(p)
    # a kernel of Triton is named as the call of it, and fits into the total
    call = (SGEMM, ("triton_poi_fused_0", 0, 4000), ("triton_poi_fused_0", 40, 0))
    (p,) = read(tmp_path, table(*call))
    assert device(p)["triton_poi_fused_0"] == 4000


def test_operations_are_counted_or_their_kernels_never_both(tmp_path: Path) -> None:
    (p,) = read(tmp_path, table(MM, ADD, SGEMM, KERNEL))
    assert device(p) == {"aten::mm": 6000, "aten::add": 4000}
    # kernels that no operation launched are missing among operations
    (p,) = read(tmp_path, table(MM, SGEMM, KERNEL))
    assert device(p) == {"ampere_sgemm_64x64_nn": 6000, "add_kernel": 4000}
    assert any("operations account for 60.0%" in n for n in p.notes)


@pytest.mark.parametrize(
    ("total", "share", "only_informs"),
    [(10_000, None, None), (10_200, "2.0%", True), (13_000, "23.1%", False)],
)
def test_what_a_row_limit_cut_is_said(
    total: int, share: str | None, only_informs: bool | None, tmp_path: Path
) -> None:
    (p,) = read(tmp_path, table(MM, ADD, total=total))
    said = [n for n in p.notes if "is missing" in n]
    if share is None:
        assert not said
    else:
        assert said[0].startswith(share)
        assert informs(said[0]) is only_informs


def test_work_that_was_cut_is_no_idle_time(tmp_path: Path) -> None:
    rows = (("ProfilerStep*", 20_000, 0, 2), MM)
    (p,) = read(tmp_path, table(*rows, total=8_000))
    assert p.step_time_us == 20_000
    assert p.ops["Device_IDLE"] == 16_000
    assert p.busy_us == pytest.approx(4_000)
    # without a step in the table too: a step time given later is compared with it
    (p,) = read(tmp_path, table(MM, ADD, total=12_500))
    assert p.busy_us == pytest.approx(12_500)
    assert device(p)["aten::mm"] / device(p)["aten::add"] == pytest.approx(1.5)


def test_a_table_that_lists_too_little_of_its_work_is_refused(tmp_path: Path) -> None:
    # also where the steps are marked, by kernels alone, and without any device time
    for rows in (
        (MM,),
        (("ProfilerStep*", 20_000, 0, 2), MM),
        (SGEMM,),
        (("aten::to", 9, 0),),
    ):
        with pytest.raises(ProfileError, match="of the device time is missing") as e:
            read(tmp_path, table(*rows, total=9_000))
        assert "row_limit=-1" in str(e.value.hint)
    # the share of the rows shows their total where the line below the table was lost
    text = table(MM, total=9_000).replace("Self CUDA time total: 9.000ms\n", "")
    with pytest.raises(ProfileError, match=r"33\.3% of the device time is missing"):
        read(tmp_path, text)
    # ranges in the total are no work
    marked = table(MM, ADD, ("ProfilerStep*", 0, 9000), total=19_000)
    assert read(tmp_path, marked)[0].busy_us == 10_000


def test_two_orders_of_one_profile_are_one(tmp_path: Path) -> None:
    text = table(MM, SGEMM) + "\nsorted by CPU:\n" + table(ADD, MM)
    (p,) = read(tmp_path, text)
    assert device(p) == {"aten::mm": 6000, "aten::add": 4000}
    # the second has lost its end, and its total with it
    text = (
        table(MM, SGEMM)
        + "\n"
        + table(ADD, MM, closed=False)
        + "# That is all, of many words, and of no columns whatever in it.\n"
    )
    (p,) = read(tmp_path, text)
    assert p.busy_us == 10_000
    # kernels may be alike in all that a cut name leaves
    text = table(SGEMM, KERNEL, KERNEL, total=14_000) + table(
        KERNEL, KERNEL, total=14_000
    )
    assert read(tmp_path, text)[0].busy_us == 14_000
    # two profiles stay two
    one, two = read(tmp_path, table(MM, ADD) + table(MM, total=6000))
    assert (one.busy_us, two.busy_us) == (10_000, 6000)
    assert "[table 2]" in two.source


@pytest.mark.parametrize("name", ["XPU", "HIP", "MTIA"])
def test_other_devices_have_other_headings(name: str, tmp_path: Path) -> None:
    heads = tuple(h.replace("CUDA", name) for h in HEADS)
    text = table(MM, ADD, heads=heads).replace("Self CUDA time", f"Self {name} time")
    assert read(tmp_path, text)[0].busy_us == 10_000


def test_tables_of_every_shape_are_read(tmp_path: Path) -> None:
    shapes = (*HEADS[:-1], "Self CPU Mem", "CUDA Mem", "# of Calls", "Input Shapes")
    for text in (
        table(MM, ADD, heads=shapes),
        table(MM, ADD, middle=False),
        # blanks lost, as a browser pastes it
        "\n".join(" ".join(line.split()) for line in table(MM, ADD).split("\n")),
        "\n".join(
            " ".join(line.split()) for line in table(MM, ADD, heads=shapes).split("\n")
        ),
        # the device's columns alone
        table(SGEMM, KERNEL, heads=("Name", "Self CUDA", "Self CUDA %", "# of Calls")),
        table(MM, ADD).replace("\n", "\r\n"),
        table(MM, ("...", 0, 0), ADD),
    ):
        (p,) = read(tmp_path, text)
        assert p.busy_us == 10_000
    assert (
        read(tmp_path, table(MM, ADD, heads=shapes))[0].memory_bytes
        == 9.58 * 1024 * 1024
    )


def test_continued_lines_of_a_source_location_are_no_rows(tmp_path: Path) -> None:
    text = table(MM, ADD, heads=(*HEADS, "Source Location"))
    lines = text.split("\n")
    lines.insert(4, " " * 190 + "torch/nn/modules/module.py(1777): _call_impl")
    (p,) = read(tmp_path, "\n".join(lines))
    assert device(p) == {"aten::mm": 6000, "aten::add": 4000}


@pytest.mark.parametrize(
    ("before", "name"),
    [
        ("GPU: Tesla T4\n", "Tesla T4"),
        ("Running on NVIDIA A100-SXM4-80GB with batch 32\n", "NVIDIA A100-SXM4-80GB"),
        ("Device: NVIDIA GeForce RTX 3090\n", "NVIDIA GeForce RTX 3090"),
        ("AMD Radeon RX 7900 XTX, ROCm 6.1\n", "AMD Radeon RX 7900 XTX"),
        ("NVIDIA H100 80GB HBM3\nGPU: H100\n", "NVIDIA H100 80GB HBM3"),
        ("device: cuda:0, NVIDIA driver 535, CUDA 12.1, 80GB\n", None),
        ("Tesla T4 against NVIDIA L4\n", None),
        ("", None),
    ],
)
def test_the_gpu_is_found_where_it_is_named(
    before: str, name: str | None, tmp_path: Path
) -> None:
    assert read(tmp_path, table(MM, ADD, before=before))[0].device == name


def test_steps_are_those_of_the_file_or_of_the_user(tmp_path: Path) -> None:
    text = table(MM, ADD, ("my_step", 100, 0, 4))
    (p,) = read(tmp_path, text, count=5)
    assert p.busy_us == 2000
    (p,) = read(tmp_path, text, mark="my_step")
    assert (p.busy_us, p.step_time_us) == (2500, 2500)  # 50 on the host
    with pytest.raises(ProfileError, match="no row named 'your_step'"):
        read(tmp_path, text, mark="your_step")
    with pytest.raises(ProfileError, match="marks 3 steps, not"):
        read(tmp_path, table(("ProfilerStep*", 9, 0), MM), count=5)


def test_totals_without_own_times_are_refused(tmp_path: Path) -> None:
    heads = ("Name", "Self CPU total %", "Self CPU total", "CPU total %", "CPU total", "CPU time avg", "CUDA total %", "CUDA total", "CUDA time avg", "Number of Calls")  # fmt: skip
    with pytest.raises(ProfileError, match="no column of the device's own time"):
        read(tmp_path, table(MM, heads=heads))


def test_a_table_of_a_cpu_says_that_no_gpu_was_recorded(tmp_path: Path) -> None:
    for text in (
        table(("aten::mm", 9, 0), total=0),
        table(MM, heads=(*HEADS[:6], HEADS[-1])),
    ):
        (p,) = read(tmp_path, text)
        assert p.busy_us == 0
        assert any("no GPU time was recorded" in n for n in p.notes)


def test_training_is_known_by_its_operations(tmp_path: Path) -> None:
    (p,) = read(tmp_path, table(MM, ADD))
    assert p.workload.mode == "inference"
    (p,) = read(tmp_path, table(MM, ("MmBackward0", 9, 4000)))
    assert p.workload.mode == "training"
    # rows of a backward pass may be among those that a limit cut
    (p,) = read(tmp_path, table(MM, ADD, total=12_000))
    assert p.workload.mode == "unknown"


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "busy", "missing"),
    [
        ("key_averages_unrecognized.txt", 118_040, "5.2%"),
        ("key_averages_row_limit.txt", 8_204, "2.5%"),
    ],
)
def test_real_tables(name: str, busy: float, missing: str) -> None:
    path = CASES / name
    if not path.exists():
        pytest.skip(f"{path} is absent")
    (p,) = readers.read(path)
    assert p.busy_us == pytest.approx(busy, rel=1e-4)
    assert "Device_Unrecognized" not in p.ops
    assert any(
        n.startswith(f"{missing} of the device time is missing") for n in p.notes
    )


def test_the_made_table_of_the_corpus_is_as_before(tmp_path: Path) -> None:
    (p,) = read(tmp_path, made.table(made.ROWS).decode())
    assert p.busy_us == pytest.approx(500)


def test_a_step_is_the_gpus_where_the_host_ran_ahead(tmp_path: Path) -> None:
    (p,) = read(tmp_path, table(MM, ADD, ("ProfilerStep*", 100, 0, 5), SGEMM, KERNEL))
    assert (p.step_time_us, p.busy_us, p.window_us) == (2000, 2000, 2000)
    (said,) = [n for n in p.notes if "timed on the GPU" in n]
    assert "0.04 ms on the host and 2 ms on the GPU" in said
    assert not informs(said)
    # rows that a limit cut are work of the step, too
    (p,) = read(tmp_path, table(MM, ("ProfilerStep*", 100, 0, 5), total=8000))
    assert (p.step_time_us, p.busy_us) == (1600, 1600)
    # and ranges that the total holds are not
    marked = table(MM, ADD, ("ProfilerStep*", 100, 0, 5), ("ProfilerStep*", 0, 9000), total=19_000)  # fmt: skip
    assert read(tmp_path, marked)[0].step_time_us == 2000


def test_a_step_of_the_host_stays_where_the_gpu_keeps_up(tmp_path: Path) -> None:
    for cpu, step in ((6000, 2400), (5000, 2000), (4900, 2000)):
        (p,) = read(tmp_path, table(MM, ADD, ("ProfilerStep*", cpu, 0, 5)))
        assert p.step_time_us == step
        assert not any("timed on the GPU" in n for n in p.notes)


def test_communication_that_overlaps_is_no_longer_step(tmp_path: Path) -> None:
    reduced = ("ncclDevKernel_AllReduce_Sum_f32_RING_LL", 0, 8000)
    text = table(SGEMM, KERNEL, reduced, ("ProfilerStep*", 5000, 0, 5), total=18_000)
    (p,) = read(tmp_path, text)
    assert p.step_time_us == 2000
    assert any("overlap" in n for n in p.notes)


def test_a_total_with_a_blank_before_its_unit_is_held_against_the_rows(
    tmp_path: Path,
) -> None:
    text = table(MM, ADD, total=12_500).replace("12.500ms", "12.5 ms")
    (p,) = read(tmp_path, text)
    (said,) = [n for n in p.notes if "is missing" in n]
    assert said.startswith("20.0% of the device time")
    assert not any("operations account for" in n for n in p.notes)


@pytest.mark.parametrize(
    ("row", "heads", "device"),
    [
        (MM, tuple(h.replace("CUDA", "XPU") for h in HEADS), "Intel GPU"),
        (MM, tuple(h.replace("CUDA", "HIP") for h in HEADS), "AMD GPU"),
        (("Cijk_Ailk_Bljk_HHS_BH_MT64x64x64", 0, 6000), HEADS, "AMD GPU"),
        (("aiter::fmha_bwd_hd128_bf16", 0, 6000), HEADS, "AMD GPU"),
        (("hipLaunchKernel", 6000, 0), HEADS, "AMD GPU"),
        (("cudaLaunchKernel", 6000, 0), HEADS, None),
        (("aten::miopen_convolution", 50, 6000), HEADS, "AMD GPU"),
    ],
)
def test_the_maker_of_the_gpu_is_read_from_the_table(
    row: tuple[str, int, int],
    heads: tuple[str, ...],
    device: str | None,
    tmp_path: Path,
) -> None:
    total = row[2] + 4000 if row[1] else row[2]
    (p,) = read(tmp_path, table(row, ADD, heads=heads, total=total))
    assert p.device == device
    assert any("names no GPU, but it was one of" in n for n in p.notes) == bool(device)


def test_a_table_keeps_the_kernel_that_was_built_for_the_newest_gpus(
    tmp_path: Path,
) -> None:
    (p,) = read(tmp_path, table(MM, ADD, ("volta_sgemm_64x64_nn", 0, 10), SGEMM))
    assert p.newest_kernel == "ampere_sgemm_64x64_nn"


@pytest.mark.parametrize(
    "prefix", ["# ", "> ", "[rank0]: ", "(Worker pid=17) ", "//", " * "]
)
def test_a_table_behind_a_prefix_is_read(prefix: str, tmp_path: Path) -> None:
    plain = made.table(made.ROWS).decode()
    lines = [prefix + line for line in plain.splitlines()]
    other = [
        f"[rank1]: {line}"
        for line in made.table([("aten::mm", 5.0, 9.0)]).decode().splitlines()
    ]
    path = tmp_path / "a.txt"
    path.write_text("\n".join(["epoch 1", *lines, *other[3:5], ""]))
    (profile,) = readers.read(path)
    for column, value in made.MEANS.items():
        assert profile.ops[column] == pytest.approx(value)
    assert "Device_aten::mm" not in profile.ops
