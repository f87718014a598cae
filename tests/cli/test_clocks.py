"""predict-freq, clocks and sweep from the command line, right and wrong input."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.support.commands import PAIR, program, run
from tests.support.meters_made import dmon
from tests.support.nvml import RecordedNvml
from xlate.cli import app
from xlate.engine.fit_sweeps import ClockFit
from xlate.evaluation.sweep_figures import ClockRow
from xlate.store.clock_bundle import folder_of, save

WORK = ["--model", "ResNet18", "--batch-size", 64, "--input-size", 128]


@pytest.fixture
def of_measured(clocked: ClockFit, empty_home: Path, home: Path) -> None:
    """A data home whose clock model names another corpus: it counts as measured.

    The response is the simulated one. What is tested is what follows from the corpus.
    """
    pair = Path("models/g3s.xlarge/to-p3.2xlarge")
    shutil.copytree(home / pair, empty_home / pair)
    manifest = replace(clocked.bundle.manifest, corpus="ttu-dvfs", simulated=False)
    folder = empty_home / "models" / folder_of(manifest.target)
    save(replace(clocked.bundle, manifest=manifest), folder)


def test_predict_freq_for_people(clocked: ClockFit, example: Path) -> None:
    out, _ = run("predict-freq", example, *PAIR, *WORK, "--explain")
    for word in (
        "best clock by edp",
        "confidence",
        "sudo nvidia-smi -lgc",
        "-rgc",
        "•",
    ):
        assert word in out
    assert (
        "power: the power model from operations, fitted on p3.2xlarge, simulated" in out
    )
    # the curve of --explain ends at the highest clock
    assert "1530  1.000" in out
    assert max(len(line) for line in out.splitlines() if "•" not in line) <= 100


def test_predict_freq_as_json(clocked: ClockFit, example: Path) -> None:
    out, _ = run(
        "predict-freq",
        example,
        *PAIR,
        *WORK,
        "--objective",
        "ed2p",
        "--max-slowdown",
        "5%",
        "--json",
    )
    (answer,) = json.loads(out)
    assert answer["objective"] == "ed2p"
    assert answer["max_slowdown"] == 0.05
    assert answer["set_command"].startswith("sudo nvidia-smi -lgc")
    assert answer["time_ratio"]["value"] <= 1.05 + 1e-9


def test_many_profiles_and_a_broken_one(
    clocked: ClockFit, example: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("nonsense")
    out, err = run("predict-freq", example, example, bad, *PAIR, "--json", code=1)
    answers = json.loads(out)
    assert [("error" in a) for a in answers] == [False, False, True]
    assert "bad.csv" in err
    out, _ = run("predict-freq", example, example, *PAIR)
    # simulated sweeps alone are never sure: each profile has clocks to measure
    assert out.count("measure next at") == 2
    rows = [line for line in out.splitlines() if "measure next" not in line]
    assert "\n".join(rows).count("…") == "\n".join(rows).count(".csv") == 2


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--max-slowdown", "-1%"], 1, "-1 % is no bound"),
        (["--max-slowdown", "500%"], 1, "500 % is no bound"),
        (["--max-slowdown", "fast"], 2, "no share"),
        (["--objective", "speed"], 1, "unknown objective"),
        (["--probe", "tri-point"], 1, "needs runs at 1530, 1072, 765 MHz"),
        (["--confidence", "2"], 2, "--confidence"),
        (["--apply"], 3, "add --yes"),
    ],
)
def test_wrong_options(
    clocked: ClockFit, example: Path, options: list[str], code: int, said: str
) -> None:
    _, err = run("predict-freq", example, *PAIR, *options, code=code)
    assert said in err


def test_zero_slowdown_is_the_fastest_clock(clocked: ClockFit, example: Path) -> None:
    out, _ = run("predict-freq", example, *PAIR, "--max-slowdown", "0%", "--json")
    (answer,) = json.loads(out)
    assert answer["sm_mhz"] == answer["fastest_sm_mhz"]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("c5.4xlarge", "has no GPU"),
        ("Orin-AGX", "not set through"),
        ("p9", "unknown instance"),
    ],
)
def test_targets_that_cannot_be(
    clocked: ClockFit, example: Path, target: str, said: str
) -> None:
    _, err = run("predict-freq", example, "--anchor", "g3s", "--target", target, code=1)
    assert said in err


def test_apply_refuses_where_there_is_no_gpu(
    clocked: ClockFit, example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xlate.models.response.choice.action_of", lambda c: "apply")
    monkeypatch.setitem(__import__("sys").modules, "pynvml", None)
    _, err = run("predict-freq", example, *PAIR, "--apply", "--yes", code=3)
    assert "nvidia-ml-py is not installed" in err
    monkeypatch.setattr("xlate.models.response.choice.action_of", lambda c: "collect")
    _, err = run("predict-freq", example, *PAIR, "--apply", "--yes", code=3)
    assert "% sure" in err


def test_apply_holds_and_takes_back(
    clocked: ClockFit, example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recorded card: set, held until Ctrl-C, taken back."""
    from tests.support.nvml import RecordedNvml

    nvml = RecordedNvml()
    monkeypatch.setattr("xlate.models.response.choice.action_of", lambda c: "apply")
    monkeypatch.setattr("xlate.hardware.control.load_nvml", lambda: nvml)
    monkeypatch.setattr("os.geteuid", lambda: 0)

    def interrupted(*args: str | float | RecordedNvml) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("xlate.hardware.control.watch", interrupted)
    CliRunner().invoke(app, ["predict-freq", str(example), *PAIR, "--apply", "--yes"])
    asked = [c[0] for c in nvml.calls]
    assert asked[-2:] == [
        "nvmlDeviceSetGpuLockedClocks",
        "nvmlDeviceResetGpuLockedClocks",
    ]


