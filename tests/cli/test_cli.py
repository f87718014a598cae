"""The program, command by command, with right input and with wrong."""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from tests.support import profiles_made as made
from tests.support.commands import PAIR, program, run
from tests.support.narrowing import present
from xlate.engine.fit_pair import FitResult

COMMANDS = [
    ["fit"], ["compare"], ["report"], ["translate"], ["predict-freq"],
    ["clocks", "label"], ["clocks", "fit"], ["clocks", "compare"], ["clocks", "curve"],
    ["sweep", "read"],
    ["profile", "show"], ["profile", "check"], ["profile", "record"],
    ["datasets", "list"], ["datasets", "show"], ["datasets", "check"],
    ["datasets", "import"], ["datasets", "pull"], ["datasets", "build"],
    ["anchors", "list"], ["anchors", "show"], ["anchors", "check"], ["anchors", "new"],
    ["config", "show"], ["config", "path"],
    ["models", "list"], ["models", "show"], ["models", "use"], ["models", "remove"],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(command: list[str]) -> None:
    out, _ = run(*command, "--help")
    assert "Usage" in out
    assert "--json" in out


def test_translate_json_keeps_its_promise(fitted: FitResult, example: Path) -> None:
    out, _ = run("translate", example, *PAIR, "--json")
    (t,) = json.loads(out)
    assert {
        "file",
        "anchor",
        "target",
        "translator",
        "fitted_on",
        "workload",
        "step_time_s",
        "ops",
        "verdict",
    } <= set(t)
    assert set(t["step_time_s"]) == {"value", "low", "high", "level"}
    assert t["step_time_s"]["low"] < t["step_time_s"]["value"]
    assert t["workload"] == {
        "model": "ResNet18",
        "dataset": "128px",
        "batch_size": 64,
        "optimizer": "SGD",
    }
    assert set(t["verdict"]) == {"level", "domain", "reasons"}
    assert t["fitted_on"] == "simulated"
    assert t["simulated"] is True


def test_translate_for_people(fitted: FitResult, example: Path) -> None:
    out, err = run("translate", example, *PAIR)
    assert "fitted on simulated" in out
    assert "speedup" in out
    # once, in the answer
    assert out.count("the bundle was fitted on simulated data") == 1
    assert "simulated" not in err


def test_options_go_before_the_file(fitted: FitResult, example: Path) -> None:
    out, _ = run(
        "translate",
        example,
        *PAIR,
        "--model",
        "Mine",
        "--batch-size",
        8,
        "--input-size",
        32,
        "--optimizer",
        "Adam",
        "--step-time",
        110,
        "--json",
    )
    (t,) = json.loads(out)
    assert t["workload"] == {
        "model": "Mine",
        "dataset": "32px",
        "batch_size": 8,
        "optimizer": "Adam",
    }
    assert t["anchor_step_time_s"] == pytest.approx(0.110)


def test_one_step_time_is_not_for_many_profiles(
    fitted: FitResult, example: Path
) -> None:
    _, err = run("translate", example, example, *PAIR, "--step-time", 3, code=2)
    assert "2 were given" in err


def test_many_files_and_a_broken_one(
    fitted: FitResult, example: Path, tmp_path: Path
) -> None:
    for i in range(3):
        shutil.copy(example, tmp_path / f"{i}.csv")
    (tmp_path / "bad.csv").write_text("nonsense")
    out, err = run("translate", tmp_path, *PAIR, "--json", code=1)
    answers = json.loads(out)
    assert [("error" in a) for a in answers] == [False, False, False, True]
    assert "bad.csv" in answers[3]["error"]
    assert "bad.csv" in err
    out, err = run("translate", tmp_path, *PAIR, code=1)
    assert len([row for row in out.splitlines() if " widen " in f"{row} "]) == 4
    assert "verdicts: 3 widen" in out


def test_what_out_writes_can_be_read_again(
    fitted: FitResult, example: Path, tmp_path: Path
) -> None:
    path = tmp_path / "there.json"
    run("translate", example, *PAIR, "--out", path)
    out, _ = run("profile", "show", path)
    assert "p3.2xlarge" in out
    _, err = run(
        "translate", example, *PAIR, "--out", tmp_path / "no" / "x.json", code=1
    )
    assert "cannot write" in err


def test_strict_refuses_what_is_doubtful(fitted: FitResult, example: Path) -> None:
    _, err = run("translate", example, *PAIR, "--strict", code=3)
    assert "simulated data" in err


@pytest.mark.slow
@pytest.mark.usefixtures("given_weight_once")
def test_fit_prints_the_table_and_saves(
    empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xlate import engine

    monkeypatch.setattr(engine, "fit", partial(engine.fit, translators=("ratio",)))
    out, err = run("fit", *PAIR, "--data", "simulated", "--replace")
    assert "leave-one-model-out" in out
    assert "of simulated" in out
    assert "physics" in out
    assert "noise floor" in out
    assert "saved physics" in err
    out, _ = run("models", "list")
    assert "g3s.xlarge/to-p3.2xlarge" in out
    out, _ = run("models", "show", "g3s.xlarge/to-p3.2xlarge")
    assert "simulated" in out
    assert "by held-out model" in out
    out, _ = run("fit", *PAIR, "--data", "simulated", "--json")
    document = json.loads(out)
    assert document["simulated"] is True
    # the one before is simulated too, and no better
    assert document["in_place"] is True
    assert document["before"]["answers"] == "your bundle"
    assert document["before"]["step_mape"] == pytest.approx(
        document["after"]["step_mape"]
    )
    out, _ = run("models", "list", "--json")
    own_models = [m for m in json.loads(out) if not m["shipped"]]
    assert [(m["version"], m["active"]) for m in own_models] == [(2, True), (1, False)]


@pytest.mark.slow
def test_compare_in_three_forms(tmp_path: Path) -> None:
    args = ["compare", *PAIR, "--data", "simulated", "--translators", "ratio,tree"]
    out, _ = run(*args)
    assert "step time MAPE % by held-out model" in out
    out, _ = run(*args, "--json", "--csv", tmp_path / "rows.csv")
    rows = json.loads(out)
    assert {
        "anchor",
        "target",
        "translator",
        "corpus",
        "split",
        "held_out",
        "metric",
        "value",
        "n",
    } == set(rows[0])
    with (tmp_path / "rows.csv").open() as f:
        assert len(list(csv.DictReader(f))) == len(rows)
    _, err = run(*args, "--columns", "5000")
    assert "5000 columns asked for" in err
    assert re.search(r"\d+ workloads? .*have no partner: \S+ \d+(px|tok)", err), err
    out, _ = run(*args, "--split", "random")
    assert "random (leaky)" in out
    _, err = run(*args, "--csv", tmp_path / "no" / "x.csv", code=1)
    assert "cannot write" in err


def test_compare_wants_a_pair_or_all() -> None:
    _, err = run("compare", code=2)
    assert "--all-pairs" in err
    _, err = run("compare", "--all-pairs", *PAIR, code=2)
    assert "goes without" in err


@pytest.mark.slow
def test_compare_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    from xlate.data import corpus as corpora

    corpus = corpora.load("simulated")
    import polars as pl

    small = corpora.Corpus(
        corpus.card,
        corpus.runs.filter(pl.col("instance").is_in(["p2.xlarge", "p3.2xlarge"])),
        corpus.ops,
    )
    monkeypatch.setattr(corpora, "load", lambda name: small)
    out, err = run(
        "compare", "--all-pairs", "--translators", "ratio", "--data", "simulated"
    )
    assert "p2 → p3" in out
    assert "mean" in out
    assert "1 of 2" in err


def test_profile_show_and_check(example: Path, tmp_path: Path) -> None:
    out, _ = run("profile", "show", example)
    assert "ResNet18" in out
    assert "conv" in out
    out, _ = run("profile", "show", example, "--json")
    assert json.loads(out)[0]["ops"]["Device_Conv2D"] > 0
    out, _ = run("profile", "check", example)
    assert ": ok" in out
    bad = tmp_path / "x.json"
    bad.write_text('{"Device_Strange": 3.0, "Device_Relu": 1}')
    out, _ = run("profile", "check", bad, code=1)
    assert "cannot be translated" in out
    assert "Device_Strange" in out
    out, _ = run("profile", "check", bad, "--json", code=1)
    assert json.loads(out)[0]["ok"] is False


@pytest.mark.slow
def test_datasets(tmp_path: Path) -> None:
    out, _ = run("datasets", "list")
    assert "simulated" in out
    assert "profet" in out
    out, _ = run("datasets", "list", "--json")
    assert {d["name"] for d in json.loads(out)} >= {"simulated", "profet"}
    out, _ = run("datasets", "show", "simulated")
    assert "not measured" in out
    out, _ = run("datasets", "show", "profet", "--json")
    assert json.loads(out)["licence"] == "MIT"
    out, _ = run("datasets", "check", "simulated")
    assert "duplicate runs" in out
    out, _ = run("datasets", "check", "simulated", "--json")
    assert json.loads(out)["ok"] is True
    out, _ = run("datasets", "build", "simulated", "--out", tmp_path / "sim", "--json")
    assert json.loads(out)["name"] == "simulated"
    assert (tmp_path / "sim" / "runs.parquet").is_file()
    for command, says in (
        (["build", "profet"], "was measured"),
        (["show", "profit"], "profet"),
        (["build", "x"], "unknown corpus"),
    ):
        _, err = run("datasets", *command, code=1)
        assert says in err


def test_datasets_import(profet_raw: Path, empty_home: Path) -> None:
    out, _ = run("datasets", "import", "profet", "--from", profet_raw)
    assert "corpora/profet" in out
    out, _ = run("datasets", "import", "profet")
    assert "corpora/profet" in out
    out, _ = run("datasets", "check", "profet")
    assert "runs by model and instance" in out


def test_anchors(tmp_path: Path) -> None:
    out, _ = run("anchors", "list")
    assert "p3.2xlarge" in out
    out, _ = run("anchors", "list", "--json")
    assert len(json.loads(out)["instances"]) >= 20
    out, _ = run("anchors", "show", "p3")
    assert "135 to 1530 (187)" in out
    assert "2026-09-24" in out
    out, _ = run("anchors", "show", "c5.4xlarge", "--json")
    assert json.loads(out)["gpu"] is None
    out, _ = run("anchors", "show", "M60")
    assert "? to 1177" in out
    out, _ = run("anchors", "check", "--json")
    assert json.loads(out)["gpus"] >= 30
    out, _ = run("anchors", "check")
    assert out.startswith("ok:")
    _, err = run("anchors", "show", "p33", code=1)
    assert "did you mean" in err
    _, err = run("anchors", "list", "--anchors-dir", tmp_path / "none", code=1)
    assert "no catalogue folder" in err


def test_models(fitted: FitResult) -> None:
    out, _ = run("models", "list", "--json")
    assert json.loads(out)[0]["fitted_on"] == "simulated"
    out, _ = run("models", "show", "g3s/to-p3", "--json")
    assert json.loads(out)["translator"] == "physics"
    _, err = run("models", "show", "nothing", code=1)
    assert "ANCHOR/to-TARGET" in err


def test_what_ships_is_listed(empty_home: Path) -> None:
    out, _ = run("models", "list", "--json")
    models = json.loads(out)
    assert len(models) == 12
    assert {m["fitted_on"] for m in models} == {"profet"}


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["translate"], 2, "Missing option"),
        (["translate", "x.csv", "--anchor", "g3s"], 2, "--target"),
        (["translate", "x.csv", *PAIR, "--batch-size", "0"], 2, "batch-size"),
        (["translate", "x.csv", *PAIR, "--batch-size", "many"], 2, "batch-size"),
        (["translate", "nowhere.csv", *PAIR], 1, "nowhere.csv cannot be read"),
        (["fit", "--anchor", "p3", "--target", "p3.2xlarge"], 1, "both p3.2xlarge"),
        (["fit", "--anchor", "g9", "--target", "p3"], 1, "unknown instance 'g9'"),
        (["fit", *PAIR, "--data", "nope"], 1, "unknown corpus 'nope'"),
        (["fit", *PAIR, "--translator", "magic"], 1, "unknown translator"),
        (
            ["compare", *PAIR, "--split", "modle", "--data", "simulated"],
            1,
            "unknown split",
        ),
        (
            [
                "compare",
                *PAIR,
                "--columns",
                "some",
                "--data",
                "simulated",
                "--translators",
                "ratio",
            ],
            1,
            "unknown column plan",
        ),
        (
            ["compare", *PAIR, "--repeats", "best", "--data", "simulated"],
            1,
            "unknown repeat policy",
        ),
    ],
)
def test_wrong_input(fitted: FitResult, args: list[str], code: int, says: str) -> None:
    _, err = run(*args, code=code)
    assert says in err


