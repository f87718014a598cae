"""The importers of sweeps and telemetry, on small copies with their known defects."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from xlate.data import corpus as corpora
from xlate.data.card import Card, SourceFile
from xlate.data.sources import (
    cloud_hw,
    hkbu_dvfs,
    import_corpus,
    neusight,
    ttu_dvfs,
    zeus,
)
from xlate.errors import CorpusError
from xlate.sweeps.curve import curves_of

CARDS = corpora.cards()


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def ttu(tmp_path: Path) -> Path:
    a100 = "application,sm_app_clock,run_time,power_usage,dram_active,MCUTL,sm_clock"
    for name in ("GROMACS", "LAMMPS", "NAMD", "accel", "dgemm", "stream"):
        rows = f"{name},1410,2.0,200,0.5,40,1410\n{name},1395,2.1,190,0.5,40,1395\n"
        write(tmp_path, f"a100/GA100-dvfs-{name}-dcgm.csv", f"{a100}\n{rows}")
    head = "application,sm_app_clock,run_time,power_usage,fp64_active,dram_active,mem_copy_utilization,sm_active"
    # every run_time of this table is wrong, and so are two other columns
    rows = "".join(
        f"{a},{f},30.97,99,{fp},0.4,{m},0\n"
        for a, fp, m in (("tpacf", 0.01, 94.4), ("lud", 0.107983, 58.0))
        for f in (510, 1380)
    )
    write(tmp_path, "v100/mean_fp_data_21_apps.csv", f"{head}\n{rows}")
    write(
        tmp_path,
        "v100/mean_fp_data_HPC_apps.csv",
        f"{head}\nNAMD,1380,80,70,0.1,0.1,3,0\n",
    )
    measured = "application,sm_app_clock,run_time,power_usage"
    rows = "tpacf,510,16,80\ntpacf,1380,8.5,133\nlud,510,26,81\nlud,1380,12.7,189\n"
    write(tmp_path, "v100/predicted_power_runtime_energy.csv", f"{measured}\n{rows}")
    return tmp_path


def test_ttu_is_mended_on_the_way(ttu: Path) -> None:
    sweeps = ttu_dvfs.read(CARDS["ttu-dvfs"], ttu)["sweeps"]
    v100 = sweeps.filter(pl.col("gpu") == "V100-PCIe-32GB")
    # below 540 MHz dropped; times are those measured
    assert v100["sm_mhz"].unique().to_list() == [1380]
    of = {r["workload"]: r for r in v100.iter_rows(named=True)}
    assert of["lud"]["time_s"] == 12.7
    assert of["lud"]["fp64_active"] is None
    assert of["tpacf"]["fp64_active"] == 0.01
    assert of["tpacf"]["memory_utilization"] is None
    assert of["lud"]["memory_utilization"] == 58
    assert v100["sm_active"].null_count() == v100.height
    a100 = sweeps.filter(pl.col("gpu") == "A100-SXM4-80GB")
    assert a100.height == 12
    assert a100["observed_mhz"].to_list() == a100["sm_mhz"].to_list()
    assert a100["fp64_active"].null_count() == 12


def test_a_missing_file_or_column_is_named(ttu: Path) -> None:
    (ttu / "a100/GA100-dvfs-NAMD-dcgm.csv").write_text("a,b\n1,2\n")
    with pytest.raises(CorpusError, match=r"NAMD-dcgm\.csv lacks application"):
        ttu_dvfs.read(CARDS["ttu-dvfs"], ttu)
    (ttu / "a100/GA100-dvfs-NAMD-dcgm.csv").unlink()
    with pytest.raises(CorpusError, match=r"has no .*NAMD"):
        ttu_dvfs.read(CARDS["ttu-dvfs"], ttu)


def test_hkbu_drops_what_its_meter_lost(tmp_path: Path) -> None:
    head = "DRAMA,FP16A,FP32A,FP64A,SMACT,SMOCC,TENSO,argNo,average_power,benchmark,core_frequency,kernel,memory_frequency,time"

    def row(bench: str, arg: str, mhz: int, power: float) -> str:
        return f"0.5,0,0.1,0,0.9,0.8,0,{arg},{power},{bench},{mhz},k,877,2.0\n"

    good = "".join(
        row("mixbench-cuda-ro", "input000", f, f / 5) for f in (405, 945, 1380)
    )
    lost = row("cachebench-x", "input001", 945, 150) + row(
        "cachebench-x", "input001", 1380, 70
    )
    for gpu in ("rtx8000", "v100"):
        for kind in ("microbenchmark", "real"):
            write(tmp_path, f"{gpu}-dvfs-{kind}-profile.csv", head + "\n" + good + lost)
    sweeps = hkbu_dvfs.read(CARDS["hkbu-dvfs"], tmp_path)["sweeps"]
    assert sweeps["application"].unique().to_list() == ["mixbench-cuda"]
    assert sweeps["workload"].unique().to_list() == ["mixbench-cuda-ro/k/input000"]
    v100 = sweeps.filter(pl.col("gpu") == "V100-PCIe-32GB")
    assert v100["sm_mhz"].min() == 945
    assert sweeps["time_s"].unique().to_list() == [0.002]


def test_zeus_sweeps_limits_not_clocks(tmp_path: Path) -> None:
    head = (
        "dataset,network,batch_size,optimizer,power_limit,time_per_epoch,average_power"
    )
    for gpu in ("a40", "p100", "rtx6000", "v100"):
        write(
            tmp_path,
            f"summary_power_{gpu}.csv",
            f"{head}\ncifar,net,64,adam,100,3.5,98\n",
        )
    sweeps = zeus.read(CARDS["zeus"], tmp_path)["sweeps"]
    assert sweeps.height == 4
    assert sweeps["sm_mhz"].null_count() == 4
    assert sweeps["power_limit_w"].to_list() == [100.0] * 4
    with pytest.raises(CorpusError, match="no clock sweep of A40"):
        curves_of(sweeps, "A40")


def test_cloud_hw_takes_medians(tmp_path: Path) -> None:
    head = "Instances,model,batchsize,datasize,totaldata,one_epoch_average_second,power_drawW_mean,power_drawW_50,utilization_gpu_50,utilization_memory_50,clocks_current_smMHz_50"
    write(
        tmp_path,
        "nvidiasmi_devicequery_all.csv",
        f"{head}\np3,VGG19,32,224,2000,6.3,100,250,99,60,1530\n",
    )
    tables = cloud_hw.read(CARDS["cloud-hw-trainpred"], tmp_path)
    run, meter = (
        tables["runs"].row(0, named=True),
        tables["telemetry"].row(0, named=True),
    )
    assert (run["instance"], run["dataset"], run["batch_size"]) == (
        "p3.2xlarge",
        "224px",
        32,
    )
    assert run["step_time_us"] == pytest.approx(6.3e6 / 63)
    assert meter["power_w"] == 250


@pytest.mark.data
@pytest.mark.parametrize(
    "name", ["ttu-dvfs", "hkbu-dvfs", "zeus", "cloud-hw-trainpred", "neusight"]
)
def test_the_real_corpora_import(name: str, home: Path) -> None:
    raw = os.environ.get("XLATE_DATA_HOME")
    if not raw or not (Path(raw) / name).is_dir():
        pytest.skip(f"XLATE_DATA_HOME/{name} is not here")
    import_corpus(name)
    loaded = corpora.load(name)
    assert loaded.card.defects
    counts = {
        "ttu-dvfs": 37,
        "hkbu-dvfs": 302,
        "cloud-hw-trainpred": 439,
        "neusight": 92,
    }
    if loaded.sweeps is None:
        assert loaded.runs.height == counts[name]
    elif name == "zeus":
        assert loaded.sweeps["sm_mhz"].null_count() == loaded.sweeps.height == 1281
    else:
        gpus = loaded.sweeps["gpu"].unique()
        curves = [c for g in gpus for c in curves_of(loaded.sweeps, g)]
        assert len(curves) == counts[name]


NODES = [
    # op, target, meta, output_shape, forward, backward, accumulation (ms); all take (8, 64)
    ("placeholder", "input_ids", "", "(8, 512)", 0, 0, 0),
    ("call_module", "transformer.wte", "", "(8, 512, 64)", 1.0, 2.0, 0.5),
    ("call_method", "size", "{'transformer.h.0'}", "(1,)", 0.01, 0.01, 0),
    ("call_function", "<built-in function add>", "", "(1,)", 0.01, 0, 0),
    ("call_function", "<built-in method addmm of type object at 0x7f>", "{'transformer.h.0': 1}", "(8, 64)", 2.0, 4.0, 0.25),
    ("call_function", "<function softmax at 0x15>", "{'transformer.h.0': 1}", "(8, 64)", 0.5, 0, 0),
    ("call_module", "transformer.h.0.mlp.dropout", "", "(8, 64)", 0.25, 0, 0),
    ("call_module", "lm_head", "", "(8, 50257)", 3.0, 0, 0),
    ("call_function", "<built-in function truediv>", "", "(8, 64)", 0.125, 0, 0),
]  # fmt: skip


@pytest.fixture
def nodes(tmp_path: Path) -> tuple[Card, Path]:
    folder = "label/Tesla_T4"
    head = (
        "op,target,meta,output_shape,fw_latency,bw_latency,acc_latency,input_shapes\n"
    )
    rows = "".join(",".join(f'"{v}"' for v in (*n, "[[8, 64]]")) + "\n" for n in NODES)
    write(tmp_path, f"{folder}/gpt2_large-train-1024-4.csv", head + rows)
    write(
        tmp_path,
        f"{folder}/gpt2_large-train-1024-4.json",
        '{"num_layer": 10, "e2e_latency": 80.0}',
    )
    files = tuple(
        SourceFile(f"scripts/asplos/{folder}/gpt2_large-train-1024-4.{e}", "", 0)
        for e in ("csv", "json")
    )
    return replace(CARDS["neusight"], files=files), tmp_path


def test_neusight_counts_a_layer_as_often_as_there_are(
    nodes: tuple[Card, Path],
) -> None:
    tables = neusight.read(*nodes)
    (run,) = tables["runs"].rows(named=True)
    assert run["step_time_us"] == 80_000
    assert (run["instance"], run["model"], run["dataset"]) == (
        "T4",
        "GPT-2-large",
        "1024tok",
    )
    assert (run["mode"], run["batch_size"], run["framework"]) == (
        "training",
        4,
        "pytorch",
    )
    times = dict(tables["ops"].select("op", "time_us").iter_rows())
    assert times == {
        "Device_aten::embedding": 1e3,
        "Device_aten::embedding_dense_backward": 2e3,
        # gradients of the embedding once, of the layer ten times
        "Device_aten::add_": pytest.approx(0.5e3 + 10 * 0.25e3),
        "Host_aten::size": pytest.approx(10 * 10.0 + 10.0),
        "Host_aten::size_backward": pytest.approx(10 * 10.0),
        "Device_aten::addmm": 20e3,
        # backward of the layer's product, and the head
        "Device_aten::mm": 40e3 + 3e3,
        "Device_aten::_softmax": 5e3,
        "Device_aten::native_dropout": 2.5e3,
        "Device_aten::div": 125.0,
    }
    calls = tables["calls"].filter(pl.col("op") == "Device_aten::mm").sort("count")
    assert calls.select("input_shapes", "output_shape", "count", "time_us").rows() == [
        ("[[8, 64]]", "(8, 50257)", 1, 3e3),
        ("[[8, 64]]", "(8, 64)", 10, 40e3),
    ]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("json", "{", "is not what it should be"),
        ("json", '{"num_layer": 10}', "is not what it should be"),
        ("json", '{"num_layer": 0, "e2e_latency": 1}', "above 0"),
        ("csv", "op,target\n", "lacks meta, input_shapes"),
        (
            "csv",
            "op,target,meta,output_shape,fw_latency,bw_latency,acc_latency,input_shapes\ncall_method,size,,,x,0,0,\n",
            "cannot be read",
        ),
    ],
)
def test_neusight_says_what_is_wrong(
    nodes: tuple[Card, Path], name: str, text: str, said: str
) -> None:
    card, folder = nodes
    (folder / f"label/Tesla_T4/gpt2_large-train-1024-4.{name}").write_text(text)
    with pytest.raises(CorpusError, match=said):
        neusight.read(card, folder)


@pytest.mark.data
def test_neusight_is_read_completely_from_its_own_layout() -> None:
    raw = os.environ.get("XLATE_DATA_HOME")
    if not raw or not (Path(raw) / "neusight").is_dir():
        pytest.skip("XLATE_DATA_HOME/neusight is not here")
    tables = neusight.read(CARDS["neusight"], Path(raw) / "neusight")
    assert tables["runs"]["instance"].n_unique() == 11
    assert tables["runs"].height == 92
    h100 = tables["runs"].filter(
        (pl.col("instance") == "H100-SXM5-80GB") & (pl.col("mode") == "inference")
    )
    sums = (
        tables["ops"]
        .filter(pl.col("op").str.starts_with("Device_"))
        .group_by("run_id")
        .agg(pl.col("time_us").sum())
    )
    share = h100.join(sums, on="run_id").select(
        pl.col("time_us") / pl.col("step_time_us")
    )
    # layers and head together make the whole model, on a card that does not slow down
    assert share.to_series().is_between(0.95, 1.07).all()