def test_a_watched_card_that_leaves_the_set_clock_is_reset(
    clocked: ClockFit, example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.support.nvml import RecordedNvml

    nvml = RecordedNvml(clock=600)
    monkeypatch.setattr(
        "xlate.models.response.choice.action_of", lambda c: "apply-monitored"
    )
    monkeypatch.setattr("xlate.hardware.control.load_nvml", lambda: nvml)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("time.sleep", lambda s: None)
    _, err = run("predict-freq", example, *PAIR, "--apply", "--yes", code=3)
    assert "the card runs at 600 MHz" in err
    assert nvml.calls[-1] == ("nvmlDeviceResetGpuLockedClocks",)


def test_probe_files_change_the_answer(
    clocked: ClockFit, example: Path, tmp_path: Path
) -> None:
    files = []
    for mhz, time, power in ((1530, 1.0, 210), (1072, 1.02, 120), (765, 1.2, 95)):
        path = tmp_path / f"{mhz}.json"
        path.write_text(json.dumps({"sm_mhz": mhz, "time_s": time, "power_w": power, "gpu_utilization": 95, "memory_utilization": 80}))  # fmt: skip
        files += ["--probe-file", path]
    out, _ = run(
        "predict-freq", example, *PAIR, *files, "--probe", "tri-point", "--json"
    )
    (answer,) = json.loads(out)
    assert "confidence from" in answer["changed"]
    assert answer["power_at_default_w"]["value"] == 210
    out, _ = run("predict-freq", example, *PAIR, *files)
    assert "with the probes" in out


def test_telemetry_of_the_anchor_is_used(
    clocked: ClockFit, example: Path, tmp_path: Path
) -> None:
    path = tmp_path / "anchor.csv"
    head = "timestamp, power.draw [W], utilization.gpu [%], utilization.memory [%]\n"
    rows = "".join(f"2024/01/31 12:00:0{s}.000, 60 W, 30 %, 10 %\n" for s in range(3))
    path.write_text(head + rows)
    ask = ["predict-freq", example, *PAIR, *WORK, "--json"]
    with_it, _ = run(*ask, "--telemetry", path)
    without, _ = run(*ask)
    powers = [
        json.loads(o)[0]["power_at_default_w"]["value"] for o in (with_it, without)
    ]
    assert powers[0] < powers[1]
    with_telemetry = json.loads(with_it)[0]
    assert (with_telemetry["telemetry"]["of"], with_telemetry["telemetry"]["used"]) == (
        "anchor",
        True,
    )
    said = " ".join(with_telemetry["verdict"]["reasons"])
    assert "telemetry: nothing in the recording says that it is of an M60" in said
    assert "telemetry: the recording has 3 samples of the GPU at work" in said
    assert with_telemetry["verdict"]["level"] != "ok"
    assert json.loads(without)[0]["telemetry"] is None
    path.write_text("power.draw [W]\n60 W\n61 W\n")
    _, err = run(*ask, "--telemetry", path, code=1)
    assert "without GPU and memory utilisation" in err


def test_telemetry_that_cannot_be_used_is_not_passed_over(
    clocked: ClockFit, example: Path, tmp_path: Path
) -> None:
    bare, meter, probe = (tmp_path / n for n in ("mine.csv", "meter.csv", "probe.json"))
    bare.write_bytes(Path(example).read_bytes())
    meter.write_text(
        "timestamp, power.draw [W], utilization.gpu [%], utilization.memory [%]\n"
        "2024/01/31 12:00:00.000, 60 W, 30 %, 10 %\n"
        "2024/01/31 12:00:01.000, 60 W, 30 %, 10 %\n"
    )
    probe.write_text(json.dumps({"sm_mhz": 1530, "time_s": 0.1, "power_w": 210}))
    ask = ["predict-freq", bare, *PAIR, "--telemetry", meter]

    def said(*more: str | int | Path) -> str:
        return " ".join(run(*ask, *more)[0].split())

    assert "--telemetry was not used: without --batch-size and --input-size" in said()
    assert "--telemetry was not used: without --input-size" in said("--batch-size", 64)
    sized = ("--batch-size", 64, "--input-size", 128)
    assert "--telemetry was not used" not in said(*sized)
    unused = json.loads(run(*ask, "--json")[0])[0]["telemetry"]
    assert (unused["file"], unused["used"]) == (str(meter), False)
    measured = said(*sized, "--probe-file", probe)
    assert "--telemetry was not used: the probe at the highest clock" in measured


def test_a_recommendation_names_the_workload_it_is_of(
    clocked: ClockFit, example: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "mine.csv"
    bare.write_bytes(Path(example).read_bytes())
    for command in (["predict-freq"], ["clocks", "curve"]):
        out, _ = run(
            *command, bare, *PAIR, "--optimizer", "Adam", "--batch-size", 9, "--json"
        )
        document = json.loads(out)
        answer = document[0] if isinstance(document, list) else document
        assert answer["workload"] == {
            "model": None, "dataset": None, "batch_size": 9, "optimizer": "Adam",
        }  # fmt: skip
        lacking = [r for r in answer["reasons"] if "to make it surer" in r]
        assert "--input-size" in lacking[0]
        assert "--batch-size" not in lacking[0]


def test_many_profiles_show_their_curves_and_what_to_measure(
    of_measured: None, example: Path
) -> None:
    ask = ["predict-freq", example, example, *PAIR, *WORK]
    plain, _ = run(*ask)
    assert "measure next" not in plain
    curves, _ = run(*ask, "--explain")
    assert " ".join(curves.split()).count("ratios over the highest clock") == 2
    doubtful, _ = run(*ask, "--confidence", 1)
    assert doubtful.count("measure next at") == 2


def test_simulated_sweeps_alone_always_name_clocks_to_measure(
    clocked: ClockFit, example: Path
) -> None:
    ask = ["predict-freq", example, example, *PAIR, *WORK]
    for confidence in (0.1, 1):
        out, _ = run(*ask, "--confidence", confidence)
        assert out.count("measure next at") == 2


def test_label(tmp_path: Path) -> None:
    out, _ = run(
        "clocks",
        "label",
        "--sweeps",
        "simulated",
        "--gpu",
        "T4",
        "--max-slowdown",
        "5%",
        "--rent",
        0.526,
        "--out",
        tmp_path / "labels.json",
    )
    labels = json.loads((tmp_path / "labels.json").read_text())
    assert {x["objective"] for x in labels} == {"edp", "ed2p", "energy", "cost"}
    assert {x["gpu"] for x in labels} == {"T4"}
    assert all(x["slowdown"] <= 0.05 + 1e-9 for x in labels)
    assert "band" in out
    out, _ = run("clocks", "label", "--sweeps", "simulated", "--gpu", "T4", "--json")
    assert len(json.loads(out)) == 3 * len(labels) / 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--sweeps", "profet"], "profet is not on this machine|holds no sweep"),
        (["--sweeps", "nothing"], "unknown corpus 'nothing'"),
        (["--sweeps", "simulated", "--gpu", "A100"], "ambiguous"),
        (["--sweeps", "simulated", "--gpu", "Q9"], "unknown GPU 'Q9'"),
        (["--sweeps", "simulated", "--max-slowdown", "200%"], "is no bound"),
    ],
)
def test_label_wrongly(options: list[str], said: str) -> None:
    import re

    _, err = run("clocks", "label", *options, code=1)
    assert re.search(said, err)