def test_the_program_turns_errors_into_messages(
    fitted: FitResult, tmp_path: Path
) -> None:
    bad = tmp_path / "x.csv"
    bad.write_text("nonsense")
    done = program("translate", bad, "--anchor", "g3s", "--target", "nowhere")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: unknown instance 'nowhere'")
    assert "Traceback" not in done.stderr


def test_version() -> None:
    assert program("--version").stdout.startswith("xlate 0.")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
def test_ctrl_c_in_a_fit_leaves_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    process = subprocess.Popen(
        [sys.executable, "-m", "xlate", "fit", *PAIR, "--data", "simulated"],
        env={**os.environ, "XLATE_HOME": str(home)},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert "fitting" in present(process.stderr).readline()
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not home.exists() or not list(home.rglob("*"))


def test_recording_lines_are_for_the_script_at_hand(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    for text, said in (
        ("import torch\n", "export_chrome_trace"),
        ("import tensorflow as tf\n", "tf.keras.callbacks.TensorBoard"),
        ("import jax.numpy as jnp\n", "jax.profiler.StepTraceAnnotation"),
        ("print(1)\n", "nsys profile -t cuda,nvtx"),
    ):
        script.write_text(text)
        out, _ = run("profile", "record", "--", "python", script, "--epochs", "3")
        assert said in out
        assert f"python {script} --epochs 3" in out
    out, _ = run("profile", "record", "--framework", "tensorflow")
    assert "TensorBoard" in out
    _, err = run("profile", "record", "--framework", "tensorflaw", code=1)
    assert "tensorflow" in err


def test_the_recorded_lines_are_python() -> None:
    for name in ("pytorch", "tensorflow", "jax"):
        out, _ = run("profile", "record", "--framework", name)
        assert ast.parse(out).body, name


def test_a_trace_is_translated_from_file_to_answer(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    path.write_bytes(made.trace(made.steps(length=400_000)))
    out, err = run("profile", "show", path)
    assert "Tesla T4" in out
    assert "matmul" in out
    assert "the median of 3 of 4 steps" in err
    wrong = ("translate", path, "--anchor", "g3s", "--target", "p5")
    _, err = run(*wrong, code=1)
    assert "--force" in err
    out, err = run(*wrong, "--force")
    assert "zero-shot" in out
    assert "GPUs left out" in out


def test_shots_are_fitted(tmp_path: Path, empty_home: Path) -> None:
    from tests.support.runs_made import frame

    path = tmp_path / "runs.parquet"
    frame(gpus=("T4", "L4"), models=2).write_parquet(path)
    out, err = run("fit", "--anchor", "T4", "--target", "L4", "--shots", path)
    assert "saved roofline" in err
    _, err = run(
        "fit",
        "--anchor",
        "T4",
        "--target",
        "L4",
        "--shots",
        path,
        "--translator",
        "physics",
        code=2,
    )
    assert "--shots fits roofline" in err
    out, _ = run("fit", "--anchor", "T4", "--target", "L4", "--shots", path, "--json")
    assert json.loads(out)["translator"] == "roofline"