def test_a_users_own_sweep_is_labelled(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    rows = "".join(
        f"T4,job,{f},{10 * 1590 / f},{20 + f / 40}\n" for f in range(600, 1591, 90)
    )
    path.write_text("gpu,workload,sm_mhz,time_s,power_w\n" + rows)
    out, _ = run("clocks", "label", "--sweeps", path, "--json")
    assert {x["workload"] for x in json.loads(out)} == {"job"}
    path.write_text("gpu,workload,sm_mhz\nT4,job,600\n")
    _, err = run("clocks", "label", "--sweeps", path, code=1)
    assert "sweeps lack time_s, power_w" in err
    _, err = run("clocks", "label", "--sweeps", tmp_path / "none.csv", code=1)
    assert "none.csv cannot be read: No such file" in err


def test_fit(clocked: ClockFit, home: Path) -> None:
    quick = ["--sweeps", "simulated", "--model", "response-linear"]
    out, err = run("clocks", "fit", "--gpu", "T4", *quick)
    assert "constant-share" in out
    assert "saved response-linear for T4" in err
    out, _ = run("clocks", "fit", "--target", "g4dn.xlarge", *quick, "--json")
    made = json.loads(out)
    assert made["extrapolated"] is False
    assert made["simulated"] is True
    assert made["handoff"].startswith("g4dn.xlarge ")
    _, err = run("clocks", "fit", code=2)
    assert "--target or --gpu" in err
    _, err = run(
        "clocks",
        "fit",
        "--gpu",
        "T4",
        "--model",
        "boosting",
        "--sweeps",
        "simulated",
        code=1,
    )
    assert "predicts no curves" in err


@pytest.mark.slow
def test_compare(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    out, _ = run(
        "clocks",
        "compare",
        "--sweeps",
        "simulated",
        "--gpu",
        "T4",
        "--models",
        "response-linear",
        "--importance",
        "--csv",
        path,
        "--json",
    )
    rows = json.loads(out)
    assert set(rows[0]) == set(ClockRow.__dataclass_fields__)
    assert {r["model"] for r in rows} == {
        "max-clock",
        "constant-share",
        "response-linear",
    }
    metrics = {r["metric"] for r in rows}
    assert {
        "edp_gap",
        "ed2p_gap",
        "bound_violations",
        "within_30_mhz",
    } <= metrics
    assert "importance:busy" in metrics
    with path.open() as f:
        assert len(list(csv.DictReader(f))) == len(rows)
    out, _ = run(
        "clocks",
        "compare",
        "--sweeps",
        "simulated",
        "--gpu",
        "T4",
        "--models",
        "max-clock",
    )
    assert "EDP gap" in out
    _, err = run(
        "clocks", "compare", "--sweeps", "simulated", "--split", "moon", code=1
    )
    assert "unknown split" in err


def test_curve_and_its_picture(
    clocked: ClockFit, example: Path, tmp_path: Path
) -> None:
    picture = tmp_path / "curve.png"
    out, _ = run("clocks", "curve", example, *PAIR, *WORK, "--plot", picture)
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture.stat().st_size > 10_000
    assert "◀" in out
    out, _ = run("clocks", "curve", example, *PAIR, *WORK, "--json")
    document = json.loads(out)
    assert document["curve"][-1]["time_ratio"] == 1
    _, err = run(
        "clocks", "curve", example, *PAIR, "--plot", tmp_path / "x.wat", code=1
    )
    assert "cannot write" in err


def test_the_curve_takes_the_options_of_predict_freq(
    clocked: ClockFit, example: Path, tmp_path: Path
) -> None:
    for options in (
        ["--objective", "energy"],
        ["--max-slowdown", "5%", "--sure", "0.9"],
        ["--seed", 3, "--force"],
        ["--format", "tensorflow-stats"],
    ):
        same = [example, *PAIR, *WORK, *options, "--json"]
        if "tensorflow-stats" in options:
            _, err = run("clocks", "curve", *same, code=1)
            assert "tensorflow-stats" in err
            continue
        curve = json.loads(run("clocks", "curve", *same)[0])
        (answer,) = json.loads(run("predict-freq", *same)[0])
        for key in (
            "sm_mhz",
            "objective",
            "bound_probability",
            "rent",
            "memory",
            "curve",
        ):
            assert curve[key] == answer[key]
    out, _ = run("clocks", "curve", example, *PAIR, *WORK, "--objective", "energy")
    assert "best by energy at" in out


def test_many_profiles_show_money_fit_and_bound(
    clocked: ClockFit, example: Path
) -> None:
    out, _ = run("predict-freq", example, example, *PAIR, "--max-slowdown", "5%")
    for word in ("$/1000", "fits", "bound", "by EDP", "3.06 an hour"):
        assert word in out
    one, _ = run("predict-freq", example, *PAIR, "--max-slowdown", "5%")
    assert "bound holds" in one
    assert "— by EDP" in one


def test_sweep_read(tmp_path: Path) -> None:
    folder = tmp_path / "results_v100_job1_job_7"
    folder.mkdir()
    for k in (1, 2):
        rows = [(0.9, 100 + k, 1000 * i, 30, 1380) for i in range(4)]
        (folder / f"run_1_{k}_freq_1380_profile.csv").write_text(dmon(rows))
    out, _ = run("sweep", "read", tmp_path, "--csv", tmp_path / "out.csv")
    assert "1380" in out
    assert "counter" in out
    assert "power_w" in (tmp_path / "out.csv").read_text()
    out, _ = run("sweep", "read", tmp_path, "--json")
    # what was read can be labelled; here the folder's name names no single GPU
    _, err = run("clocks", "label", "--sweeps", tmp_path / "out.csv", code=1)
    assert "v100 alone is ambiguous: say which of V100-" in err
    out, _ = run("sweep", "read", tmp_path, "--json")
    document = json.loads(out)
    assert document["rows"][0]["power_w"] == 102
    assert document["runs"][0]["features"]["POWER_max"] == 101
    _, err = run("sweep", "read", tmp_path / "none", code=1)
    assert "no folder" in err


def test_predict_freq_in_a_separate_process(clocked: ClockFit, example: Path) -> None:
    done = program("predict-freq", example, *PAIR, *WORK, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["gpu"] == "V100-SXM2-16GB"
